"""Folding on landscapes with a native state: statics beside theory, folding times, and densities of states by sampling.

Statics are exact for each sample (all levels were visited), so that errors are those of the disorder. Definitions: T_f
is where the native state of a sample has the weight one half (a hole), or where ⟨Q⟩ = 1/2 (a funnel); T_g = σ/√(2S₀), σ
the roughness at |Q| < 0.15; Λ = δE/(σ√(2S₀)) the frustration index. Below Λ = 1.1 nothing is said of folding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from spinnet.errors import InputError
from spinnet.estimators.resampling import mean_and_error
from spinnet.reports import folding_kinetics, folding_sampling
from spinnet.reports.base import Content, Report, require_probe
from spinnet.reports.results import PointResults, StudyResults
from spinnet.reports.verdicts import DECISIVE, shown, z_score
from spinnet.theory import folding
from spinnet.theory.random_energy_finite import native_probability

_STATIC = ("hole", "funnel")
_PROBES = {
    "hole": "funnel", "funnel": "funnel", "hole_exact": "native_passage", "funnel_exact": "native_passage",
    "sampled": "density_of_states",
}  # fmt: skip
_DYNAMICS = {"hole_kinetics": "FirstPassage", "funnel_kinetics": "FirstPassage", "sampled": "WangLandau",
             "walked": "OverlapWalk"}
#: States of less overlap than this with the native one are on the unfolded side of a barrier.
_UNFOLDED = 0.3
#: Largest N whose exact mean native weight is computed: half a second each.
_LARGEST_EXACT = 24


class FoldingReport(Report):
    """P_native(T), F(Q, T), T_f/T_g, folding times against T, and Wang–Landau sampling; each arm may be left out.

    Parameters
    ----------
    hole, funnel
        Arms measured with ``funnel``: golf-holes at several Λ and N, and funnels.
    hole_kinetics, funnel_kinetics
        Arms of ``FirstPassage`` walks at several temperatures.
    hole_exact, funnel_exact
        Arms measured with ``native_passage`` on the same landscapes.
    sampled
        Arm of ``WangLandau`` walks, measured with ``density_of_states``.
    walked
        Arm of ``OverlapWalk`` at one temperature, of more spins than can be listed.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = (
        "hole", "funnel", "hole_kinetics", "hole_exact", "funnel_kinetics", "funnel_exact", "sampled", "walked",
    )  # fmt: skip
    landscapes: ClassVar[tuple[str, ...]] = ("FoldingREM",)

    def __init__(
        self, hole: str = "", funnel: str = "", hole_kinetics: str = "", hole_exact: str = "",
        funnel_kinetics: str = "", funnel_exact: str = "", sampled: str = "", walked: str = "",
    ):  # fmt: skip
        self.arms = self.validate(
            hole=hole, funnel=funnel, hole_kinetics=hole_kinetics, hole_exact=hole_exact,
            funnel_kinetics=funnel_kinetics, funnel_exact=funnel_exact, sampled=sampled,
            walked=walked,
        )  # fmt: skip

    @classmethod
    def check(cls, settings: Mapping[str, Any], arms: Mapping[str, Any]) -> None:
        super().check(settings, arms)
        for role in cls.arm_parameters:
            name = cls.chosen_arm(settings, role, list(arms))
            for physics in arms[name] if name else ():
                _check_role(role, name, physics)

    @classmethod
    def chosen_arm(cls, settings: Mapping[str, Any], parameter: str, arms: Any) -> str:
        """No arm stands for another one here."""
        return super().chosen_arm(settings, parameter, arms) if settings[parameter] else ""

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`FoldingReport`. Exact averages cost half a second per point of holes."""
        content = Content()
        chosen = {role: results.points(name) for role, name in self.arms.items() if name}
        for role in _STATIC:
            if role in chosen:
                _statics(content, role, chosen[role], tell)
        for role in _STATIC:
            walks, exact = chosen.get(f"{role}_kinetics", []), chosen.get(f"{role}_exact", [])
            if walks or exact:
                content.findings += folding_kinetics.add_kinetics(content, role, walks, exact)
        if "sampled" in chosen:
            content.findings += folding_sampling.add_sampling(content, chosen["sampled"])
        if "walked" in chosen:
            content.findings += folding_sampling.add_walks(content, chosen["walked"])
        return content


def _check_role(role: str, arm: str, physics: Mapping[str, Any]) -> None:
    kind = _DYNAMICS.get(role)
    if kind and physics["dynamics"]["kind"] != kind:
        raise InputError(f"arm {arm} has the dynamics {physics['dynamics']['kind']}; {role} is for {kind}")
    if role in _PROBES:
        require_probe(arm, physics, _PROBES[role])
    is_hole = physics["landscape"]["funnel"] == "golf-hole"
    if role.startswith("hole") and not (is_hole and physics["landscape"]["softening"] == 0):
        raise InputError(f"arm {arm}: {role} is for funnel = 'golf-hole' with softening = 0")
    if role.startswith("funnel") and is_hole:
        raise InputError(f"arm {arm}: {role} is for funnel = 'power'")


def _statics(content: Content, role: str, points: list[PointResults], tell: Callable[[str], None]) -> None:
    tests: list[dict[str, Any]] = []
    for number, point in enumerate(points):
        tell(f"statics of {point.label}")
        tests.append(_point(content, role, f"{role}/{number}", point))
    folded = [one for one in tests if one["folded"]]
    unfolded = sorted({one["stability"] for one in tests if not one["folded"]})
    if unfolded:
        lowest = min(one["native_lowest"] for one in tests if not one["folded"])
        content.findings.append(
            f"{role}: unfolded at Λ = {', '.join(f'{s:g}' for s in unfolded)} (below {folding.LEAST_STABILITY:g}), "
            f"no folding temperature is reported; the native state is the lowest level in {100 * lowest:.0f} % of the "
            f"samples{' or more' if lowest < 1 else ''}"
        )
    if folded and role == "hole":
        content.findings += [_half(folded), _ratio(folded)]
    elif folded:
        content.findings.append(_funnel(folded))
    barriers = [one for one in folded if one["n"] == max(f["n"] for f in folded) and np.isfinite(one["barrier"])]
    if barriers:
        told = ", ".join(
            f"{one['barrier']:.1f} T{' (downhill)' if one['barrier'] == 0.0 else ''} at Λ = {one['stability']:g}"
            for one in barriers
        )
        content.findings.append(
            f"{role}: at its folding temperature the barrier of the mean free energy F(Q) between low overlap and the "
            f"native side is {told} (N = {barriers[0]['n']})"
        )


def _point(content: Content, role: str, group: str, point: PointResults) -> dict[str, Any]:
    """Curves and temperatures of one point; those that fold are tested."""
    landscape, n = point.physics["landscape"], int(point.physics["landscape"]["n"])
    nominal = float(landscape["stability"])
    read = {
        name: point.independent(f"funnel/{name}")
        for name in ("temperatures", "overlaps", "shell_entropy", "log_partition", "native_weight", "mean_overlap",
                     "shell_mean", "shell_deviation", "glass_temperature", "stability", "folding_temperature",
                     "half_overlap_temperature", "random_energy_temperature", "native_energy", "ground_state",
                     "stability_gap")
    }  # fmt: skip
    temperature, overlap = read["temperatures"][0], read["overlaps"][0]
    free = -temperature[:, None] * read["log_partition"].mean(axis=0)
    folds = read["folding_temperature" if role == "hole" else "half_overlap_temperature"]
    good = np.isfinite(folds)
    index, index_error = _moments(read["stability"])
    found: dict[str, Any] = {
        "label": point.label, "n": n, "stability": nominal, "samples": len(folds), "index": index,
        "folded": folding.is_folded(min(nominal, index)),
        "native_lowest": float((read["native_energy"] == read["ground_state"]).mean()),
        "barrier": math.nan, "missing": int((~good).sum()),
    }  # fmt: skip
    content.describe(group, n=n, stability=nominal, frustration_index=index, frustration_index_error=index_error,
                     folded=int(found["folded"]), label=point.label, samples=len(folds))  # fmt: skip
    axis = ("temperature",)
    content.add(f"{group}/temperature", temperature, axis, "energy")
    content.add(f"{group}/overlap", overlap, ("shell",))
    content.add(f"{group}/shell_entropy", read["shell_entropy"][0], ("shell",), "1", "S(Q)")
    content.add(f"{group}/free_energy", free, ("temperature", "shell"), "energy", "sample mean of F(Q, T)")
    for name in ("native_weight", "mean_overlap"):
        mean, error = mean_and_error(read[name])
        content.add(f"{group}/{name}", mean, axis)
        content.add(f"{group}/{name}_error", error, axis)
    for name in ("shell_mean", "shell_deviation"):
        content.add(f"{group}/{name}", read[name].mean(axis=0), ("shell",), "energy")
    row = {**folding_kinetics.EMPTY_ROW, "part": role, "point": point.label, "samples": len(folds),
           "frustration_index": index}  # fmt: skip
    if found["folded"] and good.all():
        ratio = folds / read["glass_temperature"]
        found["ratio"], found["ratio_error"] = _moments(ratio)
        # the law is that of a hole
        expected = folding.folding_to_glass_ratio(nominal) if role == "hole" else math.nan
        folds_at, folds_error = _moments(folds)
        predicted = _moments(read["random_energy_temperature"])[0]
        found |= {"expected": expected, "folds_at": folds_at, "folds_error": folds_error, "predicted": predicted,
                  "z": z_score(found["ratio"], expected, found["ratio_error"])}  # fmt: skip
        nearest = int(np.abs(temperature - folds_at).argmin())
        found["barrier"] = barrier(overlap, free[nearest]) / float(temperature[nearest])
        content.describe(group, folding_temperature=folds_at, folding_temperature_error=folds_error,
                         glass_temperature=_moments(read["glass_temperature"])[0], ratio=found["ratio"],
                         ratio_error=found["ratio_error"], ratio_theory=expected, barrier=found["barrier"],
                         nearest=nearest)  # fmt: skip
        row |= {"folding_temperature": folds_at, "folding_error": folds_error,
                "glass_temperature": _moments(read["glass_temperature"])[0], "ratio": found["ratio"],
                "ratio_error": found["ratio_error"], "theory": shown(expected), "z": shown(found["z"])}  # fmt: skip
    if role == "hole" and point.has("funnel/native_weight_nominal") and found["folded"]:
        weight, error = _moments(point.independent("funnel/native_weight_nominal"))
        at = float(point.independent("funnel/nominal_temperature")[0])
        found |= {"weight": weight, "weight_error": error, "exact": math.nan}
        if n <= _LARGEST_EXACT:
            found["exact"] = native_probability(n, at, -float(read["native_energy"][0]))
        found["weight_z"] = z_score(weight, found["exact"], error)
        content.describe(group, nominal_temperature=at, native_weight_nominal=weight,
                         native_weight_nominal_error=error, native_weight_exact=found["exact"])  # fmt: skip
    content.rows.append(row)
    return found


def _moments(values: np.ndarray) -> tuple[float, float]:
    mean, error = mean_and_error(values[:, None])
    return float(mean[0]), float(error[0])


def barrier(overlap: np.ndarray, free: np.ndarray) -> float:
    """Rise of F on the way from its minimum at Q ≤ 0.3 to its minimum beyond, both shells included; 0: downhill."""
    unfolded, folded = np.flatnonzero(overlap <= _UNFOLDED), np.flatnonzero(overlap > _UNFOLDED)
    start, end = unfolded[np.argmin(free[unfolded])], folded[np.argmin(free[folded])]
    return float(free[end : start + 1].max() - free[start])


def _half(folded: list[dict[str, Any]]) -> str:
    """P_native at the T_f of N → ∞."""
    tested = [one for one in folded if "weight" in one and np.isfinite(one["weight_error"])]
    if not tested:
        return "hole: the native weight at T_f is not tested: an error needs two samples"
    largest = [one for one in tested if one["n"] == max(t["n"] for t in tested)]
    told = ", ".join(f"{one['weight']:.4f} ± {one['weight_error']:.4f} at Λ = {one['stability']:g}" for one in largest)
    scores = [abs(one["weight_z"]) for one in tested if np.isfinite(one["weight_z"])]
    verb = "meets" if scores and max(scores) < DECISIVE else "MISSES"
    half = max(abs(one["weight"] - 0.5) / one["weight_error"] for one in largest)
    beside = (
        f"; beside the exact mean over random levels of the same N it {verb} all {len(scores)} points with |z| ≤ "
        f"{max(scores):.1f}" if scores else ""
    )
    return (
        f"hole: at T_f = T_g(Λ + √(Λ² − 1)) the native state of N = {largest[0]['n']} has the weight {told}: one half "
        f"within {half:.1f} errors{beside}"
    )


def _ratio(folded: list[dict[str, Any]]) -> str:
    tested = [one for one in folded if "ratio" in one and np.isfinite(one["ratio_error"])]
    if not tested:
        return "hole: T_f/T_g is not tested: some sample has no folding temperature, or there is one sample only"
    largest = [one for one in tested if one["n"] == max(t["n"] for t in tested)]
    told = ", ".join(
        f"{one['ratio']:.4f} ± {one['ratio_error']:.4f} (Λ = {one['stability']:g}: {one['expected']:.4f})"
        for one in largest
    )
    worst = max(abs(one["z"]) for one in largest)
    verdict = "holds" if worst < DECISIVE else "FAILS"
    return (
        f"hole: T_f/T_g = {told} at N = {largest[0]['n']}; the law Λ + √(Λ² − 1) {verdict} there with |z| ≤ {worst:.1f}"
    )


def _funnel(folded: list[dict[str, Any]]) -> str:
    largest = max(folded, key=lambda one: one["n"])
    if "ratio" not in largest:
        return f"funnel: {largest['missing']} of {largest['samples']} samples have no temperature with ⟨Q⟩ = 1/2"
    return (
        f"funnel: ⟨Q⟩ = 1/2 at T_f = {largest['folds_at']:.4f} ± {largest['folds_error']:.4f}, T_f/T_g = "
        f"{largest['ratio']:.3f} ± {largest['ratio_error']:.3f} at Λ = {largest['stability']:g}, N = {largest['n']}; "
        f"independent energies of the same moments would fold at {largest['predicted']:.4f}, the rest is the funnel's"
    )
