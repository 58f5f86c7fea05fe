"Atomic polar tensors: they turn, add up and know no border of the cell; and the infrared spectra that they give."

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from ase.build import molecule
from ase.units import Bohr
from oscillators import KT, omega
from published_water import needs_published_water, water_frames
from scipy.spatial.transform import Rotation

from bpm_nb.bonds.environments import AtomEnvironment
from bpm_nb.core.files import InputError
from bpm_nb.data.datasets import load
from bpm_nb.data.files import read_frames, write
from bpm_nb.data.records import Frames, Trajectory, joined
from bpm_nb.models.polar_tensors import BondPolarTensor
from bpm_nb.models.polarizability import BondDipole
from bpm_nb.spectra.infrared import (
    absorption_coefficient,
    dipole_rates,
    infrared_intensity,
    ir_spectrum,
    polar_ir_spectrum,
    trajectory_spectra,
)
from bpm_nb.spectra.modes import normal_modes

WATER = molecule("H2O")
CELL = np.array([[6.2, 0, 0], [0.6, 6.0, 0], [-0.4, 0.3, 6.4]])
SMALL = AtomEnvironment(n=3, degree=2, told_n=2)


def liquid(n, seed=0):
    "Frames of eight water molecules, turned and shaken, in one skewed cell."
    rng, places = np.random.default_rng(seed), np.indices((2, 2, 2)).reshape(3, -1).T @ CELL / 2
    turns = Rotation.random(8 * n, rng=rng).as_matrix().reshape(n, 8, 3, 3)
    pos = WATER.positions @ turns + places[:, None] + 0.03 * rng.normal(size=(n, 8, 3, 3))
    return Frames(np.tile(WATER.numbers, (n, 8)), pos.reshape(n, 24, 3), cell=CELL)


def induced_tensors(frames):
    """Made-up polar tensors: charges that grow with the bond, and dipoles that the charges induce in other molecules.

    The molecule at O has the polarizability 1.2 Å³ (1 + 0.8 b bᵀ), b its dipole's direction, images included."""
    steps = np.indices((5, 5, 5)).reshape(3, -1).T - 2
    p = np.zeros((*frames.numbers.shape, 3, 3))
    for s, (x, cell) in enumerate(zip(frames.pos, frames.cell)):
        o, h = x[0::3], np.stack([x[1::3], x[2::3]], 1)
        v = h - o[:, None]
        r = np.linalg.norm(v, axis=-1)[..., None, None]
        own = 0.3 * r * np.eye(3) + 0.2 * v[..., :, None] * v[..., None, :]
        b = v.sum(1) / np.linalg.norm(v.sum(1), axis=1)[:, None]
        alpha = 1.2 * (np.eye(3) + 0.8 * b[:, :, None] * b[:, None])
        d = (o[None, :] + (steps @ cell)[:, None] - x[:, None, None]).reshape(24, -1, 3)
        far = np.linalg.norm(d, axis=2)
        counts = (far > 1.3) & (far < 5.5)
        far = np.where(counts, far, 1.0)
        field = counts * (1 - (far / 5.5) ** 2) ** 3 / far**3
        tensors = np.tile(alpha, (len(steps), 1, 1)) @ (d[..., :, None] * d[..., None, :] / far[..., None, None] ** 2)
        charges = np.where(frames.numbers[s] == 8, -0.6, 0.3)
        p[s] = charges[:, None, None] * np.einsum("nk,nkab->nab", field, tensors)
        p[s, 1::3] += own[:, 0]
        p[s, 2::3] += own[:, 1]
        p[s, 0::3] -= own.sum(1)
        p[s] -= p[s].mean(0)
    return replace(frames, polar_tensor=p)


@cache
def fitted(n=8):
    return BondPolarTensor(n_points=150, environment=SMALL).fit(induced_tensors(liquid(n)))


def test_errors_of_atoms_know_no_border_and_no_turn():
    test, turn = induced_tensors(liquid(3, seed=1)), Rotation.random(rng=np.random.default_rng(0)).as_matrix()
    p, std = fitted().predict(test, return_std=True)
    times = np.abs(p - test.polar_tensor) / std[..., None, None]
    assert 0.5 < np.mean(times < 1) < 0.85 and np.mean(times < 2) > 0.85
    moved = replace(test, pos=(test.pos + 20.0) @ turn.T, cell=test.cell @ turn.T, polar_tensor=None)
    np.testing.assert_allclose(fitted().predict(moved, return_std=True)[1], std, rtol=1e-6)
    mixed = joined([replace(test, polar_tensor=None), Frames(WATER.numbers[None], WATER.positions[None])])
    padded = fitted().predict(mixed, return_std=True)[1]
    assert (padded[3, 3:] == 0).all() and padded[3, :3].min() > std.max()  # a molecule alone was never seen


def supercell(frames, times):
    steps = np.indices(times).reshape(3, -1).T
    pos = (frames.pos[:, None] + np.einsum("mk,skx->smx", steps, frames.cell)[:, :, None]).reshape(len(frames), -1, 3)
    cell = np.asarray(times)[:, None] * frames.cell
    return Frames(np.tile(frames.numbers, (1, len(steps))), pos, cell=cell)


def test_a_liquid_is_learned_and_more_of_it_better():
    test = induced_tensors(liquid(4, seed=1))
    assert fitted().score(test) > 0.95
    misses = [np.sqrt(np.mean((m.predict(test) - test.polar_tensor) ** 2)) for m in (fitted(2), fitted())]
    assert misses[1] < 0.8 * misses[0]
    foreseen = np.sqrt(np.average(fitted().element_errors_ ** 2, weights=[2, 1]))
    assert 0.5 < misses[1] / foreseen < 2


@pytest.mark.parametrize("times", [(2, 1, 1), (1, 2, 2)])
def test_each_atom_of_a_supercell_has_the_tensor_of_its_like(times):
    frames = liquid(1, seed=2)
    large = fitted().predict(supercell(frames, times))
    expected = np.tile(fitted().predict(frames), (1, np.prod(times), 1, 1))
    np.testing.assert_allclose(large, expected, atol=1e-10)


def test_the_border_of_the_cell_is_nowhere():
    frames = liquid(1, seed=3)
    p, rng = fitted().predict(frames), np.random.default_rng(0)
    jumps = np.repeat(rng.integers(-2, 3, size=(8, 3)), 3, axis=0) @ CELL
    for pos, cell in (
        (frames.pos + jumps, CELL),
        (frames.pos + CELL[1] + 0.37, CELL),
        (frames.pos, np.array([CELL[0], CELL[1] + CELL[0], CELL[2] - CELL[1]])),
    ):
        np.testing.assert_allclose(fitted().predict(Frames(frames.numbers, pos, cell=cell)), p, atol=1e-10)


def test_the_tensors_turn_with_the_cell_also_in_a_mirror():
    frames = liquid(1, seed=4)
    p = fitted().predict(frames)
    for sign in (1, -1):
        turn = sign * Rotation.random(rng=np.random.default_rng(1)).as_matrix()
        turned = replace(frames, pos=frames.pos @ turn.T, cell=frames.cell @ turn.T)
        np.testing.assert_allclose(fitted().predict(turned), turn @ p @ turn.T, atol=1e-10)


def test_the_antisymmetric_part_is_there():
    "A pseudovector: what a symmetric tensor could not carry."
    test = induced_tensors(liquid(4, seed=1))
    skew = test.polar_tensor - test.polar_tensor.swapaxes(2, 3)
    p = fitted().predict(test)
    miss = p - p.swapaxes(2, 3) - skew
    assert np.abs(skew).max() > 0.005 and np.mean(miss**2) < 0.5 * np.mean(skew**2)


def test_the_tensors_add_up_to_the_charge():
    frames = liquid(2, seed=5)
    np.testing.assert_allclose(fitted().predict(frames).sum(1), 0, atol=1e-12)
    free = BondPolarTensor(n_points=40, environment=SMALL, charge=None).fit(induced_tensors(liquid(2)))
    sums = np.abs(free.predict(frames).sum(1)).max()
    assert 1e-6 < sums < 1
    free.charge = 1.0
    np.testing.assert_allclose(free.predict(frames).sum(1), np.tile(np.eye(3), (2, 1, 1)), atol=1e-12)


def test_a_molecule_in_a_growing_cell_becomes_the_molecule():
    alone = fitted().predict(Frames(WATER.numbers[None], WATER.positions[None]))
    misses = []
    for width in (4.2, 6.5, 14.0):
        boxed = Frames(WATER.numbers[None], WATER.positions[None], cell=width * np.eye(3))
        misses.append(np.abs(fitted().predict(boxed) - alone).max())
    assert misses[0] > misses[1] > misses[2] and misses[2] < 1e-12


def test_molecules_and_cells_are_learned_together():
    alone = load("malonaldehyde-enol").harmonic_dft
    model = BondPolarTensor(n_points=30, environment=SMALL).fit([induced_tensors(liquid(2)), alone.frames])
    assert model.species_.tolist() == [1, 6, 8]
    p = model.predict([liquid(1), alone.frames])
    assert p.shape == (2, 24, 3, 3) and not p[1, 9:].any()


def test_frames_keep_their_tensors_through_every_file(tmp_path):
    frames = induced_tensors(liquid(2))
    both = joined([frames, replace(frames[0], numbers=frames.numbers[:1, :12], pos=frames.pos[:1, :12],
                                   polar_tensor=frames.polar_tensor[:1, :12])])  # fmt: skip
    for name in ("a.xyz", "a.npz"):
        write(tmp_path / name, both)
        again = read_frames(tmp_path / name, need="polar_tensor")
        np.testing.assert_allclose(again.polar_tensor, both.polar_tensor, atol=1e-7)
    with pytest.raises(InputError, match="polar_tensor has shape .*: give nine numbers for each atom"):
        replace(frames, polar_tensor=frames.polar_tensor[:, :5])
    broken = frames.polar_tensor.copy()
    broken[1, 3, 0, 0] = np.nan
    with pytest.raises(InputError, match="frame 1, atom 3: the polar_tensor is not a finite number"):
        BondPolarTensor().fit(replace(frames, polar_tensor=broken))


def test_the_infrared_area_of_polar_tensors_is_the_intensity_of_the_mode():
    "A thermal oscillation along one mode of malonaldehyde, with the polar tensors of its minimum."
    minimum = load("malonaldehyde-enol").harmonic_dft
    modes, t = normal_modes(minimum), np.arange(40_000)
    k = int(np.argmax(modes.infrared))
    w, displacement = omega(modes.wavenumber_cm1[k]), modes.displacement[k]
    size = np.sqrt(2 * 300 * KT) / w  # of Q, Å u^1/2
    pos = minimum.pos + (size * np.cos(w * t))[:, None, None] * displacement
    vel = -(size * w * np.sin(w * t))[:, None, None] * displacement
    run = Trajectory(minimum.numbers, pos[None], 1.0, vel=vel[None])
    p = np.broadcast_to(minimum.frames.polar_tensor, (1, len(t), 9, 3, 3))
    found = polar_ir_spectrum(run, p)
    area = np.trapezoid(found.curve(), found.wavenumber_cm1)
    np.testing.assert_allclose(infrared_intensity(area, 300.0), modes.infrared[k], rtol=5e-3)
    per_volume = np.trapezoid(absorption_coefficient(found, 100.0, 300.0), found.wavenumber_cm1)
    mol_per_cm3 = 1 / (6.02214076e23 * 100e-24)
    np.testing.assert_allclose(per_volume, 1e5 * modes.infrared[k] * mol_per_cm3, rtol=5e-3)


def test_absorption_is_that_of_the_textbook_in_si_units():
    "n α = ∫⟨Ṁ(0) Ṁ(t)⟩ cos(ωt) dt / (6 ε₀ c V kT), of white noise: flat."
    from scipy import constants as c

    rng, dt, volume = np.random.default_rng(0), 1.0, 4000.0
    vel = rng.normal(size=(8, 20_000, 1, 3))  # Å/fs
    run = Trajectory([1], np.zeros_like(vel), dt, vel=vel)
    found = absorption_coefficient(polar_ir_spectrum(run, np.ones((8, 20_000, 1, 1, 1)) * np.eye(3)), volume, 300.0)
    square = 3 * (c.e * 1e-10 / 1e-15) ** 2  # ⟨Ṁ²⟩, (C m/s)²
    expected = square * dt * 1e-15 / (6 * c.epsilon_0 * c.c * volume * 1e-30 * c.k * 300) / 100
    np.testing.assert_allclose(found[100:-100].mean(), expected, rtol=0.02)


def test_a_dipole_and_its_polar_tensors_have_one_spectrum():
    enol = load("malonaldehyde-enol")
    model = BondDipole(gamma=0.25, lam=1e-6).fit(enol.train[:40])
    run = replace(
        enol.trajectory[:1], pos=enol.trajectory.pos[:1, :400], vel=enol.trajectory.vel[:1, :400], energy=None
    )
    p = model.derivative(run.frames).swapaxes(2, 3).reshape(1, 400, 9, 3, 3) * Bohr
    mu, step = model.predict_trajectory(run)[0], 1e-3  # fs
    ahead, back = (model.predict(replace(run, pos=run.pos + sign * step * run.vel)) for sign in (1, -1))
    rate = dipole_rates(run, p)[0, :, 0]
    np.testing.assert_allclose(rate, (ahead - back) / (2 * step), atol=1e-6 * np.abs(rate).max())
    options = dict(resolution_cm1=60.0)
    one, other = polar_ir_spectrum(run, p, **options), ir_spectrum(mu, run.dt_fs, **options)
    low = one.wavenumber_cm1 < 2000
    areas = [np.trapezoid(s.curve()[low], s.wavenumber_cm1[low]) for s in (one, other)]
    np.testing.assert_allclose(*areas, rtol=0.1)  # steps of 2 fs lose a little of fast motions


def test_trajectory_spectra_takes_a_model_of_polar_tensors():
    frames = liquid(1, seed=6)
    rng = np.random.default_rng(0)
    vel = 1e-3 * rng.normal(size=(1, 60, 24, 3))
    pos = frames.pos[None] + np.cumsum(vel, axis=1)
    run = Trajectory(frames.numbers[0], pos, 1.0, vel=vel, cell=CELL)
    options = dict(resolution_cm1=800.0)
    found = trajectory_spectra(run, None, fitted(), **options)["infrared"]
    expected = polar_ir_spectrum(run, fitted().predict_trajectory(run), **options)
    np.testing.assert_array_equal(found.curve(), expected.curve())
    for wrong, words in ((replace(run, vel=None), "no velocities"), (run, "polar_tensor has shape")):
        with pytest.raises(InputError, match=words):
            polar_ir_spectrum(wrong, np.zeros((1, 60, 24, 3)), **options)
    with pytest.raises(InputError, match="volume_A3 is 0"):
        absorption_coefficient(found, 0.0, 300.0)


@pytest.mark.slow
@needs_published_water
def test_liquid_water_is_learned_better_than_by_the_published_network():
    "Five frames of 128 molecules, two of the test frames: 0.042 e by the network."
    test = water_frames("test")[:2]
    model = BondPolarTensor(n_points=300).fit(water_frames("train_05"))
    p, std = model.predict(test, return_std=True)
    assert np.sqrt(np.mean((p - test.polar_tensor) ** 2)) < 0.021
    times = np.abs(p - test.polar_tensor) / std[..., None, None]
    assert 0.6 < np.mean(times < 1) < 0.76 and 0.9 < np.mean(times < 2) < 0.98
    most, least = (np.argsort(std[0])[k] for k in (slice(-100, None), slice(100)))
    size = np.sqrt(((p - test.polar_tensor)[0] ** 2).mean((1, 2)))
    assert size[most].mean() > size[least].mean()  # here oxygen and hydrogen
