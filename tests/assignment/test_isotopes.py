"""Dynamics with other masses on the same surface."""

import numpy as np
import pytest
from ase.units import fs

from bpm_nb.assignment.isotopes import band_shifts, isotope_shifts
from bpm_nb.core.files import InputError
from bpm_nb.spectra.bands import peaks
from bpm_nb.spectra.infrared import power_spectrum
from bpm_nb.spectra.modes import harmonic_modes

pytest.importorskip("tblite", reason="the reference extra is not installed")
from bpm_nb.dynamics.calculators import gfn2, isotope_masses, relaxed_positions  # noqa: E402
from bpm_nb.dynamics.ensembles import constant_energy_chunk, thermal_momenta


def line(masses):
    "Wavenumber of a diatomic of hydrogen on the GFN2 surface, stretched a little."
    pos = np.array([[0, 0, 0], [0, 0, 0.79]])
    molecule = (0, 0, masses) if masses is not None else (0, 0)
    run = constant_energy_chunk(([1, 1], pos, np.zeros((2, 3))), molecule, 0.25, 4, 2800)
    return peaks(power_spectrum(run["pos"], masses or [1.008, 1.008], 1.0, positions=True, resolution_cm1=50.0))[
        0
    ].wavenumber_cm1


def test_a_vibration_slows_with_the_root_of_the_reduced_mass():
    own, same, heavy, mixed = line(None), line([1.008, 1.008]), line([2.014, 2.014]), line([1.008, 2.014])
    assert own == same
    np.testing.assert_allclose(
        [heavy / own, mixed / own], [np.sqrt(1.008 / 2.014), np.sqrt((1 / 1.008 + 1 / 2.014) / (2 / 1.008))], rtol=0.01
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


@pytest.mark.parametrize(
    "masses,message",
    [
        ({5: 2.0}, "no atom 5"),
        ({-1: 2.0}, "no atom -1"),
        ({1: 16.0}, "another element"),
        ([1.0, 1.0, 1.0], "another element"),
        ({0: float("nan")}, "another element"),
    ],
)
def test_masses_that_cannot_be_are_refused(masses, message):
    with pytest.raises(InputError, match=message):
        isotope_masses([8, 1, 1], masses)


def test_masses_are_given_for_all_atoms_or_for_some():
    assert isotope_masses([8, 1, 1], {2: 2.014}) == [15.999, 1.008, 2.014] and isotope_masses(
        [8, 1], [17.999, 1.008]
    ) == [17.999, 1.008]


def test_bands_of_heavy_water_lie_where_its_modes_say():
    "Water and heavy water on the GFN2 surface at 300 K, each integrated; harmonic modes of both from one Hessian."
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
        run = constant_energy_chunk(([8, 1, 1], pos, speed * m[:, None] / fs), (0, 0, m.tolist()), 0.5, 4, 2800)
        found.append(
            peaks(power_spectrum(run["pos"], m, 2.0, positions=True, resolution_cm1=30.0), range_cm1=(800, 4500))
        )
    rows = band_shifts(*found, shifts, 150.0)
    assert (
        len(rows) >= 2 and rows[0].first_cm1 < 2000 < rows[-1].first_cm1
    )  # the bend, and the stretches, which may be one band
    assert abs(rows[0].residual) < 10 and abs(rows[-1].residual) < 60  # what anharmonicity does
    assert all(abs(s.ratio - shifts[0].ratio) < 0.03 for s in rows)
