"The organic set: any beginning of it, resumed, with what does not converge left out."

import numpy as np
import pytest

pytest.importorskip("rdkit", reason="the smiles extra is not installed")
pytest.importorskip("tblite", reason="the reference extra is not installed")
pytest.importorskip("pyscf", reason="the reference extra is not installed")

from bpm_nb.core.files import InputError
from bpm_nb.data.files import read
from bpm_nb.dynamics.calculators import molecular_topology
from bpm_nb.pipeline import organic
from bpm_nb.pipeline.smiles import smiles_molecule
from bpm_nb.reference.quantum import Level

TWO = {"water": "O", "hydrogen-cyanide": "C#N"}
CHEAP = Level("hf", "sto-3g")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    file = tmp_path_factory.mktemp("organic") / "organic.npz"
    return file, organic.organic_frames(file, 5, TWO, CHEAP)


def test_every_beginning_of_the_set_is_a_set(made, monkeypatch):
    file, frames = made
    assert frames.provenance["name"] == ["water"] * 2 + ["hydrogen-cyanide"] * 2 + ["water"]
    assert frames.provenance["temperature_K"][:2] == [500.0, 1000.0] and not frames.provenance["failed"]
    computed = []
    monkeypatch.setattr(organic, "frame_point", lambda *a: computed.append(a) or organic_point(*a))
    more = organic.organic_frames(file, 6, TWO, CHEAP)
    assert len(computed) == 1 and len(more) == 6
    np.testing.assert_array_equal(more.energy[:5], frames.energy)
    np.testing.assert_array_equal(read(file).alpha, more.alpha)


def organic_point(*arguments):
    from bpm_nb.reference.frames import frame_point

    return frame_point(*arguments)


def test_frames_are_the_molecule_that_they_are_called(made):
    _, frames = made
    for numbers, pos, name in zip(frames.numbers, frames.pos, frames.provenance["name"]):
        drawn = smiles_molecule(TWO[name])
        assert molecular_topology(numbers, pos) == molecular_topology(drawn.numbers, drawn.pos), name
    assert np.ptp(frames.energy[:2]) > 1e-3 and np.linalg.norm(frames.forces[:2], axis=-1).max() > 0.3


def test_what_does_not_converge_is_left_out_and_named(tmp_path, made, monkeypatch):
    import shutil

    file = tmp_path / "organic.npz"
    shutil.copytree(f"{made[0]}.parts", f"{file}.parts")
    (tmp_path / "organic.npz.parts" / "water-01.npz").unlink()

    def broken(*arguments):
        raise InputError("the self-consistent field did not converge")

    monkeypatch.setattr(organic, "frame_point", broken)
    frames = organic.organic_frames(file, 4, TWO, CHEAP)
    assert frames.provenance["failed"] == ["water, frame 1"] and len(frames) == 3


def test_what_ships_is_not_computed_again(tmp_path, monkeypatch):
    monkeypatch.setattr(organic, "frame_point", None)
    monkeypatch.setattr(organic, "sampled_states", None)
    one = {"water": organic.organic_molecules()["water"]}
    frames = organic.organic_frames(tmp_path / "organic.npz", 2, one)
    assert frames.provenance["name"] == ["water"] * 2 and frames.provenance["temperature_K"] == [500.0, 1000.0]
    assert not organic.shipped_tasks(dict(what="organic frames", level={}, seed=0), one)
    assert not organic.shipped_tasks({k: frames.provenance[k] for k in ("what", "level", "seed")}, {"water": "[2H]O"})


@pytest.mark.slow
@pytest.mark.reference
def test_what_ships_is_what_the_level_says(tmp_path):
    one = {"water": organic.organic_molecules()["water"]}
    frames = organic.organic_frames(tmp_path / "organic.npz", 1, one)
    again = organic_point(frames.numbers[0], frames.pos[0], Level())
    for name in ("energy", "forces", "dipole", "alpha"):
        np.testing.assert_allclose(again[name], getattr(frames, name)[0], rtol=1e-6, atol=2e-4)


def test_a_molecule_that_is_none_is_refused(tmp_path):
    with pytest.raises(InputError, match="is no SMILES"):
        organic.organic_frames(tmp_path / "x.npz", 4, {"what": "C(("}, CHEAP)
