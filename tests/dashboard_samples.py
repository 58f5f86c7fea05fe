"Runs, files and waiting that the tests of the dashboards share."

import asyncio

import numpy as np

from bpm_nb.assignment.shares import bond_shares
from bpm_nb.core.units import C_CM_FS
from bpm_nb.dashboards.runs import Series
from bpm_nb.data.files import write
from bpm_nb.data.records import Trajectory

PAIRS = np.array([[0, 1], [1, 2]])


def water_run(frames=4000, dt=1.0, seed=0):
    "A run of a water-like molecule: one symmetric line at 1600 cm⁻¹, one anisotropic line at 3600 cm⁻¹."
    rng, t = np.random.default_rng(seed), dt * np.arange(frames)
    rest = np.array([[0.95, 0.0, 0.0], [0.0, 0.0, 0.0], [-0.25, 0.9, 0.0]])
    a, b = (np.cos(2 * np.pi * C_CM_FS * nu * t + p) for nu, p in ((1600, 0.3), (3600, 1.1)))
    pos = (
        rest
        + 0.05 * a[:, None, None] * [[0, 1, 0], [0, -0.1, 0], [0, 1, 0]]
        + 0.05 * b[:, None, None] * [[1, 0, 0], [-0.1, 0, 0], [0, 0, 0]]
    )
    bond = np.stack([a[:, None, None] * np.eye(3), b[:, None, None] * np.diag([1.0, -1, 0])], 1)
    noise = 1e-3 * rng.normal(size=(frames, 1, 1)) * np.eye(3)
    return Trajectory([1, 8, 1], pos[None], dt), (10 * np.eye(3) + bond.sum(1) + noise)[None], bond[None]


def water_series(name="water", **more):
    "The same as a `Series` with the shares of its bonds."
    run, alpha, bonds = water_run(**more)
    return Series(name, run, alpha, "", PAIRS, bond_shares(bonds, run.dt_fs, resolution_cm1=20.0))


def as_upload(tmp_path, frames, name="run.xyz"):
    "(name, bytes) of a file with these frames."
    write(tmp_path / name, frames)
    return name, (tmp_path / name).read_bytes()


BAD_FILES = {
    "binary": ("x.xyz", bytes(range(256)) * 40),
    "an image": ("x.png", b"\x89PNG"),
    "an empty file": ("x.xyz", b""),
    "not a number": ("x.xyz", b"2\n\nH 0 0 nan\nH 0 0 1\n" * 50),
    "half a frame": ("x.xyz", b"3\n\nH 0 0 0\n"),
    "an archive of something else": ("x.npz", b"PK\x03\x04" + bytes(100)),
    "a short run": ("x.xyz", b"2\n\nH 0 0 0\nH 0 0 0.8\n" * 3),
    "other elements": ("x.xyz", b"2\n\nU 0 0 0\nU 0 0 2.4\n" * 3000),
    "a path": ("../../x.xyz", b"nothing"),
}


def in_a_loop(state, start, until, seconds=90):
    "Run an event loop until something holds."

    async def go():
        start()
        for _ in range(int(seconds / 0.05)):
            if until():
                return
            await asyncio.sleep(0.05)

    asyncio.run(go())
