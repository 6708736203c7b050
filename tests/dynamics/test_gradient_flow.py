"""Gradient flow: order of steps and of dense output, exact solutions, the norm on the sphere, divergence."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import Crater, DoubleWell, HarmonicWell, LinearRegression, two_spin_glass

from spinnet.dynamics import GradientFlow
from spinnet.randomness import counter_keys


def follow(flow, landscape, x, times):
    """Configurations (times, replicas, n) read off the dense output, and the last state."""
    state = flow.init(landscape, x, counter_keys(1, len(x), "noise"))
    found = np.full((len(times), *x.shape), np.nan)
    due = np.zeros(len(x), dtype=int)
    while (due < len(times)).any():
        state = flow.advance(landscape, state, 1)
        while True:
            wanted = np.append(times, np.inf)[due]
            here = wanted <= state.time
            if not here.any():
                break
            rows = flow.configuration(landscape, state, np.where(here, wanted, state.time))
            found[due[here], here] = rows[here]
            due[here] += 1
    return found, state


def double_well(x, t):
    """x' = x − x³: x(t)² = 1/(1 + (1/x₀² − 1)e^{−2t})."""
    return np.sign(x) / np.sqrt(1.0 + (1.0 / x**2 - 1.0) * np.exp(-2.0 * t))


def two_spin_energy(glass, x, t):
    """Exact energy density of the p = 2 flow: −½Σλc²e^{2λt}/Σc²e^{2λt}, c the overlaps with the eigenvectors of J."""
    values, vectors = np.linalg.eigh(-glass.matrix)
    weights = (x @ vectors) ** 2 * np.exp(2.0 * (values - values[-1]) * t)
    return -0.5 * (weights @ values) / weights.sum(axis=1)


@pytest.mark.parametrize("make", [lambda: DoubleWell(4), lambda: two_spin_glass(10, 3)], ids=["flat", "sphere"])
@pytest.mark.parametrize("where", [1.0, 0.5, 0.3], ids=["end", "middle", "inside"])
def test_a_step_and_its_dense_output_have_local_errors_of_fourth_order(make, where):
    landscape = make()
    flow, fine = GradientFlow(tolerance=0.1), GradientFlow(tolerance=1e-9)
    x = landscape.start(3, np.random.default_rng(0)) * (1.0 if hasattr(landscape, "sphere") else 0.5)
    lengths = 0.1 / 2.0 ** np.arange(4)
    errors = []
    for h in lengths:
        state = flow.init(landscape, x, counter_keys(1, 3, "noise"))
        state = flow.advance(landscape, state._replace(step=np.full(3, h)), 1)
        assert state.accepted.all()
        exact = follow(fine, landscape, x, [where * h])[0][0]
        errors.append(np.abs(flow.configuration(landscape, state, np.full(3, where * h)) - exact).max())
    slope = np.polyfit(np.log(lengths), np.log(errors), 1)[0]
    assert 3.7 < slope < 4.4, errors


@pytest.mark.parametrize("sphere", [False, True])
def test_the_global_error_falls_with_the_third_power_of_the_number_of_steps(sphere):
    rng = np.random.default_rng(1)
    landscape = two_spin_glass(12, 3) if sphere else DoubleWell(4)
    x = landscape.start(3, rng) if sphere else rng.uniform(0.1, 0.6, (3, 4))
    steps, errors = [], []
    for tolerance in (1e-5, 1e-6, 1e-7, 1e-8):
        found, state = follow(GradientFlow(tolerance=tolerance), landscape, x, [1.5])
        exact = double_well(x, 1.5) if not sphere else None
        if sphere:
            errors.append(np.abs(landscape.energy(found[0]) / 12 - two_spin_energy(landscape, x, 1.5)).max())
        else:
            errors.append(np.abs(found[0] - exact).max())
        steps.append(state.accepted.mean())
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert -3.4 < slope < -2.7, (steps, errors)


def test_two_spin_flow_follows_the_exact_energy_of_each_sample():
    glass = two_spin_glass(40, 7)
    x = glass.start(5, np.random.default_rng(1))
    times = [0.1, 0.5, 1.0, 3.0, 10.0, 40.0]
    for tolerance, bound in [(1e-3, 5e-4), (1e-4, 5e-5), (1e-6, 5e-7)]:
        found, _ = follow(GradientFlow(tolerance=tolerance), glass, x, times)
        wrong = [np.abs(glass.energy(found[k]) / 40 - two_spin_energy(glass, x, t)).max() for k, t in enumerate(times)]
        assert max(wrong) < bound


def test_a_formula_with_the_time_of_another_convention_fails():
    # Deliberately wrong: time measured for |x|' = −∇H/2, as in half of the literature.
    glass = two_spin_glass(40, 7)
    x = glass.start(5, np.random.default_rng(1))
    found, _ = follow(GradientFlow(tolerance=1e-4), glass, x, [1.0])
    assert np.abs(glass.energy(found[0]) / 40 - two_spin_energy(glass, x, 0.5)).max() > 0.05


def test_the_norm_is_kept_to_machine_precision_at_steps_and_between():
    glass = two_spin_glass(50, 2)
    x = glass.start(3, np.random.default_rng(4))
    found, state = follow(GradientFlow(tolerance=1e-2), glass, x, np.linspace(0.01, 30, 200))
    assert np.abs((found**2).sum(axis=2) / 50 - 1).max() < 1e-14
    assert np.abs((state.x**2).sum(axis=1) / 50 - 1).max() < 1e-14


def test_the_energy_falls_at_the_rate_of_the_squared_gradient():
    glass = two_spin_glass(30, 2)
    x = glass.start(2, np.random.default_rng(4))
    times = 0.7 + np.array([-1e-3, 0.0, 1e-3])
    found, _ = follow(GradientFlow(tolerance=1e-7), glass, x, times)
    energy = np.array([glass.energy(rows) for rows in found])
    gradient = glass.riemannian_gradient(found[1])
    np.testing.assert_allclose((energy[2] - energy[0]) / 2e-3, -(gradient**2).sum(axis=1), rtol=1e-4)


def test_measuring_times_never_change_the_steps():
    glass = two_spin_glass(20, 2)
    x = glass.start(3, np.random.default_rng(4))
    flow = GradientFlow(tolerance=1e-4)
    dense, _ = follow(flow, glass, x, np.linspace(0.05, 5.0, 100))
    sparse, _ = follow(flow, glass, x, [5.0])
    assert (dense[-1] == sparse[-1]).all()


def test_a_stiff_flow_is_followed_with_few_gradients():
    # Rates 1 to 1000 around a minimum at (1, 1, 1, 1), up to time 20: plain steps would need 3·20·1000/2.5 = 24 000.
    rates = np.array([1.0, 1.3, 30.0, 1000.0])
    well = LinearRegression(np.diag(np.sqrt(rates)), np.sqrt(rates))
    x = np.random.default_rng(0).standard_normal((3, 4))
    times = np.array([0.5, 2.0, 5.0, 20.0])
    exact = 1.0 + (x - 1.0) * np.exp(-rates * times[:, None, None])
    errors = []
    for tolerance in (1e-4, 1e-5, 1e-6):
        found, state = follow(GradientFlow(tolerance=tolerance), well, x, times)
        assert state.stabilised.all() and state.evaluations[0] < 6000
        errors.append(np.abs(found - exact).max())
    assert errors[0] < 2e-3 and errors[2] < errors[0] / 8


def test_a_flow_at_rest_costs_little_and_its_gradient_dies():
    glass = two_spin_glass(30, 2)
    x = glass.start(4, np.random.default_rng(4))
    found, state = follow(GradientFlow(tolerance=1e-4), glass, x, [1e5])
    np.testing.assert_allclose(glass.energy(found[0]) / 30, 0.5 * np.linalg.eigvalsh(glass.matrix)[0], rtol=1e-13)
    assert np.linalg.norm(glass.riemannian_gradient(found[0]), axis=1).max() < 1e-8
    assert state.evaluations[0] < 30_000


def test_a_replica_takes_the_same_path_alone_and_in_any_block():
    # The test landscape has the same bits in any block; clocks and methods differ between replicas, paths do not.
    well = HarmonicWell([0.5, 3.0, 200.0])
    x = np.random.default_rng(0).standard_normal((4, 3)) * np.array([[1e-3], [1.0], [1.0], [30.0]])
    x[1, 2] = 0.0
    flow, times = GradientFlow(tolerance=1e-4), np.geomspace(0.01, 50.0, 12)
    together, state = follow(flow, well, x, times)
    assert len(set(state.accepted.tolist())) > 1
    for a in range(4):
        alone, _ = follow(flow, well, x[a : a + 1], times)
        np.testing.assert_array_equal(together[:, a], alone[:, 0])


def test_per_unit_time_is_the_extensive_time_in_other_units():
    rng = np.random.default_rng(0)
    landscape = LinearRegression(rng.standard_normal((30, 4)), rng.standard_normal(30))
    x = landscape.start(2, rng)
    extensive, _ = follow(GradientFlow(tolerance=1e-7), landscape, x, [0.1])
    mean, _ = follow(GradientFlow(tolerance=1e-7, per_unit=True), landscape, x, [3.0])
    np.testing.assert_allclose(mean, extensive, atol=1e-7)


def test_a_critical_point_stays_and_costs_few_steps():
    well = HarmonicWell([1.0, 3.0])
    found, state = follow(GradientFlow(), well, np.zeros((2, 2)), [1e6])
    assert (found == 0).all() and state.accepted.max() < 30 and not state.diverged.any()


def test_a_start_at_the_origin_is_no_obstacle():
    landscape = LinearRegression(np.eye(2), [1.0, -2.0])
    found, _ = follow(GradientFlow(tolerance=1e-6), landscape, np.zeros((1, 2)), [1.0])
    np.testing.assert_allclose(found[0, 0], np.array([1.0, -2.0]) * (1 - np.exp(-1.0)), rtol=1e-5)


def test_a_flow_that_leaves_every_bound_diverges_at_its_time():
    # x' = −x + x³ is infinite at −½ ln(1 − 1/x₀²).
    flow, landscape = GradientFlow(tolerance=1e-5), Crater(1)
    x = np.array([[2.0], [1.1]])
    state = flow.init(landscape, x, counter_keys(1, 2, "noise"))
    while not state.diverged.all():
        state = flow.advance(landscape, state, 10)
        assert state.accepted.max() < 5000
    np.testing.assert_allclose(state.time_start, -0.5 * np.log(1.0 - x[:, 0] ** -2.0), rtol=1e-4)
    assert np.isinf(state.time).all() and np.isfinite(state.x).all()


def test_a_first_step_that_is_far_too_long_is_no_divergence():
    # All but at rest, on curvatures of 10⁶: the first trial is refused many times before the clock moves.
    well = LinearRegression(np.diag([1e3, 1e3, 1.0]), [1e3, 1e3, 1.0])
    found, state = follow(GradientFlow(tolerance=1e-3), well, np.array([[1.0 + 1e-7, 1.0, 1.0]]), [0.1])
    assert not state.diverged.any() and state.refused[0] > 6
    np.testing.assert_allclose(found[0, 0], 1.0, atol=1e-3)


def test_a_start_that_is_nowhere_is_flagged():
    state = GradientFlow().init(DoubleWell(2), np.array([[np.nan, 1.0], [0.5, 0.5]]), counter_keys(1, 2, "noise"))
    assert state.diverged.tolist() == [True, False]


def test_each_replica_has_its_own_step():
    well = HarmonicWell([1.0, 100.0])
    flow = GradientFlow(tolerance=1e-4)
    _, state = follow(flow, well, np.array([[1.0, 0.0], [1.0, 1.0]]), [0.05])
    assert state.step[0] > 3 * state.step[1]
