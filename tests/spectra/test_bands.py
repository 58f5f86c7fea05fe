"Bands: areas that add up, and no crowds of peaks in noise."

import numpy as np
import pytest
from oscillators import GOOD, MIXED, SYMMETRIC, TRACELESS, langevin, oscillator

from bpm_nb.core.files import InputError
from bpm_nb.spectra.bands import block_scatter, peaks
from bpm_nb.spectra.density import NON_NEGATIVE
from bpm_nb.spectra.raman import raman_spectrum


def test_the_areas_of_all_peaks_add_up_to_the_area_of_the_spectrum():
    s = raman_spectrum(
        langevin(500, 10, MIXED) + langevin(1500, 20, TRACELESS, seed=1) + langevin(3000, 10, SYMMETRIC, seed=2), 2.0
    )
    found = peaks(s, range_cm1=(0, 8000))
    keep = s.wavenumber_cm1 <= 8000
    assert [p.area for p in found] == sorted((p.area for p in found), reverse=True)
    np.testing.assert_allclose(
        sum(p.area for p in found), np.trapezoid(s.natural[keep], s.wavenumber_cm1[keep]), rtol=1e-12
    )


@pytest.mark.parametrize("width,crowd", [(5, 1.01), (15, 1.2), (60, 2.5)])
def test_noise_in_a_broad_band_is_not_a_crowd_of_peaks(width, crowd):
    found = [len(peaks(raman_spectrum(langevin(1200, width, MIXED, seed=k), 2.0))) for k in range(10)]
    assert min(found) >= 1 and np.mean(found) < crowd


@pytest.mark.parametrize("blocks", [1, 4])
def test_a_single_run_of_noise_is_not_a_crowd_of_peaks_either(blocks):
    found = [
        len(peaks(raman_spectrum(langevin(1200, 60, MIXED, n=20_000, segments=1, seed=k), 2.0, n_blocks=blocks)))
        for k in range(8)
    ]
    assert min(found) >= 1 and np.mean(found) < 3


@pytest.mark.parametrize("window", NON_NEGATIVE)
def test_the_scatter_of_blocks_is_the_expected_one(window):
    s = raman_spectrum(langevin(1200, 200, SYMMETRIC, segments=200), 2.0, 8.0, window, n_blocks=1)
    near = abs(s.wavenumber_cm1 - 1200) < 60
    seen = s.isotropic_blocks[:, near].std(0) / s.isotropic[near]
    np.testing.assert_allclose(np.sqrt((seen**2).mean()), block_scatter(s), rtol=0.07)


def test_close_lines_are_two_when_the_resolution_allows():
    alpha = oscillator(1000, SYMMETRIC, 80_000) + oscillator(1012, SYMMETRIC, 80_000)
    assert [
        round(p.wavenumber_cm1) for p in sorted(peaks(raman_spectrum(alpha, 1.0, 4.0)), key=lambda p: p.wavenumber_cm1)
    ] == [1000, 1012]
    assert len(peaks(raman_spectrum(alpha, 1.0, 20.0))) == 1


def test_a_spectrum_without_motion_has_no_peaks():
    s = raman_spectrum(np.tile(np.diag([40.0, 50, 60]), (8000, 1, 1)), 1.0)
    assert not s.natural.any() and peaks(s) == [] and np.isnan(s.depolarization_ratio).all()


def test_a_range_without_points_is_refused():
    s = raman_spectrum(GOOD, 1.0)
    with pytest.raises(InputError, match="wider"):
        peaks(s, range_cm1=(100, 101))
