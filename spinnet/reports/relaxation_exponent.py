r"""Energy against log t: the exponent of :math:`e_\infty + A t^{-a}`, its nulls, and the exponent of N → ∞.

A pure power holds only for t → ∞. Beside each fitted exponent stands therefore that of the Cugliandolo–Kurchan energy,
fitted in the same way at the same times; the asymptotic one, where it is known, is a third number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import real_number
from spinnet.errors import InputError, SpinnetError
from spinnet.estimators.relaxation_fit import (
    LARGEST_MISFIT,
    SHORTEST_SPAN,
    RelaxationFit,
    fit_relaxation,
    power_of_curve,
)
from spinnet.estimators.resampling import FEWEST_UNITS, mean_and_error
from spinnet.estimators.scaling import extrapolate
from spinnet.reports.base import Content, Report
from spinnet.reports.glass_theory import (
    CLOCKED,
    covariance_of,
    infinite_size,
    refuse_field,
    starting_point,
    temperature_of,
)
from spinnet.reports.results import PointResults, StudyResults, shared_label
from spinnet.reports.verdicts import REJECTED_FIT
from spinnet.theory.covariance import Covariance
from spinnet.theory.spherical_ageing import ageing_state, threshold_energy
from spinnet.theory.spherical_transitions import dynamic_transition

_DECISIVE = 4.0


class RelaxationExponentReport(Report):
    """The exponent of e(t) at every size beside an exponential, a logarithm, and the N → ∞ theory.

    Parameters
    ----------
    arm
        The arm; may be left out where there is only one.
    start, end
        Window of times of the fits, a factor of ten at least; ``end`` = 0 is the end of the runs.
    limit
        "theory": e_∞ is the energy of theory for t → ∞, where it is known (pure models from a random start);
        "fit": it is fitted, with much larger errors.
    tolerance
        Error asked of the theory.
    """

    probes: ClassVar[tuple[str, ...]] = ("energy",)
    landscapes: ClassVar[tuple[str, ...]] = ("SphericalGlass",)
    dynamics: ClassVar[tuple[str, ...]] = CLOCKED

    def __init__(
        self, arm: str = "", start: float = 1.0, end: float = 0.0, limit: str = "theory", tolerance: float = 1e-5
    ):
        given = self.validate(arm=arm, start=start, end=end, limit=limit, tolerance=tolerance)
        self.arm, self.limit, self.tolerance = given["arm"], given["limit"], given["tolerance"]
        self.start, self.end = given["start"], given["end"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        given["start"] = real_number("start", given["start"], above=0.0)
        given["end"] = real_number("end", given["end"], 0.0)
        if given["end"] and given["end"] < SHORTEST_SPAN * given["start"]:
            raise InputError(
                f"the window from {given['start']:g} to {given['end']:g} is shorter than a factor of {SHORTEST_SPAN:g}"
            )
        if given["limit"] not in ("theory", "fit"):
            raise InputError(f"limit = {given['limit']!r}: give theory or fit")
        given["tolerance"] = real_number("tolerance", given["tolerance"], 1e-8)
        return given

    @classmethod
    def check_physics(cls, arm: str, physics: Mapping[str, Any]) -> None:
        super().check_physics(arm, physics)
        refuse_field(arm, physics)

    @classmethod
    def check(cls, settings: Mapping[str, Any], arms: Any) -> None:
        """Also: the runs must hold the window."""
        super().check(settings, arms)
        last = min(physics["last"] for physics in arms[cls.chosen_arm(settings, "arm", list(arms))])
        needed = max(settings["end"], SHORTEST_SPAN * settings["start"])
        if needed > last * (1 + 1e-9):
            raise InputError(f"the window of the fit reaches t = {needed:g}, beyond the runs, last = {last:g}")

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`RelaxationExponentReport`. Cost: that of the theory."""
        content = Content()
        arm = self.chosen_arm({"arm": self.arm}, "arm", results.arms)
        for number, (shared, points) in enumerate(results.series(arm)):
            self._series(content, f"series/{number}", shared_label(shared), points, tell)
        return content

    def _series(self, content: Content, group: str, label: str, points: list[PointResults], tell) -> None:
        physics = points[0].physics
        covariance, temperature = covariance_of(physics), temperature_of(physics)
        late = final_energy(covariance, temperature) if _random_start(physics) else math.nan
        asymptotic = final_exponent(covariance, temperature) if _random_start(physics) else math.nan
        limit = late if self.limit == "theory" and math.isfinite(late) else None
        start = f"{label}: " if label else ""
        if self.limit == "theory" and limit is None:
            content.findings.append(f"{start}the energy for t → ∞ is not known for this model and start: it is fitted")
        time = points[-1].read("trajectory/time")
        time = time[time > 0]
        tell(f"theory up to t = {time[-1]:g}")
        theory = infinite_size(physics, time, tolerance=self.tolerance)
        content.describe(group, label=label, temperature=temperature, final_energy=late, asymptotic=asymptotic,
                         threshold=_or_nan(threshold_energy, covariance), solver=theory.message,
                         start=self.start, end=self.end or float(time[-1]))  # fmt: skip
        content.add(f"{group}/theory_time", time, ("theory_time",), "1/rate")
        content.add(f"{group}/theory_energy_density", theory.energy_density, ("theory_time",), "energy")
        rows = []
        for point in points:
            rows.append(self._point(content, f"{group}/n={point.n_units}", point, theory, limit))
            content.findings.append(start + _told(rows[-1], temperature))
            content.findings += [start + line for line in _inherent(content, f"{group}/n={point.n_units}", point,
                                                                    content.groups[group]["threshold"])]  # fmt: skip
        curves = [_Curve(point) for point in points]
        ends = self.start, self.end or np.inf
        content.findings += [
            start + line for line in _limit_exponent(content, group, curves, theory, *ends, limit)
        ]
        if math.isfinite(asymptotic) and rows[-1]["theory_exponent"] is not None:
            content.findings.append(
                f"{start}for t → ∞ theory has the exponent {asymptotic:.3f}; in this window its own curve has "
                f"{rows[-1]['theory_exponent']:.3f}"
            )
        shown = ("n", "samples", "exponent", "exponent_error", "verdict", "misfit_power", "misfit_exponential",
                 "misfit_logarithm", "theory_exponent", "z")  # fmt: skip
        for row in rows:
            own = {name: row[name] for name in shown} | {"asymptotic": _number(asymptotic)}
            content.rows.append({"series": label, **own} if label else own)

    def _point(self, content: Content, place: str, point: PointResults, theory, limit) -> dict[str, Any]:
        curve = _Curve(point)
        time, values = curve.time, curve.values
        mean, error = mean_and_error(values)
        end = self.end or np.inf
        content.add(f"{place}/time", time, ("time",), "1/rate")
        content.add(f"{place}/energy_density", mean, ("time",), "energy")
        content.add(f"{place}/energy_density_error", error, ("time",), "energy")
        row = {"n": point.n_units, "samples": len(values), "exponent": None, "exponent_error": None, "verdict": "",
               "misfit_power": None, "misfit_exponential": None, "misfit_logarithm": None, "theory_exponent": None,
               "z": None, "missing": "", "preference": {}}  # fmt: skip
        try:
            fit = fit_relaxation(time, values, self.start, end, limit)
            same = np.interp(np.log(time), np.log(theory.time), theory.energy_density)
            level, amplitude, exponent = power_of_curve(time, same, error, self.start, end, limit)
        except InputError as caught:
            content.describe(place, n=point.n_units, samples=len(values), verdict="none")
            return row | {"missing": str(caught)}
        content.describe(place, n=point.n_units, samples=len(values), verdict=fit.verdict, limit=fit.limit,
                         amplitude=fit.amplitude, exponent=fit.exponent, exponent_error=fit.exponent_error,
                         theory_limit=level, theory_amplitude=amplitude, theory_exponent=exponent)  # fmt: skip
        return row | _fitted(fit, exponent)


class _Curve:
    """Energies of one size, (sample, time), at its times after the start."""

    def __init__(self, point: PointResults):
        time, values = point.read("trajectory/time"), point.independent("trajectory/energy_density")
        self.n, self.time, self.values = point.n_units, time[time > 0], values[:, time > 0]


def _fitted(fit: RelaxationFit, theory: float) -> dict[str, Any]:
    z = None
    if math.isfinite(fit.exponent) and fit.exponent_error > 0 and fit.misfit["power"] <= LARGEST_MISFIT:
        z = (fit.exponent - theory) / fit.exponent_error
    misfits = {f"misfit_{name}": value for name, value in fit.misfit.items()}
    return {"exponent": _number(fit.exponent), "exponent_error": _number(fit.exponent_error), "verdict": fit.verdict,
            "theory_exponent": theory, "z": z, "preference": fit.preference, **misfits}  # fmt: skip


def final_energy(covariance: Covariance, temperature: float) -> float:
    """e(t → ∞) of a pure model from a random start; NaN for mixed models, where it is not settled."""
    if len(covariance.degrees) > 1:
        return math.nan
    if temperature == 0.0:
        return _or_nan(threshold_energy, covariance)
    if temperature >= dynamic_transition(covariance).temperature:
        return -covariance(1.0) / temperature
    return _or_nan(lambda: ageing_state(covariance, temperature).energy_density)


def final_exponent(covariance: Covariance, temperature: float) -> float:
    """Exponent of e(t) − e(∞) for t → ∞ after a quench; NaN where none is known.

    p = 2 below T_c: 1 (Cugliandolo and Dean, J. Phys. A 28, 4213 (1995): μ = 2 − 3/(4t)). p = 3 at T = 0: 2/3, which
    the numerical solution of the equations approaches; for other degrees and temperatures no number is stated.
    """
    degrees = tuple(covariance.degrees)
    if degrees == (2,) and temperature < dynamic_transition(covariance).temperature:
        return 1.0
    if degrees == (3,) and temperature == 0.0:
        return 2.0 / 3.0
    return math.nan


def _random_start(physics: Mapping[str, Any]) -> bool:
    told = starting_point(physics)
    return math.isinf(told["initial_temperature"]) and not told.get("planted")


def _or_nan(function, *arguments) -> float:
    try:
        return float(function(*arguments))
    except SpinnetError:
        return math.nan


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _told(row: Mapping[str, Any], temperature: float) -> str:
    start = f"N = {row['n']}: "
    if row["missing"]:
        return f"{start}no fit ({row['missing']})"
    if row["exponent"] is None:
        return f"{start}the best exponent is an end of the range 0.02 to 5: there is no power law in the window"
    nulls = ", ".join(f"{z:+.1f} to the {name}" for name, z in row["preference"].items())
    words = {
        "power": "a power law is preferred to both nulls",
        "exponential": "an exponential is preferred to the power law",
        "logarithm": "a logarithm is preferred to the power law",
        "none": "none of the forms describes e(t)",
        "undecided": "these data do not decide between the forms",
    }[row["verdict"]]
    beside = "" if row["z"] is None else f", z = {row['z']:.2f}"
    return (
        f"{start}exponent {row['exponent']:.3f} ± {row['exponent_error']:.3f}, that of N → ∞ in the same window "
        f"{row['theory_exponent']:.3f}{beside}; {words} (preference in errors: {nulls})"
    )


def _limit_exponent(content: Content, group: str, curves: list[_Curve], theory, start, end, limit) -> list[str]:
    """The exponent of the energies extrapolated with a + b/N at each time, with errors over the samples of every size.

    The correction of an energy is linear in 1/N; that of a fitted exponent is not, as soon as b/N is comparable to
    e(t) − e_∞ at the end of the window.
    """
    if len({one.n for one in curves}) < 3:
        return [f"{len(curves)} sizes: three are needed to extrapolate the energies, and so the exponent, to N → ∞"]
    time = curves[0].time
    used = (time >= start) & (time <= end)
    if any(one.time.shape != time.shape or not np.allclose(one.time, time) for one in curves):
        return ["the sizes were measured at different times: the exponent is not extrapolated"]
    if min(len(one.values) for one in curves) < FEWEST_UNITS:
        return [f"fewer than {FEWEST_UNITS} samples of a size: the exponent is not extrapolated"]
    time, same = time[used], np.interp(np.log(time[used]), np.log(theory.time), theory.energy_density)
    means = np.array([one.values[:, used].mean(axis=0) for one in curves])
    errors = np.array([mean_and_error(one.values[:, used])[1] for one in curves])
    fits = [extrapolate([one.n for one in curves], means[:, k], errors[:, k]) for k in range(len(time))]
    energy, wrong = (np.array([getattr(fit, name) for fit in fits]) for name in ("limit", "limit_error"))
    rejected = sum(fit.p_value < REJECTED_FIT for fit in fits)
    # a is linear in the means: its weight of each size comes from the same least squares of a single one.
    inverse = np.array([[1.0, 1.0 / one.n] for one in curves])
    weights = np.array([np.linalg.pinv(inverse / errors[:, [k]])[0] / errors[:, k] for k in range(len(time))]).T
    try:
        *_, exponent = power_of_curve(time, energy, wrong, start, end, limit)
        *_, known = power_of_curve(time, same, wrong, start, end, limit)
        variance = 0.0
        for one, mean, weight in zip(curves, means, weights, strict=True):
            values, n = one.values[:, used], len(one.values)
            left_out = energy + weight * (mean - values) / (n - 1)
            found = np.array([power_of_curve(time, row, wrong, start, end, limit)[2] for row in left_out])
            variance += (n - 1) / n * ((found - found.mean()) ** 2).sum()
    except InputError as caught:
        return [f"the extrapolated energies have no exponent ({caught})"]
    error = float(np.sqrt(variance))
    if not (0.021 < exponent < 4.9 and error > 0):
        return ["the extrapolated energies hold no power law in the window: their exponent is an end of the range"]
    z = (exponent - known) / error
    content.add(f"{group}/limit_time", time, ("limit_time",), "1/rate")
    content.add(f"{group}/limit_energy_density", energy, ("limit_time",), "energy", "a of a + b/N")
    content.add(f"{group}/limit_energy_density_error", wrong, ("limit_time",), "energy")
    content.describe(group, limit_exponent=exponent, limit_exponent_error=error, limit_theory_exponent=known, limit_z=z)
    verb = "meet" if abs(z) < _DECISIVE else "MISS"
    odd = f"; a + b/N is rejected at {rejected} of {len(time)} times" if rejected else ""
    return [
        f"energies extrapolated with a + b/N over {len(curves)} sizes at each time {verb} the exponent of the N → ∞ "
        f"theory in the same window: {exponent:.3f} ± {error:.3f} beside {known:.3f} (z = {z:.2f}){odd}"
    ]


def _inherent(content: Content, place: str, point: PointResults, threshold: float) -> list[str]:
    """Energies of the minima below the configurations, where they were measured at several times."""
    if not point.has("inherent_trajectory/energy_density"):
        return []
    time, values = point.read("inherent_trajectory/time"), point.independent("inherent_trajectory/energy_density")
    converged = point.read("inherent_trajectory/converged").mean(axis=(0, 1))
    if point.has("inherent_structure/energy_density") and point.physics["last"] > time[-1] * (1 + 1e-9):
        end = point.independent("inherent_structure/energy_density")
        time, values = np.append(time, point.physics["last"]), np.column_stack([values, end])
        converged = np.append(converged, point.read("inherent_structure/converged").mean())
    mean, error = mean_and_error(values)
    content.add(f"{place}/inherent_time", time, ("inherent_time",), "1/rate")
    content.add(f"{place}/inherent_energy_density", mean, ("inherent_time",), "energy")
    content.add(f"{place}/inherent_energy_density_error", error, ("inherent_time",), "energy")
    content.add(f"{place}/inherent_converged", converged, ("inherent_time",), "1", "share of descents that converged")
    content.describe(place, inherent_from=float(time[0]))
    beside = f"; the threshold of N → ∞ is {threshold:.4f}" if math.isfinite(threshold) else ""
    missed = "" if converged.min() > 0.99 else f"; only {100 * converged.min():.0f} % of the descents converged"
    start = f"N = {point.n_units}: inherent structures have e = {mean[0]:.4f} ± {error[0]:.4f} at t = {time[0]:g}"
    if len(time) == 1:
        return [f"{start}{beside}{missed}"]
    fall, wrong = mean_and_error(values[:, -1] - values[:, 0])
    return [
        f"{start} and {mean[-1]:.4f} ± {error[-1]:.4f} at t = {time[-1]:g} (change {fall:+.4f} ± {wrong:.4f})"
        f"{beside}{missed}"
    ]
