"The integrator for rings of beads beside i-PI, an independent program, on the same surfaces."

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.data import atomic_masses
from series import mean_and_error
from springs import MASSES, WATER, water_springs

from bpm_nb.core.units import C_CM_FS
from bpm_nb.data import load
from bpm_nb.data.records import Frames
from bpm_nb.dynamics.path_integral import Ring, RingIntegrator, RingState, ring_step, virial_energy
from bpm_nb.models.baselines import baseline_values
from bpm_nb.models.calculator import LearnedSurface
from bpm_nb.models.energy import BondEnergy
from bpm_nb.spectra.modes import normal_modes

N_BEADS, KELVIN, STEP_FS, SETTLE = 8, 300.0, 0.5, 500


@dataclass
class System:
    "What both programs move."

    symbols: list
    masses: np.ndarray  # u
    pos: np.ndarray  # Å
    surface: object  # positions (P, N, 3) → energies, forces
    parameters: str  # of the driver for i-PI
    steps: int


def springs(tmp_path):
    return System(["O", "H", "H"], np.array(MASSES), WATER, water_springs, "{}", 4000)


def quantum_positions(table, n):
    "Geometries of the harmonic ground state at 300 K, a fifth wider than it is, so that beads find nothing unknown."
    modes, rng = normal_modes(table), np.random.default_rng(0)
    quantum = 1.054571817e-34 / (1.66053906660e-27 * 1e-5)  # ħ, u Å² fs⁻¹
    omega = 2 * np.pi * C_CM_FS * modes.wavenumber_cm1
    thermal = np.tanh(modes.wavenumber_cm1 * units.invcm / (2 * units.kB * KELVIN))
    amplitudes = 1.2 * np.sqrt(quantum / (2 * omega * thermal)) * rng.normal(size=(n, len(omega)))
    return table.pos + np.tensordot(amplitudes, modes.displacement, 1)


def enol(tmp_path):
    "Malonaldehyde on a surface learned from GFN2-xTB, smoother than would fit best: no bead falls into a hole."
    data, file = load("malonaldehyde-enol"), tmp_path / "enol.npz"
    table = data.harmonic_gfn2
    pos = np.concatenate([quantum_positions(table, 250), data.train.pos[:150]])
    frames = Frames(np.tile(table.numbers, (400, 1)), pos)
    energy, forces = baseline_values("gfn2", frames)
    model = BondEnergy(n_points=1200, gamma=0.05, lam=30.0).fit(replace(frames, energy=energy, forces=forces))
    model.save(file)
    surface = LearnedSurface(model)
    parameters = f"{{model:{file}}}"
    masses = atomic_masses[table.numbers]
    return System(list(table.numbers), masses, table.pos, lambda x: surface(table.numbers, x), parameters, 2400)


def test_errors_of_a_correlated_series_are_those_of_many_such_series():
    "Each value keeps 95 % of the one before: 39 values count for one."
    rng, series = np.random.default_rng(0), np.zeros((200, 4000))
    noise = rng.normal(size=series.shape)
    for k in range(1, 4000):
        series[:, k] = 0.95 * series[:, k - 1] + noise[:, k]
    means, errors = np.transpose([mean_and_error(x[500:]) for x in series])
    assert np.median(errors) == pytest.approx(means.std(), rel=0.15)
    assert np.mean(np.abs(means) < 2 * errors) == pytest.approx(0.95, abs=0.04)


def own_energies(system):
    integrator = RingIntegrator(Ring(N_BEADS, KELVIN), system.masses, STEP_FS, True)
    rng, beads = np.random.default_rng(0), np.tile(system.pos, (N_BEADS, 1, 1))
    momenta = rng.standard_normal(beads.shape) * np.sqrt(integrator.masses[:, None] * integrator.ring.energy)
    state, found = RingState(beads, momenta, *system.surface(beads)), []
    for _ in range(SETTLE + 2 * system.steps):
        state = ring_step(state, integrator, system.surface, rng)
        found.append((state.energies.mean(), virial_energy(state, KELVIN)))
    return np.array(found[SETTLE:]).T


def energies_of_ipi(system, folder):
    pytest.importorskip("ipi", reason="the pimd extra is not installed")
    from ipi.scripting import InteractiveSimulation, motion_nvt_xml, simulation_xml

    driver = Path(__file__).parents[1] / "ipi_surface.py"
    place = f"<pes>custom</pes><pes_path>{driver}</pes_path><parameters>{system.parameters}</parameters>"
    surface = f"<ffdirect name='surface'>{place}<batch_size>{N_BEADS}</batch_size></ffdirect>"
    motion = motion_nvt_xml(STEP_FS * units.fs, "pile_l", tau=100 * units.fs, fixcom=False)
    atoms = Atoms(system.symbols, system.pos, cell=100 * np.eye(3), masses=system.masses)
    silent = "<output prefix='run'><properties stride='100000' filename='out'> [ step ] </properties></output>"
    found, before = [], Path.cwd()
    os.chdir(folder)
    try:
        given = simulation_xml([atoms.copy() for _ in range(N_BEADS)], surface, motion, KELVIN, silent)
        seed = "<prng><seed>1</seed></prng></simulation>"
        simulation = InteractiveSimulation(given.replace("</simulation>", seed))
        simulation.run(SETTLE)
        for _ in range(system.steps // 5):
            simulation.run(5)
            found.append([float(np.ravel(simulation.properties(k))[0]) for k in ("potential", "kinetic_cv")])
    finally:
        os.chdir(before)
    return np.array(found).T


@pytest.mark.slow
@pytest.mark.parametrize("system", [springs, enol])
def test_both_find_the_same_energies(system, tmp_path):
    "Potential and virial kinetic energy as rings of eight beads, within three errors, which are small."
    system = system(tmp_path)
    (minimum,), _ = system.surface(system.pos[None])
    (own, own_kinetic), (other, other_kinetic) = own_energies(system), energies_of_ipi(system, tmp_path)
    for ours, theirs in ((own - minimum, other - minimum), (own_kinetic, other_kinetic)):
        (mean, error), (their_mean, their_error) = mean_and_error(ours), mean_and_error(theirs)
        print(f"{mean:.4f} ± {error:.4f} eV, i-PI {their_mean:.4f} ± {their_error:.4f}")
        assert abs(mean - their_mean) < 3 * np.hypot(error, their_error) + 1e-3
        assert np.hypot(error, their_error) < 0.06 * mean
