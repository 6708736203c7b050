"""A comparison file as figures see it: named groups of arrays and attributes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinnet.results import read_result
from spinnet.results.schema import COMPARISON


@dataclass(frozen=True)
class Group:
    """Arrays and attributes of one group of the file; empty where the file has none of that name."""

    arrays: Mapping[str, NDArray] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.arrays)

    def __getitem__(self, name: str) -> NDArray:
        return self.arrays[name]

    def number(self, name: str) -> float:
        """An attribute as a number, NaN where it is not there."""
        return float(self.attributes.get(name, np.nan))


@dataclass(frozen=True)
class LoadedComparison:
    """The content of ``comparison.h5``, whose layout is described in ``spinnet.campaign.compare_step``."""

    attributes: Mapping[str, Any]
    groups: Mapping[str, Group]

    @property
    def title(self) -> str:
        """Title of the study."""
        return str(self.attributes.get("title", ""))

    @property
    def arms(self) -> list[str]:
        """Names of the arms, in order."""
        return list(json.loads(self.attributes.get("arms", "[]")))

    @property
    def compared(self) -> list[list[str]]:
        """[left arm, left point, right arm, right point] of each pair that was compared."""
        return list(json.loads(self.attributes.get("compared", "[]")))

    def group(self, *path: str) -> Group:
        """A group by its path, empty where there is none."""
        return self.groups.get("/".join(path), Group())

    def points(self, arm: str) -> list[str]:
        """Labels of the points of an arm by increasing number of degrees of freedom."""
        prefix = f"points/{arm}/"
        found = {name[len(prefix) :].split("/")[0] for name in self.groups if name.startswith(prefix)}
        order = {label: k for k, label in enumerate(self.group("arms", arm).arrays.get("label", ()))}
        return sorted(found, key=lambda p: (self.group("points", arm, p).number("n_dof"), order.get(p, 0), p))

    def shown_point(self, arm: str) -> str | None:
        """The point that figures of one point show: the compared one, else the largest."""
        for left_arm, left, right_arm, right in self.compared:
            if arm == right_arm:
                return right
            if arm == left_arm:
                return left
        points = self.points(arm)
        return points[-1] if points else None

    def below(self, *path: str) -> dict[str, Group]:
        """The groups directly below a path, by name."""
        prefix = "/".join(path) + "/"
        return {
            name[len(prefix) :]: group
            for name, group in sorted(self.groups.items())
            if name.startswith(prefix) and "/" not in name[len(prefix) :]
        }


def load_comparison(path: str | os.PathLike) -> LoadedComparison:
    """Read a comparison file.

    Raises
    ------
    ResultFileError
        For a file that is missing, damaged, foreign or of another schema.
    """
    result = read_result(path, COMPARISON)
    arrays: dict[str, dict[str, NDArray]] = {name: {} for name in result.groups}
    for name, variable in result.variables.items():
        group, _, own = name.rpartition("/")
        arrays.setdefault(group, {})[own] = np.asarray(variable.data)
    return LoadedComparison(
        result.attributes, {name: Group(held, result.groups.get(name, {})) for name, held in arrays.items()}
    )
