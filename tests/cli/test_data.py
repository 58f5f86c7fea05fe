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
