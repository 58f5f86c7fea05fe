"""Your molecule without a browser: what is shown of lines, a run that is stopped and goes on, and what is no molecule.

Hydrogen chloride is the quickest molecule with a dipole; no small molecule has taught anything about it.
"""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("anywidget", reason="the widgets extra is not installed")
pytest.importorskip("tblite", reason="the reference extra is not installed")

from dashboard_samples import in_a_loop

from bpm_nb.dashboards.yours import chosen_html, line_motion, lines_html, yours_figure, yours_files
from bpm_nb.dashboards.yours_state import YoursState
from bpm_nb.dashboards.yours_work import computed_lines, whole_spectrum
from bpm_nb.dynamics.trajectory import finished_ps

CHLORIDE = b"2\nhydrogen chloride\nH 0 0 0\nCl 0 0 1.3\n"
HYDROXYL = b"2\nhydroxyl\nO 0 0 0\nH 0 0 0.97\n"


@pytest.fixture(scope="module")
def water(tmp_path_factory):
    state = YoursState("water", tmp_path_factory.mktemp("water"))
    state.compute()
    return state


def test_lines_have_errors_words_and_a_motion(water):
    stretch = int(np.argmax(water.lines.modes.activity))
    water.choose(0, water.lines.modes.wavenumber_cm1[stretch] + 0.3)
    assert water.line == stretch and "symmetric O–H stretch" in chosen_html(water)
    circles = next(t for t in yours_figure(water).data if t.name == "bands of harmonic lines")
    assert min(circles.error_x.array) > 1 and 0 < max(circles.error_y.array) < 1
    period, (alpha, slope) = line_motion(water)
    moved = np.linalg.norm(period - water.lines.pos, axis=-1).max()
    assert 0.25 < moved < 0.35 and np.linalg.norm(slope) > 1 and np.linalg.eigvalsh(alpha).min() > 3
    assert lines_html(water).count("<tr>") == 1 + 3 and "±" in lines_html(water)
    files = yours_files(water)
    assert len(files["molecule.csv"].splitlines()) == 4 and "Harmonic Raman spectrum of H2O" in files["molecule.html"]


def test_every_line_moves_its_molecule_about_its_minimum(water):
    for k, nu in enumerate(water.lines.modes.wavenumber_cm1):
        water.choose(0, nu)
        assert water.line == k
        np.testing.assert_allclose(line_motion(water)[0].mean(0), water.lines.pos, atol=1e-6)


def test_the_ellipsoid_changes_as_the_polarizability_does(water, tmp_path):
    "By hand: α of the source, a little this way and that way along the mode."
    from bpm_nb.pipeline import raman
    from bpm_nb.pipeline.source import source_tensors

    source, lines = raman("water", tmp_path / "w", harmonic_only=True).source, water.lines
    water.choose(0, lines.modes.wavenumber_cm1[1])
    _, (alpha, slope) = line_motion(water)
    way = lines.modes.displacement[1] / np.linalg.norm(lines.modes.displacement[1], axis=1).max()
    there, _ = source_tensors(source, lines.numbers, lines.pos + 0.01 * np.array([-1, 0, 1])[:, None, None] * way)
    np.testing.assert_allclose(there[1], alpha, atol=1e-3)
    np.testing.assert_allclose((there[2] - there[0]) / 0.02, slope, atol=0.02)


def test_a_wrong_molecule_is_a_sentence_and_the_last_one_stays(water):
    pytest.importorskip("rdkit", reason="the smiles extra is not installed")
    lines = water.lines
    for text, words in (("O.O", "several molecules"), ("CC(", "no SMILES"), ("nobody", "no SMILES"), ("[U]", "radon")):
        water.molecule = text
        water.compute()
        assert words in water.message and water.stale and water.lines is lines and not water.expected_text()
        assert water.message.count(text) <= 1 and "H2O" in yours_files(water)["molecule.html"]
    water.molecule = "water"
    water.compute()
    assert not water.message and not water.stale


def test_a_radical_from_a_file_says_what_to_set_and_then_has_a_line(tmp_path):
    state = YoursState("", tmp_path)
    state.upload("hydroxyl.xyz", HYDROXYL)
    assert state.message.startswith("hydroxyl.xyz: 0 unpaired of 9 electrons cannot be")
    state.spin = 1
    state.compute()
    assert not state.message and len(state.lines.rows) == 1 and "1 unpaired electron" in state.lines.name


def test_settings_make_the_same_state_again(water, tmp_path):
    state = YoursState(folder=tmp_path, **water.settings())
    assert state.settings() == water.settings() and state.run_settings() == water.run_settings()
    assert YoursState("water", water.base).folder == water.folder


def test_lines_that_are_there_are_read(water):
    before = (water.folder / "harmonic.npz").stat().st_mtime_ns
    lines = computed_lines("water", {}, water.folder, lambda *_: None)
    assert (water.folder / "harmonic.npz").stat().st_mtime_ns == before
    np.testing.assert_array_equal(lines.modes.wavenumber_cm1, water.lines.modes.wavenumber_cm1)


@pytest.mark.slow
def test_a_run_is_cancelled_and_goes_on_and_nothing_is_repeated(tmp_path):
    state = YoursState("", tmp_path, n_segments=1, length_ps=1, n_frames=20)
    state.upload("chloride.xyz", CHLORIDE)
    assert "GFN2-xTB alone" in state.lines.told and state.lines.errors is None
    assert state.expected_text().startswith("It takes about") and state.next_step() == "Dynamics"
    said, curves, again, processes = [], [], {}, []
    state.observe(lambda change: said.append(change.new), "doing")
    state.observe(lambda change: curves.append(change.new), "curve")

    def stopped():
        if state.doing and finished_ps(state.run_folder / "run.npz") >= 2:
            processes.append(state.job.process)
            state.cancel()
        return processes and not processes[0].is_alive()

    in_a_loop(state, state.run_dynamics, stopped, seconds=400)
    kept = {file: file.stat().st_mtime_ns for file in state.run_folder.glob("run.npz.parts/walk-*.npz")}
    assert len(kept) >= 2 and state.curve is None and state.next_step() == "Resume dynamics"
    assert f"{len(kept)} of 6 ps are kept: about" in state.expected_text()
    assert any("left, until" in text and "%" in text for text in said)

    def finished():
        again.update({file: file.stat().st_mtime_ns for file in kept if file.exists()})
        return not state.doing

    in_a_loop(state, state.run_dynamics, finished, seconds=400)
    assert not state.message and again == kept and state.curve.is_whole
    growing = [curve for curve in curves if curve and not curve.is_whole]
    assert growing and "first bond model of 30 states" in growing[0].told
    names = [trace.name for trace in yours_figure(state).data]
    assert "harmonic lines" in names and "dynamics" in names
    top = state.curve.intensity.wavenumber_cm1[state.curve.intensity.curve().argmax()]
    assert abs(top - state.lines.modes.wavenumber_cm1[0]) < 150
    assert state.next_step() == "Show dynamics" and "finished" in state.expected_text()
    state.n_segments, state.molecule = 2, "another.xyz"  # what is shown stays, and so do its files
    assert "Harmonic" not in yours_files(state)["molecule.html"].partition("</title>")[0]


@pytest.mark.slow
def test_the_curve_of_a_run_holds_the_errors_of_the_models(tmp_path):
    "One segment says nothing of its own error; lines that are uncertain by 30 cm⁻¹ and a tenth do."
    from ase.build import molecule as example

    from bpm_nb.pipeline.line_errors import SpectrumErrors
    from bpm_nb.pipeline.molecule import molecule_spectrum
    from bpm_nb.pipeline.request import Dynamics

    asked = Dynamics(n_segments=1, length_ps=1, n_frames=20, step_fs=1.0, resolution_cm1=60)
    made = molecule_spectrum(example("H2O"), tmp_path / "w", dynamics=asked, gfn2_only=True)
    plain = whole_spectrum(made, lambda *_: None)
    assert made.spectrum_errors is None and np.isnan(plain.std).all() and "Shaded" not in plain.told
    axis = made.activity.wavenumber_cm1
    errors = SpectrumErrors(axis, np.full(len(axis), 30.0), np.full(len(axis), 0.1))
    curve = whole_spectrum(replace(made, spectrum_errors=errors), lambda *_: None)
    height = np.where(curve.intensity.wavenumber_cm1 > 1000, curve.intensity.curve(), 0.0)
    beside, top = (
        np.abs(np.gradient(height)).argmax(),
        height.argmax(),
    )  # where a band that moves changes most, and least
    assert "Shaded" in curve.told and curve.std[beside] > 0.15 * height[top]
    assert 0.1 * height[top] <= curve.std[top] < 0.35 * height[top]


LIGHT = """
import sys
from bpm_nb.dashboards import YoursState
from bpm_nb.dashboards.yours import yours_figure


yours_figure(YoursState("water"))
print(*({"matplotlib", "sklearn", "pandas", "rdkit", "tblite", "pyscf"} & set(sys.modules)), sep=",")
"""


def test_the_process_of_the_page_loads_neither_quantum_chemistry_nor_models():
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
