"The harmonic route against dynamics."

import numpy as np
import pytest
from oscillators import KT, omega

from bpm_nb.core.files import InputError
from bpm_nb.data.datasets import load
from bpm_nb.data.records import Frames
from bpm_nb.models.polarizability import BondPolarizability
from bpm_nb.spectra.bands import peaks
from bpm_nb.spectra.modes import Modes, harmonic_modes, harmonic_spectrum, rigid_motions
from bpm_nb.spectra.raman import raman_spectrum
from bpm_nb.spectra.sampling import verlet_corrected


@pytest.fixture(scope="module")
def enol():
    "Masses, relaxed positions, Hessian (eV/Å²), model, and ∂α/∂x of malonaldehyde."
    pytest.importorskip("tblite", reason="the reference extra is not installed")
    from ase import Atoms

    from bpm_nb.dynamics.calculators import gfn2, relaxed_positions

    data = load("malonaldehyde-enol")
    atoms = Atoms(data.trajectory.numbers, data.train.pos[0])
    atoms.calc = gfn2()
    atoms.positions = relaxed_positions(atoms)
    pos, h, n = atoms.positions.copy(), 0.005, len(atoms)
    moved = pos + h * np.concatenate([np.eye(3 * n), -np.eye(3 * n)]).reshape(-1, n, 3)
    forces = []
    for p in moved:
        atoms.positions = p
        forces.append(atoms.get_forces().ravel())
    model = BondPolarizability(n_points=400).fit(data.train[:60])
    alpha = model.predict(Frames(np.tile(atoms.numbers, (6 * n, 1)), moved))

    def slope(x):
        return (x[: 3 * n] - x[3 * n :]) / (2 * h)

    return atoms.get_masses(), pos, -slope(np.array(forces)), model, slope(alpha).reshape(n, 3, 3, 3), atoms.numbers


def test_the_harmonic_route_and_a_run_of_small_amplitude_agree(enol):
    "The enol on the GFN2 surface at 0.02 K, integrated from its minimum with the same energy in every mode."
    from ase import Atoms, units

    from bpm_nb.dynamics.calculators import gfn2
    from bpm_nb.dynamics.ensembles import dynamics_chunk

    masses, pos, hessian, model, dalpha, numbers = enol
    modes, kelvin, step, every = harmonic_modes(masses, pos, hessian, dalpha), 0.02, 0.75, 2
    assert len(modes.wavenumber_cm1) == 21 and modes.wavenumber_cm1.min() > 50
    half = np.arcsin(
        omega(modes.wavenumber_cm1) * step / 2
    )  # velocity Verlet: the phase of half a step, and what its velocities have of those of the coordinates
    runs, speed = [], np.sqrt(2 * kelvin * KT) * np.cos(half)
    for sign in (
        (1, 1, 1, 1),
        (1, -1, 1, -1),
        (1, 1, -1, -1),
        (1, -1, -1, 1),
    ):  # what neighbours leak into each other cancels over the four
        cold = Atoms(
            numbers,
            pos,
            masses=masses,
            velocities=np.einsum("k,kai->ai", np.resize(sign, 21) * speed, modes.displacement) / units.fs,
        )
        cold.calc = gfn2()
        runs.append(dynamics_chunk(cold, 1900, step, every)["pos"])
    alpha = model.predict(Frames(np.tile(numbers, (3800, 1)), np.concatenate(runs))).reshape(4, -1, 3, 3)
    seen = raman_spectrum(alpha, step * every, 25.0)
    drawn = harmonic_spectrum(modes, seen.settings, kelvin)
    apart = np.abs(np.subtract.outer(modes.wavenumber_cm1, modes.wavenumber_cm1)) + 1e3 * np.eye(21) > 60
    strong = (modes.activity > 0.02 * modes.activity.max()) & apart.all(1)
    assert strong.sum() >= 5
    found = peaks(seen, minimum=1e-3)
    for nu in modes.wavenumber_cm1[strong]:
        p = min(found, key=lambda p: abs(p.wavenumber_cm1 - nu))
        assert abs(verlet_corrected(p.wavenumber_cm1, step) - nu) < 1  # a twenty-fifth of the resolution

        def area(curve, centre):
            return np.trapezoid(curve[near := abs(seen.wavenumber_cm1 - centre) < 25], seen.wavenumber_cm1[near])

        for part in ("natural", "vv", "vh"):
            np.testing.assert_allclose(
                area(getattr(seen, part), p.wavenumber_cm1), area(getattr(drawn, part), nu), rtol=0.1
            )
    np.testing.assert_allclose(np.trapezoid(seen.natural), np.trapezoid(drawn.natural), rtol=0.1)


def test_heavy_hydrogen_moves_lines_by_the_product_rule(enol):
    "Teller and Redlich: the product of all ratios depends on masses and moments of inertia alone."
    masses, pos, hessian, _, dalpha, numbers = enol
    heavy = np.where(numbers == 1, 2.014, masses)
    light, other = harmonic_modes(masses, pos, hessian, dalpha), harmonic_modes(heavy, pos, hessian, dalpha)

    def rest(m):
        x = pos - m @ pos / m.sum()
        inertia = np.einsum("a,aij->ij", m, (x**2).sum(1)[:, None, None] * np.eye(3) - x[:, :, None] * x[:, None])
        return 1.5 * np.log(m).sum() - 1.5 * np.log(m.sum()) - 0.5 * np.log(np.linalg.det(inertia))

    np.testing.assert_allclose(
        np.log(other.wavenumber_cm1 / light.wavenumber_cm1).sum(), rest(masses) - rest(heavy), atol=1e-4
    )


def test_harmonic_modes_do_not_depend_on_place_or_direction(enol):
    masses, pos, hessian, _, dalpha, _ = enol
    q = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    n = len(masses)
    turned = np.einsum("ij,ajbk,lk->aibl", q, hessian.reshape(n, 3, n, 3), q)
    a, b = (
        harmonic_modes(masses, pos, hessian, dalpha),
        harmonic_modes(masses, pos @ q.T + 3, turned, np.einsum("xy,aykl,ik,jl->axij", q, dalpha, q, q)),
    )
    np.testing.assert_allclose(b.wavenumber_cm1, a.wavenumber_cm1, rtol=1e-6)
    np.testing.assert_allclose(b.activity, a.activity, rtol=1e-5, atol=1e-8 * a.activity.max())
    np.testing.assert_allclose(
        np.einsum("kai,lai,a->kl", a.displacement, a.displacement, masses), np.eye(21), atol=1e-10
    )
    assert abs(rigid_motions(masses, pos) @ (np.sqrt(masses)[:, None] * a.displacement).reshape(21, -1).T).max() < 1e-8


def test_an_unstable_structure_has_negative_wavenumbers_that_are_not_drawn():
    masses, pos = np.array([1.0, 1.0]), np.array([[0, 0, 0], [0, 0, 0.74]])
    hessian = np.zeros((2, 3, 2, 3))
    hessian[0, 2, 0, 2] = hessian[1, 2, 1, 2] = -30
    hessian[0, 2, 1, 2] = hessian[1, 2, 0, 2] = 30
    modes = harmonic_modes(masses, pos, hessian, np.ones((2, 3, 3, 3)))
    assert len(modes.wavenumber_cm1) == 1 and modes.wavenumber_cm1[0] < -1000
    assert np.isnan(modes.depolarization_ratio).all() or modes.activity[0] >= 0
    s = raman_spectrum(np.tile(np.eye(3), (8000, 1, 1)), 1.0)
    assert not harmonic_spectrum(modes, s.settings).natural.any()
    with pytest.raises(InputError, match="not a finite number"):
        harmonic_modes(masses, pos, hessian * np.nan, np.ones((2, 3, 3, 3)))


@pytest.mark.parametrize("a,g2,rho", [(1.0, 0.0, 0.0), (0.0, 1.0, 0.75), (1.0, 9.0, 27 / 81)])
def test_ratios_of_modes(a, g2, rho):
    tensor = a * np.eye(3) + np.sqrt(g2 / 9) * np.diag([-1, -1, 2])
    m = Modes(np.array([1000.0]), np.zeros((1, 2, 3)), tensor[None])
    np.testing.assert_allclose(
        [m.depolarization_ratio[0], m.anisotropic[0] / (m.isotropic[0] or m.anisotropic[0])],
        [rho, g2 / a**2 if a else 1],
        atol=1e-12,
    )


@pytest.mark.parametrize("name", ["biphenyl", "malonaldehyde-enol", "malonaldehyde-keto"])
def test_cold_runs_vibrate_at_the_shipped_harmonic_lines(name):
    "At 0.02 K the surface of the shipped runs has the shipped lines: what bands at 300 K are off by is anharmonicity."
    pytest.importorskip("tblite", reason="the reference extra is not installed")
    from ase import Atoms, units

    from bpm_nb.dynamics.calculators import gfn2
    from bpm_nb.dynamics.ensembles import dynamics_chunk

    table, step, every = load(name).harmonic_gfn2, 0.75, 2
    cold = Atoms(table.numbers, table.pos)
    masses = cold.get_masses()
    modes = harmonic_modes(masses, table.pos, table.hessian, table.dalpha)
    cold.set_velocities(np.sqrt(2 * 0.02 * KT) * modes.displacement.sum(0) / units.fs)
    cold.calc = gfn2()
    run = dynamics_chunk(cold, 1800, step, every)["pos"] - table.pos
    for k in modes.activity.argsort()[-10:]:
        own = np.einsum("a,tai,ai->t", masses, run, modes.displacement[k])
        seen, nu = (
            peaks(raman_spectrum((own[:, None, None] * modes.dalpha[k])[None], step * every, 25.0))[0].wavenumber_cm1,
            modes.wavenumber_cm1[k],
        )
        assert abs(verlet_corrected(seen, step) - nu) < 1 and seen > nu  # a twenty-fifth of the resolution


def test_modes_show_themselves_shortly_also_without_a_dipole_or_without_modes():
    modes = Modes(np.array([1000.0, 2000.0]), np.zeros((2, 3, 3)), np.array([np.eye(3), 2 * np.eye(3)]))
    assert repr(modes) == "Modes(2 of 3 atoms, from 1000 to 2000 cm⁻¹, strongest at 2000, 1000 cm⁻¹)"
    text = modes._repr_html_()
    assert text.startswith("<table") and "–" in text and "nan" not in text and len(text) < 4000
    none = Modes(np.zeros(0), np.zeros((0, 3, 3)), np.zeros((0, 3, 3)))
    assert repr(none) == "Modes(0 of 3 atoms)" and none._repr_html_().startswith("<table")
