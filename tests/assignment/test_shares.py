"""Bond shares against the spectrum and the table of all pairs of bonds, and bad input."""

from dataclasses import replace

import numpy as np
import pytest
from vibrations import quiet, smooth

from bpm_nb.assignment.shares import bond_shares, segment_tensors
from bpm_nb.core.files import InputError
from bpm_nb.core.units import C_CM_FS
from bpm_nb.spectra.blocks import density_estimator
from bpm_nb.spectra.raman import invariant_series


@pytest.mark.parametrize(
    "shape,options",
    [
        ((1, 2001, 3), {}),
        ((3, 1700, 5), dict(n_blocks=2)),
        ((2, 1502, 1), dict(window="parzen")),
        ((2, 1501, 4), dict(window="hann", derivative="frequency")),
        ((1, 1999, 2), dict(points=30, derivative="difference")),
    ],
)
def test_shares_add_up_to_the_spectrum_in_every_block(shape, options):
    tensors = smooth(shape)
    shares, whole = (
        bond_shares(tensors, 1.0, resolution_cm1=60.0, **options),
        quiet(tensors.sum(2), 1.0, 60.0, **options),
    )
    np.testing.assert_array_equal(shares.wavenumber_cm1, whole.wavenumber_cm1)
    for part, total in (
        (shares.isotropic_blocks, whole.isotropic_blocks),
        (shares.anisotropic_blocks, whole.anisotropic_blocks),
    ):
        np.testing.assert_allclose(part.sum(1), total, rtol=0, atol=1e-10 * total.max())
    for geometry in ("vv", "vh", 30):
        np.testing.assert_allclose(
            shares.curves(geometry).sum(0), whole.curve(geometry), atol=1e-10 * whole.curve(geometry).max()
        )


def test_a_share_is_the_symmetrised_row_sum_of_the_table_of_all_pairs():
    tensors, table = smooth((2, 1200, 3)), {}
    how = density_estimator(2, 1200, 1.0, 60.0)
    for b in range(3):
        for c in range(3):
            v, w = ([how.blocks(invariant_series(segment[:, k]))[:, 1:] for segment in tensors] for k in (b, c))
            table[b, c] = np.mean([how.density(x, y) for x, y in zip(v, w)], (0, 1))
    np.testing.assert_allclose(table[0, 1], table[1, 0], atol=1e-12 * abs(table[0, 0]).max())
    shares = bond_shares(tensors, 1.0, resolution_cm1=60.0).curves("anisotropic")
    for b in range(3):
        np.testing.assert_allclose(shares[b], sum(table[b, c] for c in range(3)), atol=1e-12 * abs(shares).max())


def test_shares_do_not_turn_with_the_molecule_and_follow_the_order_of_the_bonds():
    tensors = smooth((2, 1300, 4))
    shares = bond_shares(tensors, 1.0, resolution_cm1=60.0)
    q = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    turned = bond_shares(q @ tensors @ q.T + 7 * np.eye(3), 1.0, resolution_cm1=60.0)
    np.testing.assert_allclose(turned.curves(), shares.curves(), atol=1e-9 * abs(shares.curves()).max())
    order = [2, 0, 3, 1]
    np.testing.assert_allclose(
        bond_shares(tensors[:, :, order], 1.0, resolution_cm1=60.0).curves("vh"),
        shares.curves("vh")[order],
        atol=1e-12 * abs(shares.curves()).max(),
    )


def test_the_shares_of_a_band_add_up_to_one_and_a_lonely_bond_has_all_of_it():
    t, tensors = np.arange(20_000), np.zeros((1, 20_000, 2, 3, 3))
    for b, nu in enumerate((700, 1500)):
        tensors[0, :, b] = np.cos(2 * np.pi * C_CM_FS * nu * t)[:, None, None] * np.diag([3, 1, 1])
    shares = bond_shares(tensors, 1.0)
    part, error = shares.band(690, 710)
    np.testing.assert_allclose(part, [1, 0], atol=2e-3)
    np.testing.assert_allclose(part.sum(), 1)
    assert np.isnan(error).all() and (bond_shares(tensors, 1.0, n_blocks=2).band(690, 710)[1] < 1e-2).all()
    with pytest.raises(InputError, match="wider"):
        shares.band(700.1, 700.2)


def test_segments_may_come_one_by_one():
    tensors = smooth((3, 1300, 2))
    whole, pieces = (
        bond_shares(x, 1.0, resolution_cm1=60.0, **o)
        for x, o in ((tensors, {}), (lambda g: tensors[g], dict(n_segments=3)))
    )
    np.testing.assert_array_equal(whole.isotropic_blocks, pieces.isotropic_blocks)


def test_memory_of_shares_is_far_below_a_table_of_all_pairs():
    import tracemalloc

    tensors = smooth((1, 30_000, 23))
    tracemalloc.start()
    bond_shares(tensors, 1.0, resolution_cm1=10.0)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert used < 8 * 30_000 * 23 * 23 / 2


@pytest.mark.parametrize(
    "tensors,message",
    [(np.zeros((2, 500, 3, 3)), "no trajectory"), (np.zeros((500, 9)), "shape"), (np.zeros((2, 500, 3, 9)), "shape")],
)
def test_bond_tensors_of_another_shape_are_refused(tensors, message):
    with pytest.raises(InputError, match=message):
        bond_shares(tensors, 1.0, resolution_cm1=100.0)


def test_folding_pairs_onto_bonds_loses_nothing():
    from bpm_nb.data.datasets import load
    from bpm_nb.models.polarizability import BondPolarizability

    data = load("malonaldehyde-enol")
    run = replace(data.trajectory[:2], pos=data.trajectory.pos[:2, :30], vel=None, energy=None)
    for options in (dict(n_points=40), dict(n_points=40, bonds="covalent")):
        model = BondPolarizability(**options).fit(data.train[:30])
        (pairs, raw), (bonds, folded) = (segment_tensors(model, run, fold) for fold in (False, True))
        assert len(bonds) == 8
        for g in (0, 1):
            np.testing.assert_allclose(folded(g).sum(1), raw(g).sum(1), atol=1e-10)
