"What a model of bonds says of cells: nothing depends on where the border lies, and all adds up."

import tracemalloc
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from ase.build import molecule
from scipy.spatial.transform import Rotation

from bpm_nb.bonds.neighbours import NeighbourLists
from bpm_nb.bonds.pairs import bonds
from bpm_nb.core.files import InputError
from bpm_nb.core.tensors import components
from bpm_nb.data.files import read_frames
from bpm_nb.data.records import Frames, Trajectory, checked
from bpm_nb.models.energy import BondEnergy
from bpm_nb.models.polarizability import BondDipole, BondPolarizability

WATER = molecule("H2O")
CELL = np.array([[6.2, 0, 0], [0.6, 6.0, 0], [-0.4, 0.3, 6.4]])


def liquid(n, seed=0):
    "Frames of eight water molecules, turned and shaken, in one skewed cell."
    rng, places = np.random.default_rng(seed), np.indices((2, 2, 2)).reshape(3, -1).T @ CELL / 2
    turns = Rotation.random(8 * n, rng=rng).as_matrix().reshape(n, 8, 3, 3)
    pos = WATER.positions @ turns + places[:, None] + 0.03 * rng.normal(size=(n, 8, 3, 3))
    return Frames(np.tile(WATER.numbers, (n, 8)), pos.reshape(n, 24, 3), cell=CELL)


def dipoles_of_pairs(frames):
    "A made-up polarizability of each cell: of O–H bonds, and of pairs of oxygens, images included."
    alpha = np.zeros((len(frames), 3, 3))
    steps = np.indices((5, 5, 5)).reshape(3, -1).T - 2
    for s, (x, cell) in enumerate(zip(frames.pos, frames.cell)):
        o, h = x[0::3], np.stack([x[1::3], x[2::3]], 1)
        for v in (h - o[:, None]).reshape(-1, 3):
            alpha[s] += 2.5 * np.eye(3) * np.linalg.norm(v) + 1.5 * np.outer(v, v)
        v = (o[:, None, None] + steps @ cell - o[None, :, None]).reshape(-1, 3)
        r = np.linalg.norm(v, axis=1)
        v, r = v[(r > 0.1) & (r < 4.0)], r[(r > 0.1) & (r < 4.0)]
        alpha[s] += np.einsum("p,pi,pj->ij", (1 - (r / 4) ** 2) ** 3 / r**2, v, v)
    return replace(frames, alpha=alpha)


@cache
def fitted(**settings):
    return BondPolarizability(**dict(cutoff=3.6, n_points=100) | settings).fit(dipoles_of_pairs(liquid(16)))


@cache
def dipole_model():
    rng = np.random.default_rng(0)
    pos = WATER.positions + 0.05 * rng.normal(size=(40, 3, 3))
    numbers = np.tile(WATER.numbers, (40, 1))
    return BondDipole(bonds="covalent", n_points=60).fit(
        Frames(numbers, pos, dipole=pos[:, 1] + pos[:, 2] - 2 * pos[:, 0])
    )


def supercell(frames, times):
    steps = np.indices(times).reshape(3, -1).T
    pos = (frames.pos[:, None] + np.einsum("mk,skx->smx", steps, frames.cell)[:, :, None]).reshape(len(frames), -1, 3)
    cell = np.asarray(times)[:, None] * frames.cell
    return Frames(np.tile(frames.numbers, (1, len(steps))), pos, cell=cell)


def test_a_liquid_is_learned():
    model, test = fitted(), dipoles_of_pairs(liquid(12, seed=1))
    assert model.score(test) > 0.8
    off = components(model.predict(test))[1] - components(test.alpha)[1]
    spread = np.sqrt(np.mean(components(test.alpha)[1] ** 2))
    assert 0.5 < model.info_["spreads"][1] / spread < 2 and 0.3 < model.errors_[1] / np.sqrt(np.mean(off**2)) < 3


@pytest.mark.parametrize("times", [(2, 1, 1), (1, 2, 3)])
def test_a_supercell_has_as_many_times_the_polarizability(times):
    frames = liquid(2, seed=1)
    expected = np.prod(times) * fitted().predict(frames)
    np.testing.assert_allclose(
        fitted().predict(supercell(frames, times)), expected, atol=1e-10 * np.abs(expected).max()
    )


def traced(function, *arguments):
    "The function's result, and the largest memory that was held on the way, MiB."
    tracemalloc.start()
    result = function(*arguments)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return result, peak


@pytest.mark.parametrize("repeats", [True, False])
def test_what_is_counted_grows_as_the_number_of_molecules(repeats):
    few, many = (supercell(liquid(1), times) for times in ((3, 3, 2), (6, 6, 4)))  # 144 and 1152 molecules
    few, many = (f if repeats else replace(f, cell=None) for f in (few, many))
    model, shares = fitted(bonds="covalent"), []
    for frames in (few, many):
        numbers, pos, cell = frames.numbers[0], frames.pos, frames.cell
        pairs, at_most = traced(bonds, numbers, pos, "pairs", 3.6, False, cell)
        chosen = bonds(numbers, pos, "covalent", cell=cell)
        lists, lists_mib = traced(NeighbourLists, numbers, pos, chosen, 5.0)
        alpha, mib = traced(model.predict, frames)
        _, checks_mib = traced(checked, frames)
        n = len(numbers) / 3
        shares.append([len(pairs.frame) / n, lists.width * len(chosen.frame) / n, at_most / n, lists_mib / n, mib / n])
        shares[-1].append(checks_mib / n)
        assert lists.listed is not None and np.isfinite(alpha).all()
    for a, b in zip(*shares):
        assert b < (1.1 if repeats else 1.5) * a  # without images, fewer atoms lie at the surface of a large cluster
    if repeats:
        np.testing.assert_allclose(shares[0][:2], shares[1][:2], rtol=1e-12)


def test_the_border_of_the_cell_is_nowhere():
    frames, rng = liquid(3, seed=2), np.random.default_rng(0)
    moved = frames.pos + rng.integers(-2, 3, frames.pos.shape) @ CELL  # every atom by vectors of its own
    shifted = frames.pos + [0.3, -1.7, 2.2]
    other = np.array([[1, 0, 0], [1, 1, 0], [0, -1, 1]]) @ CELL  # the same lattice
    for model in (fitted(), fitted(bonds="covalent")):
        alpha, slopes = model.predict(frames), model.derivative(frames)
        for same in (replace(frames, pos=moved), replace(frames, pos=shifted), replace(frames, cell=other)):
            np.testing.assert_allclose(model.predict(same), alpha, rtol=0, atol=1e-10 * np.abs(alpha).max())
            np.testing.assert_allclose(model.derivative(same), slopes, rtol=0, atol=1e-9)


def test_the_tensor_turns_with_the_cell():
    frames, turn = liquid(2, seed=3), Rotation.random(rng=np.random.default_rng(1)).as_matrix()
    turned = replace(frames, pos=frames.pos @ turn.T, cell=frames.cell @ turn.T)
    np.testing.assert_allclose(fitted().predict(turned), turn @ fitted().predict(frames) @ turn.T, atol=1e-9)


def test_the_derivative_in_a_cell_is_that_of_differences():
    frames, h = liquid(1, seed=4), 1e-4
    slopes = fitted().derivative(frames)[0]
    np.testing.assert_allclose(slopes.sum(0), 0, atol=1e-8)  # nothing changes when all atoms move
    for atom, xyz in ((0, 0), (7, 2), (23, 1)):
        ends = []
        for sign in (1, -1):
            pos = frames.pos.copy()
            pos[0, atom, xyz] += sign * h
            ends.append(fitted().predict(replace(frames, pos=pos))[0])
        np.testing.assert_allclose(slopes[atom, xyz], (ends[0] - ends[1]) / (2 * h), atol=1e-5)


@pytest.mark.parametrize("settings", [{}, dict(bonds="covalent", descriptor="soap")])
def test_a_molecule_in_a_growing_cell_becomes_the_molecule(settings):
    if settings:
        pytest.importorskip("dscribe", reason="the soap extra is not installed")
    model, alone = fitted(**settings), Frames(WATER.numbers[None], WATER.positions[None])
    expected, off = model.predict(alone), []
    for side in (3.5, 5.0, 6.5, 12.0, 30.0):
        box = replace(alone, pos=alone.pos + 0.9 * side, cell=side * np.eye(3))
        off.append(np.abs(model.predict(box) - expected).max() / np.abs(expected).max())
    assert off[0] > 1e-4 and max(off[-2:]) < 1e-10


def test_contributions_of_images_add_up():
    frames = liquid(2, seed=5)
    model = fitted()
    pairs, parts = model.bond_tensors(frames)
    constants = (frames.numbers[:, :, None] == model.species_).sum(1) @ model.atomic_
    np.testing.assert_allclose(parts.sum(1) + constants[:, None, None] * np.eye(3), model.predict(frames), atol=1e-9)
    grade, _, of_pairs = model.extrapolation(frames)
    assert np.isfinite(grade).all() and of_pairs.shape == (2, len(pairs))


def test_errors_and_files_know_the_cells(tmp_path):
    frames = liquid(2, seed=6)
    fitted().save(tmp_path / "m.npz")
    for one, two in zip(
        fitted().predict(frames, True), BondPolarizability.load(tmp_path / "m.npz").predict(frames, True)
    ):
        np.testing.assert_allclose(one, two, rtol=1e-6)


def test_a_run_in_a_cell_is_predicted_state_by_state():
    frames = liquid(4, seed=7)
    run = Trajectory(frames.numbers[0], frames.pos[None], 1.0, cell=frames.cell[None])
    np.testing.assert_allclose(fitted().predict_trajectory(run)[0], fitted().predict(frames), atol=1e-12)


def test_repeats_in_cells_are_counted_once():
    frames = dipoles_of_pairs(liquid(10, seed=8))
    again = replace(frames[:3], pos=frames.pos[:3] + CELL[0] + [0.1, 0.2, 0.3])
    twice = Frames(
        *(np.concatenate([getattr(f, k) for f in (frames, again)]) for k in ("numbers", "pos", "alpha")), cell=CELL
    )
    with pytest.warns(UserWarning, match="3 of 13 frames repeat others"):
        assert len(BondPolarizability().distinct_frames(twice)) == 10


def test_a_dipole_in_a_cell_is_known_by_its_derivative_alone():
    model, frames = dipole_model(), liquid(2, seed=9)
    polar = model.derivative(frames)
    np.testing.assert_allclose(polar.sum(1), 0, atol=1e-8)  # the acoustic sum rule
    with pytest.raises(InputError, match="the dipole of a cell that repeats is known only up to"):
        model.predict(frames)
    with pytest.raises(InputError, match="the dipole of a cell that repeats is known only up to"):
        BondDipole().fit(replace(frames, dipole=np.zeros((2, 3))))
    wide = replace(frames, cell=40 * np.eye(3))
    np.testing.assert_array_equal(model.predict(wide), model.predict(replace(wide, cell=None)))


def test_what_knows_molecules_alone_says_so():
    frames = replace(liquid(4, seed=10), energy=np.arange(4.0))
    with pytest.raises(InputError, match="frame 0: its atoms lie within 5 Å of their images, and models of energies"):
        BondEnergy().fit(frames)
    with pytest.raises(InputError, match="the baseline 'gfn2' knows molecules without a cell"):
        BondPolarizability(baseline="gfn2").fit(dipoles_of_pairs(frames))


BULK = Path(__file__).parents[3] / "shared" / "data" / "water_bulk" / "water_bulk.xyz"


@pytest.mark.slow
@pytest.mark.skipif(not BULK.is_file(), reason="the published liquid is not at ../shared/data/water_bulk")
def test_the_polarizability_of_liquid_water_is_learned():
    "32 molecules a cell. Of 30 frames, whose mean polarizability spreads over 0.16 bohr³ a molecule."
    frames = read_frames(BULK, key="REF_polarizability", need="alpha")
    alpha = frames.alpha * 32 * 3 / (4 * np.pi)  # of the cell, bohr³
    frames = replace(frames, alpha=(alpha + alpha.swapaxes(1, 2)) / 2)
    order = np.random.default_rng(0).permutation(len(frames))
    test = frames[order[-60:]]
    model = BondPolarizability(bonds="covalent", metric="shared").fit(frames[order[:30]])
    predicted = model.predict(test)
    (iso, beta), (iso_p, beta_p) = components(test.alpha), components(predicted)
    assert np.std(iso_p - iso) < 0.4 * np.std(iso) and np.linalg.norm(beta_p - beta) < 0.8 * np.linalg.norm(beta)
