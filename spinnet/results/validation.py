"""Is this file what it says it is? Everything that is wrong, not only the first."""

from __future__ import annotations

import json
import os

from spinnet.errors import ResultFileError
from spinnet.results import schema as layout
from spinnet.results.reader import ResultFile, read_result, verify


def validate_file(path: str | os.PathLike) -> list[str]:
    """Problems of a result file, one line each; an empty list for a good one. Never raises for a bad file."""
    try:
        header = verify(path)
        if header["schema"] == layout.COLLECTED:  # may be larger than memory; its digest covers the rest
            return _json_problems(path, header, ("configuration", "gaps"))
        result = read_result(path)
    except ResultFileError as error:
        return [str(error)]
    problems = _variable_problems(result)
    if result.schema in (layout.TASK, layout.CHECKPOINT):
        problems += _task_problems(result)
    return problems


def _variable_problems(result: ResultFile) -> list[str]:
    problems = []
    for name, variable in result.variables.items():
        if not all(variable.dims):
            problems.append(f"{result.path}: {name} has an axis without a name")
        if not variable.units:
            problems.append(f"{result.path}: {name} states no units")
    return problems


def _task_problems(result: ResultFile) -> list[str]:
    attributes = result.attributes
    missing = [name for name in ("task", "configuration", "last", "status", "stop_reason") if name not in attributes]
    if missing:
        return [f"{result.path}: the attributes {', '.join(missing)} are missing: make the file again"]
    problems = _json_problems(result.path, attributes, ("configuration",))
    if problems:
        return problems
    if layout.task_identity(result.configuration) != result.task:
        problems.append(f"{result.path}: its configuration is not that of task {result.task}")
    return problems


def _json_problems(path, attributes: dict, names: tuple[str, ...]) -> list[str]:
    problems = []
    for name in names:
        try:
            json.loads(attributes[name])
        except (KeyError, TypeError, ValueError):
            problems.append(f"{path}: the attribute {name} is missing or not JSON: make the file again")
    return problems
