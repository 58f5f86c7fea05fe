"File names that hold commands for a terminal, markup or line breaks: they are shown, and do nothing."

import json
import re
import shutil

import pytest
from command_line import call

from bpm_nb.spectra.measured import read_spectrum

NAMES = ["\x1b[31mred\x1b[0m", "two\nlines ##END=", "\u202egpj", "<b onmouseover=alert(1)>&amp;"]


def acting(text):
    "Characters that a terminal or a reader of the text acts on."
    return re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)


@pytest.mark.parametrize("name", NAMES)
def test_in_errors_of_the_library_and_of_the_command_line(work, capsys, name):
    for words in (
        ["evaluate", f"{name}.npz", "x.xyz"],
        ["spectrum", "--alpha", work / "series.npy", "--dt-fs", "1", "-o", f"{name}.gif"],
        ["spectrum", "--alpha", work / "series.npy", "--dt-fs", name, "-o", "x.csv"],
        ["spectrum", "--alpha", work / "series.npy", "-o", "x.csv", "--unit", name],
        ["evaluate", work / "model.npz", "x.xyz", name],
    ):
        try:
            code, out, err = call(capsys, words[0], *words[1:])
        except SystemExit as stop:
            code, out, err = stop.code, "", capsys.readouterr().err
        assert code == 2 and not out and not acting(err) and err.splitlines()[-1].startswith("bpm-nb"), err


@pytest.mark.parametrize("name", NAMES)
def test_in_what_is_printed_and_written(work, capsys, name):
    (work / "named").mkdir(exist_ok=True)
    series = work / "named" / f"{name}.npy"
    shutil.copy(work / "series.npy", series)
    for ending in ("csv", "jdx", "html"):
        out = work / "named" / f"{name}.{ending}"
        code, printed, err = call(capsys, "spectrum", "--alpha", series, "--dt-fs", "1", "-o", out)
        text = out.read_text()
        assert code == 0 and not acting(printed + err), err
        if ending == "html":
            body = text.partition("<body>")[2].partition("<script")[0]
            assert not acting(body) and "<b on" not in body and "&amp;lt;" not in body
        else:
            assert not acting(text) and all(k.startswith("#") for k in text.splitlines()[:2])
        if ending == "jdx":
            assert text.count("\n##END=") == 1 and len(read_spectrum(out)[0]) > 100
            assert text.splitlines()[0].startswith("##TITLE=Raman activity, ")


def test_in_legends_of_two_forms(work, capsys):
    out, files = work / "forms.html", [work / f"<i>{k}&.npz" for k in "ab"]
    for file in files:
        shutil.copy(work / "run.npz", file)
    code, _, err = call(capsys, "compare", work / "model.npz", *files, "--resolution", "20", "-o", out)
    traces = re.findall(r'"name":"((?:[^"\\]|\\.)*)"', out.read_text())
    names = {json.loads(f'"{t}"') for t in traces}
    assert code == 0 and {"&lt;i&gt;a&amp;", "&lt;i&gt;b&amp;"} <= names, (err, names)


def test_an_argument_that_is_empty_is_named(work, capsys):
    for words, name in ((["evaluate", "", "x.xyz"], "model"), (["fit", "x.xyz", "-o", ""], "output")):
        code, _, err = call(capsys, words[0], *words[1:])
        assert code == 2 and f"bpm-nb: {name}: what was given for it is empty" in err


def test_a_loop_of_links_is_no_file(work, capsys):
    (work / "loop.npz").symlink_to(work / "loop.npz")
    for words in (["fit", work / "loop.npz", "-o", work / "x.npz"], ["evaluate", work / "loop.npz", work / "run.npz"]):
        code, _, err = call(capsys, words[0], *words[1:])
        assert code == 2 and "loop.npz" in err and err.count("\n") == 1
