"A surface that asks for the frames it lacks: hydrogen fluoride and hydrogen, with fast references."

import json

import numpy as np
import pytest

from bpm_nb.core.files import InputError
from bpm_nb.data import Frames
from bpm_nb.data.files import read_frames, write
from bpm_nb.dynamics.calculators import gfn2, surface_values
from bpm_nb.models import BondEnergy
from bpm_nb.pipeline import Walk, active_surface

HF = np.array([9, 1])
HOT = [Walk(4000.0, length_fs=300.0)]


def answer(numbers, pos):
    energies, forces = surface_values(gfn2(), numbers, pos[None])
    return dict(energy=energies[0], forces=forces[0])


def known(lengths, reference=answer, numbers=HF):
    pos = np.array([[[0.0, 0, 0], [r, 0, 0]] for r in lengths])
    points = [reference(numbers, x) for x in pos]
    names = [name for name in ("energy", "forces", "alpha") if name in points[0]]
    return Frames(np.tile(numbers, (len(pos), 1)), pos, **{name: np.array([p[name] for p in points]) for name in names})


FIRST = known([0.88, 0.93, 0.98])


class Counted:
    "A reference that notes what it is asked, and fails after some answers."

    def __init__(self, fail_after=None):
        self.asked, self.fail_after = [], fail_after

    def __call__(self, numbers, pos):
        if self.fail_after is not None and len(self.asked) >= self.fail_after:
            raise KeyboardInterrupt
        self.asked.append(pos)
        return answer(numbers, pos)


@pytest.mark.filterwarnings("ignore:the model has learned little")
def test_rounds_go_on_until_every_run_stays_inside(tmp_path):
    model, frames, rounds = active_surface(tmp_path / "more.npz", FIRST, answer, HOT)
    assert rounds[0].n_strange >= rounds[0].n_new >= 1
    assert rounds[-1].n_new == rounds[-1].n_stopped == rounds[-1].n_strange == 0
    assert [r.n_frames for r in rounds] == list(np.cumsum([3, *(r.n_new for r in rounds[:-1])]))
    assert len(frames) == rounds[-1].n_frames > 3
    energies, forces = surface_values(gfn2(), HF, frames.pos)
    np.testing.assert_allclose(frames.energy, energies, atol=1e-5)
    np.testing.assert_allclose(frames.forces, forces, atol=1e-4)
    np.testing.assert_array_equal(read_frames(tmp_path / "more.npz").pos, frames.pos)
    assert not (tmp_path / "more.npz.parts").exists()
    far = np.linalg.norm(frames.pos[:, 1] - frames.pos[:, 0], axis=1)
    between = known(np.linspace(far.min(), far.max(), 20))
    before, after = (np.abs(m.predict(between) - between.energy).max() for m in (BondEnergy().fit(FIRST), model))
    assert after < 0.2 * before, "the surface is known where the run went"


@pytest.mark.filterwarnings("ignore:the model has learned little")
def test_a_stopped_loop_goes_on_and_asks_nothing_twice(tmp_path):
    whole, stopped, resumed = Counted(), Counted(fail_after=2), Counted()
    settings = dict(n_rounds=2, per_round=4)
    _, expected, rounds = active_surface(tmp_path / "whole.npz", FIRST, whole, HOT, **settings)
    with pytest.raises(KeyboardInterrupt):
        active_surface(tmp_path / "more.npz", FIRST, stopped, HOT, **settings)
    _, frames, again = active_surface(tmp_path / "more.npz", FIRST, resumed, HOT, **settings)
    assert len(stopped.asked) + len(resumed.asked) == len(whole.asked) + 1  # the known geometry is asked for again
    np.testing.assert_array_equal(frames.pos, expected.pos)
    assert again == rounds


@pytest.mark.filterwarnings("ignore:the model has learned little")
def test_rounds_that_run_out_are_seen(tmp_path):
    _, frames, rounds = active_surface(tmp_path / "more.npz", FIRST, answer, HOT, n_rounds=1, per_round=1)
    assert len(rounds) == 1 and rounds[0].n_new == 1 and len(frames) == 4


def test_a_surface_that_knows_enough_asks_nothing(tmp_path):
    first, reference = known(np.linspace(0.75, 1.3, 12)), Counted()
    calm = [Walk(300.0, length_fs=100.0), Walk(300.0, 4, length_fs=50.0)]
    _, frames, rounds = active_surface(tmp_path / "more.npz", first, reference, calm)
    assert len(reference.asked) == 1 and len(frames) == 12 and len(rounds) == 1 and not rounds[0].n_strange


def test_another_level_of_theory_is_refused(tmp_path):
    def shifted(numbers, pos):
        point = answer(numbers, pos)
        return point | dict(energy=point["energy"] + 0.5)

    with pytest.raises(InputError, match="differs from the frames in energy by 0.5 .*level of theory"):
        active_surface(tmp_path / "more.npz", FIRST, shifted, HOT)


def test_what_cannot_be_learned_is_refused(tmp_path):
    two = Frames([[9, 1], [17, 1]], FIRST.pos[:2], energy=FIRST.energy[:2])
    with pytest.raises(InputError, match="frames of one molecule"):
        active_surface(tmp_path / "more.npz", two, answer, HOT)
    with pytest.raises(InputError, match="at least one run"):
        active_surface(tmp_path / "more.npz", FIRST, answer, [])


@pytest.fixture(scope="module")
def hydrogen(tmp_path_factory):
    pytest.importorskip("pyscf", reason="the reference extra is not installed")
    from bpm_nb.reference import Level
    from bpm_nb.reference.frames import frame_point

    frames = known(np.linspace(0.68, 0.82, 6), lambda n, x: frame_point(n, x, Level("hf", "6-31g**")), np.array([1, 1]))
    file = tmp_path_factory.mktemp("hydrogen") / "few.npz"
    write(file, frames)
    return file


def run(capsys, text):
    from bpm_nb.cli.program import main

    code = main(text.split())
    return code, *capsys.readouterr()


def test_the_verb_adds_frames_with_all_that_they_carry(hydrogen, tmp_path, capsys):
    call = f"active {hydrogen} -o {tmp_path}/more.npz --model {tmp_path}/surface.npz --xc hf --basis 6-31g** --json"
    code, out, err = run(capsys, f"{call} --temperature 2000 --length-fs 100 --per-round 3")
    assert not code, err
    result, more = json.loads(out), read_frames(tmp_path / "more.npz")
    assert result["n_frames"] == len(more) > 6 and more.alpha is not None
    miss = BondEnergy.load(tmp_path / "surface.npz").predict(more) - more.energy
    assert np.abs(miss).max() < 0.05 * np.ptp(more.energy)


@pytest.mark.parametrize(
    "options, words",
    [
        ("--xc hf --basis sto-3g", "differs from the frames in energy"),
        ("--xc nonsense", "nonsense"),
        ("--charge 7", "charge"),
        ("--temperature 0", "is not above 0"),
        ("--model {hydrogen}", "it is the input"),
        ("--model {output}", "it is the input"),
        ("--length-fs 0.1", "at least one step"),
        ("--baseline gfn2 --charge 2", "neutral molecules"),
    ],
)
def test_the_verb_says_what_cannot_be(hydrogen, tmp_path, capsys, options, words):
    options = options.format(hydrogen=hydrogen, output=tmp_path / "more.npz")
    try:
        code, _, err = run(capsys, f"active {hydrogen} -o {tmp_path}/more.npz {options}")
    except SystemExit as e:
        code, err = e.code, capsys.readouterr().err
    assert code == 2 and words in err and "Traceback" not in err


def test_frames_without_energies_are_refused(hydrogen, tmp_path, capsys):
    frames = read_frames(hydrogen)
    write(tmp_path / "bare.npz", Frames(frames.numbers, frames.pos, alpha=frames.alpha))
    code, _, err = run(capsys, f"active {tmp_path}/bare.npz -o {tmp_path}/more.npz --xc hf --basis 6-31g**")
    assert code == 2 and "bare.npz" in err and "energ" in err


def test_a_wrong_level_can_be_mended_and_another_one_cannot_slip_in(tmp_path):
    "After a refused reference the right one is taken; a loop that was begun goes on with the same only."

    def shifted(numbers, pos):
        point = answer(numbers, pos)
        return point | dict(energy=point["energy"] + 0.5)

    out = tmp_path / "more.npz"
    with pytest.raises(InputError, match="level of theory"):
        active_surface(out, FIRST, shifted, HOT, reference_name="shifted")
    with pytest.raises(KeyboardInterrupt):
        active_surface(out, FIRST, Counted(fail_after=1), HOT, reference_name="gfn2")
    with pytest.raises(InputError, match="level of theory"):
        active_surface(out, FIRST, shifted, HOT, reference_name="gfn2")
    with pytest.raises(InputError, match="other settings"):
        active_surface(out, FIRST, answer, HOT, reference_name="another")
    assert len(active_surface(out, FIRST, answer, HOT, n_rounds=1, reference_name="gfn2")[1]) > 3


@pytest.mark.filterwarnings("ignore:the model has learned little")
def test_no_more_is_asked_than_was_said_and_nothing_twice(tmp_path):
    reference = Counted()
    walks = [*HOT, Walk(4500.0, length_fs=300.0), Walk(5000.0, length_fs=300.0)]
    _, frames, rounds = active_surface(tmp_path / "more.npz", FIRST, reference, walks, n_rounds=3, per_round=2)
    assert all(r.n_new <= 2 for r in rounds)
    distances = np.linalg.norm(frames.pos[:, 1] - frames.pos[:, 0], axis=1)
    assert len(np.unique(distances.round(6))) == len(frames)


@pytest.mark.parametrize(
    "settings", [dict(n_beads=0), dict(length_fs=0.2), dict(step_fs=0.0), dict(temperature_K=-1.0)]
)
def test_runs_that_are_none_are_refused(settings):
    with pytest.raises(InputError, match="at least one step"):
        Walk(**(dict(temperature_K=300.0) | settings))


def test_a_baseline_that_is_none_is_no_strange_geometry():
    from bpm_nb.pipeline import strange_geometries

    model = BondEnergy().fit(known([0.85, 0.9, 0.95, 1.0]))
    model.baseline = "nothing"
    with pytest.raises(InputError, match="nothing"):
        strange_geometries(model, HF, FIRST.pos[0], HOT[0], [0])
