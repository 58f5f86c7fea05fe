"""Without a fall

Long runs on the surfaces that ship, which know beads, or, where none ships, on surfaces learned from the shipped
training frames: 100 ps at constant energy and 300 K, and 20 ps of rings of 16 beads, in steps of 0.5 fs. Every tenth of
a picosecond the posterior says how well the energy of the state, or of a bead, is known; a run ends there when that is
worse than 100 meV, where a guarded run would stop, and the table says when. Drift: slope of the total energy. Kinetic
energy of the rings: centroid virial, with its standard error, beside that of the harmonic modes of the table of
density-functional theory for so many beads, which knows no anharmonicity. `--step 0.25` takes another step in fs,
`--only NAME` one molecule, `--over` surfaces over GFN2-xTB instead.
"""

import argparse

import numpy as np
from ase import Atoms, units
from energies import constant_energy
from measure import SMALL, table
from series import mean_and_error
from threadpoolctl import threadpool_limits

from bpm_nb.core.files import InputError
from bpm_nb.data import load
from bpm_nb.data.datasets import shipped_files
from bpm_nb.data.records import Frames
from bpm_nb.dynamics.path_integral import (
    Ring,
    RingIntegrator,
    RingState,
    harmonic_potential_energy,
    ring_step,
    virial_energy,
)
from bpm_nb.models.calculator import BondCalculator, LearnedSurface
from bpm_nb.models.energy import BondEnergy
from bpm_nb.models.guard import LIMIT, relevant_std
from bpm_nb.models.library import load_model
from bpm_nb.plots.style import with_error
from bpm_nb.spectra.modes import normal_modes

NAMES = ["malonaldehyde-enol", "malonaldehyde-keto", "biphenyl"]
N_TRAIN, N_POINTS, LOOKS, RING_LOOKS, LOOK_PS, BEADS = (
    (30, 300, 4, 3, 0.02, 4) if SMALL else (None, None, 1000, 200, 0.1, 16)
)
SETTLE_PS, KELVIN = (0.02, 300.0) if SMALL else (1.0, 300.0)


class Watch:
    "Remembers the largest standard deviation of the energy, eV."

    def __init__(self, model, numbers):
        self.model, self.numbers, self.largest, self.fallen = model, numbers[None], 0.0, False

    def __call__(self, pos):
        "Whether the run has fallen."
        try:
            std = relevant_std(self.model, Frames(self.numbers, pos[None]))
        except InputError:
            std = np.inf
        self.largest = max(self.largest, std)
        self.fallen = not std < LIMIT
        return self.fallen


def conserved(data, model, step_fs):
    "Picoseconds, drift (meV/atom/10 ps) and largest deviation (meV) of a run at constant energy, and whether it fell."
    watch, energies = Watch(model, data.harmonic_dft.numbers), []
    for atoms, of_look in constant_energy(data, BondCalculator(model), step_fs, round(1000 * LOOK_PS / step_fs), LOOKS):
        energies += of_look
        if watch(atoms.positions):
            break
    times = np.arange(len(energies)) * 10 * step_fs / 1000
    drift = np.polyfit(times, energies, 1)[0] * 1e4 / len(atoms)
    return times[-1], drift, 1000 * watch.largest, watch.fallen


def rings(data, model, step_fs):
    "Picoseconds, kinetic energies (T,), eV, and largest deviation (meV) of rings, and whether they fell."
    atoms = Atoms(data.harmonic_dft.numbers, data.harmonic_dft.pos)
    surface, watch, kinetic = LearnedSurface(model), Watch(model, atoms.numbers), []
    integrator = RingIntegrator(Ring(BEADS, KELVIN), atoms.get_masses(), step_fs, True)
    rng, beads = np.random.default_rng(0), np.tile(atoms.positions, (BEADS, 1, 1))
    momenta = rng.standard_normal(beads.shape) * np.sqrt(integrator.masses[:, None] * integrator.ring.energy)
    state = RingState(beads, momenta, *surface(atoms.numbers, beads))
    settle, steps = (round(1000 * ps / step_fs) for ps in (SETTLE_PS, LOOK_PS))
    try:
        for step in range(settle + RING_LOOKS * steps):
            state = ring_step(state, integrator, lambda pos: surface(atoms.numbers, pos), rng)
            if step >= settle:
                kinetic.append(virial_energy(state, KELVIN))
            if step % steps == 0 and watch(state.pos[step // steps % BEADS]):
                break
    except InputError:
        watch.largest, watch.fallen = np.inf, True
    return len(kinetic) * step_fs / 1000, kinetic, 1000 * watch.largest, watch.fallen


def harmonic_kinetic(data):
    "Of the modes as rings, and of what shifts and turns the molecule, eV."
    lines = normal_modes(data.harmonic_dft).wavenumber_cm1
    moving = 3 * len(data.harmonic_dft.pos) - len(lines)
    return sum(harmonic_potential_energy(nu, KELVIN, BEADS) for nu in lines) + 0.5 * moving * units.kB * KELVIN


def model_of(data, over):
    "The model that ships; where none does, one of the training frames."
    if not SMALL and shipped_files(data.name, "surface"):
        return load_model(data.name, "delta" if over else "direct")
    return BondEnergy(baseline="gfn2" if over else None, n_points=N_POINTS).fit(data.train[:N_TRAIN])


def lasted(picoseconds, fallen):
    return f"fell after {picoseconds:.1f}" if fallen else f"{picoseconds:.3g}"


def row(name, step_fs, over):
    data = load(name)
    model = model_of(data, over)
    with threadpool_limits(1):
        length, drift, deviation, fallen = conserved(data, model, step_fs)
        of_rings, kinetic, of_beads, ring_fell = rings(data, model, step_fs)
    return [
        name,
        "over GFN2-xTB" if over else "direct",
        f"{step_fs:g}",
        lasted(length, fallen),
        f"{drift:.3f}",
        f"{deviation:.1f}",
        lasted(of_rings, ring_fell),
        with_error(*mean_and_error(kinetic), 3) if len(kinetic) > 1 else "–",
        f"{harmonic_kinetic(data):.3f}",
        f"{of_beads:.1f}",
    ]


if __name__ == "__main__":
    asked = argparse.ArgumentParser()
    asked.add_argument("--small", action="store_true")
    asked.add_argument("--step", type=float, default=0.5)
    asked.add_argument("--only", choices=NAMES)
    asked.add_argument("--over", action="store_true")
    given = asked.parse_args()
    head = [
        "molecule",
        "surface",
        "step / fs",
        "constant energy / ps",
        "drift / meV/atom/10 ps",
        "largest deviation / meV",
        "rings / ps",
        "⟨K⟩ / eV",
        "harmonic ⟨K⟩ / eV",
        "largest deviation of beads / meV",
    ]
    names = [given.only] if given.only else NAMES[:1] if SMALL else NAMES
    print(table(head, [row(name, given.step, given.over) for name in names]))
