r"""The Poisson–Dirichlet law PD(m, 0): Boltzmann weights of a frozen random energy model, m = T/T_c.

The weights are the points of a Poisson process of intensity m w^(-1-m) dw divided by their sum. n replicas then fall
into the same and different states with the probabilities of Pitman,

.. math::
    P(n_1, \dots, n_k) = \frac{m^{k-1} (k-1)!}{(n-1)!} \prod_i (1-m)(2-m)\cdots(n_i - 1 - m),

from which follow E Y_k = Gamma(k - m)/(Gamma(k) Gamma(1 - m)) for Y_k = sum_i w_i^k and the Ghirlanda–Guerra
identities, such as E Y_2^2 = E Y_2/3 + 2 (E Y_2)^2/3.

References: Ruelle (1987) Commun. Math. Phys. 108, 225; Mézard, Parisi, Sourlas, Toulouse and Virasoro (1984)
J. Physique 45, 843; Pitman and Yor (1997) Ann. Probab. 25, 855.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError

Array = NDArray[np.float64]


def _check_parameter(m: float) -> float:
    m = real_number("m", m, above=0.0)
    if m >= 1.0:
        raise InputError(f"m = T/T_c = {m:g}: Poisson–Dirichlet weights need 0 < m < 1")
    return m


def participation_moment(order: float, m: float) -> float:
    """Return E Y_k = Gamma(k - m)/(Gamma(k) Gamma(1 - m)) for real k > m (E Y_1 = 1, E Y_2 = 1 - m)."""
    m = _check_parameter(m)
    order = real_number("order", order, above=m)
    return math.exp(float(gammaln(order - m) - gammaln(order) - gammaln(1.0 - m)))


def participation_second_moment(m: float) -> float:
    """Return E Y_2^2 = (1 - m)/3 + 2 (1 - m)^2/3."""
    m = _check_parameter(m)
    return (1.0 - m) / 3.0 + 2.0 * (1.0 - m) ** 2 / 3.0


def participation_variance(m: float) -> float:
    """Return Var Y_2 = m (1 - m)/3: Y_2 does not self-average."""
    m = _check_parameter(m)
    return m * (1.0 - m) / 3.0


def partition_probability(sizes: Sequence[int], m: float) -> float:
    """Return the probability that n replicas fall into states exactly as one given grouping with these block sizes.

    ``sizes = (2, 1)``: replicas 1 and 2 share a state, replica 3 is elsewhere; the probability is m (1 - m)/2.
    """
    m = _check_parameter(m)
    blocks = [whole_number("size", size, 1) for size in sizes]
    if not blocks:
        raise InputError("sizes is empty; give the number of replicas in each state, for example (2, 1)")
    logarithm = (len(blocks) - 1) * math.log(m) + math.lgamma(len(blocks)) - math.lgamma(sum(blocks))
    return math.exp(logarithm + sum(math.lgamma(size - m) - math.lgamma(1.0 - m) for size in blocks))


def sample_sticks(m: float, count: int, rng: np.random.Generator, samples: int = 1) -> Array:
    """Return exact samples of the first weights in size-biased order, shape (samples, count).

    The weight of the state of a random replica, then that of the first replica elsewhere, and so on: the i-th takes a
    share Beta(1 - m, i m) of what is left. One minus their sum is what the other states hold.
    """
    m = _check_parameter(m)
    count, samples = whole_number("count", count, 1), whole_number("samples", samples, 1)
    shares = rng.beta(1.0 - m, m * np.arange(1, count + 1), (samples, count))
    left = np.cumprod(1.0 - shares, axis=1)
    return shares * np.concatenate([np.ones((samples, 1)), left[:, :-1]], axis=1)


def sample_weights(m: float, count: int, rng: np.random.Generator, samples: int = 1) -> Array:
    """Return samples of the largest weights in decreasing order, shape (samples, count).

    The points of the Poisson process are G_i^(-1/m) with G_i the arrival times of a unit Poisson process: exact. The
    sum of the points beyond ``count`` is replaced by its mean m/(1-m) G_count^(1-1/m), and its standard deviation is
    smaller than it by a factor of order count^(-1/2).
    """
    m = _check_parameter(m)
    count, samples = whole_number("count", count, 1), whole_number("samples", samples, 1)
    arrivals = np.cumsum(rng.standard_exponential((samples, count)), axis=1)
    # relative to the first point, so that nothing overflows at small m
    points = (arrivals[:, :1] / arrivals) ** (1.0 / m)
    rest = m / (1.0 - m) * arrivals[:, -1:] * points[:, -1:]
    return points / (points.sum(axis=1, keepdims=True) + rest)
