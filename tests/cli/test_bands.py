"""Spectra and assignments from the command line: files for other programs, series of other programs, bad input in one line."""

import json
import re
from dataclasses import replace
from hashlib import sha256
from html import unescape

import jcamp
import numpy as np
import pytest
from ase.io import read as ase_read
from ase.io import write as ase_write
from command_line import call

from bpm_nb.core.units import C_CM_FS
from bpm_nb.data.datasets import load
from bpm_nb.data.files import write
from bpm_nb.data.records import Frames, Trajectory
from bpm_nb.dynamics.calculators import isotope_masses
from bpm_nb.models.polarizability import BondPolarizability
from bpm_nb.reports.html import short_names
from bpm_nb.spectra.raman import raman_spectrum

ENOL = load("malonaldehyde-enol")


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    "A folder with a model, a short run, and a polarizability series."
    folder = tmp_path_factory.mktemp("work")
    BondPolarizability(n_points=100).fit(ENOL.train[:30]).save(folder / "model.npz")
    write(
        folder / "run.npz", Trajectory(ENOL.trajectory.numbers, ENOL.trajectory.pos[:2, :900], 2.0, temperature_K=300.0)
    )
    t = np.arange(8000)
    np.save(folder / "series.npy", np.cos(2 * np.pi * C_CM_FS * 900 * t)[:, None, None] * np.diag([1, 2, 3.0]))
    return folder


def test_assign_writes_a_page_and_the_motions(work, capsys):
    (work / "motions").mkdir()
    code, out, err = call(
        capsys,
        "assign",
        work / "model.npz",
        work / "run.npz",
        "-o",
        work / "bands.html",
        "--resolution",
        "20",
        "--lines",
        "245",
        "1025",
        "1560",
        "3100",
        "--motions",
        work / "motions",
        "--bands",
        "5",
        "--json",
    )
    assert code == 0, err
    found, page = json.loads(out), (work / "bands.html").read_text()
    assert len(found["bands"]) == len(found["motions"]) == len(found["files"]) == 5
    assert sorted(r["line (cm⁻¹)"] for r in found["lines"] if r["line (cm⁻¹)"] != "–") == [
        "1025",
        "1560",
        "245",
        "3100",
    ]
    for heading in ("Which bonds", "Which motion", "Which line", "Settings"):
        assert f"<h2>{heading}</h2>" in page
    for file in found["files"]:
        assert len(ase_read(file, ":")) == 24
    assert all(re.match(r"\w+–\w+ -?\d+ %", row["bonds and their shares"]) for row in found["bands"])
    settings = json.loads(unescape(re.search(r'<meta name="bpm_nb-settings" content="(.*?)">', page)[1]))
    assert settings["resolution_cm1"] == 20 and len(settings["run.npz"]) == len(settings["model.npz"]) == 64


def test_assign_names_the_lines_of_a_table(work, capsys):
    (work / "lines.csv").write_text(
        "wavenumber_cm1,strength,assignment,kind,source\n1025,strong,ring mode,calculated,this test\n1560,strong,stretch,calculated,this test\n"
    )
    assert (
        call(
            capsys,
            "assign",
            work / "model.npz",
            work / "run.npz",
            "-o",
            work / "b.html",
            "--resolution",
            "20",
            "--lines",
            work / "lines.csv",
        )[0]
        == 0
    )
    assert "ring mode" in (work / "b.html").read_text()


@pytest.mark.parametrize(
    "options", [["--lines", "malonaldehyde-enol"], ["--lines", "{}/table.csv", "--harmonic", "malonaldehyde-enol"]]
)
def test_assign_names_bands_by_their_motion(work, capsys, options):
    "The nearest line of the aldehyde's C–H stretch in the run is another one; its motion is that of 2980 by density-functional theory, and of 2826 on the surface of the run."
    (work / "table.csv").write_text(
        "wavenumber_cm1,strength,assignment,kind,source\n2826,strong,C–H stretch of the aldehyde,calculated,this test\n"
    )
    code, out, err = call(
        capsys,
        "assign",
        work / "model.npz",
        work / "run.npz",
        "-o",
        work / "m.html",
        "--resolution",
        "20",
        *(o.format(work) for o in options),
    )
    assert code == 0, err
    named = [line for line in out.splitlines() if "C–H stretch of the aldehyde" in line]
    assert len(named) == 1 and 2650 < float(named[0].split()[0]) < 2880 and re.search(r"overlap (0\.9|1\.0)", named[0])
    assert (
        "not an observable" in out
        and "bands beside the lines whose normal mode moves as they do" in (work / "m.html").read_text()
    )


def test_assign_shows_bonds_or_all_pairs(work, capsys):
    shares = []
    for options in ([], ["--pairs"]):
        code, out, err = call(
            capsys,
            "assign",
            work / "model.npz",
            work / "run.npz",
            "-o",
            work / "m.html",
            "--resolution",
            "20",
            "--bands",
            "2",
            "--json",
            *options,
        )
        assert code == 0, err
        shares.append(
            set(re.findall(r"[A-Z]\d(?:–|\\u2013)[A-Z]\d", (work / "m.html").read_text().replace("–", "\\u2013")))
        )
    assert len(shares[0]) == 8 and len(shares[1]) > 8


def test_a_jcamp_file_and_an_intensity_for_other_programs(work, capsys):
    curves = {}
    for name, options in (("activity", []), ("intensity", ["--intensity", "--laser", "785", "--temperature", "250"])):
        for ending in ("jdx", "csv"):
            code, _, err = call(
                capsys,
                "spectrum",
                work / "model.npz",
                work / "run.npz",
                "-o",
                work / f"{name}.{ending}",
                "--resolution",
                "20",
                *options,
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


def test_a_series_of_another_program_goes_straight_to_the_spectrum(work, capsys):
    code, out, err = call(
        capsys, "spectrum", "--alpha", work / "series.npy", "--dt-fs", "1", "-o", work / "series.csv", "--json"
    )
    assert code == 0, err
    assert abs(json.loads(out)["peaks"][0]["wavenumber_cm1"] - 900) < 0.1
    table = np.genfromtxt(work / "series.csv", delimiter=",", names=True, skip_header=3)
    np.testing.assert_allclose(
        table["vv"], raman_spectrum(np.load(work / "series.npy"), 1.0).vv, rtol=1e-6, atol=1e-6 * table["vv"].max()
    )
    rows = np.column_stack([np.arange(8000) * 1.0, np.load(work / "series.npy").reshape(-1, 9)])
    np.savetxt(work / "series.txt", rows, header="time_fs xx xy xz yx yy yz zx zy zz", comments="")
    code, out, _ = call(capsys, "spectrum", "--alpha", work / "series.txt", "-o", work / "again.html", "--json")
    assert code == 0 and abs(json.loads(out)["peaks"][0]["wavenumber_cm1"] - 900) < 0.1


def test_a_run_of_another_program_is_read(work, capsys):
    ase_write(work / "run.traj", ase_images(900))
    code, out, err = call(
        capsys,
        "spectrum",
        work / "model.npz",
        work / "run.traj",
        "--dt-fs",
        "2",
        "--resolution",
        "20",
        "-o",
        work / "t.csv",
        "--json",
    )
    assert code == 0, err
    short = Trajectory(ENOL.trajectory.numbers, ENOL.trajectory.pos[:1, :900], 2.0)
    write(work / "same.npz", short)
    again = call(
        capsys, "spectrum", work / "model.npz", work / "same.npz", "--resolution", "20", "-o", work / "t2.csv", "--json"
    )[1]
    assert json.loads(out)["peaks"] == json.loads(again)["peaks"]


def ase_images(n):
    from ase import Atoms

    return [Atoms(ENOL.trajectory.numbers, p) for p in ENOL.trajectory.pos[0, :n]]


def test_coarse_frames_are_a_warning_on_the_error_stream(work, capsys):
    write(work / "coarse.npz", Trajectory(ENOL.trajectory.numbers, ENOL.trajectory.pos[:2, :1500:3], 6.0))
    code, _, err = call(
        capsys, "spectrum", work / "model.npz", work / "coarse.npz", "-o", work / "coarse.csv", "--resolution", "20"
    )
    assert code == 0 and "save a frame every 4.0 fs or less" in err


@pytest.mark.parametrize(
    "arguments,message",
    [
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
        (
            [
                "assign",
                "{}/model.npz",
                "{}/run.npz",
                "-o",
                "{}/s.html",
                "--resolution",
                "20",
                "--motions",
                "{}/no/folder",
            ],
            "no such folder",
        ),
        (["assign", "{}/model.npz", "{}/run.npz", "-o", "{}/s.html"], "too short"),
    ],
)
def test_bad_input_is_one_line(work, capsys, arguments, message):
    try:
        code, out, err = call(capsys, *(a.format(work) for a in arguments))
    except SystemExit as stop:
        code, out, err = stop.code, "", capsys.readouterr().err.splitlines()[-1] + "\n"
    assert code == 2 and not out and err.startswith("bpm-nb") and err.count("\n") == 1
    assert re.search(message, err)


def test_two_forms_are_compared_and_a_measured_spectrum_is_taken_apart(work, capsys):
    for name, part in (("one", slice(0, 4)), ("two", slice(4, 8))):
        write(
            work / f"{name}.npz",
            Trajectory(ENOL.trajectory.numbers, ENOL.trajectory.pos[part, :900], 2.0, temperature_K=300.0),
        )
    assert (
        call(
            capsys,
            "spectrum",
            work / "model.npz",
            work / "two.npz",
            "-o",
            work / "two.csv",
            "--intensity",
            "--resolution",
            "20",
        )[0]
        == 0
    )
    table = np.genfromtxt(work / "two.csv", delimiter=",", names=True, skip_header=3)
    np.savetxt(
        work / "measured.csv",
        np.column_stack([table["wavenumber_cm1"], 7 * table["natural"]]),
        delimiter=",",
        header="shift,counts",
        comments="",
    )
    code, out, err = call(
        capsys,
        "compare",
        work / "model.npz",
        work / "one.npz",
        work / "two.npz",
        "--mixture",
        work / "measured.csv",
        "--resolution",
        "20",
        "-o",
        work / "forms.html",
        "--json",
    )
    assert code == 0, err
    np.testing.assert_allclose(json.loads(out)["fractions"], [0, 1], atol=1e-4)
    assert "What measured.csv is made of" in (work / "forms.html").read_text()
    code, out, _ = call(
        capsys,
        "compare",
        work / "model.npz",
        work / "one.npz",
        work / "two.npz",
        "--resolution",
        "20",
        "-o",
        work / "forms.html",
    )
    assert code == 0 and out.startswith("marker bands: no area differs")


def test_forms_with_one_file_name_are_told_apart_by_their_folders(work, capsys):
    for name, part in (("enol", slice(0, 4)), ("keto", slice(4, 8))):
        (work / name).mkdir()
        write(
            work / name / "run.npz",
            Trajectory(ENOL.trajectory.numbers, ENOL.trajectory.pos[part, :900], 2.0, temperature_K=300.0),
        )
    code, out, err = call(
        capsys,
        "compare",
        work / "model.npz",
        work / "enol/run.npz",
        work / "keto/run.npz",
        "--resolution",
        "20",
        "-o",
        work / "forms.html",
    )
    page = (work / "forms.html").read_text()
    assert code == 0 and "enol/run and keto/run" in page, err
    for name in ("enol/run.npz", "keto/run.npz"):
        assert sha256((work / name).read_bytes()).hexdigest() in page
    assert short_names([work / "enol/run.npz", work / "keto/other.npz"]) == {
        work / "enol/run.npz": "run.npz",
        work / "keto/other.npz": "other.npz",
    }


def test_a_run_of_another_molecule_is_warned_of(work, capsys):
    keto = load("malonaldehyde-keto").trajectory
    write(work / "keto-run.npz", Trajectory(keto.numbers, keto.pos[:2, :900], 2.0, temperature_K=300.0))
    for run, strange in (("run.npz", False), ("keto-run.npz", True)):
        for verb in (["spectrum"], ["assign"]):
            code, _, err = call(
                capsys, *verb, work / "model.npz", work / run, "--resolution", "20", "-o", work / "strange.html"
            )
            assert code == 0 and ("never saw a molecule like this one" in err) == strange


def test_runs_at_two_temperatures_are_compared_without_what_heat_alone_does(work, capsys):
    "Activities grow with temperature, intensities do not."
    run = ENOL.trajectory
    for kelvin in (300.0, 330.0):
        write(work / f"{kelvin:g}K.npz", Trajectory(run.numbers, run.pos[:, :900], 2.0, temperature_K=kelvin))
    pages = {}
    for name, options in (("heat", []), ("same", ["--temperature", "300"])):
        code, out, err = call(
            capsys,
            "compare",
            work / "model.npz",
            work / "300K.npz",
            work / "330K.npz",
            "--resolution",
            "20",
            "-o",
            work / f"{name}.html",
            *options,
        )
        assert code == 0, err
        pages[name] = (work / f"{name}.html").read_text()
    assert (
        "Raman intensity of both, 300 and 330 K" in pages["heat"]
        and "Raman activity of both, 300 and 300 K" in pages["same"]
        and "temperature_K" not in pages["heat"]
    )


@pytest.mark.parametrize(
    "text,message",
    [
        ("", "no row"),
        ("a,b\n", "no row"),
        ("1,2\n3\n", "two numbers"),
        ("1,2\n3,x\n", "word"),
        ("1,2\n3,nan\n", "not finite"),
    ],
)
def test_a_bad_measured_spectrum_is_one_line(work, capsys, text, message):
    (work / "bad.csv").write_text(text)
    code, _, err = call(
        capsys,
        "compare",
        work / "model.npz",
        work / "run.npz",
        work / "run.npz",
        "--mixture",
        work / "bad.csv",
        "-o",
        work / "f.html",
    )
    assert code == 2 and err.count("\n") == 1 and "bad.csv" in err and re.search(message, err)


# ---- infrared, isotopes, harmonic lines


@pytest.fixture(scope="module")
def dipole(work):
    "A model of the dipole."
    code, frames = 0, work / "train.npz"
    write(frames, ENOL.train[:30])
    from bpm_nb.cli.program import main

    assert (
        main(["fit", str(frames), "--quantity", "dipole", "--n-points", "100", "-o", str(work / "dipole.npz")]) == code
    )
    return work / "dipole.npz"


def test_a_run_has_three_spectra_on_one_page_and_in_one_table(work, dipole, capsys):
    assert (
        call(
            capsys,
            "spectrum",
            work / "model.npz",
            work / "run.npz",
            "--infrared",
            dipole,
            "--resolution",
            "20",
            "-o",
            work / "three.html",
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
            "spectrum",
            work / "model.npz",
            work / "run.npz",
            "--infrared",
            dipole,
            "--resolution",
            "20",
            "-o",
            work / "three.csv",
            "--intensity",
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


def test_frames_without_dipoles_are_refused(work, capsys):
    write(work / "bare.npz", Frames(ENOL.train.numbers[:5], ENOL.train.pos[:5]))
    code, _, err = call(capsys, "fit", work / "bare.npz", "--quantity", "dipole", "-o", work / "no.npz")
    assert code == 2 and "dipole" in err


def test_isotopes_of_a_shipped_molecule(work, capsys):
    code, out, err = call(
        capsys, "isotopes", "malonaldehyde-enol", "--masses", "8=2.014", "-o", work / "isotopes.html", "--json"
    )
    assert code == 0, err
    rows = json.loads(out)["modes"]
    assert len(rows) == 21 and sum(int(r["shift"]) < -700 for r in rows) == 1
    page = (work / "isotopes.html").read_text()
    assert "<h2>Harmonic lines</h2>" in page and "8=2.014" in page


def test_isotopes_of_two_runs(work, capsys):
    "Small vibrations along the modes of light and of heavy hydrogen: each band of the second lies where the modes put it."
    from bpm_nb.spectra.modes import normal_modes

    minimum, files = ENOL.harmonic_gfn2, []
    for name, masses in (("light", {}), ("heavy", {8: 2.014})):
        mass = np.array(isotope_masses(minimum.numbers, masses))
        modes = normal_modes(minimum, mass)
        w = 2 * np.pi * C_CM_FS * modes.wavenumber_cm1
        q = (
            0.003
            / w
            * np.cos(w * 2.0 * np.arange(1500)[:, None] + np.random.default_rng(0).uniform(0, 6, (2, 1, len(w))))
        )
        write(
            work / f"{name}.npz",
            Trajectory(
                minimum.numbers,
                minimum.pos + np.einsum("gtk,kai->gtai", q, modes.displacement),
                2.0,
                temperature_K=300.0,
                masses=mass if masses else None,
            ),
        )
        files.append(work / f"{name}.npz")
    arguments = [
        "isotopes",
        "malonaldehyde-enol",
        "--masses",
        "8=2.014",
        "--model",
        work / "model.npz",
        "--resolution",
        "15",
        "-o",
        work / "runs.html",
        "--json",
        "--runs",
    ]
    code, out, err = call(capsys, *arguments, *files)
    assert code == 0, err
    rows = json.loads(out)["bands"]
    residuals = [abs(int(r["residual"])) for r in rows if r["residual"] != "–"]
    assert (
        len(residuals) >= 6
        and np.median(residuals) <= 3
        and sum(int(r["shift"]) < -780 for r in rows if r["shift"] != "–") == 1
    )
    assert "Shift of each band" in (work / "runs.html").read_text()
    code, _, err = call(capsys, *arguments, *files[::-1])
    assert code == 2 and "heavy.npz: its masses are not those" in err
    assert "together" in call(capsys, *arguments[:4], "--model", work / "model.npz", "-o", work / "runs.html")[2]


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["malonaldehyde-enol", "--masses", "99=2.014"], "no atom 99"),
        (["malonaldehyde-enol", "--masses", "0=2.014"], "another element"),
        (["nowhere.npz", "--masses", "0=2.014"], "nowhere.npz: no such file"),
        (["{run}", "--masses", "8=2.014"], "no derivatives in it"),
    ],
)
def test_isotopes_that_cannot_be_are_one_sentence(work, capsys, arguments, message):
    code, _, err = call(
        capsys, "isotopes", *(a.format(run=work / "run.npz") for a in arguments), "-o", work / "bad.html"
    )
    assert code == 2 and message in err and not (work / "bad.html").exists()


def test_assign_lays_the_run_beside_its_harmonic_lines(work, capsys):
    code, _, err = call(
        capsys,
        "assign",
        work / "model.npz",
        work / "run.npz",
        "-o",
        work / "h.html",
        "--resolution",
        "20",
        "--harmonic",
        "malonaldehyde-enol",
        "--bands",
        "3",
    )
    assert code == 0, err
    page = (work / "h.html").read_text()
    assert "<h2>Against harmonic lines</h2>" in page and "run (cm⁻¹)" in page
    assert (
        "another molecule"
        in call(
            capsys,
            "assign",
            work / "model.npz",
            work / "run.npz",
            "-o",
            work / "h.html",
            "--resolution",
            "20",
            "--harmonic",
            "malonaldehyde-keto",
        )[2]
    )


def test_a_predicted_run_is_still_a_run(work, capsys):
    "Segments and time step stay with the polarizabilities, so that two steps give the spectrum of one."
    assert call(capsys, "predict", work / "model.npz", work / "run.npz", "-o", work / "alpha.npz")[0] == 0
    for name, source in (("one", [work / "model.npz", work / "run.npz"]), ("steps", ["--alpha", work / "alpha.npz"])):
        code, _, err = call(capsys, "spectrum", *source, "--resolution", "20", "-o", work / f"{name}.csv")
        assert code == 0, err
    one, two = (
        np.genfromtxt(work / f"{name}.csv", delimiter=",", names=True, skip_header=3) for name in ("one", "steps")
    )
    assert one.dtype.names == two.dtype.names
    for column in one.dtype.names:
        np.testing.assert_allclose(two[column], one[column], rtol=1e-6, atol=1e-9)


def test_what_is_printed_is_what_is_written(work, dipole, capsys):
    for options, told in (([], "peaks of the activity"), (["--intensity"], "peaks of the intensity")):
        code, out, err = call(
            capsys,
            "spectrum",
            work / "model.npz",
            work / "run.npz",
            "--infrared",
            dipole,
            "--resolution",
            "20",
            "-o",
            work / "told.csv",
            *options,
        )
        assert code == 0 and told in out and re.search(r"strongest infrared peaks:\n +[\d.]+ .* km/mol", out), err
        assert "infrared in e^2 bohr^2 fs^-2 cm, states in cm" in (work / "told.csv").read_text().splitlines()[0]


@pytest.mark.parametrize(
    "names,expected",
    [
        (["enol_trajectory", "keto_trajectory"], ["enol", "keto"]),
        (["a_b_run", "c_run"], ["a_b", "c"]),
        (["run", "run"], ["run", "run"]),
        (["x_run", "run"], ["x_run", "run"]),
        (["300K", "400K"], ["300K", "400K"]),
        (["a/run_x", "b/run_x"], ["a/run", "b/run"]),
    ],
)
def test_names_of_two_forms_are_short(names, expected):
    from bpm_nb.reports.text import distinct_names

    assert distinct_names(names) == expected


def test_the_models_own_error_stands_apart(work, capsys):
    write(work / "train.npz", ENOL.train[:30])
    for ending in ("csv", "html"):
        code, _, err = call(
            capsys,
            "spectrum",
            work / "model.npz",
            work / "run.npz",
            "--train",
            work / "train.npz",
            "--resolution",
            "20",
            "-o",
            work / f"own.{ending}",
        )
        assert code == 0, err
    table = np.genfromtxt(work / "own.csv", delimiter=",", names=True, skip_header=3)
    strongest = table["natural"].argmax()
    assert 0.001 < table["natural_model_error"][strongest] / table["natural"][strongest] < 0.5
    page = (work / "own.html").read_text()
    assert "when each quarter of them is left out" in page and "error of the model" in page
    code, out, err = call(
        capsys,
        "assign",
        work / "model.npz",
        work / "run.npz",
        "--train",
        work / "train.npz",
        "--resolution",
        "20",
        "--bands",
        "2",
        "-o",
        work / "own.html",
        "--json",
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


def test_half_of_a_predicted_run_has_no_time_of_its_own(work, capsys):
    from bpm_nb.data.files import read

    assert call(capsys, "predict", work / "model.npz", work / "run.npz", "-o", work / "whole.npz")[0] == 0
    write(work / "half.npz", read(work / "whole.npz")[::2])
    code, _, err = call(capsys, "spectrum", "--alpha", work / "half.npz", "--resolution", "20", "-o", work / "half.csv")
    assert code == 2 and "does not say the time between frames" in err
    code, _, err = call(
        capsys, "spectrum", "--alpha", work / "half.npz", "--dt-fs", "4", "--resolution", "20", "-o", work / "half.csv"
    )
    assert code == 0, err


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
    code, _, err = call(capsys, "spectrum", "--alpha", work / "said.npz", "--resolution", "40", "-o", work / "said.csv")
    assert code == 2 and "does not say the time between frames" in err


def test_a_line_on_a_band_is_beside_it(work, capsys):
    "Three lines that a common factor would bring nearer to others do not move the one that fits."
    code, out, err = call(
        capsys,
        "assign",
        work / "model.npz",
        work / "run.npz",
        "--resolution",
        "20",
        "--lines",
        "1010",
        "1540",
        "2850",
        "3118",
        "-o",
        work / "l.html",
    )
    assert code == 0 and re.search(r"311\d.*nearest line 3118\)", out), err


def test_lines_of_natural_elements_beside_a_run_of_isotopes(work, capsys):
    run = ENOL.trajectory
    masses = np.array(isotope_masses(run.numbers, {6: 2.014}))
    write(work / "heavy.npz", Trajectory(run.numbers, run.pos[:2, :900], 2.0, temperature_K=300.0, masses=masses))
    code, _, err = call(
        capsys,
        "assign",
        work / "model.npz",
        work / "heavy.npz",
        "--resolution",
        "20",
        "--lines",
        "malonaldehyde-enol",
        "-o",
        work / "h.html",
    )
    assert code == 0 and "the run has other isotopes" in err
    code, _, err = call(capsys, "isotopes", "malonaldehyde-enol", "--masses", "6=2.014", "6=3", "-o", work / "i.html")
    assert code == 2 and "named twice" in err


def test_atoms_that_no_bond_connects_and_molecules_that_lie_on_a_line(tmp_path, capsys):
    "Three atoms of argon have shares of pairs and motions, carbon dioxide has neither motions nor a crash."
    rng, t = np.random.default_rng(0), np.arange(1500)[:, None, None]
    for name, numbers, rest, message in (
        ("ar", [18] * 3, [[0, 0, 0], [3.7, 0, 0], [1.8, 3.2, 0]], None),
        ("co2", [8, 6, 8], [[-1.16, 0, 0], [0, 0, 0], [1.16, 0, 0]], "lie on a line"),
    ):
        frames = Frames([numbers] * 40, np.array(rest) + 0.05 * rng.normal(size=(40, 3, 3)))
        far = np.linalg.norm(frames.pos[:, 0] - frames.pos[:, 1], axis=1)
        frames = replace(
            frames, alpha=(10 + far[:, None, None]) * np.eye(3) + far[:, None, None] * np.diag([1.0, 0, -1])
        )
        BondPolarizability(n_points=20).fit(frames).save(tmp_path / f"{name}_model.npz")
        moves = 0.05 * rng.normal(size=(3, 3)) * np.cos(0.2 * t) + 0.02 * rng.normal(size=(3, 3)) * np.cos(0.35 * t)
        write(tmp_path / f"{name}.npz", Trajectory(numbers, (np.array(rest) + moves)[None], 1.0, temperature_K=300.0))
        code, out, err = call(
            capsys,
            "assign",
            tmp_path / f"{name}_model.npz",
            tmp_path / f"{name}.npz",
            "--resolution",
            "40",
            "--bands",
            "2",
            "-o",
            tmp_path / "x.html",
        )
        assert (
            (code == 0 and "Ar0–Ar1" in out)
            if message is None
            else (code == 2 and message in err and err.splitlines()[-1].startswith("bpm-nb"))
        ), err
