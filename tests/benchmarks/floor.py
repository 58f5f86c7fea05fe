"""Fit time over the floor

The floor is the time of the matrix products and factorizations that a fit cannot do without, with arrays of the fit's own sizes and no more than that: q zᵀ of every bond with every point of its kind, the design times the
whitening, AᵀA of both parts and one Cholesky factorization of each, or where a part has few rows their space. Exponentials, descriptors, sums over bonds and the choice of γ and λ are not in it. Published malonaldehyde frames; wall time on all cores, and
where the time of the fit goes."""
import time

import numpy as np
from measure import SMALL, measured, published_split, table
from scipy.linalg import cholesky
from scipy.linalg.blas import dsyrk

from bpm_nb import polarizability
from bpm_nb.krr import row_space
from bpm_nb.polarizability import BondPolarizability, view_of

STAGES = dict(chosen_settings="choice of γ and λ", normal_equations="normal equations", descended="factorizations", refined="refinement", fitted_posterior="uncertainty")


def timed_stages(times):
    "Let the stages of a fit add their time to `times`."
    def timed(name, function):
        def run(*args, **settings):
            start = time.perf_counter()
            try: return function(*args, **settings)
            finally: times[name] = times.get(name, 0) + time.perf_counter() - start
        return run
    for name in STAGES: setattr(polarizability, name, timed(name, getattr(polarizability, name)))


def floor(model, frames, block=200):
    "Seconds of the products alone."
    view, rng, total, once = view_of(model), np.random.default_rng(0), 0, 0
    points = {k: (len(e.points), e.points.shape[1]) for k, e in model.expansions_.items()}
    bonds = {k: len(x)/len(frames[:50]) for k, x in view.rows(frames[:50])[1].items()}
    m, n = sum(p for p, _ in points.values()), min(block, len(frames))
    gram, spd = rng.random((m, m)).T, np.asfortranarray(rng.random((m, m))) + m*np.eye(m)
    def timed(product):
        start = time.perf_counter()
        product()
        return time.perf_counter() - start
    for k, (p, r) in points.items():
        q, z, sums, white = rng.random((max(1, int(n*bonds.get(k, 0))), r)), rng.random((r, p)), rng.random((6*n, p)), rng.random((p, p))
        total += timed(lambda: q @ z) + timed(lambda: sums @ white)
    for size in (1, 5):
        if 5*size*len(frames) <= m:
            a = rng.random((size*len(frames), m))
            once += timed(lambda: row_space(a))
        else:
            a = rng.random((size*n, m))
            total += timed(lambda: dsyrk(1., a.T, beta=1., c=gram, overwrite_c=1))
            once += timed(lambda: cholesky(spd, check_finite=False))
    return total*len(frames)/n + once


def work(n):
    train, _ = published_split(n)
    times = {}
    timed_stages(times)
    start = time.perf_counter()
    model = BondPolarizability(n_points=100 if SMALL else None).fit(train)
    whole = time.perf_counter() - start
    return whole, min(floor(model, train) for _ in range(3)), times


def main():
    rows = []
    for n in (20,) if SMALL else (300, 2000):
        whole, least, times = measured(work, n)["found"]
        rows.append((n, f"{whole:.1f}", f"{least:.2f}", f"{whole/least:.1f}", *(f"{times.get(k, 0):.1f}" for k in STAGES), f"{whole - sum(times.values()):.1f}"))
    print(table(["training frames", "fit (s)", "floor (s)", "fit/floor", *(f"{v} (s)" for v in STAGES.values()), "rest (s)"], rows))


if __name__ == "__main__": main()
