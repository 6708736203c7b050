"""The covariance that data induce: closed forms of linear networks, fits, glasses, and the probe."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.datasets import Dataset
from spinnet.errors import CapabilityError, InputError
from spinnet.estimators.overlap_covariance import (
    OverlapCovariance,
    fit_degrees,
    gaussian_levels,
    overlap_covariance,
    participation,
)
from spinnet.landscapes import DenseNetwork, SphericalGlass
from spinnet.landscapes.base import require
from spinnet.landscapes.weight_spheres import WeightSpheres
from spinnet.probes import load
from spinnet.probes.data_covariance import DataCovarianceProbe, build_glass, measure_covariance

Q = np.linspace(0.0, 1.0, 6)


def linear(teacher=0.0, patterns=3000, inputs=12, seed=1):
    """½(w·ξ − t)² with Gaussian ξ, t = ±1 or teacher·ξ₀: its covariance is a polynomial of the second degree."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((patterns, inputs))
    t = teacher * x[:, 0] if teacher else rng.choice([-1.0, 1.0], patterns)
    return DenseNetwork(Dataset("made", x, targets=t[:, None]), hidden=(), activation="linear", loss="mse")


def made(f, error=0.003, seed=0, weights_error=0.002):
    """A measured covariance with known errors."""
    rng = np.random.default_rng(seed)
    inside = (Q < 1.0).astype(float)
    value = f(Q) + np.hypot(error, weights_error) * inside * rng.standard_normal(len(Q))
    noise = rng.standard_normal((2, 200, len(Q))) * inside * np.array([error, weights_error])[:, None, None]
    return OverlapCovariance(
        "data", Q, value, error * inside, weights_error * inside, 1.0, 0.1, 0 * Q, 0 * Q, value + noise,
        np.ones((2, 200)),
    )  # fmt: skip


def test_the_data_covariance_of_a_linear_network_is_the_known_polynomial():
    # u = w·ξ and u′ are Gaussian with covariance q: Cov[½(u−t)², ½(u′−t)²] = ½q² + q for t = ±1
    moments = measure_covariance(linear(), Q, pairs=60)
    found = moments.covariance("data")
    exact = 0.5 * (2 / 3 * Q + 1 / 3 * Q**2)
    z = (found.value - exact)[:-1] / found.error[:-1]
    assert np.abs(z).max() < 4 and found.value[-1] == 0.5
    assert abs(found.variance_per_pattern - 1.5) < 4 * found.variance_error
    fit = moments.fit("data", 5)
    expected = np.array([0.0, 2 / 3, 1 / 3, 0.0, 0.0, 0.0])
    assert np.all(np.abs(fit.squares - expected) < 4 * fit.errors + 0.02) and fit.squares.sum() == pytest.approx(1.0)
    # Deliberately wrong: the quadratic part alone is excluded.
    assert np.abs((found.value - 0.5 * Q**2)[1:-1] / found.error[1:-1]).max() > 10


def test_a_teacher_gives_the_part_of_degree_zero():
    # t = aξ₀: the term ½t² is common to all weights and has variance ½a⁴; on average over directions the terms −ut add
    # a²q + a²q/d, and t²/2 with u² nothing but 1/d
    a, inputs = 1.5, 12
    found = measure_covariance(linear(a, 5000, inputs), Q, pairs=100).covariance("data")
    exact = 0.5 * a**4 + a**2 * (1 + 1 / inputs) * Q + 0.5 * Q**2 + a**2 / inputs
    z = (found.value - 0.5 * exact / exact[-1])[:-1] / found.error[:-1]
    assert np.abs(z).max() < 4
    assert abs(found.variance_per_pattern - exact[-1]) < 4 * found.variance_error
    assert found.value[0] > 20 * found.error[0]


@pytest.mark.parametrize("layers", [2, 3])
def test_a_deep_linear_network_has_the_degrees_of_its_layers(layers):
    # z = v·W…ξ: the layers' overlaps multiply, E[z z′] = q^L for wide layers, so that ½(z − t)² has ½q^{2L} + q^L
    rng = np.random.default_rng(3)
    data = Dataset("made", rng.standard_normal((4000, 10)), targets=rng.choice([-1.0, 1.0], (4000, 1)))
    network = DenseNetwork(data, hidden=(100,) * (layers - 1), activation="linear", loss="mse")
    found = measure_covariance(network, Q, pairs=50).covariance("data")
    exact = 0.5 * (2 / 3 * Q**layers + 1 / 3 * Q ** (2 * layers))
    # widths of 100 change the value by about one part in a hundred
    error = np.hypot(found.error, 0.005)
    assert np.abs((found.value - exact) / error)[:-1].max() < 4
    # Deliberately wrong: one layer less is excluded.
    wrong = 0.5 * (2 / 3 * Q ** (layers - 1) + 1 / 3 * Q ** (2 * layers - 2))
    assert np.abs((found.value - wrong) / error)[:-1].max() > 4


def test_the_weight_covariance_is_that_of_the_quadratic_form():
    # E = ½w′Sw − c·w on the sphere |w|² = 1: degree 1 has |c|²/d, degree 2 2|S₀/2|²/(d(d+2)), S₀ the traceless part
    network = linear(patterns=300, inputs=8)
    x, t = network.data.inputs, network.data.targets[:, 0]
    d, s, c = 8, x.T @ x, x.T @ t
    traceless = 0.5 * (s - np.trace(s) / d * np.eye(d))
    first, second = c @ c / d, 2 * (traceless**2).sum() / (d * (d + 2))
    exact = first * Q + second * (d * Q**2 - 1) / (d - 1)
    found = measure_covariance(network, Q, pairs=1500).covariance("weights")
    # the data are given here: only the weights are random
    z = (found.value - 0.5 * exact / exact[-1])[:-1] / found.error_weights[:-1]
    assert np.abs(z).max() < 4
    assert found.variance_per_pattern * 300 == pytest.approx(exact[-1], rel=0.15)
    assert np.isnan(found.spread).all()


def test_sums_are_those_of_the_slow_way():
    network = DenseNetwork("digits", data_options={"n_train": 47}, hidden=(3,))
    moments = measure_covariance(network, [0.0, 0.5, 1.0], pairs=6, blocks=5, rng=np.random.default_rng(3))
    rng, spheres = np.random.default_rng(3), WeightSpheres(network)
    base = spheres.sample(6, rng)
    partners = [spheres.partner(base, q, rng) for q in (0.0, 0.5)] + [base]
    assert moments.counts.tolist() == [10, 10, 9, 9, 9]
    covariance = np.zeros(3)
    for k, partner in enumerate(partners):
        for b in range(6):
            first, second = network.energy_terms(base[b : b + 1])[0], network.energy_terms(partner[b : b + 1])[0]
            covariance[k] += np.cov(first, second)[0, 1] / 6
            for g in range(5):
                expected = [(u[g::5]).sum() for u in (first, second, first * second, first**2, second**2)]
                np.testing.assert_allclose(moments.sums[b, k, g], expected, rtol=1e-12)
    found = moments.covariance("data")
    assert found.value[2] == 0.5 and (found.value[:2] < 0.5).all()
    np.testing.assert_allclose(found.value[0] / found.value[2] * 1.0, covariance[0] / covariance[2], atol=0.15)


def test_errors_cover_the_truth():
    z = []
    for seed in range(12):
        network = linear(patterns=600, seed=seed)
        moments = measure_covariance(network, [0.0, 0.5, 1.0], pairs=40, rng=np.random.default_rng(seed))
        found = moments.covariance("data")
        z.append((found.value[1] - 0.5 * (1 / 3 + 1 / 12)) / found.error[1])
    assert 0.4 < np.sqrt(np.mean(np.square(z))) < 1.7


def test_pairs_of_different_layers_are_anisotropic():
    network = DenseNetwork("digits", data_options={"n_train": 300}, hidden=(6,))
    by_layer = [measure_covariance(network, [0.0, 0.5, 1.0], pairs=40, layer=layer).covariance() for layer in (0, 1)]
    both = measure_covariance(network, [0.0, 0.5, 1.0], pairs=40).covariance()
    # one layer alone keeps more of the covariance than both
    for alone in by_layer:
        assert alone.value[1] > both.value[1] + 4 * np.hypot(alone.error, both.error)[1]
    assert (both.spread[:-1] > both.spread_noise[:-1]).all() and both.spread[0] > 0.02


def test_the_fit_finds_a_known_spectrum_within_its_errors():
    squares = np.array([0.1, 0.3, 0.0, 0.6, 0.0])
    fit = fit_degrees(made(lambda q: 0.5 * np.polyval(squares[::-1], q)), 4)
    assert np.all(np.abs(fit.squares - squares) < 4 * fit.errors + 1e-3)
    assert np.all(fit.lower <= fit.squares + 1e-9) and np.all(fit.squares >= 0)
    assert fit(1.0) == pytest.approx(0.5) and np.abs(fit.residual).max() < 4
    sharp = fit_degrees(made(lambda q: 0.5 * q**3, 1e-7, 0, 1e-7), 5)
    np.testing.assert_allclose(sharp.squares, [0, 0, 0, 1, 0, 0], atol=1e-4)


def test_a_fit_that_cannot_describe_the_values_says_so():
    fit = fit_degrees(made(lambda q: 0.5 * q**4), [0, 1])
    assert np.abs(fit.residual).max() > 10


def test_a_glass_with_the_measured_covariance_is_one_call():
    network = DenseNetwork("digits", data_options={"n_train": 200}, hidden=(4,))
    moments = measure_covariance(network, pairs=20)
    found = moments.glass(12, "data", seed=3)
    assert isinstance(found.landscape, SphericalGlass) and found.landscape.seed == 3
    fit = moments.fit("data")
    assert found.amplitudes == fit.amplitudes(2, 6) == dict(found.landscape.covariance)
    kept = sum(a * a for a in found.amplitudes.values())
    assert kept + sum(found.left_out.values()) == pytest.approx(1.0, abs=1e-6)
    assert "left out" in found.statement and f"{kept:.3g}" in found.statement
    scaled = build_glass(fit, 12, renormalise=True)
    assert sum(a * a for a in scaled.amplitudes.values()) == pytest.approx(1.0)
    with pytest.raises(InputError, match="no part of degree 2"):
        build_glass(fit_degrees(made(lambda q: 0.5 * q, 1e-6, 0, 1e-6), 1), 12)


def test_participation_ratios_are_those_of_the_weights():
    energy = np.array([[-3.0, -1.0, 0.0], [2.0, 2.0, 2.0]])
    weight = np.exp(-0.7 * energy)
    weight /= weight.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(participation(energy, [0.7])[:, 0], (weight**2).sum(axis=1))
    np.testing.assert_allclose(participation(energy, 0.7, 3)[:, 0], (weight**3).sum(axis=1))
    assert participation(energy, [0.0])[1, 0] == pytest.approx(1 / 3)


def test_gaussian_levels_have_the_given_covariance():
    matrix = np.array([[1.0, 0.5, 0.2], [0.5, 2.0, 0.0], [0.2, 0.0, 0.5]])
    drawn = gaussian_levels(matrix, 20_000, np.random.default_rng(0))
    error = np.sqrt((matrix**2 + np.outer(np.diag(matrix), np.diag(matrix))) / 20_000)
    assert np.abs((np.cov(drawn.T) - matrix) / error).max() < 4


def test_the_probe_keeps_sums_and_levels():
    network = DenseNetwork("digits", data_options={"n_train": 60}, hidden=(3,))
    probe = load("data_covariance")(overlaps=[0.0, 0.5, 1.0], pairs=6, blocks=5, levels=7)
    found = probe.measure(network, network.start(1, np.random.default_rng(0)), np.random.default_rng(1))
    assert found["covariance/sums"].data.shape == (1, 6, 3, 5, 5)
    assert found["levels/energy"].data.shape == (1, 7) and found["levels/overlap"].data.shape == (1, 7, 7)
    again = measure_covariance(network, [0.0, 0.5, 1.0], 6, 5, rng=np.random.default_rng(1))
    assert (again.sums == found["covariance/sums"].data[0]).all()
    assert all(v.dims[0] == "replica" for v in found.values())
    with pytest.raises(CapabilityError, match=r"needs BackPropagating \(DenseNetwork, Struct"):
        require("data_covariance", SphericalGlass(5), probe.requires)
    table = DataCovarianceProbe.resolve({})
    assert DataCovarianceProbe.resolve(table) == table


@pytest.mark.parametrize(
    ("fragment", "call"),
    [
        ("overlaps", lambda: measure_covariance(linear(), [0.0, 1.0])),
        ("overlaps", lambda: measure_covariance(linear(), [0.0, 0.5, 1.5])),
        ("pairs", lambda: measure_covariance(linear(), Q, pairs=3)),
        ("blocks = 9000", lambda: measure_covariance(linear(), Q, blocks=9000)),
        ("expected", lambda: overlap_covariance(Q, np.zeros((6, 3, 5, 5)), np.ones(5))),
        ("at least 5", lambda: overlap_covariance(Q, np.zeros((4, 6, 5, 5)), np.ones(5))),
        ("did you mean 'data'", lambda: overlap_covariance(Q, np.ones((6, 6, 5, 5)), np.ones(5), "dta")),
        ("degrees", lambda: fit_degrees(made(lambda q: q), 99)),
    ],
)
def test_bad_input_is_refused_in_one_line(fragment, call):
    with pytest.raises(InputError, match=fragment) as caught:
        call()
    assert "\n" not in str(caught.value)
