"A molecule whose bonds are drawn by their shares."

import numpy as np
import pytest

pytest.importorskip("anywidget", reason="the widgets extra is not installed")

from bpm_nb.dashboards.molecule import MOST_PAIRS, Molecule
from bpm_nb.data.datasets import load


def test_bonds_are_highlighted_in_large_molecules_too():
    "Where hundreds of pairs share a band, none has much of it."
    import ipywidgets

    run = load("biphenyl").trajectory
    how = ipywidgets.ToggleButtons(options=["still", "arrows", "move"])
    molecule = Molecule(how, ipywidgets.FloatSlider(1), ipywidgets.ToggleButton(), on_gif=None)
    pairs = np.stack(np.triu_indices(22, 1), 1)
    molecule.show(run.numbers, run.pos[0, :1])
    share = np.r_[0.02, -0.015, np.full(len(pairs) - 2, 1e-3)]
    molecule.highlight(pairs, share)
    assert molecule.highlighted == [((0, 1), 0.02), ((0, 2), -0.015)]
    molecule.highlight(pairs, np.full(len(pairs), 1 / len(pairs)))
    assert len(molecule.highlighted) == MOST_PAIRS
    molecule.highlight(pairs[:0], share[:0])
    assert molecule.highlighted == []


def test_a_notebook_shows_nothing_but_the_molecule():
    "When nglview is imported, it would show a widget of its own above: in Voilà at times as `model not found`."
    nbclient = pytest.importorskip("nbclient", reason="the extra [dev] is not installed")
    nbformat = pytest.importorskip("nbformat", reason="the extra [dev] is not installed")
    code = "import numpy as np\nfrom bpm_nb.dashboards.molecule import molecule_view\n"
    code += "molecule_view(np.array([8]), np.zeros((1, 3)))"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    shown = nbclient.NotebookClient(notebook, kernel_name="python3", timeout=600).execute().cells[0].outputs
    assert len(shown) == 1 and "NGLWidget" in shown[0].data["text/plain"]
