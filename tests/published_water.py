"""Polar tensors of liquid water (P. Schienbein, J. Chem. Theory Comput. 2023, 19, 705), where they lie.

Their columns have no names: each comment line is written anew, then they are read as any extended xyz."""

import os
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


def spread(frames):
    "{element: root mean square of a component about the element's mean charge}, e."
    found = {}
    for z in np.unique(frames.numbers):
        p = frames.polar_tensor[frames.numbers == z]
        found[int(z)] = float(np.sqrt(np.mean((p - np.eye(3) * np.trace(p, axis1=1, axis2=2).mean() / 3) ** 2)))
    return found
