"""Molecules whose vibrations are known exactly: what spectra, shares and motions are compared with."""

import warnings

import numpy as np
from ase.build import molecule
from scipy.spatial.transform import Rotation

from bpm_nb.core.units import C_CM_FS
from bpm_nb.data.records import Trajectory
from bpm_nb.spectra.raman import raman_spectrum


def walk(shape, seed=0):
    x = np.random.default_rng(seed).normal(size=(*shape, 3, 3))
    return np.cumsum(x + x.swapaxes(-1, -2), axis=1)


def smooth(shape, seed=0):
    "Random tensors with no motion near the Nyquist wavenumber."
    x = np.fft.rfft(walk(shape, seed), axis=1)
    x[:, x.shape[1] // 2 :] = 0
    return np.fft.irfft(x, shape[1], axis=1)


def quiet(*args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return raman_spectrum(*args, **options)


class Springs:
    "A molecule of balls and springs that tumbles, with random phases: positions, polarizability, modes."

    def __init__(self, name="CH3CH2OH", n_segments=4, n_frames=4000, dt=2.0, seed=0, degenerate_light=False):
        rng, atoms = np.random.default_rng(seed), molecule(name)
        self.masses, self.rest, n = atoms.get_masses(), atoms.positions - atoms.get_center_of_mass(), len(atoms)
        hessian = np.zeros((n, 3, n, 3))
        for a in range(n):
            for b in range(a):
                d = self.rest[a] - self.rest[b]
                r = np.linalg.norm(d)
                k = 0.6 * np.exp(-1.5 * (r - 1.0)) * np.outer(d, d) / r**2
                for i, j, sign in ((a, a, 1), (b, b, 1), (a, b, -1), (b, a, -1)):
                    hessian[i, :, j] += sign * k
        w = np.repeat(self.masses, 3) ** -0.5
        omega2, vectors = np.linalg.eigh(w[:, None] * hessian.reshape(3 * n, -1) * w)
        self.modes = (w[:, None] * vectors[:, 6:]).T.reshape(-1, n, 3)
        omega = np.sqrt(omega2[6:])
        self.nu = omega / (2 * np.pi * C_CM_FS)
        change = rng.normal(size=(len(omega), 3, 3))
        change = change + change.swapaxes(1, 2)
        if degenerate_light:
            change -= np.trace(change, axis1=1, axis2=2)[:, None, None] * np.eye(3) / 3
        angle = omega * dt * np.arange(n_frames)[:, None] + rng.uniform(0, 6, (n_segments, 1, len(omega)))
        q = 1e-3 * rng.rayleigh(size=(n_segments, 1, len(omega))) * np.cos(angle) / omega
        turn = Rotation.from_rotvec(3e-4 * np.arange(n_frames)[:, None] * rng.normal(size=3)).as_matrix()
        pos = (self.rest + np.einsum("gtk,kai->gtai", q, self.modes)) @ turn.swapaxes(1, 2) + rng.normal(
            size=(n_segments, 1, 1, 3)
        )
        self.run = Trajectory(atoms.numbers, pos, dt, temperature_K=300.0)
        self.alpha = turn @ (np.diag([40.0, 45, 50]) + np.einsum("gtk,kij->gtij", q, change)) @ turn.swapaxes(1, 2)

    def separate(self, apart=15):
        "Indices of modes with no neighbour nearer than this, cm⁻¹."
        gap = np.diff(np.concatenate([[-np.inf], self.nu, [np.inf]]))
        return np.flatnonzero((gap[1:] > apart) & (gap[:-1] > apart))


def form(wavenumbers, seed, n_segments=16, n_frames=2500, dt=2.0, width=20.0):
    "A form with noisy damped vibrations at these wavenumbers."
    from scipy.signal import lfilter

    rng, alpha = np.random.default_rng(seed), 0
    for nu in wavenumbers:
        r, angle = np.exp(-dt * C_CM_FS * np.pi * width), 2 * np.pi * C_CM_FS * nu * dt
        q = lfilter([1 - r], [1, -2 * r * np.cos(angle), r * r], rng.normal(size=(n_segments, n_frames + 1500)))[
            :, 1500:
        ]
        alpha = alpha + q[..., None, None] * np.diag([1, 1, 1.5])
    return alpha


def morse(charge, spin):
    "Calculator of nitrogen on a Morse potential."
    from ase.calculators.morse import MorsePotential

    return MorsePotential(epsilon=9.9, r0=1.098, rho0=2.95, rcut1=3.0, rcut2=4.0)
