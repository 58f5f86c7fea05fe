"The dashboards in a real browser: drawn, alive, quiet, and at home without a network."

import shutil
from importlib.util import find_spec

import numpy as np
import pytest
from browser import CHROMIUM, ROOT, click_band, click_map, nudge, opened, picture, traces, wait_for_trace

pytestmark = [
    pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine"),
    pytest.mark.skipif(
        find_spec("playwright") is None or find_spec("voila") is None,
        reason="the extras [dev] and [widgets] are not installed",
    ),
]


@pytest.fixture
def tutorial(tmp_path):
    "Copies a tutorial to an empty folder."

    def copied(name):
        (tmp_path / "notebooks").mkdir()
        return shutil.copy(ROOT / "nbs/apps" / name, tmp_path / "notebooks" / name)

    return copied


def until_changed(page, look, before, seconds=300):
    for _ in range(seconds * 5):
        if not np.array_equal(now := look(), before):
            return now
        page.wait_for_timeout(200)
    raise AssertionError("nothing changed")


def colours(pixels):
    "Pixels that are neither white nor grey, and those that are vermillion."
    r, g, b = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    return (np.ptp(pixels, -1) > 40).sum(), ((r - b > 70) & (g - b > 15) & (r - g > 40)).sum()


@pytest.mark.parametrize("app", ["lab", "voila"])
def test_spectra_are_compared(app, tutorial, tmp_path):
    with opened(app, tutorial("raman_comparison.ipynb"), tmp_path) as page:
        wait_for_trace(page, "bands of")
        molecule = page.locator(".bpm-molecule canvas").first
        molecule.scroll_into_view_if_needed()
        still = until_changed(page, lambda: colours(picture(molecule))[0] > 50, False) and picture(molecule)

        def curve():
            return next(iter(traces(page, "malonaldehyde").values()))[1][:500]

        before = curve()
        nudge(page, "resolution_cm1")
        until_changed(page, curve, before)

        click_band(page, 2)
        molecule.scroll_into_view_if_needed()
        moving = until_changed(page, lambda: picture(molecule), still)
        until_changed(page, lambda: picture(molecule), moving)
        page.wait_for_selector(".bpm-table td")
        until_changed(page, lambda: bool(colours(picture(molecule))[1] > 150), False)

        def covered():
            return int((picture(molecule).min(-1) < 245).sum())

        page.locator(".bpm-molecule button:has-text('move')").click()  # stand still
        page.wait_for_timeout(500)
        bare = covered()
        page.locator("button.bpm-ellipsoid").click()
        until_changed(page, lambda: covered() > bare + 3000, False)
        still = picture(molecule)
        page.locator(".bpm-molecule button:has-text('move')").click()
        swelling = until_changed(page, lambda: picture(molecule), still)
        until_changed(page, lambda: picture(molecule), swelling)
        page.locator("button.bpm-ellipsoid").click()
        until_changed(page, lambda: covered() < bare + 3000, False)
        assert page.problems == [] and page.outside == []


@pytest.mark.parametrize("app", ["lab", "voila"])
def test_the_kernel_is_explored(app, tutorial, tmp_path):
    with opened(app, tutorial("kernel_laboratory.ipynb"), tmp_path) as page:
        wait_for_trace(page, "parity isotropic")

        def at(name):
            return traces(page, name)[name]

        before = at("point isotropic")
        nudge(page, "lam")
        until_changed(page, lambda: at("point isotropic"), before)
        shown = at("parity isotropic")
        wait_for_trace(page, "best isotropic")
        click_map(
            page, ".js-plotly-plot .nsewdrag[data-subplot='x4y4']", (0.8, 0.25), lambda: at("parity isotropic") != shown
        )  # as soon as this column is there
        wait_for_trace(page, "chosen isotropic")

        def titles():
            return page.locator(".js-plotly-plot .annotation-text").all_text_contents()

        page.locator(".bpm-shown select").select_option(label="evidence")
        until_changed(page, lambda: any("evidence" in t for t in titles()), False)
        assert page.problems == [] and page.outside == []
