"The rungs of the ladder that solve equations: each `fit` takes frames, gives a function of frames, and a remark."

from dataclasses import replace

import numpy as np
from ase.data import chemical_symbols
from methods import equivariant_kernels, equivariants
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from bpm_nb.bonds.pairs import bonds
from bpm_nb.core.tensors import components, tensor
from bpm_nb.models.neural import BondNetwork
from bpm_nb.models.polarizability import BondPolarizability
from bpm_nb.plots.figures import covalent_pairs
from bpm_nb.regression.krr import LAMBDAS, best_lambda, ridge

BOHR = 0.529177210903  # Å
ORDER = [0, 2, 4, 1, 3]  # of the real spherical harmonics among the components


# ---- the library


def library(**settings):
    "Our kernel with these settings."

    def fit(train):
        return BondPolarizability(**settings).fit(train).predict, ""

    return fit


def bond_network(passes):
    "`BondNetwork`; from 300 frames on as many steps as for 300."

    def fit(train):
        n = min(passes, passes * 300 // len(train))
        return BondNetwork(n_epochs=n).fit(train).predict, f"{n} passes, 4 networks"

    return fit


# ---- the published form (Sowa and Rossky 2024) at its settings, as matrix products

GAMMA, LAMBDA, BLOCK = 1e-5, 1e-8, 50  # for SOAP that is not scaled; frames at once


def bond_list(numbers, pos):
    "Covalent bonds, and those of a hydrogen between two oxygens to both of them."
    pairs = covalent_pairs(numbers, pos).tolist()
    oxygens, hydrogens = np.flatnonzero(numbers == 8), np.flatnonzero(numbers == 1)
    for h in hydrogens:
        near = [o for o in oxygens if np.linalg.norm(pos[o] - pos[h]) < 2.1]
        pairs += [sorted((o, h)) for o in near if len(near) > 1 and sorted((o, h)) not in pairs]
    return np.array(pairs)


def bond_frames(frames, pairs):
    "SOAP (S, B, F) and Q (S, B, 3, 3) of these bonds."
    from bpm_nb.bonds.descriptors import Soap

    found = bonds(frames.numbers[0], frames.pos, pairs)
    u = found.direction.reshape(len(frames), -1, 3)
    q = Soap().descriptors(frames.numbers[0], frames.pos, found, np.unique(frames.numbers[0]))
    return q.reshape(*u.shape[:2], -1), u[..., None] * u[..., None, :] - np.eye(3) / 3


def frame_kernels(new, seen):
    "Kernels between frames, (S, T) and (3, 3, S, T): sums over all pairs of their bonds."
    (x, q), (z, _) = new, seen
    z, n_seen = z.reshape(-1, z.shape[2]), len(z)
    iso, aniso = [], []
    for i in range(0, len(x), BLOCK):
        y = x[i : i + BLOCK].reshape(-1, z.shape[1])
        d2 = (y**2).sum(1)[:, None] + (z**2).sum(1) - 2 * y @ z.T
        k = np.exp(-GAMMA * np.maximum(d2, 0)).reshape(-1, x.shape[1], n_seen, x.shape[1]).sum(3)
        iso.append(k.sum(1))
        aniso.append(np.einsum("sbij,sbt->ijst", q[i : i + BLOCK], k, optimize=True))
    return np.concatenate(iso), np.concatenate(aniso, 2)


def published_form(train):
    pairs = bond_list(train.numbers[0], train.pos[0])
    seen = bond_frames(train, pairs)
    k, d = frame_kernels(seen, seen)
    iso, beta = components(train.alpha)
    target = np.moveaxis(tensor(0 * iso, beta), 0, -1)
    w = np.linalg.solve(k + LAMBDA * np.eye(len(k)), iso)
    flat = d.reshape(-1, *d.shape[2:])  # (9, S, T)
    normal = sum(a.T @ a for a in flat) + LAMBDA * np.eye(len(k))
    v = np.linalg.pinv(normal) @ sum(a.T @ y for a, y in zip(flat, target.reshape(9, -1)))

    def predict(frames):
        kt, dt = frame_kernels(bond_frames(frames, pairs), seen)
        return np.moveaxis(dt @ v, -1, 0) + (kt @ w)[:, None, None] * np.eye(3)

    return predict, ""


# ---- components in the frame of a reference (W. Kabsch, Acta Cryst. A 1976, 32, 922), Gaussian kernels


def turned(pos, reference):
    "Positions (S, N, 3) about their middle, turned onto the reference, and the rotations (S, 3, 3)."
    x = pos - pos.mean(1, keepdims=True)
    r = np.array([Rotation.align_vectors(reference, y)[0].as_matrix() for y in x])
    return x @ r.swapaxes(1, 2), r


def aligned_features(x, weights, scales):
    "Positions and inverse distances (S, F), each times its weight and of total variance 1 in training."
    i, j = np.triu_indices(x.shape[1], 1)
    parts = x.reshape(len(x), -1), 1 / np.linalg.norm(x[:, i] - x[:, j], axis=2)
    return np.concatenate([w * p / s for w, p, s in zip(weights, parts, scales)], 1)


def squared_distances(a, b):
    return np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, 0)


def left_out(k, y):
    "Error of frames left out, and λ, of targets (S, C)."
    solver = ridge(k)
    squares = sum((solver.leave_one_out(c, LAMBDAS) ** 2).mean(1) for c in y.T)
    return squares.min(), LAMBDAS[squares.argmin()], solver


def aligned(train):
    "What is near, γ and λ are chosen for each part by frames left out, on 300 frames at most."
    reference = train.pos[0] - train.pos[0].mean(0)
    for _ in range(3):
        x, r = turned(train.pos, reference)
        reference = x.mean(0)
    i, j = np.triu_indices(x.shape[1], 1)
    scales = [np.sqrt(p.reshape(len(x), -1).var(0).sum()) for p in (x, 1 / np.linalg.norm(x[:, i] - x[:, j], axis=2))]
    iso, beta = components(r @ train.alpha @ r.swapaxes(1, 2))
    solved = []
    for y in (iso[:, None], beta):
        choices = [(w, g) for w in ((1, 0), (1, 1), (0, 1)) for g in np.geomspace(0.003, 3, 7)]
        few = slice(0, 300)
        errors = [
            left_out(np.exp(-g * squared_distances(f, f)), y[few] - y.mean(0))[0]
            for w, g in choices
            for f in [aligned_features(x[few], w, scales)]
        ]
        weights, gamma = choices[int(np.argmin(errors))]
        f = aligned_features(x, weights, scales)
        _, lam, solver = left_out(np.exp(-gamma * squared_distances(f, f)), y - y.mean(0))
        c = np.stack([solver.coefficients(column, lam) for column in (y - y.mean(0)).T], 1)
        solved.append((weights, gamma, f, c, y.mean(0)))

    def predict(frames):
        x, r = turned(frames.pos, reference)
        iso, beta = (
            mean + np.exp(-g * squared_distances(aligned_features(x, w, scales), f)) @ c for w, g, f, c, mean in solved
        )
        return r.swapaxes(1, 2) @ tensor(iso[:, 0], beta) @ r

    return predict, ""


def rigid(train):
    "The mean of the tensors in the frame of the reference, turned back."
    reference = train.pos[0] - train.pos[0].mean(0)
    r = turned(train.pos, reference)[1]
    mean = (r @ train.alpha @ r.swapaxes(1, 2)).mean(0)

    def predict(frames):
        r = turned(frames.pos, reference)[1]
        return r.swapaxes(1, 2) @ mean @ r

    return predict, ""


# ---- induced dipoles that see each other


def induced(frames, alphas, damping):
    """Polarizabilities (S, 3, 3), bohr³, of atoms whose dipoles see each other.

    Applequist, Carl and Fung, J. Am. Chem. Soc. 1972, 94, 2952; the damping, exponential, of Thole, Chem. Phys. 1981,
    59, 341, as in van Duijnen and Swart, J. Phys. Chem. A 1998, 102, 2399; infinite: none.
    """
    d = (frames.pos[:, :, None] - frames.pos[:, None]) / BOHR
    r = np.sqrt((d**2).sum(-1)) + np.eye(d.shape[1])
    au = damping * r / (alphas[:, None] * alphas) ** (1 / 6)
    fade = np.exp(-au)
    three = 1 - (au**2 / 2 + au + 1) * fade
    five = three - au**3 / 6 * fade
    u = d / r[..., None]
    field = (three / r**3)[..., None, None] * np.eye(3) - 3 * (five / r**3)[..., None, None] * u[..., :, None] * u[
        ..., None, :
    ]
    own = np.arange(len(alphas))
    field[:, own, own] = np.eye(3) / alphas[:, None, None]
    n = 3 * len(alphas)
    matrix = field.swapaxes(2, 3).reshape(-1, n, n)
    answer = np.linalg.solve(matrix, np.broadcast_to(np.tile(np.eye(3), (len(alphas), 1)), (len(matrix), n, 3)))
    return answer.reshape(-1, len(alphas), 3, 3).sum(1)


def atom_names(species):
    return [chemical_symbols[z] for z in species]


STARTS = {1: 2.8, 6: 8.7, 8: 5.7}, {1: 0.9, 6: 5.9, 8: 2.9}, {1: 0.5, 6: 3.0, 8: 2.0}  # bohr³: as published, and small


def thole(damped=True, most=300):
    """A polarizability for each element, and the damping, by least squares on 300 frames at most.

    Without damping atoms amplify each other without limit, and the fit ends at either side of that: the better of two.
    """

    def fit(train):
        species, kind = np.unique(train.numbers[0], return_inverse=True)
        few = train[:most]

        def model(p, frames):
            return induced(frames, np.exp(p[: len(species)])[kind], np.exp(p[-1]) if damped else 1e3)

        def fitted(start):
            numbers = [*(start[int(z)] for z in species), *([2.1] if damped else [])]
            return least_squares(lambda p: (model(p, few) - few.alpha).ravel(), np.log(numbers))

        p = min(map(fitted, STARTS[:1] if damped else STARTS[1:]), key=lambda found: found.cost).x
        numbers = ", ".join(f"{z}: {a:.2f}" for z, a in zip(atom_names(species), np.exp(p)))
        return lambda frames: model(p, frames), numbers + (f", damping {np.exp(p[-1]):.2f}" if damped else "")

    return fit


def over_thole(train):
    "Our kernel for what is missing from Thole's model, which is fitted first."
    below, remark = thole()(train)
    shift = components(train.alpha)[0].mean() * np.eye(3)  # the library takes positive tensors; constants it sets apart
    above = BondPolarizability().fit(replace(train, alpha=train.alpha - below(train) + shift))
    return lambda frames: below(frames) + above.predict(frames) - shift, remark


# ---- λ-SOAP


def soap_kernels(frames, seen, radius):
    elements = tuple(int(z) for z in np.unique(frames.numbers[0]))
    return equivariant_kernels(equivariants(frames, radius, elements), equivariants(seen, radius, elements))


def lambda_soap(train):
    "The cutoff is chosen by frames left out of the first 100, λ by all."
    iso, beta = components(train.alpha)
    targets = iso - iso.mean(), beta[:, ORDER]

    def solvers(n, radius):
        return [ridge(k, size) for k, size in zip(soap_kernels(train[:n], train[:n], radius), (1, 5))]

    few, errors = min(len(train), 100), {}
    for radius in (3.0, 4.0, 5.0):
        both = zip(solvers(few, radius), targets)
        errors[radius] = np.prod([best_lambda(s, y[:few].ravel())[1].min() for s, y in both])
    radius = min(errors, key=errors.get)
    solved = [
        s.coefficients(y.ravel(), best_lambda(s, y.ravel())[0]) for s, y in zip(solvers(len(train), radius), targets)
    ]

    def predict(frames):
        found = [k @ c for k, c in zip(soap_kernels(frames, train, radius), solved)]
        beta = np.empty((len(frames), 5))
        beta[:, ORDER] = found[1].reshape(-1, 5)
        return tensor(iso.mean() + found[0], beta)

    return predict, f"cutoff {radius:g} Å"
