"""Append-only lists of events, one per worker process: what ``status`` reads beside the directory listings.

Each line is a JSON object with ``t`` (seconds since 1970), ``event`` and ``task``. A journal has one writer; a line
that was cut short by a crash or a full disk is skipped. Nothing but ``status`` depends on journals.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spinnet.results.storage import is_alive

# A worker elsewhere is believed to live for this long after its last line.
_SILENCE_SECONDS = 600.0


class Journal:
    """The events of this process."""

    def __init__(self, folder: Path):
        started = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        self._path = folder / f"{started}.{socket.gethostname()}.{os.getpid()}.jsonl"

    def write(self, event: str, task: str = "", **more: Any) -> None:
        """Append one event; a disk that refuses is the business of the result files, not of this one."""
        line = json.dumps({"t": round(time.time(), 3), "event": event, "task": task, **more})
        with contextlib.suppress(OSError), open(self._path, "a", encoding="utf-8") as file:
            file.write(line + "\n")


def read_journals(folder: Path) -> Iterator[tuple[bool, list[dict[str, Any]]]]:
    """For each journal: whether its process is believed to be alive, and its events in order."""
    for path in sorted(folder.glob("*.jsonl")):
        events = []
        with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                with contextlib.suppress(ValueError):
                    event = json.loads(line)
                    if isinstance(event, dict) and {"t", "event", "task"} <= set(event):
                        events.append(event)
        yield _is_written(path, events), events


def _is_written(path: Path, events: list[dict[str, Any]]) -> bool:
    """Whether the writer of a journal still lives."""
    if not events or events[-1]["event"] == "left":
        return False
    _, _, rest = path.stem.partition(".")
    host, _, process = rest.rpartition(".")
    if host != socket.gethostname() or not process.isdigit():
        return abs(time.time() - events[-1]["t"]) < _SILENCE_SECONDS
    return is_alive(int(process))
