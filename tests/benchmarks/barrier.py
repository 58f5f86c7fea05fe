"""Proton transfer

The proton of malonaldehyde's enol passes from one oxygen to the other along the path of least energy (climbing images,
nudged elastic band) on the surface that was learned over GFN2-xTB from the shipped training frames. Beside it stand
GFN2-xTB and density-functional theory at the geometries of that path, and the standard deviation that the surface
states. Energies are from the first geometry, the minimum of the learned surface, up to the top.
"""

import numpy as np
from ase import Atoms
from ase.build import minimize_rotation_and_translation
from ase.mep import NEB
from ase.optimize import BFGS, FIRE
from measure import SMALL, table
from scipy.optimize import linear_sum_assignment

from bpm_nb.data import Frames, load
from bpm_nb.models.baselines import baseline_values
from bpm_nb.models.calculator import BondCalculator
from bpm_nb.models.energy import BondEnergy
from bpm_nb.reference.quantum import single_point

N_TRAIN, N_IMAGES, FMAX = (40, 3, 0.5) if SMALL else (None, 11, 0.02)


def other_side(minimum):
    "The same molecule with its proton at the other oxygen: the mirror image between the oxygens, atoms exchanged."
    numbers, x = minimum.numbers, minimum.positions
    a, b = x[numbers == 8]
    axis, middle = (b - a) / np.linalg.norm(b - a), (a + b) / 2
    mirrored = x - 2 * ((x - middle) @ axis)[:, None] * axis
    distance = np.linalg.norm(x[:, None] - mirrored, axis=2) + 1e3 * (numbers[:, None] != numbers)
    image = Atoms(numbers, mirrored[linear_sum_assignment(distance)[1]])
    minimize_rotation_and_translation(minimum, image)
    return image


def path(model):
    "Geometries from one minimum to the other, on the surface of the model."
    data = load("malonaldehyde-enol")
    minimum = Atoms(data.harmonic_dft.numbers, data.harmonic_dft.pos, calculator=BondCalculator(model))
    BFGS(minimum, logfile=None).run(fmax=1e-3)
    images = [minimum.copy() for _ in range(N_IMAGES - 1)] + [other_side(minimum)]
    for image in images:
        image.calc = BondCalculator(model)
    band = NEB(images, method="improvedtangent")
    band.interpolate("idpp")
    for climb, fmax, steps in ((False, max(0.05, FMAX), 300), (True, FMAX, 500)):
        band.climb = climb
        FIRE(band, logfile=None).run(fmax=fmax, steps=steps)
    return Frames(np.tile(minimum.numbers, (N_IMAGES, 1)), np.array([image.positions for image in images]))


def rows():
    "A line for each geometry up to the top."
    model = BondEnergy(baseline="gfn2", n_points=300 if SMALL else None).fit(load("malonaldehyde-enol").train[:N_TRAIN])
    frames = path(model)
    energies, std = model.predict(frames, return_std=True)
    below, top = baseline_values("gfn2", frames)[0], int(energies.argmax())
    oxygen = np.flatnonzero(frames.numbers[0] == 8)
    shared = np.linalg.norm(frames.pos[:, oxygen][:, :, None] - frames.pos[:, None], axis=-1)  # (S, 2, N)
    proton = int((shared.max(0) + 1e3 * (frames.numbers[0] != 1)).sum(0).argmin())
    exact = np.array([single_point(frames.numbers[0], x, want=("energy",))["energy"] for x in frames.pos[: top + 1]])
    for k in range(top + 1):
        learned, dft, cheap = (1000 * (e[k] - e[0]) for e in (energies, exact, below))
        off = shared[k, 0, proton] - shared[k, 1, proton]
        yield [
            f"{off:+.2f}",
            f"{cheap:.1f}",
            f"{learned:.1f}",
            f"{1000 * std[k]:.1f}",
            f"{dft:.1f}",
            f"{learned - dft:+.1f}",
        ]


if __name__ == "__main__":
    head = [
        "r(O–H) − r(O···H) / Å",
        "GFN2-xTB / meV",
        "learned / meV",
        "its standard deviation / meV",
        "DFT / meV",
        "learned − DFT / meV",
    ]
    print(table(head, list(rows())))
