"""Polarizabilities and dipoles over those of GFN2-xTB

Models learned alone, and of what GFN2-xTB lacks (`baseline="gfn2"`), from the first frames of the shipped training
sets, on the shipped test frames; of the published malonaldehyde run from frames taken at random with seed 0, on its 500
test frames. Nothing was set or chosen. Errors are root mean squares, those of the isotropic part and of a component of
the anisotropic part in bohr³, of a component of the dipole in e·bohr. The time is that of GFN2-xTB for a frame; other
programs ran beside it.
"""

import time

import numpy as np
from measure import SMALL, published_split, table

from bpm_nb.core.tensors import errors
from bpm_nb.data import load
from bpm_nb.dynamics.fields import gfn2_response
from bpm_nb.models.polarizability import BondDipole, BondPolarizability

NAMES = ["malonaldehyde-enol"] if SMALL else ["malonaldehyde-enol", "malonaldehyde-keto", "biphenyl"]
SIZES = (30,) if SMALL else (30, 100, 300)


def published_frames(n):
    "Training and test frames, or nothing where they are not there."
    try:
        return published_split(n)
    except FileNotFoundError:
        return None


def sets():
    "Name, training frames and test frames of each line."
    for name in NAMES:
        data = load(name)
        for n in SIZES:
            yield name, data.train[:n], data.test[: 10 if SMALL else None]
    for n in () if SMALL else SIZES:
        if (both := published_frames(n)) is not None:
            yield "published malonaldehyde", *both


def dipole_error(baseline, train, test):
    "Of a component, e·bohr; None for frames without dipoles."
    if train.dipole is None:
        return None
    return np.sqrt(np.mean((BondDipole(baseline=baseline).fit(train).predict(test) - test.dipole) ** 2))


def row(name, train, test):
    "A line of the table."
    start = time.perf_counter()
    gfn2_response(test.numbers[0], test.pos + 1e-7 * len(train))  # geometries that are not remembered
    each = (time.perf_counter() - start) / len(test)
    cells = [name, len(train), f"{1000 * each:.0f}"]
    both = [errors(test.alpha, BondPolarizability(baseline=b).fit(train).predict(test)) for b in (None, "gfn2")]
    for part in ("iso_rmse_au", "beta_rmse_au"):
        cells += [f"{e[part]:.4f}" for e in both]
    dipoles = [dipole_error(b, train, test) for b in (None, "gfn2")]
    return cells + ["–" if e is None else f"{e:.4f}" for e in dipoles]


if __name__ == "__main__":
    head = [
        "set",
        "frames",
        "GFN2-xTB / ms",
        "isotropic",
        "over GFN2",
        "anisotropic",
        "over GFN2",
        "dipole",
        "over GFN2",
    ]
    print(table(head, [row(*line) for line in sets()]))
