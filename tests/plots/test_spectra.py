"Figures of spectra show the numbers they are given."

import re

import numpy as np
import pytest
from synthetic import three_lines

from bpm_nb import plots
from bpm_nb.core.files import InputError
from bpm_nb.core.units import C_CM_FS
from bpm_nb.spectra.bands import Peak, peaks
from bpm_nb.spectra.raman import instrument_intensity, raman_spectrum

RNG = np.random.default_rng(0)
REFERENCE = RNG.normal(50, 3, (40, 3))
PREDICTED = REFERENCE + RNG.normal(0, 0.1, (40, 3))


@pytest.fixture(scope="module")
def s():
    return raman_spectrum(three_lines(), 2.0)


def test_parity_shows_every_value_and_the_error(tmp_path):
    fig = plots.parity(REFERENCE, PREDICTED, "Å³", "nine elements")
    points = fig.data[1]
    np.testing.assert_array_equal(points.x, REFERENCE.ravel())
    np.testing.assert_array_equal(points.y, PREDICTED.ravel())
    rmse = np.sqrt(np.mean((PREDICTED - REFERENCE) ** 2))
    text = fig.layout.annotations[0].text
    assert f"RMSE {rmse:.3g} Å³" in text and "120 values" in text
    assert fig.layout.title.text == "nine elements" and "Å³" in fig.layout.xaxis.title.text
    assert fig.layout.xaxis.range == fig.layout.yaxis.range
    assert (
        fig.layout.xaxis.range[0] < min(REFERENCE.min(), PREDICTED.min())
        and fig.layout.xaxis.range[1] > REFERENCE.max()
    )


def test_parity_draws_error_bars():
    fig = plots.parity(REFERENCE, PREDICTED, error=np.full_like(REFERENCE, 0.1))
    np.testing.assert_array_equal(fig.data[1].error_y.array, 0.1)


@pytest.mark.parametrize("x, y", [([5.0], [5.1]), ([5.0, 5.0], [5.0, 5.0])])
def test_parity_of_a_single_or_constant_value_has_axes(x, y):
    low, high = plots.parity(x, y).layout.xaxis.range
    assert low < 5 < high


@pytest.mark.parametrize(
    "x,y", [(np.zeros(3), np.zeros(2)), (np.zeros(0), np.zeros(0)), (np.zeros((2, 3)), np.zeros((3, 2)))]
)
def test_parity_refuses_what_does_not_match(x, y):
    with pytest.raises(InputError, match="one prediction for each reference"):
        plots.parity(x, y)


def test_spectrum_shows_the_curves_the_ratio_and_the_labels(s):
    found = peaks(s)
    fig = plots.spectrum(s, found, "title", range_cm1=(200, 3500))
    lines = {t.name: t for t in fig.data if t.name}
    keep = (s.wavenumber_cm1 >= 200) & (s.wavenumber_cm1 <= 3500)
    scale = s.natural[keep].max()
    np.testing.assert_allclose(lines["natural light, 90°"].y, s.natural[keep] / scale)
    np.testing.assert_allclose(lines["anisotropic part"].y, 7 / 45 * s.anisotropic[keep] / scale)
    np.testing.assert_array_equal(lines["depolarization ratio ρ"].y, s.depolarization_ratio[keep])
    assert [a.text for a in fig.layout.annotations] == [
        f"{p.wavenumber_cm1:.0f}" for p in sorted(found, key=lambda p: -p.height)
    ]
    assert len(found) == 3 and fig.layout.xaxis.matches == "x2"
    mantissa, power = re.search(r"/ ([\d.]+)·10(\S+) bohr", fig.layout.yaxis.title.text).groups()
    power = int(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")))
    np.testing.assert_allclose(float(mantissa) * 10.0**power, scale, rtol=0.01)


@pytest.mark.parametrize("geometry,name", [("vv", "vv"), ("vh", "vh"), (30, "analyser at 30°"), ("X(ZX)Y", "X(ZX)Y")])
def test_spectrum_in_other_geometries(s, geometry, name):
    fig = plots.spectrum(s, geometry=geometry)
    whole = next(t for t in fig.data if t.name == name)
    np.testing.assert_allclose(
        whole.y,
        np.interp(whole.x, s.wavenumber_cm1, s.curve(geometry))
        / max(s.curve(geometry)[s.wavenumber_cm1 <= fig.layout.xaxis.range[1]]),
    )


def test_error_bands_are_one_standard_error_wide(s):
    fig = plots.spectrum(s, range_cm1=(1400, 1600))
    band, line = fig.data[0], fig.data[1]
    n = len(line.x)
    keep = np.isin(s.wavenumber_cm1, line.x)
    np.testing.assert_allclose(
        np.array(band.y[:n], float) - line.y, s.error("natural")[keep] / s.natural[keep].max(), atol=1e-12
    )


def test_a_single_block_is_drawn_without_bands():
    t = np.arange(8000)
    s = raman_spectrum(np.cos(2 * np.pi * C_CM_FS * 900 * t)[:, None, None] * np.diag([1, 1, 2.0]), 1.0)
    fig = plots.spectrum(s, peaks(s))
    assert all(trace.fill is None for trace in fig.data) and len(fig.data) == 4


def test_an_intensity_is_called_an_intensity(s):
    i = instrument_intensity(s)
    assert (
        "intensity" in plots.spectrum(i).layout.yaxis.title.text
        and "activity" in plots.spectrum(s).layout.yaxis.title.text
    )


def test_labels_do_not_overlap_and_the_higher_stays(s):
    def peak(nu, height):
        return Peak(nu, 1.0, height * s.natural.max(), 1.0, 5.0, 1.0, 1.0, 1.0, 0.1, 0.01)

    fig = plots.spectrum(s, [peak(1000, 0.5), peak(1010, 0.9), peak(2000, 0.2)], range_cm1=(0, 3500))
    assert [a.text for a in fig.layout.annotations] == ["1010", "2000"]


def test_spectrum_refuses_an_empty_range(s):
    with pytest.raises(InputError, match="another range"):
        plots.spectrum(s, range_cm1=(1000.1, 1000.2))


def test_the_models_error_is_drawn_apart(s):
    fig = plots.spectrum(s, range_cm1=(0, 3500), model_error=0.1 * s.natural)
    dotted = [t for t in fig.data if t.line.dash == "dot"]
    whole = next(t for t in fig.data if t.name == "natural light, 90°")
    np.testing.assert_allclose(dotted[0].y, 1.1 * whole.y)
    np.testing.assert_allclose(dotted[1].y, 0.9 * whole.y)
