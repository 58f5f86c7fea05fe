"""The published malonaldehyde frames (Sowa and Rossky, J. Chem. Theory Comput. 2024, 20, 10071), where they lie."""

import os
from pathlib import Path

import numpy as np
import pytest

from bpm_nb.data.records import Frames

FOLDER = Path(os.environ.get("PUBLISHED", Path(__file__).parents[2] / "shared")) / "data" / "sowa_rossky_ma"
NUMBERS = [6, 6, 8, 6, 8, 1, 1, 1, 1]
BONDS = np.array([[0, 1], [0, 2], [0, 5], [1, 3], [1, 7], [3, 4], [3, 8], [4, 6], [2, 6]])
needs_published_frames = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"the published frames are not at ../shared/data/{FOLDER.name}"
)


def published(part=""):
    "Frames of the training run, or of the test run (`part='_test'`)."
    pos, alpha = (np.load(FOLDER / f"{name}_MDA{part}.npy") for name in ("coord", "alpha"))
    return Frames(np.tile(NUMBERS, (len(pos), 1)), pos, (alpha + alpha.transpose(0, 2, 1)) / 2)
