"""C and χ of one size with errors over disorder, the same of N → ∞, and what is fitted to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinnet.errors import InputError
from spinnet.estimators.fluctuation_dissipation import FEWEST_POINTS, dissipation_slope
from spinnet.estimators.resampling import mean_and_error
from spinnet.estimators.scaling import extrapolate
from spinnet.reports.base import Content
from spinnet.reports.glass_theory import infinite_size, temperature_of
from spinnet.reports.results import PointResults

_FINE = 80  # delays of the theory's curves


class Aged:
    """One size: C, χ and Tχ − (1 − C), (waiting time, delay) each, with errors over disorder samples."""

    def __init__(self, point: PointResults):
        self.point, self.n = point, point.n_units
        self.waits, self.delays = point.read("dynamics/waiting_time"), point.read("dynamics/delay")
        self.field = float(point.physics["dynamics"]["field"])
        self.step = float(point.physics["dynamics"]["step"])
        self.correlation = point.independent("dynamics/correlation")  # (sample, waiting time, delay)
        self.response = point.independent("dynamics/integrated_response")
        self.residual = temperature_of(point.physics) * self.response - (1.0 - self.correlation)
        found = [mean_and_error(values) for values in (self.correlation, self.response, self.residual)]
        self.mean, self.error = (np.array([pair[k] for pair in found]) for k in (0, 1))
        self.error[:, :, self.delays == 0] = 0.0  # exact, but for rounding

    @property
    def samples(self) -> int:
        return len(self.correlation)


@dataclass(frozen=True)
class InfiniteCurves:
    """N → ∞ at the delays that were measured: C and χ (2, waiting time, delay), and the error of either."""

    values: NDArray
    error: NDArray


def infinite_curves(content: Content, group: str, sizes: list[Aged], tolerance: float, tell) -> InfiniteCurves:
    """Solve the two-time equations for the waiting times of a series, and keep the curves.

    Raises
    ------
    InputError
        Where sizes were measured at different times.
    """
    first = sizes[0]
    for one in sizes[1:]:
        if one.delays.shape != first.delays.shape or not np.allclose(one.delays, first.delays):
            raise InputError(f"N = {one.n} was measured at other delays than N = {first.n}: give both one step")
    measured = first.delays[first.delays > 0]
    fine = np.unique(np.concatenate([np.geomspace(measured[0], measured[-1], _FINE), measured]))
    tell(f"theory up to t = {first.waits[-1] + fine[-1]:g}")
    theory = infinite_size(first.point.physics, fine, tuple(first.waits), tolerance=tolerance)
    # t = 0 by definition: C = 1 and nothing has answered yet.
    at_once = np.array([1.0, 0.0, 0.0])[:, None, None] * np.ones((3, len(first.waits), 1))
    curves = np.concatenate(
        [at_once, np.stack([theory.correlation, theory.integrated_response, theory.two_time_error])], axis=2
    )
    delay = np.append(0.0, fine)
    content.describe(group, solver=theory.message, converged=int(theory.converged))
    content.add(f"{group}/theory_delay", delay, ("theory_delay",), "1/rate")
    for k, (name, unit) in enumerate((("correlation", "1"), ("response", "1/energy"), ("error", "1"))):
        content.add(f"{group}/theory_{name}", curves[k], ("waiting_time", "theory_delay"), unit)
    at = np.searchsorted(delay, first.delays * (1 - 1e-12))
    return InfiniteCurves(curves[:2][:, :, at], curves[2][:, at])


@dataclass(frozen=True)
class Limit:
    """A quantity at one pair of times: at the largest size, for N → ∞ from a + b/N, and in theory.

    ``z`` and the limit are None where fewer than three sizes, or values without errors, allow none.
    """

    name: str
    age: float
    delay: float
    value: float
    value_error: float
    limit: float | None
    limit_error: float | None
    p_value: float | None
    theory: float
    z: float | None

    def row(self, largest: int) -> dict[str, Any]:
        """For the printed table."""
        return {"quantity": self.name, "t_w": self.age, "t": self.delay, "largest_n": largest, "value": self.value,
                "value_error": self.value_error, "limit": self.limit, "limit_error": self.limit_error,
                "fit_p_value": self.p_value, "theory": self.theory, "z": self.z}  # fmt: skip


def limit_of(
    name: str, age: float, delay: float, n: Sequence[int], values: NDArray, errors: NDArray, theory: float, wrong: float
) -> Limit:
    """a + b/N through the values of at least three sizes, beside the theory with its error ``wrong``."""
    ends = (name, age, delay, float(values[-1]), float(errors[-1]))
    usable = np.isfinite(values).all() and (np.isfinite(errors) & (errors > 0)).all()
    if len(np.unique(n)) < 3 or not usable:
        return Limit(*ends, None, None, None, theory, None)
    fit = extrapolate(n, values, errors)
    z = (fit.limit - theory) / np.hypot(fit.limit_error, wrong)
    return Limit(*ends, fit.limit, fit.limit_error, fit.p_value, theory, float(z))


def limit_at(k: int, wait: int, delay: int, sizes: list[Aged], known: InfiniteCurves) -> Limit:
    """:func:`limit_of` C (``k`` = 0) or χ (1) at one pair of times, given by their indices."""
    values, errors = (np.array([getattr(one, name)[k, wait, delay] for one in sizes]) for name in ("mean", "error"))
    return limit_of(
        ("C", "chi")[k], float(sizes[0].waits[wait]), float(sizes[0].delays[delay]), [one.n for one in sizes], values,
        errors, float(known.values[k, wait, delay]), float(known.error[wait, delay]),
    )  # fmt: skip


@dataclass(frozen=True)
class Slopes:
    """X at one waiting time for each size; ``missing`` says why there is none."""

    age: float
    n: tuple[int, ...]
    values: NDArray
    errors: NDArray
    limit: Limit
    intercept: float = np.nan  # of the line through the theory
    points: int = 0
    curvature_z: float = 0.0  # at the largest size
    missing: str = field(default="")


def fitted_slopes(
    sizes: list[Aged], known: InfiniteCurves, temperature: float, window: Sequence[float]
) -> list[Slopes]:
    """−T dχ/dC (T = 0: −dχ/dC) at each waiting time, through the delays at which the theory's C is in the window.

    All sizes and the theory are fitted at the same delays: a size that has no ageing any more cannot choose others.
    """
    scale = temperature if temperature > 0 else 1.0
    n = tuple(one.n for one in sizes)
    found = []
    for wait, age in enumerate(sizes[0].waits):
        theory = known.values[:, wait]
        used = (theory[0] >= window[0]) & (theory[0] <= window[1])
        used &= np.all([np.isfinite(one.mean[:2, wait]).all(axis=0) for one in sizes], axis=0)
        nothing = np.full(len(sizes), np.nan)
        empty = limit_of("X", float(age), np.nan, n, nothing, nothing, np.nan, 0.0)
        if used.sum() < FEWEST_POINTS:
            why = f"{int(used.sum())} delays of the theory have {window[0]:.2f} ≤ C ≤ {window[1]:.2f}, {FEWEST_POINTS} "
            found.append(Slopes(float(age), n, nothing, nothing, empty, missing=why + "are needed"))
            continue
        slope, intercept = np.polyfit(theory[0, used], theory[1, used], 1)
        try:
            fits = [
                dissipation_slope(one.correlation[:, wait, used], one.response[:, wait, used], temperature, np.inf,
                                  -np.inf) for one in sizes
            ]  # fmt: skip
        except InputError as error:
            found.append(Slopes(float(age), n, nothing, nothing, empty, missing=str(error)))
            continue
        values, errors = (np.array([scale * getattr(fit, name) for fit in fits]) for name in ("slope", "slope_error"))
        wrong = scale * float(np.max(known.error[wait, used])) / float(np.ptp(theory[0, used]))
        limit = limit_of("X", float(age), np.nan, n, values, errors, float(-scale * slope), wrong)
        found.append(Slopes(float(age), n, values, errors, limit, float(intercept), int(used.sum()),
                            fits[-1].curvature_z))  # fmt: skip
    return found


def nearest(delays: NDArray, delay: float) -> int:
    """Index of the positive delay nearest to ``delay`` on a logarithmic scale."""
    with np.errstate(divide="ignore"):
        return int(np.argmin(np.abs(np.log(np.maximum(delays, 1e-300)) - np.log(delay))))
