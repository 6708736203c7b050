"""What a result file is, in words: for ``spinnet info``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from spinnet.results import schema as layout
from spinnet.results.collected import Collected
from spinnet.results.digest import read_attributes
from spinnet.results.reader import opened, plain_attributes, read_header, read_result

_WORDS = {
    layout.TASK: "result of one task",
    layout.CHECKPOINT: "checkpoint of a task that has not finished",
    layout.COLLECTED: "all results of a study",
    layout.COMPARISON: "comparison of two landscapes",
    layout.REPORT: "report of a study",
    layout.MODEL: "measurement of one model",
    layout.EXPORT: "part of a result file, for other programs",
}
_AGAIN = {
    layout.TASK: "spinnet rerun {path}",
    layout.COLLECTED: "spinnet rerun {path}",
    layout.CHECKPOINT: "spinnet run goes on from it",
    layout.COMPARISON: "spinnet compare {folder}",
    layout.REPORT: "spinnet report {parent} {report}",
    layout.MODEL: "{command}",
    layout.EXPORT: "spinnet export {source} {path}",
}
_TOLD_ELSEWHERE = frozenset({
    "schema", "schema_version", "digest", "configuration", "gaps", "findings", "notes", "parameters",
})  # fmt: skip


def describe(path: str | os.PathLike) -> dict[str, Any]:
    """Facts about a verified result file.

    Returns
    -------
    dict
        ``file``, ``what``, ``digest``, ``bytes``, the attributes of the root, ``make_again`` (a command), ``variables``
        (a line each), ``provenance`` and ``configuration``.

    Raises
    ------
    ResultFileError
        For a file that is missing, damaged or foreign.
    """
    path = Path(path)
    header = read_header(path)
    schema = header["schema"]
    told = {name: value for name, value in header.items() if name not in _TOLD_ELSEWHERE}
    names = {"path": path, "folder": path.parent, "parent": path.resolve().parent.parent, **told}
    found: dict[str, Any] = {
        "file": str(path),
        "what": _WORDS[schema],
        "schema": f"{schema} version {header['schema_version']}",
        "digest": str(header["digest"]),
        "bytes": path.stat().st_size,
        **told,
        "make_again": _AGAIN[schema].format_map({"report": "", "source": "SOURCE", "command": "", **names}),
    }
    if schema == layout.COLLECTED and (gaps := json.loads(header.get("gaps", "[]"))):
        found["missing"] = gaps
    found["variables"] = _collected_lines(path) if schema == layout.COLLECTED else _lines(path)
    with opened(path) as file:
        group = file.get(layout.PROVENANCE_GROUP)
        found["provenance"] = {} if group is None else plain_attributes(read_attributes(group))
    found["configuration"] = json.loads(header.get("configuration", "{}"))
    return found


def _lines(path: Path) -> list[str]:
    return [_line(name, v.data.dtype, v.dims, v.data.shape, v.units) for name, v in read_result(path).variables.items()]


def _collected_lines(path: Path) -> list[str]:
    """Of the first point of each arm: the others hold the same names."""
    file, found = Collected(path), []
    for arm in file.arms:
        points = file.points(arm)
        found.append(f"{arm}: {len(points)} points, {', '.join(points)}")
        for name, dims in file.dims(arm, points[0]).items() if points else ():
            variable = file.read(arm, points[0], name)
            line = _line(f"{arm}/{points[0]}/{name}", variable.data.dtype, dims, variable.data.shape, variable.units)
            found.append(f"  {line}")
    return found


def _line(name: str, dtype: Any, dims: tuple[str, ...], shape: tuple[int, ...], units: str) -> str:
    axes = ", ".join(f"{dim} {length}" for dim, length in zip(dims, shape, strict=True))
    return f"{name} ({axes}) {'text' if dtype.kind == 'O' else dtype}{'' if units == '1' else f' [{units}]'}"
