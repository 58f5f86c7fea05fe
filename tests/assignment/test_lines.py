"""Bands matched with lines through a common factor and noise."""

import numpy as np
import pytest

from bpm_nb.assignment.lines import match_bands, robust_scale
from bpm_nb.core.files import InputError

LINES = np.array([410.0, 660, 998, 1290, 1495, 1604, 2950, 3070])


@pytest.mark.parametrize("scale", [0.92, 0.96, 1.0, 1.05])
@pytest.mark.parametrize("seed", range(4))
def test_lines_are_found_through_a_common_factor_and_noise(scale, seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(8)
    match = match_bands((scale * LINES + rng.normal(0, 3, 8))[order], LINES)
    assert sorted(map(tuple, match.pairs)) == sorted((int(k), int(line)) for k, line in enumerate(order))
    assert abs(match.scale - scale) < 5 * match.scale_error + 1e-3 and match.scale_error < 0.01
    np.testing.assert_allclose(match.residual, match.bands[match.pairs[:, 0]] - match.scale * LINES[match.pairs[:, 1]])
    np.testing.assert_allclose(match.shift, match.bands[match.pairs[:, 0]] - LINES[match.pairs[:, 1]])


def test_one_wrong_band_does_not_move_the_factor():
    bands = 0.97 * LINES
    bands[3] += 25
    match = match_bands(bands, LINES)
    np.testing.assert_allclose(match.scale, 0.97, rtol=1e-12)
    assert abs(match.residual[3] - 25) < 1e-9


def test_a_band_takes_one_line_only_and_the_rest_is_named():
    match = match_bands([1000.0, 1500.0], [995.0, 1004.0, 1502.0, 2000.0], scale=1.0)
    assert (
        match.pairs.tolist() == [[0, 1], [1, 2]]
        and match.unmatched_lines.tolist() == [0, 3]
        and len(match.unmatched_bands) == 0
    )
    assert match.scale == 1 and np.isnan(match.scale_error)
    crossing = match_bands([1000.0, 1010.0], [1009.0, 1030.0], scale=1.0)
    assert len(crossing.pairs) == 2
    assert match_bands([1000.0], [1031.0], 30.0, scale=1.0).pairs.shape == (0, 2)
    few = match_bands(
        [1000.0], [998.0, 1090.0]
    )  # no factor is fitted to a band or two: one of them would always fit better
    assert few.scale == 1 and few.pairs.tolist() == [[0, 0]]


@pytest.mark.parametrize("bands,lines", [([], [1000.0]), ([1000.0], []), ([], [])])
def test_nothing_to_match_is_no_error(bands, lines):
    match = match_bands(bands, lines)
    assert (
        len(match.pairs) == 0
        and len(match.unmatched_bands) == len(bands)
        and len(match.unmatched_lines) == len(lines)
        and len(match.shift) == 0
    )
    with pytest.raises(InputError, match="finite"):
        match_bands([np.nan], [1.0])


def test_the_factor_has_the_error_of_repeated_fits():
    rng = np.random.default_rng(0)
    found = [robust_scale(0.95 * np.tile(LINES, 3) + rng.normal(0, 5, 24), np.tile(LINES, 3)) for _ in range(400)]
    scatter, stated = np.std([s for s, _ in found]), np.mean([e for _, e in found])
    assert 0.7 < stated / scatter < 1.4
