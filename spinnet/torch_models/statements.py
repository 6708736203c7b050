"""Numbers with errors in words, means over pairs of seeds, and what an arm is called."""

from __future__ import annotations

import math

import numpy as np

#: Standard errors from which a difference counts.
DECISIVE = 4.0
#: Arms in the order of the table.
WORDS = {"trained": "trained", "untrained": "untrained", "shuffled": "shuffled targets"}
GLASS = "glass"


def pair_mean(values: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Mean over pairs of seeds, and its error by leaving out one seed (all its pairs) at a time; NaN are left out.

    The error is NaN below three seeds.
    """
    values, good = np.asarray(values, dtype=np.float64), np.isfinite(values)
    if not good.any():
        return math.nan, math.nan
    mean = float(values[good].mean())
    seeds = np.unique(np.concatenate([first[good], second[good]]))
    left = [values[good & (first != seed) & (second != seed)] for seed in seeds]
    left = np.array([rest.mean() for rest in left if len(rest)])
    if len(seeds) < 3 or len(left) < 3:
        return mean, math.nan
    return mean, float(np.sqrt((len(left) - 1) / len(left) * ((left - left.mean()) ** 2).sum()))


def stated(value: float, error: float) -> str:
    """ "0.123(4)": a number with the error of its last digits, or to three digits without one."""
    if not math.isfinite(value):
        return "unknown"
    if not (math.isfinite(error) and error > 0):
        return f"{value:.3g}"
    digits = 1 - math.floor(math.log10(float(f"{error:.1e}")))
    if digits <= 0:
        return f"{value:.0f}({error:.0f})" if max(abs(value), error) < 1e9 else f"{value:.3g}({error:.2g})"
    return f"{value:.{digits}f}({round(error * 10**digits)})"


def cell(value: float) -> float | None:
    """A number for the table, None where there is none."""
    return value if math.isfinite(value) else None


def difference(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """Difference of two independent means, and that in standard errors."""
    gap, error = one[0] - other[0], math.hypot(one[1], other[1])
    return gap, gap / error if error > 0 else math.nan
