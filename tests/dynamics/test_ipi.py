"The integrator for rings of beads beside i-PI, an independent program, on the same surfaces."

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.data import atomic_masses
from springs import MASSES, WATER, water_springs

from bpm_nb.data import load
from bpm_nb.dynamics.path_integral import Ring, RingIntegrator, RingState, ring_step, virial_energy
from bpm_nb.models.calculator import LearnedSurface
from bpm_nb.models.energy import BondEnergy

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


def enol(tmp_path):
    "Malonaldehyde on GFN2-xTB and what it lacks, learned from 100 frames."
    data, file = load("malonaldehyde-enol"), tmp_path / "enol.npz"
    numbers = data.train.numbers[0]
    model = BondEnergy(n_points=1000, baseline="gfn2").fit(data.train[:100])
    model.save(file)
    surface = LearnedSurface(model)
    parameters = f"{{model:{file}}}"
    pos, masses = data.harmonic_dft.pos, atomic_masses[numbers]
    return System(list(numbers), masses, pos, lambda x: surface(numbers, x), parameters, 800)


def block_mean(values):
    "Mean and its error, from ten blocks."
    blocks = np.array_split(np.asarray(values), 10)
    means = [np.mean(block) for block in blocks]
    return np.mean(means), np.std(means) / 10**0.5


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
    surface = f"<ffdirect name='surface'>{place}</ffdirect>"
    motion = motion_nvt_xml(STEP_FS * units.fs, "pile_l", tau=100 * units.fs, fixcom=False)
    atoms = Atoms(system.symbols, system.pos, cell=100 * np.eye(3), masses=system.masses)
    silent = "<output prefix='run'><properties stride='100000' filename='out'> [ step ] </properties></output>"
    found, before = [], Path.cwd()
    os.chdir(folder)
    try:
        given = simulation_xml([atoms.copy() for _ in range(N_BEADS)], surface, motion, KELVIN, silent)
        simulation = InteractiveSimulation(given)
        simulation.run(SETTLE)
        for _ in range(system.steps // 5):
            simulation.run(5)
            found.append([float(np.ravel(simulation.properties(k))[0]) for k in ("potential", "kinetic_cv")])
    finally:
        os.chdir(before)
    return np.array(found).T


@pytest.mark.parametrize("system", [springs, enol])
def test_both_find_the_same_energies(system, tmp_path):
    "Potential and virial kinetic energy as rings of eight beads, within three errors, which are small."
    system = system(tmp_path)
    (minimum,), _ = system.surface(system.pos[None])
    (own, own_kinetic), (other, other_kinetic) = own_energies(system), energies_of_ipi(system, tmp_path)
    for ours, theirs in ((own - minimum, other - minimum), (own_kinetic, other_kinetic)):
        (mean, error), (their_mean, their_error) = block_mean(ours), block_mean(theirs)
        print(f"{mean:.4f} ± {error:.4f} eV, i-PI {their_mean:.4f} ± {their_error:.4f}")
        assert abs(mean - their_mean) < 3 * np.hypot(error, their_error) + 1e-3
        assert np.hypot(error, their_error) < 0.06 * mean
