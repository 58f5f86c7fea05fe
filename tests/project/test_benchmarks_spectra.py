"""The benchmark of spectra runs, and what it measures is right."""

import runpy
from pathlib import Path

import numpy as np

MODULE = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "spectra.py"))


def test_shares_of_the_benchmark_add_up_to_its_spectrum():
    from bpm_nb.assignment.shares import bond_shares
    from bpm_nb.spectra.raman import raman_spectrum

    parts = [MODULE["tensors"](g, 8000, 5) for g in range(2)]
    shares, whole = bond_shares(parts.__getitem__, 1.0, 2), raman_spectrum(np.array([p.sum(1) for p in parts]), 1.0)
    np.testing.assert_allclose(shares.curves().sum(0), whole.natural, atol=1e-9 * whole.natural.max())


def test_a_row_has_a_time_and_a_memory():
    seconds, memory = MODULE["measured"](lambda n: np.ones(n).sum(), 1_000_000)
    assert seconds > 0 and 7.9 < memory < 9
