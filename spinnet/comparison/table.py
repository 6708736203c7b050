"""The comparison of two points: one row per statistic, with error bars, distance and p-value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinnet import randomness
from spinnet.comparison.distances import distance_between
from spinnet.comparison.multiple_testing import holm
from spinnet.comparison.permutation import FEWEST_UNITS, draw_labellings, equal_counts, permutation_test
from spinnet.comparison.points import PointData, UnitValues
from spinnet.comparison.split_halves import SplitHalves, split_half_rates
from spinnet.comparison.statistics import Statistic
from spinnet.estimators.resampling import mean_and_error

NULL_HYPOTHESIS = (
    "the expectation over independent units is the same on both sides; units are permuted between the sides and the "
    "difference of means over its standard error is compared (exact for exchangeable units, right for many units when "
    "only the expectations agree; of curves this holds for equally many units on both sides, so that of the larger "
    "side the first ones are taken)"
)

TESTED = "tested"


@dataclass(frozen=True)
class Row:
    """One statistic on the left and on the right.

    Means and errors are over independent units; ``distance`` is the distance between the means over the standard
    deviation within the sides, ``null_upper`` the one beyond which equal means lie in 5 % of the labellings,
    ``p_value`` that of the permutation test and ``p_adjusted`` Holm's; these use ``left_tested`` and ``right_tested``
    units, of curves equally many. ``law_distance`` compares whole laws of all units, widths included (which depend on
    size and replicas): the standardised area between CDFs of numbers, the energy coefficient of curves;
    ``law_p_value`` is not adjusted. ``split_half_rate`` says nothing of landscapes, see ``split_halves``.
    ``size_distance`` is the distance of the left point from ``size_point``, another size on the left at otherwise
    equal parameters: what size alone does. What is not there is NaN, and ``status`` says why.
    """

    statistic: str
    label: str
    left_arm: str
    left_point: str
    right_arm: str
    right_point: str
    left_mean: float
    left_error: float
    right_mean: float
    right_error: float
    left_units: int
    right_units: int
    left_tested: int
    right_tested: int
    left_excluded: int
    right_excluded: int
    left_excluded_runs: int
    right_excluded_runs: int
    distance: float
    null_upper: float
    p_value: float
    p_adjusted: float
    studentised_shift: float
    law_distance: float
    law_distance_kind: str
    law_p_value: float
    kolmogorov_smirnov: float
    split_half_rate: float
    split_half_error: float
    size_distance: float
    size_point: str
    scale_free: bool
    status: str
    definition: str


def compare_points(
    left: PointData,
    right: PointData,
    statistics: Sequence[Statistic],
    permutations: int = 9999,
    seed: int = 0,
    fewest_units: int = FEWEST_UNITS,
) -> list[Row]:
    """Rows of all statistics, Holm-adjusted over the tested ones.

    A statistic is tested when it is scale-free, meant for testing, measured on both sides, and has at least
    ``fewest_units`` independent units on each; otherwise its row is there and says why not.
    """
    rows = [_row(statistic, left, right, permutations, seed, fewest_units) for statistic in statistics]
    adjusted = holm([row["p_value"] for row in rows])
    return [Row(**{**row, "p_adjusted": float(p)}) for row, p in zip(rows, adjusted, strict=True)]


def _row(statistic, left, right, permutations, seed, fewest_units) -> dict[str, Any]:
    nan = float("nan")
    row: dict[str, Any] = {
        "statistic": statistic.name,
        "label": statistic.label,
        "left_arm": left.arm,
        "left_point": left.name,
        "right_arm": right.arm,
        "right_point": right.name,
        "distance": nan,
        "null_upper": nan,
        "p_value": nan,
        "p_adjusted": nan,
        "studentised_shift": nan,
        "law_distance": nan,
        "law_distance_kind": "",
        "law_p_value": nan,
        "kolmogorov_smirnov": nan,
        "split_half_rate": nan,
        "split_half_error": nan,
        "size_distance": nan,
        "size_point": "",
        "left_tested": 0,
        "right_tested": 0,
        "scale_free": statistic.scale_free,
        "definition": statistic.definition,
    }
    found = []
    for side, point in (("left", left), ("right", right)):
        units = statistic.reduce(statistic.by_unit(point)) if statistic.measured(point) else None
        shown = representative(units.values) if units is not None else np.empty(0)
        mean, error = mean_and_error(shown) if len(shown) else (nan, nan)
        row |= {
            f"{side}_mean": float(mean),
            f"{side}_error": float(error),
            f"{side}_units": len(shown),
            f"{side}_excluded": units.excluded_units if units is not None else 0,
            f"{side}_excluded_runs": units.excluded_runs if units is not None else 0,
        }
        found.append(units)
    row["status"] = status = _status(statistic, left, right, *found, fewest_units)
    if status != TESTED:
        return row
    a, b = found[0].values, found[1].values
    rng = randomness.stream(seed, "permutation", statistic.name, left.path, right.path)
    labellings = draw_labellings(len(a), len(b), permutations, rng)
    law = "standardised_area" if a.ndim == 1 else "energy_coefficient"
    laws = permutation_test(a, b, law, labellings=labellings, fewest_units=fewest_units)
    row |= {
        "law_distance": laws.distance,
        "law_distance_kind": law,
        "law_p_value": laws.p_value,
        "kolmogorov_smirnov": distance_between(a, b, "kolmogorov_smirnov") if a.ndim == 1 else nan,
    }
    if a.ndim > 1 and len(a) != len(b):
        a, b = equal_counts(a, b)
        labellings = draw_labellings(len(a), len(b), permutations, rng)
    means = permutation_test(a, b, "studentised_shift", labellings=labellings, fewest_units=fewest_units)
    distance = distance_between(a, b, "standardised_shift")
    if 0 < means.distance < np.inf and np.isfinite(distance):
        # The null of the test in units of the distance: permuting the distance itself would take the widths for equal.
        null_upper = means.null_upper * distance / means.distance
    else:
        null_upper = permutation_test(
            a, b, "standardised_shift", labellings=labellings, fewest_units=fewest_units
        ).null_upper
    return row | {
        "left_tested": len(a),
        "right_tested": len(b),
        "distance": distance,
        "null_upper": null_upper,
        "p_value": means.p_value,
        "studentised_shift": means.distance,
    }


def _status(statistic: Statistic, left, right, left_units, right_units, fewest_units: int) -> str:
    missing = [point.arm for point, units in ((left, left_units), (right, right_units)) if units is None]
    if missing:
        return f"not measured on {' and '.join(dict.fromkeys(missing))}"
    if not statistic.scale_free:
        return "not tested: carries units"
    if not statistic.tested:
        return "not tested: depends on the length of the run"
    few = [
        f"{len(units.values)} on {point.arm}"
        + (f" ({units.excluded_units} without a value)" if units.excluded_units else "")
        for point, units in ((left, left_units), (right, right_units))
        if len(units.values) < fewest_units
    ]
    if few:
        return f"refused: {' and '.join(few)}, at least {fewest_units} independent units needed"
    return TESTED


def size_distances(left: PointData, other: PointData, statistics: Sequence[Statistic]) -> dict[str, float]:
    """Distance of each tested statistic between two sizes of one landscape: what size alone does.

    Left out are statistics that one of them lacks, or of which fewer than five units have a value.
    """
    found = {}
    for statistic in statistics:
        if not (statistic.tested and statistic.scale_free and statistic.measured(left) and statistic.measured(other)):
            continue
        a, b = (statistic.reduce(statistic.by_unit(point)).values for point in (left, other))
        if min(len(a), len(b)) >= 5:
            found[statistic.name] = distance_between(a, b, "standardised_shift")
    return found


def representative(values: NDArray) -> NDArray:
    """One number per unit to show: the value itself, or the middle component of a curve."""
    return values if values.ndim == 1 else values[:, values.shape[1] // 2]


def split_halves_within(
    point: PointData,
    statistics: Sequence[Statistic],
    splits: int = 400,
    level: float = 0.05,
    permutations: int = 999,
    seed: int = 0,
) -> SplitHalves:
    """The comparison made on random halves of the independent units of one point, see ``split_half_rates``.

    Quantities that are centred within a side are centred anew in every half.

    Raises
    ------
    InputError
        For fewer than 16 units.
    """
    by_unit = [s.by_unit(point) if s.tested and s.scale_free and s.measured(point) else None for s in statistics]
    n_units = max((len(values) for values in by_unit if values is not None), default=0)

    def p_values(left: NDArray, right: NDArray, rng: np.random.Generator) -> NDArray:
        p = np.full(len(statistics), np.nan)
        shared: dict[tuple[int, int], NDArray] = {}
        for k, (statistic, values) in enumerate(zip(statistics, by_unit, strict=True)):
            if values is None:
                continue
            a: UnitValues = statistic.reduce(values[left])
            b: UnitValues = statistic.reduce(values[right])
            sides = (a.values, b.values) if a.values.ndim == 1 else equal_counts(a.values, b.values)
            sizes = len(sides[0]), len(sides[1])
            if min(sizes) < 5:
                continue
            if sizes not in shared:
                shared[sizes] = draw_labellings(*sizes, permutations, rng)
            p[k] = permutation_test(*sides, labellings=shared[sizes], fewest_units=5).p_value
        return p

    rng = randomness.stream(seed, "split halves", point.path)
    return split_half_rates(p_values, n_units, rng, splits, level)


def as_dicts(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows in plain types, for JSON."""
    return [asdict(row) for row in rows]


def measured(value: float, error: float) -> str:
    """A value with its error, both cut at the second digit of the error: "0.5298 ± 0.0012"."""
    if not np.isfinite(value):
        return "—"
    if not np.isfinite(error) or error <= 0:
        return f"{value:.4g}"
    digits = 1 - int(np.floor(np.log10(error)))
    if float(f"{error:.1e}") >= 10.0 ** (2 - digits):  # 0.0996 rounds up to 0.10
        digits -= 1
    if digits > 6 or abs(value) >= 1e5:
        return f"{value:.4g} ± {error:.2g}"
    digits = max(digits, 0)
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def format_rows(rows: Sequence[Row], permutations: int) -> str:
    """A table of one pair of points for people; rows that were not tested come last and say why."""
    if not rows:
        return "no statistics"
    first = rows[0]
    names = [first.left_arm, first.right_arm]
    if names[0] == names[1]:
        names = [f"{first.left_arm} {first.left_point}", f"{first.right_arm} {first.right_point}"]
    heads = ["statistic", *names, "distance", "95 % null", "other size", "p", "p (Holm)", "split halves"]
    cells = []
    smallest = False
    for row in [r for r in rows if r.status == TESTED]:
        at_floor = row.p_value <= 1.0000001 / (1 + permutations)
        smallest |= at_floor
        cells.append(
            [
                row.label,
                measured(row.left_mean, row.left_error),
                measured(row.right_mean, row.right_error),
                f"{row.distance:.3g}",
                f"{row.null_upper:.2g}",
                f"{row.size_distance:.3g}" if np.isfinite(row.size_distance) else "—",
                f"{row.p_value:.4f}{'*' if at_floor else ' '}",
                f"{row.p_adjusted:.4f}",
                measured(row.split_half_rate, row.split_half_error),
            ]
        )
    lines = _aligned([heads, *cells]) if cells else ["no statistic could be tested"]
    others = [
        [row.label, measured(row.left_mean, row.left_error), measured(row.right_mean, row.right_error), row.status]
        for row in rows
        if row.status != TESTED
    ]
    if others:
        lines += ["", *_aligned(others, left=(0, 3), rule=False)]
    thinned = dict.fromkeys(
        (row.left_tested, row.left_units, row.right_tested, row.right_units) for row in rows
        if row.status == TESTED and (row.left_tested, row.right_tested) != (row.left_units, row.right_units)
    )  # fmt: skip
    for counts in thinned:
        labels = [row.label for row in rows
                  if (row.left_tested, row.left_units, row.right_tested, row.right_units) == counts]  # fmt: skip
        lines.append(
            f"{', '.join(labels)}: tested on the first {counts[0]} of {counts[1]} units of {names[0]} and "
            f"{counts[2]} of {counts[3]} of {names[1]}"
        )
    if smallest:
        lines.append(f"* the smallest p-value that {permutations} labellings can give")
    return "\n".join(lines)


def _aligned(table: list[list[str]], left: tuple[int, ...] = (0,), rule: bool = True) -> list[str]:
    widths = [max(len(line[k]) for line in table) for k in range(len(table[0]))]
    lines = []
    for number, line in enumerate(table):
        parts = [t.ljust(w) if k in left else t.rjust(w) for k, (t, w) in enumerate(zip(line, widths, strict=True))]
        lines.append("  ".join(parts).rstrip())
        if rule and number == 0:
            lines.append("  ".join("-" * w for w in widths))
    return lines
