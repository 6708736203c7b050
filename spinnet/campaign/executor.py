"""What an executor is: something that decides where tasks run. Identities and bits never depend on it.

A laptop's pool is in ``executor_local.py``. Another executor needs no more than this contract and
:func:`spinnet.campaign.task.run_task`, which leaves results in the campaign's folder and returns a line.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol

from spinnet.campaign.study import Task
from spinnet.campaign.task import TaskOutcome


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Stop(Protocol):
    """The wish of the person who waits: 0 go on, 1 stop with checkpoints, 2 stop now."""

    count: int


class Listener(Protocol):
    """Told by an executor what happens, in the thread that called it."""

    def advanced(self, task: Task, fraction: float) -> None:
        """A running task has reached ``fraction`` of its run."""

    def ended(self, task: Task, outcome: TaskOutcome) -> None:
        """A task is over, and will not run again in this call."""

    def message(self, text: str) -> None:
        """A line worth reading."""


class Executor(Protocol):
    """Runs tasks."""

    def run(self, tasks: Sequence[Task], stop: Stop, listener: Listener) -> None:
        """Run all tasks, or as many as there are until ``stop.count`` rises or the disk refuses.

        Returns within 10 s of ``stop.count`` becoming 1 and at once when it becomes 2. Tasks for which
        ``listener.ended`` was not called have not been finished.
        """
