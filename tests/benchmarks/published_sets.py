"""Published sets that nobody here made

Reference polarizabilities as others published them, taken as a user takes them: fetch, convert, fit, evaluate, nothing
set. Errors on frames held out, over the elements of the tensor, and in brackets as a share of the spread; *left out* is
what the fit itself says of frames left out, without the test frames. Time is that of `fit`. The data are not part of
the library: each row says where they are from and what was run. Whoever runs this fetches a set that is not there, into
the folder that PUBLISHED names.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measure import SMALL, table

from bpm_nb.core.tensors import errors
from bpm_nb.data.arrays import frames_from
from bpm_nb.data.files import read_frames
from bpm_nb.data.records import Frames
from bpm_nb.models.polarizability import BondPolarizability

SHARED = Path(os.environ.get("PUBLISHED", Path(__file__).parents[3] / "shared"))


@dataclass(frozen=True)
class PublishedSet:
    "A set, where it is, and how its training and test frames are told apart."

    name: str
    source: str  # paper and repository
    file: str  # under the folder
    command: str  # of the command line
    train: int  # frames
    test: int  # frames


MALONALDEHYDE = dict(
    source="Sowa, Rossky, J. Chem. Theory Comput. 2024, 20, 10071",
    file="data/sowa_rossky_ma/coord_MDA.npy",
    command="bpm-nb convert coord_MDA.npy --numbers 'C C O C O H H H H' --alpha alpha_MDA.npy -o train.npz",
    test=500,
)
SETS = [
    *(PublishedSet(f"malonaldehyde, {n} frames", train=n, **MALONALDEHYDE) for n in (100, 300, 2000)),
    PublishedSet(
        "water molecule, 150 frames",
        "Grisafi et al., Phys. Rev. Lett. 2018, 120, 036002; dilkins/TENSOAP",
        "cases/water_model/train.xyz",
        "bpm-nb fit train.xyz",
        train=150,
        test=50,
    ),
]


def frames_of(chosen: PublishedSet) -> tuple[Frames, Frames]:
    "Training and test frames, at random with seed 0."
    path = SHARED / chosen.file
    rng = np.random.default_rng(0)
    if path.suffix == ".npy":
        folder, atoms = path.parent, "C C O C O H H H H"
        train, test = (
            frames_from(atoms, folder / f"coord_MDA{part}.npy", folder / f"alpha_MDA{part}.npy")
            for part in ("", "_test")
        )
        return train[rng.permutation(len(train))[: chosen.train]], test[: chosen.test]
    frames = read_frames(path, need="alpha")
    order = rng.permutation(len(frames))
    return frames[order[: chosen.train]], frames[order[chosen.train : chosen.train + chosen.test]]


def row(chosen: PublishedSet) -> list:
    "One row of the table."
    if not (SHARED / chosen.file).exists():
        return [chosen.name, "", "", "", "", "", "", f"{chosen.source}: `{chosen.command}`; not there"]
    train, test = frames_of(chosen)
    train, test = (train[:40], test[:20]) if SMALL else (train, test)
    start = time.perf_counter()
    model = BondPolarizability(n_points=100 if SMALL else None).fit(train)
    seconds = time.perf_counter() - start
    found = errors(test.alpha, model.predict(test))
    cells = [f"{found[f'{k}_rmse_au']:.3g} ({100 * found[f'{k}_relative']:.2g} %)" for k in ("iso", "beta")]
    left_out = " / ".join(f"{e:.3g}" for e in model.errors_)
    return [
        chosen.name,
        len(train),
        len(test),
        *cells,
        left_out,
        f"{seconds:.1f}",
        f"{chosen.source}: `{chosen.command}`",
    ]


if __name__ == "__main__":
    head = "set", "train", "test", "isotropic", "anisotropic", "left out", "fit (s)", "source and command"
    print(table(head, [row(chosen) for chosen in (SETS[:1] + SETS[-1:] if SMALL else SETS)]))
