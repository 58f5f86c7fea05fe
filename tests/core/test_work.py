"""Work that resumes: one process at a time, and pieces of the same settings only."""

import numpy as np
import pytest

from bpm_nb.core.files import InputError
from bpm_nb.core.work import Checkpoint

pytest.importorskip("filelock", reason="the reference extra is not installed")


def test_a_second_process_on_one_output_is_refused(tmp_path):
    with Checkpoint(tmp_path / "o.npz", dict(a=1)):
        with pytest.raises(InputError, match="another process"), Checkpoint(tmp_path / "o.npz", dict(a=1)):
            pass
    with Checkpoint(tmp_path / "o.npz", dict(a=1)) as parts:
        assert parts.missing(["x"]) == ["x"]


def test_pieces_made_with_other_settings_are_refused(tmp_path):
    with Checkpoint(tmp_path / "o.npz", dict(a=1)):
        pass
    with pytest.raises(InputError, match="other settings"), Checkpoint(tmp_path / "o.npz", dict(a=2)):
        pass


def test_refused_work_is_not_locked_and_work_without_its_settings_is_refused(tmp_path):
    with Checkpoint(tmp_path / "o.npz", dict(a=1)) as parts:
        parts.write("x", dict(x=np.ones(1)))
    kept = []
    try:
        Checkpoint(tmp_path / "o.npz", dict(a=2)).__enter__()
    except InputError as e:
        kept.append(e)  # its traceback lives on, as in a notebook
    with Checkpoint(tmp_path / "o.npz", dict(a=1)):
        pass
    (tmp_path / "o.npz.parts/settings.json").unlink()
    with pytest.raises(InputError, match="not the settings"), Checkpoint(tmp_path / "o.npz", dict(a=2)):
        pass


def test_a_run_that_was_stopped_while_it_removed_its_pieces_blocks_nothing(tmp_path):
    for _ in range(2):
        left = tmp_path / "o.npz.parts.done"
        left.mkdir()
        (left / "x.npz").write_bytes(b"half")
        with Checkpoint(tmp_path / "o.npz", dict(a=1)) as parts:
            parts.write("x", dict(x=np.ones(1)))
            parts.remove()
        assert not list(tmp_path.iterdir())


def test_a_broken_piece_says_what_to_do(tmp_path):
    with Checkpoint(tmp_path / "o.npz", dict(a=1)) as parts:
        parts.write("x", dict(x=np.ones(1)))
        with pytest.raises(InputError, match="x.npz: there is no array 'y' in it; delete this file"):
            parts.read("x")["y"]
        parts.file("x").write_bytes(b"PK\3\4" + bytes(50))
        with pytest.raises(InputError, match="x.npz: not a readable npz file .*; delete this file"):
            parts.read("x")
    (tmp_path / "o.npz.parts/settings.json").write_bytes(b"\xff\xfe\xfc")
    with pytest.raises(InputError, match="settings.json: not readable"), Checkpoint(tmp_path / "o.npz", dict(a=1)):
        pass
