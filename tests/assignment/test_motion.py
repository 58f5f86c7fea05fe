"""Bond shares, motions, lines and mixtures against what is known exactly, and bad input."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from ase.build import molecule
from ase.io import read as ase_read
from ase.io import write as ase_write
from scipy.spatial.transform import Rotation

from bpm_nb.assignment.eckart import body_frame, eckart_frame, eckart_rotation, neighbourhoods, typical_structure
from bpm_nb.assignment.isotopes import track_bands, pair_modes
from bpm_nb.assignment.lines import match_bands, robust_scale
from bpm_nb.assignment.mixtures import marker_bands, mixture
from bpm_nb.assignment.motion import animation, band_filter, band_motion, overlap
from bpm_nb.assignment.shares import bond_shares, segment_tensors
from bpm_nb.core.files import InputError
from bpm_nb.core.units import C_CM_FS
from bpm_nb.data.records import Trajectory
from bpm_nb.spectra.bands import peaks
from bpm_nb.spectra.blocks import density_estimator
from bpm_nb.spectra.density import midpoint_factor
from bpm_nb.spectra.raman import raman_spectrum, invariant_series


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


# ---- bond shares


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


# ---- motions


@pytest.mark.parametrize("name", ["CH3CH2OH", "CH3SH", "CH3CN"])
@pytest.mark.parametrize("traceless", [False, True])
def test_the_motion_behind_every_separate_band_is_its_normal_mode(name, traceless):
    m = Springs(name, degenerate_light=traceless)
    own = m.separate()
    assert len(own) >= 2
    geometry = "anisotropic" if traceless else "natural"
    motions = band_motion(body_frame(m.run, m.rest), m.alpha, m.nu[own], geometry=geometry)
    found = [overlap(motion.displacement, m.modes[k], m.masses) for motion, k in zip(motions, own)]
    assert min(found) > 0.95
    assert all(motion.purity > 0.9 for motion in motions)


def test_a_filtered_product_is_the_cross_spectrum():
    x, y = np.random.default_rng(0).normal(size=(2, 3, 1501))
    how = density_estimator(1, 1501, 1.0, 60.0)
    v, w = how.blocks(x), how.blocks(y)
    k = np.arange(5, 40, 7)
    slow = [how.density(v, w)[0, i] for i in k]
    fast = np.array([(v * band_filter(how.wavenumber_cm1[i], how, w)).sum() for i in k])
    factor = slow[0] / fast[0]
    scale = midpoint_factor(how.wavenumber_cm1[k], 1.0)
    np.testing.assert_allclose(slow / scale, fast * factor / scale[0], rtol=1e-9, atol=1e-12)


def test_the_eckart_condition_holds_also_for_a_distorted_molecule():
    atoms, rng = molecule("CH3CH2OH"), np.random.default_rng(0)
    masses, turn = atoms.get_masses(), Rotation.random(20, random_state=1).as_matrix()
    pos = (atoms.positions + rng.normal(scale=0.1, size=(20, len(atoms), 3))) @ turn
    aligned, rotation, reference = eckart_frame(pos, masses, atoms.positions)
    np.testing.assert_allclose(np.einsum("a,tai->ti", masses, np.cross(reference, aligned)), 0, atol=1e-10)
    np.testing.assert_allclose(np.linalg.det(rotation), 1)
    np.testing.assert_allclose(
        eckart_rotation(pos @ turn[0], masses, reference),
        turn[0].T @ eckart_rotation(pos, masses, reference),
        atol=1e-9,
    )


def test_a_planar_molecule_is_never_reflected():
    atoms = molecule("C6H6")
    rng = np.random.default_rng(0)
    pos = (atoms.positions + rng.normal(scale=0.02, size=(100, 12, 3))) @ Rotation.random(
        100, random_state=0
    ).as_matrix()
    aligned, rotation, _ = eckart_frame(pos, atoms.get_masses(), atoms.positions)
    np.testing.assert_allclose(np.linalg.det(rotation), 1)
    assert abs(aligned - atoms.positions).max() < 0.12


@pytest.mark.parametrize("name", ["CH3CH2OH", "C6H6", "CH3CN", "C2H2", "H2O", "CH3CONH2"])
def test_neighbourhoods_have_a_direction(name):
    atoms = molecule(name)
    near = neighbourhoods(atoms.numbers, atoms.positions)
    assert near.diagonal().all()
    for own in near:
        assert (
            own.all() or np.linalg.svd(atoms.positions[own] - atoms.positions[own].mean(0), compute_uv=False)[1] > 0.3
        )
    order = np.random.default_rng(0).permutation(len(atoms))
    assert (
        neighbourhoods(atoms.numbers[order], atoms.positions[order] @ Rotation.random(random_state=0).as_matrix())
        == near[order][:, order]
    ).all()


def test_two_linear_molecules_share_one_neighbourhood():
    pair = np.concatenate([molecule("CO2").positions, molecule("CO2").positions + [4, 0, 0]])
    assert neighbourhoods(np.tile([6, 8, 8], 2), pair).all()


def test_the_structure_a_molecule_is_shown_in_is_one_of_a_molecule():
    "The mean of a methyl group that turns has its hydrogens on the axis; the typical structure has not."
    turn, far = (
        np.random.default_rng(0).uniform(0, 2 * np.pi, (400, 1)) + 2 * np.pi * np.arange(3) / 3,
        np.array([[0, 0, 0], [0, 0, 1.5], [0, 1.4, 2.0], [1.2, -0.7, 2.0]]),
    )
    methyl = np.stack([1.03 * np.cos(turn), 1.03 * np.sin(turn), -0.37 + 0 * turn], -1)
    pos = (
        np.concatenate([np.broadcast_to(far, (400, 4, 3)), methyl], 1)
        @ Rotation.random(400, random_state=0).as_matrix()
    )
    masses = np.array([12.0, 12, 16, 16, 1, 1, 1])
    found = typical_structure(pos, masses)
    np.testing.assert_allclose(np.linalg.norm(found[4:] - found[0], axis=1), np.hypot(1.03, 0.37), atol=0.03)
    np.testing.assert_allclose(masses @ found, 0, atol=1e-9)


def test_the_motion_knows_nothing_of_the_frame_of_the_laboratory():
    m = Springs(n_segments=2)
    turn, nu = Rotation.random(random_state=0).as_matrix(), float(m.nu[m.separate()[-1]])
    first = band_motion(body_frame(m.run, m.rest), m.alpha, nu, 20.0)
    second = band_motion(
        body_frame(replace(m.run, pos=m.run.pos @ turn + 5), m.rest), turn.T @ m.alpha @ turn, nu, 20.0
    )
    np.testing.assert_allclose(second.displacement, first.displacement, atol=1e-6)
    assert abs(first.purity - second.purity) < 1e-9


def test_a_linear_molecule_and_a_silent_band_are_refused():
    pos = np.array([[0, 0, -1.16], [0, 0, 0], [0, 0, 1.16]]) + np.random.default_rng(0).normal(
        scale=1e-4, size=(2000, 3, 3)
    )
    with pytest.raises(InputError, match="linear"):
        eckart_frame(pos, np.array([16.0, 12, 16]))
    m = Springs(n_segments=1)
    with pytest.raises(InputError, match="nothing that light sees"):
        band_motion(body_frame(m.run), 0 * m.alpha, 1000.0)


def test_a_motion_can_be_written_and_played(tmp_path):
    m = Springs(n_segments=2)
    motion = band_motion(body_frame(m.run), m.alpha, float(m.nu[m.separate()[-1]]))
    np.testing.assert_allclose(np.linalg.norm(motion.displacement, axis=1).max(), 1)
    ase_write(tmp_path / "motion.xyz", animation(molecule("CH3CH2OH").numbers, motion, 0.5, 16))
    frames = ase_read(tmp_path / "motion.xyz", ":")
    assert len(frames) == 16
    np.testing.assert_allclose(frames[4].positions - frames[0].positions, 0.5 * motion.displacement, atol=1e-7)
    np.testing.assert_allclose(sum(f.positions for f in frames) / 16, motion.reference, atol=1e-7)


# ---- bands and lines

LINES = np.array([410.0, 660, 998, 1290, 1495, 1604, 2950, 3070])


@pytest.mark.parametrize("scale", [0.92, 0.96, 1.0, 1.05])
@pytest.mark.parametrize("seed", range(4))
def test_lines_are_found_through_a_common_factor_and_noise(scale, seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(8)
    match = match_bands((scale * LINES + rng.normal(0, 3, 8))[order], LINES)
    assert sorted(map(tuple, match.pairs)) == sorted((int(k), int(line)) for k, line in enumerate(order))
    assert abs(match.scale - scale) < 5 * match.scale_error + 1e-3 and match.scale_error < 0.01
    np.testing.assert_allclose(match.residual, match.bands[match.pairs[:, 0]] - match.scale * LINES[match.pairs[:, 1]])
    np.testing.assert_allclose(match.shift, match.bands[match.pairs[:, 0]] - LINES[match.pairs[:, 1]])


def test_one_wrong_band_does_not_move_the_factor():
    bands = 0.97 * LINES
    bands[3] += 25
    match = match_bands(bands, LINES)
    np.testing.assert_allclose(match.scale, 0.97, rtol=1e-12)
    assert abs(match.residual[3] - 25) < 1e-9


def test_a_band_takes_one_line_only_and_the_rest_is_named():
    match = match_bands([1000.0, 1500.0], [995.0, 1004.0, 1502.0, 2000.0], scale=1.0)
    assert (
        match.pairs.tolist() == [[0, 1], [1, 2]]
        and match.unmatched_lines.tolist() == [0, 3]
        and len(match.unmatched_bands) == 0
    )
    assert match.scale == 1 and np.isnan(match.scale_error)
    crossing = match_bands([1000.0, 1010.0], [1009.0, 1030.0], scale=1.0)
    assert len(crossing.pairs) == 2
    assert match_bands([1000.0], [1031.0], 30.0, scale=1.0).pairs.shape == (0, 2)
    few = match_bands(
        [1000.0], [998.0, 1090.0]
    )  # no factor is fitted to a band or two: one of them would always fit better
    assert few.scale == 1 and few.pairs.tolist() == [[0, 0]]


@pytest.mark.parametrize("bands,lines", [([], [1000.0]), ([1000.0], []), ([], [])])
def test_nothing_to_match_is_no_error(bands, lines):
    match = match_bands(bands, lines)
    assert (
        len(match.pairs) == 0
        and len(match.unmatched_bands) == len(bands)
        and len(match.unmatched_lines) == len(lines)
        and len(match.shift) == 0
    )
    with pytest.raises(InputError, match="finite"):
        match_bands([np.nan], [1.0])


def test_the_factor_has_the_error_of_repeated_fits():
    rng = np.random.default_rng(0)
    found = [robust_scale(0.95 * np.tile(LINES, 3) + rng.normal(0, 5, 24), np.tile(LINES, 3)) for _ in range(400)]
    scatter, stated = np.std([s for s, _ in found]), np.mean([e for _, e in found])
    assert 0.7 < stated / scatter < 1.4


# ---- comparison


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


def test_marker_bands_of_equal_spectra_are_chance_and_rare():
    count = [
        len(marker_bands(*(quiet(form((900, 1500), seed + k), 2.0, 8.0) for k in (0, 1000)))) for seed in range(12)
    ]
    assert np.mean(count) < 0.35


def test_marker_bands_name_what_differs():
    a, b = quiet(form((700, 900, 1500), 1), 2.0, 8.0), quiet(form((900, 1200, 1500), 2), 2.0, 8.0)
    found = marker_bands(a, b)
    assert sorted(round(m.wavenumber_cm1 / 10) * 10 for m in found if abs(m.contrast) > 0.8) == [700, 1200]
    for m in found:
        assert abs(m.significance) >= 3 and m.low_cm1 < m.wavenumber_cm1 < m.high_cm1
        np.testing.assert_allclose(m.difference, m.first - m.second)
    assert [abs(m.difference) for m in found] == sorted((abs(m.difference) for m in found), reverse=True)
    swapped = {round(m.wavenumber_cm1): -m.difference for m in marker_bands(b, a)}
    np.testing.assert_allclose([swapped[round(m.wavenumber_cm1)] for m in found], [m.difference for m in found])


def test_no_marker_lies_beyond_what_one_of_the_spectra_shows():
    "A run saved every 8 fs ends at 2085 cm⁻¹."
    coarse, fine = quiet(form((900,), 1, dt=8.0), 8.0, 8.0), quiet(form((900, 3000), 2), 2.0, 8.0)
    for pair in ((coarse, fine), (fine, coarse)):
        assert all(m.high_cm1 < 2100 for m in marker_bands(*pair))


def test_spectra_of_another_resolution_are_refused():
    a, b = quiet(form((900,), 1), 2.0, 8.0), quiet(form((900,), 1), 2.0, 10.0)
    with pytest.raises(InputError, match="resolution_cm1"):
        marker_bands(a, b)
    with pytest.raises(InputError, match="resolution_cm1"):
        mixture(a, [a, b])


@pytest.mark.parametrize("weights", [(0.2, 0.8), (1.0, 0.0), (3.0, 1.5)])
def test_an_exact_mixture_is_found_whatever_the_axis(weights):
    a, b = quiet(form((700, 1500), 1), 2.0, 8.0), quiet(form((900, 1500), 2), 2.0, 8.0)
    nu = np.arange(100, 3000, 0.25)
    target = sum(w * np.interp(nu, s.wavenumber_cm1, s.natural) for w, s in zip(weights, (a, b)))
    found = mixture((nu, target), [a, b], independent=False)
    np.testing.assert_allclose(found.weights, weights, atol=0.01)
    np.testing.assert_allclose(found.fractions, np.array(weights) / sum(weights), atol=0.01)
    assert (found.weights >= 0).all() and np.isfinite(found.weight_errors).all()
    np.testing.assert_allclose(found.fit, found.target, atol=0.02 * found.target.max())


def test_the_error_of_a_fraction_is_its_scatter():
    "Ten independent triples: the truth lies within the stated errors."
    z, errors = [], []
    for seed in range(10):
        a, b = (quiet(form((nu, 1500), 10 * seed + k, 8), 2.0, 8.0) for k, nu in enumerate((700, 900)))
        blend = quiet(
            form((700, 1500), 10 * seed + 5, 8) * np.sqrt(0.3) + form((900, 1500), 10 * seed + 6, 8) * np.sqrt(0.7),
            2.0,
            8.0,
        )
        found = mixture(blend, [a, b], range_cm1=(500, 1200))
        z.append((found.fractions[0] - 0.3) / found.fraction_errors[0])
        errors.append(found.fraction_errors[0])
    assert 0.4 < np.sqrt(np.mean(np.square(z))) < 2 and max(errors) < 0.2


def test_a_mixture_needs_something_to_fit():
    a = quiet(form((700,), 1), 2.0, 8.0)
    with pytest.raises(InputError, match="wider"):
        mixture(a, [a, a, a], range_cm1=(700, 701))
    with pytest.raises(InputError, match="no mixture"):
        mixture((a.wavenumber_cm1, -a.natural), [a])
    single = raman_spectrum(form((700,), 1)[0], 2.0, 8.0, n_blocks=1)
    assert np.isnan(mixture(single, [single]).weight_errors).all()


def test_bands_are_followed_through_temperatures():
    t = np.arange(20_000)
    spectra = {
        kelvin: raman_spectrum(
            sum(np.cos(2 * np.pi * C_CM_FS * nu * t)[:, None, None] * np.eye(3) for nu in lines), 1.0, 8.0
        )
        for kelvin, lines in ((100, (700, 1500)), (300, (695, 1490, 2000)), (500, (1480,)))
    }
    rows = track_bands({kelvin: peaks(s) for kelvin, s in spectra.items()})
    assert [{k: round(p.wavenumber_cm1) for k, p in row.items()} for row in rows] == [
        {100: 700, 300: 695},
        {100: 1500, 300: 1490, 500: 1480},
    ]


def test_motions_are_paired_whatever_their_order_and_sign():
    m = Springs("CH3SH", n_segments=1, n_frames=10)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(m.modes))
    pairs, alike = pair_modes(m.modes, -m.modes[order], m.masses)
    np.testing.assert_array_equal(order[pairs[:, 1]], pairs[:, 0])
    np.testing.assert_allclose(alike, 1)


def test_a_measured_spectrum_may_come_in_any_order_and_is_checked():
    a = quiet(form((700,), 1), 2.0, 8.0)
    x, y = a.wavenumber_cm1[::-1], 2 * a.natural[::-1]
    np.testing.assert_allclose(mixture((x, y), [a], independent=False).weights, 2)
    for bad, message in (
        ((x, y[1:]), "same length"),
        ((x[:, None], y), "same length"),
        ((x, y * np.nan), "not a finite"),
    ):
        with pytest.raises(InputError, match=message):
            mixture(bad, [a])


def test_a_difference_without_errors_is_refused():
    single = raman_spectrum(form((700,), 1)[0], 2.0, 8.0, n_blocks=1)
    with pytest.raises(InputError, match="several segments"):
        marker_bands(single, single)


def test_positions_of_other_frames_are_refused():
    m = Springs(n_segments=2)
    for alpha in (m.alpha[:1], m.alpha[:, 1:]):
        with pytest.raises(InputError, match="give the same frames"):
            band_motion(body_frame(m.run), alpha, 1000.0)


def test_noise_of_the_pure_forms_does_not_pull_fractions_together():
    "Sixty fits of short runs with broad bands, each fraction on average: with the noise taken off, and without."
    rng = np.random.default_rng(5)
    tensors = np.array([np.diag(rng.normal(size=3)) for _ in range(10)])
    lines = rng.uniform(400, 1700, 10), rng.uniform(400, 1700, 10)
    lines[1][:5] = lines[0][:5]
    strengths = rng.uniform(0.3, 1.5, (2, 10))

    def form(k, seed, n_frames=1800):
        own = np.random.default_rng(seed)
        phase = np.cumsum(own.normal(size=(4, n_frames, 10)) * 0.06, 1) + own.uniform(0, 6, (4, 1, 10))
        q = (
            strengths[k]
            * own.rayleigh(size=(4, 1, 10))
            * np.cos(2 * np.pi * C_CM_FS * lines[k] * 2.0 * np.arange(n_frames)[:, None] + phase)
            / lines[k]
        )
        return raman_spectrum(np.einsum("gtk,kij->gtij", q, tensors), 2.0, 12.0)

    found = []
    for seed in range(0, 6000, 100):
        pure, blend = [form(k, seed + k) for k in (0, 1)], [form(k, seed + k + 2) for k in (0, 1)]
        target = replace(
            blend[0],
            **{
                name: 0.7 * getattr(blend[0], name) + 0.3 * getattr(blend[1], name)
                for name in ("isotropic_blocks", "anisotropic_blocks")
            },
        )
        found.append(
            [
                mixture(t, pure, range_cm1=(50, 2000), independent=i, n_boot=2).fractions[0]
                for t in (target, blend[0])
                for i in (True, False)
            ]
        )
    mixed, mixed_biased, pure, pure_biased = np.mean(found, 0)
    assert abs(mixed - 0.7) < 0.05 and mixed > mixed_biased + 0.02 and pure > max(0.93, pure_biased + 0.03)


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
