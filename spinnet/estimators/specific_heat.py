r"""Specific heat per unit of a disordered system: from the fluctuations of the energy, and from its slope.

In equilibrium :math:`c = \beta^2 (\langle H^2\rangle - \langle H\rangle^2)/N = d(\langle H\rangle/N)/dT` holds for
every sample of the couplings: that both agree is a test of equilibrium that no theory enters.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from spinnet.errors import InputError
from spinnet.estimators.resampling import FEWEST_UNITS, Estimate, jackknife


def fluctuation_specific_heat(
    energy: ArrayLike, energy_squared: ArrayLike, temperature: ArrayLike, n: int, fewest_units: int = FEWEST_UNITS
) -> Estimate:
    r"""c from the variance of the energy within each sample, averaged over samples, with the jackknife error.

    Parameters
    ----------
    energy, energy_squared : array_like, shape (sample, level, copy)
        :math:`\langle H\rangle` and :math:`\langle H^2\rangle`, extensive, of each independent copy.
    temperature : array_like, shape (level,)
    n : int
        N.

    Returns
    -------
    Estimate
        Per level.

    Raises
    ------
    InputError
        For shapes that do not fit, or too few samples.

    Notes
    -----
    The square of a mean over a finite run is too large by its variance. With two or more copies
    :math:`\langle H\rangle^2` is the product of the means of different copies, which is not; with one copy the estimate
    is too small by about 2τ/t of itself, t the length of the run and τ its correlation time.
    """
    energy, squared = np.asarray(energy, dtype=np.float64), np.asarray(energy_squared, dtype=np.float64)
    temperature = np.asarray(temperature, dtype=np.float64)
    if energy.ndim != 3 or squared.shape != energy.shape or temperature.shape != energy.shape[1:2]:
        raise InputError(
            f"energies {energy.shape}, squares {squared.shape} and temperatures {temperature.shape}: give "
            "(sample, level, copy) twice and (level,)"
        )
    copies = energy.shape[2]
    total = energy.sum(axis=2)
    if copies > 1:
        product = (total**2 - (energy**2).sum(axis=2)) / (copies * (copies - 1))
    else:
        product = total**2
    each = (squared.mean(axis=2) - product) / (n * temperature**2)
    return jackknife(lambda rows: rows.mean(axis=0), each, fewest_units=fewest_units)


def slope_specific_heat(
    energy: ArrayLike, temperature: ArrayLike, n: int, fewest_units: int = FEWEST_UNITS
) -> Estimate:
    r"""Mean of c between neighbouring temperatures, :math:`[e(T_{k+1}) - e(T_k)]/(T_{k+1} - T_k)`.

    Parameters
    ----------
    energy : array_like, shape (sample, level)
        Extensive.
    temperature : array_like, shape (level,)
        Increasing.

    Returns
    -------
    Estimate
        One value for each interval: exactly the mean of c over it, not its value in the middle.

    Raises
    ------
    InputError
        For shapes that do not fit, temperatures that do not increase, or too few samples.
    """
    energy, temperature = np.asarray(energy, dtype=np.float64), np.asarray(temperature, dtype=np.float64)
    if energy.ndim != 2 or temperature.shape != energy.shape[1:]:
        raise InputError(
            f"energies {energy.shape} and temperatures {temperature.shape}: give (sample, level) and (level,)"
        )
    if len(temperature) < 2 or not (np.diff(temperature) > 0).all():
        raise InputError("a slope needs two or more temperatures that increase")
    each = np.diff(energy, axis=1) / (n * np.diff(temperature))
    return jackknife(lambda rows: rows.mean(axis=0), each, fewest_units=fewest_units)
