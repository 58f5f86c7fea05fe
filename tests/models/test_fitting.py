"Fits against literal oracles, of odd sizes, from streams, within memory."

from dataclasses import replace

import numpy as np
import pytest
from molecules import rattled
from scipy.spatial.transform import Rotation

from bpm_nb.data.records import joined
from bpm_nb.models.polarizability import BondPolarizability

BASES = ["inducing", "bonds", "structures"]


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("n_frames", [1, 2])
def test_one_bond_and_one_frame(basis, n_frames):
    h2 = rattled([1, 1], np.array([[0, 0, 0], [0, 0, 0.74]]), 3, 0)
    h2 = replace(h2, alpha=5 * h2.alpha)  # as large as that of the molecule
    predicted = BondPolarizability(basis=basis, lam=1e-8).fit(h2[:n_frames]).predict(h2)
    assert predicted.shape == (3, 3, 3) and np.isfinite(predicted).all()
    np.testing.assert_allclose(predicted[:n_frames], h2.alpha[:n_frames], rtol=1e-3)


@pytest.mark.parametrize("backend", ["threading", "loky", "multiprocessing"])
def test_every_backend_gives_the_same(methanol, backend):
    from joblib import parallel_config

    settings = dict(n_points=100, gamma=0.5, lam=1e-6)
    here = BondPolarizability(**settings).fit(methanol)
    with parallel_config(backend, n_jobs=2):
        there = BondPolarizability(**settings).fit(methanol)
    np.testing.assert_allclose(there.predict(methanol), here.predict(methanol), rtol=1e-10, atol=1e-10)


def test_targets_may_be_given_apart(water):
    a = BondPolarizability(lam=1e-6).fit(water)
    b = BondPolarizability(lam=1e-6).fit(replace(water, alpha=None), water.alpha)
    np.testing.assert_array_equal(a.predict(water), b.predict(water))


def test_frames_that_repeat_others_are_counted_once(water):
    rng, settings = np.random.default_rng(0), dict(n_points=100)
    alone = BondPolarizability(**settings).fit(water)
    turn = Rotation.random(len(water), rng=rng).as_matrix() * rng.choice([-1, 1], (len(water), 1, 1))
    turned = replace(water, pos=(water.pos @ turn)[:, [0, 2, 1]], alpha=turn.transpose(0, 2, 1) @ water.alpha @ turn)
    for frames in (joined([water, water[:5]]), joined([water, turned]), [water, turned[:7], water]):
        n = sum(map(len, frames)) if isinstance(frames, list) else len(frames)
        with pytest.warns(UserWarning, match=f"{n - len(water)} of {n} frames repeat others and were counted once"):
            model = BondPolarizability(**settings).fit(frames)
        assert model.errors_ == alone.errors_ and model.lam_ == alone.lam_ and model.gamma_ == alone.gamma_
        assert model.info_["n_frames"] == len(water) and model.info_["n_repeats"] == n - len(water)
        np.testing.assert_array_equal(model.predict(water), alone.predict(water))


@pytest.mark.parametrize("decimals", [4, 5, 6, 8])
def test_turned_copies_are_repeats_within_the_digits_that_are_written(water, decimals):
    turn = Rotation.random(len(water), random_state=0).as_matrix()
    both = joined([water, replace(water, pos=water.pos @ turn, alpha=turn.transpose(0, 2, 1) @ water.alpha @ turn)])
    with pytest.warns(UserWarning, match=f"{len(water)} of {len(both)} frames repeat others"):
        BondPolarizability(n_points=100, gamma=0.5, lam=1e-6).fit(replace(both, pos=np.round(both.pos, decimals)))


def test_repeats_that_carry_something_else_are_named(water):
    noisy = replace(water, alpha=water.alpha + 0.25 * np.eye(3))
    with pytest.warns(UserWarning, match="differs by up to 0.25 bohr³, and the first of each counts"):
        model = BondPolarizability(n_points=100, gamma=0.5, lam=1e-6).fit(joined([water, noisy]))
    np.testing.assert_allclose(model.predict(water), water.alpha, atol=0.1)


def test_a_model_that_learned_nothing_says_so(water):
    shuffled = replace(water, alpha=water.alpha[np.random.default_rng(0).permutation(len(water))])
    with pytest.warns(UserWarning, match="learned little or nothing of the anisotropic part"):
        BondPolarizability(n_points=100).fit(shuffled)


@pytest.mark.parametrize("n", [1, 2])
def test_too_few_frames_say_nothing_of_the_error(water, n):
    with pytest.warns(UserWarning, match=f"the error of the isotropic part cannot be known from {n} frame"):
        model = BondPolarizability(n_points=50).fit(water[:n])
    assert np.isinf(model.errors_[0]) and np.isinf(model.predict(water, return_std=True)[1]).all()
