"Infrared and density of states against analytic answers."

import numpy as np
import pytest
from oscillators import KT, omega

from bpm_nb.core.files import InputError
from bpm_nb.data.datasets import load
from bpm_nb.spectra.bands import peaks
from bpm_nb.spectra.infrared import infrared_intensity, ir_spectrum, power_spectrum
from bpm_nb.spectra.modes import Modes


def test_infrared_area_is_the_intensity_of_the_mode():
    "A thermal oscillator with ∂μ/∂Q = 1 D Å⁻¹ u^-1/2 has 42.256 km/mol."
    t, slope = np.arange(40_000), 1 / 2.541746473
    for nu, kelvin in ((500.0, 100.0), (1700.0, 300.0)):
        mu = slope * np.sqrt(2 * kelvin * KT) / omega(nu) * np.cos(omega(nu) * t)[:, None] * np.array([0.6, 0, 0.8])
        s = ir_spectrum(mu + 1, 1.0)
        (p,) = peaks(s)
        assert abs(p.wavenumber_cm1 - nu) < 0.05 and np.isnan(p.depolarization_ratio)
        np.testing.assert_allclose(infrared_intensity(p.area, kelvin), 42.2561, rtol=3e-3)
        np.testing.assert_allclose(
            Modes(np.array([nu]), np.zeros((1, 1, 3)), np.zeros((1, 3, 3)), np.array([[slope, 0, 0]])).infrared,
            42.2561,
            rtol=1e-5,
        )


def test_the_states_of_the_shipped_run_are_its_degrees_of_freedom():
    from ase.data import atomic_masses

    run = load("malonaldehyde-enol").trajectory
    masses = atomic_masses[run.numbers]
    s = power_spectrum(run.vel, masses, run.dt_fs, run.temperature_K)
    count = np.einsum("gtai,a->gt", run.vel[:, :-1] ** 2, masses).mean() / (KT * run.temperature_K)
    np.testing.assert_allclose(np.trapezoid(s.curve(), s.wavenumber_cm1), count, rtol=1e-7)
    assert 18 < count < 24 and (s.curve() >= 0).all()
    moved = power_spectrum(run.pos, masses, run.dt_fs, run.temperature_K, positions=True)
    np.testing.assert_allclose(np.trapezoid(moved.curve(), s.wavenumber_cm1), count, rtol=0.02)
    above = s.curve()[s.wavenumber_cm1 > 2600].sum() / s.curve().sum()
    assert 0.15 < above < 0.25  # four stretches to hydrogen of 21


@pytest.mark.parametrize(
    "bad", [np.zeros((500, 4, 3)), np.zeros((500, 9)), np.zeros(3), np.array(["a"]), np.full((500, 2, 3), np.nan)]
)
def test_velocities_of_another_shape_are_refused(bad):
    with pytest.raises(InputError, match="velocities"):
        power_spectrum(bad, [1.0, 1.0], 1.0, resolution_cm1=100.0)
    with pytest.raises(InputError, match="dipole"):
        ir_spectrum(np.zeros((500, 4)), 1.0)
