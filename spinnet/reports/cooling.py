"""How the final energy of a glass depends on the time that its cooling takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from spinnet.errors import InputError, NotConvergedError
from spinnet.estimators.resampling import mean_and_error
from spinnet.reports.base import Content, Report
from spinnet.reports.duration_trend import duration_trend
from spinnet.reports.glass_theory import covariance_of, refuse_field
from spinnet.reports.results import PointResults, StudyResults


class CoolingReport(Report):
    """Energy at the end of the cooling, and of the minimum below, against the duration.

    The slope de/d log₁₀(duration) is that of :mod:`spinnet.reports.duration_trend`, as for networks.

    Parameters
    ----------
    arm
        The arm, with an axis ``duration``; may be left out where there is only one.
    """

    probes: ClassVar[tuple[str, ...]] = ("energy",)
    landscapes: ClassVar[tuple[str, ...]] = ("SphericalGlass",)
    dynamics: ClassVar[tuple[str, ...]] = ("Cooling",)

    def __init__(self, arm: str = ""):
        self.arm = self.validate(arm=arm)["arm"]

    @classmethod
    def check(cls, settings: Any, arms: Any) -> None:
        """Also: the runs must reach the end of the cooling, and there must be durations to compare."""
        super().check(settings, arms)
        points = arms[cls.chosen_arm(settings, "arm", list(arms))]
        if min(physics["last"] for physics in points) < 1:
            raise InputError("the runs end before the cooling does: set the schedule's last to 1")
        if len({physics["dynamics"]["duration"] for physics in points}) < 3:
            raise InputError("give at least three durations in the ensemble: duration = [3, 10, 30]")

    @classmethod
    def check_physics(cls, arm: str, physics: Any) -> None:
        """Also: no field."""
        super().check_physics(arm, physics)
        refuse_field(arm, physics)

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`CoolingReport`. Cost: none to speak of."""
        content = Content()
        arm = self.chosen_arm({"arm": self.arm}, "arm", results.arms)
        for shared, points in results.series(arm, over="duration"):
            n = points[0].n_units
            label = ",".join(f"{name}={value}" for name, value in shared.items())
            group = f"series/{label or 'all'}"
            content.describe(group, n=n, label=label, samples=points[0].samples)
            self._series(content, group, n, points)
        _add_theory(content, results.points(arm)[0].physics)
        return content

    def _series(self, content: Content, group: str, n: int, points: list[PointResults]) -> None:
        durations = np.array([point.physics["dynamics"]["duration"] for point in points], dtype=float)
        kinds = {"energy": [_final(point) for point in points]}
        name = "inherent_structure/energy_density"
        if all(point.has(name) for point in points):
            kinds["minimum"] = [point.independent(name) for point in points]
        content.add(f"{group}/duration", durations, ("duration",), "1/rate")
        rows = [{"n": n, "duration": float(duration)} for duration in durations]
        for kind, values in kinds.items():
            means, errors = np.array([mean_and_error(one) for one in values]).T
            content.add(f"{group}/{kind}", means, ("duration",), "energy")
            content.add(f"{group}/{kind}_error", errors, ("duration",), "energy")
            for row, mean, error in zip(rows, means, errors, strict=True):
                row |= {kind: float(mean), f"{kind}_error": float(error)}
            content.findings.append(_slope(n, kind, durations, points, values))
        content.rows += rows


def _final(point: PointResults) -> np.ndarray:
    """e at the end of the cooling, a row per sample."""
    time = point.read("trajectory/time")
    return point.independent("trajectory/energy_density")[:, int(np.argmin(np.abs(time - 1.0)))]


def _slope(n: int, kind: str, durations: np.ndarray, points: list[PointResults], values: list[np.ndarray]) -> str:
    """The slope over the samples that all durations have."""
    what = "energy at the end" if kind == "energy" else "energy of the minimum below"
    numbers = [list(map(int, point.sample_numbers("trajectory"))) for point in points]
    common = sorted(set.intersection(*map(set, numbers)))
    aligned = np.array([one[[own.index(sample) for sample in common]]
                        for own, one in zip(numbers, values, strict=True)]).T  # fmt: skip
    trend = duration_trend(durations, aligned[np.isfinite(aligned).all(axis=1)])
    return f"N = {n}: {what}: {trend}" if isinstance(trend, str) else trend.sentence(f"N = {n}: the {what}")


def _add_theory(content: Content, physics: Any) -> None:
    """Threshold and ground state for N → ∞, where they are known."""
    from spinnet.theory import spherical_statics

    covariance = covariance_of(physics)
    for name in ("threshold_energy", "ground_state_energy"):
        try:
            content.describe("theory", **{name: float(getattr(spherical_statics, name)(covariance))})
        except (InputError, NotConvergedError):
            continue
