"""The points of one arm, and which of them differ in size only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from spinnet.comparison.points import PointData
from spinnet.errors import InputError, nearest_name


@dataclass(frozen=True)
class SplitRate:
    """Split-half check of one left point, over the whole comparison."""

    arm: str
    point: str
    family_rate: float
    family_error: float
    splits: int
    units_per_half: int


@dataclass(frozen=True)
class Series:
    """Points of an arm that differ in size only; ``label`` names what sets them apart from other series, if any.

    ``indices`` are those of the points, in the order of the arm.
    """

    label: str
    indices: tuple[int, ...]


@dataclass(frozen=True)
class ArmData:
    """The points of one arm, read; ``physics`` is the resolved table of each point."""

    name: str
    title: str
    points: tuple[PointData, ...]
    physics: tuple[dict[str, Any], ...]

    def point(self, name: str) -> PointData:
        """The point of that name, or an InputError that names the nearest one."""
        names = [point.name for point in self.points]
        if name not in names:
            raise InputError(
                f"arm {self.name} has no point {name!r}{nearest_name(name, names)}; it has {', '.join(names)}"
            )
        return self.points[names.index(name)]

    def largest(self) -> PointData:
        """The point with most degrees of freedom; the last of equal ones."""
        return max(enumerate(self.points), key=lambda item: (item[1].n_dof, item[0]))[1]

    def series(self) -> tuple[Series, ...]:
        """The points by the values of all parameters but those that set the size.

        A parameter sets the size if two points that differ in nothing else differ in their number of degrees of
        freedom.
        """
        tables = [_parameters(point) for point in self.points]
        names = list(dict.fromkeys(name for table in tables for name in table))
        sizes = {name for name in names if self._sets_size(name, tables)}
        groups: dict[str, list[int]] = {}
        for k, table in enumerate(tables):
            rest = {name: value for name, value in table.items() if name not in sizes}
            groups.setdefault(json.dumps(rest, sort_keys=True), []).append(k)
        varied = [
            name for name in names
            if name not in sizes and len({json.dumps(table.get(name)) for table in tables}) > 1
        ]  # fmt: skip
        return tuple(
            Series(",".join(f"{name}={_short(tables[indices[0]].get(name))}" for name in varied), tuple(indices))
            for indices in groups.values()
        )

    def other_size(self, point: PointData) -> PointData | None:
        """The smallest point of another size and otherwise equal parameters; None where there is none."""
        own = next(k for k, other in enumerate(self.points) if other.name == point.name)
        series = next(series for series in self.series() if own in series.indices)
        others = [self.points[k] for k in series.indices if self.points[k].n_dof != point.n_dof]
        return min(others, key=lambda other: other.n_dof) if others else None

    def _sets_size(self, name: str, tables: list[dict[str, Any]]) -> bool:
        for (one, a), (other, b) in combinations(zip(self.points, tables, strict=True), 2):
            if one.n_dof != other.n_dof and _without(a, name) == _without(b, name):
                return True
        return False


def _parameters(point: PointData) -> dict[str, Any]:
    return dict(json.loads(point.attributes.get("parameters", "{}")))


def _without(table: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key != name}


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
