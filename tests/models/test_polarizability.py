"Polarizabilities and dipoles: covariance, smoothness, accuracy, docstrings."

import doctest
import inspect
from dataclasses import replace

import numpy as np
import pytest
from molecules import METHANOL, rattled
from scipy.spatial.transform import Rotation

from bpm_nb.core.files import InputError
from bpm_nb.core.tensors import errors
from bpm_nb.data.datasets import load
from bpm_nb.data.records import Frames, joined
from bpm_nb.models import polarizability
from bpm_nb.models.polarizability import BondDipole, BondPolarizability

BASES = ["inducing", "bonds", "structures"]


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("choice", ["pairs", "covalent"])
def test_rotation_translation_permutation(methanol, basis, choice):
    model = BondPolarizability(basis=basis, bonds=choice, n_points=60).fit(methanol[:12])
    some, rng = methanol[12:], np.random.default_rng(2)
    expected = model.predict(some)
    for turn in (Rotation.random(rng=rng).as_matrix(), -np.eye(3), np.diag([1, 1, -1.0])):
        order = rng.permutation(6)
        moved = Frames(some.numbers[:, order], (some.pos @ turn.T + rng.normal(size=3))[:, order])
        np.testing.assert_allclose(
            model.predict(moved), turn @ expected @ turn.T, rtol=1e-8, atol=1e-8 * np.abs(expected).max()
        )


def test_training_frames_may_be_turned_and_renumbered(methanol):
    turn, order = Rotation.random(rng=5).as_matrix(), [5, 0, 3, 2, 4, 1]
    turned = Frames(methanol.numbers[:, order], (methanol.pos @ turn.T)[:, order], turn @ methanol.alpha @ turn.T)
    a, b = (BondPolarizability(basis="bonds", lam=1e-6).fit(f[:12]).predict(methanol[12:]) for f in (methanol, turned))
    np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-7 * np.abs(a).max())


@pytest.mark.parametrize("basis", BASES)
def test_it_learns(methanol, basis):
    train, test = (
        joined([methanol, rattled([6, 8, 1, 1, 1, 1], METHANOL, 100, 3)]),
        rattled([6, 8, 1, 1, 1, 1], METHANOL, 30, 4),
    )
    found = errors(test.alpha, BondPolarizability(basis=basis, n_points=600).fit(train).predict(test))
    assert found["iso_relative"] < 0.3 and found["beta_relative"] < 0.1, found


def test_molecules_of_different_size_in_one_set(water, methanol):
    both = joined([water, methanol])[np.random.default_rng(0).permutation(44)]
    model = BondPolarizability(n_points=500).fit(both)
    np.testing.assert_allclose(
        model.predict(both), np.concatenate([model.predict(both[[s]]) for s in range(44)]), rtol=1e-9, atol=1e-9
    )
    assert model.score(both) > 0.99


@pytest.mark.parametrize("model_class", [BondPolarizability, BondDipole])
def test_the_examples_of_the_docstrings_are_true(model_class):
    examples = doctest.DocTestFinder(recurse=False).find(model_class, globs=vars(polarizability).copy())
    assert [len(test.examples) > 2 for test in examples] == [True]
    assert doctest.DocTestRunner().run(examples[0]).failed == 0


@pytest.mark.parametrize("model_class, unit", [(BondPolarizability, "bohr³"), (BondDipole, "e·bohr")])
def test_every_setting_and_attribute_is_documented(methanol, model_class, unit):
    text = inspect.getdoc(model_class)
    model = model_class(n_points=50, gamma=0.5, lam=1e-6)
    model.fit(replace(methanol, dipole=methanol.pos[:, 0] - methanol.pos[:, 1]))
    for name in [*model.get_params(), *(name for name in vars(model) if name.endswith("_"))]:
        assert f"\n{name} : " in text, name
    assert f"Leave-one-frame-out errors, {unit}" in text and max(map(len, text.splitlines())) <= 120


def test_a_model_shows_frames_with_their_ellipsoids_and_says_what_it_needs(monkeypatch):
    "With a chemiscope that notes what it is given: half axes are principal values, the longest 1.5 Å."
    import sys
    from types import SimpleNamespace

    data, given = load("malonaldehyde-enol"), {}
    model = BondPolarizability(n_points=50, gamma=0.5, lam=1e-6).fit(data.train[:40])
    monkeypatch.setitem(sys.modules, "chemiscope", None)
    with pytest.raises(InputError, match="chemiscope is not installed: pip install"):
        model.show(data.test[:3])
    fake = SimpleNamespace(
        ellipsoid_from_tensor=lambda a, scale, force_positive: dict(semiaxes=np.linalg.eigvalsh(a * scale**2)),
        show=lambda frames, **more: given.update(frames=frames, **more),
    )
    monkeypatch.setitem(sys.modules, "chemiscope", fake)
    model.show(data.test[:3])
    shapes = given["shapes"]["polarizability"]["parameters"]["structure"]
    alpha = model.predict(data.test[:3])
    assert len(given["frames"]) == len(shapes) == 3
    np.testing.assert_allclose(max(shapes[0]["semiaxes"]), 1.5)
    for a, shape, atoms in zip(alpha, shapes, given["frames"]):
        axes = np.linalg.eigvalsh(a)
        np.testing.assert_allclose(shape["semiaxes"] / shape["semiaxes"][0], axes / axes[0])
        np.testing.assert_allclose(shape["position"], atoms.positions.mean(0))
