r"""Equilibrium of a glass by parallel tempering: e(T), specific heat and P(q) beside the theory of N → ∞.

A size counts as equilibrated only after ten round trips of the ladder in every sample, and where the exact identity
:math:`E\langle H\rangle = -\beta N[f(1) - E\langle f(q_{12})\rangle]` holds at every temperature. Only such sizes are
extrapolated, with a + b x_N, where x_N is the leading finite-size correction of two copies at high temperature
(:mod:`spinnet.theory.two_copies`), of order 1/N² for pure p = 3. The same fit of the correction to all orders in 1/T,
whose limit is zero, tells the bias of the extrapolation: where it is not small next to the error, the sizes are too
small to say anything, and nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spinnet.configurable import real_number
from spinnet.errors import InputError, SpinnetError
from spinnet.estimators.equilibrium import (
    FEWEST_ROUND_TRIPS,
    EquilibriumVerdict,
    block_drift,
    judge_equilibrium,
    second_part,
    second_part_counts,
)
from spinnet.estimators.overlap_distribution import covariance_mean, overlap_distribution, overlap_weight
from spinnet.estimators.resampling import mean_and_error
from spinnet.estimators.scaling import weighted_least_squares
from spinnet.estimators.specific_heat import fluctuation_specific_heat, slope_specific_heat
from spinnet.reports.base import Content, Report
from spinnet.reports.glass_theory import covariance_of, require_bare_exact_glass
from spinnet.reports.results import PointResults, StudyResults, shared_label
from spinnet.reports.verdicts import REJECTED_FIT
from spinnet.theory.covariance import Covariance
from spinnet.theory.spherical_statics import energy_density, equilibrium_state, specific_heat
from spinnet.theory.spherical_transitions import dynamic_transition, static_transition
from spinnet.theory.two_copies import annealed_overlap, leading_overlap

_CURVE_POINTS = 160
#: Of the error of a limit: an estimated bias above it forbids the extrapolation.
LARGEST_BIAS = 0.5


class EquilibriumReport(Report):
    """Energy, specific heat and P(q) at each temperature of the ladder, sizes extrapolated above the transitions.

    Parameters
    ----------
    arm
        The arm; may be left out where there is only one.
    distributions
        Temperatures of the ladder whose P(q) is kept; empty takes the lowest, and the one next to 1.2 T_s.
    """

    landscapes: ClassVar[tuple[str, ...]] = ("SphericalGlass",)
    dynamics: ClassVar[tuple[str, ...]] = ("ParallelTempering",)

    def __init__(self, arm: str = "", distributions: Sequence[float] = ()):
        given = self.validate(arm=arm, distributions=distributions)
        self.arm, self.distributions = given["arm"], given["distributions"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        if not isinstance(given["distributions"], list | tuple):
            raise InputError(f"distributions = {given['distributions']!r}: give a list of temperatures")
        given["distributions"] = sorted(real_number("distributions", t, above=0.0) for t in given["distributions"])
        return given

    @classmethod
    def check_physics(cls, arm: str, physics: Mapping[str, Any]) -> None:
        super().check_physics(arm, physics)
        require_bare_exact_glass(arm, physics)
        for probe in physics.get("probes", {}):
            raise InputError(
                f"arm {arm} has the probe {probe}; its replicas are at different temperatures, and averages over them "
                f"mix these: leave [probes.{probe}] out, the dynamics records what the report needs"
            )
        if physics["dynamics"]["copies"] < 2:
            raise InputError(f"arm {arm} has copies = 1; overlaps and the test of equilibrium need copies = 2 or more")
        if physics["dynamics"]["levels"]:
            raise InputError(
                f"arm {arm} places its temperatures; sizes are compared at equal ones: write the ladder out as "
                "temperatures, without levels"
            )

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`EquilibriumReport`. Cost: some seconds of theory."""
        content = Content()
        arm = self.chosen_arm({"arm": self.arm}, "arm", results.arms)
        for number, (shared, points) in enumerate(results.series(arm)):
            self._series(content, f"series/{number}", shared_label(shared), points, tell)
        return content

    def _series(self, content: Content, group: str, label: str, points: list[PointResults], tell) -> None:
        covariance = covariance_of(points[0].physics)
        ladder = np.array(points[0].physics["dynamics"]["temperatures"], dtype=float)
        static, dynamic = static_transition(covariance).temperature, dynamic_transition(covariance).temperature
        content.describe(group, label=label, static_temperature=static, dynamic_temperature=dynamic,
                         static_overlap=static_transition(covariance).overlap)  # fmt: skip
        content.add(f"{group}/temperature", ladder, ("level",), "energy", "the ladder")
        tell("equilibrium theory")
        known = _theory(content, group, covariance, ladder, static)
        measured, verdicts = [], []
        for point in points:
            measured.append(one := _Measured(point, covariance, ladder))
            verdicts.append(one.verdict)
            place = f"{group}/n={point.n_units}"
            _add_point(content, place, one, self._levels(ladder, static))
            leading = [leading_overlap(covariance, max(one.n, 4), t) for t in ladder]
            content.add(f"{place}/leading_correction", leading, ("level",), "energy", "b x_N of the fits, up to b")
            content.findings.append(f"{label + ': ' if label else ''}{_verdict(one)}")
        _add_limits(content, group, label, ladder, measured, known, covariance)
        content.findings += _agreement(measured, known, ladder, label)

    def _levels(self, ladder: NDArray, static: float) -> list[int]:
        """Levels whose P(q) is kept."""
        wanted = self.distributions or [ladder[0], 1.2 * static]
        found = sorted({int(np.argmin(np.abs(ladder - temperature))) for temperature in wanted})
        for temperature in self.distributions:
            if not np.isclose(ladder, temperature, rtol=1e-9).any():
                raise InputError(f"distributions = {temperature:g} is no temperature of the ladder {ladder.tolist()}")
        return found


class _Measured:
    """What one size gave, over the second part of its runs."""

    def __init__(self, point: PointResults, covariance: Covariance, ladder: NDArray):
        self.n, self.point, self.ladder = point.n_units, point, ladder
        steps = point.read("dynamics/block_steps")[0]
        energy = point.read("dynamics/energy")
        self.round_trips = point.read("dynamics/round_trips")
        self.energy = second_part(energy, steps)  # (sample, level, copy)
        self.squared = second_part(point.read("dynamics/energy_squared"), steps)
        moments = second_part(point.read("dynamics/overlap_moment"), steps, axis=-2).mean(axis=2)
        self.covariance = covariance_mean(moments, point.read("dynamics/power"), covariance.amplitudes)
        self.counts = second_part_counts(point.read("dynamics/overlap_histogram"), steps)
        self.edges = point.read("dynamics/overlap_edge")
        self.verdict: EquilibriumVerdict = judge_equilibrium(
            self.energy.mean(axis=2), self.covariance, ladder, self.n, covariance(1.0), self.round_trips
        )
        complete = len(steps) > 1 and steps[-1] >= 2 * steps[-2]
        self.drift = block_drift(energy.mean(axis=2))[1] if complete else np.full(len(ladder), np.nan)
        self.mean, self.error = mean_and_error(self.energy.mean(axis=2) / self.n)
        # The other side of the identity: the same mean over the disorder, with a much smaller scatter above T_d.
        self.overlap_mean, self.overlap_error = mean_and_error(-(covariance(1.0) - self.covariance) / ladder)
        self.heat = fluctuation_specific_heat(self.energy, self.squared, ladder, self.n)
        self.slope = slope_specific_heat(self.energy.mean(axis=2), ladder, self.n)

    @property
    def samples(self) -> int:
        return len(self.energy)


def _verdict(one: _Measured) -> str:
    verdict = one.verdict
    start = f"N = {one.n}, {one.samples} samples: "
    trips = f"fewest round trips {verdict.round_trips:.1f}"
    worst = float(np.nanmax(np.abs(verdict.z)))
    identity = f"identity between energy and overlap within {worst:.2f} standard errors at all temperatures"
    if verdict.equilibrated:
        return f"{start}equilibrated ({trips}; {identity})"
    reasons = []
    if verdict.round_trips < FEWEST_ROUND_TRIPS:
        reasons.append(f"{trips}, below {FEWEST_ROUND_TRIPS}")
    if worst >= 4.0:
        reasons.append(f"the identity between energy and overlap fails by {worst:.1f} standard errors")
    if not verdict.conclusive.all():
        reasons.append("errors too large to tell")
    return f"{start}NOT counted as equilibrated ({'; '.join(reasons)})"


def _theory(content: Content, group: str, covariance: Covariance, ladder: NDArray, static: float) -> dict[str, NDArray]:
    """Curves for N → ∞, and values on the ladder; NaN where the phase is not solved."""
    fine = np.linspace(0.97 * ladder[0], 1.02 * ladder[-1], _CURVE_POINTS)
    # The specific heat jumps at T_s: a point on either side of it.
    fine = np.unique(np.concatenate([fine, static * np.array([1 - 1e-6, 1 + 1e-6])]))
    for where, grid, dim in (("theory_", fine, "theory_temperature"), ("known_", ladder, "level")):
        rows = np.array([_values(covariance, t) for t in grid]).T
        content.add(f"{group}/{where}energy", rows[0], (dim,), "energy", "energy per spin, N to infinity")
        content.add(f"{group}/{where}specific_heat", rows[1], (dim,), "1", "specific heat per spin, N to infinity")
        content.add(f"{group}/{where}overlap", rows[2], (dim,), "1", "largest overlap")
        content.add(f"{group}/{where}weight", rows[3], (dim,), "1", "weight of the largest overlap")
    content.add(f"{group}/theory_temperature", fine, ("theory_temperature",), "energy")
    return {"energy": rows[0], "specific_heat": rows[1], "overlap": rows[2], "weight": rows[3]}


def _values(covariance: Covariance, temperature: float) -> tuple[float, float, float, float]:
    try:
        state = equilibrium_state(covariance, temperature)
        return (energy_density(covariance, temperature), specific_heat(covariance, temperature), state.overlap,
                1.0 - state.break_point)  # fmt: skip
    except SpinnetError:
        return (np.nan,) * 4


def _add_point(content: Content, place: str, one: _Measured, levels: list[int]) -> None:
    content.describe(place, n=one.n, samples=one.samples, equilibrated=int(one.verdict.equilibrated),
                     round_trips=one.verdict.round_trips)  # fmt: skip
    for name, values, dim in (
        ("energy", one.mean, "level"), ("energy_error", one.error, "level"),
        ("energy_from_overlap", one.overlap_mean, "level"), ("energy_from_overlap_error", one.overlap_error, "level"),
        ("specific_heat", one.heat.value, "level"), ("specific_heat_error", one.heat.error, "level"),
        ("slope", one.slope.value, "interval"), ("slope_error", one.slope.error, "interval"),
        ("identity_z", one.verdict.z, "level"), ("drift_z", one.drift, "level"),
    ):  # fmt: skip
        content.add(f"{place}/{name}", values, (dim,), "energy" if name.startswith("energy") else "1")
    for level in levels:
        found = overlap_distribution(one.counts[:, level], one.edges)
        group = f"{place}/overlap/{level}"
        content.describe(group, temperature=float(one.ladder[level]))
        content.add(f"{group}/edge", found.edges, ("edge",))
        content.add(f"{group}/density", found.density, ("bin",))
        content.add(f"{group}/density_error", found.error, ("bin",))


def _add_limits(
    content: Content, group: str, label: str, ladder, measured: list[_Measured], known, covariance: Covariance
) -> None:
    """Rows of the table, and the limits of the equilibrated sizes at temperatures where they can be trusted."""
    good = [one for one in measured if one.verdict.equilibrated]
    sizes, dynamic = [one.n for one in good], dynamic_transition(covariance).temperature
    largest, rows, from_overlaps = measured[-1], [], []
    for k, temperature in enumerate(ladder):
        row: dict[str, Any] = {"series": label} if label else {}
        row |= {"temperature": float(temperature), "largest_n": largest.n, "energy": float(largest.mean[k]),
                "energy_error": float(largest.error[k]), "theory": float(known["energy"][k]), "limit": None,
                "limit_error": None, "z": None, "specific_heat": float(largest.heat.value[k]),
                "specific_heat_error": float(largest.heat.error[k]),
                "specific_heat_theory": float(known["specific_heat"][k])}  # fmt: skip
        if len(good) >= 3 and temperature > dynamic:
            fit = _limit(covariance, temperature, sizes, [one.mean[k] for one in good], [one.error[k] for one in good])
            if fit is not None:
                row |= {"limit": fit[0], "limit_error": fit[1], "z": (fit[0] - row["theory"]) / fit[1]}
            other = _limit(
                covariance, temperature, sizes, [one.overlap_mean[k] for one in good],
                [one.overlap_error[k] for one in good],
            )  # fmt: skip
            if other is not None:
                from_overlaps.append((abs(other[0] - row["theory"]) / other[1], float(temperature), other[1]))
        rows.append(row)
    content.rows += rows
    for name in ("limit", "limit_error", "z"):
        content.add(f"{group}/{name}", [np.nan if row[name] is None else row[name] for row in rows], ("level",))
    tested = [row for row in rows if row["z"] is not None]
    start = f"{label}: " if label else ""
    if len(good) < 3:
        content.findings.append(
            f"{start}{len(good)} equilibrated sizes: three are needed to extrapolate e(T) to N → ∞ above T_d"
        )
        return
    for found, what in (
        ([(abs(row["z"]), row["temperature"], row["limit_error"]) for row in tested], "e(T)"),
        (from_overlaps, "−[f(1) − ⟨f(q₁₂)⟩]/T, the same mean from overlaps,"),
    ):
        content.findings.append(start + _meeting(found, what, len(good)))


def _meeting(found: list[tuple[float, float, float]], what: str, sizes: int) -> str:
    """(|z|, T, error) of each limit, in words."""
    if not found:
        return (
            f"{what} is not extrapolated: at every temperature of the ladder the sizes are too small for its errors, "
            "or do not follow the law of large sizes"
        )
    z, temperature, _ = max(found)
    return (
        f"{what} extrapolated over {sizes} sizes {'meets' if z < 4 else 'MISSES'} −f(1)/T at the {len(found)} "
        f"temperatures where the sizes are large enough for its errors: largest |z| = {z:.2f} at T = {temperature:g}, "
        f"errors up to {max(error for _, _, error in found):.5f}"
    )


def _limit(covariance: Covariance, temperature: float, sizes, means, errors) -> tuple[float, float] | None:
    """Limit of a + b x_N and its error; None where the form is not good enough for these sizes and errors."""
    if min(sizes) < 4:
        return None
    basis = np.array([[1.0, leading_overlap(covariance, n, temperature)] for n in sizes])
    fit = weighted_least_squares(basis, means, errors)
    correction = [annealed_overlap(covariance, n, temperature) / temperature for n in sizes]
    bias = weighted_least_squares(basis, correction, errors).coefficients[0]
    if abs(bias) > LARGEST_BIAS * fit.errors[0] or fit.p_value < REJECTED_FIT:
        return None
    return float(fit.coefficients[0]), float(fit.errors[0])


def _agreement(measured: list[_Measured], known, ladder: NDArray, label: str) -> list[str]:
    """The two specific heats, and the weight of large overlaps at the lowest temperature."""
    start, largest = f"{label}: " if label else "", measured[-1]
    # The slope is the mean of c over an interval: compared with the mean of the ends up to their curvature.
    between = 0.5 * (largest.heat.value[1:] + largest.heat.value[:-1])
    error = np.hypot(largest.slope.error, 0.5 * np.hypot(largest.heat.error[1:], largest.heat.error[:-1]))
    worst = int(np.argmax(np.abs(largest.slope.value - between) / error))
    found = [
        f"{start}N = {largest.n}: specific heat from fluctuations and from the slope of e(T) differ by at most "
        f"{abs(largest.slope.value[worst] - between[worst]):.3f} "
        f"({abs(largest.slope.value[worst] - between[worst]) / error[worst]:.1f} standard errors, around T = "
        f"{0.5 * (ladder[worst] + ladder[worst + 1]):.3f})"
    ]
    if known["overlap"][0] > 0:
        above = 0.5 * float(known["overlap"][0])
        weights = [overlap_weight(one.counts[:, 0], one.edges, above) for one in measured]
        listed = ", ".join(
            f"{w.value:.3f}({w.error:.3f}) at N = {o.n}" for w, o in zip(weights, measured, strict=True)
        )
        found.append(
            f"{start}weight of overlaps above q₁/2 = {above:.3f} at T = {ladder[0]:g}: {listed}; 1 − x of the theory "
            f"is {known['weight'][0]:.3f}"
        )
    return found
