"The rules of the house: who may import whom, how long a room is, and what a public function says of itself."

import ast
import re
import shutil
import subprocess
import sys
import tokenize
from functools import cache
from pathlib import Path

import nbformat
import pytest

from bpm_nb.dev.sync import directives, notebooks

ROOT = Path(__file__).parents[2]
ROOMS = sorted(p for p in (ROOT / "bpm_nb").glob("*/**/*.py") if p.name != "__init__.py")
FOLDERS = sorted({p.relative_to(ROOT / "bpm_nb").parts[0] for p in ROOMS})
NAMES = [p.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for p in ROOMS]
NOTEBOOKS = [p.relative_to(ROOT).as_posix() for p in notebooks(ROOT)]
LONGEST = dict(line=120, cell=40, characters=1200, room=400, notebook=60, public=12)

# What must never be imported: {who: by what it must not import}. A folder stands for all its rooms.
ABOVE = "bonds regression dynamics models spectra reference assignment plots reports pipeline dashboards cli dev"
NEVER = {
    "core": f"data {ABOVE}",
    "data": ABOVE,
    "regression.kernel": "data bonds regression models",
    "regression.krr": "data bonds regression models",
    "bonds": "regression models spectra",
    "regression": "models spectra dynamics reference assignment",
    "spectra": "bonds models dynamics",
    "dynamics": "models reference",
    "reference": "models spectra",
    "assignment": "models regression",
    "plots": "models",
}
ONLY = {  # these packages are imported in these places alone
    "torch": "models.networks",
    "pyscf": "reference",
    "tblite": "dynamics.calculators dynamics.fields",
    "rdkit": "pipeline.smiles pipeline.rotamers",
    "ipi": "dynamics.path_integral",
    "openmm": "dynamics.liquids",
    "ipywidgets": "dashboards",
    "anywidget": "dashboards",
    "nglview": "dashboards",
    "chemiscope": "models.polarizability",
    "pandas": "core.display",
    "argparse": "cli dev",
}


def inside(name, places):
    "Is a dotted name in one of these places, given without the package?"
    return any(name == f"bpm_nb.{p}" or name.startswith(f"bpm_nb.{p}.") for p in places.split())


@cache
def tree(name):
    return ast.parse((ROOT / (name.replace(".", "/") + ".py")).read_text("utf-8"))


def absolute(node, name):
    "Dotted name of the module that `from … import` names in a room."
    if not node.level:
        return node.module or ""
    base = name.split(".")[: -node.level]
    return ".".join([*base, *([node.module] if node.module else [])])


@cache
def imported(name):
    "Modules that a room imports, also inside functions: dotted names."
    found = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            module = absolute(node, name)
            own = {f"{module}.{alias.name}" for alias in node.names} & {*NAMES, *(f"bpm_nb.{f}" for f in FOLDERS)}
            found |= own or {module}
    return found


def forbidden(name, used):
    "Imports of a room that break a rule of `NEVER` or `ONLY`."
    broken = {u for who, what in NEVER.items() if inside(name, who) for u in used if inside(u, what) and u != name}
    if not inside(name, "cli dashboards dev"):
        broken |= {u for u in used if inside(u, "cli dashboards dev")}
    if inside(name, "cli dashboards"):
        broken |= {u for u in used if inside(u, "cli dashboards dev") and u.split(".")[1] != name.split(".")[1]}
    return broken | {u for u in used if (places := ONLY.get(u.split(".")[0])) and not inside(name, places)}


@pytest.mark.parametrize("name", NAMES)
def test_no_room_imports_what_it_never_may(name):
    assert not forbidden(name, imported(name))


@pytest.mark.parametrize(
    "name, used",
    [
        ("bpm_nb.core.files", "bpm_nb.data.records"),
        ("bpm_nb.regression.krr", "bpm_nb.regression.kernel"),
        ("bpm_nb.bonds.pairs", "bpm_nb.models"),
        ("bpm_nb.spectra.raman", "bpm_nb.cli.program"),
        ("bpm_nb.plots.spectra", "bpm_nb.models.estimator"),
        ("bpm_nb.spectra.raman", "pyscf.gto"),
        ("bpm_nb.cli.program", "bpm_nb.dashboards"),
    ],
)
def test_an_arrow_that_is_not_allowed_is_seen(name, used):
    assert forbidden(name, {used}) == {used}


def test_no_two_rooms_import_each_other():
    from graphlib import TopologicalSorter

    TopologicalSorter({name: imported(name) & set(NAMES) - {name} for name in NAMES}).prepare()  # raises CycleError


def test_no_room_bears_the_name_of_what_its_folder_hands_out():
    for folder in FOLDERS:
        handed_out = public(f"bpm_nb.{folder}.__init__")
        assert not handed_out & {n.split(".")[-1] for n in NAMES if inside(n, folder)}, folder


def test_the_picture_of_the_house_names_every_room():
    picture = (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("\nbpm_nb/\n")[2].partition("```")[0]
    lines = re.split(r"\n  (?=\w)", "\n" + re.sub(r"\n {3,}", " ", picture))
    told = {line.split("/")[0].strip(): set(re.findall(r"\w+", re.sub(r"\([^)]*\)", "", line))) for line in lines}
    missing = {f: {n.split(".")[-1] for n in NAMES if inside(n, f)} - told.get(f, set()) for f in FOLDERS}
    assert not {folder: rooms for folder, rooms in missing.items() if rooms}


def test_a_folder_hands_out_what_it_says():
    from importlib import import_module

    for folder in FOLDERS:
        if folder == "dashboards":
            pytest.importorskip("anywidget", reason="the widgets extra is not installed")
        module = import_module(f"bpm_nb.{folder}")
        assert not [name for name in module.__all__ if not hasattr(module, name)]


# ---- sizes


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_cells_and_lines_are_short(path):
    cells = nbformat.read(ROOT / path, 4).cells
    assert len(cells) <= LONGEST["notebook"]
    for source in (c.source for c in cells if c.cell_type == "code"):
        assert max(map(len, source.splitlines()), default=0) <= LONGEST["line"], source[:200]
        if {"export", "exporti"} & directives(source)[0].keys():
            assert len(source.splitlines()) <= LONGEST["cell"], source[:200]
            assert len(source) <= LONGEST["characters"], source[:200]


@pytest.mark.parametrize("name", NAMES)
def test_a_room_is_small(name):
    assert len((ROOT / (name.replace(".", "/") + ".py")).read_text("utf-8").splitlines()) <= LONGEST["room"]
    assert len(public(name)) <= LONGEST["public"]


@pytest.mark.skipif(not (shutil.which("ruff") or (Path(sys.executable).parent / "ruff").exists()), reason="no ruff")
@pytest.mark.parametrize("command", [["check"], ["format", "--check"]])
def test_the_code_has_the_style_of_the_linter(command):
    ruff = shutil.which("ruff") or Path(sys.executable).parent / "ruff"
    done = subprocess.run([ruff, *command, "."], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


# ---- what a public function says


def public(name):
    "Names in `__all__` of a room."
    node = next((n for n in tree(name).body if isinstance(n, ast.Assign) and n.targets[0].id == "__all__"), None)
    return set(ast.literal_eval(node.value)) if node else set()


@cache
def definitions(name):
    "{name: function or class} of a room; methods as Class.method."
    found = {}
    for node in tree(name).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = node
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{m.name}": m for m in node.body if isinstance(m, ast.FunctionDef)}
    return found


def public_functions(name):
    "(qualified name, function) of all that is public in a room, with the methods of public classes."
    shown = public(name)
    for qualified, node in definitions(name).items():
        owner, _, method = qualified.partition(".")
        private = method.startswith("_") and method != "__init__"
        if owner in shown and not private and isinstance(node, ast.FunctionDef):
            yield qualified, node


def comment_lines(name):
    "Numbers of the lines of a room that end in a comment."
    source = (ROOT / (name.replace(".", "/") + ".py")).read_text("utf-8")
    tokens = tokenize.generate_tokens(iter(source.splitlines(True)).__next__)
    return {t.start[0] for t in tokens if t.type == tokenize.COMMENT}


def arguments(function):
    a = function.args
    every = [*a.posonlyargs, *a.args, a.vararg, *a.kwonlyargs, a.kwarg]
    return [x for x in every if x and x.arg not in ("self", "cls")]


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_has_a_comment_of_its_own(name):
    missing, comments = [], comment_lines(name)
    for qualified, function in public_functions(name):
        lines = [a.end_lineno for a in arguments(function)]
        missing += [f"{qualified}: {a.arg}" for a in arguments(function) if a.end_lineno not in comments]
        missing += [f"{qualified}: two arguments on a line"] * (len(set(lines)) < len(lines))
    assert not missing


@pytest.mark.parametrize("name", NAMES)
def test_every_field_has_a_comment_of_its_own(name):
    comments, classes = comment_lines(name), [n for n in tree(name).body if isinstance(n, ast.ClassDef)]
    fields = [(c.name, f) for c in classes for f in c.body if isinstance(f, ast.AnnAssign) and c.name in public(name)]
    assert not [f"{owner}.{f.target.id}" for owner, f in fields if f.end_lineno not in comments]


@pytest.mark.parametrize("name", NAMES)
def test_public_functions_have_type_hints(name):
    missing = []
    for qualified, function in public_functions(name):
        missing += [f"{qualified}: {a.arg}" for a in arguments(function) if a.annotation is None]
        missing += [f"{qualified}: what it returns"] * (function.returns is None and not qualified.endswith("__init__"))
    assert not missing


@pytest.mark.parametrize("name", NAMES)
def test_what_is_public_has_a_docstring(name):
    shown = {q for q in definitions(name) if q in public(name)} | {q for q, _ in public_functions(name)}
    assert not [q for q in shown if not ast.get_docstring(definitions(name)[q]) and not q.endswith("__init__")]


def aliases(name):
    "{local name: (room, name)} of what a room imports from other rooms, also inside functions."
    found = {}
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.ImportFrom) and (module := absolute(node, name)) in NAMES:
            found |= {a.asname or a.name: (module, a.name) for a in node.names}
    return found


@cache
def calls(name, qualified):
    "Functions of the library that a function calls by name, or of its own class, as (room, qualified name)."
    node, known = definitions(name)[qualified], aliases(name)
    owner = qualified.split(".")[0]
    found = set()
    for call in (n.func for n in ast.walk(node) if isinstance(n, ast.Call)):
        if isinstance(call, ast.Name):
            found.add(known.get(call.id, (name, call.id)))
        if isinstance(call, ast.Attribute) and isinstance(call.value, ast.Name) and call.value.id in ("self", "cls"):
            found.add((name, f"{owner}.{call.attr}"))
    made = {(room, f"{n}.{m}") for room, n in found for m in ("__init__", "__post_init__")}
    return {(room, n) for room, n in found | made if n in definitions(room)}


def says_input_error(node):
    for n in ast.walk(node):
        if isinstance(n, ast.Raise) and n.exc is not None and "InputError" in ast.unparse(n.exc):
            return True
    return False


@cache
def raising():
    "Functions from which an `InputError` can come: their own, or of what they call."
    every = {
        (name, q): node for name in NAMES for q, node in definitions(name).items() if not isinstance(node, ast.ClassDef)
    }
    found = {key for key, node in every.items() if says_input_error(node)}
    while more := {key for key in every if key not in found and calls(*key) & found}:
        found |= more
    return found


@pytest.mark.parametrize("name", NAMES)
def test_public_functions_say_that_they_raise_input_error(name):
    silent = []
    for qualified, function in public_functions(name):
        owner = definitions(name)[qualified.split(".")[0]]
        texts = [ast.get_docstring(function), ast.get_docstring(owner) if qualified.endswith("__init__") else None]
        if (name, qualified) in raising() and not any("InputError" in (text or "") for text in texts):
            silent.append(qualified)
    assert not silent


@pytest.mark.parametrize("name", NAMES)
def test_a_room_says_what_it_is_for(name):
    assert re.match(r"[A-Z`]", text := ast.get_docstring(tree(name)) or "") and "PROMISE" not in text
