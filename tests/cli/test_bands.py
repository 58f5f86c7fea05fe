"The verb assign: bonds, motions and lines on a page."

import json
import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest
from ase.io import read as ase_read
from command_line import ENOL, call

from bpm_nb.data.files import write
from bpm_nb.data.records import Frames, Trajectory
from bpm_nb.dynamics.calculators import isotope_masses
from bpm_nb.models.polarizability import BondPolarizability


def test_assign_writes_a_page_and_the_motions(work, capsys):
    (work / "motions").mkdir()
    code, out, err = call(
        capsys,
        f"assign {work}/model.npz {work}/run.npz -o {work}/bands.html --resolution 20 "
        f"--lines 245 1025 1560 3100 --motions {work}/motions --bands 5 --json",
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
        "wavenumber_cm1,strength,assignment,kind,source\n"
        "1025,strong,ring mode,calculated,this test\n1560,strong,stretch,calculated,this test\n"
    )
    assert (
        call(
            capsys, f"assign {work}/model.npz {work}/run.npz -o {work}/b.html --resolution 20 --lines {work}/lines.csv"
        )[0]
        == 0
    )
    assert "ring mode" in (work / "b.html").read_text()


@pytest.mark.parametrize(
    "options", [["--lines", "malonaldehyde-enol"], ["--lines", "{}/table.csv", "--harmonic", "{}/surface.npz"]]
)
def test_assign_names_bands_by_their_motion(work, capsys, options):
    """The nearest line of the aldehyde's C–H stretch in the run is another one.

    Its motion is that of 2980 by density-functional theory, and of 2826 on the surface of the run.
    """
    write(work / "surface.npz", ENOL.harmonic_gfn2)
    (work / "table.csv").write_text(
        "wavenumber_cm1,strength,assignment,kind,source\n2826,strong,C–H stretch of the aldehyde,calculated,this test\n"
    )
    code, out, err = call(
        capsys,
        f"assign {work}/model.npz {work}/run.npz -o {work}/m.html --resolution 20",
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
            f"assign {work}/model.npz {work}/run.npz -o {work}/m.html --resolution 20 --bands 2 --json",
            *options,
        )
        assert code == 0, err
        shares.append(
            set(re.findall(r"[A-Z]\d(?:–|\\u2013)[A-Z]\d", (work / "m.html").read_text().replace("–", "\\u2013")))
        )
    assert len(shares[0]) == 8 and len(shares[1]) > 8


def test_assign_lays_the_run_beside_its_harmonic_lines(work, capsys):
    code, _, err = call(
        capsys,
        f"assign {work}/model.npz {work}/run.npz -o {work}/h.html --resolution 20 "
        f"--harmonic malonaldehyde-enol --bands 3",
    )
    assert code == 0, err
    page = (work / "h.html").read_text()
    assert "<h2>Against harmonic lines</h2>" in page and "run (cm⁻¹)" in page
    assert (
        "another molecule"
        in call(
            capsys,
            f"assign {work}/model.npz {work}/run.npz -o {work}/h.html --resolution 20 --harmonic malonaldehyde-keto",
        )[2]
    )


def test_a_line_on_a_band_is_beside_it(work, capsys):
    "Three lines that a common factor would bring nearer to others do not move the one that fits."
    code, out, err = call(
        capsys, f"assign {work}/model.npz {work}/run.npz --resolution 20 --lines 1010 1540 2850 3118 -o {work}/l.html"
    )
    assert code == 0 and re.search(r"311\d.*nearest line 3118\)", out), err


def test_lines_of_natural_elements_beside_a_run_of_isotopes(work, capsys):
    run = ENOL.trajectory
    masses = np.array(isotope_masses(run.numbers, {6: 2.014}))
    write(work / "heavy.npz", Trajectory(run.numbers, run.pos[:2, :900], 2.0, temperature_K=300.0, masses=masses))
    code, _, err = call(
        capsys, f"assign {work}/model.npz {work}/heavy.npz --resolution 20 --lines malonaldehyde-enol -o {work}/h.html"
    )
    assert code == 0 and "the run has other isotopes" in err
    code, _, err = call(capsys, f"isotopes malonaldehyde-enol --masses H7=2.014 H7=3 -o {work}/i.html")
    assert code == 2 and "named twice" in err


def test_atoms_that_no_bond_connects_and_molecules_that_lie_on_a_line(tmp_path, capsys):
    "Three atoms of argon have shares of pairs and motions, and so has carbon dioxide."
    rng, t = np.random.default_rng(0), np.arange(1500)[:, None, None]
    for name, numbers, rest, pair in (
        ("ar", [18] * 3, [[0, 0, 0], [3.7, 0, 0], [1.8, 3.2, 0]], "Ar1–Ar2"),
        ("co2", [8, 6, 8], [[-1.16, 0, 0], [0, 0, 0], [1.16, 0, 0]], "C2–O1"),
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
            f"assign {tmp_path}/{name}_model.npz {tmp_path}/{name}.npz --resolution 40 --bands 2 -o {tmp_path}/x.html",
        )
        assert code == 0 and pair in out, (out, err)
