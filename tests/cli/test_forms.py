"The verbs compare and isotopes."

import json
import re
from hashlib import sha256

import numpy as np
import pytest
from command_line import ENOL, call

from bpm_nb.core.units import C_CM_FS
from bpm_nb.data.files import write
from bpm_nb.data.records import Trajectory
from bpm_nb.dynamics.calculators import isotope_masses
from bpm_nb.reports.html import short_names


def test_two_forms_are_compared_and_a_measured_spectrum_is_taken_apart(work, capsys):
    for name, part in (("one", slice(0, 4)), ("two", slice(4, 8))):
        write(
            work / f"{name}.npz",
            Trajectory(ENOL.trajectory.numbers, ENOL.trajectory.pos[part, :900], 2.0, temperature_K=300.0),
        )
    assert (
        call(capsys, f"spectrum {work}/model.npz {work}/two.npz -o {work}/two.csv --intensity --resolution 20")[0] == 0
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
        f"compare {work}/model.npz {work}/one.npz {work}/two.npz --mixture "
        f"{work}/measured.csv --resolution 20 -o {work}/forms.html --json",
    )
    assert code == 0, err
    np.testing.assert_allclose(json.loads(out)["fractions"], [0, 1], atol=1e-4)
    assert "What measured.csv is made of" in (work / "forms.html").read_text()
    code, out, _ = call(
        capsys, f"compare {work}/model.npz {work}/one.npz {work}/two.npz --resolution 20 -o {work}/forms.html"
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
        capsys, f"compare {work}/model.npz {work}/enol/run.npz {work}/keto/run.npz --resolution 20 -o {work}/forms.html"
    )
    page = (work / "forms.html").read_text()
    assert code == 0 and "enol/run and keto/run" in page, err
    for name in ("enol/run.npz", "keto/run.npz"):
        assert sha256((work / name).read_bytes()).hexdigest() in page
    assert short_names([work / "enol/run.npz", work / "keto/other.npz"]) == {
        work / "enol/run.npz": "run.npz",
        work / "keto/other.npz": "other.npz",
    }


def test_runs_at_two_temperatures_are_compared_without_what_heat_alone_does(work, capsys):
    "Activities grow with temperature, intensities do not."
    run = ENOL.trajectory
    for kelvin in (300.0, 330.0):
        write(work / f"{kelvin:g}K.npz", Trajectory(run.numbers, run.pos[:, :900], 2.0, temperature_K=kelvin))
    pages = {}
    for name, options in (("heat", []), ("same", ["--temperature", "300"])):
        code, out, err = call(
            capsys,
            f"compare {work}/model.npz {work}/300K.npz {work}/330K.npz --resolution 20 -o {work}/{name}.html",
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
        ("", "no table of numbers"),
        ("a,b\n", "no table of numbers"),
        ("1,2\n3\n", "line 2 has another number of columns"),
        ("1,2\n3,x\n", "a word among the numbers"),
        ("\n".join(f"{k}.5,{'nan' if k == 7 else k % 5}" for k in range(30)), "row 8 is not a finite number"),
        ("1,2\n3,4\n", "2 points are too few"),
    ],
)
def test_a_bad_measured_spectrum_is_one_line(work, capsys, text, message):
    (work / "bad.csv").write_text(text)
    code, _, err = call(
        capsys, f"compare {work}/model.npz {work}/run.npz {work}/run.npz --mixture {work}/bad.csv -o {work}/f.html"
    )
    assert code == 2 and err.count("\n") == 1 and "bad.csv" in err and re.search(message, err)


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


def test_isotopes_of_a_shipped_molecule(work, capsys):
    code, out, err = call(capsys, f"isotopes malonaldehyde-enol --masses H9=2.014 -o {work}/isotopes.html --json")
    assert code == 0, err
    rows = json.loads(out)["modes"]
    assert len(rows) == 21 and sum(int(r["shift"]) < -700 for r in rows) == 1
    page = (work / "isotopes.html").read_text()
    assert "<h2>Harmonic lines</h2>" in page and "H9=2.014" in page


def test_isotopes_of_two_runs(work, capsys):
    "Small vibrations along the modes of light and heavy hydrogen: each band of the second is where the modes put it."
    from bpm_nb.spectra.modes import normal_modes

    minimum, files = ENOL.harmonic_dft, []
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
        "H9=2.014",
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
        (["malonaldehyde-enol", "--masses", "H100=2.014"], "no atom 99"),
        (["malonaldehyde-enol", "--masses", "H1=2.014"], "another element"),
        (["nowhere.npz", "--masses", "H1=2.014"], "nowhere.npz: no such file"),
        (["{run}", "--masses", "H9=2.014"], "no derivatives in it"),
    ],
)
def test_isotopes_that_cannot_be_are_one_sentence(work, capsys, arguments, message):
    code, _, err = call(
        capsys, "isotopes", *(a.format(run=work / "run.npz") for a in arguments), "-o", work / "bad.html"
    )
    assert code == 2 and message in err and not (work / "bad.html").exists()
