"The scripts of `make bench` run at their smallest size and print tables."

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from published import FOLDER
from published_water import APT, BULK

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
NEEDS = dict(methods=("dscribe", "featomic"), heat=("tblite",), energies=("tblite",), tensor_baselines=("tblite",))
NEEDS |= dict(liquid_raman=("openmm",))
SCRIPTS = sorted(p.stem for p in BENCHMARKS.glob("*.py") if p.stem != "measure" and "SMALL" in p.read_text("utf-8"))


def tables_of(text):
    "Lines of each table; what is not between bars is a heading."
    blocks = [block.strip().splitlines() for block in text.split("\n\n")]
    assert all(line.startswith(("|", "#")) for block in blocks for line in block), text
    return [block for block in blocks if block and block[0].startswith("|")]


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_benchmark_prints_a_table(name):
    if missing := [m for m in NEEDS.get(name, ()) if find_spec(m) is None]:
        pytest.skip(f"the benchmark needs {', '.join(missing)}")
    if name in ("methods", "floor", "published_sets", "splits") and not FOLDER.is_dir():
        pytest.skip("the published frames are not there")
    if name == "polar_tensors" and not APT.is_dir():
        pytest.skip("the published polar tensors are not there")
    if name == "liquid_raman" and not BULK.is_file():
        pytest.skip("the published polarizabilities are not there")
    run = subprocess.run(
        [sys.executable, BENCHMARKS / f"{name}.py", "--small"],
        capture_output=True,
        text=True,
        env=os.environ | dict(OMP_NUM_THREADS="1"),
    )
    assert not run.returncode, run.stderr
    tables = tables_of(run.stdout)
    assert tables
    for head, rule, *rows in tables:
        assert rows and set(rule) == set("| -") and len({line.count("|") for line in (head, rule, *rows)}) == 1
