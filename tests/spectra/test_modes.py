"""The harmonic route against dynamics, infrared and states against analytic answers, files against other readers."""

import json
import warnings

import jcamp
import numpy as np
import pytest

from bpm_nb.core.files import InputError
from bpm_nb.core.units import C_CM_FS
from bpm_nb.data.datasets import load
from bpm_nb.data.records import Frames
from bpm_nb.models.polarizability import BondPolarizability
from bpm_nb.spectra.bands import peaks
from bpm_nb.spectra.files import read_polarizability, write_csv, write_jcamp
from bpm_nb.spectra.infrared import infrared_intensity, ir_spectrum, power_spectrum
from bpm_nb.spectra.modes import Modes, harmonic_modes, harmonic_spectrum, rigid_motions
from bpm_nb.spectra.raman import instrument_intensity, raman_spectrum
from bpm_nb.spectra.sampling import check_sampling, verlet_corrected
from bpm_nb.spectra.spectrum import model_error

KT = 1.380649e-23 / (1.66053906660e-27 * 1e10)  # u Å² fs⁻² per K


def omega(nu):
    return 2 * np.pi * C_CM_FS * nu


# ---- a molecule on the surface of GFN2-xTB with the polarizability of a fitted model


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


# ---- infrared and states


def test_infrared_area_is_the_intensity_of_the_mode():
    "A thermal oscillator with ∂μ/∂Q = 1 D Å⁻¹ u^-1/2 has 42.256 km/mol."
    t, slope = np.arange(40_000), 1 / 2.541746473
    for nu, kelvin in ((500.0, 100.0), (1700.0, 300.0)):
        mu = slope * np.sqrt(2 * kelvin * KT) / omega(nu) * np.cos(omega(nu) * t)[:, None] * np.array([0.6, 0, 0.8])
        s = ir_spectrum(mu + 1, 1.0)
        (p,) = peaks(s)
        assert abs(p.wavenumber_cm1 - nu) < 0.05 and np.isnan(p.depolarization_ratio)
        np.testing.assert_allclose(infrared_intensity(p.area, kelvin), 42.2561, rtol=3e-3)
        np.testing.assert_allclose(
            Modes(np.array([nu]), np.zeros((1, 1, 3)), np.zeros((1, 3, 3)), np.array([[slope, 0, 0]])).infrared,
            42.2561,
            rtol=1e-5,
        )


def test_the_states_of_the_shipped_run_are_its_degrees_of_freedom():
    from ase.data import atomic_masses

    run = load("malonaldehyde-enol").trajectory
    masses = atomic_masses[run.numbers]
    s = power_spectrum(run.vel, masses, run.dt_fs, run.temperature_K)
    count = np.einsum("gtai,a->gt", run.vel[:, :-1] ** 2, masses).mean() / (KT * run.temperature_K)
    np.testing.assert_allclose(np.trapezoid(s.curve(), s.wavenumber_cm1), count, rtol=1e-7)
    assert 18 < count < 24 and (s.curve() >= 0).all()
    moved = power_spectrum(run.pos, masses, run.dt_fs, run.temperature_K, positions=True)
    np.testing.assert_allclose(np.trapezoid(moved.curve(), s.wavenumber_cm1), count, rtol=0.02)
    above = s.curve()[s.wavenumber_cm1 > 2600].sum() / s.curve().sum()
    assert 0.15 < above < 0.25  # four stretches to hydrogen of 21


@pytest.mark.parametrize(
    "bad", [np.zeros((500, 4, 3)), np.zeros((500, 9)), np.zeros(3), np.array(["a"]), np.full((500, 2, 3), np.nan)]
)
def test_velocities_of_another_shape_are_refused(bad):
    with pytest.raises(InputError, match="velocities"):
        power_spectrum(bad, [1.0, 1.0], 1.0, resolution_cm1=100.0)
    with pytest.raises(InputError, match="dipole"):
        ir_spectrum(np.zeros((500, 4)), 1.0)


# ---- warnings and the model's own error


def test_a_gap_is_a_warning_and_a_smooth_run_is_not():
    t = np.arange(8000)
    alpha = np.cos(omega(900) * t)[:, None, None] * np.diag([1, 2, 3.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        raman_spectrum(alpha, 1.0)
    with pytest.warns(UserWarning, match="alpha jumps near frame (3999|4000|4001) of segment 0.*pieces as segments"):
        raman_spectrum(np.delete(alpha, slice(4000, 4011), 0), 1.0)


@pytest.mark.parametrize(
    "numbers,dt,step,message",
    [
        ([6, 1], 5.0, None, "every 4.0 fs"),
        ([6, 8], 8.0, None, "save a frame every"),
        ([8, 1], 2.0, 1.0, "shorter step"),
        ([8, 1], 2.0, 5.0, "shorter step"),
    ],
)
def test_coarse_frames_and_steps_are_warned_of(numbers, dt, step, message):
    with pytest.warns(UserWarning, match=message):
        check_sampling(numbers, dt, step)


def test_good_sampling_is_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for numbers, dt, step in (([6, 1], 4.0, 0.5), ([6, 8], 6.0, None), ([1, 1], 2.0, 0.25)):
            check_sampling(numbers, dt, step)


def test_the_models_own_error_needs_a_committee():
    t = np.arange(8000)
    s = [raman_spectrum(np.cos(omega(900) * t)[:, None, None] * np.diag([1, 2, 3.0]) * x, 1.0) for x in (1.0, 1.1, 0.9)]
    expected = np.sqrt(2 * np.var([1.0, 1.21, 0.81])) * s[0].vv
    np.testing.assert_allclose(model_error(s, "vv"), expected, atol=1e-9 * expected.max())
    with pytest.raises(InputError, match="one spectrum"):
        model_error(s[:1])


# ---- files


@pytest.fixture(scope="module")
def line():
    t = np.arange(16_000)
    return raman_spectrum(
        np.cos(omega(900) * t)[:, None, None] * np.diag([1, 2, 3.0])
        + np.cos(omega(2950) * t)[:, None, None] * np.eye(3),
        1.0,
    )


@pytest.mark.parametrize("geometry", ["natural", "vv", 30])
def test_another_program_reads_the_jcamp_file(line, tmp_path, geometry):
    for kind, s in (
        ("RAMAN SPECTRUM", line),
        ("RAMAN SPECTRUM", instrument_intensity(line)),
        ("INFRARED SPECTRUM", ir_spectrum(np.random.default_rng(0).normal(size=(8000, 3)).cumsum(0), 1.0)),
    ):
        write_jcamp(s, tmp_path / "s.jdx", geometry, "a title", dict(model="model.npz"))
        read = jcamp.readfile(str(tmp_path / "s.jdx"))
        np.testing.assert_allclose(read["x"], s.wavenumber_cm1, atol=1e-4)
        np.testing.assert_allclose(read["y"], s.curve(geometry), atol=1e-7 * s.curve(geometry).max())
        assert read["data type"] == kind and read["title"] == "a title" and read["xunits"] == "1/CM"
        text = (tmp_path / "s.jdx").read_text("ascii")
        settings = json.loads(text.split("##$SETTINGS=")[1].split("\n##")[0])
        assert settings == s.settings | dict(geometry=geometry) and json.loads(
            text.split("##$NOTES=")[1].split("\n##")[0]
        ) == dict(model="model.npz")


def test_a_curve_is_written_as_csv(tmp_path):
    s = ir_spectrum(np.random.default_rng(0).normal(size=(4, 8000, 3)).cumsum(1), 1.0)
    write_csv(s, tmp_path / "ir.csv")
    table = np.genfromtxt(tmp_path / "ir.csv", delimiter=",", names=True, skip_header=2)
    np.testing.assert_allclose(table["density_error"], s.error(), rtol=1e-6)
    assert table.dtype.names == ("wavenumber_cm1", "density", "density_error")
    write_csv(s, tmp_path / "more.csv", more=dict(model_error=0.1 * s.curve()))
    np.testing.assert_allclose(
        np.genfromtxt(tmp_path / "more.csv", delimiter=",", names=True, skip_header=2)["model_error"],
        0.1 * s.curve(),
        rtol=1e-6,
    )


ALPHA = np.random.default_rng(0).normal(size=(50, 3, 3))
ALPHA = ALPHA + ALPHA.swapaxes(1, 2)
NAMES = "xx,xy,xz,yx,yy,yz,zx,zy,zz"


def table(rows, header=NAMES, sep=","):
    return (header + "\n" if header else "") + "\n".join(sep.join(f"{v:.17g}" for v in r) for r in rows) + "\n"


@pytest.mark.parametrize(
    "text,dt",
    [
        (table(ALPHA.reshape(-1, 9)), None),
        (table(ALPHA.reshape(-1, 9), "", " "), None),
        ("# a remark\n" + table(ALPHA.reshape(-1, 9), "", " "), None),
        (table(np.column_stack([0.5 * np.arange(50), ALPHA.reshape(-1, 9)]), "time_fs," + NAMES), 0.5),
        (table(ALPHA.reshape(-1, 9)[:, [8, 4, 0, 1, 2, 5]], "ZZ,YY,XX,XY,XZ,YZ"), None),
    ],
)
def test_a_series_from_a_table(tmp_path, text, dt):
    (tmp_path / "a.csv").write_text(text)
    alpha, step = read_polarizability(tmp_path / "a.csv")
    np.testing.assert_allclose(alpha, ALPHA, rtol=1e-14)
    assert step == dt
    np.testing.assert_allclose(
        read_polarizability(tmp_path / "a.csv", "angstrom3")[0], ALPHA / 0.529177210903**3, rtol=1e-8
    )


@pytest.mark.parametrize("shape", [(50, 3, 3), (50, 9), (2, 25, 3, 3)])
def test_a_series_from_npy(tmp_path, shape):
    np.save(tmp_path / "a.npy", ALPHA.reshape(shape))
    alpha, dt = read_polarizability(tmp_path / "a.npy")
    np.testing.assert_array_equal(alpha, ALPHA.reshape((50, 3, 3) if shape == (50, 9) else shape))
    assert dt is None


GAP = np.delete(np.column_stack([0.5 * np.arange(50), ALPHA.reshape(-1, 9)]), 20, 0)


@pytest.mark.parametrize(
    "text,message",
    [
        ("", "no row"),
        ("a,b\n", "no row|columns"),
        (table(ALPHA.reshape(-1, 9)) + "1,2\n", "number of columns"),
        (table(ALPHA.reshape(-1, 9)[:, :8], ""), "8 columns"),
        (table(ALPHA.reshape(-1, 9), NAMES.replace("xx", "qq")), "no column xx"),
        (table(GAP, "time_fs," + NAMES), "1 fs lie between frames 19 and 20"),
        (table(np.column_stack([np.zeros(50), ALPHA.reshape(-1, 9)]), "time_fs," + NAMES), "do not grow"),
        (table(ALPHA.reshape(-1, 9)).replace(f"{ALPHA[3, 0, 0]:.17g}", "nan"), "frame 3.*not finite"),
        (table(ALPHA.reshape(-1, 9) * np.arange(1, 10)), "not symmetric"),
    ],
)
def test_a_bad_table_is_one_sentence(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=message) as e:
        read_polarizability(tmp_path / "a.csv")
    assert str(tmp_path / "a.csv") in str(e.value)


def test_other_bad_series_are_refused(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}, None]), allow_pickle=True)
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY\x01\x00v")
    np.save(tmp_path / "flat.npy", np.zeros(9))
    for name, message in (
        ("objects.npy", "pickled"),
        ("cut.npy", "npy"),
        ("flat.npy", "shape"),
        ("no.npy", "no such file"),
        ("no.csv", "no such"),
        ("a.pkl", "ending|no such"),
    ):
        with pytest.raises(InputError, match=message):
            read_polarizability(tmp_path / name)
    with pytest.raises(InputError, match="unit"):
        read_polarizability(tmp_path / "flat.npy", "nm3")


@pytest.mark.parametrize("name", ["biphenyl", "malonaldehyde-enol", "malonaldehyde-keto"])
def test_cold_runs_vibrate_at_the_shipped_harmonic_lines(name):
    "At 0.02 K the surface of the shipped trajectories has the shipped lines: what bands at 300 K are off by is anharmonicity."
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
