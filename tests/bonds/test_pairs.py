"The polarizability is smooth, also where a pair of atoms crosses the cutoff: a spectrum is a derivative of it."

import numpy as np
import pytest

from bpm_nb.data.datasets import load, shipped
from bpm_nb.data.records import Frames
from bpm_nb.models.polarizability import BondPolarizability


def frames_of(run, pos):
    return Frames(np.tile(run.numbers, (len(pos), 1)), pos)


def steps_near(run, cutoff, n=3):
    "Run and frame (n, 2) of the steps where the distance of two atoms comes nearest to the cutoff, and how near, Å."
    a, b = np.triu_indices(len(run.numbers), 1)
    r = np.linalg.norm(run.pos[:, :-1, a] - run.pos[:, :-1, b], axis=-1)
    near = np.abs(r - cutoff).min(2)
    near[:, [0, -1]] = np.inf  # at the ends nobody knows the velocity
    found = np.stack(np.unravel_index(np.argsort(near, axis=None)[:n], near.shape), 1)
    return found, near[tuple(found.T)]


def path_between(run, g, s, n=21):
    "Positions (n, N, 3) from one stored frame to the next, cubic in time, with central differences at the ends."
    t, (p, q) = np.linspace(0, 1, n)[:, None, None], run.pos[g, s : s + 2]
    v, w = (run.pos[g, s + 1 : s + 3] - run.pos[g, s - 1 : s + 1]) / 2
    return (2 * t**3 - 3 * t**2 + 1) * p + (t**3 - 2 * t**2 + t) * v + (3 * t**2 - 2 * t**3) * q + (t**3 - t**2) * w


@pytest.mark.parametrize("cutoff", [3.0, 5.0])
@pytest.mark.parametrize("name", shipped())
def test_every_change_along_a_run_is_that_of_the_derivative(name, cutoff):
    "At 3 Å a pair leaves in each of the steps. At 5 Å the steps come nearest to where one would."
    run = load(name).trajectory
    model = BondPolarizability(cutoff=cutoff, n_points=400, gamma=0.5, lam=1e-7).fit(load(name).train[:100])
    steps, near = steps_near(run, cutoff)
    assert cutoff > 3 or near.max() < 1e-3
    for g, s in steps:
        path = path_between(run, g, s)
        alpha, slope = (f(frames_of(run, path)) for f in (model.predict, model.derivative))
        expected = np.einsum("snx,snxij->sij", np.diff(path, axis=0), (slope[1:] + slope[:-1]) / 2)
        np.testing.assert_allclose(np.diff(alpha, axis=0), expected, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("name", shipped())
def test_nothing_moves_faster_than_the_atoms(name, monkeypatch):
    "Above 7000 cm⁻¹ only overtones of the fastest stretch are left; pairs cut off at once give a white spectrum there."
    run = load(name).trajectory
    model = BondPolarizability(cutoff=3.0, n_points=400, gamma=0.5, lam=1e-7).fit(load(name).train[:100])

    def tail():
        alpha = model.predict(frames_of(run, run.pos[0, :2000])).reshape(2000, 9)
        power = (np.abs(np.fft.rfft((alpha - alpha.mean(0)) * np.blackman(2000)[:, None], axis=0)) ** 2).sum(1)
        return power[np.fft.rfftfreq(2000, run.dt_fs * 1e-15) / 2.99792458e10 > 7000].mean() / power.max()

    smooth = tail()
    monkeypatch.setattr(
        "bpm_nb.bonds.pairs.smooth_cutoff", lambda r, on, off: np.where(r.real < (on + off) / 2, 1.0, 0.0)
    )
    sharp = tail()
    assert smooth < 2e-5 and smooth < 0.1 * sharp, (smooth, sharp)


def test_a_pair_that_leaves_the_cutoff_changes_nothing_suddenly(water):
    model = BondPolarizability(cutoff=2.5, n_points=100).fit(water)
    far = np.linspace(2.3, 2.6, 601)
    frames = Frames(
        np.tile([8, 1, 1], (601, 1)), [[[0, 0, 0], [0, 0, 0.96], [0, r * np.sin(1.8), r * np.cos(1.8)]] for r in far]
    )
    alpha = model.predict(frames).reshape(601, 9)
    slope = np.diff(alpha, axis=0) / np.diff(far)[:, None]
    assert np.abs(np.diff(alpha, axis=0)).max() < 0.02 * np.ptp(alpha, axis=0).max()
    assert np.abs(np.diff(slope, axis=0)).max() < 0.05 * np.abs(slope).max()
