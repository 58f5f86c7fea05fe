"""The reference data and what makes them: independent solvers, finite fields, equipartition, killed runs, provenance."""

import os
import signal
import subprocess
import sys
import time
from hashlib import sha256

import numpy as np
import pytest

from bpm_nb.core.files import InputError
from bpm_nb.core.work import Checkpoint
from bpm_nb.data.datasets import SHIPPED, load, ship, shipped, shipped_files
from bpm_nb.data.files import STEPS, delta_encoded, read, delta_decoded, write
from bpm_nb.dynamics import trajectory
from bpm_nb.dynamics.calculators import molecular_topology
from bpm_nb.dynamics.ensembles import dynamics_chunk, thermal_momenta
from bpm_nb.reference.frames import reference_frames
from bpm_nb.reference.harmonic import central_differences, reference_harmonic
from bpm_nb.reference.quantum import WITH_AVX2, Level, mean_field, pyscf_molecule, single_point
from bpm_nb.reference.response import conjugate_gradient, response_polarizability
from bpm_nb.reference.symmetry import distinct_displacements, symmetrized

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


def test_a_molecule_that_is_none_does_not_converge_silently():
    from pyscf.lib.exceptions import BasisNotFoundError

    with pytest.raises((InputError, BasisNotFoundError, RuntimeError)):
        single_point(*WATER, Level("b3lyp", "sto-3g"), charge=1)


def test_conjugate_gradient_solves_several_systems_at_once():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(12, 12))
    a = a @ a.T + 12 * np.eye(12)
    b = rng.normal(size=(3, 4, 3))
    x = conjugate_gradient(lambda u: (u.reshape(3, 12) @ a).reshape(3, 4, 3), b, np.diag(a).reshape(4, 3), tol=1e-12)
    np.testing.assert_allclose(x.reshape(3, 12) @ a, b.reshape(3, 12), atol=1e-10)
    with pytest.raises(InputError, match="converge"):
        conjugate_gradient(lambda u: u @ a, rng.normal(size=(1, 12)), np.ones(12), max_iter=2)


# ---- what ships -----------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("name", shipped())
def test_shipped_files_are_those_described(name):
    text = load(name).description
    found = [f for f in shipped_files(name) if f.name.endswith(".npz")]
    assert {"train", "test", "trajectory"} <= {
        f.name.removeprefix(f"{name}_").split(".")[0].split("_")[0] for f in found
    }
    for f in found:
        assert f"{f.name}:" in text and sha256(f.read_bytes()).hexdigest() in text


def test_what_ships_is_small():
    sizes = [f.stat().st_size for f in SHIPPED.iterdir()]
    assert max(sizes) <= 5_000_000 and sum(sizes) <= 25_000_000


@pytest.mark.parametrize("name", shipped())
def test_shipped_sets_are_large_enough_and_apart(name):
    data = load(name)
    least = (250, 100) if name == "biphenyl" else (400, 150)
    assert len(data.train) >= least[0] and len(data.test) >= least[1]
    made = [data.train.provenance, data.test.provenance]
    assert made[0]["level"] == made[1]["level"] and made[0]["seed"] != made[1]["seed"]
    assert set(made[0]["temperature_K"]) == {500.0} and made[1]["temperature_K"][:4] == [300.0, 400.0, 300.0, 400.0]
    assert {"pyscf", "tblite", "ase", "numpy"} <= made[0]["programs"].keys()
    x = np.concatenate([data.train.pos, data.test.pos]).reshape(len(data.train) + len(data.test), -1)
    distance = np.linalg.norm(x[:, None] - x, axis=-1) + 1e3 * np.eye(len(x))
    assert distance.min() > 0.05


@pytest.mark.parametrize("name", shipped())
def test_shipped_trajectories_keep_their_energy_and_are_canonical(name):
    from ase import Atoms, units

    run = load(name).trajectory
    assert np.abs(run.energy_drift()).max() < 1
    assert run.pos.shape[0] * run.pos.shape[1] * run.dt_fs >= 8e4 and run.pos.shape[1] * run.dt_fs >= 1e4 * 0.999
    mass = Atoms(run.numbers).get_masses()[:, None]
    kinetic = 0.5 * (mass * (run.vel / units.fs) ** 2).sum((2, 3))
    modes = 3 * len(run.numbers) - 6
    kelvin = 2 * kinetic.mean(1) / modes / units.kB
    assert abs(kelvin.mean() - run.temperature_K) < 0.08 * run.temperature_K, kelvin
    spread = run.temperature_K / np.sqrt(modes)  # of the energy over modes of a classical harmonic molecule
    assert 0.5 * spread < kelvin.std() < 1.6 * spread, kelvin
    momentum = (mass * run.vel).sum(2)
    assert np.abs(momentum).max() < 1e-2 * np.abs(mass * run.vel).max()
    velocity = (run.pos[:, 2:] - run.pos[:, :-2]) / (2 * run.dt_fs)
    heavy = run.numbers > 1
    np.testing.assert_allclose(velocity[:, :, heavy], run.vel[:, 1:-1][:, :, heavy], atol=0.1 * np.abs(run.vel).max())


def ring_dihedral(numbers, pos):
    "Angle between the two rings of biphenyl (S,), degrees, 0 to 90."
    normals = [
        np.linalg.svd(pos[:, ring] - pos[:, ring].mean(1, keepdims=True))[2][:, 2]
        for ring in (np.arange(6), np.arange(6, 12))
    ]
    assert (numbers[:12] == 6).all()
    return np.degrees(np.arccos(np.clip(np.abs((normals[0] * normals[1]).sum(1)), 0, 1)))


HYDROGENS_ON = {
    "malonaldehyde-enol": {6: 3, 8: 1},
    "malonaldehyde-keto": {6: 4},
    "biphenyl": {6: 10},
}  # a molecule that is new here must be written down


def every_frame(name):
    "Numbers, and positions of training frames, test frames and every 50th state."
    data = load(name)
    return data.train.numbers[0], [
        data.train.pos,
        data.test.pos,
        data.trajectory.pos[:, ::50].reshape(-1, *data.trajectory.pos.shape[2:]),
    ]


@pytest.mark.parametrize("name", shipped())
def test_every_frame_is_the_molecule_it_is_called(name):
    numbers, sets = every_frame(name)
    expected = np.zeros(10, int)
    for z, n in HYDROGENS_ON[name].items():
        expected[z] = n
    first = molecular_topology(numbers, sets[0][0])
    for pos in np.concatenate(sets):
        assert molecular_topology(numbers, pos) == first
        assert first[1] == tuple(expected)
    if "malonaldehyde" in name:
        oxygen, hydrogen = np.flatnonzero(numbers == 8), np.flatnonzero(numbers == 1)
        shortest = np.concatenate(
            [np.linalg.norm(p[:, oxygen][:, :, None] - p[:, hydrogen][:, None], axis=-1).min((1, 2)) for p in sets]
        )
        assert (shortest < 1.4).all() if "enol" in name else (shortest > 1.6).all(), (shortest.min(), shortest.max())


def test_the_proton_of_the_enol_sits_on_either_oxygen():
    "In the frames. At 300 K it does not pass from one to the other in the picoseconds of the trajectory."
    numbers, (train, test, _) = every_frame("malonaldehyde-enol")
    oxygen, hydrogen = np.flatnonzero(numbers == 8), np.flatnonzero(numbers == 1)
    for pos in (train, test):
        d = np.linalg.norm(pos[:, oxygen][:, :, None] - pos[:, hydrogen][:, None], axis=-1)
        share = np.bincount(d.min(2).argmin(1), minlength=2) / len(pos)
        assert share.min() > 0.1, share


def test_the_rings_of_biphenyl_are_seen_at_all_angles_of_the_dynamics():
    numbers, (train, test, run) = every_frame("biphenyl")
    visited = np.quantile(ring_dihedral(numbers, run), [0.01, 0.99])
    for pos in (train, test):
        angle = ring_dihedral(numbers, pos)
        assert angle.min() < visited[0] + 8 and angle.max() > visited[1] - 8
        inside = np.sort(angle[(angle > visited[0]) & (angle < visited[1])])
        assert np.diff(inside).max() < 12


@pytest.mark.parametrize("name", shipped())
def test_rounding_of_what_is_stored_changes_no_spectrum(name):
    "Positions as they may have been before they were rounded, and after: the spectra differ by far less than their weakest parts."
    from bpm_nb.spectra.raman import raman_spectrum

    run, step = load(name).trajectory[:2], STEPS["pos"]
    exact = run.pos[:, :2500] + np.random.default_rng(0).uniform(-0.5, 0.5, run.pos[:, :2500].shape) * step
    rounded = delta_decoded(delta_encoded(exact, step), step)
    assert 0.4 * step < np.abs(rounded - exact).max() < 0.51 * step
    before, after = (raman_spectrum(pair_polarizability(x), run.dt_fs, 10.0) for x in (exact, rounded))
    for geometry in ("natural", "vh"):
        a, b = before.curve(geometry), after.curve(geometry)
        own = (before.wavenumber_cm1 > 100) & (before.wavenumber_cm1 < 3500)
        assert np.abs(a - b).max() < 5e-5 * a.max() and (np.abs(a - b)[own] < 0.005 * a[own]).all()


def pair_polarizability(pos):
    "A tensor of every pair of atoms along its axis, weaker with distance: all motions are in it. (G, T, 3, 3)."
    i, j = np.triu_indices(pos.shape[2], 1)
    v = pos[:, :, i] - pos[:, :, j]
    r = np.linalg.norm(v, axis=-1, keepdims=True)
    return np.einsum("gtpi,gtpj->gtij", 20 * np.exp(-r) / r * v, v / r)


def test_a_long_trajectory_is_cut_between_segments_and_read_as_one(tmp_path, monkeypatch):
    from dataclasses import replace

    import bpm_nb.data.datasets

    data, (made, package) = load("malonaldehyde-enol"), (tmp_path / "made", tmp_path / "package")
    made.mkdir(), package.mkdir()
    run = data.trajectory[:5]
    run = replace(run, pos=run.pos[:, :40], vel=run.vel[:, :40], energy=run.energy[:, :40])
    for part, record in dict(train=data.train[:3], test=data.test[:3], trajectory=run).items():
        write(made / f"enol_{part}.npz", record)
    (package / "enol.xyz").write_bytes((SHIPPED / "malonaldehyde-enol.xyz").read_bytes())
    monkeypatch.setattr(bpm_nb.data.datasets, "SHIPPED", package)
    ship("enol", made, package, values=2 * 2 * 40 * 9 * 3 + 1)
    assert [f.name for f in shipped_files("enol", "trajectory")] == [f"enol_trajectory_{k}.npz" for k in (1, 2, 3)]
    assert [len(read(f).pos) for f in shipped_files("enol", "trajectory")] == [2, 2, 1]
    again = load("enol")
    for k in ("pos", "vel", "energy"):
        np.testing.assert_array_equal(getattr(again.trajectory, k), getattr(run, k))
    assert again.trajectory.provenance == run.provenance and shipped() == ["enol"]
    for f in shipped_files("enol"):
        assert sha256(f.read_bytes()).hexdigest() in again.description
    with pytest.raises(InputError, match="bpm-nb reference enol"):
        _ = again.harmonic_dft


# ---- dynamics -------------------------------------------------------------------------------------------------------


def springs():
    "Calculator of atoms on springs of 1.2 Å between all pairs."
    from ase.calculators.calculator import Calculator

    class Springs(Calculator):
        implemented_properties = ["energy", "forces"]

        def calculate(self, atoms=None, properties=("energy",), system_changes=()):
            super().calculate(atoms, properties, system_changes)
            d = self.atoms.positions[:, None] - self.atoms.positions
            r = np.sqrt((d**2).sum(-1)) + np.eye(len(d))
            stretch = (r - 1.2) * (1 - np.eye(len(d)))
            self.results = dict(energy=5 * (stretch**2).sum(), forces=-20 * ((stretch / r)[..., None] * d).sum(1))

    return Springs()


def test_the_thermostat_heats_every_kind_of_motion_alike():
    "Translation, rotation and vibration of three atoms on springs: each at the temperature."
    from ase import Atoms, units

    rng, kelvin = np.random.default_rng(0), 300.0
    atoms = Atoms("O3", [[0, 0, 0], [1.2, 0, 0], [0.6, 1.04, 0]])
    atoms.calc = springs()
    atoms.set_momenta(thermal_momenta(atoms.numbers, atoms.positions, kelvin, rng))
    dynamics_chunk(atoms, 500, 2.0, 100, kelvin, rng)
    states = dynamics_chunk(atoms, 8000, 2.0, 10, kelvin, rng)
    mass, kt = atoms.get_masses()[0], units.kB * kelvin
    total, parts = (states["momenta"] ** 2).sum((1, 2)) / (2 * mass), []
    translation = (states["momenta"].sum(1) ** 2).sum(1) / (2 * 3 * mass)
    for x, p in zip(states["pos"] - states["pos"].mean(1, keepdims=True), states["momenta"]):
        spin = np.cross(x, p).sum(0)
        inertia = mass * ((x**2).sum() * np.eye(3) - x.T @ x)
        parts.append(spin @ np.linalg.solve(inertia, spin) / 2)
    rotation = np.array(parts)
    for kinetic, n in ((translation, 3), (rotation, 3), (total - translation - rotation, 3)):
        assert 2 * kinetic.mean() / n == pytest.approx(kt, rel=0.12)


# ---- work that resumes ----------------------------------------------------------------------------------------------

PROGRAM = """
import sys, numpy as np
from bpm_nb.reference.quantum import Level
from bpm_nb.reference.frames import reference_frames
from bpm_nb.reference.harmonic import reference_harmonic
water, level = ([8, 1, 1], np.array([[0, 0, .117], [0, .757, -.469], [0, -.757, -.469]])), Level("hf", "6-31g", 0, 0)
"""
WORK = dict(
    frames=(
        "reference_frames(sys.argv[1], *water, n=12, level=level, seed=3, oversample=2)",
        ("pos", "alpha", "energy", "forces"),
    ),
    harmonic=("reference_harmonic(sys.argv[1], *water, level=level)", ("pos", "hessian", "dalpha", "ddipole")),
)


@pytest.mark.parametrize("what", WORK)
def test_a_run_killed_ten_times_loses_and_repeats_nothing(tmp_path, what):
    environment = dict(os.environ, OMP_NUM_THREADS="1", PYTHONWARNINGS="ignore")

    def start(name):
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM + WORK[what][0], tmp_path / name],
            env=environment,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    assert start("whole.npz").wait(300) == 0
    rng, seen, kills = np.random.default_rng(), {}, 0
    while not (tmp_path / "killed.npz").exists():
        child, before = start("killed.npz"), len(seen)
        while (
            child.poll() is None and kills < 10 and len(list((tmp_path / "killed.npz.parts").glob("*.npz"))) <= before
        ):
            time.sleep(0.01)
        if kills < 10:
            time.sleep(0.1 * rng.random())
            os.killpg(child.pid, signal.SIGKILL)
            kills += 1
        child.wait(300)
        for f in (tmp_path / "killed.npz.parts").glob("*.npz"):
            assert seen.setdefault(f.name, f.stat().st_mtime_ns) == f.stat().st_mtime_ns, f"{f.name} was made twice"
    assert kills == 10 and not (tmp_path / "killed.npz.parts").exists()
    whole, killed = (read(tmp_path / f"{name}.npz") for name in ("whole", "killed"))
    for k in WORK[what][1]:
        np.testing.assert_allclose(getattr(killed, k), getattr(whole, k), atol=1e-6)


def test_a_second_process_on_one_output_is_refused(tmp_path):
    with Checkpoint(tmp_path / "o.npz", dict(a=1)):
        with pytest.raises(InputError, match="another process"), Checkpoint(tmp_path / "o.npz", dict(a=1)):
            pass
    with Checkpoint(tmp_path / "o.npz", dict(a=1)) as parts:
        assert parts.missing(["x"]) == ["x"]


def test_pieces_made_with_other_settings_are_refused(tmp_path):
    with Checkpoint(tmp_path / "o.npz", dict(a=1)):
        pass
    with pytest.raises(InputError, match="other settings"), Checkpoint(tmp_path / "o.npz", dict(a=2)):
        pass


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


# ---- symmetry -------------------------------------------------------------------------------------------------------


def bent_springs(numbers, pos):
    "Forces, dipole and polarizability of anharmonic springs between all atoms, which carry charges and pair tensors."
    z, d = np.asarray(numbers, float), pos[:, None] - pos
    r = np.linalg.norm(d, axis=-1) + np.eye(len(z))
    pull = (np.sqrt(z[:, None] * z) * (r - 1.3 + 0.3 * (r - 1.3) ** 2) / r)[..., None] * d
    pair = (np.exp(-r / 2) * (1 - np.eye(len(z))))[..., None, None] * np.einsum("abi,abj->abij", d, d)
    return dict(
        forces=-pull.sum(1), dipole=z @ pos + ((np.exp(-r) * z)[..., None] * d).sum((0, 1)), alpha=pair.sum((0, 1))
    )


@pytest.mark.parametrize(
    "name,points", [("H2O", 9), ("NH3", None), ("CH4", None), ("C6H6", None), ("CO2", 5), ("CH3OH", None), ("H2O2", 12)]
)
def test_distinct_displacements_give_the_derivatives_of_all(name, points):
    from ase.build import molecule

    atoms, rng, h = molecule(name), np.random.default_rng(0), 1e-4
    found = symmetrized(atoms.numbers, atoms.positions @ np.linalg.qr(rng.normal(size=(3, 3)))[0])
    steps, needed = h * np.eye(3 * len(atoms)).reshape(-1, len(atoms), 3), distinct_displacements(found)
    few = [sign * steps[3 * a + k] for (a, k), turn in needed.items() for sign in ((1, -1) if turn is None else (1,))]
    whole = symmetrized(atoms.numbers, found.pos, tol=0)
    values = [
        central_differences([(s, bent_springs(atoms.numbers, found.pos + s)) for s in some], symmetry)
        for some, symmetry in ((few, found), ([*steps, *-steps], whole))
    ]
    assert len(few) < 6 * len(atoms) and points in (None, len(few))
    for a, b in zip(*values):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_harmonic_reference_with_symmetry_is_that_without_it(tmp_path, monkeypatch):
    "Water in any direction: half the single points, the same lines but for the end of the relaxation, which leaves 1e-4 Å."
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


def test_the_library_of_pyscf_takes_the_kernel_of_the_processor():
    "In a fresh process, and in those that joblib starts from it."
    program = """
from joblib import Parallel, delayed
from threadpoolctl import threadpool_info
from bpm_nb.reference.quantum import Level, mean_field
def architectures():
    mean_field([2], [[0., 0., 0.]], Level("hf", "sto-3g"))
    return {"pyscf" in lib["filepath"]: lib.get("architecture") for lib in threadpool_info() if lib["internal_api"] == "openblas"}
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


# ---- what a user meets with molecules, levels and seeds of his own


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


@pytest.mark.parametrize(
    "xc, fault", [("camb3lyp", "split by range"), ("m062x", "kinetic energy density"), ("nonsense", "refuses")]
)
def test_a_functional_that_the_response_does_not_know_is_refused_before_any_work(tmp_path, xc, fault):
    with pytest.raises(InputError, match=fault):
        reference_frames(tmp_path / "w.npz", *WATER, level=Level(xc, "sto-3g"))
    assert not list(tmp_path.iterdir())


def test_runs_of_different_seeds_have_nothing_in_common(monkeypatch):
    seen = []
    monkeypatch.setattr(
        trajectory, "langevin_runs", lambda parts, start, molecule, runs, *_: seen.append(runs) or 1 / 0
    )
    for seed in (0, 1, 1000):
        with pytest.raises(ZeroDivisionError):
            trajectory.pool(None, (None, None), (0, 0), (300.0, 500.0), 10, seed)
    seeds = [tuple(s) for runs in seen for _, s in runs.values()]
    assert len(set(seeds)) == len(seeds) == 24


def test_a_temperature_given_twice_is_refused(tmp_path):
    with pytest.raises(InputError, match="300, 300 K"):
        reference_frames(tmp_path / "w.npz", *WATER, level=Level("hf", "sto-3g"), temperatures=(300.0, 300.0))


def test_a_start_that_becomes_another_molecule_is_told(tmp_path):
    pytest.importorskip("tblite", reason="the reference extra is not installed")
    salt = np.concatenate(
        [[[0, 0, 0]], 0.6 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]), [[1.75, 1.75, 1.75]]]
    )  # ammonium chloride: ammonia and hydrogen chloride in the gas
    with pytest.raises(InputError, match="another one when it relaxes"):
        reference_frames(tmp_path / "s.npz", [7, 1, 1, 1, 1, 17], salt, level=Level("hf", "sto-3g"), n=1)


def test_refused_work_is_not_locked_and_work_without_its_settings_is_refused(tmp_path):
    with Checkpoint(tmp_path / "o.npz", dict(a=1)) as parts:
        parts.write("x", dict(x=np.ones(1)))
    kept = []
    try:
        Checkpoint(tmp_path / "o.npz", dict(a=2)).__enter__()
    except InputError as e:
        kept.append(e)  # its traceback lives on, as in a notebook
    with Checkpoint(tmp_path / "o.npz", dict(a=1)):
        pass
    (tmp_path / "o.npz.parts/settings.json").unlink()
    with pytest.raises(InputError, match="not the settings"), Checkpoint(tmp_path / "o.npz", dict(a=2)):
        pass
