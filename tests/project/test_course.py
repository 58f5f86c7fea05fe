"What every lesson of the course must have, so that it can be taught: its parts, their sizes, and solutions that run."

import re
from pathlib import Path

import nbformat
import pytest

from bpm_nb.dev.sync import directives

COURSE = Path(__file__).parents[2] / "nbs/course"
LESSONS = sorted(p.name for p in COURSE.glob("*.ipynb") if not p.name.startswith("00_"))
PARTS = (
    "Goals",
    "Where you are",
    "Theory",
    "Before you run",
    "Tasks",
    "What you can now do",
    "Further reading",
)
LINES, WORDS, FIGURES, LONGEST = 60, 800, 4, 10


def cells(name):
    return nbformat.read(COURSE / name, 4).cells


def code(name, solutions):
    "Code of the cells that are solutions, or of those that are not."
    found = [directives(c.source) for c in cells(name) if c.cell_type == "code"]
    return [text for marks, text in found if ("solution" in marks) == solutions]


def prose(name):
    return "\n\n".join(c.source for c in cells(name) if c.cell_type == "markdown")


def lines(text):
    "Number of lines with something on them."
    return sum(bool(line.strip()) for line in text.splitlines())


def part(name, heading):
    "Text below a heading, up to the next one of its level."
    return re.split(r"^## ", prose(name).partition(f"\n## {heading}\n")[2], maxsplit=1, flags=re.M)[0]


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_has_its_parts_in_order(name):
    headings = [h for h in re.findall(r"^## (.*)$", prose(name), re.M) if h in PARTS]
    assert headings == list(PARTS)
    assert len(re.findall(r"^\d\. ", part(name, "Goals"), re.M)) == 3
    assert any(text.strip().startswith("where_you_are(") or "\nwhere_you_are(" in text for text in code(name, False))
    theory = part(name, "Theory")
    assert "$$" in theory and re.search(r"\b(1[89]|20)\d\d\b", theory), "an equation, and where it comes from"
    assert "rite" in part(name, "Before you run"), "a prediction is written down"
    assert re.search(r"https?://|doi", part(name, "Further reading")) or re.search(
        r"\b(1[89]|20)\d\d\b", part(name, "Further reading")
    )


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_prose_with_a_little_code(name):
    assert len(re.sub(r"\$\$.*?\$\$", "", prose(name), flags=re.S).split()) >= WORDS
    assert sum(map(lines, code(name, False))) <= LINES
    assert max(map(lines, code(name, False))) <= LONGEST
    marks = {mark for c in cells(name) if c.cell_type == "code" for mark in directives(c.source)[0]}
    assert marks <= {"solution"}, "a lesson uses the library and exports nothing"


@pytest.mark.parametrize("name", LESSONS)
def test_every_task_has_a_solution_that_is_asserted_and_folded(name):
    tasks = re.findall(r"^### (.*)$", part(name, "Tasks"), re.M)
    solutions = code(name, True)
    assert 3 <= len(tasks) == len(solutions) and any("reak it" in task for task in tasks)
    assert all("assert" in text for text in solutions)
    folded = [c for c in cells(name) if c.cell_type == "code" and "solution" in directives(c.source)[0]]
    assert all(c.metadata.jupyter.source_hidden and "solution" in c.metadata.tags for c in folded)


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_in_the_index(name):
    index = "\n".join(c.source for c in nbformat.read(COURSE / "00_course.ipynb", 4).cells)
    assert f"]({name})" in index and f"urlpath=lab/tree/nbs/course/{name})" in index
