"The laboratory without a browser: figure, files and controls."

import json

import numpy as np
import pytest

pytest.importorskip("anywidget", reason="the widgets extra is not installed")

from dashboard_samples import as_upload

from bpm_nb.dashboards.kernel import lab_controls, lab_figure, lab_files
from bpm_nb.dashboards.kernel_state import LAB_GAMMAS, LabState
from bpm_nb.data.datasets import load
from bpm_nb.regression.krr import LAMBDAS


@pytest.mark.parametrize("trait, value", [("gamma", 4.0), ("lam", 1e-3)])
def test_moving_over_the_map_changes_every_panel_and_computes_nothing(lab, trait, value):
    lab.gamma, lab.lam = 0.25, 1e-8
    before, columns = {t.name: t for t in lab_figure(lab).data}, lab.columns
    setattr(lab, trait, value)
    after = {t.name: t for t in lab_figure(lab).data}
    for name in ("parity isotropic", "parity anisotropic", "isotropic", "errors isotropic"):
        assert not np.array_equal(before[name].y, after[name].y)
    assert not np.array_equal(
        (before["point isotropic"].x, before["point isotropic"].y),
        (after["point isotropic"].x, after["point isotropic"].y),
    )
    assert lab.columns is columns and not lab.stale


def test_the_laboratory_writes_what_it_shows(lab):
    files = lab_files(lab)
    assert (
        len(files["kernel.csv"].splitlines()) == 1 + len(LAB_GAMMAS) * len(LAMBDAS)
        and json.loads(files["kernel-settings.json"])["n_points"] == 60
    )


def test_an_upload_for_the_laboratory_keeps_its_name_and_its_frames(tmp_path):
    state = LabState("malonaldehyde-enol", n_train=20, n_points=30)
    menu = next(w for w in lab_controls(state) if "bpm-dataset" in getattr(w, "_dom_classes", ()))
    frames = load("malonaldehyde-keto").train[:25]
    for name, title in (("mine.xyz", "mine"), ("biphenyl.xyz", "biphenyl (upload)")):
        state.upload(*as_upload(tmp_path, frames, name))
        assert (
            not state.message
            and state.dataset == menu.value == title
            and len(state.frames[0]) == 25
            and state.frames[1] is None
        )
    menu.value = "malonaldehyde-enol"
    assert len(state.frames[0]) == 400
    menu.value = "mine"
    assert len(state.frames[0]) == 25
