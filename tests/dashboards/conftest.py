"A comparison of one invented molecule, and a small kernel laboratory."

import pytest


@pytest.fixture
def state():
    from dashboard_samples import water_series

    from bpm_nb.dashboards.raman_state import RamanState

    return RamanState(["water"], series={"water": water_series()}, resolution_cm1=20.0)


@pytest.fixture(scope="module")
def lab():
    from bpm_nb.dashboards.kernel_state import LabState
    from bpm_nb.data.datasets import load

    data = load("malonaldehyde-enol")
    frames = data.train[:80], data.test[:20]
    state = LabState("malonaldehyde-enol", frames=frames, n_train=60, n_points=60, degree=2, order=1)
    state.compute()
    return state
