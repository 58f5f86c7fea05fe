"What a series becomes: tensors, windows, transforms."

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from oscillators import walk

from bpm_nb.core.tensors import anisotropic_components
from bpm_nb.spectra.density import NON_NEGATIVE, WINDOWS


def test_anisotropy_is_the_textbook_expression():
    a = walk((1,))[0]
    textbook = 0.5 * ((a[0, 0] - a[1, 1]) ** 2 + (a[1, 1] - a[2, 2]) ** 2 + (a[2, 2] - a[0, 0]) ** 2) + 3 * (
        a[0, 1] ** 2 + a[1, 2] ** 2 + a[0, 2] ** 2
    )
    np.testing.assert_allclose((anisotropic_components(a) ** 2).sum(), textbook)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(NON_NEGATIVE))
def test_the_transform_of_a_window_hides_no_negative_value_behind_the_clip(seed, window):
    from bpm_nb.spectra.density import correlation, cosine_transform, window_fs

    x = np.random.default_rng(seed).normal(size=(1, 500))
    width = window_fs(window, 150.0, 500, 1.0)
    s = cosine_transform(correlation(x) * WINDOWS[window](np.arange(500) / width), 1.0, 4096)
    assert s.min() > -1e-12 * s.max()
