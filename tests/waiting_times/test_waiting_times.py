"""The grid of pairs (t_w, t_w + t): logarithmic in t, on times that exist, and growing with the run."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.dynamics import GradientFlow, Langevin
from spinnet.errors import InputError
from spinnet.waiting_times import WaitingTimes

RULES = {"any time": GradientFlow().attainable, "whole steps": Langevin(0.5, 0.03).attainable}


@pytest.fixture(params=RULES, ids=lambda name: name.replace(" ", "-"))
def rule(request):
    return RULES[request.param]


def test_delays_are_zero_and_powers_of_ten(rule):
    grid = WaitingTimes((0.0, 3.0), 0.3, 2)
    expected = np.array([0.0, *(0.3 * 10.0 ** (np.arange(4) / 2))])
    found = grid.delays(rule, 10.0)
    assert str(found[0]) == "0.0"  # no minus
    assert np.abs(found - expected).max() < 0.03
    np.testing.assert_allclose(found[[0, 1, 3]], expected[[0, 1, 3]], rtol=1e-12)


def test_every_waiting_time_has_the_same_delays_as_far_as_the_run_goes(rule):
    grid = WaitingTimes((0.0, 1.5, 6.0), 0.3, 3)
    waits, delays, pairs = grid.waits(rule), grid.delays(rule, 10.0), grid.pairs(rule, 10.0)
    inside = waits[:, None] + delays <= 10.0 * (1 + 1e-9)
    np.testing.assert_allclose(pairs, np.where(inside, waits[:, None] + delays, np.nan), rtol=1e-13)
    assert inside[0].all() and not inside[2].all()


def test_all_pairs_exist_and_a_longer_run_begins_with_those_of_a_shorter_one(rule):
    grid = WaitingTimes((0.1, 0.77, 5.0), 0.013, 6)
    pairs = grid.pairs(rule, 40.0)
    for last in (0.1, 0.5, 5.0, 12.3):
        short = grid.pairs(rule, last)
        known = np.isfinite(short)
        np.testing.assert_array_equal(short[known], pairs[:, : short.shape[1]][known])
        beyond = pairs[:, : short.shape[1]][~known]
        assert (np.isnan(beyond) | (beyond > last)).all()
    times = np.unique(pairs[np.isfinite(pairs)])
    np.testing.assert_array_equal(rule(times), times)


def test_a_run_shorter_than_the_first_waiting_time_has_nothing_to_compare(rule):
    assert np.isnan(WaitingTimes((3.0,), 0.1, 4).pairs(rule, 1.0)).all()


@pytest.mark.parametrize(
    ("parameters", "fragment"),
    [
        ((3.0, 0.1, 8), "list of times"),
        (([], 0.1, 8), "list of times"),
        (([1, 1], 0.1, 8), "increase"),
        (([-1], 0.1, 8), "at least 0"),
        ((["a"], 0.1, 8), "finite number"),
        (([0], 0, 8), "first"),
        (([0], 0.1, 0), "per_decade"),
    ],
)
def test_wrong_grids_are_refused_in_one_line(parameters, fragment):
    with pytest.raises(InputError, match=fragment) as caught:
        WaitingTimes.validate(*parameters)
    assert "\n" not in str(caught.value)
