"""Thermal averages from densities of states: sums over energy bins with Boltzmann weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError

_SCAN = 200
_TOLERANCE = 1e-10


def bin_weights(log_density: ArrayLike, energy: ArrayLike, temperature: float) -> NDArray:
    """g(E) e^{−E/T}, normalised over the bins (the last axis); bins whose ln g or energy is not finite weigh nothing.

    Raises
    ------
    InputError
        For a temperature that is not above zero, and where no bin holds anything.
    """
    log_density, energy = np.broadcast_arrays(np.asarray(log_density, float), np.asarray(energy, float))
    if not (np.isfinite(temperature) and temperature > 0):
        raise InputError(f"temperature = {temperature}: give a finite number above 0")
    good = np.isfinite(log_density) & np.isfinite(energy)
    if not good.any(axis=-1).all():
        raise InputError("a density of states without any bin has no thermal averages")
    exponent = np.where(good, log_density - np.where(good, energy, 0.0) / temperature, -np.inf)
    weight = np.exp(exponent - exponent.max(axis=-1, keepdims=True))
    return weight / weight.sum(axis=-1, keepdims=True)


def thermal_average(log_density: ArrayLike, energy: ArrayLike, values: ArrayLike, temperature: float) -> NDArray:
    """⟨value⟩_T of what has a mean in each bin, the last axis summed: Σ g v e^{−E/T}/Σ g e^{−E/T}.

    Bins of weight zero may hold NaN; elsewhere NaN stays.
    """
    weight = bin_weights(log_density, energy, temperature)
    values = np.broadcast_to(np.asarray(values, float), weight.shape)
    return np.where(weight > 0.0, weight * values, 0.0).sum(axis=-1)


def highest_crossing(function: Callable[[float], float], hottest: float, coldest: float) -> float:
    """The highest temperature at which a function of it passes from negative to not, found by bisection; NaN if none.

    The two ends bound the search; a scan of 200 temperatures in equal ratios brackets the crossing.
    """
    falling = np.geomspace(hottest, coldest, _SCAN)
    high = falling[0]
    if not function(high) < 0.0:
        return float("nan")
    for low in falling[1:]:
        if function(low) >= 0.0:
            break
        high = low
    else:
        return float("nan")
    while high - low > _TOLERANCE * high:
        middle = 0.5 * (low + high)
        if function(middle) < 0.0:
            high = middle
        else:
            low = middle
    return float(0.5 * (low + high))


def half_temperature(log_density: ArrayLike, energy: ArrayLike, values: ArrayLike) -> float:
    """The highest T at which the thermal average of values by bin is one half, for one density of states (bins,).

    For the overlap with a native state or for the weight of that state it is the folding temperature. NaN where the
    average never passes one half from below.
    """
    energy = np.asarray(energy, float)
    finite = energy[np.isfinite(energy) & np.isfinite(np.asarray(log_density, float))]
    spread = float(np.ptp(finite)) if finite.size else 0.0
    if spread <= 0.0:
        return float("nan")
    return highest_crossing(
        lambda t: float(thermal_average(log_density, energy, values, t)) - 0.5, 20.0 * spread, 1e-3 * spread
    )
