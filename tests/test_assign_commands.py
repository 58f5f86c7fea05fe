"""Spectra and assignments from the command line: files for other programs, series of other programs, bad input in one line."""
import json
import re
from html import unescape

import jcamp
import numpy as np
import pytest
from ase.io import read as ase_read, write as ase_write
from test_commands import call

from bpm_nb.data import Trajectory, load, write
from bpm_nb.polarizability import BondPolarizability
from bpm_nb.spectra import C_CM_FS, raman_spectrum

ENOL = load("malonaldehyde-enol")


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    "A folder with a model, a short run, and a polarizability series."
    folder = tmp_path_factory.mktemp("work")
    BondPolarizability(n_points=100).fit(ENOL.train[:30]).save(folder/"model.npz")
    write(folder/"run.npz", Trajectory(ENOL.trajectory.numbers, ENOL.trajectory.pos[:2, :900], 2., temperature_K=300.))
    t = np.arange(8000)
    np.save(folder/"series.npy", np.cos(2*np.pi*C_CM_FS*900*t)[:, None, None]*np.diag([1, 2, 3.]))
    return folder


def test_assign_writes_a_page_and_the_motions(work, capsys):
    (work/"motions").mkdir()
    code, out, err = call(capsys, "assign", work/"model.npz", work/"run.npz", "-o", work/"bands.html", "--resolution", "20", "--lines", "245", "1025", "1560", "3100",
                          "--motions", work/"motions", "--bands", "5", "--json")
    assert code == 0, err
    found, page = json.loads(out), (work/"bands.html").read_text()
    assert len(found["bands"]) == len(found["motions"]) == len(found["files"]) == 5
    for heading in ("Which bonds", "Which motion", "Which line", "Settings"): assert f"<h2>{heading}</h2>" in page
    for file in found["files"]: assert len(ase_read(file, ":")) == 24
    assert all(re.match(r"\w+–\w+ -?[\d.]+ ± [\d.]+ %", row["bonds and their shares"]) for row in found["bands"])
    settings = json.loads(unescape(re.search(r'<meta name="bpm_nb-settings" content="(.*?)">', page)[1]))
    assert settings["resolution_cm1"] == 20 and len(settings["run.npz"]) == len(settings["model.npz"]) == 64


def test_assign_names_the_lines_of_a_table(work, capsys):
    (work/"lines.csv").write_text("wavenumber_cm1,strength,assignment,kind,source\n1025,strong,ring mode,calculated,this test\n1560,strong,stretch,calculated,this test\n")
    assert call(capsys, "assign", work/"model.npz", work/"run.npz", "-o", work/"b.html", "--resolution", "20", "--lines", work/"lines.csv")[0] == 0
    assert "ring mode" in (work/"b.html").read_text()


def test_a_jcamp_file_and_an_intensity_for_other_programs(work, capsys):
    curves = {}
    for name, options in (("activity", []), ("intensity", ["--intensity", "--laser", "785", "--temperature", "250"])):
        for ending in ("jdx", "csv"):
            code, _, err = call(capsys, "spectrum", work/"model.npz", work/"run.npz", "-o", work/f"{name}.{ending}", "--resolution", "20", *options)
            assert code == 0, err
        read = jcamp.readfile(str(work/f"{name}.jdx"))
        table = np.genfromtxt(work/f"{name}.csv", delimiter=",", names=True, skip_header=3)
        np.testing.assert_allclose(read["y"], table["natural"], atol=1e-6*table["natural"].max())
        curves[name] = read["y"]
        assert name in read["title"] and "run.npz" in read["title"]
    text = (work/"intensity.jdx").read_text()
    assert '"laser_nm": 785' in text and '"temperature_K": 250' in text and "run.npz" in text
    assert len(curves["activity"]) != len(curves["intensity"]) or not np.allclose(curves["activity"], curves["intensity"])


def test_a_series_of_another_program_goes_straight_to_the_spectrum(work, capsys):
    code, out, err = call(capsys, "spectrum", "--alpha", work/"series.npy", "--dt-fs", "1", "-o", work/"series.csv", "--json")
    assert code == 0, err
    assert abs(json.loads(out)["peaks"][0]["wavenumber_cm1"] - 900) < 0.1
    table = np.genfromtxt(work/"series.csv", delimiter=",", names=True, skip_header=3)
    np.testing.assert_allclose(table["vv"], raman_spectrum(np.load(work/"series.npy"), 1.).vv, rtol=1e-6, atol=1e-6*table["vv"].max())
    rows = np.column_stack([np.arange(8000)*1., np.load(work/"series.npy").reshape(-1, 9)])
    np.savetxt(work/"series.txt", rows, header="time_fs xx xy xz yx yy yz zx zy zz", comments="")
    code, out, _ = call(capsys, "spectrum", "--alpha", work/"series.txt", "-o", work/"again.html", "--json")
    assert code == 0 and abs(json.loads(out)["peaks"][0]["wavenumber_cm1"] - 900) < 0.1


def test_a_run_of_another_program_is_read(work, capsys):
    ase_write(work/"run.traj", ase_images(900))
    code, out, err = call(capsys, "spectrum", work/"model.npz", work/"run.traj", "--dt-fs", "2", "--resolution", "20", "-o", work/"t.csv", "--json")
    assert code == 0, err
    short = Trajectory(ENOL.trajectory.numbers, ENOL.trajectory.pos[:1, :900], 2.)
    write(work/"same.npz", short)
    again = call(capsys, "spectrum", work/"model.npz", work/"same.npz", "--resolution", "20", "-o", work/"t2.csv", "--json")[1]
    assert json.loads(out)["peaks"] == json.loads(again)["peaks"]


def ase_images(n):
    from ase import Atoms
    return [Atoms(ENOL.trajectory.numbers, p) for p in ENOL.trajectory.pos[0, :n]]


def test_coarse_frames_are_a_warning_on_the_error_stream(work, capsys):
    write(work/"coarse.npz", Trajectory(ENOL.trajectory.numbers, ENOL.trajectory.pos[:2, :1500:3], 6.))
    code, _, err = call(capsys, "spectrum", work/"model.npz", work/"coarse.npz", "-o", work/"coarse.csv", "--resolution", "20")
    assert code == 0 and "save a frame every 4.0 fs or less" in err


@pytest.mark.parametrize("arguments,message", [
    (["spectrum", "-o", "{}/s.csv"], "give MODEL and TRAJECTORY"),
    (["spectrum", "{}/model.npz", "-o", "{}/s.csv"], "give MODEL and TRAJECTORY"),
    (["spectrum", "{}/model.npz", "--alpha", "{}/series.npy", "-o", "{}/s.csv"], "leave out"),
    (["spectrum", "--alpha", "{}/series.npy", "-o", "{}/s.csv"], "time between frames"),
    (["spectrum", "--alpha", "{}/model.npz", "--dt-fs", "1", "-o", "{}/s.csv"], "model.npz"),
    (["spectrum", "--alpha", "{}/absent.npy", "--dt-fs", "1", "-o", "{}/s.csv"], "no such file"),
    (["spectrum", "--alpha", "{}/series.npy", "--dt-fs", "1", "-o", "{}/s.txt"], "ending"),
    (["spectrum", "{}/model.npz", "{}/run.npz", "--topology", "{}/absent.pdb", "-o", "{}/s.csv"], "no such file"),
    (["assign", "{}/model.npz", "{}/run.npz", "-o", "{}/s.csv"], "ending"),
    (["assign", "{}/model.npz", "{}/run.npz", "-o", "{}/s.html", "--lines", "abc"], "abc"),
    (["assign", "{}/model.npz", "{}/run.npz", "-o", "{}/s.html", "--lines", "-5"], "--lines|expected at least one"),
    (["assign", "{}/model.npz", "{}/run.npz", "-o", "{}/s.html", "--resolution", "20", "--motions", "{}/no/folder"], "no such folder"),
    (["assign", "{}/model.npz", "{}/run.npz", "-o", "{}/s.html"], "too short")])
def test_bad_input_is_one_line(work, capsys, arguments, message):
    try: code, out, err = call(capsys, *(a.format(work) for a in arguments))
    except SystemExit as stop: code, out, err = stop.code, "", capsys.readouterr().err.splitlines()[-1] + "\n"
    assert code == 2 and not out and err.startswith("bpm-nb") and err.count("\n") == 1
    assert re.search(message, err)


def test_two_forms_are_compared_and_a_measured_spectrum_is_taken_apart(work, capsys):
    for name, part in (("one", slice(0, 4)), ("two", slice(4, 8))):
        write(work/f"{name}.npz", Trajectory(ENOL.trajectory.numbers, ENOL.trajectory.pos[part, :900], 2., temperature_K=300.))
    assert call(capsys, "spectrum", work/"model.npz", work/"two.npz", "-o", work/"two.csv", "--intensity", "--resolution", "20")[0] == 0
    table = np.genfromtxt(work/"two.csv", delimiter=",", names=True, skip_header=3)
    np.savetxt(work/"measured.csv", np.column_stack([table["wavenumber_cm1"], 7*table["natural"]]), delimiter=",", header="shift,counts", comments="")
    code, out, err = call(capsys, "compare", work/"model.npz", work/"one.npz", work/"two.npz", "--mixture", work/"measured.csv", "--resolution", "20", "-o", work/"forms.html", "--json")
    assert code == 0, err
    np.testing.assert_allclose(json.loads(out)["fractions"], [0, 1], atol=1e-4)
    assert "What measured.csv is made of" in (work/"forms.html").read_text()
    code, out, _ = call(capsys, "compare", work/"model.npz", work/"one.npz", work/"two.npz", "--resolution", "20", "-o", work/"forms.html")
    assert code == 0 and "marker bands:" in out


@pytest.mark.parametrize("text,message", [("", "no row"), ("a,b\n", "no row"), ("1,2\n3\n", "two numbers"), ("1,2\n3,x\n", "word"), ("1,2\n3,nan\n", "not finite")])
def test_a_bad_measured_spectrum_is_one_line(work, capsys, text, message):
    (work/"bad.csv").write_text(text)
    code, _, err = call(capsys, "compare", work/"model.npz", work/"run.npz", work/"run.npz", "--mixture", work/"bad.csv", "-o", work/"f.html")
    assert code == 2 and err.count("\n") == 1 and "bad.csv" in err and re.search(message, err)
