"""What the funnels of several arms say, in sentences: verdicts, comparisons with nulls, and trends."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from spinnet.estimators.resampling import FEWEST_UNITS, mean_and_error
from spinnet.reports.verdicts import DECISIVE
from spinnet.theory.folding import LEAST_STABILITY

#: Roles of arms with profiles, and how they are called.
PROFILES = {
    "true": "true labels",
    "noisy": "noisy labels",
    "shuffled": "shuffled labels",
    "untrained": "untrained",
    "planted": "planted glass",
    "unplanted": "unplanted glass",
}

#: Of each role, one table per point: "about" (means and errors by name, axes as "axis_…") and "units" (rows by name).
Found = Mapping[str, list[dict[str, Any]]]


def statements(found: Found) -> Iterator[str]:
    """All sentences, the summary first."""
    yield from _summary(found)
    yield from _null_of_stability(found)
    yield from _unfolded(found)
    yield from _comparisons(found)


def _null_of_stability(found: Found):
    """What the glass without a signal says about the index."""
    for one in found.get("unplanted", ()):
        about = one["about"]
        if np.isfinite(about.get("stability", np.nan)) and about["stability"] >= LEAST_STABILITY:
            yield (
                f"null: Λ of an unplanted glass, {about['label']}, is {about['stability']:.3g} ± "
                f"{about['stability_error']:.2g}, above {LEAST_STABILITY:g}: against random states any minimum of a "
                "continuous landscape looks folded, and only Λ of minima can tell a native state from a glass"
            )


def _summary(found: Found):
    """What shuffling the labels does to the funnel, counted over the points that both have."""
    pairs = [(one, other) for other in found.get("shuffled", ()) for one in found.get("true", ())
             if _axes(one) == _axes(other)]  # fmt: skip
    if not pairs:
        return
    counted = []
    for name, told, sign in (
        ("half_overlap", "half of the depth is reached further from home", -1),
        ("alignment", "the force points home better at q = 0.5", 1),
        ("half_angle", "the basin is wider", 1),
        ("as_deep", "more of the largest kicks end as deep", 1),
        ("overshoot", "the overshoot is smaller", -1),
    ):
        known = [(one["units"][name], other["units"][name]) for one, other in pairs
                 if name in one["units"] and name in other["units"]]  # fmt: skip
        scores = [sign * _score(*pair) for pair in known]
        if scores:
            counted.append(
                f"{told} at {sum(z >= DECISIVE for z in scores)} of {len(scores)} points, the opposite at "
                f"{sum(z <= -DECISIVE for z in scores)}"
            )
    yield f"true against shuffled labels, by four standard errors: {'; '.join(counted)}"


def _score(one: np.ndarray, other: np.ndarray) -> float:
    (a, da), (b, db) = mean_and_error(one), mean_and_error(other)
    error = math.hypot(float(da), float(db))
    if error == 0 and a == b:
        return 0.0
    # Samples that are all alike tell no error: where the means differ, nothing can be said of how surely they do.
    return (float(a) - float(b)) / error if error > 0 and np.isfinite(error) else math.nan


def _unfolded(found: Found):
    """Λ of every arm, with the verdict."""
    for role, points in found.items():
        for one in points:
            about = one["about"]
            if "stability" not in about or not np.isfinite(about["stability"]):
                continue
            low, error = about["stability"], about["stability_error"]
            # Above the border nothing is decided: every minimum lies far below random states.
            verdict = "unfolded" if low < LEAST_STABILITY else "not unfolded against random states"
            sure = "" if abs(low - LEAST_STABILITY) > 2 * error else ", within two errors of the border"
            yield (
                f"{PROFILES[role]}, {about['label']}: Λ = {low:.3g} ± {error:.2g} ({verdict}{sure}), from depth "
                f"{about['depth']:.3g} ± {about['depth_error']:.2g}, roughness {about['roughness']:.3g} ± "
                f"{about['roughness_error']:.2g} and S₀ = {about['entropy']:.3g} ± {about['entropy_error']:.2g} of the "
                f"basin; θ½ = {about['half_angle']:.3g} ± {about['half_angle_error']:.2g} rad"
                + _against_minima(about)
                + (", a lower bound: every kick returns" if about["always"] else "")
                + (f", which doing nothing gives too (arccos of the threshold {about['trivial_kick']:.2f})"
                   if about["half_angle"] <= about["trivial_kick"] else "")
            )  # fmt: skip


def _against_minima(about: Mapping[str, Any]) -> str:
    if not np.isfinite(about["minima_stability_error"]):
        return "; too few kicks ended in another minimum at |q| < 1/2 to compare it with"
    index, error = about["minima_stability"], about["minima_stability_error"]
    verdict = "unfolded" if index < LEAST_STABILITY else "folded"
    return (
        f"; other minima lie {about['competing_gap']:.3g} ± {about['competing_gap_error']:.2g} above it, the lowest "
        f"found {about['stability_gap']:.3g} ± {about['stability_gap_error']:.2g}: Λ of minima = {index:.3g} ± "
        f"{error:.2g} ({verdict})"
    )


_COMPARED = (
    ("half_angle", "half-return angle"),
    ("half_overlap", "overlap at half the depth"),
    ("alignment", "cosine of the force with the way home at q = 0.5"),
    ("overshoot", "overshoot over the depth"),
    ("as_deep", "share of the largest kicks that end as deep as the native state"),
    ("stability", "Λ"),
    ("minima_stability", "Λ of minima"),
)


def _comparisons(found: Found):
    """True labels against each null at equal axes; errors are those of independent samples, too large if anything."""
    for role in ("noisy", "shuffled", "untrained"):
        for other in found.get(role, ()):
            match = [one for one in found.get("true", ()) if _axes(one) == _axes(other)]
            if not match:
                continue
            yield _compare(match[0], other, f"true against {PROFILES[role]}, {other['about']['label']}")
    pair = found.get("planted", ()), found.get("unplanted", ())
    if pair[0] and pair[1]:
        yield _compare(pair[0][0], pair[1][0], "planted against unplanted glass")
    for axis in ("n_train", "hidden"):
        yield from _trends(found, axis)


def _axes(one: Mapping[str, Any]) -> str:
    about = one["about"]
    kept = {name: value for name, value in about.items() if name.startswith("axis_") and name != "axis_label_noise"}
    return json.dumps(kept, sort_keys=True)


def _compare(one: Mapping[str, Any], other: Mapping[str, Any], what: str) -> str:
    parts = []
    for name, told in _COMPARED:
        if name not in one["units"] or name not in other["units"]:
            continue
        (a, da), (b, db) = (mean_and_error(side["units"][name]) for side in (one, other))
        if not np.isfinite(a) or not np.isfinite(b):
            continue
        z = _score(one["units"][name], other["units"][name])
        verdict = "no certain difference" if abs(z) < DECISIVE else ("larger" if z > 0 else "smaller")
        shown = "not tested: an error is missing" if math.isnan(z) else f"{verdict}, z = {z:.1f}"
        parts.append(f"{told} {a:.3g} ± {da:.1g} against {b:.3g} ± {db:.1g} ({shown})")
    return f"{what}: {'; '.join(parts)}"


def _trends(found: Found, axis: str):
    """How the half-return angle goes with an axis at fixed others, by the slope against its logarithm."""
    for role in ("true", "shuffled"):
        groups: dict[str, list[Any]] = {}
        for one in found.get(role, ()):
            about = one["about"]
            if f"axis_{axis}" in about and "half_angle" in one["units"]:
                rest = {k: v for k, v in about.items() if k.startswith("axis_") and k != f"axis_{axis}"}
                groups.setdefault(json.dumps(rest, sort_keys=True), []).append(one)
        for members in groups.values():
            x = np.log10([one["about"][f"axis_{axis}"] for one in members])
            if len(members) < 2 or min(one["about"]["samples"] for one in members) < FEWEST_UNITS:
                continue
            parts = []
            for name, told in (("half_angle", "half-return angle"), ("depth", "depth")):
                values, errors = np.array([mean_and_error(one["units"][name]) for one in members]).T
                weight = x - x.mean()
                slope = float(weight @ values / (weight @ weight))
                error = float(np.sqrt((weight**2) @ errors**2) / (weight @ weight))
                z = slope / error if error > 0 else 0.0
                verdict = "no certain change" if abs(z) < DECISIVE else ("grows" if z > 0 else "falls")
                parts.append(f"{told} {verdict}: {slope:.3g} ± {error:.1g} per decade")
            others = {k.removeprefix("axis_"): v for k, v in members[0]["about"].items()
                      if k.startswith("axis_") and k != f"axis_{axis}"}  # fmt: skip
            fixed = ", ".join(f"{name} = {value:g}" for name, value in others.items())
            yield (
                f"{PROFILES[role]} with {axis} from {10 ** x.min():g} to {10 ** x.max():g}"
                + (f" at {fixed}" if fixed else "") + f": {'; '.join(parts)}"
            )  # fmt: skip
