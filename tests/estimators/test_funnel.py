"""Numbers of a funnel: known profiles give their depth and width, and hysteresis is found where it is."""

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.estimators.funnel import (
    crossing,
    crossing_of_means,
    funnel_shape,
    hysteresis,
    shift_of_crossing,
    widths_of_directions,
)

Q = np.array([1.0, 0.8, 0.6, 0.4, 0.2, 0.1, 0.0])


def test_a_linear_funnel_has_its_depth_its_middle_and_no_overshoot():
    energy = np.tile(3.0 - 2.0 * Q, (4, 1)) + np.arange(4.0)[:, None]
    shape = funnel_shape(Q, energy, np.tile(0.1 * np.ones(7), (4, 1)))
    np.testing.assert_allclose(shape.native, 1.0 + np.arange(4))
    np.testing.assert_allclose(shape.depth, 1.9)  # from the mean of q = 0 and 0.1
    np.testing.assert_allclose(shape.half_overlap, 1.0 - 0.475)
    np.testing.assert_array_equal(shape.overshoot, 0.0)
    np.testing.assert_allclose(shape.roughness, 0.1)


def test_a_needle_in_a_hill_overshoots():
    energy = np.array([[0.0, 5.0, 6.0, 5.5, 4.2, 4.0, 4.0]])
    shape = funnel_shape(Q, energy, np.ones_like(energy))
    assert shape.overshoot[0] == pytest.approx(0.5) and shape.half_overlap[0] == pytest.approx(0.92)


def test_profiles_without_a_native_end_are_refused():
    with pytest.raises(InputError, match="a funnel needs q"):
        funnel_shape(Q[1:], np.ones((2, 6)), np.ones((2, 6)))


def test_crossings_are_the_first_on_the_way_or_none():
    assert crossing([0, 1, 2, 3], [1.0, 0.6, 0.2, 0.8], 0.5) == pytest.approx(1.25)
    assert np.isnan(crossing([0, 1], [1.0, 0.6], 0.5))


def test_a_crossing_of_means_covers_the_truth():
    rng, x, z = np.random.default_rng(0), np.linspace(0, 2, 9), []
    for _ in range(200):
        curves = 1.0 - 0.5 * x + 0.1 * rng.standard_normal((12, 1)) + 0.02 * rng.standard_normal((12, 9))
        found = crossing_of_means(x, curves, 0.5)
        z.append((found.value - 1.0) / found.error)
    assert abs(np.mean(z)) < 4 / np.sqrt(200) * 1.2 and 0.85 < np.std(z) < 1.35
    assert crossing_of_means(x, np.ones((12, 9)), 0.5) is None
    assert crossing_of_means(x, np.ones((3, 9)), 0.5) is None


def test_the_width_of_a_direction_ends_at_its_first_loss():
    kick = [0.2, 0.4, 0.8]
    returned = np.array([[[1, 1, 0, 1], [1, 0, 0, 1], [0, 1, 1, 1]]])
    np.testing.assert_allclose(widths_of_directions(kick, returned), [[0.6, 0.3, 0.1, 0.8]])


def test_hysteresis_ends_where_both_starts_agree():
    rng, t = np.random.default_rng(1), np.array([0.1, 0.2, 0.4, 0.8])
    shared = rng.standard_normal((20, 4))
    hot = shared + 0.05 * rng.standard_normal((20, 4))
    cold = shared + np.array([1.0, 0.5, 0.0, 0.0]) + 0.05 * rng.standard_normal((20, 4))
    found = hysteresis(t, hot, cold)
    assert (found.below, found.above) == (0.2, 0.4)
    assert abs(found.gap[0] - 1.0) < 4 * found.error[0] and abs(found.z[3]) < 4
    none = hysteresis(t, hot, hot + 0.01 * rng.standard_normal((20, 4)))
    assert np.isnan(none.below) and none.above == 0.1


def test_a_shift_of_crossings_of_the_same_units_is_known_better_than_either_crossing():
    rng, x = np.random.default_rng(3), np.linspace(0.0, 4.0, 9)
    common = 0.3 * rng.standard_normal((24, 1))  # of each unit, at both times
    before, after = (1.0 / (1.0 + np.exp(2.0 * (x - at - common))) for at in (2.2, 2.0))
    shift = shift_of_crossing(x, before, after, 0.5)
    one, other = crossing_of_means(x, before, 0.5), crossing_of_means(x, after, 0.5)
    assert abs(shift.value + 0.2) < 0.02 and abs(shift.value) > 4 * shift.error
    assert abs(other.value - one.value) < 4 * np.hypot(one.error, other.error)  # taken for independent it is not seen
    assert shift_of_crossing(x, before[:4], after[:4], 0.5) is None
