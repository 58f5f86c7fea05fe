"""Motions behind bands against normal modes that are known exactly, and bad input."""

from dataclasses import replace

import numpy as np
import pytest
from ase.build import molecule
from ase.io import read as ase_read
from ase.io import write as ase_write
from scipy.spatial.transform import Rotation
from vibrations import Springs

from bpm_nb.assignment.eckart import body_frame
from bpm_nb.assignment.motion import animation, band_filter, band_motion, overlap
from bpm_nb.core.files import InputError
from bpm_nb.core.units import C_CM_FS
from bpm_nb.data.records import Trajectory
from bpm_nb.spectra.blocks import density_estimator
from bpm_nb.spectra.density import midpoint_factor


@pytest.mark.parametrize("name", ["CH3CH2OH", "CH3SH", "CH3CN"])
@pytest.mark.parametrize("traceless", [False, True])
def test_the_motion_behind_every_separate_band_is_its_normal_mode(name, traceless):
    m = Springs(name, degenerate_light=traceless)
    own = m.separate()
    assert len(own) >= 2
    geometry = "anisotropic" if traceless else "natural"
    motions = band_motion(body_frame(m.run, m.rest), m.alpha, m.nu[own], geometry=geometry)
    found = [overlap(motion.displacement, m.modes[k], m.masses) for motion, k in zip(motions, own)]
    assert min(found) > 0.95
    assert all(motion.purity > 0.9 for motion in motions)


def test_a_filtered_product_is_the_cross_spectrum():
    x, y = np.random.default_rng(0).normal(size=(2, 3, 1501))
    how = density_estimator(1, 1501, 1.0, 60.0)
    v, w = how.blocks(x), how.blocks(y)
    k = np.arange(5, 40, 7)
    slow = [how.density(v, w)[0, i] for i in k]
    fast = np.array([(v * band_filter(how.wavenumber_cm1[i], how, w)).sum() for i in k])
    factor = slow[0] / fast[0]
    scale = midpoint_factor(how.wavenumber_cm1[k], 1.0)
    np.testing.assert_allclose(slow / scale, fast * factor / scale[0], rtol=1e-9, atol=1e-12)


def test_the_motion_knows_nothing_of_the_frame_of_the_laboratory():
    m = Springs(n_segments=2)
    turn, nu = Rotation.random(random_state=0).as_matrix(), float(m.nu[m.separate()[-1]])
    first = band_motion(body_frame(m.run, m.rest), m.alpha, nu, 20.0)
    second = band_motion(
        body_frame(replace(m.run, pos=m.run.pos @ turn + 5), m.rest), turn.T @ m.alpha @ turn, nu, 20.0
    )
    np.testing.assert_allclose(second.displacement, first.displacement, atol=1e-6)
    assert abs(first.purity - second.purity) < 1e-9


def linear_run(n_segments=3, n_frames=4000, dt=2.0):
    "Carbon dioxide that tumbles: run, polarizability, modes (4, 3, 3) and their wavenumbers: bends, stretches."
    rng, masses = np.random.default_rng(0), np.array([16.0, 12.0, 16.0])
    bend, symmetric, other = np.array([1, -8 / 3, 1]), np.array([1.0, 0, -1]), np.array([1, -8 / 3, 1])
    modes = np.zeros((4, 3, 3))
    for k, (axis, pattern) in enumerate(((0, bend), (1, bend), (2, symmetric), (2, other))):
        modes[k, :, axis] = pattern
    nu = np.array([660.0, 660.0, 1330.0, 2350.0])
    angle = 2 * np.pi * C_CM_FS * nu * dt * np.arange(n_frames)[:, None] + rng.uniform(0, 6, (n_segments, 1, 4))
    q = 0.02 * rng.rayleigh(size=(n_segments, 1, 4)) * np.cos(angle)
    turn = Rotation.from_rotvec(4e-4 * np.arange(n_frames)[:, None] * [1.0, -0.7, 0]).as_matrix()
    line = np.array([[0, 0, 1.16], [0, 0, 0], [0, 0, -1.16]])
    pos = (line + np.einsum("gtk,kai->gtai", q, modes)) @ turn.swapaxes(1, 2)
    light = np.zeros((4, 3, 3))
    light[0, 0, 2] = light[0, 2, 0] = light[1, 1, 2] = light[1, 2, 1] = 3.0
    light[2], light[3] = np.diag([4.0, 4, 9]), np.diag([1.0, 1, 2])
    alpha = turn @ (np.diag([13.0, 13, 27]) + np.einsum("gtk,kij->gtij", q, light)) @ turn.swapaxes(1, 2)
    return Trajectory(np.array([8, 6, 8]), pos, dt, temperature_K=300.0), alpha, modes, nu, masses


def test_the_motions_of_a_linear_molecule_are_its_modes():
    run, alpha, modes, nu, masses = linear_run()
    bends, symmetric, other = band_motion(body_frame(run), alpha, nu[1:])
    assert overlap(symmetric.displacement, modes[2], masses) > 0.999
    assert overlap(other.displacement, modes[3], masses) > 0.999
    shares = overlap(np.stack([bends.displacement] * 2), modes[:2], masses)
    assert (shares**2).sum() > 0.999


def test_a_silent_band_is_refused():
    m = Springs(n_segments=1)
    with pytest.raises(InputError, match="nothing that light sees"):
        band_motion(body_frame(m.run), 0 * m.alpha, 1000.0)


def test_a_motion_can_be_written_and_played(tmp_path):
    m = Springs(n_segments=2)
    motion = band_motion(body_frame(m.run), m.alpha, float(m.nu[m.separate()[-1]]))
    np.testing.assert_allclose(np.linalg.norm(motion.displacement, axis=1).max(), 1)
    ase_write(tmp_path / "motion.xyz", animation(molecule("CH3CH2OH").numbers, motion, 0.5, 16))
    frames = ase_read(tmp_path / "motion.xyz", ":")
    assert len(frames) == 16
    np.testing.assert_allclose(frames[4].positions - frames[0].positions, 0.5 * motion.displacement, atol=1e-7)
    np.testing.assert_allclose(sum(f.positions for f in frames) / 16, motion.reference, atol=1e-7)


def test_positions_of_other_frames_are_refused():
    m = Springs(n_segments=2)
    for alpha in (m.alpha[:1], m.alpha[:, 1:]):
        with pytest.raises(InputError, match="give the same frames"):
            band_motion(body_frame(m.run), alpha, 1000.0)
