"""Collected results as reports read them: points with their physics, arrays with independent units first."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinnet.errors import ResultFileError
from spinnet.results import Collected


@dataclass(frozen=True)
class PointResults:
    """One point of an arm: a size, a temperature.

    ``parameters`` holds what varies over the points, ``physics`` the whole resolved table, ``attributes`` the units.
    """

    arm: str
    label: str
    parameters: dict[str, Any]
    physics: dict[str, Any] = field(repr=False)
    attributes: dict[str, Any] = field(repr=False)
    _file: Collected = field(repr=False)

    @property
    def n_units(self) -> int:
        """Spins of a glass, patterns of a network: what an energy density is per."""
        return int(self.attributes["n_units"])

    @property
    def n_dof(self) -> int:
        """Degrees of freedom."""
        return int(self.attributes["n_dof"])

    @property
    def samples(self) -> int:
        """Disorder samples that have been collected."""
        return int(self.attributes["samples"])

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """Names "group/name" of all variables."""
        return self._file.names(self.arm, self.label)

    def has(self, name: str) -> bool:
        """Whether a variable was measured here."""
        return name in self.names

    def read(self, name: str) -> NDArray:
        """A variable as it is stored: (sample, replica, ...), or a coordinate.

        Raises
        ------
        ResultFileError
            For a name that the file does not hold.
        """
        return np.asarray(self._file.read(self.arm, self.label, name).data)

    def sample_numbers(self, group: str) -> NDArray:
        """Number of the disorder sample of each row of a group's variables: equal numbers are equal disorder.

        A task that failed leaves out its sample: rows of two points need not be the same samples.
        """
        return self.read(f"{group}/sample")

    def rows_in_common(self, other: PointResults, group: str) -> tuple[NDArray, NDArray]:
        """The rows, here and there, of the disorder samples that two points both have, in the same order."""
        _, mine, theirs = np.intersect1d(self.sample_numbers(group), other.sample_numbers(group), return_indices=True)
        return mine, theirs

    def units(self, name: str) -> str:
        """The units of a variable."""
        return self._file.read(self.arm, self.label, name).units

    def stated(self, name: str) -> dict[str, Any]:
        """What a probe stated of a variable."""
        return dict(self._file.read(self.arm, self.label, name).attributes)

    def independent(self, name: str) -> NDArray:
        """A variable (sample, replica, ...) with one row per independent unit.

        Where the disorder sample is the unit, replicas on one sample are averaged first (those that are not finite
        left out); otherwise each (sample, replica) is a row.
        """
        values = self.read(name)
        if self.attributes.get("independent_unit") == "replica":
            return values.reshape(-1, *values.shape[2:])
        finite = np.isfinite(values)
        counts = finite.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(finite, values, 0.0).sum(axis=1) / counts


class StudyResults:
    """A collected file with the physics of each point.

    Raises
    ------
    ResultFileError
        For a file that is missing, damaged, foreign, or without results.
    """

    def __init__(self, path: str | os.PathLike):
        self._file = Collected(path)
        self.title = str(self._file.attributes.get("title") or self._file.attributes.get("study", ""))
        self.gaps = tuple(self._file.gaps)
        self._physics = {
            (arm, point["label"]): {**point["physics"], "last": table["last"]}
            for arm, table in self._file.configuration.get("arms", {}).items()
            for point in table["points"]
        }

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms, in the order of the study."""
        return self._file.arms

    def points(self, arm: str) -> list[PointResults]:
        """The points of an arm that hold results, in the order of the study.

        Raises
        ------
        ResultFileError
            If there is none.
        """
        found = [self._point(arm, label) for label in self._file.points(arm)]
        found = [point for point in found if point.attributes.get("samples", 0) > 0]
        if not found:
            raise ResultFileError(f"arm {arm} holds no results yet: run the study first")
        return found

    def series(self, arm: str, over: str = "n") -> list[tuple[dict[str, Any], list[PointResults]]]:
        """Points that differ only in the parameter ``over``, by increasing value of it; with what they share."""
        groups: dict[str, list[PointResults]] = {}
        for point in self.points(arm):
            shared = {name: value for name, value in point.parameters.items() if name != over}
            groups.setdefault(json.dumps(shared, sort_keys=True), []).append(point)
        return [
            (json.loads(key), sorted(points, key=lambda point: (_order(point, over), point.label)))
            for key, points in groups.items()
        ]

    def _point(self, arm: str, label: str) -> PointResults:
        return PointResults(
            arm, label, self._file.parameters(arm, label), self._physics[arm, label],
            self._file.point_attributes(arm, label), self._file,
        )  # fmt: skip


def _order(point: PointResults, over: str) -> float:
    value = point.parameters.get(over, 0.0)
    return float(value) if isinstance(value, int | float) else 0.0


def shared_label(shared: dict[str, Any], names: Sequence[str] = ()) -> str:
    """ "temperature=0.4" of what the points of a series share."""
    return ",".join(f"{name}={value}" for name, value in shared.items() if not names or name in names)
