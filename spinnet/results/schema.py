"""What a result file looks like: schemas, versions, reserved names, and how old versions are brought up to date.

Every file carries at its root ``schema``, ``schema_version`` and ``digest``; the rest depends on the schema:

``spinnet-task``
    one task: groups of measured variables, ``/state`` (the final state, so that a longer run continues from it),
    root attributes ``status``, ``stop_reason``, ``task``, ``last``, ``configuration`` (JSON) and those of the run.
``spinnet-checkpoint``
    the same for a task that has not finished; no variables.
``spinnet-collected``
    all tasks of a study: ``/<arm>/<point>/<group>/<name>`` with a leading dimension ``sample``.
``spinnet-comparison``
    what the comparison step computed from collected files.
``spinnet-report``
    what one report of a study computed from its collected file.
``spinnet-model``
    one model of a person's own, measured beside its nulls: ``/<arm>/<group>/<name>``, and what was found.
``spinnet-export``
    a part of one of these, for other programs.

``/provenance`` says where and how a file was made and lies outside the digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from spinnet.errors import ResultFileError, nearest_name

TASK = "spinnet-task"
CHECKPOINT = "spinnet-checkpoint"
COLLECTED = "spinnet-collected"
COMPARISON = "spinnet-comparison"
REPORT = "spinnet-report"
MODEL = "spinnet-model"
EXPORT = "spinnet-export"

#: The version of each schema that this package writes. Raised whenever an old reader would misread a new file.
VERSIONS: dict[str, int] = {TASK: 1, CHECKPOINT: 1, COLLECTED: 1, COMPARISON: 1, REPORT: 1, MODEL: 1, EXPORT: 1}

#: (schema, version) -> function(content) that turns content of that version into content of the next one, in place.
#: ``content`` is the dict of :func:`spinnet.results.reader.read_content`.
MIGRATIONS: dict[tuple[str, int], Callable[[dict[str, Any]], None]] = {}

#: Root attributes that the writer sets itself.
RESERVED = frozenset({"schema", "schema_version", "digest"})

STATE_GROUP = "state"
PROVENANCE_GROUP = "provenance"

#: The NAME that netCDF-4 gives to the scale of a dimension without coordinates.
DIMENSION_ONLY = "This is a netCDF dimension but not a netCDF variable."


class NewerSchemaError(ResultFileError):
    """A file written by a later spinnet: intact, but not to be read, overwritten or set aside by this one."""


def check_schema(path: Any, schema: Any, version: Any, expected: str | None) -> None:
    """Refuse a foreign schema or a version from the future.

    Raises
    ------
    NewerSchemaError
        For a version above the one this package writes.
    ResultFileError
        For anything else that is not ``expected`` (None: any known schema).
    """
    if not isinstance(schema, str):
        raise ResultFileError(f"{path} is an HDF5 file, but not one of spinnet (no attribute 'schema'): give another")
    if schema not in VERSIONS:
        raise ResultFileError(
            f"{path} has the schema {schema!r}{nearest_name(schema, VERSIONS)}; spinnet reads {', '.join(VERSIONS)}"
        )
    try:
        version = int(version)
    except (TypeError, ValueError):
        raise ResultFileError(f"{path} has no readable schema_version: it is damaged, make it again") from None
    if version > VERSIONS[schema]:
        raise NewerSchemaError(
            f"{path} was written by a later spinnet ({schema} version {version}, this one reads up to "
            f"{VERSIONS[schema]}): update spinnet"
        )
    if version < VERSIONS[schema] and (schema, version) not in MIGRATIONS:
        raise ResultFileError(f"{path} has {schema} version {version}, which nothing reads any more: make it again")
    if expected is not None and schema != expected:
        raise ResultFileError(f"{path} is a {schema} file where a {expected} file is needed: give another file")


def migrate(content: dict[str, Any]) -> None:
    """Bring ``content`` (with "schema" and "schema_version") to the current version, step by step, in place."""
    schema = content["schema"]
    while content["schema_version"] < VERSIONS[schema]:
        MIGRATIONS[schema, content["schema_version"]](content)
        content["schema_version"] += 1


def task_identity(physics: Mapping[str, Any]) -> str:
    """First 16 hex digits of the SHA-256 of the canonical JSON of a task's resolved physics.

    The key ``data_files`` of a part says where files lie; what they hold is in the physics as a hash. It is left out,
    so that a file may move.
    """
    told = dict(physics)
    for key, part in physics.items():
        if isinstance(part, Mapping):
            told[key] = {name: value for name, value in part.items() if name != "data_files"}
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
