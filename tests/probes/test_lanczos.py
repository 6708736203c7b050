"""Lanczos quadrature against dense spectra: moments, extremes, degenerate and clustered levels, no ghosts, honesty."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import HarmonicWell, goe, two_spin_glass

from spinnet.landscapes import DenseNetwork, SphericalGlass
from spinnet.probes.hessian_spectrum import HessianSpectrumProbe
from spinnet.probes.lanczos import LanczosProbe, lanczos_quadrature, unseen_share


def quadrature(spectrum, steps, vectors=4, seed=0):
    """Of a matrix with this spectrum and random eigenvectors, with the matrix."""
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.standard_normal((len(spectrum), len(spectrum))))[0]
    matrix = rotation @ np.diag(spectrum) @ rotation.T
    matrix = 0.5 * (matrix + matrix.T)
    starts = rng.standard_normal((vectors, len(spectrum)))
    return lanczos_quadrature(lambda v: v @ matrix, starts, steps), matrix, starts


def test_quadrature_is_exact_for_polynomials_up_to_twice_the_steps():
    result, matrix, starts = quadrature(np.linspace(-1.0, 2.0, 80), steps=6)
    unit = starts / np.linalg.norm(starts, axis=1)[:, None]
    power = unit.copy()
    for degree in range(12):
        expected = np.einsum("vi,vi->v", unit, power)
        np.testing.assert_allclose((result.weights * result.nodes**degree).sum(axis=1), expected, atol=1e-11)
        power = power @ matrix


def test_a_full_run_finds_every_level_once():
    spectrum = np.sort(np.random.default_rng(1).standard_normal(50))
    result, _, _ = quadrature(spectrum, steps=50)
    for nodes in result.nodes:
        np.testing.assert_allclose(nodes, spectrum, atol=1e-12)


def test_there_are_no_ghosts_of_a_converged_outlier():
    # An isolated top level converges within a few steps; without reorthogonalisation it comes back as copies.
    spectrum = np.concatenate([np.random.default_rng(2).uniform(-1, 1, 299), [100.0]])
    result, _, _ = quadrature(spectrum, steps=120)
    assert ((result.nodes > 2.0).sum(axis=1) == 1).all()


def plain_lanczos(matrix, start, steps):
    """Deliberately wrong: the three-term recursion without reorthogonalisation."""
    q, before, beta = start / np.linalg.norm(start), np.zeros_like(start), 0.0
    diagonal, off = [], []
    for _ in range(steps):
        w = matrix @ q - beta * before
        diagonal.append(q @ w)
        w -= diagonal[-1] * q
        beta = np.linalg.norm(w)
        off.append(beta)
        before, q = q, w / beta
    return np.linalg.eigvalsh(np.diag(diagonal) + np.diag(off[:-1], 1) + np.diag(off[:-1], -1))


def test_the_recursion_without_reorthogonalisation_makes_ghosts():
    spectrum = np.concatenate([np.random.default_rng(2).uniform(-1, 1, 299), [100.0]])
    _, matrix, starts = quadrature(spectrum, steps=2)
    assert (plain_lanczos(matrix, starts[0], 120) > 2.0).sum() > 1


def test_a_degenerate_level_is_one_node_with_the_weight_of_its_space():
    spectrum = np.concatenate([np.zeros(60), np.ones(30), np.full(10, 4.0)])
    result, _, _ = quadrature(spectrum, steps=40, vectors=3)
    assert result.length.tolist() == [3, 3, 3]
    np.testing.assert_allclose(result.nodes[:, :3], [[0.0, 1.0, 4.0]] * 3, atol=1e-12)
    assert np.isnan(result.nodes[:, 3:]).all() and (result.weights[:, 3:] == 0).all()
    np.testing.assert_allclose(result.weights.sum(axis=1), 1.0)


def test_clustered_levels_are_bracketed_by_their_residuals():
    rng = np.random.default_rng(3)
    clusters = 1e-7 * rng.standard_normal(150), 1.0 + 1e-9 * rng.standard_normal(40), [5.0, 5.0 + 1e-6]
    spectrum = np.concatenate(clusters)
    result, _, _ = quadrature(spectrum, steps=60)
    for v in range(len(result.nodes)):
        m = result.length[v]
        distance = np.abs(result.nodes[v, :m, None] - spectrum).min(axis=1)
        assert (distance <= result.residuals[v, :m] + 1e-13 * 5).all()
        assert (np.diff(result.weights[v, :m].cumsum()) >= 0).all()


def test_a_constant_operator_stops_at_once():
    result = lanczos_quadrature(lambda v: 3.0 * v, np.random.default_rng(0).standard_normal((2, 20)), 10)
    assert result.length.tolist() == [1, 1]
    np.testing.assert_allclose(result.nodes[:, 0], 3.0, rtol=1e-14)


def test_quadrature_agrees_with_the_dense_spectrum_on_the_sphere():
    glass = two_spin_glass(120, 4)
    x = glass.start(3, np.random.default_rng(0))
    dense = HessianSpectrumProbe().measure(glass, x, np.random.default_rng(1))["spectrum/eigenvalue"].data
    found = LanczosProbe(steps=60, probe_vectors=30).measure(glass, x, np.random.default_rng(1))
    for name, exact in (("trace", dense.sum(axis=1)), ("second_moment", (dense**2).sum(axis=1))):
        z = (found[f"lanczos/{name}"].data - exact) / found[f"lanczos/{name}_error"].data
        assert np.abs(z).max() < 4, (name, z)
    for name, exact in (("largest", dense[:, -1]), ("smallest", dense[:, 0])):
        distance = np.abs(found[f"lanczos/{name}"].data - exact)
        assert (distance <= found[f"lanczos/{name}_residual"].data + 1e-12).all()
    assert (found["lanczos/converged"].data == 1).all()
    np.testing.assert_allclose(found["lanczos/weight"].data.sum(axis=2), 1.0)


def test_trace_errors_cover_the_truth_over_many_draws():
    well = HarmonicWell(np.random.default_rng(5).standard_normal(60))
    probe, z = LanczosProbe(steps=2, probe_vectors=12), []
    for seed in range(200):
        found = probe.measure(well, np.zeros((1, 60)), np.random.default_rng(seed))
        z.append((found["lanczos/trace"].data - well.curvatures.sum()) / found["lanczos/trace_error"].data)
    # Student's t with 11 degrees of freedom: variance 11/9.
    assert abs(np.mean(z)) < 4 * np.sqrt(11 / 9 / 200)
    assert np.var(z) == pytest.approx(11 / 9, rel=0.45)


def trained_network():
    """A small network after some steps down, and its weights: flat directions, a bulk and outliers."""
    options = {"n_inputs": 4, "n_patterns": 40, "n_test_patterns": 0, "n_test": 0, "seed": 0}
    network = DenseNetwork(data="random", loss="mse", hidden=(6,), data_options=options)
    x = network.start(1, np.random.default_rng(0))
    for _ in range(300):
        x = x - 2e-3 * network.gradient(x)
    return network, x


def nasty():
    """Clusters narrower than rounding can tell, a pair at the top, a level at zero of high multiplicity."""
    rng = np.random.default_rng(3)
    parts = np.zeros(40), 1 + 1e-9 * rng.standard_normal(20), [5.0, 5.0 + 1e-6], -1e-4 * rng.random(10)
    return HarmonicWell(np.concatenate(parts)), np.zeros((1, 72))


def pure_glass():
    glass = SphericalGlass(n=40, covariance={3: 1.0}, seed=1, sample=0, dtype="float64")
    return glass, glass.start(1, np.random.default_rng(0))


@pytest.mark.parametrize("made", [trained_network, pure_glass, nasty])
def test_stated_errors_hold_for_networks_glasses_and_clusters(made):
    landscape, x = made()
    exact = HessianSpectrumProbe().measure(landscape, x, np.random.default_rng(0))["spectrum/eigenvalue"].data[0]
    scale, z, flagged = np.abs(exact).max(), {"trace": [], "second_moment": []}, {3: 0, 20: 0}
    for steps in flagged:
        probe = LanczosProbe(steps=steps, probe_vectors=12)
        for seed in range(60 if steps == 3 else 6):
            found = {key.split("/")[1]: one.data for key, one in
                     probe.measure(landscape, x, np.random.default_rng(seed)).items()}  # fmt: skip
            assert not [name for name in found if "index" in name or "negative" in name]
            for name, power in (("trace", 1), ("second_moment", 2)):
                if steps == 3:
                    z[name].append((found[name][0] - (exact**power).sum()) / found[f"{name}_error"][0])
            for name, sign in (("largest", 1), ("smallest", -1)):
                edge, bound = exact[-1 if sign > 0 else 0], found["extreme_bound"][0]
                value, rounding = found[name][0], 1e-12 * scale
                assert np.abs(exact - value).min() <= found[f"{name}_residual"][0] + rounding
                assert -rounding <= sign * (edge - value) <= bound + rounding
                if found["converged"][0]:
                    assert sign * (edge - value) <= found[f"{name}_residual"][0] + 2e-6 * scale
            flagged[steps] += int(not found["converged"][0])
    for values in z.values():  # Student's t with 11 degrees of freedom: variance 11/9
        assert abs(np.mean(values)) < 4 * np.sqrt(11 / 9 / 60) and 0.4 < np.var(values) < 2.6
    # three steps are too few, and say so; for the nasty matrix they nearly suffice
    assert flagged[3] == 60 or made is nasty


def test_an_unconverged_extreme_is_flagged_and_bounded():
    spectrum = np.sort(np.random.default_rng(6).standard_normal(400))
    probe = LanczosProbe(steps=8, probe_vectors=2)
    found = probe.measure(HarmonicWell(spectrum), np.zeros((1, 400)), np.random.default_rng(0))
    assert found["lanczos/converged"].data[0] == 0
    largest = found["lanczos/largest"].data[0]
    assert largest < spectrum[-1] <= largest + found["lanczos/extreme_bound"].data[0]
    assert np.abs(spectrum - largest).min() <= found["lanczos/largest_residual"].data[0]


def test_the_unseen_share_is_kept_by_random_matrices():
    # The bound holds with probability 0.99 and is far from tight.
    misses = 0
    for seed in range(40):
        matrix = goe(100, np.random.default_rng(seed))
        values = np.linalg.eigvalsh(matrix)
        starts = np.random.default_rng(1000 + seed).standard_normal((2, 100))
        top = np.nanmax(lanczos_quadrature(lambda v, m=matrix: v @ m, starts, 15).nodes)
        misses += values[-1] - top > unseen_share(100, 15, 2) * (values[-1] - values[0])
    assert misses <= 3
    assert unseen_share(100, 100, 2) == 0.0


def test_more_steps_than_dimensions_are_cut():
    found = LanczosProbe(steps=100).measure(HarmonicWell([1.0, 2.0, 3.0]), np.zeros((1, 3)), np.random.default_rng(0))
    np.testing.assert_allclose(found["lanczos/node"].data[0, 0], [1.0, 2.0, 3.0], atol=1e-12)


def test_splitting_the_probe_vectors_for_memory_changes_nothing(monkeypatch):
    from spinnet.probes import lanczos

    glass = two_spin_glass(30, 1)
    x = glass.start(1, np.random.default_rng(0))
    whole = LanczosProbe(steps=10, probe_vectors=5).measure(glass, x, np.random.default_rng(3))
    monkeypatch.setattr(lanczos, "_BASIS_BYTES", 2 * 8 * 30 * 11)
    parts = LanczosProbe(steps=10, probe_vectors=5).measure(glass, x, np.random.default_rng(3))
    np.testing.assert_allclose(whole["lanczos/node"].data, parts["lanczos/node"].data, atol=1e-13)
