"A page shows what it was given, and needs no network."

import csv
import html.parser
import re
import shutil
import subprocess
from importlib.util import find_spec

import numpy as np
import pytest
from synthetic import three_lines

from bpm_nb import plots
from bpm_nb.assignment.lines import match_bands
from bpm_nb.core.files import InputError
from bpm_nb.reports import html as pages
from bpm_nb.reports import tables
from bpm_nb.spectra.bands import peaks
from bpm_nb.spectra.raman import raman_spectrum

RNG = np.random.default_rng(0)
REFERENCE = RNG.normal(50, 3, (40, 3))
PREDICTED = REFERENCE + RNG.normal(0, 0.1, (40, 3))


@pytest.fixture(scope="module")
def s():
    return raman_spectrum(three_lines(), 2.0)


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


def test_a_spectrum_without_activity_can_be_drawn():
    s = raman_spectrum(np.tile(np.eye(3), (8000, 1, 1)), 1.0)
    pages.page("nothing", [(None, plots.spectrum(s, peaks(s)), tables.peak_rows(peaks(s)))])


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


@pytest.fixture(scope="module")
def report(s, tmp_path_factory):
    "A page of a spectrum, as a file."
    from bpm_nb.reports.sections import molecule_section, page_bands, spectrum_sections

    molecule = molecule_section([8, 1, 1], np.array([[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]]))
    bands = page_bands(s)
    sections = spectrum_sections(s, bands, words=["C–H stretch 60 %, C–C stretch 20 %"] * len(bands))
    file = tmp_path_factory.mktemp("report") / "raman.html"
    pages.write_page(file, "a report", [molecule, *sections])
    return file


@pytest.fixture
def browser():
    pytest.importorskip("playwright", reason="playwright is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


needs_browser = pytest.mark.skipif(not CHROMIUM or find_spec("playwright") is None, reason="no browser to drive")


@needs_browser
def test_the_numbers_of_the_bands_are_saved_and_copied(report, browser, s):
    page = browser.new_context(permissions=["clipboard-read", "clipboard-write"]).new_page()
    page.goto(report.as_uri())
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as CSV").click()
    assert saved.value.suggested_filename == "bands.csv"
    rows = list(csv.DictReader(saved.value.path().open(encoding="utf-8", newline="")))
    found = sorted(p.wavenumber_cm1 for p in peaks(s))
    np.testing.assert_allclose([float(row["wavenumber_cm1"]) for row in rows], found, rtol=1e-6)
    assert rows[0]["what_moves"] == "C–H stretch 60 %, C–C stretch 20 %"
    page.get_by_role("button", name="Copy").click()
    page.wait_for_selector("button:has-text('Copied')")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert list(csv.DictReader(copied.splitlines(), delimiter="\t")) == rows


@needs_browser
def test_a_page_is_light_or_dark_as_the_reader_has_it_and_fits_a_narrow_window(report, browser):
    page = browser.new_context(color_scheme="dark", viewport=dict(width=720, height=800)).new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(report.as_uri())

    def inks():
        colour = "e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]"
        paper = "document.querySelector('.plotly-graph-div').layout.paper_bgcolor"
        return *page.locator("body").evaluate(colour), page.evaluate(paper)

    assert inks() == ("rgb(221, 221, 221)", "rgb(17, 17, 17)", "#111111")
    page.emulate_media(color_scheme="light")
    page.wait_for_function("document.querySelector('.plotly-graph-div').layout.paper_bgcolor === 'white'")
    assert inks() == ("rgb(34, 34, 34)", "rgb(255, 255, 255)", "white")
    assert page.evaluate("document.documentElement.scrollWidth") <= 720 and errors == []
    assert page.locator("svg[role=img] text").all_text_contents().count("O1") == 1
