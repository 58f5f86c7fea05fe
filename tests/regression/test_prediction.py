"Predictions, their parts and their derivatives."

import numpy as np
import pytest

from bpm_nb.data.datasets import load
from bpm_nb.data.records import Frames, molecule_groups
from bpm_nb.models.polarizability import BondDipole, BondPolarizability
from bpm_nb.regression.prediction import BondFunction, CarriedBonds, bonds_by_kind, carried_basis, described_bonds
from bpm_nb.regression.representation import Projection


@pytest.mark.parametrize("descriptor", ["bond-axis", "soap"])
def test_derivatives_against_central_differences(methanol, descriptor):
    if descriptor == "soap":
        pytest.importorskip("dscribe", reason="the soap extra is not installed")
    model = BondPolarizability(descriptor=descriptor, cutoff=2.4, n_points=80, gamma=0.5, lam=1e-6).fit(methanol)
    frame, h = methanol[:1], 1e-4
    derivative = model.derivative(frame)[0]
    for atom, xyz in ((0, 0), (1, 2), (5, 1)):
        moved = np.repeat(frame.pos, 4, 0)
        moved[:, atom, xyz] += h * np.array([-2, -1, 1, 2])
        a = model.predict(Frames(np.repeat(frame.numbers, 4, 0), moved))
        expected = (a[0] - 8 * a[1] + 8 * a[2] - a[3]) / (12 * h)
        np.testing.assert_allclose(derivative[atom, xyz], expected, rtol=1e-5, atol=1e-5 * np.abs(derivative).max())
    np.testing.assert_allclose(derivative.sum(0), 0, atol=1e-6 * np.abs(derivative).max())


def complex_step_derivative(model, frames, step=1e-20):
    "The derivative of the quantity by one complex step for each coordinate of an atom."
    (_, numbers, pos, _), *_ = molecule_groups(frames)
    b, raw, _ = described_bonds(model, numbers, pos)
    derivatives = np.zeros((*pos.shape, *model.quantity.bases[0].shape[:-1]))
    for atom, xyz in np.ndindex(len(numbers), 3):
        moved = pos.astype(complex)
        moved[:, atom, xyz] += 1j * step
        of_moved, raw_moved, vectors = described_bonds(model, numbers, moved)
        parts, basis = carried_basis(model, of_moved, vectors)
        values = np.zeros((len(b.frame), len(parts)), complex)
        for kind, rows in bonds_by_kind(model, b):
            slope = model.expansions_[kind].with_gradient(raw[rows], model.gamma_)[1]
            values[rows] = model.expansions_[kind](raw[rows], model.gamma_)
            values[rows] += 1j * np.einsum("pvf,pf->pv", slope, raw_moved.imag[rows])
        summed = CarriedBonds(of_moved, parts, basis, values).summed(len(pos))
        derivatives[:, atom, xyz] = model.quantity.assemble([x.imag / step for x in summed])
    return derivatives


@pytest.mark.parametrize("estimator", [BondPolarizability, BondDipole])
@pytest.mark.parametrize("settings", [dict(gamma=0.3, n_points=60), dict(bonds="covalent", gamma=0.3), dict()])
def test_derivatives_in_one_pass_are_those_of_complex_steps(estimator, settings):
    for name in ("malonaldehyde-keto", "biphenyl"):
        train = load(name).train[:25]
        model = estimator(lam=1e-6, **settings).fit(train)
        expected = complex_step_derivative(model, train[:3])
        np.testing.assert_allclose(model.derivative(train[:3]), expected, atol=1e-8 * np.abs(expected).max())


def test_tiles_of_rows_and_points_change_nothing():
    "Of more rows and points than one tile has, as one row at a time, and as values alone."
    rng = np.random.default_rng(0)
    projection = Projection(rng.normal(size=9), 0.2 * rng.normal(size=(9, 6)))
    function = BondFunction(projection, rng.normal(size=(2500, 6)), rng.normal(size=(2500, 2)))
    raw = rng.normal(size=(700, 9))
    values, gradients = function.with_gradient(raw, 0.1)
    np.testing.assert_allclose(values, function(raw, 0.1), rtol=1e-10, atol=1e-10)
    for k in (0, 255, 256, 699):
        value, gradient = function.with_gradient(raw[k : k + 1], 0.1)
        np.testing.assert_allclose(value[0], values[k], rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(gradient[0], gradients[k], rtol=1e-10, atol=1e-10)
