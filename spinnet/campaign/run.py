"""Running a study: plan, skip what is finished, compute the rest, say how it ended."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

from spinnet.campaign.capacity import refuse_what_cannot_fit
from spinnet.campaign.executor import Executor, Stop
from spinnet.campaign.executor_local import LocalExecutor
from spinnet.campaign.interrupts import Interrupts
from spinnet.campaign.layout import Layout
from spinnet.campaign.plan import Plan, make_plan, refuse_changed_physics
from spinnet.campaign.progress import Progress, Silent
from spinnet.campaign.study import Study, Task
from spinnet.campaign.task import DONE, FAILED, STORAGE, TaskOutcome
from spinnet.errors import EXIT_ABORTED, EXIT_CHECKPOINTED, EXIT_DONE, EXIT_FAILED_TASKS, StorageError
from spinnet.results.storage import remove_leftovers

SIMULATION = "spinnet.simulation"
_FAILURES_SHOWN = 10


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended.

    ``exit_code`` is 0 (all done), 1 (failed tasks), 75 (stopped, the same command goes on) or 130 (aborted).
    ``done``, ``failed`` and ``skipped`` count tasks computed now, failed now and finished before; ``stopped`` those
    that are left. ``lines`` say it to a person.
    """

    exit_code: int
    done: int
    skipped: int
    failed: int
    stopped: int
    seconds: float
    lines: list[str] = field(default_factory=list)


def run_study(
    study: Study,
    out: str | os.PathLike,
    jobs: int | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
    max_retries: int = 3,
    *,
    executor: Executor | None = None,
    simulation: str = SIMULATION,
    checkpoint_seconds: float = 60.0,
) -> RunOutcome:
    """Compute what is missing of a study and leave one result file per task in ``out``.

    Ctrl-C, SIGTERM, SIGUSR1 or SIGHUP once: running tasks are checkpointed and the call returns within 10 s; twice: at
    once.

    Parameters
    ----------
    study
        A resolved study.
    out
        Folder of the campaign; made if needed.
    jobs
        Worker processes (None: what the study says, else one per usable core).
    fresh
        Move an existing campaign aside to ``out``.1, ``out``.2, … and start over.
    progress
        Receives events.
    max_retries
        How often a task is started again after its process was killed.
    executor
        Decides where tasks run (None: worker processes on this machine).
    simulation
        The module whose ``simulate`` computes a task.
    checkpoint_seconds
        Wall time between checkpoints of a running task.

    Raises
    ------
    InputError
        If this machine cannot hold a task, or ``out`` is not writable, holds something else, another study, or this
        study with other physics; nothing has been changed then.
    ResultFileError
        If a shard was written by a later version of spinnet.
    """
    began = time.monotonic()
    progress = progress or Silent()
    if executor is None and simulation == SIMULATION:
        refuse_what_cannot_fit(study)
    layout = Layout(out)
    old = layout.refuse_foreign(study.name)
    if old is not None and not fresh:
        refuse_changed_physics(layout, old, study)
    layout.check_writable()
    if fresh and (moved := layout.move_aside()) is not None:
        progress.message(f"old results are now in {moved}")
        layout.check_writable()
    with Interrupts() as stop:
        tally = _Tally(layout, progress)
        try:
            layout.prepare(study)
            remove_leftovers(layout.root)
            plan = _plan(layout, study, stop, progress)
            tally.plan = plan
            progress.started(len(plan.finished) + len(plan.missing), len(plan.finished))
            if executor is None:
                jobs = jobs or study.execution.get("jobs")
                executor = LocalExecutor(layout, jobs, simulation, checkpoint_seconds, max_retries)
            if not stop.count:
                executor.run(plan.missing, stop, tally)
        except StorageError as error:
            tally.refusal = str(error)
    return tally.outcome(stop, time.monotonic() - began)


def _plan(layout: Layout, study: Study, stop: Stop, progress: Progress) -> Plan:
    plan = make_plan(layout, study, lambda: stop.count > 0)
    for line in plan.lines:
        progress.message(line)
    if plan.study != study:
        layout.prepare(plan.study)
    # People list sizes in increasing order; with the largest first, no worker is alone with one at the end.
    plan.missing.reverse()
    return plan


class _Tally:
    """Listens to the executor, passes events on, and counts."""

    def __init__(self, layout: Layout, progress: Progress):
        self._layout, self._progress = layout, progress
        self.plan: Plan | None = None
        self.refusal = ""
        self._done = 0
        self._failures: dict[str, list[Task]] = {}  # line: tasks that failed with it
        self._failed = 0

    def advanced(self, task: Task, fraction: float) -> None:
        self._progress.advanced(task.label, fraction)

    def message(self, text: str) -> None:
        self._progress.message(text)

    def ended(self, task: Task, outcome: TaskOutcome) -> None:
        if outcome.status == DONE:
            self._done += 1
            self._progress.finished(task.label)
        elif outcome.status == FAILED:
            alike = self._failures.setdefault(outcome.line, [])
            alike.append(task)
            self._failed += 1
            self._progress.finished(task.label)
            if len(alike) == 1:  # the others are counted at the end
                self._progress.message(self._failure_line(outcome.line, alike))
        elif outcome.status == STORAGE:
            self.refusal = outcome.line

    def outcome(self, stop: Stop, seconds: float) -> RunOutcome:
        skipped = len(self.plan.finished) if self.plan else 0
        left = (len(self.plan.missing) if self.plan else 0) - self._done - self._failed
        code, lines = self._verdict(stop, left)
        computed = f"{self._done} computed, {skipped} already finished, {self._failed} failed"
        total = f"{computed}, {left} left" if left else computed
        lines.insert(0, f"tasks: {total}; {_duration(seconds)}")
        return RunOutcome(code, self._done, skipped, self._failed, left, seconds, lines)

    def _verdict(self, stop: Stop, left: int) -> tuple[int, list[str]]:
        groups = list(self._failures.items())
        lines = [self._failure_line(line, tasks) for line, tasks in groups[:_FAILURES_SHOWN]]
        if len(groups) > _FAILURES_SHOWN:
            more = sum(len(tasks) for _, tasks in groups[_FAILURES_SHOWN:])
            lines.append(f"and {more} more: see {self._layout.failures}")
        if self.refusal:
            return EXIT_CHECKPOINTED, [*lines, f"stopped: {self.refusal}"]
        if left and stop.count >= 2:
            return EXIT_ABORTED, [*lines, "aborted; the same command goes on from the last checkpoints"]
        if left or (stop.count and self.plan is None):
            return EXIT_CHECKPOINTED, [*lines, "stopped with checkpoints; the same command goes on"]
        return (EXIT_FAILED_TASKS if self._failures else EXIT_DONE), lines

    def _failure_line(self, line: str, tasks: list[Task]) -> str:
        first = tasks[0]
        if len(tasks) == 1:
            return f"failed: {first.label}: {line} (see {self._layout.failure(first.id)})"
        samples = [task.sample for task in tasks]
        places = list(dict.fromkeys(f"{task.arm} {task.point}" for task in tasks))
        which = f"{places[0]} samples {min(samples)} to {max(samples)}" if len(places) == 1 else (
            f"{places[0]} and {len(places) - 1} other point{'s' if len(places) > 2 else ''}"
        )  # fmt: skip
        return f"failed: {len(tasks)} tasks, {which}: {line} (see {self._layout.failures})"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f} min {rest:.0f} s" if minutes else f"{rest:.1f} s"
