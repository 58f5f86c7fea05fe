"""Bands of isotopologues where their normal modes put them, bands followed through temperatures, motions paired."""

import numpy as np
import pytest
from ase.units import fs
from vibrations import Springs

from bpm_nb.assignment.isotopes import band_shifts, isotope_shifts, pair_modes, track_bands
from bpm_nb.core.units import C_CM_FS
from bpm_nb.dynamics.calculators import Molecule, gfn2, relaxed_positions
from bpm_nb.dynamics.ensembles import constant_energy_chunk
from bpm_nb.spectra.bands import peaks
from bpm_nb.spectra.infrared import power_spectrum
from bpm_nb.spectra.modes import harmonic_modes
from bpm_nb.spectra.raman import raman_spectrum


def test_bands_of_heavy_water_lie_where_its_modes_say():
    "Water and heavy water on the GFN2 surface at 300 K, each integrated; harmonic modes of both from one Hessian."
    pytest.importorskip("tblite", reason="the reference extra is not installed")
    from ase.build import molecule

    masses, water = [np.array([15.999, m, m]) for m in (1.008, 2.014)], molecule("H2O")
    water.calc = gfn2()
    pos, h, forces = relaxed_positions(water), 0.005, []
    for move in np.concatenate([np.eye(9), -np.eye(9)]).reshape(-1, 3, 3):
        water.positions = pos + h * move
        forces.append(water.get_forces().ravel())
    hessian = (np.array(forces[9:]) - forces[:9]) / (2 * h)
    modes = [harmonic_modes(m, pos, hessian, np.zeros((3, 3, 3, 3))) for m in masses]
    shifts, found = isotope_shifts(*modes, *masses), []
    assert all(0.71 < s.ratio < 0.75 and s.overlap > 0.97 for s in shifts)
    for m, mode in zip(masses, modes):
        speed = np.sqrt(2 * 300 * 8.314463e-7) * mode.displacement.sum(0)  # kT of energy in each mode; Å/fs
        moving = Molecule([8, 1, 1], masses=m.tolist())
        run = constant_energy_chunk(moving, pos[None], (speed * m[:, None] / fs)[None], 0.5, 4, 2800)
        found.append(
            peaks(power_spectrum(run["pos"][0], m, 2.0, positions=True, resolution_cm1=30.0), range_cm1=(800, 4500))
        )
    rows = band_shifts(*found, shifts, 150.0)
    assert (
        len(rows) >= 2 and rows[0].first_cm1 < 2000 < rows[-1].first_cm1
    )  # the bend, and the stretches, which may be one band
    assert abs(rows[0].residual) < 10 and abs(rows[-1].residual) < 60  # what anharmonicity does
    assert all(abs(s.ratio - shifts[0].ratio) < 0.03 for s in rows)


def test_bands_are_followed_through_temperatures():
    t = np.arange(20_000)
    spectra = {
        kelvin: raman_spectrum(
            sum(np.cos(2 * np.pi * C_CM_FS * nu * t)[:, None, None] * np.eye(3) for nu in lines), 1.0, 8.0
        )
        for kelvin, lines in ((100, (700, 1500)), (300, (695, 1490, 2000)), (500, (1480,)))
    }
    rows = track_bands({kelvin: peaks(s) for kelvin, s in spectra.items()})
    assert [{k: round(p.wavenumber_cm1) for k, p in row.items()} for row in rows] == [
        {100: 700, 300: 695},
        {100: 1500, 300: 1490, 500: 1480},
    ]


def test_motions_are_paired_whatever_their_order_and_sign():
    m = Springs("CH3SH", n_segments=1, n_frames=10)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(m.modes))
    pairs, alike = pair_modes(m.modes, -m.modes[order], m.masses)
    np.testing.assert_array_equal(order[pairs[:, 1]], pairs[:, 0])
    np.testing.assert_allclose(alike, 1)
