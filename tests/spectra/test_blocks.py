"What is refused, in one sentence each, and how a run is cut."

import warnings

import numpy as np
import pytest
from oscillators import GOOD, MIXED, area, oscillator, quiet, walk

from bpm_nb.core.files import InputError
from bpm_nb.spectra.blocks import shortest_block_ps
from bpm_nb.spectra.density import WINDOWS
from bpm_nb.spectra.raman import raman_spectrum


@pytest.mark.parametrize("blocks", [1, 2, 5, 7])
def test_the_line_does_not_depend_on_the_length_of_the_blocks(blocks):
    alpha = oscillator(1500, MIXED, 100_003)
    one, cut = raman_spectrum(alpha, 1.0, n_blocks=1), raman_spectrum(alpha, 1.0, n_blocks=blocks)
    assert cut.isotropic_blocks.shape[0] == blocks
    np.testing.assert_allclose(cut.isotropic.max(), one.isotropic.max(), rtol=0.06)
    np.testing.assert_allclose(area(cut, cut.natural), area(one, one.natural), rtol=1e-3)


def test_blocks_of_a_run_are_the_spectra_of_its_pieces():
    alpha = walk((3001,))
    cut = quiet(alpha, 1.0, 40.0, n_blocks=3)
    pieces = quiet(np.array([alpha[k * 1000 : (k + 1) * 1000 + 1] for k in range(3)]), 1.0, 40.0, n_blocks=1)
    np.testing.assert_allclose(cut.isotropic_blocks, pieces.isotropic_blocks)
    np.testing.assert_allclose(cut.anisotropic_blocks, pieces.anisotropic_blocks)


def spoiled(index, value):
    alpha = np.array([GOOD, GOOD])
    alpha[index] = value
    return alpha


@pytest.mark.parametrize(
    "alpha,message",
    [
        (spoiled((1, 17, 0, 0), np.nan), "segment 1, frame 17.*not finite"),
        (spoiled((0, 3), np.inf), "segment 0, frame 3.*not finite"),
        (spoiled((1, 5, 0, 1), 3.0), "segment 1, frame 5.*not symmetric"),
        (spoiled((slice(None), slice(None), 0, 1), 3.0)[0], "frame 0 .*not symmetric"),
        (GOOD[:, :2], "shape"),
        (GOOD.reshape(-1, 9), "shape"),
        (GOOD[:0], "shape"),
        (np.zeros((2, 0, 3, 3)), "shape"),
        (5.0, "shape"),
        ([GOOD, GOOD[:-1]], "real numbers"),
        (GOOD * 1j, "real numbers|not finite|shape"),
        ("text", "real numbers"),
        (None, "shape|real numbers"),
    ],
)
def test_bad_polarizabilities_are_refused_with_their_place(alpha, message):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match=message):
            raman_spectrum(alpha, 1.0)


@pytest.mark.parametrize(
    "options,message",
    [
        (dict(dt_fs=0), "dt_fs"),
        (dict(dt_fs=-1), "dt_fs"),
        (dict(dt_fs=float("nan")), "dt_fs"),
        (dict(dt_fs=float("inf")), "dt_fs"),
        (dict(dt_fs="1"), "dt_fs"),
        (dict(dt_fs=None), "dt_fs"),
        (dict(resolution_cm1=0), "resolution_cm1"),
        (dict(resolution_cm1=[5]), "resolution_cm1"),
        (dict(points=0), "points"),
        (dict(window="boxcar"), "gaussian"),
        (dict(derivative="backward"), "midpoint"),
        (dict(n_blocks=0), "n_blocks"),
        (dict(n_blocks=1.5), "n_blocks"),
    ],
)
def test_bad_options_are_refused_by_name(options, message):
    with pytest.raises(InputError, match=message):
        raman_spectrum(GOOD, **dict(dt_fs=1.0) | options)


@pytest.mark.parametrize("n", [1, 2, 100, 6000])
def test_a_short_run_is_told_the_length_needed_and_the_resolution_possible(n):
    with pytest.raises(InputError, match="6.67 ps a block") as caught:
        raman_spectrum(GOOD[:n], 1.0)
    if n > 2:
        possible = float(str(caught.value).split("the resolution to ")[1].split()[0])
        quiet(GOOD[:n], 1.0, possible)
        with pytest.raises(InputError):
            quiet(GOOD[:n], 1.0, possible - 0.11)


def test_the_shortest_run_works_for_every_window():
    n = int(np.ceil(shortest_block_ps(5.0) * 1000)) + 2
    for window in WINDOWS:
        assert np.isfinite(raman_spectrum(GOOD[:n], 1.0, window=window).natural).all()
