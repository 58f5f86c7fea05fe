"Liquid water: its forces against the formulas by hand, its runs against what is known of the model, and resumed work."

import numpy as np
import pytest
from ase import Atoms, units
from ase.units import kcal, mol

from bpm_nb.core.files import InputError
from bpm_nb.data.files import read
from bpm_nb.dynamics import liquids
from bpm_nb.dynamics.calculators import finite_hessian, relaxed_positions
from bpm_nb.dynamics.liquids import cube_side, flexible_water, liquid_trajectory, water_lattice
from bpm_nb.dynamics.structure import pair_distribution

pytest.importorskip("openmm", reason="the liquids extra is not installed")
pytest.importorskip("filelock", reason="the liquids extra is not installed")
QUICK = dict(n_molecules=27, n_segments=2, length_ps=1, settle_ps=1, step_fs=0.5, save_fs=10.0)


def energy_by_hand(pos):
    "Energy, eV, of water molecules (M, 3, 3), Å, alone in space, from the formulas of the article."
    d, a, r0, k, theta0 = 116.09, 2.287, 0.9419, 87.85, np.radians(107.4)
    bonds = pos[:, 1:] - pos[:, :1]
    r = np.linalg.norm(bonds, axis=2)
    x = a * (r - r0)
    theta = np.arccos((bonds[:, 0] * bonds[:, 1]).sum(1) / r.prod(1))
    energy = d * (x**2 - x**3 + 7 / 12 * x**4).sum() + 0.5 * k * ((theta - theta0) ** 2).sum()
    site = 0.73612 * pos[:, 0] + 0.13194 * (pos[:, 1] + pos[:, 2])
    places, charges = np.concatenate([pos[:, 1:], site[:, None]], 1), 1.1128 * np.array([0.5, 0.5, -1])
    coulomb = 0.0
    for i in range(len(pos)):
        for j in range(i):
            far = np.linalg.norm(places[i][:, None] - places[j], axis=2)
            coulomb += (charges[:, None] * charges / far).sum() * units.Hartree * units.Bohr
            s6 = (3.1589 / np.linalg.norm(pos[i, 0] - pos[j, 0])) ** 6
            energy += 4 * 0.1852 * (s6**2 - s6)
    return energy * kcal / mol + coulomb


def shaken(n, seed):
    "Molecules (M, 3, 3), Å, some way apart and out of shape."
    rng = np.random.default_rng(seed)
    numbers, pos = water_lattice(n, 3.0 * n ** (1 / 3), rng)
    return numbers, pos + 0.03 * rng.normal(size=pos.shape)


def test_energies_and_forces_are_those_of_the_article():
    numbers, pos = shaken(4, 1)
    atoms = Atoms(numbers, pos, calculator=flexible_water())
    np.testing.assert_allclose(atoms.get_potential_energy(), energy_by_hand(pos.reshape(-1, 3, 3)), atol=2e-5)
    slopes, h = np.empty_like(pos), 1e-4
    for k in np.ndindex(pos.shape):
        move = np.zeros_like(pos)
        move[k] = h
        ends = [energy_by_hand((pos + sign * move).reshape(-1, 3, 3)) for sign in (1, -1)]
        slopes[k] = (ends[0] - ends[1]) / (2 * h)
    np.testing.assert_allclose(atoms.get_forces(), -slopes, atol=1e-4)


def test_the_monomer_swings_at_the_wavenumbers_of_its_formula():
    numbers, pos = water_lattice(1, 10.0, np.random.default_rng(0))
    atoms = Atoms(numbers, pos, calculator=flexible_water())
    pos, h = relaxed_positions(atoms), 1e-3
    moves = h * np.eye(9).reshape(9, 3, 3)
    signs = [(1, 1), (1, -1), (-1, 1), (-1, -1)]
    by_hand = np.zeros((9, 9))
    for i, j in np.ndindex(9, 9):
        moved = (s * t * energy_by_hand((pos + s * moves[i] + t * moves[j])[None]) for s, t in signs)
        by_hand[i, j] = sum(moved) / (4 * h**2)
    roots = np.sqrt(np.repeat(atoms.get_masses(), 3))
    found = [np.linalg.eigvalsh(x / np.outer(roots, roots))[6:] for x in (by_hand, finite_hessian(atoms, 0.003))]
    by_formula, by_openmm = (
        np.sqrt(x) * units._hbar * units.m / np.sqrt(units._e * units._amu) / units.invcm for x in found
    )
    np.testing.assert_allclose(by_openmm, by_formula, atol=0.5)


def test_a_lattice_vector_and_the_choice_of_molecules_cell_change_nothing():
    numbers, pos = water_lattice(27, cube_side(27), np.random.default_rng(2))
    atoms = Atoms(numbers, pos, calculator=flexible_water(side_A=cube_side(27)))
    energy = atoms.get_potential_energy()
    atoms.positions[:3] += cube_side(27) * np.array([1, -2, 0])
    assert abs(atoms.get_potential_energy() - energy) < 1e-3
    atoms.positions += [1.0, 2.0, 3.0]
    assert abs(atoms.get_potential_energy() - energy) < 1e-2  # the mesh has a place


@pytest.mark.slow
def test_a_run_is_the_liquid_that_the_model_has(tmp_path):
    "64 molecules: canonical, conserved, as dense as asked; bonds and neighbours at the lengths that water has."
    run = liquid_trajectory(tmp_path / "w.npz", 64, 2, 3, 5, save_fs=4.0, step_fs=0.5, seed=3)
    side = run.cell[0, 0, 0, 0]
    np.testing.assert_allclose(64 * 18.015 / 6.02214e23 / (side * 1e-8) ** 3, 0.997, rtol=1e-4)
    kinetic = 0.5 * (run.mass()[:, None] * (run.vel / units.fs) ** 2).sum((2, 3))
    kelvin = 2 * kinetic.mean() / (3 * 192 - 3) / units.kB
    assert 285 < kelvin < 315
    assert np.abs(run.energy_drift()).max() < 1.0 and np.std(run.energy, axis=1).max() < 0.05
    drift = (run.mass()[:, None] * run.vel).sum(2) / run.mass().sum()
    assert np.abs(drift).max() < 1e-3 * np.std(run.vel)
    molecules = run.pos.reshape(*run.pos.shape[:2], 64, 3, 3)
    r = np.linalg.norm(molecules[..., 1:, :] - molecules[..., :1, :], axis=-1)
    assert 0.95 < r.mean() < 0.98 and r.max() < 1.3
    at, g = pair_distribution(run, edges=np.arange(2.0, 6.0, 0.1))
    assert 2.65 < at[g.argmax()] < 2.9 and 2.6 < g.max() < 3.8
    back = read(tmp_path / "w.npz")
    np.testing.assert_allclose(back.cell, run.cell)
    np.testing.assert_allclose(back.pos, run.pos, atol=1e-4)


@pytest.mark.slow
def test_a_stopped_run_ends_where_an_unbroken_one_ends(tmp_path, monkeypatch):
    whole = liquid_trajectory(tmp_path / "whole.npz", **QUICK)
    honest, calls = liquids.constant_energy_runs, []

    def stopped(*args, **options):
        calls.append(1)
        raise KeyboardInterrupt

    with monkeypatch.context() as m:
        m.setattr(liquids, "constant_energy_runs", stopped)
        with pytest.raises(KeyboardInterrupt):
            liquid_trajectory(tmp_path / "w.npz", **QUICK)
    assert calls and len(list((tmp_path / "w.npz.parts").glob("walk-*.npz"))) == 2
    with pytest.raises(InputError, match="other settings"):
        liquid_trajectory(tmp_path / "w.npz", **QUICK | dict(density_g_cm3=1.1))
    resumed = liquid_trajectory(tmp_path / "w.npz", **QUICK)
    for name in ("pos", "vel", "energy", "cell"):
        np.testing.assert_array_equal(getattr(resumed, name), getattr(whole, name))
    assert honest is liquids.constant_energy_runs and not (tmp_path / "w.npz.parts").exists()
    assert np.abs(whole.pos[0] - whole.pos[1]).max() > 0.5, "segments are independent"


@pytest.mark.parametrize(
    "wrong, words",
    [
        (dict(n_molecules=8), "8 molecules would feel"),
        (dict(density_g_cm3=7.0), "density of 7"),
        (dict(settle_ps=0), "settle_ps is 0"),
        (dict(step_fs=0.3), "whole steps between states"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(tmp_path, wrong, words):
    with pytest.raises(InputError, match=words):
        liquid_trajectory(tmp_path / "w.npz", **QUICK | wrong)
    assert not list(tmp_path.iterdir())


def test_only_neutral_water_has_this_force_field():
    with pytest.raises(InputError, match="neutral water"):
        flexible_water(charge=1)
    with pytest.raises(InputError, match="of water alone"):
        Atoms("CO2", np.eye(3), calculator=flexible_water()).get_potential_energy()


def test_without_openmm_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "openmm", None)
    with pytest.raises(InputError, match=r"pip install \"bpm_nb\[liquids\]\""):
        liquid_trajectory(tmp_path / "w.npz", **QUICK)
    assert not list(tmp_path.iterdir())


def test_a_distribution_needs_a_cell_and_the_elements(tmp_path):
    numbers, pos = water_lattice(27, 9.3, np.random.default_rng(0))
    run = liquids.Trajectory(numbers, pos[None, None], 1.0)
    with pytest.raises(InputError, match="no cell"):
        pair_distribution(run)
    with pytest.raises(InputError, match="atomic number 6"):
        pair_distribution(liquids.Trajectory(numbers, pos[None, None], 1.0, cell=9.3 * np.eye(3)[None, None]), 6)
