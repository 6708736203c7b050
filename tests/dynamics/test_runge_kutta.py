"""The two embedded methods: order, stability, error estimates, and replicas with methods of their own."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.dynamics.runge_kutta import (
    MAX_STAGES,
    PLAIN_LIMIT,
    bogacki_shampine,
    chebyshev,
    chebyshev_coefficients,
    drive,
    longest_stiffness,
    stages_for,
)


def flat(x):
    return x


def one_step(f, x, h, stages=None):
    rows = np.arange(len(x))
    h = np.full(len(x), h)
    method = bogacki_shampine(x, f(x), h, flat) if stages is None else chebyshev(x, f(x), h, stages + 0 * rows, flat)
    return drive([(rows, method)], f, x)


def growth(z, stages=None):
    """The stability function: one step of length 1 for x' = z x."""
    return one_step(lambda x: z[:, None] * x, np.ones((len(z), 1)), 1.0, stages)[0].end[:, 0]


@pytest.mark.parametrize(("stages", "order"), [(None, 3), (2, 2), (3, 2), (7, 2), (40, 2)])
def test_local_errors_have_the_order_of_the_method(stages, order):
    # x' = x − x³, solved exactly; the estimate of both methods is of third order.
    x = np.array([[0.3], [0.6]])
    lengths, errors, estimates = 0.2 / 2.0 ** np.arange(5), [], []
    for h in lengths:
        exact = 1.0 / np.sqrt(1.0 + (1.0 / x**2 - 1.0) * np.exp(-2.0 * h))
        attempt, _ = one_step(lambda y: y - y**3, x, h, stages)
        errors.append(np.abs(attempt.end - exact).max())
        estimates.append(np.abs(attempt.difference).max())
    slopes = [np.polyfit(np.log(lengths), np.log(values), 1)[0] for values in (errors, estimates)]
    assert slopes[0] == pytest.approx(order + 1, abs=0.35) and slopes[1] == pytest.approx(3, abs=0.35)


@pytest.mark.parametrize("stages", [2, 3, 5, 12, 60, MAX_STAGES])
def test_stabilised_steps_are_stable_and_damped_on_their_interval(stages):
    edge = longest_stiffness(np.array([stages]))[0]
    z = -np.linspace(0.0, 1.1 * edge, 600)
    assert np.abs(growth(z, stages)).max() < 1.0 + 1e-12
    inside = growth(z[z < -0.2 * edge], stages)
    assert np.abs(inside).max() < 0.76
    assert stages_for(np.array([edge * 0.999]))[0] == stages


@pytest.mark.parametrize("stages", [5, 30, 101])
def test_the_interval_ends_not_far_beyond(stages):
    edge = longest_stiffness(np.array([stages]))[0]
    assert np.abs(growth(np.array([-1.5 * edge]), stages))[0] > 1.0


def test_the_plain_limit_is_where_the_plain_step_becomes_unstable():
    assert abs(growth(np.array([-PLAIN_LIMIT]))[0]) < 1.0 < abs(growth(np.array([-PLAIN_LIMIT - 0.02]))[0])


def test_the_recursion_is_consistent():
    # Every stage of x' = 1 must be linear in time: the coefficients of x add up to one.
    for stages in (2, 9, 80):
        slope, own, last, first = chebyshev_coefficients(stages)
        assert slope.shape == (stages + 1,) and np.isfinite([slope, own, last, first]).all()
        attempt, rounds = one_step(np.ones_like, np.zeros((1, 1)), 0.7, stages)
        assert attempt.end[0, 0] == pytest.approx(0.7, rel=1e-12) and rounds == stages


def test_the_number_of_stages_is_bounded():
    assert stages_for(np.array([0.0, np.nan, 1e30, np.inf])).tolist() == [2, 2, MAX_STAGES, MAX_STAGES]


def test_replicas_with_methods_of_their_own_share_the_rounds_and_keep_their_bits():
    rng = np.random.default_rng(0)
    x, h = rng.standard_normal((5, 3)), np.array([0.1, 0.2, 0.3, 0.4, 0.5])
    stages = np.array([0, 4, 0, 9, 4])

    def f(y):
        return -y + 0.1 * np.sin(y)

    def block(rows):
        plain, stiff = rows[stages[rows] == 0], rows[stages[rows] > 0]
        where = {row: k for k, row in enumerate(rows)}
        steps = []
        if len(plain):
            steps.append((plain, bogacki_shampine(x[plain], f(x[plain]), h[plain], flat)))
        if len(stiff):
            steps.append((stiff, chebyshev(x[stiff], f(x[stiff]), h[stiff], stages[stiff], flat)))
        local = [(np.array([where[row] for row in group]), step) for group, step in steps]
        return drive(local, f, x[rows])

    together, rounds = block(np.arange(5))
    assert rounds == 9
    for row in range(5):
        alone, own = block(np.array([row]))
        assert own == max(3 * (stages[row] == 0), stages[row])
        for a, b in zip(together, alone, strict=True):
            assert (a[row] == b[0]).all()
