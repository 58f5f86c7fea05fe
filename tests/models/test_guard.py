"""Runs on a learned surface: those at the temperature of the frames go on, those that leave are stopped and kept."""

import numpy as np
import pytest

from bpm_nb.core.files import InputError
from bpm_nb.data import load
from bpm_nb.data.files import read_frames
from bpm_nb.dynamics.calculators import Molecule
from bpm_nb.dynamics.ensembles import dynamics_chunk, thermal_momenta
from bpm_nb.models.calculator import BondCalculator, file_surface
from bpm_nb.models.energy import BondEnergy
from bpm_nb.models.guard import Guard, strange_frames


@pytest.fixture(scope="module")
def enol():
    return load("malonaldehyde-enol")


@pytest.fixture(scope="module")
def model(enol):
    return BondEnergy(n_points=1500).fit(enol.train[:150])


def run_at(kelvin, enol, model, guard, steps):
    numbers, pos, rng = enol.train.numbers[0], enol.harmonic_dft.pos, np.random.default_rng(0)
    molecule = Molecule(numbers, calculator=lambda charge, spin: BondCalculator(model, guard=guard))
    moving = molecule.atoms(pos, thermal_momenta(numbers, pos, kelvin, rng))
    return dynamics_chunk(moving, steps, 0.5, 20, kelvin, rng)


def test_a_run_at_the_temperature_of_the_spectrum_goes_on(enol, model):
    guard = Guard(model)
    run = run_at(300.0, enol, model, guard, 800)
    assert len(run["pos"]) == 40 and guard.calls >= 800 and not guard.strange


def test_a_run_that_leaves_is_stopped_and_its_geometries_are_kept(enol, model, tmp_path):
    guard = Guard(model, keep=tmp_path / "strange.xyz")
    with pytest.raises(InputError, match=r"step \d+: .* \(\d+ in .*strange.xyz\), or stay cooler"):
        run_at(6000.0, enol, model, guard, 4000)
    kept = read_frames(tmp_path / "strange.xyz")
    assert len(kept) == len(strange_frames(guard)) >= 1
    np.testing.assert_array_equal(kept.numbers[0], enol.train.numbers[0])


def test_nothing_strange_is_no_frames(model):
    assert strange_frames(Guard(model)) is None


def test_a_run_goes_on_with_the_same_model_only(enol, model, tmp_path):
    file = tmp_path / "energy.npz"
    model.save(file)
    surface = file_surface(file)
    atoms = Molecule(enol.train.numbers[0], calculator=surface).atoms(enol.test.pos[0])
    np.testing.assert_allclose(atoms.get_forces(), model.predict_forces(enol.test[:1])[0], atol=1e-9)
    BondEnergy(n_points=100).fit(enol.train[:20]).save(file)
    with pytest.raises(InputError, match="another model than the one with which the run began"):
        surface(0, 0)
    with pytest.raises(InputError, match="no such file"):
        file_surface(tmp_path / "nothing.npz")


def test_a_model_of_forces_alone_runs_too(enol):
    from dataclasses import replace

    alone = BondEnergy(n_points=1500).fit(replace(enol.train[:150], energy=None))
    guard = Guard(alone, every=100)
    assert len(run_at(300.0, enol, alone, guard, 400)["pos"]) == 20
    with pytest.raises(InputError, match="not known"):
        run_at(6000.0, enol, alone, Guard(alone), 4000)


def test_atoms_that_a_list_of_bonds_leaves_out_are_no_reason_to_stop(enol):
    listed = BondEnergy(n_points=200, bonds=[(0, 1), (1, 2)]).fit(enol.train[:60])
    Guard(listed, limit=np.inf)(enol.train.numbers[0].tolist(), enol.test.pos[:1])


def test_a_charge_over_a_baseline_is_refused(enol, tmp_path):
    pytest.importorskip("tblite", reason="the reference extra is not installed")
    BondEnergy(n_points=50, baseline="gfn2").fit(enol.train[:10]).save(tmp_path / "energy.npz")
    with pytest.raises(InputError, match="neutral molecules"):
        file_surface(tmp_path / "energy.npz")(0, 2)
