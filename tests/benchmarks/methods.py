"""Other methods at equal frames

The published malonaldehyde frames, taken at random with seed 0; errors on the 500 test frames over the nine elements
of the tensor (a.u.), which no turn changes. Time (s) and peak memory (MiB) of training and of these predictions
together, each method in a process of its own. *Published* is the algorithm of Sowa and Rossky (2024) at its settings,
from its equations: loops over pairs of frames and bonds, once with the normal equations $K_{ij}^T K_{ij}$, once with
$K_{ij} K_{ij}$ as in the public code. *KernelRidge* is scikit-learn's, on the kernel of the basis `"bonds"` and at
the γ and λ that the library chooses. *λ-SOAP* is symmetry-adapted Gaussian process regression (Grisafi et al. 2018)
with featomic, ζ = 2, at three cutoffs, λ by its own frames left out. The loops visit each pair of frames, so the time
of *published* grows with training × (training + 500) frames.
"""

import numpy as np
from measure import SMALL, measured, published_split, table

from bpm_nb.bonds.pairs import bonds
from bpm_nb.core.tensors import components, errors, tensor
from bpm_nb.models.polarizability import BondPolarizability

GAMMA, LAMBDA = 1e-5, 1e-8  # as published, for SOAP that is not scaled


def bond_frames(frames):
    "SOAP (S, 9, F) and Q (S, 9, 3, 3) of the published bonds."
    from published import BONDS

    from bpm_nb.bonds.descriptors import Soap

    found = bonds(frames.numbers[0], frames.pos, BONDS)
    u = found.direction.reshape(len(frames), -1, 3)
    return Soap().descriptors(frames.numbers[0], frames.pos, found, [1, 6, 8]).reshape(*u.shape[:2], -1), u[
        ..., None
    ] * u[..., None, :] - np.eye(3) / 3


def looped_kernels(new, seen):
    "Kernels between frames, (S, T) and (3, 3, S, T), one pair of frames and one bond after the other."
    (x, q), (z, _) = new, seen
    iso, aniso = np.zeros((len(x), len(z))), np.zeros((3, 3, len(x), len(z)))
    for s in range(len(x)):
        for t in range(len(z)):
            for b in range(x.shape[1]):
                k = np.exp(-GAMMA * ((x[s, b] - z[t]) ** 2).sum(1)).sum()
                iso[s, t] += k
                aniso[:, :, s, t] += q[s, b] * k
    return iso, aniso


def published_method(n):
    train, test = published_split(n)
    seen, new = bond_frames(train), bond_frames(test)
    (k, d), (kt, dt) = looped_kernels(seen, seen), looped_kernels(new, seen)
    iso, beta = components(train.alpha)
    mean, target = kt @ np.linalg.solve(k + LAMBDA * np.eye(n), iso), np.moveaxis(tensor(0 * iso, beta), 0, -1)
    found = []
    for left in (d.swapaxes(2, 3), d):
        v = np.linalg.pinv(np.einsum("ijts,ijsu->tu", left, d, optimize=True) + LAMBDA * np.eye(n)) @ np.einsum(
            "ijts,ijs->t", left, target, optimize=True
        )
        found.append(errors(test.alpha, np.moveaxis(dt @ v, -1, 0) + mean[:, None, None] * np.eye(3)))
    return found[0] | dict(as_coded=found[1]["beta_rmse_au"])


def ours(n, basis="inducing", settings=None):
    train, test = published_split(n)
    model = BondPolarizability(basis=basis, **settings or {}).fit(train)
    return errors(test.alpha, model.predict(test)) | dict(gamma=model.gamma_, lam=model.lam_)


def kernel_ridge(n, gamma, lams):
    from sklearn.kernel_ridge import KernelRidge

    from bpm_nb.regression.prediction import model_representation
    from bpm_nb.regression.selection import target_covariances

    train, test = published_split(n)
    view = model_representation(
        BondPolarizability(gamma=gamma, lam=lams, n_points=100).fit(train)
    )  # how the library sees frames; its time and memory are counted
    seen, new, parts = view.rows(train), view.rows(test), []
    for k, kt, y, lam, c in zip(
        target_covariances(seen, seen, gamma), target_covariances(new, seen, gamma), view.targets(train), lams, (1, 5)
    ):
        parts.append(
            KernelRidge(alpha=lam * np.trace(k) / len(k), kernel="precomputed").fit(k, y).predict(kt).reshape(-1, c)
        )
    iso, beta = (x + baseline for x, baseline in zip(parts, view.baselines(test)))
    return errors(test.alpha, tensor(iso[:, 0], beta))


def equivariants(frames, radius, elements=(1, 6, 8)):
    "Per element: λ-SOAP of degree 0 (S, n, 1, F) and 2 (S, n, 5, F), each atom's of length 1."
    import featomic
    from ase import Atoms
    from featomic.clebsch_gordan import EquivariantPowerSpectrum
    from metatensor import Labels

    expansion = featomic.SphericalExpansion(
        cutoff=dict(radius=radius, smoothing=dict(type="ShiftedCosine", width=0.5)),
        density=dict(type="Gaussian", width=0.3),
        basis=dict(type="TensorProduct", max_angular=4, radial=dict(type="Gto", max_radial=5)),
    )
    found = EquivariantPowerSpectrum(expansion, neighbor_types=list(elements)).compute(
        [Atoms(z, x) for z, x in zip(frames.numbers, frames.pos)],
        selected_keys=Labels(["o3_lambda", "o3_sigma"], np.array([[0, 1], [2, 1]])),
        neighbors_to_properties=True,
    )

    def unit(x):
        return x / np.sqrt((x**2).sum((1, 2), keepdims=True))

    return [
        [
            unit(found.block(dict(o3_lambda=l, center_type=e)).values).reshape(
                len(frames), -1, 2 * l + 1, found.block(dict(o3_lambda=l, center_type=e)).values.shape[2]
            )
            for l in (0, 2)
        ]
        for e in elements
    ]


def equivariant_kernels(new, seen, rows=25):
    "Kernels (S, T) and (5 S, 5 T) summed over atoms of one element, ζ = 2, some frames at a time."
    iso, aniso = 0, 0
    for (a, b), (c, d) in zip(new, seen):
        parts = []
        for i in range(0, len(a), rows):
            k = np.einsum("sapf,tbpf->satb", a[i : i + rows], c, optimize=True)
            parts.append(
                (
                    (k**2).sum((1, 3)),
                    np.einsum("satb,samf,tbnf->smtn", k, b[i : i + rows], d, optimize=["einsum_path", (1, 2), (0, 1)]),
                )
            )
        iso, aniso = iso + np.concatenate([p[0] for p in parts]), aniso + np.concatenate([p[1] for p in parts])
    return iso, aniso.reshape(5 * iso.shape[0], -1)


def lambda_soap(n, radius):
    from bpm_nb.regression.krr import best_lambda, ridge

    train, test = published_split(n)
    seen, new = equivariants(train, radius), equivariants(test, radius)
    order = [0, 2, 4, 1, 3]  # of the real spherical harmonics among the components
    iso, beta = components(train.alpha)
    found = []
    for k, kt, y, size in zip(
        equivariant_kernels(seen, seen),
        equivariant_kernels(new, seen),
        (iso - iso.mean(), beta[:, order].ravel()),
        (1, 5),
    ):
        solver = ridge(k, size)
        found.append(kt @ solver.coefficients(y, best_lambda(solver, y)[0]))
    beta = np.empty((len(test), 5))
    beta[:, order] = found[1].reshape(-1, 5)
    return errors(test.alpha, tensor(iso.mean() + found[0], beta))


def row(n, name, work):
    e = work["found"]
    return (
        n,
        name,
        f"{e['iso_rmse_au']:.4f}",
        f"{e['beta_rmse_au']:.4f}",
        f"{work['seconds']:.1f}",
        f"{work['cpu']:.1f}",
        f"{work['mib']:.0f}",
    )


def main():
    sizes, rows = (
        dict(published=(10, 20), exact=(20,), equivariant=(20,), ours=(20, 40))
        if SMALL
        else dict(published=(50, 100, 300), exact=(300,), equivariant=(300,), ours=(100, 300, 2000)),
        [],
    )
    for n in sizes["published"]:
        work = measured(published_method, n)
        rows += [
            row(n, "published, $K^T K$", work),
            (n, "published, $K K$ as coded", "the same", f"{work['found']['as_coded']:.4f}", "the same", "", ""),
        ]
    for n in sizes["exact"]:
        chosen = measured(ours, n, "bonds")
        rows += [
            row(n, 'bpm_nb, `basis="bonds"`', chosen),
            row(n, "KernelRidge", measured(kernel_ridge, n, chosen["found"]["gamma"], chosen["found"]["lam"])),
        ]
    for n in sizes["equivariant"]:
        rows += [row(n, f"λ-SOAP, {radius:g} Å", measured(lambda_soap, n, radius)) for radius in (3.0, 4.0, 5.0)]
    for n in sizes["ours"]:
        rows.append(row(n, "bpm_nb, default", measured(ours, n)))
    rows.sort(key=lambda r: r[0])
    print(
        table(
            ["training frames", "method", "iso RMSE", "β RMSE", "time (s)", "processor time (s)", "memory (MiB)"], rows
        )
    )


if __name__ == "__main__":
    main()
