"""The published model at its published settings, by code of its own, and the library's on the same frames."""

import numpy as np
import pytest
from published import BONDS, needs_published_frames, published

from bpm_nb.bonds.descriptors import Soap
from bpm_nb.bonds.pairs import bonds as bonds_of
from bpm_nb.core.tensors import components, errors
from bpm_nb.data.datasets import load
from bpm_nb.models.polarizability import BondDipole, BondPolarizability

GAMMA, LAMBDA, EPSILON = 1e-5, 1e-8, 1e-8


def soap(frames):
    "SOAP at the midpoints of the published bonds (S, 9, F)."
    pytest.importorskip("dscribe", reason="the soap extra is not installed")
    found = bonds_of(frames.numbers[0], frames.pos, BONDS)
    raw = Soap().descriptors(frames.numbers[0], frames.pos, found, [1, 6, 8])
    return raw.reshape(len(frames), 9, -1), found.direction.reshape(len(frames), 9, 3)


def assert_calibrated(error, std):
    "Shares of the errors inside one and two standard deviations; of a normal distribution 0.68 and 0.95."
    ratio = np.abs(error / std)
    if error.ndim == 3:
        ratio = ratio[:, *np.triu_indices(3)]
    assert 0.60 <= (ratio < 1).mean() <= 0.76 and 0.92 <= (ratio < 2).mean() <= 0.98, (
        (ratio < 1).mean(),
        (ratio < 2).mean(),
    )


def bond_kernel(x, z):
    "Kernel between a bond and a training frame, summed over that frame's bonds (S, 9, T)."
    a, b = x.reshape(-1, x.shape[-1]), z.reshape(-1, z.shape[-1])
    d = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return np.exp(-GAMMA * np.maximum(d, 0)).reshape(len(x), 9, len(z), 9).sum(3)


@pytest.fixture(scope="module")
def first_300():
    train, test = published()[:300], published("_test")
    (q, u), (qt, ut) = soap(train), soap(test)
    tensors = [np.einsum("sbi,sbj->sbij", v, v) - np.eye(3) / 3 for v in (u, ut)]
    return train, test, bond_kernel(q, q), bond_kernel(qt, q), *tensors


@needs_published_frames
def test_the_published_isotropic_error_is_reproduced(first_300):
    train, test, k, kt, *_ = first_300
    iso, expected = components(train.alpha)[0], components(test.alpha)[0]
    w = np.linalg.solve(k.sum(1) + LAMBDA * np.eye(300), iso)
    assert np.sqrt(np.mean((kt.sum(1) @ w - expected) ** 2)) == pytest.approx(0.0308, rel=0.05)


@needs_published_frames
@pytest.mark.parametrize("as_coded, expected", [(False, 0.30), (True, 0.51)])
def test_the_published_anisotropic_error_is_reproduced(first_300, as_coded, expected):
    "With the transpose in the normal equations, and as the public code has it, without."
    train, test, k, kt, tensors, tensors_t = first_300

    def split(f):
        return f.alpha - components(f.alpha)[0][:, None, None] * np.eye(3)

    design, design_t = np.einsum("sbij,sbt->ijst", tensors, k), np.einsum("sbij,sbt->ijst", tensors_t, kt)
    left = design if as_coded else design.transpose(0, 1, 3, 2)
    normal = sum(left[i, j] @ design[i, j] for i in range(3) for j in range(3))
    right = sum(left[i, j] @ split(train)[:, i, j] for i in range(3) for j in range(3))
    v = np.linalg.pinv(normal + EPSILON * np.eye(300)) @ right
    assert np.sqrt(np.mean((np.einsum("ijst,t->sij", design_t, v) - split(test)) ** 2)) == pytest.approx(
        expected, rel=0.2
    )


@needs_published_frames
@pytest.mark.parametrize("n_frames, iso, beta", [(300, 0.020, 0.018), (2000, 0.004, 0.006)])
def test_the_stated_accuracy_and_calibration_on_random_frames(n_frames, iso, beta):
    "With no setting given: everything is chosen on the training frames."
    train = published()[np.random.default_rng(0).permutation(2000)[:n_frames]]
    test = published("_test")
    alpha, std = BondPolarizability().fit(train).predict(test, return_std=True)
    found = errors(test.alpha, alpha)
    assert found["iso_rmse_au"] <= iso and found["beta_rmse_au"] <= beta, found
    assert_calibrated(alpha - test.alpha, std)


@pytest.mark.parametrize("name", ["malonaldehyde-enol", "malonaldehyde-keto"])
@pytest.mark.parametrize("model, quantity", [(BondPolarizability, "alpha"), (BondDipole, "dipole")])
def test_the_calibration_on_other_temperatures(name, model, quantity):
    data = load(name)
    found, std = model().fit(data.train).predict(data.test, return_std=True)
    assert_calibrated(found - getattr(data.test, quantity), std)
