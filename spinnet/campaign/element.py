"""One element of a Slurm job array: its share of the tasks, on the cores that Slurm gave it.

    python -m spinnet.campaign.element ROOT SUBMISSION

SIGUSR1 comes before the wall-time limit, and the limit is known besides: running tasks are checkpointed and the
element goes back into the queue. SIGTERM (``scancel``, a drained node) checkpoints and ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

from spinnet.campaign.executor_local import LocalExecutor
from spinnet.campaign.interrupts import Interrupts
from spinnet.campaign.layout import open_campaign
from spinnet.campaign.slurm import read_record
from spinnet.campaign.study import Task
from spinnet.campaign.task import DONE, FAILED, STORAGE, TaskOutcome
from spinnet.errors import EXIT_CHECKPOINTED, EXIT_DONE, EXIT_FAILED_TASKS, InputError, SpinnetError
from spinnet.source import source_hash


class _Limit:
    """The wish to stop: a signal, or the end of the wall time."""

    def __init__(self, interrupts: Interrupts, seconds: float):
        self._interrupts = interrupts
        self._end = time.monotonic() + seconds

    @property
    def reached(self) -> bool:
        """Whether the element stops because its time is over, and should go on later."""
        return time.monotonic() >= self._end or "SIGUSR1" in self._interrupts.names

    @property
    def count(self) -> int:
        """1 once time is over or a signal came. A second signal changes nothing: Slurm itself ends the job."""
        return 1 if self.reached or self._interrupts.count else 0


class _Lines:
    """Says on standard output, which Slurm keeps, what happens."""

    def __init__(self):
        self.done = self.failed = 0
        self.refusal = ""

    def advanced(self, task: Task, fraction: float) -> None:
        """Progress is in the journals."""

    def ended(self, task: Task, outcome: TaskOutcome) -> None:
        self.done += outcome.status == DONE
        self.failed += outcome.status == FAILED
        if outcome.status == STORAGE:
            self.refusal = outcome.line
        say(f"{outcome.status}: {task.label} {outcome.line}".rstrip())

    def message(self, text: str) -> None:
        say(text)


def say(text: str) -> None:
    """A line with the time, at once: the job may be killed."""
    print(time.strftime("%Y-%m-%dT%H:%M:%S"), text, flush=True)


def main(root: str, submission: str) -> int:
    """Run the element that Slurm's environment names; the exit code of the job."""
    began = time.monotonic()
    with Interrupts() as interrupts:
        layout, study = open_campaign(root)
        record = read_record(layout, int(submission))
        if (found := source_hash()) != record["source"]:
            raise InputError(
                f"the source files of spinnet here ({found}) are not those that submitted ({record['source']}): submit "
                "again; what is finished is kept"
            )
        element = int(os.environ.get("SLURM_ARRAY_TASK_ID", "0"))
        share = set(record["groups"][element])
        tasks = [task for task in study.tasks() if task.id in share]
        tasks.reverse()
        cores = int(os.environ.get("SLURM_CPUS_PER_TASK", "1"))
        say(f"element {element}: {len(tasks)} tasks on {cores} cores of {os.uname().nodename}")
        limit = _Limit(interrupts, record["walltime"] - record["signal_seconds"] - (time.monotonic() - began))
        lines = _Lines()
        LocalExecutor(layout, cores, record["simulation"]).run(tasks, limit, lines)
    left = len(tasks) - lines.done - lines.failed
    say(f"{lines.done} done, {lines.failed} failed, {left} left")
    if lines.refusal:
        return EXIT_CHECKPOINTED
    if left and limit.reached:
        requeue()
        return EXIT_CHECKPOINTED
    if left:
        return EXIT_CHECKPOINTED
    return EXIT_FAILED_TASKS if lines.failed else EXIT_DONE


def requeue() -> None:
    """Put this element back into the queue."""
    # Not SLURM_JOB_ID: in the last element that is the number of the whole array.
    job = f"{os.environ.get('SLURM_ARRAY_JOB_ID', '')}_{os.environ.get('SLURM_ARRAY_TASK_ID', '')}"
    say(f"time is over: {job} goes back into the queue")
    try:
        done = subprocess.run(["scontrol", "requeue", job], capture_output=True, text=True, timeout=60)
        reason = "" if done.returncode == 0 else " ".join(done.stderr.split())
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = str(error)
    if reason:
        say(f"it does not ({reason}): its checkpoints are kept, spinnet submit goes on from them")


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:3]))
    except SpinnetError as error:
        say(f"spinnet: {error}")
        sys.exit(error.exit_code)
