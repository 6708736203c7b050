"""When things are measured. Grids are prefix-stable: a longer run measures at the same times, then at more."""

from __future__ import annotations

import numpy as np

from spinnet.configurable import Configurable, real_number, whole_number


class LogSchedule(Configurable):
    """Times first·10^{k/per_decade}, k = 0, 1, …, up to and including ``last``; time zero is measured too.

    Parameters
    ----------
    first, last
        First measured time after zero and the length of the run, in the dynamics' unit of time.
    per_decade
        Measurements per factor of ten.
    """

    def __init__(self, first: float = 0.01, last: float = 100.0, per_decade: int = 8):
        given = self.validate(first=first, last=last, per_decade=per_decade)
        self.first, self.last, self.per_decade = given["first"], given["last"], given["per_decade"]

    @classmethod
    def validate(cls, first, last, per_decade):
        first = real_number("first", first, above=0.0)
        return {
            "first": first,
            "last": real_number("last", last, first),
            "per_decade": whole_number("per_decade", per_decade, 1),
        }

    def time(self, k: np.ndarray) -> np.ndarray:
        """The k-th measuring time, also beyond ``last``: what a longer run would measure next."""
        k = np.asarray(k)
        return np.where(k == 0, 0.0, self.first * 10.0 ** ((k - 1) / self.per_decade))

    def times(self) -> np.ndarray:
        """All measuring times of the run, increasing, starting with 0."""
        return self.time(np.arange(self.count))

    @property
    def count(self) -> int:
        """Number of measuring times."""
        return int(np.floor(np.log10(self.last / self.first) * self.per_decade + 1e-9)) + 2


class LinearSchedule(Configurable):
    """Times 0, every, 2·every, … up to and including ``last``."""

    def __init__(self, every: float = 1.0, last: float = 100.0):
        given = self.validate(every=every, last=last)
        self.every, self.last = given["every"], given["last"]

    @classmethod
    def validate(cls, every, last):
        every = real_number("every", every, above=0.0)
        return {"every": every, "last": real_number("last", last, every)}

    def time(self, k: np.ndarray) -> np.ndarray:
        """The k-th measuring time, also beyond ``last``: what a longer run would measure next."""
        return self.every * np.asarray(k)

    def times(self) -> np.ndarray:
        """All measuring times of the run, increasing, starting with 0."""
        return self.time(np.arange(self.count))

    @property
    def count(self) -> int:
        """Number of measuring times."""
        return int(np.floor(self.last / self.every + 1e-9)) + 1


SCHEDULES = {"log": LogSchedule, "linear": LinearSchedule}
