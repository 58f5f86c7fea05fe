"""Derivatives from distinct displacements and symmetry, against those from all displacements."""

import numpy as np
import pytest

from bpm_nb.reference.harmonic import central_differences
from bpm_nb.reference.symmetry import distinct_displacements, symmetrized


def bent_springs(numbers, pos):
    "Forces, dipole and polarizability of anharmonic springs between all atoms, which carry charges and pair tensors."
    z, d = np.asarray(numbers, float), pos[:, None] - pos
    r = np.linalg.norm(d, axis=-1) + np.eye(len(z))
    pull = (np.sqrt(z[:, None] * z) * (r - 1.3 + 0.3 * (r - 1.3) ** 2) / r)[..., None] * d
    pair = (np.exp(-r / 2) * (1 - np.eye(len(z))))[..., None, None] * np.einsum("abi,abj->abij", d, d)
    return dict(
        forces=-pull.sum(1), dipole=z @ pos + ((np.exp(-r) * z)[..., None] * d).sum((0, 1)), alpha=pair.sum((0, 1))
    )


@pytest.mark.parametrize(
    "name,points", [("H2O", 9), ("NH3", None), ("CH4", None), ("C6H6", None), ("CO2", 5), ("CH3OH", None), ("H2O2", 12)]
)
def test_distinct_displacements_give_the_derivatives_of_all(name, points):
    from ase.build import molecule

    atoms, rng, h = molecule(name), np.random.default_rng(0), 1e-4
    found = symmetrized(atoms.numbers, atoms.positions @ np.linalg.qr(rng.normal(size=(3, 3)))[0])
    steps, needed = h * np.eye(3 * len(atoms)).reshape(-1, len(atoms), 3), distinct_displacements(found)
    few = [sign * steps[3 * a + k] for (a, k), turn in needed.items() for sign in ((1, -1) if turn is None else (1,))]
    whole = symmetrized(atoms.numbers, found.pos, tol=0)
    values = [
        central_differences([(s, bent_springs(atoms.numbers, found.pos + s)) for s in some], symmetry)
        for some, symmetry in ((few, found), ([*steps, *-steps], whole))
    ]
    assert len(few) < 6 * len(atoms) and points in (None, len(few))
    for a, b in zip(*values):
        np.testing.assert_allclose(a, b, atol=1e-6)
