"""How far a campaign is, from its files alone: directory listings and journals, on any machine that sees them."""

from __future__ import annotations

import os
import time
from typing import Any

from spinnet.campaign.journal import read_journals
from spinnet.campaign.layout import Layout, open_campaign
from spinnet.campaign.study import Task
from spinnet.campaign.task import DONE
from spinnet.errors import ResultFileError
from spinnet.results.reader import read_header

_RATE_WINDOW_SECONDS = 900.0
_SLOWEST_SHOWN = 5


def read_status(directory: str | os.PathLike) -> dict[str, Any]:
    """Counts of tasks, rate, time left, disk used and the slowest tasks.

    Content is not verified here: ``run`` and ``collect`` do that.

    Returns
    -------
    dict
        ``study``, ``title``, ``total``, ``done``, ``running``, ``failed``, ``pending``, ``tasks_per_hour`` and
        ``seconds_left`` (None unless something runs), ``disk_bytes``, ``slowest`` (lines), and ``arms``: the counts
        of each arm.

    Raises
    ------
    InputError
        If there is no campaign.
    """
    layout, study = open_campaign(directory)
    events = _Events(layout)
    shards, failures = layout.shard_identities(), layout.failure_identities()
    arms, labels = [], {}
    for arm in study.arms.values():
        row = {"arm": arm.name, "done": 0, "running": 0, "failed": 0, "pending": 0, "total": 0}
        for task in arm.tasks():
            labels[task.id] = task.label
            row["total"] += 1
            row[_state(layout, task, shards, failures, events)] += 1
        arms.append(row)
    totals = {key: sum(row[key] for row in arms) for key in ("total", "done", "running", "failed", "pending")}
    rate = events.rate() if totals["running"] else None
    left = totals["running"] + totals["pending"] - sum(events.running.values())
    slowest = sorted(((seconds, task) for task, seconds in events.seconds.items() if task in labels), reverse=True)
    return {
        "study": study.name,
        "title": study.title,
        **totals,
        "tasks_per_hour": None if rate is None else round(3600 * rate, 3),
        "seconds_left": None if not rate else round(left / rate, 1),
        "disk_bytes": layout.disk_bytes(),
        "slowest": [f"{labels[task]} {seconds:.1f} s" for seconds, task in slowest[:_SLOWEST_SHOWN]],
        "arms": arms,
    }


def _state(layout: Layout, task: Task, shards: set[str], failures: set[str], events: _Events) -> str:
    if task.id in shards and _reached(layout, task, events) >= task.last:
        return "done"
    if task.id in events.running:
        return "running"
    return "failed" if task.id in failures else "pending"


def _reached(layout: Layout, task: Task, events: _Events) -> float:
    """The length of a shard: from the journals, and from the file where no journal knows it."""
    if task.id in events.reached:
        return events.reached[task.id]
    try:
        return float(read_header(layout.shard(task.id))["last"])
    except (ResultFileError, KeyError, TypeError, ValueError):
        return -1.0


class _Events:
    """What the journals say."""

    def __init__(self, layout: Layout):
        self.running: dict[str, float] = {}  # task: fraction done
        self.reached: dict[str, float] = {}
        self.seconds: dict[str, float] = {}
        self._ends: list[float] = []
        self._first_of_running = time.time()
        for alive, events in read_journals(layout.journals):
            self._take(alive, events)

    def _take(self, alive: bool, events: list[dict[str, Any]]) -> None:
        current: tuple[str, float] | None = None
        for event in events:
            task = str(event["task"])
            if event["event"] == "start":
                current = (task, 0.0)
            elif event["event"] == "advanced":
                current = (task, float(event.get("fraction", 0.0)))
            elif task:
                current = None
            if event["event"] == DONE:
                self.reached[task] = max(self.reached.get(task, 0.0), float(event.get("last", 0.0)))
                self.seconds[task] = float(event.get("seconds", 0.0))
                self._ends.append(float(event["t"]))
        if alive:
            self._first_of_running = min(self._first_of_running, float(events[0]["t"]))
            if current is not None:
                self.running[current[0]] = current[1]

    def rate(self) -> float | None:
        """Tasks done per second of late, by the processes that run."""
        now = time.time()
        since = max(self._first_of_running, now - _RATE_WINDOW_SECONDS)
        ended = sum(end >= since for end in self._ends)
        return ended / (now - since) if ended and now > since else None
