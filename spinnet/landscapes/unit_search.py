"""Which units of a structured network can be exchanged: found by walking through its pieces once, from the inputs.

:class:`Units` is what a piece hands on: the units of its outputs, with all coordinates that belong to them so far.
Pieces add theirs, and where activities are added to one another the units become the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spinnet.landscapes.unit_exchanges import ExchangeSymmetry, Part, UnitGroup


@dataclass
class Units:
    """Units of one layer, or of several that are added to one another.

    A row of activities of length ``width`` belongs to unit (place mod ``units``): channels of a convolution are units,
    and each owns its activity at every position.
    """

    layer: str
    width: int
    labels: np.ndarray  # (units,): those of one label can be exchanged
    alike: bool = False  # all see the same inputs
    fixed: bool = False  # inputs and outputs: they stay where they are
    inward: list[np.ndarray] = field(default_factory=list)  # what makes them, the last before φ
    plain: list[np.ndarray] = field(default_factory=list)  # what only moves with them
    outward: list[np.ndarray] = field(default_factory=list)
    turns: list[list[np.ndarray]] = field(default_factory=list)  # each changes sign alone
    odd: bool = False
    degree: int = 0
    stands_for: Units | None = None  # the units that these have become

    @property
    def units(self) -> int:
        return len(self.labels)

    def spread(self, coordinates: np.ndarray) -> np.ndarray:
        """An array whose last axis is a row of activities, as (units, everything else)."""
        parts = coordinates.reshape(-1, self.width // self.units, self.units)
        return np.moveaxis(parts, -1, 0).reshape(self.units, -1)

    def normalise(self, scale: np.ndarray, shift: np.ndarray, over_patterns: bool, search: Search) -> None:
        """Scale and shift make the units from now on, and what made them before only moves with them.

        Over patterns, a unit's weights and bias can change sign with its scale, and the bias does not matter. Over
        units, a row that all units have in common does not matter.
        """
        scale, shift = self.spread(scale), self.spread(shift)
        weights, biases = self.inward
        if over_patterns:
            self.turns.append([weights, biases, scale])
            search.shifts.append(biases.reshape(1, -1))
        else:
            search.shifts.append(np.concatenate(self.inward, axis=1) if self.alike else biases)
        self.plain, self.inward = [*self.plain, weights, biases], [scale, shift]

    def apply(self, odd: bool, even: bool, degree: int) -> None:
        """φ, which may be odd or even, and may have φ(cz) = c^k φ(z) with k the ``degree``."""
        self.odd, self.degree = odd, degree
        if even and not self.plain:
            self.turns.append(list(self.inward))

    def mark(self, mask: np.ndarray) -> None:
        """Only units with the same mask (patterns, width) can be exchanged."""
        rows = [own.tobytes() for own in self.spread(mask)]
        known = {row: number for number, row in enumerate(dict.fromkeys(rows))}
        pairs = np.stack([self.labels, [known[row] for row in rows]])
        self.labels = np.unique(pairs, axis=1, return_inverse=True)[1].reshape(-1)

    def now(self) -> Units:
        """The units that these are by now."""
        return self if self.stands_for is None else self.stands_for.now()

    def join(self, other: Units) -> Units:
        """The activities of both are added: their units are the same ones."""
        one, other = self.now(), other.now()
        if one is other:
            return one
        one.fixed = one.fixed or other.fixed
        for name in ("inward", "plain", "outward", "turns"):
            getattr(one, name).extend(getattr(other, name))
        pairs = np.stack([one.labels, other.labels])
        one.labels = np.unique(pairs, axis=1, return_inverse=True)[1].reshape(-1)
        one.odd = one.odd and other.odd
        one.degree = one.degree if one.degree == other.degree == 1 else 0
        other.stands_for = one
        return one


class Search:
    """Collects the units of a network, piece after piece."""

    def __init__(self, names: Mapping[Any, str]) -> None:
        self._names = names
        self.found: list[Units] = []
        self.shifts: list[np.ndarray] = []

    def inputs(self, width: int) -> Units:
        """The inputs."""
        self.found.append(Units("inputs", width, np.zeros(width, dtype=np.int64), fixed=True))
        return self.found[-1]

    def layer(
        self, connection: Any, width: int, labels: np.ndarray, made_by: Sequence[np.ndarray], alike: bool
    ) -> Units:
        """Units of a new layer with their weights and biases, (units, m) and (units, 1)."""
        self.found.append(Units(self._names[connection], width, labels, alike, inward=list(made_by)))
        return self.found[-1]

    def symmetry(self, n: int, decays: bool) -> ExchangeSymmetry:
        """What was found, for a network of ``n`` coordinates; with weight decay without scales and shifts."""
        groups = [_group(units, n, decays) for units in self.found if units.stands_for is None]
        return ExchangeSymmetry(
            n, tuple(group for group in groups if group.order > 1 or group.degree), () if decays else tuple(self.shifts)
        )


def _group(units: Units, n: int, decays: bool) -> UnitGroup:
    signs, degree = (units.odd, 0 if decays else units.degree) if not units.fixed else (False, 0)
    parts, taken = [], {}
    for number, turn in enumerate(units.turns):
        taken |= {id(index): number for index in turn}
    for side, indices in ((1, units.inward), (0, units.plain), (-1, units.outward)):
        parts += [Part(np.where(index < 0, n, index), side, taken.get(id(index), -1)) for index in indices]
    labels = np.arange(units.units) if units.fixed else units.labels
    return UnitGroup(units.layer, tuple(parts), labels, signs, degree, len(units.turns))
