"""Bands and heat

How far the bands of biphenyl lie from the harmonic lines of the surface that the dynamics moves on (GFN2-xTB), in
cm⁻¹ with standard errors, corrected for the time step: for the ten modes that Raman light sees best, the band of the
mode's coordinate in runs of 3 ps from the minimum with the same energy kT in every mode, and in the run that ships
(300 K). The last column is the straight line through all temperatures, taken back to 0 K: what is left there would be
an error of the dynamics or of the spectrum, everything else is anharmonicity.
"""

import numpy as np
from ase import Atoms, units
from joblib import Parallel, delayed
from measure import SMALL, table
from threadpoolctl import threadpool_limits

from bpm_nb.assignment.motion import mode_bands
from bpm_nb.data.datasets import load
from bpm_nb.data.records import Trajectory
from bpm_nb.dynamics.calculators import gfn2
from bpm_nb.dynamics.ensembles import dynamics_chunk
from bpm_nb.plots.style import with_error
from bpm_nb.spectra.modes import normal_modes
from bpm_nb.spectra.sampling import verlet_corrected

STEP, EVERY, KB = 0.75, 2, units.kB / (units._amu / units._e * 1e10)  # fs, steps between frames, u Å² fs⁻² per K
NAME, KELVIN, RUNS, STEPS, RESOLUTION = (
    ("malonaldehyde-enol", (50.0, 100.0), 2, 1800, 25.0) if SMALL else ("biphenyl", (50.0, 100.0, 200.0), 6, 4000, 12.0)
)


def run(surface, modes, kelvin, seed):
    "Positions (T, N, 3) of a run from the minimum; the signs of the modes are random."
    with threadpool_limits(1):
        sign = np.random.default_rng(seed).choice([-1.0, 1.0], len(modes.wavenumber_cm1))
        atoms = Atoms(
            surface.numbers,
            surface.pos,
            velocities=np.sqrt(2 * KB * kelvin) * np.tensordot(sign, modes.displacement, 1) / units.fs,
            calculator=gfn2(),
        )
        return dynamics_chunk(atoms, STEPS, STEP, EVERY)["pos"]


def shifts(bands, modes, step):
    "Band less line, and standard error, of each mode (K, 2); NaN where there is no band."
    return np.array(
        [
            (np.nan, np.nan) if b is None else (verlet_corrected(b.wavenumber_cm1, step) - nu, b.wavenumber_error)
            for b, nu in zip(bands, modes.wavenumber_cm1)
        ]
    )


def at_zero(kelvin, found):
    "Intercept and standard error of the straight line through shifts (T, 2)."
    known = np.isfinite(found).all(1) & (found[:, 1] > 0)
    if known.sum() < 2:
        return np.nan, np.nan
    line, spread = np.polyfit(
        np.array(kelvin)[known], found[known, 0], 1, w=1 / np.maximum(found[known, 1], 0.1), cov="unscaled"
    )
    return line[1], np.sqrt(spread[1, 1])


def main():
    data = load(NAME, "gfn2")
    surface, shipped = data.harmonic, data.trajectory
    modes = normal_modes(surface)
    rows = [(k, s) for k in KELVIN for s in range(RUNS)]
    found = Parallel(-1)(delayed(run)(surface, modes, *row) for row in rows)
    runs = {
        k: Trajectory(
            surface.numbers, np.array([p for (t, _), p in zip(rows, found) if t == k]), STEP * EVERY, temperature_K=k
        )
        for k in KELVIN
    }
    by_heat = [shifts(mode_bands(r, surface, resolution_cm1=RESOLUTION), modes, STEP) for r in runs.values()]
    by_heat.append(shifts(mode_bands(shipped, surface), modes, shipped.provenance["step_fs"]))
    kelvin = [*KELVIN, shipped.temperature_K or 300.0]
    strongest = sorted(modes.activity.argsort()[-10:])

    def cell(x, e):
        return with_error(x, e, 1) if np.isfinite(x) else "no band"

    print(
        table(
            ["harmonic line", *(f"{k:.0f} K" for k in kelvin), "taken back to 0 K"],
            [
                (
                    f"{modes.wavenumber_cm1[m]:.1f}",
                    *(cell(*s[m]) for s in by_heat),
                    cell(*at_zero(kelvin, np.array([s[m] for s in by_heat]))),
                )
                for m in strongest
            ],
        )
    )


if __name__ == "__main__":
    main()
