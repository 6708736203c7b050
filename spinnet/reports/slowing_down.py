r"""How the relaxation of a glass slows down towards T_d: C(t), the relaxation time, and chi_4, from equilibrium.

Every arm starts at a configuration planted at its own temperature, which is in equilibrium at any N, so that the
overlap with it is C(t, 0) without a waiting time. N → ∞ gives C(t), and :math:`\tau \sim (T - T_d)^{-\gamma}` next to
T_d; temperatures further away follow another slope, so that measured and theoretical exponents are compared over the
same temperatures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spinnet.configurable import real_number
from spinnet.errors import InputError, NotConvergedError, nearest_name
from spinnet.estimators.dynamic_susceptibility import DynamicSusceptibility, dynamic_susceptibility, relaxation_time
from spinnet.estimators.resampling import Estimate
from spinnet.estimators.scaling import weighted_least_squares
from spinnet.reports.base import Content, Report
from spinnet.reports.glass_theory import CLOCKED, covariance_of, infinite_size, require_bare_exact_glass, temperature_of
from spinnet.reports.results import PointResults, StudyResults
from spinnet.theory.mode_coupling import mode_coupling_exponents
from spinnet.theory.spherical_transitions import dynamic_transition


class SlowingDownReport(Report):
    """C(t, 0), chi_4(t) and the relaxation time at several temperatures above T_d, beside N → ∞.

    Parameters
    ----------
    arms
        Arms, one temperature each, of planted glasses started at the planted configuration.
    level
        The relaxation time is where C(t, 0) has fallen to this value.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ()
    probes: ClassVar[tuple[str, ...]] = ("signal_overlap",)
    landscapes: ClassVar[tuple[str, ...]] = ("SphericalGlass",)
    dynamics: ClassVar[tuple[str, ...]] = CLOCKED

    def __init__(self, arms: Sequence[str], level: float = 0.3):
        given = self.validate(arms=arms, level=level)
        self.arms, self.level = tuple(given["arms"]), given["level"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        arms = given["arms"]
        if not isinstance(arms, list | tuple) or not arms or not all(isinstance(name, str) for name in arms):
            raise InputError(f"arms = {arms!r}: give a list of names of arms")
        given["level"] = real_number("level", given["level"], above=0.0)
        if given["level"] >= 1.0:
            raise InputError(f"level = {given['level']:g}: C falls from 1; give a number below")
        return given

    @classmethod
    def check(cls, settings: Mapping[str, Any], arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        for name in settings["arms"]:
            if name not in arms:
                near = nearest_name(name, arms)
                raise InputError(f"arms: there is no arm {name!r}{near}; there are {', '.join(arms)}")
            for physics in arms[name]:
                cls.check_physics(name, physics)
        # Disorder is drawn from the seed and the size: arms of one seed share it, and no fit over them knows its error.
        seeds = [arms[name][0]["seed"] for name in settings["arms"]]
        if len(set(seeds)) < len(seeds):
            raise InputError(
                f"arms {', '.join(settings['arms'])} have the seeds {', '.join(map(str, seeds))}: arms of one seed "
                "share their couplings, give each arm a seed of its own"
            )

    @classmethod
    def check_physics(cls, arm: str, physics: Mapping[str, Any]) -> None:
        super().check_physics(arm, physics)
        require_bare_exact_glass(arm, physics, planted=True)
        temperature = temperature_of(physics)
        planted = physics["landscape"].get("planted_temperature")
        if planted is None or not np.isclose(float(planted), temperature, rtol=1e-9):
            raise InputError(
                f"arm {arm} runs at temperature {temperature:g} and has planted_temperature = {planted}: give both the "
                "same, so that the start is in equilibrium"
            )
        if physics["landscape"].get("start_at", "planted") != "planted":
            raise InputError(f"arm {arm} does not start at the planted configuration: leave start_at out")

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`SlowingDownReport`. Cost: the theory of each temperature, some seconds."""
        content = Content()
        found: dict[int, list[_Temperature]] = {}
        for name in self.arms:
            for _, points in results.series(name):
                for point in points:
                    tell(f"theory at T = {temperature_of(point.physics):g}")
                    one = _Temperature(point, self.level)
                    found.setdefault(one.n, []).append(one)
        if not found:
            raise InputError("no arm holds results")
        for n, row in sorted(found.items()):
            row.sort(key=lambda one: one.temperature)
            _add(content, f"sizes/n={n}", row)
        return content


class _Temperature:
    """What one temperature and size gave."""

    def __init__(self, point: PointResults, level: float):
        self.n, self.temperature = point.n_units, temperature_of(point.physics)
        covariance = covariance_of(point.physics)
        self.dynamic = dynamic_transition(covariance).temperature
        self.exponents = mode_coupling_exponents(covariance)
        overlap, time = point.read("trajectory/signal_overlap"), point.read("trajectory/time")
        after = time > 0
        self.time = time[after]
        self.measured: DynamicSusceptibility = dynamic_susceptibility(overlap[..., after], self.time, self.n)
        self.log_time = _crossing(overlap[..., after].mean(axis=1), self.time, level)
        theory = infinite_size(point.physics, self.time, tolerance=1e-4)
        self.theory = theory.correlation_with_start
        self.known = _crossing(np.repeat(self.theory[None], 5, axis=0), self.time, level)
        #: |z| of C(t) against N → ∞ is no test: corrections in 1/N are part of it.
        self.distance = self.measured.correlation - self.theory


def _crossing(curves: NDArray, time: NDArray, level: float) -> Estimate | None:
    try:
        return relaxation_time(curves, time, level)
    except NotConvergedError:
        return None


def _number(estimate: Estimate | None, part: str = "value") -> float:
    return float("nan") if estimate is None else float(getattr(estimate, part))


def _add(content: Content, group: str, row: list[_Temperature]) -> None:
    n = row[0].n
    content.describe(group, n=n, dynamic_temperature=row[0].dynamic, exponent=row[0].exponents.exponent)
    for name, values in (
        ("temperature", [one.temperature for one in row]),
        ("log_time", [_number(one.log_time) for one in row]),
        ("log_time_error", [_number(one.log_time, "error") for one in row]),
        ("log_time_theory", [_number(one.known) for one in row]),
        ("peak", [one.measured.peak for one in row]),
        ("peak_error", [one.measured.peak_error for one in row]),
        ("peak_time", [one.measured.peak_time for one in row]),
    ):
        content.add(f"{group}/{name}", values, ("place",))
    for k, one in enumerate(row):
        place, found = f"{group}/{k}", one.measured
        content.describe(place, temperature=one.temperature, samples=found.n_units)
        for name, values in (
            ("time", one.time), ("correlation", found.correlation), ("correlation_error", found.correlation_error),
            ("theory", one.theory), ("chi4", found.total), ("chi4_error", found.total_error),
            ("chi4_within", found.within), ("chi4_within_error", found.within_error),
        ):  # fmt: skip
            content.add(f"{place}/{name}", values, ("time",))
        tau, known = np.exp(_number(one.log_time)), np.exp(_number(one.known))
        content.rows.append({
            "n": n, "temperature": one.temperature,
            "relaxation_time": None if np.isnan(tau) else float(tau),
            "relaxation_time_error": None if np.isnan(tau) else float(tau * _number(one.log_time, "error")),
            "infinite_n": None if np.isnan(known) else float(known),
            "chi4_peak": found.peak, "chi4_peak_error": found.peak_error, "chi4_time": found.peak_time,
        })  # fmt: skip
    content.findings += _statements(row)


def _statements(row: list[_Temperature]) -> list[str]:
    n, found = row[0].n, []
    missing = [one for one in row if one.log_time is None]
    usable = [one for one in row if one not in missing and one.known is not None and one.temperature > one.dynamic]
    if missing:
        temperatures = ", ".join(f"{one.temperature:g}" for one in missing)
        found.append(f"N = {n}: C(t) does not fall to the level within the run at T = {temperatures}; run longer")
    if len(usable) >= 3:
        distance = np.log([one.temperature - one.dynamic for one in usable])
        basis = np.column_stack([np.ones_like(distance), distance])
        errors = np.array([one.log_time.error for one in usable])
        fit = weighted_least_squares(basis, [one.log_time.value for one in usable], errors)
        same = weighted_least_squares(basis, [one.known.value for one in usable], errors)
        found.append(
            f"N = {n}: τ grows as (T − T_d)^−{-fit.coefficients[1]:.2f}({fit.errors[1]:.2f}) between T = "
            f"{usable[0].temperature:g} and {usable[-1].temperature:g}; N → ∞ over the same temperatures: "
            f"{-same.coefficients[1]:.2f}; next to T_d: {usable[0].exponents.exponent:.3f}"
        )
    if len(row) >= 2:
        low, high = row[0].measured, row[-1].measured
        found.append(
            f"N = {n}: the peak of chi_4 is {low.peak:.2f}({low.peak_error:.2f}) at T = {row[0].temperature:g} and "
            f"{high.peak:.2f}({high.peak_error:.2f}) at T = {row[-1].temperature:g}"
        )
    return found
