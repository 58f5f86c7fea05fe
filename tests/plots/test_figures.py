"Figures of lessons: what their axes write, and where points are drawn."

import numpy as np
import pytest

from bpm_nb.plots import curves


@pytest.mark.parametrize(
    ("ends", "expected"), [((25, 400), [50, 100, 200]), ((0.06, 0.9), [0.1, 0.2, 0.5]), ((1, 32), [1, 2, 5, 10, 20])]
)
def test_a_short_log_axis_writes_one_two_and_five_of_each_decade(ends, expected):
    y = np.geomspace(*ends, 7)
    axis = curves(y, {"a": y}, log="y").layout.yaxis
    assert axis.type == "log"
    np.testing.assert_allclose(axis.tickvals, expected)


@pytest.mark.parametrize("ends", [(1e-6, 10), (3.1, 4.2), (7.0, 7.0)])
def test_a_log_axis_without_room_for_them_leaves_its_labels_to_the_figure(ends):
    axis = curves(np.arange(3), {"a": np.geomspace(*ends, 3), "b": [np.nan, 0, -1]}, log="y").layout.yaxis
    assert axis.type == "log" and axis.tickvals is None and axis.nticks >= 3


def test_a_straight_guide_has_no_points_and_few_values_have():
    assert curves([0, 1], {"guide": [1, 1]}).data[0].mode == "lines"
    assert curves([0, 1, 2], {"values": [1, 1, 2]}).data[0].mode == "lines+markers"
