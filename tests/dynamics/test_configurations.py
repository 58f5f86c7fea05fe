"""Sampled configurations: independent runs."""

import pytest

from bpm_nb.dynamics import configurations


def test_runs_of_different_seeds_have_nothing_in_common(monkeypatch):
    seen = []
    monkeypatch.setattr(
        configurations, "langevin_runs", lambda parts, molecule, pos, runs, *_: seen.append(runs) or 1 / 0
    )
    for seed in (0, 1, 1000):
        with pytest.raises(ZeroDivisionError):
            configurations.sampled_configurations(None, None, None, (300.0, 500.0), 10, seed)
    seeds = [tuple(s) for runs in seen for _, s in runs.values()]
    assert len(set(seeds)) == len(seeds) == 24
