"The rules of the project: what states the same thing agrees, what is generated is up to date, notebooks run."

import ast
import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import bpm_nb
from bpm_nb.dev.sync import directives, notebooks

ROOT = Path(__file__).parents[2]
NOTEBOOKS = [p.relative_to(ROOT).as_posix() for p in notebooks(ROOT)]
MODULES = [p for p in NOTEBOOKS if re.match(r"nbs/(\d+_\w+/)?\d+_\w+\.ipynb$", p)]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
LARGEST_FILE, LARGEST_OUTPUT = 5_000_000, 200_000


def project_files():
    "Files that are, or would be, in the repository."
    git = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a git checkout")
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def text_files():
    "(path, text) of the project's files that hold text."
    for file in project_files():
        content = file.read_bytes()
        if b"\0" not in content:
            yield file.relative_to(ROOT).as_posix(), content.decode("utf-8")


def cells(path):
    "(directives, code without magics) of the code cells of a notebook."
    for cell in nbformat.read(ROOT / path, 4).cells:
        if cell.cell_type == "code":
            found, code = directives(cell.source)
            yield found, "\n".join(line for line in code.splitlines() if not re.match(r"\s*[%!]", line))


def module_name(path):
    "Dotted name of the module that a notebook exports: nbs/10_data/01_records.ipynb makes bpm_nb.data.records."
    *folders, name = (re.sub(r"^\d+_", "", part) for part in Path(path).with_suffix("").parts[1:])
    return ".".join(["bpm_nb", *folders, *([name] if [name] not in (folders, ["bpm_nb"]) else [])])


def imported(code):
    "Dotted names of the modules that a piece of code imports, also inside functions."
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def distribution(requirement):
    return re.match(r"[\w.-]+", requirement)[0]


def package(requirement):
    "Name under which a requirement is imported."
    name = distribution(requirement).lower().replace("-", "_")
    return {
        "scikit_learn": "sklearn",
        "pytest_xdist": "xdist",
        "jupyter_repo2docker": "repo2docker",
        "pyscf_properties": "pyscf",
        "mdanalysis": "MDAnalysis",
    }.get(name, name)


def optional_packages():
    "Packages that only an extra brings."
    extras = {package(r) for extra in PROJECT["optional-dependencies"].values() for r in extra}
    return extras - {package(r) for r in PROJECT["dependencies"]} - {"bpm_nb", "setuptools"}


# ---- two files that say the same thing


@pytest.fixture(scope="module")
def settings():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "settings.ini", "utf-8")
    return parser["DEFAULT"]


def stated_twice(settings):
    "What both files state: `{what: (settings.ini, pyproject.toml)}`."
    spdx = {"apache2": "Apache-2.0"}
    status = {
        "3": "Development Status :: 3 - Alpha",
        "4": "Development Status :: 4 - Beta",
        "5": "Development Status :: 5 - Production/Stable",
    }

    def pairs(text):
        return dict(line.split("=", 1) for line in text.split("\n") if line)

    extras = {k.removesuffix("_requirements"): v.split() for k, v in settings.items() if k.endswith("_requirements")}
    nbdev = PYPROJECT["tool"]["nbdev"]
    return {
        "name": (settings["lib_name"], PROJECT["name"]),
        "version": (settings["version"], bpm_nb.__version__),
        "description": (settings["description"], PROJECT["description"]),
        "Python": (f">={settings['min_python']}", PROJECT["requires-python"]),
        "license": (spdx[settings["license"]], PROJECT["license"]),
        "author": (settings["author"], PROJECT["authors"][0]["name"]),
        "keywords": (settings["keywords"].split(), PROJECT["keywords"]),
        "status": (status[settings["status"]], PROJECT["classifiers"][0]),
        "audience": (f"Intended Audience :: {settings['audience']}", PROJECT["classifiers"][1]),
        "requirements": (settings["requirements"].split(), PROJECT["dependencies"]),
        "extras": (extras, PROJECT["optional-dependencies"]),
        "console scripts": (pairs(settings["console_scripts"]), PROJECT["scripts"]),
        **{key: (settings[key].lower(), str(value).lower()) for key, value in nbdev.items()},
    }


def test_settings_and_pyproject_agree(settings):
    for what, (left, right) in stated_twice(settings).items():
        assert left == right, f"{what}: settings.ini and pyproject.toml differ"


def test_the_version_has_one_source():
    assert PROJECT["dynamic"] == ["version"] and "version" not in PROJECT
    assert PYPROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "bpm_nb.__version__"}


def test_settings_are_valid_for_nbdev_2(settings):
    required = (
        "repo lib_name version min_python license doc_path lib_path nbs_path recursive tst_flags put_version_in_init "
        "branch custom_sidebar doc_host doc_baseurl git_url title audience author author_email copyright "
        "description keywords language status user"
    )
    assert not [key for key in required.split() if key not in settings]
    assert not settings.getboolean("update_pyproject")


def test_the_changelog_names_this_version():
    assert re.search(rf"^## {re.escape(bpm_nb.__version__)}\b", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)


def test_binder_uses_a_supported_python():
    version = (ROOT / "binder/runtime.txt").read_text().strip().removeprefix("python-")
    assert f"Programming Language :: Python :: {version}" in PROJECT["classifiers"]


# ---- what is generated


def test_generated_files_are_up_to_date():
    check = subprocess.run(
        [sys.executable, "-m", "bpm_nb.dev.sync", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert check.returncode == 0, check.stdout + check.stderr


def test_every_module_comes_from_a_notebook():
    from bpm_nb.dev.sync import generated_files

    assert {p.relative_to(ROOT).as_posix() for p in (ROOT / "bpm_nb").rglob("*.py")} <= set(generated_files(ROOT))


def test_the_wheel_holds_every_file_that_is_no_module():
    data = PYPROJECT["tool"]["setuptools"]["package-data"]["bpm_nb"]
    packed = {p for pattern in data for p in (ROOT / "bpm_nb").glob(pattern) if p.is_file()}
    others = {p for p in (ROOT / "bpm_nb").rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc")}
    assert others == packed and "shipped/*" in data and "py.typed" in data
    assert {p.suffix for p in (ROOT / "bpm_nb/dashboards/assets").iterdir()} == {".js"}


# ---- imports


@pytest.mark.parametrize("path", MODULES)
def test_a_notebook_imports_only_from_lower_numbers(path):
    number = {module_name(p): [int(part.split("_")[0]) for part in Path(p).parts[1:]] for p in MODULES}
    own = module_name(path)
    if Path(path).name.startswith("00_"):
        return  # the opening notebook of a folder hands out what its rooms hold
    used = {name for found, code in cells(path) if "export" in found for name in imported(code)}
    assert not {module for module in used & set(number) - {own} if number[module] >= number[own]}


def test_the_library_uses_no_pickle_and_no_dask():
    unwanted = {"pickle", "cPickle", "cloudpickle", "dill", "shelve", "marshal", "dask"}
    for module in (ROOT / "bpm_nb").rglob("*.py"):
        source = module.read_text("utf-8")
        assert not {name.split(".")[0] for name in imported(source)} & unwanted, module
        assert not re.search(r"allow_pickle\s*=\s*True", source), module


def loaded(*modules):
    "Top-level modules in a fresh interpreter after it imported these."
    code = f"import sys, {', '.join(modules)}; print(*{{m.split('.')[0] for m in sys.modules}})"
    return set(
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.split()
    )


def test_import_bpm_nb_brings_nothing():
    more = loaded("bpm_nb") - set(sys.stdlib_module_names) - {"bpm_nb"}
    assert not {name for name in more if not name.startswith("_")}


HEAVY = {
    "IPython",
    "MDAnalysis",
    "anywidget",
    "dscribe",
    "ipywidgets",
    "matplotlib",
    "nbdev",
    "nglview",
    "pandas",
    "plotly",
    "pyscf",
}
HEAVY |= {"ray", "sklearn", "sympy", "tblite", "torch"}
SKLEARN = {"sklearn", "pandas"}  # scikit-learn imports pandas where it is installed
MODELS = {name: SKLEARN for name in ("BondDipole", "BondEnergy", "BondPolarizability", "load_model", "raman")}
MAY_LOAD = dict(MODELS, kernel_lab=HEAVY, raman_compare=HEAVY, your_molecule=HEAVY)


@pytest.mark.parametrize("name", bpm_nb.__all__)
def test_a_name_of_the_face_loads_nothing_heavy(name):
    if name in ("kernel_lab", "raman_compare", "your_molecule"):
        pytest.importorskip("anywidget", reason="the widgets extra is not installed")
    code = f"import sys, bpm_nb; bpm_nb.{name}; print(*{{m.split('.')[0] for m in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & HEAVY - MAY_LOAD.get(name, set())


def test_modules_do_not_import_optional_packages():
    drawing = {"plots", "reports", "dashboards"}  # and pages
    modules = [name for name in map(module_name, MODULES) if not drawing & set(name.split("."))]
    modules = [name for name in modules if name not in ("bpm_nb.pipeline.pages", "bpm_nb.pipeline.weighted_pages")]
    assert not loaded(*modules) & (optional_packages() | {"plotly"}) - SKLEARN


# ---- what is in the repository


def test_notebooks_hold_no_widget_state_and_no_large_output():
    for path in NOTEBOOKS:
        nb = json.loads((ROOT / path).read_text("utf-8"))
        assert "widgets" not in nb["metadata"], path
        assert len(json.dumps([c.get("outputs", []) for c in nb["cells"]])) < LARGEST_OUTPUT, path


def test_no_file_is_large():
    assert not [f for f in project_files() if f.stat().st_size > LARGEST_FILE]


def test_no_file_names_a_folder_of_one_machine():
    folder = re.compile(r"(?<![\w.~])/(?:work|root|home|tmp|Users)/\w")
    found = [f"{path}: {match[0]}" for path, text in text_files() for match in folder.finditer(text)]
    assert not found


# ---- what a reader finds


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_a_notebook_opens_with_a_title_and_a_promise(path):
    first = nbformat.read(ROOT / path, 4).cells[0]
    assert first.cell_type == "markdown"
    assert re.match(r"# \S[^\n]*\n\n> \S", first.source), "begin with '# title', an empty line, '> one-line promise'"


def test_the_commands_of_the_readme_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    readme = (ROOT / "README.md").read_text("utf-8")
    commands = re.findall(r"^make ([a-z-]+)", readme, re.M) + re.findall(r"`make ([a-z-]+)", readme)
    assert {"demo", "test"} <= set(commands) <= targets


def test_the_links_of_the_readme_lead_somewhere():
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / "README.md").read_text("utf-8"))
    assert not [link for link in links if not (ROOT / link).exists()]


def test_the_readme_names_every_folder_of_the_library():
    readme = (ROOT / "README.md").read_text("utf-8")
    openings = [path for path in MODULES if path.count("/") == 1 or Path(path).name.startswith("00_")]
    assert not [path for path in openings if f"({path})" not in readme]


def test_launch_links_lead_to_this_repository(settings):
    readme = (ROOT / "README.md").read_text("utf-8")
    links = re.findall(
        r"https://mybinder\.org/v2/gh/([\w-]+)/([\w-]+)/([\w-]+)\?urlpath=(?:lab/tree|voila/render)/([^)\s]+)", readme
    )
    assert len(links) == readme.count("mybinder.org") > 10
    for user, repo, branch, path in links:
        assert [user, repo, branch] == [settings[k] for k in ("user", "repo", "branch")] and (ROOT / path).exists()


# ---- notebooks run


def missing_packages(path):
    "Optional packages that a notebook imports and this environment does not have."
    used = {name.split(".")[0] for _, code in cells(path) for name in imported(code)}
    return sorted(name for name in used & optional_packages() if find_spec(name) is None)


def files_in(folder):
    return {p for p in folder.rglob("*") if p.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(p.parts)}


def is_figure(output):
    return any(kind.startswith(("image/", "application/vnd.plotly")) for kind in output.get("data", {}))


def runs_here(marks):
    "All but what never runs, and named tests: these run in tests/lessons."
    return marks.get("eval") != "false" and not marks.get("test")


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_a_notebook_runs_and_leaves_nothing_behind(path, tmp_path, monkeypatch):
    if missing := missing_packages(path):
        pytest.skip(f"{path} needs {', '.join(missing)}")
    copy = tmp_path / "project"
    for folder in ("bpm_nb", "nbs"):
        shutil.copytree(
            ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        )
    before = files_in(copy)
    nb = nbformat.read(ROOT / path, 4)
    nb.cells = [c for c in nb.cells if c.cell_type != "code" or runs_here(directives(c.source)[0])]
    monkeypatch.setenv("PYTHONPATH", str(copy))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("PLOTLY_RENDERER", "plotly_mimetype")
    is_lesson_of_course = bool(re.match(r"nbs/course/(?!00_)", path))
    if is_lesson_of_course:  # a class may have no network
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
    before_it = os.times()
    NotebookClient(
        nb, timeout=300, kernel_name="python3", resources={"metadata": {"path": (copy / path).parent}}
    ).execute()
    assert files_in(copy) == before
    if is_lesson_of_course:
        shown = [c for c in nb.cells if c.cell_type == "code" and "solution" not in directives(c.source)[0]]
        assert sum(any(map(is_figure, c.outputs)) for c in shown) >= 5, "the way, and four figures of its own"
        used = [os.times()[k] - before_it[k] for k in (2, 3)]  # of processes that have ended, whatever else runs here
        assert 0 < sum(used) < 180, "a lesson runs in three minutes"
    if re.match(r"nbs/([0-5]0_\w+/|00_bpm_nb)", path):
        assert any(is_figure(output) for c in nb.cells for output in c.get("outputs", [])), "no figure is drawn"
