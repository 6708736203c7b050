"""Jackknife and bootstrap against closed forms."""

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.estimators.resampling import bootstrap, jackknife, mean_and_error


def test_jackknife_error_of_the_mean_is_the_standard_error():
    x = np.random.default_rng(1).normal(size=31)
    found = jackknife(np.mean, x)
    assert found.error == pytest.approx(x.std(ddof=1) / np.sqrt(31), rel=1e-12)
    assert found.bias == pytest.approx(0.0, abs=1e-14)
    assert found.n_units == 31


def test_jackknife_bias_of_the_plain_variance_is_exactly_that_of_bessel():
    x = np.random.default_rng(2).normal(size=17)
    found = jackknife(np.var, x)
    assert found.value - found.bias == pytest.approx(np.var(x, ddof=1), rel=1e-12)


def test_jackknife_of_a_ratio_has_the_error_of_error_propagation():
    rng = np.random.default_rng(3)
    y = 5 + rng.normal(size=400)
    x = 2 * y + rng.normal(size=400)
    found = jackknife(lambda a, b: a.mean() / b.mean(), x, y)
    residual = x - found.value * y
    assert found.error == pytest.approx(residual.std(ddof=1) / np.sqrt(400) / y.mean(), rel=0.01)


def test_jackknife_of_a_curve_keeps_its_shape():
    x = np.random.default_rng(4).normal(size=(12, 5))
    found = jackknife(lambda a: a.mean(axis=0), x)
    assert found.value.shape == found.error.shape == (5,)
    np.testing.assert_allclose(found.error, x.std(axis=0, ddof=1) / np.sqrt(12), rtol=1e-12)


def test_jackknife_errors_cover_the_true_value_as_often_as_they_should():
    rng = np.random.default_rng(5)
    hits, trials = 0, 600
    for _ in range(trials):
        found = jackknife(lambda a: np.exp(a.mean()), rng.normal(size=40))
        hits += abs(found.value - found.bias - 1.0) < found.error
    expected = 0.6763  # Student's t with 39 degrees of freedom inside one standard error
    assert abs(hits / trials - expected) / np.sqrt(expected * (1 - expected) / trials) < 4


def test_bootstrap_error_of_the_mean_is_the_standard_error():
    x = np.random.default_rng(6).exponential(size=50)
    found = bootstrap(np.mean, x, rng=np.random.default_rng(7), resamples=4000)
    # The bootstrap's own variance has n, not n - 1; its error from 4000 draws is 1.1 %.
    assert found.error == pytest.approx(x.std() / np.sqrt(50), rel=0.05)
    assert found.lower < found.value < found.upper


def test_bootstrap_is_the_same_for_the_same_generator():
    x = np.arange(9.0)
    first = bootstrap(np.median, x, rng=np.random.default_rng(1), resamples=200)
    second = bootstrap(np.median, x, rng=np.random.default_rng(1), resamples=200)
    assert np.array_equal(first.resampled, second.resampled)


@pytest.mark.parametrize("method", [jackknife, lambda f, *a: bootstrap(f, *a, rng=np.random.default_rng(0))])
@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ((np.arange(4.0),), "4 independent units"),
        ((np.arange(8.0), np.arange(9.0)), r"\[8, 9\] units"),
        ((np.array([1.0, np.nan, 2, 3, 4, 5]),), "1 of 6 units"),
        ((), "no array"),
    ],
)
def test_resampling_refuses_what_it_cannot_judge(method, arrays, message):
    with pytest.raises(InputError, match=message):
        method(lambda *a: a[0].mean(), *arrays)


def test_mean_and_error_leaves_out_what_is_not_finite():
    values = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, 5.0]])
    mean, error = mean_and_error(values)
    np.testing.assert_allclose(mean, [2.0, 5.0])
    np.testing.assert_allclose(error, [1.0, np.nan])
