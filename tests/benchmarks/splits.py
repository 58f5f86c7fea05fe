"""Ten random choices of the training frames

The published malonaldehyde frames: as many of the 2000 as the first column says, at random with the seeds 0 to 9, and
the 500 test frames each time. Mean and standard deviation over the ten choices: of the errors (root mean square over
the elements of the tensor, bohr³), of the share of all elements whose error lies inside one and two of the standard
deviations that the model states, and of the processor time of a fit. Nothing is set; the model chooses by its evidence.
"""

import time

import numpy as np
from measure import SMALL, table
from published import published

from bpm_nb.core.tensors import errors
from bpm_nb.models.polarizability import BondPolarizability

SEEDS = range(2 if SMALL else 10)


def one_split(n, seed):
    "Errors of both parts, shares inside 1σ and 2σ, seconds of the fit."
    train, test = published()[np.random.default_rng(seed).permutation(2000)[:n]], published("_test")
    start = time.process_time()
    model = BondPolarizability(n_points=100 if SMALL else None).fit(train)
    seconds = time.process_time() - start
    predicted, std = model.predict(test, return_std=True)
    found, off = errors(test.alpha, predicted), np.abs(predicted - test.alpha) / std
    return found["iso_rmse_au"], found["beta_rmse_au"], (off < 1).mean(), (off < 2).mean(), seconds


def main():
    rows = []
    for n in (20,) if SMALL else (30, 100, 300):
        values = np.array([one_split(n, seed) for seed in SEEDS])
        formats = [".4f", ".4f", ".2f", ".2f", ".1f"]
        both = zip(values.mean(0), values.std(0, ddof=1), formats)
        rows.append((n, *(f"{mean:{f}} ± {std:{f}}" for mean, std, f in both)))
    print(table(["training frames", "isotropic", "anisotropic", "inside 1σ", "inside 2σ", "fit (s)"], rows))


if __name__ == "__main__":
    main()
