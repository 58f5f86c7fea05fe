"Cells that CP2K writes beside the positions."

import numpy as np
import pytest
from ase.build import molecule

from bpm_nb.core.files import InputError
from bpm_nb.data.files import read_frames, read_trajectory

BOX = molecule("H2O", cell=[3.1, 3.1, 3.1], pbc=True).repeat(3)
SIDES = 9.3 + 0.01 * np.arange(6)
HEAD = "#   Step   Time [fs]       Ax [Angstrom]       Ay [Angstrom]       Az [Angstrom]       Bx [Angstrom] …\n"


def positions(folder, steps, said="i = {0:8d}, time = {1:12.3f}, E = -17.1", name="water-pos-1.xyz"):
    rows = "".join(f"{a.symbol} {a.x:.6f} {a.y:.6f} {a.z:.6f}\n" for a in BOX)
    (folder / name).write_text("".join(f"{len(BOX)}\n {said.format(k, 0.5 * k)}\n{rows}" for k in steps))
    return folder / name


def cells(folder, steps, name="water-1.cell", tail=""):
    rows = [
        f"{k:9d} {0.5 * k:9.3f} {SIDES[k]:.10f} 0.0 0.0 0.1 9.3 0.0 0.0 0.2 9.3 {SIDES[k] * 9.3**2:.10f}\n"
        for k in steps
    ]
    (folder / name).write_text(HEAD + "".join(rows) + tail)


def test_each_frame_has_the_cell_of_its_step(tmp_path):
    path = positions(tmp_path, (0, 2, 4))
    assert read_frames(path).cell is None
    cells(tmp_path, range(6))
    frames, run = read_frames(path), read_trajectory(path)
    expected = [[[side, 0, 0], [0.1, 9.3, 0], [0, 0.2, 9.3]] for side in SIDES[[0, 2, 4]]]
    np.testing.assert_allclose(frames.cell, expected)
    np.testing.assert_allclose(run.cell[0], expected)
    assert run.dt_fs == 1.0 and frames.pbc.all()


def test_a_run_that_was_continued_has_steps_twice(tmp_path):
    cells(tmp_path, [0, 1, 2, 2, 3], tail=HEAD + "4 2.0 9.5 0 0 0 9.5 0 0 0 9.5 857.375\n")
    np.testing.assert_allclose(read_frames(positions(tmp_path, range(5))).cell[4], 9.5 * np.eye(3))


def test_without_steps_the_numbers_of_rows_must_agree(tmp_path):
    cells(tmp_path, range(3))
    frames = read_frames(positions(tmp_path, range(3), "no step"))
    np.testing.assert_allclose(frames.cell[:, 0, 0], SIDES[:3])
    with pytest.raises(InputError, match="has 4 frames and water-1.cell 3 cells: give one cell for each frame"):
        read_frames(positions(tmp_path, range(4), "no step"))


def test_a_missing_step_and_a_broken_row_are_named(tmp_path):
    path = positions(tmp_path, (0, 2, 4))
    cells(tmp_path, (0, 2))
    with pytest.raises(InputError, match="frame 2: water-1.cell has no cell of its step 4"):
        read_frames(path)
    for row in ("4 2.0 9.5 0 0\n", "4 2.0 9.5 0 0 0 9.5 0 0 0 nan 800\n", "four 2.0 9.5 0 0 0 9.5 0 0 0 9.5 800\n"):
        cells(tmp_path, (0, 2), tail=row)
        with pytest.raises(InputError, match="water-1.cell, line 4: not a step, a time, nine numbers"):
            read_frames(path)
    cells(tmp_path, (0, 2), tail="4 2.0 9.5 0 0 9.5 0 0 0 0 9.5 800\n")
    with pytest.raises(InputError, match="lie in a plane"):
        read_frames(path)


def test_another_name_is_another_run(tmp_path):
    cells(tmp_path, range(3), "water-2.cell")
    assert read_frames(positions(tmp_path, range(3))).cell is None
    assert read_frames(positions(tmp_path, range(3), name="water.xyz")).cell is None
    assert read_frames(positions(tmp_path, range(3), name="water-pos-2.xyz")).cell is not None


def test_a_lattice_in_the_file_counts_more(tmp_path):
    cells(tmp_path, range(2))
    lattice = 'Lattice="12 0 0 0 12 0 0 0 12" pbc="T T T" Properties=species:S:1:pos:R:3'
    assert read_frames(positions(tmp_path, range(2), lattice)).cell[1, 0, 0] == 12
