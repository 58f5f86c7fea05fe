"""Marker bands and mixtures of two forms against truths that are known, and bad input."""

from dataclasses import replace

import numpy as np
import pytest
from vibrations import form, quiet

from bpm_nb.assignment.mixtures import marker_bands, mixture
from bpm_nb.core.files import InputError
from bpm_nb.core.units import C_CM_FS
from bpm_nb.spectra.raman import raman_spectrum


def test_marker_bands_of_equal_spectra_are_chance_and_rare():
    count = [
        len(marker_bands(*(quiet(form((900, 1500), seed + k), 2.0, 8.0) for k in (0, 1000)))) for seed in range(12)
    ]
    assert np.mean(count) < 0.35


def test_marker_bands_name_what_differs():
    a, b = quiet(form((700, 900, 1500), 1), 2.0, 8.0), quiet(form((900, 1200, 1500), 2), 2.0, 8.0)
    found = marker_bands(a, b)
    assert sorted(round(m.wavenumber_cm1 / 10) * 10 for m in found if abs(m.contrast) > 0.8) == [700, 1200]
    for m in found:
        assert abs(m.significance) >= 3 and m.low_cm1 < m.wavenumber_cm1 < m.high_cm1
        np.testing.assert_allclose(m.difference, m.first - m.second)
    assert [abs(m.difference) for m in found] == sorted((abs(m.difference) for m in found), reverse=True)
    swapped = {round(m.wavenumber_cm1): -m.difference for m in marker_bands(b, a)}
    np.testing.assert_allclose([swapped[round(m.wavenumber_cm1)] for m in found], [m.difference for m in found])


def test_no_marker_lies_beyond_what_one_of_the_spectra_shows():
    "A run saved every 8 fs ends at 2085 cm⁻¹."
    coarse, fine = quiet(form((900,), 1, dt=8.0), 8.0, 8.0), quiet(form((900, 3000), 2), 2.0, 8.0)
    for pair in ((coarse, fine), (fine, coarse)):
        assert all(m.high_cm1 < 2100 for m in marker_bands(*pair))


def test_spectra_of_another_resolution_are_refused():
    a, b = quiet(form((900,), 1), 2.0, 8.0), quiet(form((900,), 1), 2.0, 10.0)
    with pytest.raises(InputError, match="resolution_cm1"):
        marker_bands(a, b)
    with pytest.raises(InputError, match="resolution_cm1"):
        mixture(a, [a, b])


@pytest.mark.parametrize("weights", [(0.2, 0.8), (1.0, 0.0), (3.0, 1.5)])
def test_an_exact_mixture_is_found_whatever_the_axis(weights):
    a, b = quiet(form((700, 1500), 1), 2.0, 8.0), quiet(form((900, 1500), 2), 2.0, 8.0)
    nu = np.arange(100, 3000, 0.25)
    target = sum(w * np.interp(nu, s.wavenumber_cm1, s.natural) for w, s in zip(weights, (a, b)))
    found = mixture((nu, target), [a, b], independent=False)
    np.testing.assert_allclose(found.weights, weights, atol=0.01)
    np.testing.assert_allclose(found.fractions, np.array(weights) / sum(weights), atol=0.01)
    assert (found.weights >= 0).all() and np.isfinite(found.weight_errors).all()
    np.testing.assert_allclose(found.fit, found.target, atol=0.02 * found.target.max())


def test_the_error_of_a_fraction_is_its_scatter():
    "Ten independent triples: the truth lies within the stated errors."
    z, errors = [], []
    for seed in range(10):
        a, b = (quiet(form((nu, 1500), 10 * seed + k, 8), 2.0, 8.0) for k, nu in enumerate((700, 900)))
        blend = quiet(
            form((700, 1500), 10 * seed + 5, 8) * np.sqrt(0.3) + form((900, 1500), 10 * seed + 6, 8) * np.sqrt(0.7),
            2.0,
            8.0,
        )
        found = mixture(blend, [a, b], range_cm1=(500, 1200))
        z.append((found.fractions[0] - 0.3) / found.fraction_errors[0])
        errors.append(found.fraction_errors[0])
    assert 0.4 < np.sqrt(np.mean(np.square(z))) < 2 and max(errors) < 0.2


def test_a_mixture_needs_something_to_fit():
    a = quiet(form((700,), 1), 2.0, 8.0)
    with pytest.raises(InputError, match="wider"):
        mixture(a, [a, a, a], range_cm1=(700, 701))
    with pytest.raises(InputError, match="no mixture"):
        mixture((a.wavenumber_cm1, -a.natural), [a])
    single = raman_spectrum(form((700,), 1)[0], 2.0, 8.0, n_blocks=1)
    assert np.isnan(mixture(single, [single]).weight_errors).all()


def test_a_measured_spectrum_may_come_in_any_order_and_is_checked():
    a = quiet(form((700,), 1), 2.0, 8.0)
    x, y = a.wavenumber_cm1[::-1], 2 * a.natural[::-1]
    np.testing.assert_allclose(mixture((x, y), [a], independent=False).weights, 2)
    for bad, message in (
        ((x, y[1:]), "same length"),
        ((x[:, None], y), "same length"),
        ((x, y * np.nan), "not a finite"),
    ):
        with pytest.raises(InputError, match=message):
            mixture(bad, [a])


def test_a_difference_without_errors_is_refused():
    single = raman_spectrum(form((700,), 1)[0], 2.0, 8.0, n_blocks=1)
    with pytest.raises(InputError, match="several segments"):
        marker_bands(single, single)


def test_noise_of_the_pure_forms_does_not_pull_fractions_together():
    "Sixty fits of short runs with broad bands, each fraction on average: with the noise taken off, and without."
    rng = np.random.default_rng(5)
    tensors = np.array([np.diag(rng.normal(size=3)) for _ in range(10)])
    lines = rng.uniform(400, 1700, 10), rng.uniform(400, 1700, 10)
    lines[1][:5] = lines[0][:5]
    strengths = rng.uniform(0.3, 1.5, (2, 10))

    def form(k, seed, n_frames=1800):
        own = np.random.default_rng(seed)
        phase = np.cumsum(own.normal(size=(4, n_frames, 10)) * 0.06, 1) + own.uniform(0, 6, (4, 1, 10))
        q = (
            strengths[k]
            * own.rayleigh(size=(4, 1, 10))
            * np.cos(2 * np.pi * C_CM_FS * lines[k] * 2.0 * np.arange(n_frames)[:, None] + phase)
            / lines[k]
        )
        return raman_spectrum(np.einsum("gtk,kij->gtij", q, tensors), 2.0, 12.0)

    found = []
    for seed in range(0, 6000, 100):
        pure, blend = [form(k, seed + k) for k in (0, 1)], [form(k, seed + k + 2) for k in (0, 1)]
        target = replace(
            blend[0],
            **{
                name: 0.7 * getattr(blend[0], name) + 0.3 * getattr(blend[1], name)
                for name in ("isotropic_blocks", "anisotropic_blocks")
            },
        )
        found.append(
            [
                mixture(t, pure, range_cm1=(50, 2000), independent=i, n_boot=2).fractions[0]
                for t in (target, blend[0])
                for i in (True, False)
            ]
        )
    mixed, mixed_biased, pure, pure_biased = np.mean(found, 0)
    assert abs(mixed - 0.7) < 0.05 and mixed > mixed_biased + 0.02 and pure > max(0.93, pure_biased + 0.03)


def measured_mixture(fraction, seed, noise=0.02, background=2.0, spikes=3, scale=1.0):
    "A spectrum of two forms on a background with noise and spikes, (wavenumbers, intensities), and the pure forms."
    rng = np.random.default_rng(seed)
    bands = [(450, 700, 1200, 1500), (450, 900, 1350, 1500)]
    pure = [quiet(form(nu, 50 * seed + k, 8, 2000), 2.0, 10.0) for k, nu in enumerate(bands)]
    parts = [quiet(form(nu, 50 * seed + k, 4, 2000), 2.0, 10.0).natural for k, nu in enumerate(bands, 2)]
    x = np.arange(200, 1900, 1.7)
    clean = np.interp(x, pure[0].wavenumber_cm1, fraction * parts[0] + (1 - fraction) * parts[1])
    top = clean.max()
    y = clean + noise * top * rng.normal(size=len(x)) + background * top * np.exp(-((x - 1400) ** 2) / 9e5)
    y[rng.integers(len(x), size=spikes)] += 20 * top
    return (x, scale * y), pure


def test_the_error_of_a_fraction_in_a_measured_spectrum_is_its_scatter():
    "Twenty mixtures: two stated errors hold the truth about nineteen times."
    z, errors = [], []
    for seed, fraction in enumerate(np.linspace(0, 1, 20)):
        target, pure = measured_mixture(fraction, seed)
        found = mixture(target, pure, n_boot=50)
        z.append((found.fractions[0] - fraction) / found.fraction_errors[0])
        errors.append(found.fraction_errors[0])
    assert np.sum(np.abs(z) < 2) >= 18 and 0.4 < np.sqrt(np.mean(np.square(z))) < 1.5 and np.median(errors) < 0.15


def test_background_spikes_and_scale_of_a_measured_spectrum_change_nothing():
    plain, pure = measured_mixture(0.3, 1, background=0, spikes=0)
    expected = mixture(plain, pure)
    for changes in (dict(background=8.0), dict(spikes=5), dict(scale=1e-30), dict(scale=1e9), dict(background=-0.2)):
        found = mixture(measured_mixture(0.3, 1, **(dict(background=0, spikes=0) | changes))[0], pure)
        assert abs(found.fractions[0] - expected.fractions[0]) < 0.3 * expected.fraction_errors[0], changes
        assert found.unexplained < 0.3 and found.fraction_errors[0] < 2 * expected.fraction_errors[0], changes


def test_a_coarse_axis_is_compared_at_its_own_points():
    (x, y), pure = measured_mixture(0.3, 1, noise=0)
    fine, coarse = mixture((x, y), pure), mixture((x[::6], y[::6]), pure)
    np.testing.assert_array_equal(coarse.wavenumber_cm1, x[::6])
    assert abs(coarse.fractions[0] - fine.fractions[0]) < 2 * coarse.fraction_errors[0]


def test_what_is_no_mixture_of_the_forms_is_not_explained():
    (x, y), pure = measured_mixture(0.3, 1)
    assert mixture((x, y), pure).unexplained < 0.3
    lorentzians = sum(36 / ((x - nu) ** 2 + 36) for nu in (560, 620, 1062, 1129, 1295, 1440, 1640))
    for other in (lorentzians, y[::-1], np.random.default_rng(0).normal(size=len(x))):
        try:
            assert mixture((x, other), pure).unexplained > 0.5
        except InputError as e:
            assert "no mixture" in str(e)


def test_a_spectrum_without_overlap_is_refused():
    (x, y), pure = measured_mixture(0.3, 1)
    with pytest.raises(InputError, match="0 points in the range 50 to"):
        mixture((x + 9000, y), pure)
