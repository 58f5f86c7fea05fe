"Small molecules for tests: frames with a polarizability that is smooth and covariant, and not of the model's form."

import numpy as np
from scipy.spatial.transform import Rotation

from bpm_nb.data.records import Frames

WATER = np.array([[0, 0, 0.12], [0, 0.76, -0.47], [0, -0.76, -0.47]])
METHANOL = np.array(
    [[-0.05, 0.66, 0], [-0.05, -0.76, 0], [-1.09, 0.98, 0], [0.44, 1.07, 0.89], [0.44, 1.07, -0.89], [0.87, -1.05, 0]]
)


def rattled(numbers, pos, n, seed, size=0.05):
    "Distorted, randomly turned frames; their polarizability is smooth, covariant, and not of the model's form."
    rng = np.random.default_rng(seed)
    x = pos + rng.normal(scale=size, size=(n, *pos.shape))
    x = np.einsum("sij,snj->sni", Rotation.random(n, rng=rng).as_matrix(), x)
    i, j = np.triu_indices(len(numbers), 1)
    d = x[:, i] - x[:, j]
    r = np.linalg.norm(d, axis=-1)
    strength = (
        np.sqrt(np.array(numbers)[i] * np.array(numbers)[j]) * np.exp(-((r - 1) ** 2)) * (1 + 0.1 * np.sin(3 * r))
    )
    alpha = np.einsum("sb,sbi,sbj->sij", strength / r**2, d, d) + (strength * r).sum(1)[:, None, None] * np.eye(3)
    return Frames(np.tile(numbers, (n, 1)), x, alpha)
