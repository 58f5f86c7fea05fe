"Every control of the dashboards, without a browser: set a trait, read what follows."

import asyncio
import json
import os
import time

import numpy as np
import pytest
import traitlets

pytest.importorskip("anywidget", reason="the widgets extra is not installed")

from dataclasses import replace

from bpm_nb.assignment.shares import bond_shares
from bpm_nb.core.files import InputError
from bpm_nb.core.units import C_CM_FS
from bpm_nb.dashboards.band import assignment_table
from bpm_nb.dashboards.kernel import lab_controls, lab_figure, lab_files
from bpm_nb.dashboards.kernel_state import GAMMAS, LabState
from bpm_nb.dashboards.molecule import NAMED, Molecule
from bpm_nb.dashboards.raman import raman_controls, raman_figure, raman_files
from bpm_nb.dashboards.raman_state import RamanState, reference_lines_of
from bpm_nb.dashboards.runs import Series, keep_series, segment, uploaded_training
from bpm_nb.dashboards.state import Job
from bpm_nb.dashboards.widgets import Upload
from bpm_nb.data.datasets import load
from bpm_nb.data.files import write
from bpm_nb.data.records import Frames, Trajectory
from bpm_nb.models.polarizability import BondPolarizability
from bpm_nb.models.tuning import scan, training_indices, tuning_columns, tuning_design, tuning_rows
from bpm_nb.regression.krr import LAMBDAS

PAIRS = np.array([[0, 1], [1, 2]])


def water(frames=4000, dt=1.0, seed=0):
    "A run of a water-like molecule: one symmetric line at 1600 cm⁻¹, one anisotropic line at 3600 cm⁻¹."
    rng, t = np.random.default_rng(seed), dt * np.arange(frames)
    rest = np.array([[0.95, 0.0, 0.0], [0.0, 0.0, 0.0], [-0.25, 0.9, 0.0]])
    a, b = (np.cos(2 * np.pi * C_CM_FS * nu * t + p) for nu, p in ((1600, 0.3), (3600, 1.1)))
    pos = (
        rest
        + 0.05 * a[:, None, None] * [[0, 1, 0], [0, -0.1, 0], [0, 1, 0]]
        + 0.05 * b[:, None, None] * [[1, 0, 0], [-0.1, 0, 0], [0, 0, 0]]
    )
    bond = np.stack([a[:, None, None] * np.eye(3), b[:, None, None] * np.diag([1.0, -1, 0])], 1)
    noise = 1e-3 * rng.normal(size=(frames, 1, 1)) * np.eye(3)
    return Trajectory([1, 8, 1], pos[None], dt), (10 * np.eye(3) + bond.sum(1) + noise)[None], bond[None]


def series(name="water", **more):
    run, alpha, bonds = water(**more)
    return Series(name, run, alpha, "", PAIRS, bond_shares(bonds, run.dt_fs, resolution_cm1=20.0))


@pytest.fixture
def state():
    return RamanState(["water"], series={"water": series()}, resolution_cm1=20.0)


# ---- the comparison


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


@pytest.mark.parametrize(
    "trait, value", [("stacked", True), ("errors", False), ("range_cm1", (1000.0, 2000.0)), ("band", ("water", 1600.0))]
)
def test_a_control_changes_the_figure_alone(state, trait, value):
    other = Series("other", *water(seed=1)[:2])
    state.series, state.samples = state.series | {"other": other}, ["water", "other"]
    curves, before = state.curves, raman_figure(state).to_json()
    setattr(state, trait, value)
    assert state.curves is curves and (raman_figure(state).to_json() != before or trait == "errors")


def test_harmonic_and_literature_lines_come_and_go():
    name = "malonaldehyde-enol"
    state = RamanState([name], series={name: Series(name, *water()[:2])}, resolution_cm1=20.0)
    assert not state.curves[0].lines
    state.harmonic = True
    assert [k for k in state.curves[0].lines if k.startswith("harmonic")]
    state.harmonic, state.literature = False, True
    assert (
        list(state.curves[0].lines) == ["literature, calculated"]
        and list(reference_lines_of("biphenyl"))[-1] == "literature"
    )


def test_a_click_names_the_bond_and_the_motion(state):
    for near, pair, movers in ((1590, (0, 1), {0, 2}), (3580, (1, 2), {0})):
        state.click(0, near)
        found = state.assigned
        assert abs(found.wavenumber_cm1 - near) < 25 and tuple(found.pairs[0]) == pair and found.share[0] > 0.9
        swing = np.linalg.norm(np.ptp(found.positions, axis=0), axis=1)
        assert (
            found.bonds[0] in ("O1–H0", "O1–H2")
            and found.bonds[0] in assignment_table(found)
            and int(swing.argmax()) in movers
        )
    state.band = ()
    assert state.assigned is None and "Click a band" in assignment_table(None)


def test_a_molecule_that_is_taken_away_takes_its_assignment_along(state):
    state.click(0, 1600)
    state.samples = []
    assert state.assigned is None and state.curves == []


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


def test_lines_of_the_molecule_are_there_before_its_spectrum():
    state = RamanState(["malonaldehyde-enol"])
    figure = raman_figure(state)
    assert not state.curves and [t.name for t in figure.data] == ["malonaldehyde-enol, not computed yet: harmonic, DFT"]
    np.testing.assert_allclose(figure.data[0].x[::3], reference_lines_of("malonaldehyde-enol")["harmonic, DFT"][0])


def test_a_spectrum_is_drawn_before_the_shares_are_known(state):
    seen = series()
    state.samples, state.series = ["other"], {}
    state.progressed(0.5, "shares", replace(seen, name="other", shares=None))
    assert len(state.curves) == 1 and "Shares of bonds are not known" in (
        state.click(0, 1600) or assignment_table(state.assigned)
    )
    state._add(replace(seen, name="other"))
    assert state.assigned.share[0] > 0.9


def test_what_was_computed_before_is_there_at_once(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    name = "malonaldehyde-enol"
    run = load(name).trajectory
    made = series(name, frames=run.pos.shape[1])
    alpha = np.repeat(made.alpha, len(run.pos), 0)
    keep_series(replace(made, run=run, alpha=alpha))
    state = RamanState([name], resolution_cm1=20.0)
    monkeypatch.setattr(state, "run", lambda *_: pytest.fail("nothing is left to compute"))
    state.compute()
    assert len(state.curves) == 1 and not state.stale
    np.testing.assert_allclose(state.series[name].alpha, alpha, atol=1e-9)


def test_the_strongest_point_of_the_range_is_one(state):
    def curve():
        return next(t for t in raman_figure(state).data if t.name == "water").y

    whole = np.max(curve())
    state.range_cm1 = (2500.0, 4000.0)
    assert whole == np.max(curve()) == 1 and state.curves[0].y.max() == 1
    state.quantity = "depolarization ratio"
    assert 0.7 < np.nanmax(curve()) < 0.8


def test_a_run_that_is_only_known_elsewhere_is_asked_for():
    state = RamanState(["my-run"], series={})
    state.compute()
    assert state.message.startswith("my-run is not shipped") and not state.doing


def test_the_polarizability_changes_as_the_run_was_made(state):
    for near, change in ((1600, np.eye(3)), (3600, np.diag([1, -1, 0.0]))):
        state.click(0, near)
        found = np.sort(np.abs(np.linalg.eigvalsh(state.assigned.slope)))
        np.testing.assert_allclose(
            found, np.sort(np.abs(np.diag(change))) * 20, atol=3
        )  # 1 bohr³ for 0.05 Å of the atom that moves most
        np.testing.assert_allclose(state.assigned.alpha, 10 * np.eye(3), atol=0.1)


def test_bonds_light_up_in_large_molecules_too():
    "Where hundreds of pairs share a band, none has much of it."
    import ipywidgets

    run = load("biphenyl").trajectory
    molecule, pairs = Molecule(ipywidgets.ToggleButton()), np.stack(np.triu_indices(22, 1), 1)
    molecule.show(run.numbers, run.pos[0, :1])
    share = np.r_[0.02, -0.015, np.full(len(pairs) - 2, 1e-3)]
    molecule.light(pairs, share)
    assert molecule.lit == [((0, 1), 0.02), ((0, 2), -0.015)]
    molecule.light(pairs, np.full(len(pairs), 1 / len(pairs)))
    assert len(molecule.lit) == NAMED
    molecule.light(pairs[:0], share[:0])
    assert molecule.lit == []


# ---- files from outside


def xyz(tmp_path, frames, name="run.xyz"):
    write(tmp_path / name, frames)
    return name, (tmp_path / name).read_bytes()


def test_an_uploaded_run_with_polarizabilities_joins_the_comparison(state, tmp_path):
    run, alpha, _ = water(2000)
    frames = Frames(run.frames.numbers, run.frames.pos, alpha[0])
    state.upload(*xyz(tmp_path, frames))
    assert not state.message and state.samples == ["water", "run"] and len(state.curves) == 2


def test_an_uploaded_run_with_frames_too_far_apart_is_remarked_on(state, tmp_path):
    run, alpha, _ = water(20000)
    state.dt_fs = 10.0
    state.upload(*xyz(tmp_path, Frames(run.frames.numbers[::10], run.frames.pos[::10], alpha[0, ::10])))
    assert (
        len(state.curves) == 2
        and state.message.startswith("run: frames every 10 fs show nothing above 1668 cm-1")
        and "save a frame every 4.0 fs" in state.message
    )
    state.temperature_K = 350.0
    assert "10 fs" in state.message
    state.samples = ["water"]
    assert not state.message


def test_an_upload_joins_with_the_controls_attached_and_keeps_the_band(state, tmp_path):
    "New options of a widget unset its value for a moment."
    box, seen = raman_controls(state)[0], []
    state.click(0, 1590)
    state.observe(lambda change: seen.append(change.new), "samples")
    run, alpha, _ = water(2000)
    state.upload(*xyz(tmp_path, Frames(run.frames.numbers, run.frames.pos, alpha[0])))
    assert seen == [["water", "run"]] and box.value == ("water", "run") and state.assigned is not None
    box.value = ("run",)
    assert state.samples == ["run"]


def test_an_upload_named_like_a_shipped_molecule_stands_beside_it(state, tmp_path):
    run, alpha, _ = water(2000)
    state.upload(*xyz(tmp_path, Frames(run.frames.numbers, run.frames.pos, alpha[0]), "biphenyl.xyz"))
    assert state.samples == ["water", "biphenyl (upload)"]


def test_any_laser_can_be_set_and_comes_back(state):
    laser = next(w for w in raman_controls(state) if "bpm-laser_nm" in w._dom_classes)
    state.laser_nm = 633.0
    assert (
        laser.value == 633.0
        and RamanState(["water"], **{k: v for k, v in state.settings().items() if k != "samples"}).laser_nm == 633.0
    )


def test_a_setting_that_does_not_exist_is_told():
    for make in (RamanState, LabState):
        with pytest.raises(InputError, match="'resolution' is no setting"):
            make(resolution=20)
    assert RamanState("biphenyl").samples == ["biphenyl"]


def test_the_shares_follow_the_analyser():
    "One bond that is only isotropic and one that is only anisotropic, at one wavenumber."
    run, _, _ = water(4000)
    q = np.cos(2 * np.pi * C_CM_FS * 1600 * np.arange(4000))[:, None, None]
    parts = np.stack([q * np.eye(3), q * np.diag([1.0, -1, 0])], 1)
    made = Series(
        "two",
        run,
        parts.sum(1)[None],
        "",
        np.array([[0, 1], [1, 2]]),
        bond_shares(lambda g: parts, 1.0, 1, resolution_cm1=20.0),
    )
    state = RamanState(["two"], series={"two": made}, resolution_cm1=20.0, quantity="analyser")
    state.click(0, 1600)
    first = state.assigned.share
    state.analyser_deg = 90.0
    assert tuple(state.assigned.pairs[0]) == (1, 2) and state.assigned.share[0] > 0.99 > first.max()


BAD = {
    "binary": ("x.xyz", bytes(range(256)) * 40),
    "an image": ("x.png", b"\x89PNG"),
    "an empty file": ("x.xyz", b""),
    "not a number": ("x.xyz", b"2\n\nH 0 0 nan\nH 0 0 1\n" * 50),
    "half a frame": ("x.xyz", b"3\n\nH 0 0 0\n"),
    "an archive of something else": ("x.npz", b"PK\x03\x04" + bytes(100)),
    "a short run": ("x.xyz", b"2\n\nH 0 0 0\nH 0 0 0.8\n" * 3),
    "other elements": ("x.xyz", b"2\n\nU 0 0 0\nU 0 0 2.4\n" * 3000),
    "a path": ("../../x.xyz", b"nothing"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_upload_is_a_message_and_leaves_the_state(state, what, monkeypatch):
    monkeypatch.setattr("bpm_nb.models.polarizability.BondPolarizability", lambda: d_model())
    before = state.settings(), state.series, state.curves
    state.upload(*BAD[what])
    assert state.message and "\n" not in state.message and not state.doing
    assert (state.settings(), state.series, state.curves) == before


def d_model():
    "A small model, so that the refusal of an element is quick."

    class Small(BondPolarizability):
        def fit(self, X, y=None):
            return super().fit(X[:20])

    return Small(n_points=50)


@pytest.fixture(scope="module")
def small():
    "A small model of the enol."
    return BondPolarizability(n_points=100, gamma=0.5, lam=1e-6).fit(load("malonaldehyde-enol").train[:150])


def test_a_run_of_the_molecule_of_a_model_is_taken_and_another_is_named(state, small, tmp_path):
    state.models, state.model_of, state.dt_fs = {"mine": small}, "mine", 2.0
    state.upload(*xyz(tmp_path, load("malonaldehyde-enol").trajectory[0].frames[:2000]))
    assert (
        not state.message
        and state.series["run"].label == "run (model of mine)"
        and state.series["run"].shares is not None
    )
    before = state.settings(), state.series
    state.upload(*xyz(tmp_path, load("malonaldehyde-keto").trajectory[0].frames[:2000], "keto.xyz"))
    assert (
        state.message.startswith("keto.xyz: this is another molecule than the model of mine")
        and "upload frames with polarizabilities" in state.message
    )
    assert (state.settings(), state.series) == before


def test_frames_with_polarizabilities_give_a_model(state, small, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "bpm_nb.models.polarizability.BondPolarizability", lambda: BondPolarizability(n_points=200, gamma=0.5, lam=1e-6)
    )
    frames = load("malonaldehyde-keto").train[:60]
    state.upload_training(*xyz(tmp_path, frames, "keto.extxyz"))
    assert state.model_of == "keto" and state.message.startswith("The model of keto is there")
    assert state.models["keto"].score(frames) > 0.98
    state.upload(*xyz(tmp_path, load("malonaldehyde-keto").trajectory[0].frames[:2000], "my.xyz"))
    assert state.series["my"].label == "my (model of keto)"


@pytest.mark.parametrize(
    "frames, words", [(lambda f: Frames(f.numbers, f.pos), "polarizabilit"), (lambda f: f[:5], "too few for a model")]
)
def test_frames_that_give_no_model_are_a_message(state, tmp_path, frames, words):
    state.upload_training(*xyz(tmp_path, frames(load("malonaldehyde-enol").train[:30])))
    assert words in state.message and not state.models and state.model_of == "malonaldehyde-enol"


def test_a_trajectory_of_the_library_keeps_its_segments_and_its_time_step(state, small, tmp_path):
    run = segment(load("malonaldehyde-enol").trajectory, slice(2), 1000)
    write(tmp_path / "two.npz", run)
    state.models, state.model_of = {"mine": small}, "mine"
    state.upload("two.npz", (tmp_path / "two.npz").read_bytes())
    assert (
        not state.message
        and state.series["two"].alpha.shape == (2, 1000, 3, 3)
        and state.series["two"].run.dt_fs == run.dt_fs != state.dt_fs
    )


def test_a_huge_upload_is_refused_before_it_is_read(state):
    up = Upload("file", state.upload, state.fail)
    up.receive({"name": "x.xyz", "size": 2**30}, [])
    assert "1024 MB" in state.message and not state.doing


# ---- the laboratory


@pytest.fixture(scope="module")
def lab():
    data = load("malonaldehyde-enol")
    state = LabState(
        "malonaldehyde-enol", frames=(data.train[:80], data.test[:20]), n_train=60, n_points=60, degree=2, order=1
    )
    state.compute()
    return state


def test_the_map_is_full_and_the_point_is_on_the_grid(lab):
    assert not lab.message and not lab.stale and len(lab.columns) == len(GAMMAS)
    lab.gamma, lab.lam = 0.3, 3e-7
    assert lab.gamma in GAMMAS and lab.lam in LAMBDAS


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
    found = scan(train, model, GAMMAS)  # all bonds are its points
    full = LabState(lab.dataset, frames=lab.frames, n_train=60, n_points=2000, degree=2, order=1)
    full.compute()
    np.testing.assert_allclose(
        [full.columns[g].evidence for g in map(float, GAMMAS)], found.evidence.swapaxes(1, 2), atol=1.0
    )  # of hundreds: the jitter of the basis
    assert full.best[0] == found.best[0]
    np.testing.assert_allclose(
        np.log10(full.best[1]), np.log10(found.best[1]), atol=0.51
    )  # two neighbours may be as good as each other
    full.shown = "evidence"
    data = {t.name: t for t in lab_figure(full).data}
    assert (data["chosen isotropic"].x, data["chosen isotropic"].y) == ((full.best[1][0],), (full.best[0],))
    below = np.array(data["map anisotropic"].customdata)
    np.testing.assert_allclose(below, found.evidence[..., 1].max() - found.evidence[..., 1], atol=1.0)


def test_selections_differ_and_have_no_frame_twice():
    frames = load("malonaldehyde-enol").train
    found = [training_indices(frames, 50, how) for how in ("first", "random", "diverse")]
    assert all(len(np.unique(f)) == 50 for f in found) and len({tuple(sorted(f)) for f in found}) == 3


def test_too_few_frames_are_a_message(tmp_path):
    few = load("malonaldehyde-enol").train[:8]
    state = LabState(few)
    state.compute()
    assert "too few" in state.message and state.stale and not state.columns


@pytest.mark.parametrize("what", ["binary", "an empty file", "not a number", "a short run"])
def test_bad_training_frames_leave_the_laboratory(lab, what):
    before = lab.settings(), lab.frames, lab.columns
    lab.upload(*BAD[what])
    assert lab.message and (lab.settings(), lab.frames, lab.columns) == before
    lab.message, lab.stale = "", False


def test_the_laboratory_writes_what_it_shows(lab):
    files = lab_files(lab)
    assert (
        len(files["kernel.csv"].splitlines()) == 1 + len(GAMMAS) * len(LAMBDAS)
        and json.loads(files["kernel-settings.json"])["n_points"] == 60
    )


# ---- a process of its own


def in_a_loop(state, start, until, seconds=90):
    async def go():
        start()
        for _ in range(int(seconds / 0.05)):
            if until():
                return
            await asyncio.sleep(0.05)

    asyncio.run(go())


def test_a_slow_step_leaves_the_interface_free_and_reports(state):
    seen = []
    state.observe(lambda change: seen.append(change.new), "doing")
    in_a_loop(
        state, lambda: state.run(uploaded_training, ("x.xyz", b"nothing"), lambda _: None), lambda: not state.doing
    )
    assert "starting" in seen and state.message.startswith("x.xyz")


def test_a_slow_step_can_be_cancelled(lab):
    def stop():
        if lab.doing and lab._job.process:
            lab.cancel()
        return not lab.doing

    columns = lab.columns
    in_a_loop(lab, lambda: lab.run(time.sleep, (600,), lambda _: None), stop)
    assert not lab.doing and lab.stale and lab.columns is columns


def test_a_process_that_dies_is_a_message(state):
    in_a_loop(state, lambda: state.run(os.abort, (), lambda _: None), lambda: not state.doing)
    assert state.message and not state.doing


def test_an_upload_for_the_laboratory_keeps_its_name_and_its_frames(tmp_path):
    state = LabState("malonaldehyde-enol", n_train=20, n_points=30)
    menu = next(w for w in lab_controls(state) if "bpm-dataset" in getattr(w, "_dom_classes", ()))
    frames = load("malonaldehyde-keto").train[:25]
    for name, title in (("mine.xyz", "mine"), ("biphenyl.xyz", "biphenyl (upload)")):
        state.upload(*xyz(tmp_path, frames, name))
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


def test_settings_of_an_upload_that_is_gone_ask_for_it():
    state = LabState(**(LabState("malonaldehyde-enol").settings() | dict(dataset="mine")))
    state.compute()
    assert state.message == "mine is not shipped: upload its frames" and not state.doing


def test_a_bad_upload_does_not_make_a_whole_map_stale(lab):
    lab.stale = False
    lab.upload("x.xyz", b"nothing")
    assert lab.message and not lab.stale
    lab.message = ""


def test_two_jobs_may_start_at_once():
    "The environment that a process starts with is changed in one thread at a time."
    import asyncio

    async def both():
        said = {}
        jobs = [
            Job(
                uploaded_training,
                (f"{n}.xyz", b""),
                lambda *_: None,
                lambda _: None,
                lambda text, n=n: said.setdefault(n, text),
            )
            for n in "ab"
        ]
        for job in jobs:
            job.start()
        for _ in range(600):
            if len(said) == 2:
                return said
            await asyncio.sleep(0.1)
        return said

    said = asyncio.run(both())
    assert all("empty" in said[n] for n in "ab") and "TQDM_DISABLE" not in os.environ
