"Refinement by quantum chemistry: here a surface of GFN2-xTB with stiffer bonds stands for it, whose lines are known."

import json
from argparse import ArgumentTypeError
from dataclasses import replace

import numpy as np
import pytest
from ase.build import molecule

pytest.importorskip("tblite", reason="the extra [reference] is not installed")

from bpm_nb.cli.raman import minutes
from bpm_nb.core.files import InputError
from bpm_nb.data.records import Frames
from bpm_nb.dynamics.calculators import gfn2, surface_values
from bpm_nb.dynamics.fields import gfn2_response
from bpm_nb.pipeline import Refinement, raman
from bpm_nb.pipeline.line_errors import line_errors
from bpm_nb.pipeline.molecule import molecule_spectrum
from bpm_nb.pipeline.refine import (
    Batch,
    batch_size,
    least_known,
    line_changes,
    refined_spectrum,
    refinement_sections,
)
from bpm_nb.pipeline.source import Source, organic_source
from bpm_nb.spectra.modes import normal_modes

WATER, STIFFER, LARGER = molecule("H2O"), 3.0, 1.3  # eV/Å² of each O–H bond; factor of polarizabilities


def springs(pos):
    "Energy, eV, and forces, eV/Å, of a spring along each O–H bond."
    energy, forces = 0.0, np.zeros_like(pos)
    for h in (1, 2):
        bond = pos[h] - pos[0]
        length = np.linalg.norm(bond)
        energy += 0.5 * STIFFER * (length - 0.96) ** 2
        forces[h] -= STIFFER * (length - 0.96) * bond / length
        forces[0] += STIFFER * (length - 0.96) * bond / length
    return energy, forces


def stiffer_water(numbers, pos):
    "What stands for quantum chemistry."
    (energy,), (forces,) = surface_values(gfn2(), numbers, pos[None])
    more, pull = springs(pos)
    (alpha,), (dipole,) = gfn2_response(numbers, pos[None])
    return dict(energy=energy + more, forces=forces + pull, alpha=LARGER * alpha, dipole=dipole)


class Counted:
    "A reference that counts its answers, and fails after some of them."

    def __init__(self, most=10**6):
        self.most, self.asked = most, []

    def __call__(self, numbers, pos):
        if len(self.asked) >= self.most:
            raise KeyboardInterrupt
        self.asked.append(pos.copy())
        return stiffer_water(numbers, pos)


def refined(folder, asked, reference, **how):
    return refined_spectrum(WATER, folder, asked, reference=reference, harmonic_only=True, gfn2_only=True, **how)


ASKED = Refinement(12, n_batch=6, temperatures=(400.0,))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    "Water, refined, and its reference."
    folder, reference = tmp_path_factory.mktemp("water") / "refined", Counted()
    return refined(folder, ASKED, reference), reference


@pytest.mark.slow
def test_the_lines_become_those_of_the_reference(made):
    spectrum, _ = made
    pos, step, n = spectrum.harmonic.pos, 0.01, 9
    hessian = np.zeros((n, n))
    for k in range(n):
        move = np.zeros(n)
        move[k] = step
        ends = [stiffer_water(WATER.numbers, pos + s * move.reshape(3, 3))["forces"].ravel() for s in (1, -1)]
        hessian[k] = -(ends[0] - ends[1]) / (2 * step)
    hessian = (hessian + hessian.T) / 2
    true = normal_modes(replace(spectrum.harmonic, hessian=hessian.reshape(3, 3, 3, 3)), spectrum.masses)
    before = molecule_spectrum(WATER, spectrum.folder / "before", harmonic_only=True, gfn2_only=True)
    np.testing.assert_allclose(spectrum.modes.wavenumber_cm1, true.wavenumber_cm1, atol=10)
    assert np.abs(before.modes.wavenumber_cm1 - true.wavenumber_cm1).max() > 50
    assert np.abs(stiffer_water(WATER.numbers, pos)["forces"]).max() < 0.02  # eV/Å, at the minimum that was found
    ratio = spectrum.modes.activity.sum() / before.modes.activity.sum()
    assert abs(ratio - LARGER**2) < 0.25


@pytest.mark.slow
def test_errors_of_a_batch_are_those_before_it_was_learned(made):
    spectrum, _ = made
    batches = [Batch(**b) for b in json.loads((spectrum.folder / "refinement.json").read_text())["batches"]]
    assert [b.n_frames for b in batches] == [7, 12]  # the minimum is the first
    assert batches[1].force_error < batches[0].force_error / 3 and batches[1].alpha_error < batches[0].alpha_error / 3
    assert batches[1].shift_cm1 < batches[0].shift_cm1 / 3
    titles = [section[0] for section in refinement_sections(spectrum)]
    assert titles == ["What quantum chemistry changed", "Batch after batch"]
    assert line_errors(spectrum.source, WATER.numbers, spectrum.harmonic.pos, spectrum.modes) is not None


@pytest.mark.slow
def test_a_stopped_refinement_goes_on_and_computes_nothing_twice(made, tmp_path):
    spectrum, reference = made
    first, second = Counted(4), Counted()
    with pytest.raises(KeyboardInterrupt):
        refined(tmp_path / "again", ASKED, first)
    again = refined(tmp_path / "again", ASKED, second)
    asked = np.array(first.asked + second.asked)
    assert len(first.asked) == 4 and len(asked) == 12 == len(reference.asked)
    np.testing.assert_allclose(asked, reference.asked, atol=1e-6)
    np.testing.assert_allclose(again.modes.wavenumber_cm1, spectrum.modes.wavenumber_cm1, atol=0.5)
    third = Counted(0)  # what is finished asks no more
    refined(tmp_path / "again", ASKED, third)
    with pytest.raises(InputError, match="refined in another way"):
        refined(tmp_path / "again", Refinement(13), third)


def test_a_batch_ends_where_it_is_enough():
    quiet, moving = (Batch(11, 0.1, 0.1, shift, 0.1) for shift in (2.0, 9.0))
    asked = Refinement(25, tolerance_cm1=5.0)
    assert batch_size(asked, 1, [], [60.0], 1) == 10 == batch_size(asked, 11, [moving], [60.0], 1)
    assert batch_size(asked, 11, [quiet], [60.0], 1) == 0 == batch_size(asked, 25, [moving], [60.0], 1)
    assert batch_size(asked, 21, [moving], [60.0], 1) == 4
    assert batch_size(asked, 9, [quiet], [60.0], 1) == 10, "too few to rest on"
    timed = Refinement(100, budget_min=14.0)
    assert batch_size(timed, 1, [], [60.0], 1) == 10 == batch_size(timed, 11, [moving], 11 * [60.0], 2)
    assert batch_size(timed, 11, [moving], 11 * [60.0], 1) == 3 and batch_size(timed, 14, [moving], 14 * [60.0], 1) == 0
    with pytest.raises(InputError, match="a geometry takes 2 min here, and 10 are needed; give 24min or more"):
        batch_size(timed, 1, [], [120.0], 1)


def test_the_geometry_that_is_known_least_comes_first():
    source = organic_source(WATER.numbers, WATER.positions)
    rng = np.random.default_rng(0)
    near = WATER.positions + 0.01 * rng.standard_normal((4, 3, 3))
    far = WATER.positions * 1.25
    frames = Frames(np.tile(WATER.numbers, (5, 1)), np.concatenate([near, far[None]]))
    modes = normal_modes_of_water(source)
    assert least_known(source, modes, frames)[0] == 4
    assert sorted(least_known(Source(), modes, frames)) == list(range(5))


def normal_modes_of_water(source):
    "Of a spring model: any modes will do."
    from bpm_nb.pipeline.molecule import harmonic_of

    hessian = np.zeros((9, 9))
    for k in range(9):
        move = np.zeros(9)
        move[k] = 0.01
        ends = [springs(WATER.positions + s * move.reshape(3, 3))[1].ravel() for s in (1, -1)]
        hessian[k] = -(ends[0] - ends[1]) / 0.02
    slopes = source.polarizability.derivative(Frames(WATER.numbers[None], WATER.positions[None]))[0]
    record = harmonic_of(WATER.numbers, WATER.positions, hessian, (slopes, np.zeros((3, 3, 3))))
    return normal_modes(record, WATER.get_masses())


@pytest.mark.slow
def test_a_line_is_found_again_by_its_motion(made):
    spectrum, _ = made
    shifts, changes, strong = line_changes(spectrum, spectrum)
    assert not shifts.any() and np.allclose(changes, 0) and strong.any()


def test_what_cannot_be_refined_is_refused(tmp_path):
    with pytest.raises(InputError, match="10 geometries at least"):
        Refinement(9)
    with pytest.raises(InputError, match="above zero"):
        Refinement(30, tolerance_cm1=0.0)
    with pytest.raises(InputError, match="ship and are learned"):
        raman("malonaldehyde-enol", tmp_path / "c", refine=ASKED)
    with pytest.raises(InputError, match="neither frames nor conformers"):
        raman(WATER, tmp_path / "a", conformers=2, refine=ASKED)
    with pytest.raises(InputError, match="neutral molecules"):
        refined(tmp_path / "b", ASKED, Counted(), charge=1, spin=1)


def test_a_budget_is_a_time():
    assert (minutes("90"), minutes("90min"), minutes("1.5h")) == (90, 90, 90)
    for text in ("", "soon", "-3", "0h", "nan"):
        with pytest.raises(ArgumentTypeError, match="no time"):
            minutes(text)
