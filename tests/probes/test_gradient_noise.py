"""Noise of minibatches: against sums over patterns written out, all batches, and known laws."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import LinearRegression

from spinnet import probes
from spinnet.dynamics import SGD
from spinnet.errors import InputError
from spinnet.landscapes import DenseNetwork
from spinnet.probes.gradient_noise import GradientNoiseProbe
from spinnet.probes.pattern_gradients import noise_moments, pattern_gradients
from spinnet.probes.stationarity import StationarityProbe
from spinnet.randomness import counter_keys
from spinnet.theory.stochastic_gradient import batch_noise_factor


@pytest.fixture(scope="module")
def net():
    return DenseNetwork(hidden=3, data_options={"n_train": 40, "n_test": 0, "pca": 5}, weight_decay=0.02)


def measured(landscape, x, **parameters):
    found = GradientNoiseProbe(**parameters).measure(landscape, x, np.random.default_rng(3))
    return {name.removeprefix("noise/"): variable.data for name, variable in found.items()}


def covariance(landscape, row):
    gradients = np.array([landscape.gradient_batch(row[None], np.array([[mu]]))[0] for mu in range(landscape.n_terms)])
    return np.cov(gradients.T, bias=True), gradients


def test_gradients_of_patterns_sum_to_the_gradient(net):
    x = net.start(1, np.random.default_rng(0))
    gradients = pattern_gradients(net, x[0])
    assert gradients.shape == (40, net.n_dof)
    np.testing.assert_allclose(gradients.sum(axis=0), net.gradient(x)[0], rtol=1e-10, atol=1e-12)


def test_trace_spectrum_and_alignment_are_those_of_the_covariance_written_out(net):
    x = net.start(2, np.random.default_rng(1))
    found = measured(net, x, modes=50, space=4)
    for a, row in enumerate(x):
        c, gradients = covariance(net, row)
        h = net.hessian(row) / 40
        values = np.linalg.eigvalsh(c)[::-1]
        assert found["trace"][a] == pytest.approx(np.trace(c), rel=1e-10)
        np.testing.assert_allclose(found["eigenvalue"][a], values[: len(found["eigenvalue"][a])], atol=1e-12)
        assert found["participation"][a] == pytest.approx(np.trace(c) ** 2 / (c**2).sum(), rel=1e-9)
        joint = np.trace(c @ h)
        assert found["alignment"][a] == pytest.approx(joint / np.sqrt((c**2).sum() * (h**2).sum()), rel=1e-8)
        assert found["scale"][a] == pytest.approx(joint / (h**2).sum(), rel=1e-8)
        u = np.linalg.eigh(c)[1][:, ::-1][:, :4]
        h_values, v = np.linalg.eigh(h)
        v = v[:, np.argsort(-np.abs(h_values))[:4]]
        assert found["eigenspace_overlap"][a] == pytest.approx(((u.T @ v) ** 2).sum() / 4, abs=1e-8)
        assert found["along_modes"][a].sum() == pytest.approx(np.trace(c), rel=1e-10)
        mean = gradients.mean(axis=0)
        moments = noise_moments(net, row[None])
        assert moments.trace[0] == pytest.approx(np.trace(c), rel=1e-10)
        assert moments.gradient_square[0] == pytest.approx(mean @ mean, rel=1e-10)
        assert moments.virial[0] == pytest.approx(row @ mean, rel=1e-9)


def test_more_weights_than_patterns_give_the_same_spectrum_through_the_smaller_matrix():
    net = DenseNetwork(hidden=6, data_options={"n_train": 20, "n_test": 0, "pca": 6})
    x = net.start(1, np.random.default_rng(1))
    found = measured(net, x, modes=15, space=3, dense_limit=0)
    values = np.linalg.eigvalsh(covariance(net, x[0])[0])[::-1][:15]
    np.testing.assert_allclose(found["eigenvalue"][0], values, rtol=1e-8)
    assert "curvature" not in found and np.isnan(found["alignment"][0])


def test_label_noise_on_a_regression_is_aligned_with_the_hessian():
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((20_000, 4)) * np.array([2.0, 1.0, 0.7, 0.3])
    landscape = LinearRegression(inputs, 0.5 * rng.standard_normal(len(inputs)))
    found = measured(landscape, np.zeros((1, 4)), space=2)
    assert found["alignment"][0] > 0.99 and found["eigenspace_overlap"][0] > 0.99
    assert found["scale"][0] == pytest.approx(0.25, rel=0.05)
    # Labels that are wrong only where the flattest input is large: the noise leaves the stiff directions.
    spread = 0.5 * rng.standard_normal(len(inputs)) * (np.abs(inputs[:, 3]) > 0.6) / np.abs(inputs[:, 0])
    other = measured(LinearRegression(inputs, spread), np.zeros((1, 4)), space=2)
    assert other["alignment"][0] < 0.9


def test_kurtosis_of_batches_falls_as_one_over_their_size(net):
    x = net.start(1, np.random.default_rng(2))
    found = measured(net, x, batches=[1, 4, 16], draws=40_000)
    z = (found["batch_kurtosis"][0] - found["kurtosis"][0][:, None] / found["batch"]) / found["batch_kurtosis_error"][0]
    assert np.abs(z).max() < 4
    wrong = (found["batch_kurtosis"][0] - found["kurtosis"][0][:, None]) / found["batch_kurtosis_error"][0]
    assert np.abs(wrong[:, 2]).max() > 6  # as if it did not fall


def test_a_tail_that_is_hardly_ever_drawn_is_not_called_sampled():
    inputs = np.ones((1000, 1))
    landscape = LinearRegression(inputs, np.where(np.arange(1000) == 7, 500.0, np.sin(np.arange(1000.0))))
    found = measured(landscape, np.zeros((1, 1)), batches=[1, 256], draws=2000, space=1)
    assert found["kurtosis"][0, 0] > 900
    assert np.isnan(found["batch_kurtosis"][0, 0, 0])
    z = (found["batch_kurtosis"][0, 0, 1] - found["kurtosis"][0, 0] / 256) / found["batch_kurtosis_error"][0, 0, 1]
    assert abs(z) < 4


def test_steps_of_sgd_have_the_covariance_of_one_pattern_over_the_batch(net):
    row = net.start(1, np.random.default_rng(4))[0]
    replicas, rate, batch = 20_000, 0.3, 3
    sgd = SGD(rate, batch)
    state = sgd.init(net, np.repeat(row[None], replicas, axis=0), counter_keys(1, replicas, "noise"))
    moved = (sgd.advance(net, state, 1).x - row) / rate
    c, gradients = covariance(net, row)
    squares = ((moved + gradients.mean(axis=0)) ** 2).sum(axis=1)
    error = squares.std(ddof=1) / np.sqrt(replicas)
    assert abs(squares.mean() - np.trace(c) * batch_noise_factor(batch, 40)) < 4 * error
    assert abs(squares.mean() - np.trace(c) * batch_noise_factor(batch, 40, replacement=False)) > 4 * error


def test_rows_that_are_nowhere_are_nan_in_all_three_probes(net):
    x = net.start(3, np.random.default_rng(0))
    whole, torn = measured(net, x, batches=[], space=3), x.copy()
    torn[1] = np.nan
    found = measured(net, torn, batches=[], space=3)
    assert np.isnan(found["trace"][1]) and np.isnan(found["eigenvalue"][1]).all()
    np.testing.assert_array_equal(found["eigenvalue"][[0, 2]], whole["eigenvalue"][[0, 2]])
    trace = probes.load("noise_trace")()
    before, after = trace.measure(net, x), trace.measure(net, torn)
    assert np.isnan(after["noise_trace"].data[1])
    np.testing.assert_array_equal(after["noise_trace"].data[[0, 2]], before["noise_trace"].data[[0, 2]])
    np.testing.assert_allclose(before["noise_trace"].data, whole["trace"], rtol=1e-10)


def test_a_network_without_noise_has_no_kurtosis_and_no_alignment():
    same = LinearRegression(np.ones((6, 2)), np.ones(6))
    found = measured(same, np.zeros((1, 2)))
    assert found["trace"][0] == 0.0 and np.isnan(found["alignment"][0]) and np.isnan(found["kurtosis"]).all()


def watch(probe, landscape, dynamics, x, last):
    state = dynamics.init(landscape, x, counter_keys(5, len(x), "noise"))
    memory = probe.begin(landscape, len(x), dynamics.attainable)
    for time in probe.wanted_times(dynamics.attainable, last):
        behind = int(time) - int(state.steps[0])
        state = dynamics.advance(landscape, state, behind) if behind else state
        memory = probe.observe(landscape, memory, time, state.x)
    found = probe.variables(landscape, memory, dynamics.attainable, last)
    return {name.removeprefix("stationarity/"): variable.data for name, variable in found.items()}


def test_the_stationarity_probe_sees_both_sides_at_its_times_and_steps():
    rng = np.random.default_rng(0)
    landscape = LinearRegression(rng.standard_normal((12, 2)), rng.standard_normal(12))
    dynamics, x = SGD(0.1, 2, momentum=0.5), rng.standard_normal((3, 2))
    found = watch(StationarityProbe([2, 8, 50], 3), landscape, dynamics, x, 20)
    state = dynamics.advance(landscape, dynamics.init(landscape, x, counter_keys(5, 3, "noise")), 12)
    np.testing.assert_allclose(found["norm_square"][:, 1, 1], (state.x**2).sum(axis=1))
    np.testing.assert_allclose(found["virial"][:, 1, 1], (state.x * landscape.gradient(state.x)).sum(axis=1) / 12)
    moved = dynamics.advance(landscape, state, 1).x - state.x
    np.testing.assert_allclose(found["velocity_square"][:, 1, 1], (moved**2).sum(axis=1))
    assert np.isfinite(found["velocity_square"][:, :2]).all() and np.isnan(found["velocity_square"][:, 2]).all()


def test_windows_in_disorder_and_beyond_the_run_are_refused():
    with pytest.raises(InputError, match="must increase"):
        StationarityProbe([10, 5])
    with pytest.raises(InputError, match="beyond the run"):
        StationarityProbe([100]).check_run(150, 2)
    with pytest.raises(InputError, match="batches"):
        GradientNoiseProbe(batches=3)
