"The figures of the documentation: their labels stay apart, and none is cut off."

import ast
import json
from importlib.util import find_spec

import nbformat
import pytest
from browser import CHROMIUM, ROOT, page
from figure_labels import WIDTHS, colliding_labels

from bpm_nb.dev.sync import directives

pytestmark = [
    pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine"),
    pytest.mark.skipif(find_spec("playwright") is None, reason="the extra [dev] is not installed"),
]
FIGURES = {720: 660, 1280: 820}  # width of a page and of a figure in it, px
NOTES = [("one note", 0.5), ("another note", 0.52), ("far from them", 0.1), ("long words at the end", 1.3)]
DRAWN = """<meta charset=utf-8><script src="plotly.js"></script><body style="width:{width}px">{places}<script>
const figures = {figures};
Promise.all(figures.map((f, k) => Plotly.newPlot(`f${{k}}`, f.data, f.layout, {{responsive: true}})))
  .then(() => window.allDrawn = true);
</script>"""


def figures_of(notebook, folder, monkeypatch):
    "The figures that a notebook shows, as JSON; its tests are left out."
    import plotly.graph_objects as go

    monkeypatch.chdir(folder)
    space, found = {"__name__": "__main__"}, []
    for cell in nbformat.read(notebook, 4).cells:
        marks, code = directives(cell.source) if cell.cell_type == "code" else ({"test": "none"}, "")
        if marks.get("test") or marks.get("eval") == "false":
            continue
        lines = ast.parse(code).body
        last = lines.pop().value if lines and isinstance(lines[-1], ast.Expr) else None
        exec(compile(ast.Module(lines, []), cell.id, "exec"), space)
        shown = last and eval(compile(ast.Expression(last), cell.id, "eval"), space)
        if isinstance(shown, go.Figure):
            found.append(shown.to_json())
    return found


def drawn(shown, figures, width, folder):
    "Draw figures in an open page."
    places = "".join(f"<div id=f{k}></div>" for k in range(len(figures)))
    text = DRAWN.format(width=width, places=places, figures=f"[{','.join(figures)}]")
    (folder / "figures.html").write_text(text, "utf-8")
    shown.goto((folder / "figures.html").as_uri())
    shown.wait_for_function("window.allDrawn")


@pytest.mark.parametrize("name", ["02_spectra", "03_bands", "05_figures", "08_lessons"])
def test_labels_of_figures_stay_apart(name, tmp_path, monkeypatch):
    from plotly.offline import get_plotlyjs

    (tmp_path / "plotly.js").write_text(get_plotlyjs(), "utf-8")
    figures = figures_of(ROOT / f"nbs/70_plots/{name}.ipynb", tmp_path, monkeypatch)
    assert figures
    for width in WIDTHS:
        with page("file://", width=width) as shown:
            drawn(shown, figures, FIGURES[width], tmp_path)
            assert colliding_labels(shown) == [[]] * len(figures), width


def test_labels_upon_each_other_and_beyond_the_figure_are_found(tmp_path):
    from plotly.offline import get_plotlyjs

    (tmp_path / "plotly.js").write_text(get_plotlyjs(), "utf-8")
    notes = [dict(text=text, x=x, y=0.5, xref="paper", yref="paper", showarrow=False) for text, x in NOTES]
    figure = dict(data=[], layout=dict(annotations=notes, xaxis=dict(visible=False), yaxis=dict(visible=False)))
    with page("file://") as shown:
        drawn(shown, [json.dumps(figure)], 660, tmp_path)
        assert sorted(colliding_labels(shown)[0]) == ["cut off: long words at the end", "one note × another note"]
