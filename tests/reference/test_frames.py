"""Reference frames: runs that were killed, levels and temperatures that cannot be, molecules that become others."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from bpm_nb.core.files import InputError
from bpm_nb.data.files import read
from bpm_nb.reference.frames import reference_frames
from bpm_nb.reference.quantum import Level

pytest.importorskip("pyscf", reason="the reference extra is not installed")
WATER = np.array([8, 1, 1]), np.array([[0, 0, 0.117], [0.1, 0.757, -0.469], [0, -0.757, -0.469]])

PROGRAM = """
import sys, numpy as np
from bpm_nb.reference.quantum import Level
from bpm_nb.reference.frames import reference_frames
from bpm_nb.reference.harmonic import reference_harmonic
water, level = ([8, 1, 1], np.array([[0, 0, .117], [0, .757, -.469], [0, -.757, -.469]])), Level("hf", "6-31g", 0, 0)
"""


WORK = dict(
    frames=(
        "reference_frames(sys.argv[1], *water, n=12, level=level, seed=3, oversample=2)",
        ("pos", "alpha", "energy", "forces"),
    ),
    harmonic=("reference_harmonic(sys.argv[1], *water, level=level)", ("pos", "hessian", "dalpha", "ddipole")),
)


@pytest.mark.parametrize("what", WORK)
def test_a_run_killed_ten_times_loses_and_repeats_nothing(tmp_path, what):
    environment = dict(os.environ, OMP_NUM_THREADS="1", PYTHONWARNINGS="ignore")

    def start(name):
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM + WORK[what][0], tmp_path / name],
            env=environment,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    assert start("whole.npz").wait(300) == 0
    rng, seen, kills = np.random.default_rng(), {}, 0
    while not (tmp_path / "killed.npz").exists():
        child, before = start("killed.npz"), len(seen)
        while (
            child.poll() is None and kills < 10 and len(list((tmp_path / "killed.npz.parts").glob("*.npz"))) <= before
        ):
            time.sleep(0.01)
        if kills < 10:
            time.sleep(0.1 * rng.random())
            os.killpg(child.pid, signal.SIGKILL)
            kills += 1
        child.wait(300)
        for f in (tmp_path / "killed.npz.parts").glob("*.npz"):
            assert seen.setdefault(f.name, f.stat().st_mtime_ns) == f.stat().st_mtime_ns, f"{f.name} was made twice"
    assert kills == 10 and not (tmp_path / "killed.npz.parts").exists()
    whole, killed = (read(tmp_path / f"{name}.npz") for name in ("whole", "killed"))
    for k in WORK[what][1]:
        np.testing.assert_allclose(getattr(killed, k), getattr(whole, k), atol=1e-6)


@pytest.mark.parametrize(
    "xc, fault", [("camb3lyp", "split by range"), ("m062x", "kinetic energy density"), ("nonsense", "refuses")]
)
def test_a_functional_that_the_response_does_not_know_is_refused_before_any_work(tmp_path, xc, fault):
    with pytest.raises(InputError, match=fault):
        reference_frames(tmp_path / "w.npz", *WATER, level=Level(xc, "sto-3g"))
    assert not list(tmp_path.iterdir())


def test_a_temperature_given_twice_is_refused(tmp_path):
    with pytest.raises(InputError, match="300, 300 K"):
        reference_frames(tmp_path / "w.npz", *WATER, level=Level("hf", "sto-3g"), temperatures=(300.0, 300.0))


def test_a_start_that_becomes_another_molecule_is_told(tmp_path):
    pytest.importorskip("tblite", reason="the reference extra is not installed")
    salt = np.concatenate(
        [[[0, 0, 0]], 0.6 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]), [[1.75, 1.75, 1.75]]]
    )  # ammonium chloride: ammonia and hydrogen chloride in the gas
    with pytest.raises(InputError, match="another one when it relaxes"):
        reference_frames(tmp_path / "s.npz", [7, 1, 1, 1, 1, 17], salt, level=Level("hf", "sto-3g"), n=1)


def test_frames_are_sampled_on_any_surface(tmp_path, monkeypatch):
    "Nitrogen: the Morse potential is sampled, and the provenance says so; the properties are those of the level."
    from vibrations import morse

    from bpm_nb.reference import frames

    lengths, surfaces = np.linspace(1.05, 1.15, 6), []

    def sampled(parts, molecule, pos, temperatures, n, **_):
        surfaces.append(molecule.calculator)
        np.testing.assert_allclose(np.linalg.norm(pos[1] - pos[0]), 1.098, atol=1e-3)  # relaxed on this surface
        return lengths[:, None, None] * np.array([[0, 0, 0], [0, 0, 1.0]]), np.full(6, temperatures[0])

    monkeypatch.setattr(frames, "sampled_configurations", sampled)
    start = np.array([[0, 0, 0], [0, 0, 1.2]])
    made = reference_frames(tmp_path / "n.npz", [7, 7], start, n=3, level=Level("hf", "sto-3g"), calculator=morse)
    assert surfaces == [morse] and made.provenance["dynamics"] == "vibrations.morse"
    assert made.alpha.shape == (3, 3, 3) and made.energy.max() < -2900
