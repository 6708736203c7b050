"""The measuring times of a run: those of its schedule and those that probes with a memory ask for, in one order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from spinnet.probes.base import MemoryProbe
from spinnet.waiting_times import Attainable

_ROUNDING = 1e-9  # of the length of a run: a time this close to its end belongs to it


class Agenda:
    """Increasing times up to the end of a run, and who measures at each; prefix-stable when the run becomes longer.

    Parameters
    ----------
    schedule
        With ``times()``, ``time(k)`` for any k, and ``last``.
    attainable
        The rule by which times are moved to where configurations exist.
    probes
        Those with times of their own, by name.

    Attributes
    ----------
    times : ndarray (n,)
        All measuring times, increasing.
    scheduled : ndarray (n,) of bool
        Those of the schedule.
    asked : dict of ndarray (n,) of bool
        Those of each probe.
    """

    def __init__(self, schedule: Any, attainable: Attainable, probes: Mapping[str, MemoryProbe]):
        self._schedule, self._attainable, self._probes = schedule, attainable, dict(probes)
        own = attainable(schedule.times())
        # Rounding to whole steps may move the end: what is measured there belongs to this run for all who ask.
        end = max(float(own[-1]), schedule.last * (1.0 + _ROUNDING))
        asked = {name: self._times_of(probe, end) for name, probe in self._probes.items()}
        self.times = np.unique(np.concatenate([own, *asked.values()]))
        self.scheduled = np.isin(self.times, own)
        self.asked = {name: np.isin(self.times, times) for name, times in asked.items()}
        self._horizon, self._known = end, self.times

    def time(self, k: np.ndarray) -> np.ndarray:
        """The k-th measuring time, also beyond the end: what a longer run would measure next."""
        k = np.asarray(k)
        while k.max(initial=0) >= len(self._known):
            self._look_further()
        return self._known[k]

    def _times_of(self, probe: MemoryProbe, end: float) -> np.ndarray:
        times = np.asarray(probe.wanted_times(self._attainable, end), dtype=np.float64)
        return times[times <= end]

    def _look_further(self) -> None:
        self._horizon *= 2.0
        count = 16
        while self._schedule.time(count - 1) <= self._horizon:
            count *= 2
        own = self._attainable(self._schedule.time(np.arange(count)))
        asked = [self._times_of(probe, self._horizon) for probe in self._probes.values()]
        known = np.unique(np.concatenate([own[own <= self._horizon], *asked]))
        if not np.array_equal(known[: len(self.times)], self.times):
            raise RuntimeError("measuring times of a longer run do not begin with those of this one")
        self._known = known
