"""Inputs in the form in which people have them, each of which once gave a wrong answer: read where they are at hand."""

from pathlib import Path

import numpy as np
import pytest

from bpm_nb.core.files import InputError
from bpm_nb.data.files import read_frames, read_trajectory
from bpm_nb.models.polarizability import BondPolarizability
from bpm_nb.spectra.bands import peaks
from bpm_nb.spectra.files import read_polarizability
from bpm_nb.spectra.infrared import trajectory_spectra
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
