"""Reading result files: nothing is returned that is truncated, damaged, foreign or of another schema."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from spinnet.errors import ResultFileError
from spinnet.records import Variable, Variables
from spinnet.results import schema as layout
from spinnet.results.admission import admit, damaged
from spinnet.results.digest import Item, content_digest, read_attributes, scan

_OWN_ATTRIBUTES = frozenset({"units", "description", "CLASS", "NAME"})


@dataclass(frozen=True)
class ResultFile:
    """A whole result file in memory, verified.

    ``variables`` holds every measured array by its path, ``state`` the arrays of ``/state``, ``attributes`` those of
    the root without the schema and the digest, ``groups`` the attributes of each group by its path.
    """

    path: Path
    schema: str
    schema_version: int
    digest: str
    attributes: dict[str, Any]
    variables: Variables
    state: dict[str, np.ndarray]
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def configuration(self) -> dict[str, Any]:
        """The resolved physics of a task, or the resolved study of a collected file."""
        return json.loads(self.attributes.get("configuration", "{}"))

    @property
    def task(self) -> str:
        """The identity of the task."""
        return self.attributes["task"]

    @property
    def last(self) -> float:
        """The length of the run."""
        return float(self.attributes["last"])

    @property
    def status(self) -> str:
        """ "finished" or "checkpoint"."""
        return self.attributes["status"]


def read_result(path: str | os.PathLike, schema: str | None = None, with_state: bool = True) -> ResultFile:
    """Read and verify a result file of ``schema`` (None: any); a state that is not wanted is left out.

    Raises
    ------
    ResultFileError
        One line that names the file, says what is wrong and what to do.
    """
    sealed = admit(path)
    with opened(path) as file:
        items, provenance = _read_items(path, file, schema, with_state, sealed)
        root = items.pop("").attributes
        content = {
            "schema": root.pop("schema"),
            "schema_version": int(root.pop("schema_version")),
            "digest": root.pop("digest"),
            "attributes": plain_attributes(root),
            "variables": {},
            "state": {},
            "groups": {},
            "provenance": provenance,
        }
        for name, item in items.items():
            _sort_in(content, name, item)
        layout.migrate(content)
        return ResultFile(path=Path(path), **content)


def read_task(
    path: str | os.PathLike, task: str | None = None, schema: str = layout.TASK, with_state: bool = True
) -> ResultFile:
    """Read and verify the result (or checkpoint) of a task; with ``task``, refuse another one's.

    Raises
    ------
    ResultFileError
        As :func:`read_result`.
    """
    result = read_result(path, schema, with_state)
    found = result.attributes.get("task")
    if not isinstance(found, str) or "last" not in result.attributes or "status" not in result.attributes:
        raise damaged(path, "an attribute of the task is missing")
    if task is not None and found != task:
        raise ResultFileError(f"{path} holds the result of task {found}, not of {task}: move it away, then run again")
    return result


def read_alike(path: str | os.PathLike, task: str, like: ResultFile) -> ResultFile | None:
    """The result of a task that holds the variables of another one; only root attributes and data are read.

    Reading the attributes of every variable is most of the time that many small files take. None where the file is
    not sealed, or holds other names, shapes or types: then :func:`read_task` tells what it is.

    Raises
    ------
    ResultFileError
        As :func:`read_task`.
    """
    if not admit(path):
        return None
    with opened(path) as file:
        root = plain_attributes(_checked_attributes(path, file, layout.TASK))
        if root.get("task") != task or {"last", "status"} - root.keys() or _count(file) != _expected_count(like):
            return None
        variables = {}
        for name, known in like.variables.items():
            dataset = file.get(name)
            if not isinstance(dataset, h5py.Dataset) or dataset.shape != known.data.shape:
                return None
            is_text = known.data.dtype.kind == "O"
            if not is_text and dataset.dtype != known.data.dtype:
                return None
            data = (dataset.asstr() if is_text else dataset)[()]
            variables[name] = Variable(np.asarray(data), known.dims, known.units, known.description, known.attributes)
    own = {name: value for name, value in root.items() if name not in ("schema", "schema_version", "digest")}
    return ResultFile(Path(path), layout.TASK, int(root["schema_version"]), root["digest"], own, variables, {})


def _count(file: h5py.File) -> dict[str, int]:
    """Number of members of each group of variables."""
    known = (layout.STATE_GROUP, layout.PROVENANCE_GROUP)
    return {name: len(file[name]) for name in file if name not in known}


def _expected_count(like: ResultFile) -> dict[str, int]:
    members: dict[str, set[str]] = {}
    for name, variable in like.variables.items():
        group, _, own = name.rpartition("/")
        members.setdefault(group, set()).update((own, *variable.dims))
    return {group: len(found) for group, found in members.items()}


def verify(path: str | os.PathLike, schema: str | None = None) -> dict[str, Any]:
    """Check schema, version and content in little memory; return the root attributes.

    Raises
    ------
    ResultFileError
        As :func:`read_result`.
    """
    admit(path)
    with opened(path) as file:
        return plain_attributes(_checked_attributes(path, file, schema))


def read_header(path: str | os.PathLike) -> dict[str, Any]:
    """Root attributes of a result file of any schema: what it says that it is.

    Raises
    ------
    ResultFileError
        As :func:`read_result`.
    """
    return verify(path)


def verify_here(path: str | os.PathLike) -> None:
    """Check schema, version and digest in this process, whatever the file is: for a process that may be lost.

    Raises
    ------
    ResultFileError
        As :func:`read_result`.
    """
    with opened(path) as file:
        attributes = _checked_attributes(path, file, None)
        _compare_digests(path, attributes.get("digest"), content_digest(file))


@contextlib.contextmanager
def opened(path: str | os.PathLike) -> Iterator[h5py.File]:
    """An admitted HDF5 file open for reading; whatever goes wrong inside becomes a ResultFileError that names it."""
    path = Path(path)
    try:
        # No locks: a result file is never changed once it has its name, and network file systems refuse them.
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except ResultFileError as error:
        if str(path) in str(error):
            raise
        raise damaged(path, str(error)) from None
    except Exception as error:  # h5py raises nearly anything on a damaged file
        raise damaged(path, _cause(error)) from error


def _cause(error: Exception) -> str:
    text = " ".join(str(error).split())
    if "truncated" in text:
        return "it is truncated"
    return text[:120] or type(error).__name__


def _checked_attributes(path, file: h5py.File, schema: str | None) -> dict[str, Any]:
    attributes = read_attributes(file)
    layout.check_schema(path, attributes.get("schema"), attributes.get("schema_version"), schema)
    return attributes


def _read_items(
    path, file: h5py.File, schema: str | None, with_state: bool, sealed: bool
) -> tuple[dict[str, Item], dict[str, Any]]:
    attributes = _checked_attributes(path, file, schema)
    # Without the state there is no digest to compare; the child that admitted an unsealed file has compared it.
    hashed = with_state and not sealed
    without = frozenset() if with_state else frozenset({layout.STATE_GROUP})
    digest, items = scan(file, without=without, hashed=hashed)
    if hashed:
        _compare_digests(path, attributes.get("digest"), digest)
    provenance = file.get(layout.PROVENANCE_GROUP)
    found = read_attributes(provenance) if isinstance(provenance, h5py.Group) else {}
    return items, plain_attributes(found)


def _compare_digests(path, stored: Any, found: str) -> None:
    if stored != found:
        what = "it has no digest" if stored is None else "its content does not match its digest"
        raise damaged(path, what)


def _sort_in(content: dict[str, Any], name: str, item: Item) -> None:
    if item.is_group:
        if name.split("/")[0] != layout.STATE_GROUP:
            content["groups"][name] = plain_attributes(item.attributes)
    elif str(_text(item.attributes.get("NAME", ""))).startswith(layout.DIMENSION_ONLY):
        pass
    elif name.startswith(f"{layout.STATE_GROUP}/"):
        content["state"][name.removeprefix(f"{layout.STATE_GROUP}/")] = item.data
    else:
        content["variables"][name] = as_variable(item.data, item.dims, item.attributes)


def as_variable(data: np.ndarray, dims: tuple[str, ...], attributes: dict[str, Any]) -> Variable:
    """A :class:`~spinnet.records.Variable` from what a file holds."""
    extra = plain_attributes({key: value for key, value in attributes.items() if key not in _OWN_ATTRIBUTES})
    return Variable(data, dims, str(attributes.get("units", "1")), str(attributes.get("description", "")), extra)


def plain_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    """The same with NumPy scalars as Python numbers."""
    return {key: value.item() if isinstance(value, np.generic) else value for key, value in attributes.items()}


def _text(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
