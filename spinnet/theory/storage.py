r"""Storage capacities: how many random patterns a perceptron can classify, or a Hopfield network can hold.

Gardner's volume of weights that satisfy P = alpha N random labels with margin kappa, replica symmetric:

.. math::
    \text{sphere:}\quad \alpha_c^{-1} = \int_{-\kappa}^\infty Dt\,(t + \kappa)^2, \qquad
    \text{Ising:}\quad s = -\tfrac12 \hat q (1-q) + \int Dz \ln 2\cosh(\sqrt{\hat q} z)
        + \alpha \int Dt \ln H\!\left(\frac{\kappa + \sqrt q\, t}{\sqrt{1-q}}\right) = 0

with s stationary in q and q-hat. Capacities: 2 and 0.8331 per weight at zero margin.

References: Cover (1965) IEEE Trans. Electron. Comput. 14, 326; Gardner (1988) J. Phys. A 21, 257; Krauth and Mézard
(1989) J. Physique 50, 3057.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr

from spinnet.configurable import real_number
from spinnet.errors import InputError
from spinnet.theory.gaussian_average import gaussian_nodes

#: Patterns per weight that a Hopfield network with the pseudo-inverse rule holds: any linearly independent ones.
PSEUDO_INVERSE_CAPACITY = 1.0
_LARGEST_MARGIN = 5.0


def spherical_capacity(margin: float = 0.0) -> float:
    """Return alpha_c of spherical weights; for kappa >= 0 exact: [(1 + kappa^2) Phi(kappa) + kappa phi(kappa)]^-1."""
    margin = real_number("margin", margin, 0.0)
    density = math.exp(-0.5 * margin**2) / math.sqrt(2.0 * math.pi)
    return 1.0 / ((1.0 + margin**2) * float(ndtr(margin)) + margin * density)


def _constraint(q: float, margin: float) -> tuple[float, float]:
    """Return int Dt ln H(u) and (1/(1-q)) int Dt [H'(u)/H(u)]^2 with u = (kappa + sqrt(q) t)/sqrt(1-q)."""
    t, weight = gaussian_nodes(2.0 * math.sqrt((1.0 - q) / q))
    u = (margin + math.sqrt(q) * t) / math.sqrt(1.0 - q)
    log_tail = log_ndtr(-u)
    mills = np.exp(-0.5 * u * u - 0.5 * math.log(2.0 * math.pi) - log_tail)
    return float(weight @ log_tail), float(weight @ (mills * mills)) / (1.0 - q)


def _field(q: float) -> float:
    """Return q-hat with q = int Dz tanh^2(sqrt(q-hat) z)."""

    def excess(log_conjugate: float) -> float:
        root = math.exp(0.5 * log_conjugate)
        z, weight = gaussian_nodes(0.5 * math.pi / root)
        return float(weight @ np.tanh(root * z) ** 2) - q

    return math.exp(brentq(excess, math.log(q) - 1.0, 12.0 - 2.0 * math.log(1.0 - q), xtol=1e-14))


def _ising_state(q: float, margin: float) -> tuple[float, float]:
    """Return alpha and the entropy at the overlap q of two solutions."""
    conjugate = _field(q)
    energy, slope = _constraint(q, margin)
    alpha = conjugate / slope
    root = math.sqrt(conjugate)
    z, weight = gaussian_nodes(0.5 * math.pi / root)
    field = np.abs(root * z)
    log_cosh = float(weight @ (field + np.log1p(np.exp(-2.0 * field))))
    return alpha, -0.5 * conjugate * (1.0 - q) + log_cosh + alpha * energy


def ising_capacity(margin: float = 0.0) -> tuple[float, float]:
    """Return (alpha_c, q): where the entropy of Ising weights vanishes, and the overlap of two solutions there.

    0.83308 and 0.56395 at zero margin.

    Raises
    ------
    InputError
        Unless 0 <= margin <= 5.
    """
    margin = real_number("margin", margin, 0.0)
    if margin > _LARGEST_MARGIN:
        raise InputError(f"margin = {margin:g}: margins up to {_LARGEST_MARGIN:g} are solved")
    q = float(brentq(lambda q: _ising_state(q, margin)[1], 0.05, 0.98, xtol=1e-14))
    return _ising_state(q, margin)[0], q
