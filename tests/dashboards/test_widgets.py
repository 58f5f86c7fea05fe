"What the browser sends."

import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("anywidget", reason="the widgets extra is not installed")

import bpm_nb.dashboards
from bpm_nb.dashboards.widgets import Plot, Upload, asset

ROOMS = Path(bpm_nb.dashboards.__file__).parent


def test_a_huge_upload_is_refused_before_it_is_read(state):
    up = Upload("file", state.upload, state.fail)
    up.receive({"name": "x.xyz", "size": 2**30}, [])
    assert "1024 MB" in state.message and not state.doing


def test_every_asset_is_used_and_has_no_place_for_python_to_fill_in():
    loaded = {
        name for file in ROOMS.glob("*.py") for name in re.findall(r"asset\([\"'](.*?)[\"']\)", file.read_text("utf-8"))
    }
    assert loaded == {file.name for file in (ROOMS / "assets").iterdir()} == {"plot.js", "upload.js", "motion.js"}
    assert not [name for name in loaded if "%s" in asset(name) or "%%" in asset(name)]


@pytest.mark.skipif(not shutil.which("node"), reason="no node on this machine")
@pytest.mark.parametrize("name", ["plot.js", "upload.js", "motion.js"])
def test_the_assets_are_javascript(name, tmp_path):
    file = tmp_path / name.replace(".js", ".mjs")
    file.write_text(asset(name), "utf-8")
    done = subprocess.run(["node", "--check", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_plot_holds_the_whole_figure_as_data():
    "A page that connects late is right by construction."
    from bpm_nb.plots import curves

    plot = Plot()
    for name in ("first", "second"):
        plot.show(curves([0.0, 1.0], {name: [1.0, 2.0]}))
        assert [trace["name"] for trace in plot.figure["data"]] == [name] and "layout" in plot.figure


def test_a_browser_cannot_raise_the_limit_of_an_upload():
    taken, refusals = [], []
    up = Upload("file", lambda *a: taken.append(a), refusals.append)
    up.limit = 2**40
    up.receive({"name": "x.xyz", "size": 2**30}, [])
    assert len(refusals) == 1 and "more than the 100 MB" in refusals[0]
    up.receive({}, [bytes(10)])  # what was refused is not kept
    up.receive({"name": "y.xyz", "size": 5}, [])
    up.receive({}, [b"abcde"])
    up.receive({}, [b"more than was said"])
    assert taken == [("y.xyz", b"abcde")] and len(refusals) == 1
    up.receive({"name": "z.xyz", "size": 1}, [bytes(101 * 2**20)])
    assert len(taken) == 1 and len(refusals) == 2
