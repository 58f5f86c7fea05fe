"Files from outside: runs, frames for a model, and what is neither."

import io

import numpy as np
import pytest

pytest.importorskip("anywidget", reason="the widgets extra is not installed")

from dashboard_samples import BAD_FILES, as_upload, in_a_loop, water_run

from bpm_nb.core.files import InputError
from bpm_nb.dashboards.kernel_state import LabState
from bpm_nb.dashboards.raman import raman_compare, resolution_offer
from bpm_nb.dashboards.runs import positions_of
from bpm_nb.dashboards.widgets import status_html
from bpm_nb.data.datasets import load
from bpm_nb.data.files import write
from bpm_nb.data.records import Frames
from bpm_nb.models.polarizability import BondPolarizability


def test_an_uploaded_run_with_polarizabilities_joins_the_comparison(state, tmp_path):
    run, alpha, _ = water_run(2000)
    frames = Frames(run.frames.numbers, run.frames.pos, alpha[0])
    state.upload(*as_upload(tmp_path, frames))
    assert not state.message and state.samples == ["water", "run"] and len(state.curves) == 2


def test_an_uploaded_run_with_frames_too_far_apart_is_remarked_on(state, tmp_path):
    run, alpha, _ = water_run(20000)
    state.dt_fs = 10.0
    state.upload(*as_upload(tmp_path, Frames(run.frames.numbers[::10], run.frames.pos[::10], alpha[0, ::10])))
    assert (
        len(state.curves) == 2
        and state.message.startswith("run: frames every 10 fs show nothing above 1668 cm-1")
        and "save a frame every 4.0 fs" in state.message
    )
    state.temperature_K = 350.0
    assert "10 fs" in state.message
    state.samples = ["water"]
    assert not state.message


def test_an_upload_named_like_a_shipped_molecule_stands_beside_it(state, tmp_path):
    run, alpha, _ = water_run(2000)
    state.upload(*as_upload(tmp_path, Frames(run.frames.numbers, run.frames.pos, alpha[0]), "biphenyl.xyz"))
    assert state.samples == ["water", "biphenyl (upload)"]


@pytest.mark.parametrize("what", BAD_FILES)
def test_a_bad_upload_is_a_message_and_leaves_the_state(state, what, monkeypatch):
    monkeypatch.setattr("bpm_nb.models.polarizability.BondPolarizability", lambda: d_model())
    before = state.settings(), state.series, state.curves
    state.upload(*BAD_FILES[what])
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
    state.upload(*as_upload(tmp_path, load("malonaldehyde-enol").trajectory[0].frames[:2000]))
    assert (
        not state.message
        and state.series["run"].label == "run (model of mine)"
        and state.series["run"].shares is not None
    )
    before = state.settings(), state.series
    state.upload(*as_upload(tmp_path, load("malonaldehyde-keto").trajectory[0].frames[:2000], "keto.xyz"))
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
    state.upload_training(*as_upload(tmp_path, frames, "keto.extxyz"))
    assert state.model_of == "keto" and state.message.startswith("The model of keto is there")
    assert state.models["keto"].score(frames) > 0.98
    state.upload(*as_upload(tmp_path, load("malonaldehyde-keto").trajectory[0].frames[:2000], "my.xyz"))
    assert state.series["my"].label == "my (model of keto)"


@pytest.mark.parametrize(
    "frames, words", [(lambda f: Frames(f.numbers, f.pos), "polarizabilit"), (lambda f: f[:5], "too few for a model")]
)
def test_frames_that_give_no_model_are_a_message(state, tmp_path, frames, words):
    state.upload_training(*as_upload(tmp_path, frames(load("malonaldehyde-enol").train[:30])))
    assert words in state.message and not state.models and state.model_of == "malonaldehyde-enol"


def test_a_trajectory_of_the_library_keeps_its_segments_and_its_time_step(state, small, tmp_path):
    run = positions_of(load("malonaldehyde-enol").trajectory, slice(2), 1000)
    write(tmp_path / "two.npz", run)
    state.models, state.model_of = {"mine": small}, "mine"
    state.upload("two.npz", (tmp_path / "two.npz").read_bytes())
    assert (
        not state.message
        and state.series["two"].alpha.shape == (2, 1000, 3, 3)
        and state.series["two"].run.dt_fs == run.dt_fs != state.dt_fs
    )


def test_an_upload_that_unpacks_to_much_is_refused(state):
    content = io.BytesIO()
    np.savez_compressed(content, numbers=np.zeros(2**25 + 1), pos=np.zeros(3))
    state.upload("run.npz", content.getvalue())
    assert "run.npz: it unpacks to more than 256 MB" in state.message


@pytest.mark.parametrize("name", ["a\0b.xyz", "a" * 300 + ".xyz"])
def test_a_name_that_no_file_can_have_is_a_message(state, name):
    state.upload(name, b"3\n\nO 0 0 0\n")
    assert "cannot be the name of a file" in state.message


def test_a_second_upload_waits_for_the_first_and_an_old_error_goes(state, tmp_path):
    run, alpha, _ = water_run(2000)
    upload = as_upload(tmp_path, Frames(run.frames.numbers, run.frames.pos, alpha[0]))

    def both():
        state.fail("something old")
        state.upload("one.xyz", upload[1])
        assert not state.message and state.doing
        state.upload("two.xyz", upload[1])
        assert state.waiting == ["two.xyz"] and "waits in line: two.xyz" in status_html(state)

    in_a_loop(state, both, lambda: not (state.doing or state.waiting))
    assert state.samples == ["water", "one", "two"] and not state.message


def test_a_run_too_short_for_the_resolution_offers_the_one_that_it_carries(state, tmp_path):
    run, alpha, _ = water_run(2000)
    state.resolution_cm1 = 9.0
    assert state.offered_cm1 == 0.0  # 4 ps carry 8.5 cm⁻¹
    offer = resolution_offer(state)
    assert offer.layout.display == "none"
    state.upload(*as_upload(tmp_path, Frames(run.frames.numbers, run.frames.pos, alpha[0]), "short.xyz"))
    assert "too short" in state.message and 9 < state.offered_cm1 <= 40 and state.offered_cm1 % 0.5 == 0
    assert offer.layout.display is None and f"{state.offered_cm1:g}" in offer.description
    finest = state.offered_cm1
    offer.click()
    assert state.resolution_cm1 == finest and not state.message and len(state.curves) == 2
    assert offer.layout.display == "none" and state.offered_cm1 == 0.0
    state.resolution_cm1 = finest - 0.5
    assert state.offered_cm1 == finest and state.message


@pytest.mark.parametrize("ending", ["traj", "dump", "xtc"])
def test_runs_of_other_programs_are_taken_as_on_the_command_line(state, small, tmp_path, ending):
    from ase.io import write as ase_write

    frames = load("malonaldehyde-enol").trajectory[0].frames[:2000]
    state.models, state.model_of, state.dt_fs = {"mine": small}, "mine", 2.0
    if ending == "xtc":
        mda = pytest.importorskip("MDAnalysis", reason="the mdanalysis extra is not installed")
        names = [a.symbol for a in frames.to_ase()[0]]
        universe = mda.Universe.empty(len(names), trajectory=True)
        for key in ("names", "elements", "types"):
            universe.add_TopologyAttr(key, names)
        universe.add_TopologyAttr("resnames", ["MOL"])
        universe.load_new(frames.pos.astype("f4"), dt=0.002)
        universe.atoms.write(str(tmp_path / "atoms.pdb"))
        universe.atoms.write(str(tmp_path / "run.xtc"), frames="all")
        state.upload("run.xtc", (tmp_path / "run.xtc").read_bytes())
        assert "upload the file that names the atoms first" in state.message
        state.upload("atoms.pdb", (tmp_path / "atoms.pdb").read_bytes())
        assert "atoms.pdb names the atoms" in state.message
    elif ending == "traj":
        ase_write(tmp_path / "run.traj", frames.to_ase())
    else:
        lines = []
        for k, pos in enumerate(frames.pos):
            lines += ["ITEM: TIMESTEP", str(k), "ITEM: NUMBER OF ATOMS", str(len(pos)), "ITEM: BOX BOUNDS ff ff ff"]
            lines += ["-20 20"] * 3 + ["ITEM: ATOMS id element x y z"]
            symbols = frames[:1].to_ase()[0].get_chemical_symbols()
            lines += [f"{j} {s} {x:.5f} {y:.5f} {z:.5f}" for j, (s, (x, y, z)) in enumerate(zip(symbols, pos), 1)]
        (tmp_path / "run.dump").write_text("\n".join(lines) + "\n")
    state.upload(f"run.{ending}", (tmp_path / f"run.{ending}").read_bytes())
    assert not state.message, state.message
    found = state.series["run"]
    np.testing.assert_allclose(found.run.dt_fs, 2.0, rtol=1e-4)
    np.testing.assert_allclose(
        np.linalg.norm(np.diff(found.run.pos[0, :, :2], axis=1), axis=-1),
        np.linalg.norm(np.diff(frames.pos[:, :2], axis=1), axis=-1),
        atol=0.02,
    )


def test_runs_from_python_are_what_their_files_are(small, tmp_path):
    run = positions_of(load("malonaldehyde-enol").trajectory, slice(1), 2000)
    write(tmp_path / "run.npz", run)
    runs = dict(record=run, atoms=run.to_ase(), file=tmp_path / "run.npz")
    settings = dict(dt_fs=run.dt_fs, resolution_cm1=12.0, models={"mine": small}, model_of="mine")
    made = raman_compare(runs=runs, **settings).state
    assert not made.message and made.samples == list(runs)
    first, *others = (made.series[name] for name in runs)
    assert first.note == "model of mine" and first.shares is not None
    for other in others:
        assert other.run.dt_fs == run.dt_fs
        np.testing.assert_allclose(other.alpha, first.alpha, atol=1e-2)


def test_another_molecule_from_python_is_a_message_and_no_run_an_error(small):
    keto = load("malonaldehyde-keto").trajectory[:1]
    made = raman_compare(runs={"keto": positions_of(keto, steps=2000)}, models={"mine": small}, model_of="mine").state
    assert made.message.startswith("keto: this is another molecule") and not made.samples
    for runs, words in ((keto, "with a name for each run"), ({"x": 3}, "x: a value of type int holds no frames")):
        with pytest.raises(InputError, match=words):
            raman_compare(runs=runs)
    single = raman_compare(runs={"one": keto.to_ase()[0]}, models={"mine": small}, model_of="mine").state
    assert single.message.startswith("1 frame(s) are no trajectory") and not single.samples


def test_the_laboratory_takes_atoms():
    frames = load("malonaldehyde-enol").train[:30]
    train, rest = LabState(frames.to_ase(), n_train=20).frames
    assert rest is None and len(train) == 30
    np.testing.assert_allclose(train.alpha, frames.alpha)
    with pytest.raises(InputError, match="polarizabilit"):
        LabState(Frames(frames.numbers, frames.pos).to_ase())
