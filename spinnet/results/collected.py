"""A collected file, read piece by piece: it may be larger than memory."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import h5py

from spinnet.errors import ResultFileError, nearest_name
from spinnet.records import Variable
from spinnet.results import schema as layout
from spinnet.results.digest import dimension_names, read_attributes
from spinnet.results.reader import as_variable, opened, plain_attributes, verify


class Collected:
    """All results of a study: ``collected.read("glass", "n=64", "trajectory/energy")``.

    The whole file is verified once, here, in little memory; arrays are read when asked for.

    Raises
    ------
    ResultFileError
        For a file that is missing, damaged, foreign or of another schema.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        #: Root attributes: study, title, status, gaps (JSON), configuration (JSON).
        self.attributes: dict[str, Any] = verify(path, layout.COLLECTED)
        self._arms: dict[str, dict[str, Any]] = {}
        self._points: dict[str, dict[str, dict[str, Any]]] = {}
        with opened(path) as file:
            for arm, group in _groups(file):
                if arm != layout.PROVENANCE_GROUP:
                    self._arms[arm] = plain_attributes(read_attributes(group))
                    self._points[arm] = {
                        point: plain_attributes(read_attributes(member)) for point, member in _groups(group)
                    }

    @property
    def arms(self) -> tuple[str, ...]:
        """The landscapes of the study, by the names of their arms, in the order of the study."""
        return tuple(sorted(self._arms, key=lambda arm: self._arms[arm].get("order", 0)))

    def arm_attributes(self, arm: str) -> dict[str, Any]:
        """Title and length of the runs of an arm."""
        return dict(_choose(self._arms, arm, f"{self.path} has no arm"))

    @property
    def configuration(self) -> dict[str, Any]:
        """The resolved study."""
        return json.loads(self.attributes.get("configuration", "{}"))

    @property
    def gaps(self) -> list[str]:
        """One line for each task that is missing."""
        return json.loads(self.attributes.get("gaps", "[]"))

    def points(self, arm: str) -> tuple[str, ...]:
        """Labels of the points of an arm, in the order of the study: ("n=32", "n=64")."""
        points = _choose(self._points, arm, f"{self.path} has no arm")
        return tuple(sorted(points, key=lambda point: points[point].get("order", 0)))

    def parameters(self, arm: str, point: str) -> dict[str, Any]:
        """What varies over the points of the arm, at this point: {"n": 64}."""
        return json.loads(self.point_attributes(arm, point).get("parameters", "{}"))

    def point_attributes(self, arm: str, point: str) -> dict[str, Any]:
        """Units, degrees of freedom, independent unit and the rest of what is known about a point."""
        points = _choose(self._points, arm, f"{self.path} has no arm")
        return dict(_choose(points, point, f"arm {arm} of {self.path} has no point"))

    def names(self, arm: str, point: str) -> tuple[str, ...]:
        """Names "group/name" of all variables at a point."""
        self.point_attributes(arm, point)
        found = []
        with opened(self.path) as file:
            for group, members in file[arm][point].items():
                found += [f"{group}/{name}" for name, member in members.items() if _is_variable(member)]
        return tuple(found)

    def dims(self, arm: str, point: str) -> dict[str, tuple[str, ...]]:
        """The dimensions of each variable at a point, by its name "group/name"."""
        names = self.names(arm, point)
        with opened(self.path) as file:
            return {name: dimension_names(file[arm][point][name]) for name in names}

    def read(self, arm: str, point: str, name: str) -> Variable:
        """One variable; measured ones have the leading dimension "sample".

        Raises
        ------
        ResultFileError
            For a name that the file does not hold.
        """
        names = self.names(arm, point)
        if name not in names:
            raise ResultFileError(
                f"{self.path}: {arm}/{point} holds no {name}{nearest_name(name, names)}; it holds {', '.join(names)}"
            )
        with opened(self.path) as file:
            dataset = file[arm][point][name]
            source = dataset.asstr() if h5py.check_string_dtype(dataset.dtype) else dataset
            return as_variable(source[()], dimension_names(dataset), read_attributes(dataset))


def _groups(parent: h5py.Group) -> list[tuple[str, h5py.Group]]:
    return [(name, member) for name, member in parent.items() if isinstance(member, h5py.Group)]


def _is_variable(member: Any) -> bool:
    if not isinstance(member, h5py.Dataset):
        return False
    name = member.attrs.get("NAME", "")
    name = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
    return not name.startswith(layout.DIMENSION_ONLY)


def _choose(table: dict[str, Any], key: str, complaint: str) -> Any:
    if key not in table:
        raise ResultFileError(f"{complaint} {key!r}{nearest_name(key, table)}; it has {', '.join(table) or 'none'}")
    return table[key]
