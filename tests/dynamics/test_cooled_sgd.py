"""Cooled SGD is SGD at a held rate, falls on its line, and leaves a regression as cold as its recursion says."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.dynamics import SGD, CooledSGD
from spinnet.errors import InputError
from spinnet.landscapes import LinearRegression
from spinnet.randomness import counter_keys


def run(dynamics, landscape, replicas, n, parts=1):
    state = dynamics.init(landscape, np.zeros((replicas, landscape.space.n)), counter_keys(3, replicas, "noise"))
    for _ in range(parts):
        state = dynamics.advance(landscape, state, n // parts)
    return state.x


def test_a_held_rate_is_plain_sgd_and_splitting_changes_nothing():
    landscape = LinearRegression(patterns=50)
    held = run(CooledSGD(0.1, 40, 2, final_rate=0.1, momentum=0.4), landscape, 4, 60)
    np.testing.assert_array_equal(held, run(SGD(0.1, 2, momentum=0.4), landscape, 4, 60))
    cooled = CooledSGD(0.1, 40, 2, levels=7)
    np.testing.assert_array_equal(run(cooled, landscape, 4, 60), run(cooled, landscape, 4, 60, parts=6))


@pytest.mark.parametrize("levels, duration", [(4, 20), (7, 40), (100, 30)])
def test_the_rate_falls_on_a_staircase_and_stays(levels, duration):
    cooled = CooledSGD(1.0, duration, 2, final_rate=0.2, levels=levels)
    rates = np.array([cooled._rate(step)[0] for step in range(duration + 5)])
    line = 1.0 - 0.8 * (np.arange(duration) + 0.5) / duration
    assert np.abs(rates[:duration] - line).max() <= 0.8 * (0.5 / levels + 0.5 / duration) + 1e-12
    np.testing.assert_allclose(rates[duration:], 0.2)
    for step in range(duration):
        rate, until = cooled._rate(step)
        assert until > step and (rates[step : min(until, duration)] == rate).all()
    assert cooled.step_length == pytest.approx(1.0 / duration)


@pytest.mark.parametrize("wrong", [False, True])
def test_the_variance_of_a_cooled_regression_follows_its_recursion(wrong):
    """One mode of curvature h: S ← (1 − ηh)²S + (η²/B)(⟨a⁴⟩ − h²)S + (η²/B)⟨y²a²⟩, with the rate of each step."""
    landscape, replicas, duration, batch = LinearRegression([1.0], patterns=60, seed=2), 6000, 50, 2
    cooled = CooledSGD(0.4, duration, batch)
    a, y = landscape.inputs[:, 0], landscape.targets
    variance = 0.0
    for step in range(duration):
        rate = 0.4 if wrong else cooled._rate(step)[0]
        factor = (1 - rate) ** 2 + rate**2 / batch * ((a**4).mean() - 1)
        variance = factor * variance + rate**2 / batch * (y**2 * a**2).mean()
    square = run(cooled, landscape, replicas, duration)[:, 0] ** 2
    z = (square.mean() - variance) / (square.std(ddof=1) / np.sqrt(replicas))
    assert (abs(z) > 10) if wrong else (abs(z) < 4)


def test_a_rate_that_would_rise_is_refused():
    with pytest.raises(InputError, match="goes down"):
        CooledSGD(0.1, 10, 2, final_rate=0.2)
