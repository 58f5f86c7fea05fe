"""Learned surfaces: covariance, slopes, conservation of energy, baselines, errors that are known, and bad input."""

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms, units
from ase.md.verlet import VelocityVerlet
from sklearn.base import clone

from bpm_nb.core.files import InputError
from bpm_nb.data import load
from bpm_nb.data.records import Frames, joined
from bpm_nb.dynamics.calculators import gfn2, surface_values
from bpm_nb.models.calculator import BondCalculator, LearnedSurface
from bpm_nb.models.energy import BondEnergy
from bpm_nb.models.estimator import jackknife_models
from bpm_nb.models.tuning import scan


@pytest.fixture(scope="module")
def enol():
    return load("malonaldehyde-enol")


@pytest.fixture(scope="module")
def model(enol):
    return BondEnergy(n_points=800).fit(enol.train[:60])


def rotation(seed):
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q * np.sign(np.diag(r)))) * np.sign(np.diag(r))


def turned(frames, matrix):
    return replace(frames, pos=frames.pos @ matrix.T + 3.0, forces=frames.forces @ matrix.T, alpha=None, dipole=None)


def test_energies_stay_and_forces_turn_with_the_molecule(model, enol):
    frames, turn = enol.test[:5], rotation(1)
    moved = turned(frames, turn)
    np.testing.assert_allclose(model.predict(moved), model.predict(frames), atol=1e-9)
    np.testing.assert_allclose(model.predict_forces(moved), model.predict_forces(frames) @ turn.T, atol=1e-9)


def test_like_atoms_are_alike(model, enol):
    frames = enol.test[:3]
    order = np.argsort(frames.numbers[0], kind="stable")[::-1]
    swapped = replace(frames, numbers=frames.numbers[:, order], pos=frames.pos[:, order], forces=None)
    np.testing.assert_allclose(model.predict(swapped), model.predict(frames), atol=1e-9)
    np.testing.assert_allclose(model.predict_forces(swapped), model.predict_forces(frames)[:, order], atol=1e-9)


def test_net_force_and_torque_are_zero(model, enol):
    forces = model.predict_forces(enol.test[:5])
    np.testing.assert_allclose(forces.sum(1), 0, atol=1e-9)
    np.testing.assert_allclose(np.cross(enol.test.pos[:5], forces).sum(1), 0, atol=1e-9)


@pytest.mark.parametrize("settings", [dict(n_points=1500), dict(basis="exact")])
def test_frames_left_out_say_what_new_frames_show(settings, enol):
    "Energies and forces of frames that were never seen miss by what the errors of frames left out say."
    model = BondEnergy(**settings).fit(enol.train[:60])
    energies, forces = model.predict(enol.test), model.predict_forces(enol.test)
    found = np.std(energies - enol.test.energy), np.sqrt(np.mean((forces - enol.test.forces) ** 2))
    for error, said, spread in zip(found, model.errors_, model.info_["spreads"]):
        assert error < 0.1 * spread and said / 6 < error < 1.2 * said  # training frames are the stranger ones


def test_standard_deviations_are_those_of_the_errors(model, enol):
    some = enol.test[:40]
    forces, std = model.predict_forces(some, return_std=True)
    ratio = np.abs(forces - some.forces) / std
    assert 0.4 < np.median(ratio) / 0.6745 < 2.0
    _, of_energy = model.predict(some, return_std=True)
    assert of_energy.shape == (40,) and (of_energy > 0).all()


def test_forces_alone_give_energies_up_to_a_constant(enol):
    alone = BondEnergy(n_points=1500).fit(replace(enol.train[:60], energy=None))
    energies = alone.predict(enol.test)
    assert np.std(energies - enol.test.energy) < 0.1 * np.std(enol.test.energy)
    assert alone.errors_[0] == np.inf and alone.errors_[1] < 0.2


def test_energies_alone_are_enough_for_a_poor_model(enol):
    alone = BondEnergy(n_points=400).fit(replace(enol.train, forces=None))
    assert np.std(alone.predict(enol.test) - enol.test.energy) < 0.6 * np.std(enol.test.energy)
    assert alone.errors_[1] == np.inf


def test_slopes_say_more_than_values(enol):
    with_forces = BondEnergy(n_points=800).fit(enol.train[:40])
    values = BondEnergy(n_points=800).fit(replace(enol.train[:40], forces=None))
    misses = [np.std(m.predict(enol.test) - enol.test.energy) for m in (with_forces, values)]
    assert misses[0] < 0.3 * misses[1]


def test_what_a_spring_lacks_is_learned(enol, tmp_path):
    """Δ over a crude baseline is the reference again, and the model remembers which baseline it was. A baseline that
    knows the answer leaves nothing to learn."""
    right = BondEnergy(n_points=800).fit(enol.train[:60])

    def known(charge, spin):
        return BondCalculator(right)

    test = enol.test[:10]
    target = replace(
        enol.train[:40], energy=right.predict(enol.train[:40]), forces=right.predict_forces(enol.train[:40])
    )
    with pytest.warns(UserWarning, match="learned little or nothing"):
        corrected = BondEnergy(n_points=100, baseline=known).fit(target)
    np.testing.assert_allclose(corrected.predict_forces(test), right.predict_forces(test), atol=1e-4)
    corrected.save(tmp_path / "model.npz")
    again = BondEnergy.load(tmp_path / "model.npz")
    with pytest.raises(InputError, match="no surface has the name .*known"):
        again.predict(test)
    again.set_params(baseline=known)
    np.testing.assert_allclose(again.predict(test), corrected.predict(test))


def test_gfn2_and_what_it_lacks(enol):
    pytest.importorskip("tblite", reason="the reference extra is not installed")
    alone, corrected = (BondEnergy(n_points=600, baseline=b).fit(enol.train[:40]) for b in (None, "gfn2"))
    test = enol.test[:30]
    misses = [np.sqrt(np.mean((m.predict_forces(test) - test.forces) ** 2)) for m in (alone, corrected)]
    assert misses[1] < 0.5 * misses[0]


def test_a_saved_model_says_the_same(model, enol, tmp_path):
    model.save(tmp_path / "model.npz")
    again = BondEnergy.load(tmp_path / "model.npz")
    test = enol.test[:4]
    for one, other in zip(model.predict_forces(test, return_std=True), again.predict_forces(test, return_std=True)):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
    assert again.get_params() == model.get_params() and again.errors_ == pytest.approx(model.errors_)
    np.testing.assert_allclose(again.extrapolation(test)[0], model.extrapolation(test)[0])


def test_an_exact_model_is_stored_with_its_tilts(enol, tmp_path):
    exact = BondEnergy(basis="exact").fit(enol.train[:10])
    exact.save(tmp_path / "model.npz")
    np.testing.assert_allclose(
        BondEnergy.load(tmp_path / "model.npz").predict_forces(enol.test[:3]), exact.predict_forces(enol.test[:3])
    )


def test_parts_of_bonds_and_constants_add_up(model, enol):
    frames = enol.test[:4]
    pairs, parts = model.bond_tensors(frames)
    constants = (frames.numbers[:, :, None] == model.species_).sum(1) @ model.atomic_
    np.testing.assert_allclose(parts.sum(1) + constants, model.predict(frames))


def test_strange_bonds_have_a_grade_above_one(model, enol):
    frames = enol.test[:1]
    stretched = frames.pos.copy()
    stretched[0, -1] += 0.5 * (frames.pos[0, -1] - frames.pos[0].mean(0))
    assert model.extrapolation(frames)[0] < 2 < model.extrapolation(replace(frames, pos=stretched))[0]


def test_energy_is_conserved(enol):
    "1 ps at constant energy: the drift is far below 0.1 meV an atom in 10 ps."
    surface = BondEnergy(n_points=1500).fit(enol.train[:150])
    calmest = int(np.argmin(enol.train.energy))
    atoms = Atoms(enol.train.numbers[calmest], enol.train.pos[calmest], calculator=BondCalculator(surface))
    rng = np.random.default_rng(0)
    atoms.set_momenta(rng.normal(size=(9, 3)) * np.sqrt(atoms.get_masses()[:, None] * 0.5 * units.kB * 300))
    run, total = VelocityVerlet(atoms, 0.5 * units.fs), []
    run.attach(lambda: total.append(atoms.get_total_energy()), interval=20)
    run.run(2000)
    half = len(total) // 2
    assert abs(np.mean(total[half:]) - np.mean(total[:half])) < 9 * 2e-5
    assert np.std(total) < 9 * 1e-3


def test_replicas_at_once_are_as_one_by_one(model, enol):
    surface, numbers = LearnedSurface(model), enol.test.numbers[0]
    together = surface(numbers, enol.test.pos[:6])
    for s in range(6):
        for one, all_of_them in zip(surface(numbers, enol.test.pos[s : s + 1]), together):
            np.testing.assert_allclose(one[0], all_of_them[s], atol=1e-9)


def test_two_molecules_are_learned_together(enol):
    keto = load("malonaldehyde-keto")
    both = joined([replace(x.train[:40], alpha=None, dipole=None) for x in (enol, keto)])
    model = BondEnergy(n_points=1500).fit(both)
    for molecule in (enol, keto):
        miss = model.predict_forces(molecule.test[:30]) - molecule.test.forces[:30]
        assert np.sqrt(np.mean(miss**2)) < 0.2 * molecule.test.forces[:30].std()
    shift = keto.test.energy.mean() - enol.test.energy.mean()
    assert model.predict(keto.test).mean() - model.predict(enol.test).mean() == pytest.approx(shift, abs=0.02)


@pytest.mark.filterwarnings("ignore:the model has learned")
@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_frames(n, enol):
    model = BondEnergy(n_points=50).fit(enol.train[:n])
    forces, std = model.predict_forces(enol.test[:2], return_std=True)
    assert np.isfinite(forces).all() and np.isfinite(std).all() == (n > 1)
    assert np.isfinite(model.errors_).all() == (n > 1)


def test_repeated_frames_count_once(enol):
    frames = enol.train[:20]
    with pytest.warns(UserWarning, match="20 of 40 frames repeat"):
        model = BondEnergy(n_points=200).fit(
            joined([replace(frames, alpha=None, dipole=None), turned(frames, rotation(2))])
        )
    assert model.info_["n_frames"] == 20 and model.info_["n_repeats"] == 20


def test_settings_are_those_of_scikit_learn(model):
    copy = clone(model)
    assert copy.get_params() == model.get_params() and not hasattr(copy, "expansions_")
    assert copy.set_params(gamma=0.2).gamma == 0.2 and "gamma" in repr(copy)


def test_width_and_noise_by_the_evidence(enol):
    model = BondEnergy(gamma=None, lam=None, n_points=800).fit(enol.train[:40])
    miss = np.sqrt(np.mean((model.predict_forces(enol.test) - enol.test.forces) ** 2))
    assert miss < 0.2 * enol.test.forces.std() and model.gamma_ in (0.1, 0.2, 0.4, 0.8)


def test_noise_is_found_in_the_errors(enol):
    "With 0.1 eV/Å of noise on the training forces, frames left out miss by more than that, and new ones by less."
    rng, frames = np.random.default_rng(0), enol.train[:100]
    noisy = replace(frames, forces=frames.forces + rng.normal(0, 0.1, frames.forces.shape), energy=None)
    model = BondEnergy(lam=100.0, n_points=1500).fit(noisy)
    miss = np.sqrt(np.mean((model.predict_forces(enol.test) - enol.test.forces) ** 2))
    assert miss < 0.1 < model.errors_[1] < 0.2


@pytest.mark.parametrize(
    "frames, settings, sentence",
    [
        (lambda f: replace(f, energy=None, forces=None), {}, "there is no energy"),
        (lambda f: replace(f, forces=np.where(np.arange(3) == 1, np.nan, f.forces)), {}, "forces.* not a finite"),
        (lambda f: f, dict(basis="bonds"), "basis 'bonds': use one of inducing, exact"),
        (lambda f: f, dict(basis="exact", memory_mb=1), "takes about .* MiB"),
        (lambda f: f, dict(gamma=-1.0), "gamma is -1.0"),
        (lambda f: f, dict(baseline="gfn3"), "no surface has the name 'gfn3'"),
    ],
)
def test_bad_input_is_one_sentence(frames, settings, sentence, enol):
    with pytest.raises(InputError, match=sentence) as refused:
        BondEnergy(**settings).fit(frames(enol.train[:12]))
    assert "\n" not in str(refused.value)


def test_a_calculator_refuses_what_the_model_never_saw(model):
    atoms = Atoms("H2S", [[0, 0, 0], [0, 0.9, 0.9], [0, 0, 1.3]], calculator=BondCalculator(model))
    with pytest.raises(InputError, match="never saw the element S"):
        atoms.get_potential_energy()


def test_points_are_at_most_the_numbers_that_are_known(enol):
    assert sum(len(f.points) for f in BondEnergy().fit(enol.train[:3]).expansions_.values()) <= 3 * 28 + 4
    assert BondEnergy(lam=(0.5,), n_points=50).fit(enol.train[:5]).lam_ == (0.5,)


def test_repeats_with_other_energies_are_said(enol):
    frames = replace(enol.train[:5], alpha=None, dipole=None)
    other = replace(frames, energy=frames.energy + 5)
    with pytest.warns(UserWarning, match="energies differ by up to 5 eV"):
        BondEnergy(n_points=50).fit(joined([frames, other]))


def test_forces_that_are_zero_by_symmetry_make_no_surface_sure():
    "Four of the six forces on a diatomic along x are zero in every frame."
    pos = np.array([[[0.0, 0, 0], [r, 0, 0]] for r in (0.88, 0.93, 0.98)])
    energy, forces = surface_values(gfn2(), np.array([9, 1]), pos)
    frames = Frames(np.tile([9, 1], (3, 1)), pos, energy=energy, forces=forces)
    energy, std = BondEnergy().fit(frames).predict(Frames([[9, 1]], [[[0.0, 0, 0], [1.1, 0, 0]]]), return_std=True)
    assert std[0] > 0.01


def root_mean_square(x):
    return float(np.sqrt(np.mean(np.square(x))))


@pytest.mark.filterwarnings("ignore:3 of 43 frames repeat others")
def test_surfaces_without_a_group_of_frames_spread_as_far_as_they_err(enol):
    "Of energies and forces, and wider than the posterior, which is as wide as the errors."
    train, few = enol.train[:40], enol.test[:8]
    model = BondEnergy(n_points=300, lam=3.0).fit(joined([train, train[:3]]))
    parts = jackknife_models(model, joined([train, train[:3]]))  # the three count once
    assert [m.info_["n_frames"] for m in parts] == [30] * 4
    assert {(m.gamma_, m.lam_) for m in parts} == {(model.gamma_, model.lam_)}
    for name, right in (("predict", few.energy), ("predict_forces", few.forces)):
        value, std = getattr(model, name)(few, return_std=True)
        spread = np.sqrt(3 * np.var([getattr(m, name)(few) for m in parts], 0))
        error = root_mean_square(value - right)
        assert 0.5 < root_mean_square(std) / error < 2
        assert 0.5 < root_mean_square(spread) / error < 3


@pytest.mark.filterwarnings("ignore:the model has learned little")
@pytest.mark.parametrize("missing", ["energy", "forces"])
def test_jackknife_of_energies_or_forces_alone(missing, enol):
    train = replace(enol.train[:9], **{missing: None})
    parts = jackknife_models(BondEnergy(n_points=60).fit(train), train, parts=3)
    assert len({m.predict_forces(enol.test[:1]).tobytes() for m in parts}) == 3
    with pytest.raises(InputError, match="too few to leave out one of 5 parts"):
        jackknife_models(parts[0], train, parts=5)


def test_the_map_of_tensors_points_to_that_of_surfaces(enol):
    with pytest.raises(InputError, match="use surface_scan"):
        scan(enol.train[:10], BondEnergy())
