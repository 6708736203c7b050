"""Signals become a count that is looked up: once means stop with checkpoints, twice means stop now."""

from __future__ import annotations

import signal
import threading
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP")  # SIGHUP: the terminal was closed


class Interrupts:
    """Counts Ctrl-C, SIGTERM, SIGUSR1 and SIGHUP while the block runs, and puts the old handlers back.

    Outside the main thread no handler can be set; :attr:`count` then stays at zero.
    """

    def __init__(self):
        self.count = 0
        #: Names of the signals that came.
        self.names: list[str] = []
        self._previous: dict[int, object] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for name in _NAMES:
                if hasattr(signal, name):
                    number = getattr(signal, name)
                    self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.names.append(signal.Signals(number).name)
        self.count += 1
