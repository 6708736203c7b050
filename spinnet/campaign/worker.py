"""A worker process: takes tasks from its parent one at a time, over one pipe that nobody else shares.

Nothing is shared between workers, no lock and no queue, so that ``kill -9`` of one cannot block another. A parent
that dies closes the pipe, which a worker takes for the wish to stop: the running task is checkpointed.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
import traceback
from multiprocessing.connection import Connection
from typing import Any

from spinnet.campaign.executor import usable_cores
from spinnet.campaign.journal import Journal
from spinnet.campaign.layout import Layout
from spinnet.campaign.study import Task
from spinnet.campaign.task import run_task
from spinnet.source import source_hash

_REPORT_SECONDS = 0.2
_HEARTBEAT_SECONDS = 5.0


def main(descriptor: int, root: str, simulation: str, checkpoint_seconds: float, source: str) -> None:
    """Serve the parent at the other end of the pipe ``descriptor`` until it hangs up.

    ``source`` is the hash of the source files that the parent runs; a worker that finds others refuses to work. An
    empty one is not compared.
    """
    parent = _Parent(Connection(descriptor))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    for name in ("SIGTERM", "SIGUSR1"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), parent.stop_by_signal)
    if source and (found := source_hash()) != source:
        parent.send(
            "refused",
            f"the source files of spinnet have changed since this run began (from {source} to {found}): "
            "run the same command again; what is finished is kept",
        )
        return
    try:
        module = importlib.import_module(simulation)
    except BaseException:
        parent.send("broken", traceback.format_exc())
        return
    layout = Layout(root)
    journal = Journal(layout.journals)
    journal.write("joined")
    parent.send("ready")
    while (order := parent.receive()) is not None:
        if order[0] == "prepare":
            _prepare(parent, module, order[1])
        elif order[0] == "run":
            _run(parent, module, layout, journal, order[1], checkpoint_seconds)
        if parent.stopping:
            break
    if parent.signalled:
        parent.send("left")
    journal.write("left")


class _Parent:
    """The parent's end, and its wishes."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self.stopping = False
        self.signalled = False

    def stop_by_signal(self, *_: Any) -> None:
        self.stopping = self.signalled = True

    def send(self, *message: Any) -> None:
        try:
            self._connection.send(message)
        except OSError:  # nobody listens any more
            self.stopping = True

    def receive(self) -> tuple | None:
        """The next order; None when there will be none. Signals are noticed within a fifth of a second."""
        while not self.stopping:
            try:
                if self._connection.poll(0.2):
                    order = self._connection.recv()
                    return None if order[0] == "stop" else order
            except (EOFError, OSError):
                return None
        return None

    def should_stop(self) -> bool:
        if not self.stopping:
            try:
                # While a task runs, the only order that can come is to stop.
                self.stopping = self._connection.poll(0)
            except (EOFError, OSError):
                self.stopping = True
        return self.stopping


def _prepare(parent: _Parent, module: Any, examples: list[tuple[str, dict[str, Any]]]) -> None:
    """Compile the kernels that the tasks need, load their data once, and estimate their memory.

    ``examples`` are (key, physics) of each kind of task. The answer holds bytes by key, and a line for each key whose
    data cannot be had.
    """
    try:
        modules = {name: None for _, physics in examples for name in module.kernel_modules(physics)}
        _compile(list(modules))
        without_data = module.missing_data(dict(examples))
        needs = {key: int(module.memory_bytes(physics)) for key, physics in examples if key not in without_data}
    except Exception:
        parent.send("broken", traceback.format_exc())
        return
    parent.send("prepared", needs, without_data)


def _compile(modules: list[str]) -> None:
    """Compile kernel modules, half of them in a second process: different modules have different cache entries.

    Where the disk has them already a second process would take longer to start than both take to read them.
    """
    if not modules:
        return
    from spinnet.kernels import _jit

    alone = usable_cores() == 1 or sum(not _on_disk(name) for name in modules) < 2
    ours, others = (modules, []) if alone else (modules[::2], modules[1::2])
    # The same search path as here: kernels may be found through it.
    statement = f"import sys; sys.path[:] = {sys.path!r}; from spinnet.kernels import _jit; "
    statement += "_jit.compile_modules(*sys.argv[1:])"
    second = subprocess.Popen([sys.executable, "-c", statement, *others]) if others else None
    try:
        _jit.compile_modules(*ours)
    finally:
        if second is not None:
            second.wait()  # what it failed to compile is compiled at first use


def _on_disk(module: str) -> bool:
    """Whether the disk cache has kernels of the module, which is not imported; of some variants it may not."""
    from spinnet.kernels._jit import cache_directory

    found = importlib.util.find_spec(module.partition(":")[0])
    return bool(found and found.origin) and any(cache_directory(found.origin).rglob("*.nbi"))


def _run(parent: _Parent, module: Any, layout: Layout, journal: Journal, task: Task, checkpoint_seconds: float) -> None:
    last_report = last_beat = time.monotonic()
    journal.write("start", task.id)

    def report(fraction: float) -> None:
        nonlocal last_report, last_beat
        now = time.monotonic()
        if now - last_report >= _REPORT_SECONDS:
            last_report = now
            parent.send("advanced", fraction)
        if now - last_beat >= _HEARTBEAT_SECONDS:
            last_beat = now
            journal.write("advanced", task.id, fraction=round(fraction, 4))

    outcome = run_task(
        layout, task, module.simulate, parent.should_stop, report,
        lambda progress: parent.send("checkpointed", progress), checkpoint_seconds,
    )  # fmt: skip
    journal.write(outcome.status, task.id, seconds=round(outcome.seconds, 3), last=task.last, pid=os.getpid())
    parent.send("ended", outcome)
