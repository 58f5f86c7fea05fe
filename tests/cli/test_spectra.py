"The verb spectrum: files for other programs, series of other programs, runs that cannot be used."

import json
import re

import jcamp
import numpy as np
import pytest
from ase import Atoms
from ase.io import write as ase_write
from command_line import ENOL, call, is_one_line

from bpm_nb.data.datasets import load
from bpm_nb.data.files import write
from bpm_nb.data.records import Frames, Trajectory
from bpm_nb.spectra.raman import raman_spectrum


@pytest.mark.parametrize("ending", ["csv", "html"])
def test_a_spectrum_from_an_npz_and_from_xyz(files, capsys, ending):
    short = Trajectory(ENOL.trajectory.numbers, ENOL.trajectory.pos[:2, :1500], 2.0)
    write(files / "run.npz", short)
    write(files / "run.xyz", short[0])
    code, out, err = call(
        capsys, f"spectrum {files}/model.npz {files}/run.npz -o {files}/s.{ending} --resolution 20 --json"
    )
    assert code == 0, err
    assert json.loads(out)["peaks"][0]["wavenumber_cm1"] > 0 and (files / f"s.{ending}").stat().st_size > 1000
    code, _, err = call(
        capsys, f"spectrum {files}/model.npz {files}/run.xyz --dt-fs 2 -o {files}/t.{ending} --resolution 20"
    )
    assert code == 0, err


def test_a_jcamp_file_and_an_intensity_for_other_programs(work, capsys):
    curves = {}
    for name, options in (("activity", []), ("intensity", ["--intensity", "--laser", "785", "--temperature", "250"])):
        for ending in ("jdx", "csv"):
            code, _, err = call(
                capsys, f"spectrum {work}/model.npz {work}/run.npz -o {work}/{name}.{ending} --resolution 20", *options
            )
            assert code == 0, err
        read = jcamp.readfile(str(work / f"{name}.jdx"))
        table = np.genfromtxt(work / f"{name}.csv", delimiter=",", names=True, skip_header=3)
        np.testing.assert_allclose(read["y"], table["natural"], atol=1e-6 * table["natural"].max())
        curves[name] = read["y"]
        assert name in read["title"] and "run.npz" in read["title"]
    text = (work / "intensity.jdx").read_text()
    assert '"laser_nm": 785' in text and '"temperature_K": 250' in text and "run.npz" in text
    assert len(curves["activity"]) != len(curves["intensity"]) or not np.allclose(
        curves["activity"], curves["intensity"]
    )


def test_a_run_of_another_program_is_read(work, capsys):
    ase_write(work / "run.traj", ase_images(900))
    code, out, err = call(
        capsys, f"spectrum {work}/model.npz {work}/run.traj --dt-fs 2 --resolution 20 -o {work}/t.csv --json"
    )
    assert code == 0, err
    short = Trajectory(ENOL.trajectory.numbers, ENOL.trajectory.pos[:1, :900], 2.0)
    write(work / "same.npz", short)
    again = call(capsys, f"spectrum {work}/model.npz {work}/same.npz --resolution 20 -o {work}/t2.csv --json")[1]
    for one, other in zip(json.loads(out)["peaks"], json.loads(again)["peaks"], strict=True):
        assert one == pytest.approx(other, rel=1e-6)


def ase_images(n):

    return [Atoms(ENOL.trajectory.numbers, p) for p in ENOL.trajectory.pos[0, :n]]


def test_what_is_printed_is_what_is_written(work, dipole, capsys):
    for options, told in (([], "peaks of the activity"), (["--intensity"], "peaks of the intensity")):
        code, out, err = call(
            capsys,
            f"spectrum {work}/model.npz {work}/run.npz --infrared {dipole} --resolution 20 -o {work}/told.csv",
            *options,
        )
        assert code == 0 and told in out and re.search(r"strongest infrared peaks:\n +[\d.]+ .* km/mol", out), err
        assert "infrared in e^2 bohr^2 fs^-2 cm, states in cm" in (work / "told.csv").read_text().splitlines()[0]


# ---- a series of polarizabilities


def test_a_series_of_another_program_goes_straight_to_the_spectrum(work, capsys):
    code, out, err = call(
        capsys, f"spectrum --alpha {work}/series.npy --dt-fs 1 -o {work}/series.csv --json --full-range"
    )
    assert code == 0, err
    assert abs(json.loads(out)["peaks"][0]["wavenumber_cm1"] - 900) < 0.1
    table = np.genfromtxt(work / "series.csv", delimiter=",", names=True, skip_header=3)
    np.testing.assert_allclose(
        table["vv"], raman_spectrum(np.load(work / "series.npy"), 1.0).vv, rtol=1e-6, atol=1e-6 * table["vv"].max()
    )
    rows = np.column_stack([np.arange(8000) * 1.0, np.load(work / "series.npy").reshape(-1, 9)])
    np.savetxt(work / "series.txt", rows, header="time_fs xx xy xz yx yy yz zx zy zz", comments="")
    code, out, _ = call(capsys, f"spectrum --alpha {work}/series.txt -o {work}/again.html --json")
    assert code == 0 and abs(json.loads(out)["peaks"][0]["wavenumber_cm1"] - 900) < 0.1


def test_a_predicted_run_is_still_a_run(work, capsys):
    "Segments and time step stay with the polarizabilities, so that two steps give the spectrum of one."
    assert call(capsys, f"predict {work}/model.npz {work}/run.npz -o {work}/alpha.npz")[0] == 0
    for name, source in (("one", [work / "model.npz", work / "run.npz"]), ("steps", ["--alpha", work / "alpha.npz"])):
        code, _, err = call(capsys, "spectrum", *source, "--resolution", "20", "-o", work / f"{name}.csv")
        assert code == 0, err
    one, two = (
        np.genfromtxt(work / f"{name}.csv", delimiter=",", names=True, skip_header=3) for name in ("one", "steps")
    )
    assert one.dtype.names == two.dtype.names
    for column in one.dtype.names:
        np.testing.assert_allclose(two[column], one[column], rtol=1e-6, atol=1e-9)


def test_half_of_a_predicted_run_has_no_time_of_its_own(work, capsys):
    from bpm_nb.data.files import read

    assert call(capsys, f"predict {work}/model.npz {work}/run.npz -o {work}/whole.npz")[0] == 0
    write(work / "half.npz", read(work / "whole.npz")[::2])
    code, _, err = call(capsys, f"spectrum --alpha {work}/half.npz --resolution 20 -o {work}/half.csv")
    assert code == 2 and "does not say the time between frames" in err
    code, _, err = call(capsys, f"spectrum --alpha {work}/half.npz --dt-fs 4 --resolution 20 -o {work}/half.csv")
    assert code == 0, err


# ---- beside the Raman spectrum


def test_a_run_has_three_spectra_on_one_page_and_in_one_table(work, dipole, capsys):
    assert (
        call(
            capsys, f"spectrum {work}/model.npz {work}/run.npz --infrared {dipole} --resolution 20 -o {work}/three.html"
        )[0]
        == 0
    )
    page = (work / "three.html").read_text()
    assert (
        "<h2>One run, three spectra</h2>" in page and "<h2>Strongest infrared peaks</h2>" in page and "km/mol" in page
    )
    assert "one standard error, from 2 blocks: too few to trust" in page
    assert (
        call(
            capsys,
            f"spectrum {work}/model.npz {work}/run.npz --infrared {dipole} --resolution 20 -o "
            f"{work}/three.csv --intensity",
        )[0]
        == 0
    )
    table = np.genfromtxt(work / "three.csv", delimiter=",", names=True, skip_header=3)
    assert (
        table.dtype.names[-4:] == ("infrared", "infrared_error", "states", "states_error")
        and np.isfinite(table["infrared_error"]).all()
    )
    assert 1500 < table["wavenumber_cm1"][(table["infrared"] * (table["wavenumber_cm1"] < 2500)).argmax()] < 1650


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["{model}", "{run}", "--infrared", "{model}", "-o", "x.html"], "model.npz: .*not of the dipole"),
        (["{model}", "{run}", "--infrared", "{dipole}", "-o", "x.jdx"], "x.jdx: a .jdx holds one spectrum"),
        (["--alpha", "{series}", "--infrared", "{dipole}", "-o", "x.html"], "needs MODEL and TRAJECTORY"),
    ],
)
def test_an_infrared_spectrum_that_cannot_be_is_one_sentence(work, dipole, capsys, arguments, message, monkeypatch):
    monkeypatch.chdir(work)
    names = dict(model=work / "model.npz", run=work / "run.npz", series=work / "series.npy", dipole=dipole)
    code, _, err = call(capsys, "spectrum", *(a.format(**names) for a in arguments))
    assert code == 2 and re.search(message, err) and not (work / "x.html").exists()


def test_the_models_own_error_stands_apart(work, capsys):
    write(work / "train.npz", ENOL.train[:30])
    for ending in ("csv", "html"):
        code, _, err = call(
            capsys,
            f"spectrum {work}/model.npz {work}/run.npz --train {work}/train.npz --resolution 20 -o {work}/own.{ending}",
        )
        assert code == 0, err
    table = np.genfromtxt(work / "own.csv", delimiter=",", names=True, skip_header=3)
    strongest = table["natural"].argmax()
    assert 0.001 < table["natural_model_error"][strongest] / table["natural"][strongest] < 0.5
    page = (work / "own.html").read_text()
    assert "when each quarter of them is left out" in page and "error of the model" in page
    code, out, err = call(
        capsys,
        f"assign {work}/model.npz {work}/run.npz --train {work}/train.npz --resolution 20 "
        f"--bands 2 -o {work}/own.html --json",
    )
    assert code == 0, err
    assert all(re.match(r"\w+–\w+ -?\d+ ± \d+ %", row["bonds and their shares"]) for row in json.loads(out)["bands"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["{}/model.npz", "{}/run.npz", "-o", "{}/own.jdx"],
        ["--alpha", "{}/series.npy", "--dt-fs", "1", "-o", "{}/own.csv"],
    ],
)
def test_the_models_own_error_needs_a_model_and_a_place(work, capsys, arguments):
    code, _, err = call(capsys, "spectrum", *(a.format(work) for a in arguments), "--train", work / "train.npz")
    assert code == 2 and "the model's own error needs" in err and err.count("\n") == 1


# ---- runs that cannot be used, or only with a warning


@pytest.mark.parametrize("resolution", ["1e4", "1e9", "1e-9"])
def test_a_resolution_that_the_trajectory_cannot_have(files, capsys, resolution):
    write(files / "run.npz", Trajectory(ENOL.trajectory.numbers, ENOL.trajectory.pos[:1, :300], 2.0))
    is_one_line(
        *call(capsys, f"spectrum {files}/model.npz {files}/run.npz -o {files}/s.csv --resolution {resolution}"),
        "run.npz",
        "resolution",
    )


def test_a_time_step_other_than_the_trajectory_has(files, capsys):
    write(files / "run.npz", Trajectory(ENOL.trajectory.numbers, ENOL.trajectory.pos[:1, :300], 2.0))
    is_one_line(
        *call(capsys, f"spectrum {files}/model.npz {files}/run.npz --dt-fs 0.5 -o {files}/s.csv"),
        "run.npz",
        "2 fs apart",
    )


def test_a_trajectory_that_is_too_short_or_no_trajectory(files, tmp_path, capsys):
    is_one_line(
        *call(capsys, f"spectrum {files}/model.npz {files}/test.xyz --dt-fs 1 -o {files}/x.csv"),
        "test.xyz",
        "ps",
    )
    is_one_line(*call(capsys, f"spectrum {files}/model.npz {files}/test.xyz -o {files}/x.csv"), "test.xyz", "--dt-fs")
    water = "3\nProperties=species:S:1:pos:R:3\nO 0 0 .12\nH 0 .76 -.47\nH 0 -.76 -.47\n"
    (tmp_path / "mixed.xyz").write_text(water + water.replace("H 0 .76 -.47\nH 0 -.76", "H 0 .76 -.47\nO 0 -.76"))
    is_one_line(
        *call(capsys, f"spectrum {files}/model.npz {tmp_path}/mixed.xyz --dt-fs 1 -o {files}/x.csv"),
        "mixed.xyz",
        "frame 1",
    )


def test_coarse_frames_are_a_warning_on_the_error_stream(work, capsys):
    write(work / "coarse.npz", Trajectory(ENOL.trajectory.numbers, ENOL.trajectory.pos[:2, :1500:3], 6.0))
    code, _, err = call(capsys, f"spectrum {work}/model.npz {work}/coarse.npz -o {work}/coarse.csv --resolution 20")
    assert code == 0 and "save a frame every 4.0 fs or less" in err


def test_a_run_of_another_molecule_is_warned_of(work, capsys):
    keto = load("malonaldehyde-keto").trajectory
    write(work / "keto-run.npz", Trajectory(keto.numbers, keto.pos[:2, :900], 2.0, temperature_K=300.0))
    for run, strange in (("run.npz", False), ("keto-run.npz", True)):
        for verb in (["spectrum"], ["assign"]):
            code, _, err = call(
                capsys, *verb, work / "model.npz", work / run, "--resolution", "20", "-o", work / "strange.html"
            )
            assert code == 0 and ("never saw a molecule like this one" in err) == strange


@pytest.mark.parametrize(
    "run",
    [
        "a run",
        dict(shape="2"),
        dict(shape=[2, 450]),
        dict(shape=[-2, -450], dt_fs=2.0),
        dict(shape=[2, 450], dt_fs="two"),
    ],
)
def test_what_a_stranger_says_of_a_run_is_not_believed(work, capsys, run):
    alpha = np.cos(0.3 * np.arange(900))[:, None, None] * np.eye(3)
    write(
        work / "said.npz",
        Frames(
            np.tile([8, 1, 1], (900, 1)),
            np.tile([[0, 0, 0], [1, 0, 0], [0, 1.0, 0]], (900, 1, 1)),
            alpha,
            provenance=dict(run=run),
        ),
    )
    code, _, err = call(capsys, f"spectrum --alpha {work}/said.npz --resolution 40 -o {work}/said.csv")
    assert code == 2 and "does not say the time between frames" in err


def test_tables_end_above_the_highest_band_unless_all_is_asked_for(work, capsys):
    last = {}
    for name, option in (("cut", ""), ("whole", "--full-range")):
        command = f"spectrum {work}/model.npz {work}/run.npz --resolution 20 -o {work}/{name}.csv --json {option}"
        code, out, err = call(capsys, command)
        assert code == 0, err
        table = np.genfromtxt(work / f"{name}.csv", delimiter=",", names=True, skip_header=3)
        last[name] = table["wavenumber_cm1"][-1]
    highest = max(p["wavenumber_cm1"] for p in json.loads(out)["peaks"])
    assert 1.05 * highest < last["cut"] < 1.25 * highest + 100 < last["whole"]


def test_a_page_shows_the_molecule_and_says_what_moves_in_each_band(work, capsys):
    code, _, err = call(capsys, f"spectrum {work}/model.npz {work}/run.npz --resolution 20 -o {work}/moves.html")
    assert code == 0, err
    page = (work / "moves.html").read_text("utf-8")
    assert "<svg viewBox" in page and ">H9<" in page and "what moves" in page and " stretch " in page
    assert 'data-file="bands.csv"' in page and "Å⁴/u" in page and "<details><summary>All settings" in page
