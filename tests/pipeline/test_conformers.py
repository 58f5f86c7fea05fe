"Conformers: all there are, each once, mirror images twice; weights from a sum over labelled minima; killed runs."

import itertools
import json
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.units import invcm, kB, kJ, mol

pytest.importorskip("rdkit", reason="the smiles extra is not installed")

from bpm_nb.core.files import InputError  # noqa: E402
from bpm_nb.data.files import read  # noqa: E402
from bpm_nb.dynamics.calculators import Molecule, molecular_topology  # noqa: E402
from bpm_nb.pipeline import Dynamics, raman  # noqa: E402
from bpm_nb.pipeline.conformers import conformer_frames, relaxed_guess  # noqa: E402
from bpm_nb.pipeline.request import drawn_molecule  # noqa: E402
from bpm_nb.pipeline.rotamers import conformer, molecular_graph, rotamers  # noqa: E402

QUICK = Dynamics(n_segments=2, length_ps=1, n_frames=30, step_fs=1.0, resolution_cm1=60)


def found_by(graph, drawn, guesses):
    "Energies, kJ/mol above the lowest, of the conformers to which guesses relax."
    bonds, moving = molecular_topology(drawn.numbers, drawn.pos), Molecule(drawn.numbers)
    energy = conformer_frames(graph, moving, [relaxed_guess(moving, x, bonds) for x in guesses]).energy
    return (energy - energy[0]) * mol / kJ


@pytest.mark.parametrize(
    "text, torsions, n",
    [
        ("CCCC", [(0, 1, 2, 3)], 2),
        ("CCO", [(0, 1, 2, 8)], 2),
        pytest.param("OCCO", [(4, 0, 1, 2), (0, 1, 2, 3), (1, 2, 3, 9)], 10, marks=pytest.mark.slow),
    ],
)
def test_none_is_missed_that_turning_every_bond_finds(text, torsions, n):
    "Against a grid over all torsions; for glycol also against the ten of the literature."
    from rdkit import Chem
    from rdkit.Chem.rdMolTransforms import SetDihedralDeg

    drawn = drawn_molecule(text)
    graph, grid = molecular_graph(drawn), []
    for angles in itertools.product((55.0, 175.0, 295.0), repeat=len(torsions)):
        shape = Chem.Mol(graph)
        shape.RemoveAllConformers()
        shape.AddConformer(conformer(drawn.pos))
        for four, angle in zip(torsions, angles):
            SetDihedralDeg(shape.GetConformer(), *four, angle)
        grid.append(shape.GetConformer().GetPositions())
    everything, searched = found_by(graph, drawn, grid), found_by(graph, drawn, rotamers(graph))
    assert len(searched) == n
    np.testing.assert_allclose(searched, everything, atol=0.1)


def state_sum(one, energy, kelvin):
    "Of one labelled minimum without symmetry, by hand: exp(−E/kT) Π 1/(2 sinh(x/2)) √(I₁I₂I₃), to a factor."
    x = np.maximum(one.modes.wavenumber_cm1, 20.0) * invcm / (kB * kelvin)
    inertia = Atoms(one.harmonic.numbers, one.harmonic.pos, masses=one.masses).get_moments_of_inertia()
    return np.exp(-energy / (kB * kelvin)) / np.prod(2 * np.sinh(x / 2)) * np.sqrt(np.prod(inertia))


@pytest.mark.parametrize("text, turns", [("CCCC", 9), ("CCO", 3)])
def test_weights_count_every_labelled_minimum(tmp_path, text, turns):
    "Butane: three turns of each methyl group times trans, gauche+ and gauche−. Ethanol: times gauche± and trans."
    made = raman(text, tmp_path / "m", harmonic_only=True, conformers=9)
    energy = made.energy_eV - made.energy_eV.min()
    labelled = [turns * mirrors for mirrors in made.mirror_images]
    sums = [n * state_sum(one, e, 300.0) for n, one, e in zip(labelled, made.conformers, energy)]
    np.testing.assert_allclose(made.weights, np.array(sums) / np.sum(sums), rtol=1e-6)
    assert sorted(made.mirror_images.tolist()) == [1, 2]


def test_an_isotope_makes_conformers_of_one_shape_two(tmp_path):
    "CH2D–CH2–OH: deuterium lies across from the chain or beside it. Of a chiral molecule no mirror images count."
    made = raman("[2H]CCO", tmp_path / "d", harmonic_only=True, conformers=9)
    plain = raman("CCO", tmp_path / "h", harmonic_only=True, conformers=9)
    assert len(made.conformers) > len(plain.conformers)
    assert sum(made.mirror_images) == 3 * sum(plain.mirror_images)
    chiral = raman("C[C@H](F)Cl", tmp_path / "c", harmonic_only=True, conformers=9)
    assert chiral.mirror_images.tolist() == [1]


def test_a_geometry_gives_what_its_smiles_gives_and_says_what_it_cannot(tmp_path):
    molecule("C2H6").write(tmp_path / "ethane.xyz")
    drawn = drawn_molecule("CCCC")
    Atoms(drawn.numbers, drawn.pos).write(tmp_path / "butane.xyz")
    butane = [
        raman(x, tmp_path / f"{k}", harmonic_only=True, conformers=2)
        for k, x in enumerate(("CCCC", tmp_path / "butane.xyz"))
    ]
    np.testing.assert_allclose(butane[0].weights, butane[1].weights, atol=2e-3)
    assert len(raman(tmp_path / "ethane.xyz", tmp_path / "e", harmonic_only=True, conformers=5).conformers) == 1
    with pytest.raises(InputError, match="bonds cannot be seen"):
        raman(Atoms("NaCl", [[0, 0, 0], [0, 0, 2.36]]), tmp_path / "s", harmonic_only=True, conformers=2)
    with pytest.raises(InputError, match="another search"):
        raman("CCCC", tmp_path / "0", harmonic_only=True)


def test_more_conformers_later_are_added(tmp_path):
    few = raman("CCCC", tmp_path / "b", harmonic_only=True, conformers=1)
    before = (few.conformers[0].folder / "harmonic.npz").stat().st_mtime_ns
    more = raman("CCCC", tmp_path / "b", harmonic_only=True, conformers=2)
    assert len(few.conformers) == 1 and len(more.conformers) == 2 and few.weights == 1.0
    assert (more.conformers[0].folder / "harmonic.npz").stat().st_mtime_ns == before


@pytest.mark.slow
def test_the_spectrum_of_all_is_the_mean_of_those_of_each(tmp_path):
    made = raman("CCO", tmp_path / "e", dynamics=QUICK, conformers=2, gfn2_only=True)
    shares = made.weights
    expected = sum(w * one.activity.curve() for w, one in zip(shares, made.conformers))
    np.testing.assert_allclose(made.activity.curve(), expected, rtol=1e-12)
    assert made.activity.blocks().shape == made.conformers[0].activity.blocks().shape
    first, second = (one.run for one in made.conformers)
    assert np.abs(first.vel[:, 0] - second.vel[:, 0]).max() > 1e-4, "independent streams of random numbers"
    assert ((0 <= made.stays) & (made.stays <= 1)).all()


@pytest.mark.slow
def test_killed_conformers_go_on_and_end_as_if_they_had_not_been(tmp_path):
    words = "CCO --gfn2-only --conformers 2 --segments 1 --length-ps 1 --step-fs 1 --resolution 40 --workers 1 --json"
    main = "import sys; from bpm_nb.cli.program import main; sys.exit(main(sys.argv[1:]))"
    command, rng, finished = [sys.executable, "-c", main, "raman", *words.split(), "-o"], np.random.default_rng(0), {}
    for _ in range(6):
        silent = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        work = subprocess.Popen([*command, str(tmp_path / "killed")], **silent)
        time.sleep(rng.uniform(2.0, 12.0))
        work.kill()
        work.wait()
        there = {p: p.stat().st_mtime_ns for p in (tmp_path / "killed").rglob("*.npz") if ".parts" not in str(p)}
        assert all(there[p] == t for p, t in finished.items() if p in there)
        finished |= there
    results = []
    for name in ("killed", "whole"):
        done = subprocess.run([*command, str(tmp_path / name)], capture_output=True, text=True, check=True)
        results.append(json.loads(done.stdout))
    assert results[0]["peaks"] == results[1]["peaks"] and results[0]["conformers"][0]["weight"] < 1
    runs = [read(tmp_path / name / "conformer-2" / "run.npz").pos for name in ("killed", "whole")]
    np.testing.assert_array_equal(*runs)


def test_the_line_of_the_whole_counts_all_conformers_and_what_is_done(tmp_path, capfd):
    from bpm_nb.core.progress import whole_progress

    asked = replace(QUICK, n_segments=1)
    with whole_progress() as whole:
        made = raman("[H][H]", tmp_path / "h", dynamics=asked, conformers=1)
        dynamics = whole.steps["dynamics"]
        assert dynamics.total == dynamics.done == dynamics.here == 6 and dynamics.spent > 0
    (made.conformers[0].folder / "polarizability.npz").unlink()
    with whole_progress() as whole:
        raman("[H][H]", tmp_path / "h", dynamics=asked, conformers=1)
        assert list(name for name, step in whole.steps.items() if step.total) == ["bond models"]
