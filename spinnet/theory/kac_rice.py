"""Complexity of the stationary points of a spherical glass: the Kac-Rice formula for N to infinity.

Sigma = lim (1/N) ln E(number). At a stationary point the Riemannian Hessian is sqrt(f''(1)) times a GOE matrix of
edge 2, shifted by mu = -sigma.grad H/N. In pure models mu = -p e; in mixed ones mu is a variable of its own.
The averages are annealed. For pure p >= 3 the total number below the threshold is known to have the same quenched
complexity (Subag 2017); for mixed models no such claim is made.

Counts at finite N are in ``critical_points``.

References: Crisanti and Sommers (1995) J. Phys. I 5, 805; Cavagna, Giardina and Parisi (1998) Phys. Rev. B 57, 11251;
Auffinger, Ben Arous and Cerny (2013) Commun. Pure Appl. Math. 66, 165; Auffinger and Ben Arous (2013) Ann. Probab.
41, 4214; Folena, Franz and Ricci-Tersenghi (2020) Phys. Rev. X 10, 031045.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.optimize import brentq

from spinnet.errors import InputError, NotConvergedError
from spinnet.theory.covariance import Covariance
from spinnet.theory.random_matrices import Semicircle

_MINUS_INFINITY = -math.inf


@dataclass(frozen=True)
class _Moments:
    """f, f', f'' at q = 1, and the determinant of the covariance of (e, mu)."""

    f: float
    first: float
    second: float
    determinant: float
    is_pure: bool
    degree: int

    @property
    def edge(self) -> float:
        """Half the width of the Hessian's semicircle, 2 sqrt(f'')."""
        return 2.0 * math.sqrt(self.second)


def _moments(covariance: Covariance) -> _Moments:
    return _Moments(
        f=covariance(1.0),
        first=covariance.first(1.0),
        second=covariance.second(1.0),
        determinant=covariance.energy_force_determinant,
        is_pure=covariance.is_pure,
        degree=covariance.degrees[0],
    )


def _check_index(index: int) -> int:
    if isinstance(index, bool) or int(index) != index or index < 0:
        raise InputError(f"index is {index!r}; it is an integer of 0 (minima) or more")
    return int(index)


def edge_cost(ratio: float) -> float:
    """Return J(X) = X sqrt(X^2-4)/4 - ln[(X + sqrt(X^2-4))/2] for X >= 2, zero below.

    The probability that one eigenvalue of a GOE matrix with edge 2 lies at X is exp(-N J(X)).
    """
    if ratio <= 2.0:
        return 0.0
    # X = 2 cosh(t): J = sinh(2t)/2 - t, without cancellation close to the edge
    t = math.acosh(0.5 * ratio)
    if t < 0.05:
        square = (2.0 * t) ** 2
        return 0.5 * (2.0 * t) ** 3 / 6.0 * (1.0 + square / 20.0 * (1.0 + square / 42.0 * (1.0 + square / 72.0)))
    return 0.5 * math.sinh(2.0 * t) - t


def _quadratic(m: _Moments, energy: float, mu: float) -> float:
    """Return (e, mu) K^-1 (e, mu)^T / 2 with K = [[f, -f'], [-f', f' + f'']]."""
    # completed square: nearly pure models have a small determinant and mu close to -f' e/f
    return 0.5 * (energy**2 + (m.f * mu + m.first * energy) ** 2 / m.determinant) / m.f


def joint_complexity(covariance: Covariance, energy: float, multiplier: float, index: int | None = None) -> float:
    """Return Sigma(e, mu), the complexity of stationary points with energy density e and Hessian centre mu.

    Sigma = 1/2 - ln f'(1)/2 + D(mu) - (e, mu) K^-1 (e, mu)^T/2, K = [[f, -f'], [-f', f' + f'']] at q = 1, and
    D = mu^2/(4f'') - 1/2 + ln(f'')/2 - J(|mu|/sqrt(f'')) with J of :func:`edge_cost`.

    Parameters
    ----------
    covariance : Covariance
        A mixed model; in pure models mu = -p e and K has no inverse.
    energy, multiplier : float
        e and mu = -sigma.grad H/N.
    index : int, optional
        Count only points with this fixed index k, which needs mu >= 2 sqrt(f'') (minus infinity otherwise) and costs
        k J more.

    Raises
    ------
    InputError
        For a pure model: use :func:`complexity` or :func:`index_complexity`.
    """
    m = _moments(covariance)
    if m.is_pure:
        raise InputError(
            f"covariance {covariance} is pure, so that mu = -{m.degree} e; use complexity or index_complexity instead"
        )
    copies = 1
    if index is not None:
        copies += _check_index(index)
        if multiplier < m.edge * (1.0 - 1e-14):
            return _MINUS_INFINITY
    cost = copies * edge_cost(abs(multiplier) / math.sqrt(m.second))
    volume = 0.5 * math.log(m.second / m.first) + multiplier**2 / (4.0 * m.second)
    return volume - cost - _quadratic(m, energy, multiplier)


def dominant_multiplier(covariance: Covariance, energy: float, index: int | None = None) -> float:
    """Return the mu that maximises Sigma(e, mu): that of nearly all stationary points at this energy density.

    For pure models it is -p e. With ``index`` the maximum is taken over points of that fixed index, for which
    mu >= 2 sqrt(f'').
    """
    m = _moments(covariance)
    if m.is_pure:
        mu = -m.degree * energy
        return mu if index is None else max(mu, m.edge)
    copies = 1 + (_check_index(index) if index is not None else 0)
    # stationarity: mu/(2f'') - copies J'(mu) - (f' e + f mu)/det = 0
    inside = m.first * energy / m.determinant / (0.5 / m.second - m.f / m.determinant)
    if abs(inside) <= m.edge:
        return inside if index is None else m.edge
    if index is not None and inside < 0.0:
        return m.edge
    # outside, mu = +-sqrt(f'')(s + 1/s) with J' = (1/s - s)/(2 sqrt(f'')): a quadratic equation for s in (0, 1)
    root = math.sqrt(m.second)
    sign = math.copysign(1.0, inside)
    scale = m.f * root / m.determinant
    half = 0.5 / root
    a = half * (1.0 + copies) - scale
    b = -sign * m.first * energy / m.determinant
    c = half * (1.0 - copies) - scale
    # c < 0 and b > 0: this is the smallest positive root, for either sign of a
    s = min(-2.0 * c / (b + math.sqrt(max(b * b - 4.0 * a * c, 0.0))), 1.0)
    return sign * root * (s + 1.0 / s)


def complexity(covariance: Covariance, energy: float, cumulative: bool = False) -> float:
    """Return Sigma(e): (1/N) ln of the expected number of stationary points of any index at energy density e.

    Parameters
    ----------
    covariance : Covariance
    energy : float
        Energy density e.
    cumulative : bool
        Count all points with energy density up to e instead of at e: the same for e <= 0, constant above.

    Notes
    -----
    Pure models: Sigma = ln(p-1)/2 - (p-2) e^2/(2(p-1)) - J(p|e|/sqrt(f'')) in units of a_p = 1.
    """
    if cumulative:
        energy = min(energy, 0.0)
    m = _moments(covariance)
    if m.is_pure:
        return _pure(m, energy, 1)
    return joint_complexity(covariance, energy, dominant_multiplier(covariance, energy))


def _pure(m: _Moments, energy: float, copies: int) -> float:
    p = m.degree
    # e^2/(2 f(1)) is the Gaussian weight of the energy
    scaled = energy**2 / (2.0 * m.f)
    cost = copies * edge_cost(p * abs(energy) / math.sqrt(m.second))
    return 0.5 * math.log(p - 1) - (p - 2) / (2.0 * (p - 1)) * scaled - cost


def index_complexity(covariance: Covariance, energy: float, index: int, cumulative: bool = True) -> float:
    """Return Sigma_k(e): (1/N) ln of the expected number of stationary points of fixed index k (0: minima).

    Parameters
    ----------
    covariance : Covariance
    energy : float
        Energy density e.
    index : int
        k, fixed while N grows.
    cumulative : bool
        Count points with energy density up to e (the default; constant above its maximum) or at e only, where pure
        models have none above the threshold: minus infinity.

    Notes
    -----
    Pure: ln(p-1)/2 - (p-2) e^2/(2(p-1)) - (k+1) J for e <= e_th. Mixed: the maximum over mu >= 2 sqrt(f'') of
    Sigma(e, mu) - k J.
    """
    index = _check_index(index)
    m = _moments(covariance)
    if m.is_pure:
        marginal = -m.edge / m.degree
        if energy > marginal * (1.0 - 1e-14):
            if not cumulative:
                return _MINUS_INFINITY
            energy = marginal
        return _pure(m, energy, 1 + index)
    if cumulative:
        energy = min(energy, marginal_energy(covariance))
    return joint_complexity(covariance, energy, dominant_multiplier(covariance, energy, index), index)


def dominant_marginal_energy(covariance: Covariance) -> float:
    """Return the energy density at which the dominant stationary points are marginal (mu = 2 sqrt(f'')).

    It is -[f'/sqrt(f'') + f (sqrt(f'')/f' - 1/sqrt(f''))] at q = 1, whether or not the model is one-step.
    """
    m = _moments(covariance)
    root = math.sqrt(m.second)
    return -(m.first / root + m.f * (root / m.first - 1.0 / root))


def marginal_energy(covariance: Covariance) -> float:
    """Return e_mg = -2 f' sqrt(f'')/(f' + f''), where the most numerous marginal points of all energies sit.

    It lies above the threshold energy; both are equal for pure models.
    """
    m = _moments(covariance)
    return -m.first * m.edge / (m.first + m.second)


def complexity_at_threshold(covariance: Covariance) -> float:
    """Return Sigma at the energy where the dominant points are marginal; ln(p-1)/2 - (p-2)/p for pure models."""
    m = _moments(covariance)
    energy = dominant_marginal_energy(covariance)
    if m.is_pure:
        return _pure(m, energy, 1)
    return joint_complexity(covariance, energy, m.edge)


def max_complexity(covariance: Covariance) -> float:
    """Return ln(f''(1)/f'(1))/2, the complexity of all stationary points of every energy and index."""
    m = _moments(covariance)
    return 0.5 * math.log(m.second / m.first)


def level_energy(covariance: Covariance, index: int) -> float:
    """Return E_k, below which there are no stationary points of index k: the zero of Sigma_k.

    E_0 is the ground-state energy of a model that is one-step at T = 0, and E_k grows with k towards the threshold.

    Raises
    ------
    InputError
        For pure p = 2, whose landscape has 2N stationary points and no complexity.
    NotConvergedError
        If the model is so close to pure p = 2 that its complexity is below rounding.
    """
    index = _check_index(index)
    m = _moments(covariance)
    if m.is_pure and m.degree == 2:
        raise InputError("pure degree 2 has 2N stationary points and no level energies; use degrees above 2")
    top = marginal_energy(covariance)

    def at(energy: float) -> float:
        return index_complexity(covariance, energy, index, cumulative=False)

    if not at(top) > 0.0:
        raise NotConvergedError(
            f"level energies of covariance {covariance} are lost in rounding: it is too close to pure degree 2"
        )
    bottom = 1.2 * top
    while at(bottom) > 0.0:
        bottom *= 1.2
    return float(brentq(at, bottom, top, xtol=1e-15, rtol=1e-15))


def hessian_law(covariance: Covariance, energy: float | None = None, multiplier: float | None = None) -> Semicircle:
    """Return the law of the Riemannian Hessian's eigenvalues: a semicircle of radius 2 sqrt(f'') and centre mu.

    Give the multiplier mu = -sigma.grad H/N, or the energy density e: mu = -p e for pure models at any
    configuration, and the dominant mu of stationary points at e for mixed ones.

    Raises
    ------
    InputError
        Unless exactly one of ``energy`` and ``multiplier`` is given.
    """
    if (energy is None) == (multiplier is None):
        raise InputError("hessian law needs either an energy density or a multiplier, and not both")
    centre = dominant_multiplier(covariance, energy) if multiplier is None else float(multiplier)
    return Semicircle(centre, _moments(covariance).edge)


def index_fraction(covariance: Covariance, energy: float) -> float:
    """Return the fraction of negative Hessian eigenvalues of the dominant stationary points at energy density e."""
    return float(hessian_law(covariance, energy=energy).cdf(0.0))
