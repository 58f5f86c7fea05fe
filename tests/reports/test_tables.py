"Rows of tables give the numbers they were made of."

from dataclasses import fields

import numpy as np
import pytest
from synthetic import three_lines, two_bonds

from bpm_nb.assignment.eckart import body_frame
from bpm_nb.assignment.lines import line_motions, match_bands, match_bands_by_motion
from bpm_nb.assignment.mixtures import marker_bands
from bpm_nb.assignment.motion import mode_bands
from bpm_nb.assignment.shares import bond_shares
from bpm_nb.core.display import data_frame
from bpm_nb.data.datasets import load, shipped, shipped_files
from bpm_nb.reports import tables
from bpm_nb.spectra.bands import Peak, peaks
from bpm_nb.spectra.modes import normal_modes
from bpm_nb.spectra.raman import raman_spectrum


@pytest.fixture(scope="module")
def s():
    return raman_spectrum(three_lines(), 2.0)


@pytest.fixture(scope="module")
def two():
    return two_bonds()


def test_peak_rows_give_the_numbers_of_the_peaks(s):
    found = peaks(s)
    rows = tables.peak_rows(found, 2)
    assert (
        len(rows) == 2
        and rows[0]["relative area"].startswith("1.0")
        and rows[0]["wavenumber (cm⁻¹)"].startswith(f"{found[0].wavenumber_cm1:.0f}"[:3])
    )
    assert tables.peak_rows([]) == []


def molecules_with_lines():
    "Molecules that come with a run, with derivatives on the surface of the run, and with a table of lines."
    return [name for name in shipped() if shipped_files(name, "harmonic_dft") and shipped_files(name, "lines")]


def test_molecules_come_with_lines():
    assert len(molecules_with_lines()) >= 2


@pytest.mark.parametrize("name", molecules_with_lines())
def test_bands_at_room_temperature_lie_below_their_harmonic_lines(name):
    data, nu = load(name), [line.wavenumber_cm1 for line in load(name).lines]
    modes, frame = normal_modes(data.harmonic), body_frame(data.trajectory[:1], data.harmonic.pos)
    moves = line_motions(nu, data.harmonic_dft, frame)
    match = match_bands_by_motion(modes.wavenumber_cm1, modes.displacement, nu, moves, frame.masses)
    rows = tables.mode_rows(modes, mode_bands(data.trajectory, data.harmonic), match, data.lines, 0.03)
    assert len(rows) >= 6 and np.median([float(r["shift"].replace("−", "-")) for r in rows]) < -2
    assert {"run (cm⁻¹)", "table (cm⁻¹)", "what the table says"} <= rows[0].keys()


def test_peaks_and_rows_are_tables_of_pandas(s):
    pytest.importorskip("pandas", reason="pandas is not installed")
    bands = peaks(s)
    numbers, text = data_frame(bands), data_frame(tables.peak_rows(bands))
    assert list(numbers.columns) == [field.name for field in fields(Peak)] and len(numbers) == len(text) == 3
    np.testing.assert_array_equal(numbers["area"], [p.area for p in bands])
    assert list(text.columns) == ["wavenumber (cm⁻¹)", "width (cm⁻¹)", "relative area", "ρ"]


def test_share_rows_name_the_bonds_of_a_band(two):
    found, names = bond_shares(two, 2.0), ["first", "second"]
    rows = tables.share_rows(found, names, peaks(raman_spectrum(two.sum(2), 2.0)))
    at = {round(float(r["wavenumber (cm⁻¹)"].split()[0]), -1): r["bonds and their shares"] for r in rows}
    assert at[700].startswith("first 100") and at[2900].startswith("second 100")
    assert tables.share_rows(found, names, []) == []


def test_bands_of_one_line_have_overlaps_of_their_own():
    one, two = np.eye(6).reshape(6, 2, 3)[:2]
    match = match_bands_by_motion([1000.0, 1040.0], np.array([one, one + 0.5 * two]), [990.0], one[None], np.ones(2))
    assert [(r["band (cm⁻¹)"], r["overlap"]) for r in tables.match_rows(match)] == [
        ("1000.0", "1.00"),
        ("1040.0", "0.89"),
    ]


def test_match_rows_name_pairs_first(s):
    match = match_bands(peaks(s), [495, 1000, 1490, 2985], 40, 1.0)
    rows = tables.match_rows(match)
    assert (
        [r["line (cm⁻¹)"] for r in rows] == ["495", "1490", "2985", "1000"]
        and rows[-1]["band (cm⁻¹)"] == "–"
        and rows[0]["shift"].startswith("+")
    )


def test_marker_rows_name_every_marker(s, two):
    markers = marker_bands(s, raman_spectrum(two.sum(2), 2.0), significance=1.0)
    assert len(markers) > 0
    assert len(tables.marker_rows(markers, ("one", "two"))) == len(markers) and tables.marker_rows([]) == []
