"The verb reference, where it is refused."

import pytest
from command_line import call, is_one_line


@pytest.mark.parametrize(
    "options, words",
    [
        (["--charge", "100"], "charge"),
        (["--charge", "1"], "charge"),
        (["--xc", "nonsense"], "nonsense"),
        (["--basis", "none"], "none"),
        (["--what", "trajectory", "--step-fs", "0.6"], "whole steps"),
        (["--what", "trajectory", "--save-fs", "3000"], "whole"),
    ],
)
def test_reference_settings_that_cannot_be(tmp_path, capsys, options, words):
    pytest.importorskip("pyscf", reason="the reference extra is not installed")
    is_one_line(*call(capsys, f"reference malonaldehyde-enol -o {tmp_path}/r.npz", *options), words)
