"Spectra against analytic answers, slow sums, invariances and statistics."

import os
import time
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oscillators import MIXED, SYMMETRIC, area, langevin, omega, oscillator, quiet, walk
from scipy.signal import lfilter

from bpm_nb.core.files import InputError
from bpm_nb.core.units import C_CM_FS
from bpm_nb.spectra.bands import peaks
from bpm_nb.spectra.density import DERIVATIVES, NON_NEGATIVE, WINDOWS
from bpm_nb.spectra.raman import instrument_intensity, parseval_ratios, placzek_activity, raman_spectrum
from bpm_nb.spectra.spectrum import GEOMETRIES


@pytest.mark.parametrize("nu", [150.0, 803.3, 1700.0, 3070.0])
@pytest.mark.parametrize("dt", [0.5, 2.0])
def test_a_harmonic_oscillator_is_one_line_at_its_wavenumber_with_the_analytic_area(nu, dt):
    s = raman_spectrum(oscillator(nu, SYMMETRIC, int(40_000 / dt), dt, amplitude=0.7), dt)
    found = peaks(s)
    assert len(found) == 1
    assert abs(found[0].wavenumber_cm1 - nu) < 0.05
    np.testing.assert_allclose(found[0].width_cm1, 5, rtol=0.015)
    np.testing.assert_allclose(found[0].area, 0.7**2 * omega(nu) ** 2 / 2, rtol=3e-3)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("resolution", [4.0, 12.0])
def test_position_and_area_do_not_depend_on_window_or_resolution(window, resolution):
    s = raman_spectrum(oscillator(1234.5, SYMMETRIC, 60_000), 1.0, resolution, window, points=20)
    np.testing.assert_allclose(area(s, s.isotropic), omega(1234.5) ** 2 / 2, rtol=3e-3)
    top = s.wavenumber_cm1[s.isotropic.argmax()]
    half = s.wavenumber_cm1[s.isotropic > s.isotropic.max() / 2]
    assert abs(top - 1234.5) < 0.05 * resolution
    np.testing.assert_allclose(np.ptp(half), resolution, atol=0.12 * resolution)


def test_a_damped_oscillator_has_the_width_and_the_area_of_theory():
    s = raman_spectrum(langevin(900, 20, SYMMETRIC, n=20_000, segments=16), 2.0, resolution_cm1=4, window="exponential")
    p = peaks(s)[0]
    np.testing.assert_allclose(p.area, omega(900) ** 2, rtol=0.05)
    assert abs(p.area - omega(900) ** 2) < 4 * p.area_error
    assert abs(p.wavenumber_cm1 - 900) < 4 * p.wavenumber_error < 4
    assert abs(p.width_cm1 - 24) < 4 * p.width_error


def test_the_whole_line_of_a_damped_oscillator_is_that_of_theory():
    s = raman_spectrum(langevin(900, 60, SYMMETRIC, n=20_000, segments=32), 2.0, resolution_cm1=5)
    w, friction = omega(s.wavenumber_cm1), 2 * np.pi * C_CM_FS * 60
    theory = 4 * C_CM_FS * friction * omega(900) ** 2 * w**2 / ((w**2 - omega(900) ** 2) ** 2 + (friction * w) ** 2)
    near = abs(s.wavenumber_cm1 - 900) < 150
    z = (s.isotropic - theory)[near] / s.isotropic_error[near]
    assert abs(z.mean()) < 1 and 0.4 < z.std() < 1.6
    np.testing.assert_allclose(s.isotropic[near].sum(), theory[near].sum(), rtol=0.05)


def test_placzek_activity_of_a_harmonic_molecule():
    "Thermal amplitudes kT/ω² of two modes: area over kT is a'², whatever the frequency and the temperature."
    for nu, kelvin in ((500, 100.0), (2900, 300.0)):
        kT = 1.380649e-23 * kelvin / (1.66053906660e-27 * 1e10)
        slope = 1.7 / 0.529177210903**3  # 1.7 Å² u^-1/2 as bohr³ Å⁻¹ u^-1/2
        s = raman_spectrum(oscillator(nu, slope * SYMMETRIC, 60_000, 1.0, amplitude=np.sqrt(2 * kT) / omega(nu)), 1.0)
        np.testing.assert_allclose(placzek_activity(area(s, s.isotropic), kelvin), 1.7**2, rtol=2e-3)


def slow_spectrum(alpha, dt, s):
    "The definition, by direct sums over pairs of times, from the nine elements, one block a segment."
    width, nu, curves = s.settings["window_fs"], s.wavenumber_cm1, []
    for segment in alpha:
        v = np.diff(segment, axis=0) / dt
        trace = np.trace(v, axis1=1, axis2=2) / 3
        beta = v - trace[:, None, None] * np.eye(3)
        n, total = len(v), np.zeros((2, len(nu)))
        for lag in range(n):
            c = np.array([(trace[: n - lag] * trace[lag:]).sum(), 1.5 * (beta[: n - lag] * beta[lag:]).sum()]) / n
            w = np.exp(-((lag * dt / width) ** 2) / 2)
            total += (
                (1 if lag == 0 else 2) * 2 * C_CM_FS * dt * w * c[:, None] * np.cos(2 * np.pi * C_CM_FS * nu * lag * dt)
            )
        x = np.pi * C_CM_FS * nu * dt
        curves.append(total * np.divide(x, np.sin(x), out=np.ones_like(x), where=x > 0) ** 2)
    return np.array(curves)


@pytest.mark.parametrize("n", [400, 401, 463])
def test_spectrum_equals_the_slow_sum(n):
    alpha = walk((2, n), n)
    s = quiet(alpha, 3.0, resolution_cm1=60.0, n_blocks=1)
    slow = slow_spectrum(alpha, 3.0, s)
    for fast, expected in ((s.isotropic_blocks, slow[:, 0]), (s.anisotropic_blocks, slow[:, 1])):
        np.testing.assert_allclose(fast, expected, rtol=1e-9, atol=1e-9 * expected.max())


@pytest.mark.parametrize(
    "shape,dt,options",
    [
        ((2001,), 1.0, {}),
        ((3, 1777), 2.0, dict(n_blocks=2)),
        ((1, 2500), 0.5, dict(window="parzen")),
        ((2, 1502), 1.0, dict(window="hann", points=1)),
        ((1, 1999), 1.0, dict(window="exponential", points=30)),
    ],
)
def test_parseval(shape, dt, options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_allclose(parseval_ratios(walk(shape), dt, resolution_cm1=60.0, **options), 1, rtol=1e-10)


@pytest.mark.parametrize("derivative", DERIVATIVES)
def test_the_three_derivatives_agree_on_slow_motion(derivative):
    alpha = langevin(300, 20, MIXED, dt=1.0, n=10_000)
    s, reference = raman_spectrum(alpha, 1.0, derivative=derivative), raman_spectrum(alpha, 1.0)
    near = abs(s.wavenumber_cm1 - 300) < 30
    np.testing.assert_allclose(s.natural[near].sum(), reference.natural[near].sum(), rtol=0.02)


def test_rotating_the_run_changes_nothing():
    alpha = walk((2, 2000))
    q = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    s, turned = quiet(alpha, 1.0, 30.0), quiet(q @ alpha @ q.T, 1.0, 30.0)
    for name in GEOMETRIES:
        np.testing.assert_allclose(turned.curve(name), s.curve(name), rtol=1e-9, atol=1e-12 * s.natural.max())


def test_a_constant_and_the_direction_of_time_change_nothing():
    alpha = walk((2, 2000))
    s = quiet(alpha, 1.0, 30.0)
    constant = 1e3 * (np.ones((3, 3)) + np.eye(3))
    for other in (alpha + constant, alpha[:, ::-1]):
        np.testing.assert_allclose(quiet(other, 1.0, 30.0).natural, s.natural, rtol=1e-7, atol=1e-9 * s.natural.max())


def test_the_spectrum_is_quadratic_and_the_order_of_segments_does_not_matter():
    alpha = walk((3, 2000))
    s = quiet(alpha, 1.0, 30.0)
    np.testing.assert_allclose(quiet(3 * alpha, 1.0, 30.0).natural, 9 * s.natural)
    np.testing.assert_allclose(quiet(alpha[::-1], 1.0, 30.0).error("vv"), s.error("vv"))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(60, 300),
    st.sampled_from(NON_NEGATIVE),
    st.floats(0.2, 5),
    st.floats(1, 7),
    st.sampled_from(sorted(DERIVATIVES)),
)
def test_intensity_is_never_negative(seed, n, window, dt, coarse, derivative):
    rng = np.random.default_rng(seed)
    alpha = rng.choice([0.0, 1e-8, 1, 1e6], size=(2, n, 3, 3)) * rng.normal(size=(2, n, 3, 3))
    alpha = alpha + alpha.swapaxes(2, 3)
    resolution = 1.01 * coarse / (C_CM_FS * dt * (n - 1))
    s = quiet(alpha, dt, resolution, window, derivative=derivative)
    assert s.isotropic_blocks.min() >= 0 and s.anisotropic_blocks.min() >= 0
    rho = s.depolarization_ratio
    assert not (rho > 0.75 + 1e-9).any()


def test_the_standard_error_is_the_scatter_of_repeated_runs():
    runs = [raman_spectrum(langevin(900, 15, MIXED, n=4000, segments=10, seed=k), 2.0) for k in range(60)]
    near = abs(runs[0].wavenumber_cm1 - 900) < 15
    for name in ("vv", "vh", "natural"):
        scatter = np.std([r.curve(name)[near] for r in runs], 0, ddof=1)
        stated = np.sqrt(np.mean([r.error(name)[near] ** 2 for r in runs], 0))
        np.testing.assert_allclose(np.sqrt((stated**2).mean() / (scatter**2).mean()), 1, atol=0.15)
    found = [peaks(r, range_cm1=(700, 1100))[0] for r in runs]
    for value, error in (("wavenumber_cm1", "wavenumber_error"), ("area", "area_error")):
        scatter, stated = (
            np.std([getattr(p, value) for p in found], ddof=1),
            np.sqrt(np.mean([getattr(p, error) ** 2 for p in found])),
        )
        assert 0.7 < stated / scatter < 1.5


def test_an_intensity_is_not_an_activity():
    s = raman_spectrum(oscillator(900, MIXED), 1.0)
    i = instrument_intensity(s)
    assert i.settings["quantity"] == "Raman intensity" and s.settings["quantity"] == "Raman activity"
    np.testing.assert_allclose(np.nanmax(i.depolarization_ratio), s.depolarization_ratio[s.natural.argmax()], atol=1e-2)
    with pytest.raises(InputError, match="already"):
        instrument_intensity(i)


def test_classical_intensity_is_the_spectrum_of_alpha_itself():
    alpha = langevin(900, 15, MIXED)
    ratio = [
        instrument_intensity(raman_spectrum(alpha, 2.0, derivative=d), None, 300.0, "classical")
        for d in ("midpoint", "frequency")
    ]
    i = ratio[0]
    near = abs(i.wavenumber_cm1 - 900) < 30
    activity = raman_spectrum(alpha, 2.0)
    expected = (
        np.interp(i.wavenumber_cm1[near], activity.wavenumber_cm1, activity.natural) / i.wavenumber_cm1[near] ** 2
    )
    np.testing.assert_allclose(i.natural[near] / i.natural[near].max(), expected / expected.max(), rtol=1e-6)


@pytest.mark.parametrize(
    "bad",
    [
        dict(laser_nm=0),
        dict(laser_nm=-1),
        dict(temperature_K=0),
        dict(temperature_K=float("nan")),
        dict(quantum="exact"),
    ],
)
def test_an_intensity_refuses(bad):
    with pytest.raises(InputError):
        instrument_intensity(raman_spectrum(oscillator(900, MIXED, 10_000), 1.0), **bad)


def test_a_long_series_becomes_a_spectrum_with_errors_in_two_seconds():
    rng = np.random.default_rng(0).normal(size=(100_000, 3, 3))
    alpha = lfilter([1], [1, -1.8, 0.95], rng + rng.swapaxes(1, 2), axis=0)
    start, cpu = time.perf_counter(), time.process_time()
    s = raman_spectrum(alpha, 1.0)
    assert np.isfinite(s.error("vv")).all() and np.isfinite(s.vv).all()
    peaks(s)
    spent = min(time.perf_counter() - start, time.process_time() - cpu)
    assert spent < 2


def test_memory_grows_no_faster_than_the_series():
    import tracemalloc

    used = []
    for n in (25_000, 100_000):
        alpha = walk((n,))
        tracemalloc.start()
        quiet(alpha, 1.0)
        used.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert used[1] < 5 * used[0] and used[1] < 10 * alpha.nbytes


def test_importing_spectra_imports_no_plotting():
    import subprocess
    import sys

    heavy = ("plotly", "ipywidgets", "pyscf", "sklearn")
    code = f"import sys, bpm_nb, bpm_nb.spectra; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ,
        cwd=os.path.dirname(os.path.dirname(__file__)),
    )
    assert out.stdout.strip() == "[]", out.stdout + out.stderr
