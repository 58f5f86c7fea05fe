"What a run in a cell gives from the command line: its cell, errors divided by molecules, kinds of pairs, infrared."

import json
from dataclasses import replace

import numpy as np
import pytest
from ase.build import molecule
from command_line import call
from oscillators import langevin
from scipy.spatial.transform import Rotation

from bpm_nb.bonds.environments import AtomEnvironment
from bpm_nb.bonds.pairs import bonds
from bpm_nb.data.files import read, write
from bpm_nb.data.records import Frames, Trajectory
from bpm_nb.models.polar_tensors import BondPolarTensor
from bpm_nb.models.polarizability import BondDipole, BondPolarizability

WATER = molecule("H2O")
CELL = np.array([[6.2, 0, 0], [0.6, 6.0, 0], [-0.4, 0.3, 6.4]])
CHARGES = np.tile([-0.8, 0.4, 0.4], 8)  # e


def vibrating_cell():
    "Eight molecules, turned at random, whose O–H bonds swing at 3300 cm⁻¹, and velocities."
    rng, places = np.random.default_rng(0), np.indices((2, 2, 2)).reshape(3, -1).T @ CELL / 2
    pos = WATER.positions @ Rotation.random(8, rng=rng).as_matrix() + places[:, None]
    q = np.stack([langevin(3300, 40, np.eye(1), n=300, segments=2, dt=2.0, seed=s)[..., 0, 0] for s in range(16)], -1)
    moves = np.zeros((2, 300, 8, 3, 3))
    for h in (1, 2):
        u = (pos[:, h] - pos[:, 0]) / np.linalg.norm(pos[:, h] - pos[:, 0], axis=1)[:, None]
        moves[..., h, :] = 0.04 * q[..., h - 1 :: 2, None] * u
    pos = (pos + moves).reshape(2, 300, 24, 3)
    cell = np.broadcast_to(CELL, (2, 300, 3, 3))
    return Trajectory(np.tile(WATER.numbers, 8), pos, 2.0, vel=np.gradient(pos, 2.0, axis=1), cell=cell)


def with_alpha(frames):
    "The same with a made-up α, a sum over O–H bonds."
    chosen, alpha = bonds(frames.numbers[0], frames.pos, "covalent", cell=frames.cell), np.zeros((len(frames), 3, 3))
    squares = (chosen.length**2)[:, None, None] * np.eye(3)
    np.add.at(alpha, chosen.frame, 4 * squares + 3 * chosen.vector[:, :, None] * chosen.vector[:, None])
    return replace(frames, alpha=alpha)


@pytest.fixture(scope="module")
def liquid(tmp_path_factory):
    "A folder with a run, frames with α, and models of α, of the dipole and of polar tensors."
    folder, run = tmp_path_factory.mktemp("liquid"), vibrating_cell()
    frames = with_alpha(run.frames[::20])
    write(folder / "run.npz", run)
    write(folder / "test.xyz", frames[20:])
    BondPolarizability(bonds="covalent", n_points=60).fit(frames[:20]).save(folder / "model.npz")
    rng = np.random.default_rng(1)
    alone = WATER.positions + 0.05 * rng.normal(size=(40, 3, 3))
    gas = Frames(np.tile(WATER.numbers, (40, 1)), alone, dipole=1.5 * np.einsum("a,sax->sx", CHARGES[:3], alone))
    BondDipole(bonds="covalent", n_points=60).fit(gas).save(folder / "dipole.npz")
    polar = np.broadcast_to(1.5 * 0.529177210903 * CHARGES[:, None, None] * np.eye(3), (10, 24, 3, 3))
    train = Frames(frames.numbers[:10], frames.pos[:10], cell=frames.cell[:10], polar_tensor=polar)
    near = AtomEnvironment(cutoff=2.5, n=3, degree=2, told_cutoff=2.5, told_n=2)
    BondPolarTensor(near, n_points=40).fit(train).save(folder / "polar.npz")
    return folder


def test_predicted_frames_and_runs_keep_their_cell(liquid, capsys):
    for name, given in (("out.xyz", "test.xyz"), ("out.npz", "run.npz")):
        assert call(capsys, f"predict {liquid}/model.npz {liquid}/{given} -o {liquid}/{name}")[0] == 0
        found = read(liquid / name)
        np.testing.assert_allclose(found.cell, np.broadcast_to(CELL, found.cell.shape), atol=1e-9)
        assert found.alpha.shape[0] == len(read(liquid / given).frames)


def test_errors_are_told_for_each_molecule_too(liquid, capsys):
    code, out, err = call(capsys, f"evaluate {liquid}/model.npz {liquid}/test.xyz")
    assert code == 0 and "divided by 8 molecules: " in out, err
    found = json.loads(call(capsys, f"evaluate {liquid}/model.npz {liquid}/test.xyz --json")[1])
    assert found["n_molecules"] == 8
    np.testing.assert_allclose(8 * found["iso_rmse_au_per_molecule"], found["iso_rmse_au"])


def test_assign_names_kinds_of_pairs_and_not_bonds_of_single_molecules(liquid, capsys):
    words = f"assign {liquid}/model.npz {liquid}/run.npz --resolution 100 -o {liquid}/a.html --bands 2"
    code, out, err = call(capsys, f"{words} --json")
    assert code == 0, err
    first = json.loads(out)["bands"][0]
    assert abs(float(first["wavenumber (cm⁻¹)"].split()[0]) - 3300) < 80
    assert first["bonds and their shares"].startswith("O–H in molecules 100 %")
    assert "in molecules and between them" in (liquid / "a.html").read_text()
    found = json.loads(call(capsys, f"{words} --pairs --json")[1])
    assert "in molecules" not in found["bands"][0]["bonds and their shares"]


def test_infrared_comes_from_derivatives_of_the_dipole_or_polar_tensors(liquid, capsys):
    tables = []
    for name in ("dipole", "polar"):
        out = liquid / f"{name}.csv"
        words = f"spectrum {liquid}/model.npz {liquid}/run.npz --infrared {liquid}/{name}.npz --resolution 100 -o {out}"
        code, text, err = call(capsys, words)
        assert code == 0 and "strongest infrared peaks" in text, err
        tables.append(np.genfromtxt(out, delimiter=",", names=True, skip_header=3))
    one, other = (t["infrared"] for t in tables)
    assert abs(tables[0]["wavenumber_cm1"][one.argmax()] - 3300) < 80
    np.testing.assert_allclose(one, other, rtol=0.02, atol=0.01 * one.max())
    resting = replace(read(liquid / "run.npz"), vel=None)
    write(liquid / "resting.npz", resting)
    words = f"spectrum {liquid}/model.npz {liquid}/resting.npz --infrared {liquid}/dipole.npz --resolution 100"
    code, _, err = call(capsys, f"{words} -o {liquid}/no.csv")
    assert code == 2 and "resting.npz: the run has no velocities, which move the charges" in err
