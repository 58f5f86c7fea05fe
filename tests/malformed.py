"Malformed calls of the command line: valid ones, each with something wrong, and what must hold of all of them."

import contextlib
import io
import os
import random
import shutil
import signal
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import write as ase_write

from bpm_nb.cli.program import main
from bpm_nb.data.datasets import load
from bpm_nb.data.files import write
from bpm_nb.data.records import Trajectory
from bpm_nb.models.polarizability import BondPolarizability

PATIENCE = 60  # seconds, after which a call hangs
NUMBERS = ["-1", "0", "nan", "inf", "-inf", "1e400", "abc", "", " ", "1,5", "--", "0x10", "١", "1e-400", "9" * 400]
FILES = [
    "absent.npz",
    "empty.xyz",
    "empty.npz",
    "junk.npz",
    "junk.xyz",
    "text.npz",
    "cut.npz",
    "folder.npz",
    "loop.npz",
]
FILES += ["no/folder/x.npz", "nan.xyz", "long" * 90 + ".npz", "model.npz", "run.npz", "alpha.npy", "measured.csv"]
FILES += [
    "\x1b[31mred.npz",
    "two\nlines.xyz",
    "<b>bold.npz",
    "\u202egpj.xyz",
    "train.xyz",
    "page.html",
    "",
    "/dev/null",
]
OUTPUTS = [
    "x.txt",
    "x",
    "no/folder/x.npz",
    "folder.npz",
    "loop.npz",
    "",
    ".",
    "run.npz",
    "model.npz",
    "train.xyz",
    "page.html",
]
OUTPUTS += ["\x1b[2Jx.gif", "y" * 300 + ".npz", "/dev/full/x.html", "x.npz\n", "x.html.", "x.XYZ"]


def make_files(folder):
    "What valid calls read, and what is wrong with files."
    enol = load("malonaldehyde-enol")
    BondPolarizability(n_points=60, gamma=0.5, lam=1e-6).fit(enol.train[:12]).save(folder / "model.npz")
    images = [Atoms(f.numbers[0], f.pos[0]) for f in (enol.train[k : k + 1] for k in range(12))]
    for atoms, alpha in zip(images, enol.train.alpha):
        atoms.info["polarizability"] = alpha.ravel()
    ase_write(folder / "train.xyz", images, format="extxyz")
    run = Trajectory(enol.trajectory.numbers, enol.trajectory.pos[:2, :500], 2.0, temperature_K=300.0)
    write(folder / "run.npz", run)
    t = np.arange(3000)
    series = np.cos(2 * np.pi * 900 * 2.99792458e-5 * t)[:, None, None] * np.diag([1.0, 2, 3])
    np.save(folder / "series.npy", series)
    np.save(folder / "pos.npy", enol.train.pos[:12])
    np.save(folder / "alpha.npy", enol.train.alpha[:12])
    nu = np.arange(100, 3500, 4.0)
    np.savetxt(folder / "measured.csv", np.c_[nu, 1 / (1 + ((nu - 1500) / 9) ** 2)], delimiter=",")
    make_bad_files(folder)


def make_bad_files(folder):
    "Files that hold nothing, something else, or only a part."
    noise = np.random.default_rng(0).bytes(3000)
    for name, content in {"empty.xyz": b"", "empty.npz": b"", "junk.npz": noise, "junk.xyz": noise}.items():
        (folder / name).write_bytes(content)
    (folder / "text.npz").write_text("a model\n" * 9)
    (folder / "cut.npz").write_bytes((folder / "model.npz").read_bytes()[:-700])
    (folder / "nan.xyz").write_text((folder / "train.xyz").read_text().replace("0.", "nan.", 40))
    (folder / "page.html").write_text("<p>another page</p>")
    (folder / "folder.npz").mkdir()
    (folder / "loop.npz").symlink_to(folder / "loop.npz")
    for name in ("\x1b[31mred.npz", "<b>bold.npz"):
        shutil.copy(folder / "run.npz", folder / name)
    for name in ("two\nlines.xyz", "\u202egpj.xyz"):
        shutil.copy(folder / "train.xyz", folder / name)


VALID = [  # [verb, positional arguments, {option: values}]; FILE marks what is read, OUT what is written
    ["fit", ["FILE train.xyz"], {"-o": "OUT x.npz", "--n-points": "60", "--gamma": "0.5", "--lam": "1e-6"}],
    ["fit", ["FILE train.xyz"], {"-o": "OUT x.npz", "--quantity": "energy", "--outside": "FILE train.xyz"}],
    ["evaluate", ["FILE model.npz", "FILE train.xyz"], {"--unit": "bohr3"}],
    ["predict", ["FILE model.npz", "FILE train.xyz"], {"-o": "OUT x.xyz"}],
    ["spectrum", ["FILE model.npz", "FILE run.npz"], {"-o": "OUT x.html", "--resolution": "60", "--laser": "532"}],
    ["spectrum", ["FILE model.npz", "FILE run.npz"], {"-o": "OUT x.jdx", "--resolution": "60", "--temperature": "90"}],
    ["spectrum", [], {"--alpha": "FILE series.npy", "--dt-fs": "1", "-o": "OUT x.csv", "--unit": "bohr3"}],
    ["assign", ["FILE model.npz", "FILE run.npz"], {"-o": "OUT x.html", "--resolution": "60", "--bands": "2"}],
    [
        "assign",
        ["FILE model.npz", "FILE run.npz"],
        {"-o": "OUT page.html", "--resolution": "60", "--lines": "1500", "--train": "FILE train.xyz", "--dt-fs": "2"},
    ],
    [
        "assign",
        ["FILE model.npz", "FILE run.npz"],
        {
            "-o": "OUT x.html",
            "--resolution": "60",
            "--harmonic": "FILE malonaldehyde-enol",
            "--motions": "FILE folder.npz",
        },
    ],
    ["spectrum", ["FILE model.npz", "FILE run.npz"], {"-o": "OUT page.html", "--infrared": "FILE model.npz"}],
    ["spectrum", ["FILE model.npz", "FILE pos.npy"], {"-o": "OUT x.csv", "--topology": "FILE train.xyz"}],
    [
        "isotopes",
        ["FILE malonaldehyde-enol"],
        {"--masses": "H9=2.014", "-o": "OUT page.html", "--model": "FILE model.npz", "--runs": "FILE run.npz"},
    ],
    [
        "compare",
        ["FILE model.npz", "FILE run.npz", "FILE run.npz"],
        {"-o": "OUT page.html", "--second-model": "FILE model.npz", "--laser": "532", "--resolution": "60"},
    ],
    [
        "compare",
        ["FILE model.npz", "FILE run.npz", "FILE run.npz"],
        {"-o": "OUT x.html", "--mixture": "FILE measured.csv", "--measured-laser": "785", "--resolution": "60"},
    ],
    ["isotopes", ["FILE malonaldehyde-enol"], {"--masses": "H9=2.014", "-o": "OUT x.html", "--resolution": "20"}],
    [
        "compare",
        ["FILE model.npz", "FILE run.npz", "FILE run.npz"],
        {"-o": "OUT x.html", "--mixture": "FILE measured.csv", "--resolution": "60", "--temperature": "300"},
    ],
    ["convert", ["FILE train.xyz"], {"-o": "OUT x.npz", "--unit": "angstrom3"}],
    [
        "convert",
        ["FILE pos.npy"],
        {"--numbers": "O C C C O H H H H", "--alpha": "FILE alpha.npy", "--units": "pos=bohr", "-o": "OUT x.npz"},
    ],
    ["reference", ["FILE train.xyz"], {"--what": "frames", "-o": "OUT x.npz", "--charge": "0", "--n-frames": "2"}],
    [
        "active",
        ["FILE train.xyz"],
        {"-o": "OUT x.npz", "--rounds": "1", "--temperature": "100", "--basis": "def2-svpd"},
    ],
    ["raman", ["FILE train.xyz"], {"-o": "OUT folder", "--segments": "1", "--temperature": "300", "--charge": "99"}],
    ["demo", [], {"--molecule": "malonaldehyde-enol", "--folder": "OUT ."}],
    ["examples", ["OUT folder"], {}],
]
SLOW = {  # these compute for long where nothing is wrong: always something that cannot be
    "reference": ("--what", ["something", "", "\x1b[31m"]),
    "active": ("--basis", ["none", "", "\x1b[31m"]),
    "raman": ("--charge", ["99", "", "x", "\x1b[31m"]),
    "demo": ("--molecule", ["water", "", "../x", "\x1b[31m"]),
}


def value_of(text):
    "A value without its mark."
    return text.split(" ", 1)[1] if text.startswith(("FILE ", "OUT ")) else text


def changed_value(text, rng):
    "Another value of the same kind, mostly one that cannot be."
    if text.startswith("FILE "):
        return rng.choice(FILES)
    return rng.choice(OUTPUTS if text.startswith("OUT ") else NUMBERS)


def calls(n, seed=0):
    "Lists of words, of all verbs alike."
    rng = random.Random(seed)
    for k in range(n):
        verb, places, options = VALID[k % len(VALID)]
        places, options = list(places), dict(options)
        for _ in range(rng.choice([1, 1, 1, 2])):
            spoil(places, options, rng, sure=verb in SLOW)
        if verb in SLOW:
            name, wrong_values = SLOW[verb]
            options[name] = rng.choice(wrong_values)
        words = [value_of(p) for p in places]
        for option, value in options.items():
            words += [option, *([] if value is None else [value_of(value)])]
        yield [verb, *words, *(["--json"] if rng.random() < 0.2 else [])]


def spoil(places, options, rng, sure):
    "Make one thing wrong, in place."
    kind = rng.choice(["file", "file", "option", "option", "option", "drop", "swap", "more", "unknown"])
    if kind == "file" and places:
        k = rng.randrange(len(places))
        places[k] = "FILE " + changed_value(places[k], rng)
    elif kind == "drop" and not sure:
        names = [*options, *range(len(places))]
        name = rng.choice(names)
        places.pop(name) if isinstance(name, int) else options.pop(name)
    elif kind == "swap":
        rng.shuffle(places)
    elif kind == "more":
        places.append(rng.choice(["more", *FILES]))
    elif kind == "unknown":
        options[rng.choice(["--nonsense", "--dt", "-x", "--\x1b[31m", "--laser-nm"])] = rng.choice([None, "1"])
    else:
        name = rng.choice(list(options) or ["--json"])
        options.setdefault(name, None)
        mark = (
            options[name].split(" ")[0] + " " if options[name] and options[name].startswith(("FILE ", "OUT ")) else ""
        )
        options[name] = mark + changed_value(options[name] or "", rng)


@dataclass
class Outcome:
    "What a call did."

    words: list[str]
    code: int | None
    said: str  # on both streams
    refused: str  # the last line on the error stream
    seconds: float
    problems: list[str]


@contextlib.contextmanager
def alarm(seconds):
    "Raises `TimeoutError` after that time."

    def ring(*_):
        raise TimeoutError("a hang")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def contents(folder):
    "{path: bytes} of all files below a folder."
    return {p: p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file()}


def outcome(words, folder):
    "Call the program in a folder; `problems` says what must not be."
    before, out, err, code, problems = contents(folder), io.StringIO(), io.StringIO(), None, []
    started, home = time.perf_counter(), os.getcwd()
    os.chdir(folder)
    try:
        with alarm(PATIENCE), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            with warnings.catch_warnings():
                code = main(words)
    except SystemExit as stop:
        code = stop.code
    except BaseException as error:  # whatever it is: a user would see a traceback
        problems.append(f"{type(error).__name__}: {str(error)[:200]}")
    finally:
        os.chdir(home)
    seconds, said = time.perf_counter() - started, out.getvalue() + err.getvalue()
    refused = (err.getvalue().splitlines() or [""])[-1]
    after = contents(folder)
    found = Outcome(words, code, said, refused, seconds, problems)
    problems += wrong(found, before, after)
    restore(before, after)
    return found


def wrong(found, before, after):
    "What must not be, in words."
    problems = []
    if any(ord(c) < 32 and c not in "\n\r\t" or c in "\u202e\x7f" for c in found.said):
        problems.append("a character that a terminal acts on")
    new = {p: c for p, c in after.items() if before.get(p) != c}
    if found.code not in (0, 2, None):
        problems.append(f"exit code {found.code}")
    if found.code != 0 and (new or set(before) - set(after)):
        problems.append(f"files changed: {sorted(map(str, new)) or 'lost'}")
    if found.code == 0:
        problems += [f"half of {p.name}" for p, content in new.items() if not is_whole(p, content)]
        problems += [f"lost {p.name}" for p in set(before) - set(after)]
    if found.code == 2 and not names_its_reason(found):
        problems.append(f"no file or argument is named: {found.refused}")
    return problems


def is_whole(path, content):
    "Is the file of its kind to its end?"
    if path.suffix == ".html":
        return content.endswith(b"</html>\n")
    if path.suffix == ".jdx":
        return content.endswith(b"##END=\n")
    if path.suffix == ".npz":
        return bool(np.load(io.BytesIO(content)).files)
    if path.suffix == ".npy":
        return np.load(io.BytesIO(content)).size > 0
    return content.endswith(b"\n")


def names_its_reason(found):
    "Does the refusal hold a word of the call, an option, or the name of an argument?"
    if not found.refused.startswith("bpm-nb"):
        return False
    sentence = found.refused.partition(":")[2]
    given = [" ".join(w.split()) for w in found.words[1:]]
    plain = [w.encode("unicode_escape").decode() for w in given] + given + [Path(w).name for w in given]
    argument = "required: " in sentence or "unrecognized arguments: " in sentence or "is empty" in sentence
    return argument or "-" in sentence or any(w and w[:60] in sentence for w in plain)


def restore(before, after):
    "Put everything back."
    for path in set(after) - set(before):
        path.unlink()
    for path, content in before.items():
        if after.get(path) != content:
            path.write_bytes(content)


def run(n, seed, folder):
    "Outcomes of that many calls in a folder with the files."
    return [outcome(words, folder) for words in calls(n, seed)]
