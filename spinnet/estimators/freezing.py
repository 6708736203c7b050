r"""The freezing temperature from curves of one sample or of averages, by extrapolation from either side.

From above: for a Gaussian density of states the entropy falls as s = s_0 - c beta^2 (random energies:
ln 2 - beta^2/4), and would vanish at beta_c = sqrt(s_0/c). From below: the mean participation ratio of a frozen phase
of Poisson-Dirichlet weights is 1 - T/T_c. Both have corrections of the order ln N/N; extrapolate in the size with
:func:`spinnet.estimators.scaling.extrapolate`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.configurable import real_number
from spinnet.errors import InputError


@dataclass(frozen=True)
class Freezing:
    """A temperature by extrapolation.

    ``points`` curve points were used; ``misfit`` is the largest distance of them from the fitted curve, in the units of
    the curve.
    """

    temperature: float
    points: int
    misfit: float


def freezing_from_entropy(
    beta: ArrayLike, entropy: ArrayLike, infinite: float, window: tuple[float, float] = (0.6, 0.98)
) -> Freezing:
    """Extrapolate the entropy to zero: least squares of s = infinite - c beta^2.

    Parameters
    ----------
    beta, entropy : array_like, shape (betas,)
    infinite : float
        The entropy at beta = 0, such as n ln 2.
    window : (float, float)
        Points whose entropy is between these shares of ``infinite`` are used, at least three. The lower end keeps out
        the rounding of the transition.

    Notes
    -----
    Of several transitions this sees none but a common one: a tree that freezes level by level has its first transition
    above, and its last below the value.
    """
    beta, entropy = _curves(beta, entropy)
    infinite = real_number("infinite", infinite, above=0.0)
    used = (entropy > window[0] * infinite) & (entropy < window[1] * infinite) & (beta > 0)
    if used.sum() < 3:
        raise InputError(
            f"{used.sum()} points have an entropy between {window[0]:g} and {window[1]:g} of its limit: measure at "
            "more temperatures above the transition"
        )
    b = beta[used]
    lost = infinite - entropy[used]
    c = float(b**2 @ lost / (b**2 @ b**2))
    return Freezing(float(np.sqrt(c / infinite)), int(used.sum()), float(np.abs(lost - c * b**2).max()))


def freezing_from_participation(
    temperature: ArrayLike, participation: ArrayLike, window: tuple[float, float] = (0.35, 0.85)
) -> Freezing:
    """Extrapolate Y_2 = 1 - T/T_c to zero: least squares of the slope.

    Parameters
    ----------
    temperature, participation : array_like, shape (temperatures,)
        Means over samples: Y_2 of one sample does not self-average.
    window : (float, float)
        Points with Y_2 in between are used, at least two.
    """
    temperature, participation = _curves(temperature, participation)
    used = (participation > window[0]) & (participation < window[1])
    if used.sum() < 2:
        raise InputError(
            f"{used.sum()} points have a participation ratio between {window[0]:g} and {window[1]:g}: measure at more "
            "temperatures below the transition"
        )
    t, lost = temperature[used], 1.0 - participation[used]
    slope = float(t @ lost / (t @ t))
    return Freezing(1.0 / slope, int(used.sum()), float(np.abs(lost - slope * t).max()))


def _curves(x: ArrayLike, y: ArrayLike) -> tuple[NDArray, NDArray]:
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise InputError(f"curves of shapes {x.shape} and {y.shape}: give two of the same length")
    return x, y
