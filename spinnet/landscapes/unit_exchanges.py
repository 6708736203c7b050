"""Exchanges of units of a network of any structure: which numbers belong to a unit, and what leaves the energy alone.

A group holds units that can be exchanged with all that belongs to them: what comes in, what goes out, the scale and
shift of a normalisation. Where layers are added to one another (skip connections, joins of fractal blocks) their units
are the same ones, and one exchange moves all of them. Groups are found by :mod:`spinnet.landscapes.unit_search`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from spinnet.errors import InputError

_SWEEPS = 1000
_BALANCED = 1e-13  # relative change of a scale at which the gauge is fixed
_BETTER = 1e-12  # of |x||reference|: what counts as a better match


class Part(NamedTuple):
    """Numbers of each unit that change together."""

    #: Coordinates, (units, m); the place after the last coordinate where a unit has fewer than others.
    index: np.ndarray
    #: 1: multiplied by the unit's factor, −1: divided by (a power of) it, 0: neither.
    side: int
    #: Number of the turn, a sign of its own, that acts on this part; −1: none.
    own: int = -1


class Element(NamedTuple):
    """What happens to one group: unit order[j] comes to place j, with its sign and the signs of its own turns."""

    order: np.ndarray  # (units,)
    sign: np.ndarray  # (units,)
    own: np.ndarray  # (turns, units)


@dataclass(frozen=True, eq=False)
class UnitGroup:
    """Units that can be exchanged, and what belongs to them.

    Parameters
    ----------
    layer
        Name of the layer that the units come from first.
    parts
        All that belongs to them.
    labels
        (units,): only units of equal label can be exchanged.
    signs
        A unit can change sign: parts of both sides do.
    degree
        k: the ingoing part times c > 0 is undone by the outgoing one over c^k; 0: it is not.
    turns
        Number of signs of their own, each acting on the parts that name it.
    """

    layer: str
    parts: tuple[Part, ...]
    labels: np.ndarray
    signs: bool
    degree: int
    turns: int

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.labels)

    @cached_property
    def classes(self) -> list[np.ndarray]:
        """Units that can be exchanged with one another."""
        return [np.flatnonzero(self.labels == label) for label in np.unique(self.labels)]

    @cached_property
    def coupled(self) -> bool:
        """Whether a number belongs to two units of the group: what goes from one of them into another."""
        inward, outward = (
            np.concatenate([np.zeros(0, np.int64), *(part.index.ravel() for part in self.parts if chosen(part.side))])
            for chosen in (lambda side: side >= 0, lambda side: side < 0)
        )
        return bool(np.isin(inward, outward).any())

    @property
    def order(self) -> int:
        """Number of elements."""
        exchanges = math.prod(math.factorial(len(members)) for members in self.classes)
        return exchanges * 2 ** (self.units * (self.turns + self.signs))

    def random(self, rng: np.random.Generator) -> Element:
        """A uniform element."""
        order = np.arange(self.units)
        for members in self.classes:
            order[members] = rng.permutation(members)
        sign = rng.choice((-1.0, 1.0), self.units) if self.signs else np.ones(self.units)
        return Element(order, sign, rng.choice((-1.0, 1.0), (self.turns, self.units)))

    def elements(self) -> Iterator[Element]:
        """All elements, the identity first."""
        turns = itertools.product((1.0, -1.0), repeat=self.units * (self.turns + self.signs))
        exchanges = itertools.product(*(itertools.permutations(members) for members in self.classes))
        for chosen, factors in itertools.product(exchanges, list(turns)):
            order = np.empty(self.units, dtype=np.int64)
            for members, own in zip(self.classes, chosen, strict=True):
                order[members] = own
            rows = np.array(factors).reshape(-1, self.units)
            yield Element(order, rows[0] if self.signs else np.ones(self.units), rows[int(self.signs) :])

    def act(self, row: np.ndarray, element: Element) -> None:
        """Apply an element to a row (n + 1,), whose last number is zero, in place."""
        for part in self.parts:
            factor = element.sign if part.side else np.ones(self.units)
            if part.own >= 0:
                factor = factor * element.own[part.own]
            row[part.index] = factor[:, None] * row[part.index[element.order]]

    def best(self, row: np.ndarray, target: np.ndarray) -> Element:
        """The element with the largest inner product with ``target``; of a coupled group the first guess at it."""
        from scipy.optimize import linear_sum_assignment

        gains = [target[part.index] @ row[part.index].T for part in self.parts]
        totals, turned = [], []
        for sign in (1.0, -1.0) if self.signs else (1.0,):
            factors = [sign if part.side else 1.0 for part in self.parts]
            own = np.zeros((self.turns, self.units, self.units))
            total = np.zeros((self.units, self.units))
            for part, gain, factor in zip(self.parts, gains, factors, strict=True):
                into = total if part.own < 0 else own[part.own]
                into += factor * gain
            totals.append(total + np.abs(own).sum(axis=0))
            turned.append(np.where(own < 0.0, -1.0, 1.0))
        better = np.argmax(totals, axis=0)
        gain = np.max(totals, axis=0)
        order = np.arange(self.units)
        for members in self.classes:
            if len(members) > 1:
                places, found = linear_sum_assignment(gain[np.ix_(members, members)], maximize=True)
                order[members[places]] = members[found]
        here = np.arange(self.units), order
        which = better[here]
        own = np.array(turned)[which, :, *here].T if self.turns else np.ones((0, self.units))
        return Element(order, np.where(which == 1, -1.0, 1.0), own)

    def balance(self, row: np.ndarray) -> float:
        """Scale the units of a row (n + 1,) so that they are shortest; the largest relative change is returned."""
        inward, outward = (
            np.concatenate([part.index for part in self.parts if part.side == side], axis=1) for side in (1, -1)
        )
        most = 0.0
        # What goes from a unit into itself keeps its size; with others of the group it depends on their scales.
        steps = [np.array([j]) for j in range(self.units)] if self.coupled else [np.arange(self.units)]
        for some in steps:
            if self.coupled:
                both = np.intersect1d(inward[some], outward[some])
                one, other = (np.where(np.isin(index[some], both), len(row) - 1, index[some])
                              for index in (inward, outward))  # fmt: skip
            else:
                one, other = inward[some], outward[some]
            into, out = (row[one] ** 2).sum(axis=1), (row[other] ** 2).sum(axis=1)
            alive = np.isfinite(into * out) & (into * out > 0.0)
            factor = np.where(alive, self.degree * out, 1.0) / np.where(alive, into, 1.0)
            factor = factor ** (0.5 / (1.0 + self.degree))
            row[one] *= factor[:, None]
            row[other] /= factor[:, None] ** self.degree
            most = max(most, float(np.abs(factor - 1.0).max(initial=0.0)))
        return most


@dataclass(frozen=True, eq=False)
class ExchangeSymmetry:
    """The groups of a network of ``n`` coordinates, and the sets of rows from which a common row may be taken off.

    Parameters
    ----------
    n
        Coordinates.
    groups
        Of units.
    shifts
        Coordinates (rows, m) each: the same row may be added to all rows.
    """

    n: int
    groups: tuple[UnitGroup, ...]
    shifts: tuple[np.ndarray, ...] = ()

    @property
    def order(self) -> int:
        """Number of elements of the discrete part."""
        return math.prod(group.order for group in self.groups)

    def random(self, rng: np.random.Generator) -> list[Element]:
        """A uniform element of the discrete part."""
        return [group.random(rng) for group in self.groups]

    def act(self, x: np.ndarray, element: list[Element]) -> np.ndarray:
        """The configuration ``x`` (n,) after one element of the group, a new array."""
        row = np.append(x, 0.0)
        for group, own in zip(self.groups, element, strict=True):
            group.act(row, own)
        return row[:-1]

    def fix_gauge(self, x: np.ndarray) -> np.ndarray:
        """The point of least |x| on each row's orbit under scales and shifts, a new array ``(replicas, n)``."""
        x = np.array(x, dtype=np.float64)
        for index in self.shifts:
            x[:, index] -= x[:, index].mean(axis=1, keepdims=True)
        scaled = [group for group in self.groups if group.degree]
        for a in range(len(x) if scaled else 0):
            row = np.append(x[a], 0.0)
            for _ in range(_SWEEPS):
                if max(group.balance(row) for group in scaled) < _BALANCED:
                    break
            x[a] = row[:-1]
        return x

    def align(self, x: np.ndarray, reference: np.ndarray, starts: int = 8) -> np.ndarray:
        """Each row of ``x`` moved to where its inner product with its row of ``reference`` is largest, as found.

        As :meth:`spinnet.landscapes.network_symmetries.UnitSymmetry.align`: group after group is matched with the
        others held until nothing improves, from the weights as they are and from ``starts`` − 1 random elements. One
        group that is not coupled to itself is solved exactly.

        Parameters
        ----------
        x
            ``(replicas, n)``. Rows that are not finite come back as they are.
        reference
            ``(replicas, n)``, or one row ``(1, n)`` for all.
        """
        if starts < 1:
            raise InputError(f"starts = {starts}: an alignment needs at least 1")
        if len(reference) not in (1, len(x)):
            raise InputError(f"{len(x)} configurations and {len(reference)} references: give as many, or one")
        aligned, targets = self.fix_gauge(x), self.fix_gauge(reference)
        for a, row in enumerate(aligned):
            target = targets[a if len(targets) > 1 else 0]
            if self.groups and np.isfinite(row).all() and np.isfinite(target).all():
                aligned[a] = self._align_row(row, target, starts)
        return aligned

    def orbit(self, x: np.ndarray, most: int = 50_000) -> np.ndarray:
        """All images of one configuration ``x`` (n,): shape ``(order, n)``, copies of symmetric points included.

        Raises
        ------
        InputError
            Where the group has more than ``most`` elements.
        """
        if self.order > most:
            raise InputError(f"the symmetry group has more than {most} elements: align instead")
        products = itertools.product(*(list(group.elements()) for group in self.groups))
        return np.array([self.act(x, list(element)) for element in products])

    def _align_row(self, row: np.ndarray, target: np.ndarray, starts: int) -> np.ndarray:
        best, reached = row, -np.inf
        # The starts are drawn anew for each row: what becomes of a row does not depend on the others.
        rng = np.random.default_rng(len(row))
        exact = len(self.groups) == 1 and not self.groups[0].coupled
        for start in range(1 if exact else starts):
            found, product = self._ascend(row if start == 0 else self.act(row, self.random(rng)), target)
            if product > reached:
                best, reached = found, product
        return best

    def _ascend(self, row: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
        row, target = np.append(row, 0.0), np.append(target, 0.0)
        product, enough = float(row @ target), _BETTER * np.linalg.norm(row) * np.linalg.norm(target)
        for _ in range(_SWEEPS):
            before = product
            for group in self.groups:
                moved = row.copy()
                group.act(moved, group.best(row, target))
                if (now := float(moved @ target)) > product:
                    row, product = moved, now
            if product <= before + enough:
                break
        return row[:-1], product
