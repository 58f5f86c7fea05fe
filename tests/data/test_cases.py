"""Inputs in the form in which people have them, each of which once gave a wrong answer: read where they are at hand."""

from pathlib import Path

import numpy as np
import pytest

from bpm_nb.assignment.isotopes import isotope_shifts
from bpm_nb.core.files import InputError
from bpm_nb.data.files import read, read_frames, read_trajectory
from bpm_nb.models.polarizability import BondPolarizability
from bpm_nb.spectra.bands import peaks
from bpm_nb.spectra.files import read_polarizability
from bpm_nb.spectra.infrared import trajectory_spectra
from bpm_nb.spectra.modes import normal_modes
from bpm_nb.spectra.raman import raman_spectrum

CASES = Path(__file__).parents[3] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the inputs of users are not at hand")


@pytest.fixture(scope="module")
def water_model():
    return BondPolarizability(n_points=200).fit(read_frames(CASES / "water_model/train.xyz", need="alpha"))


def strongest(alpha, dt_fs, resolution_cm1=50.0):
    return [peak.wavenumber_cm1 for peak in peaks(raman_spectrum(alpha, dt_fs, resolution_cm1))]


@pytest.mark.parametrize(
    "name,topology,dt_fs",
    [
        ("cp2k_time/ok.xyz", None, None),
        ("amber_netcdf_crash/run.nc", "amber_netcdf_crash/w.gro", None),
        ("lammps_real_velocities/same_positions.xyz", None, 1.0),
        ("lammps_real_velocities/run.dump", None, 1.0),
    ],
)
@pytest.mark.filterwarnings("ignore:.*positions move")
def test_water_vibrates_at_3600(water_model, name, topology, dt_fs):
    if topology:
        pytest.importorskip("MDAnalysis")
    run = read_trajectory(CASES / name, dt_fs, topology and CASES / topology)
    assert run.dt_fs == pytest.approx(1.0, rel=1e-3)
    assert abs(strongest(water_model.predict(run), run.dt_fs)[0] - 3600) < 2


def test_frames_that_repeat_at_restarts_are_refused_with_the_first_place():
    with pytest.raises(InputError, match="duplicates.xyz: the step between frames 50 and 51 is 0"):
        read_trajectory(CASES / "cp2k_time/duplicates.xyz")


def test_a_time_column_is_used_and_a_contradiction_named():
    alpha, dt_fs = read_polarizability(CASES / "csv_time_columns/time_ps_2fs.csv")
    assert dt_fs == pytest.approx(2.0)
    np.testing.assert_allclose(sorted(strongest(alpha, dt_fs, 20.0)[:2]), [500, 850], atol=2)
    with pytest.raises(InputError, match="2 fs apart, not 1"):
        read_polarizability(CASES / "csv_time_columns/time_ps_2fs.csv", dt_fs=1.0)


def test_exponents_of_fortran():
    alpha, _ = read_polarizability(CASES / "fortran_exponents/series.dat")
    np.testing.assert_allclose(sorted(strongest(alpha, 1.0)[:2]), [1000, 1700], atol=2)


def test_a_lattice_of_zeros_is_no_cell():
    assert read_frames(CASES / "zero_lattice/two_frames.xyz", need="alpha").alpha.shape == (2, 3, 3)


def test_deuterium_has_its_mass():
    run = read_trajectory(CASES / "deuterium_symbol/d2o.xyz")
    np.testing.assert_allclose(run.mass(), [15.999, 2.0141, 2.0141], atol=1e-3)


@pytest.mark.parametrize("name, heavy, overlaps", [("CO2", {6: 13.003}, [1, 1, 1, 1]), ("CH4", {1: 2.014}, None)])
def test_degenerate_modes_of_isotopologues_are_compared_as_sets(name, heavy, overlaps):
    """Modes of T2 of methane are two sets, a stretch and a bend, mixed by heavier atoms: 0.99, by the eigenvectors of
    both masses, found here without the library."""
    record = read(CASES / f"degenerate_isotopes/{name}.npz")
    masses = np.array([{1: 1.008, 6: 12.011, 8: 15.999}[z] for z in record.numbers])
    other = np.array([heavy.get(z, m) for z, m in zip(record.numbers, masses)])
    found = isotope_shifts(*(normal_modes(record, masses=m) for m in (masses, other)), masses, other)
    if overlaps is None:
        vectors = [
            np.linalg.eigh(record.hessian.reshape(15, 15) / np.sqrt(np.outer(w, w)))[1][:, 6:]
            for w in (np.repeat(masses, 3), np.repeat(other, 3))
        ]
        sets = [slice(0, 3), slice(3, 5), slice(5, 6), slice(6, 9)]
        cross = vectors[0].T @ vectors[1]
        overlaps = [np.linalg.svd(cross[s, s])[1].mean() for s in sets for _ in range(s.stop - s.start)]
        np.testing.assert_allclose([overlaps[3], overlaps[5]], 1, atol=1e-4)
        assert min(overlaps) > 0.985
    np.testing.assert_allclose([shift.overlap for shift in found], overlaps, atol=2e-3)


def test_a_key_is_named_and_the_message_lists_the_keys():
    file = CASES / "alpha_key/qm7x_alpha_key.xyz"
    with pytest.raises(InputError, match="its keys are alpha, mu"):
        read_frames(file, need="alpha")
    assert len(read_frames(file, need="alpha", key="alpha").alpha) == 4


def test_velocities_in_another_unit_do_not_change_the_density_of_states():
    with pytest.warns(UserWarning, match="Å/fs read as Å/ps"):
        dump = read_trajectory(CASES / "lammps_real_velocities/run.dump", 1.0)
    xyz = read_trajectory(CASES / "lammps_real_velocities/same_positions.xyz", 1.0)
    areas = []
    for run in (dump, xyz):
        states = trajectory_spectra(run, resolution_cm1=60.0)["states"]
        areas.append(np.trapezoid(states.curve(), states.wavenumber_cm1))
    assert dump.vel is None and areas == pytest.approx([2.1, 2.1], rel=0.05)
