r"""How a Boltzmann distribution divides between wells: depth against width.

For wells that are deep compared with T each holds the mass e^{-U_i/T} (2 pi T)^{D/2}/sqrt(det H_i). Harmonic wells of
widths w_i, U = |x - c_i|^2/(2 w_i^2), of equal depth therefore divide as (w_2/w_1)^D at every temperature: in many
dimensions the wide well takes all, and only a depth difference of T D ln(w_2/w_1) makes up for it.

References: Zhang, Liao, Rakhlin, Miranda, Golowich and Poggio (2018) arXiv:1801.02254; Laplace's method.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError


def log_mass_ratio(
    width_ratio: float, dimension: int, energy_difference: float = 0.0, temperature: float = 1.0
) -> float:
    """Return ln(mass_2/mass_1) = D ln(w_2/w_1) - (U_2 - U_1)/T of two harmonic wells."""
    width_ratio = real_number("width_ratio", width_ratio, above=0.0)
    dimension = whole_number("dimension", dimension, 1)
    energy_difference = real_number("energy_difference", energy_difference)
    temperature = real_number("temperature", temperature, above=0.0)
    return dimension * math.log(width_ratio) - energy_difference / temperature


def mass_ratio(width_ratio: float, dimension: int, energy_difference: float = 0.0, temperature: float = 1.0) -> float:
    """Return mass_2/mass_1 of two harmonic wells of width ratio w_2/w_1; infinite beyond the range of floats."""
    logarithm = log_mass_ratio(width_ratio, dimension, energy_difference, temperature)
    return math.exp(logarithm) if logarithm < 709.0 else math.inf


def hessian_log_mass_ratio(
    first: ArrayLike, second: ArrayLike, energy_difference: float = 0.0, temperature: float = 1.0
) -> float:
    """Return ln(mass_2/mass_1) = -(U_2 - U_1)/T + ln sqrt(det H_1/det H_2) from the Hessians at two minima.

    The Laplace approximation: exact for harmonic wells, corrections of order T otherwise.

    Raises
    ------
    InputError
        If the Hessians are not symmetric and positive definite, or differ in shape.
    """
    logarithms = []
    for name, matrix in (("first", first), ("second", second)):
        matrix = np.atleast_2d(np.asarray(matrix, dtype=float))
        if (
            matrix.ndim != 2
            or matrix.shape[0] != matrix.shape[1]
            or not np.allclose(matrix, matrix.T, rtol=1e-8, atol=0.0)
        ):
            raise InputError(f"the {name} Hessian has shape {matrix.shape}; give a symmetric square matrix")
        values = np.linalg.eigvalsh(matrix)
        if values[0] <= 0.0:
            raise InputError(f"the {name} Hessian has the eigenvalue {values[0]:.6g}; a minimum has positive ones only")
        logarithms.append((matrix.shape[0], float(np.log(values).sum())))
    if logarithms[0][0] != logarithms[1][0]:
        raise InputError(
            f"the Hessians have dimensions {logarithms[0][0]} and {logarithms[1][0]}; give two of the same"
        )
    energy_difference = real_number("energy_difference", energy_difference)
    temperature = real_number("temperature", temperature, above=0.0)
    return 0.5 * (logarithms[0][1] - logarithms[1][1]) - energy_difference / temperature


def balancing_energy(width_ratio: float, dimension: int, temperature: float) -> float:
    """Return the depth U_2 - U_1 = T D ln(w_2/w_1) at which a wide and a narrow well weigh the same."""
    temperature = real_number("temperature", temperature, above=0.0)
    return temperature * log_mass_ratio(width_ratio, dimension)


def thermal_energy(dimension: int, temperature: float) -> float:
    """Return the mean energy above the minimum of a harmonic well, D T/2 (equipartition)."""
    return 0.5 * whole_number("dimension", dimension, 1) * real_number("temperature", temperature, above=0.0)
