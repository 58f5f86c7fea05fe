"Polarizabilities of oscillators whose spectra are known, for the tests of spectra."

import warnings

import numpy as np

from bpm_nb.core.units import C_CM_FS
from bpm_nb.spectra.raman import raman_spectrum

SYMMETRIC, TRACELESS, MIXED = np.eye(3), np.array([[0, 1.0, 0], [1, 0, 0], [0, 0, 0]]), np.diag([1.0, 1, 1.5])


def omega(nu):
    return 2 * np.pi * C_CM_FS * nu


def oscillator(nu, tensor, n=40_000, dt=1.0, amplitude=1.0, phase=0.3):
    return amplitude * np.cos(omega(nu) * dt * np.arange(n) + phase)[:, None, None] * tensor + np.diag([40.0, 50, 60])


def langevin(nu, width, tensor, n=5000, segments=8, dt=2.0, seed=0):
    "Damped oscillators driven by noise, sampled exactly, with ⟨q²⟩ = 1; the friction is 2πc·width."
    rng, friction = np.random.default_rng(seed), 2 * np.pi * C_CM_FS * width
    drift = np.array([[0, 1], [-(omega(nu) ** 2), -friction]])
    values, vectors = np.linalg.eig(drift)
    step = (vectors * np.exp(values * dt) @ np.linalg.inv(vectors)).real
    equilibrium = np.diag([1, omega(nu) ** 2])
    kick = np.linalg.cholesky(equilibrium - step @ equilibrium @ step.T)
    state, q = rng.normal(size=(segments, 2)) * np.sqrt(np.diag(equilibrium)), np.empty((segments, n))
    noise = rng.normal(size=(n, segments, 2)) @ kick.T
    for t in range(n):
        q[:, t] = state[:, 0]
        state = state @ step.T + noise[t]
    return q[..., None, None] * tensor


def walk(shape, seed=0):
    x = np.random.default_rng(seed).normal(size=(*shape, 3, 3))
    return np.cumsum(x + x.swapaxes(-1, -2), axis=-3)


def quiet(*args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return raman_spectrum(*args, **kwargs)


def area(s, curve):
    return np.trapezoid(curve, s.wavenumber_cm1)


GOOD = oscillator(900, MIXED, 8000)


KT = 1.380649e-23 / (1.66053906660e-27 * 1e10)  # u Å² fs⁻² per K
