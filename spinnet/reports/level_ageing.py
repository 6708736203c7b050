r"""Ageing of walks between levels: the probability to be found in the same level after a waiting time.

In a trap model of index x, Pi(t_w + t, t_w) -> H_x(t/t_w). For exponential levels x is the temperature. On Gaussian
levels with variance N/2, random hopping at times e^(gamma N) looks like a trap model of index 2 gamma/beta^2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_ndtr

from spinnet.configurable import real_number
from spinnet.errors import InputError
from spinnet.estimators.resampling import FEWEST_UNITS, jackknife, mean_and_error
from spinnet.reports.base import Content, Report
from spinnet.reports.results import PointResults, StudyResults
from spinnet.theory.trap_model import ageing_function, dynamical_index, no_jump_probability

_INDEX = (0.02, 0.98)
_LARGEST_EXACT_TIME = 1e8


class LevelAgeingReport(Report):
    """Π(t_w + t, t_w) against t/t_w for waiting times of a logarithmic schedule, beside H_x.

    Parameters
    ----------
    arm
        The arm, measured with ``level`` at the times of a logarithmic schedule.
    waiting
        Waiting times; the nearest measured ones are taken. Empty: every power of ten from which the run goes on by a
        factor of ten at least.
    longest
        Largest ratio t/t_w.
    """

    probes: ClassVar[tuple[str, ...]] = ("level",)
    landscapes: ClassVar[tuple[str, ...]] = ("RandomEnergyModel",)
    dynamics: ClassVar[tuple[str, ...]] = ("RejectionFree",)

    def __init__(self, arm: str = "", waiting: Sequence[float] = (), longest: float = 30.0):
        given = self.validate(arm=arm, waiting=waiting, longest=longest)
        self.arm, self.waiting, self.longest = given["arm"], given["waiting"], given["longest"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        if not isinstance(given["waiting"], list | tuple):
            raise InputError(f"waiting = {given['waiting']!r}: give a list of times")
        given["waiting"] = sorted(real_number("waiting", time, above=0.0) for time in given["waiting"])
        given["longest"] = real_number("longest", given["longest"], above=1.0)
        return given

    @classmethod
    def check_physics(cls, arm: str, physics: Mapping[str, Any]) -> None:
        super().check_physics(arm, physics)
        if physics["schedule"]["kind"] != "log":
            raise InputError(f"arm {arm}: ratios of times need a schedule of the kind 'log'")

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`LevelAgeingReport`."""
        content = Content()
        arm = self.chosen_arm({"arm": self.arm}, "arm", results.arms)
        for number, point in enumerate(results.points(arm)):
            self._point(content, f"point/{number}", point)
        return content

    def _point(self, content: Content, group: str, point: PointResults) -> None:
        landscape, dynamics = point.physics["landscape"], point.physics["dynamics"]
        time, level = point.read("trajectory/time"), point.read("trajectory/level")
        units, temperature = len(level), float(dynamics["temperature"])
        traps = landscape.get("distribution") == "exponential" and dynamics["rule"] == "trap"
        content.describe(group, label=point.label, samples=units, temperature=temperature, n=int(landscape["n"]),
                         rule=str(dynamics["rule"]))  # fmt: skip
        lines = []
        for place, k in enumerate(self._waiting_times(time)):
            later = np.flatnonzero((time > time[k]) & (time <= time[k] * (1 + self.longest)))
            waited, ratio = float(time[k]), time[later] / time[k] - 1.0
            # one row per sample: its replicas are averaged
            same = (level[:, :, later] == level[:, :, k : k + 1]).mean(axis=1)
            mean, error = mean_and_error(same)
            where = f"{group}/waiting/{place}"
            content.add(f"{where}/ratio", ratio, ("ratio",), "1", "t/t_w")
            content.add(f"{where}/probability", mean, ("ratio",), "1", "same level after t_w and t_w + t")
            content.add(f"{where}/probability_error", error, ("ratio",))
            predicted = _predicted_index(landscape, dynamics, waited)
            finite = _finite_index(landscape, dynamics, waited)
            found, found_error = _fitted_index(ratio, same)
            content.describe(where, waiting_time=waited, predicted_index=predicted, finite_index=finite,
                             fitted_index=found, fitted_index_error=found_error)  # fmt: skip
            if 0.0 < predicted < 1.0:
                content.add(f"{where}/limit", ageing_function(ratio, predicted), ("ratio",), "1", "H_x(t/t_w)")
            row = {"point": point.label, "waiting_time": waited, "x_fitted": found, "x_error": found_error,
                   "x_limit": predicted}  # fmt: skip
            one = int(np.argmin(np.abs(ratio - 1.0)))
            row |= {"ratio": float(ratio[one]), "probability": float(mean[one]), "p_error": float(error[one])}
            z = math.nan
            if traps and time[later[-1]] <= _LARGEST_EXACT_TIME and temperature < 1.0:
                exact = np.asarray(no_jump_probability(waited, ratio * waited, temperature))
                content.add(f"{where}/exact", exact, ("ratio",), "1", "trap model at these times")
                spread = np.sqrt(np.maximum(exact * (1 - exact) / level[:, :, 0].size, error**2))
                z = float(np.abs((mean - exact) / spread).max())
                row["largest_z"] = z
            else:
                row["largest_z"] = None
            content.rows.append(row)
            lines.append((waited, found, found_error, predicted, finite, z))
        content.findings.append(_finding(point.label, lines, traps))

    def _waiting_times(self, time: NDArray) -> list[int]:
        wanted = list(self.waiting)
        if not wanted:
            last = time[-1] / 10.0
            wanted = list(10.0 ** np.arange(math.ceil(math.log10(max(time[1], 1.0)) - 1e-9), math.log10(last) + 1e-9))
        chosen = {int(np.argmin(np.abs(np.log(np.maximum(time, 1e-300)) - math.log(w)))) for w in wanted}
        chosen = sorted(k for k in chosen if 0 < k < len(time) - 2)
        if not chosen:
            raise InputError(f"no waiting time leaves room for a later one in runs up to t = {time[-1]:g}")
        return chosen


def _predicted_index(landscape: Mapping[str, Any], dynamics: Mapping[str, Any], waited: float) -> float:
    """x of the limit: T on exponential levels, 2γ/β² on Gaussian ones with γ = ln t_w/N."""
    temperature = float(dynamics["temperature"])
    if landscape.get("distribution") == "exponential":
        return temperature
    try:
        return dynamical_index(math.log(max(waited, 1.0)) / int(landscape["n"]), 1.0 / temperature)
    except InputError:  # too early or too late to age
        return math.nan


def _finite_index(landscape: Mapping[str, Any], dynamics: Mapping[str, Any], waited: float) -> float:
    """The local exponent of the holding times at t_w for N levels: the slope of −ln P(E < −ln t_w/β) in ln t_w."""
    temperature = float(dynamics["temperature"])
    if landscape.get("distribution") == "exponential":
        return temperature
    sigma = math.sqrt(0.5 * int(landscape["n"]))
    z = temperature * math.log(max(waited, 1.0)) / sigma
    hazard = math.exp(-0.5 * z * z - 0.5 * math.log(2 * math.pi) - float(log_ndtr(-z)))
    return hazard * temperature / sigma


def _fitted_index(ratio: NDArray, same: NDArray) -> tuple[float, float]:
    """x of the H_x that is nearest in the mean square, with its jackknife error over samples."""
    grid = np.linspace(*_INDEX, 97)
    table = np.array([ageing_function(ratio, x) for x in grid])

    def nearest(rows: NDArray) -> float:
        mean = rows.mean(axis=0)
        k = int(np.argmin(((table - mean) ** 2).sum(axis=1)))
        low, high = grid[max(k - 1, 0)], grid[min(k + 1, len(grid) - 1)]
        found = minimize_scalar(
            lambda x: float(((ageing_function(ratio, x) - mean) ** 2).sum()), bounds=(low, high), method="bounded",
            options={"xatol": 1e-5},
        )  # fmt: skip
        return float(found.x)

    if len(same) < FEWEST_UNITS:
        return nearest(same), math.nan
    # blocks of samples: the fit is repeated for each
    blocks = np.array_split(same, min(len(same), 20))
    means = np.array([block.mean(axis=0) for block in blocks])
    estimate = jackknife(nearest, means)
    return float(estimate.value), float(estimate.error)


def _finding(label: str, lines: Sequence[tuple[float, ...]], traps: bool) -> str:
    parts = []
    for waited, found, error, predicted, finite, _ in lines:
        limit = f"limit {predicted:.3f}" if traps else f"2γ/β² = {predicted:.3f}, slope at this N {finite:.3f}"
        parts.append(f"t_w = {waited:.3g}: x = {found:.3f} ± {error:.3f} ({limit})")
    tested = [line for line in lines if np.isfinite(line[5])]
    check = ""
    if tested:
        worst = max(line[5] for line in tested)
        verdict = "meets" if worst < 4 else "MISSES"
        check = f"; Π {verdict} the exact trap model at {len(tested)} waiting times with |z| ≤ {worst:.1f}"
    return f"{label}: fitted index of H_x, {'; '.join(parts)}{check}"
