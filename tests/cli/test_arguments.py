"Where results may go, and arguments that are no numbers."

import numpy as np
import pytest
from command_line import call, is_one_line

from bpm_nb.cli.program import main


def test_an_output_that_is_the_input(files, capsys):
    before = (files / "test.xyz").read_bytes()
    is_one_line(*call(capsys, f"predict {files}/model.npz {files}/test.xyz -o {files}/test.xyz"), "it is the input")
    is_one_line(*call(capsys, f"predict {files}/model.npz {files}/test.xyz -o {files}/model.npz"), "it is the input")
    assert (files / "test.xyz").read_bytes() == before
    np.savez(files / "in.npz", x=np.zeros((2, 3, 3)), z=np.array([8, 1, 1]))
    np.save(files / "pos.npy", np.arange(18.0).reshape(2, 3, 3))
    for given in (
        [f"{files}/in.npz:x", "--numbers", "O H H"],
        [files / "pos.npy", "--numbers", f"{files}/in.npz:z"],
        [files / "pos.npy", "--numbers", "O H H", "--alpha", f"{files}/in.npz:x"],
    ):
        is_one_line(*call(capsys, "convert", *given, "-o", files / "in.npz"), "it is the input")


@pytest.mark.parametrize("verb", ["fit", "predict", "spectrum", "reference", "demo"])
def test_no_permission_to_write(files, tmp_path, capsys, monkeypatch, verb):
    "Said before the files starts. (root may write anywhere, so the permission is taken away by hand.)"
    monkeypatch.setattr("bpm_nb.cli.arguments.os.access", lambda *a: False)
    args = dict(
        fit=["train.xyz"],
        predict=["model.npz", "test.xyz"],
        spectrum=["model.npz", "test.xyz"],
        reference=["biphenyl"],
        demo=[],
    )[verb]
    out = ["--folder", tmp_path] if verb == "demo" else ["-o", tmp_path / ("o.csv" if verb == "spectrum" else "o.npz")]
    is_one_line(*call(capsys, verb, *(files / a if "." in a else a for a in args), *out), "permission")


def test_outputs_that_cannot_be(files, tmp_path, capsys):
    is_one_line(*call(capsys, f"fit {files}/train.xyz -o {tmp_path}/no/m.npz"), "no folder")
    is_one_line(*call(capsys, f"fit {files}/train.xyz -o {tmp_path}/m.txt"), ".npz")
    is_one_line(*call(capsys, f"predict {files}/model.npz {files}/test.xyz -o {tmp_path}/p.csv"), ".npz")
    is_one_line(*call(capsys, f"demo --molecule water --folder {tmp_path}"), "not shipped")
    is_one_line(*call(capsys, f"reference unobtainium -o {tmp_path}/r.npz"), "unobtainium")
    is_one_line(*call(capsys, f"fit {files}/train.dat -o {tmp_path}/m.npz"), "train.dat", "ending")
    is_one_line(*call(capsys, f"fit {files}/none.xyz -o {tmp_path}/m.npz"), "none.xyz", "no such file")


@pytest.mark.parametrize("dt", ["0", "-1", "nan", "soon"])
def test_a_time_step_that_is_none(files, capsys, dt):
    with pytest.raises(SystemExit) as stop:
        main(["spectrum", str(files / "model.npz"), str(files / "test.xyz"), "--dt-fs", dt, "-o", str(files / "x.csv")])
    err = capsys.readouterr().err
    assert stop.value.code == 2 and "--dt-fs" in err and "Traceback" not in err


def test_a_count_with_decimals_is_told_that_it_must_be_whole(capsys):
    with pytest.raises(SystemExit):
        main("reference water --what trajectory --length-ps 0.05 -o a.npz".split())
    assert "argument --length-ps: '0.05' is not a whole number" in capsys.readouterr().err
