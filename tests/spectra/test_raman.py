"""Spectra against analytic answers, slow sums, invariances, statistics, and bad input."""

import json
import os
import time
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from bpm_nb.core.files import InputError
from bpm_nb.core.tensors import anisotropic_components, mean_polarizability
from bpm_nb.core.units import C_CM_FS
from bpm_nb.spectra.bands import block_scatter, peaks
from bpm_nb.spectra.blocks import shortest_block_ps
from bpm_nb.spectra.density import DERIVATIVES, NON_NEGATIVE, WINDOWS
from bpm_nb.spectra.files import write_csv
from bpm_nb.spectra.raman import instrument_intensity, parseval_ratios, placzek_activity, raman_spectrum
from bpm_nb.spectra.sampling import verlet_corrected
from bpm_nb.spectra.spectrum import GEOMETRIES, depolarization, geometry_weights

SYMMETRIC, TRACELESS, MIXED = np.eye(3), np.array([[0, 1.0, 0], [1, 0, 0], [0, 0, 0]]), np.diag([1.0, 1, 1.5])


def omega(nu):
    return 2 * np.pi * C_CM_FS * nu


def oscillator(nu, tensor, n=40_000, dt=1.0, amplitude=1.0, phase=0.3):
    return amplitude * np.cos(omega(nu) * dt * np.arange(n) + phase)[:, None, None] * tensor + np.diag([40.0, 50, 60])


def langevin(nu, width, tensor, n=5000, segments=8, dt=2.0, seed=0):
    "Damped oscillators driven by noise, sampled exactly, with ⟨q²⟩ = 1; the friction is 2πc·width."
    rng, friction = np.random.default_rng(seed), 2 * np.pi * C_CM_FS * width
    drift = np.array([[0, 1], [-(omega(nu) ** 2), -friction]])
    values, vectors = np.linalg.eig(drift)
    step = (vectors * np.exp(values * dt) @ np.linalg.inv(vectors)).real
    equilibrium = np.diag([1, omega(nu) ** 2])
    kick = np.linalg.cholesky(equilibrium - step @ equilibrium @ step.T)
    state, q = rng.normal(size=(segments, 2)) * np.sqrt(np.diag(equilibrium)), np.empty((segments, n))
    noise = rng.normal(size=(n, segments, 2)) @ kick.T
    for t in range(n):
        q[:, t] = state[:, 0]
        state = state @ step.T + noise[t]
    return q[..., None, None] * tensor


def walk(shape, seed=0):
    x = np.random.default_rng(seed).normal(size=(*shape, 3, 3))
    return np.cumsum(x + x.swapaxes(-1, -2), axis=-3)


def quiet(*args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return raman_spectrum(*args, **kwargs)


def area(s, curve):
    return np.trapezoid(curve, s.wavenumber_cm1)


# ---- analytic answers


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


@pytest.mark.parametrize("blocks", [1, 2, 5, 7])
def test_the_line_does_not_depend_on_the_length_of_the_blocks(blocks):
    alpha = oscillator(1500, MIXED, 100_003)
    one, cut = raman_spectrum(alpha, 1.0, n_blocks=1), raman_spectrum(alpha, 1.0, n_blocks=blocks)
    assert cut.isotropic_blocks.shape[0] == blocks
    np.testing.assert_allclose(cut.isotropic.max(), one.isotropic.max(), rtol=0.06)
    np.testing.assert_allclose(area(cut, cut.natural), area(one, one.natural), rtol=1e-3)


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


def test_totally_symmetric_motion_of_an_isotropic_tensor_is_polarized():
    s = raman_spectrum(langevin(900, 10, SYMMETRIC), 2.0)
    assert peaks(s)[0].depolarization_ratio < 1e-12 and np.nanmax(s.depolarization_ratio) < 1e-12


def test_traceless_motion_has_a_depolarization_ratio_of_three_quarters():
    s = raman_spectrum(langevin(900, 10, TRACELESS), 2.0)
    np.testing.assert_allclose(peaks(s)[0].depolarization_ratio, 0.75, rtol=1e-12)
    given = np.isfinite(s.depolarization_ratio)
    np.testing.assert_allclose(s.depolarization_ratio[given], 0.75, rtol=1e-9)
    np.testing.assert_allclose(s.depolarization_error[given], 0, atol=1e-9)


def test_a_mixed_motion_has_the_ratio_of_its_tensor():
    a, g2 = np.trace(MIXED) / 3, 0.5**2
    p = peaks(raman_spectrum(langevin(900, 10, MIXED), 2.0))[0]
    np.testing.assert_allclose(p.depolarization_ratio, 3 * g2 / (45 * a**2 + 4 * g2), rtol=1e-9)


# ---- conventions


def test_anisotropy_is_the_textbook_expression():
    a = walk((1,))[0]
    textbook = 0.5 * ((a[0, 0] - a[1, 1]) ** 2 + (a[1, 1] - a[2, 2]) ** 2 + (a[2, 2] - a[0, 0]) ** 2) + 3 * (
        a[0, 1] ** 2 + a[1, 2] ** 2 + a[0, 2] ** 2
    )
    np.testing.assert_allclose((anisotropic_components(a) ** 2).sum(), textbook)


def test_geometries_are_the_averages_over_all_orientations():
    rng, a = np.random.default_rng(0), walk((1,), 3)[0]
    q = np.linalg.qr(rng.normal(size=(200_000, 3, 3)))[0]
    turned = q @ a @ q.swapaxes(1, 2)
    a2, g2 = mean_polarizability(a) ** 2, (anisotropic_components(a) ** 2).sum()
    for geometry, elements in {"vv": [(2, 2)], "vh": [(2, 0)], "natural": [(2, 2), (2, 0)]}.items():
        weights = geometry_weights(geometry)
        average = sum((turned[:, i, j] ** 2).mean() for i, j in elements)
        np.testing.assert_allclose(weights[0] * a2 + weights[1] * g2, average, rtol=0.02)


def test_named_curves_are_the_stated_combinations():
    s = quiet(walk((2, 4000)), 1.0, 20.0)
    a, g = s.isotropic, s.anisotropic
    np.testing.assert_allclose(s.vv, (45 * a + 4 * g) / 45)
    np.testing.assert_allclose(s.vh, 3 * g / 45)
    np.testing.assert_allclose(s.natural, (45 * a + 7 * g) / 45)
    np.testing.assert_allclose(s.natural, s.vv + s.vh)
    np.testing.assert_allclose(s.analyser(30), 0.75 * s.vv + 0.25 * s.vh)
    np.testing.assert_allclose(s.curve("X(ZZ)Y"), s.vv)
    np.testing.assert_allclose(s.curve("-z(xy)z"), s.vh)
    rho = depolarization(s, floor=0, max_error=np.inf)[0]
    np.testing.assert_allclose(rho, 3 * g / (45 * a + 4 * g))
    assert np.nanmax(rho) <= 0.75 + 1e-12


def test_placzek_activity_of_a_harmonic_molecule():
    "Thermal amplitudes kT/ω² of two modes: area over kT is a'², whatever the frequency and the temperature."
    for nu, kelvin in ((500, 100.0), (2900, 300.0)):
        kT = 1.380649e-23 * kelvin / (1.66053906660e-27 * 1e10)
        slope = 1.7 / 0.529177210903**3  # 1.7 Å² u^-1/2 as bohr³ Å⁻¹ u^-1/2
        s = raman_spectrum(oscillator(nu, slope * SYMMETRIC, 60_000, 1.0, amplitude=np.sqrt(2 * kT) / omega(nu)), 1.0)
        np.testing.assert_allclose(placzek_activity(area(s, s.isotropic), kelvin), 1.7**2, rtol=2e-3)


# ---- oracles


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


def test_blocks_of_a_run_are_the_spectra_of_its_pieces():
    alpha = walk((3001,))
    cut = quiet(alpha, 1.0, 40.0, n_blocks=3)
    pieces = quiet(np.array([alpha[k * 1000 : (k + 1) * 1000 + 1] for k in range(3)]), 1.0, 40.0, n_blocks=1)
    np.testing.assert_allclose(cut.isotropic_blocks, pieces.isotropic_blocks)
    np.testing.assert_allclose(cut.anisotropic_blocks, pieces.anisotropic_blocks)


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


# ---- invariances


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


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(NON_NEGATIVE))
def test_the_transform_of_a_window_hides_no_negative_value_behind_the_clip(seed, window):
    from bpm_nb.spectra.density import correlation, cosine_transform, window_fs

    x = np.random.default_rng(seed).normal(size=(1, 500))
    width = window_fs(window, 150.0, 500, 1.0)
    s = cosine_transform(correlation(x) * WINDOWS[window](np.arange(500) / width), 1.0, 4096)
    assert s.min() > -1e-12 * s.max()


# ---- errors


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


def test_the_error_of_the_depolarization_ratio_is_its_scatter():
    "Two degenerate, independent motions, so that the ratio fluctuates."
    runs = [
        raman_spectrum(
            langevin(900, 15, SYMMETRIC, n=4000, segments=16, seed=k)
            + langevin(900, 15, TRACELESS, n=4000, segments=16, seed=1000 + k),
            2.0,
        )
        for k in range(60)
    ]
    k = abs(runs[0].wavenumber_cm1 - 900).argmin()
    values = np.array([[v[k] for v in depolarization(r, max_error=np.inf)] for r in runs])
    assert 0.7 < np.sqrt((values[:, 1] ** 2).mean()) / values[:, 0].std(ddof=1) < 1.4


def test_a_single_block_has_no_error_and_says_so_with_nan():
    s = raman_spectrum(oscillator(900, MIXED, 8000), 1.0)
    assert len(s.isotropic_blocks) == 1 and np.isnan(s.error()).all()
    assert np.isnan(peaks(s)[0].area_error) and np.isfinite(np.nanmax(s.depolarization_ratio))


def test_the_ratio_is_masked_where_there_is_only_noise():
    rng = np.random.default_rng(0).normal(size=(8, 5000, 3, 3)) * 1e-4
    s = raman_spectrum(langevin(900, 5, MIXED) + rng + rng.swapaxes(2, 3), 2.0)
    assert np.isnan(s.depolarization_ratio[abs(s.wavenumber_cm1 - 2000) < 500]).all()
    assert np.isfinite(s.depolarization_ratio[abs(s.wavenumber_cm1 - 900).argmin()])


# ---- peaks


def test_the_areas_of_all_peaks_add_up_to_the_area_of_the_spectrum():
    s = raman_spectrum(
        langevin(500, 10, MIXED) + langevin(1500, 20, TRACELESS, seed=1) + langevin(3000, 10, SYMMETRIC, seed=2), 2.0
    )
    found = peaks(s, range_cm1=(0, 8000))
    keep = s.wavenumber_cm1 <= 8000
    assert [p.area for p in found] == sorted((p.area for p in found), reverse=True)
    np.testing.assert_allclose(
        sum(p.area for p in found), np.trapezoid(s.natural[keep], s.wavenumber_cm1[keep]), rtol=1e-12
    )


@pytest.mark.parametrize("width,crowd", [(5, 1.01), (15, 1.2), (60, 2.5)])
def test_noise_in_a_broad_band_is_not_a_crowd_of_peaks(width, crowd):
    found = [len(peaks(raman_spectrum(langevin(1200, width, MIXED, seed=k), 2.0))) for k in range(10)]
    assert min(found) >= 1 and np.mean(found) < crowd


@pytest.mark.parametrize("blocks", [1, 4])
def test_a_single_run_of_noise_is_not_a_crowd_of_peaks_either(blocks):
    found = [
        len(peaks(raman_spectrum(langevin(1200, 60, MIXED, n=20_000, segments=1, seed=k), 2.0, n_blocks=blocks)))
        for k in range(8)
    ]
    assert min(found) >= 1 and np.mean(found) < 3


@pytest.mark.parametrize("window", NON_NEGATIVE)
def test_the_scatter_of_blocks_is_the_expected_one(window):
    s = raman_spectrum(langevin(1200, 200, SYMMETRIC, segments=200), 2.0, 8.0, window, n_blocks=1)
    near = abs(s.wavenumber_cm1 - 1200) < 60
    seen = s.isotropic_blocks[:, near].std(0) / s.isotropic[near]
    np.testing.assert_allclose(np.sqrt((seen**2).mean()), block_scatter(s), rtol=0.07)


def test_close_lines_are_two_when_the_resolution_allows():
    alpha = oscillator(1000, SYMMETRIC, 80_000) + oscillator(1012, SYMMETRIC, 80_000)
    assert [
        round(p.wavenumber_cm1) for p in sorted(peaks(raman_spectrum(alpha, 1.0, 4.0)), key=lambda p: p.wavenumber_cm1)
    ] == [1000, 1012]
    assert len(peaks(raman_spectrum(alpha, 1.0, 20.0))) == 1


def test_a_spectrum_without_motion_has_no_peaks():
    s = raman_spectrum(np.tile(np.diag([40.0, 50, 60]), (8000, 1, 1)), 1.0)
    assert not s.natural.any() and peaks(s) == [] and np.isnan(s.depolarization_ratio).all()


# ---- intensity


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


# ---- bad input

GOOD = oscillator(900, MIXED, 8000)


def spoiled(index, value):
    alpha = np.array([GOOD, GOOD])
    alpha[index] = value
    return alpha


@pytest.mark.parametrize(
    "alpha,message",
    [
        (spoiled((1, 17, 0, 0), np.nan), "segment 1, frame 17.*not finite"),
        (spoiled((0, 3), np.inf), "segment 0, frame 3.*not finite"),
        (spoiled((1, 5, 0, 1), 3.0), "segment 1, frame 5.*not symmetric"),
        (spoiled((slice(None), slice(None), 0, 1), 3.0)[0], "frame 0 .*not symmetric"),
        (GOOD[:, :2], "shape"),
        (GOOD.reshape(-1, 9), "shape"),
        (GOOD[:0], "shape"),
        (np.zeros((2, 0, 3, 3)), "shape"),
        (5.0, "shape"),
        ([GOOD, GOOD[:-1]], "real numbers"),
        (GOOD * 1j, "real numbers|not finite|shape"),
        ("text", "real numbers"),
        (None, "shape|real numbers"),
    ],
)
def test_bad_polarizabilities_are_refused_with_their_place(alpha, message):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match=message):
            raman_spectrum(alpha, 1.0)


@pytest.mark.parametrize(
    "options,message",
    [
        (dict(dt_fs=0), "dt_fs"),
        (dict(dt_fs=-1), "dt_fs"),
        (dict(dt_fs=float("nan")), "dt_fs"),
        (dict(dt_fs=float("inf")), "dt_fs"),
        (dict(dt_fs="1"), "dt_fs"),
        (dict(dt_fs=None), "dt_fs"),
        (dict(resolution_cm1=0), "resolution_cm1"),
        (dict(resolution_cm1=[5]), "resolution_cm1"),
        (dict(points=0), "points"),
        (dict(window="boxcar"), "gaussian"),
        (dict(derivative="backward"), "midpoint"),
        (dict(n_blocks=0), "n_blocks"),
        (dict(n_blocks=1.5), "n_blocks"),
    ],
)
def test_bad_options_are_refused_by_name(options, message):
    with pytest.raises(InputError, match=message):
        raman_spectrum(GOOD, **dict(dt_fs=1.0) | options)


@pytest.mark.parametrize("n", [1, 2, 100, 6000])
def test_a_short_run_is_told_the_length_needed_and_the_resolution_possible(n):
    with pytest.raises(InputError, match="6.67 ps a block") as caught:
        raman_spectrum(GOOD[:n], 1.0)
    if n > 2:
        possible = float(str(caught.value).split("the resolution to ")[1].split()[0])
        quiet(GOOD[:n], 1.0, possible)
        with pytest.raises(InputError):
            quiet(GOOD[:n], 1.0, possible - 0.11)


def test_the_shortest_run_works_for_every_window():
    n = int(np.ceil(shortest_block_ps(5.0) * 1000)) + 2
    for window in WINDOWS:
        assert np.isfinite(raman_spectrum(GOOD[:n], 1.0, window=window).natural).all()


def test_frames_too_far_apart_are_a_warning_with_a_remedy():
    with pytest.warns(UserWarning, match="every 5 fs are too far apart.*every 2.5 fs"):
        raman_spectrum(langevin(3200, 20, MIXED, dt=5.0), 5.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        raman_spectrum(langevin(3200, 20, MIXED, dt=2.0), 2.0)


@pytest.mark.parametrize("geometry", ["hv", "X(XZ)Y", "X(ZZ)Z", "Z(XX", None])
def test_an_unknown_geometry_is_refused(geometry):
    with pytest.raises(InputError):
        geometry_weights(geometry)


def test_a_range_without_points_is_refused():
    s = raman_spectrum(GOOD, 1.0)
    with pytest.raises(InputError, match="wider"):
        peaks(s, range_cm1=(100, 101))


# ---- the time step


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


# ---- files


def test_csv_holds_the_curves_and_all_settings(tmp_path):
    alpha, path = langevin(900, 10, MIXED), tmp_path / "raman.csv"
    s = raman_spectrum(alpha, 2.0, 8.0, "parzen", n_blocks=1)
    write_csv(s, path, notes=dict(molecule="malonaldehyde", frames=5))
    lines = path.read_text().splitlines()
    stated = json.loads(lines[1].removeprefix("# settings "))
    assert stated == s.settings and json.loads(lines[2].removeprefix("# notes "))["molecule"] == "malonaldehyde"
    table = np.genfromtxt(path, delimiter=",", names=True, skip_header=3)
    for name in ("isotropic", "anisotropic_error", "vv", "vh", "natural", "depolarization_ratio"):
        np.testing.assert_allclose(table[name], getattr(s, name), rtol=1e-6)
    again = raman_spectrum(
        alpha, **{k: stated[k] for k in ("dt_fs", "resolution_cm1", "window", "n_blocks", "points", "derivative")}
    )
    np.testing.assert_array_equal(again.natural, s.natural)


@pytest.mark.parametrize("place", ["no/such/folder/raman.csv", "."])
def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path, place):
    s = raman_spectrum(GOOD, 1.0)
    with pytest.raises(InputError, match="cannot be written"):
        write_csv(s, tmp_path / place)


# ---- cost


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

    code = "import sys, bpm_nb, bpm_nb.spectra; print([m for m in ('plotly', 'ipywidgets', 'pyscf', 'sklearn') if m in sys.modules])"
    out = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ,
        cwd=os.path.dirname(os.path.dirname(__file__)),
    )
    assert out.stdout.strip() == "[]", out.stdout + out.stderr
