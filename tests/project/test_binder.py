"What Binder makes of the repository."

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec

import pytest
from browser import CHROMIUM, ROOT, opened, wait_for_trace


@pytest.mark.skipif(
    find_spec("repo2docker") is None, reason="repo2docker is not installed: it comes with the extra [dev]"
)
def test_repo2docker_reads_the_python_version_and_the_requirements(tmp_path):
    copy = tmp_path / "project"
    copy.mkdir()
    for name in ("binder", "pyproject.toml", "README.md"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, copy / name)
    run = subprocess.run(
        [sys.executable, "-m", "repo2docker", "--no-build", "--debug", "."],
        cwd=copy,
        capture_output=True,
        text=True,
        timeout=120,
    )
    said = run.stdout + run.stderr
    assert run.returncode == 0, said[-2000:]
    version = (ROOT / "binder/runtime.txt").read_text().strip().removeprefix("python-")
    assert f"conda environment for python={version}" in said
    assert re.search(r'pip install .*-r "?binder/requirements\.txt', said) and "binder/postBuild" in said


def pinned():
    "{name: version} of binder/requirements.txt."
    return dict(re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "binder/requirements.txt").read_text(), re.M))


def test_what_a_visitor_gets_is_pinned():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = {
        re.match(r"[\w-]+", r)[0] for r in [*project["dependencies"], *project["optional-dependencies"]["widgets"]]
    }
    assert needed <= set(pinned()) and "-e .[widgets]" in (ROOT / "binder/requirements.txt").read_text()


def test_postbuild_is_a_script_that_can_run():
    assert os.access(ROOT / "binder/postBuild", os.X_OK)
    assert subprocess.run(["bash", "-n", ROOT / "binder/postBuild"]).returncode == 0


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    "Python of a new environment with binder/requirements.txt, and a copy of the project that it was installed from."
    folder = tmp_path_factory.mktemp("binder")
    copy = folder / "project"
    for name in ("binder", "bpm_nb", "nbs"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    python = folder / "env/bin/python"
    if shutil.which("uv") and subprocess.run(["uv", "--version"], capture_output=True).returncode == 0:
        commands = [
            ["uv", "venv", "-q", "--python", sys.executable, folder / "env"],
            ["uv", "pip", "install", "-q", "--python", python, "-r", "binder/requirements.txt"],
        ]
    else:
        commands = [
            [sys.executable, "-m", "venv", folder / "env"],
            [python, "-m", "pip", "install", "-q", "-r", "binder/requirements.txt"],
        ]
    for command in commands:
        subprocess.run(command, cwd=copy, check=True, timeout=1200)
    return python, copy


@pytest.mark.skipif(
    not CHROMIUM or find_spec("playwright") is None, reason="no chromium on this machine, or no playwright"
)
@pytest.mark.parametrize(
    "notebook, trace",
    [
        ("raman_comparison", "bands of"),
        ("kernel_laboratory", "parity isotropic"),
        ("your_molecule", "bands of harmonic lines"),
    ],
)
def test_a_fresh_environment_opens_the_dashboards(fresh, notebook, trace, tmp_path):
    python, copy = fresh
    with opened("voila", copy / f"nbs/apps/{notebook}.ipynb", tmp_path, python) as page:
        wait_for_trace(page, trace)
        assert page.problems == [] and page.outside == []
