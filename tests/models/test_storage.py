"A model in a file, and files that were written before."

import json
from dataclasses import replace

import numpy as np
import pytest

from bpm_nb.bonds.descriptors import BondAxis
from bpm_nb.core.files import InputError
from bpm_nb.models.polarizability import BondDipole, BondPolarizability
from bpm_nb.models.storage import model_arrays

BASES = [None, "condensed", "inducing", "bonds", "structures"]


def test_a_saved_model_is_the_model(tmp_path, methanol):
    for basis in BASES:
        model = BondPolarizability(basis=basis, n_points=50, descriptor=BondAxis(n=4)).fit(methanol)
        model.save(tmp_path / "m.npz")
        again = BondPolarizability.load(tmp_path / "m.npz")
        np.testing.assert_array_equal(again.predict(methanol), model.predict(methanol))
        assert again.get_params() == model.get_params() and again.errors_ == pytest.approx(model.errors_)


def test_a_model_of_another_quantity_is_refused(water, tmp_path):
    dipoles = replace(water, dipole=water.pos[:, 0] - water.pos[:, 1:].mean(1))
    BondDipole(n_points=50, gamma=0.5, lam=1e-6).fit(dipoles).save(tmp_path / "dipole.npz")
    assert BondDipole.load(tmp_path / "dipole.npz").predict(water).shape == (len(water), 3)
    with pytest.raises(InputError, match="a model of the dipole, not of the alpha"):
        BondPolarizability.load(tmp_path / "dipole.npz")
    with pytest.raises(InputError, match="there is no dipole"):
        BondDipole().fit(water)


# Names of the arrays of "bpm_nb model 4", with their dimensions: files that were written before have these.
ARRAYS = dict(format=0, quantity=0, params=0, species=1, atomic=1, gamma=0, lam=1, errors=1, scales=1)
ARRAYS |= dict(amplitudes=1, remembered_numbers=2, remembered_pos=3)
ARRAYS_OF_A_KIND = dict(mean=1, matrix=2, points=2, weights=2, known=2, limit=0, vectors=2)
PARAMS = {
    "baseline": None,
    "basis": "inducing",
    "bonds": "pairs",
    "cutoff": 5.0,
    "descriptor": [
        "bond-axis",
        {"cutoff": 5.0, "n": 4, "degree": 4, "order": 2, "width": 1.5, "damping": 0.6, "length_weight": 2.0},
    ],
    "gamma": None,
    "lam": None,
    "memory_mb": 2048,
    "n_points": 50,
}


def test_the_arrays_of_a_file_keep_their_names(methanol):
    model = BondPolarizability(n_points=50, basis="inducing", descriptor=BondAxis(n=4)).fit(methanol)
    arrays = {name: np.asarray(value) for name, value in model_arrays(model).items()}
    shared = {name: value.ndim for name, value in arrays.items() if "/" not in name}
    of_kinds = {name.split("/")[1]: value.ndim for name, value in arrays.items() if "/" in name}
    assert of_kinds.pop("amplitudes") == 2  # of the sides
    kinds = {name.split("/")[0] for name in arrays if "/" in name}
    assert shared == ARRAYS and of_kinds == ARRAYS_OF_A_KIND and kinds == {"201", "206", "208", "1208"}
    assert str(arrays["format"]) == "bpm_nb model 4" and str(arrays["quantity"]) == "alpha"
    assert json.loads(str(arrays["params"])) == PARAMS | dict(metric="learned")


def written_by_hand(model, path):
    "A file of format 3, with names of arrays that do not come from the library."
    posterior, arrays = model.posterior_, {}
    for kind, function in model.expansions_.items():
        projection = function.projection
        arrays[f"{kind}/mean"], arrays[f"{kind}/matrix"] = projection.mean, projection.matrix
        arrays[f"{kind}/points"], arrays[f"{kind}/weights"] = function.points, function.weights
    from_model = model_arrays(model)
    for name, value in from_model.items():
        if name.endswith(("/known", "/limit")):
            arrays[name] = value
    np.savez(
        path,
        format="bpm_nb model 3",
        quantity="alpha",
        params=json.dumps(PARAMS),
        species=model.species_,
        atomic=model.atomic_,
        gamma=model.gamma_,
        lam=model.lam_,
        errors=model.errors_,
        amplitudes=posterior.amplitudes,
        remembered_numbers=posterior.frames.numbers,
        remembered_pos=posterior.frames.pos,
        **arrays,
    )


def test_a_file_of_format_3_is_read(methanol, tmp_path):
    settings = dict(n_points=50, basis="inducing", descriptor=BondAxis(n=4), metric="shared")
    model = BondPolarizability(**settings).fit(methanol)
    written_by_hand(model, tmp_path / "old.npz")
    again = BondPolarizability.load(tmp_path / "old.npz")
    for one, other in zip(again.predict(methanol, return_std=True), model.predict(methanol, return_std=True)):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(again.extrapolation(methanol)[2], model.extrapolation(methanol)[2])
    assert again.get_params() == model.get_params()


@pytest.mark.parametrize("name", [*ARRAYS, *(f"1208/{name}" for name in ARRAYS_OF_A_KIND if name != "known")])
def test_a_file_without_one_of_its_arrays_is_refused(methanol, tmp_path, name):
    model = BondPolarizability(n_points=50, lam=1e-6).fit(methanol[:10])
    np.savez(tmp_path / "broken.npz", **{k: v for k, v in model_arrays(model).items() if k != name})
    with pytest.raises(InputError, match="broken.npz: "):
        BondPolarizability.load(tmp_path / "broken.npz")


def test_the_name_of_a_descriptor_comes_back_as_a_name(methanol, tmp_path):
    BondPolarizability(n_points=50, gamma=0.5, lam=1e-6).fit(methanol).save(tmp_path / "m.npz")
    assert BondPolarizability.load(tmp_path / "m.npz").descriptor == "bond-axis"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["atomic", "gamma", "lam", "remembered_pos", "1208/mean", "1208/limit"])
def test_a_number_that_is_not_finite_anywhere_is_refused(methanol, tmp_path, name, bad):
    arrays = model_arrays(BondPolarizability(n_points=50, gamma=0.5, lam=1e-6).fit(methanol))
    wrong = np.array(arrays[name], float)
    wrong.flat[-1] = bad
    np.savez(tmp_path / "broken.npz", **arrays | {name: wrong})
    with pytest.raises(InputError, match="broken.npz: a broken model file .*not finite"):
        BondPolarizability.load(tmp_path / "broken.npz")


def test_errors_that_nobody_knows_stay_unknown_in_a_file(methanol, tmp_path):
    with pytest.warns(UserWarning, match="cannot be known from 1 frame"):
        model = BondPolarizability(n_points=50).fit(methanol[:1])
    model.save(tmp_path / "one.npz")
    again = BondPolarizability.load(tmp_path / "one.npz")
    assert np.isinf(again.errors_).all() and np.isinf(again.predict(methanol, return_std=True)[1]).all()
    for name in ("errors", "amplitudes"):
        np.savez(tmp_path / "broken.npz", **model_arrays(model) | {name: [np.nan, 1.0]})
        with pytest.raises(InputError, match=f"{name}: a number is not finite"):
            BondPolarizability.load(tmp_path / "broken.npz")


def test_a_setting_that_is_not_finite_is_refused(methanol, tmp_path):
    arrays = model_arrays(BondPolarizability(n_points=50, gamma=0.5, lam=1e-6).fit(methanol))
    for number in ("NaN", "Infinity"):
        params = arrays["params"].replace('"cutoff": 5.0', f'"cutoff": {number}')
        np.savez(tmp_path / "broken.npz", **arrays | dict(params=params))
        with pytest.raises(InputError, match=f"a setting is {number}"):
            BondPolarizability.load(tmp_path / "broken.npz")
