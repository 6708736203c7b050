"""Formulas of one variable given as text, such as ``2x-x^2``: read by a small grammar, never run as code.

The grammar, with the usual precedence::

    sum     = product (("+" | "-") product)*
    product = sign (("*" | "/") sign | power)*        2x, 2(1-x) and x sqrt(x) multiply, as in 1/2 x = (1/2) x
    sign    = ("+" | "-")* power
    power   = atom (("^" | "**") sign)?               right to left; -x^2 = -(x^2)
    atom    = number | variable | "pi" | function "(" sum ")" | "(" sum ")"
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError, nearest_name

LONGEST = 200
DEEPEST = 40

Array = NDArray[np.float64]
# A node maps x to (value, derivative): forward differentiation, exact to rounding.
_Node = Callable[[Array], tuple[Array, Array]]

_FUNCTIONS: dict[str, tuple[Callable, Callable]] = {
    "sqrt": (np.sqrt, lambda v: 0.5 / np.sqrt(v)),
    "exp": (np.exp, np.exp),
    "log": (np.log, lambda v: 1.0 / v),
    "sin": (np.sin, np.cos),
    "cos": (np.cos, lambda v: -np.sin(v)),
    "tan": (np.tan, lambda v: 1.0 / np.cos(v) ** 2),
    "sinh": (np.sinh, np.cosh),
    "cosh": (np.cosh, np.sinh),
    "tanh": (np.tanh, lambda v: 1.0 / np.cosh(v) ** 2),
}

_TOKEN = re.compile(
    r"(?P<space>[ \t]+)|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|(?P<name>[A-Za-z]+)|"
    r"(?P<sign>\*\*|[-+*/^()])"
)


@dataclass(frozen=True)
class Expression:
    """A formula of one variable.

    Call it with a number or an array; :meth:`derivative` is exact, by forward differentiation. Points outside the
    domain of a function give nan or inf without a warning: callers check what they need.

    Attributes
    ----------
    text : str
        The formula as given.
    variable : str
        The name of its variable.
    """

    text: str
    variable: str
    _node: _Node = field(repr=False, compare=False)

    def _evaluate(self, x: ArrayLike, which: int) -> Array | float:
        x = np.asarray(x, dtype=float)
        with np.errstate(all="ignore"):
            result = np.broadcast_to(self._node(x)[which], x.shape)
        return result.copy() if x.ndim else float(result)

    def __call__(self, x: ArrayLike) -> Array | float:
        """Return the value at x, of the shape of x."""
        return self._evaluate(x, 0)

    def derivative(self, x: ArrayLike) -> Array | float:
        """Return the first derivative at x, of the shape of x."""
        return self._evaluate(x, 1)


def parse_expression(text: str, variable: str = "x") -> Expression:
    """Read a formula of one variable.

    Numbers, the variable, ``pi``, ``+ - * / ^``, brackets, left-out multiplication signs, and the functions sqrt,
    exp, log, sin, cos, tan, sinh, cosh, tanh. Nothing else is a formula, and nothing is ever executed.

    Parameters
    ----------
    text : str
        At most 200 characters.
    variable : str
        Name of the variable.

    Raises
    ------
    InputError
        With the place of the first character that does not belong.
    """
    text = str(text).replace("\N{MINUS SIGN}", "-")
    if len(text) > LONGEST:
        raise InputError(f"the expression has {len(text)} characters; at most {LONGEST} are allowed")
    reader = _Reader(text, variable)
    node = reader.sum()
    if reader.token is not None:
        reader.fail("an operator or the end")
    return Expression(text.strip(), variable, node)


class _Reader:
    """Recursive descent over the tokens of one text."""

    def __init__(self, text: str, variable: str):
        self.text, self.variable = text, variable
        self.tokens: list[tuple[str, str, int]] = []
        self.index = self.depth = 0
        place = 0
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None:
                raise InputError(
                    f"{text!r}: {text[place]!r} at character {place + 1} belongs to no formula; {self.allowed}"
                )
            if match.lastgroup != "space":
                self.tokens.append((match.lastgroup, match.group(), place))
            place = match.end()

    @property
    def allowed(self) -> str:
        return f"use numbers, {self.variable}, + - * / ^, brackets and {', '.join(_FUNCTIONS)}"

    @property
    def token(self) -> str | None:
        return self.tokens[self.index][1] if self.index < len(self.tokens) else None

    @property
    def kind(self) -> str | None:
        return self.tokens[self.index][0] if self.index < len(self.tokens) else None

    def fail(self, wanted: str) -> None:
        if self.token is None:
            raise InputError(f"{self.text!r} ends where {wanted} is missing; {self.allowed}")
        place = self.tokens[self.index][2] + 1
        raise InputError(
            f"{self.text!r}: {self.token!r} at character {place} stands where {wanted} is wanted; {self.allowed}"
        )

    def take(self, *signs: str) -> str | None:
        if self.kind == "sign" and self.token in signs:
            self.index += 1
            return self.tokens[self.index - 1][1]
        return None

    def sum(self) -> _Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise InputError(f"{self.text!r} is nested deeper than {DEEPEST} brackets; write it more simply")
        node = self.product()
        while sign := self.take("+", "-"):
            node = _added(node, self.product(), 1.0 if sign == "+" else -1.0)
        self.depth -= 1
        return node

    def product(self) -> _Node:
        node = self.sign()
        while True:
            if sign := self.take("*", "/"):
                right = self.sign()
                node = _multiplied(node, right) if sign == "*" else _divided(node, right)
            elif self.kind in ("number", "name") or self.token == "(":
                node = _multiplied(node, self.power())
            else:
                return node

    def sign(self) -> _Node:
        factor = 1.0
        while sign := self.take("+", "-"):
            factor = -factor if sign == "-" else factor
        node = self.power()
        return node if factor > 0 else _multiplied(_constant(-1.0), node)

    def power(self) -> _Node:
        node = self.atom()
        if self.take("^", "**"):
            self.depth += 1
            if self.depth > DEEPEST:
                raise InputError(f"{self.text!r} is nested deeper than {DEEPEST} powers; write it more simply")
            node = _raised(node, self.sign())
            self.depth -= 1
        return node

    def atom(self) -> _Node:
        kind, token = self.kind, self.token
        if kind == "number":
            self.index += 1
            return _constant(float(token))
        if kind == "name":
            return self.named(token)
        if self.take("("):
            return self.closed(self.sum())
        self.fail(f"a number, {self.variable} or a bracket")

    def named(self, name: str) -> _Node:
        if name == self.variable:
            self.index += 1
            return lambda x: (x, np.ones_like(x))
        if name == "pi":
            self.index += 1
            return _constant(np.pi)
        if name not in _FUNCTIONS:
            place = self.tokens[self.index][2] + 1
            hint = nearest_name(name, [*_FUNCTIONS, self.variable])
            raise InputError(f"{self.text!r}: {name!r} at character {place} is unknown{hint}; {self.allowed}")
        self.index += 1
        if not self.take("("):
            self.fail(f"the bracket after {name}")
        return _applied(name, self.closed(self.sum()))

    def closed(self, node: _Node) -> _Node:
        if not self.take(")"):
            self.fail("a closing bracket")
        return node


def _constant(value: float) -> _Node:
    return lambda x: (np.full_like(x, value), np.zeros_like(x))


def _added(left: _Node, right: _Node, factor: float) -> _Node:
    def node(x):
        (a, da), (b, db) = left(x), right(x)
        return a + factor * b, da + factor * db

    return node


def _multiplied(left: _Node, right: _Node) -> _Node:
    def node(x):
        (a, da), (b, db) = left(x), right(x)
        return a * b, da * b + a * db

    return node


def _divided(left: _Node, right: _Node) -> _Node:
    def node(x):
        (a, da), (b, db) = left(x), right(x)
        return a / b, (da - a / b * db) / b

    return node


def _raised(base: _Node, exponent: _Node) -> _Node:
    def node(x):
        (a, da), (b, db) = base(x), exponent(x)
        # a zero factor wins over an infinite one: x^2 at x = 0 has no logarithm in its derivative
        through_base = np.where(da == 0.0, 0.0, np.where(b == 0.0, 0.0, b * a ** (b - 1.0)) * da)
        through_exponent = np.where(db == 0.0, 0.0, a**b * np.log(a) * db)
        return a**b, through_base + through_exponent

    return node


def _applied(name: str, inner: _Node) -> _Node:
    function, slope = _FUNCTIONS[name]

    def node(x):
        value, change = inner(x)
        return function(value), np.where(change == 0.0, 0.0, slope(value) * change)

    return node
