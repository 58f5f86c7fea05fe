"""Raman of liquid water

The published polarizabilities of liquid water (water_bulk: 1000 frames of 32 molecules; Clausius–Mossotti, the cell as
one sphere: α = 3V/4π (ε − 1)/(ε + 2)), learned from some frames and tested on 100 others: errors as a share of the
standard deviation of the mean polarizability, and of the root mean square of the anisotropy; the time of a fit. Then
the largest of these models gives α to a run of 32 molecules (q-TIP4P/F, classical nuclei, 300 K), and `raman_terms`
divide each band: in step are molecules together, over what they scatter alone. VH is no better than the anisotropy is
learned. The data are no part of the library.
"""

import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from measure import SMALL, table
from published_water import bulk_frames, needs_bulk

import bpm_nb as bn
from bpm_nb.assignment import molecule_tensors, raman_terms
from bpm_nb.core.tensors import components
from bpm_nb.dynamics import liquid_trajectory

BANDS = {"O–H": (3000, 4000), "bend": (1500, 1800), "libration": (300, 1000), "below": (50, 300)}


def learned(frames):
    "Rows of the learning curve, and the last model."
    order, rows = np.random.default_rng(0).permutation(len(frames)), []
    test = frames[order[-20:] if SMALL else order[-100:]]
    for n in (30,) if SMALL else (30, 100):
        start = time.perf_counter()
        model = bn.BondPolarizability(bonds="covalent").fit(frames[order[:n]])
        seconds = time.perf_counter() - start
        (iso, beta), (iso_p, beta_p) = components(test.alpha), components(model.predict(test))
        shares = np.std(iso_p - iso) / np.std(iso), np.linalg.norm(beta_p - beta) / np.linalg.norm(beta)
        rows.append((n, *(f"{100 * s:.0f} %" for s in shares), f"{np.std(iso_p - iso) / 32:.3f}", f"{seconds:.0f}"))
    return rows, model


def band_rows(model):
    "Of each band: depolarization ratio of the area, and what is in step, VV and VH."
    times = dict(n_segments=1, length_ps=1, settle_ps=1) if SMALL else dict(n_segments=2, length_ps=3, settle_ps=4)
    with TemporaryDirectory() as folder:
        run = liquid_trajectory(Path(folder, "w.npz"), 32, **times, step_fs=0.5, save_fs=4.0)
    terms = raman_terms(molecule_tensors(model, run)[1], run.dt_fs, len(run.pos), resolution_cm1=40.0)
    vv, vh = (terms.curves(g) for g in ("vv", "vh"))
    for name, (low, high) in BANDS.items():
        band = (terms.wavenumber_cm1 > low) & (terms.wavenumber_cm1 < high)
        (a, b), (c, d) = (x[:2, band].sum(1) for x in (vv, vh))
        top = terms.wavenumber_cm1[band][vv[:, band].sum(0).argmax()]
        yield name, f"{low}–{high}", f"{top:.0f}", f"{(c + d) / (a + b):.2f}", f"{b / a:+.2f}", f"{d / c:+.2f}"


def main():
    needs_bulk()
    warnings.simplefilter("ignore")
    rows, model = learned(bulk_frames())
    print(table(("frames", "isotropic", "anisotropic", "isotropic, bohr³ a molecule", "fit (s)"), rows))
    head = ("band", "cm⁻¹", "top of VV", "VH/VV of the area", "in step over alone, VV", "VH")
    print("\n" + table(head, band_rows(model)))


if __name__ == "__main__":
    main()
