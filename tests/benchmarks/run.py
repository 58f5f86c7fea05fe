"""Runs the benchmarks and writes what they print to nbs/benchmarks.ipynb: `make bench ONLY='floor growth'` for some.

Options, as in `ONLY='ladder --finished'`, go to the scripts."""

import os
import platform
import subprocess
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell, new_notebook

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "nbs" / "benchmarks.ipynb"
HELPERS = {"ladder_models", "ladder_networks", "measure", "neighbour_lists", "run"}
FIRST = """# Benchmarks

> Time, memory and error, next to other methods and to the least that the arithmetic needs.

Every table is what a script of `tests/benchmarks` printed. `make bench` runs them all and writes this page. Compare the
numbers of one table with each other: they were measured in one run on one machine; other machines are faster or slower.
Where other programs ran beside it the time is longer than it need be; the processor time is not."""


def machine():
    "The machine in a few words."
    model = (
        next(
            (
                line.split(":")[1].strip()
                for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")
            ),
            platform.processor(),
        )
        if Path("/proc/cpuinfo").exists()
        else platform.processor()
    )
    versions = f"Python {platform.python_version()}, numpy {version('numpy')}"
    return f"{os.cpu_count()} cores, {model}, {platform.system()}, {versions}, {date.today()}"


def title_and_text(script):
    "Of a script's docstring."
    import ast

    title, _, text = ast.get_docstring(ast.parse(script.read_text("utf-8"))).partition("\n")
    return title, text.strip()


def main(names, options):
    page = (
        nbformat.read(PAGE, 4)
        if PAGE.exists()
        else new_notebook(
            cells=[new_markdown_cell(FIRST, id="first")],
            metadata=dict(kernelspec=dict(display_name="python3", language="python", name="python3")),
        )
    )
    for script in sorted(HERE.glob("*.py")):
        if script.stem in HELPERS or names and script.stem not in names:
            continue
        run = subprocess.run([sys.executable, script, *options], stdout=subprocess.PIPE, text=True, check=True)
        title, text = title_and_text(script)
        command = " ".join(["python", f"tests/benchmarks/{script.name}", *options])
        cell = new_markdown_cell(
            f"## {title}\n\n{text}\n\n{run.stdout.strip()}\n\n`{command}` on {machine()}.",
            id=script.stem,
        )
        page.cells = [c for c in page.cells if c.id != script.stem] + [cell]
        page.cells[1:] = sorted(page.cells[1:], key=lambda c: c.id)
        nbformat.write(page, PAGE)
        print(cell.source, flush=True)


if __name__ == "__main__":
    main(*([x for x in sys.argv[1:] if x.startswith("--") == options] for options in (False, True)))
