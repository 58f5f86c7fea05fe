"""Energies and forces

Surfaces learned from the shipped training frames, directly and over GFN2-xTB, on the shipped test frames, which nothing
was chosen on. Left out: the root mean square error of a force component on training frames that were left out. A call
is one geometry, a replica one of sixteen at once, on one core. Wavenumbers: root mean square deviation of the harmonic
ones from the table of density-functional theory. Drift: of the total energy at 300 K and constant energy, in steps of
0.5 fs.
"""

import time

import numpy as np
from ase import Atoms, units
from ase.md.verlet import VelocityVerlet
from measure import SMALL, table
from threadpoolctl import threadpool_limits

from bpm_nb.data import load
from bpm_nb.dynamics.calculators import finite_hessian, gfn2, relaxed_positions, surface_values
from bpm_nb.dynamics.ensembles import thermal_momenta
from bpm_nb.models.baselines import baseline_values
from bpm_nb.models.calculator import BondCalculator, LearnedSurface
from bpm_nb.models.energy import BondEnergy
from bpm_nb.spectra.modes import harmonic_modes

NAMES = ["malonaldehyde-enol"] if SMALL else ["malonaldehyde-enol", "malonaldehyde-keto", "biphenyl"]
N_TRAIN, N_TEST, STEPS = (30, 5, 40) if SMALL else (None, None, 8000)


def milliseconds(function, repeats):
    "Of one call of function(k), the fastest of so many."
    times = []
    for k in range(repeats):
        start = time.perf_counter()
        function(k)
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def deviation_cm1(data, calculator):
    "Of harmonic wavenumbers from those of density-functional theory, each at its own minimum."
    table_of_dft = data.harmonic_dft
    atoms = Atoms(table_of_dft.numbers, table_of_dft.pos, calculator=calculator)
    pos = relaxed_positions(atoms, 1e-3)
    nothing = np.zeros((len(pos), 3, 3, 3))
    lines = [
        harmonic_modes(atoms.get_masses(), x, hessian, nothing).wavenumber_cm1
        for x, hessian in (
            (pos, finite_hessian(atoms)),
            (table_of_dft.pos, table_of_dft.hessian.reshape(2 * (3 * len(pos),))),
        )
    ]
    return np.sqrt(np.mean((lines[0] - lines[1]) ** 2))


def drift(data, calculator):
    "Slope of the total energy, meV per atom and 10 ps."
    numbers, pos = data.harmonic_dft.numbers, data.harmonic_dft.pos
    momenta = thermal_momenta(numbers, pos, 600.0, np.random.default_rng(0), internal=True)  # half of it is kinetic
    atoms, energies = Atoms(numbers, pos, momenta=momenta, calculator=calculator), []
    run = VelocityVerlet(atoms, 0.5 * units.fs)
    run.attach(lambda: energies.append(atoms.get_total_energy()), interval=10)
    run.run(STEPS)
    return np.polyfit(np.arange(len(energies)) * 0.005, energies, 1)[0] * 1e4 / len(numbers)


def row(data, name, calculator, predicted, model=None, seconds=0.0):
    "A line of the table."
    test, pos = data.test[:N_TEST], data.test.pos[:16]
    energies, forces = predicted
    with threadpool_limits(1):
        if model is None:
            call = milliseconds(lambda k: surface_values(calculator, test.numbers[0], test.pos[k % 5 :][:1]), 20)
            replica = call
        else:
            surface = LearnedSurface(model)
            call = milliseconds(lambda k: surface(test.numbers[0], test.pos[k % 5 :][:1]), 20)
            replica = milliseconds(lambda k: surface(test.numbers[0], pos + 1e-4 * k), 5) / len(pos)
        of_lines, of_run = deviation_cm1(data, calculator), drift(data, calculator)
    return [
        data.name,
        name,
        f"{seconds:.0f}" if model else "–",
        f"{1000 * np.sqrt(np.mean((forces - test.forces) ** 2)):.1f}",
        f"{1000 * model.errors_[1]:.1f}" if model else "–",
        f"{1000 * np.std(energies - test.energy):.2f}",
        f"{call:.1f}",
        f"{replica:.2f}",
        f"{of_lines:.1f}",
        f"{of_run:.3f}",
    ]


def rows(name):
    "GFN2-xTB alone, learned alone, learned over GFN2-xTB."
    data = load(name)
    train, test = data.train[:N_TRAIN], data.test[:N_TEST]
    yield row(data, "GFN2-xTB", gfn2(), baseline_values("gfn2", test))
    for label, baseline in (("direct", None), ("over GFN2-xTB", "gfn2")):
        start = time.perf_counter()
        model = BondEnergy(baseline=baseline, n_points=300 if SMALL else None).fit(train)
        seconds = time.perf_counter() - start
        predicted = model.predict(test), model.predict_forces(test)
        yield row(data, label, BondCalculator(model), predicted, model, seconds)


if __name__ == "__main__":
    head = [
        "molecule",
        "surface",
        "fit / s",
        "forces / meV/Å",
        "left out / meV/Å",
        "energy / meV",
        "call / ms",
        "replica / ms",
        "wavenumbers / cm⁻¹",
        "drift / meV/atom/10 ps",
    ]
    print(table(head, [line for name in NAMES for line in rows(name)]))
