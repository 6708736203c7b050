"""The permutation test holds its level, has power, and fails where it must: on units that are not units."""

import numpy as np
import pytest

from spinnet.comparison.distances import studentised_shift
from spinnet.comparison.permutation import draw_labellings, equal_counts, permutation_test
from spinnet.errors import InputError

LEVEL = 0.05


def p_values(draw, trials=240, permutations=99, seed=1, **options):
    rng = np.random.default_rng(seed)
    return np.array(
        [permutation_test(*draw(rng), permutations=permutations, rng=rng, **options).p_value for _ in range(trials)]
    )


def z_of_rate(p, level=LEVEL):
    return ((p <= level).mean() - level) / np.sqrt(level * (1 - level) / len(p))


@pytest.mark.parametrize("distance", ["studentised_shift", "standardised_area", "kolmogorov_smirnov"])
def test_p_values_are_uniform_when_both_sides_have_one_law(distance):
    p = p_values(lambda rng: (rng.exponential(size=20), rng.exponential(size=25)), distance=distance)
    assert abs(z_of_rate(p)) < 4
    if distance != "kolmogorov_smirnov":  # its few values make p coarse
        assert abs((p.mean() - 0.5) * np.sqrt(12 * len(p))) < 4
        assert abs((p <= 0.5).mean() - 0.5) / np.sqrt(0.25 / len(p)) < 4


@pytest.mark.parametrize("distance", ["studentised_shift", "energy_coefficient"])
def test_p_values_are_uniform_for_units_that_are_curves(distance):
    def draw(rng):
        sides = [np.cumsum(rng.normal(size=(count, 6)), axis=1) for count in (20, 22)]
        return equal_counts(*sides) if distance == "studentised_shift" else sides

    p = p_values(draw, trials=200, distance=distance)
    assert abs(z_of_rate(p)) < 4
    assert abs((p.mean() - 0.5) * np.sqrt(12 * len(p))) < 4


def test_eigenvalues_taken_for_units_reject_glass_against_glass():
    # Five values of each sample share the sample's shift, as eigenvalues of one matrix share its disorder.
    def wrong(rng):
        return [(rng.normal(size=(20, 1)) + rng.normal(size=(20, 5))).ravel() for _ in range(2)]

    def right(rng):
        return [(rng.normal(size=(20, 1)) + rng.normal(size=(20, 5))).mean(axis=1) for _ in range(2)]

    assert abs(z_of_rate(p_values(right))) < 4
    assert z_of_rate(p_values(wrong)) > 10


def test_the_studentised_test_holds_its_level_for_unequal_widths_and_the_plain_one_does_not():
    def draw(rng):
        return 4 * rng.normal(size=20), rng.normal(size=80)

    assert abs(z_of_rate(p_values(draw, distance="studentised_shift"))) < 4
    assert z_of_rate(p_values(draw, distance="standardised_shift")) > 10
    assert z_of_rate(p_values(draw, distance="standardised_area")) > 10


def one_wide_component(n_left, n_right):
    """Curves of equal means; one of 13 components is wide on the left."""
    widths = np.array([5.0] + [1.0] * 12)

    def draw(rng):
        return widths * rng.normal(size=(n_left, 13)), rng.normal(size=(n_right, 13))

    return draw


def test_means_of_curves_hold_their_level_for_unequal_covariances_with_equal_counts():
    def draw(rng):
        return equal_counts(*one_wide_component(40, 160)(rng))

    assert abs(z_of_rate(p_values(draw, trials=600))) < 4


def test_means_of_curves_with_unequal_counts_would_reject_equal_means():
    def unchecked(pooled, is_left):
        return studentised_shift(pooled, is_left)

    assert z_of_rate(p_values(one_wide_component(40, 160), trials=600, distance=unchecked)) > 4
    with pytest.raises(InputError, match="40 and 160 curves"):
        p_values(one_wide_component(40, 160), trials=1, distance="studentised_shift")


def test_the_power_under_a_shift_is_that_of_student_s_test():
    from scipy import stats

    p = p_values(lambda rng: (rng.normal(size=20), rng.normal(size=20) + 1.0), trials=400, permutations=199)
    distribution = stats.nct(38, np.sqrt(10))
    threshold = stats.t(38).isf(LEVEL / 2)
    power = distribution.sf(threshold) + distribution.cdf(-threshold)
    assert 0.8 < power < 0.9
    assert abs((p <= LEVEL).mean() - power) / np.sqrt(power * (1 - power) / len(p)) < 4


def test_curves_that_differ_in_one_component_are_told_apart():
    bump = np.array([0, 0, 1.5, 0])
    p = p_values(lambda rng: (rng.normal(size=(30, 4)), rng.normal(size=(30, 4)) + bump), trials=40)
    assert (p <= 0.01).mean() > 0.9


def test_the_p_value_counts_the_observed_labelling_and_never_vanishes():
    found = permutation_test(np.arange(20.0), np.arange(20.0) + 1000, permutations=99, rng=np.random.default_rng(1))
    assert found.p_value == 1 / 100
    assert found.permutations == 99
    assert found.distance > found.null_upper > found.null_median


def test_equal_constants_have_p_value_one_and_different_ones_the_smallest():
    rng = np.random.default_rng(2)
    assert permutation_test(np.zeros(20), np.zeros(20), permutations=99, rng=rng).p_value == 1.0
    assert permutation_test(np.zeros(20), np.ones(20), permutations=99, rng=rng).p_value == 1 / 100


def test_ties_count_against_rejection():
    left, right = np.repeat([0.1, 0.7], 10), np.repeat([0.1, 0.7], 10)
    assert permutation_test(left, right, permutations=199, rng=np.random.default_rng(3)).p_value == 1.0


def test_one_seed_gives_one_p_value_and_labellings_can_be_shared():
    rng = np.random.default_rng(4)
    left, right = rng.normal(size=20), rng.normal(size=20) + 0.4
    first = permutation_test(left, right, permutations=499, rng=np.random.default_rng(9))
    shared = draw_labellings(20, 20, 499, np.random.default_rng(9))
    assert permutation_test(left, right, labellings=shared) == first


def test_too_few_units_are_refused():
    with pytest.raises(InputError, match="19 and 30 independent units: a comparison needs at least 20"):
        permutation_test(np.zeros(19), np.zeros(30), rng=np.random.default_rng(0))
    with pytest.raises(InputError, match="random generator"):
        permutation_test(np.zeros(20), np.zeros(20))
    with pytest.raises(InputError, match="at least 19 rows"):
        permutation_test(np.zeros(20), np.zeros(20), permutations=5, rng=np.random.default_rng(0))
