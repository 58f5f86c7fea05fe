"""Frames of other programs: loose arrays, published sets, ASE's extended xyz; units, and what is refused."""

import json

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write as ase_write
from ase.units import Bohr, Debye, Hartree
from published import FOLDER, NUMBERS, needs_published_frames, published

from bpm_nb.cli.program import main
from bpm_nb.core.files import InputError
from bpm_nb.core.units import UNITS, unit_size
from bpm_nb.data.arrays import array_at, atomic_numbers_at, frames_from
from bpm_nb.data.files import read_frames

RNG = np.random.default_rng(0)
POS = np.array([[0, 0, 0.117], [0, 0.757, -0.469], [0, -0.757, -0.469]]) + 0.02 * RNG.normal(size=(5, 3, 3))
ALPHA = np.eye(3) * 9 + (lambda a: a + a.transpose(0, 2, 1))(RNG.normal(size=(5, 3, 3)))


def test_each_unit_is_the_physical_one():
    from scipy import constants as c

    bohr, hartree = c.value("Bohr radius"), c.value("Hartree energy")
    si = dict(
        pos=dict(angstrom=1e-10, bohr=bohr),
        alpha={"bohr3": bohr**3, "angstrom3": 1e-30, "e2angstrom2/eV": 1e-20 * c.e / (4 * np.pi * c.epsilon_0)},
        dipole={"e*bohr": c.e * bohr, "e*angstrom": c.e * 1e-10, "debye": 1e-21 / c.c},
        energy={"eV": c.e, "hartree": hartree, "kcal/mol": 4184 / c.N_A, "kJ/mol": 1000 / c.N_A},
        forces={"eV/angstrom": c.e / 1e-10, "hartree/bohr": hartree / bohr, "kcal/mol/angstrom": 4184 / c.N_A / 1e-10},
    )
    assert {k: list(v) for k, v in si.items()} == {k: list(v) for k, v in UNITS.items()}
    for name, units in si.items():
        for unit, size in units.items():
            assert unit_size(name, unit) == pytest.approx(size / next(iter(units.values())), rel=1e-6)


def test_arrays_with_names_of_their_own(tmp_path):
    dipole, energy, forces = RNG.normal(size=(5, 3)), RNG.normal(size=5), RNG.normal(size=(5, 3, 3))
    np.savez(
        tmp_path / "d.npz",
        z=[8, 1, 1],
        R=POS / Bohr,
        polar=(ALPHA * Bohr**3).reshape(5, 9),
        mu=dipole * Bohr / Debye,
        E=energy / Hartree,
        F=forces * Bohr / Hartree,
    )

    def at(key):
        return f"{tmp_path / 'd.npz'}:{key}"

    frames = frames_from(
        at("z"),
        at("R"),
        at("polar"),
        at("mu"),
        at("E"),
        at("F"),
        dict(pos="bohr", alpha="angstrom3", dipole="debye", energy="hartree", forces="hartree/bohr"),
    )
    for k, v in dict(pos=POS, alpha=ALPHA, dipole=dipole, energy=energy, forces=forces).items():
        np.testing.assert_allclose(getattr(frames, k), v, atol=1e-12)
    assert frames.numbers.tolist() == [[8, 1, 1]] * 5


@needs_published_frames
def test_the_published_arrays_come_in(tmp_path, capsys):
    frames = frames_from("C C O C O H H H H", FOLDER / "coord_MDA_test.npy", FOLDER / "alpha_MDA_test.npy")
    np.testing.assert_array_equal(frames.numbers[0], NUMBERS)
    np.testing.assert_array_equal(frames.pos, published("_test").pos)
    np.testing.assert_allclose(frames.alpha, published("_test").alpha, atol=2e-4)
    assert (
        main(
            [
                "convert",
                str(FOLDER / "coord_MDA_test.npy"),
                "--numbers",
                "C C O C O H H H H",
                "--alpha",
                str(FOLDER / "alpha_MDA_test.npy"),
                "-o",
                str(tmp_path / "p.npz"),
                "--json",
            ]
        )
        == 0
    )
    assert json.loads(capsys.readouterr().out)["properties"] == ["alpha"]
    np.testing.assert_array_equal(read_frames(tmp_path / "p.npz").alpha, frames.alpha)


def test_what_an_ase_calculator_writes_is_read_in_its_units(tmp_path):
    "Energy in eV, forces in eV/Å, dipole in e·Å, and the polarizability of ASE's own calculators in e²Å²/eV."
    from ase.calculators.bond_polarizability import BondPolarizability

    atoms = Atoms(
        "CH4", [[0, 0, 0], [0.63, 0.63, 0.63], [-0.63, -0.63, 0.63], [0.63, -0.63, -0.63], [-0.63, 0.63, -0.63]]
    )
    alpha = BondPolarizability()(atoms)
    atoms.info["polarizability"] = alpha.ravel()
    atoms.calc = SinglePointCalculator(atoms, energy=-3.0, forces=np.ones((5, 3)), dipole=[0, 0, 1.0])
    ase_write(tmp_path / "a.xyz", atoms, format="extxyz")
    frames = read_frames(tmp_path / "a.xyz", "e2angstrom2/eV")
    np.testing.assert_allclose(
        frames.alpha[0] * Bohr**3, alpha * Bohr * Hartree
    )  # ASE: "multiply with Bohr * Ha to get Angstrom^3"
    np.testing.assert_allclose(frames.dipole[0], [0, 0, 1 / Bohr])
    assert frames.energy[0] == -3 and (frames.forces == 1).all()


class Opens:
    "Runs when it is unpickled."

    def __reduce__(self):
        return eval, ("open('ran', 'w').write('')",)


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_a_pickled_array_is_refused_in_one_sentence_and_not_run(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (np.save if name.endswith("npy") else lambda f, x: np.savez(f, r=x))(name, np.array([Opens()], dtype=object))
    with pytest.raises(InputError, match="pickled") as e:
        array_at(name if name.endswith("npy") else f"{name}:r")
    assert "\n" not in str(e.value) and not (tmp_path / "ran").exists()


def broken(tmp_path):
    np.save(tmp_path / "r.npy", POS)
    np.savez(tmp_path / "d.npz", r=POS)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "r.npy").read_bytes()[:100])
    (tmp_path / "cut.npz").write_bytes((tmp_path / "d.npz").read_bytes()[:300])
    (tmp_path / "text.npy").write_text("0 0 0")
    return lambda name: str(tmp_path / name)


@pytest.mark.parametrize(
    "file, words",
    [
        ("none.npy", "no such file"),
        ("cut.npy", "not a readable"),
        ("cut.npz:r", "not a readable"),
        ("text.npy", "not a readable npy"),
        ("d.npz", "d.npz:KEY"),
        ("d.npz:x", "holds r"),
    ],
)
def test_files_that_are_no_arrays(tmp_path, file, words):
    with pytest.raises(InputError, match=words):
        array_at(broken(tmp_path)(file))


@pytest.mark.parametrize(
    "change, words",
    [
        (dict(numbers="O H"), "2 atomic numbers"),
        (dict(numbers="O H X9"), "'X9' is not an element"),
        (dict(pos=POS[0]), "shape"),
        (dict(alpha=ALPHA[:3]), "alpha has shape"),
        (dict(alpha=np.zeros((5, 6))), "alpha has six numbers .* `order`"),
        (dict(alpha=ALPHA + np.triu(np.ones((3, 3)), 1)), "not symmetric"),
        (dict(pos=np.full_like(POS, np.nan)), "finite"),
        (dict(pos=POS * Bohr**2), "on top|Å apart"),
        (dict(energy=["a"] * 5), "numbers"),
        (dict(units=dict(pos="nm")), "'nm'.*angstrom or bohr"),
        (dict(units=dict(mass="u")), "'mass'"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_one_sentence(change, words):
    if "pos" in change and change["pos"].shape == POS.shape and np.isfinite(change["pos"]).all():
        change = dict(change, pos=change["pos"] * 0.3)
    with pytest.raises(InputError, match=words) as e:
        frames_from(**(dict(numbers="O H H", pos=POS, alpha=ALPHA) | change))
    assert "\n" not in str(e.value)


@pytest.mark.parametrize(
    "options, words",
    [
        (["r.npy"], "atoms too"),
        (["r.npy", "--numbers", "O H H", "--units", "bohr"], "NAME=UNIT"),
        (["r.npy", "--numbers", "O H H", "--units", "pos=nm"], "nm"),
        (["none.xyz"], "no such file"),
        (["d.npz:r", "--numbers", "O H H", "--alpha", "none.npy"], "no such file"),
    ],
)
def test_convert_refuses_with_one_line(tmp_path, monkeypatch, capsys, options, words):
    broken(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["convert", *options, "-o", "out.npz"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and words in said and not (tmp_path / "out.npz").exists()


def test_convert_between_the_two_formats(tmp_path, capsys):
    frames = frames_from("O H H", POS, ALPHA)
    ase_write(
        tmp_path / "a.xyz",
        [Atoms("OH2", p, info=dict(polarizability=(a * Bohr**3).ravel())) for p, a in zip(frames.pos, frames.alpha)],
        format="extxyz",
    )
    assert main(["convert", str(tmp_path / "a.xyz"), "--unit", "angstrom3", "-o", str(tmp_path / "a.npz")]) == 0
    np.testing.assert_allclose(read_frames(tmp_path / "a.npz").alpha, ALPHA, atol=1e-6)
    assert main(["convert", str(tmp_path / "a.npz"), "-o", str(tmp_path / "a.npz")]) == 2


def test_deuterium_and_tritium_are_hydrogen_among_the_symbols_too():
    assert atomic_numbers_at("O D T H").tolist() == [8, 1, 1, 1]
    assert atomic_numbers_at(np.array(["O", "D"])).tolist() == [8, 1]
