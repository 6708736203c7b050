"""Formulas are read by a grammar: right values, exact derivatives, and nothing that could run."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.theory.expressions import parse_expression

X = np.linspace(0.1, 0.9, 7)
FORMULAS = {
    "2x-x^2": lambda x: 2 * x - x**2,
    "-x^2": lambda x: -(x**2),
    "x**2**0.5": lambda x: x ** (2**0.5),
    "2^-x": lambda x: 2**-x,
    "1/2 x": lambda x: x / 2,
    "x(1-x)(1+x)": lambda x: x * (1 - x) * (1 + x),
    "1 - - 2": lambda x: 3 + 0 * x,
    "1.5e-1x + .5": lambda x: 0.15 * x + 0.5,
    "sqrt(x) sin(pi x/2)": lambda x: np.sqrt(x) * np.sin(np.pi * x / 2),
    "exp(-x^2)/log(1+x)": lambda x: np.exp(-(x**2)) / np.log(1 + x),
    "tanh(3x)+cosh(x)-sinh(x)+tan(x)-cos(x)": lambda x: (
        np.tanh(3 * x) + np.cosh(x) - np.sinh(x) + np.tan(x) - np.cos(x)
    ),
    "x^x": lambda x: x**x,
    "2x \N{MINUS SIGN} x^2": lambda x: 2 * x - x**2,
}


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_has_the_value_that_it_says(text):
    assert parse_expression(text)(X) == pytest.approx(FORMULAS[text](X), rel=1e-15)


@pytest.mark.parametrize("text", FORMULAS)
def test_the_derivative_is_the_limit_of_differences(text):
    h = 1e-30  # a complex step has no cancellation
    expected = np.imag(FORMULAS[text](X + 1j * h)) / h
    assert parse_expression(text).derivative(X) == pytest.approx(expected, rel=1e-13, abs=1e-14)


def test_a_number_gives_a_number_and_an_array_its_shape():
    cube = parse_expression("x^3")
    assert isinstance(cube(2), float) and cube(2) == 8
    assert cube(np.zeros((2, 3))).shape == (2, 3)
    assert parse_expression("1")(np.zeros(4)).shape == (4,)


def test_the_derivative_of_a_power_exists_at_zero():
    assert parse_expression("2x-x^2").derivative(0.0) == 2
    assert parse_expression("x^1.5").derivative(0.0) == 0


def test_a_point_outside_the_domain_is_not_a_number_and_gives_no_warning():
    assert np.isnan(parse_expression("sqrt(x)")(-1.0))
    assert np.isinf(parse_expression("sqrt(x)").derivative(0.0))


@pytest.mark.parametrize(
    "text, place",
    [
        ("", "ends"),
        ("2x-", "ends"),
        ("(x", "ends"),
        ("x)", "character 2"),
        ("2+*x", "character 3"),
        ("x y", "'y'"),
        ("__import__('os').system('true')", "'_'"),
        ("x.real", "'.'"),
        ("x[0]", r"'\['"),
        ("lambda x: x", "lambda"),
        ("sqrt x", "bracket after sqrt"),
        ("sqr(x)", "sqrt"),
        ("x;x", "';'"),
        ("2e", "'e'"),
        ("x\nx", "character 2"),
        ("x=1", "'='"),
        ("٣x", "character 1"),
    ],
)
def test_what_is_no_formula_is_refused_with_its_place(text, place):
    with pytest.raises(InputError, match=place):
        parse_expression(text)


def test_long_and_deep_formulas_are_refused_before_they_cost_anything():
    with pytest.raises(InputError, match="at most 200"):
        parse_expression("x+" * 200 + "x")
    with pytest.raises(InputError, match="nested"):
        parse_expression("(" * 90 + "x" + ")" * 90)
    with pytest.raises(InputError, match="nested"):
        parse_expression("x" + "^x" * 90)
