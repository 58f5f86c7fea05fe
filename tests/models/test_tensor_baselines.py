"Polarizabilities and dipoles that stand on those of GFN2-xTB: the same everywhere a model is used."

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from bpm_nb.core.files import InputError
from bpm_nb.core.tensors import errors
from bpm_nb.data import Frames, Trajectory, load
from bpm_nb.data.files import write
from bpm_nb.dynamics.fields import baseline_slopes, baseline_tensors, gfn2_response
from bpm_nb.models.baselines import baseline_values
from bpm_nb.models.estimator import jackknife_models
from bpm_nb.models.fitting import scaled
from bpm_nb.models.polarizability import BondDipole, BondPolarizability

MODELS = [BondPolarizability, BondDipole]


@pytest.fixture(scope="module")
def enol():
    return load("malonaldehyde-enol")


@pytest.fixture(scope="module", params=MODELS)
def model(request, enol):
    return request.param(n_points=300, baseline="gfn2").fit(enol.train[:30])


def below(model, frames):
    tensors = gfn2_response(frames.numbers[0], frames.pos)[model.quantity.name == "dipole"]
    return scaled(tensors, model.quantity, model.scales_)


def test_a_response_is_that_of_fields_by_hand(enol):
    "The energy of tblite alone in a field, differentiated twice."
    from ase.units import Bohr
    from tblite.interface import Calculator
    from tblite.library import ffi

    numbers, pos, h = enol.test.numbers[0], enol.test.pos[0], 0.004

    def energy(*field):
        calculator = Calculator("GFN2-xTB", numbers, pos / Bohr)
        calculator.set("verbosity", 0)
        calculator.set("accuracy", 1e-3)
        calculator.add("electric-field", ffi.new("double[3]", list(field)))
        return calculator.singlepoint().get("energy")

    (alpha,), (dipole,) = gfn2_response(numbers, pos[None])
    corners = [energy(h * s, h * t, 0) * s * t for s in (1, -1) for t in (1, -1)]
    assert alpha[0, 1] == pytest.approx(-sum(corners) / (4 * h**2), abs=0.02)
    assert dipole[2] == pytest.approx(-(energy(0, 0, h) - energy(0, 0, -h)) / (2 * h), abs=1e-3)


def test_what_is_learned_is_the_difference(model, enol):
    name, train = model.quantity.name, enol.train[:30]
    left = replace(train, **{name: getattr(train, name) - below(model, train)})
    if name == "dipole":
        left = replace(left, alpha=None)
    alone = type(model)(n_points=300, baseline="gfn2").set_params(baseline=None)
    few = enol.test[:5]
    expected = alone.fit(left).predict(few) + below(model, few)
    np.testing.assert_allclose(model.predict(few), expected, atol=1e-9)
    assert model.scales_ != (1.0,) * len(model.scales_)


def test_few_frames_say_more(model, enol):
    name = model.quantity.name
    alone = type(model)(n_points=300).fit(enol.train[:30])
    with_it, without = (np.std(m.predict(enol.test) - getattr(enol.test, name)) for m in (model, alone))
    assert with_it < 0.75 * without
    assert model.score(enol.test) > alone.score(enol.test)


def test_the_expected_error_is_of_the_size_of_the_error(model, enol):
    values, std = model.predict(enol.test, return_std=True)
    miss = np.linalg.norm((values - getattr(enol.test, model.quantity.name)).reshape(len(values), -1), axis=1)
    assert 0.3 < np.sqrt(np.mean(miss**2) / np.mean(np.square(std).reshape(len(std), -1).sum(1))) < 3


def test_a_turned_molecule_has_the_turned_tensor(model, enol):
    turn, few = Rotation.random(rng=1).as_matrix(), enol.test[:3]
    moved = model.predict(Frames(few.numbers, few.pos @ turn.T + 2.0))
    values = model.predict(few)
    expected = turn @ values @ turn.T if values.ndim == 3 else values @ turn.T
    np.testing.assert_allclose(moved, expected, atol=4e-3)


def test_derivatives_are_slopes_of_predictions(model, enol):
    few, step = enol.test[:1], 0.004 * np.random.default_rng(0).normal(size=(1, 9, 3))
    ends = [model.predict(Frames(few.numbers, few.pos + s)) for s in (step, -step)]
    slopes = model.derivative(few)
    along = np.einsum("snx,snx...->s...", 2 * step, slopes)
    np.testing.assert_allclose(along, ends[0] - ends[1], atol=0.03 * np.abs(ends[0] - ends[1]).max() + 2e-3)
    below_it = baseline_slopes("gfn2", few, model.quantity.name)
    np.testing.assert_allclose(below_it.sum(1), 0, atol=0.02 * np.abs(below_it).max())


def test_a_file_remembers_the_baseline(model, enol, tmp_path):
    model.save(tmp_path / "model.npz")
    again = type(model).load(tmp_path / "model.npz")
    assert again.baseline == "gfn2"
    np.testing.assert_allclose(again.predict(enol.test[:3]), model.predict(enol.test[:3]), atol=1e-9)


class Stream:
    "Frames in two portions, each time anew."

    def __init__(self, frames):
        self.sets = frames

    def __iter__(self):
        yield self.sets[:20]
        yield self.sets[20:]


def test_streams_and_lists_are_learned_like_frames(model, enol):
    train, few = enol.train[:30], enol.test[:3]
    for given in (Stream(train), [train[:20], train[20:]]):
        other = type(model)(n_points=300, baseline="gfn2").fit(given)
        np.testing.assert_allclose(other.predict(few), model.predict(few), atol=0.02)


def test_models_without_a_part_have_the_baseline_once(enol):
    model = BondPolarizability(n_points=300, baseline="gfn2").fit(enol.train[:40])
    few = enol.test[:20]
    for part in jackknife_models(model, enol.train[:40]):
        assert errors(few.alpha, part.predict(few))["alpha_rmse_au"] < 0.4


def test_beads_are_averaged_with_their_baseline(model, enol):
    beads = enol.test.pos[:6].reshape(1, 2, 3, 9, 3)
    run = Trajectory(enol.test.numbers[0], beads.mean(2), 2.0, beads=beads)
    every = model.predict(enol.test[:6]).reshape(2, 3, *([3] * (1 + (model.quantity.name == "alpha")))).mean(1)
    np.testing.assert_allclose(model.predict(run), every, atol=1e-9)


def test_what_cannot_be(model, enol):
    with pytest.raises(InputError, match="belongs to no bond"):
        model.bond_tensors(enol.test[:2])
    with pytest.raises(InputError, match="give 'gfn2' or None"):
        BondPolarizability(baseline="pm7").fit(enol.train[:10])
    radicals = Frames(
        np.tile([8, 1], (3, 1)), [[[0, 0, 0], [0, 0, r]] for r in (0.9, 1, 1.1)], alpha=[5 * np.eye(3)] * 3
    )
    with pytest.raises(InputError, match="neutral molecules with paired electrons"):
        BondPolarizability(baseline="gfn2").fit(radicals)


def test_a_scan_looks_at_what_is_lacking_everywhere(enol):
    from bpm_nb.models.tuning import tuning_columns

    found = {}
    for baseline in (None, "gfn2"):
        reports, settings = [], dict(n_points=100, baseline=baseline)
        tuning_columns(enol.train[:30], enol.test[:10], settings, [0.1], lambda *a, to=reports: to.append(a))
        column = next(a[2][1] for a in reports if len(a) > 2)
        found[baseline] = column.learning[0][-1].min()
    assert found["gfn2"] < found[None]


def test_threads_share_what_is_remembered(enol, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor

    import bpm_nb.dynamics.fields as room

    monkeypatch.setattr(room, "MOST_KNOWN", 12)
    water = np.array([[0.0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])
    sets = [water * (1 + 0.001 * np.arange(k, k + 8)[:, None, None]) for k in (0, 4, 8, 2)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda pos: gfn2_response([8, 1, 1], pos)[0], sets * 3))
    np.testing.assert_allclose(found[0][4:], found[1][:4], atol=2e-3)


def test_the_command_line_fits_and_evaluates(enol, tmp_path, capsys):
    import json

    from bpm_nb.cli.program import main

    for name, frames in (("train", enol.train[:30]), ("test", enol.test)):
        write(tmp_path / f"{name}.npz", frames)
    found = []
    for options in ("", "--baseline gfn2"):
        assert not main(f"fit {tmp_path}/train.npz -o {tmp_path}/m.npz --n-points 300 {options}".split())
        capsys.readouterr()
        assert not main(f"evaluate {tmp_path}/m.npz {tmp_path}/test.npz --json".split())
        found.append(json.loads(capsys.readouterr().out)["alpha_rmse_au"])
    assert found[1] < 0.75 * found[0]


def test_a_process_ends_in_silence(tmp_path):
    "What tblite made is given back while tblite is still there."
    import subprocess
    import sys

    program = "from bpm_nb.dynamics.fields import gfn2_response; gfn2_response([1, 1], [[[0, 0, 0], [0, 0, 0.74]]])"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not ended.stdout and not ended.stderr


def test_the_frame_that_fails_is_named(enol):
    frames = enol.train[:4]
    pos = frames.pos.copy()
    pos[2, 1] = pos[2, 0]
    broken = replace(frames, pos=pos)
    with pytest.raises(InputError, match="frame 2: GFN2-xTB fails in a field"):
        baseline_tensors("gfn2", broken, "alpha")
    with pytest.raises(InputError, match="frame 2: GFN2-xTB fails in a field"):
        baseline_slopes("gfn2", broken, "dipole")
    with pytest.raises(InputError, match="frame 2: the calculator fails .*[Tt]oo close"):
        baseline_values("gfn2", broken)
