"The dashboards in a real browser: drawn, alive, quiet, and at home without a network."

import os
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

import nbformat
import numpy as np
import pytest
from browser import (
    CHROMIUM,
    ROOT,
    busy_machine,
    click_band,
    click_circle,
    click_map,
    counts_what_the_viewer_draws,
    loses_figures,
    nudge,
    opened,
    page,
    picture,
    redrawn_ms,
    server,
    traces,
    wait_for_trace,
)

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
    notebook = tutorial("raman_comparison.ipynb")
    with opened(app, notebook, tmp_path) as page:
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

        page.locator(".bpm-motion button:has-text('still')").click()
        page.wait_for_timeout(500)
        bare = covered()
        page.locator("button.bpm-ellipsoid").click()
        until_changed(page, lambda: covered() > bare + 3000, False)
        still = picture(molecule)
        page.locator(".bpm-motion button:has-text('move')").click()
        swelling = until_changed(page, lambda: picture(molecule), still)
        until_changed(page, lambda: picture(molecule), swelling)
        page.locator("button.bpm-ellipsoid").click()
        until_changed(page, lambda: covered() < bare + 3000, False)
        if app == "voila":
            shown = page.locator("body").inner_text()
            assert "Python" not in shown and "raman_compare" not in shown and "Things to try" in shown
        if app == "lab":
            follows_the_dark_theme(page, molecule)
            saves_the_notebook_as_it_was(page, notebook)
        assert page.problems == [] and page.outside == []


def follows_the_dark_theme(page, molecule):
    def brightness(locator):
        return picture(locator)[:40, :40].mean() > 128

    plot = page.locator(".js-plotly-plot").first
    assert brightness(plot) and brightness(molecule)
    page.evaluate("window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    until_changed(page, lambda: brightness(plot), True)
    until_changed(page, lambda: brightness(molecule), True)


def saves_the_notebook_as_it_was(page, notebook):
    before = Path(notebook).read_bytes()
    saved = Path(notebook).stat().st_mtime_ns
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    until_changed(page, lambda: Path(notebook).stat().st_mtime_ns, saved)
    assert Path(notebook).read_bytes() == before


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


def notebook_of(code, folder):
    "A notebook of one cell."
    metadata = dict(kernelspec=dict(name="python3", language="python", display_name="Python 3"))
    cell = nbformat.v4.new_code_cell(code)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=metadata), folder / "one.ipynb")
    return folder / "one.ipynb"


SMALL_LABORATORY = "from bpm_nb.dashboards import kernel_lab\nkernel_lab(n_train=60, n_points=60, degree=2, order=1)"
NO_PATIENCE = """
const timeout = AbortSignal.timeout.bind(AbortSignal);
AbortSignal.timeout = ms => timeout(ms === 2000 ? 1 : ms);
"""


def moved_point(page):
    "Move λ until the plot follows."
    before = traces(page, "point isotropic")
    nudge(page, "lam")
    until_changed(page, lambda: traces(page, "point isotropic"), before)


def test_a_plot_follows_where_its_javascript_was_slow_to_load(tmp_path):
    "Anywidget gives it two seconds, here a millisecond; what comes for its model is dropped from then on."
    notebook = notebook_of(SMALL_LABORATORY, tmp_path)
    with opened("voila", notebook, tmp_path, prepare=lambda page: page.add_init_script(NO_PATIENCE)) as page:
        wait_for_trace(page, "chosen isotropic")
        moved_point(page)
        with page.expect_download() as download:
            page.locator("button.bpm-csv").click()
        assert download.value.path().read_text().count("\n") == 1 + 10 * 23


def test_a_page_that_missed_an_update_asks_for_it(tmp_path):
    with opened("voila", notebook_of(SMALL_LABORATORY, tmp_path), tmp_path, prepare=loses_figures) as page:
        wait_for_trace(page, "chosen isotropic")
        shown, page.loses = traces(page, "point isotropic"), True
        nudge(page, "lam")
        until_changed(page, lambda: page.lost > 0, False)
        assert traces(page, "point isotropic") == shown
        page.loses = False
        until_changed(page, lambda: traces(page, "point isotropic"), shown)
        assert page.problems == []


@pytest.mark.slow
def test_the_whole_laboratory_is_there_each_time_on_a_busy_machine(tutorial, tmp_path):
    "Twice in the suite; ten times, and more, with LOADS=10 in the environment."
    with busy_machine(), server("voila", tutorial("kernel_laboratory.ipynb"), tmp_path) as address:
        for _ in range(int(os.environ.get("LOADS", "2"))):
            with page(address) as visit:
                visit.goto(address)
                wait_for_trace(visit, "chosen isotropic")
                moved_point(visit)
                with visit.expect_download():
                    visit.locator("button.bpm-csv").click()


@pytest.mark.slow
def test_the_comparison_misses_no_widget_however_often_it_is_loaded(tutorial, tmp_path):
    "Nglview showed a widget of its own above it, at times as `model not found`. As often as LOADS in the environment."
    with server("voila", tutorial("raman_comparison.ipynb"), tmp_path) as address:
        for _ in range(int(os.environ.get("LOADS", "2"))):
            with page(address) as visit:
                visit.goto(address)
                visit.wait_for_selector(".bpm-molecule canvas")
                wait_for_trace(visit, "")
                assert "Error displaying widget" not in visit.locator("body").inner_text()
                assert visit.locator(".jp-OutputArea-output .bpm-molecule").count() == 1
                assert visit.locator(".jp-OutputArea-output").count() == 1 and visit.problems == []


SMALL_RUN = """
from bpm_nb.dashboards import your_molecule
your_molecule("water", folder="molecules", n_segments=1, length_ps=1, n_frames=20)
"""
KEPT = re.compile(r"(\d+) of 6 ps are kept")


def kept_ps(page):
    "Picoseconds that the page says are kept."
    found = KEPT.search(page.locator(".bpm-expected").inner_text())
    return int(found[1]) if found else 0


@pytest.mark.slow
def test_a_molecule_of_ones_own_goes_all_the_way(tmp_path):
    "Lines, a line that is clicked, a wrong molecule, a run that is cancelled and goes on, its spectrum, its files."
    with opened("voila", notebook_of(SMALL_RUN, tmp_path), tmp_path, height=900) as page:
        wait_for_trace(page, "bands of harmonic lines")
        page.wait_for_selector(".bpm-lines td:has-text('±')")
        molecule = page.locator(".bpm-molecule canvas").first
        still = until_changed(page, lambda: colours(picture(molecule))[0] > 50, False) and picture(molecule)
        click_band(page, 1)
        page.wait_for_selector(".bpm-table:has-text('O–H stretch')")
        until_changed(page, lambda: picture(molecule), still)

        write_molecule(page, "water, ice")
        page.wait_for_selector(".bpm-status:has-text('blank')")
        write_molecule(page, "water")
        page.wait_for_function("() => document.querySelector('.bpm-status').innerText.trim() === ''")

        page.locator("button.bpm-dynamics").click()
        page.wait_for_selector(".bpm-status:has-text('of 6 ps; about')")
        page.wait_for_selector(".bpm-status:has-text('dynamics 1 of 6 ps')")
        page.locator("button.bpm-cancel").click()
        until_changed(page, lambda: kept_ps(page) > 0, False)
        before = kept_ps(page)
        page.locator("button.bpm-dynamics:has-text('Resume')").click()
        page.wait_for_selector(f".bpm-status:has-text('dynamics {before} of 6 ps')")
        wait_for_trace(page, "dynamics")
        page.wait_for_selector(".bpm-told:has-text('The bond model learned from 20 states')")
        with page.expect_download() as download:
            page.locator("button.bpm-csv").click()
        assert len(download.value.path().read_text().splitlines()) > 100
        assert [p for p in page.problems if "widget model not found" not in p] == [] and page.outside == []


def write_molecule(page, text):
    "Write a molecule into its field."
    field = page.locator(".bpm-name input")
    field.fill(text)
    field.press("Enter")


def box_of(page, selector):
    return page.locator(selector).first.bounding_box()


def scrolled(page):
    "How far the page, or the part of it that scrolls, is scrolled."
    return page.evaluate("Math.max(...[...document.querySelectorAll('*')].map(e => e.scrollTop))")


THREE_FIRST_LOOKS = """
from dataclasses import replace
from bpm_nb.dashboards import raman_compare
from bpm_nb.dashboards.runs import shipped_series
names = ["malonaldehyde-enol", "malonaldehyde-keto", "biphenyl"]
series = {name: replace(shipped_series(name, True, lambda *_: None), note="") for name in names}
raman_compare(names, series=series)
"""


def test_the_answer_to_a_click_is_in_view_and_motion_costs_nothing(tmp_path):
    notebook = notebook_of(THREE_FIRST_LOOKS, tmp_path)
    with opened("voila", notebook, tmp_path, prepare=counts_what_the_viewer_draws, height=900) as page:
        wait_for_trace(page, "bands of")
        still = redrawn_ms(page, "resolution_cm1")
        for name in ("biphenyl", "malonaldehyde-keto", "malonaldehyde-enol"):
            for k in range(3):  # the first is cut off, near the same place for each molecule
                wavenumber = traces(page, f"bands of {name}")[f"bands of {name}"][0][k]
                told = page.locator(f".bpm-table b:has-text('{name}, {wavenumber:.0f} cm⁻¹')")
                click_circle(page, name, k, told.count)
        page.wait_for_selector(".bpm-frames[data-ready]", state="attached")

        drawn = page.evaluate("window.drawnByViewer")
        moving = picture(page.locator(".bpm-molecule canvas").first)
        until_changed(page, lambda: picture(page.locator(".bpm-molecule canvas").first), moving)
        assert page.evaluate("window.drawnByViewer") == drawn
        assert redrawn_ms(page, "resolution_cm1") < 1.5 * still + 300

        molecule, table = box_of(page, ".bpm-molecule canvas"), box_of(page, ".bpm-table")
        assert molecule["y"] + molecule["height"] < 900 and table["y"] + 120 < 900
        assert molecule["x"] > box_of(page, ".js-plotly-plot")["x"] + 300

        page.set_viewport_size(dict(width=1440, height=500))  # so that there is something to scroll
        page.mouse.move(molecule["x"] + 100, molecule["y"] + 100)
        page.mouse.wheel(0, 60)
        until_changed(page, lambda: scrolled(page) > 0, False)
        page.set_viewport_size(dict(width=1440, height=900))

        with page.expect_download() as download:
            page.locator("button.bpm-gif").click()
        assert download.value.path().read_bytes()[:6] == b"GIF89a"
        page.set_viewport_size(dict(width=900, height=900))
        until_changed(
            page, lambda: box_of(page, ".bpm-molecule")["y"] > box_of(page, ".js-plotly-plot")["y"] + 300, False
        )
        assert box_of(page, ".bpm-molecule")["x"] + 430 < 900
        assert page.problems == [] and page.outside == []
