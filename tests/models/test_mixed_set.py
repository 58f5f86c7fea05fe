"One model of all shipped molecules together does for each what a model of its own does."

import pytest

from bpm_nb.core.tensors import errors
from bpm_nb.data.datasets import load, shipped
from bpm_nb.data.records import joined
from bpm_nb.models.polarizability import BondPolarizability

N_FRAMES, N_POINTS = 150, 2500  # the default would be 4750


@pytest.fixture(scope="module")
def together():
    return BondPolarizability(n_points=N_POINTS).fit(joined([load(name).train[:N_FRAMES] for name in shipped()]))


@pytest.mark.parametrize("name", shipped())
def test_a_mixed_set_costs_little_accuracy(together, name):
    data = load(name)
    own, mixed = (
        errors(data.test.alpha, m.predict(data.test))
        for m in (BondPolarizability(n_points=N_POINTS).fit(data.train[:N_FRAMES]), together)
    )
    for part in ("iso_rmse_au", "beta_rmse_au"):
        assert mixed[part] <= 1.5 * own[part], (part, mixed[part], own[part])
    assert own["beta_relative"] < 0.2
