"The wheel, in an environment of its own that knows nothing of the checkout."

import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def new_environment(folder):
    "Python of a new, empty environment, and the command that installs into it."
    if shutil.which("uv"):
        subprocess.run(["uv", "venv", "-q", "--python", sys.executable, folder], check=True)
        return folder / "bin/python", ["uv", "pip", "install", "-q", "--python", folder / "bin/python"]
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return folder / "bin/python", [folder / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    "Path of the wheel of a copy of the project."
    folder = tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    shutil.copytree(ROOT / "bpm_nb", folder / "project/bpm_nb", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "project")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, folder / "project"]
    if find_spec("pip") is None:  # an environment that uv made
        command = ["uv", "build", "-q", "--wheel", "-o", folder, folder / "project"]
    subprocess.run(command, check=True, timeout=600)
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_holds_every_file_of_the_package(wheel):
    inside = {n for n in zipfile.ZipFile(wheel).namelist() if n.startswith("bpm_nb/")}
    package = (p for p in (ROOT / "bpm_nb").rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    assert inside == {p.relative_to(ROOT).as_posix() for p in package}


def test_the_demo_runs_from_the_wheel(wheel, tmp_path):
    python, install = new_environment(tmp_path / "environment")
    subprocess.run([*install, wheel], check=True, timeout=1200)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    command = [python.with_name("bpm-nb"), "demo", "--json"]
    done = subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["iso_relative"] < 0.1 and result["peaks"] and (tmp_path / "raman.html").stat().st_size > 1e5
