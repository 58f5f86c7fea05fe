"Numbers and tables as people read them, also where there is nothing to show."

from html.parser import HTMLParser

import numpy as np
import pytest

from bpm_nb.core.display import html_table, text_table, value_range
from bpm_nb.core.tensors import errors


@pytest.mark.parametrize(
    "values, text",
    [
        ([1, 2], "1.00 to 2.00 eV"),
        ([-1e-3, 1e-3], "-0.00100 to 0.00100 eV"),
        ([12345.6, 99999.9], "12346 to 100000 eV"),
        ([5.0, 5.0], "5 eV"),
        ([], "no values"),
        ([1.0, np.nan], "not finite"),
        ([1.0, np.inf], "not finite"),
    ],
)
def test_a_range_has_the_digits_of_its_width(values, text):
    assert value_range(values, "eV") == text


class Tags(HTMLParser):
    "Tags that are opened and closed, in order."

    def __init__(self):
        super().__init__()
        self.open, self.cells = [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.cells.append(data)


def test_a_table_is_whole_html_and_has_no_colour_of_its_own():
    html, parser = html_table("a < b", [("x", 1), ("<td>", "&amp;")], ("what", "value")), Tags()
    parser.feed(html)
    assert not parser.open and parser.cells == ["a < b", "what", "value", "x", "1", "<td>", "&amp;"]
    assert "color:inherit" in html and "#" not in html.replace("&#", "") and "background:none" in html


def test_text_is_aligned():
    assert text_table([("", "b"), ("long name", 1)]) == "           b\nlong name  1"


def test_errors_in_json_and_in_other_dictionaries():
    "What reads the numbers by name does not see that they are shown as a table."
    import json

    alpha = np.random.default_rng(0).normal(size=(5, 3, 3))
    table = errors(alpha, alpha + 0.1)
    assert isinstance(table, dict) and type(json.loads(json.dumps(table))) is dict
    assert list(table) == [
        *("iso_rmse_au", "beta_rmse_au", "alpha_rmse_au"),
        *("iso_relative", "beta_relative", "alpha_relative", "n_frames"),
    ]
    assert type(table | {"model": "a"}) is dict and {**table} == table
