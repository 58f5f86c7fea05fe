"""Motions behind bands against normal modes that are known exactly, and bad input."""

from dataclasses import replace

import numpy as np
import pytest
from ase.build import molecule
from ase.io import read as ase_read
from ase.io import write as ase_write
from scipy.spatial.transform import Rotation
from vibrations import Springs

from bpm_nb.assignment.eckart import body_frame, eckart_frame
from bpm_nb.assignment.motion import animation, band_filter, band_motion, overlap
from bpm_nb.core.files import InputError
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


def test_a_linear_molecule_and_a_silent_band_are_refused():
    pos = np.array([[0, 0, -1.16], [0, 0, 0], [0, 0, 1.16]]) + np.random.default_rng(0).normal(
        scale=1e-4, size=(2000, 3, 3)
    )
    with pytest.raises(InputError, match="linear"):
        eckart_frame(pos, np.array([16.0, 12, 16]))
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
