"""Neighbour lists of liquid water, beside those of others: python tests/benchmarks/neighbour_lists.py

Needs vesin and matscipy beside the library: pip install vesin matscipy."""

import time

from ase.build import molecule
from ase.neighborlist import neighbor_list

from bpm_nb.data.cells import images_within

REACH = 5.0  # Å


def milliseconds(function, times=3):
    "Shortest time of a few calls, ms, and what the last one returned."
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        found = function()
        taken.append(1e3 * (time.perf_counter() - start))
    return min(taken), found


def water(n):
    "A box of 32 n³ molecules at the density of the liquid."
    box = molecule("H2O", cell=[3.105] * 3, pbc=True).repeat((4, 4, 2)).repeat(n)
    box.rattle(0.3, seed=0)
    return box


def lists(box):
    "{name: function without arguments}, each returns one array for each column of its list."
    from matscipy.neighbours import neighbour_list
    from vesin import NeighborList

    pos, cell = box.positions, box.cell.array
    vesin = NeighborList(cutoff=REACH, full_list=True)
    return {
        "ASE": lambda: neighbor_list("ijS", box, REACH),
        "matscipy": lambda: neighbour_list("ijS", box, REACH),
        "vesin": lambda: vesin.compute(points=pos, box=cell, periodic=True, quantities="ijS"),
        "search tree": lambda: images_within(pos, pos, cell, REACH),
    }


def main():
    for n in (1, 2, 4):
        box = water(n)
        for name, function in lists(box).items():
            ms, found = milliseconds(function, 1 if name == "ASE" else 3)
            pairs = len(found[0]) - (len(box) if name == "search tree" else 0)  # the tree lists each atom itself too
            print(f"{len(box):5} atoms, {name:12} {pairs:7} pairs {ms:9.1f} ms", flush=True)


if __name__ == "__main__":
    main()
