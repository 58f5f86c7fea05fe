"Errors of tensors against numbers worked out by hand."

import numpy as np
import pytest

from bpm_nb.core.tensors import errors


def test_errors_against_numbers_worked_out_by_hand():
    reference = np.array([np.eye(3), 3 * np.eye(3)])
    predicted = reference + 0.5 * np.eye(3)
    predicted[:, 0, 1] = predicted[:, 1, 0] = 0.3
    found = errors(reference, predicted)
    assert found["iso_rmse_au"] == pytest.approx(0.5) and found["iso_relative"] == pytest.approx(0.5)
    assert found["beta_rmse_au"] == pytest.approx(np.sqrt(2 * 0.09 / 9))
    assert found["alpha_rmse_au"] == pytest.approx(np.sqrt((2 * 0.09 + 3 * 0.25) / 9)) and found["n_frames"] == 2
