"""Fit time over the floor

The floor is the time of the matrix products and factorizations of a fit, with arrays of the fit's own sizes. Choice
of λ: q qᵀ of the bonds of some frames and the eigenvectors of both covariances. Solution: q zᵀ of every bond with every
point of its kind, the triangle of the points applied to it, the covariance of the targets from the sums of all sides,
one Cholesky factorization, and the factor applied to the frames left out. Uncertainty: q qᵀ of the frames that are
remembered, a Cholesky factorization and an inverse of both covariances, and the bonds seen by 800 points. Exponentials,
descriptors, sums over bonds, and further factorizations on the way to λ are in the time and not in the floor; of the
metric only the time is told. Published malonaldehyde frames; wall time on all cores.
"""

import time

import numpy as np
from measure import SMALL, measured, published_split, table
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular
from scipy.linalg.blas import dsyrk

from bpm_nb.models import fitting
from bpm_nb.models.polarizability import BondPolarizability
from bpm_nb.regression import solvers
from bpm_nb.regression.prediction import model_representation
from bpm_nb.regression.stream import frames_within_memory

RNG = np.random.default_rng(0)


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
    "Bonds of a frame, (points, features, sides of each part) of a kind, n frames."
    products = sum(seconds(lambda q=RNG.random((int(n * bonds[k]), r)): q @ q.T) for k, (_, r, _) in points.items())
    return products + sum(seconds(lambda a=covariance(size * n): np.linalg.eigh(a)) for size in (1, 5))


def solution_floor(bonds, points, n, n_left):
    total = 0
    for k, (p, r, _) in points.items():
        q, z, lower = RNG.random((max(1, int(n * bonds[k])), r)), RNG.random((r, p)), covariance(p)
        total += seconds(lambda: solve_triangular(lower, (q @ z).T, lower=True, overwrite_b=True, check_finite=False))
    for part, size in enumerate((1, 5)):
        gram, functions = covariance(size * n), sum(p * sides[part] for p, _, sides in points.values())
        some = RNG.random((size * n, 200))
        product = seconds(lambda: dsyrk(1.0, some.T, beta=1.0, c=gram, trans=1, lower=1, overwrite_c=1))
        total += product * functions / 200 + seconds(lambda: cholesky(gram, overwrite_a=True, check_finite=False))
        left_out = RNG.random((size * n, size * n_left))
        total += seconds(lambda: solve_triangular(gram, left_out, trans=1, check_finite=False))
    return total


def uncertainty_floor(bonds, points, n_all, n, few):
    total = 0
    for k, (_, r, _) in points.items():
        q, every, z = (RNG.random((max(1, m), r)) for m in (int(n * bonds[k]), int(n_all * bonds[k]), few[k]))
        total += seconds(lambda: q @ q.T) + seconds(lambda: every @ z.T @ RNG.random((len(z), len(z))))
    for size in (1, 5):
        a = covariance(size * n)
        total += seconds(lambda: cho_solve(cho_factor(a), np.eye(len(a))))
    return total


def floors(model, frames):
    "Seconds of the products and factorizations of each stage."
    rows, seen = model_representation(model).rows(frames[:50])
    points = {k: (*e.points.shape, np.bincount(rows[k].parts)) for k, e in model.expansions_.items()}
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
    times, stages = {}, ("chosen_hyperparameters", "solution", "fitted_posterior", "metric_of_frames")
    for name in ("chosen_hyperparameters", "fitted_posterior", "metric_of_frames"):
        setattr(fitting, name, timed(times, name, getattr(fitting, name)))
    solvers.BASES["condensed"] = timed(times, "solution", solvers.BASES["condensed"])
    start = time.perf_counter()
    model = BondPolarizability(n_points=100 if SMALL else None, basis="condensed").fit(train)
    whole = time.perf_counter() - start
    spent, least = [times[k] for k in stages], np.min([floors(model, train) for _ in range(3)], 0)
    return [*spent, whole - sum(spent), whole], least


def main():
    rows = []
    for n in (20,) if SMALL else (100, 300, 700, 2000):
        spent, least = measured(work, n)["found"]
        rows += [
            (n, "fit (s)", *(f"{x:.2f}" for x in spent)),
            (n, "floor (s)", *(f"{x:.2f}" for x in least)),
            (n, "fit/floor", *(f"{a / b:.1f}" for a, b in zip(spent, least))),
        ]
    head = ["training frames", "", "choice of λ", "solution", "uncertainty", "metric", "rest", "whole"]
    print(table(head, [(*row, *[""] * (len(head) - len(row))) for row in rows]))


if __name__ == "__main__":
    main()
