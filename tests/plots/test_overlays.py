"Several molecules on one plot, as a browser draws them: no label over another, none outside its panel."

import shutil
from importlib.util import find_spec

import numpy as np
import pytest

from bpm_nb.plots.overlays import Overlay, overlaid
from bpm_nb.spectra.modes import harmonic_spectrum, normal_modes

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
BOXES = "[...document.querySelectorAll('.annotation-text')].map(t => t.getBoundingClientRect().toJSON())"


@pytest.fixture(scope="module")
def molecules():
    "The three molecules that ship, by their harmonic lines, with a slow motion that is taller than all bands."
    from bpm_nb.data.datasets import load, shipped
    from bpm_nb.reports.forms import line_settings
    from bpm_nb.spectra.raman import instrument_intensity

    curves = []
    for name in shipped():
        data, settings = load(name), line_settings(10.0)
        modes = normal_modes(data.harmonic)
        s = instrument_intensity(harmonic_spectrum(modes, settings))
        slow = 5 * s.natural.max() * np.exp(-(((s.wavenumber_cm1 - 45) / 20) ** 2))
        strong = modes.wavenumber_cm1[modes.activity > 0.005 * modes.activity.max()]
        lines = {"harmonic, DFT": (modes.wavenumber_cm1, modes.activity)}
        lines["literature"] = ([line.wavenumber_cm1 for line in data.lines], np.ones(len(data.lines)))
        nan = np.full_like(slow, np.nan)
        curves.append(Overlay(name, s.wavenumber_cm1, s.natural + slow, nan, (45.0, *strong), lines))
    return curves


@pytest.mark.parametrize("stacked", [True, False])
def test_a_slow_motion_does_not_set_the_scale(molecules, stacked):
    fig = overlaid(molecules, stacked, range_cm1=(0, 3600))
    for curve in molecules:
        trace = next(t for t in fig.data if t.name == curve.name)
        np.testing.assert_allclose(np.max(trace.y[trace.x >= 200]), 1.0)
        assert np.max(trace.y) > 2
    titles = [fig.layout[a].title.text for a in fig.layout if a.startswith("yaxis") and fig.layout[a].title.text]
    assert len(titles) == 1 and titles[0].endswith("tallest band above 200 cm⁻¹ = 1")
    assert sum("↑" in a.text for a in fig.layout.annotations) == (3 if stacked else 1)


@pytest.mark.skipif(not CHROMIUM or find_spec("playwright") is None, reason="no browser to drive")
def test_no_label_touches_another_in_a_browser(molecules, tmp_path):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for stacked in (True, False):
            for scale in (True, 1600.0):
                file = tmp_path / "figure.html"
                fig = overlaid(molecules, stacked, range_cm1=(0, 3600), scale=scale)
                file.write_text(fig.to_html(include_plotlyjs=True, config=dict(responsive=True)), "utf-8")
                for width in (720, 1300):
                    page = browser.new_page(viewport=dict(width=width, height=900))
                    page.goto(file.as_uri())
                    page.wait_for_selector(".annotation-text")
                    boxes = page.evaluate(BOXES)
                    assert (
                        len(boxes) == len(fig.layout.annotations) > 8 and page.locator(".legend .traces").count() == 3
                    )
                    assert not overlapping(boxes) and min(b["top"] for b in boxes) >= 0
                    page.close()
        browser.close()


def overlapping(boxes):
    "Pairs of boxes that share more than a hair."

    def share(a, b, low, high):
        return min(a[high], b[high]) - max(a[low], b[low]) > 0.5

    pairs = [(a, b) for k, a in enumerate(boxes) for b in boxes[:k]]
    return [(a, b) for a, b in pairs if share(a, b, "left", "right") and share(a, b, "top", "bottom")]
