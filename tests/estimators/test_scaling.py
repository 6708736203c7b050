"""Finite-size fits recover what was put in, with errors of the right size."""

import numpy as np
import pytest

from spinnet.errors import InputError, NotConvergedError
from spinnet.estimators.scaling import extrapolate, fit_power_law, local_exponents, weighted_least_squares

SIZES = np.array([32.0, 64, 128, 256, 512])


def test_extrapolation_of_exact_data_is_exact():
    found = extrapolate(SIZES, -1.15 + 2.0 * SIZES ** (-2 / 3), np.full(5, 0.01), exponent=2 / 3)
    assert found.limit == pytest.approx(-1.15, abs=1e-12)
    assert found.amplitude == pytest.approx(2.0, rel=1e-12)
    assert found.chi_squared == pytest.approx(0.0, abs=1e-18)
    assert found.degrees_of_freedom == 3


def test_errors_and_chi_squared_of_the_extrapolation_are_those_of_repeated_experiments():
    rng = np.random.default_rng(11)
    errors = 0.02 / np.sqrt(SIZES / 32)
    fits = [extrapolate(SIZES, 0.5 + SIZES**-1.0 + errors * rng.normal(size=5), errors) for _ in range(1500)]
    limits = np.array([fit.limit for fit in fits])
    z = (limits - 0.5) / fits[0].limit_error
    assert abs(z.mean()) * np.sqrt(len(z)) < 4
    assert abs(z.var(ddof=1) - 1) / np.sqrt(2 / len(z)) < 4
    p = np.array([fit.p_value for fit in fits])
    assert abs(p.mean() - 0.5) * np.sqrt(12 * len(p)) < 4


def test_a_free_exponent_is_found_with_its_error():
    rng = np.random.default_rng(12)
    sizes = np.geomspace(8, 2048, 9)
    errors = np.full(9, 2e-3)
    fits = [extrapolate(sizes, 1.0 + 3.0 * sizes**-0.8 + errors * rng.normal(size=9), errors, None) for _ in range(300)]
    for name, truth in [("limit", 1.0), ("exponent", 0.8)]:
        z = np.array([(getattr(fit, name) - truth) / getattr(fit, f"{name}_error") for fit in fits])
        assert abs(z.mean()) * np.sqrt(len(z)) < 4
        assert abs(z.std(ddof=1) - 1) < 0.2


def test_the_wrong_exponent_is_rejected_by_chi_squared():
    values = 1.0 + 3.0 * SIZES**-0.5
    assert extrapolate(SIZES, values, np.full(5, 1e-3), 1.0).p_value < 1e-6
    assert extrapolate(SIZES, values, np.full(5, 1e-3), 0.5).p_value > 0.99


def test_an_exponent_that_the_data_do_not_determine_is_refused():
    with pytest.raises(NotConvergedError):
        extrapolate(SIZES, np.full(5, 2.0), np.full(5, 0.1), None)


def test_power_law_and_local_exponents_of_exact_data():
    x = np.geomspace(1, 100, 7)
    found = fit_power_law(x, 4 * x**-0.667, 0.01 * x**-0.667)
    assert found.exponent == pytest.approx(-0.667, rel=1e-12)
    np.testing.assert_allclose(found(x), 4 * x**-0.667)
    between, exponent, error = local_exponents(x, 4 * x**-0.667, 0.04 * x**-0.667)
    np.testing.assert_allclose(exponent, -0.667)
    np.testing.assert_allclose(error, 0.01 * np.sqrt(2) / np.diff(np.log(x)))
    assert between[0] == pytest.approx(np.sqrt(x[0] * x[1]))


def test_weighted_least_squares_weighs_points_by_their_errors():
    found = weighted_least_squares(np.ones((2, 1)), [0.0, 10.0], [1.0, 3.0])
    assert found.coefficients[0] == pytest.approx(1.0)
    assert found.errors[0] == pytest.approx(1 / np.sqrt(1 + 1 / 9))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: extrapolate([64], [1.0], [0.1]), "1 different sizes"),
        (lambda: extrapolate([64, 64], [1.0, 1.1], [0.1, 0.1]), "1 different sizes"),
        (lambda: extrapolate([64, 128], [1.0, 1.1], [0.1, 0.0]), "errors that are not positive"),
        (lambda: extrapolate([64, 128], [1.0, np.nan], [0.1, 0.1]), "not finite"),
        (lambda: extrapolate([64, 128], [1.0, 1.1], [0.1, 0.1], -1.0), "exponent"),
        (lambda: fit_power_law([1, 2, 3], [1.0, -1.0, 1.0], [0.1] * 3), "not positive"),
        (lambda: fit_power_law([1, 2, 3], [1.0, 1.0, 1.0], [0.1, 0.1, 0.9]), "above 0.5"),
    ],
)
def test_fits_refuse_what_cannot_be_fitted(call, message):
    with pytest.raises(InputError, match=message):
        call()
