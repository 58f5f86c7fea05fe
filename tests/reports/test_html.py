"""Figures show the numbers they are given, and a page needs no network."""

import html.parser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bpm_nb import plots
from bpm_nb.assignment.lines import match_bands, match_bands_by_motion
from bpm_nb.assignment.mixtures import marker_bands
from bpm_nb.assignment.shares import bond_shares
from bpm_nb.core.files import InputError
from bpm_nb.core.units import C_CM_FS
from bpm_nb.reports import html as pages
from bpm_nb.reports import tables
from bpm_nb.spectra.bands import Peak, peaks
from bpm_nb.spectra.raman import instrument_intensity, raman_spectrum

RNG = np.random.default_rng(0)
REFERENCE = RNG.normal(50, 3, (40, 3))
PREDICTED = REFERENCE + RNG.normal(0, 0.1, (40, 3))


@pytest.fixture(scope="module")
def s():
    rng, t, alpha = np.random.default_rng(0), 2.0 * np.arange(5000), np.zeros((6, 5000, 3, 3))
    for nu, tensor in ((500, np.eye(3)), (1500, np.diag([1, 1, 1.6])), (3000, np.diag([1, -1, 0]))):
        amplitude, phase = rng.rayleigh(300 / nu, (6, 1)), rng.uniform(0, 2 * np.pi, (6, 1))
        alpha += (amplitude * np.cos(2 * np.pi * C_CM_FS * nu * t + phase))[..., None, None] * tensor
    return raman_spectrum(alpha, 2.0)


class Tags(html.parser.HTMLParser):
    "All tags with their attributes, and the text outside scripts and styles."

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.inside = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside = tag if tag in ("script", "style") else self.inside

    def handle_endtag(self, tag):
        self.inside = None if tag == self.inside else self.inside

    def handle_data(self, data):
        self.text += [] if self.inside else [data]


# ---- parity


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


# ---- spectrum


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


def test_a_spectrum_without_activity_can_be_drawn():
    s = raman_spectrum(np.tile(np.eye(3), (8000, 1, 1)), 1.0)
    pages.page("nothing", [(None, plots.spectrum(s, peaks(s)), tables.peak_rows(peaks(s)))])


# ---- tables


@pytest.mark.parametrize(
    "value,error,text",
    [
        (1601.7312, 0.234, "1601.7 ± 0.2"),
        (1601.7312, 0.134, "1601.73 ± 0.13"),
        (1234.6, 30, "1235 ± 30"),
        (0.7, 0.0099, "0.700 ± 0.010"),
        (5.04, np.nan, "5.04"),
        (np.nan, np.nan, "–"),
        (5.04, 0, "5.04"),
        (-0.5, 0.03, "-0.50 ± 0.03"),
        (2.0, 0.196, "2.0 ± 0.2"),
    ],
)
def test_a_value_is_shown_to_the_digit_of_its_error(value, error, text):
    assert plots.with_error(value, error) == text


def test_peak_rows_give_the_numbers_of_the_peaks(s):
    found = peaks(s)
    rows = tables.peak_rows(found, 2)
    assert (
        len(rows) == 2
        and rows[0]["relative area"].startswith("1.0")
        and rows[0]["wavenumber (cm⁻¹)"].startswith(f"{found[0].wavenumber_cm1:.0f}"[:3])
    )
    assert tables.peak_rows([]) == []


# ---- the page


@pytest.fixture(scope="module")
def page(s):
    figures = [plots.parity(REFERENCE, PREDICTED, title="iso"), plots.parity(REFERENCE, PREDICTED, title="aniso")]
    return pages.page(
        "Raman <of> malonaldehyde & co",
        [
            (None, "One paragraph with 5 < 6 & 'quotes'."),
            (
                "How good?",
                figures,
                [
                    {"quantity": "iso", "RMSE": 0.0312345, "n": 100, "note": "<b>"},
                    {"quantity": "β", "RMSE": np.float64(np.nan)},
                ],
            ),
            ("Spectrum", plots.spectrum(s, peaks(s)), tables.peak_rows(peaks(s))),
        ],
    )


def test_the_page_refers_to_nothing_outside(page):
    tags = Tags(page).tags
    assert not [(t, a) for t, a in tags if {"src", "href", "srcset", "data", "action", "poster"} & set(a)]
    assert not [t for t, _ in tags if t in ("link", "iframe", "object", "embed", "base", "img")]
    assert not re.search(r"@import|url\(", "".join(re.findall(r"<style>.*?</style>", page, re.S)))
    policy = next(a["content"] for t, a in tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'") and "http" not in policy and "*" not in policy


def test_the_drawing_library_is_inside_once(page):
    from plotly.offline import get_plotlyjs

    assert page.count(get_plotlyjs()) == 1
    assert (
        len(re.findall(r'class="plotly-graph-div"', page)) == 3
        and [f'id="figure-{k}"' in page for k in (1, 2, 3)] == [True] * 3
    )
    assert len(page) < 6e6


def test_the_page_shows_the_words_and_numbers_it_was_given(page):
    text = " ".join(Tags(page).text)
    for shown in ("Raman <of> malonaldehyde & co", "5 < 6 & 'quotes'", "How good?", "0.03123", "100", "<b>", "β", "–"):
        assert shown in text
    assert "<b>" not in page.split("</head>")[1].split("<script>")[0]
    cells = re.findall(r"<td>(.*?)</td>", page)
    assert "0.03123" in cells and "100" in cells


def test_the_page_is_the_same_each_time(s):
    a, b = (pages.page("x", [("y", plots.spectrum(s))]) for _ in range(2))
    assert a == b


def test_an_unknown_block_is_refused():
    with pytest.raises(InputError, match="figure"):
        pages.page("x", [("y", [1, 2])])


def test_importing_the_package_imports_no_plotting():
    out = subprocess.run(
        [sys.executable, "-c", "import sys, bpm_nb; print('plotly' in sys.modules)"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ,
    )
    assert out.stdout.strip() == "False", out.stderr


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


@pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine")
def test_a_browser_draws_every_figure_without_a_network(page, tmp_path):
    file = tmp_path / "page.html"
    file.write_text(page)
    out = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={tmp_path}/profile",
            "--virtual-time-budget=10000",
            "--dump-dom",
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout
    assert len(re.findall(r'class="main-svg"[^>]*style="background', out)) >= 3 or out.count('class="main-svg"') >= 6
    assert "RMSE" in out and "depolarization" not in "".join(re.findall(r"<td>(.*?)</td>", out))


# ---- assignment


@pytest.fixture(scope="module")
def two(s):
    rng, t = np.random.default_rng(1), 2.0 * np.arange(5000)
    q = [
        sum(
            rng.rayleigh(300 / nu, (6, 1)) * np.cos(2 * np.pi * C_CM_FS * nu * t + rng.uniform(0, 6, (6, 1)))
            for nu in lines
        )
        for lines in ((700, 1500), (1500, 2900))
    ]
    return np.stack([x[..., None, None] * np.diag([1, 1, 1.5]) for x in q], 2)


def test_shares_show_every_bond_on_one_scale(two):
    found, names = bond_shares(two, 2.0), ["first", "second"]
    fig = plots.shares(found, names, range_cm1=(300, 3300))
    heat = next(trace for trace in fig.data if trace.type == "heatmap")
    assert sorted(heat.y) == sorted(names) and abs(heat.zmin) == heat.zmax >= abs(heat.z).max() - 1e-12
    np.testing.assert_allclose(heat.customdata.sum(0), fig.data[0].y, atol=1e-12)
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


def test_lines_show_what_was_found_and_what_was_not(s):
    match = match_bands(peaks(s), [495, 1000, 1490, 2985], 40, 1.0)
    fig = plots.lines(s, match, [1, 2, 3, 4], "a title")
    drawn = {t.name: t for t in fig.data if t.name}
    assert set(drawn["line with a band"].x) - {None} == {495, 1490, 2985} and set(drawn["line without a band"].x) - {
        None
    } == {1000}
    assert not len(drawn["band without a line"].x) and not any(
        "common factor" in a.text for a in fig.layout.annotations
    )
    fitted = plots.lines(s, match_bands(peaks(s), [480, 1450, 2900]))
    assert any("common factor 1.03" in a.text for a in fitted.layout.annotations)
    rows = tables.match_rows(match)
    assert (
        [r["line (cm⁻¹)"] for r in rows] == ["495", "1490", "2985", "1000"]
        and rows[-1]["band (cm⁻¹)"] == "–"
        and rows[0]["shift"].startswith("+")
    )


def test_a_comparison_shades_the_markers(s, two):
    other = raman_spectrum(two.sum(2), 2.0)
    markers = marker_bands(s, other, significance=1.0)
    fig = plots.comparison(s, other, ("one", "two"), markers, range_cm1=(0, 3300))
    assert len([shape for shape in fig.layout.shapes if shape.type == "rect"]) == 2 * len(markers) > 0
    assert {t.name for t in fig.data if t.name} == {"one", "two"} and "one − two" in fig.layout.yaxis2.title.text
    assert len(tables.marker_rows(markers, ("one", "two"))) == len(markers) and tables.marker_rows([]) == []


def test_the_models_error_is_drawn_apart(s):
    fig = plots.spectrum(s, range_cm1=(0, 3500), model_error=0.1 * s.natural)
    dotted = [t for t in fig.data if t.line.dash == "dot"]
    whole = next(t for t in fig.data if t.name == "natural light, 90°")
    np.testing.assert_allclose(dotted[0].y, 1.1 * whole.y)
    np.testing.assert_allclose(dotted[1].y, 0.9 * whole.y)


@pytest.mark.parametrize(
    "draw",
    [
        lambda s: plots.lines(s, match_bands([], [])),
        lambda s: plots.comparison(s, s),
        lambda s: plots.stacked({"only": s}),
    ],
)
def test_figures_of_little_are_figures(s, draw):
    pages.page("little", [(None, draw(s))])


def test_other_figures_refuse_an_empty_range_too(s, two):
    for draw in (
        lambda r: plots.lines(s, match_bands([], []), range_cm1=r),
        lambda r: plots.comparison(s, s, range_cm1=r),
        lambda r: plots.stacked({"x": s}, range_cm1=r),
        lambda r: plots.shares(bond_shares(two, 2.0), "ab", range_cm1=r),
    ):
        with pytest.raises(InputError, match="another range"):
            draw((1000.1, 1000.2))
