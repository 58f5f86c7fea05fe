"""Trajectories of other programs: the same motion whatever the file, and one sentence for a bad one."""

import numpy as np
import pytest
from ase import units
from ase.build import molecule
from ase.geometry import cellpar_to_cell
from ase.io import write as ase_write

from bpm_nb.core.files import InputError
from bpm_nb.data.datasets import read_lines, start_isotopes
from bpm_nb.data.files import read_trajectory, write
from bpm_nb.data.foreign import ASE_FORMATS
from bpm_nb.data.records import Trajectory


def ethanol(n=6, cell=None):
    images, rng = [], np.random.default_rng(0)
    for _ in range(n):
        atoms = molecule("CH3CH2OH")
        atoms.rattle(0.05, rng=rng)
        atoms.set_velocities(rng.normal(size=(9, 3)) * 0.01)
        if cell:
            atoms.set_cell(cell)
            atoms.pbc = True
        images.append(atoms)
    return images


def relative(pos):
    return pos - pos[..., :1, :]


@pytest.mark.parametrize(
    "name,tolerance",
    [
        ("run.traj", 1e-12),
        ("run.pdb", 1e-3),
        ("run.json", 1e-12),
        ("run.xsf", 1e-5),
        ("run.extxyz", 1e-7),
        ("run.xyz", 1e-7),
    ],
)
def test_every_format_gives_the_same_positions(tmp_path, name, tolerance):
    images = ethanol()
    ase_write(tmp_path / name, images)
    run = read_trajectory(tmp_path / name, 0.5)
    assert run.pos.shape == (1, 6, 9, 3) and run.dt_fs == 0.5 and run.numbers.tolist() == images[0].numbers.tolist()
    np.testing.assert_allclose(run.pos[0], [a.positions for a in images], atol=tolerance)
    if run.vel is not None:
        np.testing.assert_allclose(run.vel[0], [a.get_velocities() * units.fs for a in images], atol=1e-9)
    assert (run.vel is not None) == (name in ("run.traj", "run.json", "run.xyz", "run.extxyz"))


@pytest.mark.parametrize("cell", [[12, 13, 14], [[12, 0, 0], [3, 12, 0], [1, -2, 13]]])
def test_a_molecule_that_a_cell_cuts_is_made_whole(tmp_path, cell):
    images = ethanol(cell=cell)
    expected = np.array([a.positions.copy() for a in images])
    for k, a in enumerate(images):
        a.positions += [0.7 * k, 0.9, -1.1 * k]
        a.wrap()
    ase_write(tmp_path / "run.traj", images)
    run = read_trajectory(tmp_path / "run.traj", 1.0)
    np.testing.assert_allclose(relative(run.pos[0]), relative(expected), atol=1e-10)
    np.testing.assert_allclose(run.cell[0], [a.cell.array for a in images])


@pytest.mark.parametrize("cell, pbc", [([0, 0, 0], True), ([12, 13, 0], True), ([12, 13, 0], (True, True, False))])
def test_a_cell_that_is_not_whole_is_no_error(tmp_path, cell, pbc):
    "GROMACS writes a box of zeros in vacuum."
    images = ethanol()
    expected = np.array([a.positions.copy() for a in images])
    for a in images:
        a.set_cell(cell)
        a.pbc = pbc
    ase_write(tmp_path / "run.traj", images)
    np.testing.assert_allclose(
        relative(read_trajectory(tmp_path / "run.traj", 1.0).pos[0]), relative(expected), atol=1e-10
    )


def test_masses_of_the_run_are_kept(tmp_path):
    images = ethanol()
    for a in images:
        a.set_masses(np.where(a.numbers == 1, 2.014, a.get_masses()))
    ase_write(tmp_path / "run.traj", images)
    run = read_trajectory(tmp_path / "run.traj", 1.0)
    np.testing.assert_allclose(run.mass(), images[0].get_masses())
    write(tmp_path / "again.npz", run)
    np.testing.assert_allclose(read_trajectory(tmp_path / "again.npz").mass(), images[0].get_masses())
    np.testing.assert_allclose(Trajectory(run.numbers, run.pos, 1.0).mass(), molecule("CH3CH2OH").get_masses())


@pytest.mark.parametrize("name", ["run.dump", "run.extxyz", "run.pdb"])
def test_a_liquid_keeps_its_cell_whatever_the_file(tmp_path, name):
    "Molecules that the border cuts, and one that leaves the cell: 27 of water, drifting."
    water = molecule("H2O", cell=[3.2, 3.3, 3.4], pbc=True).repeat(3)
    images = [water.copy() for _ in range(12)]
    for k, a in enumerate(images):
        a.positions += [0.7 * k, 0.4 * k, -0.9 * k]
        a.positions += 0.001 * np.random.default_rng(k).normal(size=a.positions.shape)
        a.wrap()
    if name == "run.dump":
        write_dump(tmp_path / name, images)
    else:
        ase_write(tmp_path / name, images)
    run = read_trajectory(tmp_path / name, 1.0)
    np.testing.assert_allclose(run.cell[0], [water.cell.array] * 12, atol=2e-3)
    assert np.linalg.norm(run.pos[0, :, 1] - run.pos[0, :, 0], axis=-1).max() < 1.1
    np.testing.assert_allclose(np.diff(run.pos[0], axis=0).mean((0, 1)), [0.7, 0.4, -0.9], atol=0.01)


def write_dump(path, images):
    "A text dump of LAMMPS with elements and wrapped positions."
    lines = []
    for k, a in enumerate(images):
        lines += ["ITEM: TIMESTEP", str(k), "ITEM: NUMBER OF ATOMS", str(len(a)), "ITEM: BOX BOUNDS pp pp pp"]
        lines += [f"0.0 {side}" for side in a.cell.lengths()] + ["ITEM: ATOMS id type element x y z"]
        atoms = zip(a.symbols, a.positions)
        lines += [f"{i} 1 {symbol} {x:.6f} {y:.6f} {z:.6f}" for i, (symbol, (x, y, z)) in enumerate(atoms, 1)]
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("name", ["run.xtc", "run.dcd", "run.trr"])
@pytest.mark.filterwarnings("ignore")
def test_mdanalysis_reads_what_needs_a_topology(tmp_path, name):
    mda = pytest.importorskip("MDAnalysis")
    images = ethanol()
    ase_write(tmp_path / "top.pdb", images[0])
    u = mda.Universe(str(tmp_path / "top.pdb"))
    with mda.Writer(str(tmp_path / name), 9, dt=0.002) as w:
        for k, a in enumerate(images):
            u.dimensions = [12, 13, 14, 90, 80, 90]
            u.atoms.positions, u.trajectory.ts.time, u.trajectory.ts.frame = a.positions, 0.002 * k, k
            if name != "run.dcd":
                u.trajectory.ts.data["dt"] = 0.002
            w.write(u.atoms)
    run = read_trajectory(tmp_path / name, topology=tmp_path / "top.pdb")
    assert run.numbers.tolist() == images[0].numbers.tolist() and abs(run.dt_fs - 2) < 1e-3
    np.testing.assert_allclose(run.pos[0], [a.positions for a in images], atol=0.02)
    np.testing.assert_allclose(run.cell[0], [cellpar_to_cell([12, 13, 14, 90, 80, 90])] * 6, atol=1e-4)


def test_a_bad_foreign_file_is_one_sentence(tmp_path):
    images = ethanol()
    ase_write(tmp_path / "good.traj", images)
    ase_write(tmp_path / "mixed.traj", [images[0], molecule("H2O")])
    ase_write(tmp_path / "narrow.traj", ethanol(cell=[0.2, 9, 9]))
    (tmp_path / "noise.traj").write_bytes(b"\0\1\2" * 50)
    (tmp_path / "noise.what").write_bytes(b"\0\1\2" * 50)
    (tmp_path / "cut.traj").write_bytes((tmp_path / "good.traj").read_bytes()[:300])
    (tmp_path / "nothing.pdb").write_text("")
    nan = ethanol()
    nan[3].positions[2, 1] = np.nan
    ase_write(tmp_path / "nan.traj", nan)
    for name, dt, message in (
        ("good.traj", None, "time between frames"),
        ("mixed.traj", 1.0, "frame 1: another molecule"),
        ("narrow.traj", 1.0, "on top of each other"),
        ("noise.traj", 1.0, "cannot read"),
        ("noise.what", 1.0, "cannot read"),
        ("cut.traj", 1.0, "cannot read|no frame"),
        ("nothing.pdb", 1.0, "no frame|cannot read"),
        ("absent.traj", 1.0, "no such file"),
        ("nan.traj", 1.0, "frame 3, atom 2"),
    ):
        with pytest.raises(InputError, match=message) as e:
            read_trajectory(tmp_path / name, dt)
        assert name in str(e.value) and "\n" not in str(e.value)


@pytest.mark.filterwarnings("ignore")
def test_a_bad_topology_is_one_sentence(tmp_path):
    pytest.importorskip("MDAnalysis")
    ase_write(tmp_path / "top.pdb", ethanol(1))
    (tmp_path / "noise.xtc").write_bytes(b"\0\1\2" * 50)
    for name, top, message in (
        ("noise.xtc", "top.pdb", "MDAnalysis cannot read"),
        ("absent.xtc", "top.pdb", "absent.xtc: no such file"),
        ("noise.xtc", "absent.pdb", "absent.pdb: no such file"),
    ):
        with pytest.raises(InputError, match=message):
            read_trajectory(tmp_path / name, 1.0, tmp_path / top)


# ---- nothing that comes from outside runs


class Hostile:
    "Makes a file when it is unpickled."

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return open, (str(self.mark), "w")


@pytest.mark.parametrize(
    "name",
    [
        "run.traj",
        "run.bundle",
        "run.db",
        "run.pckl",
        "run.pkl",
        "run.json",
        "run.py",
        "run.gpw",
        "run.nc",
        "run.dcd",
        "run",
        "postgresql.xyz2",
        "run.xyz.gz",
        "run.npz",
        "run.xyz",
    ],
)
def test_a_pickle_is_not_opened_whatever_its_name(tmp_path, name, monkeypatch):
    import pickle

    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(pickle.dumps(Hostile(tmp_path / "mark")))
    with pytest.raises(InputError, match=name.split(".")[0]):
        read_trajectory(name, 1.0)
    assert not (tmp_path / "mark").exists()
    pickle.loads((tmp_path / name).read_bytes()).close()
    assert (tmp_path / "mark").exists()  # it would have run


def test_databases_folders_and_programs_inputs_are_refused(tmp_path):
    from ase.db import connect
    from ase.io.bundletrajectory import BundleTrajectory

    with connect(tmp_path / "run.db") as db:
        db.write(molecule("H2O"))
    bundle = BundleTrajectory(str(tmp_path / "run.bundle"), "w")
    bundle.write(molecule("H2O"))
    bundle.close()
    (tmp_path / "run.cell").write_text("%BLOCK LATTICE_CART\n")
    for name, message in (("run.db", "kind 'db'"), ("run.bundle", "no such file"), ("run.cell", "kind 'castep-cell'")):
        with pytest.raises(InputError, match=message):
            read_trajectory(tmp_path / name, 1.0)


@pytest.mark.parametrize("name", ASE_FORMATS)
def test_the_readers_that_are_used_call_nothing_that_runs_code(name):
    import ast
    import inspect

    from ase.io.formats import ioformats

    source = inspect.getsource(ioformats[name].module)
    called = {ast.unparse(n.func) for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Call)}
    assert ioformats[name].can_read and not called & {"eval", "exec", "compile", "__import__", "os.system"}
    assert not [
        c
        for c in called
        if c.startswith(("pickle.", "subprocess.", "os.exec", "os.spawn", "Popen", "import_module", "importlib."))
    ]


def test_a_table_of_lines_with_other_letters(tmp_path):
    head = "wavenumber_cm1,strength,assignment,kind,source\n1003,strong,breathing,measured,"
    (tmp_path / "bom.csv").write_bytes(("\ufeff" + head + "Müller 1990\n").encode())
    assert read_lines(tmp_path / "bom.csv")[0].source == "Müller 1990"
    (tmp_path / "latin.csv").write_bytes((head + "Müller 1990\n").encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8"):
        read_lines(tmp_path / "latin.csv")


@pytest.mark.parametrize("number", ["nan", "inf", "-1000"])
def test_a_line_at_no_wavenumber_is_refused(tmp_path, number):
    head = "wavenumber_cm1,strength,assignment,kind,source\n1003,strong,breathing,measured,x\n"
    (tmp_path / "x.csv").write_text(f"{head}{number},strong,breathing,measured,x\n")
    with pytest.raises(InputError, match="x.csv: row 2: its wavenumber"):
        read_lines(tmp_path / "x.csv")


def test_a_harmonic_table_of_another_program_is_read_by_the_names_of_its_columns(tmp_path):
    "Strong from a third of the largest activity, weak below a tenth; translations and rotations have no line."
    rows = [("0.00", "0.0"), ("-12.5", "3.0"), ("412,5", "9.0"), ("1650.2", "30.0"), ("3100.1", "120.0")]
    for between in ",;\t":
        body = "\n".join(
            between.join((f"{k}", nu if between != "," else nu.replace(",", "."), a)) for k, (nu, a) in enumerate(rows)
        )
        (tmp_path / "modes.csv").write_text(
            f"# made elsewhere\nmode{between} freq (cm-1){between} raman\n" + body + "\n"
        )
        lines = read_lines(tmp_path / "modes.csv", ("freq (cm-1)", "raman"))
        assert [(line.wavenumber_cm1, line.strength) for line in lines] == [
            (412.5, "weak"),
            (1650.2, "medium"),
            (3100.1, "strong"),
        ]
    for columns, words in ((("freq", "raman"), "no column 'freq'; there are mode, freq"), (None, "line_columns")):
        with pytest.raises(InputError, match=words):
            read_lines(tmp_path / "modes.csv", columns)
    (tmp_path / "modes.csv").write_text("nu,s\n1.65D+03,2.5D1\n")
    assert read_lines(tmp_path / "modes.csv", ("nu", "s"))[0].wavenumber_cm1 == 1650
    (tmp_path / "modes.csv").write_text("nu,s\n100,x\n")
    with pytest.raises(InputError, match="a row of nu and s is not two numbers"):
        read_lines(tmp_path / "modes.csv", ("nu", "s"))


def test_deuterium_of_a_start_geometry_keeps_its_mass(tmp_path):
    (tmp_path / "a.xyz").write_text("3\n\nO 0 0 0\nD 0.96 0 0\nH -0.24 0.93 0\n")
    assert start_isotopes(tmp_path / "a.xyz") == {1: pytest.approx(2.0141, abs=1e-3)}
    assert start_isotopes("malonaldehyde-enol") == {}
