r"""Learning a rule: the perceptron with a teacher, weights on the sphere or Ising, P = alpha N examples.

The student is drawn from the posterior of Gaussian patterns labelled by a teacher of the same kind (zero training
errors). On this Nishimori line the overlap R with the teacher equals that of two students. With H the Gaussian tail and
kappa = sqrt(q/(1-q)),

.. math::
    G_E(q) = 2\int Dt\, H(\kappa t) \ln H(\kappa t), \qquad
    G_E'(q) = \frac{1}{2\pi(1-q)} \int Dt\, \frac{e^{-\kappa^2 t^2}}{H(\kappa t)}, \\
    \text{sphere:}\quad \frac{q}{1-q} = 2\alpha G_E', \qquad s = \tfrac12[\ln(1-q) + q] + \alpha G_E, \\
    \text{Ising:}\quad q = \int Dz \tanh(\sqrt{\hat q} z + \hat q),\ \hat q = 2\alpha G_E', \qquad
    s = -\tfrac12\hat q(1+q) + \int Dz \ln 2\cosh(\sqrt{\hat q} z + \hat q) + \alpha G_E .

s is the mean logarithm per weight of the volume (the number) of students left. A student errs on a new pattern with
probability arccos(R)/pi, the vote of all students (Bayes) with arccos(sqrt R)/pi. The Ising branch loses its entropy
at alpha_c = 1.2447: beyond it only the teacher is left (R = 1), although the branch exists up to the spinodal 1.4926,
and local algorithms stay on it.

References: Györgyi (1990) Phys. Rev. A 41, 7097; Sompolinsky, Tishby and Seung (1990) Phys. Rev. Lett. 65, 1683;
Barbier, Krzakala, Macris, Miolane and Zdeborová (2019) Proc. Natl. Acad. Sci. 116, 5451.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import log_ndtr

from spinnet.configurable import one_of, real_number
from spinnet.errors import InputError
from spinnet.theory.ising_pspin import log_cosh_average, overlap_complement

KINDS = ("spherical", "ising")
LARGEST_ALPHA = 1e6
# H(v) has its nearest zero at v = -1.92 + 2.82i: a step of 0.35 leaves exp(-2 pi 2.8/0.35)
_STEP = 0.35


@dataclass(frozen=True)
class PerceptronState:
    """A branch of solutions at one alpha.

    ``complement`` is 1 - R with full relative precision. ``entropy`` is per weight, relative to the uniform
    distribution on the sphere or absolute for Ising weights. ``is_perfect`` marks the teacher itself.
    """

    overlap: float
    complement: float
    entropy: float
    is_perfect: bool = False

    @property
    def generalisation_error_gibbs(self) -> float:
        """arccos(R)/pi, the error of one student drawn from the posterior."""
        return 2.0 / math.pi * math.asin(math.sqrt(0.5 * self.complement))

    @property
    def generalisation_error_bayes(self) -> float:
        """arccos(sqrt R)/pi, the error of the majority vote of all students."""
        return math.asin(math.sqrt(self.complement)) / math.pi


def _nodes(kappa: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes v = kappa t and weights of the average over t, fine enough for functions of v."""
    step = _STEP * min(1.0, kappa)
    # beyond |v| = 9 every integrand used here is negligible, or (at small kappa) the Gaussian is
    half = math.ceil(9.3 * min(1.0, kappa) / step)
    v = step * np.arange(-half, half + 1)
    return v, step / (kappa * math.sqrt(2.0 * math.pi)) * np.exp(-0.5 * (v / kappa) ** 2)


def energy_term(s: float) -> float:
    """Return G_E at q = 1/(1 + e^-s): the mean log-probability of a new label, -ln 2 at q = 0 and 0 at q = 1."""
    v, weight = _nodes(math.exp(0.5 * s))
    log_tail = log_ndtr(-v)
    return 2.0 * float(weight @ (np.exp(log_tail) * log_tail))


def energy_slope(s: float) -> float:
    """Return (1 - q) G_E'(q) at q = 1/(1 + e^-s)."""
    v, weight = _nodes(math.exp(0.5 * s))
    return float(weight @ np.exp(-v * v - log_ndtr(-v))) / (2.0 * math.pi)


def _complement(s: float) -> float:
    return 1.0 / (1.0 + math.exp(s))


def _overlap(s: float) -> float:
    return 1.0 / (1.0 + math.exp(-s))


def _spherical_alpha(s: float) -> float:
    # q/(1-q) = 2 alpha G_E'  with q = (1-q) e^s
    return 0.5 * _overlap(s) / energy_slope(s)


def _conjugate(s: float) -> float:
    """Return q-hat with q = int Dz tanh(sqrt(q-hat) z + q-hat)."""
    u = _complement(s)
    # q-hat -> q for small q; 1 - q ~ e^{-q-hat/2} for large
    top = 2.0 - 4.0 * math.log(u)
    return float(brentq(lambda h: overlap_complement(h) - u, 1e-2 * (1.0 - u), top, xtol=1e-15 * top, rtol=1e-14))


def _ising_alpha(s: float) -> float:
    return 0.5 * _conjugate(s) * _complement(s) / energy_slope(s)


def _spherical_entropy(s: float, alpha: float) -> float:
    q, u = _overlap(s), _complement(s)
    return 0.5 * (math.log(u) + q) + alpha * energy_term(s)


def _ising_entropy(s: float, alpha: float) -> float:
    conjugate = _conjugate(s)
    # -q-hat (1 + q)/2 + q-hat + excess
    return 0.5 * conjugate * _complement(s) + log_cosh_average(conjugate) + alpha * energy_term(s)


@lru_cache(maxsize=1)
def _ising_spinodal() -> float:
    """Return s = ln(q/(1-q)) at the maximum of alpha(q)."""
    found = minimize_scalar(lambda s: -_ising_alpha(s), bounds=(0.5, 4.0), method="bounded", options={"xatol": 1e-8})
    return float(found.x)


def ising_spinodal() -> tuple[float, float]:
    """Return (alpha, q) where the imperfect branch of the Ising perceptron ends: 1.4926, 0.8937."""
    s = _ising_spinodal()
    return _ising_alpha(s), _overlap(s)


@lru_cache(maxsize=1)
def ising_transition() -> tuple[float, float]:
    """Return (alpha_c, q) where the entropy of the imperfect branch vanishes: 1.24468, 0.69376.

    Beyond alpha_c the teacher is the only student left, and R jumps to one.
    """
    s = brentq(lambda s: _ising_entropy(s, _ising_alpha(s)), 0.0, _ising_spinodal(), xtol=1e-14)
    return _ising_alpha(s), _overlap(s)


def _root(alpha_of, alpha: float, high: float) -> float:
    # q = alpha 2/pi for small alpha
    low = math.log(min(alpha, 1.0)) - 4.0
    return float(brentq(lambda s: alpha_of(s) - alpha, low, high, xtol=1e-14, rtol=1e-14))


def perceptron_state(alpha: float, kind: str = "spherical", metastable: bool = False) -> PerceptronState:
    """Return the state at P = alpha N examples.

    Parameters
    ----------
    alpha : float
        Number of examples per weight, 0 to 10^6.
    kind : {"spherical", "ising"}
    metastable : bool
        For Ising weights beyond alpha_c: return the imperfect branch, up to its spinodal, instead of the equilibrium
        state (the teacher).

    Raises
    ------
    InputError
        For alpha that is negative or too large, or a metastable state beyond its spinodal.

    Notes
    -----
    The entropy of the metastable branch is negative: it is a state of algorithms, not of the posterior.
    """
    one_of("kind", kind, KINDS)
    alpha = real_number("alpha", alpha, 0.0)
    if alpha > LARGEST_ALPHA:
        raise InputError(
            f"alpha = {alpha:g}: values up to {LARGEST_ALPHA:g} are solved; beyond it use 0.6246/alpha (Gibbs error)"
        )
    if alpha < 1e-12:
        return PerceptronState(0.0, 1.0, math.log(2.0) if kind == "ising" else 0.0)
    if kind == "spherical":
        s = _root(_spherical_alpha, alpha, 4.0 + 2.0 * math.log(1.0 + alpha))
        return PerceptronState(_overlap(s), _complement(s), _spherical_entropy(s, alpha))
    if alpha > ising_transition()[0] and not metastable:
        return PerceptronState(1.0, 0.0, 0.0, is_perfect=True)
    end, overlap = ising_spinodal()
    if alpha > end:
        raise InputError(
            f"alpha = {alpha:g} is beyond the spinodal {end:.6g} of the imperfect branch; only perfect learning is left"
        )
    s = _root(_ising_alpha, alpha, _ising_spinodal()) if alpha < end else math.log(overlap / (1.0 - overlap))
    return PerceptronState(_overlap(s), _complement(s), _ising_entropy(s, alpha))
