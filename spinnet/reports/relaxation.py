r"""Relaxation of the energy of a glass, its sizes extrapolated and laid beside the N → ∞ dynamics.

At a fixed time the energy density has a correction of relative order 1/N, and its variance over disorder is of order
1/N (self-averaging): :math:`e_N(t) = e(t) + b(t)/N + \dots`, :math:`\mathrm{Var}\, e_N(t) = v(t)/N`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import real_number
from spinnet.errors import InputError, NotConvergedError
from spinnet.estimators.resampling import mean_and_error
from spinnet.estimators.scaling import extrapolate, fit_power_law
from spinnet.reports.base import Content, Report
from spinnet.reports.glass_theory import CLOCKED, infinite_size, refuse_field
from spinnet.reports.results import PointResults, StudyResults, shared_label
from spinnet.reports.verdicts import LimitTest, judge_limits


class RelaxationReport(Report):
    """e(t) at every size, its limit from a + b/N at chosen times, and the N → ∞ theory.

    Parameters
    ----------
    arm
        The arm; may be left out where there is only one.
    times
        When the sizes are extrapolated; empty takes the decades 1, 10, … within the run and its end.
    tolerance
        Error asked of the theory.
    """

    probes: ClassVar[tuple[str, ...]] = ("energy",)
    landscapes: ClassVar[tuple[str, ...]] = ("SphericalGlass",)
    dynamics: ClassVar[tuple[str, ...]] = CLOCKED

    def __init__(self, arm: str = "", times: Sequence[float] = (), tolerance: float = 1e-5):
        given = self.validate(arm=arm, times=times, tolerance=tolerance)
        self.arm, self.times, self.tolerance = given["arm"], given["times"], given["tolerance"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        if not isinstance(given["times"], list | tuple):
            raise InputError(f"times = {given['times']!r}: give a list of times")
        given["times"] = sorted(real_number("times", time, above=0.0) for time in given["times"])
        given["tolerance"] = real_number("tolerance", given["tolerance"], 1e-8)
        return given

    @classmethod
    def check_physics(cls, arm: str, physics: Mapping[str, Any]) -> None:
        super().check_physics(arm, physics)
        refuse_field(arm, physics)

    @classmethod
    def check(cls, settings: Any, arms: Any) -> None:
        """Also: the runs must reach the times asked for."""
        super().check(settings, arms)
        last = min(physics["last"] for physics in arms[cls.chosen_arm(settings, "arm", list(arms))])
        if settings["times"] and max(settings["times"]) > last * (1 + 1e-9):
            raise InputError(f"times = {max(settings['times']):g} lies beyond the end of the runs, last = {last:g}")

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`RelaxationReport`. Cost: that of the theory, some ten seconds for t = 1000."""
        content = Content()
        arm = self.chosen_arm({"arm": self.arm}, "arm", results.arms)
        for number, (shared, points) in enumerate(results.series(arm)):
            self._series(content, str(number), shared, points, tell)
        return content

    def _series(self, content: Content, number: str, shared, points: list[PointResults], tell) -> None:
        label = shared_label(shared)
        curves = [_curve(point) for point in points]
        time = curves[-1][0]
        moments = _moments(time, self.times)
        tell(f"theory up to t = {time[-1]:g}")
        grid = np.unique(np.concatenate([np.geomspace(max(time[1], 1e-3), time[-1], 120), moments]))
        theory = infinite_size(points[0].physics, grid, tolerance=self.tolerance)
        group = f"series/{number}"
        content.describe(group, label=label, solver=theory.message, converged=int(theory.converged))
        content.add(f"{group}/theory_time", theory.time, ("theory_time",), "1/rate")
        content.add(f"{group}/theory_energy_density", theory.energy_density, ("theory_time",), "energy")
        content.add(f"{group}/theory_error", theory.error_estimate, ("theory_time",), "energy")
        for point, (clock, values) in zip(points, curves, strict=True):
            mean, error = mean_and_error(values)
            place = f"{group}/n={point.n_units}"
            content.describe(place, n=point.n_units, samples=len(values))
            content.add(f"{place}/time", clock, ("time",), str(point.attributes.get("time_unit", "1")))
            content.add(f"{place}/energy_density", mean, ("time",), "energy")
            content.add(f"{place}/energy_density_error", error, ("time",), "energy")
            content.add(f"{place}/variance", values.var(axis=0, ddof=1), ("time",), "energy^2")
        self._limits(content, group, label, points, curves, moments, theory)
        _self_averaging(content, group, label, points, curves, moments[-1])

    def _limits(self, content: Content, group: str, label: str, points, curves, moments, theory) -> None:
        """a + b/N at each of the moments, and how far a is from theory."""
        sizes = np.array([point.n_units for point in points], dtype=float)
        rows = []
        for moment in moments:
            at = [mean_and_error(values[:, _index(time, moment)]) for time, values in curves]
            means, errors = np.array([m for m, _ in at]), np.array([e for _, e in at])
            known = theory.energy_density[np.argmin(np.abs(theory.time - moment))]
            wrong = theory.energy_error[np.argmin(np.abs(theory.time - moment))]
            row = {"series": label, "time": float(moment), "largest_n": int(sizes[-1]),
                   "energy": float(means[-1]), "energy_error": float(errors[-1])}  # fmt: skip
            fit = _fit(sizes, means, errors)
            if fit is not None:
                z = (fit.limit - known) / np.hypot(fit.limit_error, wrong)
                row |= {"limit": fit.limit, "limit_error": fit.limit_error, "fit_p_value": fit.p_value,
                        "theory": float(known), "z": float(z)}  # fmt: skip
            else:
                row |= {"limit": None, "limit_error": None, "fit_p_value": None, "theory": float(known), "z": None}
            rows.append(row)
            content.rows.append({key: value for key, value in row.items() if label or key != "series"})
        for name in ("time", "energy", "energy_error", "limit", "limit_error", "fit_p_value", "theory", "z"):
            values = [np.nan if row[name] is None else row[name] for row in rows]
            content.add(f"{group}/{name}", values, ("moment",))
        content.findings.append(_verdict(rows, label, len(set(sizes))))


def _verdict(rows, label: str, sizes: int) -> str:
    where = f"{label}: " if label else ""
    tested = [row for row in rows if row["z"] is not None]
    if not tested:
        return (
            f"{where}{sizes} sizes: at least three, each with an error, are needed to extrapolate to N → ∞ and to test "
            "the fit"
        )
    tests = [LimitTest(f"t = {row['time']:.3g}", row["z"], row["fit_p_value"]) for row in tested]
    what = f"the extrapolation a + b/N over {sizes} sizes"
    return where + judge_limits(tests, what, "the N → ∞ theory", "at {} times")


def _self_averaging(content: Content, group: str, label: str, points, curves, moment: float) -> None:
    """Exponent of the variance over disorder against N; −1 for a self-averaging energy density."""
    sizes = np.array([point.n_units for point in points], dtype=float)
    values = [v[:, _index(time, moment)] for time, v in curves]
    variances = np.array([v.var(ddof=1) for v in values])
    errors = variances * np.sqrt(2.0 / np.array([max(len(v) - 1, 1) for v in values]))
    try:
        fit = fit_power_law(sizes, variances, errors)
    except (InputError, NotConvergedError):
        return
    content.describe(group, variance_exponent=fit.exponent, variance_exponent_error=fit.exponent_error,
                     variance_time=float(moment))  # fmt: skip
    content.findings.append(
        f"{label + ': ' if label else ''}variance of e over disorder at t = {moment:.3g} falls as "
        f"N^({fit.exponent:.2f} ± {fit.exponent_error:.2f}); self-averaging is −1"
    )


def _curve(point: PointResults) -> tuple[np.ndarray, np.ndarray]:
    return point.read("trajectory/time"), point.independent("trajectory/energy_density")


def _moments(time: np.ndarray, wanted: Sequence[float]) -> np.ndarray:
    """The measured times nearest to those wanted."""
    if not len(wanted):
        decades = 10.0 ** np.arange(np.ceil(np.log10(max(time[1], 1.0)) - 1e-9), np.log10(time[-1]) + 1e-9)
        wanted = [*decades, time[-1]]
    # The last measurement may lie a step of the schedule before the end that was asked for.
    if max(wanted) > time[-1] ** 2 / time[-2] * (1 + 1e-9):
        raise InputError(f"times = {max(wanted):g} lies beyond the end of the runs, t = {time[-1]:g}")
    return np.unique([time[_index(time, moment)] for moment in wanted])


def _index(time: np.ndarray, moment: float) -> int:
    return int(np.argmin(np.abs(np.log(np.maximum(time, 1e-300)) - np.log(moment))))


def _fit(sizes, means, errors):
    if len(np.unique(sizes)) < 3 or not (np.isfinite(errors) & (errors > 0)).all():
        return None
    return extrapolate(sizes, means, errors)
