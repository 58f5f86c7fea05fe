"The documentation's pages in a browser that has no network."

import functools
import http.server
import re
import threading
from importlib.util import find_spec

import plotly.graph_objects as go
import pytest
from browser import CHROMIUM, ROOT, page, traces, wait_for_trace

pytestmark = pytest.mark.skipif(
    any(find_spec(m) is None for m in ("sphinx", "myst_nb", "nbdev")), reason="the extra [docs] is not installed"
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    "Folder of the pages, with one notebook run and small figures."
    from bpm_nb.dev.site import build
    from bpm_nb.dev.sliders import sliding

    slide = sliding({f"{k}": go.Figure(go.Scatter(x=[0, 1, 2], y=[k, k, 2 * k], name="curve")) for k in (1, 2, 3)}, "k")
    out = tmp_path_factory.mktemp("docs") / "html"
    build(ROOT, out, only=("01_pairs", "01_kernel"), figures=dict(raman_comparison=slide, kernel_laboratory=slide))
    return out


@pytest.fixture
def address(pages):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    handler = functools.partial(Quiet, directory=pages)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_nothing_is_left_beside_the_pages(pages):
    assert [p.name for p in pages.parent.iterdir()] == [pages.name]


def test_every_notebook_has_a_page_with_the_reference_of_its_functions(pages):
    for notebook in (ROOT / "nbs").rglob("[0-9]*.ipynb"):
        assert (pages / notebook.relative_to(ROOT / "nbs").with_suffix(".html")).exists()
    text = (pages / "20_bonds/01_pairs.html").read_text("utf-8")
    for words in ("pair_limits", "(N,) atomic numbers", "Smooth step from 1"):
        assert words in text
    assert "def test_" not in text and "show_doc" not in text


def test_no_page_takes_a_script_from_the_network(pages):
    "Widgets and progress bars in what a notebook shows would."
    for html in pages.rglob("*.html"):
        assert not re.findall(
            r'<(?:script|link)[^>]*(?:src|href)="https?:[^>]*(?:\.js|\.css)', html.read_text("utf-8")
        ), html


@pytest.mark.skipif(
    not CHROMIUM or find_spec("playwright") is None, reason="no chromium on this machine, or no playwright"
)
def test_a_page_shows_formulas_finds_words_and_slides_without_a_network(address):
    with page(address) as browser:
        browser.goto(f"{address}/20_bonds/04_descriptors.html")
        browser.wait_for_selector("mjx-container")
        browser.goto(f"{address}/search.html?q=smooth_cutoff")
        browser.wait_for_selector("#search-results a:has-text('pairs')")
        browser.goto(f"{address}/apps/raman_comparison.html")
        wait_for_trace(browser, "curve")
        before = traces(browser, "curve")
        browser.locator(".slider-tick-rect, .slider-rail-touch-rect").last.click(force=True)
        browser.wait_for_function(
            "before => JSON.stringify(Array.from(document.querySelector('.js-plotly-plot')._fullData[0].y)) !== before",
            arg=str(before["curve"][1]).replace(" ", ""),
        )
        browser.goto(f"{address}/index.html")
        assert browser.outside == [] and browser.problems == []


def test_footers_are_filled_and_the_search_says_what_a_file_can_find(pages):
    assert "Copyright &#169; The bpm_nb developers" in (pages / "index.html").read_text().replace("\xa9", "&#169;")
    assert (pages / "search.html").read_text().count("search-note") == 1
