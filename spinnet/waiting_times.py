"""Pairs of times (t_w, t_w + t): at which ages a system is looked at, and after which delays it is compared with them.

A grid is prefix-stable: a longer run has the same pairs and then more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError

#: Given increasing times, those at which configurations exist; see ``Dynamics.attainable``.
Attainable = Callable[[np.ndarray], np.ndarray]

_ROUNDING = 1e-9  # of the length of a run: a time this close to its end belongs to it


@dataclass(frozen=True)
class WaitingTimes:
    """Waiting times t_w with the delays t = 0 and first·10^{k/per_decade}, k = 0, 1, …, common to all of them.

    Where configurations exist at some times only (whole steps), t_w and t are moved there first, so that t_w + t is
    such a time too and every t_w has the same delays.

    Attributes
    ----------
    waiting_times : tuple of float
        Increasing, 0 or more; 0 compares with the start.
    first : float
        First delay after zero.
    per_decade : int
        Delays per factor of ten.
    """

    waiting_times: tuple[float, ...]
    first: float
    per_decade: int

    @staticmethod
    def validate(waiting_times: Any, first: Any, per_decade: Any) -> dict[str, Any]:
        """The three parameters, checked.

        Raises
        ------
        InputError
            For waiting times that are not an increasing list of numbers from 0, a first delay that is not positive, or
            a number per decade below 1.
        """
        if not isinstance(waiting_times, list | tuple | np.ndarray) or not len(waiting_times):
            raise InputError(f"waiting_times = {waiting_times!r}: give a list of times, such as [0, 1, 10]")
        waits = [real_number("waiting_times", wait, 0.0) for wait in waiting_times]
        if any(later <= earlier for earlier, later in pairwise(waits)):
            raise InputError(f"waiting_times = {waits}: times must increase")
        return {
            "waiting_times": waits,
            "first": real_number("first", first, above=0.0),
            "per_decade": whole_number("per_decade", per_decade, 1),
        }

    def waits(self, attainable: Attainable) -> np.ndarray:
        """The waiting times at which configurations exist, shape ``(n_waits,)``."""
        return _moved(attainable, self.waiting_times)

    def delays(self, attainable: Attainable, last: float) -> np.ndarray:
        """The delays that fit between the first waiting time and ``last``, increasing from 0; at least that one."""
        longest = last * (1.0 + _ROUNDING) - self.waits(attainable)[0]
        count = int(np.floor(np.log10(max(longest / self.first, 1e-300)) * self.per_decade)) + 2
        wanted = self.first * 10.0 ** (np.arange(max(count, 0)) / self.per_decade)
        delays = np.unique(_moved(attainable, [0.0, *wanted]))
        return delays[(delays <= longest) | (delays == 0.0)]

    def pairs(self, attainable: Attainable, last: float) -> np.ndarray:
        """The times t_w + t, shape ``(n_waits, n_delays)``; NaN where they lie beyond ``last``."""
        times = self.waits(attainable)[:, None] + self.delays(attainable, last)
        times = _moved(attainable, times.ravel()).reshape(times.shape)
        return np.where(times <= last * (1.0 + _ROUNDING), times, np.nan)


def _moved(attainable: Attainable, times: Iterable[float]) -> np.ndarray:
    """Each time by itself: the rule drops doubles. (Adding zero takes the sign off a zero.)"""
    return np.array([float(attainable(np.array([time]))[0]) + 0.0 for time in times])
