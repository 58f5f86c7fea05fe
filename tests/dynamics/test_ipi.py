"The integrator for rings of beads beside i-PI, an independent program, on the same springs."

import os
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from springs import MASSES, WATER, water_springs

from bpm_nb.dynamics.path_integral import Ring, RingIntegrator, RingState, ring_step, virial_energy

N_BEADS, KELVIN, STEP_FS, SETTLE, STEPS = 8, 300.0, 0.5, 500, 4000


def block_mean(values):
    "Mean and its error, from ten blocks."
    blocks = np.array_split(np.asarray(values), 10)
    means = [np.mean(block) for block in blocks]
    return np.mean(means), np.std(means) / 10**0.5


def own_energies():
    integrator = RingIntegrator(Ring(N_BEADS, KELVIN), np.array(MASSES), STEP_FS, True)
    rng, beads = np.random.default_rng(0), np.tile(WATER, (N_BEADS, 1, 1))
    momenta = rng.standard_normal(beads.shape) * np.sqrt(integrator.masses[:, None] * integrator.ring.energy)
    state, found = RingState(beads, momenta, *water_springs(beads)), []
    for _ in range(SETTLE + 5 * STEPS):
        state = ring_step(state, integrator, water_springs, rng)
        found.append((state.energies.mean(), virial_energy(state, KELVIN)))
    return np.array(found[SETTLE:]).T


def energies_of_ipi(folder):
    pytest.importorskip("ipi", reason="the pimd extra is not installed")
    from ipi.scripting import InteractiveSimulation, motion_nvt_xml, simulation_xml

    driver = Path(__file__).parents[1] / "ipi_springs.py"
    surface = f"<ffdirect name='springs'><pes>custom</pes><pes_path>{driver}</pes_path></ffdirect>"
    motion = motion_nvt_xml(STEP_FS * units.fs, "pile_l", tau=100 * units.fs, fixcom=False)
    frames = [Atoms("OH2", WATER, cell=100 * np.eye(3), masses=MASSES) for _ in range(N_BEADS)]
    silent = "<output prefix='run'><properties stride='100000' filename='out'> [ step ] </properties></output>"
    found, before = [], Path.cwd()
    os.chdir(folder)
    try:
        given = simulation_xml(frames, surface, motion, KELVIN, silent)
        simulation = InteractiveSimulation(given)
        simulation.run(SETTLE)
        for _ in range(STEPS // 5):
            simulation.run(5)
            found.append([float(np.ravel(simulation.properties(k))[0]) for k in ("potential", "kinetic_cv")])
    finally:
        os.chdir(before)
    return np.array(found).T


def test_both_find_the_same_energies(tmp_path):
    "Potential and virial kinetic energy of water as rings of eight beads, within three errors."
    other = energies_of_ipi(tmp_path)
    for own, theirs in zip(own_energies(), other):
        (mean, error), (their_mean, their_error) = block_mean(own), block_mean(theirs)
        assert abs(mean - their_mean) < 3 * np.hypot(error, their_error) + 1e-3
        assert np.hypot(error, their_error) < 0.06 * mean
