"The memory of a fit and a prediction stays within what was allowed, for any number of frames."

import subprocess
import sys
from pathlib import Path

import pytest

CHILD = """
import re, sys
import numpy as np
from bpm_nb.data.records import Frames
from bpm_nb.data.datasets import load
from bpm_nb.models.polarizability import BondPolarizability

def mib(key): return int(re.search(key + r":\\s+(\\d+) kB", open("/proc/self/status").read())[1])/1024

n, allowed = int(sys.argv[1]), float(sys.argv[2])
train, rng = load("malonaldehyde-enol").train, np.random.default_rng(0)
some = rng.integers(len(train), size=n)
frames = Frames(train.numbers[some], train.pos[some] + rng.normal(scale=0.01, size=(n, 9, 3)), train.alpha[some])
BondPolarizability(n_points=10).fit(frames[:4]).predict(frames[:4]) # the programs themselves, and the buffers of their threads
before = mib("VmRSS")
model = BondPolarizability(memory_mb=allowed).fit(frames)
found = model.predict(frames)
result = (frames.pos.nbytes + frames.alpha.nbytes + found.nbytes)/2**20
print(mib("VmHWM") - before, result, sum(len(e.points) for e in model.expansions_.values()))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
@pytest.mark.parametrize("n_frames", [300, 3000])
def test_the_peak_of_a_process_stays_within_the_budget(n_frames):
    "Of a whole process, with what the allocator keeps: beside the frames and the result."
    allowed = 128
    child = subprocess.run([sys.executable, "-c", CHILD, str(n_frames), str(allowed)], capture_output=True, text=True)
    assert not child.returncode, child.stderr
    peak, data, points = map(float, child.stdout.split())
    assert peak <= allowed + data, f"{peak:.0f} MiB at {points:.0f} points"
    assert points > 1000
