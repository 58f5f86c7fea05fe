"Runs that ship, and the cache."

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("anywidget", reason="the widgets extra is not installed")

from dashboard_samples import water_series

from bpm_nb.core.files import read_npz, write_npz
from bpm_nb.dashboards import runs
from bpm_nb.dashboards.raman_state import RamanState
from bpm_nb.dashboards.runs import keep_series
from bpm_nb.data.datasets import load


def test_what_was_computed_before_is_there_at_once(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    name = "malonaldehyde-enol"
    run = load(name).trajectory
    made = water_series(name, frames=run.pos.shape[1])
    alpha = np.repeat(made.alpha, len(run.pos), 0)
    keep_series(replace(made, run=run, alpha=alpha))
    state = RamanState([name], resolution_cm1=20.0)
    monkeypatch.setattr(state, "run", lambda *_: pytest.fail("nothing is left to compute"))
    state.compute()
    assert len(state.curves) == 1 and not state.stale
    np.testing.assert_allclose(state.series[name].alpha, alpha, atol=1e-9)


def test_opening_a_dashboard_does_not_wait_for_the_models():
    "They bring scikit-learn, which takes a second to import: rooms import them inside of functions."
    for room in Path(runs.__file__).parent.glob("*.py"):
        imports = [node for node in ast.parse(room.read_text("utf-8")).body if isinstance(node, ast.ImportFrom)]
        assert not [node.module for node in imports if (node.module or "").split(".")[0] == "models"], room.name


@pytest.mark.parametrize("change", [dict(iso=None), dict(settings="{"), dict(pairs=None), dict(beta=np.zeros(3))])
def test_a_cache_that_lacks_something_is_none(monkeypatch, tmp_path, change):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    name = "malonaldehyde-enol"
    made = water_series(name, frames=2000)
    keep_series(replace(made, alpha=made.alpha))
    (file,) = tmp_path.rglob("*.npz")
    assert runs.cached_series(name) is not None
    arrays = {k: v for k, v in (read_npz(file) | change).items() if v is not None}
    write_npz(file, arrays)
    assert runs.cached_series(name) is None


def test_a_run_of_rings_is_the_mean_over_beads_here_too():
    "In whatever blocks it is predicted."
    from bpm_nb.data.records import Trajectory
    from bpm_nb.models.polarizability import BondPolarizability

    enol = load("malonaldehyde-enol")
    model = BondPolarizability(n_points=50).fit(enol.train[:20])
    centroids = enol.trajectory.pos[:2, :7]
    beads = centroids[:, :, None] + 0.03 * np.random.default_rng(0).normal(size=(2, 7, 3, 9, 3))
    run = Trajectory(enol.trajectory.numbers, beads.mean(2), 2.0, beads=beads)
    expected = model.predict_trajectory(run)
    np.testing.assert_allclose(runs.predicted_alpha(model, run, lambda *_: None, 3), expected, atol=1e-10)
    some = runs.positions_of(run, slice(1, 2), 4)
    np.testing.assert_array_equal(some.beads, beads[1:, :4])
