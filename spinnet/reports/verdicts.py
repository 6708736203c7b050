"""What may be said of numbers beside theory: scores of means, and whether extrapolations meet a known limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: A fit is rejected below this probability of its chi-squared: its limit is then no test of anything.
REJECTED_FIT = 1e-3
#: From this number of standard errors on a number is called different from theory.
DECISIVE = 4.0


def z_scores(values: ArrayLike, expected: ArrayLike, errors: ArrayLike) -> NDArray:
    """(value − expected)/error, entry by entry.

    NaN, "not tested", where one of the three is not finite. An error of 0 is that of units which are all alike: the
    score is 0 where they are the number expected, and infinite where they are another one.
    """
    errors = np.asarray(errors, dtype=np.float64)
    difference = np.asarray(values, dtype=np.float64) - np.asarray(expected, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        scores = np.where(difference == 0.0, 0.0, difference / errors)
    return np.where(np.isfinite(difference) & np.isfinite(errors), scores, np.nan)


def z_score(value: float, expected: float, error: float) -> float:
    """One of :func:`z_scores`."""
    return float(z_scores(value, expected, error))


def normal_z(mean: ArrayLike, error: ArrayLike, samples: int) -> NDArray:
    """mean/error as the deviate of a normal law of the same probability: Student's t has heavy tails at few samples.

    NaN, "not tested", where the error is missing or zero: of units that are all alike nothing can be said.
    """
    from scipy.special import ndtri_exp, stdtr

    mean, error = np.asarray(mean, dtype=np.float64), np.asarray(error, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        t = np.where(error > 0, mean / error, np.nan)
        tail = stdtr(max(samples - 1, 1), -np.abs(t))
        # Probabilities that underflow leave the deviate as it is.
        deviate = np.where(tail > 0, -ndtri_exp(np.log(np.maximum(tail, 1e-300))), np.abs(t))
        return np.sign(t) * np.minimum(deviate, np.abs(t))


def furthest(scores: ArrayLike) -> tuple[tuple[int, ...], float]:
    """Place and value of the score furthest from 0 among those that are tested; NaN where none is."""
    scores = np.asarray(scores, dtype=np.float64)
    if not np.isfinite(scores).any():
        return (0,) * scores.ndim, float("nan")
    place = np.unravel_index(int(np.nanargmax(np.abs(scores))), scores.shape)
    return tuple(int(k) for k in place), float(scores[place])


def judged(score: float, within: str, beyond: str, untested: str = "not tested") -> str:
    """One of three words: the score is within :data:`DECISIVE`, is not, or there is none."""
    if np.isnan(score):
        return untested
    return within if abs(score) < DECISIVE else beyond


def shown(score: float) -> float | None:
    """A score as a table shows it: None where it is not tested."""
    return None if np.isnan(score) else float(score)


@dataclass(frozen=True)
class LimitTest:
    """An extrapolated limit beside the known one.

    ``where`` says in words which ("t = 10"), ``z`` is the limit less the known one in standard errors, ``p_value`` the
    probability of the chi-squared of the fit.
    """

    where: str
    z: float
    p_value: float

    @property
    def described(self) -> bool:
        """Whether the form of the fit is not rejected; False also without degrees of freedom to test it."""
        return self.p_value >= REJECTED_FIT


def numbered(count: int, words: str) -> str:
    """ "at 3 times": ``words`` with a gap for the number and a plural in s at their end, which one thing has not."""
    return words.format(count) if count != 1 else words.format(1).removesuffix("s")


def judge_limits(
    tests: Sequence[LimitTest], what: str, known: str, places: str = "at {} values", *, plural: bool = False,
    form: str = "a + b/N",
) -> str:
    """Say whether limits meet what is known of them; those of rejected fits are named and not counted.

    Parameters
    ----------
    tests
        At least one.
    what, known
        Subject and object of the sentence; ``plural`` says that the subject is one.
    places
        How many limits were tested, in words with a gap for the number; empty to leave it out.
    form
        Of the fits, for those that it does not describe.
    """
    good = [test for test in tests if test.described and np.isfinite(test.z)]
    poor = [test.where for test in tests if not test.described]
    parts = []
    if good:
        worst = max(good, key=lambda test: abs(test.z))
        verb = ("meet" if plural else "meets") if abs(worst.z) < DECISIVE else ("MISS" if plural else "MISSES")
        tested = f"{known} {numbered(len(good), places)}".strip()
        parts.append(f"{what} {verb} {tested} with |z| ≤ {abs(worst.z):.2f} ({worst.where})")
    if poor:
        untested = "" if good else f", so that {what} {'are' if plural else 'is'} not tested against {known}"
        parts.append(
            f"{form} does not describe the sizes at {', '.join(poor)} (chi-squared p < {REJECTED_FIT:g}){untested}"
        )
    return "; ".join(parts) or f"{what}: nothing is tested against {known}"
