"""Embedded explicit Runge–Kutta steps for x' = f(x), each replica with a step of its own.

A step is written as a generator: it yields the points at which it needs f, receives the values, and returns a
:class:`Attempt`. A driver can then advance replicas that use different methods with one evaluation of f for the whole
block per round. Both methods end with f at the new point (the first stage of the next step) and both estimate an error
of third order in h.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator
from typing import NamedTuple

import numpy as np

#: The stability interval of Bogacki–Shampine on the negative axis is [−2.51, 0].
PLAIN_LIMIT = 2.51
MAX_STAGES = 250
_DAMPING = 2.0
_INTERVAL = 0.53  # the stability interval of s stages is at least this·(s² − 1)
_MARGIN = 1.1  # the spectral radius is estimated from below


class Attempt(NamedTuple):
    """Where a step ended, f there, and the estimated error as a vector; all ``(replicas, n)``."""

    end: np.ndarray
    velocity: np.ndarray
    difference: np.ndarray


Step = Generator[np.ndarray, np.ndarray, Attempt]
Retraction = Callable[[np.ndarray], np.ndarray]


def bogacki_shampine(x: np.ndarray, k1: np.ndarray, h: np.ndarray, retract: Retraction) -> Step:
    """Third order with an embedded second-order solution, three evaluations; ``k1`` = f(x), ``h`` of shape (replicas,).

    Stages are retracted, which makes it the method for f∘R: on a sphere, where the exact solution stays, its order
    is that of flat space.

    References
    ----------
    Bogacki & Shampine, Appl. Math. Lett. 2, 321 (1989).
    """
    h = h[:, None]
    k2 = yield retract(x + (0.5 * h) * k1)
    k3 = yield retract(x + (0.75 * h) * k2)
    end = retract(x + h * (2.0 / 9.0 * k1 + 1.0 / 3.0 * k2 + 4.0 / 9.0 * k3))
    k4 = yield end
    return Attempt(end, k4, h * (-5.0 / 72.0 * k1 + 1.0 / 12.0 * k2 + 1.0 / 9.0 * k3 - 1.0 / 8.0 * k4))


def chebyshev(x: np.ndarray, k1: np.ndarray, h: np.ndarray, stages: np.ndarray, retract: Retraction) -> Step:
    """Second-order stabilised method with ``stages`` (replicas,) evaluations; stable on [−0.53·(stages² − 1), 0]/h.

    The stability interval grows with the square of the work, so a stiff flow that has become slow costs √(h·radius)
    evaluations per step in place of h·radius. The damping parameter is 2, not the 2/13 of the reference: 9 % more
    stages, and stiff components shrink by 0.6 per step or more in place of 0.95.

    References
    ----------
    Sommeijer, Shampine & Verwer, J. Comput. Appl. Math. 88, 315 (1998), eqs. (2.1)–(2.8).
    """
    most = int(stages.max())
    tables = [chebyshev_coefficients(int(s)) for s in stages]
    h = h[:, None]
    before, y = x, x + np.array([table[0, 1] for table in tables])[:, None] * h * k1
    velocity = np.zeros_like(x)
    for j in range(1, most + 1):
        value = yield retract(y)
        done, going = (stages == j)[:, None], (stages > j)[:, None]
        velocity = np.where(done, value, velocity)
        if j == most:
            break
        slope, own, last, first = np.array([table[:, min(j + 1, len(table[0]) - 1)] for table in tables]).T[:, :, None]
        new = (1.0 - own - last) * x + own * y + last * before + h * (slope * value + first * k1)
        before, y = np.where(going, y, before), np.where(going, new, y)
    end = retract(y)
    return Attempt(end, velocity, 0.8 * (x - end) + 0.4 * h * (k1 + velocity))


@functools.cache
def chebyshev_coefficients(stages: int) -> np.ndarray:
    """Coefficients of the recursion of :func:`chebyshev`, shape ``(4, stages + 1)``: μ̃_j, μ_j, ν_j, γ̃_j."""
    w0 = 1.0 + _DAMPING / stages**2
    t, d, dd = np.zeros((3, stages + 1))
    t[:2], d[1] = (1.0, w0), 1.0
    for j in range(2, stages + 1):
        t[j] = 2.0 * w0 * t[j - 1] - t[j - 2]
        d[j] = 2.0 * t[j - 1] + 2.0 * w0 * d[j - 1] - d[j - 2]
        dd[j] = 4.0 * d[j - 1] + 2.0 * w0 * dd[j - 1] - dd[j - 2]
    w1 = d[stages] / dd[stages]
    b = np.empty(stages + 1)
    b[2:] = dd[2:] / d[2:] ** 2
    b[:2] = b[2]
    a = 1.0 - b * t
    table = np.zeros((4, stages + 1))
    table[0, 1] = b[1] * w1
    ratio = b[2:] / b[1:-1]
    table[0, 2:] = 2.0 * ratio * w1
    table[1, 2:] = 2.0 * ratio * w0
    table[2, 2:] = -b[2:] / b[:-2]
    table[3, 2:] = -a[1:-1] * table[0, 2:]
    return table


def stages_for(stiffness: np.ndarray) -> np.ndarray:
    """Stages (int64, 2 to ``MAX_STAGES``) that make a step of ``stiffness`` = h·radius stable."""
    wanted = np.ceil(np.sqrt(1.0 + _MARGIN * np.maximum(stiffness, 0.0) / _INTERVAL))
    return np.clip(np.nan_to_num(wanted, nan=2.0), 2, MAX_STAGES).astype(np.int64)


def longest_stiffness(stages: np.ndarray) -> np.ndarray:
    """The largest h·radius for which so many stages are stable, with the same margin."""
    return _INTERVAL * (stages**2 - 1.0) / _MARGIN


def drive(steps: list[tuple[np.ndarray, Step]], evaluate: Callable[[np.ndarray], np.ndarray], x: np.ndarray):
    """Run generators of steps, each for the rows of ``x`` in its index array, with one evaluation per round.

    The block that is evaluated always has all rows; rows that need nothing are evaluated where they were.

    Returns
    -------
    Attempt, int
        Of all rows, and the number of evaluations.
    """
    block = x.copy()
    found = Attempt(x.copy(), np.zeros_like(x), np.zeros_like(x))
    waiting = []
    for rows, step in steps:
        block[rows] = next(step)
        waiting.append((rows, step))
    rounds = 0
    while waiting:
        values = evaluate(block)
        rounds += 1
        still = []
        for rows, step in waiting:
            try:
                block[rows] = step.send(values[rows])
                still.append((rows, step))
            except StopIteration as finished:
                for target, part in zip(found, finished.value, strict=True):
                    target[rows] = part
        waiting = still
    return found, rounds
