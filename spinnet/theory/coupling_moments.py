r"""Moments of the energy of a spherical glass at infinite temperature, exact at every N, for each kind of couplings.

Over disorder, and over configurations uniform on the sphere :math:`|\sigma|^2 = N`. At a fixed configuration H is a sum
of independent terms of mean 0, so that :math:`\mathrm{E} H^4 = 3 V^2 + \kappa_4` with its variance V(σ) and its fourth
cumulant κ₄(σ); both are symmetric polynomials of the σᵢ², whose means follow from

.. math::
    \Bigl\langle \prod_{i} \sigma_i^{2 m_i} \Bigr\rangle = N^k \frac{\prod_i (2 m_i - 1)!!}{N (N+2) \cdots (N+2k-2)},
    \qquad k = \sum_i m_i .

Gaussian couplings of all monomials have V = N f(1) and κ₄ = 0. Independent signs have :math:`-2\sum_t c_t^4` for κ₄
with c_t what term t adds to H; sums over different spins only, and diluted ones, have a variance that depends on the
configuration.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from spinnet.errors import InputError

KINDS = ("dense", "hashed", "binary", "diluted")


@dataclass(frozen=True)
class EnergyMoments:
    """``second`` = E⟨H²⟩ and ``fourth`` = E⟨H⁴⟩; extensive H, ⟨·⟩ over the sphere."""

    second: float
    fourth: float

    @property
    def excess_kurtosis(self) -> float:
        """E⟨H⁴⟩/E⟨H²⟩² − 3, zero for a Gaussian energy of fixed variance."""
        return self.fourth / self.second**2 - 3.0


def energy_moments(
    n: int,
    covariance: Mapping[int, float],
    couplings: str = "dense",
    strict: bool = False,
    connectivity: float | None = None,
    terms_per_spin: float | None = None,
    weights: str = "binary",
) -> EnergyMoments:
    """The second and the fourth moment of H; parameters as those of ``SphericalGlass``.

    Raises
    ------
    InputError
        For kinds that are not known.
    """
    if couplings not in KINDS:
        raise InputError(f"couplings = {couplings!r}: the moments are known for {', '.join(KINDS)}")
    degrees = sorted(covariance)
    if couplings == "diluted":
        terms = {p: _terms(n, p, connectivity, terms_per_spin) for p in degrees}
        # J² of a term, and the mean of its fourth power over J⁴
        squares = {
            p: covariance[p] ** 2 * 0.5 * n * math.prod(1.0 + 2.0 * k / n for k in range(p)) / terms[p] for p in degrees
        }
        fourth = 3.0 if weights == "gaussian" else 1.0
        per_set = {p: terms[p] * squares[p] / math.comb(n, p) for p in degrees}
        variance = sum(per_set[p] * _mean_of_one(n, p) for p in degrees)
        square = sum(per_set[p] * per_set[q] * _mean_of_two(n, p, q) for p in degrees for q in degrees)
        cumulant = sum(
            terms[p] * squares[p] ** 2 * (fourth * _mean_of_one(n, p, 2) / math.comb(n, p)
                                          - 3.0 * _mean_of_two(n, p, p) / math.comb(n, p) ** 2)
            for p in degrees
        )  # fmt: skip
        return EnergyMoments(variance, 3.0 * square + cumulant)
    scale = {p: covariance[p] ** 2 * math.factorial(p) / (2.0 * float(n) ** (p - 1)) for p in degrees}
    if strict:
        variance = sum(scale[p] * _mean_of_one(n, p) for p in degrees)
        square = sum(scale[p] * scale[q] * _mean_of_two(n, p, q) for p in degrees for q in degrees)
    else:
        variance = 0.5 * n * sum(a * a for a in covariance.values())
        square = variance**2
    cumulant = 0.0
    if couplings == "binary":
        for p in degrees:
            for parts, count in [((1,) * p, math.comb(n, p))] if strict else _monomials(n, p):
                weight = scale[p] / math.prod(math.factorial(m) for m in parts)
                cumulant -= 2.0 * count * weight**2 * _sphere_mean(n, [2 * m for m in parts])
    return EnergyMoments(variance, 3.0 * square + cumulant)


def _terms(n: int, degree: int, connectivity: float | None, terms_per_spin: float | None) -> int:
    """M of diluted couplings."""
    if terms_per_spin is not None:
        return round(terms_per_spin * n)
    return round((1.0 if connectivity is None else connectivity) * float(n) ** (degree - 1))


def _sphere_mean(n: int, halves: list[int]) -> float:
    """⟨Π σ_i^{2 m_i}⟩ over the sphere of radius √N for different spins with the m_i in ``halves``."""
    mean, done = 1.0, 0
    for m in halves:
        for j in range(m):
            mean *= (2 * j + 1) * n / (n + 2.0 * done)
            done += 1
    return mean


def _mean_of_one(n: int, degree: int, half: int = 1) -> float:
    """⟨e_p⟩ of the σ^{2·half}."""
    return math.comb(n, degree) * _sphere_mean(n, [half] * degree)


def _mean_of_two(n: int, p: int, q: int) -> float:
    """⟨e_p e_q⟩ of the σ², by the number of spins that the two sets share."""
    return sum(
        math.comb(n, p) * math.comb(p, shared) * math.comb(n - p, q - shared)
        * _sphere_mean(n, [2] * shared + [1] * (p + q - 2 * shared))
        for shared in range(max(0, p + q - n), min(p, q) + 1)
    )  # fmt: skip


def _monomials(n: int, degree: int) -> Iterator[tuple[tuple[int, ...], int]]:
    """Multiplicities of the spins in a monomial, and how many monomials have them."""
    for parts in _partitions(degree, degree):
        orders = math.factorial(len(parts)) // math.prod(math.factorial(c) for c in Counter(parts).values())
        yield parts, math.comb(n, len(parts)) * orders


def _partitions(total: int, largest: int) -> Iterator[tuple[int, ...]]:
    if total == 0:
        yield ()
    for first in range(min(total, largest), 0, -1):
        for rest in _partitions(total - first, first):
            yield (first, *rest)
