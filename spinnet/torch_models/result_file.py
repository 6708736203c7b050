"""The file of a measurement, and the checkpoint beside it while it is not finished."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from spinnet.errors import InputError, ResultFileError, StorageError
from spinnet.reports.base import Content
from spinnet.results import read_task, write_tables, write_task
from spinnet.results.provenance import gather
from spinnet.results.schema import CHECKPOINT, MODEL
from spinnet.torch_models.measurement import Measurement


def check_output(path: Path, force: bool) -> None:
    """Refuse, before anything is computed, a file that would be overwritten or cannot be written.

    Raises
    ------
    InputError
        In one line.
    """
    if path.suffix not in (".h5", ".hdf5"):
        raise InputError(f"{path}: give the result file the ending .h5")
    if path.is_dir():
        raise InputError(f"{path} is a folder: give a file, as net.h5")
    if path.exists() and not force:
        raise InputError(f"{path} exists and is not overwritten: give another name, or --force")
    if not path.parent.is_dir():
        raise InputError(f"the folder {path.parent} does not exist: make it, or give another one")


def checkpoint_path(path: Path) -> Path:
    """Where the unfinished measurement is kept."""
    return path.with_name(f"{path.stem}.checkpoint.h5")


def task_of(measurement: Measurement) -> str:
    """Identity of a measurement, of everything that determines its bits."""
    text = json.dumps(measurement.identity, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def resume(measurement: Measurement, path: Path, say: Callable[[str], None]) -> None:
    """Go on from the checkpoint of ``path``, if it is of the same model and settings."""
    kept = checkpoint_path(path)
    if not kept.exists():
        return
    try:
        found = read_task(kept, task_of(measurement), CHECKPOINT)
    except ResultFileError:
        say(f"{kept} is a checkpoint of another model or of other settings: it is not used, and will be replaced")
        return
    measurement.resume(found.state)
    say(f"going on from {kept}")


def keep(measurement: Measurement, path: Path) -> None:
    """Write the checkpoint."""
    write_task(
        checkpoint_path(path), {}, measurement.arrays(), task=task_of(measurement), configuration=measurement.identity,
        last=float(measurement.settings.steps), status="checkpoint", stop_reason="not finished", schema=CHECKPOINT,
        provenance=gather(measurement.seconds),
    )  # fmt: skip


def write(path: Path, measurement: Measurement, content: Content, command: str) -> str:
    """Write the finished measurement with what was found, remove its checkpoint, and return the digest.

    Raises
    ------
    StorageError
        If the disk refuses; the checkpoint is then still there.
    """
    landscape = measurement.landscape
    _add_rows(content)
    layout = {name: [where.start, where.stop] for name, where in landscape.layout.slices.items()}
    attributes: dict[str, Any] = {
        "model": measurement.model.name, "command": command, "title": f"Loss surface of {measurement.model.function}",
        "arms": json.dumps(list(measurement.arms)), "findings": json.dumps(content.findings, ensure_ascii=False),
        "configuration": json.dumps(measurement.identity, sort_keys=True), "parameters": json.dumps(layout),
        "n_units": landscape.units.n_units, "unit": landscape.units.unit, "n_dof": landscape.n_dof,
        "independent_unit": landscape.independent_unit, "time_unit": "steps", "reduction": landscape.reduction,
        "batched": int(landscape.batched), "device": landscape.device,
    }  # fmt: skip
    digest = write_tables(
        path, MODEL, measurement.variables() | content.variables, attributes=attributes,
        group_attributes=content.groups, provenance=gather(measurement.seconds),
    )  # fmt: skip
    try:
        checkpoint_path(path).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{checkpoint_path(path)} cannot be removed: {error.strerror}") from None
    return digest


def _add_rows(content: Content) -> None:
    columns = list(dict.fromkeys(column for row in content.rows for column in row))
    for column in columns:
        values = [row.get(column) for row in content.rows]
        if column == "quantity":
            content.add(f"table/{column}", [str(value) for value in values], ("row",))
        else:
            content.add(f"table/{column}", [np.nan if value is None else float(value) for value in values], ("row",))
