"""Worker processes on this machine: one thread each, replaced when they are killed, stopped on request.

Workers are started as new interpreters (never forked: threads of BLAS and numba do not survive a fork), in a session
of their own, so that a Ctrl-C in the terminal reaches the parent alone. The first one compiles the kernels before
any task runs: processes that compile at once into a cold cache would do the same work several times over.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from multiprocessing.connection import Connection, Pipe, wait

from spinnet.campaign.executor import Listener, Stop, usable_cores
from spinnet.campaign.layout import Layout
from spinnet.campaign.study import Task
from spinnet.campaign.task import FAILED, STOPPED, STORAGE, TaskOutcome, record_failure
from spinnet.errors import InputError
from spinnet.memory import available_memory
from spinnet.results.storage import storage_error
from spinnet.source import source_hash

#: Tasks compute on one thread each; set before the imports of the worker.
WORKER_ENVIRONMENT = {
    "NUMBA_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "PYTHONSAFEPATH": "1",
}

_POLL_SECONDS = 0.2
# Running tasks have this long to write their checkpoints before they are killed; the last one on disk stays.
_GRACE_SECONDS = 8.0
_STARTS_ALLOWED = 3
_COMPILATION_WORTH_A_LINE = 1.0
_MEMORY_SHARE = 0.9


class LocalExecutor:
    """A pool of worker processes.

    Parameters
    ----------
    jobs
        Number of workers (None: one per usable core).
    simulation
        The module whose ``simulate`` computes a task.
    checkpoint_seconds
        Wall time between checkpoints of a running task.
    max_retries
        How often a task is started again after its process was killed, before it counts as failed.
    """

    def __init__(
        self,
        layout: Layout,
        jobs: int | None = None,
        simulation: str = "spinnet.simulation",
        checkpoint_seconds: float = 60.0,
        max_retries: int = 3,
    ):
        self._layout = layout
        self._jobs = jobs or usable_cores()
        self._simulation = simulation
        self._checkpoint_seconds = checkpoint_seconds
        self._max_retries = max_retries

    def run(self, tasks: Sequence[Task], stop: Stop, listener: Listener) -> None:
        """Run the tasks; see :class:`spinnet.campaign.executor.Executor`.

        Raises
        ------
        InputError
            If the source files of the package change on the way; running tasks are checkpointed before.
        """
        if tasks:
            source = source_hash()

            def start_worker() -> Worker:
                return Worker(self._layout, self._simulation, self._checkpoint_seconds, source)

            work = _Run(self._layout, tasks, stop, listener, self._max_retries, start_worker)
            work.serve(self._jobs)
            if work.complaint:
                raise InputError(work.complaint)


class Worker:
    """The parent's view of one worker process."""

    def __init__(self, layout: Layout, simulation: str, checkpoint_seconds: float, source: str):
        self.connection, theirs = Pipe(duplex=True)
        self.task: Task | None = None
        self.ready = False
        self.leaving = False
        arguments = (theirs.fileno(), str(layout.root.resolve()), simulation, checkpoint_seconds, source)
        # The same search path as here, so that the same packages are found whatever the working directory is.
        code = f"import sys; sys.path[:] = {sys.path!r}; from spinnet.campaign.worker import main; main(*{arguments!r})"
        try:
            with open(layout.worker_log, "ab") as log:
                self.process = subprocess.Popen(
                    [sys.executable, "-c", code],
                    pass_fds=(theirs.fileno(),),
                    env={**os.environ, **WORKER_ENVIRONMENT},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        except OSError as error:
            self.connection.close()
            raise storage_error(layout.worker_log, error) from error
        finally:
            theirs.close()

    def send(self, *message: object) -> None:
        """Send an order; a worker that is gone is noticed when its end of the pipe is read."""
        with contextlib.suppress(OSError):
            self.connection.send(message)

    def give(self, task: Task) -> None:
        """Let it run a task."""
        self.task = task
        self.send("run", task)

    def kill(self) -> None:
        """End it now."""
        with contextlib.suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)  # it leads a group: what it started ends with it
        self.process.wait()
        self.connection.close()

    def dismiss(self) -> None:
        """Hang up: an idle worker leaves by itself."""
        self.connection.close()

    def end(self) -> None:
        """Wait for one that was dismissed."""
        try:
            self.process.wait(2.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class _Run:
    """One call of :meth:`LocalExecutor.run`."""

    def __init__(self, layout, tasks, stop, listener, max_retries, start_worker):
        self._layout, self._stop, self._listener = layout, stop, listener
        self._max_retries, self._start_worker = max_retries, start_worker
        self._queue: deque[Task] = deque(tasks)
        self._workers: list[Worker] = []
        self._deaths: dict[str, int] = {}  # since the last progress
        self._progress: dict[str, tuple[float, int]] = {}  # of the furthest checkpoint
        self._failed_starts = 0
        self._refused = False  # the disk refused, or a worker
        self.complaint = ""  # of a worker
        self._deadline: float | None = None  # of the checkpoints, once stopping
        self._prepared = False
        self._preparing: Worker | None = None
        self._announce_at: float | None = None
        self._memory: dict[str, int] = {}
        self._free_memory = (available_memory() or 0) * _MEMORY_SHARE

    def serve(self, jobs: int) -> None:
        try:
            while self._queue or any(worker.task for worker in self._workers):
                if self._stop.count >= 2:
                    return
                if not self._keep_stopping():
                    return
                if self._deadline is None:
                    self._hire(min(jobs, len(self._queue) + self._busy()))
                    self._assign()
                self._listen()
        except BaseException:
            self._queue.clear()
            raise
        finally:
            self._dismiss_all()

    # Stopping ------------------------------------------------------------------------------------------------------

    def _keep_stopping(self) -> bool:
        """Pass on the wish to stop; False when there is nothing left to wait for."""
        if not (self._stop.count or self._refused):
            return True
        if self._deadline is None:
            self._deadline = time.monotonic() + _GRACE_SECONDS
            for worker in self._workers:
                worker.send("stop")
        if time.monotonic() > self._deadline:
            return False
        return self._busy() > 0

    def _dismiss_all(self) -> None:
        for worker in self._workers:
            if worker.task is not None or not worker.ready or worker is self._preparing:
                worker.kill()
            else:
                worker.dismiss()
        for worker in self._workers:
            worker.end()
        self._workers.clear()

    # Working -------------------------------------------------------------------------------------------------------

    def _busy(self) -> int:
        return sum(worker.task is not None for worker in self._workers)

    def _hire(self, wanted: int) -> None:
        while len(self._workers) < wanted:
            self._workers.append(self._start_worker())

    def _assign(self) -> None:
        idle = [worker for worker in self._workers if worker.ready and worker.task is None and not worker.leaving]
        if not self._prepared:
            if idle and self._preparing is None:
                self._preparing = idle[0]
                self._announce_at = time.monotonic() + _COMPILATION_WORTH_A_LINE
                idle[0].send("prepare", self._examples())
            elif self._announce_at is not None and time.monotonic() > self._announce_at:
                self._announce_at = None
                self._listener.message("preparing workers (the first run compiles the kernels)")
            return
        for worker in idle:
            if not self._queue or not self._fits(self._queue[0]):
                return
            worker.give(self._queue.popleft())

    def _examples(self) -> list[tuple[str, dict]]:
        """One physics table per point: samples differ in nothing that matters for kernels or memory."""
        return list({_point(task): task.physics for task in self._queue}.items())

    def _fits(self, task: Task) -> bool:
        """Whether there is memory for one more task; a task alone is always tried."""
        if not self._busy() or not self._free_memory:
            return True
        used = sum(self._memory.get(_point(worker.task), 0) for worker in self._workers if worker.task is not None)
        return used + self._memory.get(_point(task), 0) <= self._free_memory

    # Listening -----------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        by_connection: dict[Connection, Worker] = {worker.connection: worker for worker in self._workers}
        for connection in wait(list(by_connection), _POLL_SECONDS):
            worker = by_connection[connection]
            try:
                message = connection.recv()
            except (EOFError, OSError):
                self._bury(worker)
            else:
                self._heed(worker, *message)

    def _heed(self, worker: Worker, kind: str, *content) -> None:
        if kind == "ready":
            worker.ready = True
            self._failed_starts = 0
            if self._deadline is not None:
                worker.send("stop")
        elif kind == "prepared":
            self._prepared, self._preparing, self._announce_at = True, None, None
            self._memory, without_data = content
            self._give_up(without_data)
        elif kind == "broken":
            raise RuntimeError(f"a worker process could not be set up:\n{content[0]}")
        elif kind == "advanced":
            self._listener.advanced(worker.task, content[0])
        elif kind == "checkpointed":
            if content[0] > self._progress.get(worker.task.id, (0.0, 0)):  # it makes progress between its deaths
                self._progress[worker.task.id] = content[0]
                self._deaths.pop(worker.task.id, None)
        elif kind == "left":
            worker.leaving = True
        elif kind == "refused":
            self._refused, self.complaint = True, content[0]
        elif kind == "ended":
            self._end(worker, content[0])

    def _give_up(self, without_data: dict[str, str]) -> None:
        """Fail the tasks whose data cannot be had, and keep the others."""
        lost = [task for task in self._queue if _point(task) in without_data]
        self._queue = deque(task for task in self._queue if _point(task) not in without_data)
        for task in lost:
            line = without_data[_point(task)]
            outcome = record_failure(self._layout, task, line, "no traceback: the data were asked for before the task")
            self._refused = self._refused or outcome.status != FAILED
            self._listener.ended(task, outcome)

    def _end(self, worker: Worker, outcome: TaskOutcome) -> None:
        task, worker.task = worker.task, None
        if outcome.status == STORAGE:
            self._refused = True
        if outcome.status == STOPPED and self._deadline is None:
            # Somebody stopped this one process with a signal: the task goes on in another.
            worker.leaving = True
            self._queue.appendleft(task)
            return
        self._listener.ended(task, outcome)

    def _bury(self, worker: Worker) -> None:
        """A worker is gone: killed, crashed, or out of memory. Its task starts again from its last checkpoint."""
        self._workers.remove(worker)
        worker.connection.close()
        code = worker.process.wait()
        how = _describe_end(code)
        if worker is self._preparing:
            self._preparing = None
        if not worker.ready and not self._refused:
            self._failed_starts += 1
            if self._failed_starts >= _STARTS_ALLOWED:
                raise RuntimeError(
                    f"{_STARTS_ALLOWED} worker processes in a row ended ({how}) before they could start; "
                    f"what they said is in {self._layout.worker_log}"
                )
        if worker.task is None:
            return
        if self._deadline is not None:
            self._listener.ended(worker.task, TaskOutcome(STOPPED, f"its process ended ({how})"))
            return
        if worker.leaving:  # it was asked to leave by a signal before it saw the task
            self._queue.appendleft(worker.task)
            return
        deaths = self._deaths[worker.task.id] = self._deaths.get(worker.task.id, 0) + 1
        if deaths > self._max_retries:
            line = f"its process ended {deaths} times ({how}); it may need more memory than there is"
            outcome = record_failure(self._layout, worker.task, line, "no traceback: the process was killed")
            self._refused = self._refused or outcome.status != FAILED
            self._listener.ended(worker.task, outcome)
            return
        self._listener.message(
            f"a worker process ended ({how}) while it computed {worker.task.label}: started again "
            f"({deaths} of {self._max_retries})"
        )
        self._queue.appendleft(worker.task)


def _point(task: Task) -> str:
    return json.dumps([task.arm, task.point])


def _describe_end(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
