r"""Other ways of storing the couplings of a glass beside the exact one: energies at infinite temperature, relaxation.

A kind is *exact* where its couplings are Gaussian with the covariance N f(q) at every N. The others approach it: what
is measured is how far they are at each size. At infinite temperature two moments of H are laid beside their exact
values at that size (:mod:`spinnet.theory.coupling_moments`). Along a relaxation the energy density of a kind minus that
of the exact kind at the same size and time is fitted as :math:`A N^{\alpha}` and extrapolated to N → ∞, and each kind
alone is extrapolated and laid beside the N → ∞ dynamics.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import one_of, real_number
from spinnet.errors import InputError
from spinnet.estimators.resampling import FEWEST_UNITS, jackknife, mean_and_error
from spinnet.reports.base import Content, Report
from spinnet.reports.glass_theory import CLOCKED, covariance_of, infinite_size, refuse_field
from spinnet.reports.results import PointResults, StudyResults
from spinnet.reports.size_differences import Curves, SizeDifference, index_of, large_size_limit, normal_scores
from spinnet.theory.coupling_moments import EnergyMoments, energy_moments

#: A difference is called one from here on, in standard errors; so many kinds, sizes and times are looked at.
SIGNIFICANT = 4.0
_OPTIONS = ("couplings", "strict", "connectivity", "terms_per_spin", "weights")
_EXACT = ("dense", "hashed")


class CouplingKindsReport(Report):
    """How kinds of couplings approach the exact kind; all arms of the study are used.

    Arms with the dynamics ``Still`` give energies at infinite temperature, the others relaxations. Each may hold
    several kinds, as values of ``couplings`` in its ensemble.

    Parameters
    ----------
    reference
        The exact kind: "dense" or "hashed".
    times
        When relaxations are compared; empty takes the decades within the runs.
    tolerance
        Error asked of the theory.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ()
    probes: ClassVar[tuple[str, ...]] = ("energy",)
    landscapes: ClassVar[tuple[str, ...]] = ("SphericalGlass",)
    dynamics: ClassVar[tuple[str, ...]] = ("Still", *CLOCKED)

    def __init__(self, reference: str = "dense", times: Sequence[float] = (), tolerance: float = 1e-4):
        given = self.validate(reference=reference, times=times, tolerance=tolerance)
        self.reference, self.times, self.tolerance = given["reference"], given["times"], given["tolerance"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        one_of("reference", given["reference"], _EXACT)
        if not isinstance(given["times"], list | tuple):
            raise InputError(f"times = {given['times']!r}: give a list of times")
        given["times"] = sorted(real_number("times", time, above=0.0) for time in given["times"])
        given["tolerance"] = real_number("tolerance", given["tolerance"], 1e-8)
        return given

    @classmethod
    def check(cls, settings: Mapping[str, Any], arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Also: one covariance, the reference at every size of a relaxation, and runs as long as the times."""
        for arm, points in arms.items():
            for physics in points:
                cls.check_physics(arm, physics)
                refuse_field(arm, physics)
        every = [physics for points in arms.values() for physics in points]
        if len({str(covariance_of(physics).amplitudes) for physics in every}) > 1:
            raise InputError("the arms have different covariances: kinds are compared at the same one")
        moving = [physics for physics in every if physics["dynamics"]["kind"] != "Still"]
        if len({str(physics["dynamics"]) for physics in moving}) > 1:
            raise InputError("the arms have different dynamics: kinds are compared with the same one")
        have = {p["landscape"]["n"] for p in moving if kind_of(p) == settings["reference"]}
        for physics in moving:
            if physics["landscape"]["n"] not in have:
                raise InputError(
                    f"couplings = {settings['reference']!r} are not relaxed at n = {physics['landscape']['n']}: each "
                    "kind is compared with the reference at its own sizes"
                )
            if settings["times"] and settings["times"][-1] > physics["last"] * (1 + 1e-9):
                raise InputError(
                    f"times = {settings['times'][-1]:g} lies beyond the end of the runs, last = {physics['last']:g}"
                )

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`CouplingKindsReport`. Cost: that of the theory, seconds for t = 100."""
        content = Content()
        points = [point for arm in results.arms for point in results.points(arm)]
        still, moving = _by_kind(points, still=True), _by_kind(points, still=False)
        for number, (kind, found) in enumerate(still.items()):
            _infinite_temperature(content, f"states/{number}", kind, found)
        if moving:
            self._relaxation(content, moving, tell)
        return content

    def _relaxation(self, content: Content, kinds: dict[str, list[PointResults]], tell) -> None:
        if self.reference not in kinds:
            raise InputError(f"couplings = {self.reference!r} have no results yet: all others are compared with them")
        curves = {kind: {point.n_units: _curve(point) for point in points} for kind, points in kinds.items()}
        time = next(iter(curves[self.reference].values()))[0]
        moments = _moments(time, self.times)
        tell(f"theory up to t = {time[-1]:g}")
        grid = np.unique(np.concatenate([np.geomspace(max(time[1], 1e-3), time[-1], 100), moments]))
        theory = infinite_size(kinds[self.reference][0].physics, grid, tolerance=self.tolerance)
        content.add("theory/time", theory.time, ("theory_time",), "1/rate")
        content.add("theory/energy_density", theory.energy_density, ("theory_time",), "energy")
        content.describe("theory", solver=theory.message, converged=int(theory.converged))
        at = [int(np.argmin(np.abs(theory.time - moment))) for moment in moments]
        known, wrong = theory.energy_density[at], np.broadcast_to(theory.energy_error, theory.time.shape)[at]
        for number, (kind, sizes) in enumerate(curves.items()):
            group = f"relaxation/{number}"
            content.describe(group, kind=kind, reference=self.reference)
            for n, (clock, values) in sizes.items():
                mean, error = mean_and_error(values)
                content.describe(f"{group}/n={n}", n=n, samples=len(values))
                content.add(f"{group}/n={n}/time", clock, ("time",))
                content.add(f"{group}/n={n}/energy_density", mean, ("time",), "energy")
                content.add(f"{group}/n={n}/energy_density_error", error, ("time",), "energy")
            if kind != self.reference:
                pairs = _same_samples(kinds[kind], kinds[self.reference])
                compared = [SizeDifference.of(*pairs, moment) for moment in moments]
                _store(content, group, compared)
                content.rows += [_row(kind, one) for one in compared]
                content.findings.append(_approach(kind, self.reference, compared))
        content.findings.append(_against_theory(content, curves, moments, known, wrong))


def kind_of(physics: Mapping[str, Any]) -> str:
    """A name for the couplings of a point: "dense", "dense strict", "diluted, c = 1"."""
    landscape = physics["landscape"]
    name = landscape.get("couplings", "dense")
    if landscape.get("strict"):
        name += " strict"
    if name == "diluted":
        if landscape.get("terms_per_spin") is not None:
            name += f", {landscape['terms_per_spin']:g} terms per spin"
        else:
            name += f", c = {landscape.get('connectivity') or 1.0:g}"
        if landscape.get("weights") == "gaussian":
            name += ", Gaussian"
    return name


def is_exact(physics: Mapping[str, Any]) -> bool:
    """Whether the couplings are Gaussian with the covariance N f(q) at every N."""
    landscape = physics["landscape"]
    return landscape.get("couplings", "dense") in _EXACT and not landscape.get("strict")


def _by_kind(points: list[PointResults], still: bool) -> dict[str, list[PointResults]]:
    found: dict[str, list[PointResults]] = {}
    for point in points:
        if (point.physics["dynamics"]["kind"] == "Still") == still:
            found.setdefault(kind_of(point.physics), []).append(point)
    return {kind: sorted(some, key=lambda point: point.n_units) for kind, some in found.items()}


def _infinite_temperature(content: Content, group: str, kind: str, points: list[PointResults]) -> None:
    """Second moment and kurtosis of H at each size beside the exact ones."""
    table: dict[str, list[float]] = {}
    for point in points:
        n = point.n_units
        landscape = point.physics["landscape"]
        options = {name: landscape[name] for name in _OPTIONS if name in landscape}
        covariance = {int(p): float(a) for p, a in landscape["covariance"].items()}
        exact = energy_moments(n, covariance, **options)
        # Units are disorder samples: configurations on one share its couplings.
        energy = n * point.read("trajectory/energy_density")[..., 0]
        second, fourth = (energy**2).mean(axis=1), (energy**4).mean(axis=1)
        found = _moments_of(second, fourth, exact, _usual(n, covariance))
        for name, value in {"n": n, "samples": len(energy), **found}.items():
            table.setdefault(name, []).append(value)
    content.describe(group, kind=kind)
    for name, values in table.items():
        content.add(f"{group}/{name}", values, ("size",))
    grid = np.unique(np.geomspace(table["n"][0], table["n"][-1], 60).round().astype(int))
    law = [energy_moments(int(n), covariance, **options) for n in grid]
    content.add(f"{group}/curve_n", grid, ("curve",))
    variances = [m.second / _usual(int(n), covariance) for n, m in zip(grid, law, strict=True)]
    content.add(f"{group}/curve_variance", variances, ("curve",))
    content.add(f"{group}/curve_kurtosis", [m.excess_kurtosis for m in law], ("curve",))
    last = {name: values[-1] for name, values in table.items()}
    worst = {}
    for name in ("variance", "kurtosis"):
        value, exact, error = (np.array(table[key]) for key in (name, f"exact_{name}", f"{name}_error"))
        worst[name] = max(normal_scores((value - exact) / error, np.array(table["samples"])), key=abs)
        content.rows.append({
            "kind": kind, "quantity": name, "n": int(last["n"]), "value": last[name],
            "value_error": last[f"{name}_error"], "reference": last[f"exact_{name}"],
            "difference": last[name] - last[f"exact_{name}"], "difference_error": last[f"{name}_error"],
            "exponent": None, "exponent_error": None,
        })  # fmt: skip
    content.findings.append(_energies(kind, points, table, worst))


def _usual(n: int, covariance: Mapping[int, float]) -> float:
    """N f(1)."""
    return 0.5 * n * sum(a * a for a in covariance.values())


def _moments_of(second, fourth, exact: EnergyMoments, usual: float) -> dict[str, float]:
    """Variance over N f(1) and excess kurtosis, with errors over samples and the exact values."""
    mean, error = mean_and_error(second / usual)
    if len(second) >= FEWEST_UNITS:
        ratio = jackknife(lambda a, b: b.mean() / a.mean() ** 2 - 3.0, second, fourth)
        kurtosis, kurtosis_error = ratio.value - ratio.bias, ratio.error
    else:
        kurtosis = kurtosis_error = np.nan
    return {
        "variance": float(mean), "variance_error": float(error), "exact_variance": exact.second / usual,
        "kurtosis": float(kurtosis), "kurtosis_error": float(kurtosis_error),
        "exact_kurtosis": exact.excess_kurtosis,
    }  # fmt: skip


def _energies(kind: str, points: list[PointResults], table, worst) -> str:
    sizes = table["n"]
    span = f"N = {sizes[0]}" + (f" to {sizes[-1]}" if len(sizes) > 1 else "")
    parts = []
    for name, words in (("variance", "variance of H over N f(1)"), ("kurtosis", "excess kurtosis")):
        exact = table[f"exact_{name}"]
        scale = f"{exact[0]:.4g} to {exact[-1]:.4g}" if abs(exact[0] - exact[-1]) > 1e-9 else f"{exact[0]:.4g}"
        if not np.isfinite(worst[name]):
            parts.append(f"{words} not tested, fewer than {FEWEST_UNITS} samples")
        elif abs(worst[name]) < SIGNIFICANT:
            parts.append(f"{words} as exactly known at each size, {scale} (largest |z| {abs(worst[name]):.2f})")
        else:
            parts.append(f"{words} is NOT the exactly known one, {scale}: z = {worst[name]:.1f}")
    exact = is_exact(points[0].physics)
    return f"{kind}{' (exact)' if exact else ''}, infinite temperature, {span}: {'; '.join(parts)}"


def _store(content: Content, group: str, compared: list[SizeDifference]) -> None:
    content.add(f"{group}/n", compared[0].sizes, ("size",))
    content.add(f"{group}/moment", [one.time for one in compared], ("moment",))
    content.add(f"{group}/difference", [one.difference for one in compared], ("moment", "size"), "energy")
    content.add(f"{group}/difference_error", [one.error for one in compared], ("moment", "size"), "energy")
    powers = [one.power for one in compared]
    for name in ("exponent", "exponent_error", "log_prefactor"):
        content.add(f"{group}/{name}", [np.nan if fit is None else getattr(fit, name) for fit in powers], ("moment",))
    content.add(f"{group}/from_size", [one.from_size for one in compared], ("moment",))
    limits = [one.limit or (np.nan, np.nan) for one in compared]
    for k, name in enumerate(("limit", "limit_error")):
        content.add(f"{group}/{name}", [limit[k] for limit in limits], ("moment",))


def _row(kind: str, one: SizeDifference) -> dict[str, Any]:
    power = one.power
    return {
        "kind": kind, "quantity": f"e(t = {one.time:.3g})", "n": int(one.sizes[-1]), "value": float(one.value[-1]),
        "value_error": None, "reference": float(one.reference[-1]), "difference": float(one.difference[-1]),
        "difference_error": float(one.error[-1]), "exponent": None if power is None else power.exponent,
        "exponent_error": None if power is None else power.exponent_error,
    }  # fmt: skip


def _approach(kind: str, reference: str, compared: list[SizeDifference]) -> str:
    """What the differences say, in one sentence."""
    scores = np.concatenate([one.scores for one in compared])
    span = f"N = {compared[0].sizes[0]:.0f} to {compared[0].sizes[-1]:.0f}"
    if not np.isfinite(scores).all():
        return f"{kind} against {reference}: fewer than two samples at some size, nothing is tested"
    largest = f"largest |z| of {len(scores)} differences {np.abs(scores).max():.2f}"
    if kind in _EXACT:
        if np.abs(scores).max() < SIGNIFICANT:
            return f"{kind} relaxes as {reference}, as it must: {largest}, {span}"
        return f"{kind} does NOT relax as {reference}, though both are exact at every N: {largest}, {span}"
    if np.abs(scores).max() < SIGNIFICANT:
        bound = max(float(np.abs(one.difference[-1]) + 2 * one.error[-1]) for one in compared)
        return (
            f"{kind} against {reference}: no difference of e(t) is resolved at {SIGNIFICANT:g} standard deviations "
            f"(Student's t of these few samples as normal ones), {largest}, {span}; at the largest size it "
            f"is below {bound:.2g}"
        )
    parts = []
    for one in compared:
        side = "above" if one.difference[np.argmax(np.abs(one.scores))] > 0 else "below"
        ends = [
            f"{one.difference[k]:+.4f} ± {one.error[k]:.4f} at N = {one.sizes[k]:.0f}"
            for k in sorted({0, len(one.sizes) - 1})
        ]
        text = f"t = {one.time:.3g}: {side}, {', '.join(ends)}"
        if one.power is not None:
            where = "" if one.from_size == one.sizes[0] else f" from N = {one.from_size:.0f}"
            text += f", falling as N^({one.power.exponent:.2f} ± {one.power.exponent_error:.2f}){where}"
            last, last_error = one.last_exponent
            text += f" (between the largest two N^({last:.2f} ± {last_error:.2f}))"
        parts.append(text)
    return f"{kind} against {reference}: {'; '.join(parts)}. {_vanishes(compared)}"


def _vanishes(compared: list[SizeDifference]) -> str:
    known = [(one.limit[0] / one.limit[1], one) for one in compared if one.limit is not None]
    lost = [one for one in compared if one.limit is None]
    said = []
    if known:
        z, worst = max(known, key=lambda pair: abs(pair[0]))
        value, error = worst.limit
        said.append(
            f"For N → ∞ the difference vanishes (largest |z| {abs(z):.2f} of {len(known)} times)"
            if abs(z) < SIGNIFICANT
            else f"For N → ∞ the difference does NOT vanish: {value:.4f} ± {error:.4f} at t = {worst.time:.3g}"
        )
    if lost:
        times = ", ".join(f"{one.time:.3g}" for one in lost)
        said.append(
            f"{'At' if not said else 'at'} t = {times} a + b/N does not describe the sizes, or fewer than three"
        )
    return "; ".join(said)


def _against_theory(content: Content, curves, moments, known, wrong) -> str:
    """Each kind alone, extrapolated, beside the N → ∞ dynamics."""
    parts = []
    for number, (kind, sizes) in enumerate(curves.items()):
        scores = np.full(len(moments), np.nan)
        limits = np.full((2, len(moments)), np.nan)
        n = np.array(sorted(sizes), dtype=float)
        for k, moment in enumerate(moments):
            both = [mean_and_error(sizes[int(m)][1][:, index_of(sizes[int(m)][0], moment)]) for m in n]
            values, errors = (np.array(part, dtype=float) for part in zip(*both, strict=True))
            found = large_size_limit(n, values, errors) if (errors > 0).all() else None
            if found is not None:
                limits[:, k] = found
                scores[k] = (found[0] - known[k]) / np.hypot(found[1], wrong[k])
        for name, values in (("energy_limit", limits[0]), ("energy_limit_error", limits[1]), ("theory_z", scores)):
            content.add(f"relaxation/{number}/{name}", values, ("moment",))
        tested = scores[np.isfinite(scores)]
        if len(tested):
            missed = "" if np.abs(tested).max() < SIGNIFICANT else "MISSES it, "
            parts.append(f"{kind} {missed}|z| ≤ {np.abs(tested).max():.2f} ({len(tested)} of {len(moments)} times)")
        else:
            parts.append(f"{kind} not tested")
    return f"each kind extrapolated alone, against the N → ∞ dynamics: {'; '.join(parts)}"


def _same_samples(points: list[PointResults], references: list[PointResults]) -> tuple[Curves, Curves]:
    """Curves of two kinds at the sizes that both have, row by row of the same disorder sample."""
    by_size = {point.n_units: point for point in references}
    mine, theirs = {}, {}
    for point in points:
        if (other := by_size.get(point.n_units)) is not None:
            rows, other_rows = point.rows_in_common(other, "trajectory")
            for found, one, chosen in ((mine, point, rows), (theirs, other, other_rows)):
                time, values = _curve(one)
                found[one.n_units] = time, values[chosen]
    return mine, theirs


def _curve(point: PointResults) -> tuple[np.ndarray, np.ndarray]:
    return point.read("trajectory/time"), point.independent("trajectory/energy_density")


def _moments(time: np.ndarray, wanted: Sequence[float]) -> np.ndarray:
    """The measured times nearest to those wanted."""
    if not len(wanted):
        wanted = list(itertools.takewhile(lambda t: t <= time[-1], 10.0 ** np.arange(0, 20))) or [time[-1]]
    return np.unique([time[index_of(time, moment)] for moment in wanted])
