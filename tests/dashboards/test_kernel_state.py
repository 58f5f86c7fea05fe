"The kernel laboratory: which settings need a computation, and what the columns hold."

import numpy as np
import pytest

pytest.importorskip("anywidget", reason="the widgets extra is not installed")

from dashboard_samples import BAD_FILES

from bpm_nb.dashboards.kernel import lab_figure
from bpm_nb.dashboards.kernel_state import LAB_GAMMAS, LabState
from bpm_nb.data.datasets import load
from bpm_nb.models.polarizability import BondPolarizability
from bpm_nb.models.tuning import scan, tuning_columns, tuning_design, tuning_rows
from bpm_nb.regression.kernel import training_indices
from bpm_nb.regression.krr import LAMBDAS


def test_the_map_is_full_and_the_point_is_on_the_grid(lab):
    assert not lab.message and not lab.stale and len(lab.columns) == len(LAB_GAMMAS)
    lab.gamma, lab.lam = 0.3, 3e-7
    assert lab.gamma in LAB_GAMMAS and lab.lam in LAMBDAS


def test_the_error_of_the_map_is_that_of_a_fit_without_the_frame(lab):
    train, test = lab.split()
    *rows, targets = tuning_rows(train, test, BondPolarizability(**lab.model()))
    design = tuning_design(*rows, 0.25, 60)
    n, k, lam = len(train), 7, LAMBDAS[14]
    part, y = design[: len(targets[0])], targets[0]
    rest = np.delete(np.arange(n), k)
    scale = (part[:n] ** 2).sum() / n
    w = part[rest].T @ np.linalg.solve(part[rest] @ part[rest].T + lam * scale * np.eye(n - 1), y[rest])
    np.testing.assert_allclose(lab.columns[0.25].leave_one_out[0][14][k], part[k] @ w, rtol=1e-6)


@pytest.mark.parametrize(
    "trait, value",
    [
        ("n_train", 40),
        ("selection", "diverse"),
        ("selection", "first"),
        ("cutoff", 2.5),
        ("bonds", "covalent"),
        ("n_points", 30),
        ("radial", 3),
        ("degree", 1),
        ("order", 0),
        ("reach", 3.5),
    ],
)
def test_a_setting_of_the_model_marks_the_map_until_asked(lab, trait, value):
    before, columns, error = getattr(lab, trait), lab.columns, lab.columns[lab.gamma].error(1)
    setattr(lab, trait, value)
    assert lab.stale and lab.columns is columns
    lab.run(lambda report: tuning_columns(*lab.split(), lab.model(), [lab.gamma], report), (), lambda _: None)
    assert not lab.message and not np.array_equal(lab.columns[lab.gamma].error(1), error)
    setattr(lab, trait, before)
    lab.columns, lab.stale = columns, False


def test_the_maps_show_the_evidence_and_the_star_is_what_a_fit_would_choose(lab):
    train, _ = lab.split()
    model = BondPolarizability(**lab.model() | dict(n_points=400, gamma=None, lam=None))
    fit = scan(train, model, LAB_GAMMAS)  # all bonds are its points
    full = LabState(lab.dataset, frames=lab.frames, n_train=60, n_points=2000, degree=2, order=1)
    full.compute()
    np.testing.assert_allclose(
        [full.columns[g].evidence for g in map(float, LAB_GAMMAS)], fit.evidence.swapaxes(1, 2), atol=1.0
    )  # of hundreds: the jitter of the basis
    assert full.best[0] == fit.best[0]
    np.testing.assert_allclose(
        np.log10(full.best[1]), np.log10(fit.best[1]), atol=0.51
    )  # two neighbours may be as good as each other
    full.shown = "evidence"
    data = {t.name: t for t in lab_figure(full).data}
    assert (data["chosen isotropic"].x, data["chosen isotropic"].y) == ((full.best[1][0],), (full.best[0],))
    below = np.array(data["map anisotropic"].customdata)
    np.testing.assert_allclose(below, fit.evidence[..., 1].max() - fit.evidence[..., 1], atol=1.0)


def test_selections_differ_and_have_no_frame_twice():
    frames = load("malonaldehyde-enol").train
    chosen = [training_indices(frames.pos, 50, how) for how in ("first", "random", "diverse")]
    assert all(len(np.unique(f)) == 50 for f in chosen) and len({tuple(sorted(f)) for f in chosen}) == 3


def test_too_few_frames_are_a_message(tmp_path):
    few = load("malonaldehyde-enol").train[:8]
    state = LabState(few)
    state.compute()
    assert "too few" in state.message and state.stale and not state.columns


@pytest.mark.parametrize("what", ["binary", "an empty file", "not a number", "a short run"])
def test_bad_training_frames_leave_the_laboratory(lab, what):
    before = lab.settings(), lab.frames, lab.columns
    lab.upload(*BAD_FILES[what])
    assert lab.message and (lab.settings(), lab.frames, lab.columns) == before
    lab.message, lab.stale = "", False


def test_settings_of_an_upload_that_is_gone_ask_for_it():
    state = LabState(**(LabState("malonaldehyde-enol").settings() | dict(dataset="mine")))
    state.compute()
    assert state.message == "mine is not shipped: upload its frames" and not state.doing


def test_a_bad_upload_does_not_make_a_whole_map_stale(lab):
    lab.stale = False
    lab.upload("x.xyz", b"nothing")
    assert lab.message and not lab.stale
    lab.message = ""
