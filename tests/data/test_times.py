"""When frames were taken: whatever the format says it in, and what its positions say where it says nothing."""

import warnings

import numpy as np
import pytest
from ase import Atoms
from ase import units as ase_units
from ase.io import write as ase_write

from bpm_nb.core.files import InputError
from bpm_nb.core.units import C_CM_FS
from bpm_nb.data.files import read_frames, read_trajectory, write
from bpm_nb.data.records import Trajectory
from bpm_nb.data.times import require_continuous

WATER = np.array([[0, 0, 0], [0.8, 0, 0.58], [-0.8, 0, 0.58]])
TIME_FS = 0.5 * np.arange(400)


def water_run(time_fs=TIME_FS):
    "Positions (T, 3, 3), Å, and velocities, Å/fs, of water: O-H stretch at 3600, bend at 1600 cm⁻¹."
    stretch, bend = 2 * np.pi * C_CM_FS * 3600, 2 * np.pi * C_CM_FS * 1600
    modes = np.array([[[0, 0, -0.1], [0.8, 0, 0.58], [-0.8, 0, 0.58]], [[0, 0, 0.1], [0.5, 0, -0.8], [-0.5, 0, -0.8]]])
    t = time_fs[:, None, None]
    pos = WATER + 0.05 * np.sin(stretch * t) * modes[0] + 0.05 * np.cos(bend * t) * modes[1]
    vel = 0.05 * stretch * np.cos(stretch * t) * modes[0] - 0.05 * bend * np.sin(bend * t) * modes[1]
    return pos, vel


def images(time_fs=TIME_FS, **info):
    pos, vel = water_run(time_fs)
    states = [Atoms("OH2", p) for p in pos]
    for k, atoms in enumerate(states):
        atoms.info.update({name: value[k] for name, value in info.items()})
    return states


def cp2k(path, time_fs, said=None):
    "A file as CP2K writes it; `said` are the times it states."
    said = time_fs if said is None else said
    rows = [f"3\n i = {k}, time = {t:.3f}, E = -17.1\n" for k, t in enumerate(said)]
    atoms = ["".join(f"{e} {x:.6f} {y:.6f} {z:.6f}\n" for e, (x, y, z) in zip("OHH", p)) for p in water_run(time_fs)[0]]
    path.write_text("".join(a + b for a, b in zip(rows, atoms)))
    return path


def dump(path, time_fs, steps, columns="id type element x y z", units=None, size=1.0):
    "A dump as LAMMPS writes it; velocities are in Å/fs over `size`."
    text = ""
    for step, p, v in zip(steps, *water_run(time_fs)):
        text += f"ITEM: UNITS\n{units}\n" if units else ""
        text += f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n3\nITEM: BOX BOUNDS pp pp pp\n0 30\n0 30\n0 30\n"
        text += f"ITEM: ATOMS {columns}\n"
        for i, (e, x, w) in enumerate(zip("OHH", p, v / size)):
            row = dict(zip("id type element x y z vx vy vz".split(), [i + 1, 1 + (e == "H"), e, *x, *w]))
            text += " ".join(str(row[c]) for c in columns.split()) + "\n"
    path.write_text(text)
    return path


def test_the_times_of_a_comment_give_the_step_and_every_fault_its_place(tmp_path):
    assert read_trajectory(cp2k(tmp_path / "a.xyz", TIME_FS)).dt_fs == 0.5
    with pytest.raises(InputError, match="a.xyz: its frames are 0.5 fs apart, not 2; leave out"):
        read_trajectory(tmp_path / "a.xyz", 2.0)
    for time_fs, words in (
        (np.delete(TIME_FS, 300), "the step between frames 299 and 300 is 1, elsewhere 0.5: a frame is missing"),
        (np.concatenate([TIME_FS[:200], TIME_FS[187:]]), "the step between frames 199 and 200 is -6"),
        (np.repeat(TIME_FS, 2), "do not grow"),
    ):
        with pytest.raises(InputError, match=words):
            read_trajectory(cp2k(tmp_path / "a.xyz", time_fs), 0.5)


def test_a_restart_is_found_where_no_time_is_written(tmp_path):
    for time_fs, words in (
        (np.concatenate([TIME_FS[:200], TIME_FS[187:]]), "positions jump between frames 199 and 200"),
        (np.concatenate([TIME_FS[:200], TIME_FS[199:]]), "frames 199 and 200 are the same"),
        (np.delete(TIME_FS, slice(200, 204)), "positions jump between frames 199 and 200"),
    ):
        ase_write(tmp_path / "a.traj", images(time_fs))
        ase_write(tmp_path / "a.xyz", images(time_fs))
        write(tmp_path / "a.npz", Trajectory([8, 1, 1], water_run(time_fs)[0][None], 0.5))
        for ending, dt_fs in (("traj", 0.5), ("xyz", 0.5), ("npz", None)):
            with pytest.raises(InputError, match=words):
                read_trajectory(tmp_path / f"a.{ending}", dt_fs)


@pytest.mark.parametrize("ending", ["xyz", "extxyz", "traj"])
def test_the_key_value_pairs_of_ase_give_the_step(tmp_path, ending):
    ase_write(tmp_path / f"a.{ending}", images(time_ps=TIME_FS / 1000))
    if ending == "traj":  # keeps no info
        return
    assert np.isclose(read_trajectory(tmp_path / f"a.{ending}").dt_fs, 0.5)


def test_a_gap_in_the_steps_of_a_dump_is_refused_and_its_elements_are_asked_for(tmp_path):
    steps = np.arange(400) * 2
    assert read_trajectory(dump(tmp_path / "a.dump", TIME_FS, steps), 0.5).dt_fs == 0.5
    with pytest.raises(InputError, match="does not say the time between frames"):
        read_trajectory(tmp_path / "a.dump")
    with pytest.raises(InputError, match="the step between frames 99 and 100 is 4 steps, elsewhere 2"):
        read_trajectory(dump(tmp_path / "a.dump", np.delete(TIME_FS, 100), np.delete(steps, 100)), 0.5)
    dump(tmp_path / "b.dump", TIME_FS, steps, "id type x y z")
    with pytest.raises(InputError, match="b.dump: .*types of atoms and no elements.*`elements`"):
        read_trajectory(tmp_path / "b.dump", 0.5)
    assert read_trajectory(tmp_path / "b.dump", 0.5, elements="O H").numbers.tolist() == [8, 1, 1]
    for elements, words in (("O Xx", "'Xx' is no element"), ("O", "more types of atoms than `elements` names")):
        with pytest.raises(InputError, match=words):
            read_trajectory(tmp_path / "b.dump", 0.5, elements=elements)


@pytest.mark.parametrize("units,size", [("real", 1.0), ("metal", 1e-3), (None, 1e-3)])
def test_the_times_of_a_dump_give_the_step(tmp_path, units, size):
    text = dump(tmp_path / "a.dump", TIME_FS, 2 * np.arange(400), units=units).read_text()
    times = iter(TIME_FS)
    text = "".join(
        (f"ITEM: TIME\n{next(times) * size:.6g}\n" if line == "ITEM: TIMESTEP\n" else "") + line
        for line in text.splitlines(keepends=True)
    )
    (tmp_path / "a.dump").write_text(text)
    assert np.isclose(read_trajectory(tmp_path / "a.dump").dt_fs, 0.5)
    with pytest.raises(InputError, match="its frames are 0.5 fs apart, not 1"):
        read_trajectory(tmp_path / "a.dump", 1.0)


def test_velocities_in_real_units_are_noticed(tmp_path):
    columns, steps = "id type element x y z vx vy vz", np.arange(400)
    with pytest.warns(UserWarning, match="positions move 1e[+]03 times as fast .*Å/fs read as Å/ps"):
        assert read_trajectory(dump(tmp_path / "a.dump", TIME_FS, steps, columns), 0.5).vel is None
    for units, size in (("real", 1.0), ("metal", 1e-3), (None, 1e-3)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            run = read_trajectory(dump(tmp_path / "a.dump", TIME_FS, steps, columns, units, size), 0.5)
        np.testing.assert_allclose(run.vel[0], water_run()[1], atol=1e-4)


def test_times_of_gromacs_files_are_looked_at(tmp_path):
    MDAnalysis = pytest.importorskip("MDAnalysis")
    ase_write(tmp_path / "top.pdb", images()[0])
    universe = MDAnalysis.Universe(str(tmp_path / "top.pdb"))

    def saved(ending, time_fs):
        with MDAnalysis.Writer(str(tmp_path / f"a.{ending}"), 3) as f:
            for t, p in zip(time_fs, water_run(time_fs)[0]):
                universe.atoms.positions, universe.trajectory.ts.time = p, t / 1000
                universe.trajectory.ts.data["time"] = t / 1000
                f.write(universe.atoms)
        return tmp_path / f"a.{ending}"

    for ending in ("trr", "xtc"):
        assert np.isclose(read_trajectory(saved(ending, TIME_FS), topology=tmp_path / "top.pdb").dt_fs, 0.5, rtol=1e-3)
        with pytest.raises(InputError, match="its frames are 0.5 fs apart, not 1"):
            read_trajectory(tmp_path / f"a.{ending}", 1.0, tmp_path / "top.pdb")
        with pytest.raises(
            InputError, match="between frames 149 and 150 is 0.0015 ps, elsewhere 0.0005: a frame is missing"
        ):
            read_trajectory(saved(ending, np.delete(TIME_FS, [150, 151])), topology=tmp_path / "top.pdb")


def test_a_molecule_that_crosses_a_border_does_not_jump(tmp_path):
    states = images()
    for k, atoms in enumerate(states):
        atoms.positions += [0.05 * k, 0, 0]
        atoms.set_cell([6, 7, 8])
        atoms.pbc = True
        atoms.wrap()
    ase_write(tmp_path / "a.traj", states)
    run = read_trajectory(tmp_path / "a.traj", 0.5)
    np.testing.assert_allclose(np.diff(run.pos[0, :, 0, 0]), 0.05, atol=1e-9)


def test_velocities_survive_when_they_fit(tmp_path):
    pos, vel = water_run()
    states = [Atoms("OH2", p) for p in pos]
    for atoms, v in zip(states, vel):
        atoms.set_velocities(v / ase_units.fs)
    for ending in ("traj", "extxyz"):
        ase_write(tmp_path / f"a.{ending}", states)
        np.testing.assert_allclose(read_trajectory(tmp_path / f"a.{ending}", 0.5).vel[0], vel, atol=1e-6)


def test_xyz_under_another_ending_is_read(tmp_path):
    "As xtb writes its runs."
    cp2k(tmp_path / "xtb.trj", TIME_FS)
    assert read_trajectory(tmp_path / "xtb.trj").dt_fs == 0.5
    assert len(read_frames(tmp_path / "xtb.trj")) == 400
    with pytest.raises(InputError, match="the ending tells the format"):
        (tmp_path / "notes.trj").write_text("3\nthis is no molecule\nat all\n")
        read_frames(tmp_path / "notes.trj")


@pytest.mark.parametrize("thermostat", ["all atoms anew", "one atom anew", "rescaled"])
@pytest.mark.parametrize("dt_fs", [0.25, 0.5, 1.0])
def test_velocities_that_a_thermostat_changes_are_no_jump_but_a_gap_there_is(thermostat, dt_fs):
    rng, masses = np.random.default_rng(0), np.array([16.0, 12, 1, 1])
    omega = 2 * np.pi * C_CM_FS * np.array([3000.0, 1600, 400])
    speed = 0.02 / np.sqrt(masses)[:, None]
    x, v, pos = np.zeros((4, 3)), rng.normal(size=(4, 3)) * speed, []
    for k in range(400):
        pos.append(x)
        if k and k % 50 == 0:
            hit = slice(k // 50 % 4, k // 50 % 4 + 1) if thermostat == "one atom anew" else slice(None)
            v = v.copy()
            v[hit] = 1.5 * v[hit] if thermostat == "rescaled" else rng.normal(size=v[hit].shape) * speed[hit]
        x, v = (
            x * np.cos(omega * dt_fs) + v / omega * np.sin(omega * dt_fs),
            v * np.cos(omega * dt_fs) - x * omega * np.sin(omega * dt_fs),
        )
    pos = np.array(pos) + 3 * rng.normal(size=(4, 3))
    require_continuous(pos[None], masses, "a")
    with pytest.raises(InputError, match="positions jump between frames 200 and 201"):
        require_continuous(np.delete(pos, slice(201, 221), axis=0)[None], masses, "a")


def test_exponents_of_fortran_are_read_in_comments_too(tmp_path):
    atoms = "".join(f"{e} " + " ".join(f"{x:.6E}".replace("E", "D") for x in p) + "\n" for e, p in zip("OHH", WATER))
    (tmp_path / "a.xyz").write_text(f'3\npolarizability="{"1.0D+01 0 0 0 " * 2}1.0D+01" file=run-2D3.xyz\n{atoms}')
    frames = read_frames(tmp_path / "a.xyz", need="alpha")
    np.testing.assert_array_equal(frames.alpha, 10 * np.eye(3)[None])
    np.testing.assert_allclose(frames.pos[0], WATER)
