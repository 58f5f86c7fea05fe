"What is refused before a fit and before a prediction."

import numpy as np
import pytest
from ase import Atoms
from sklearn.exceptions import NotFittedError

from bpm_nb.core.files import InputError
from bpm_nb.models.checks import training_frames
from bpm_nb.models.polarizability import BondPolarizability


def test_an_unfitted_model_says_so(water):
    with pytest.raises(NotFittedError):
        BondPolarizability().predict(water)


@pytest.mark.parametrize(
    "settings",
    [
        dict(basis="x"),
        dict(gamma=0),
        dict(gamma=float("nan")),
        dict(cutoff=-1),
        dict(lam=0),
        dict(descriptor="x"),
        dict(bonds="x"),
        dict(bonds=[[0, 9]]),
        dict(n_points=0),
        dict(memory_mb=0),
    ],
)
def test_senseless_settings_are_refused(water, settings):
    with pytest.raises(InputError):
        BondPolarizability(**settings).fit(water)


@pytest.mark.parametrize("wrong", ["frames.xyz", np.zeros((4, 3)), 7, [1, 2], None])
def test_what_holds_no_frames_is_refused(water, wrong):
    model = BondPolarizability(n_points=50, gamma=0.5, lam=1e-6).fit(water)
    for method in (BondPolarizability().fit, model.predict, model.derivative, model.score, model.bond_tensors):
        with pytest.raises(InputError, match="holds no frames"):
            method(wrong)


def test_streams_stay_streams(water):
    class Stream:
        def __iter__(self):
            yield water

    stream, sets = Stream(), [water[:3], water[3:]]
    assert training_frames(stream) is stream and training_frames(sets) is sets and training_frames(water) is water
    assert len(training_frames([Atoms("H2O", x) for x in water.pos[:4]])) == 4
