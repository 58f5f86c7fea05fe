"What the benchmarks share: a function's time and memory in a process of its own, frames to work on, tables."

import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
WATER = np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.47], [0, -0.76, -0.47]])
SMALL = "--small" in sys.argv  # a first look in seconds: every size is small


def peak_mib():
    "Largest memory of this process so far, MiB."
    status = Path("/proc/self/status")
    if status.exists():  # what the system reports elsewhere holds, under Linux, the peak of the process that began it
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def _worked(function, args):
    before, start, cpu = peak_mib(), time.perf_counter(), time.process_time()
    found = function(*args)
    spent = dict(seconds=time.perf_counter() - start, cpu=time.process_time() - cpu)
    return dict(spent, mib=peak_mib() - before, found=found)


def measured(function, *args):
    "Wall and processor seconds, growth of the peak memory (MiB) and result of a module's function, in a new process."
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_worked, function, args).result()


def table(head, rows):
    "Markdown."
    return "\n".join("| " + " | ".join(str(x) for x in row) + " |" for row in [head, ["---"] * len(head), *rows])


def published_split(n):
    "n frames of the published training run, taken at random with seed 0, and the 500 test frames."
    from published import published

    return published()[np.random.default_rng(0).permutation(2000)[:n]], published("_test")[: 50 if SMALL else 500]


def rattled(name, n, seed=0, width=0.05):
    "n frames of water or of a known molecule with random displacements (Å); α is a smooth function of the distances."
    from bpm_nb.data.datasets import start_geometry
    from bpm_nb.data.records import Frames

    numbers, pos = WATER if name == "water" else start_geometry(name)
    rng = np.random.default_rng(seed)
    x = pos + rng.normal(scale=width, size=(n, *pos.shape))
    a, b = np.triu_indices(len(numbers), 1)
    alpha = np.zeros((n, 3, 3))
    for i, j in zip(a, b):
        v = x[:, i] - x[:, j]
        r = np.sqrt((v**2).sum(1))
        alpha += (np.sqrt(numbers[i] * numbers[j]) * np.exp(-r))[:, None, None] * (
            v[:, :, None] * v[:, None] / r[:, None, None] ** 2 + np.eye(3)
        )
    return Frames(np.tile(numbers, (n, 1)), x, alpha)
