"The verb reference: where it is refused, and runs on a learned surface."

import json

import pytest
from command_line import ENOL, call, is_one_line


@pytest.mark.parametrize(
    "options, words",
    [
        (["--charge", "100"], "charge"),
        (["--charge", "1"], "charge"),
        (["--xc", "nonsense"], "nonsense"),
        (["--basis", "none"], "none"),
        (["--what", "trajectory", "--step-fs", "0.6"], "whole steps"),
        (["--what", "trajectory", "--save-fs", "3000"], "whole"),
    ],
)
def test_reference_settings_that_cannot_be(tmp_path, capsys, options, words):
    pytest.importorskip("pyscf", reason="the reference extra is not installed")
    is_one_line(*call(capsys, f"reference malonaldehyde-enol -o {tmp_path}/r.npz", *options), words)


def test_quantum_nuclei_on_a_learned_surface(tmp_path, capsys):
    "Rings of two beads for a picosecond, and what no surface is."
    from bpm_nb.data.files import read, read_frames
    from bpm_nb.models.energy import BondEnergy

    BondEnergy(n_points=1000).fit(ENOL.train[:120]).save(tmp_path / "energy.npz")
    run = f"reference malonaldehyde-enol --what trajectory --surface {tmp_path}/energy.npz -o {tmp_path}/rings.npz"
    times = "--segments 1 --length-ps 1 --step-fs 1 --save-fs 10 --beads 2"
    code, out, err = call(capsys, f"{run} {times} --json")
    assert not code, err
    told, strange = json.loads(out), tmp_path / "rings.npz.strange.xyz"
    assert told["shape"] == [1, 100, 2, 9, 3]
    assert told["worth_learning"] == (len(read_frames(strange)) if strange.exists() else 0)
    made = read(tmp_path / "rings.npz")
    assert made.provenance["n_beads"] == 2 and "energy.npz" in made.provenance["dynamics"]
    out = f"-o {tmp_path}/r.npz"
    is_one_line(
        *call(capsys, f"reference malonaldehyde-enol --what trajectory --surface dft {out}"), "--surface dft is"
    )
    is_one_line(*call(capsys, f"reference malonaldehyde-enol --what trajectory --surface no.npz {out}"), "no such file")
    over = f"reference malonaldehyde-enol --what trajectory --surface {tmp_path}/energy.npz -o {tmp_path}/energy.npz"
    is_one_line(*call(capsys, over), "it is the input")


def test_a_harmonic_spectrum_of_a_learned_surface(tmp_path, capsys):
    "Hydrogen: its surface from a few geometries, its line from that surface, its activity from the level."
    pytest.importorskip("pyscf", reason="the reference extra is not installed")
    import numpy as np

    from bpm_nb.data.files import write
    from bpm_nb.data.records import Frames
    from bpm_nb.models.energy import BondEnergy
    from bpm_nb.reference import Level, single_point

    level, pos = Level("hf", "6-31g**"), np.array([[[0, 0, 0], [0, 0, r]] for r in np.linspace(0.69, 0.78, 13)])
    points = [single_point(np.array([1, 1]), x, level, want=("energy", "forces")) for x in pos]
    known = {name: np.array([p[name] for p in points]) for name in ("energy", "forces")}
    BondEnergy().fit(Frames(np.ones((13, 2), int), pos, **known)).save(tmp_path / "energy.npz")
    write(tmp_path / "start.xyz", Frames([[1, 1]], pos[:1]))
    call_of = f"reference {tmp_path}/start.xyz --what harmonic --xc hf --basis 6-31g** --json"
    lines = []
    for options in (f"--surface {tmp_path}/energy.npz -o {tmp_path}/learned.npz", f"-o {tmp_path}/level.npz"):
        code, out, err = call(capsys, f"{call_of} {options}")
        assert not code, err
        lines.append(json.loads(out)["lines"][-1])
    learned, whole = lines
    assert abs(learned["wavenumber_cm1"] - whole["wavenumber_cm1"]) < 15
    assert abs(learned["activity_A4_u"] / whole["activity_A4_u"] - 1) < 0.01
    is_one_line(*call(capsys, f"{call_of} --surface no.npz -o {tmp_path}/r.npz"), "no such file")


def test_a_liquid_from_the_command_line(tmp_path, capsys):
    "A picosecond of 27 molecules, what it says, and what it refuses."
    pytest.importorskip("openmm", reason="the liquids extra is not installed")
    from bpm_nb.data.files import read

    run = f"reference water --what liquid --n-molecules 27 -o {tmp_path}/w.npz"
    code, out, err = call(capsys, f"{run} --segments 1 --length-ps 1 --settle-ps 1 --step-fs 0.5 --save-fs 10 --json")
    assert not code, err
    told = json.loads(out)
    assert told["shape"] == [1, 100, 81, 3] and 200 < told["temperature_K"] < 450
    assert read(tmp_path / "w.npz").cell[0, 0, 0, 0] == pytest.approx(told["side_A"])
    for options, words in (
        ("--beads 4", "--beads is for molecules"),
        ("--surface gfn2", "--surface is for molecules"),
        ("--n-molecules 3", "3 molecules would feel"),
        ("--density 9", "a density of 9"),
        ("--temperature 280 300", "a liquid has one"),
    ):
        is_one_line(*call(capsys, f"reference water --what liquid -o {tmp_path}/no.npz", *options.split()), words)
    is_one_line(*call(capsys, f"reference benzene --what liquid -o {tmp_path}/no.npz"), "the only liquid is water")
