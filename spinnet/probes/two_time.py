"""Two-time observables: how much of the configuration at a waiting time is left after a delay."""

from __future__ import annotations

import numpy as np

from spinnet.errors import InputError
from spinnet.landscapes.base import Landscape
from spinnet.probes.base import Memory, MemoryProbe
from spinnet.records import Variable, Variables
from spinnet.waiting_times import Attainable, WaitingTimes


class TwoTimeProbe(MemoryProbe):
    """Correlation and mean-square displacement between t_w and t_w + t, for each replica, on any landscape.

        C(t_w + t, t_w) = x(t_w + t)·x(t_w)/n,    Δ(t_w + t, t_w) = |x(t_w + t) − x(t_w)|²/n,

    n the number of coordinates: spins of a glass, weights of a network. On the sphere Δ = 2(1 − C). On flat space the
    delay 0 holds |x(t_w)|²/n, from which |x(t_w + t)|²/n = Δ + 2C − C(t_w, t_w). The waiting time 0 gives the
    correlation with the start.

    Parameters
    ----------
    waiting_times
        Waiting times t_w, increasing, in the dynamics' unit of time.
    first, per_decade
        The delays are 0 and first·10^{k/per_decade}, as long as t_w + t lies within the run.

    Notes
    -----
    Results are ``two_time/correlation`` and ``two_time/displacement`` (replica, waiting_time, delay), NaN where
    t_w + t is beyond the run. Times are those at which configurations exist: whole steps of dynamics in steps. The
    memory holds one block of configurations per waiting time.
    """

    def __init__(self, waiting_times: tuple[float, ...] = (0.0,), first: float = 0.1, per_decade: int = 8):
        given = self.validate(waiting_times=waiting_times, first=first, per_decade=per_decade)
        self.waiting_times = tuple(given["waiting_times"])
        self.first, self.per_decade = given["first"], given["per_decade"]
        self._grid = WaitingTimes(self.waiting_times, self.first, self.per_decade)

    @classmethod
    def validate(cls, waiting_times, first, per_decade):
        return WaitingTimes.validate(waiting_times, first, per_decade)

    def check_run(self, last: float, replicas: int) -> None:
        if self.waiting_times[0] + self.first > last:
            raise InputError(
                f"waiting_times of two_time begin at {self.waiting_times[0]:g} and the first delay is {self.first:g}, "
                f"beyond the run's last = {last:g}: give earlier waiting times or a longer run"
            )

    def wanted_times(self, attainable: Attainable, last: float) -> np.ndarray:
        pairs = self._grid.pairs(attainable, last)
        return np.unique(pairs[np.isfinite(pairs)])

    def begin(self, landscape: Landscape, replicas: int, attainable: Attainable) -> Memory:
        waits = self._grid.waits(attainable)
        return {
            "waiting_time": waits,
            "reference": np.full((len(waits), replicas, landscape.space.n), np.nan),
            "time": np.empty(0),
            "correlation": np.empty((0, len(waits), replicas)),
            "displacement": np.empty((0, len(waits), replicas)),
        }

    def observe(self, landscape: Landscape, memory: Memory, time: float, x: np.ndarray) -> Memory:
        """Compare with every configuration remembered; which of these pairs are asked for is settled at the end."""
        x = landscape.check(x)
        waits, reference = memory["waiting_time"], memory["reference"]
        now = waits == time
        if now.any():
            reference = np.where(now[:, None, None], x, reference)
        n = x.shape[1]
        with np.errstate(all="ignore"):
            correlation = np.einsum("wai,ai->wa", reference, x) / n
            moved = x - reference
            displacement = np.einsum("wai,wai->wa", moved, moved) / n
        return {
            "waiting_time": waits,
            "reference": reference,
            "time": np.append(memory["time"], time),
            "correlation": np.concatenate([memory["correlation"], correlation[None]]),
            "displacement": np.concatenate([memory["displacement"], displacement[None]]),
        }

    def variables(self, landscape: Landscape, memory: Memory, attainable: Attainable, last: float) -> Variables:
        pairs = self._grid.pairs(attainable, last)
        found: Variables = {
            "two_time/waiting_time": Variable(
                memory["waiting_time"], ("waiting_time",), "1", "waiting times, in the unit of time of the dynamics"
            ),
            "two_time/delay": Variable(
                self._grid.delays(attainable, last), ("delay",), "1", "time since the waiting time, in the same unit"
            ),
        }
        told = {"correlation": "x(t_w + t).x(t_w)/n", "displacement": "|x(t_w + t) - x(t_w)|^2/n"}
        w, d = np.nonzero(np.isfinite(pairs))
        at = np.searchsorted(memory["time"], pairs[w, d])
        for name, description in told.items():
            values = np.full((memory["reference"].shape[1], *pairs.shape), np.nan)
            values[:, w, d] = memory[name][at, w].T
            found[f"two_time/{name}"] = Variable(
                values, ("replica", "waiting_time", "delay"), "1", description + "; NaN beyond the run"
            )
        return found
