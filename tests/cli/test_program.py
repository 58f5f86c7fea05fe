"The program itself: helps, errors in one line, how fast it starts."

import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from command_line import call, is_one_line

from bpm_nb.cli.program import main


def test_help_has_an_example_for_every_verb(capsys):
    for verb in (
        "fit",
        "evaluate",
        "predict",
        "spectrum",
        "assign",
        "isotopes",
        "compare",
        "convert",
        "reference",
        "demo",
    ):
        with pytest.raises(SystemExit) as stop:
            main([verb, "--help"])
        assert stop.value.code == 0 and f"example:\n  bpm-nb {verb} " in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["spectrum", "-o", "{}/s.csv"], "give MODEL and TRAJECTORY"),
        (["spectrum", "{}/model.npz", "-o", "{}/s.csv"], "give MODEL and TRAJECTORY"),
        (["spectrum", "{}/model.npz", "--alpha", "{}/series.npy", "-o", "{}/s.csv"], "leave out"),
        (["spectrum", "--alpha", "{}/series.npy", "-o", "{}/s.csv"], "time between frames"),
        (["spectrum", "--alpha", "{}/model.npz", "--dt-fs", "1", "-o", "{}/s.csv"], "model.npz"),
        (["spectrum", "--alpha", "{}/absent.npy", "--dt-fs", "1", "-o", "{}/s.csv"], "no such file"),
        (["spectrum", "--alpha", "{}/series.npy", "--dt-fs", "1", "-o", "{}/s.txt"], "ending"),
        (["spectrum", "{}/model.npz", "{}/run.npz", "--topology", "{}/absent.pdb", "-o", "{}/s.csv"], "no such file"),
        (["assign", "{}/model.npz", "{}/run.npz", "-o", "{}/s.csv"], "ending"),
        (["assign", "{}/model.npz", "{}/run.npz", "-o", "{}/s.html", "--lines", "abc"], "abc"),
        (["assign", "{}/model.npz", "{}/run.npz", "-o", "{}/s.html", "--lines", "-5"], "--lines|expected at least one"),
        (
            [
                "assign",
                "{}/model.npz",
                "{}/run.npz",
                "-o",
                "{}/s.html",
                "--resolution",
                "20",
                "--motions",
                "{}/no/folder",
            ],
            "no such folder",
        ),
        (["assign", "{}/model.npz", "{}/run.npz", "-o", "{}/s.html"], "too short"),
    ],
)
def test_bad_input_is_one_line(work, capsys, arguments, message):
    try:
        code, out, err = call(capsys, *(a.format(work) for a in arguments))
    except SystemExit as stop:
        code, out, err = stop.code, "", capsys.readouterr().err.splitlines()[-1] + "\n"
    err = err.split("\r")[-1]  # after the progress bar that a slow machine shows
    assert code == 2 and not out and err.startswith("bpm-nb") and err.count("\n") == 1
    assert re.search(message, err)


def test_a_terminal_without_unicode(files):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from bpm_nb.cli.program import main; sys.exit(main())",
            "evaluate",
            files / "model.npz",
            files / "test.xyz",
        ],
        capture_output=True,
        text=True,
        env=dict(os.environ, PYTHONIOENCODING="ascii"),
    )
    assert done.returncode == 0 and "RMSE" in done.stdout, done.stderr


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
    "A process writes one of two models over and over and is killed at random; the file is one of the two, whole."
    program = (
        "import sys, numpy as np\nfrom bpm_nb.core.files import write_npz\nk = 0\n"
        "while True:\n    write_npz(sys.argv[1], dict(a=np.full(300_000, k % 2)))\n"
        "    k += 1\n    print(k, flush=True)\n"
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


# ---- what it loads, and what it says


def test_the_program_starts_without_what_only_its_verbs_need():
    heavy = {"sklearn", "plotly", "matplotlib", "pandas", "pyscf", "tblite", "dscribe", "MDAnalysis", "ray"}
    code = "import sys; from bpm_nb.cli.program import parser; parser(); print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not heavy & set(done.stdout.split())


def test_every_argument_is_explained():
    from bpm_nb.cli.program import parser

    verbs = next(action for action in parser()._actions if hasattr(action, "choices") and action.choices).choices
    assert list(verbs) == (
        "fit evaluate predict spectrum assign isotopes compare demo convert reference active raman examples".split()
    )
    for name, verb in verbs.items():
        assert not [action.dest for action in verb._actions if not action.help], name
        assert verb.description.endswith(".") and "Raises" not in verb.format_help()


def test_a_sentence_of_the_library_names_options(work, capsys, monkeypatch):
    "The library says `dt_fs`, and who types words into a shell knows --dt-fs."
    from bpm_nb.core.files import InputError

    def refuse(*arguments):
        raise InputError("run.npz: its frames are 2 fs apart; leave out `dt_fs`, and give `resolution_cm1`")

    monkeypatch.setattr("bpm_nb.cli.spectra.read_trajectory", refuse)
    is_one_line(
        *call(capsys, f"spectrum {work}/model.npz {work}/run.npz -o {work}/s.csv"),
        "leave out --dt-fs, and give --resolution",
    )
