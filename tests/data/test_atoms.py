"ASE's Atoms in and out: nothing is lost, units are converted once, what cannot be meant is refused."

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import molecule
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read as ase_read
from ase.io import write as ase_write

from bpm_nb.core.files import InputError
from bpm_nb.data import Frames, Trajectory, load, read_frames, read_trajectory

RNG = np.random.default_rng(0)
NAMES = "numbers", "pos", "alpha", "dipole", "energy", "forces"


def computed(name):
    "A molecule with results of a calculator and a polarizability, bohr³."
    atoms = molecule(name)
    alpha = RNG.normal(size=(3, 3))
    atoms.info["polarizability"] = alpha + alpha.T
    atoms.calc = SinglePointCalculator(
        atoms, energy=RNG.normal(), forces=RNG.normal(size=(len(atoms), 3)), dipole=RNG.normal(size=3)
    )
    return atoms


def assert_same(a, b, **tolerance):
    for name in NAMES:
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), **tolerance)


def test_a_mixed_set_goes_round():
    images = [computed(name) for name in ("H2O", "CH3CH2OH", "CO2")]
    frames = Frames.from_ase(images)
    assert frames.numbers.shape == (3, 9) and (frames.forces[0, 3:] == 0).all()
    np.testing.assert_allclose(frames.dipole[1] * units.Bohr, images[1].get_dipole_moment())
    again = frames.to_ase()
    for before, after in zip(images, again):
        assert (before.numbers == after.numbers).all() and after.get_potential_energy() == before.get_potential_energy()
        np.testing.assert_array_equal(before.positions, after.positions)
        np.testing.assert_array_equal(before.get_forces(), after.get_forces())
        np.testing.assert_allclose(before.get_dipole_moment(), after.get_dipole_moment())
    assert_same(Frames.from_ase(again), frames, rtol=1e-14)


def test_the_files_of_ase_and_of_the_library_hold_the_same(tmp_path):
    frames = load("malonaldehyde-keto").test[:4]
    ase_write(tmp_path / "a.xyz", frames.to_ase(), format="extxyz")
    assert_same(read_frames(tmp_path / "a.xyz"), frames, atol=1e-6)
    assert_same(Frames.from_ase(ase_read(tmp_path / "a.xyz", ":")), frames, atol=1e-6)


@pytest.mark.parametrize("unit, size", [("bohr3", 1), ("angstrom3", units.Bohr**3)])
def test_the_unit_of_the_polarizability_is_said(unit, size):
    atoms = molecule("H2O")
    atoms.info["polarizability"] = (np.eye(3) * 9.7 * size).ravel()
    np.testing.assert_allclose(Frames.from_ase(atoms, unit).alpha[0], np.eye(3) * 9.7)


def test_a_property_that_some_do_not_have_stays_behind():
    images = [computed("H2O"), computed("CH4")]
    images[1].calc = None
    frames = Frames.from_ase(images)
    assert frames.alpha is not None and frames.energy is None and frames.forces is None and frames.dipole is None
    assert Frames.from_ase([molecule("H2O")]).to_ase()[0].calc is None


@pytest.mark.parametrize(
    "alpha, words",
    [(np.eye(2), "4 numbers, expected 9"), ("1 0 0 x", "could not be read as nine numbers"), (5.0, "1 numbers")],
)
def test_a_polarizability_that_is_none_is_refused(alpha, words):
    atoms = molecule("H2O")
    atoms.info["polarizability"] = alpha
    with pytest.raises(InputError, match=f"frame 0: .*{words}"):
        Frames.from_ase(atoms)


def test_nothing_and_unknown_units_are_refused():
    with pytest.raises(InputError, match="no frame"):
        Frames.from_ase([])
    with pytest.raises(InputError, match="'nm3' of alpha is not known"):
        Frames.from_ase(molecule("H2O"), "nm3")


def moving(n, cell=None):
    images = []
    for _ in range(n):
        atoms = molecule("H2O", cell=cell, pbc=cell is not None)
        atoms.rattle(0.02, rng=RNG)
        atoms.set_velocities(0.01 * RNG.normal(size=(3, 3)))
        atoms.calc = SinglePointCalculator(atoms, energy=RNG.normal())
        images.append(atoms)
    return images


def test_a_run_keeps_velocities_temperature_and_total_energy():
    images = moving(6)
    run = Trajectory.from_ase(images, 0.5)
    assert run.pos.shape == (1, 6, 3, 3) and run.masses is None and run.dt_fs == 0.5
    np.testing.assert_allclose(run.energy[0], [a.get_total_energy() for a in images])
    np.testing.assert_allclose(run.vel[0] / units.fs, [a.get_velocities() for a in images])
    for before, after in zip(images, run.to_ase()):
        np.testing.assert_allclose(after.get_temperature(), before.get_temperature())
        np.testing.assert_allclose(after.get_potential_energy(), before.get_potential_energy(), atol=1e-12)


def test_masses_of_isotopes_go_round():
    images = moving(3)
    for atoms in images:
        atoms.set_masses([15.999, 2.014, 2.014])
        atoms.set_velocities(0.01 * RNG.normal(size=(3, 3)))
    run = Trajectory.from_ase(images, 1.0)
    np.testing.assert_allclose(run.mass(), [15.999, 2.014, 2.014])
    np.testing.assert_allclose(run.to_ase()[0].get_masses(), run.mass())
    np.testing.assert_allclose(run.to_ase()[2].get_velocities(), images[2].get_velocities())


def test_segments_are_lists_of_lists():
    runs = [moving(4), moving(4)]
    run = Trajectory.from_ase(runs, 1.0)
    assert run.pos.shape == (2, 4, 3, 3) and run.energy.shape == (2, 4)
    np.testing.assert_allclose(run[1].to_ase()[3].positions, runs[1][3].positions)


@pytest.mark.parametrize("ending", ["traj", "extxyz"])
def test_a_file_and_its_atoms_are_the_same_run(tmp_path, ending):
    ase_write(tmp_path / f"a.{ending}", moving(5))
    from_file = read_trajectory(tmp_path / f"a.{ending}", dt_fs=1.0)
    from_atoms = Trajectory.from_ase(ase_read(tmp_path / f"a.{ending}", ":"), 1.0)
    np.testing.assert_array_equal(from_file.pos, from_atoms.pos)
    assert from_atoms.vel is not None


def test_a_cell_is_kept_and_the_molecule_made_whole():
    images = moving(3, cell=[8, 8, 8])
    expected = np.array([a.get_all_distances() for a in images])
    for atoms in images:
        atoms.positions += 7.9
        atoms.wrap()
    run = Trajectory.from_ase(images, 1.0)
    distances = np.linalg.norm(run.pos[0][:, :, None] - run.pos[0][:, None], axis=-1)
    np.testing.assert_allclose(distances, expected, atol=1e-12)
    assert all(a.pbc.all() and (a.cell.lengths() == 8).all() for a in run.to_ase())
    with pytest.raises(InputError, match="the atoms: frame 0: .*lie in a plane|the atoms, frame 0: .*lie in a plane"):
        Trajectory.from_ase(moving(2, cell=[[8, 0, 0], [0, 8, 0], [8, 8, 0.001]]), 1.0)


def test_what_is_no_run_is_refused():
    for images, words in (
        ([], "no frame"),
        ([moving(2), moving(3)], "the segments have 2 and 3 states"),
        ([*moving(1), Atoms("H2")], "frame 1: another molecule"),
    ):
        with pytest.raises(InputError, match=words):
            Trajectory.from_ase(images, 1.0)
    with pytest.raises(InputError, match="the time step is 0 fs"):
        Trajectory.from_ase(moving(2), 0)


def test_a_minimum_is_vibrations_data_of_ase():
    record = load("malonaldehyde-enol").harmonic_gfn2
    vibrations = record.to_ase()
    np.testing.assert_array_equal(vibrations.get_atoms().positions, record.pos)
    nu = vibrations.get_frequencies().real
    assert abs(nu[:6]).max() < 60 and 3000 < nu[-1] < 3400
