"""The Eckart frame of distorted, planar, flexible and linear molecules."""

import numpy as np
import pytest
from ase.build import molecule
from scipy.spatial.transform import Rotation

from bpm_nb.assignment.eckart import eckart_frame, eckart_rotation, neighbourhoods, typical_structure


def test_the_eckart_condition_holds_also_for_a_distorted_molecule():
    atoms, rng = molecule("CH3CH2OH"), np.random.default_rng(0)
    masses, turn = atoms.get_masses(), Rotation.random(20, random_state=1).as_matrix()
    pos = (atoms.positions + rng.normal(scale=0.1, size=(20, len(atoms), 3))) @ turn
    aligned, rotation, reference = eckart_frame(pos, masses, atoms.positions)
    np.testing.assert_allclose(np.einsum("a,tai->ti", masses, np.cross(reference, aligned)), 0, atol=1e-10)
    np.testing.assert_allclose(np.linalg.det(rotation), 1)
    np.testing.assert_allclose(
        eckart_rotation(pos @ turn[0], masses, reference),
        turn[0].T @ eckart_rotation(pos, masses, reference),
        atol=1e-9,
    )


def test_a_planar_molecule_is_never_reflected():
    atoms = molecule("C6H6")
    rng = np.random.default_rng(0)
    pos = (atoms.positions + rng.normal(scale=0.02, size=(100, 12, 3))) @ Rotation.random(
        100, random_state=0
    ).as_matrix()
    aligned, rotation, _ = eckart_frame(pos, atoms.get_masses(), atoms.positions)
    np.testing.assert_allclose(np.linalg.det(rotation), 1)
    assert abs(aligned - atoms.positions).max() < 0.12


@pytest.mark.parametrize("name", ["CH3CH2OH", "C6H6", "CH3CN", "C2H2", "H2O", "CH3CONH2"])
def test_neighbourhoods_have_a_direction(name):
    atoms = molecule(name)
    near = neighbourhoods(atoms.numbers, atoms.positions)
    assert near.diagonal().all()
    for own in near:
        assert (
            own.all() or np.linalg.svd(atoms.positions[own] - atoms.positions[own].mean(0), compute_uv=False)[1] > 0.3
        )
    order = np.random.default_rng(0).permutation(len(atoms))
    assert (
        neighbourhoods(atoms.numbers[order], atoms.positions[order] @ Rotation.random(random_state=0).as_matrix())
        == near[order][:, order]
    ).all()


def test_two_linear_molecules_share_one_neighbourhood():
    pair = np.concatenate([molecule("CO2").positions, molecule("CO2").positions + [4, 0, 0]])
    assert neighbourhoods(np.tile([6, 8, 8], 2), pair).all()


def test_the_structure_a_molecule_is_shown_in_is_one_of_a_molecule():
    "The mean of a methyl group that turns has its hydrogens on the axis; the typical structure has not."
    turn, far = (
        np.random.default_rng(0).uniform(0, 2 * np.pi, (400, 1)) + 2 * np.pi * np.arange(3) / 3,
        np.array([[0, 0, 0], [0, 0, 1.5], [0, 1.4, 2.0], [1.2, -0.7, 2.0]]),
    )
    methyl = np.stack([1.03 * np.cos(turn), 1.03 * np.sin(turn), -0.37 + 0 * turn], -1)
    pos = (
        np.concatenate([np.broadcast_to(far, (400, 4, 3)), methyl], 1)
        @ Rotation.random(400, random_state=0).as_matrix()
    )
    masses = np.array([12.0, 12, 16, 16, 1, 1, 1])
    found = typical_structure(pos, masses)
    np.testing.assert_allclose(np.linalg.norm(found[4:] - found[0], axis=1), np.hypot(1.03, 0.37), atol=0.03)
    np.testing.assert_allclose(masses @ found, 0, atol=1e-9)
