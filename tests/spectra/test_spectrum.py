"Geometries, ratios and errors against averages over orientations and against repeated runs."

import numpy as np
import pytest
from oscillators import MIXED, SYMMETRIC, TRACELESS, langevin, omega, oscillator, quiet, walk

from bpm_nb.core.files import InputError
from bpm_nb.core.tensors import anisotropic_components, mean_polarizability
from bpm_nb.spectra.bands import peaks
from bpm_nb.spectra.infrared import ir_spectrum
from bpm_nb.spectra.raman import instrument_intensity, raman_spectrum
from bpm_nb.spectra.spectrum import Spectrum, depolarization, geometry_weights, model_error


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


@pytest.mark.parametrize("geometry", ["hv", "X(XZ)Y", "X(ZZ)Z", "Z(XX", None])
def test_an_unknown_geometry_is_refused(geometry):
    with pytest.raises(InputError):
        geometry_weights(geometry)


def test_the_models_own_error_needs_a_committee():
    t = np.arange(8000)
    s = [raman_spectrum(np.cos(omega(900) * t)[:, None, None] * np.diag([1, 2, 3.0]) * x, 1.0) for x in (1.0, 1.1, 0.9)]
    expected = np.sqrt(2 * np.var([1.0, 1.21, 0.81])) * s[0].vv
    np.testing.assert_allclose(model_error(s, "vv"), expected, atol=1e-9 * expected.max())
    with pytest.raises(InputError, match="one spectrum"):
        model_error(s[:1])


def test_records_show_themselves_in_one_line_and_in_a_small_table():
    s = raman_spectrum(langevin(900, 10, MIXED), 2.0)
    curve = ir_spectrum(langevin(1700, 10, np.ones(3)).reshape(8, -1, 3), 2.0)
    for record, name, band in (
        (s, "Spectrum", 900),
        (instrument_intensity(s), "Intensity", 900),
        (curve, "Curve", 1700),
    ):
        assert repr(record).startswith(f"{name}({record.settings['quantity']}, from ") and "\n" not in repr(record)
        assert "blocks 8" in repr(record) and len(repr(record)) < 200
        strongest = float(repr(record).split("strongest at ")[1].split(",")[0].removesuffix(" cm⁻¹)"))
        assert abs(strongest - band) < 10
        text = record._repr_html_()
        assert text.startswith("<table") and "<svg" in text and "#" not in text and len(text) < 6000


def test_a_record_of_little_shows_itself_too():
    still = raman_spectrum(np.tile(np.eye(3), (8000, 1, 1)), 1.0)
    assert "strongest" not in repr(still) and "<svg" not in still._repr_html_()
    assert repr(Spectrum(np.zeros(0), np.zeros((1, 0)), np.zeros((1, 0)), {})) == "Spectrum(density, blocks 1)"
