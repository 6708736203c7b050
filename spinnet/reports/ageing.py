r"""Ageing of a glass after a quench: correlation, integrated response and the violation of FDT, beside N → ∞.

At fixed t_w and t both functions have corrections of order 1/N, so sizes are extrapolated with a + b/N and laid beside
the Cugliandolo–Kurchan equations. The slope :math:`X = -T\,d\chi/dC` is fitted at the same delays at every size and in
the theory, so that the finite waiting time is no part of the comparison; its value for t_w → ∞ stands beside it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import real_number
from spinnet.errors import InputError, SpinnetError
from spinnet.reports.ageing_checks import control_findings, repeated_findings
from spinnet.reports.ageing_curves import (
    Aged,
    Limit,
    Slopes,
    fitted_slopes,
    infinite_curves,
    limit_at,
    nearest,
)
from spinnet.reports.base import Content, Report
from spinnet.reports.glass_theory import covariance_of, refuse_field, temperature_of
from spinnet.reports.results import StudyResults, shared_label
from spinnet.reports.verdicts import DECISIVE, REJECTED_FIT, furthest, normal_z
from spinnet.theory.covariance import Covariance
from spinnet.theory.spherical_ageing import ageing_state
from spinnet.theory.spherical_transitions import dynamic_transition

#: The window of C without another wish: from here to this share of the plateau.
_LOWEST, _SHARE = 0.1, 0.9
#: Slopes of the theory this close to the late one are called equal to it.
_REACHED = 0.02


class AgeingReport(Report):
    """C(t_w + t, t_w) and χ(t_w + t, t_w) at every size and for N → ∞, their limits, and the slope of χ against C.

    Parameters
    ----------
    arm
        The arm that ages: PairedLangevin from a random start.
    control
        An arm in equilibrium, with planted_temperature equal to the temperature of its dynamics, where FDT holds at
        every size and time; empty for none.
    repeated
        An arm that repeats points of ``arm`` with another field or step, to see the bias of both; empty for none.
    delays
        Delays t at which sizes are extrapolated; empty takes 1, 10, … and the longest of each waiting time.
    window
        [lowest, highest] C of the fits of X, of the theory; empty takes 0.1 and 0.9 times the plateau.
    tolerance
        Error asked of the theory: of C and χ it is ten times that.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ("arm", "control", "repeated")
    landscapes: ClassVar[tuple[str, ...]] = ("SphericalGlass",)
    dynamics: ClassVar[tuple[str, ...]] = ("PairedLangevin",)

    def __init__(
        self,
        arm: str = "",
        control: str = "",
        repeated: str = "",
        delays: Sequence[float] = (),
        window: Sequence[float] = (),
        tolerance: float = 1e-5,
    ):
        given = self.validate(arm=arm, control=control, repeated=repeated, delays=delays, window=window,
                              tolerance=tolerance)  # fmt: skip
        self.arm, self.control, self.repeated = given["arm"], given["control"], given["repeated"]
        self.delays, self.window, self.tolerance = given["delays"], given["window"], given["tolerance"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        for name in ("delays", "window"):
            if not isinstance(given[name], list | tuple):
                raise InputError(f"{name} = {given[name]!r}: give a list of numbers")
        given["delays"] = sorted(real_number("delays", delay, above=0.0) for delay in given["delays"])
        given["window"] = [real_number("window", end) for end in given["window"]]
        if given["window"] and not (len(given["window"]) == 2 and given["window"][0] < given["window"][1]):
            raise InputError(f"window = {given['window']}: give the lowest and the highest C, such as [0.1, 0.6]")
        given["tolerance"] = real_number("tolerance", given["tolerance"], 1e-8)
        return given

    @classmethod
    def check(cls, settings: Mapping[str, Any], arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Also: runs must reach the delays asked for, and the control must be in equilibrium."""
        super().check(settings, arms)
        for name in filter(None, (cls.chosen_arm(settings, parameter, list(arms)) for parameter in cls.arm_parameters)):
            for physics in arms[name]:
                refuse_field(name, physics)
        for physics in arms[cls.chosen_arm(settings, "arm", list(arms))]:
            longest = physics["last"] - physics["dynamics"]["waiting_times"][0]
            if settings["delays"] and max(settings["delays"]) > longest * (1 + 1e-9):
                raise InputError(
                    f"delays = {max(settings['delays']):g} lies beyond the runs, whose longest delay is {longest:g}"
                )
        control = cls.chosen_arm(settings, "control", list(arms))
        for physics in arms[control] if control else ():
            planted, at = physics["landscape"].get("planted_temperature"), physics["dynamics"]["temperature"]
            if planted != at or physics["landscape"].get("start_at", "planted") != "planted":
                raise InputError(
                    f"control = {control!r} does not begin in equilibrium: give its landscape planted_temperature = "
                    f"{at:g}, the temperature of its dynamics"
                )

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`AgeingReport`. Cost: that of the theory, some seconds for each series."""
        content = Content()
        settings = {"arm": self.arm, "control": self.control, "repeated": self.repeated}
        arm, control, repeated = (self.chosen_arm(settings, name, results.arms) for name in settings)
        for number, (shared, points) in enumerate(results.series(arm)):
            sizes = [Aged(point) for point in points]
            self._series(content, f"series/{number}", shared_label(shared), sizes, tell)
        if repeated:
            first = [Aged(point) for point in results.points(arm)]
            others = [Aged(point) for point in results.points(repeated)]
            content.findings += repeated_findings(content, repeated, first, others)
        if control:
            for number, (shared, points) in enumerate(results.series(control)):
                sizes = [Aged(point) for point in points]
                group = f"control/{number}"
                known = infinite_curves(content, group, sizes, self.tolerance, tell)
                _store(content, group, shared_label(shared), sizes)
                content.findings += control_findings(content, group, sizes, known)
        return content

    def _series(self, content: Content, group: str, label: str, sizes: list[Aged], tell) -> None:
        first = sizes[0]
        covariance, temperature = covariance_of(first.point.physics), temperature_of(first.point.physics)
        plateau, asymptotic = _late(covariance, temperature)
        window = self.window or [_LOWEST, _SHARE * plateau]
        known = infinite_curves(content, group, sizes, self.tolerance, tell)
        content.describe(
            group, temperature=temperature, plateau=plateau, asymptotic=asymptotic, window_lower=window[0],
            window_upper=window[1], dynamic_temperature=dynamic_transition(covariance).temperature,
        )  # fmt: skip
        _store(content, group, label, sizes)
        start = f"{label or f'T = {temperature:g}'}: "
        limits = []
        for wait in range(len(first.waits)):
            for delay in self._moments(first, wait):
                limits += [limit_at(k, wait, delay, sizes, known) for k in (0, 1)]
        slopes = fitted_slopes(sizes, known, temperature, window)
        content.findings += [start + line for line in _agreement(limits, len(sizes))]
        content.findings += [start + line for line in _finite_size(content, group, sizes, known)]
        if temperature > 0:
            content.findings.append(start + _violation(sizes[-1], known, temperature))
        content.findings += [start + line for line in _slope_findings(slopes, asymptotic, window, temperature)]
        _add_rows(content, group, label, sizes[-1].n, limits, slopes, asymptotic, temperature)

    def _moments(self, one: Aged, wait: int) -> list[int]:
        """Indices of the delays at which this waiting time is extrapolated."""
        reached = np.flatnonzero(np.isfinite(one.mean[0, wait]) & (one.delays > 0))
        longest = one.delays[reached[-1]]
        wanted = self.delays or [*(10.0 ** np.arange(0, math.floor(math.log10(max(longest, 1.0))) + 1)), longest]
        return sorted({nearest(one.delays, delay) for delay in wanted if delay <= longest * 1.02})


def _late(covariance: Covariance, temperature: float) -> tuple[float, float]:
    """Plateau and X for t_w → ∞ (at T = 0: X/T); NaN for X where they are not known."""
    if temperature == 0.0:
        root = math.sqrt(covariance.second(1.0))
        return 1.0, (covariance.second(1.0) / covariance.first(1.0) - 1.0) / root
    if temperature >= dynamic_transition(covariance).temperature:
        return 1.0, 1.0
    try:
        state = ageing_state(covariance, temperature)
    except SpinnetError:
        return 1.0, math.nan
    return state.overlap, state.ratio


def _store(content: Content, group: str, label: str, sizes: list[Aged]) -> None:
    content.describe(group, label=label)
    content.add(f"{group}/waiting_time", sizes[0].waits, ("waiting_time",), "1/rate")
    content.add(f"{group}/delay", sizes[0].delays, ("delay",), "1/rate")
    for one in sizes:
        place = f"{group}/n={one.n}"
        content.describe(place, n=one.n, samples=one.samples, field=one.field, step=one.step)
        for k, (name, unit) in enumerate((("correlation", "1"), ("response", "1/energy"), ("residual", "1"))):
            content.add(f"{place}/{name}", one.mean[k], ("waiting_time", "delay"), unit)
            content.add(f"{place}/{name}_error", one.error[k], ("waiting_time", "delay"), unit)


def _agreement(limits: list[Limit], sizes: int) -> list[str]:
    found = []
    for name, told in (("C", "C"), ("chi", "χ")):
        own = [one for one in limits if one.name == name and one.z is not None]
        if not own:
            found.append(f"{told}: {sizes} sizes, and three are needed to extrapolate to N → ∞ and to test the fit")
            continue
        rejected = [one for one in own if one.p_value < REJECTED_FIT]
        good = [one for one in own if one not in rejected]
        if good:
            worst = max(good, key=lambda one: abs(one.z))
            verb = "meets" if abs(worst.z) < DECISIVE else "MISSES"
            found.append(
                f"{told} extrapolated with a + b/N over {sizes} sizes {verb} the N → ∞ theory at {len(good)} pairs of "
                f"times: largest |z| = {abs(worst.z):.2f} at t_w = {worst.age:.3g}, t = {worst.delay:.3g} "
                f"({worst.limit:.3f} ± {worst.limit_error:.3f} beside {worst.theory:.3f})"
            )
        if rejected:
            pairs = ", ".join(f"({one.age:.3g}, {one.delay:.3g})" for one in rejected)
            found.append(f"{told}: a + b/N does not describe the sizes at (t_w, t) = {pairs} (p < {REJECTED_FIT:g})")
    return found


def _finite_size(content: Content, group: str, sizes: list[Aged], known) -> list[str]:
    """From which delay on each size is further than so many errors from N → ∞."""
    parts = []
    onset = np.full((len(sizes), len(sizes[0].waits)), np.nan)
    for (row, one), (wait, age) in itertools.product(enumerate(sizes), enumerate(sizes[0].waits)):
        apart = one.mean[0, wait] - known.values[0, wait]
        far = np.abs(normal_z(apart, np.hypot(one.error[0, wait], known.error[wait]), one.samples)) > DECISIVE
        if far.any():
            onset[row, wait] = sizes[0].delays[np.argmax(far)]
            last = np.flatnonzero(np.isfinite(apart))[-1]
            parts.append(
                f"N = {one.n}, t_w = {age:.3g} from t = {onset[row, wait]:.3g} "
                f"({apart[last]:+.3f} ± {one.error[0, wait, last]:.3f} at t = {sizes[0].delays[last]:.3g})"
            )
    content.add(f"{group}/onset", onset, ("size", "waiting_time"), "1/rate",
                "delay from which C is more than 4 errors from N to infinity; NaN nowhere")  # fmt: skip
    content.add(f"{group}/size", [one.n for one in sizes], ("size",))
    if not parts:
        return ["no size shows in C: every one is within 4 standard errors of N → ∞ at all delays"]
    return [f"finite size shows in C (4 standard errors from N → ∞): {'; '.join(parts)}"]


def _violation(one: Aged, known, temperature: float) -> str:
    """Tχ − (1 − C) where it is furthest from zero in its errors."""
    if one.samples < 2:
        return "one sample has no error: whether FDT holds is not tested"
    (wait, delay), z = furthest(normal_z(one.mean[2], one.error[2], one.samples))
    theory = temperature * known.values[1, wait, delay] - (1.0 - known.values[0, wait, delay])
    values = (
        f"Tχ − (1 − C) = {one.mean[2, wait, delay]:.3f} ± {one.error[2, wait, delay]:.3f} at t_w = "
        f"{one.waits[wait]:.3g}, t = {one.delays[delay]:.3g}, N = {one.n} (N → ∞: {theory:.3f})"
    )
    if np.isnan(z):
        return "no error of Tχ − (1 − C) is known: whether FDT holds is not tested"
    if abs(z) < DECISIVE:
        return f"no violation of FDT is seen; furthest from zero: {values}"
    return f"FDT is violated: {values}"


def _slope_findings(slopes: list[Slopes], asymptotic: float, window, temperature: float) -> list[str]:
    name = "X = −T dχ/dC" if temperature > 0 else "−dχ/dC"
    found = []
    for one in slopes:
        if one.missing:
            found.append(f"t_w = {one.age:.3g}: no {name} ({one.missing})")
            continue
        limit = one.limit
        tested = ""
        if limit.z is not None:
            verdict = "agrees with" if abs(limit.z) < DECISIVE else "DISAGREES with"
            if limit.p_value < REJECTED_FIT:
                verdict = f"(a + b/N rejected, p = {limit.p_value:.1e}) stands beside"
            tested = f"; a + b/N gives {limit.limit:.3f} ± {limit.limit_error:.3f}, which {verdict} theory"
            tested += f" (z = {limit.z:.2f})"
        bent = " (the points bend: an average over the window)" if abs(one.curvature_z) > DECISIVE else ""
        found.append(
            f"t_w = {one.age:.3g}: {name} over {window[0]:.2f} ≤ C ≤ {window[1]:.2f} is {one.values[-1]:.3f} ± "
            f"{one.errors[-1]:.3f} at N = {one.n[-1]}{bent}; theory at the same {one.points} delays "
            f"{limit.theory:.3f}{tested}"
        )
    measured = [one for one in slopes if not one.missing]
    if measured and math.isfinite(asymptotic):
        last, short = measured[-1], name.split(" = ")[0]
        apart = last.limit.theory - asymptotic
        told = (
            f"within {_REACHED:g} of it"
            if abs(apart) <= _REACHED
            else f"{apart:+.3f} from it: the slopes measured here are not yet that value"
        )
        found.append(f"for t_w → ∞ theory has {short} = {asymptotic:.3f}; at t_w = {last.age:.3g} it is {told}")
    return found


def _add_rows(content, group, label, largest, limits: list[Limit], slopes: list[Slopes], asymptotic, temperature):
    name = "X" if temperature > 0 else "-dchi/dC"
    rows = [one.row(largest) for one in limits]
    for one in slopes:
        if not one.missing:
            rows.append({**one.limit.row(largest), "quantity": name, "t": None})
            rows[-1]["asymptotic"] = asymptotic
    content.rows += [{"series": label, **row} if label else row for row in rows]
    for column in ("t_w", "t", "value", "value_error", "limit", "limit_error", "fit_p_value", "theory", "z"):
        values = [np.nan if row[column] is None else row[column] for row in rows]
        content.add(f"{group}/limits/{column}", values, ("row",))
    content.add(f"{group}/limits/quantity", np.array([row["quantity"] for row in rows]), ("row",))
    for key, pick in _SLOPES.items():
        dims = ("waiting_time", "size") if key in ("slope", "slope_error") else ("waiting_time",)
        values = np.array([pick(one) for one in slopes], dtype=float)
        content.add(f"{group}/{key}", values, dims, "1", f"{name}, {key.replace('_', ' ')}")


#: What is kept of the fits of each waiting time.
_SLOPES: dict[str, Callable[[Slopes], Any]] = {
    "slope": lambda one: one.values,
    "slope_error": lambda one: one.errors,
    "theory_slope": lambda one: one.limit.theory,
    "theory_intercept": lambda one: one.intercept,
    "limit_slope": lambda one: one.limit.limit,
    "limit_slope_error": lambda one: one.limit.limit_error,
}
