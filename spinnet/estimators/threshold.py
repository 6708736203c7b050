"""Where shares fall from one to zero, counts with their errors, and whether one peak can have left a gap at zero."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def binomial_interval(successes: int, trials: int, level: float = 0.68) -> tuple[float, float]:
    """Exact confidence interval of a share (Clopper & Pearson, Biometrika 26, 404, 1934); (0, 1) without trials."""
    from scipy.stats import beta

    tail = 0.5 * (1.0 - level)
    low = float(beta.ppf(tail, successes, trials - successes + 1)) if successes else 0.0
    high = float(beta.ppf(1.0 - tail, successes + 1, trials - successes)) if successes < trials else 1.0
    return low, high


def mean_threshold(places: Sequence[float], shares: Sequence[float], weights: Sequence[float]) -> float:
    """Mean place at which a share falls from 1 to 0 (Spearman and Kärber), NaN where it does not begin and end there.

    The shares, made monotone by pooling neighbours that rise (with ``weights``, numbers of trials), are one minus the
    distribution function of thresholds; between places it is taken as linear.

    Parameters
    ----------
    places
        Increasing.
    """
    falling = falling_shares(shares, weights)
    if len(falling) < 2 or falling[0] != 1.0 or falling[-1] != 0.0:
        return float("nan")
    places = np.asarray(places, dtype=float)
    return float(-(np.diff(falling) * 0.5 * (places[1:] + places[:-1])).sum())


def falling_shares(shares: Sequence[float], weights: Sequence[float]) -> np.ndarray:
    """The closest shares, by weighted least squares, that never rise (pool adjacent violators)."""
    blocks: list[list[float]] = []  # value, weight, places
    for share, weight in zip(shares, weights, strict=True):
        blocks.append([float(share), float(weight), 1])
        while len(blocks) > 1 and blocks[-2][0] < blocks[-1][0]:
            value, heavy, count = blocks.pop()
            last = blocks[-1]
            last[0] = (last[0] * last[1] + value * heavy) / (last[1] + heavy)
            last[1], last[2] = last[1] + heavy, last[2] + count
    return np.concatenate([np.full(int(count), value) for value, _, count in blocks]) if blocks else np.empty(0)


def threshold_with_error(places: Sequence[float], draws: Sequence[Sequence[tuple[int, int]]]) -> tuple[float, float]:
    """The mean threshold and its standard error over independent draws.

    Parameters
    ----------
    places
        Increasing.
    draws
        For each place (successes, trials) of each independent draw there; draws without trials are left out.

    Returns
    -------
    The error has two parts, added as squares: leaving out one draw after another, place by place (a place with one draw
    adds nothing), and the spacing of the places where the share falls, over √12.
    """
    kept = [[draw for draw in here if draw[1]] for here in draws]
    if not all(kept):
        return float("nan"), float("nan")
    value = _threshold_of(places, kept)
    variance = 0.0
    for k, here in enumerate(kept):
        if len(here) > 1:
            left = [_threshold_of(places, [*kept[:k], here[:j] + here[j + 1 :], *kept[k + 1 :]])
                    for j in range(len(here))]  # fmt: skip
            variance += (len(here) - 1) / len(here) * float(((np.array(left) - np.mean(left)) ** 2).sum())
    falling = falling_shares(*_shares_of(kept))
    drops = np.flatnonzero(np.diff(falling) < 0.0)
    spacing = float(np.mean(np.diff(np.asarray(places, dtype=float))[drops])) if len(drops) else float("nan")
    return value, float(np.sqrt(variance + spacing**2 / 12.0))


def _shares_of(draws: Sequence[Sequence[tuple[int, int]]]) -> tuple[list[float], list[int]]:
    trials = [sum(draw[1] for draw in here) for here in draws]
    return [sum(draw[0] for draw in here) / count for here, count in zip(draws, trials, strict=True)], trials


def _threshold_of(places: Sequence[float], draws: Sequence[Sequence[tuple[int, int]]]) -> float:
    return mean_threshold(places, *_shares_of(draws))


def gap_probability(values: np.ndarray) -> float:
    """Probability, at most, that one peak at zero leaves so wide a gap above it: (1 − min/max)^(n−1).

    A distribution with a share of its mass at exactly zero has a single peak only if its density falls from there on.
    Of n independent values of a falling density none below the ratio min/max of the greatest is likeliest where the
    density is flat, and then has that probability; 1 for fewer than two values.

    Parameters
    ----------
    values
        Those that are not zero, all positive.
    """
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return 1.0
    return float((1.0 - values.min() / values.max()) ** (len(values) - 1))
