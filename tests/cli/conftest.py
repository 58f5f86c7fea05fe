"Files that the verbs read."

import numpy as np
import pytest
from command_line import ENOL, to_xyz

from bpm_nb.cli.program import main
from bpm_nb.core.units import C_CM_FS
from bpm_nb.data.files import write
from bpm_nb.data.records import Trajectory
from bpm_nb.models.polarizability import BondPolarizability


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    "A folder with a training file, a test file and a fitted model."
    folder = tmp_path_factory.mktemp("work")
    to_xyz(folder / "train.xyz", ENOL.train[:40])
    to_xyz(folder / "test.xyz", ENOL.test[:10])
    assert main(["fit", str(folder / "train.xyz"), "-o", str(folder / "model.npz"), "--n-points", "400"]) == 0
    return folder


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    "A folder with a model, a short run, and a polarizability series."
    folder = tmp_path_factory.mktemp("work")
    BondPolarizability(n_points=100).fit(ENOL.train[:30]).save(folder / "model.npz")
    write(
        folder / "run.npz", Trajectory(ENOL.trajectory.numbers, ENOL.trajectory.pos[:2, :900], 2.0, temperature_K=300.0)
    )
    t = np.arange(8000)
    np.save(folder / "series.npy", np.cos(2 * np.pi * C_CM_FS * 900 * t)[:, None, None] * np.diag([1, 2, 3.0]))
    return folder


@pytest.fixture(scope="module")
def dipole(work):
    "A model of the dipole."
    write(work / "train.npz", ENOL.train[:30])
    words = f"fit {work}/train.npz --quantity dipole --n-points 100 -o {work}/dipole.npz"
    assert main(words.split()) == 0
    return work / "dipole.npz"
