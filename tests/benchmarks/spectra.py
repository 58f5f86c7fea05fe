"Spectra and bond shares of long runs"

import time
import tracemalloc

import numpy as np

from bpm_nb.assignment.shares import bond_shares
from bpm_nb.core.units import C_CM_FS
from bpm_nb.spectra.bands import peaks
from bpm_nb.spectra.raman import raman_spectrum

FRAMES, BONDS, DT_FS = 100_000, 23, 1.0
WAVENUMBERS = np.array([300.0, 740, 1003, 1030, 1190, 1285, 1595, 1610, 3066])


def tensors(segment, n_frames, n_bonds=BONDS):
    "Polarizabilities (T, B, 3, 3) of bonds that vibrate with some noise."
    rng = np.random.default_rng(segment)
    phase = 2 * np.pi * C_CM_FS * WAVENUMBERS * DT_FS * np.arange(n_frames)[:, None] + rng.uniform(
        0, 2 * np.pi, len(WAVENUMBERS)
    )
    q = np.cos(phase) @ rng.normal(size=(len(WAVENUMBERS), n_bonds)) / 1000 + 1e-6 * rng.normal(
        size=(n_frames, n_bonds)
    )
    axes = np.linalg.qr(rng.normal(size=(n_bonds, 3, 3)))[0]
    return q[:, :, None, None] * np.einsum("bik,k,bjk->bij", axes, [1.0, 2, 6], axes) + 5 * np.eye(3)


def spectrum(alpha):
    "Spectrum with errors, and its peaks with theirs."
    found = raman_spectrum(alpha, DT_FS)
    return found.error(), found.depolarization_error, peaks(found)


def cases():
    "{name: (function, its argument)}; segments are made before the clock runs."
    alpha = tensors(0, FRAMES, 1)[:, 0]
    segments = [tensors(g, 10_000).astype("f4") for g in range(10)]
    return {
        f"spectrum, errors and peaks of {FRAMES} frames in one run": (spectrum, alpha),
        f"spectrum, errors and peaks of {FRAMES} frames in 10 segments": (spectrum, alpha.reshape(10, -1, 3, 3)),
        f"shares of {BONDS} bonds in {FRAMES} frames, 10 segments": (
            lambda parts: bond_shares(parts.__getitem__, DT_FS, len(parts)),
            segments,
        ),
        f"shares of {BONDS} bonds in {FRAMES} frames, one run": (
            lambda parts: bond_shares(lambda g: np.concatenate(parts), DT_FS, 1),
            segments,
        ),
    }


def measured(function, argument):
    "Seconds, and the largest memory taken on top of what was there, MB."
    start = time.perf_counter()
    function(argument)
    seconds = time.perf_counter() - start
    tracemalloc.start()
    function(argument)
    memory = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return seconds, memory


def table():
    "Rows of the table."
    rows = ["| work | time (s) | memory (MB) |", "|---|---|---|"]
    spectrum(tensors(0, 10_000, 1)[:, 0])  # what is imported at the first use
    for name, case in cases().items():
        rows.append("| {} | {:.2f} | {:.0f} |".format(name, *measured(*case)))
    return "\n".join(
        [
            *rows,
            "",
            f"One array of {FRAMES} frames × {BONDS} bonds × {BONDS} bonds would take "
            f"{FRAMES * BONDS**2 * 8 / 1e6:.0f} MB.",
        ]
    )


if __name__ == "__main__":
    print(table())
