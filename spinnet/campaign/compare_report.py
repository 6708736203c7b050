"""A comparison and what it says in words: the printed table, the stated null, units, and what was left out."""

from __future__ import annotations

import dataclasses
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spinnet.campaign.compare_arms import ArmData, SplitRate
from spinnet.campaign.compare_settings import CompareSettings
from spinnet.comparison.multiple_testing import CORRECTION
from spinnet.comparison.points import PointData
from spinnet.comparison.summaries import size_summary
from spinnet.comparison.table import NULL_HYPOTHESIS, Row, as_dicts, format_rows, measured

_WIDTH = 110
_UNIT_WORDS = {
    "sample": "an independent landscape (disorder sample); the runs on it are averaged",
    "replica": "one run from its own start (training seed)",
}


@dataclass(frozen=True)
class Comparison:
    """The outcome of a comparison; ``path`` holds all of it."""

    path: Path
    title: str
    arms: tuple[ArmData, ...]
    rows: tuple[Row, ...]
    rates: tuple[SplitRate, ...]
    settings: CompareSettings
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON: rows, the stated null and correction, units, split-half checks, notes."""
        return {
            "comparison": str(self.path),
            "title": self.title,
            "rows": as_dicts(self.rows),
            "split_halves": [dataclasses.asdict(rate) for rate in self.rates],
            "units": units_of(self),
            "notes": list(self.notes),
            **statements(self),
        }

    def format(self) -> str:
        """For people: a table per pair of points, then what the numbers mean."""
        return format_comparison(self)


def statements(comparison: Comparison) -> dict[str, Any]:
    """The null hypothesis and how it is tested, in words and numbers."""
    settings = comparison.settings
    return {
        "null_hypothesis": NULL_HYPOTHESIS,
        "correction": CORRECTION,
        "level": settings.level,
        "permutations": settings.permutations,
        "fewest_units": settings.fewest_units,
        "seed": settings.seed,
    }


def units_of(comparison: Comparison) -> dict[str, dict[str, str]]:
    """What one unit of energy and time is on each arm, and what an independent unit is."""
    return {arm.name: arm_units(arm) for arm in comparison.arms}


def arm_units(arm: ArmData) -> dict[str, str]:
    """Units of one arm, in words; ``flow_time`` is empty where none is known."""
    attributes = arm.points[0].attributes
    return {
        "energy": f"energy per {attributes.get('unit', 'unit')}",
        "time": str(attributes.get("time_unit", "as stored")),
        "flow_time": _flow_time(arm),
        "independent_unit": _UNIT_WORDS[arm.points[0].independent_unit],
    }


def _flow_time(arm: ArmData) -> str:
    """How long the gradient flow of the extensive energy takes for one unit of time."""
    known = [float(point.attributes.get("flow_time", math.nan)) for point in arm.points]
    known = [value for value in known if math.isfinite(value) and value > 0]
    if not known:
        return ""
    one = "1 step" if arm.points[0].attributes.get("time_unit") == "steps" else "1 unit of time"
    formula = ""
    if arm.physics and arm.physics[0].get("dynamics", {}).get("kind") == "SGD":
        formula = "learning_rate/((1 − momentum) P) = "
    low, high = min(known), max(known)
    value = f"{low:.4g}" if high - low <= 1e-9 * high else f"{low:.4g} to {high:.4g}"
    return f"{one} = {formula}{value} of flow time (dx/dt = -grad H, H extensive)"


def format_comparison(comparison: Comparison) -> str:
    """Everything that a person needs to judge the comparison."""
    parts = [comparison.title, ""]
    pairs = dict.fromkeys((r.left_arm, r.left_point, r.right_arm, r.right_point) for r in comparison.rows)
    for pair in pairs:
        rows = [r for r in comparison.rows if (r.left_arm, r.left_point, r.right_arm, r.right_point) == pair]
        left, right = (max(getattr(r, f"{side}_units") for r in rows) for side in ("left", "right"))
        parts += [f"{pair[0]} {pair[1]} ({left} units) against {pair[2]} {pair[3]} ({right} units)", ""]
        parts += [format_rows(rows, comparison.settings.permutations), ""]
    if not comparison.rows:
        parts += _ends_of_runs(comparison)
    parts += _legend(comparison)
    return "\n".join(parts)


def _ends_of_runs(comparison: Comparison) -> list[str]:
    lines = []
    for arm in comparison.arms:
        for point in arm.points:
            size = size_summary(point)
            if size is not None:
                lines.append(
                    f"{arm.name} {point.name}: final energy {measured(size.energy, size.energy_error)} "
                    f"({size.n_units} units)"
                )
    return [*lines, ""] if lines else []


def _legend(comparison: Comparison) -> list[str]:
    lines = []
    for name, words in units_of(comparison).items():
        parts = [words["energy"], f"time: {words['time']}", words["flow_time"]]
        parts.append(f"one unit is {words['independent_unit']}")
        lines.append(f"{name}: " + "; ".join(part for part in parts if part))
    if comparison.rows:
        tested = sum(row.status == "tested" for row in comparison.rows)
        lines += [
            "distance: between the means, in standard deviations within the sides; 95 % null: what equal means reach "
            "with as many units" + _sizes(comparison.rows),
            f"null: {NULL_HYPOTHESIS}",
        ]
        if tested:
            count = "1 row" if tested == 1 else f"{tested} rows"
            lines.append(
                f"{count} tested, scale-free, so that no unit of energy, length or time enters; {CORRECTION}"
            )
        else:
            lines.append("nothing was tested: each row says why")
    for rate in comparison.rates:
        lines.append(
            f"split halves: how often {rate.arm} {rate.point} is told apart from itself at level "
            f"{comparison.settings.level:g} in {rate.splits} random halves of {rate.units_per_half} units each; any "
            f"Holm-adjusted rejection in {measured(rate.family_rate, rate.family_error)} of them. A permutation test "
            "keeps its level here by construction: this checks the handling of ties and missing runs, not whether the "
            "units are independent"
        )
    return [textwrap.fill(line, _WIDTH, subsequent_indent="  ") for line in [*lines, *comparison.notes]]


def _sizes(rows: Sequence[Row]) -> str:
    pairs = dict.fromkeys((row.left_arm, row.left_point, row.size_point) for row in rows if row.size_point)
    if not pairs:
        return ""
    named = "; ".join(f"{arm} {point} from {arm} {other}" for arm, point, other in pairs)
    return f"; other size: the distance of {named}, which is what size alone does"


def notes_on_units(pairs: Sequence[tuple[PointData, PointData]], rows: Sequence[Row]) -> list[str]:
    """What a reader must know about the units: one shared landscape, and runs that were left out."""
    notes = [
        f"{point.arm}: the runs share one landscape (one data set), so what is found holds for this one"
        for pair in pairs
        for point in pair
        if point.independent_unit == "replica"
    ]
    lost: dict[tuple[str, str, int], list[str]] = {}
    for row in rows:
        for arm, point, count in (
            (row.left_arm, row.left_point, row.left_excluded_runs),
            (row.right_arm, row.right_point, row.right_excluded_runs),
        ):
            if count:
                lost.setdefault((arm, point, count), []).append(row.label)
    for (arm, point, count), labels in lost.items():
        notes.append(
            f"{arm} {point}: {count} runs are left out of {', '.join(dict.fromkeys(labels))}: they diverged, do "
            "not relax, or are shorter than the horizon"
        )
    return list(dict.fromkeys(notes))

