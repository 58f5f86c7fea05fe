"From a molecule to its spectrum: known lines, killed runs, isotopes, rings, models of frames, and what is no molecule."

import json
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.io import write as write_images

from bpm_nb.core.files import InputError
from bpm_nb.data import Frames, load
from bpm_nb.data.files import read
from bpm_nb.dynamics.calculators import gfn2
from bpm_nb.pipeline import Dynamics, raman
from bpm_nb.pipeline.pages import certainty_text, full_sections
from bpm_nb.spectra.modes import normal_modes

SHORT = Dynamics(n_segments=1, length_ps=1, n_frames=40, step_fs=1.0, resolution_cm1=40)


def test_harmonic_lines_are_those_of_ase(tmp_path):
    "Wavenumbers by ASE's own vibrations on the same surface."
    from ase.vibrations import Vibrations

    made = raman(molecule("H2O"), tmp_path / "w", harmonic_only=True, gfn2_only=True)
    atoms = Atoms(made.harmonic.numbers, made.harmonic.pos, calculator=gfn2())
    there = Vibrations(atoms, name=str(tmp_path / "vib"), delta=0.01)
    there.run()
    np.testing.assert_allclose(made.modes.wavenumber_cm1, there.get_frequencies().real[-3:], atol=2.0)
    assert made.activity is None and "harmonic lines" in repr(made)


def test_a_band_of_the_run_is_near_its_harmonic_line_and_of_its_strength(tmp_path):
    made = raman(molecule("CO2"), tmp_path / "c", dynamics=SHORT)
    breathing = made.modes.activity.argmax()
    band = max(made.bands, key=lambda p: p.height)
    assert abs(band.wavenumber_cm1 - made.modes.wavenumber_cm1[breathing]) < 30
    assert made.modes.infrared[breathing] < 1e-3 < made.modes.infrared.max()


def test_small_molecules_teach_what_gfn2_lacks(tmp_path):
    "Lines of the keto form, which is not among them, against density-functional theory; the folder keeps its surface."
    record = load("malonaldehyde-keto").harmonic_dft
    exact, off = normal_modes(record).wavenumber_cm1, {}
    start = Atoms(record.numbers, record.pos)
    for alone in (True, False):
        made = raman(start, tmp_path / f"{alone}", harmonic_only=True, gfn2_only=alone)
        off[alone] = np.sqrt(np.mean((made.modes.wavenumber_cm1 - exact)[exact > 300] ** 2))
    assert off[False] < 0.6 * off[True] and "small organic molecules" in made.source.name
    assert "small organic molecules" in certainty_text(made)
    with pytest.raises(InputError, match="another models"):
        raman(start, tmp_path / "True", harmonic_only=True)


def test_deuterium_moves_the_lines_by_the_root_of_the_mass(tmp_path):
    light, heavy = (
        raman(molecule("H2"), tmp_path / f"{len(m)}", harmonic_only=True, masses=m or None)
        for m in ({}, {0: 2.014, 1: 2.014})
    )
    ratio = light.modes.wavenumber_cm1 / heavy.modes.wavenumber_cm1
    np.testing.assert_allclose(ratio, np.sqrt(2.014 / 1.008), rtol=1e-3)


def test_beads_are_in_the_spectrum_and_on_the_page(tmp_path):
    made = raman(molecule("H2O"), tmp_path / "w", dynamics=replace(SHORT, n_beads=4))
    assert made.run.beads.shape[2] == 4 and "4 beads" in certainty_text(made)
    assert {"Which motion", "Harmonic lines"} <= {heading for heading, *_ in full_sections(made)}


def test_frames_of_the_molecule_teach_what_gfn2_lacks(tmp_path):
    "Harmonic activities of the enol's strongest lines, with 60 frames: nearer to those of the table than GFN2-xTB's."
    enol = load("malonaldehyde-enol")
    exact = normal_modes(enol.harmonic_dft)
    off = {}
    start = Atoms(enol.train.numbers[0], enol.harmonic_dft.pos)
    for name, frames in (("cheap", None), ("learned", enol.train[:60])):
        made = raman(start, tmp_path / name, frames, harmonic_only=True, gfn2_only=frames is None)
        strong = np.argsort(-exact.activity)[:6]
        off[name] = (
            np.array([np.abs(made.modes.wavenumber_cm1 - exact.wavenumber_cm1[k]).min() for k in strong]),
            abs(made.modes.activity.sum() / exact.activity.sum() - 1),
        )
    assert np.sqrt(np.mean(off["learned"][0] ** 2)) < 0.4 * np.sqrt(np.mean(off["cheap"][0] ** 2))
    assert off["learned"][1] < 0.15 < off["cheap"][1]
    assert "dipole learned from frames of this molecule" in made.source.name


@pytest.mark.parametrize("kills, alone", [(4, ["--gfn2-only"]), pytest.param(20, [], marks=pytest.mark.slow)])
def test_a_killed_run_goes_on_and_ends_as_one_that_was_not(tmp_path, kills, alone):
    "Killed while it works, and begun again; nothing that was finished is made anew."
    molecule("H2O").write(tmp_path / "water.xyz")
    words = "--segments 1 --length-ps 1 --step-fs 1 --resolution 40 --workers 1 --json".split()
    command = [
        sys.executable,
        "-c",
        "import sys; from bpm_nb.cli.program import main; sys.exit(main(sys.argv[1:]))",
        "raman",
        str(tmp_path / "water.xyz"),
        *words,
        *alone,
        "-o",
    ]
    rng, finished = np.random.default_rng(0), {}
    for _ in range(kills):
        work = subprocess.Popen(
            [*command, str(tmp_path / "killed")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(rng.uniform(1.0, 5.0))
        work.kill()
        work.wait()
        there = {p: p.stat().st_mtime_ns for p in (tmp_path / "killed").glob("*.npz")}
        assert all(there[p] == t for p, t in finished.items() if p in there)
        finished |= there
    results = []
    for name in ("killed", "whole"):
        done = subprocess.run([*command, str(tmp_path / name)], capture_output=True, text=True, check=True)
        results.append(json.loads(done.stdout))
    assert results[0]["peaks"] == results[1]["peaks"] and results[0]["lines"] == results[1]["lines"]
    np.testing.assert_array_equal(*(read(tmp_path / name / "run.npz").pos for name in ("killed", "whole")))


@pytest.mark.parametrize(
    "atoms, words",
    [
        (Atoms("H"), "one atom alone"),
        (Atoms("H2", [[0, 0, 0], [0, 0, 0.0]]), "[Tt]oo close"),
        (molecule("CH3"), "unpaired|spin|electrons"),
        (Atoms("OH2", [[0, 0, 0], [0, 0, 0.96], [0, 0, 9.0]]), "check the geometry"),
    ],
)
def test_what_cannot_be_is_said(tmp_path, atoms, words):
    with pytest.raises(InputError, match=words):
        raman(atoms, tmp_path / "x", harmonic_only=True)


def test_what_frames_cannot_teach_is_said(tmp_path):
    frames = load("malonaldehyde-enol").train[:5]
    with pytest.raises(InputError, match="another molecule"):
        raman(molecule("H2O"), tmp_path / "w", frames, harmonic_only=True)
    with pytest.raises(InputError, match="neutral molecules"):
        raman("malonaldehyde-enol", tmp_path / "e", frames, harmonic_only=True, charge=2)
    with pytest.raises(InputError, match="carry no energies"):
        raman("malonaldehyde-enol", tmp_path / "n", Frames(frames.numbers, frames.pos), harmonic_only=True)
    assert raman("malonaldehyde-enol", tmp_path / "i", harmonic_only=True, charge=2).source.surface is None


def test_a_line_of_text_is_a_molecule_with_its_charge_and_isotopes(tmp_path):
    pytest.importorskip("rdkit", reason="the smiles extra is not installed")
    ion = raman("[NH4+]", tmp_path / "ion", harmonic_only=True)
    assert ion.harmonic.provenance["charge"] == 1 and len(ion.modes.wavenumber_cm1) == 9
    heavy, light = (raman(text, tmp_path / f"{len(text)}", harmonic_only=True) for text in ("[2H]O[2H]", "O"))
    ratio = light.modes.wavenumber_cm1 / heavy.modes.wavenumber_cm1
    assert (ratio > 1.3).all() and (ratio < 1.42).all()
    with pytest.raises(InputError, match="no SMILES"):
        raman("caffeine", tmp_path / "c")


@pytest.mark.parametrize("name", ["N2", "C2H2"])
def test_linear_molecules_and_those_without_a_dipole_come_to_an_end(tmp_path, name):
    from bpm_nb.pipeline.pages import write_results

    made = raman(molecule(name), tmp_path / name, dynamics=replace(SHORT, n_frames=20))
    page, table, _ = write_results(made)
    text = page.read_text("utf-8")
    assert "Harmonic lines" in text and table.stat().st_size > 1000
    assert dict(N2="N≡N stretch", C2H2="C≡C stretch")[name] in text and "Which bonds" in text
    assert (made.dipole is None) == (name == "N2")


def test_what_cannot_be_computed_is_said_before_anything_is(tmp_path):
    for settings, words in ((dict(resolution_cm1=1.0), "resolution"), (dict(step_fs=5.0), "whole steps")):
        with pytest.raises(InputError, match=words):
            replace(SHORT, **settings)
    for bad, words in ((molecule("CH3"), "unpaired"), (Atoms("H2", cell=[3, 3, 3], pbc=True), "crystal")):
        with pytest.raises(InputError, match=words):
            raman(bad, tmp_path / "x")
    assert not (tmp_path / "x").exists()
    write_images(tmp_path / "two.xyz", [molecule("H2O"), molecule("CO2")])
    with pytest.raises(InputError, match="2 geometries"):
        raman(tmp_path / "two.xyz", tmp_path / "x")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="no folder can be made"):
        raman(molecule("H2"), tmp_path / "file", harmonic_only=True)


def test_a_page_names_charge_and_isotopes_and_takes_the_temperature(tmp_path):
    from bpm_nb.pipeline.pages import write_first_page

    cold = replace(SHORT, temperature_K=20.0)
    made = raman(molecule("OH"), tmp_path / "oh", dynamics=cold, harmonic_only=True, charge=-1, masses={1: 2.014})
    text = write_first_page(made).read_text("utf-8")
    assert "HO, charge −1, H2 of 2.014 u" in text and "Temperature: 20 K" in text and "--train" not in text


def test_models_of_other_frames_are_not_taken_for_those_of_these(tmp_path):
    "Stopped after it had learned, before the harmonic lines: with other frames, the models that stand there are wrong."
    frames = load("malonaldehyde-enol").train
    made = raman("malonaldehyde-enol", tmp_path / "e", frames[:10], harmonic_only=True)
    (made.folder / "harmonic.npz").unlink()
    with pytest.raises(InputError, match="another frames"):
        raman("malonaldehyde-enol", tmp_path / "e", frames[10:20], harmonic_only=True)


def test_isotopes_of_atoms_count(tmp_path):
    atoms = molecule("H2")
    atoms.set_masses([2.014, 2.014])
    ratio = [
        raman(x, tmp_path / f"{k}", harmonic_only=True).modes.wavenumber_cm1[0]
        for k, x in enumerate((molecule("H2"), atoms))
    ]
    assert ratio[0] / ratio[1] == pytest.approx(np.sqrt(2.014 / 1.008), rel=1e-3)


@pytest.mark.parametrize(
    "given, words",
    [
        ("", "this is a folder"),
        ("page.html", "not called .xyz"),
        ("flat.xyz", "this is a drawing"),
        ("lengths.xyz", "check the geometry"),
        ("two.xyz", "2 molecules in it, not bonded to each other"),
        ("uranium.xyz", "no parameters for U"),
    ],
)
def test_what_was_given_by_mistake_is_named(tmp_path, given, words):
    "Coordinates of drawings: carbon with four neighbours in a plane, and bonds to hydrogen of any length."
    (tmp_path / "page.html").write_text("x")
    cross = np.array([[0, 0], [1.5, 0], [-1.5, 0], [0, 1.5], [0, -1.5]])
    Atoms("CClF3", np.column_stack([cross, np.zeros(5)])).write(tmp_path / "flat.xyz")
    Atoms("C2H2", [[0, 0, 0], [1.3, 0, 0], [-1.6, 0, 0], [2.9, 0, 0]]).write(tmp_path / "lengths.xyz")
    Atoms("UF2", [[0, 0, 0], [2.0, 0, 0], [-2.0, 0, 0]]).write(tmp_path / "uranium.xyz")
    other = molecule("CO2")
    other.translate([5.0, 0, 0])
    (molecule("H2O") + other).write(tmp_path / "two.xyz")
    with pytest.raises(InputError, match=words):
        raman(tmp_path / given, tmp_path / "out", harmonic_only=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["C6H6", "C2H4", "CH3NO2", "SO2", "BF3", "NH3"])
def test_flat_molecules_are_no_drawings(tmp_path, name):
    from bpm_nb.pipeline.request import checked_start

    flat = molecule(name)
    flat.positions[:, 2] *= name != "NH3"
    moving, *_ = checked_start(flat, None, charge=None, spin=None, masses=None)
    assert len(moving.numbers) == len(flat)
