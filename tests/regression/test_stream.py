"Frames in blocks: any division gives the same, and the memory stays within what was allowed."

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from molecules import METHANOL, rattled

from bpm_nb.core.files import InputError
from bpm_nb.data.records import Frames, checked, joined
from bpm_nb.models.polarizability import BondPolarizability

CHILD = """
import re, sys
import numpy as np
from bpm_nb.data.records import Frames
from bpm_nb.data.datasets import load
from bpm_nb.models.polarizability import BondPolarizability

def mib(key): return int(re.search(key + r":\\s+(\\d+) kB", open("/proc/self/status").read())[1])/1024

n, allowed, basis = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
train, rng = load("malonaldehyde-enol").train, np.random.default_rng(0)
some = rng.integers(len(train), size=n)
frames = Frames(train.numbers[some], train.pos[some] + rng.normal(scale=0.01, size=(n, 9, 3)), train.alpha[some])
# the programs themselves, and the buffers of their threads
BondPolarizability(n_points=10).fit(frames[:4]).predict(frames[:4])
before = mib("VmRSS")
model = BondPolarizability(memory_mb=allowed, basis=basis).fit(frames)
found = model.predict(frames)
result = (frames.pos.nbytes + frames.alpha.nbytes + found.nbytes)/2**20
print(mib("VmHWM") - before, result, sum(len(e.points) for e in model.expansions_.values()))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
@pytest.mark.parametrize(
    ("n_frames", "allowed", "basis"),
    [(300, 128, "inducing"), (3000, 128, "inducing"), (300, 300, "condensed"), (600, 440, "condensed")],
)
def test_the_peak_of_a_process_stays_within_the_budget(n_frames, allowed, basis):
    "Of a whole process, with what the allocator keeps: beside the frames and the result. Two workers meet by chance."
    for _ in range(3):
        arguments = [sys.executable, "-c", CHILD, str(n_frames), str(allowed), basis]
        child = subprocess.run(arguments, capture_output=True, text=True)
        assert not child.returncode, child.stderr
        peak, data, points = map(float, child.stdout.split())
        if peak <= allowed + data:
            break
    assert peak <= allowed + data, f"{peak:.0f} MiB at {points:.0f} points"
    assert points > 800


def test_predictions_do_not_depend_on_the_memory_budget(methanol):
    models = [
        BondPolarizability(memory_mb=m, lam=1e-6, n_points=200, gamma=0.5).fit(methanol[:10]) for m in (1e-3, 512)
    ]
    np.testing.assert_allclose(*(m.predict(methanol) for m in models), rtol=1e-8, atol=1e-8)


def test_a_stream_in_chunks_is_the_whole_set(methanol, water):
    both = joined([water, methanol])

    class Stream:
        passes = 0

        def __iter__(self):
            Stream.passes += 1
            yield from (both[i : i + 7] for i in range(0, len(both), 7))

    models = [
        BondPolarizability(n_points=200, lam=1e-6, gamma=0.5).fit(x) for x in (both, Stream(), [both[:5], both[5:]])
    ]
    for m in models[1:]:
        np.testing.assert_allclose(m.predict(both), models[0].predict(both), rtol=1e-8, atol=1e-8)
    assert Stream.passes > 2


def test_a_stream_that_can_be_read_once_is_refused(water):
    with pytest.raises(InputError, match="only once"):
        BondPolarizability().fit(water[i : i + 4] for i in range(0, 24, 4))


def test_memory_does_not_grow_with_the_frames():
    def peak(n):
        frames = rattled([6, 8, 1, 1, 1, 1], METHANOL, n, 7)
        tracemalloc.start()
        BondPolarizability(memory_mb=16, n_points=150, gamma=0.5, lam=1e-6).fit(frames)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    few, many = peak(4000), peak(8000)
    assert many < few + 2 * 4000 * 8 * (6 * 3 + 6 + 9 + 6)


def peak_mib(function, *arguments, **options):
    "The function's result, and the largest memory that was held on the way, MiB."
    tracemalloc.start()
    result = function(*arguments, **options)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return result, peak


def test_a_large_molecule_stays_within_the_memory():
    rng = np.random.default_rng(0)
    grid = 1.6 * np.stack(np.meshgrid(*[np.arange(5.0)] * 3), -1).reshape(-1, 3)[:120]
    pos = grid + rng.normal(scale=0.05, size=(400, 120, 3))
    alpha = (600 + rng.normal(size=(400, 1, 1))) * np.eye(3)
    frames = Frames(np.tile(rng.choice([1, 6, 8], 120), (400, 1)), pos, alpha)
    model = BondPolarizability(cutoff=2.5, n_points=100, gamma=0.25, lam=1e-6, memory_mb=64)
    assert peak_mib(checked, frames)[1] < 8  # 12 MiB of positions
    fitted, peak = peak_mib(model.fit, frames[:4])
    assert peak < 64
    for predicted in (fitted.predict, fitted.bond_tensors, fitted.extrapolation):
        assert peak_mib(predicted, frames[:12])[1] < 64, predicted
    pairs, peak = peak_mib(fitted.pairs_within_reach, frames)
    assert peak < 16 and len(pairs) > 119
