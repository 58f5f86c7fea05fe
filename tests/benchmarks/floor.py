"""Fit time over the floor

The floor is the time of the matrix products and factorizations of a fit, with arrays of the fit's own sizes. Choice
of γ and λ: q qᵀ of the bonds of some frames and the eigenvectors of both covariances, for each γ that is tried.
Solution: q zᵀ of every bond with every point of its kind, the design times the whitening, and for few frames the
triangle of each design, for many its AᵀA, with one Cholesky factorization; for the frames left out the factor applied
to their rows. Uncertainty: q qᵀ of the frames that are remembered, a Cholesky factorization and an inverse of both
covariances, and the bonds seen by 800 points. Exponentials, descriptors, sums over bonds, further factorizations on
the way to λ and the refinement are in the time and not in the floor. Published malonaldehyde frames; wall time on all
cores.
"""

import os
import time

import numpy as np
from measure import SMALL, measured, published_split, table
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular
from scipy.linalg.blas import dsyrk
from threadpoolctl import threadpool_limits

from bpm_nb.models import fitting
from bpm_nb.models.polarizability import BondPolarizability
from bpm_nb.regression import solvers
from bpm_nb.regression.normal_equations import row_space
from bpm_nb.regression.prediction import model_representation
from bpm_nb.regression.stream import frames_within_memory

RNG = np.random.default_rng(0)
TRIED = 4  # γ of a fit


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def timed(times, name, function):
    "The function, which adds its time to `times`."

    def run(*args, **settings):
        start = time.perf_counter()
        try:
            return function(*args, **settings)
        finally:
            times[name] = times.get(name, 0) + time.perf_counter() - start

    return run


def covariance(n):
    return np.asfortranarray(RNG.random((n, n))) + n * np.eye(n)


def choice_floor(bonds, points, n):
    "For each γ on one core, as many at once as cores: bonds of a frame, (points, features) of a kind, n frames."
    with threadpool_limits(1):
        products = sum(seconds(lambda q=RNG.random((int(n * bonds[k]), r)): q @ q.T) for k, (_, r) in points.items())
        return (
            (products + sum(seconds(lambda a=covariance(size * n): np.linalg.eigh(a)) for size in (1, 5)))
            * TRIED
            / min(TRIED, os.cpu_count())
        )


def solution_floor(bonds, points, n, n_left, block=200):
    m, rows, total, once = sum(p for p, _ in points.values()), min(block, n), 0, 0
    for k, (p, r) in points.items():
        q, z, sums, white = (
            RNG.random((max(1, int(rows * bonds[k])), r)),
            RNG.random((r, p)),
            RNG.random((6 * rows, p)),
            RNG.random((p, p)),
        )
        total += seconds(lambda: q @ z) + seconds(lambda: sums @ white)
    gram, factor = RNG.random((m, m)).T, covariance(m)
    for size in (1, 5):
        held = 20 * n <= 3 * m
        a, small = (
            RNG.random((size * (n if held else rows), m)),
            np.asfortranarray(factor[: size * n, : size * n]) if held else factor,
        )
        if held:
            once += seconds(lambda: row_space(a)) + seconds(lambda: small.T @ small)
        else:
            total += seconds(lambda: dsyrk(1.0, a.T, beta=1.0, c=gram, overwrite_c=1))
        once += seconds(lambda: cholesky(small, check_finite=False))
        once += seconds(
            lambda c=RNG.random((len(small), size * n_left)): solve_triangular(small, c, trans=1, check_finite=False)
        )
    return total * n / rows + once


def uncertainty_floor(bonds, points, n_all, n, few):
    total = 0
    for k, (_, r) in points.items():
        q, every, z = (
            RNG.random((int(n * bonds[k]), r)),
            RNG.random((max(1, int(n_all * bonds[k])), r)),
            RNG.random((few[k], r)),
        )
        total += seconds(lambda: q @ q.T) + seconds(lambda: every @ z.T @ RNG.random((few[k], few[k])))
    for size in (1, 5):
        a = covariance(size * n)
        total += seconds(lambda: cho_solve(cho_factor(a), np.eye(len(a))))
    return total


def floors(model, frames):
    "Seconds of the products and factorizations of each stage."
    points = {k: (len(e.points), e.points.shape[1]) for k, e in model.expansions_.items()}
    seen = model_representation(model).rows(frames[:50])[1]
    bonds = {k: len(seen.get(k, ())) / len(frames[:50]) for k in points}
    known, some = model.posterior_, [len(frames_within_memory(frames, model, pairs, 0)) for pairs in (8_000, 16_000)]
    few = {k: len(known.basis.points.get(k, "-")) for k in points}
    return np.array(
        [
            choice_floor(bonds, points, some[0]),
            solution_floor(bonds, points, len(frames), some[1]),
            uncertainty_floor(bonds, points, min(len(frames), 1666), len(known.frames), few),
        ]
    )


def work(n):
    train, _ = published_split(n)
    times = {}
    for name in ("chosen_hyperparameters", "fitted_posterior"):
        setattr(fitting, name, timed(times, name, getattr(fitting, name)))
    solvers.BASES["inducing"] = timed(times, "solution", solvers.BASES["inducing"])
    start = time.perf_counter()
    model = BondPolarizability(n_points=100 if SMALL else None).fit(train)
    whole = time.perf_counter() - start
    stages = [times[k] for k in ("chosen_hyperparameters", "solution", "fitted_posterior")]
    least = np.min([floors(model, train) for _ in range(3)], 0)
    return [*stages, whole - sum(stages), whole], [*least, 0, least.sum()]


def main():
    rows = []
    for n in (20,) if SMALL else (100, 300, 700, 2000):
        spent, least = measured(work, n)["found"]
        rows += [
            (n, "fit (s)", *(f"{x:.2f}" for x in spent)),
            (n, "floor (s)", *(f"{x:.2f}" for x in least)),
            (n, "fit/floor", *(f"{a / b:.1f}" if b else "" for a, b in zip(spent, least))),
        ]
    print(table(["training frames", "", "choice of γ and λ", "solution", "uncertainty", "rest", "whole"], rows))


if __name__ == "__main__":
    main()
