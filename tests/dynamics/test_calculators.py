"""What a molecule is while it moves, its masses, and the names of surfaces."""

import numpy as np
import pytest

from bpm_nb.core.files import InputError
from bpm_nb.dynamics.calculators import isotope_masses, molecular_topology

WATER = np.array([8, 1, 1]), np.array([[0, 0, 0.117], [0.1, 0.757, -0.469], [0, -0.757, -0.469]])


def test_a_molecule_that_flies_apart_is_refused(tmp_path):
    "Two waters at 2000 K do not stay where they were."
    far = np.concatenate([WATER[1], WATER[1] + [0, 0, 3.0]])
    hot = (np.concatenate([[8, 1, 1]] * 2), far)
    found = molecular_topology(*hot)
    assert found[0] == () and found[1][8] == 4
    moved = far.copy()
    moved[1] = moved[3] + [0, 0, 0.97]
    assert molecular_topology(hot[0], moved) == found
    moved[3] = moved[0] + [0, 0, 1.4]
    assert molecular_topology(hot[0], moved) != found


@pytest.mark.parametrize(
    "masses,message",
    [
        ({5: 2.0}, "no atom 5"),
        ({-1: 2.0}, "no atom -1"),
        ({1: 16.0}, "another element"),
        ([1.0, 1.0, 1.0], "another element"),
        ({0: float("nan")}, "another element"),
    ],
)
def test_masses_that_cannot_be_are_refused(masses, message):
    with pytest.raises(InputError, match=message):
        isotope_masses([8, 1, 1], masses)


def test_masses_are_given_for_all_atoms_or_for_some():
    assert isotope_masses([8, 1, 1], {2: 2.014}) == [15.999, 1.008, 2.014] and isotope_masses(
        [8, 1], [17.999, 1.008]
    ) == [17.999, 1.008]
