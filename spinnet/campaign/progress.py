"""What a run tells the person who waits. How it looks is the business of the caller."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives the events of a run, in the process and thread that called it."""

    def started(self, total: int, already_done: int) -> None:
        """``total`` tasks exist, of which ``already_done`` are finished."""

    def advanced(self, task: str, fraction: float) -> None:
        """A running task has reached ``fraction`` of its run."""

    def finished(self, task: str) -> None:
        """A task is over: done or failed."""

    def message(self, text: str) -> None:
        """A line worth reading."""


class Silent:
    """Tells nothing."""

    def started(self, total: int, already_done: int) -> None:
        pass

    def advanced(self, task: str, fraction: float) -> None:
        pass

    def finished(self, task: str) -> None:
        pass

    def message(self, text: str) -> None:
        pass
