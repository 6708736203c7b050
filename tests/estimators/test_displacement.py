"""Exponents and stationarity of processes whose answers are known."""

import numpy as np
import pytest
from reference.simple_landscapes import LinearRegression

from spinnet.dynamics import SGD
from spinnet.errors import InputError
from spinnet.estimators.displacement import displacement_exponents, exponents_of
from spinnet.estimators.stationarity import noise_side, stationarity
from spinnet.probes.pattern_gradients import noise_moments
from spinnet.randomness import counter_keys

DELAY = np.unique(np.round(10 ** (np.arange(33) / 8)))


def noisy(curve, units=12, seed=0):
    return curve * np.exp(0.1 * np.random.default_rng(seed).standard_normal((units, 1)))


def test_a_power_has_its_exponent_everywhere():
    found = displacement_exponents(DELAY, noisy(DELAY**0.7))
    np.testing.assert_allclose(found.exponent[np.isfinite(found.exponent)], 0.7, atol=1e-10)
    assert np.isnan(found.exponent[[0, -1]]).all() and found.n_units == 12


def test_a_cage_shows_a_plateau_and_free_diffusion_does_not():
    cage = DELAY / (1 + DELAY / 5) + 1e-3 * DELAY
    rng = np.random.default_rng(1)
    scatter = np.exp(0.05 * rng.standard_normal((20, len(DELAY))))
    caged, free = displacement_exponents(DELAY, cage * scatter), displacement_exponents(DELAY, DELAY * scatter)
    assert caged.lowest + 4 * caged.lowest_error < 0.5
    assert abs(free.lowest - 1) < 4 * free.lowest_error + 0.05
    assert 20 < caged.lowest_at < 2000


def test_too_short_a_run_is_refused():
    with pytest.raises(InputError, match="no window"):
        displacement_exponents(DELAY[:4], noisy(DELAY[:4]))


def test_a_lowest_place_that_luck_chose_is_no_cage():
    # Free diffusion with noise that differs from delay to delay: some exponent is always the lowest.
    naive, honest = [], []
    for seed in range(25):
        scatter = np.exp(0.25 * np.random.default_rng(seed).standard_normal((8, len(DELAY))))
        found = displacement_exponents(DELAY, DELAY * scatter)
        low = int(np.nanargmin(found.exponent))
        naive.append((found.exponent[low] - 1) / found.error[low])
        honest.append((found.lowest - 1) / found.lowest_error)
        assert found.bound < 1
    assert np.mean(naive) < -1.5  # deliberately wrong: the error of the place that was chosen
    assert abs(np.mean(honest)) < 4 / np.sqrt(len(honest)) and np.std(honest) < 1.6


def test_on_the_clock_of_noise_that_dies_diffusion_is_free():
    clock = np.log1p(DELAY / 30)
    scatter = np.exp(0.1 * np.random.default_rng(0).standard_normal((12, 1)))
    in_time = displacement_exponents(DELAY, clock * scatter)
    on_clock = displacement_exponents(DELAY, clock * scatter, clock=clock * np.ones((12, 1)))
    assert in_time.lowest < 0.4 and on_clock.lowest == pytest.approx(1.0)
    np.testing.assert_allclose(exponents_of(DELAY, clock, clock)[8:-8], 1.0)


def test_the_lowest_is_looked_for_before_a_time_and_the_rise_after_it():
    cage = DELAY / (1 + DELAY / 5) + 1e-3 * DELAY
    scatter = np.exp(0.02 * np.random.default_rng(2).standard_normal((12, len(DELAY))))
    found = displacement_exponents(DELAY, cage * scatter, until=300.0)
    assert found.lowest_at * np.sqrt(10.0) <= 300.0 and found.rise > 4 * found.rise_error
    slowing = displacement_exponents(DELAY, DELAY**0.5 * scatter)
    assert abs(slowing.rise) < 4 * slowing.rise_error


@pytest.fixture(scope="module")
def regression():
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((60, 3))
    return LinearRegression(inputs, inputs @ np.full(3, 0.2) + rng.standard_normal(60))


def both_sides(landscape, momentum, first, steps=60, rate=0.2, batch=2, replicas=200, believed=None):
    """x·∇L and the noise side at consecutive steps of many runs."""
    sgd = SGD(rate, batch, momentum=momentum)
    believed = momentum if believed is None else believed
    state = sgd.init(landscape, np.full((replicas, 3), 2.0), counter_keys(2, replicas, "noise"))
    state = sgd.advance(landscape, state, first)
    sides = []
    for _ in range(steps):
        found, before = noise_moments(landscape, state.x), state.x
        state = sgd.advance(landscape, state, 1)
        square = ((state.x - before) ** 2).sum(axis=1)
        right = noise_side(rate, batch, found.trace, found.gradient_square, square, believed)
        sides.append([found.virial, right])
    left, right = np.array(sides).transpose(1, 2, 0)[:, :, None, :]
    return stationarity(left, right)


@pytest.mark.parametrize("momentum", [0.0, 0.7])
def test_the_relation_holds_in_the_stationary_state(regression, momentum):
    found = both_sides(regression, momentum, 300, rate=0.2 * (1 - momentum))
    assert abs(found.z[0]) < 4 and found.ratio_error[0] < 0.05


def test_the_relation_fails_on_the_way_there_and_with_a_wrong_momentum(regression):
    assert both_sides(regression, 0.0, 0, steps=5).z[0] < -8  # |x|² shrinks
    assert abs(both_sides(regression, 0.7, 300, rate=0.06, believed=0.3).z[0]) > 4
