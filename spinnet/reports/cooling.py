"""How the final energy of a glass depends on the time that its cooling takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from spinnet.errors import InputError, NotConvergedError
from spinnet.estimators.resampling import mean_and_error
from spinnet.reports.base import Content, Report
from spinnet.reports.glass_theory import covariance_of, refuse_field
from spinnet.reports.results import PointResults, StudyResults


class CoolingReport(Report):
    """Energy at the end of the cooling, and of the minimum below, against the duration.

    The slope de/d log₁₀(duration) is taken sample by sample, because all durations share their disorder; its error is
    that of the mean over samples. The null is a slope of zero.

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
    numbers = [set(map(int, point.read("trajectory/sample"))) for point in points]
    common = sorted(set.intersection(*numbers))
    if len(common) < 5:
        return f"N = {n}: {len(common)} samples are common to all durations: a slope of the {what} needs five"
    aligned = np.array([
        one[[list(map(int, point.read("trajectory/sample"))).index(sample) for sample in common]]
        for point, one in zip(points, values, strict=True)
    ])  # fmt: skip
    x = np.log10(durations)
    slopes = ((x - x.mean()) @ aligned) / ((x - x.mean()) ** 2).sum()
    slope, error = mean_and_error(slopes)
    half = len(x) // 2
    late = (aligned[-1] - aligned[half]) / (x[-1] - x[half])
    bend, bend_error = mean_and_error(late - slopes)
    sure = "falls" if slope < -4 * error else "shows no certain change"
    bent = "; the slope lessens" if bend > 4 * bend_error else "; no bend is seen"
    return (
        f"N = {n}: the {what} {sure} with the duration: {slope:.4f} ± {error:.4f} per factor of ten between "
        f"{durations[0]:g} and {durations[-1]:g}{bent} (late less mean slope {bend:.4f} ± {bend_error:.4f})"
    )


def _add_theory(content: Content, physics: Any) -> None:
    """Threshold and ground state for N → ∞, where they are known."""
    from spinnet.theory import spherical_statics

    covariance = covariance_of(physics)
    for name in ("threshold_energy", "ground_state_energy"):
        try:
            content.describe("theory", **{name: float(getattr(spherical_statics, name)(covariance))})
        except (InputError, NotConvergedError):
            continue
