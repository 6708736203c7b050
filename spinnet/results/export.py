"""Result files for other programs: long tables (CSV) and netCDF.

A result file is netCDF-4 compatible as it is; what is made here is smaller or plainer.
"""

from __future__ import annotations

import csv
import functools
import io
import itertools
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spinnet.errors import InputError, nearest_name
from spinnet.records import Variable, Variables
from spinnet.results import schema as layout
from spinnet.results.collected import Collected
from spinnet.results.reader import read_header, read_result
from spinnet.results.storage import replacing
from spinnet.results.writer import write_tables


@dataclass(frozen=True)
class Selection:
    """What of a file is exported; empty: everything."""

    variables: tuple[str, ...] = ()
    arm: str = ""
    point: str = ""


@dataclass(frozen=True)
class _Part:
    """One place of a file: what is constant there, and the chosen variables with their coordinates, by full names."""

    place: str
    constants: dict[str, Any]
    dims: dict[str, tuple[str, ...]]
    read: Callable[[str], Variable]


def export_csv(source: str | os.PathLike, target: str | os.PathLike, selection: Selection) -> int:
    """Write the chosen variables as one long table and return its number of rows.

    Columns: arm, point and its parameters (collected files), ``variable``, one column per dimension, ``value``. A
    dimension with a coordinate shows its value, another one the index. Tables of reports and rows of comparisons are
    written as they are, one column each. Memory: the variables of one point.

    Raises
    ------
    InputError
        For a variable, arm or point that is not there, with those that are.
    ResultFileError
        For a file that cannot be read.
    StorageError
        If the disk refuses.
    """
    table = _own_table(source, selection)
    with replacing(target) as sink:
        rows = 0
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        for row in _long_rows(source, selection) if table is None else _columns(table):
            writer.writerow(row)
            rows += 1
            if buffer.tell() > 1 << 20:
                _empty(buffer, sink)
        _empty(buffer, sink)
    return rows - 1


def export_netcdf(source: str | os.PathLike, target: str | os.PathLike, selection: Selection) -> int:
    """Write the chosen variables to a netCDF-4 file, with groups as in the source; return their number.

    Raises
    ------
    InputError, ResultFileError, StorageError
        As :func:`export_csv`.
    """
    variables: Variables = {}
    groups: dict[str, dict[str, Any]] = {}
    for part in _parts(source, selection):
        if part.place:
            groups[part.place] = {name: value for name, value in part.constants.items() if value is not None}
        for name in part.dims:
            variables[f"{part.place}/{name}" if part.place else name] = part.read(name)
    origin = {"source": Path(source).name, "source_digest": str(read_header(source)["digest"])}
    write_tables(target, layout.EXPORT, variables, attributes=origin, group_attributes=groups)
    return len(variables)


def _empty(buffer: io.StringIO, sink) -> None:
    sink.write(buffer.getvalue().encode("utf-8"))
    buffer.seek(0)
    buffer.truncate()


def _own_table(source: str | os.PathLike, selection: Selection) -> dict[str, np.ndarray] | None:
    """The printed table of a report, a model or a comparison, unless variables are asked for."""
    groups = {layout.REPORT: "table/", layout.MODEL: "table/", layout.COMPARISON: "rows/"}
    group = groups.get(read_header(source)["schema"])
    if group is None or selection != Selection():
        return None
    result = read_result(source)
    table = {name.removeprefix(group): v.data for name, v in result.variables.items() if name.startswith(group)}
    return dict(sorted(table.items(), key=lambda column: column[0] != "quantity"))  # what a row is about comes first


def _columns(table: dict[str, np.ndarray]) -> Iterator[list[Any]]:
    yield list(table)
    for row in zip(*table.values(), strict=True):
        yield [_plain(value) for value in row]


def _long_rows(source: str | os.PathLike, selection: Selection) -> Iterator[list[Any]]:
    parts = list(_parts(source, selection))
    constants = list(dict.fromkeys(name for part in parts for name in part.constants))
    dims = list(dict.fromkeys(dim for part in parts for own in part.dims.values() for dim in own))
    yield [*constants, "variable", *dims, "value"]
    for part in parts:
        fixed = [_plain(part.constants.get(name, "")) for name in constants]
        coordinates = {name: part.read(name).data for name in part.dims if _is_coordinate(name, part.dims)}
        for name in part.dims:
            if name not in coordinates or name in selection.variables:  # a coordinate is a column, unless asked for
                yield from _rows_of(name, part.read(name), coordinates, fixed, dims)


def _rows_of(
    name: str, variable: Variable, coordinates: dict[str, np.ndarray], fixed: list[Any], dims: list[str]
) -> Iterator[list[Any]]:
    group = name.rpartition("/")[0]
    axes: list[Sequence[Any]] = []
    for dim, length in zip(variable.dims, variable.data.shape, strict=True):
        coordinate = coordinates.get(f"{group}/{dim}" if group else dim)
        axes.append(range(length) if coordinate is None else [_plain(value) for value in coordinate])
    places = [dims.index(dim) for dim in variable.dims]
    flat = variable.data.ravel()
    for k, labels in enumerate(itertools.product(*axes)):
        cells: list[Any] = [""] * len(dims)
        for place, label in zip(places, labels, strict=True):
            cells[place] = label
        yield [*fixed, name, *cells, _plain(flat[k])]


def _parts(source: str | os.PathLike, selection: Selection) -> Iterator[_Part]:
    schema = read_header(source)["schema"]
    if schema == layout.COLLECTED:
        yield from _collected_parts(Collected(source), selection)
        return
    if selection.arm or selection.point:
        raise InputError(f"{source} is a {schema} file: arms and points are chosen in collected files")
    variables = read_result(source).variables
    dims = {name: variable.dims for name, variable in variables.items()}
    chosen = _chosen(tuple(variables), selection, str(source))
    yield _Part("", {}, _with_coordinates(chosen, dims), variables.__getitem__)


def _collected_parts(file: Collected, selection: Selection) -> Iterator[_Part]:
    if selection.arm and selection.arm not in file.arms:
        near = nearest_name(selection.arm, file.arms)
        raise InputError(f"arm {selection.arm!r}: {file.path} has no such arm{near}; it has {', '.join(file.arms)}")
    found = False
    for arm in file.arms:
        if selection.arm and arm != selection.arm:
            continue
        for point in file.points(arm):
            if selection.point and point != selection.point:
                continue
            found = True
            dims = file.dims(arm, point)
            chosen = _chosen(tuple(dims), selection, f"{file.path}: {arm}/{point}")
            constants = {"arm": arm, "point": point, **_flat(file.parameters(arm, point))}
            read = functools.partial(file.read, arm, point)
            yield _Part(f"{arm}/{point}", constants, _with_coordinates(chosen, dims), read)
    if not found:
        places = [point for arm in file.arms if selection.arm in ("", arm) for point in file.points(arm)]
        near = nearest_name(selection.point, places)
        raise InputError(f"point {selection.point!r}: {file.path} has no such point{near}; it has {', '.join(places)}")


def _chosen(names: tuple[str, ...], selection: Selection, where: str) -> list[str]:
    for wanted in selection.variables:
        if wanted not in names:
            raise InputError(f"variable {wanted!r}: {where} holds none{nearest_name(wanted, names)}; it holds "
                             f"{', '.join(names)}")  # fmt: skip
    return list(selection.variables or names)


def _with_coordinates(chosen: list[str], dims: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The chosen names and the coordinates in their groups, with their dimensions."""
    groups = {name.rpartition("/")[0] for name in chosen}
    beside = [name for name in dims if name.rpartition("/")[0] in groups and _is_coordinate(name, dims)]
    return {name: dims[name] for name in dict.fromkeys([*chosen, *beside])}


def _is_coordinate(name: str, dims: dict[str, tuple[str, ...]]) -> bool:
    return dims[name] == (name.rpartition("/")[2],)


def _flat(parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value if isinstance(value, str | int | float) else json.dumps(value) for name, value in parameters.items()
    }


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def check_target(target: str | os.PathLike, overwrite: bool) -> str:
    """The format that a file name asks for: "csv" or "netcdf".

    Raises
    ------
    InputError
        For another suffix, or a file that stands there already.
    """
    suffix = Path(target).suffix.lower()
    formats = {".csv": "csv", ".nc": "netcdf", ".nc4": "netcdf"}
    if suffix not in formats:
        raise InputError(f"{target}: give a name that ends in .csv or .nc")
    if Path(target).exists() and not overwrite:
        raise InputError(f"{target} exists: give another name, or --overwrite")
    return formats[suffix]

