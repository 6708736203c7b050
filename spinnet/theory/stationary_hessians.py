"""Hessians at stationary points of a pure spherical glass of N spins, sampled from their exact finite-size law.

In the Kac-Rice formula a stationary point of index k is an eigenvalue x_k of an N x N GOE matrix (off-diagonal variance
1/2) that has k eigenvalues below it: its energy density is e = a sqrt((p-1)/(p N)) x_k, and its N - 1 Hessian
eigenvalues are sqrt(2 f''/N)(x_j - x_k), j != k. At given e the average over all stationary points of all samples is
therefore that over GOE matrices with an eigenvalue at x; the weight of the formula depends on x alone and drops out.

At a configuration chosen without regard to the landscape the Hessian is a GOE matrix of size N - 1 and off-diagonal
variance f''/N, shifted by -p e.

Reference: Auffinger, Ben Arous and Cerny (2013) Commun. Pure Appl. Math. 66, 165, lemma 3.3 and theorem 2.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance
from spinnet.theory.goe_order_statistics import sample_eigenvalues

Array = NDArray[np.float64]
_BINS = 60
_DEGREE = 3  # of the regressions on the energy


def _pure(covariance: Covariance) -> tuple[int, float]:
    if not covariance.is_pure:
        raise InputError(
            f"covariance {covariance} is mixed: energy and Hessian centre are then two variables; this law is for pure "
            "models"
        )
    return covariance.terms[0]


@dataclass(frozen=True)
class SampledHessians:
    """Sampled spectra and what they say of stationary points at given energy densities.

    Attributes
    ----------
    n : int
        Number N of spins.
    energy_scale, curvature_scale : float
        Of GOE eigenvalues x: e = energy_scale x, Hessian eigenvalues = curvature_scale (x_j - x_k).
    spectra : ndarray (samples, n)
        Ascending.
    """

    n: int
    energy_scale: float
    curvature_scale: float
    spectra: Array = field(repr=False)

    def mean_index(self, energies: ArrayLike) -> tuple[Array, Array]:
        """Return the mean index of all stationary points at energy densities, and its sampling error.

        NaN beyond the sampled energies.
        """
        samples = len(self.spectra)
        x = self.spectra.ravel()
        rank = np.tile(np.arange(self.n, dtype=float), samples)
        order = np.argsort(x)
        groups = np.array_split(order, min(_BINS, x.size // 20))
        centre = np.array([x[group].mean() for group in groups])
        mean = np.array([rank[group].mean() for group in groups])
        error = np.array([rank[group].std() / math.sqrt(len(group)) for group in groups])
        at = np.asarray(energies, dtype=float) / self.energy_scale
        slope = [np.polynomial.polynomial.polyfit(x[g] - x[g].mean(), rank[g], 1)[1] for g in (groups[0], groups[-1])]
        # Beyond the outermost centres the line through the last group goes on, as far as there are samples.
        found = np.interp(at, centre, mean)
        found = np.where(at < centre[0], mean[0] + slope[0] * (at - centre[0]), found)
        found = np.where(at > centre[-1], mean[-1] + slope[1] * (at - centre[-1]), found)
        inside = (at >= x[order[0]]) & (at <= x[order[-1]])
        return np.where(inside, found, np.nan), np.where(inside, np.interp(at, centre, error), np.nan)

    def edges_of_minima(self, energies: ArrayLike) -> tuple[Array, Array]:
        """Return the mean smallest and largest Hessian eigenvalue of minima at energy densities, and their errors.

        From cubic regressions of the sampled gaps on the lowest eigenvalue; NaN beyond the sampled energies. The
        errors are those of the regressions, for a scatter that depends on the energy (White 1980); at neighbouring
        energies they are the same deviation.

        Returns
        -------
        mean, error : ndarray, shape (2, ...)
            Smallest first; ``...`` is the shape of ``energies``.
        """
        lowest = self.spectra[:, 0]
        at = np.asarray(energies, dtype=float) / self.energy_scale
        inside = (at >= lowest.min()) & (at <= lowest.max())
        centre, width = lowest.mean(), lowest.std()
        powers = np.arange(_DEGREE + 1)
        basis, wanted = (((x.ravel() - centre) / width)[:, None] ** powers for x in (lowest, at))
        inverse = np.linalg.pinv(basis)  # (coefficient, sample)
        means, errors = [], []
        for other in (1, -1):
            gap = self.spectra[:, other] - lowest
            coefficients = inverse @ gap
            weighted = inverse * (gap - basis @ coefficients)
            means.append((wanted @ coefficients).reshape(at.shape))
            errors.append(np.sqrt(((wanted @ (weighted @ weighted.T)) * wanted).sum(axis=1)).reshape(at.shape))
        scale = self.curvature_scale
        return np.where(inside, scale * np.array(means), np.nan), np.where(inside, scale * np.array(errors), np.nan)

    def energies_by_index(self, most: int, tilt: float) -> tuple[Array, Array]:
        """Return mean and standard deviation of the energy density of all points of index 0..most - 1.

        ``tilt`` is a = (p-2)/p, the weight exp(-a x^2/2) of the Kac-Rice formula. NaN where the weights of less than 30
        samples make the average.
        """
        x = self.spectra[:, :most]
        log_weight = -0.5 * tilt * x * x
        weight = np.exp(log_weight - log_weight.max(axis=0))
        total = weight.sum(axis=0)
        mean = (weight * x).sum(axis=0) / total
        spread = np.sqrt((weight * (x - mean) ** 2).sum(axis=0) / total)
        known = total**2 / (weight**2).sum(axis=0) >= 30.0
        return self.energy_scale * np.where(known, mean, np.nan), self.energy_scale * np.where(known, spread, np.nan)


def sample_hessians(covariance: Covariance, n: int, samples: int = 4000, seed: int = 0) -> SampledHessians:
    """Sample the law of stationary points of a pure model of ``n`` spins. O(samples n^2).

    Raises
    ------
    InputError
        For mixed models.
    """
    p, amplitude = _pure(covariance)
    spectra = sample_eigenvalues(n, samples, np.random.default_rng(seed))
    energy_scale = amplitude * math.sqrt((p - 1) / (p * n))
    return SampledHessians(n, energy_scale, math.sqrt(2.0 * covariance.second(1.0) / n), spectra)


def sample_typical_spectra(covariance: Covariance, n: int, samples: int = 4000, seed: int = 0) -> Array:
    """Return sampled Hessian spectra (samples, n - 1) at a typical configuration of energy density 0.

    At energy density e of a pure model all eigenvalues are -p e larger.
    """
    _pure(covariance)
    scale = math.sqrt(2.0 * covariance.second(1.0) / n)
    return scale * sample_eigenvalues(n - 1, samples, np.random.default_rng(seed))
