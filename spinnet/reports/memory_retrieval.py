r"""Retrieval by a Hopfield network: the overlap that downhill sweeps keep with a pattern, and how often, against load.

Replica symmetry gives the overlap m(alpha) of retrieval states and their end at alpha_c = 0.1379; steps of replica
symmetry breaking move the end to 0.138 to 0.144. Sweeps from a pattern stop in the nearest minimum, whose overlap may
be a little higher than that of the typical retrieval state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import real_number
from spinnet.errors import InputError
from spinnet.estimators.resampling import jackknife, mean_and_error
from spinnet.estimators.scaling import extrapolate
from spinnet.reports.base import Content, Report
from spinnet.reports.results import PointResults, StudyResults
from spinnet.reports.verdicts import REJECTED_FIT
from spinnet.theory import hopfield

#: Where the end of retrieval lies with replica symmetry broken, from the literature.
KNOWN_END = (0.138, 0.144)
#: Load at which the overlap is compared with theory, and how near it must come.
COMPARED_LOAD, CLOSE = 0.1, 2e-3
#: Powers of 1/N with which half loads may approach their limit: both are shown, the truth is not known.
EXPONENTS = (0.5, 1.0)
_FEWEST_SAMPLES = 5
_CURVE = 200
_ROUNDING = 1e-9  # relative
_ARMS = {"retrieval": "hebb", "pseudo_inverse": "pseudo-inverse"}


class MemoryRetrievalReport(Report):
    """Overlap with the pattern and share of retrievals against load, at every size, beside theory.

    Parameters
    ----------
    retrieval
        Arm of a Hopfield network with Hebb's rule that starts at the pattern (``start_at = 1``), downhill.
    pseudo_inverse
        Arm with the pseudo-inverse rule, from any overlap above 0.
    threshold
        A final overlap above it is a retrieval. Overlaps are either above 0.9 or far below, but for small N.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = tuple(_ARMS)
    optional_arms: ClassVar[bool] = True
    probes: ClassVar[tuple[str, ...]] = ("energy", "signal_overlap")
    landscapes: ClassVar[tuple[str, ...]] = ("HopfieldModel",)
    dynamics: ClassVar[tuple[str, ...]] = ("Sweeps",)

    def __init__(self, retrieval: str = "", pseudo_inverse: str = "", threshold: float = 0.8):
        given = self.validate(retrieval=retrieval, pseudo_inverse=pseudo_inverse, threshold=threshold)
        self.arms = {name: given[name] for name in _ARMS}
        self.threshold = given["threshold"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        if not any(given[name] for name in _ARMS):
            raise InputError(f"no arm is named: set {' or '.join(_ARMS)}")
        given["threshold"] = real_number("threshold", given["threshold"], above=0.0)
        return given

    @classmethod
    def check(cls, settings: Mapping[str, Any], arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        super().check(settings, arms)
        for role, rule in _ARMS.items():
            name = cls.chosen_arm(settings, role, list(arms))
            for physics in arms[name] if name else ():
                landscape = physics["landscape"]
                if landscape["rule"] != rule:
                    raise InputError(f"{role}: arm {name} has rule = {landscape['rule']!r}; it must be {rule!r}")
                if physics["dynamics"]["temperature"] != 0:
                    raise InputError(f"{role}: arm {name} is not at temperature = 0")
                if not 0 < landscape["start_at"] <= 1 or (role == "retrieval" and landscape["start_at"] != 1):
                    allowed = "1, the pattern" if role == "retrieval" else "above 0"
                    raise InputError(f"{role}: arm {name} has start_at = {landscape['start_at']}; it must be {allowed}")

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`MemoryRetrievalReport`. Cost: milliseconds."""
        content = Content()
        for role, name in self.arms.items():
            if name:
                sizes = _by_size(results.points(name))
                halves = {n: self._size(content, role, n, points) for n, points in sizes.items()}
                content.findings += _overlap_findings(sizes) if role == "retrieval" else []
                content.findings.append(_end_finding(content, role, {n: h for n, h in halves.items() if h}, sizes))
        if self.arms["retrieval"]:
            loads = np.linspace(0.02, hopfield.capacity()[0], _CURVE)
            content.add("theory/load", loads, ("theory_load",), "1", "patterns per spin")
            content.add("theory/overlap", [hopfield.retrieval(load).overlap for load in loads], ("theory_load",))
            content.describe("theory", capacity=hopfield.capacity()[0], end_low=KNOWN_END[0], end_high=KNOWN_END[1])
        return content

    def _size(self, content: Content, role: str, n: int, points: list[tuple[float, PointResults]]):
        """Overlaps, shares and the half load (value, error) of one size; None where there is none."""
        loads = np.array([load for load, _ in points])
        final = [_final(point) for _, point in points]
        average = [_moments(values) for values in final]
        share = [_moments(_retrieved(point, self.threshold)) for _, point in points]
        settled = [_settled(point) for _, point in points]
        place = f"{role}/n={n}"
        content.describe(place, n=n, samples=min(len(values) for values in final))
        content.add(f"{place}/load", loads, ("load",), "1", "patterns per spin")
        for name, moments in (("overlap", average), ("retrieved", share)):
            content.add(f"{place}/{name}", [mean for mean, _ in moments], ("load",))
            content.add(f"{place}/{name}_error", [error for _, error in moments], ("load",))
        content.add(f"{place}/settling_time", settled, ("load",), "sweeps", "mean over samples that settled")
        for k, load in enumerate(loads):
            state = hopfield.retrieval(float(load)) if role == "retrieval" else None
            content.rows.append({
                "arm": role, "n": n, "load": float(load), "overlap": average[k][0], "overlap_error": average[k][1],
                "theory": state.overlap if state else None, "retrieved": share[k][0], "settling_time": settled[k],
            })  # fmt: skip
        half = _half_load(points, loads, self.threshold)
        if half:
            content.describe(place, half=half[0], half_error=half[1])
        return half


def _by_size(points: list[PointResults]) -> dict[int, list[tuple[float, PointResults]]]:
    """Points of each size with their loads P/N, ascending."""
    sizes: dict[int, list[tuple[float, PointResults]]] = {}
    for point in points:
        landscape, n = point.physics["landscape"], point.n_dof
        count = landscape["patterns"] if "patterns" in landscape else max(1, round(float(landscape["alpha"]) * n))
        sizes.setdefault(n, []).append((count / n, point))
    return {n: sorted(sizes[n], key=lambda pair: pair[0]) for n in sorted(sizes)}


def _final(point: PointResults) -> np.ndarray:
    """Overlap at the end, mean over replicas: one number per sample."""
    return point.read("trajectory/signal_overlap")[:, :, -1].mean(axis=1)


def _retrieved(point: PointResults, threshold: float) -> np.ndarray:
    """Share of replicas that end above the threshold: one number per sample."""
    return (point.read("trajectory/signal_overlap")[:, :, -1] > threshold).mean(axis=1)


def _moments(values: np.ndarray) -> tuple[float, float]:
    mean, error = mean_and_error(values[:, None])
    return float(mean[0]), float(error[0])


def _settled(point: PointResults) -> float:
    """Mean settling time; NaN if nothing settled, or nobody looked."""
    if not point.has("dynamics/settling_time"):
        return np.nan
    times = point.read("dynamics/settling_time")
    return float(times[np.isfinite(times)].mean()) if np.isfinite(times).any() else np.nan


def _crossing(loads: np.ndarray, share: np.ndarray) -> float:
    """Load at which the share falls through one half, between two measured loads; NaN if it does not."""
    above = np.flatnonzero(share >= 0.5)
    if not len(above) or above[-1] == len(loads) - 1:
        return np.nan
    k = above[-1]
    return float(loads[k] + (share[k] - 0.5) / (share[k] - share[k + 1]) * (loads[k + 1] - loads[k]))


def _half_load(points, loads: np.ndarray, threshold: float) -> tuple[float, float] | None:
    """The half load and its error over samples, whose patterns at different loads are the same ones."""
    numbers = [point.sample_numbers("trajectory") for _, point in points]
    common = numbers[0]
    for other in numbers[1:]:
        common = np.intersect1d(common, other)
    if len(common) < _FEWEST_SAMPLES:
        return None
    retrieved = np.stack([
        _retrieved(point, threshold)[np.isin(own, common)][np.argsort(own[np.isin(own, common)])]
        for own, (_, point) in zip(numbers, points, strict=True)
    ], axis=1)  # fmt: skip
    found = jackknife(lambda rows: _crossing(loads, rows.mean(axis=0)), retrieved, fewest_units=_FEWEST_SAMPLES)
    # Samples that are all alike leave rounding for an error: the loads are too coarse to know the half load.
    if not (np.isfinite(found.value) and np.isfinite(found.error) and found.error > _ROUNDING * found.value):
        return None
    return float(found.value), float(found.error)


def _overlap_findings(sizes) -> list[str]:
    """The overlap near the compared load at the largest size, beside replica symmetry."""
    n, points = list(sizes.items())[-1]
    load, point = min(points, key=lambda pair: abs(pair[0] - COMPARED_LOAD))
    state = hopfield.retrieval(float(load))
    if state is None:
        return [f"no load below alpha_c = {hopfield.capacity()[0]:.4f} was measured: overlaps are not compared"]
    mean, error = _moments(_final(point))
    gap = mean - state.overlap
    if not np.isfinite(error):
        return [f"overlap at alpha = {load:.4g}, N = {n}: {mean:.5f} from one sample; an error needs two"]
    verdict = "not decidedly within"
    if abs(gap) + 2 * error < CLOSE:
        verdict = "within"
    elif abs(gap) - 2 * error > CLOSE:
        verdict = "NOT within"
    side = "above" if gap > 2 * error else "below" if gap < -2 * error else "at"
    return [
        f"overlap kept at alpha = {load:.4g}, N = {n}: m = {mean:.5f} ± {error:.5f}, {verdict} {CLOSE:g} of replica "
        f"symmetry's {state.overlap:.5f} (difference {gap:+.5f}) and {side} it, two errors counted: downhill sweeps "
        "stop in the nearest minimum"
    ]


def _end_finding(content: Content, role: str, halves: dict[int, tuple[float, float]], sizes) -> str:
    """Half loads at all sizes, their drift and limits."""
    name = "Hebb's rule" if role == "retrieval" else "pseudo-inverse rule"
    if len(halves) < 2:
        return (
            f"{name}: half of the samples retrieve inside the range of loads at {len(halves)} of {len(sizes)} sizes; "
            "two or more are needed for a drift"
        )
    n = np.array(list(halves), dtype=float)
    values, errors = np.array(list(halves.values())).T
    listed = ", ".join(f"{a:.4f} ± {e:.4f} (N = {k:.0f})" for k, a, e in zip(n, values, errors, strict=True))
    drift, drift_error = values[-1] - values[0], float(np.hypot(errors[0], errors[-1]))
    moved = "falls" if drift < -2 * drift_error else "rises" if drift > 2 * drift_error else "does not move decidedly"
    text = f"{name}: half of the samples retrieve at alpha = {listed}; with N it {moved}"
    if len(halves) < 3 or role != "retrieval":
        return text
    low, high, parts = np.inf, -np.inf, []
    for exponent in EXPONENTS:
        fit = extrapolate(n, values, errors, exponent)
        if fit.p_value >= REJECTED_FIT:
            low, high = min(low, fit.limit - 2 * fit.limit_error), max(high, fit.limit + 2 * fit.limit_error)
        key = f"{exponent:g}".replace(".", "_")
        content.describe(role, **{f"limit_{key}": fit.limit, f"limit_{key}_error": fit.limit_error,
                                  f"slope_{key}": fit.amplitude, f"p_value_{key}": fit.p_value})  # fmt: skip
        parts.append(f"{fit.limit:.4f} ± {fit.limit_error:.4f} with N^-{exponent:g} (fit p = {fit.p_value:.2g})")
    if low > high:
        return f"{text}; none of the extrapolations {' or '.join(parts)} describes the sizes: its limit is not tested"
    meets = low <= KNOWN_END[1] and high >= KNOWN_END[0]
    return (
        f"{text}; its limit is {' or '.join(parts)}, the power is not known; with two errors the range of the fits "
        f"that are not rejected {'MEETS' if meets else 'MISSES'} the known end of retrieval, {KNOWN_END[0]} to "
        f"{KNOWN_END[1]}"
    )
