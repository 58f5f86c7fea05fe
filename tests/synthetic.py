"Synthetic runs for tests: polarizabilities of a few lines, and of two bonds."

import numpy as np

from bpm_nb.core.units import C_CM_FS


def three_lines():
    "Polarizability (6, 5000, 3, 3) with a step of 2 fs: lines at 500, 1500 and 3000 cm⁻¹."
    rng, t, alpha = np.random.default_rng(0), 2.0 * np.arange(5000), np.zeros((6, 5000, 3, 3))
    for nu, tensor in ((500, np.eye(3)), (1500, np.diag([1, 1, 1.6])), (3000, np.diag([1, -1, 0]))):
        amplitude, phase = rng.rayleigh(300 / nu, (6, 1)), rng.uniform(0, 2 * np.pi, (6, 1))
        alpha += (amplitude * np.cos(2 * np.pi * C_CM_FS * nu * t + phase))[..., None, None] * tensor
    return alpha


def two_bonds():
    "Tensors (6, 5000, 2, 3, 3) with a step of 2 fs: the first moves at 700 and 1500 cm⁻¹, the second at 1500 and 2900."
    rng, t = np.random.default_rng(1), 2.0 * np.arange(5000)

    def line(nu):
        return rng.rayleigh(300 / nu, (6, 1)) * np.cos(2 * np.pi * C_CM_FS * nu * t + rng.uniform(0, 6, (6, 1)))

    coordinates = [line(first) + line(second) for first, second in ((700, 1500), (1500, 2900))]
    return np.stack([x[..., None, None] * np.diag([1, 1, 1.5]) for x in coordinates], 2)
