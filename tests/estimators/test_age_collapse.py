"""Ages that are one curve of a clock collapse on it, on no other, and to what the scatter of units leaves."""

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.estimators.age_collapse import age_exponent, collapse

DELAY = np.unique(np.round(10 ** (np.arange(33) / 8)))
AGES = np.array([1.0, 10.0, 100.0])


def aged(units=10, scatter=0.1, own=0.0, seed=0):
    """Displacements that depend on a clock only, which runs slower at greater age."""
    rng = np.random.default_rng(seed)
    clock = np.log((AGES[:, None] + DELAY) / AGES[:, None]) * np.ones((units, 1, 1))
    noise = scatter * rng.standard_normal((units, 1, 1)) + own * rng.standard_normal((units, 3, 1))
    return clock**0.8 * np.exp(noise), clock


def test_curves_that_depend_on_a_clock_collapse_on_it_and_not_on_time():
    moved, clock = aged()
    found = collapse(DELAY, moved, clock)
    assert found.rescaled < 0.02 < 0.3 < found.raw and found.gain > 10
    assert found.wrong > found.raw  # the clock of another age is worse than none
    no_clock = collapse(DELAY, moved, np.repeat(DELAY[None, None], 3, axis=1).repeat(10, axis=0))
    assert no_clock.gain == pytest.approx(1.0)


def test_what_the_scatter_of_units_leaves_is_no_missing_collapse():
    moved, clock = aged(20, own=0.3)
    found = collapse(DELAY, moved, clock)
    assert found.floor == pytest.approx(0.3 * np.sqrt(2 / 3 / 20), rel=0.5)
    assert abs(found.excess) < 4 * found.excess_error
    apart = moved * np.array([1.0, 1.5, 2.2])[:, None]  # deliberately wrong: ages differ on the clock too
    found = collapse(DELAY, apart, clock)
    assert found.excess > 4 * found.excess_error


@pytest.mark.parametrize("mu", [0.0, 0.5, 1.0])
def test_the_exponent_of_the_age_is_found(mu):
    rng = np.random.default_rng(1)
    reading = DELAY / AGES[:, None] ** mu
    moved = reading / (1 + reading) ** 0.6 * np.exp(0.1 * rng.standard_normal((12, 3, 1)))
    found = age_exponent(DELAY, moved, AGES)
    assert abs(found.exponent - mu) < 4 * found.error + 0.02 and not found.at_end


def test_ages_that_the_clock_explains_leave_no_exponent():
    moved, clock = aged(12, own=0.05)
    assert abs((one := age_exponent(DELAY, moved, AGES, clock)).exponent) < 4 * one.error + 0.02
    with pytest.raises(InputError, match="waiting times above 0"):
        age_exponent(DELAY, moved, [0.0, 1.0, 2.0])
