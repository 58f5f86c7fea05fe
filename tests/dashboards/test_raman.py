"The comparison without a browser: figure, files and controls."

import json
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("anywidget", reason="the widgets extra is not installed")

from dashboard_samples import as_upload, water_run

from bpm_nb.dashboards.curves import reference_lines_of
from bpm_nb.dashboards.raman import raman_controls, raman_figure, raman_files
from bpm_nb.dashboards.raman_state import RamanState
from bpm_nb.dashboards.runs import Series
from bpm_nb.data.records import Frames


@pytest.mark.parametrize(
    "trait, value", [("stacked", True), ("errors", False), ("range_cm1", (1000.0, 2000.0)), ("band", ("water", 1600.0))]
)
def test_a_control_changes_the_figure_alone(state, trait, value):
    other = Series("other", *water_run(seed=1)[:2])
    state.series, state.samples = state.series | {"other": other}, ["water", "other"]
    curves, before = state.curves, raman_figure(state).to_json()
    setattr(state, trait, value)
    assert state.curves is curves and (raman_figure(state).to_json() != before or trait == "errors")


def test_settings_make_the_same_figure_again(state):
    state.quantity, state.stacked, state.resolution_cm1, state.band = "VH", True, 25.0, ("water", 3600.0)
    settings = json.loads(json.dumps(state.settings()))
    again = RamanState(**settings, series=state.series)
    assert raman_figure(again).to_json() == raman_figure(state).to_json()


def test_the_files_hold_the_numbers_of_the_figure(state):
    files = raman_files(state)
    assert "# resolution_cm1: 20.0" in files["raman.csv"]
    rows = [r.split(",") for r in files["raman.csv"].splitlines() if not r.startswith("#")]
    np.testing.assert_allclose([float(r[2]) for r in rows[1:]], state.curves[0].y, rtol=1e-5)
    assert json.loads(files["raman-settings.json"])["resolution_cm1"] == 20 and "Plotly.newPlot" in files["raman.html"]


def test_lines_of_the_molecule_are_there_before_its_spectrum():
    state = RamanState(["malonaldehyde-enol"])
    figure = raman_figure(state)
    assert not state.curves and [t.name for t in figure.data] == ["malonaldehyde-enol, not computed yet: harmonic, DFT"]
    np.testing.assert_allclose(figure.data[0].x[::3], reference_lines_of("malonaldehyde-enol")["harmonic, DFT"][0])


def test_the_strongest_point_of_the_range_is_one(state):
    def curve():
        return next(t for t in raman_figure(state).data if t.name == "water").y

    whole = np.max(curve())
    state.range_cm1 = (2500.0, 4000.0)
    assert whole == np.max(curve()) == 1 and state.curves[0].y.max() == 1
    state.quantity = "depolarization ratio"
    assert 0.7 < np.nanmax(curve()) < 0.8


def test_an_upload_joins_with_the_controls_attached_and_keeps_the_band(state, tmp_path):
    "New options of a widget unset its value for a moment."
    box, changes = raman_controls(state)[0], []
    state.click(0, 1590)
    state.observe(lambda change: changes.append(change.new), "samples")
    run, alpha, _ = water_run(2000)
    state.upload(*as_upload(tmp_path, Frames(run.frames.numbers, run.frames.pos, alpha[0])))
    assert changes == [["water", "run"]] and box.value == ("water", "run") and state.assigned is not None
    box.value = ("run",)
    assert state.samples == ["run"]


def test_any_laser_can_be_set_and_comes_back(state):
    laser = next(w for w in raman_controls(state) if "bpm-laser_nm" in w._dom_classes)
    state.laser_nm = 633.0
    assert (
        laser.value == 633.0
        and RamanState(["water"], **{k: v for k, v in state.settings().items() if k != "samples"}).laser_nm == 633.0
    )


LIGHT = """
import sys
from bpm_nb.dashboards import raman_compare
from bpm_nb.dashboards.curves import reference_lines_of

assert reference_lines_of("malonaldehyde-enol")
print(*({"matplotlib", "sklearn", "pandas", "rdkit", "tblite", "pyscf"} & set(sys.modules)), sep=",")
"""


def test_a_kernel_loads_nothing_that_it_does_not_show():
    "Each of thirty students has one; tests/browser/dashboard_memory.py says what it takes."
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
