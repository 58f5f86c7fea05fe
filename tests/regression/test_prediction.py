"Predictions, their parts and their derivatives."

import numpy as np
import pytest

from bpm_nb.data.records import Frames
from bpm_nb.models.polarizability import BondPolarizability


@pytest.mark.parametrize("descriptor", ["bond-axis", "soap"])
def test_derivatives_against_central_differences(methanol, descriptor):
    if descriptor == "soap":
        pytest.importorskip("dscribe", reason="the soap extra is not installed")
    model = BondPolarizability(descriptor=descriptor, cutoff=2.4, n_points=80, gamma=0.5, lam=1e-6).fit(methanol)
    frame, h = methanol[:1], 1e-4
    derivative = model.derivative(frame)[0]
    for atom, xyz in ((0, 0), (1, 2), (5, 1)):
        moved = np.repeat(frame.pos, 4, 0)
        moved[:, atom, xyz] += h * np.array([-2, -1, 1, 2])
        a = model.predict(Frames(np.repeat(frame.numbers, 4, 0), moved))
        expected = (a[0] - 8 * a[1] + 8 * a[2] - a[3]) / (12 * h)
        np.testing.assert_allclose(derivative[atom, xyz], expected, rtol=1e-5, atol=1e-5 * np.abs(derivative).max())
    np.testing.assert_allclose(derivative.sum(0), 0, atol=1e-6 * np.abs(derivative).max())
