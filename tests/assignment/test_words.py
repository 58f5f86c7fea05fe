"""Words of motions: against the potential energy distribution of the true force field, and for all bands that ship."""

from dataclasses import replace

import numpy as np
import pytest
from ase.build import molecule as built

from bpm_nb.assignment import band_motion, body_frame, mode_shares, motion_shares, named_springs, words_text
from bpm_nb.assignment.words import word_shares
from bpm_nb.data import load
from bpm_nb.spectra import normal_modes, peaks, raman_spectrum

MOLECULES = "malonaldehyde-enol", "malonaldehyde-keto", "biphenyl"


@pytest.mark.parametrize("name", MOLECULES)
def test_words_are_those_of_the_true_force_field(name):
    """The Hessian of density-functional theory in the same coordinates, by the generalized inverse of B: F = B⁺ᵀ H B⁺,
    shares s (F s) / sᵀ F s. Nothing of it is in the model; the leading word is among its first two."""
    minimum = load(name).harmonic_dft
    modes, n = normal_modes(minimum), 3 * len(minimum.numbers)
    springs = named_springs(minimum.numbers, minimum.pos)
    inverse = np.linalg.pinv(springs.rows, rcond=1e-8)
    hessian = np.reshape(minimum.hessian, (n, n))
    force, likeness, led = inverse.T @ (hessian + hessian.T) / 2 @ inverse, [], []
    for x, ours in zip(modes.displacement, mode_shares(modes, minimum.numbers, minimum.pos)):
        s = springs.rows @ x.ravel()
        true = word_shares(springs.words, s * (force @ s))
        pair = np.array([[shares.get(word, 0.0) for word in {**true, **ours}] for shares in (true, ours)])
        likeness.append(pair[0] @ pair[1] / np.prod(np.linalg.norm(pair, axis=1)))
        led.append(next(iter(ours)) in list(true)[:2])
    assert np.median(likeness) > 0.95 and np.mean(led) > 0.9


@pytest.mark.parametrize("name", MOLECULES)
def test_every_band_of_the_shipped_molecules_has_words(name):
    data = load(name)
    run, minimum = (
        replace(data.trajectory[:2], pos=data.trajectory.pos[:2, :2500], vel=None, energy=None),
        data.harmonic_dft,
    )
    frame = body_frame(run, minimum.pos)
    alpha = 50 * np.eye(3) + np.einsum("gtai,aijk->gtjk", frame.pos - frame.reference, minimum.dalpha)
    alpha = frame.rotation @ alpha @ frame.rotation.swapaxes(-1, -2)
    bands = [p for p in peaks(raman_spectrum(alpha, run.dt_fs, resolution_cm1=20.0)) if p.wavenumber_cm1 < 3400]
    motions = band_motion(frame, alpha, np.array([p.wavenumber_cm1 for p in bands]), 20.0, resolution_cm1=20.0)
    shares = motion_shares(motions, run.numbers, frame.masses)
    assert len(bands) > 4 and all(words_text(words)[0].isalpha() for words in shares)
    for motion, words in zip(motions, shares):
        assert abs(sum(words.values()) - 1) < 1e-9
        stretching = sum(share for word, share in words.items() if word.endswith("–H stretch") or "CH2 stretch" in word)
        assert (stretching > 0.8) == (motion.wavenumber_cm1 > 1900)  # that of the hydrogen bond reaches far down


def random_shares(numbers, pos, masses=None, seed=0):
    "Shares of three random motions."
    moves = np.random.default_rng(seed).normal(size=(3, len(numbers), 3))
    return named_springs(numbers, pos, masses).shares(moves)


@pytest.mark.parametrize("name", ["C2H4", "CH3CONH2", "C6H6", "SiH4", "PF3", "CH3SH", "NO2", "C3H4_D2d", "C3H4_C3v"])
def test_any_molecule_has_words_that_add_up(name):
    atoms = built(name)
    for words in random_shares(atoms.numbers, atoms.positions):
        assert abs(sum(words.values()) - 1) < 1e-9 and min(words.values()) >= 0


def test_masses_change_the_names_of_hydrogen_and_nothing_else():
    atoms = built("CH3OH")
    heavy = atoms.get_masses()
    heavy[atoms.numbers == 1] = 2.014
    plain, deuterated = (random_shares(atoms.numbers, atoms.positions, masses) for masses in (None, heavy))
    for one, other in zip(plain, deuterated):
        assert {word.replace("H", "D") for word in one} == set(other)
        np.testing.assert_allclose(sorted(one.values()), sorted(other.values()))


def test_degenerate_modes_have_the_words_of_what_they_span():
    "However the two bends of carbon dioxide are mixed, or those of a ring: the words of a set are one."
    atoms = built("C6H6")
    springs = named_springs(atoms.numbers, atoms.positions)
    pair = np.random.default_rng(1).normal(size=(2, 12, 3))
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(2, 2)))[0]
    one, other = (springs.shares(moves, np.zeros(2)) for moves in (pair, np.tensordot(turn, pair, 1)))
    assert one[0].keys() == other[0].keys() == one[1].keys()
    np.testing.assert_allclose([other[0][word] for word in one[0]], list(one[0].values()), atol=1e-12)


def test_two_molecules_have_words_of_what_is_between_them():
    water = built("H2O")
    numbers = np.tile(water.numbers, 2)
    pos = np.concatenate([water.positions, water.positions + [0, 0, 3.0]])
    apart = np.zeros((1, 6, 3))
    apart[0, 3:, 2] = 1.0
    (words,) = named_springs(numbers, pos).shares(apart)
    assert abs(sum(words.values()) - 1) < 1e-9 and "⋯" in next(iter(words))
    argon = named_springs([18, 18], [[0, 0, 0], [3.8, 0, 0]]).shares(np.array([[[0, 0, 0], [1.0, 0, 0]]]))
    assert argon == [{"Ar⋯Ar stretch": 1.0}]
