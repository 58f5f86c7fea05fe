"""Prediction of 40 000 frames of biphenyl

Frames with random displacements of 0.03 Å; a model of 300 such frames with a made-up polarizability, at the library's
settings. The descriptors alone are `BondAxis.descriptors` on the same bonds, in the same blocks on the same cores.
"""

import time
from functools import partial

import numpy as np
from measure import SMALL, measured, rattled, table

from bpm_nb.bonds.pairs import bonds
from bpm_nb.models.polarizability import BondPolarizability
from bpm_nb.regression.prediction import mapped_blocks

N = 50 if SMALL else 40_000


def descriptors(model, frames):
    "Length of each frame's descriptors (S,), so that nothing large is kept."
    b = bonds(frames.numbers[0], frames.pos, model.bonds, model.cutoff)
    return (np.full(len(frames), len(model.bare.descriptors(frames.numbers[0], frames.pos, b, model.species_))),)


def work():
    from bpm_nb.bonds.descriptors import BondAxis
    from bpm_nb.data.records import Frames

    model = BondPolarizability(n_points=100 if SMALL else None).fit(
        rattled("biphenyl", 10 if SMALL else 300, width=0.03)
    )
    model.bare = BondAxis()
    some = rattled("biphenyl", min(N, 4000), seed=1, width=0.03)
    frames = Frames(*(np.concatenate([x] * (N // len(some))) for x in (some.numbers, some.pos)))
    found = []
    for task in (partial(mapped_blocks, model, frames, descriptors), lambda: [model.predict(frames)]):
        start = time.perf_counter(), time.process_time()
        list(task())
        found.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return found


def main():
    done = measured(work)
    (bare, bare_cpu), (whole, whole_cpu) = done["found"]
    rows = [
        ("descriptors alone", f"{bare:.1f}", f"{bare_cpu:.1f}", ""),
        ("`predict`", f"{whole:.1f}", f"{whole_cpu:.1f}", f"{whole_cpu / bare_cpu:.2f}"),
    ]
    print(table([f"{N} frames of 22 atoms", "time (s)", "processor time (s)", "ratio of processor times"], rows))


if __name__ == "__main__":
    main()
