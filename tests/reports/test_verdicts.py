"""Scores without an error, and extrapolations whose form is rejected, are no agreement."""

import numpy as np
import pytest

from spinnet.reports.verdicts import LimitTest, furthest, judge_limits, judged, shown, z_score, z_scores


def test_equal_units_that_are_not_what_is_expected_differ_without_bound():
    np.testing.assert_array_equal(z_scores([1.0, 1.0, 2.0], [1.0, 2.0, 1.0], [0.0, 0.0, 0.5]), [0.0, -np.inf, 2.0])


@pytest.mark.parametrize("numbers", [(1.0, 0.0, np.nan), (np.nan, 0.0, 1.0), (1.0, np.nan, 1.0), (1.0, 1.0, np.nan)])
def test_without_a_value_or_an_error_nothing_is_tested(numbers):
    assert np.isnan(z_score(*numbers)) and shown(z_score(*numbers)) is None


def test_a_score_that_is_missing_decides_nothing():
    assert judged(float("nan"), "meets", "MISSES") == "not tested" and judged(-4.5, "meets", "MISSES") == "MISSES"
    assert furthest([[1.0, np.nan], [-3.0, 2.0]]) == ((1, 0), -3.0)
    assert np.isnan(furthest([np.nan, np.nan])[1])


def test_limits_of_described_sizes_meet_or_miss():
    good, far = LimitTest("t = 1", 1.5, 0.3), LimitTest("t = 10", -4.5, 0.2)
    assert judge_limits([good], "the limit", "theory", "at {} times") == (
        "the limit meets theory at 1 time with |z| ≤ 1.50 (t = 1)"
    )
    assert "the limits MISS theory" in judge_limits([good, far], "the limits", "theory", plural=True)


def test_a_rejected_form_is_named_and_is_no_agreement():
    good, poor = LimitTest("t = 1", 1.5, 0.3), LimitTest("t = 10", 0.1, 1e-5)
    both, alone = (judge_limits(tests, "the limit", "theory") for tests in ([good, poor], [poor]))
    assert "meets theory at 1 value " in both and "does not describe the sizes at t = 10" in both
    assert "meets" not in alone and "not tested against theory" in alone
    # Without degrees of freedom the form is not tested, and neither is the limit.
    assert "meets" not in judge_limits([LimitTest("t = 1", 0.1, np.nan)], "the limit", "theory")
