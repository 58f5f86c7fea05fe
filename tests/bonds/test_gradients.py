"Gradients of descriptors: of many bonds as of few, and with the descriptors themselves."

import numpy as np

from bpm_nb.bonds.descriptors import BondAxis
from bpm_nb.bonds.gradients import descriptor_gradients, descriptor_pullback
from bpm_nb.bonds.pairs import bonds
from bpm_nb.data import load


def test_blocks_of_bonds_change_nothing():
    "Of more bonds than one block has, as frame by frame; descriptors come with their gradients."
    frames, settings = load("malonaldehyde-enol").train[:40], BondAxis()
    numbers, species = frames.numbers[0], np.unique(frames.numbers)
    every = bonds(numbers, frames.pos, "pairs", 4.0)
    raw, _, pullback, _ = descriptor_pullback(settings, numbers, frames.pos, every, species)
    np.testing.assert_allclose(raw, settings.descriptors(numbers, frames.pos, every, species), rtol=1e-12, atol=1e-14)
    slopes = np.random.default_rng(0).normal(size=raw.shape)
    found = pullback(slopes)
    assert len(found) * len(numbers) > 2 * 4_500
    for s in (0, 13, 39):
        own, few = every.frame == s, frames.pos[s : s + 1]
        one = bonds(numbers, few, "pairs", 4.0)
        alone = descriptor_gradients(settings, numbers, few, one, species, slopes[own])
        np.testing.assert_allclose(found[own], alone, rtol=1e-10, atol=1e-12)
