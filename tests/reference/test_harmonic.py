"""Harmonic derivatives: analytic Hessians, stock solvers and energies alone as oracles, sum rules, what ships."""

import json
import time

import numpy as np
import pytest
from ase import Atoms
from ase.units import Bohr, Debye, Hartree, invcm
from ase.vibrations import VibrationsData

from bpm_nb.core.files import InputError
from bpm_nb.core.work import Checkpoint
from bpm_nb.data.datasets import known, load, read_lines, shipped_files
from bpm_nb.data.files import read
from bpm_nb.dynamics.calculators import Molecule
from bpm_nb.dynamics.ensembles import internal_forces
from bpm_nb.reference.harmonic import displaced_point, reference_harmonic
from bpm_nb.reference.quantum import Level, mean_field

pytest.importorskip("pyscf", reason="the reference extra is not installed")
WATER = np.array([8, 1, 1]), np.array([[0, 0, 0.117], [0.1, 0.757, -0.469], [0, -0.757, -0.469]])
HF = Level("hf", "sto-3g", 0, 0)


def wavenumbers(record):
    "All 3N, cm⁻¹, those of translation and rotation first; negative where imaginary."
    e = VibrationsData(Atoms(record.numbers, record.pos), record.hessian).get_energies() / invcm
    e = e.real - e.imag
    return (
        np.concatenate([np.sort(np.abs(e))[:6], np.sort(e[np.argsort(np.abs(e))[6:]])])
        if len(record.numbers) > 2
        else e
    )


def activities(record):
    "(wavenumber, 45a'² + 7γ'² in Å⁴/u) of the modes of a molecule that is not linear."
    energies, modes = VibrationsData(Atoms(record.numbers, record.pos), record.hessian).get_energies_and_modes()
    own = np.argsort(np.abs(energies))[6:]
    d = np.einsum("mnx,nxij->mij", modes[own], record.dalpha) * Bohr**3
    a = np.trace(d, axis1=1, axis2=2) / 3
    return energies[own].real / invcm, 45 * a**2 + 7 * 1.5 * ((d - a[:, None, None] * np.eye(3)) ** 2).sum((1, 2))


@pytest.fixture(scope="module")
def water(tmp_path_factory):
    return reference_harmonic(tmp_path_factory.mktemp("h") / "w.npz", *WATER, level=HF)


@pytest.mark.parametrize("level, tol", [(HF, 0.3), (Level("b3lyp", "6-31g", 1, 1), 2.0)])
def test_wavenumbers_are_those_of_the_analytic_hessian(tmp_path, level, tol):
    from pyscf.hessian import thermo

    found = reference_harmonic(tmp_path / "w.npz", *WATER, level=level)
    mf = mean_field(found.numbers, found.pos, level)
    exact = thermo.harmonic_analysis(mf.mol, mf.Hessian().kernel())["freq_wavenumber"]
    np.testing.assert_allclose(wavenumbers(found)[6:], exact, atol=tol)
    assert wavenumbers(found)[:6].max() < 100  # the grid does not turn with the molecule
    assert (
        np.abs(
            internal_forces(found.pos, displaced_point(Molecule(found.numbers), found.pos, level, "dft")["forces"])
        ).max()
        < 2e-3
    )


def test_the_error_is_of_second_order_in_the_step(tmp_path, water):
    twice, fourfold = (
        wavenumbers(reference_harmonic(tmp_path / "w.npz", *WATER, level=HF, step=h))[6:] for h in (0.01, 0.02)
    )
    once = wavenumbers(water)[6:]
    np.testing.assert_allclose(fourfold - once, 5 * (twice - once), atol=0.1)
    assert np.abs(twice - once).max() < 1


def test_a_bond_stretches_as_energies_and_the_stock_solver_say(tmp_path):
    "Hydrogen: wavenumber from three energies, derivative of α along the bond from PySCF's own response."
    from pyscf.prop.polarizability.rhf import Polarizability

    level, mass = Level("hf", "6-31g**", 0, 0), Atoms("H").get_masses()[0] / 2
    found = reference_harmonic(tmp_path / "h.npz", [1, 1], np.array([[0, 0, 0], [0, 0, 0.74]]), level=level)
    length, h = np.linalg.norm(found.pos[0] - found.pos[1]), 0.01
    stretched = [
        mean_field([1, 1], np.array([[0, 0, 0], [0, 0, r]]), level, tol=1e-8) for r in (length - h, length, length + h)
    ]
    force_constant = (stretched[0].e_tot - 2 * stretched[1].e_tot + stretched[2].e_tot) * Hartree / h**2
    expected = np.sqrt(force_constant / mass) * 521.4709
    energies, modes = VibrationsData(Atoms("H2", found.pos), found.hessian).get_energies_and_modes()
    assert energies[-1].real / invcm == pytest.approx(expected, abs=3)
    slope = (
        (
            Polarizability(stretched[2].to_hf() if hasattr(stretched[2], "to_hf") else stretched[2]).polarizability()
            - Polarizability(stretched[0].to_hf() if hasattr(stretched[0], "to_hf") else stretched[0]).polarizability()
        )
        / (2 * h)
        / np.sqrt(mass)
    )
    along = np.einsum("nx,nxij->ij", modes[-1], found.dalpha)
    np.testing.assert_allclose(np.sort(np.abs(np.linalg.eigvalsh(along))), np.sort(np.abs(np.diag(slope))), atol=2e-2)


def test_moving_or_turning_the_whole_changes_as_it_must(water):
    np.testing.assert_allclose(water.dalpha.sum(0), 0, atol=2e-3)
    np.testing.assert_allclose(water.ddipole.sum(0), 0, atol=2e-3)
    alpha = displaced_point(Molecule(water.numbers), water.pos, HF, "dft")["alpha"]
    for axis in np.eye(3):
        turn = np.cross(axis, np.eye(3)).T  # d(Rx)/dφ = turn x
        np.testing.assert_allclose(
            np.einsum("nx,nxij->ij", water.pos @ turn.T, water.dalpha), turn @ alpha - alpha @ turn, atol=2e-3
        )


def test_the_dipole_of_an_ion_moves_with_its_charge(tmp_path):
    ion = np.array([8, 1, 1, 1]), np.array([[0, 0, 0.1], [0.94, 0, -0.2], [-0.47, 0.81, -0.2], [-0.47, -0.81, -0.2]])
    found = reference_harmonic(tmp_path / "i.npz", *ion, level=HF, charge=1)
    np.testing.assert_allclose(found.ddipole.sum(0), np.eye(3) / Bohr, atol=2e-3)
    np.testing.assert_allclose(found.dalpha.sum(0), 0, atol=2e-3)


def test_the_surface_of_the_dynamics_has_its_own_minimum_and_modes(tmp_path, water):
    found = reference_harmonic(tmp_path / "g.npz", *WATER, surface="gfn2", level=HF)
    atoms = Molecule(found.numbers).atoms(found.pos)
    assert np.abs(atoms.get_forces()).max() < 2e-3
    assert 1500 < wavenumbers(found)[6] < 1600 and wavenumbers(found)[:6].max() < 60  # the level itself has 2170
    h = 0.005
    moved = [
        displaced_point(Molecule(found.numbers), found.pos + s * h * np.eye(9)[4].reshape(3, 3), HF, "dft")["alpha"]
        for s in (1, -1)
    ]
    np.testing.assert_allclose(found.dalpha[1, 1], (moved[0] - moved[1]) / (2 * h), atol=1e-3)


def test_springs_are_a_surface_too(tmp_path):
    "A function that makes a calculator: its minimum, its Hessian, and the level's polarizability there."
    found = reference_harmonic(tmp_path / "s.npz", [1, 1], np.array([[0, 0, 0], [0, 0, 0.9]]), surface=spring, level=HF)
    assert abs(np.linalg.norm(found.pos[1] - found.pos[0]) - 0.8) < 1e-4
    axis = (found.pos[1] - found.pos[0]) / 0.8
    np.testing.assert_allclose(np.einsum("x,xy,y", axis, found.hessian[0, :, 0], axis), 30.0, rtol=1e-3)
    assert "spring" in found.provenance["surface"]


def spring(charge, spin):
    "Of 30 eV/Å² at 0.8 Å: twice the depth times the square of rho0 / r0."
    from ase.calculators.morse import MorsePotential

    return MorsePotential(epsilon=30.0 / 18, r0=0.8, rho0=2.4)


def test_a_surface_that_is_none_is_refused(tmp_path):
    with pytest.raises(InputError, match="no surface has the name .pm7."):
        reference_harmonic(tmp_path / "w.npz", *WATER, surface="pm7", level=HF)


def test_a_second_process_on_the_same_derivatives_is_refused(tmp_path):
    with Checkpoint(tmp_path / "w.npz", {}), pytest.raises(InputError, match="another process"):
        reference_harmonic(tmp_path / "w.npz", *WATER, level=HF)


def test_the_command_makes_them(tmp_path, capsys):
    from ase.io import write

    from bpm_nb.cli.program import main

    write(tmp_path / "w.xyz", Atoms("OH2", WATER[1]))
    assert (
        main(
            [
                "reference",
                str(tmp_path / "w.xyz"),
                "--what",
                "harmonic",
                "--xc",
                "hf",
                "--basis",
                "sto-3g",
                "-o",
                str(tmp_path / "h.npz"),
                "--json",
            ]
        )
        == 0
    )
    record, lines = read(tmp_path / "h.npz"), json.loads(capsys.readouterr().out)["lines"]
    nu, activity = activities(record)
    np.testing.assert_allclose([x["wavenumber_cm1"] for x in lines], nu, atol=0.5)
    np.testing.assert_allclose([x["activity_A4_u"] for x in lines], activity, rtol=1e-3)
    energies, modes = VibrationsData(Atoms("OH2", record.pos), record.hessian).get_energies_and_modes()
    slope = np.einsum("mnx,nxi->mi", modes[np.argsort(np.abs(energies))[6:]], record.ddipole) * Bohr / Debye
    np.testing.assert_allclose(
        [x["infrared_km_mol"] for x in lines], 42.255 * (slope**2).sum(1), rtol=1e-3
    )  # ASE's factor, from Porezag 1996


def test_a_harmonic_reference_with_symmetry_is_that_without_it(tmp_path, monkeypatch):
    "Water in any direction: half the single points, the same lines but for the end of the relaxation, 1e-4 Å."
    import bpm_nb.reference.harmonic
    from bpm_nb.spectra.modes import normal_modes

    counted, compute = [], bpm_nb.reference.harmonic.displaced_point
    monkeypatch.setattr(bpm_nb.reference.harmonic, "displaced_point", lambda *a: counted.append(a) or compute(*a))
    turned = WATER[0], WATER[1] @ np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    found = [
        normal_modes(reference_harmonic(tmp_path / "w.npz", *turned, level=Level("hf", "6-31g"), symmetry_tol=tol))
        for tol in (0.02, 0)
    ]
    assert len(counted) == 9 + 18
    for name, tol in dict(wavenumber_cm1=0.1, activity=0.05, infrared=0.05, depolarization_ratio=1e-3).items():
        np.testing.assert_allclose(getattr(found[0], name), getattr(found[1], name), atol=tol)


def test_steps_of_another_symmetry_are_not_gone_on_with(tmp_path):
    with Checkpoint(tmp_path / "w.npz", {}):
        pass
    with pytest.raises(InputError, match="other settings"):
        reference_harmonic(tmp_path / "w.npz", *WATER, level=Level("hf", "sto-3g"))


# ---- what ships -----------------------------------------------------------------------------------------------------

TABLES = [
    (name, surface) for name in known() for surface in ("dft", "gfn2") if shipped_files(name, f"harmonic_{surface}")
]


@pytest.mark.parametrize("name, surface", TABLES)
def test_shipped_derivatives_obey_their_sum_rules(name, surface):
    record = getattr(load(name), f"harmonic_{surface}")
    assert record.provenance["surface"] == surface
    assert record.provenance["level"] == load("biphenyl").train.provenance["level"]  # one level for all that ships
    from bpm_nb.spectra.modes import harmonic_modes

    modes = harmonic_modes(
        Atoms(record.numbers).get_masses(), record.pos, record.hessian, record.dalpha, record.ddipole
    )
    rough = wavenumbers(record)  # translation and rotation still in
    rigid = 5 if name == "carbon-dioxide" else 6
    assert rough[:rigid].max() < 60 and modes.wavenumber_cm1.min() > 15
    assert len(modes.wavenumber_cm1) == 3 * len(record.numbers) - rigid
    inner = modes.wavenumber_cm1 > 200
    np.testing.assert_allclose(modes.wavenumber_cm1[inner], rough[rigid:][inner], atol=6)
    np.testing.assert_allclose(record.dalpha.sum(0), 0, atol=0.02 * np.abs(record.dalpha).max())
    loose = 0.03 if name == "benzene" else 0.02  # 2.45 % was found there
    np.testing.assert_allclose(record.ddipole.sum(0), 0, atol=loose * np.abs(record.ddipole).max())


def test_a_shipped_derivative_is_what_its_level_gives():
    "One atom and axis of one table, another one each day."
    day = int(time.time() // 86400)
    name, surface = TABLES[day % len(TABLES)]
    record, h = getattr(load(name), f"harmonic_{surface}"), load(name).harmonic_dft.provenance["step"]
    k = (day // len(TABLES)) % (3 * len(record.numbers))
    step = h * np.eye(3 * len(record.numbers))[k].reshape(-1, 3)
    p, m = (
        displaced_point(Molecule(record.numbers), record.pos + s * step, Level(**record.provenance["level"]), surface)
        for s in (1, -1)
    )
    found = {q: (p[q] - m[q]) / (2 * h) for q in ("alpha", "dipole", "forces")}
    np.testing.assert_allclose(found["alpha"], record.dalpha[k // 3, k % 3], atol=1e-2)
    np.testing.assert_allclose(found["dipole"], record.ddipole[k // 3, k % 3], atol=1e-3)
    np.testing.assert_allclose(
        -found["forces"], record.hessian[k // 3, k % 3], atol=0.1
    )  # the record is symmetric, forces on a finite grid are not quite


@pytest.mark.parametrize("name", [n for n in known() if shipped_files(n, "lines") and shipped_files(n, "harmonic_dft")])
def test_lines_called_calculated_are_those_of_the_harmonic_table(name):
    nu, activity = activities(
        load(name).harmonic_dft
    )  # translation and rotation still in, which moves the softest lines
    for line in load(name).lines:
        if line.kind != "calculated":
            continue
        k = np.abs(nu - line.wavenumber_cm1).argmin()
        assert abs(nu[k] - line.wavenumber_cm1) <= (2 if nu[k] > 200 else 10) and "harmonic" in line.source
        share = activity[k] / activity.max()
        assert line.strength == ("strong" if share > 0.3 else "medium" if share > 0.05 else "weak")


def test_a_table_that_is_none_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("wavenumber_cm1,strength\n1003,strong\n")
    (tmp_path / "b.csv").write_text("wavenumber_cm1,strength,assignment,kind,source\nabout 1000,strong,,measured,x\n")
    for name in "ab":
        with pytest.raises(InputError, match="not a table of lines"):
            read_lines(tmp_path / f"{name}.csv")


@pytest.mark.parametrize("name", known())
def test_every_line_has_a_source(name):
    if not shipped_files(name, "lines"):
        pytest.skip(f"there is no table of lines of {name}")
    lines = load(name).lines
    assert lines and all(
        line.source and line.kind in ("measured", "calculated") and line.strength in ("strong", "medium", "weak")
        for line in lines
    )
    assert not any(line.kind == "measured" for line in lines) or name == "biphenyl"
    assert all(a.wavenumber_cm1 <= b.wavenumber_cm1 for a, b in zip(lines, lines[1:]))
