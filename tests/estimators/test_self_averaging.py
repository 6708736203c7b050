"""Exponents of self-averaging of sums of independent and of common parts."""

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.estimators.self_averaging import self_averaging

SIZES = [16, 32, 64, 128]


def test_means_of_independent_parts_average_themselves_strongly():
    rng = np.random.default_rng(0)
    found = self_averaging(SIZES, [1.0 + rng.standard_normal((400, n)).mean(axis=1) for n in SIZES])
    assert abs(found.exponent - 1.0) < 4 * found.exponent_error and found.exponent_error < 0.1
    z = np.log(found.relative_variance * np.array(SIZES)) / found.log_error
    assert np.abs(z).max() < 4 and found.p_value > 1e-3


def test_a_part_common_to_the_whole_sample_does_not_average():
    rng = np.random.default_rng(1)
    found = self_averaging(SIZES, [1.0 + 0.3 * rng.standard_normal(400) for _ in SIZES])
    assert abs(found.exponent) < 4 * found.exponent_error
    assert abs(found.exponent - 1.0) > 6 * found.exponent_error


def test_one_size_has_no_exponent_and_equal_samples_no_variance():
    assert np.isnan(self_averaging([10], [np.arange(1.0, 9.0)]).exponent)
    with pytest.raises(InputError, match="same value"):
        self_averaging([10], [np.ones(8)])
