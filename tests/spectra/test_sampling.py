"Warnings, and the step of velocity Verlet."

import warnings

import numpy as np
import pytest
from oscillators import MIXED, langevin, omega

from bpm_nb.core.files import InputError
from bpm_nb.spectra.bands import peaks
from bpm_nb.spectra.raman import raman_spectrum
from bpm_nb.spectra.sampling import check_sampling, verlet_corrected


def test_frames_too_far_apart_are_a_warning_with_a_remedy():
    with pytest.warns(UserWarning, match="every 5 fs are too far apart.*every 2.5 fs"):
        raman_spectrum(langevin(3200, 20, MIXED, dt=5.0), 5.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        raman_spectrum(langevin(3200, 20, MIXED, dt=2.0), 2.0)


@pytest.mark.parametrize("nu,step", [(1000.0, 1.0), (3000.0, 0.25), (3600.0, 2.0)])
def test_the_verlet_correction_is_exact_for_an_oscillator(nu, step):
    x, v, positions, n = 1.0, 0.0, [], int(30_000 / step)
    for _ in range(n):
        positions.append(x)
        v -= omega(nu) ** 2 * x * step / 2
        x += v * step
        v -= omega(nu) ** 2 * x * step / 2
    s = raman_spectrum(np.array(positions)[:, None, None] * np.eye(3), step)
    seen = peaks(s)[0].wavenumber_cm1
    assert seen > nu
    assert abs(verlet_corrected(seen, step) - nu) < 0.1


@pytest.mark.parametrize("bad", [0, -1, float("nan")])
def test_the_verlet_correction_refuses(bad):
    with pytest.raises(InputError):
        verlet_corrected(1000.0, bad)
    with pytest.raises(InputError, match="no motion"):
        verlet_corrected(20_000.0, 2.0)


def test_a_gap_is_a_warning_and_a_smooth_run_is_not():
    t = np.arange(8000)
    alpha = np.cos(omega(900) * t)[:, None, None] * np.diag([1, 2, 3.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        raman_spectrum(alpha, 1.0)
    with pytest.warns(UserWarning, match="alpha jumps near frame (3999|4000|4001) of segment 0.*pieces as segments"):
        raman_spectrum(np.delete(alpha, slice(4000, 4011), 0), 1.0)


@pytest.mark.parametrize(
    "numbers,dt,step,message",
    [
        ([6, 1], 5.0, None, "every 4.0 fs"),
        ([6, 8], 8.0, None, "save a frame every"),
        ([8, 1], 2.0, 1.0, "shorter step"),
        ([8, 1], 2.0, 5.0, "shorter step"),
    ],
)
def test_coarse_frames_and_steps_are_warned_of(numbers, dt, step, message):
    with pytest.warns(UserWarning, match=message):
        check_sampling(numbers, dt, step)


def test_good_sampling_is_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for numbers, dt, step in (([6, 1], 4.0, 0.5), ([6, 8], 6.0, None), ([1, 1], 2.0, 0.25)):
            check_sampling(numbers, dt, step)
