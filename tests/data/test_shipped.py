"""What ships: files as described, small, diverse, canonical, and each frame the molecule that it is called."""

from hashlib import sha256

import numpy as np
import pytest

from bpm_nb.core.files import InputError
from bpm_nb.data.datasets import SHIPPED, SURFACES, load, shipped, shipped_files
from bpm_nb.data.files import STEPS, delta_decoded, delta_encoded, read, write
from bpm_nb.data.shipping import COARSENESS, ship
from bpm_nb.dynamics.calculators import molecular_topology

RUNS = [(name, s) for name in shipped() for s in SURFACES if shipped_files(name, f"trajectory_{s}")]


@pytest.mark.parametrize("name", shipped())
def test_shipped_files_are_those_described(name):
    text = load(name).description
    found = [f for f in shipped_files(name) if f.name.endswith(".npz")]
    assert {"train", "test", "trajectory"} <= {
        f.name.removeprefix(f"{name}_").split(".")[0].split("_")[0] for f in found
    }
    for f in found:
        assert f"{f.name}:" in text and sha256(f.read_bytes()).hexdigest() in text


@pytest.mark.parametrize("name", shipped())
def test_every_surface_says_what_it_is(name):
    from bpm_nb.models.library import KINDS, load_model
    from bpm_nb.models.storage import StoredModel, whole_arrays

    for kind in KINDS if shipped_files(name, "surface") else ():
        file = next(f for f in shipped_files(name, f"surface_{kind}"))
        with np.load(file) as own:
            assert own["quantity"] == "energy" and str(own["format"]) and str(own["params"])
        assert isinstance(load_model(name, kind), StoredModel) and "206/points" in whole_arrays(file)


def test_the_organic_set_is_described():
    text = (SHIPPED / "organic" / "organic.txt").read_text("utf-8")
    for f in (SHIPPED / "organic").iterdir():
        assert f.name == "organic.txt" or f"{f.name}:" in text
        assert f.suffix != ".npz" or sha256(f.read_bytes()).hexdigest() in text


def test_what_ships_is_small():
    sizes = [f.stat().st_size for f in SHIPPED.rglob("*")]
    assert max(sizes) <= 5_000_000 and sum(sizes) <= 30_000_000


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


def velocities(pos, dt_fs):
    "Slopes of positions (G, T, N, 3) in time, by seven states: within 1 % up to 3300 cm⁻¹ at 2 fs. (G, T − 6, N, 3)."
    n = pos.shape[1] - 6
    weights = (-1 / 60, 3 / 20, -3 / 4, 0, 3 / 4, -3 / 20, 1 / 60)
    return sum(w * pos[:, k : k + n] for k, w in enumerate(weights)) / dt_fs


@pytest.mark.parametrize(("name", "surface"), RUNS)
def test_shipped_trajectories_keep_their_energy_and_are_canonical(name, surface):
    from ase import Atoms, units

    run = load(name, surface).trajectory
    assert np.abs(run.energy_drift()).max() < (0.1 if surface == "delta" else 1)
    assert run.pos.shape[0] * run.pos.shape[1] * run.dt_fs >= 8e4 and run.pos.shape[1] * run.dt_fs >= 1e4 * 0.999
    mass, vel = Atoms(run.numbers).get_masses()[:, None], velocities(run.pos, run.dt_fs)
    kinetic = 0.5 * (mass * (vel / units.fs) ** 2).sum((2, 3))
    modes = 3 * len(run.numbers) - 6
    kelvin = 2 * kinetic.mean(1) / modes / units.kB
    assert abs(kelvin.mean() - run.temperature_K) < 0.08 * run.temperature_K, kelvin
    spread = run.temperature_K / np.sqrt(modes)  # of the energy over modes of a classical harmonic molecule
    assert 0.5 * spread < kelvin.std() < 1.6 * spread, kelvin
    momentum = (mass * vel).sum(2)
    assert np.abs(momentum).max() < 2e-2 * np.abs(mass * vel).max()
    if run.vel is not None:
        np.testing.assert_allclose(vel, run.vel[:, 3:-3], atol=0.1 * np.abs(run.vel).max())


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
        *(load(name, s).trajectory.pos[:, ::50].reshape(-1, *data.train.pos.shape[1:]) for n, s in RUNS if n == name),
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
    numbers, (train, test, *_) = every_frame("malonaldehyde-enol")
    oxygen, hydrogen = np.flatnonzero(numbers == 8), np.flatnonzero(numbers == 1)
    for pos in (train, test):
        d = np.linalg.norm(pos[:, oxygen][:, :, None] - pos[:, hydrogen][:, None], axis=-1)
        share = np.bincount(d.min(2).argmin(1), minlength=2) / len(pos)
        assert share.min() > 0.1, share


def test_the_rings_of_biphenyl_are_seen_at_all_angles_of_the_dynamics():
    numbers, (train, test, *runs) = every_frame("biphenyl")
    visited = np.quantile(ring_dihedral(numbers, np.concatenate(runs)), [0.01, 0.99])
    for pos in (train, test):
        angle = ring_dihedral(numbers, pos)
        assert angle.min() < visited[0] + 8 and angle.max() > visited[1] - 8
        inside = np.sort(angle[(angle > visited[0]) & (angle < visited[1])])
        assert np.diff(inside).max() < 12


@pytest.mark.parametrize("name", shipped())
def test_rounding_of_what_is_stored_changes_no_spectrum(name):
    "Positions as they may have been before rounding, and after: the spectra differ far less than that."
    from bpm_nb.spectra.raman import raman_spectrum

    run, step = load(name).trajectory[:2], STEPS["pos"] * COARSENESS["trajectory_delta"]
    exact = run.pos[:, :2500] + np.random.default_rng(0).uniform(-0.5, 0.5, run.pos[:, :2500].shape) * step
    rounded = delta_decoded(delta_encoded(exact, step), step)
    assert 0.4 * step < np.abs(rounded - exact).max() < 0.51 * step
    before, after = (raman_spectrum(pair_polarizability(x), run.dt_fs, 10.0) for x in (exact, rounded))
    for geometry in ("natural", "vh"):
        a, b = before.curve(geometry), after.curve(geometry)
        own = (before.wavenumber_cm1 > 100) & (before.wavenumber_cm1 < 3500)
        assert np.abs(a - b).max() < 2e-4 * a.max() and (np.abs(a - b)[own] < 0.02 * a[own]).all()


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
    run = replace(run, pos=run.pos[:, :40], vel=run.pos[:, :40] / 100, energy=run.energy[:, :40])
    for part, record in dict(train=data.train[:3], test=data.test[:3], trajectory_delta=run).items():
        write(made / f"enol_{part}.npz", record)
    (package / "enol.xyz").write_bytes((SHIPPED / "malonaldehyde-enol.xyz").read_bytes())
    monkeypatch.setattr(bpm_nb.data.datasets, "SHIPPED", package)
    ship("enol", made, package, values=2 * 2 * 40 * 9 * 3 + 1)
    assert [f.name for f in shipped_files("enol", "trajectory_delta")] == [
        f"enol_trajectory_delta_{k}.npz" for k in (1, 2, 3)
    ]
    assert [len(read(f).pos) for f in shipped_files("enol", "trajectory_delta")] == [2, 2, 1]
    again = load("enol")
    for k in ("pos", "vel", "energy"):
        np.testing.assert_allclose(getattr(again.trajectory, k), getattr(run, k), atol=0.6e-4)
    assert again.surface == "delta" and again.trajectory.provenance == run.provenance and shipped() == ["enol"]
    for f in shipped_files("enol"):
        assert sha256(f.read_bytes()).hexdigest() in again.description
    with pytest.raises(InputError, match="bpm-nb reference enol"):
        _ = again.harmonic_dft
