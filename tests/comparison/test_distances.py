"""Distances against independent implementations and hand examples."""

import numpy as np
import pytest
from scipy import stats

from spinnet.comparison.distances import DISTANCES, distance_between, pool
from spinnet.comparison.permutation import draw_labellings
from spinnet.errors import InputError


@pytest.fixture(params=[(20, 20), (7, 31), (1, 5)])
def samples(request):
    rng = np.random.default_rng(sum(request.param))
    return rng.normal(size=request.param[0]).round(1), rng.exponential(size=request.param[1]).round(1) + 100.0


def test_area_between_cdfs_is_the_wasserstein_distance(samples):
    assert distance_between(*samples, "area_between_cdfs") == pytest.approx(stats.wasserstein_distance(*samples))


def test_kolmogorov_smirnov_takes_ties_together(samples):
    left, right = samples[0], samples[1] - 100
    assert distance_between(left, right, "kolmogorov_smirnov") == pytest.approx(stats.ks_2samp(left, right).statistic)


def test_studentised_shift_of_numbers_is_welch_s_statistic():
    rng = np.random.default_rng(1)
    left, right = 1e6 + rng.normal(size=12), 1e6 + 3 * rng.normal(size=40)
    expected = abs(stats.ttest_ind(left, right, equal_var=False).statistic)
    assert distance_between(left, right, "studentised_shift") == pytest.approx(expected, rel=1e-7)


def test_standardised_shift_of_a_shifted_copy_is_the_shift_in_standard_deviations():
    x = np.random.default_rng(2).normal(size=30)
    for name in ("standardised_shift", "standardised_area"):
        assert distance_between(x, x + 1.7, name) == pytest.approx(1.7 / x.std(ddof=1))


def test_energy_coefficient_of_numbers_is_the_energy_distance():
    rng = np.random.default_rng(3)
    left, right = rng.normal(size=15), rng.normal(size=22) + 1
    cross = np.abs(left[:, None] - right[None, :]).mean()
    expected = stats.energy_distance(left, right) ** 2 / (2 * cross)
    assert distance_between(left, right, "energy_coefficient") == pytest.approx(expected)


def test_energy_coefficient_is_one_for_constants_that_differ_and_zero_for_equal_ones():
    assert distance_between(np.ones((5, 3)), np.zeros((4, 3)), "energy_coefficient") == 1.0
    assert distance_between(np.ones((5, 3)), np.ones((4, 3)), "energy_coefficient") == 0.0


@pytest.mark.parametrize("name", sorted(set(DISTANCES) - {"area_between_cdfs"}))
def test_distances_do_not_depend_on_the_unit_of_the_values(name):
    rng = np.random.default_rng(4)
    left, right = rng.normal(size=20), rng.normal(size=24) + 0.5
    plain = distance_between(left, right, name)
    assert distance_between(7.3e4 * left + 11, 7.3e4 * right + 11, name) == pytest.approx(plain, rel=1e-9)


@pytest.mark.parametrize("name", DISTANCES)
def test_many_labellings_at_once_are_the_same_as_one_by_one(name):
    rng = np.random.default_rng(5)
    pooled, _ = pool(rng.normal(size=9), rng.normal(size=14).round())
    labellings = draw_labellings(9, 14, 50, rng)
    together = DISTANCES[name](pooled, labellings)
    singly = [distance_between(pooled[row], pooled[~row], name) for row in labellings]
    np.testing.assert_allclose(together, singly, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", ["standardised_shift", "studentised_shift"])
def test_shifts_of_vectors_ignore_a_rotation(name):
    rng = np.random.default_rng(6)
    left, right = rng.normal(size=(20, 3)), rng.normal(size=(25, 3)) + 0.4
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    assert distance_between(left @ rotation, right @ rotation, name) == pytest.approx(
        distance_between(left, right, name)
    )


def test_constants_are_infinitely_far_apart_or_at_no_distance():
    for name in ("standardised_shift", "studentised_shift", "standardised_area"):
        assert distance_between([0.1] * 4, [0.1] * 6, name) == 0.0
        assert distance_between([0.1] * 4, [0.3] * 6, name) == np.inf


def test_labellings_keep_the_number_of_units_and_are_even():
    labels = draw_labellings(6, 9, 4000, np.random.default_rng(7))
    assert (labels.sum(axis=1) == 6).all()
    z = (labels.mean(axis=0) - 0.4) / np.sqrt(0.4 * 0.6 / 4000)
    assert np.abs(z).max() < 4


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        ([], [1.0], "empty"),
        ([1.0, np.nan], [1.0], "not finite"),
        (np.ones((3, 2)), np.ones((3, 4)), "cannot be compared"),
    ],
)
def test_samples_that_cannot_be_compared_are_refused(left, right, message):
    with pytest.raises(InputError, match=message):
        distance_between(left, right)
    with pytest.raises(InputError, match="there is no distance"):
        distance_between([1.0], [2.0], "nonsense")
