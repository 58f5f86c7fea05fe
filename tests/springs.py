"Water as three springs: what rings of beads are tried on."

import numpy as np

MASSES = [15.999, 1.008, 1.008]  # u
WATER = np.array([[0.0, 0, 0], [0.9584, 0, 0], [-0.24, 0.9278, 0]])  # Å
SPRINGS = (0, 1, 49.0), (0, 2, 49.0), (1, 2, 9.0)  # atoms, eV/Å²


def water_springs(pos):
    "Energies (S,), eV, and forces (S, 3, 3), eV/Å."
    energy, forces = np.zeros(len(pos)), np.zeros(pos.shape)
    for a, b, k in SPRINGS:
        vector = pos[:, b] - pos[:, a]
        length = np.linalg.norm(vector, axis=1)
        stretch = length - np.linalg.norm(WATER[b] - WATER[a])
        energy += 0.5 * k * stretch**2
        pull = (k * stretch / length)[:, None] * vector
        forces[:, a] += pull
        forces[:, b] -= pull
    return energy, forces
