"""Lines of the literature

Where the modes behind the lines of a table lie, in cm⁻¹: harmonic on the two surfaces, and as bands of dynamics at
300 K, of the coordinate of each mode: on GFN2-xTB, on GFN2-xTB with what it lacks (learned), with classical nuclei
and with quantum nuclei (TRPMD, 16 beads). What a line differs by has
four causes, which the last rows take apart, as the median (and the largest) over the lines: the functional and the
basis set (harmonic DFT less the line; the lines of malonaldehyde are that calculation itself), what is left of the
cheap surface (bands of GFN2-xTB less bands of the learned surface), temperature with anharmonicity (bands of classical
nuclei at 300 K less harmonic lines, on the learned surface), and quantum nuclei (less classical ones).
"""

import numpy as np
from measure import SMALL, table

from bpm_nb.assignment.eckart import eckart_rotation
from bpm_nb.assignment.lines import line_modes
from bpm_nb.assignment.motion import mode_bands, overlap
from bpm_nb.data.datasets import load, shipped_files
from bpm_nb.plots.style import with_error
from bpm_nb.spectra.modes import normal_modes
from bpm_nb.spectra.sampling import verlet_corrected

NAMES = ("malonaldehyde-enol",) if SMALL else ("biphenyl", "malonaldehyde-enol")
RUNS = {"GFN2-xTB": ("gfn2", "trajectory"), "learned": ("delta", "trajectory"), "quantum": ("delta", "rings")}
RESOLUTION = 10.0  # cm⁻¹


def counterparts(data, modes):
    "Index of the mode of GFN2-xTB with the largest overlap, for each mode of density-functional theory."
    exact, cheap = data.harmonic_dft, data.harmonic_gfn2
    others = normal_modes(cheap)
    masses = load(data.name, "gfn2").trajectory.mass()
    turned = modes.displacement @ eckart_rotation(exact.pos, masses, cheap.pos)
    return others, [int(np.argmax([overlap(a, b, masses) ** 2 for b in others.displacement])) for a in turned]


def bands(name, surface, what):
    "Position and standard error (modes, 2), cm⁻¹, of the band of each mode of the surface; NaN where there is none."
    data = load(name, surface)
    if not shipped_files(name, f"{what}_{surface}"):
        return None
    run = getattr(data, what)
    step = run.provenance["step_fs"]
    found = mode_bands(run, data.harmonic, resolution_cm1=RESOLUTION)
    return np.array(
        [
            (np.nan, np.nan) if b is None else (verlet_corrected(b.wavenumber_cm1, step), b.wavenumber_error)
            for b in found
        ]
    )


def positions(name):
    "Lines, and {column: (lines, 2)} of positions with their errors, cm⁻¹; the errors of harmonic lines are zero."
    data = load(name)
    modes, lines = normal_modes(data.harmonic_dft), data.lines
    of_line = line_modes([line.wavenumber_cm1 for line in lines], modes)
    cheap, partner = counterparts(data, modes)
    exact = [(modes.wavenumber_cm1[k], 0.0) for k in of_line]
    columns = {"harmonic, DFT": exact, "harmonic, GFN2": [(cheap.wavenumber_cm1[partner[k]], 0.0) for k in of_line]}
    for column, (surface, what) in RUNS.items():
        if (found := bands(name, surface, what)) is not None:
            columns[column] = [found[partner[k] if surface == "gfn2" else k] for k in of_line]
    return lines, {column: np.array(values) for column, values in columns.items()}


def causes(lines, columns):
    "{cause: median and largest difference, cm⁻¹} of what is known."
    literature = np.array([line.wavenumber_cm1 for line in lines])
    known = {name: values[:, 0] for name, values in columns.items()} | {"literature": literature}
    differences = {
        "functional and basis set": ("harmonic, DFT", "literature"),
        "the cheap surface": ("GFN2-xTB", "learned"),
        "temperature": ("learned", "harmonic, DFT"),
        "quantum nuclei": ("quantum", "learned"),
        "all, GFN2-xTB": ("GFN2-xTB", "literature"),
        "all, learned": ("learned", "literature"),
        "all, quantum nuclei": ("quantum", "literature"),
    }
    found = {}
    for cause, (a, b) in differences.items():
        if a in known and b in known:
            d = known[a] - known[b]
            found[cause] = np.nanmedian(d), d[np.nanargmax(np.abs(d))], np.sqrt(np.nanmean(d**2))
    return found


def main():
    for name in NAMES:
        lines, columns = positions(name)
        rows = [
            (
                f"{line.wavenumber_cm1:.0f}",
                line.assignment,
                *(
                    (with_error(x, e, 1) if e > 0 else f"{x:.0f}") if np.isfinite(x) else "no band"
                    for x, e in (v[k] for v in columns.values())
                ),
            )
            for k, line in enumerate(lines)
        ]
        print(f"\n### {name}, lines {lines[0].kind}\n")
        print(table(["line", "motion", *columns], rows))
        found = [
            (cause, *(f"{x:+.0f}" for x in values[:2]), f"{values[2]:.0f}")
            for cause, values in causes(lines, columns).items()
        ]
        print("\n" + table(["what a difference is from", "median", "largest", "root mean square"], found))


if __name__ == "__main__":
    main()
