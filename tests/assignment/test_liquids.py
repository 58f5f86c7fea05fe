"The four terms of a liquid's spectrum: sums, limits, pairs of molecules by hand, and bad input."

from dataclasses import replace

import numpy as np
import pytest
from vibrations import quiet, smooth

from bpm_nb.assignment.liquids import is_liquid, kind_tensors, molecule_labels, molecule_tensors, raman_terms
from bpm_nb.assignment.shares import bond_shares
from bpm_nb.core.files import InputError
from bpm_nb.data.records import Frames, Trajectory
from bpm_nb.models.polarizability import BondPolarizability
from bpm_nb.spectra.blocks import density_estimator
from bpm_nb.spectra.raman import invariant_series

SMOOTH = dict(resolution_cm1=60.0)
pytestmark = pytest.mark.filterwarnings("ignore:the training set", "ignore:the model has learned")


@pytest.mark.parametrize("options", [{}, dict(n_blocks=2), dict(window="hann", derivative="frequency")])
def test_the_terms_add_up_to_the_spectrum_in_every_block(options):
    tensors = smooth((2, 1700, 5))
    terms, whole = raman_terms(tensors, 1.0, **SMOOTH, **options), quiet(tensors.sum(2), 1.0, **SMOOTH, **options)
    assert terms.isotropic_blocks.shape[1] == 4
    for part, total in (
        (terms.isotropic_blocks, whole.isotropic_blocks),
        (terms.anisotropic_blocks, whole.anisotropic_blocks),
    ):
        np.testing.assert_allclose(part.sum(1), total, rtol=0, atol=1e-10 * total.max())
    for geometry in ("vv", "vh", 30):
        np.testing.assert_allclose(terms.curves(geometry).sum(0), whole.curve(geometry), atol=1e-10 * total.max())


def test_cross_terms_are_those_of_all_pairs_by_hand():
    tensors = smooth((1, 1300, 4), seed=3)
    how, terms = density_estimator(1, 1300, 1.0, **SMOOTH), raman_terms(tensors, 1.0, **SMOOTH).curves("anisotropic")
    series = [how.blocks(invariant_series(tensors[0, :, k]))[:, 1:] for k in range(4)]
    table = np.array([[how.density(x, y).mean(0) for y in series] for x in series])
    by_hand = (
        sum(table[m, m] for m in range(3)),
        sum(table[m, n] for m in range(3) for n in range(3) if m != n),
        table[3, 3],
        sum(table[m, 3] + table[3, m] for m in range(3)),
    )
    np.testing.assert_allclose(terms, by_hand, atol=1e-11 * np.abs(table).max())


def test_one_molecule_alone_has_the_spectrum_that_it_always_had():
    tensors = smooth((2, 1500, 1))
    terms = raman_terms(np.concatenate([tensors, 0 * tensors], 2), 1.0, **SMOOTH)
    whole = quiet(tensors[:, :, 0], 1.0, **SMOOTH)
    np.testing.assert_allclose(terms.isotropic_blocks[:, 0], whole.isotropic_blocks, rtol=1e-12)
    np.testing.assert_allclose(terms.anisotropic_blocks[:, 0], whole.anisotropic_blocks, rtol=1e-12)
    assert np.abs(terms.blocks()[:, 1:]).max() < 1e-12 * whole.curve().max()


def test_the_cross_term_of_independent_molecules_vanishes_as_the_run_grows():
    "The share of the whole spectrum's area that is cross, of 6 molecules with nothing between them."
    found = []
    for n_segments in (2, 32):
        tensors = smooth((n_segments, 1200, 7), seed=5)
        tensors[:, :, 6] = 0
        terms = raman_terms(tensors, 1.0, **SMOOTH).curves()
        found.append(abs(terms[1].sum()) / terms[0].sum())
    assert found[1] < 0.1 and found[1] < found[0]


def water_run(n_states=40):
    "Two water molecules in a cell, one of them through its wall, that swing a little."
    rng, one = np.random.default_rng(0), np.array([[0, 0, 0.12], [0, 0.76, -0.47], [0, -0.76, -0.47]])
    pos = np.concatenate([one + [0.1, 3, 3], one + [2.9, 3.3, 3]]) + 0.03 * rng.normal(size=(2, n_states, 6, 3))
    return Trajectory([8, 1, 1, 8, 1, 1], pos, 1.0, cell=np.broadcast_to(8.0 * np.eye(3), (2, n_states, 3, 3)))


def fitted(run, **options):
    "A model of the polarizability of these cells, of any values."
    frames = run.frames
    alpha = np.random.default_rng(1).normal(size=(len(frames), 3, 3))
    trained = Frames(frames.numbers, frames.pos, 10 * np.eye(3) + alpha + alpha.swapaxes(1, 2), cell=frames.cell)
    return BondPolarizability(n_points=40, metric="shared", **options).fit(trained)


@pytest.mark.parametrize("bonds", ["pairs", "covalent"])
def test_molecules_and_what_is_between_them_are_the_whole_that_the_model_predicts(bonds):
    run = water_run()
    model = fitted(run, bonds=bonds)
    labels, tensors = molecule_tensors(model, run)
    assert labels.tolist() == [0, 0, 0, 1, 1, 1]
    parts = np.array([tensors(g) for g in range(2)])
    assert parts.shape == (2, 40, 3, 3, 3)
    missing = model.predict_trajectory(run) - parts.sum(2)  # the constants of the atoms
    np.testing.assert_allclose(missing, np.broadcast_to(missing[0, 0], missing.shape), atol=1e-9)
    assert bool(np.abs(parts[:, :, 2]).max() > 1e-6) == (bonds == "pairs")
    swapped = molecule_tensors(model, run, [1, 1, 1, 0, 0, 0])[1](0)
    np.testing.assert_allclose(swapped[:, [1, 0, 2]], parts[0], atol=1e-12)


@pytest.mark.parametrize("bonds", ["pairs", "covalent"])
def test_kinds_of_pairs_are_what_molecules_are_and_what_is_between_them(bonds):
    run = water_run()
    model = fitted(run, bonds=bonds)
    names, tensors = kind_tensors(model, run)
    inside = [name.endswith("in molecules") for name in names]
    parts = molecule_tensors(model, run)[1](1)
    np.testing.assert_allclose(tensors(1)[:, inside].sum(1), parts[:, :2].sum(1), atol=1e-10)
    np.testing.assert_allclose(tensors(1)[:, np.logical_not(inside)].sum(1), parts[:, 2], atol=1e-10)
    expected = ["O–H in molecules"] if bonds == "covalent" else [f"{k} in molecules" for k in ("H–H", "O–H")]
    assert [name for name in names if name.endswith("in molecules")] == expected
    assert is_liquid(run) and not is_liquid(replace(run, cell=None))


def test_each_molecule_has_a_share_and_the_shares_are_the_whole():
    run = water_run(1500)
    parts = molecule_tensors(fitted(water_run(), bonds="covalent"), run)[1]
    shares, terms = (f(parts, 1.0, 2, **SMOOTH) for f in (bond_shares, raman_terms))
    whole = shares.curves("vh").sum(0)
    np.testing.assert_allclose(terms.curves("vh").sum(0), whole, atol=1e-10 * np.abs(whole).max())


@pytest.mark.parametrize(
    "tensors, words",
    [
        (np.zeros((1, 1500, 3, 4, 3)), r"segment 0 have shape \(1500, 3, 4, 3\)"),
        (np.zeros((1, 1500, 1, 3, 3)), "last the one between"),
        (np.full((1, 1500, 3, 3, 3), np.nan), "is not finite"),
        (np.ones((1, 1500, 3, 3, 3)) + np.triu(np.ones((3, 3)), 1), "is not symmetric"),
    ],
)
def test_tensors_that_cannot_be_are_refused(tensors, words):
    with pytest.raises(InputError, match=words):
        raman_terms(tensors, 1.0, **SMOOTH)


def test_labels_that_name_no_molecule_are_refused():
    run = water_run(4)
    for labels in ([0, 0, 0], [0, 0, 0, 1, 1, -1], [0.5] * 6):
        with pytest.raises(InputError, match="labels: give a whole number from 0 for each of the 6 atoms"):
            molecule_tensors(None, run, labels)


def test_labels_do_not_need_a_cell():
    run = water_run(3)
    assert molecule_labels(replace(run, cell=None)).tolist() == [0, 0, 0, 1, 1, 1]
