"What makes a band, of a run that was made to have two."

import numpy as np
import pytest

pytest.importorskip("anywidget", reason="the widgets extra is not installed")

from dashboard_samples import water_run

from bpm_nb.assignment.shares import bond_shares
from bpm_nb.core.units import C_CM_FS
from bpm_nb.dashboards.band import assignment_table
from bpm_nb.dashboards.raman_state import RamanState
from bpm_nb.dashboards.runs import Series


def test_a_click_names_the_bond_and_the_motion(state):
    for near, pair, movers in ((1590, (0, 1), {0, 2}), (3580, (1, 2), {0})):
        state.click(0, near)
        band = state.assigned
        assert abs(band.wavenumber_cm1 - near) < 25 and tuple(band.pairs[0]) == pair and band.share[0] > 0.9
        swing = np.linalg.norm(np.ptp(band.positions, axis=0), axis=1)
        assert (
            band.bonds[0] in ("O2–H1", "O2–H3")
            and band.bonds[0] in assignment_table(band)
            and int(swing.argmax()) in movers
        )
    state.band = ()
    assert state.assigned is None and "Click a band" in assignment_table(None)


def test_the_polarizability_changes_as_the_run_was_made(state):
    for near, change in ((1600, np.eye(3)), (3600, np.diag([1, -1, 0.0]))):
        state.click(0, near)
        principal = np.sort(np.abs(np.linalg.eigvalsh(state.assigned.slope)))
        np.testing.assert_allclose(
            principal, np.sort(np.abs(np.diag(change))) * 20, atol=3
        )  # 1 bohr³ for 0.05 Å of the atom that moves most
        np.testing.assert_allclose(state.assigned.alpha, 10 * np.eye(3), atol=0.1)


def test_the_shares_follow_the_analyser():
    "One bond that is only isotropic and one that is only anisotropic, at one wavenumber."
    run, _, _ = water_run(4000)
    q = np.cos(2 * np.pi * C_CM_FS * 1600 * np.arange(4000))[:, None, None]
    parts = np.stack([q * np.eye(3), q * np.diag([1.0, -1, 0])], 1)
    made = Series(
        "two",
        run,
        parts.sum(1)[None],
        "",
        np.array([[0, 1], [1, 2]]),
        bond_shares(lambda g: parts, 1.0, 1, resolution_cm1=20.0),
    )
    state = RamanState(["two"], series={"two": made}, resolution_cm1=20.0, quantity="analyser")
    state.click(0, 1600)
    first = state.assigned.share
    state.analyser_deg = 90.0
    assert tuple(state.assigned.pairs[0]) == (1, 2) and state.assigned.share[0] > 0.99 > first.max()
