"""One task from its files to its files. Every executor calls :func:`run_task`; only where it runs differs.

At-least-once execution, deterministic tasks and atomic commits make exactly-once results: two processes that run the
same task write the same bytes, and the last rename wins.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spinnet.campaign.layout import Layout
from spinnet.campaign.study import Task
from spinnet.errors import ResultFileError, SpinnetError, StorageError
from spinnet.results.provenance import gather
from spinnet.results.reader import ResultFile, read_task
from spinnet.results.schema import CHECKPOINT, TASK
from spinnet.results.storage import write_text
from spinnet.results.writer import write_task

#: Dynamics that took longer are written to the disk before the measurements of the end-point begin.
WORTH_KEEPING_SECONDS = 5.0

DONE, STOPPED, FAILED, STORAGE = "done", "stopped", "failed", "storage"


@dataclass(frozen=True)
class TaskOutcome:
    """How a task ended: done, stopped with a checkpoint, failed, or refused by the disk; one line why."""

    status: str
    line: str = ""
    seconds: float = 0.0


def run_task(
    layout: Layout,
    task: Task,
    simulate: Callable[..., Any],
    should_stop: Callable[[], bool],
    report: Callable[[float], None],
    checkpointed: Callable[[tuple[float, int]], None] = lambda progress: None,
    checkpoint_seconds: float = 60.0,
) -> TaskOutcome:
    """Compute what is missing of a task: from the start, from its checkpoint, or from its shorter result.

    Parameters
    ----------
    simulate
        As ``spinnet.simulation.simulate``.
    should_stop
        Polled by the simulation; when true the task is checkpointed and left.
    report
        Told the fraction done.
    checkpointed
        Called after each checkpoint on the way, with the fraction of the dynamics done and the number of end-point
        measurements made.
    checkpoint_seconds
        Wall time between checkpoints: what a killed process may lose.
    """
    log = TaskLog(layout.log(task.id))
    began = time.monotonic()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            status = _compute(layout, task, simulate, should_stop, report, checkpointed, checkpoint_seconds, log)
        for warning in caught:
            log.write(f"warning: {warning.category.__name__}: {warning.message}")
        log.write(f"{status} after {time.monotonic() - began:.1f} s")
        return TaskOutcome(status, seconds=time.monotonic() - began)
    except StorageError as error:
        log.write(str(error))
        return TaskOutcome(STORAGE, str(error), time.monotonic() - began)
    except (Exception, SystemExit) as error:  # a library that exits takes no worker with it
        line = str(error) if isinstance(error, SpinnetError) else f"{type(error).__name__}: {error}"
        if isinstance(error, MemoryError):
            line = f"out of memory ({error}): take fewer replicas, smaller sizes or fewer measurements"
        log.write(f"failed: {line}\n{traceback.format_exc()}")
        return record_failure(layout, task, line, traceback.format_exc(), time.monotonic() - began)


def record_failure(layout: Layout, task: Task, line: str, details: str, seconds: float = 0.0) -> TaskOutcome:
    """Write ``failed/<id>.txt``: the line, the physics, the traceback."""
    physics = json.dumps(task.physics, indent=1, sort_keys=True)
    line = " ".join(line.split())
    try:
        write_text(layout.failure(task.id), f"{task.label}: {line}\n\n{details}\n\ntask {task.id}\n{physics}\n")
    except StorageError as error:
        return TaskOutcome(STORAGE, str(error), seconds)
    return TaskOutcome(FAILED, line, seconds)


def _compute(layout, task, simulate, should_stop, report, checkpointed, checkpoint_seconds, log) -> str:
    start = _starting_point(layout, task, log)
    if start is not None and start.schema == TASK and start.last >= task.last:
        log.write("finished by an earlier run")
        return DONE
    state = None if start is None else start.state
    seconds = _stored_seconds(start)
    clock = _CheckpointClock(checkpoint_seconds, should_stop, report)
    parts = 0
    while True:
        clock.begin(parts)
        part = simulate(task.physics, task.last, state, clock.should_pause, clock.report)
        for phase, spent in part.seconds.items():
            seconds[phase] = seconds.get(phase, 0.0) + spent
        if part.finished:
            _write(layout.shard(task.id), task, part, seconds, TASK)
            for leftover in (layout.checkpoint(task.id), layout.failure(task.id)):
                with contextlib.suppress(OSError):
                    leftover.unlink(missing_ok=True)
            return DONE
        state, parts = part.state, getattr(part, "endpoint_parts", 0)
        _write(layout.checkpoint(task.id), task, part, seconds, CHECKPOINT)
        log.write(f"checkpoint at {100 * clock.fraction:.0f} %")
        if clock.stopped:
            return STOPPED
        checkpointed((clock.fraction, parts))


class _CheckpointClock:
    """Asks a simulation to pause when it is told to stop, when a checkpoint is due, or when the dynamics has ended.

    The measurements that follow cannot be interrupted: what came before them is kept, if it took some seconds.
    """

    def __init__(self, interval: float, should_stop: Callable[[], bool], report: Callable[[float], None]):
        self._interval, self._should_stop, self._report = interval, should_stop, report
        self._began = self._due = 0.0
        self._dynamics_ended = False
        self._before = (-1.0, 0)
        self.fraction = 0.0
        self.stopped = False

    def begin(self, parts: int) -> None:
        # A pause without progress would repeat for ever: wait longer each time.
        if (self.fraction, parts) <= self._before:
            self._interval *= 2
        self._before = (self.fraction, parts)
        self._dynamics_ended = False
        self._began = time.monotonic()
        self._due = self._began + self._interval

    def should_pause(self) -> bool:
        self.stopped = self.stopped or self._should_stop()
        now = time.monotonic()
        worth_keeping = self._dynamics_ended and now - self._began >= WORTH_KEEPING_SECONDS
        return self.stopped or now >= self._due or worth_keeping

    def report(self, fraction: float) -> None:
        self._dynamics_ended = self._dynamics_ended or fraction >= 1.0 > self.fraction
        self.fraction = float(fraction)
        self._report(self.fraction)


def _starting_point(layout: Layout, task: Task, log: TaskLog) -> ResultFile | None:
    """The furthest trustworthy state: the shard of a shorter run or a later checkpoint."""
    shard = _read_or_set_aside(layout, layout.shard(task.id), task, TASK, log)
    if shard is not None and shard.last >= task.last:
        return shard
    path = layout.checkpoint(task.id)
    checkpoint = _read_or_set_aside(layout, path, task, CHECKPOINT, log)
    if checkpoint is not None and checkpoint.last > task.last:
        # It may have gone beyond the end that is asked for now; a simulation never goes back.
        log.write(f"a checkpoint of a longer run (to {checkpoint.last:g}) is set aside: {layout.set_aside(path)}")
        checkpoint = None
    if checkpoint is not None and (shard is None or checkpoint.last > shard.last):
        log.write(f"goes on from a checkpoint of a run to {checkpoint.last:g}")
        return checkpoint
    if shard is not None:
        log.write(f"goes on from {shard.last:g} to {task.last:g}")
    return shard


def _read_or_set_aside(layout: Layout, path: Path, task: Task, schema: str, log: TaskLog) -> ResultFile | None:
    if not path.exists():
        return None
    try:
        return read_task(path, task.id, schema)
    except ResultFileError as error:
        log.write(f"{error}; set aside as {layout.set_aside(path)}")
        return None


def _write(path: Path, task: Task, part: Any, seconds: dict[str, float], schema: str) -> None:
    finished = schema == TASK
    write_task(
        path,
        part.variables if finished else {},
        part.state,
        task=task.id,
        configuration=task.physics,
        last=task.last,
        status="finished" if finished else "checkpoint",
        stop_reason="reached the end" if finished else "stopped on the way",
        attributes=part.attributes,
        provenance=gather(seconds, seed=task.physics.get("seed", 0)),
        schema=schema,
    )


def _stored_seconds(start: ResultFile | None) -> dict[str, float]:
    if start is None:
        return {}
    with contextlib.suppress(ValueError, TypeError, AttributeError):
        stored = json.loads(start.provenance.get("seconds", "{}"))
        return {str(phase): float(spent) for phase, spent in stored.items()}
    return {}


class TaskLog:
    """What happened to a task, for people: appended to ``logs/<id>.log``."""

    def __init__(self, path: Path):
        self._path = path

    def write(self, text: str) -> None:
        """Append one entry; a disk that refuses is reported by the result files."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        with contextlib.suppress(OSError), open(self._path, "a", encoding="utf-8") as file:
            file.write(f"{now} {text}\n")
