"""Arrays for a comparison from any result file: the points of a collected file, or one task as a point of its own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spinnet.comparison.points import PointData
from spinnet.errors import InputError, ResultFileError, nearest_name
from spinnet.results import Collected, read_header, read_task
from spinnet.results.schema import COLLECTED, TASK

#: What a comparison reads; everything else in a file stays there.
WANTED = (
    "trajectory/time",
    "trajectory/energy_density",
    "trajectory/gradient_norm",
    "endpoint/test_loss",
    "spectrum/eigenvalue",
    "spectrum/spacing_ratio",
)


#: Beyond this a run has diverged, though its numbers are not infinite yet: no energy or time of anything is as large.
DIVERGED = 1e15


def _without_diverged(values: np.ndarray) -> np.ndarray:
    """NaN for numbers that only a run which has diverged can have: their squares would overflow."""
    if values.dtype.kind != "f":
        return values
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(values) > DIVERGED, np.nan, values)


@dataclass(frozen=True)
class Source:
    """A result file opened for comparison.

    ``points`` holds the names of the points of each arm, in order; ``physics`` the resolved physics of each point.
    """

    path: Path
    title: str
    points: dict[str, tuple[str, ...]]
    physics: dict[tuple[str, str], dict[str, Any]]
    arm_titles: dict[str, str]
    gaps: tuple[str, ...]
    _file: Any

    def read(self, arm: str, point: str) -> PointData:
        """The arrays of one point."""
        if isinstance(self._file, PointData):
            return self._file
        held = self._file.names(arm, point)
        variables = {name: self._file.read(arm, point, name) for name in WANTED if name in held}
        return PointData(
            arm,
            point,
            {name: _without_diverged(variable.data) for name, variable in variables.items()},
            self._file.point_attributes(arm, point),
            {name: variable.units for name, variable in variables.items()},
        )

    def check_arm(self, arm: str, where: str) -> str:
        """``arm`` if the file holds it, or an InputError that names the nearest one."""
        if arm not in self.points:
            raise InputError(
                f"{where} = {arm!r}: {self.path} has no such arm{nearest_name(arm, self.points)}; "
                f"it has {', '.join(self.points)}"
            )
        return arm


def open_source(path: str | os.PathLike) -> Source:
    """A collected file or the result of one task.

    Raises
    ------
    ResultFileError
        For a file that is missing, damaged, foreign, or of a schema that cannot be compared.
    """
    schema = read_header(path)["schema"]
    if schema == COLLECTED:
        return _open_collected(path)
    if schema == TASK:
        return _open_task(path)
    raise ResultFileError(f"{path} is a {schema} file: compare collected files or results of tasks")


def _open_collected(path: str | os.PathLike) -> Source:
    file = Collected(path)
    points = {arm: file.points(arm) for arm in file.arms if file.points(arm)}
    if not points:
        raise ResultFileError(f"{path} holds no results yet: run the study first")
    study = file.configuration
    physics = {
        (arm, point["label"]): point["physics"]
        for arm, table in study.get("arms", {}).items()
        for point in table.get("points", [])
    }
    title = str(file.attributes.get("title") or file.attributes.get("study") or Path(path).stem)
    titles = {arm: str(table.get("title") or arm) for arm, table in study.get("arms", {}).items()}
    return Source(Path(path), title, points, physics, titles, tuple(file.gaps), file)


def _open_task(path: str | os.PathLike) -> Source:
    result = read_task(path)
    arm, point = Path(path).stem, "all"
    arrays, units = {}, {}
    for name, variable in result.variables.items():
        if name in WANTED:
            arrays[name] = variable.data if variable.dims[0] != "replica" else np.asarray(variable.data)[None]
            units[name] = variable.units
    attributes = {name: value for name, value in result.attributes.items() if name != "configuration"}
    data = PointData(arm, point, arrays, attributes, units)
    return Source(Path(path), arm, {arm: (point,)}, {(arm, point): result.configuration}, {}, (), data)
