"Networks of bonds: as covariant as the kernel, stored without anything that runs, the same again for the same seed."

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

pytest.importorskip("torch", reason="the networks extra is not installed")

from bpm_nb.core.files import InputError, read_npz, write_npz
from bpm_nb.data.datasets import load
from bpm_nb.data.records import Frames, joined
from bpm_nb.models.neural import BondNetwork


@pytest.fixture(scope="module")
def enol():
    return load("malonaldehyde-enol")


@pytest.fixture(scope="module")
def model(enol):
    return BondNetwork(width=24, n_networks=3, n_epochs=250).fit(enol.train[:50])


def test_it_learns(model, enol):
    assert model.score(enol.test) > 0.7 and model.losses_[-1] < 0.1 * model.losses_[0]
    assert model.losses_.shape == (250,)


def test_it_turns_with_the_molecule_and_knows_no_names(model, enol):
    some, turn = enol.test[:6], Rotation.random(rng=1).as_matrix()
    alpha, order = model.predict(some), np.random.default_rng(0).permutation(9)
    turned = Frames(some.numbers, some.pos @ turn.T + [3.0, -1.0, 2.0])
    np.testing.assert_allclose(model.predict(turned), turn @ alpha @ turn.T, atol=1e-8)
    np.testing.assert_allclose(model.predict(Frames(some.numbers, some.pos * [1, 1, -1])), alpha * MIRROR, atol=1e-8)
    renamed = Frames(some.numbers[:, order], some.pos[:, order])
    np.testing.assert_allclose(model.predict(renamed), alpha, atol=1e-8)


MIRROR = np.outer([1, 1, -1], [1, 1, -1])


def test_its_derivatives_are_those_of_differences_and_its_bonds_add_up(model, enol):
    one, slopes = enol.test[:1], model.derivative(enol.test[:1])
    for atom, axis in ((0, 0), (6, 2)):
        pos = np.repeat(one.pos, 2, 0)
        pos[:, atom, axis] += [1e-4, -1e-4]
        plus, minus = model.predict(Frames(np.repeat(one.numbers, 2, 0), pos))
        np.testing.assert_allclose(slopes[0, atom, axis], (plus - minus) / 2e-4, atol=1e-5)
    _, parts = model.bond_tensors(one)
    atoms = model.atomic_[np.searchsorted(model.species_, one.numbers[0])].sum()
    np.testing.assert_allclose(parts.sum(1) + atoms * np.eye(3), model.predict(one), atol=1e-8)


def test_networks_differ_more_where_nothing_was_learned(model, enol):
    some = enol.test[:20]
    _, std = model.predict(some, return_std=True)
    _, far = model.predict(Frames(some.numbers, 1.2 * some.pos), return_std=True)
    assert std.shape == (20, 3, 3) and (std >= 0).all() and far.mean() > 2 * std.mean()
    lone = BondNetwork(width=4, n_networks=1, n_epochs=1).fit(enol.train[:3])
    assert np.isinf(lone.predict(some, return_std=True)[1]).all()


def test_the_same_seed_gives_the_same_network(enol):
    made = BondNetwork(width=8, n_networks=2, n_epochs=3)
    first, again = (clone(made).fit(enol.train[:7]).predict(enol.test[:2]) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, clone(made).set_params(seed=1).fit(enol.train[:7]).predict(enol.test[:2]))


def test_it_is_stored_as_arrays(model, enol, tmp_path):
    model.save(tmp_path / "network.npz")
    again = BondNetwork.load(tmp_path / "network.npz")
    for mine, its in zip(model.predict(enol.test[:5], return_std=True), again.predict(enol.test[:5], return_std=True)):
        np.testing.assert_allclose(mine, its, rtol=1e-6)
    assert again.get_params() == model.get_params()
    arrays = read_npz(tmp_path / "network.npz")
    for wrong in (dict(format="other"), {"206/w2": np.ones((3, 2, 2))}, {"206/b1": np.full((3, 1, 24), np.nan)}):
        write_npz(tmp_path / "broken.npz", arrays | {k: np.asarray(x) for k, x in wrong.items()})
        with pytest.raises(InputError, match="network"):
            BondNetwork.load(tmp_path / "broken.npz")


def test_settings_that_make_no_sense_are_refused(enol):
    for wrong in (dict(width=0), dict(n_epochs=-1), dict(learning_rate=np.nan), dict(descriptor="soap")):
        with pytest.raises(InputError, match=next(iter(wrong))):
            BondNetwork(**wrong).fit(enol.train[:4])
    with pytest.raises(NotFittedError):
        BondNetwork().predict(enol.test[:1])


def test_frames_of_several_molecules_are_learned_together(enol):
    both = joined([enol.train[:4], load("nitrogen").train[:3]])
    model = BondNetwork(width=8, n_networks=1, n_epochs=2).fit(both)
    predicted = model.predict(both)
    np.testing.assert_allclose(predicted[:4], model.predict(both[:4]), atol=1e-9)
    assert np.ptp(predicted[4:, 2, 2]) > 0 and np.abs(predicted[4:, 0, 1]).max() < 1e-9
