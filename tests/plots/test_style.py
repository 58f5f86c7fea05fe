"Text of values with errors; what importing the package brings."

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bpm_nb import plots


@pytest.mark.parametrize(
    "value,error,text",
    [
        (1601.7312, 0.234, "1601.7 ± 0.2"),
        (1601.7312, 0.134, "1601.73 ± 0.13"),
        (1234.6, 30, "1235 ± 30"),
        (0.7, 0.0099, "0.700 ± 0.010"),
        (5.04, np.nan, "5.04"),
        (np.nan, np.nan, "–"),
        (5.04, 0, "5.04"),
        (-0.5, 0.03, "−0.50 ± 0.03"),
        (2.0, 0.196, "2.0 ± 0.2"),
    ],
)
def test_a_value_is_shown_to_the_digit_of_its_error(value, error, text):
    assert plots.with_error(value, error) == text


def test_importing_the_package_imports_no_plotting():
    out = subprocess.run(
        [sys.executable, "-c", "import sys, bpm_nb; print('plotly' in sys.modules)"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ,
    )
    assert out.stdout.strip() == "False", out.stderr
