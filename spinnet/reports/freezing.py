"""Freezing of random energy landscapes: one-sample thermodynamics averaged, beside exact values at the same size.

Every sample's levels were all visited, so that there is no thermal noise: errors are those of the disorder.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spinnet.configurable import whole_number
from spinnet.errors import InputError
from spinnet.estimators.freezing import freezing_from_entropy, freezing_from_participation
from spinnet.estimators.resampling import jackknife, mean_and_error
from spinnet.estimators.scaling import weighted_least_squares
from spinnet.reports import level_theory
from spinnet.reports.base import Content, Report
from spinnet.reports.results import PointResults, StudyResults, shared_label
from spinnet.reports.verdicts import DECISIVE, z_scores
from spinnet.theory import ising_pspin, log_correlated
from spinnet.theory.random_energy_levels import mean_ground_state

#: Participation ratios below come from rare samples: their errors are not to be trusted, and they are not tested.
_TESTED = 0.05
_QUANTITIES = ("log_partition", "entropy", "mean_energy", "participation_2", "participation_3")


class FreezingReport(Report):
    """ln Z, entropy and Y_2 against T at every size, with exact values, limits and the freezing temperature.

    Parameters
    ----------
    arm
        The arm, measured with ``thermodynamics``; may be left out where there is only one.
    exact
        At how many of the temperatures the averages are computed exactly; 0 for none.
    """

    probes: ClassVar[tuple[str, ...]] = ("thermodynamics",)
    landscapes: ClassVar[tuple[str, ...]] = level_theory.KINDS

    def __init__(self, arm: str = "", exact: int = 6):
        given = self.validate(arm=arm, exact=exact)
        self.arm, self.exact = given["arm"], given["exact"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        given["exact"] = whole_number("exact", given["exact"])
        return given

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`FreezingReport`. Exact averages cost up to a second per size and temperature."""
        content = Content()
        arm = self.chosen_arm({"arm": self.arm}, "arm", results.arms)
        last: dict[str, tuple[dict[str, Any], PointResults]] = {}
        for number, (shared, points) in enumerate(results.series(arm)):
            label, found = shared_label(shared), []
            for point in points:
                tell(f"exact averages of {point.label}")
                found.append(self._point(content, f"series/{number}/n={point.parameters.get('n', 0)}", point))
            kind = points[0].physics["landscape"]["kind"]
            content.describe(f"series/{number}", label=label, kind=kind)
            where = f"{label}: " if label else ""
            if kind != "PSpinIsing":
                content.findings.append(where + _against_exact(found))
            if kind != "GeneralizedREM":
                content.findings.append(where + _freezing(content, f"series/{number}", found))
            if kind == "LogCorrelatedREM":
                content.findings.append(where + _lowest(content, f"series/{number}", found))
            if kind == "GeneralizedREM" and "sharing" in found[-1]:
                content.findings.append(where + _transitions(found[-1], points[-1].physics["landscape"]))
            last[label] = found[-1], points[-1]
        if kind == "PSpinIsing":
            content.findings.append(_towards_rem(content, last))
        return content

    def _point(self, content: Content, group: str, point: PointResults) -> dict[str, Any]:
        landscape, n = point.physics["landscape"], int(point.physics["landscape"]["n"])
        values = {name: point.independent(f"thermodynamics/{name}") for name in _QUANTITIES}
        temperature = point.independent("thermodynamics/temperatures")[0]
        ground = point.independent("thermodynamics/ground_state")
        chosen = np.zeros(len(temperature), dtype=bool)
        if self.exact:
            chosen[np.linspace(0, len(temperature) - 1, min(self.exact, len(temperature))).round().astype(int)] = True
        known = level_theory.known_averages(landscape, temperature, chosen)
        bound = level_theory.limit(landscape, temperature)
        found: dict[str, Any] = {
            "n": n, "samples": len(ground), "temperature": temperature, "values": values, "ground": ground,
            "known": known, "limit": bound,
        }  # fmt: skip
        axis = ("temperature",)
        content.describe(group, n=n, samples=len(ground))
        content.add(f"{group}/temperature", temperature, axis, "energy")
        for name, array in values.items():
            mean, error = mean_and_error(array)
            content.add(f"{group}/{name}", mean, axis)
            content.add(f"{group}/{name}_error", error, axis)
        if known is not None:
            content.add(f"{group}/exact_log_partition", known.log_partition, axis, "1", "E ln Z")
            content.add(f"{group}/exact_participation_2", known.participation, axis, "1", "E Y_2")
        if bound is not None:
            fine = np.linspace(temperature[0], temperature[-1], 121)
            curve = level_theory.limit(landscape, fine)
            content.add(f"{group}/limit_temperature", fine, ("fine",), "energy")
            content.add(f"{group}/limit_log_partition", curve.log_partition, ("fine",), "1", "ln Z/N as N grows")
            content.add(f"{group}/limit_entropy", curve.entropy, ("fine",))
            content.add(f"{group}/limit_participation_2", curve.participation, ("fine",))
        if point.has("thermodynamics/overlap_probability"):
            self._sharing(content, group, point, found)
        found["tests"] = _tests(found)
        content.rows.append({"point": point.label, "samples": len(ground), **_row(found)})
        return found

    def _sharing(self, content: Content, group: str, point: PointResults, found: dict[str, Any]) -> None:
        """P(two replicas share at least k generations), of trees whose overlap was measured along the tree."""
        if point.physics["probes"]["thermodynamics"].get("overlap") != "tree":
            return
        law = point.independent("thermodynamics/overlap_probability")
        at_least = law[..., ::-1].cumsum(axis=-1)[..., ::-1]
        mean, error = mean_and_error(at_least)
        found["sharing"] = at_least
        content.add(f"{group}/sharing", mean, ("temperature", "depth"), "1", "P(at least so many generations shared)")
        content.add(f"{group}/sharing_error", error, ("temperature", "depth"))
        if found["known"].sharing is not None:
            content.add(f"{group}/exact_sharing", found["known"].sharing, ("temperature", "depth"))


def _z(values: NDArray, expected: NDArray | float, probability: bool = False) -> NDArray:
    """Scores of the means of rows; NaN where one of the two is not known.

    A ``probability`` (a number from 0 to 1) that is the same in every sample may have a mean that rare samples make:
    the error is then the largest that a number of this mean can have, sqrt(x(1 − x)/samples).
    """
    mean, error = mean_and_error(values)
    if probability:
        with np.errstate(invalid="ignore"):
            error = np.where(error == 0.0, np.sqrt(expected * (1.0 - expected) / len(values)), error)
    return z_scores(mean, expected, error)


def _tests(found: dict[str, Any]) -> dict[str, NDArray]:
    known = found["known"]
    if known is None:
        return {}
    tested = np.where(known.participation > _TESTED, known.participation, np.nan)
    tests = {
        "ln Z": _z(found["values"]["log_partition"], known.log_partition),
        "Y_2": _z(found["values"]["participation_2"], tested, probability=True),
        "E_min": np.atleast_1d(_z(found["ground"], known.ground_state)),
    }
    return {name: z[~np.isnan(z)] for name, z in tests.items() if not np.isnan(z).all()}


def _row(found: dict[str, Any]) -> dict[str, Any]:
    tests = found["tests"]
    row: dict[str, Any] = {
        f"z_{name.replace(' ', '')}": float(tests[name][np.abs(tests[name]).argmax()]) if name in tests else None
        for name in ("ln Z", "Y_2", "E_min")
    }
    n, above, below = found["n"], *_temperatures(found)
    row |= {"ground_per_n": float(found["ground"].mean() / n), "freezing_entropy": above[0], "entropy_error": above[1],
            "freezing_y2": below[0], "y2_error": below[1]}  # fmt: skip
    return row


def _temperatures(found: dict[str, Any]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Freezing temperature of the mean curves with jackknife errors: from the entropy, from Y_2; NaN where not told."""
    t, limit = found["temperature"], found["n"] * math.log(2.0)

    def told(function: Callable[[NDArray], float], values: NDArray) -> tuple[float, float]:
        try:
            function(values.mean(axis=0))
            estimate = jackknife(lambda rows: function(rows.mean(axis=0)), values)
        except InputError:
            return math.nan, math.nan
        return float(estimate.value), float(estimate.error)

    above = told(lambda s: freezing_from_entropy(1.0 / t, s, limit).temperature, found["values"]["entropy"])
    below = told(lambda y: freezing_from_participation(t, y).temperature, found["values"]["participation_2"])
    return above, below


def _against_exact(found: Sequence[dict[str, Any]]) -> str:
    parts = []
    for name in ("ln Z", "Y_2", "E_min"):
        z = np.concatenate([one["tests"].get(name, np.empty(0)) for one in found])
        if len(z):
            worst = float(np.abs(z).max())
            verb = "meets" if worst < DECISIVE else "MISSES"
            parts.append(f"E {name} {verb} it {len(z)} times with |z| ≤ {worst:.1f}")
    if not parts:
        return "nothing exact is known at these sizes"
    law = "the law of Fyodorov and Bouchaud (large M, β ≤ 0.6)"
    what = "exact finite-size theory" if found[0]["known"].exact else law
    return f"beside {what}: {', '.join(parts)}"


def _freezing(content: Content, group: str, found: Sequence[dict[str, Any]]) -> str:
    """From the entropy at the largest size, from Y_2 by extrapolations in 1/N and in (ln N)/N.

    Entropies in the window of the fit differ from the limit by what is exponentially small in N (for independent
    levels: below beta_c/sqrt 2); Y_2 has corrections of the order (ln N)/N.
    """
    sizes = np.array([one["n"] for one in found], dtype=float)
    pairs = [_temperatures(one) for one in found]
    parts = []
    for k, (name, how) in enumerate((("freezing_entropy", "entropy"), ("freezing_y2", "Y_2"))):
        values, errors = np.array([pair[k] for pair in pairs]).T
        content.add(f"{group}/{name}", values, ("size",), "energy")
        content.add(f"{group}/{name}_error", errors, ("size",), "energy")
        good = np.isfinite(values) & np.isfinite(errors) & (errors > 0)
        if good.sum() < 3 or how == "entropy":
            if good.any():
                i = int(np.flatnonzero(good)[-1])
                parts.append(f"from the {how} T_f = {values[i]:.3f} ± {errors[i]:.3f} at N = {sizes[i]:.0f}")
            continue
        ends = []
        for shape in (1.0 / sizes[good], np.log(4.0 * np.pi * sizes[good] * math.log(2.0)) / sizes[good]):
            fit = weighted_least_squares(np.stack([np.ones(good.sum()), shape], axis=1), values[good], errors[good])
            ends.append((float(fit.coefficients[0]), float(fit.errors[0])))
        content.describe(group, **{
            f"{name}_limit": ends[0][0], f"{name}_limit_error": ends[0][1],
            f"{name}_limit_log": ends[1][0], f"{name}_limit_log_error": ends[1][1],
        })  # fmt: skip
        parts.append(
            f"from the {how} T_f = {ends[0][0]:.3f} ± {ends[0][1]:.3f} extrapolated in 1/N, {ends[1][0]:.3f} ± "
            f"{ends[1][1]:.3f} in (ln N)/N (N = {sizes[good][-1]:.0f}: {values[good][-1]:.3f} ± {errors[good][-1]:.3f})"
        )
    content.add(f"{group}/n", sizes, ("size",))
    bound = found[-1]["limit"]
    if bound is not None and np.isfinite(bound.freezing):
        content.describe(group, freezing=float(bound.freezing))
    exact = f"; the limit is {bound.freezing:.4f}" if bound is not None and np.isfinite(bound.freezing) else ""
    return f"freezing: {'; '.join(parts) or 'the temperatures measured do not tell'}{exact}"


def _lowest(content: Content, group: str, found: Sequence[dict[str, Any]]) -> str:
    """E E_min + 2 ln M against ln ln M: 3/2 for logarithmic correlations, 1/2 without any."""
    sizes = np.array([one["n"] for one in found], dtype=float)
    depth, errors = np.array([mean_and_error(one["ground"]) for one in found]).T
    shifted = depth + 2.0 * sizes * math.log(2.0)
    free = np.array([2.0 * math.sqrt(math.log(2.0)) * mean_ground_state(int(n)) for n in sizes])
    x = np.log(sizes * math.log(2.0))
    content.add(f"{group}/log_log_points", x, ("size",))
    content.add(f"{group}/shifted_minimum", shifted, ("size",), "energy")
    content.add(f"{group}/shifted_minimum_error", errors, ("size",), "energy")
    content.add(f"{group}/independent_minimum", free + 2.0 * sizes * math.log(2.0), ("size",), "energy")
    if len(found[-1]["ground"]) < 2:
        return "one sample tells nothing of the minimum's law"
    spread = [float(one["ground"].var(ddof=1)) for one in found]
    about = (
        f"variance of the minimum {spread[-1]:.2f} at N = {sizes[-1]:.0f} (limit {log_correlated.MINIMUM_VARIANCE:.2f})"
    )
    if len(sizes) < 3 or not np.all(np.isfinite(errors) & (errors > 0)):
        return about
    fit = weighted_least_squares(np.stack([np.ones(len(x)), x], axis=1), shifted, errors)
    content.describe(group, minimum_slope=float(fit.coefficients[1]), minimum_slope_error=float(fit.errors[1]))
    own = np.polyfit(x, free + 2.0 * sizes * math.log(2.0), 1)[0]
    return (
        f"E E_min + 2 ln M rises with ln ln M at the slope {fit.coefficients[1]:.2f} ± {fit.errors[1]:.2f} (3/2 as "
        f"M → ∞); independent levels of the same variance, exactly, at {own:.2f} over these sizes (1/2 as M → ∞); "
        f"{about}"
    )


def _transitions(found: dict[str, Any], landscape: Mapping[str, Any]) -> str:
    """Generations freeze at temperatures of their own: extrapolate P(shared) = 1 − T/T_i to zero."""
    parts = []
    expected = level_theory.generation_temperatures(landscape["levels"])
    for depth in range(1, len(expected) + 1):
        shared = found["sharing"][:, :, depth]
        try:
            estimate = jackknife(
                lambda rows: freezing_from_participation(found["temperature"], rows.mean(axis=0)).temperature, shared
            )
        except InputError:
            continue
        limit = expected[depth - 1]
        parts.append(f"generation {depth} at {estimate.value:.3f} ± {estimate.error:.3f} (N → ∞: {limit:.4f})")
    exact = found["known"].sharing[:, 1:]
    known = np.where((exact > _TESTED) & (exact < 1 - 1e-9), exact, np.nan)
    z = _z(found["sharing"][:, :, 1:], known, probability=True)
    worst, checked = np.abs(z[~np.isnan(z)]).max(initial=0.0), ""
    if not np.isnan(z).all():
        verb = "meet" if worst < DECISIVE else "MISS"
        checked = f"; overlap probabilities {verb} their exact means with |z| ≤ {worst:.1f}"
    how = "one after the other" if len(set(expected.round(9))) > 1 else "together as N → ∞"
    return f"at N = {found['n']} the levels freeze {how}: {', '.join(parts) or 'not told'}{checked}"


def _towards_rem(content: Content, series: dict[str, tuple[dict[str, Any], PointResults]]) -> str:
    """Distance of E ln Z and E Y_2 from those of independent levels, against p."""
    rows = []
    for found, point in series.values():
        known, p = found["known"], int(point.physics["landscape"]["p"])
        at = np.flatnonzero(np.isfinite(known.log_partition))
        if not len(at):
            return "distances from independent levels are not told: nothing exact was asked for (exact = 0)"
        at = at[np.argmin(np.abs(found["temperature"][at] - 0.5))]
        gaps = []
        for name, exact in (("log_partition", known.log_partition), ("participation_2", known.participation)):
            mean, error = mean_and_error(found["values"][name][:, at])
            gaps += [float(mean - exact[at]), float(error)]
        rows.append((p, *gaps, ising_pspin.transitions(p).static_temperature if p >= 3 else math.nan))
    rows.sort()
    table = np.array(rows)
    names = ("degree", "log_partition_gap", "log_partition_gap_error", "participation_gap", "participation_gap_error",
             "static_temperature")  # fmt: skip
    for name, column in zip(names, table.T, strict=True):
        content.add(f"degrees/{name}", column, ("degree",))
    t = float(found["temperature"][at])
    content.describe("degrees", temperature=t, n=found["n"])
    parts = [
        f"p = {p:.0f}: {gap:+.3f} ± {error:.3f} (Y_2 {y:+.3f} ± {y_error:.3f})" for p, gap, error, y, y_error, _ in rows
    ]
    return f"E ln Z less that of independent levels, N = {found['n']}, T = {t:.2g}: {'; '.join(parts)}"
