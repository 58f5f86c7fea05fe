"""Single points: what ships, heavy elements, molecules that are none, and the kernel of PySCF's library."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from bpm_nb.core.files import InputError
from bpm_nb.data.datasets import load, shipped
from bpm_nb.reference.quantum import WITH_AVX2, Level, energy_mean_field, mean_field, pyscf_molecule, single_point

pytest.importorskip("pyscf", reason="the reference extra is not installed")
WATER = np.array([8, 1, 1]), np.array([[0, 0, 0.117], [0.1, 0.757, -0.469], [0, -0.757, -0.469]])


def test_a_molecule_that_is_none_does_not_converge_silently():
    from pyscf.lib.exceptions import BasisNotFoundError

    with pytest.raises((InputError, BasisNotFoundError, RuntimeError)):
        single_point(*WATER, Level("b3lyp", "sto-3g"), charge=1)


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_frame_is_what_its_level_of_theory_gives(name):
    "One frame, another one each day."
    frames = load(name).test
    k = int(time.time() // 86400) % len(frames)
    found = single_point(frames.numbers[k], frames.pos[k], Level(**frames.provenance["level"]))
    np.testing.assert_allclose(found["alpha"], frames.alpha[k], atol=2e-4)
    np.testing.assert_allclose(found["dipole"], frames.dipole[k], atol=1e-4)
    np.testing.assert_allclose(found["energy"], frames.energy[k], atol=1e-5)
    np.testing.assert_allclose(found["forces"], frames.forces[k], atol=1e-3)


def test_the_energy_leaves_out_the_diffuse_d_functions_of_carbon():
    "Five of the 24 functions of each carbon of benzene, none of other elements, none where nothing is left out."
    from ase.build import molecule

    benzene = molecule("C6H6")
    sizes = [pyscf_molecule(benzene.numbers, benzene.positions, Level(), 0, 0, of_energy=e).nao for e in (False, True)]
    assert sizes == [168, 138]
    whole = Level(carbon_d=0.0)
    assert pyscf_molecule(benzene.numbers, benzene.positions, whole, 0, 0, of_energy=True).nao == 168
    water = [pyscf_molecule(*WATER, Level(), 0, 0, of_energy=e).nao for e in (False, True)]
    assert water[0] == water[1]


METHANE = np.array([6, 1, 1, 1, 1]), 0.63 * np.array([[0, 0, 0.1], [1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1.1]])


@pytest.mark.parametrize("spin", [0, 1])
def test_the_energy_is_the_same_from_either_density(spin):
    numbers, pos = METHANE[0][: 5 - spin], METHANE[1][: 5 - spin]  # methane, or the radical that lacks one hydrogen
    settings = dict(spin=spin, tol=1e-6)
    near = mean_field(numbers, pos, **settings)
    alone, after = (energy_mean_field(numbers, pos, **settings, near=x) for x in (None, near))
    assert abs(alone.e_tot - after.e_tot) < 1e-8 and alone.e_tot > near.e_tot + 1e-6
    assert alone.mol.nao == after.mol.nao < near.mol.nao


def test_forces_are_the_slope_of_the_energy_with_the_grid_that_moves_along():
    numbers, pos = METHANE
    step = 0.002 * np.eye(15)[5].reshape(5, 3)
    low, high = (single_point(numbers, pos + s * step, want=("energy",), tol=1e-7)["energy"] for s in (-1, 1))
    forces = single_point(numbers, pos, want=("forces",), tol=1e-7)["forces"]
    np.testing.assert_allclose(forces[1, 2], -(high - low) / 0.004, atol=2e-4)
    np.testing.assert_allclose(forces.sum(0), 0, atol=1e-5)


def test_only_what_is_wanted_is_there():
    found = single_point(*WATER, Level("hf", "6-31g"), want=("dipole",))
    assert list(found) == ["dipole"]


def test_a_shipped_tensor_is_that_of_an_independent_solver():
    from pyscf.prop.polarizability.rks import Polarizability

    frames = load("malonaldehyde-enol").test
    stock = Polarizability(
        mean_field(frames.numbers[0], frames.pos[0], Level(**frames.provenance["level"]))
    ).polarizability()
    np.testing.assert_allclose(stock, frames.alpha[0], atol=1e-3)


def test_the_library_of_pyscf_takes_the_kernel_of_the_processor():
    "In a fresh process, and in those that joblib starts from it."
    program = """
from joblib import Parallel, delayed
from threadpoolctl import threadpool_info
from bpm_nb.reference.quantum import Level, mean_field
def architectures():
    mean_field([2], [[0., 0., 0.]], Level("hf", "sto-3g"))
    libraries = [lib for lib in threadpool_info() if lib["internal_api"] == "openblas"]
    return {"pyscf" in lib["filepath"]: lib.get("architecture") for lib in libraries}
print([architectures(), *Parallel(2)(delayed(architectures)() for _ in range(2))])
"""
    for own, expected in ((None, "Haswell"), ("Nehalem", "Nehalem")):
        environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"} | (
            {"OPENBLAS_CORETYPE": own} if own else {}
        )
        for found in eval(
            subprocess.run(
                [sys.executable, "-c", program], env=environment, capture_output=True, check=True, text=True
            ).stdout
        ):
            if own or found.get(False) in WITH_AVX2:
                assert found.get(True, expected) == expected


def test_heavy_elements_have_the_core_potential_of_their_basis():
    "def2 bases from rubidium on are made for one: iodine without it has 53 electrons in functions for 25."
    pos = np.array([[0, 0, 0], [0, 0, 1.609]])
    assert pyscf_molecule([1, 53], pos, Level("hf"), 0, 0).nelectron == 26
    assert pyscf_molecule([1, 17], pos, Level("hf"), 0, 0).nelectron == 18
    alpha = single_point([1, 53], pos, Level("hf"), want=("alpha",))["alpha"]
    np.testing.assert_allclose(np.diag(alpha), slopes_of_the_dipole([1, 53], pos, Level("hf")), atol=0.02)


def slopes_of_the_dipole(numbers, pos, level, h=1e-3):
    "Diagonal of the polarizability from dipoles in fields, by PySCF alone."
    from pyscf import scf

    mol = pyscf_molecule(numbers, pos, level, 0, 0)

    def dipole(field):
        mf = scf.RHF(mol).density_fit()
        core = mf.get_hcore() + np.einsum("x,xij->ij", field, mol.intor("int1e_r"))
        mf.get_hcore = lambda *_: core
        mf.conv_tol = 1e-12
        mf.kernel()
        return mf.dip_moment(unit="au", verbose=0)

    return [(dipole(h * e) - dipole(-h * e))[x] / (2 * h) for x, e in enumerate(np.eye(3))]
