"""Comparison and report files as figures see them: named groups of arrays and attributes."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinnet.results import read_result
from spinnet.results.schema import COMPARISON, MODEL, REPORT


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
class Loaded:
    """Groups of arrays with attributes."""

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

    def group(self, *path: str) -> Group:
        """A group by its path, empty where there is none."""
        return self.groups.get("/".join(path), Group())

    def below(self, *path: str) -> dict[str, Group]:
        """The groups directly below a path, by name: those that hold numbers in the order of the numbers."""
        prefix = "/".join(path) + "/"
        names = {name[len(prefix) :] for name in self.groups if name.startswith(prefix)}
        names = sorted((name for name in names if "/" not in name), key=_natural)
        return {name: self.groups[prefix + name] for name in names}


@dataclass(frozen=True)
class LoadedReport(Loaded):
    """The content of ``reports/NAME.h5``; groups and arrays are those that the report of that kind describes."""

    @property
    def kind(self) -> str:
        """Kind of the report."""
        return str(self.attributes.get("kind", ""))

    @property
    def name(self) -> str:
        """Name of the report in its study."""
        return str(self.attributes.get("report", self.kind))

    @property
    def settings(self) -> dict[str, Any]:
        """The resolved table of the report."""
        return dict(json.loads(self.attributes.get("settings", "{}")))


@dataclass(frozen=True)
class LoadedModel(Loaded):
    """The content of the file of one measured model: groups "arm/…", layout in ``spinnet.torch_models``."""


@dataclass(frozen=True)
class LoadedComparison(Loaded):
    """The content of ``comparison.h5``, whose layout is described in ``spinnet.campaign.compare_step``."""

    @property
    def compared(self) -> list[list[str]]:
        """[left arm, left point, right arm, right point] of each pair that was compared."""
        return list(json.loads(self.attributes.get("compared", "[]")))

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


def _natural(name: str) -> list[tuple[int, float, str]]:
    parts = re.split(r"(-?\d+(?:\.\d+)?)", name)
    return [(0, float(part), "") if k % 2 else (1, 0.0, part) for k, part in enumerate(parts)]


def load_report(path: str | os.PathLike) -> LoadedReport:
    """Read a report file.

    Raises
    ------
    ResultFileError
        For a file that is missing, damaged, foreign or of another schema.
    """
    return LoadedReport(*_read(path, REPORT))


def load_model_file(path: str | os.PathLike) -> LoadedModel:
    """Read the file of a measured model.

    Raises
    ------
    ResultFileError
        For a file that is missing, damaged, foreign or of another schema.
    """
    return LoadedModel(*_read(path, MODEL))


def load_comparison(path: str | os.PathLike) -> LoadedComparison:
    """Read a comparison file.

    Raises
    ------
    ResultFileError
        For a file that is missing, damaged, foreign or of another schema.
    """
    return LoadedComparison(*_read(path, COMPARISON))


def _read(path: str | os.PathLike, schema: str) -> tuple[Mapping[str, Any], dict[str, Group]]:
    result = read_result(path, schema)
    arrays: dict[str, dict[str, NDArray]] = {name: {} for name in result.groups}
    for name, variable in result.variables.items():
        group, _, own = name.rpartition("/")
        arrays.setdefault(group, {})[own] = np.asarray(variable.data)
    return result.attributes, {name: Group(held, result.groups.get(name, {})) for name, held in arrays.items()}
