"The interface: scikit-learn's tools, ASE Atoms, trajectories, derivatives."

import warnings
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score

from bpm_nb.core.files import InputError
from bpm_nb.data.records import Frames, Trajectory, joined
from bpm_nb.models.polarizability import BondDipole, BondPolarizability


def test_scikit_learn_tools_work(water):
    model = BondPolarizability(n_points=100, lam=1e-6)
    assert clone(model).get_params() == model.get_params()
    scores = cross_val_score(model, water, cv=3)
    assert scores.shape == (3,) and (scores > 0.9).all()
    search = GridSearchCV(model, {"gamma": [1e-3, 0.2]}, cv=2).fit(water)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all() and search.predict(water).shape == (24, 3, 3)


def as_atoms(frames):
    return [
        Atoms(n[n > 0], x[n > 0], info=dict(polarizability=a))
        for n, x, a in zip(frames.numbers, frames.pos, frames.alpha)
    ]


def test_atoms_do_what_frames_do(water, methanol):
    both = joined([water, methanol])
    settings = dict(n_points=80, gamma=0.5, lam=1e-6)
    one, other = (BondPolarizability(**settings).fit(X) for X in (as_atoms(both), both))
    for X in (as_atoms(both), [water, methanol], both):
        np.testing.assert_allclose(one.predict(X), other.predict(both), rtol=1e-9, atol=1e-9)
    for X in (as_atoms(methanol), methanol):
        assert one.score(X) == pytest.approx(other.score(methanol))
        assert one.derivative(X[:2]).shape == (2, 6, 3, 3, 3)
        assert one.extrapolation(X)[2].shape == (20, 15) and len(one.pairs_within_reach(X)) == 15
        assert one.bond_tensors(X)[1].shape == (20, 15, 3, 3)
    np.testing.assert_array_equal(one.predict(as_atoms(methanol)[4]), one.predict(methanol[4]))


def test_targets_go_with_atoms_too(water):
    atoms = [Atoms(n, x) for n, x in zip(water.numbers, water.pos)]
    model = BondPolarizability(n_points=80, gamma=0.5, lam=1e-6).fit(atoms, water.alpha)
    assert model.score(atoms, water.alpha) > 0.9
    with pytest.raises(InputError, match="there is no polarizability"):
        model.score(atoms)


@pytest.mark.parametrize("metric, atol", [("shared", 0.0), ("learned", 1e-6)])  # rounding grows along its steps
def test_cross_validation_splits_a_list_of_atoms(water, metric, atol):
    model = BondPolarizability(n_points=100, lam=1e-6, metric=metric)
    of_atoms, of_frames = (cross_val_score(model, X, cv=3) for X in (as_atoms(water), water))
    np.testing.assert_allclose(of_atoms, of_frames, atol=atol)


def test_a_trajectory_keeps_its_shape(water):
    dipoles = replace(water, dipole=water.pos[:, 0] - water.pos[:, 1:].mean(1))
    run = Trajectory(water.numbers[0], water.pos.reshape(4, 6, 3, 3), 0.5)
    model, dipole = (m(n_points=50, gamma=0.5, lam=1e-6).fit(dipoles) for m in (BondPolarizability, BondDipole))
    np.testing.assert_array_equal(model.predict_trajectory(run), model.predict(water).reshape(4, 6, 3, 3))
    np.testing.assert_array_equal(dipole.predict_trajectory(run), dipole.predict(water).reshape(4, 6, 3))
    np.testing.assert_array_equal(model.predict(run), model.predict(water))
    assert len(model.pairs_within_reach(run)) == 3
    with pytest.raises(InputError, match="takes a Trajectory, not Frames"):
        model.predict_trajectory(water)
    with pytest.raises(NotFittedError):
        BondPolarizability().predict_trajectory(run)


def test_an_estimator_shows_itself_in_one_line(water):
    model = BondPolarizability(cutoff=4.0, n_points=50)
    assert repr(model) == "BondPolarizability(cutoff=4.0, n_points=50)" and "not fitted" in model._repr_html_()
    shown = model.fit(water)._repr_mimebundle_()
    assert shown["text/plain"] == repr(model) and "leave-one-out error" in shown["text/html"]
    assert len(shown["text/html"]) < 300
    assert clone(model).get_params() == model.get_params() and not hasattr(clone(model), "errors_")


def test_a_prediction_that_is_not_finite_is_an_error(water):
    model = BondPolarizability(n_points=30, gamma=0.5, lam=1e-6).fit(water)
    for kind, function in model.expansions_.items():
        model.expansions_[kind] = replace(function, weights=function.weights * 1e308)
    for ask in (model.predict, model.derivative, model.bond_tensors):
        with pytest.raises(InputError, match="frame 0: the model gives a number that is not finite"):
            ask(water[:3])


def test_a_quantity_that_is_zero_by_symmetry_is_learned_saved_and_read(tmp_path):
    "The dipole of nitrogen: nothing can be told of its errors, and the file is a model."
    pos = np.zeros((20, 2, 3))
    pos[:, 1, 2] = np.linspace(1.05, 1.2, 20)
    frames = Frames(np.full((20, 2), 7), pos, dipole=np.zeros((20, 3)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        BondDipole().fit(frames).save(tmp_path / "dipole.npz")
    dipole, std = BondDipole.load(tmp_path / "dipole.npz").predict(frames, return_std=True)
    assert not dipole.any() and np.isinf(std).all()
