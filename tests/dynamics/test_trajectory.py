"""Trajectories on any surface, and work that was begun before."""

from dataclasses import asdict
from functools import partial

import numpy as np
import pytest
from ase import Atoms, units
from vibrations import morse

from bpm_nb.core.files import InputError
from bpm_nb.core.work import Checkpoint
from bpm_nb.data.files import read
from bpm_nb.dynamics.calculators import Molecule
from bpm_nb.dynamics.trajectory import Schedule, reference_trajectory, run_settings

pytest.importorskip("filelock", reason="the reference extra is not installed")
NITROGEN = [7, 7], np.array([[0, 0, 0], [0, 0, 1.15]])
SHORT = Schedule(n_segments=2, length_ps=1, temperature_K=300.0, step_fs=1.0, save_fs=2.0, seed=0)


def test_another_calculator_drives_the_run(tmp_path):
    "Two segments in two processes: every state has the total energy of the Morse potential."
    run = reference_trajectory(tmp_path / "n.npz", *NITROGEN, **asdict(SHORT), workers=2, calculator=morse)
    assert run.provenance["dynamics"] == "vibrations.morse" and run.pos.shape == (2, 500, 2, 3)
    assert np.ptp(run.energy, axis=1).max() < 5e-3
    np.testing.assert_allclose(read(tmp_path / "n.npz").pos, run.pos, atol=1e-5)  # rounded in the file
    for g, t in ((0, 0), (1, 250), (1, 499)):
        atoms = Atoms(run.numbers, run.pos[g, t], calculator=morse(0, 0))
        kinetic = 0.5 * (run.mass()[:, None] * (run.vel[g, t] / units.fs) ** 2).sum()
        np.testing.assert_allclose(atoms.get_potential_energy() + kinetic, run.energy[g, t], atol=1e-4)


def test_settings_of_the_default_surface_are_those_of_older_work():
    settings = run_settings("trajectory", Molecule(NITROGEN[0]), NITROGEN[1], **asdict(SHORT))
    assert {"ase", "numpy", "python"} <= settings.pop("programs").keys()
    assert settings == dict(
        what="trajectory",
        numbers=[7, 7],
        start=[[0.0, 0.0, 0.0], [0.0, 0.0, 1.15]],
        charge=0,
        spin=0,
        dynamics="GFN2-xTB",
        seed=0,
        n_segments=2,
        length_ps=1,
        temperature_K=300.0,
        step_fs=1.0,
        save_fs=2.0,
    )


def test_work_of_one_surface_is_not_continued_on_another(tmp_path):
    with Checkpoint(
        tmp_path / "n.npz", run_settings("trajectory", Molecule(NITROGEN[0]), NITROGEN[1], **asdict(SHORT))
    ):
        pass
    for calculator in (morse, partial(morse, depth=9.9)):
        with pytest.raises(InputError, match="other settings"):
            reference_trajectory(tmp_path / "n.npz", *NITROGEN, **asdict(SHORT), calculator=calculator)


def test_a_calculator_instead_of_a_function_that_makes_one_is_refused(tmp_path):
    with pytest.raises(InputError, match="MorsePotential: give a function"):
        reference_trajectory(tmp_path / "n.npz", *NITROGEN, calculator=morse(0, 0))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("times", [dict(step_fs=0.3), dict(save_fs=3.0), dict(save_fs=2000.0)])
def test_times_that_do_not_fit_are_refused(tmp_path, times):
    with pytest.raises(InputError, match="whole steps between states"):
        reference_trajectory(tmp_path / "n.npz", *NITROGEN, **times, calculator=morse)


def test_isotopes_that_cannot_be_are_refused_before_any_work(tmp_path):
    with pytest.raises(InputError, match="no atom 2"):
        reference_trajectory(tmp_path / "n.npz", *NITROGEN, masses={2: 15.0}, calculator=morse)
    assert not list(tmp_path.iterdir())
