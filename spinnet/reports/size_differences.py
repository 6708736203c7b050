"""Two relaxations at equal sizes and times: their difference against N, its power law and its limit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spinnet.estimators.resampling import mean_and_error
from spinnet.estimators.scaling import LinearFit, PowerLaw, fit_power_law, local_exponents, weighted_least_squares
from spinnet.reports.verdicts import REJECTED_FIT

#: Times of the measurements and energy densities (sample, time), by size.
Curves = dict[int, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class SizeDifference:
    """A kind minus the reference at one time, against size; ``limit`` is that of N → ∞ with its error."""

    time: float
    sizes: np.ndarray
    value: np.ndarray
    reference: np.ndarray
    difference: np.ndarray
    error: np.ndarray
    samples: np.ndarray
    power: PowerLaw | None
    from_size: float
    limit: tuple[float, float] | None

    @classmethod
    def of(cls, kind: Curves, reference: Curves, moment: float) -> SizeDifference:
        """From curves at the sizes that both have."""
        sizes = np.array(sorted(set(kind) & set(reference)), dtype=float)
        values = []
        for n in sizes.astype(int):
            mine, theirs = (curve[:, index_of(time, moment)] for time, curve in (kind[n], reference[n]))
            # Sample by sample: kinds that are made of the same numbers have a common part that cancels.
            count = min(len(mine), len(theirs))
            difference, error = mean_and_error(mine[:count] - theirs[:count])
            values.append((mine.mean(), theirs.mean(), difference, error, count))
        value, other, difference, error, samples = np.array(values).T
        power, from_size, limit = None, np.nan, None
        if (error > 0).all():
            power, from_size = _power(sizes, difference, error)
            limit = large_size_limit(sizes, difference, error)
        return cls(moment, sizes, value, other, difference, error, samples, power, from_size, limit)

    @property
    def scores(self) -> np.ndarray:
        """How far the differences are from zero, in standard errors."""
        return normal_scores(self.difference / self.error, self.samples)

    @property
    def last_exponent(self) -> tuple[float, float]:
        """α between the two largest sizes, and its error; of use where a power was fitted."""
        found = local_exponents(self.sizes[-2:], np.abs(self.difference[-2:]), self.error[-2:])
        return float(found[1][0]), float(found[2][0])


def normal_scores(ratio: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """The z of a mean over its error: errors of a few samples are uncertain, and Student's t is taken to a Gaussian."""
    from scipy.special import ndtri_exp
    from scipy.stats import t

    tail = np.where(np.isfinite(ratio), t.logsf(np.abs(ratio), np.maximum(samples - 1, 1)), np.nan)
    return -np.sign(ratio) * ndtri_exp(tail)


def _power(sizes, difference, error) -> tuple[PowerLaw | None, float]:
    """|d| = A N^α, without the smallest sizes where they do not follow; None where too few differences are resolved."""
    sign = np.sign(difference[np.argmax(np.abs(difference / error))])
    clear = (sign * difference > 0) & (error < 0.5 * np.abs(difference))
    # Sizes beyond the first unresolved one would be chosen for their fluctuations.
    clear &= np.cumsum(~clear) == 0
    chosen = np.flatnonzero(clear)
    while len(chosen) >= 3:
        fit = fit_power_law(sizes[chosen], sign * difference[chosen], error[chosen])
        if fit.p_value >= REJECTED_FIT:
            return fit, float(sizes[chosen[0]])
        chosen = chosen[1:]
    return None, np.nan


def large_size_limit(sizes, values, errors) -> tuple[float, float] | None:
    """a of a + b/N, without the smallest sizes where they reject it; None where three sizes still do.

    What leaving out one size more changes of a is taken as the error of the form, and added to that of the fit.
    """
    for first in range(len(sizes) - 2):
        fit = _line(sizes[first:], values[first:], errors[first:])
        if fit.p_value >= REJECTED_FIT:
            other = _line(sizes[first + 1 :], values[first + 1 :], errors[first + 1 :])
            shift = other.coefficients[0] - fit.coefficients[0]
            return float(fit.coefficients[0]), float(np.hypot(fit.errors[0], shift))
    return None


def _line(sizes, values, errors) -> LinearFit:
    return weighted_least_squares(np.column_stack([np.ones(len(sizes)), 1.0 / sizes]), values, errors)


def index_of(time: np.ndarray, moment: float) -> int:
    """Of the measured time nearest to ``moment``, on a logarithmic scale."""
    return int(np.argmin(np.abs(np.log(np.maximum(time, 1e-300)) - np.log(moment))))
