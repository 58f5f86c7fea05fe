"The course as a class gets it: opened as files in a browser, on paper, and without its solutions."

from importlib.util import find_spec

import nbformat
import pytest
from browser import CHROMIUM, ROOT

from bpm_nb.dev.sync import directives

pytestmark = pytest.mark.skipif(
    any(find_spec(m) is None for m in ("sphinx", "myst_nb", "markdown_it")), reason="the extra [docs] is not installed"
)
LESSON = "02_line_ridge_kernel_process"
LESSONS = sorted(p.stem for p in (ROOT / "nbs/course").glob("[0-9]*.ipynb") if not p.stem.startswith("00_"))


@pytest.fixture(scope="module", params=[True, False], ids=["with solutions", "without"])
def site(request, tmp_path_factory):
    "Folder of the course, with one lesson run, and whether it has solutions."
    from bpm_nb.dev.course import build_course

    out = tmp_path_factory.mktemp("course") / "site"
    build_course(ROOT, out, request.param, only=(LESSON,) if request.param else ())
    return out, request.param


def solutions(path):
    "Text of the cells of a notebook that are solutions."
    cells = [c for c in nbformat.read(path, 4).cells if c.cell_type == "code"]
    return [text for marks, text in (directives(c.source) for c in cells) if "solution" in marks]


def test_every_lesson_has_a_page_a_worksheet_and_a_notebook(site):
    out, _ = site
    index = (out / "index.html").read_text("utf-8")
    for name in LESSONS:
        for link in (f"lessons/{name}.html", f"worksheets/{name}.html", f"notebooks/{name}.ipynb"):
            assert (out / link).is_file() and f'href="{link}"' in index
    assert [p.name for p in out.parent.iterdir()] == [out.name], "nothing is left beside it"


def test_solutions_and_the_page_for_the_teacher_are_there_or_not(site):
    out, with_solutions = site
    assert ("For the teacher" in (out / "index.html").read_text("utf-8")) == with_solutions
    for name in LESSONS:
        page, there = (out / f"lessons/{name}.html").read_text("utf-8"), solutions(ROOT / f"nbs/course/{name}.ipynb")
        assert solutions(out / f"notebooks/{name}.ipynb") == there * with_solutions
        assert page.count('<details class="admonition hide') == len(there) * with_solutions
        assert "Break it" in page, "the tasks are there all the same"


def test_a_worksheet_has_goals_prediction_and_tasks_and_room_to_write_but_no_code(site):
    out, _ = site
    for name in LESSONS:
        page = (out / f"worksheets/{name}.html").read_text("utf-8")
        assert page.index("<h2>Goals") < page.index("<h2>Before you run") < page.index("<h2>Tasks")
        tasks = solutions(ROOT / f"nbs/course/{name}.ipynb")
        assert page.count('<div class="task">') == len(tasks) and page.count('<div class="line">') >= 9 * len(tasks) + 6
        assert "<pre" not in page and "assert" not in page and "href" not in page and "http" not in page


def test_nothing_is_asked_of_a_network(site):
    out, _ = site
    pages = [*out.rglob("*.html")]
    assert pages and not any("cdn." in page.read_text("utf-8") for page in pages)


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM or find_spec("playwright") is None, reason="no chromium or no playwright")
def test_files_open_slide_and_draw_formulas_in_a_browser(site):
    from playwright.sync_api import sync_playwright

    out, with_solutions = site
    title = (
        "document.querySelectorAll('.js-plotly-plot').length && [...document.querySelectorAll('.js-plotly-plot')].find("
    )
    title += "d => d.layout.sliders)._fullData.map(t => t.visible)"
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page, problems = browser.new_page(), []
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: problems.append(str(e)))
        page.on(
            "request", lambda r: problems.append(r.url) if not r.url.startswith(("file:", "data:", "blob:")) else None
        )
        page.goto((out / f"worksheets/{LESSON}.html").as_uri())
        page.wait_for_selector("mjx-container")
        page.goto((out / "index.html").as_uri())
        page.locator(f'a[href="lessons/{LESSON}.html"]').first.click()
        page.wait_for_selector("mjx-container")
        if with_solutions:
            page.wait_for_function(f"() => {title}")
            before = page.evaluate(title)
            page.locator(".slider-rail-touch-rect").first.click(position=dict(x=300, y=5), force=True)
            page.wait_for_function(f"before => JSON.stringify({title}) !== JSON.stringify(before)", arg=before)
        assert problems == []
        browser.close()
