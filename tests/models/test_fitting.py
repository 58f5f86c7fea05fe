"Fits against literal oracles, of odd sizes, from streams, within memory."

from dataclasses import replace

import numpy as np
import pytest
from molecules import rattled

from bpm_nb.models.polarizability import BondPolarizability

BASES = ["inducing", "bonds", "structures"]


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("n_frames", [1, 2])
def test_one_bond_and_one_frame(basis, n_frames):
    h2 = rattled([1, 1], np.array([[0, 0, 0], [0, 0, 0.74]]), 3, 0)
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
