r"""Closed forms of the spherical p = 2 model from a random start: the exact dynamics other solvers are tested with.

With f(q) = q^2/2 (amplitude 1) the interactions are a Gaussian orthogonal matrix whose spectrum is the semicircle
of radius 2. With g(x) = \int rho(l) e^{l x} dl = I_1(2x)/x and Gamma(t) = exp(2 \int_0^t mu),

.. math::
    \Gamma(t) = g(2t) + 2T \int_0^t g(2(t-s)) \Gamma(s) ds, \quad \mu = \Gamma'/(2\Gamma), \quad e = (T-\mu)/2, \\
    R(t,s) = \sqrt{\Gamma(s)/\Gamma(t)}\, g(t-s), \quad
    C(t,s) = \frac{g(t+s) + 2T \int_0^s \Gamma(u) g(t+s-2u) du}{\sqrt{\Gamma(t)\Gamma(s)}} .

(Cugliandolo, Dean, J. Phys. A 28, 4213 (1995).) The convolution is solved by the Laplace transform: with S the
resolvent of the semicircle, Gamma^(z) = S(z/2) / (2 (1 - T S(z/2))), whose cut and pole give

.. math::
    \Gamma(t) = \frac{2}{\pi} \int_0^\pi \frac{\sin^2\phi \; e^{4 t \cos\phi}}{1 - 2T\cos\phi + T^2} d\phi
        + \theta(T-1) (1 - T^{-2}) e^{2 t (T + 1/T)} .

Another amplitude a rescales: times by 1/a, energies and temperatures by a.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from scipy.special import ive

from spinnet.errors import InputError
from spinnet.theory.dynamics_model import read_times, two_time_model

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(240)
_FEW_NODES, _FEW_WEIGHTS = np.polynomial.legendre.leggauss(16)


def _edge(temperature: float) -> float:
    """Half the exponential rate of Gamma: 2 in the glass phase, T + 1/T above T_c = 1."""
    return 2.0 if temperature <= 1 else temperature + 1 / temperature


def _scaled_gamma(times: np.ndarray, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Return Gamma(t) e^{-2kt} and k - mu(t), with k the edge; the second has no cancellation at long times."""
    # The integrand is concentrated at phi ~ 1/sqrt(2t): integrate to where it has fallen by e^{-45}.
    upper = np.minimum(math.pi, np.sqrt(45.0 / np.maximum(times, 1e-3)))[:, None]
    phi = 0.5 * upper * (1 + _NODES)
    measure = 0.5 * upper * _WEIGHTS * 2 / math.pi
    gap = 2 * np.sin(0.5 * phi) ** 2  # 1 - cos(phi), without cancellation
    denominator = (1 - temperature) ** 2 + 2 * temperature * gap
    weight = measure * np.sin(phi) ** 2 / np.where(denominator > 0, denominator, 1.0)
    excess = _edge(temperature) - 2.0
    weight = weight * np.exp(-4 * times[:, None] * gap - 2 * times[:, None] * excess)
    pole = 1 - temperature**-2 if temperature > 1 else 0.0
    value = weight.sum(axis=1) + pole
    deficit = (weight * (excess + 2 * gap)).sum(axis=1) / value
    return value, deficit


def _scaled_kernel(x: np.ndarray) -> np.ndarray:
    """g(x) e^{-2x} = I_1(2x) e^{-2x} / x."""
    safe = np.maximum(x, 1e-12)
    return np.where(x > 1e-12, ive(1, 2 * safe) / safe, 1.0)


def _read(times: Iterable[float], temperature: float, amplitude: float, name: str = "times"):
    two_time_model({2: amplitude}, temperature)
    return read_times(times, name, allow_zero=True) * amplitude, float(temperature) / amplitude


def energy_density(times: Iterable[float], temperature: float = 0.0, amplitude: float = 1.0) -> np.ndarray:
    """e(t); at T = 0, -I_2(4t)/I_1(4t) = -1 + 3/(8t) + ... for amplitude 1. Shape (n,)."""
    t, bath = _read(times, temperature, amplitude)
    return amplitude * (bath / 2 - lagrange_multiplier(t, bath) / 2)


def energy_excess(times: Iterable[float], temperature: float = 0.0, amplitude: float = 1.0) -> np.ndarray:
    """e(t) minus its limit at infinite time, without cancellation. Shape (n,)."""
    t, bath = _read(times, temperature, amplitude)
    return 0.5 * amplitude * _scaled_gamma(t, bath)[1]


def lagrange_multiplier(times: Iterable[float], temperature: float = 0.0, amplitude: float = 1.0) -> np.ndarray:
    """mu(t) = T - 2 e(t). Shape (n,)."""
    t, bath = _read(times, temperature, amplitude)
    return amplitude * (_edge(bath) - _scaled_gamma(t, bath)[1])


def _pairs(later, earlier, temperature: float, amplitude: float):
    t, bath = _read(later, temperature, amplitude, "later")
    s, _ = _read(earlier, temperature, amplitude, "earlier")
    t, s = np.broadcast_arrays(t, s)
    if np.any(t < s):
        raise InputError("the later time must not be smaller than the earlier time")
    return t, s, bath


def response(later, earlier, temperature: float = 0.0, amplitude: float = 1.0) -> np.ndarray:
    """R(t, s) for t >= s. Shape (n,)."""
    t, s, bath = _pairs(later, earlier, temperature, amplitude)
    ratio = np.sqrt(_scaled_gamma(s, bath)[0] / _scaled_gamma(t, bath)[0])
    return ratio * _scaled_kernel(t - s) * np.exp(-(_edge(bath) - 2) * (t - s))


def _panels(length: float) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights on [0, length], panels doubling from both ends."""
    half = 0.5 * length
    count = max(1, math.ceil(math.log2(1 + half / 0.25)))
    inner = half * (2.0 ** np.arange(count + 1) - 1) / (2.0**count - 1)
    breaks = np.concatenate([inner, length - inner[-2::-1]])
    widths = np.diff(breaks)[:, None]
    nodes = breaks[:-1, None] + 0.5 * widths * (1 + _FEW_NODES)
    return nodes.ravel(), (0.5 * widths * _FEW_WEIGHTS).ravel()


def correlation(later, earlier, temperature: float = 0.0, amplitude: float = 1.0) -> np.ndarray:
    """C(t, s) for t >= s. Shape (n,)."""
    t, s, bath = _pairs(later, earlier, temperature, amplitude)
    excess = _edge(bath) - 2
    values = np.empty(t.shape)
    for k in range(t.size):
        total = t[k] + s[k]
        value = _scaled_kernel(np.array(total)) * np.exp(-excess * total)
        if bath > 0 and s[k] > 0:
            u, weights = _panels(s[k])
            lag = total - 2 * u
            value = value + 2 * bath * np.sum(
                weights * _scaled_gamma(u, bath)[0] * _scaled_kernel(lag) * np.exp(-excess * lag)
            )
        values[k] = value
    return values / np.sqrt(_scaled_gamma(t, bath)[0] * _scaled_gamma(s, bath)[0])


def integrated_response(later, earlier, temperature: float = 0.0, amplitude: float = 1.0) -> np.ndarray:
    """chi(t, s) = integral of R(t, u) over u from s to t. Shape (n,)."""
    t, s, bath = _pairs(later, earlier, temperature, amplitude)
    values = np.zeros(t.shape)
    for k in range(t.size):
        if t[k] > s[k]:
            u, weights = _panels(t[k] - s[k])
            values[k] = np.sum(weights * response(np.full(u.size, t[k]), s[k] + u, bath))
    return values / amplitude
