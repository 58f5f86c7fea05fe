"""Cells of 64, 512 and 4096 molecules of water

Models of cells of 27 molecules predict one cell of many: q-TIP4P/F molecules at the density of the liquid, on a
lattice, turned at random, all atoms displaced by 0.05 Å. What is learned is made up, a smooth function of the
distances; the cost does not depend on it. Processor time for each molecule, the shortest of several calls, *ratio* of
the largest cell to the smallest; the peak of the memory of a process that loads a model and predicts one of these
cells, everything included. What a model of α may use is `memory_mb`, 2048 MiB.
"""

import time
import warnings
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from measure import SMALL, measured, peak_mib, table

from bpm_nb.bonds.pairs import bonds
from bpm_nb.data.records import Frames
from bpm_nb.dynamics.liquids import cube_side, water_lattice
from bpm_nb.models.polar_tensors import BondPolarTensor
from bpm_nb.models.polarizability import BondPolarizability

FEW = 27
SIZES = (FEW, 64) if SMALL else (64, 512, 4096)


def water_cells(n, frames, seed):
    "Frames of one cell of n molecules."
    rng, side = np.random.default_rng(seed), cube_side(n)
    numbers, pos = (np.array(x) for x in zip(*(water_lattice(n, side, rng) for _ in range(frames))))
    return Frames(numbers, pos + rng.normal(scale=0.05, size=pos.shape), cell=side * np.eye(3))


def with_tensors(frames):
    "The same with made-up α, bohr³, and polar tensors, e, which add up to zero."
    z, chosen = frames.numbers, bonds(frames.numbers[0], frames.pos, "pairs", 4.0, cell=frames.cell)
    (a, b), u = chosen.atoms.T, chosen.direction
    size = chosen.weight * np.exp(-chosen.length) * np.sqrt(z[0, a] * z[0, b])
    t = size[:, None, None] * (u[:, :, None] * u[:, None] + np.eye(3))
    alpha, polar = np.zeros((len(z), 3, 3)), np.where(z == 8, -0.8, 0.4)[..., None, None] * np.eye(3)
    np.add.at(alpha, chosen.frame, t)
    np.add.at(polar, (chosen.frame, a), 0.3 * t)
    np.add.at(polar, (chosen.frame, b), -0.3 * t)
    return replace(frames, alpha=alpha, polar_tensor=polar)


def fitted():
    "{name of a file: fitted model}"
    few = dict(n_points=50) if SMALL else {}
    train = with_tensors(water_cells(FEW, 4 if SMALL else 20, 0))
    quick = dict(few, gamma=0.25, lam=1e-6) if SMALL else {}
    return dict(
        covalent=BondPolarizability(bonds="covalent", **quick).fit(train),
        pairs=BondPolarizability(**quick).fit(train[: 2 if SMALL else 6]),
        polar=BondPolarTensor(**few).fit(train[:8]),
    )


def work(path, options, n):
    "Processor seconds for one cell of n molecules, and the peak memory of this process, MiB."
    warnings.simplefilter("ignore")
    model = (BondPolarTensor if "polar" in path.stem else BondPolarizability).load(path)
    model.predict(water_cells(FEW, 1, 1), **options)  # what is computed once
    cell, seconds = water_cells(n, 1, 2), []
    for _ in range(1 if SMALL else max(2, 1024 // n)):
        start = time.process_time()
        model.predict(cell, **options)
        seconds.append(time.process_time() - start)
    return min(seconds), peak_mib()


def main():
    warnings.simplefilter("ignore")
    std, rows = dict(return_std=True), []
    tasks = {"α, covalent bonds": ("covalent", {}), "the same, with standard deviations": ("covalent", std)}
    tasks |= {"α, all pairs within 5 Å": ("pairs", {}), "polar tensors": ("polar", {})}
    with TemporaryDirectory() as folder:
        for name, model in fitted().items():
            model.save(Path(folder, f"{name}.npz"))
        for label, (name, options) in tasks.items():
            found = [measured(work, Path(folder, f"{name}.npz"), options, n)["found"] for n in SIZES]
            ms = [1e3 * seconds / n for n, (seconds, _) in zip(SIZES, found)]
            rows.append(
                (label, *(f"{x:.2f}" for x in ms), f"{ms[-1] / ms[0]:.2f}", *(f"{mib:.0f}" for _, mib in found))
            )
    head = ["", *(f"{n} molecules (ms each)" for n in SIZES), "ratio", *(f"peak, {n} (MiB)" for n in SIZES)]
    print(table(head, rows))


if __name__ == "__main__":
    main()
