"Every trait of the comparison: set it, read what follows."

from dataclasses import replace

import numpy as np
import pytest
import traitlets

pytest.importorskip("anywidget", reason="the widgets extra is not installed")

from dashboard_samples import water_series

from bpm_nb.core.files import InputError
from bpm_nb.dashboards.band import assignment_table
from bpm_nb.dashboards.kernel_state import LabState
from bpm_nb.dashboards.raman_state import RamanState


@pytest.mark.parametrize(
    "trait, value",
    [
        ("resolution_cm1", 35.0),
        ("temperature_K", 900.0),
        ("laser_nm", 1064.0),
        ("quantum", "classical"),
        ("instrument", False),
        ("quantity", "VH"),
        ("quantity", "isotropic"),
        ("quantity", "anisotropic"),
        ("quantity", "VV"),
        ("quantity", "depolarization ratio"),
    ],
)
def test_a_control_changes_the_curve(state, trait, value):
    before = state.curves[0].y
    setattr(state, trait, value)
    assert not state.message and not np.array_equal(state.curves[0].y, before)


def test_the_analyser_goes_from_vv_to_vh(state):
    curves = {}
    for quantity, angle in (("VV", 0), ("VH", 0), ("analyser", 0), ("analyser", 90), ("analyser", 45)):
        state.quantity, state.analyser_deg = quantity, angle
        curves[quantity, angle] = state.curves[0].y
    np.testing.assert_allclose(curves["analyser", 0], curves["VV", 0])
    np.testing.assert_allclose(curves["analyser", 90], curves["VH", 0])
    assert not np.allclose(curves["analyser", 45], curves["VV", 0])


def test_a_molecule_that_is_taken_away_takes_its_assignment_along(state):
    state.click(0, 1600)
    state.samples = []
    assert state.assigned is None and state.curves == []


@pytest.mark.parametrize(
    "trait, value",
    [
        ("temperature_K", -3.0),
        ("analyser_deg", 120.0),
        ("quantity", "sideways"),
        ("quantum", "magic"),
        ("range_cm1", (5.0, 1.0)),
        ("resolution_cm1", 0.0),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(state, trait, value):
    before = getattr(state, trait)
    with pytest.raises(traitlets.TraitError):
        setattr(state, trait, value)
    assert getattr(state, trait) == before


def test_an_error_is_a_message_and_leaves_the_curves(state):
    curves = state.curves
    state.resolution_cm1 = 2.0
    assert "too short" in state.message and "resolution" in state.message and state.curves is curves
    state.resolution_cm1 = 20.0
    assert not state.message


def test_a_spectrum_is_drawn_before_the_shares_are_known(state):
    complete = water_series()
    state.samples, state.series = ["other"], {}
    state.on_progress(0.5, "shares", replace(complete, name="other", shares=None))
    assert len(state.curves) == 1 and "Shares of bonds are not known" in (
        state.click(0, 1600) or assignment_table(state.assigned)
    )
    state.add(replace(complete, name="other"))
    assert state.assigned.share[0] > 0.9


def test_a_run_that_is_only_known_elsewhere_is_asked_for():
    state = RamanState(["my-run"], series={})
    state.compute()
    assert state.message.startswith("my-run is not shipped") and not state.doing


def test_a_setting_that_does_not_exist_is_an_error():
    for make in (RamanState, LabState):
        with pytest.raises(InputError, match="'resolution' is no setting"):
            make(resolution=20)
    assert RamanState("biphenyl").samples == ["biphenyl"]
