"The command line, called within the process, and files as its users write them."

from ase import Atoms
from ase.io import write as ase_write

from bpm_nb.cli.program import main
from bpm_nb.data.datasets import load

ENOL = load("malonaldehyde-enol", "gfn2")  # whose modes lie elsewhere than those of the lines


def call(capsys, words, *more):
    "Exit code, output and errors of `bpm-nb` with these words, and with more arguments that may hold spaces."
    capsys.readouterr()
    code = main([*str(words).split(), *map(str, more)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def is_one_line(code, out, err, *words):
    assert code == 2 and out == "" and err.count("\n") == 1 and err.startswith("bpm-nb: ") and "Traceback" not in err, (
        err
    )
    for w in words:
        assert w in err, (w, err)


def to_xyz(path, frames, unit=1.0, **changes):
    "Extended xyz as ASE users write it."
    images = []
    for n, p, a in zip(frames.numbers, frames.pos, frames.alpha):
        images.append(Atoms(n[n > 0], p[n > 0], info=dict(polarizability=a.ravel() * unit)))
    ase_write(path, images, format="extxyz")
    return str(path)
