"""The response of the density to a field, against dipoles in finite fields and PySCF's own solver."""

import numpy as np
import pytest

from bpm_nb.core.files import InputError
from bpm_nb.reference.quantum import Level, mean_field, single_point
from bpm_nb.reference.response import conjugate_gradient, response_polarizability

pytest.importorskip("pyscf", reason="the reference extra is not installed")
WATER = np.array([8, 1, 1]), np.array([[0, 0, 0.117], [0.1, 0.757, -0.469], [0, -0.757, -0.469]])


def finite_field(numbers, pos, level, spin=0, field=2e-3):
    "Polarizability from dipoles in four fields along each axis, error of fourth order in the field."
    from pyscf import dft, gto

    mol = gto.M(atom=list(zip(map(int, numbers), pos)), basis=level.basis, spin=spin, verbose=0)
    r, columns = mol.intor("int1e_r"), []
    for axis in np.eye(3):
        dipoles = {}
        for k in (-2, -1, 1, 2):
            mf = (dft.UKS if spin else dft.RKS)(mol, xc=level.xc).density_fit()
            mf.grids.level = level.scf_grid
            mf.conv_tol, mf.conv_tol_grad = 1e-12, 1e-7
            core = mf.get_hcore() + np.einsum("x,xij->ij", k * field * axis, r)
            mf.get_hcore = lambda *_, core=core: core
            mf.kernel()
            dipoles[k] = mf.dip_moment(unit="au", verbose=0)
        columns.append((8 * (dipoles[1] - dipoles[-1]) - (dipoles[2] - dipoles[-2])) / (12 * field))
    return np.array(columns)


@pytest.mark.parametrize("xc", ["hf", "lda,vwn", "pbe", "b3lyp"])
def test_the_response_is_the_derivative_of_the_dipole(xc):
    level = Level(xc, "def2-svpd", 1, 1)
    mf = mean_field(*WATER, level)
    np.testing.assert_allclose(response_polarizability(mf, 1), finite_field(*WATER, level), atol=1e-3)


def test_an_open_shell_takes_the_stock_solver():
    level, methyl = (
        Level("hf", "6-31g"),
        (np.array([6, 1, 1, 1]), np.array([[0, 0, 0.1], [0, 1.08, 0], [0.94, -0.54, 0], [-0.94, -0.54, 0]])),
    )
    np.testing.assert_allclose(
        single_point(*methyl, level, spin=1)["alpha"], finite_field(*methyl, level, spin=1), atol=1e-3
    )


def test_a_functional_that_the_response_does_not_know_is_refused():
    with pytest.raises(InputError, match="kinetic energy density"):
        single_point(*WATER, Level("tpss", "sto-3g"))


def test_conjugate_gradient_solves_several_systems_at_once():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(12, 12))
    a = a @ a.T + 12 * np.eye(12)
    b = rng.normal(size=(3, 4, 3))
    x = conjugate_gradient(lambda u: (u.reshape(3, 12) @ a).reshape(3, 4, 3), b, np.diag(a).reshape(4, 3), tol=1e-12)
    np.testing.assert_allclose(x.reshape(3, 12) @ a, b.reshape(3, 12), atol=1e-10)
    with pytest.raises(InputError, match="converge"):
        conjugate_gradient(lambda u: u @ a, rng.normal(size=(1, 12)), np.ones(12), max_iter=2)
