"""Rings of beads: energies of theory for so many beads, lines of a harmonic molecule, runs that resume, bad input."""

from functools import partial

import numpy as np
import pytest
from ase import units
from ase.calculators.calculator import Calculator, all_changes
from springs import MASSES, WATER, water_springs

from bpm_nb.core.files import InputError
from bpm_nb.core.units import C_CM_FS
from bpm_nb.data.files import read, write
from bpm_nb.data.records import Trajectory, joined_segments
from bpm_nb.dynamics.path_integral import (
    Ring,
    RingIntegrator,
    RingState,
    harmonic_potential_energy,
    path_integral_trajectory,
    planck_constant,
    ring_step,
    virial_energy,
)
from bpm_nb.models.polarizability import BondDipole, BondPolarizability
from bpm_nb.spectra.bands import peaks
from bpm_nb.spectra.infrared import power_spectrum
from bpm_nb.spectra.modes import harmonic_modes


class HarmonicWater(Calculator):
    "Springs between all three atoms of water."

    implemented_properties = ["energy", "forces"]

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        energies, forces = self.surface(self.atoms.numbers, self.atoms.positions[None])
        self.results = dict(energy=energies[0], forces=forces[0])

    def surface(self, numbers, pos):
        return water_springs(pos)


def springs(charge=0, spin=0):
    return HarmonicWater()


def run_of(tmp_path, **settings):
    settings = dict(n_beads=8, n_segments=2, length_ps=1, calculator=springs) | settings
    return path_integral_trajectory(tmp_path / "rings.npz", [8, 1, 1], WATER, **settings)


def water_hessian():
    calculator, h = HarmonicWater(), 1e-3
    moves = h * np.eye(9).reshape(9, 3, 3)
    rows = [calculator.surface(None, (WATER + sign * moves))[1].reshape(9, 9) for sign in (-1, 1)]
    return (rows[0] - rows[1]) / (2 * h)


def water_lines():
    return harmonic_modes(MASSES, WATER, water_hessian(), np.zeros((3, 3, 3, 3))).wavenumber_cm1


def test_energies_of_a_molecule_are_those_of_its_modes(tmp_path):
    "Vibrations as rings of 16 beads, and the kinetic energy of what shifts and turns: within 6 %."
    run = run_of(tmp_path, n_beads=16, n_segments=4, length_ps=2, save_fs=10.0)
    potential, _ = HarmonicWater().surface(None, run.beads.reshape(-1, 3, 3))
    expected = sum(harmonic_potential_energy(nu, 300.0, 16) for nu in water_lines())
    assert potential.mean() == pytest.approx(expected, rel=0.06)
    kinetic = run.energy - potential.reshape(run.beads.shape[:3]).mean(2)
    assert kinetic.mean() == pytest.approx(expected + 6 * 0.5 * 0.025852, rel=0.06)


def test_lines_of_a_harmonic_molecule():
    """TRPMD of a molecule whose energy is quadratic moves its centroid at the frequencies of the modes, within 1 %.
    Forty molecules at once; what shifts and turns them is held by weak springs, whose lines lie below 800 cm-1."""
    n, masses, rng = 40, np.array(MASSES), np.random.default_rng(0)
    hessian = water_hessian() + 0.05 * np.eye(9)

    def surface(pos):
        x = (pos.reshape(len(pos), n, 9) - WATER.ravel()).reshape(len(pos), n, 9)
        forces = -x @ hessian
        return -0.5 * (x * forces).sum((1, 2)), forces.reshape(pos.shape)

    integrator = RingIntegrator(Ring(6, 300.0), np.tile(masses, n), 0.25, False)
    pos = np.tile(WATER, (6, n, 1))
    momenta = rng.standard_normal(pos.shape) * np.sqrt(integrator.masses[:, None] * integrator.ring.energy)
    state, path = RingState(pos, momenta, *surface(pos)), []
    for _ in range(4000):
        state = ring_step(state, integrator, surface, rng)
        path.append(state.momenta.mean(0) / integrator.masses[:, None])
    vel = np.array(path)[1000:].reshape(3000, n, 3, 3).swapaxes(0, 1)
    bands = peaks(power_spectrum(vel, masses, 0.25, resolution_cm1=60.0), range_cm1=(800, 5000))
    assert sorted(band.wavenumber_cm1 for band in bands[:3]) == pytest.approx(water_lines(), rel=0.01)


def test_a_stopped_run_goes_on_as_if_it_had_not(tmp_path, monkeypatch):
    import bpm_nb.dynamics.path_integral as room

    whole = run_of(tmp_path, n_segments=1)
    (tmp_path / "rings.npz").unlink()
    done, chunk = [], room.ring_chunk

    def killed(*arguments):
        done.append(1)
        if len(done) == 3:
            raise KeyboardInterrupt
        return chunk(*arguments)

    monkeypatch.setattr(room, "ring_chunk", killed)
    with pytest.raises(KeyboardInterrupt):
        run_of(tmp_path, n_segments=1)
    assert (tmp_path / "rings.npz.parts").is_dir()
    again = run_of(tmp_path, n_segments=1)
    np.testing.assert_allclose(again.beads, whole.beads, atol=1e-12)
    assert not (tmp_path / "rings.npz.parts").exists()


def test_a_file_keeps_beads_and_centroids(tmp_path):
    run = run_of(tmp_path, length_ps=1, save_fs=20.0)
    again = read(tmp_path / "rings.npz")
    np.testing.assert_allclose(again.beads, run.beads, atol=1e-5)
    np.testing.assert_allclose(again.beads.mean(2), again.pos, atol=2e-5)
    assert again.provenance["n_beads"] == 8 and "beads" in str(again)
    both = joined_segments([again[:1], again[1:]])
    np.testing.assert_array_equal(both.beads, again.beads)
    assert joined_segments([again[:1], Trajectory(again.numbers, again.pos, again.dt_fs)]).beads is None


@pytest.mark.filterwarnings("ignore:the model has learned")
@pytest.mark.parametrize("model", [BondPolarizability, BondDipole])
def test_quantities_are_means_over_beads_never_those_of_the_centroid(model, tmp_path):
    from bpm_nb.data.records import Frames

    rng = np.random.default_rng(0)
    pos = WATER + 0.1 * rng.normal(size=(40, 3, 3))
    bonds = pos[:, 1:] - pos[:, :1]
    alpha = 5 * np.einsum("sbi,sbj->sij", bonds, bonds) + 3 * np.eye(3) * (bonds**2).sum((1, 2))[:, None, None]
    frames = Frames(np.tile([8, 1, 1], (40, 1)), pos, alpha=alpha, dipole=(bonds * (bonds**2).sum(2)[..., None]).sum(1))
    fitted = model(gamma=0.1, lam=1e-6, n_points=100).fit(frames)
    beads = WATER + 0.05 * rng.normal(size=(1, 5, 4, 3, 3))
    run = Trajectory([8, 1, 1], beads.mean(2), 2.0, beads=beads)
    every = Frames(np.tile([8, 1, 1], (20, 1)), beads.reshape(-1, 3, 3))
    expected = fitted.predict(every).reshape(5, 4, *fitted.predict(every).shape[1:]).mean(1)
    np.testing.assert_allclose(fitted.predict(run), expected, atol=1e-10)
    np.testing.assert_allclose(fitted.predict_trajectory(run)[0], expected, atol=1e-10)
    assert np.abs(fitted.predict(run.frames) - expected).max() > 1e-4
    pairs, parts = fitted.bond_tensors(run)
    assert parts.shape[:2] == (5, len(pairs))
    assert fitted.derivative(run).shape[0] == 5
    write(tmp_path / "run.npz", run)


@pytest.mark.parametrize(
    "settings, sentence",
    [
        (dict(n_beads=0), "0 beads at 300 K"),
        (dict(temperature_K=-5.0), "8 beads at -5 K"),
        (dict(step_fs=0.3), "give whole steps between states"),
    ],
)
def test_times_and_beads_that_do_not_fit(tmp_path, settings, sentence):
    with pytest.raises(InputError, match=sentence):
        run_of(tmp_path, **settings)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("beads", [np.zeros((1, 2, 3, 3)), np.zeros((1, 2, 4, 2, 3)), np.ones((1, 2, 4, 3, 3))])
def test_beads_that_are_not_those_of_the_centroids(beads):
    with pytest.raises(InputError, match="beads"):
        Trajectory([8, 1, 1], np.tile(WATER, (1, 2, 1, 1)), 1.0, beads=beads)


def test_one_bead_is_a_classical_nucleus():
    assert harmonic_potential_energy(3000.0, 300.0, 1) == pytest.approx(0.5 * 0.025852, rel=1e-3)
    assert harmonic_potential_energy(3000.0, 300.0, 512) == pytest.approx(0.25 * 3000 * 1.239842e-4, rel=1e-2)
    assert partial(Ring, 4)(300.0).frequencies[0] == 0


def test_rings_in_a_list_and_of_different_numbers_are_refused(tmp_path):
    from bpm_nb.data.records import Frames

    runs = [
        Trajectory([8, 1, 1], np.tile(WATER, (1, 2, 1, 1)), 1.0, beads=np.tile(WATER, (1, 2, p, 1, 1))) for p in (2, 3)
    ]
    with pytest.raises(InputError, match="different numbers of beads"):
        joined_segments(runs)
    moved = WATER + 0.05 * np.random.default_rng(0).normal(size=(6, 3, 3))
    model = BondDipole(gamma=0.1, lam=1e-3).fit(Frames(np.tile([8, 1, 1], (6, 1)), moved, dipole=moved[:, 1]))
    with pytest.raises(InputError, match="give that run alone"):
        model.predict([runs[0], runs[1]])


def test_a_molecule_does_not_begin_to_turn(tmp_path):
    "The normal of water's plane, of the centroids, along two picoseconds: it would be anywhere after one tenth of one."
    run = run_of(tmp_path, n_beads=4, n_segments=1, length_ps=2)
    oxygen, *hydrogens = np.moveaxis(run.pos[0], 1, 0)
    normal = np.cross(hydrogens[0] - oxygen, hydrogens[1] - oxygen)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    assert np.abs(normal @ normal[0]).min() > np.cos(np.radians(20))


def energy_of_density_matrix(wavenumber, kelvin, n_beads):
    """Mean potential energy, eV, of an oscillator with the mass of hydrogen: the trace of V with the product of P
    density matrices of high temperature on a grid, which knows nothing of rings and their modes."""
    mass, tau = 1.008, 1 / (n_beads * units.kB * kelvin)
    omega = wavenumber * units.invcm / planck_constant()
    x = np.linspace(-1.2, 1.2, 601)  # Å
    potential = 0.5 * mass * omega**2 * x**2
    free = np.exp(-0.5 * mass * (x[:, None] - x) ** 2 / (planck_constant() ** 2 * tau))
    half = np.exp(-tau * potential / 2)
    density = np.linalg.matrix_power(half[:, None] * free * half / free.sum(0).max(), n_beads)
    return np.diag(density) @ potential / np.trace(density)


@pytest.mark.parametrize("n_beads", [1, 2, 8, 16, 32])
@pytest.mark.parametrize("wavenumber", [500.0, 3000.0])
def test_theory_of_so_many_beads_is_that_of_the_density_matrix(wavenumber, n_beads):
    expected = energy_of_density_matrix(wavenumber, 300.0, n_beads)
    assert harmonic_potential_energy(wavenumber, 300.0, n_beads) == pytest.approx(expected, rel=1e-6)


def cold_start_energies(n_beads, seed, wavenumber=3000.0, n=80):
    "Mean ⟨V⟩ and virial ⟨K⟩ of a degree of freedom, eV, of wells whose beads all begin at rest in the minimum."
    ring, stiffness = Ring(n_beads, 300.0), 1.008 * (wavenumber * units.invcm / planck_constant()) ** 2
    rng, pos, found = np.random.default_rng(seed), np.zeros((n_beads, n, 3)), []

    def surface(x):
        return 0.5 * stiffness * (x**2).sum((1, 2)), -stiffness * x

    state = RingState(pos, np.zeros_like(pos), *surface(pos))
    for step_fs in (0.4, 0.2):  # to settle, and to measure
        integrator = RingIntegrator(ring, np.full(n, 1.008), step_fs, True)
        for _ in range(1000):
            state = ring_step(state, integrator, surface, rng)
            found.append((state.energies.mean(), virial_energy(state, 300.0)))
    return np.mean(found[1000:], 0) / (3 * n)


@pytest.mark.slow
@pytest.mark.parametrize("n_beads", [8, 16, 32])
def test_rings_find_the_energies_of_so_many_beads_from_a_cold_start(n_beads):
    """Within three standard errors, of six independent runs, and (ωΔt)²/2 for the time step; errors are below half a
    per cent. Harmonic wells have as much kinetic energy as potential energy, also with few beads."""
    runs = np.array([cold_start_energies(n_beads, seed) for seed in range(6)])
    errors = runs.std(0, ddof=1) / 6**0.5
    exact = energy_of_density_matrix(3000.0, 300.0, n_beads)
    of_step = 0.5 * (2 * np.pi * C_CM_FS * 3000.0 * 0.2) ** 2
    assert of_step < 0.007 and (errors < 0.005 * exact).all()
    assert (np.abs(runs.mean(0) - exact) < 3 * errors + of_step * exact).all()
