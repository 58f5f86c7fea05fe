"Records in one line and as a table, whatever they hold; what becomes frames; what an import brings."

import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from ase.build import molecule

from bpm_nb.core.files import InputError
from bpm_nb.data import Frames, Harmonic, Trajectory, as_frames, joined, joined_segments, load

RNG = np.random.default_rng(0)


def many_molecules():
    names = ("H2O", "CH4", "NH3", "CO2", "C6H6", "HCN")
    return Frames.from_ase([molecule(name) for name in names for _ in range(2)])


def harmonic():
    n = 3
    return Harmonic(
        [8, 1, 1], RNG.normal(size=(n, 3)), np.ones((n, 3, n, 3)), np.ones((n, 3, 3, 3)), np.ones((n, 3, 3))
    )


RECORDS = {
    "training frames": lambda: load("malonaldehyde-enol").train,
    "frames of many molecules": many_molecules,
    "one frame": lambda: Frames([[1]], [[[0, 0, 0]]]),
    "no frame": lambda: load("malonaldehyde-enol").train[:0],
    "not finite": lambda: replace(load("malonaldehyde-enol").train[:2], energy=[np.nan, 0]),
    "trajectory": lambda: load("malonaldehyde-enol").trajectory,
    "short trajectory": lambda: Trajectory([1, 1], RNG.normal(size=(4, 2, 3)), 0.5),
    "harmonic": harmonic,
    "dataset": lambda: load("malonaldehyde-enol"),
    "long provenance": lambda: replace(
        many_molecules(), provenance={f"<b>{k}</b>": ["<script>alert(1)</script>"] * 500 for k in range(300)}
    ),
}


@pytest.mark.parametrize("what", RECORDS)
def test_a_record_is_one_short_line_and_a_small_table(what):
    record = RECORDS[what]()
    line, html = repr(record), record._repr_html_()
    assert len(line) < 330 and "\n" not in line and line.startswith(f"{type(record).__name__}(")
    assert len(html) < 12_000 and html.startswith("<table") and "array(" not in line + html
    assert "<script>" not in html and "<b>0" not in html
    assert str(record) == line


def test_a_line_says_how_many_of_what_with_which_properties():
    assert repr(load("malonaldehyde-enol").train).startswith(
        "Frames(400 frames of C3H4O2 (9 atoms), mean alpha 44.31 to 50.20 bohr³, |dipole| 0.732 to 1.339 e·bohr, "
    )
    assert repr(many_molecules()).startswith("Frames(12 frames of ") and " and 2 more)" in repr(many_molecules())
    assert repr(load("malonaldehyde-enol").trajectory).startswith(
        "Trajectory(8 segments of 5000 states of C3H4O2 (9 atoms), time step 2 fs, length 10 ps each, temperature 300 K"
    )
    assert repr(harmonic()).startswith("Harmonic(minimum of H2O (3 atoms), largest hessian 1 eV/Å²")
    assert repr(RECORDS["one frame"]()) == "Frames(1 frame of H (1 atom))"
    assert repr(RECORDS["no frame"]()).startswith("Frames(no frames")


def test_a_table_says_where_the_numbers_come_from_with_its_letters_escaped():
    frames = replace(many_molecules(), provenance={"file": "<i>a&b</i>.xyz"})
    html = frames._repr_html_()
    assert "<details>" in html and "&lt;i&gt;a&amp;b&lt;/i&gt;.xyz" in html and "<i>" not in html
    assert "<details>" not in replace(frames, provenance={})._repr_html_()


def test_showing_a_dataset_reads_nothing():
    data = load("malonaldehyde-enol")
    assert re.search(r"train \d+ kB, test \d+ kB, .*trajectory_gfn2 \d+ kB", repr(data))
    assert list(vars(data)) == ["name", "surface"]
    assert len(data.test) and "test 150 frames of C3H4O2 (9 atoms)" in repr(data)


def test_every_kind_of_geometry_becomes_frames():
    frames, run = load("malonaldehyde-enol").test[:3], load("malonaldehyde-enol").trajectory[:2]
    images = frames.to_ase()
    assert as_frames(frames) is frames and len(as_frames(run)) == 10_000 and len(as_frames(harmonic())) == 1
    np.testing.assert_allclose(as_frames(images).alpha, frames.alpha)
    np.testing.assert_allclose(as_frames(tuple(images)).pos, frames.pos)
    assert as_frames(images[0]).alpha.shape == (1, 3, 3)
    mixed = as_frames([frames, images[0], [images[1], images[2]], molecule("H2O")])
    assert len(mixed) == 7 and mixed.alpha is None and mixed.numbers.shape == (7, 9)
    np.testing.assert_array_equal(as_frames([frames, frames[:1]]).pos, joined([frames, frames[:1]]).pos)


@pytest.mark.parametrize("wrong", [None, 3, "water.xyz", [], (), [None], np.zeros((2, 3)), {}, object()])
def test_what_holds_no_geometry_is_one_sentence(wrong):
    with pytest.raises(InputError, match="holds no frames: give Frames, a Trajectory, ASE Atoms") as e:
        as_frames(wrong)
    assert "\n" not in str(e.value)


def test_the_first_fault_is_named_before_any_other(tmp_path):
    from bpm_nb.data import checked

    frames = many_molecules()
    fourth_is_nan = np.where(np.arange(12)[:, None, None] == 4, np.nan, frames.pos)
    for change, words in (
        (dict(numbers=np.where(frames.numbers == 8, 119, frames.numbers)), "between 1 and 118"),
        (
            dict(pos=fourth_is_nan),
            "f.xyz, frame 4, atom 0: the position",
        ),
        (dict(pos=0.1 * frames.pos), "f.xyz, frame 0, atoms .* on top of each other"),
        (dict(alpha=np.tile(np.arange(9.0).reshape(3, 3), (12, 1, 1))), "frame 0: the polarizability is not symmetric"),
    ):
        with pytest.raises(InputError, match=words):
            checked(replace(frames, **change), "f.xyz")
    with pytest.raises(InputError, match="f.xyz: there is no frame in it"):
        checked(frames[:0], "f.xyz")


def test_importing_data_brings_no_heavy_package():
    code = "import sys, bpm_nb.data; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"pandas", "plotly", "sklearn", "matplotlib", "torch", "MDAnalysis", "ipywidgets", "pyscf", "PIL"}
    assert not heavy & set(done.stdout.split()) and "bpm_nb" in done.stdout


def test_states_of_a_run_keep_their_cell():
    water = np.array([[[0, 0, 0.12], [0, 0.76, -0.47], [0, -0.76, -0.47]]])
    run = Trajectory([8, 1, 1], np.repeat(water[None], 4, axis=1), 1.0, cell=5 * np.eye(3))
    assert run.cell.shape == (1, 4, 3, 3) and run.frames.cell.shape == (4, 3, 3) and run.pbc.all()
    assert joined_segments([run, run]).cell.shape == (2, 4, 3, 3) and run[0].cell.shape == (1, 4, 3, 3)
    with pytest.raises(InputError, match="some runs have a cell and others have none"):
        joined_segments([run, replace(run, cell=None)])
