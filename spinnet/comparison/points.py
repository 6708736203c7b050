"""One point of one arm as arrays, and the values of its independent units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinnet.errors import InputError


@dataclass(frozen=True, eq=False)
class PointData:
    """What a campaign measured at one point (one size, one temperature) of one arm.

    Attributes
    ----------
    arm, name : str
        "glass", "n=64".
    arrays : mapping of str to ndarray
        "group/name" to an array whose first two axes are (sample, replica), except for coordinates such as
        "trajectory/time", which have one.
    attributes : mapping
        ``n_dof``, ``n_units``, ``unit``, ``independent_unit`` ("sample" or "replica"), ``time_unit`` and the
        parameters of the point.
    units : mapping of str to str
        Units of the arrays, "1" for pure numbers.
    """

    arm: str
    name: str
    arrays: Mapping[str, NDArray]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self):
        if self.independent_unit not in ("sample", "replica"):
            raise InputError(
                f"{self.path}: independent_unit = {self.independent_unit!r}; it is either 'sample' or 'replica'"
            )

    @property
    def path(self) -> str:
        """Where the point lies in a collected file."""
        return f"/{self.arm}/{self.name}"

    @property
    def independent_unit(self) -> str:
        """What is drawn anew for an independent repetition."""
        return str(self.attributes.get("independent_unit", "sample"))

    @property
    def n_dof(self) -> int:
        """Number of degrees of freedom; 0 where it was not stored."""
        return int(self.attributes.get("n_dof", 0))

    def has(self, *names: str) -> bool:
        """Whether all these arrays were measured."""
        return all(name in self.arrays for name in names)

    def runs(self, name: str) -> NDArray:
        """An array with leading axes (sample, replica) as float64."""
        values = np.asarray(self.arrays[name], dtype=np.float64)
        if values.ndim < 2:
            raise InputError(f"{self.path}/{name} has shape {values.shape}: expected (sample, replica, ...)")
        return values

    def by_unit(self, per_run: NDArray) -> NDArray:
        """(sample, replica, ...) to (unit, run, ...): replicas on one disorder sample are runs of one unit."""
        per_run = np.asarray(per_run, dtype=np.float64)
        if self.independent_unit == "sample":
            return per_run
        return per_run.reshape(-1, 1, *per_run.shape[2:])


@dataclass(frozen=True)
class UnitValues:
    """Values of a statistic by independent unit.

    Attributes
    ----------
    values : ndarray, shape (unit,) or (unit, component)
        One value or curve per unit that has any: the mean over its runs that have one.
    n_units : int
        Units that were run; ``n_units - len(values)`` are left out.
    excluded_units : int
        Units none of whose runs has a finite value (diverged, or too short for the statistic).
    excluded_runs : int
        Runs without a finite value, those of excluded units included.
    """

    values: NDArray
    n_units: int
    excluded_units: int
    excluded_runs: int


def average_runs(runs: NDArray) -> UnitValues:
    """Average (unit, run, ...) over the finite runs of each unit, and count what is left out."""
    finite = np.isfinite(runs.reshape(*runs.shape[:2], -1)).all(axis=2)
    count = finite.sum(axis=1)
    mask = finite.reshape(*finite.shape, *([1] * (runs.ndim - 2)))
    total = np.where(mask, runs, 0.0).sum(axis=1)
    kept = count > 0
    shape = (-1, *([1] * (runs.ndim - 2)))
    values = total[kept] / count[kept].reshape(shape)
    return UnitValues(values, len(runs), int((~kept).sum()), int((~finite).sum()))
