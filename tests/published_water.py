"""Published liquid water, where it lies: polar tensors (P. Schienbein, J. Chem. Theory Comput. 2023, 19, 705), and
polarizabilities (water_bulk).

The columns of the tensors have no names: each comment line is written anew, then they are read as any extended xyz."""

import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from bpm_nb.data.files import read_frames

APT = Path(os.environ.get("PUBLISHED", Path(__file__).parents[2] / "shared")) / "data" / "water_apt"
COMMENT = 'Lattice="15.6627 0 0 0 15.6627 0 0 0 15.6627" Properties=species:S:1:pos:R:3:polar_tensor:R:9 pbc="T T T"'
needs_published_water = pytest.mark.skipif(
    not APT.is_dir(), reason=f"the published polar tensors are not at ../shared/data/{APT.name}"
)


def needs():
    "Stops with one sentence where they are not."
    if not APT.is_dir():
        raise SystemExit(f"the published polar tensors are not at {APT}")


def water_frames(name):
    "Frames with polar tensors: 'train_05', 'train_10', 'train_20', 'train_30' or 'test'."
    lines = (APT / f"{name}.xyz").read_text("utf-8").splitlines()
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.xyz"
        path.write_text("\n".join(COMMENT if "fmt=" in line else line for line in lines) + "\n", "utf-8")
        return read_frames(path, need="polar_tensor")


BULK = APT.with_name("water_bulk") / "water_bulk.xyz"


def needs_bulk():
    "Stops with one sentence where they are not."
    if not BULK.is_file():
        raise SystemExit(f"the published polarizabilities are not at {BULK}")


def bulk_frames():
    "1000 frames of 32 molecules, with the polarizability of the cell: the file has (V/32) (ε − 1)/(ε + 2), bohr³."
    frames = read_frames(BULK, key="REF_polarizability", need="alpha")
    alpha = frames.alpha * 32 * 3 / (4 * np.pi)
    return replace(frames, alpha=(alpha + alpha.swapaxes(1, 2)) / 2)


def spread(frames):
    "{element: root mean square of a component about the element's mean charge}, e."
    found = {}
    for z in np.unique(frames.numbers):
        p = frames.polar_tensor[frames.numbers == z]
        found[int(z)] = float(np.sqrt(np.mean((p - np.eye(3) * np.trace(p, axis1=1, axis2=2).mean() / 3) ** 2)))
    return found
