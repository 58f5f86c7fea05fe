"Every line of the README's table can be pasted, on the files that its first line writes."

import re
import shlex
from pathlib import Path

import pytest

from bpm_nb.cli.program import main

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
COMMANDS = [shlex.split(c)[1:] for c in re.findall(r"^\| `(bpm-nb [^`]+)` \|", README, re.MULTILINE)]
LONG = {"raman", "reference", "active"}  # minutes and more: only read


def test_the_table_has_every_verb():
    from bpm_nb.cli.program import parser

    verbs = next(action for action in parser()._actions if action.choices).choices
    assert {words[0] for words in COMMANDS} == set(verbs) and COMMANDS[0] == ["examples", "."]


@pytest.mark.parametrize("words", [w for w in COMMANDS if w[0] in LONG], ids=" ".join)
def test_a_long_line_is_understood(words):
    from bpm_nb.cli.program import parser

    assert parser().parse_args(words).run


def test_the_lines_work_one_after_the_other(tmp_path, monkeypatch, capsys):
    pytest.importorskip("tblite", reason="the reference extra is not installed")
    monkeypatch.chdir(tmp_path)
    for words in COMMANDS:
        if words[0] not in LONG:
            assert main(words) == 0, (words, capsys.readouterr().err)
            output = words[words.index("-o") + 1] if "-o" in words else "."
            assert (tmp_path / output).exists(), words
    pages = [file.read_text("utf-8") for file in tmp_path.glob("*.html")]
    assert len(pages) == 5 and not [page for page in pages if ">nan<" in page or "Traceback" in page]
