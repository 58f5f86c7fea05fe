"Bars of progress in a notebook."

import pytest

CODE = """
from bpm_nb.core.progress import Bar
bar = Bar(range(2), leave=False)
list(bar)
bar.container.comm is not None and bar.container.layout.display
"""


def test_the_widget_of_a_bar_that_is_over_is_hidden_and_stays():
    "A page that opens later, as Voilà's does, would show `model not found` in its place."
    pytest.importorskip("ipywidgets", reason="the extra [widgets] is not installed")
    nbformat = pytest.importorskip("nbformat", reason="the extra [dev] is not installed")
    nbclient = pytest.importorskip("nbclient", reason="the extra [dev] is not installed")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE)])
    *bars, said = nbclient.NotebookClient(notebook, kernel_name="python3", timeout=600).execute().cells[0].outputs
    assert len(bars) == 1 and "application/vnd.jupyter.widget-view+json" in bars[0].data
    assert said.data["text/plain"] == "'none'"
