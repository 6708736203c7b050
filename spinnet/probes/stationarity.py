"""Whether SGD has become stationary: the relation between drift and noise that a stationary state must fulfil."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError
from spinnet.landscapes.base import Landscape, SumOfTerms
from spinnet.probes.base import Memory, MemoryProbe
from spinnet.probes.pattern_gradients import noise_moments
from spinnet.records import Variable, Variables
from spinnet.waiting_times import Attainable

_NAMES = ("virial", "noise_trace", "gradient_square", "norm_square", "velocity_square")
_TOLD = {
    "virial": ("energy", "x.grad L"),
    "noise_trace": ("energy^2", "trace of the covariance of the gradients of single patterns"),
    "gradient_square": ("energy^2", "|grad L|^2"),
    "norm_square": ("1", "|x|^2"),
    "velocity_square": ("1", "|x(t + 1) - x(t)|^2"),
}


class StationarityProbe(MemoryProbe):
    """Both sides of Yaida's fluctuation–dissipation relation, in windows [t, ratio·t] of steps.

    In any stationary state of v ← m v − η ĝ, x ← x + v, with ĝ an unbiased estimate of ∇L from independent batches,

        ⟨x·∇L⟩ = (1 + m)/(2η) ⟨|v|²⟩,     without momentum  = (η/2) ⟨|∇L|² + tr C/B⟩

    exactly, at any rate and on any loss (Yaida 2019, arXiv:1810.00004). What is off is the drift of |x|². The probe
    stores both sides at each time; ``estimators.stationarity`` compares them.

    Parameters
    ----------
    windows
        Starts t of the windows in steps, increasing, 1 or more.
    points
        Times per window, evenly spaced.
    ratio
        Above 1: a window ends at ratio·t.

    Notes
    -----
    Results are ``stationarity/…`` (replica, window, point), L = E/n_terms; NaN where a window is beyond the run. |v|²
    is that of the step from each time to the next, so that two configurations are seen at every time.
    """

    requires = (SumOfTerms,)

    def __init__(self, windows: tuple[float, ...] = (100.0,), points: int = 20, ratio: float = 2.0):
        given = self.validate(windows=windows, points=points, ratio=ratio)
        self.windows, self.points, self.ratio = tuple(given["windows"]), given["points"], given["ratio"]

    @classmethod
    def validate(cls, windows, points, ratio):
        if not isinstance(windows, list | tuple | np.ndarray) or not len(windows):
            raise InputError(f"windows = {windows!r}: give a list of numbers of steps, such as [100, 1000]")
        windows = [real_number("windows", start, 1.0) for start in windows]
        if any(later <= earlier for earlier, later in pairwise(windows)):
            raise InputError(f"windows = {windows}: starts must increase")
        ratio = real_number("ratio", ratio, above=1.0)
        return {"windows": windows, "points": whole_number("points", points, 2), "ratio": ratio}

    def check_run(self, last: float, replicas: int) -> None:
        if self.windows[0] * self.ratio + 1 > last:
            raise InputError(
                f"the first window of stationarity ends at {self.windows[0] * self.ratio + 1:g}, beyond the run's "
                f"last = {last:g}: give an earlier window or a longer run"
            )

    def times(self, attainable: Attainable) -> np.ndarray:
        """Whole steps at which the two sides are taken, shape (window, point)."""
        wanted = np.array([np.linspace(start, self.ratio * start, self.points) for start in self.windows])
        moved = [float(attainable(np.array([time]))[0]) for time in wanted.ravel()]
        return np.array(moved).reshape(wanted.shape)

    def wanted_times(self, attainable: Attainable, last: float) -> np.ndarray:
        times = self.times(attainable)
        whole = times[:, -1] + 1.0 <= last * (1 + 1e-9)
        times = times[whole].ravel()
        return np.unique(np.concatenate([times, times + 1.0]))

    def begin(self, landscape: Landscape, replicas: int, attainable: Attainable) -> Memory:
        return {
            "asked": np.unique(self.times(attainable)),
            "time": np.empty(0),
            "before": np.full((replicas, landscape.space.n), np.nan),
            "values": np.empty((0, len(_NAMES), replicas)),
        }

    def observe(self, landscape: SumOfTerms, memory: Memory, time: float, x: np.ndarray) -> Memory:
        x = landscape.check(x)
        kept = dict(memory)
        times, values = memory["time"], memory["values"]
        if len(times) and times[-1] == time - 1.0:
            moved = x - memory["before"]
            values = values.copy()
            values[-1, 4] = np.einsum("ai,ai->a", moved, moved)
        if np.isin(time, memory["asked"]):
            row = np.full((len(_NAMES), len(x)), np.nan)
            sound = np.isfinite(x).all(axis=1)
            if sound.any():
                found = noise_moments(landscape, x[sound])
                row[:4, sound] = found.virial, found.trace, found.gradient_square, (x[sound] ** 2).sum(axis=1)
            times, values = np.append(times, time), np.concatenate([values, row[None]])
            kept["before"] = x
        kept["time"], kept["values"] = times, values
        return kept

    def variables(self, landscape: Landscape, memory: Memory, attainable: Attainable, last: float) -> Variables:
        times = self.times(attainable)
        replicas = memory["before"].shape[0]
        found: Variables = {
            "stationarity/window": Variable(np.array(self.windows), ("window",), "steps", "starts of the windows"),
        }
        inside = np.isin(times, memory["time"]) & (times[:, -1:] + 1.0 <= last * (1 + 1e-9))
        at = np.searchsorted(memory["time"], times[inside])
        for k, name in enumerate(_NAMES):
            data = np.full((replicas, *times.shape), np.nan)
            data[:, inside] = memory["values"][at, k].T
            unit, told = _TOLD[name]
            found[f"stationarity/{name}"] = Variable(data, ("replica", "window", "point"), unit, told)
        return found
