"Figures of bands show the numbers they are given."

import numpy as np
import pytest
from synthetic import three_lines, two_bonds

from bpm_nb import plots
from bpm_nb.assignment.lines import match_bands
from bpm_nb.assignment.mixtures import marker_bands
from bpm_nb.assignment.shares import bond_shares
from bpm_nb.core.files import InputError
from bpm_nb.spectra.bands import peaks
from bpm_nb.spectra.raman import raman_spectrum


@pytest.fixture(scope="module")
def s():
    return raman_spectrum(three_lines(), 2.0)


@pytest.fixture(scope="module")
def two():
    return two_bonds()


def test_shares_show_every_bond_on_one_scale(two):
    found, names = bond_shares(two, 2.0), ["first", "second"]
    fig = plots.shares(found, names, range_cm1=(300, 3300))
    heat = next(trace for trace in fig.data if trace.type == "heatmap")
    assert sorted(heat.y) == sorted(names) and abs(heat.zmin) == heat.zmax >= abs(heat.z).max() - 1e-12
    np.testing.assert_allclose(heat.customdata.sum(0), fig.data[0].y, atol=1e-12)


def test_lines_show_what_was_found_and_what_was_not(s):
    match = match_bands(peaks(s), [495, 1000, 1490, 2985], 40, 1.0)
    fig = plots.lines(s, match, [1, 2, 3, 4], "a title")
    drawn = {t.name: t for t in fig.data if t.name}
    assert set(drawn["line with a band"].x) - {None} == {495, 1490, 2985} and set(drawn["line without a band"].x) - {
        None
    } == {1000}
    assert not len(drawn["band without a line"].x) and not any(
        "common factor" in a.text for a in fig.layout.annotations
    )
    fitted = plots.lines(s, match_bands(peaks(s), [480, 1450, 2900]))
    assert any("common factor 1.03" in a.text for a in fitted.layout.annotations)


def test_a_comparison_shades_the_markers(s, two):
    other = raman_spectrum(two.sum(2), 2.0)
    markers = marker_bands(s, other, significance=1.0)
    fig = plots.comparison(s, other, ("one", "two"), markers, range_cm1=(0, 3300))
    assert len([shape for shape in fig.layout.shapes if shape.type == "rect"]) == 2 * len(markers) > 0
    assert {t.name for t in fig.data if t.name} == {"one", "two"} and "one − two" in fig.layout.yaxis2.title.text


def test_other_figures_refuse_an_empty_range_too(s, two):
    for draw in (
        lambda r: plots.lines(s, match_bands([], []), range_cm1=r),
        lambda r: plots.comparison(s, s, range_cm1=r),
        lambda r: plots.stacked({"x": s}, range_cm1=r),
        lambda r: plots.shares(bond_shares(two, 2.0), "ab", range_cm1=r),
    ):
        with pytest.raises(InputError, match="another range"):
            draw((1000.1, 1000.2))
