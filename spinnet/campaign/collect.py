"""All shards of a study in one file, ``collected.h5``: derived, atomic, the same bits whatever computed the shards."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from spinnet.campaign.layout import Layout, open_campaign
from spinnet.campaign.study import Arm, Point, Study, Task
from spinnet.errors import ResultFileError
from spinnet.records import Variable
from spinnet.results.provenance import gather
from spinnet.results.reader import ResultFile, read_alike, read_task
from spinnet.results.schema import COLLECTED
from spinnet.results.writer import ResultWriter, chunk_shape, result_file

# So much is gathered before it is written; with the copy that is stacked, memory stays below three times this.
_SLAB_BYTES = 96 * 2**20

#: Root attributes of a shard that belong to one task, not to the point.
_TASK_ATTRIBUTES = frozenset({"task", "configuration", "last", "status", "stop_reason"})


@dataclass(frozen=True)
class Collection:
    """What was collected: the file, the number of tasks in it, and one line for each task that is missing."""

    path: Path
    tasks: int
    missing: list[str] = field(default_factory=list)


def collect_study(directory: str | os.PathLike) -> Collection:
    """Join the finished tasks of the campaign in ``directory`` into ``collected.h5``.

    Every shard is verified as it is read; one that is missing, damaged or too short becomes a gap, which is named in
    the file and in the return value. Shards are streamed: memory does not grow with their number. Cost: one read of
    all shards, one write.

    Raises
    ------
    InputError
        If there is no campaign.
    ResultFileError
        If no task is finished.
    StorageError
        If the disk refuses; an older ``collected.h5`` is then as it was.
    """
    layout, study = open_campaign(directory)
    collected, missing = 0, []
    with result_file(layout.collected, COLLECTED) as writer:
        for number, arm in enumerate(study.arms.values()):
            writer.set_attributes(arm.name, {"title": arm.title, "last": arm.last, "order": number})
            for order, point in enumerate(arm.points):
                gathered = _PointWriter(writer, layout, arm, point, order)
                gathered.collect()
                collected += gathered.count
                missing += gathered.missing
        if collected == 0:
            raise ResultFileError(f"no task of {layout.root} is finished: run the study first")
        writer.set_attributes("", _root_attributes(study, collected, missing))
        writer.set_provenance(gather())
    return Collection(layout.collected, collected, missing)


def _root_attributes(study: Study, collected: int, missing: list[str]) -> dict[str, Any]:
    return {
        "study": study.name,
        "title": study.title,
        "status": "incomplete" if missing else "complete",
        "tasks": collected,
        "gaps": json.dumps(missing),
        "configuration": json.dumps(study.physics, sort_keys=True),
    }


class _PointWriter:
    """Streams the samples of one point into ``/<arm>/<point>``."""

    def __init__(self, writer: ResultWriter, layout: Layout, arm: Arm, point: Point, order: int):
        self._writer, self._layout, self._arm, self._point, self._order = writer, layout, arm, point, order
        self._group = f"{arm.name}/{point.label}"
        self._first: ResultFile | None = None
        self._template: dict[str, Variable] | None = None
        self._attributes: dict[str, Any] = {}
        self._datasets: dict[str, Any] = {}
        self._slab: list[ResultFile] = []
        self._slab_rows = 1
        self._written = 0
        self._samples: list[int] = []
        self.missing: list[str] = []

    @property
    def count(self) -> int:
        """Samples taken."""
        return len(self._samples)

    def collect(self) -> None:
        for sample, identity in enumerate(self._point.identities):
            task = Task(identity, self._arm.name, self._point.label, sample, {}, self._arm.last)
            shard = self._read(task)
            if shard is None:
                continue
            if self._template is None:
                self._begin(shard)
            elif (difference := self._difference(shard)) is not None:
                self.missing.append(f"{task.label}: {difference}")
                continue
            self._samples.append(sample)
            self._slab.append(shard)
            if len(self._slab) == self._slab_rows:
                self._flush()
        self._flush()
        if self._template is not None:
            self._end()

    def _read(self, task: Task) -> ResultFile | None:
        path = self._layout.shard(task.id)
        if not path.exists():
            self.missing.append(f"{task.label}: not finished")
            return None
        try:
            shard = None if self._first is None else read_alike(path, task.id, self._first)
            shard = shard or read_task(path, task.id, with_state=False)
        except ResultFileError as error:
            self.missing.append(f"{task.label}: {error}")
            return None
        if shard.last < task.last:
            self.missing.append(f"{task.label}: reaches {shard.last:g} of {task.last:g}")
            return None
        return shard

    def _begin(self, shard: ResultFile) -> None:
        """Take names, shapes, dtypes and attributes from the first sample, and make room for all of them."""
        self._first, self._template = shard, shard.variables
        self._attributes = _point_attributes(shard)
        size = sum(variable.data.nbytes for variable in shard.variables.values())
        expected = self._point.samples
        self._slab_rows = int(np.clip(_SLAB_BYTES // max(size, 1), 1, expected))
        for name, variable in shard.variables.items():
            place = f"{self._group}/{name}"
            if is_coordinate(name, variable):
                self._writer.add(place, variable)
                continue
            item = variable.data.dtype.itemsize
            chunks = chunk_shape((self._slab_rows, *variable.data.shape), item, keep_first=True)
            self._datasets[name] = self._writer.reserve(
                place, (expected, *variable.data.shape), variable.data.dtype, variable,
                dims=("sample", *variable.dims), chunks=chunks,
            )  # fmt: skip

    def _difference(self, shard: ResultFile) -> str | None:
        """Why a sample cannot stand beside the first one; None if it can."""
        if shard.variables.keys() != self._template.keys():
            return "holds other variables than the first sample"
        for name, first in self._template.items():
            other = shard.variables[name]
            if (other.data.shape, other.data.dtype.kind, other.dims) != (first.data.shape, first.data.dtype.kind,
                                                                         first.dims):
                return f"{name} has another shape than in the first sample"
            if is_coordinate(name, first) and not np.array_equal(other.data, first.data):
                return f"{name} differs from that of the first sample"
        # What is not the same for all samples is no attribute of the point.
        theirs = _point_attributes(shard)
        self._attributes = {
            name: value for name, value in self._attributes.items() if np.array_equal(theirs.get(name), value)
        }
        return None

    def _flush(self) -> None:
        if not self._slab:
            return
        end = self._written + len(self._slab)
        for name, dataset in self._datasets.items():
            rows = np.stack([shard.variables[name].data for shard in self._slab])
            dataset[self._written : end] = rows.astype(object) if rows.dtype.kind == "U" else rows
            self._writer.check()
        self._written = end
        self._slab.clear()

    def _end(self) -> None:
        for dataset in self._datasets.values():
            if dataset.shape[0] != self.count:
                dataset.resize(self.count, axis=0)
        numbers = Variable(np.array(self._samples, dtype=np.int64), ("sample",), "1", "number of the disorder sample")
        for group in sorted({name.rpartition("/")[0] for name in self._datasets}):
            self._writer.add("/".join(part for part in (self._group, group, "sample") if part), numbers)
        flat = {name: v for name, v in self._point.parameters.items() if isinstance(v, str | int | float)}
        own = {
            "parameters": json.dumps(self._point.parameters),
            "order": self._order,
            "last": self._arm.last,
            "samples": self.count,
            "replicas": self._point.physics["replicas"],
        }
        self._writer.set_attributes(self._group, {**flat, **self._attributes, **own})


def _point_attributes(shard: ResultFile) -> dict[str, Any]:
    return {name: value for name, value in shard.attributes.items() if name not in _TASK_ATTRIBUTES}


def is_coordinate(name: str, variable: Variable) -> bool:
    """Whether a variable is the coordinate of its own dimension, and so the same for all samples."""
    return variable.dims == (name.rpartition("/")[2],)
