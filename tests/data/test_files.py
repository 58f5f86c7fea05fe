"Files as chance and malice make them: read, or refused in one sentence that names the file, in time."

import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from molecules import WATER, rattled
from mutations import IN_OWN_PROCESS, MEMORY_MB, READERS, SLOW_S, memory_mb, originals, outcome, prepared, upload

from bpm_nb.cli.arguments import output_path
from bpm_nb.cli.program import main
from bpm_nb.core.files import InputError, file_hash
from bpm_nb.data.arrays import array_at, frames_from
from bpm_nb.data.files import read, read_frames, read_trajectory, write
from bpm_nb.reports.html import file_hashes
from bpm_nb.spectra.files import read_polarizability


@pytest.mark.parametrize("name", READERS)
def test_mutations_are_read_or_refused(name, tmp_path):
    if name in IN_OWN_PROCESS:
        pytest.importorskip("MDAnalysis", reason="the mdanalysis extra is not installed")
    prepared(tmp_path)
    before = memory_mb()  # of all tests that this process has run
    tried = {k: outcome(name, k, tmp_path) for k in range(2 if name in IN_OWN_PROCESS else 60)}
    assert not {k: came for k, (came, seconds) in tried.items() if came not in ("read", "refused") or seconds > SLOW_S}
    assert memory_mb() < max(MEMORY_MB, before + 256)


@pytest.mark.parametrize("name", READERS)
def test_what_the_mutations_begin_with_is_read(name, tmp_path):
    if name in IN_OWN_PROCESS:
        pytest.importorskip("MDAnalysis", reason="the mdanalysis extra is not installed")
    prepared(tmp_path)
    READERS[name][-1](tmp_path / name)


@pytest.mark.parametrize(
    "name", ["frames.xyz", "moving.extxyz", "frames.npz", "lammps.dump", "run.traj", "run.json", "run.xsf", "run.xtc"]
)
def test_a_name_with_an_at_sign_is_a_name(name, tmp_path):
    if name in IN_OWN_PROCESS:
        pytest.importorskip("MDAnalysis", reason="the mdanalysis extra is not installed")
    prepared(tmp_path)
    for odd in ("FILE@300K", "run@1:2"):
        file = tmp_path / f"{odd}.{name.split('.')[1]}"
        file.write_bytes(originals()[name])
        np.testing.assert_array_equal(*(READERS[name][-1](f).frames.pos for f in (file, tmp_path / name)))


@pytest.mark.parametrize(
    "text",
    ["[]", "null", "5", '"x"', "{", "[" * 100_000, '{"a":' * 50_000],
)
def test_provenance_of_a_wrong_type_is_one_sentence(text, tmp_path):
    frames = rattled([8, 1, 1], WATER, 3, 0)
    np.savez(tmp_path / "x.npz", numbers=frames.numbers, pos=frames.pos, provenance=text)
    for reader in (read, read_frames, read_polarizability, upload):
        with pytest.raises(InputError, match=r"x\.npz: [^\n]*$"):
            reader(tmp_path / "x.npz")


@pytest.mark.parametrize("run", [5, {"shape": [1e999, 2], "dt_fs": 0.5}, {"shape": None, "dt_fs": {}}, {"shape": [1]}])
def test_a_provenance_that_tells_no_run_is_none(run, tmp_path):
    frames = rattled([8, 1, 1], WATER, 3, 0)
    arrays = dict(numbers=frames.numbers, pos=frames.pos, alpha=frames.alpha)
    np.savez(tmp_path / "x.npz", **arrays, provenance=json.dumps(dict(run=run)))
    assert read_polarizability(tmp_path / "x.npz")[1] is None


def test_arrays_without_a_dimension_are_one_sentence(tmp_path):
    frames = rattled([8, 1, 1], WATER, 3, 0)
    arrays = dict(numbers=frames.numbers, pos=frames.pos, alpha=frames.alpha)
    for name in arrays:
        np.savez(tmp_path / "x.npz", **arrays | {name: np.array(1.0)})
        with pytest.raises(InputError, match=r"x\.npz: [^\n]*$"):
            read_frames(tmp_path / "x.npz")
        with pytest.raises(InputError):
            frames_from(**arrays | {name: np.array(1.0)})


def test_nothing_large_is_unpacked(tmp_path):
    "9 MB that unpack to 2 GB, in a file and in an upload."
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in ("numbers", "pos", "alpha", "more"):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as f:
                np.lib.format.write_array_header_1_0(f, dict(descr="<f8", fortran_order=False, shape=(2**26,)))
                for _ in range(2**9):
                    f.write(bytes(2**20))
    before = memory_mb()
    for reader in (read, read_trajectory, upload, lambda path: array_at(f"{path}:pos")):
        with pytest.raises(InputError, match="unpack"):
            reader(tmp_path / "x.npz")
    assert memory_mb() - before < 100


def test_a_record_of_the_library_is_far_from_the_limit(tmp_path):
    frames = rattled([8, 1, 1], WATER, 2000, 0)
    write(tmp_path / "x.npz", frames)
    with zipfile.ZipFile(tmp_path / "x.npz") as archive:
        assert sum(m.file_size for m in archive.infolist()) < 4 * (tmp_path / "x.npz").stat().st_size


PROGRAM = """
import sys
from bpm_nb.cli.arguments import output_path
from bpm_nb.cli.program import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    for name in ("x.npz", "x.xyz"):
        os.mkfifo(tmp_path / name)
        command = [sys.executable, "-c", PROGRAM, "convert", tmp_path / name, "-o", tmp_path / "out.npz"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert ended.returncode == 2 and ended.stderr.count("\n") == 1 and name in ended.stderr


def test_a_header_has_the_hash_of_what_was_read(tmp_path):
    file = tmp_path / "x.npz"
    write(file, rattled([8, 1, 1], WATER, 3, 0))
    read_frames(file)
    before = file_hash(file)
    write(file, rattled([8, 1, 1], WATER, 3, 1))
    assert file_hashes([str(file)]) == {"x.npz": before}
    read_frames(file)
    assert file_hashes([str(file)])["x.npz"] not in (before, "")


def test_links_in_a_circle_are_one_sentence(tmp_path, capsys):
    write(tmp_path / "good.xyz", rattled([8, 1, 1], WATER, 3, 0))
    for ending in ("xyz", "npz", "csv", "npy"):
        for a, b in ("ab", "ba"):
            (tmp_path / f"{a}.{ending}").symlink_to(tmp_path / f"{b}.{ending}")
    for given in (
        ["convert", "a.xyz", "-o", "out.npz"],
        ["convert", "a.npz", "-o", "out.npz"],
        ["convert", "good.xyz", "-o", "a.npz"],
        ["spectrum", "--alpha", "a.csv", "--dt-fs", "1", "-o", "out.csv"],
        ["spectrum", "--alpha", "a.npy", "--dt-fs", "1", "-o", "out.csv"],
    ):
        assert main([str(tmp_path / g) if "." in g else g for g in given]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and "/a." in error and not list(tmp_path.glob("out*"))


def test_what_cannot_be_written_is_refused_before_the_work(tmp_path):
    (tmp_path / "link.npz").symlink_to(tmp_path / "nowhere" / "x.npz")
    (tmp_path / "device.npz").symlink_to("/dev/null")
    (tmp_path / "good.npz").symlink_to(tmp_path / "x.npz")
    for name, message in (("link.npz", "there is no folder .*nowhere"), ("device.npz", "a pipe or a device")):
        with pytest.raises(InputError, match=message):
            output_path(tmp_path / name, [".npz"])
    assert output_path(tmp_path / "good.npz", [".npz"]) == tmp_path / "good.npz"
