"Every descriptor: no rotation, mirror or order of atoms changes it; it is smooth, also where an atom passes a bond."

import numpy as np
import pytest
from molecules import METHANOL, rattled
from scipy.spatial.transform import Rotation

from bpm_nb.bonds.descriptors import DESCRIPTORS, descriptor
from bpm_nb.bonds.pairs import bonds
from bpm_nb.data.records import Frames
from bpm_nb.models.polarizability import BondPolarizability

NUMBERS, SPECIES = np.array([6, 8, 1, 1, 1, 1]), [1, 6, 8]
POS = METHANOL + np.random.default_rng(0).normal(scale=0.05, size=METHANOL.shape)


@pytest.fixture(params=DESCRIPTORS)
def settings(request):
    if request.param == "soap":
        pytest.importorskip("dscribe", reason="the soap extra is not installed")
    return descriptor(request.param)


def described(settings, numbers, pos):
    "Bonds and descriptors of one frame."
    rows = bonds(numbers, pos[None])
    return rows, settings.descriptors(numbers, pos[None], rows, SPECIES)


def test_no_rotation_shift_mirror_or_order_of_atoms_changes_it(settings):
    rng = np.random.default_rng(1)
    rows, q = described(settings, NUMBERS, POS)
    for turn in (Rotation.random(rng=rng).as_matrix(), np.diag([1, 1, -1.0])):
        order = rng.permutation(len(NUMBERS))
        moved_rows, moved = described(settings, NUMBERS[order], (POS @ turn.T + rng.normal(size=3))[order])
        pairs = np.sort(order[moved_rows.atoms], 1)
        for atoms, expected in zip(np.sort(rows.atoms, 1), q):
            np.testing.assert_allclose(moved[(pairs == atoms).all(1)], expected[None], atol=1e-8 * np.abs(q).max())


def test_a_complex_step_gives_its_derivative(settings):
    step = np.random.default_rng(2).normal(size=POS.shape)
    _, q = described(settings, NUMBERS, POS + 1e-20j * step)
    (_, forward), (_, backward) = (described(settings, NUMBERS, POS + h * step) for h in (1e-4, -1e-4))
    slope = (forward - backward) / 2e-4
    np.testing.assert_allclose(q.imag / 1e-20, slope, rtol=1e-4, atol=1e-6 * np.abs(slope).max())


def test_a_row_takes_at_least_the_memory_of_its_descriptor(settings):
    _, q = described(settings, NUMBERS, POS)
    assert settings.row_bytes >= q.shape[1] * q.itemsize


def test_an_atom_that_passes_the_middle_of_a_pair_is_no_jolt():
    "Carbon of carbon dioxide, bent through the straight line between the oxygens."
    co2 = rattled([6, 8, 8], np.array([[0, 0, 0], [0, 0, 1.16], [0, 0, -1.16]]), 40, 0)
    model = BondPolarizability(n_points=200).fit(co2)
    aside = np.linspace(-0.03, 0.03, 121)
    alpha = model.predict(
        Frames(np.tile([6, 8, 8], (121, 1)), [[[x, 0, 0], [0, 0, 1.16], [0, 0, -1.16]] for x in aside])
    )
    bend = np.diff(alpha.reshape(121, 9), 2, axis=0)
    assert np.abs(np.diff(bend, axis=0)).max() < 0.05 * np.abs(bend).max()
