"fit, evaluate and predict on real files, and every bad input in one line."

import json
from pathlib import Path

import numpy as np
import pytest
from ase.units import Bohr
from command_line import ENOL, call, is_one_line, to_xyz

from bpm_nb.data.files import read_frames, write
from bpm_nb.data.records import Frames
from bpm_nb.models.polarizability import BondPolarizability


def test_the_whole_job_from_xyz(files, capsys):
    code, out, _ = call(capsys, f"evaluate {files}/model.npz {files}/test.xyz --json")
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
    code, _, _ = call(capsys, f"predict {files}/model.npz {files}/test.xyz -o {files}/out.xyz")
    again = read_frames(files / "out.xyz", need="alpha")
    reference = read_frames(files / "test.xyz", need="alpha")
    assert code == 0 and np.sqrt(np.mean((again.alpha - reference.alpha) ** 2)) == pytest.approx(
        found["alpha_rmse_au"], rel=1e-6
    )


def test_polarizabilities_in_cubic_angstrom(files, capsys):
    to_xyz(files / "angstrom.xyz", ENOL.test[:10], Bohr**3)
    results = [
        json.loads(call(capsys, f"evaluate {files}/model.npz {files}/{name} --unit {unit} --json")[1])
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
def test_fit_with_options(files, capsys, options):
    code, out, err = call(capsys, f"fit {files}/train.xyz -o {files}/other.npz --json", *options)
    assert code == 0, err
    assert json.loads(out)["n_frames"] == 40
    model = BondPolarizability.load(files / "other.npz")
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
    assert call(capsys, f"fit {tmp_path}/train.xyz -o {tmp_path}/m.npz")[0] == 0
    found = json.loads(call(capsys, f"evaluate {tmp_path}/m.npz {tmp_path}/test.xyz --json")[1])
    assert found["n_frames"] == 10 and found["alpha_relative"] < 0.05


def test_frames_without_dipoles_are_refused(work, capsys):
    write(work / "bare.npz", Frames(ENOL.train.numbers[:5], ENOL.train.pos[:5]))
    code, _, err = call(capsys, f"fit {work}/bare.npz --quantity dipole -o {work}/no.npz")
    assert code == 2 and "dipole" in err


# ---- bad frames, bad models


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


def flat_cell(text):
    return text.replace('pbc="F F F"', 'Lattice="9 0 0 0 9 0 9 9 0.001" pbc="T T T"', 1)


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
    (scattered, ["frame 0", "from every other atom"]),
    (dummy_atom, ["frame 0", "dummy atom"]),
    (flat_cell, ["frame 0", "lie in a plane"]),
    (as_words, ["frame 0", "nine numbers"]),
    (without_atoms, ["atom"]),
]


@pytest.mark.parametrize("spoil, words", BAD_TRAINING, ids=lambda x: getattr(x, "__name__", ""))
def test_bad_training_frames(tmp_path, capsys, spoil, words):
    (tmp_path / "bad.xyz").write_text(spoil(text_of(ENOL.train[:4], tmp_path)))
    is_one_line(*call(capsys, f"fit {tmp_path}/bad.xyz -o {tmp_path}/m.npz"), "bad.xyz", *words)
    assert not (tmp_path / "m.npz").exists()


@pytest.mark.parametrize(
    "spoil, words",
    [
        (with_sulfur, ["frame 0", "atom", "element S"]),
        (with_nan, ["frame 0", "atom 1"]),
        (on_top, ["frame 0", "atoms 0 and 1"]),
        (scattered, ["frame 0", "from every other atom"]),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_bad_frames_to_predict(files, tmp_path, capsys, spoil, words):
    (tmp_path / "bad.xyz").write_text(spoil(text_of(ENOL.test[:4], tmp_path)))
    is_one_line(*call(capsys, f"predict {files}/model.npz {tmp_path}/bad.xyz -o {tmp_path}/p.npz"), "bad.xyz", *words)
    is_one_line(*call(capsys, f"evaluate {files}/model.npz {tmp_path}/bad.xyz"), "bad.xyz", *words)


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
def test_a_broken_model_file(files, tmp_path, capsys, spoil):
    (tmp_path / "m.npz").write_bytes(spoil((files / "model.npz").read_bytes()))
    is_one_line(*call(capsys, f"evaluate {tmp_path}/m.npz {files}/test.xyz"), "m.npz")


def test_a_foreign_model_file(files, tmp_path, capsys):
    is_one_line(
        *call(capsys, "evaluate", npz(tmp_path / "m.npz", a=np.ones(3)), files / "test.xyz"), "m.npz", "not a model"
    )
    import pickle

    (tmp_path / "evil.npz").write_bytes(pickle.dumps({"a": 1}))
    is_one_line(*call(capsys, f"evaluate {tmp_path}/evil.npz {files}/test.xyz"), "evil.npz")
    np.savez(tmp_path / "object.npz", format=np.array([{"a": 1}], dtype=object))
    is_one_line(*call(capsys, f"evaluate {tmp_path}/object.npz {files}/test.xyz"), "object.npz")
    is_one_line(*call(capsys, f"evaluate {files}/none.npz {files}/test.xyz"), "none.npz", "no such file")


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
def test_a_model_file_whose_parts_do_not_fit(files, tmp_path, capsys, name, change):
    with np.load(files / "model.npz") as f:
        arrays = dict(f)
    key = next(k for k in arrays if k.endswith(name))
    if change:
        arrays[key] = change(arrays[key])
    else:
        del arrays[key]
    is_one_line(
        *call(capsys, "predict", npz(tmp_path / "m.npz", **arrays), files / "test.xyz", "-o", tmp_path / "p.npz"),
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
    assert call(capsys, f"fit {tmp_path}/train.xyz -o {tmp_path}/model.npz")[0] == 0
    to_xyz(tmp_path / "enol.xyz", ENOL.test[:1])
    is_one_line(
        *call(capsys, f"predict {tmp_path}/model.npz {tmp_path}/enol.xyz -o {tmp_path}/p.npz"),
        "enol.xyz",
        "frame 0",
        "never saw a pair",
    )


def test_fit_says_how_large_errors_are_beside_the_spread_and_counts_repeats_once(tmp_path, capsys):
    to_xyz(tmp_path / "train.xyz", ENOL.train[:40])
    again = (tmp_path / "train.xyz").read_text()
    (tmp_path / "twice.xyz").write_text(again + again)
    code, out, err = call(capsys, f"fit {tmp_path}/train.xyz -o {tmp_path}/model.npz --n-points 400")
    assert code == 0 and err == "" and out.startswith("fitted on 40 frames") and out.count("% of the spread") == 2
    code, twice, err = call(capsys, f"fit {tmp_path}/twice.xyz -o {tmp_path}/model.npz --n-points 400")
    assert code == 0 and twice == out
    assert (
        err.startswith("bpm-nb: warning: 40 of 80 frames repeat others and were counted once") and err.count("\n") == 1
    )


def test_one_frame_cannot_say_how_large_errors_are(tmp_path, capsys):
    to_xyz(tmp_path / "one.xyz", ENOL.train[:1])
    code, out, err = call(capsys, f"fit {tmp_path}/one.xyz -o {tmp_path}/model.npz")
    assert code == 0 and "isotropic not known, anisotropic not known" in out and "cannot be known from 1 frame" in err
    found = json.loads(call(capsys, f"fit {tmp_path}/one.xyz -o {tmp_path}/model.npz --json")[1])
    assert found["iso_loo_rmse_au"] is None and found["n_frames"] == 1


@pytest.mark.parametrize(
    "factor, words",
    [(Bohr**3, "perhaps they are in angstrom3: check their --unit"), (1e6, "too large"), (-1, "the wrong way round")],
)
def test_polarizabilities_in_another_unit_are_refused(tmp_path, files, capsys, factor, words):
    to_xyz(tmp_path / "wrong.xyz", ENOL.train[:10], factor)
    for verb in (f"fit {tmp_path}/wrong.xyz -o {tmp_path}/m.npz", f"evaluate {files}/model.npz {tmp_path}/wrong.xyz"):
        is_one_line(*call(capsys, verb), "wrong.xyz", "frame 0", words)
    assert not (tmp_path / "m.npz").exists()


def test_energies_are_fitted_evaluated_and_refused_elsewhere(tmp_path, capsys):
    "A surface of 40 frames, its errors on others, and the sentences of the verbs that need another quantity."
    for name, frames in (("train", ENOL.train[:40]), ("test", ENOL.test[:20])):
        write(tmp_path / f"{name}.npz", frames)
    train, test, model = (tmp_path / name for name in ("train.npz", "test.npz", "energy.npz"))
    code, out, _ = call(capsys, f"fit {train} --quantity energy --n-points 800 -o {model} --json")
    fitted = json.loads(out)
    assert code == 0 and fitted["n_frames"] == 40 and fitted["force_loo_rmse_eV_per_A"] < 0.3
    code, out, _ = call(capsys, f"evaluate {model} {test} --json")
    found = json.loads(out)
    assert code == 0 and found["energy_rmse_eV"] < 0.05 and found["force_rmse_eV_per_A"] < 0.15
    assert "20 frames: energy" in call(capsys, f"evaluate {model} {test}")[1]
    code, _, err = call(capsys, f"predict {model} {test} -o {tmp_path}/out.npz")
    assert code and "a model of the energy, not of the alpha" in err


def test_settings_of_a_surface_are_judged_by_frames_from_elsewhere(tmp_path, capsys):
    from bpm_nb.models.energy import BondEnergy
    from bpm_nb.models.surface_tuning import surface_scan

    train, hot, model = (tmp_path / name for name in ("train.npz", "hot.npz", "energy.npz"))
    write(train, ENOL.train[:20])
    write(hot, ENOL.train[30:40])
    options = "--quantity energy --n-points 100 --gamma 0.2"
    code, out, err = call(capsys, f"fit {train} {options} --outside {hot} -o {model} --json")
    assert code == 0, err
    found = json.loads(out)
    scanned = surface_scan(ENOL.train[:20], ENOL.train[30:40], BondEnergy(n_points=100), gammas=[0.2])
    assert (found["gamma"], found["lam"][0]) == scanned.best and BondEnergy.load(model).lam == scanned.best[1]
    is_one_line(*call(capsys, f"fit {train} --outside {hot} -o {model}"), "--quantity energy")
    to_xyz(tmp_path / "no_forces.xyz", ENOL.train[:5])
    is_one_line(*call(capsys, f"fit {train} {options} --outside {tmp_path}/no_forces.xyz -o {model}"), "no_forces.xyz")
    is_one_line(*call(capsys, f"fit {train} {options} --outside {model} -o {model}"), "it is the input")


def test_polar_tensors_from_frames_to_a_file(tmp_path, capsys):
    frames = ENOL.train[:10]
    positions = frames.pos - frames.pos.mean(1, keepdims=True)
    skew = np.einsum("sna,snb->snab", positions, np.roll(positions, 1, axis=1))
    polar = skew - skew.mean(1, keepdims=True)  # made up: it turns with the molecule, and adds up to nothing
    write(tmp_path / "train.npz", Frames(frames.numbers, frames.pos, polar_tensor=polar))
    fit = f"fit {tmp_path}/train.npz --quantity polar-tensor --n-points 30 --lam 1e-3 -o {tmp_path}/polar.npz"
    code, out, _ = call(capsys, f"{fit} --json")
    assert code == 0 and {"trace_loo_rmse_e", "component_loo_rmse_e"} <= json.loads(out).keys()
    found = json.loads(call(capsys, f"evaluate {tmp_path}/polar.npz {tmp_path}/train.npz --json")[1])
    assert found["n_frames"] == 10 and found["explained"] > 0.5
    assert call(capsys, f"predict {tmp_path}/polar.npz {tmp_path}/train.npz -o {tmp_path}/out.xyz")[0] == 0
    again = read_frames(tmp_path / "out.xyz", need="polar_tensor").polar_tensor
    assert "polar_tensor_std:R:1" in (tmp_path / "out.xyz").read_text()
    np.testing.assert_allclose(np.sqrt(np.mean((again - polar) ** 2)), found["polar_rmse_e"], rtol=1e-4)
    code, out, err = call(capsys, f"{fit} --cutoff 4")
    is_one_line(code, out, err, "--cutoff is not for --quantity polar-tensor")
