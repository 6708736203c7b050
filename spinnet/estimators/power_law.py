r"""Power-law tails: exponent by maximum likelihood, where the tail begins, and whether it is one.

Density :math:`p(x) = (\alpha - 1)/x_{\min}\,(x/x_{\min})^{-\alpha}` for :math:`x \ge x_{\min}`. The exponent is
:math:`\hat\alpha = 1 + n/\sum\ln(x_i/x_{\min})` with standard error :math:`(\hat\alpha - 1)/\sqrt n`; the beginning of
the tail is where the Kolmogorov–Smirnov distance is least; the goodness of fit is the share of semi-parametric
bootstrap samples, fitted in the same way, that are further from their own power law.

Reference: Clauset, Shalizi and Newman, SIAM Rev. 51, 661 (2009), sections 3.1, 3.3 and 4.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError

#: Below this number of values in the tail there is nothing to fit.
FEWEST_IN_TAIL = 50


@dataclass(frozen=True)
class PowerLawFit:
    """A fitted tail.

    ``alpha`` ± ``error`` is the exponent of the density above ``lowest`` (x_min), ``tail`` the number of values there
    of ``total``, ``distance`` the Kolmogorov–Smirnov distance of the tail. The error takes x_min for known.
    """

    alpha: float
    error: float
    lowest: float
    tail: int
    total: int
    distance: float


def fit_power_law(
    values: ArrayLike, lowest: float | None = None, fewest: int = FEWEST_IN_TAIL
) -> PowerLawFit:
    """Fit the tail of positive ``values``; with ``lowest`` given it begins there, else where it fits best.

    Raises
    ------
    InputError
        With fewer than ``fewest`` values in the tail, or values that are not positive and finite.

    Notes
    -----
    O(n²) time and, in blocks, memory: each value is tried as the beginning.
    """
    x = np.sort(np.asarray(values, dtype=np.float64))
    if not (np.isfinite(x).all() and (x > 0).all()):
        raise InputError("a power law is fitted to positive finite values: leave zero modes out")
    if lowest is not None:
        x = x[x >= lowest]
    if len(x) < fewest:
        raise InputError(f"{len(x)} values in the tail: a power law is fitted to {fewest} or more")
    if lowest is not None:
        alpha = 1.0 + len(x) / float(np.log(x / lowest).sum())
        distance = _distances(x, np.array([0]), np.array([alpha]), np.array([lowest]))[0]
        return PowerLawFit(alpha, (alpha - 1.0) / math.sqrt(len(x)), lowest, len(x), np.size(values), float(distance))
    begins = np.flatnonzero(np.concatenate([[True], np.diff(x) > 0.0]))
    begins = begins[len(x) - begins >= fewest]
    logs = np.log(x)
    tails = np.cumsum(logs[::-1])[::-1][begins] - (len(x) - begins) * logs[begins]
    begins, tails = begins[tails > 0.0], tails[tails > 0.0]
    if not len(begins):
        raise InputError("the largest values are all equal: there is no tail")
    alphas = 1.0 + (len(x) - begins) / tails
    distances = _distances(x, begins, alphas, x[begins])
    best = int(np.argmin(distances))
    tail = len(x) - int(begins[best])
    alpha = float(alphas[best])
    return PowerLawFit(alpha, (alpha - 1.0) / math.sqrt(tail), float(x[begins[best]]), tail, len(x),
                       float(distances[best]))  # fmt: skip


def _distances(x: NDArray, begins: NDArray, alphas: NDArray, lowest: NDArray) -> NDArray:
    """Kolmogorov–Smirnov distance of each tail x[begin:] from its power law."""
    found = np.empty(len(begins))
    for k, (begin, alpha, low) in enumerate(zip(begins, alphas, lowest, strict=True)):
        tail = x[begin:]
        law = 1.0 - (tail / low) ** (1.0 - alpha)
        steps = np.arange(len(tail) + 1) / len(tail)
        found[k] = max((steps[1:] - law).max(), (law - steps[:-1]).max())
    return found


def goodness_of_fit(
    values: ArrayLike, fit: PowerLawFit, draws: int, rng: np.random.Generator, fewest: int = FEWEST_IN_TAIL
) -> float:
    """p-value of the fitted tail: the share of samples of the fitted model that lie further from their own fits.

    Each sample has as many values; each comes from the power law with the probability of the tail, and else from the
    values below it. Small p (below 0.1) rejects the power law.
    """
    x = np.asarray(values, dtype=np.float64)
    body = x[x < fit.lowest]
    further = 0
    for _ in range(draws):
        count = len(x) if not len(body) else int(rng.binomial(len(x), fit.tail / fit.total))
        tail = sample_power_law(fit.alpha, fit.lowest, count, rng)
        rest = rng.choice(body, len(x) - count) if len(body) else np.empty(0)
        try:
            further += fit_power_law(np.concatenate([rest, tail]), fewest=fewest).distance >= fit.distance
        except InputError:
            further += 1
    return further / draws


def sample_power_law(alpha: float, lowest: float, count: int, rng: np.random.Generator) -> NDArray:
    """Independent values of density (α − 1)/x_min (x/x_min)^(−α)."""
    return lowest * (1.0 - rng.random(count)) ** (-1.0 / (alpha - 1.0))
