"Curves, and lines to compare them with."

import pytest

pytest.importorskip("anywidget", reason="the widgets extra is not installed")

from dashboard_samples import water_run

from bpm_nb.dashboards.curves import reference_lines_of
from bpm_nb.dashboards.raman_state import RamanState
from bpm_nb.dashboards.runs import Series


def test_harmonic_and_literature_lines_come_and_go():
    name = "malonaldehyde-enol"
    state = RamanState([name], series={name: Series(name, *water_run()[:2], molecule=name)}, resolution_cm1=20.0)
    assert not state.curves[0].lines
    state.harmonic = True
    assert [k for k in state.curves[0].lines if k.startswith("harmonic")]
    state.harmonic, state.literature = False, True
    assert (
        list(state.curves[0].lines) == ["literature, calculated"]
        and list(reference_lines_of("biphenyl"))[-1] == "literature"
    )
