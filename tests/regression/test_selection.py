"Settings that are chosen from frames."

import numpy as np

from bpm_nb.models.polarizability import BondPolarizability


def test_the_evidence_chooses_settings_without_help(methanol):
    model = BondPolarizability(metric="shared").fit(methanol)
    assert model.gamma_ > 0 and all(1e-13 < lam < 1 for lam in model.lam_)
    again = BondPolarizability(gamma=model.gamma_, lam=model.lam_).fit(methanol)
    np.testing.assert_allclose(again.predict(methanol), model.predict(methanol), rtol=1e-6, atol=1e-6)


def test_a_metric_is_given_to_another_fit(methanol):
    model = BondPolarizability().fit(methanol)
    assert model.gamma_ == 1 and all(1e-13 < lam < 1 for lam in model.lam_)
    again = BondPolarizability(metric=model.metric_, lam=model.lam_).fit(methanol)
    np.testing.assert_allclose(again.predict(methanol), model.predict(methanol), rtol=1e-6, atol=1e-6)
