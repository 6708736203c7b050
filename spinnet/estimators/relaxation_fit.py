r"""How an energy relaxes: :math:`e(t) = e_\infty + A t^{-a}` against an exponential and a logarithm, with errors.

Values of one sample at different times are correlated, so no chi-squared of independent points is used: parameters and
the difference between two forms get their errors from leaving out one disorder sample at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError
from spinnet.estimators.resampling import FEWEST_UNITS, jackknife, mean_and_error

#: Three parameters, and as many points again to see whether the form is right.
FEWEST_POINTS = 6
#: Times that span less than this cannot tell a power from an exponential.
SHORTEST_SPAN = 10.0
#: A form is preferred where it is better by so many errors of the difference.
DECISIVE = 3.0
#: A form whose root mean square distance from the means exceeds so many errors does not describe them.
LARGEST_MISFIT = 3.0

FORMS = ("power", "exponential", "logarithm")
_EXPONENTS = np.geomspace(0.02, 5.0, 120)
_RATES = np.geomspace(1e-2, 1e2, 160)  # of the exponential, in units of 1/last time


@dataclass(frozen=True)
class RelaxationFit:
    """The power law and its nulls.

    Attributes
    ----------
    limit, limit_error : float
        e_∞; the error is 0 where it was given.
    amplitude, amplitude_error : float
        A.
    exponent, exponent_error : float
        a between 0.02 and 5. Where the best exponent is an end of this range, it is NaN with its amplitude and limit:
        the window holds no power law.
    misfit : dict of float
        For each of ``FORMS``: root mean square of (mean − form)/error over the points. About 1 or
        less where the form is right; correlated points make it vary more than independent ones would.
    preference : dict of float
        For each null: (sum of squares of the null − that of the power law)/its error. Above 3 the power law is better.
    verdict : str
        "power" where it is preferred to both nulls, the name of a null that is preferred to it, "logarithm" where the
        exponent runs to zero, "none" where no form fits, else "undecided".
    used : ndarray (times,) of bool
        The points that were fitted.
    n_samples : int
        Disorder samples.
    """

    limit: float
    limit_error: float
    amplitude: float
    amplitude_error: float
    exponent: float
    exponent_error: float
    misfit: dict[str, float]
    preference: dict[str, float]
    verdict: str
    used: NDArray
    n_samples: int

    def __call__(self, time: ArrayLike) -> NDArray:
        """The fitted power law at ``time``."""
        return self.limit + self.amplitude * np.asarray(time, dtype=np.float64) ** -self.exponent


def fit_relaxation(
    time: ArrayLike, energy: ArrayLike, start: float, end: float = np.inf, limit: float | None = None
) -> RelaxationFit:
    r"""Fit :math:`e_\infty + A t^{-a}` to ``start`` ≤ t ≤ ``end`` and compare it with two nulls.

    The nulls are :math:`e_\infty + A e^{-t/\tau}` and :math:`c - B \ln t`; with a given limit the exponential has that
    limit too. Each point is weighted with its error over samples.

    Parameters
    ----------
    time : array_like (times,)
        Increasing, positive where used.
    energy : array_like (samples, times)
        Energy density of each disorder sample, averaged over its replicas.
    start, end : float
        The window: a power law holds after some time only, and only until the size of the system is felt.
    limit : float or None
        e_∞ from theory; None fits it.

    Raises
    ------
    InputError
        For fewer than five samples, fewer than six times in the window, a window of less than a decade, or values that
        are not finite there.

    Notes
    -----
    The limit and the exponent are strongly correlated: without a given limit their errors are large unless the window
    is several decades long. (samples + 1) fits of each form.
    """
    time, energy = np.asarray(time, dtype=np.float64), np.asarray(energy, dtype=np.float64)
    if time.ndim != 1 or energy.ndim != 2 or energy.shape[1] != len(time) or not (np.diff(time) > 0).all():
        raise InputError(
            f"times {time.shape} and energies {energy.shape}: give increasing times (times,) and (samples, times)"
        )
    used = (time >= start) & (time <= end) & (time > 0)
    if used.sum() < FEWEST_POINTS:
        raise InputError(
            f"{int(used.sum())} times lie between {start:g} and {end:g}; the fit needs {FEWEST_POINTS}: widen the "
            "window or measure more often"
        )
    t, e = time[used], energy[:, used]
    if t[-1] * (1 + 1e-9) < SHORTEST_SPAN * t[0]:
        raise InputError(
            f"the times used span from {t[0]:g} to {t[-1]:g}, less than a factor of {SHORTEST_SPAN:g}: a power cannot "
            "be told from an exponential there; run longer"
        )
    if len(e) < FEWEST_UNITS:
        raise InputError(f"{len(e)} disorder samples: errors need at least {FEWEST_UNITS}")
    errors = mean_and_error(e)[1]
    if not (np.isfinite(e).all() and (errors > 0).all()):
        raise InputError("energies in the window are not finite, or equal in all samples: nothing to weigh them by")
    weights = 1.0 / errors**2

    shapes = _Shapes(t, weights, limit)
    found = jackknife(lambda block: shapes.fit(block.mean(axis=0)), e)
    value, error = np.asarray(found.value), np.asarray(found.error)
    with np.errstate(divide="ignore", invalid="ignore"):
        preference = {name: float(value[k] / error[k]) for k, name in ((6, "exponential"), (7, "logarithm"))}
    exponent = value[2]
    inside = _EXPONENTS[0] < exponent < _EXPONENTS[-1]
    if not inside:
        value[:3] = error[:3] = np.nan
    elif limit is not None:
        error[0] = 0.0
    misfit = dict(zip(FORMS, np.sqrt(value[3:6] / len(t)).tolist(), strict=True))
    return RelaxationFit(
        limit=float(value[0]), limit_error=float(error[0]),
        amplitude=float(value[1]), amplitude_error=float(error[1]),
        exponent=float(value[2]), exponent_error=float(error[2]),
        misfit=misfit, preference=preference, verdict=_verdict(preference, misfit, exponent),
        used=used, n_samples=len(e),
    )  # fmt: skip


def power_of_curve(
    time: ArrayLike, curve: ArrayLike, errors: ArrayLike, start: float, end: float = np.inf, limit: float | None = None
) -> tuple[float, float, float]:
    r"""Limit, amplitude and exponent of :math:`e_\infty + A t^{-a}` through one curve, weighted as measured ones are.

    For theory beside a measurement: the same form fitted at the same times with the same weights has the same bias
    from times that are too short for a pure power. An exponent of 0.02 or 5 is an end of the range searched.

    Parameters
    ----------
    time, curve, errors : array_like (times,)
        ``errors`` of the measurement.
    start, end, limit
        As in :func:`fit_relaxation`.

    Raises
    ------
    InputError
        For arrays of different shapes, fewer than six times in the window, or errors that are not positive there.
    """
    time, curve, errors = (np.asarray(array, dtype=np.float64) for array in (time, curve, errors))
    if time.ndim != 1 or curve.shape != time.shape or errors.shape != time.shape:
        raise InputError(f"a curve was given shapes {time.shape}, {curve.shape}, {errors.shape}: give (times,) thrice")
    used = (time >= start) & (time <= end) & (time > 0)
    if used.sum() < FEWEST_POINTS or not (np.isfinite(curve[used]).all() and (errors[used] > 0).all()):
        raise InputError(
            f"{int(used.sum())} times lie between {start:g} and {end:g}; the fit needs {FEWEST_POINTS} with finite "
            "values and positive errors"
        )
    level, amplitude, exponent, *_ = _Shapes(time[used], 1.0 / errors[used] ** 2, limit).fit(curve[used])
    return float(level), float(amplitude), float(exponent)


def _verdict(preference: dict[str, float], misfit: dict[str, float], exponent: float) -> str:
    if min(misfit.values()) > LARGEST_MISFIT:
        return "none"
    better = [name for name, z in preference.items() if z < -DECISIVE]
    if better:
        return min(better, key=misfit.get)
    if exponent <= _EXPONENTS[0]:  # the logarithm is the limit of a power of vanishing exponent
        return "logarithm"
    good = exponent < _EXPONENTS[-1] and all(z > DECISIVE for z in preference.values())
    return "power" if good else "undecided"


class _Shapes:
    """The three forms on given times with given weights, fitted to one curve after another."""

    def __init__(self, t: NDArray, weights: NDArray, limit: float | None):
        self._t, self._weights, self._limit = t, weights, limit
        self._powers = np.array([self._power(a) for a in _EXPONENTS])
        self._exponentials = np.array([self._exponential(rate) for rate in _RATES])

    def _power(self, exponent: float) -> NDArray:
        return (self._t / self._t[0]) ** -exponent

    def _exponential(self, rate: float) -> NDArray:
        return np.exp(-rate * (self._t - self._t[0]) / self._t[-1])

    def fit(self, e: NDArray) -> NDArray:
        """Limit, amplitude, exponent, the three sums of squares, and those of the nulls minus that of the power law."""
        level, amplitude, exponent, power = self._decay(self._power, _EXPONENTS, self._powers, e)
        *_, exponential = self._decay(self._exponential, _RATES, self._exponentials, e)
        *_, logarithm = _line(np.log(self._t), e, self._weights, None)
        return np.array([
            level, amplitude * self._t[0] ** exponent, exponent, power, exponential, logarithm,
            exponential - power, logarithm - power,
        ])  # fmt: skip

    def _decay(self, shape, grid: NDArray, on_grid: NDArray, e: NDArray) -> tuple[float, ...]:
        """Best level + amplitude·shape(θ) with θ on ``grid`` and between: level, amplitude, θ, sum of squares."""
        from scipy.optimize import minimize_scalar

        def squares(log_theta: float) -> float:
            return float(_line(shape(np.exp(log_theta)), e, self._weights, self._limit)[2])

        best = int(np.argmin(_line(on_grid, e, self._weights, self._limit)[2]))
        theta = float(grid[best])
        if 0 < best < len(grid) - 1:
            ends = np.log(grid[best - 1]), np.log(grid[best + 1])
            theta = float(np.exp(minimize_scalar(squares, bounds=ends, method="bounded", options={"xatol": 1e-9}).x))
        level, amplitude, total = _line(shape(theta), e, self._weights, self._limit)
        return float(level), float(amplitude), theta, float(total)


def _line(b: NDArray, e: NDArray, weights: NDArray, limit: float | None) -> tuple[NDArray, NDArray, NDArray]:
    """Weighted least squares of e (times,) on level + amplitude·b for each row of b: level, amplitude, squares."""
    total = weights.sum()
    centre_b = b @ weights / total if limit is None else np.zeros(b.shape[:-1])
    centre_e = weights @ e / total if limit is None else limit
    b, e = b - centre_b[..., None], e - centre_e
    spread = b**2 @ weights
    amplitude = np.where(spread > 0, (b * e) @ weights / np.where(spread > 0, spread, 1.0), 0.0)
    residual = e - amplitude[..., None] * b
    return centre_e - amplitude * centre_b, amplitude, residual**2 @ weights
