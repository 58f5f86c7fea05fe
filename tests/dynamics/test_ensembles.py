"""Dynamics against statistical mechanics: equipartition, and vibrations of other masses."""

import numpy as np
import pytest

from bpm_nb.dynamics.calculators import Molecule
from bpm_nb.dynamics.ensembles import constant_energy_chunk, dynamics_chunk, thermal_momenta
from bpm_nb.spectra.bands import peaks
from bpm_nb.spectra.infrared import power_spectrum


def springs():
    "Calculator of atoms on springs of 1.2 Å between all pairs."
    from ase.calculators.calculator import Calculator

    class Springs(Calculator):
        implemented_properties = ["energy", "forces"]

        def calculate(self, atoms=None, properties=("energy",), system_changes=()):
            super().calculate(atoms, properties, system_changes)
            d = self.atoms.positions[:, None] - self.atoms.positions
            r = np.sqrt((d**2).sum(-1)) + np.eye(len(d))
            stretch = (r - 1.2) * (1 - np.eye(len(d)))
            self.results = dict(energy=5 * (stretch**2).sum(), forces=-20 * ((stretch / r)[..., None] * d).sum(1))

    return Springs()


def test_the_thermostat_heats_every_kind_of_motion_alike():
    "Translation, rotation and vibration of three atoms on springs: each at the temperature."
    from ase import Atoms, units

    rng, kelvin = np.random.default_rng(0), 300.0
    atoms = Atoms("O3", [[0, 0, 0], [1.2, 0, 0], [0.6, 1.04, 0]])
    atoms.calc = springs()
    atoms.set_momenta(thermal_momenta(atoms.numbers, atoms.positions, kelvin, rng))
    dynamics_chunk(atoms, 500, 2.0, 100, kelvin, rng)
    states = dynamics_chunk(atoms, 8000, 2.0, 10, kelvin, rng)
    mass, kt = atoms.get_masses()[0], units.kB * kelvin
    total, parts = (states["momenta"] ** 2).sum((1, 2)) / (2 * mass), []
    translation = (states["momenta"].sum(1) ** 2).sum(1) / (2 * 3 * mass)
    for x, p in zip(states["pos"] - states["pos"].mean(1, keepdims=True), states["momenta"]):
        spin = np.cross(x, p).sum(0)
        inertia = mass * ((x**2).sum() * np.eye(3) - x.T @ x)
        parts.append(spin @ np.linalg.solve(inertia, spin) / 2)
    rotation = np.array(parts)
    for kinetic, n in ((translation, 3), (rotation, 3), (total - translation - rotation, 3)):
        assert 2 * kinetic.mean() / n == pytest.approx(kt, rel=0.12)


def line(masses):
    "Wavenumber of a diatomic of hydrogen on the GFN2 surface, stretched a little."
    pos = np.array([[[0, 0, 0], [0, 0, 0.79]]])
    run = constant_energy_chunk(Molecule([1, 1], masses=masses), pos, np.zeros((1, 2, 3)), 0.25, 4, 2800)
    states = power_spectrum(run["pos"][0], masses or [1.008, 1.008], 1.0, positions=True, resolution_cm1=50.0)
    return peaks(states)[0].wavenumber_cm1


def test_a_vibration_slows_with_the_root_of_the_reduced_mass():
    pytest.importorskip("tblite", reason="the reference extra is not installed")
    natural, same, heavy, mixed = line(None), line([1.008, 1.008]), line([2.014, 2.014]), line([1.008, 2.014])
    assert natural == same
    np.testing.assert_allclose(
        [heavy / natural, mixed / natural],
        [np.sqrt(1.008 / 2.014), np.sqrt((1 / 1.008 + 1 / 2.014) / (2 / 1.008))],
        rtol=0.01,
    )  # anharmonic in the third digit


def test_momenta_of_heavy_atoms_have_the_same_temperature():
    p = np.array(
        [
            thermal_momenta(
                [1, 1], np.array([[0, 0, 0], [0, 0, 0.75]]), 300.0, np.random.default_rng(k), masses=[1.008, 2.014]
            )
            for k in range(4000)
        ]
    )
    np.testing.assert_allclose((p**2).mean((0, 2)) / [1.008, 2.014], 300 * 8.617333e-5, rtol=0.05)
