"""The command line on real files: the whole job, and every bad input in one line."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write as ase_write
from ase.units import Bohr
from command_line import call

from bpm_nb.cli.program import main
from bpm_nb.data.datasets import load
from bpm_nb.data.files import read_frames, write
from bpm_nb.data.records import Frames, Trajectory
from bpm_nb.models.polarizability import BondPolarizability

ENOL = load("malonaldehyde-enol")


def to_xyz(path, frames, unit=1.0, **changes):
    "Extended xyz as ASE users write it."
    images = []
    for n, p, a in zip(frames.numbers, frames.pos, frames.alpha):
        images.append(Atoms(n[n > 0], p[n > 0], info=dict(polarizability=a.ravel() * unit)))
    ase_write(path, images, format="extxyz")
    return str(path)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    "A folder with a training file, a test file and a fitted model."
    folder = tmp_path_factory.mktemp("work")
    to_xyz(folder / "train.xyz", ENOL.train[:40])
    to_xyz(folder / "test.xyz", ENOL.test[:10])
    assert main(["fit", str(folder / "train.xyz"), "-o", str(folder / "model.npz"), "--n-points", "400"]) == 0
    return folder


def test_the_whole_job_from_xyz(work, capsys):
    code, out, _ = call(capsys, "evaluate", work / "model.npz", work / "test.xyz", "--json")
    found = json.loads(out)
    assert code == 0 and found["n_frames"] == 10
    assert {
        "iso_rmse_au",
        "beta_rmse_au",
        "alpha_rmse_au",
        "iso_relative",
        "beta_relative",
        "alpha_relative",
    } <= found.keys()
    assert found["alpha_relative"] < 0.4
    code, _, _ = call(capsys, "predict", work / "model.npz", work / "test.xyz", "-o", work / "out.xyz")
    again = read_frames(work / "out.xyz", need="alpha")
    reference = read_frames(work / "test.xyz", need="alpha")
    assert code == 0 and np.sqrt(np.mean((again.alpha - reference.alpha) ** 2)) == pytest.approx(
        found["alpha_rmse_au"], rel=1e-6
    )


def test_polarizabilities_in_cubic_angstrom(work, capsys):
    to_xyz(work / "angstrom.xyz", ENOL.test[:10], Bohr**3)
    results = [
        json.loads(call(capsys, "evaluate", work / "model.npz", work / name, "--unit", unit, "--json")[1])
        for name, unit in (("test.xyz", "bohr3"), ("angstrom.xyz", "angstrom3"))
    ]
    assert results[0] == pytest.approx(results[1], rel=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        ["--bonds", "covalent"],
        ["--basis", "bonds", "--cutoff", "3"],
        ["--basis", "structures"],
        ["--lam", "1e-6", "--gamma", "0.1"],
    ],
)
def test_fit_with_options(work, capsys, options):
    code, out, err = call(capsys, "fit", work / "train.xyz", "-o", work / "other.npz", "--json", *options)
    assert code == 0, err
    assert json.loads(out)["n_frames"] == 40
    model = BondPolarizability.load(work / "other.npz")
    assert all(
        str(getattr(model, k[2:].replace("-", "_"))) in (v, f"{float(v) if v[0].isdigit() else v}")
        for k, v in zip(options[::2], options[1::2])
    )


def test_molecules_may_be_mixed_in_one_file(tmp_path, capsys):
    def water(n, seed):
        rng = np.random.default_rng(seed)
        pos = np.array([[0, 0, 0.12], [0, 0.76, -0.47], [0, -0.76, -0.47]]) + rng.normal(scale=0.03, size=(n, 3, 3))
        return Frames(
            np.tile([8, 1, 1], (n, 1)),
            pos,
            np.eye(3) * 9 + 0.1 * np.einsum("si,sj->sij", pos[:, 1] - pos[:, 0], pos[:, 1] - pos[:, 0]),
        )

    for name, enol, seed in (("train", ENOL.train[:20], 0), ("test", ENOL.test[:5], 1)):
        to_xyz(tmp_path / f"{name}.xyz", enol)
        to_xyz(tmp_path / "w.xyz", water(5, seed))
        (tmp_path / f"{name}.xyz").write_text((tmp_path / f"{name}.xyz").read_text() + (tmp_path / "w.xyz").read_text())
    assert call(capsys, "fit", tmp_path / "train.xyz", "-o", tmp_path / "m.npz")[0] == 0
    found = json.loads(call(capsys, "evaluate", tmp_path / "m.npz", tmp_path / "test.xyz", "--json")[1])
    assert found["n_frames"] == 10 and found["alpha_relative"] < 0.05


@pytest.mark.parametrize("ending", ["csv", "html"])
def test_a_spectrum_from_an_npz_and_from_xyz(work, capsys, ending):
    short = Trajectory(ENOL.trajectory.numbers, ENOL.trajectory.pos[:2, :1500], 2.0)
    write(work / "run.npz", short)
    write(work / "run.xyz", short)
    code, out, err = call(
        capsys,
        "spectrum",
        work / "model.npz",
        work / "run.npz",
        "-o",
        work / f"s.{ending}",
        "--resolution",
        "20",
        "--json",
    )
    assert code == 0, err
    assert json.loads(out)["peaks"][0]["wavenumber_cm1"] > 0 and (work / f"s.{ending}").stat().st_size > 1000
    code, _, err = call(
        capsys,
        "spectrum",
        work / "model.npz",
        work / "run.xyz",
        "--dt-fs",
        "2",
        "-o",
        work / f"t.{ending}",
        "--resolution",
        "20",
    )
    assert code == 0, err


def test_help_has_an_example_for_every_verb(capsys):
    for verb in ("fit", "evaluate", "predict", "spectrum", "assign", "compare", "convert", "reference", "demo"):
        with pytest.raises(SystemExit) as stop:
            main([verb, "--help"])
        assert stop.value.code == 0 and f"example:\n  bpm-nb {verb} " in capsys.readouterr().out


# ---- bad input ------------------------------------------------------------------------------------------------------


def text_of(frames, tmp_path):
    return Path(to_xyz(tmp_path / "t.xyz", frames)).read_text()


def without_key(text):
    return text.replace("polarizability=", "something=")


def without_key_once(text):
    return text[::-1].replace("polarizability="[::-1], "something="[::-1], 1)[::-1]


def with_nan(text):
    return _number(text, 1, "nan")


def with_inf(text):
    return _number(text, 2, "inf")


def empty(text):
    return ""


def truncated(text):
    return text[: int(len(text) * 0.97)]


def of_another_kind(text):
    return "\x00\x01\x02 this is no xyz file\n"


def eight_numbers(text):
    head, rest = text.split('polarizability="', 1)
    numbers, rest = rest.split('"', 1)
    return f'{head}polarizability="{" ".join(numbers.split()[:8])}"{rest}'


def not_symmetric(text):
    head, rest = text.split('polarizability="', 1)
    numbers, rest = rest.split('"', 1)
    values = numbers.split()
    values[1] = str(float(values[1]) + 5)
    return f'{head}polarizability="{" ".join(values)}"{rest}'


def nan_polarizability(text):
    head, rest = text.split('polarizability="', 1)
    return f'{head}polarizability="nan {rest.split(" ", 1)[1]}'


def on_top(text):
    lines = text.splitlines(keepends=True)
    lines[3] = lines[3].split()[0] + lines[2][len(lines[2].split()[0]) :]
    return "".join(lines)


def scattered(text):
    lines = text.splitlines(keepends=True)
    for k in range(2, 11):
        name, *xyz = lines[k].split()
        lines[k] = f"{name} {' '.join(str(50 * float(v)) for v in xyz[:3])}\n"
    return "".join(lines)


def dummy_atom(text):
    return text.replace("\nO ", "\nX ", 1)


def periodic(text):
    return text.replace('pbc="F F F"', 'Lattice="9 0 0 0 9 0 0 0 9" pbc="T T T"', 1)


def as_words(text):
    return text.replace('polarizability="', 'polarizability="{', 1)


def without_atoms(text):
    return "0\nProperties=species:S:1:pos:R:3\n"


def with_sulfur(text):
    return text.replace("\nO ", "\nS ", 1)


def _number(text, atom, value):
    lines = text.splitlines(keepends=True)
    name, _, *rest = lines[2 + atom].split()
    lines[2 + atom] = f"{name} {value} {' '.join(rest)}\n"
    return "".join(lines)


BAD_TRAINING = [
    (without_key, ["no polarizability", "'polarizability'"]),
    (without_key_once, ["frame 3", "no 'polarizability'"]),
    (with_nan, ["frame 0", "atom 1", "not a finite"]),
    (with_inf, ["frame 0", "atom 2", "not a finite"]),
    (nan_polarizability, ["frame 0", "polarizability", "not a finite"]),
    (empty, ["empty"]),
    (truncated, ["frame 3"]),
    (of_another_kind, ["frame 0", "not readable"]),
    (eight_numbers, ["frame 0", "8 numbers", "expected 9"]),
    (not_symmetric, ["frame 0", "not symmetric"]),
    (on_top, ["frame 0", "atoms 0 and 1", "on top"]),
    (scattered, ["frame 0", "no bonds"]),
    (dummy_atom, ["frame 0", "dummy atom"]),
    (periodic, ["frame 0", "periodic"]),
    (as_words, ["frame 0", "nine numbers"]),
    (without_atoms, ["atom"]),
]


def is_one_line(code, out, err, *words):
    assert code == 2 and out == "" and err.count("\n") == 1 and err.startswith("bpm-nb: ") and "Traceback" not in err, (
        err
    )
    for w in words:
        assert w in err, (w, err)


@pytest.mark.parametrize("spoil, words", BAD_TRAINING, ids=lambda x: getattr(x, "__name__", ""))
def test_bad_training_frames(tmp_path, capsys, spoil, words):
    (tmp_path / "bad.xyz").write_text(spoil(text_of(ENOL.train[:4], tmp_path)))
    is_one_line(*call(capsys, "fit", tmp_path / "bad.xyz", "-o", tmp_path / "m.npz"), "bad.xyz", *words)
    assert not (tmp_path / "m.npz").exists()


@pytest.mark.parametrize(
    "spoil, words",
    [
        (with_sulfur, ["frame 0", "atom", "element S"]),
        (with_nan, ["frame 0", "atom 1"]),
        (on_top, ["frame 0", "atoms 0 and 1"]),
        (scattered, ["frame 0", "no bonds"]),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_bad_frames_to_predict(work, tmp_path, capsys, spoil, words):
    (tmp_path / "bad.xyz").write_text(spoil(text_of(ENOL.test[:4], tmp_path)))
    is_one_line(
        *call(capsys, "predict", work / "model.npz", tmp_path / "bad.xyz", "-o", tmp_path / "p.npz"), "bad.xyz", *words
    )
    is_one_line(*call(capsys, "evaluate", work / "model.npz", tmp_path / "bad.xyz"), "bad.xyz", *words)


def npz(path, **arrays):
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    "arrays, words",
    [
        (dict(x=np.arange(3)), "numbers"),
        (dict(numbers=np.ones((2, 3)), pos=np.zeros((2, 4, 3)), alpha=np.zeros((2, 3, 3))), "shape"),
        (
            dict(numbers=np.ones((2, 3)), pos=np.random.default_rng(0).normal(size=(2, 3, 3)), alpha=np.zeros((2, 3))),
            "shape",
        ),
        (dict(numbers=np.array(["a"]), pos=np.zeros((1, 1, 3))), "numbers"),
        (dict(numbers=np.full((1, 2), 1.7), pos=np.zeros((1, 2, 3))), "whole"),
        (dict(numbers=np.zeros((3, 0)), pos=np.zeros((3, 0, 3))), "no atom"),
        (dict(numbers=np.ones((1, 2)), pos=1j * np.ones((1, 2, 3))), "not an array of numbers"),
        (dict(numbers=[[8, 0, 1]], pos=np.eye(3)[None]), "frame 0, atom 1"),
        (dict(numbers=np.ones((0, 3)), pos=np.zeros((0, 3, 3)), alpha=np.zeros((0, 3, 3))), "no frame"),
    ],
)
def test_npz_of_the_wrong_shape(tmp_path, capsys, arrays, words):
    is_one_line(*call(capsys, "fit", npz(tmp_path / "bad.npz", **arrays), "-o", tmp_path / "m.npz"), "bad.npz", words)


@pytest.mark.parametrize(
    "spoil",
    [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"hello", lambda b: b[:400] + b"\x00" * 300 + b[700:]],
)
def test_a_broken_model_file(work, tmp_path, capsys, spoil):
    (tmp_path / "m.npz").write_bytes(spoil((work / "model.npz").read_bytes()))
    is_one_line(*call(capsys, "evaluate", tmp_path / "m.npz", work / "test.xyz"), "m.npz")


def test_a_foreign_model_file(work, tmp_path, capsys):
    is_one_line(
        *call(capsys, "evaluate", npz(tmp_path / "m.npz", a=np.ones(3)), work / "test.xyz"), "m.npz", "not a model"
    )
    import pickle

    (tmp_path / "evil.npz").write_bytes(pickle.dumps({"a": 1}))
    is_one_line(*call(capsys, "evaluate", tmp_path / "evil.npz", work / "test.xyz"), "evil.npz")
    np.savez(tmp_path / "object.npz", format=np.array([{"a": 1}], dtype=object))
    is_one_line(*call(capsys, "evaluate", tmp_path / "object.npz", work / "test.xyz"), "object.npz")
    is_one_line(*call(capsys, "evaluate", work / "none.npz", work / "test.xyz"), "none.npz", "no such file")


@pytest.mark.parametrize(
    "name, change",
    [
        ("params", lambda x: "3"),
        ("params", lambda x: str(x).replace('"memory_mb": 2048', '"memory_mb": "a"')),
        ("atomic", lambda x: x[:1]),
        ("params", lambda x: str(x).replace('"n": 6', '"n": 5')),
        ("weights", lambda x: x[:-1]),
        ("weights", lambda x: x * np.nan),
        ("points", None),
    ],
)
def test_a_model_file_whose_parts_do_not_fit(work, tmp_path, capsys, name, change):
    with np.load(work / "model.npz") as f:
        arrays = dict(f)
    key = next(k for k in arrays if k.endswith(name))
    if change:
        arrays[key] = change(arrays[key])
    else:
        del arrays[key]
    is_one_line(
        *call(capsys, "predict", npz(tmp_path / "m.npz", **arrays), work / "test.xyz", "-o", tmp_path / "p.npz"),
        "broken",
    )


def test_a_pair_of_elements_that_the_model_never_saw(tmp_path, capsys):
    "Water and methane have O, H and C, but no C near an O."
    rng = np.random.default_rng(0)
    water = np.array([[0, 0, 0.12], [0, 0.76, -0.47], [0, -0.76, -0.47]]) + rng.normal(scale=0.03, size=(4, 3, 3))
    methane = np.array(
        [[0, 0, 0], [0.63, 0.63, 0.63], [-0.63, -0.63, 0.63], [0.63, -0.63, -0.63], [-0.63, 0.63, -0.63]]
    ) + rng.normal(scale=0.03, size=(4, 5, 3))
    to_xyz(tmp_path / "w.xyz", Frames(np.tile([8, 1, 1], (4, 1)), water, np.tile(9 * np.eye(3), (4, 1, 1))))
    to_xyz(tmp_path / "m.xyz", Frames(np.tile([6, 1, 1, 1, 1], (4, 1)), methane, np.tile(16 * np.eye(3), (4, 1, 1))))
    (tmp_path / "train.xyz").write_text((tmp_path / "w.xyz").read_text() + (tmp_path / "m.xyz").read_text())
    assert call(capsys, "fit", tmp_path / "train.xyz", "-o", tmp_path / "model.npz")[0] == 0
    to_xyz(tmp_path / "enol.xyz", ENOL.test[:1])
    is_one_line(
        *call(capsys, "predict", tmp_path / "model.npz", tmp_path / "enol.xyz", "-o", tmp_path / "p.npz"),
        "enol.xyz",
        "frame 0",
        "never saw a pair",
    )


def test_an_output_that_is_the_input(work, capsys):
    before = (work / "test.xyz").read_bytes()
    is_one_line(
        *call(capsys, "predict", work / "model.npz", work / "test.xyz", "-o", work / "test.xyz"), "it is the input"
    )
    is_one_line(
        *call(capsys, "predict", work / "model.npz", work / "test.xyz", "-o", work / "model.npz"), "it is the input"
    )
    assert (work / "test.xyz").read_bytes() == before
    np.savez(work / "in.npz", x=np.zeros((2, 3, 3)), z=np.array([8, 1, 1]))
    np.save(work / "pos.npy", np.arange(18.0).reshape(2, 3, 3))
    for given in (
        [f"{work}/in.npz:x", "--numbers", "O H H"],
        [work / "pos.npy", "--numbers", f"{work}/in.npz:z"],
        [work / "pos.npy", "--numbers", "O H H", "--alpha", f"{work}/in.npz:x"],
    ):
        is_one_line(*call(capsys, "convert", *given, "-o", work / "in.npz"), "it is the input")


@pytest.mark.parametrize("resolution", ["1e4", "1e9", "1e-9"])
def test_a_resolution_that_the_trajectory_cannot_have(work, capsys, resolution):
    write(work / "run.npz", Trajectory(ENOL.trajectory.numbers, ENOL.trajectory.pos[:1, :300], 2.0))
    is_one_line(
        *call(
            capsys, "spectrum", work / "model.npz", work / "run.npz", "-o", work / "s.csv", "--resolution", resolution
        ),
        "run.npz",
        "resolution",
    )


def test_a_time_step_other_than_the_trajectory_has(work, capsys):
    write(work / "run.npz", Trajectory(ENOL.trajectory.numbers, ENOL.trajectory.pos[:1, :300], 2.0))
    is_one_line(
        *call(capsys, "spectrum", work / "model.npz", work / "run.npz", "--dt-fs", "0.5", "-o", work / "s.csv"),
        "run.npz",
        "2 fs apart",
    )


@pytest.mark.parametrize(
    "options, words",
    [
        (["--charge", "100"], "charge"),
        (["--charge", "1"], "charge"),
        (["--xc", "nonsense"], "nonsense"),
        (["--basis", "none"], "none"),
        (["--what", "trajectory", "--step-fs", "0.6"], "whole steps"),
        (["--what", "trajectory", "--save-fs", "3000"], "whole"),
    ],
)
def test_reference_settings_that_cannot_be(tmp_path, capsys, options, words):
    pytest.importorskip("pyscf", reason="the reference extra is not installed")
    is_one_line(*call(capsys, "reference", "malonaldehyde-enol", "-o", tmp_path / "r.npz", *options), words)


def test_a_terminal_without_unicode(work):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from bpm_nb.cli.program import main; sys.exit(main())",
            "evaluate",
            work / "model.npz",
            work / "test.xyz",
        ],
        capture_output=True,
        text=True,
        env=dict(os.environ, PYTHONIOENCODING="ascii"),
    )
    assert done.returncode == 0 and "RMSE" in done.stdout, done.stderr


@pytest.mark.parametrize("dt", ["0", "-1", "nan", "soon"])
def test_a_time_step_that_is_none(work, capsys, dt):
    with pytest.raises(SystemExit) as stop:
        main(["spectrum", str(work / "model.npz"), str(work / "test.xyz"), "--dt-fs", dt, "-o", str(work / "x.csv")])
    err = capsys.readouterr().err
    assert stop.value.code == 2 and "--dt-fs" in err and "Traceback" not in err


def test_a_trajectory_that_is_too_short_or_no_trajectory(work, tmp_path, capsys):
    is_one_line(
        *call(capsys, "spectrum", work / "model.npz", work / "test.xyz", "--dt-fs", "1", "-o", work / "x.csv"),
        "test.xyz",
        "ps",
    )
    is_one_line(
        *call(capsys, "spectrum", work / "model.npz", work / "test.xyz", "-o", work / "x.csv"), "test.xyz", "--dt-fs"
    )
    water = "3\nProperties=species:S:1:pos:R:3\nO 0 0 .12\nH 0 .76 -.47\nH 0 -.76 -.47\n"
    (tmp_path / "mixed.xyz").write_text(water + water.replace("H 0 .76 -.47\nH 0 -.76", "H 0 .76 -.47\nO 0 -.76"))
    is_one_line(
        *call(capsys, "spectrum", work / "model.npz", tmp_path / "mixed.xyz", "--dt-fs", "1", "-o", work / "x.csv"),
        "mixed.xyz",
        "frame 1",
    )


@pytest.mark.parametrize("verb", ["fit", "predict", "spectrum", "reference", "demo"])
def test_no_permission_to_write(work, tmp_path, capsys, monkeypatch, verb):
    "Said before the work starts. (root may write anywhere, so the permission is taken away by hand.)"
    monkeypatch.setattr("bpm_nb.cli.arguments.os.access", lambda *a: False)
    args = dict(
        fit=["train.xyz"],
        predict=["model.npz", "test.xyz"],
        spectrum=["model.npz", "test.xyz"],
        reference=["biphenyl"],
        demo=[],
    )[verb]
    out = ["--folder", tmp_path] if verb == "demo" else ["-o", tmp_path / ("o.csv" if verb == "spectrum" else "o.npz")]
    is_one_line(*call(capsys, verb, *(work / a if "." in a else a for a in args), *out), "permission")


def test_outputs_that_cannot_be(work, tmp_path, capsys):
    is_one_line(*call(capsys, "fit", work / "train.xyz", "-o", tmp_path / "no" / "m.npz"), "no folder")
    is_one_line(*call(capsys, "fit", work / "train.xyz", "-o", tmp_path / "m.txt"), ".npz")
    is_one_line(*call(capsys, "predict", work / "model.npz", work / "test.xyz", "-o", tmp_path / "p.csv"), ".npz")
    is_one_line(*call(capsys, "demo", "--molecule", "water", "--folder", tmp_path), "not shipped")
    is_one_line(*call(capsys, "reference", "water", "-o", tmp_path / "r.npz"), "water")
    is_one_line(*call(capsys, "fit", work / "train.dat", "-o", tmp_path / "m.npz"), "train.dat", "ending")
    is_one_line(*call(capsys, "fit", work / "none.xyz", "-o", tmp_path / "m.npz"), "none.xyz", "no such file")


def test_a_process_that_is_asked_for_nonsense_shows_no_traceback(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from bpm_nb.cli.program import main; sys.exit(main())",
            "fit",
            "/nowhere/x.xyz",
            "-o",
            "m.npz",
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "Traceback" not in done.stderr


def test_a_killed_write_leaves_the_old_file_or_the_new(tmp_path):
    "A process writes one of two models over and over and is killed at random; the file is always one of the two, whole."
    program = (
        "import sys, numpy as np\nfrom bpm_nb.core.files import write_npz\nk = 0\nprint('go', flush=True)\n"
        "while True:\n    write_npz(sys.argv[1], dict(a=np.full(300_000, k % 2)))\n    k += 1\n"
    )
    rng = np.random.default_rng(0)
    for _ in range(6):
        child = subprocess.Popen([sys.executable, "-c", program, tmp_path / "f.npz"], stdout=subprocess.PIPE)
        child.stdout.readline()
        time.sleep(0.05 + 0.3 * rng.random())
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        if (tmp_path / "f.npz").exists():
            with np.load(tmp_path / "f.npz") as f:
                assert np.ptp(f["a"]) == 0 and len(f["a"]) == 300_000
    assert (tmp_path / "f.npz").exists()
