"""The covariance polynomial: its derivatives, its text form and what it refuses."""

import itertools

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance

MIXED = {2: 0.3, 3: 1.0, 7: 2.5}


def test_integer_and_float_amplitudes_and_text_degrees_give_equal_objects():
    reference = Covariance({3: 1.0, 4: 2.0})
    for other in (Covariance({4: 2, 3: 1}), Covariance({"3": 1.0, "4": 2}), Covariance({3.0: np.float32(1), 4: 2})):
        assert other == reference
        assert hash(other) == hash(reference)
    assert Covariance(reference) == reference
    assert Covariance({3: 1.0}) != reference


def test_text_form_is_read_back_exactly():
    for amplitudes in ({3: 1.0}, {2: 0.1, 50: 1 / 3}, MIXED):
        covariance = Covariance(amplitudes)
        assert Covariance.parse(str(covariance)) == covariance
    assert Covariance.parse(" 4 = 0.5 , 3=1") == Covariance({3: 1, 4: 0.5})
    assert str(Covariance({3: 1, 4: 0.5})) == "3=1,4=0.5"
    assert eval(repr(Covariance(MIXED))) == Covariance(MIXED)


def test_pure_model_of_unit_amplitude_has_half_at_overlap_one():
    for p in (2, 3, 4, 50, 1000):
        covariance = Covariance({p: 1})
        assert covariance(1.0) == 0.5
        assert covariance.first(1.0) == pytest.approx(p / 2)
        assert covariance.second(1.0) == pytest.approx(p * (p - 1) / 2)
        assert covariance.is_pure and covariance.degrees == (p,)


def test_derivatives_agree_with_the_polynomial_class_of_numpy():
    coefficients = np.zeros(8)
    for p, a in MIXED.items():
        coefficients[p] = 0.5 * a * a
    polynomial = np.polynomial.Polynomial(coefficients)
    covariance = Covariance(MIXED)
    q = np.linspace(-1.0, 1.0, 7).reshape(7, 1)
    for order, method in enumerate((covariance, covariance.first, covariance.second, covariance.third)):
        expected = polynomial.deriv(order)(q) if order else polynomial(q)
        assert method(q).shape == q.shape
        np.testing.assert_allclose(method(q), expected, rtol=1e-13, atol=1e-14)
        np.testing.assert_allclose(covariance.derivative(q, order), expected, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(covariance.log_derivative(0.3, 2), np.log(covariance.second(0.3)), rtol=1e-14)
    assert isinstance(covariance(0.5), float)


def test_deficit_keeps_its_digits_where_the_difference_loses_them():
    covariance = Covariance(MIXED)
    assert covariance.deficit(0.4) == pytest.approx(covariance(1.0) - covariance(0.6), rel=1e-13)
    assert covariance.deficit(1.0) == covariance(1.0)
    # f'(1) u - f''(1) u^2/2 to second order
    u = 1e-9
    expansion = covariance.first(1.0) * u - 0.5 * covariance.second(1.0) * u * u
    assert covariance.deficit(u) == pytest.approx(expansion, rel=1e-14)


def test_energy_force_determinant_is_the_plain_expression_and_vanishes_for_pure_models():
    c = Covariance(MIXED)
    plain = c(1.0) * (c.first(1.0) + c.second(1.0)) - c.first(1.0) ** 2
    assert c.energy_force_determinant == pytest.approx(plain, rel=1e-12)
    assert Covariance({5: 2.0}).energy_force_determinant == 0.0


def test_sampled_energies_of_the_full_tensor_have_this_covariance():
    n, samples, rng = 4, 20_000, np.random.default_rng(0)
    first = rng.normal(size=n)
    first *= np.sqrt(n) / np.linalg.norm(first)
    second = first + 0.8 * rng.normal(size=n)
    second *= np.sqrt(n) / np.linalg.norm(second)
    energies = np.zeros((2, samples))
    for p, amplitude in {2: 0.5, 3: 1.0}.items():
        for indices in itertools.product(range(n), repeat=p):
            coupling = amplitude * rng.normal(size=samples) / np.sqrt(2.0 * n ** (p - 1))
            energies[0] -= coupling * np.prod(first[list(indices)])
            energies[1] -= coupling * np.prod(second[list(indices)])
    products = energies[0] * energies[1] / n
    covariance = Covariance({2: 0.5, 3: 1.0})
    z = (products.mean() - covariance(first @ second / n)) / (products.std() / np.sqrt(samples))
    assert abs(z) < 4
    # the strict-sum normalisation (no factor 1/2) is another model
    wrong = (products.mean() - 2 * covariance(first @ second / n)) / (products.std() / np.sqrt(samples))
    assert abs(wrong) > 4


@pytest.mark.parametrize(
    ("amplitudes", "said"),
    [
        ({1: 1.0}, "degree 1 is a random field"),
        ({0: 1.0}, "degree 0 is a random constant"),
        ({-2: 1.0}, "negative"),
        ({2.5: 1.0}, "not an integer"),
        ({"three": 1.0}, "not an integer"),
        ({True: 1.0}, "not an integer"),
        ({float("nan"): 1.0}, "not an integer"),
        ({float("inf"): 1.0}, "not an integer"),
        ({3: 0.0}, "zero"),
        ({3: -1.0}, "only its square enters"),
        ({3: float("nan")}, "nan"),
        ({3: float("inf")}, "inf"),
        ({3: "1"}, "not a number"),
        ({3: True}, "not a number"),
        ({3: 1.0, "3": 1.0}, "twice"),
        ({}, "empty"),
        ([3, 1.0], "not a mapping"),
    ],
)
def test_what_is_not_a_covariance_is_refused_in_one_line(amplitudes, said):
    with pytest.raises(InputError, match=said) as refusal:
        Covariance(amplitudes)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("text", ["", "3", "3=", "=1", "3=1,", "3=a", "3:1", "3=1,3=2", "1=1", "3=-1", "3=nan"])
def test_text_that_is_not_a_covariance_is_refused(text):
    with pytest.raises(InputError):
        Covariance.parse(text)
