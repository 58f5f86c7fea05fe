"""Single points: what ships, heavy elements, molecules that are none, and the kernel of PySCF's library."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from bpm_nb.core.files import InputError
from bpm_nb.data.datasets import load, shipped
from bpm_nb.reference.quantum import WITH_AVX2, Level, mean_field, pyscf_molecule, single_point

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
