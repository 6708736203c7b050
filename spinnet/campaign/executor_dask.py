"""Tasks on the workers of a Dask cluster: any scheduler that runs, or one that dask-jobqueue starts.

Dask decides where a task runs and nothing else. On each thread of a Dask worker a process of ours computes, exactly as
on a laptop: with one thread for BLAS and numba, and with results in the campaign's folder, which all machines must
see. A Dask worker that is lost loses its processes; its tasks go on from their checkpoints elsewhere.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import queue
import re
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from spinnet.campaign.executor import Listener, Stop
from spinnet.campaign.executor_local import Worker
from spinnet.campaign.layout import Layout
from spinnet.campaign.study import Task
from spinnet.campaign.task import FAILED, STOPPED, STORAGE, TaskOutcome, record_failure
from spinnet.errors import InputError
from spinnet.source import source_hash

_POLL_SECONDS = 0.25
_GRACE_SECONDS = 9.0
_LOST_SECONDS = 20.0
#: Kinds of clusters that dask-jobqueue knows, by the names of the command line.
CLUSTERS = {
    "slurm": "SLURMCluster", "pbs": "PBSCluster", "lsf": "LSFCluster", "sge": "SGECluster",
    "htcondor": "HTCondorCluster", "oar": "OARCluster", "local": "LocalCluster",
}  # fmt: skip


class DaskExecutor:
    """Runs tasks on a Dask cluster; see :class:`spinnet.campaign.executor.Executor`.

    Parameters
    ----------
    scheduler
        Address of a running scheduler, such as "tcp://head:8786".
    simulation, checkpoint_seconds, max_retries
        As for the local executor; ``max_retries`` counts lost Dask workers.
    """

    def __init__(
        self,
        layout: Layout,
        scheduler: str,
        simulation: str = "spinnet.simulation",
        checkpoint_seconds: float = 60.0,
        max_retries: int = 3,
    ):
        self._layout, self._scheduler, self._simulation = layout, scheduler, simulation
        self._checkpoint_seconds, self._max_retries = checkpoint_seconds, max_retries

    def run(self, tasks: Sequence[Task], stop: Stop, listener: Listener) -> None:
        """Run the tasks.

        Raises
        ------
        InputError
            If Dask is not installed, the scheduler does not answer, or a worker has other source files.
        """
        if tasks:
            with _client(self._scheduler) as client:
                _Run(self, client, tasks, stop, listener).serve()

    @property
    def order(self) -> dict[str, Any]:
        """What a Dask worker has to know beside the task."""
        return {
            "root": str(self._layout.root.resolve()),
            "simulation": self._simulation,
            "checkpoint_seconds": self._checkpoint_seconds,
            "source": source_hash(),
        }


@contextlib.contextmanager
def jobqueue_cluster(kind: str, workers: int, options: dict[str, Any]) -> Iterator[str]:
    """A cluster whose workers are jobs of a batch system; yields the address of its scheduler.

    Up to ``workers`` are asked for while there is work, and lost ones are replaced.

    Raises
    ------
    InputError
        For an unknown kind, options that the cluster refuses, or without dask-jobqueue.
    """
    if kind not in CLUSTERS:
        raise InputError(f"cluster {kind!r} is not known; there are {', '.join(CLUSTERS)}")
    try:
        if kind == "local":
            from distributed import LocalCluster as cluster_class
        else:
            import dask_jobqueue

            cluster_class = getattr(dask_jobqueue, CLUSTERS[kind])
    except ImportError:
        raise InputError('Dask is not installed: pip install "spinnet[cluster]"') from None
    if kind != "local":
        # As in our own workers: a checkout in the working directory must not pass for the installed package.
        before = ["export PYTHONSAFEPATH=1", *options.get("job_script_prologue", [])]
        options = {**options, "job_script_prologue": before}
    if kind == "local":
        options = {"threads_per_worker": 1, "dashboard_address": None, **options, "n_workers": 0}
    _be_quiet()
    try:
        cluster = cluster_class(**options)
    except (TypeError, ValueError, RuntimeError, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"the cluster {kind} cannot be made ({reason}): see its options") from None
    with cluster:
        # adapt, not scale: scale never replaces a worker that was cancelled.
        cluster.adapt(minimum=0, maximum=workers)
        yield cluster.scheduler_address


def check_scheduler(address: str) -> None:
    """Refuse, before anything is written, an address at which nothing listens.

    Raises
    ------
    InputError
        For an address of another form, nothing that listens, or without Dask.
    """
    if importlib.util.find_spec("distributed") is None:
        raise InputError('Dask is not installed: pip install "spinnet[cluster]"')
    found = re.fullmatch(r"(tcp|tls)://(\[[0-9a-fA-F:]+\]|[^:/]+):(\d{1,5})", address)
    if found is None:
        raise InputError(f"--scheduler {address}: give an address such as tcp://head:8786")
    try:
        socket.create_connection((found[2].strip("[]"), int(found[3])), timeout=5.0).close()
    except (OSError, OverflowError) as error:
        raise InputError(f"no Dask scheduler answers at {address} ({error}): start one with `dask scheduler`") from None


def _be_quiet() -> None:
    """Lost workers are told in our own lines; Dask's, with their tracebacks, are for those who run the cluster."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)


@contextlib.contextmanager
def _client(scheduler: str):
    check_scheduler(scheduler)
    from distributed import Client

    _be_quiet()

    try:
        client = Client(scheduler, timeout="10s", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError(f"what listens at {scheduler} is no Dask scheduler ({type(error).__name__})") from None
    try:
        yield client
    finally:
        with contextlib.suppress(Exception):
            client.close(timeout=2)


class _Run:
    """One call of :meth:`DaskExecutor.run`."""

    def __init__(self, executor: DaskExecutor, client, tasks: Sequence[Task], stop: Stop, listener: Listener):
        self._client, self._stop, self._listener = client, stop, listener
        self._layout, self._retries = executor._layout, executor._max_retries
        self._order = executor.order
        self._tasks = {task.id: task for task in tasks}
        self._deaths: dict[str, int] = {}
        self._futures: dict[Any, Task] = {}
        self._ended: queue.SimpleQueue = queue.SimpleQueue()
        self._signal = None
        self._refused = ""

    def serve(self) -> None:
        from distributed import Event

        self._signal = Event(f"spinnet-stop-{time.time_ns()}", client=self._client)
        self._order["stop"] = self._signal.name
        for task in self._tasks.values():
            self._submit(task)
        alone = time.monotonic()
        told = False
        deadline = None
        try:
            while self._futures:
                if self._stop.count >= 2:
                    return
                if (self._stop.count or self._refused) and deadline is None:
                    deadline = time.monotonic() + _GRACE_SECONDS
                    self._signal.set()
                    self._cancel_waiting()
                if deadline is not None and time.monotonic() > deadline:
                    return
                if self._workers():
                    alone = time.monotonic()
                elif time.monotonic() - alone > _LOST_SECONDS and not told:
                    told = True
                    self._listener.message("the Dask cluster has no workers: waiting for some")
                self._listen()
        finally:
            with contextlib.suppress(Exception):
                self._client.cancel(list(self._futures))
        if self._refused:
            raise InputError(self._refused)

    def _workers(self) -> int:
        return len(self._client.scheduler_info(n_workers=-1).get("workers", {}))

    def _submit(self, task: Task) -> None:
        # pure=False: a task that is started again must run again. Dask itself retries what a lost worker held.
        future = self._client.submit(run_here, task, self._order, pure=False, key=f"{task.label}-{time.time_ns()}")
        self._futures[future] = task
        future.add_done_callback(self._ended.put)

    def _cancel_waiting(self) -> None:
        """Tasks that have not begun are not begun."""
        processing = set()
        with contextlib.suppress(Exception):
            for keys in self._client.processing().values():
                processing |= set(keys)
        waiting = [future for future in self._futures if future.key not in processing]
        self._client.cancel(waiting)
        for future in waiting:
            self._futures.pop(future, None)

    def _listen(self) -> None:
        try:
            future = self._ended.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            return
        task = self._futures.pop(future, None)
        if task is None:
            return
        if future.status == "finished":
            self._end(task, future.result())
        elif future.status == "cancelled":
            return
        else:
            self._lost(task, future.exception())

    def _end(self, task: Task, outcome: TaskOutcome) -> None:
        if outcome.status == "refused":
            self._refused = outcome.line
            return
        if outcome.status == STOPPED and not self._stop.count and not self._refused:
            self._submit(task)  # its process was told to stop there; it goes on elsewhere
            return
        if outcome.status == STORAGE:
            self._refused = self._refused or outcome.line
        self._listener.ended(task, outcome)

    def _lost(self, task: Task, error: BaseException | None) -> None:
        """Dask gave up, after several of its workers had died with this task, or our process died."""
        deaths = self._deaths[task.id] = self._deaths.get(task.id, 0) + 1
        line = " ".join(str(error).split())[:200] or type(error).__name__
        if deaths > self._retries:
            outcome = record_failure(self._layout, task, f"its worker ended {deaths} times ({line})", "no traceback")
            self._listener.ended(task, outcome)
            return
        self._listener.message(f"a worker was lost while it computed {task.label}: started again")
        self._submit(task)


# On the Dask worker ------------------------------------------------------------------------------------------------

_IDLE: dict[str, queue.SimpleQueue] = {}
_IDLE_LOCK = threading.Lock()


def run_here(task: Task, order: dict[str, Any]) -> TaskOutcome:
    """Run a task on this Dask worker, in a process of ours that is kept for the next one."""
    from distributed import Event, get_client

    stop = Event(order["stop"], client=get_client())
    key = repr(sorted(order.items()))
    with _IDLE_LOCK:
        pool = _IDLE.setdefault(key, queue.SimpleQueue())
    try:
        worker = pool.get_nowait()
    except queue.Empty:
        layout = Layout(order["root"])
        worker = Worker(layout, order["simulation"], order["checkpoint_seconds"], order["source"])
    outcome = _serve(worker, task, stop)
    if worker.leaving:
        worker.kill()
    else:
        pool.put(worker)
    return outcome


def _serve(worker: Worker, task: Task, stop) -> TaskOutcome:
    asked, told = time.monotonic(), False
    if worker.ready:
        worker.give(task)
    while True:
        if worker.connection.poll(_POLL_SECONDS):
            try:
                kind, *content = worker.connection.recv()
            except (EOFError, OSError):
                worker.leaving = True
                raise RuntimeError("the process that computed it ended") from None
            if kind == "ready":
                worker.ready = True
                worker.give(task)
            elif kind == "ended":
                return content[0]
            elif kind in ("refused", "broken"):
                worker.leaving = True
                return TaskOutcome("refused" if kind == "refused" else FAILED, content[0].strip().splitlines()[-1])
            elif kind == "left":
                worker.leaving = True
                return TaskOutcome(STOPPED, "its process was told to stop")
        if not told and time.monotonic() - asked > 1.0:
            asked = time.monotonic()
            if stop.is_set():
                told = True
                worker.leaving = True
                worker.send("stop")
