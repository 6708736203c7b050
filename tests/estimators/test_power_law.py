"""Power-law tails: exact Pareto samples, where the tail begins, and what is no power law."""

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.estimators.power_law import fit_power_law, goodness_of_fit, sample_power_law


def test_the_exponent_of_exact_samples_is_found_within_its_error():
    rng = np.random.default_rng(0)
    fit = fit_power_law(sample_power_law(2.5, 1.0, 5000, rng), lowest=1.0)
    assert fit.error == pytest.approx(0.0212, rel=0.03) and fit.tail == fit.total == 5000
    scores = [(fit_power_law(sample_power_law(2.5, 3.0, 400, rng), lowest=3.0).alpha - 2.5) / (1.5 / 20)
              for _ in range(100)]  # fmt: skip
    assert abs(np.mean(scores)) * 10 < 4 and np.std(scores) == pytest.approx(1.0, abs=0.3)
    # deliberately wrong: the exponent of the distribution function instead of that of the density
    assert abs(fit.alpha - 1.0 - 2.5) > 4 * fit.error and abs(fit.alpha - 2.5) < 4 * fit.error


def test_the_beginning_of_the_tail_is_found():
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.uniform(0.2, 2.0, 600), sample_power_law(3.0, 2.0, 400, rng)])
    fit = fit_power_law(values)
    assert 1.6 < fit.lowest < 3.0 and abs(fit.alpha - 3.0) < 4 * fit.error


def test_a_power_law_is_not_rejected_and_an_exponential_tail_is():
    rng = np.random.default_rng(2)
    values = sample_power_law(2.5, 1.0, 300, rng)
    assert goodness_of_fit(values, fit_power_law(values), 40, rng) > 0.1
    values = np.sort(1.0 + rng.uniform(0.0, 1.0, 300))
    assert goodness_of_fit(values, fit_power_law(values, fewest=100), 40, rng, fewest=100) < 0.1


def test_too_few_values_and_zero_modes_are_refused():
    rng = np.random.default_rng(3)
    with pytest.raises(InputError, match="50 or more"):
        fit_power_law(sample_power_law(2.5, 1.0, 49, rng))
    with pytest.raises(InputError, match="zero modes"):
        fit_power_law(np.append(sample_power_law(2.5, 1.0, 60, rng), 0.0))
