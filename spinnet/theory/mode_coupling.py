r"""Exponents of the slow relaxation near the dynamic transition.

Approaching T_d from above, the equilibrium correlation stays near q_d, leaves it as :math:`C - q_d \sim -t^b` after it
reached it as :math:`t^{-a}`, and relaxes in the time :math:`\tau \sim (T - T_d)^{-\gamma}`:

.. math::
    \frac{\Gamma(1-a)^2}{\Gamma(1-2a)} = \frac{\Gamma(1+b)^2}{\Gamma(1+2b)} = \lambda, \qquad
    \gamma = \frac{1}{2a} + \frac{1}{2b}, \qquad \lambda = \frac{(1 - q_d) f'''(q_d)}{2 f''(q_d)}.

References: Goetze (2009) Complex Dynamics of Glass-Forming Liquids, ch. 6; Crisanti, Horner and Sommers (1993) Z. Phys.
B 92, 257; Caltagirone et al. (2012) Phys. Rev. Lett. 108, 085702.
"""

from __future__ import annotations

from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.special import gamma, rgamma

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance
from spinnet.theory.spherical_transitions import dynamic_transition


@dataclass(frozen=True)
class ModeCouplingExponents:
    """lambda, a, b and gamma; ``exponent`` is the gamma of the relaxation time."""

    parameter: float
    a: float
    b: float

    @property
    def exponent(self) -> float:
        """gamma = 1/(2a) + 1/(2b)."""
        return 0.5 / self.a + 0.5 / self.b


def mode_coupling_exponents(covariance: Covariance) -> ModeCouplingExponents:
    """Return the exponents of a discontinuous dynamic transition (lambda = 1/2, b = 1 for every pure p >= 3).

    Raises
    ------
    InputError
        If the dynamic transition is continuous.
    """
    covariance = Covariance(covariance)
    transition = dynamic_transition(covariance)
    if transition.is_continuous:
        raise InputError(f"covariance {covariance} has a continuous dynamic transition; its exponents are others")
    q = transition.overlap
    parameter = 0.5 * (1.0 - q) * covariance.third(q) / covariance.second(q)
    a = brentq(lambda z: gamma(1.0 - z) ** 2 * rgamma(1.0 - 2.0 * z) - parameter, 1e-9, 0.5, xtol=1e-14)
    # the right side falls from 1 at b = 0 to 1/2 at b = 1, and to 1/6 at b = 2
    b = brentq(lambda z: gamma(1.0 + z) ** 2 * rgamma(1.0 + 2.0 * z) - parameter, 1e-9, 2.0, xtol=1e-14)
    return ModeCouplingExponents(float(parameter), float(a), float(b))
