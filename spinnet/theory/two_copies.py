r"""The overlap of two copies of a finite glass at high temperature, and with it the correction to the energy.

Integration by parts gives :math:`E\langle H\rangle/N = -\beta [f(1) - E\langle f(q_{12})\rangle]` at every N. Where
copies hardly overlap, two of them on annealed couplings have the overlap density

.. math:: p_N(q) \propto (1 - q^2)^{(N-3)/2} e^{N\beta^2 f(q)},

which to first order in :math:`\beta^2` gives :math:`\langle f\rangle_0 + N\beta^2 [\langle f^2\rangle_0 -
\langle f\rangle_0^2]` over the free sphere: of order N^(-2) for pure p = 3 and p = 4. The difference of the two tells
how far the expansion can be trusted; close to the transitions not at all.

Reference: the annealed two-replica measure as in Crisanti and Sommers (1992) Z. Phys. B 87, 341.
"""

from __future__ import annotations

import numpy as np

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance

_POINTS = 40001


def annealed_overlap(covariance: Covariance, n: int, temperature: float) -> float:
    """Return the mean of f(q) in p_N (quadrature, relative error below 1e-6)."""
    q, weight = _density(covariance, n, temperature)
    return float(weight @ covariance(q))


def leading_overlap(covariance: Covariance, n: int, temperature: float) -> float:
    """Return the first order in 1/T^2 of :func:`annealed_overlap`."""
    q, weight = _density(covariance, n, np.inf)
    values = covariance(q)
    mean = float(weight @ values)
    return mean + n / temperature**2 * (float(weight @ values**2) - mean**2)


def _density(covariance: Covariance, n: int, temperature: float):
    if n < 4 or not temperature > 0:
        raise InputError(f"n = {n}, temperature = {temperature}: give 4 or more spins and a positive temperature")
    q = np.linspace(-1.0, 1.0, _POINTS)[1:-1]
    log_weight = 0.5 * (n - 3) * np.log1p(-(q**2)) + n * covariance(q) / temperature**2
    weight = np.exp(log_weight - log_weight.max())
    return q, weight / weight.sum()
