"Descriptors are smooth where an atom passes a bond."

import numpy as np
from molecules import rattled

from bpm_nb.data.records import Frames
from bpm_nb.models.polarizability import BondPolarizability


def test_an_atom_that_passes_the_middle_of_a_pair_is_no_jolt():
    "Carbon of carbon dioxide, bent through the straight line between the oxygens."
    co2 = rattled([6, 8, 8], np.array([[0, 0, 0], [0, 0, 1.16], [0, 0, -1.16]]), 40, 0)
    model = BondPolarizability(n_points=200).fit(co2)
    aside = np.linspace(-0.03, 0.03, 121)
    alpha = model.predict(
        Frames(np.tile([6, 8, 8], (121, 1)), [[[x, 0, 0], [0, 0, 1.16], [0, 0, -1.16]] for x in aside])
    )
    bend = np.diff(alpha.reshape(121, 9), 2, axis=0)
    assert np.abs(np.diff(bend, axis=0)).max() < 0.05 * np.abs(bend).max()
