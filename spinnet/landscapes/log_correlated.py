"""The log-correlated random energy model: a Gaussian potential on points of a circle or an interval."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from spinnet.configurable import one_of, whole_number
from spinnet.errors import InputError
from spinnet.landscapes.indexed_levels import IndexedLevels, check_disorder
from spinnet.randomness import stream

DOMAINS = ("circle", "interval")
LARGEST_N = 24


class LogCorrelatedREM(IndexedLevels):
    """M = 2^N Gaussian levels at equidistant points, with a covariance that falls as the logarithm of the distance.

    On the circle, with the angle θ = 2π(i − j)/M,

        E[V_i V_j] = −2 ln|2 sin(θ/2)|,   E[V_i²] = 2 ln M,

    and on the interval [0, 1], with points (i + ½)/M,

        E[V_i V_j] = −2 ln(|i − j|/M),   E[V_i²] = 2 ln(2M).

    Both hold exactly at every M. On the circle the given diagonal is the smallest for which the matrix is not negative,
    and the mean over the points is zero in every sample; on the interval it takes half a spacing for the distance, the
    smallest diagonal for which the sequence is convex, so that its circulant embedding is not negative. The free energy
    freezes at β = 1 on both (values: :mod:`spinnet.theory.log_correlated`).

    Parameters
    ----------
    n : int
        M = 2^n points, n from 1 to 24. The number of a level is its place along the domain.
    domain : {"circle", "interval"}
    seed, sample : int
        The disorder.

    Raises
    ------
    InputError
        For values that are not allowed.

    Notes
    -----
    All levels are made at the first use, by one fast Fourier transform of M (circle) or 2M numbers: O(M ln M), 8 M
    bytes are kept. Their bits are those of one version of NumPy on one kind of processor.

    References
    ----------
    Fyodorov and Bouchaud, J. Phys. A 41, 372001 (2008), the circle with this diagonal; Fyodorov, Le Doussal and Rosso,
    J. Stat. Mech. P10005 (2009), the interval. Dietrich and Newsam, SIAM J. Sci. Comput. 18, 1088 (1997), on
    embeddings of convex sequences.
    """

    def __init__(self, n: int, domain: str = "circle", seed: int = 0, sample: int = 0):
        checked = self.validate(n=n, domain=domain, seed=seed, sample=sample)
        self.n: int = checked["n"]
        self.domain: str = checked["domain"]
        self.seed: int = checked["seed"]
        self.sample: int = checked["sample"]
        self._potential: np.ndarray | None = None

    @classmethod
    def validate(cls, **parameters: Any) -> dict[str, Any]:
        """Check values; see :class:`spinnet.configurable.Configurable`."""
        n = whole_number("n", parameters["n"], minimum=1)
        if n > LARGEST_N:
            raise InputError(f"n = {n}: a log-correlated potential of up to 2^{LARGEST_N} points is made at once")
        domain = one_of("domain", parameters.get("domain", "circle"), DOMAINS)
        return {"n": n, "domain": domain, **check_disorder(parameters)}

    @classmethod
    def task_memory_bytes(cls, table, replicas: int) -> int:
        """The levels, and the transform that makes them."""
        return (80 if table["domain"] == "interval" else 48) << table["n"]

    def covariance(self, distance: np.ndarray) -> np.ndarray:
        """E[V_i V_j] for whole distances |i − j| from 0 to M − 1, same shape."""
        distance = np.asarray(distance)
        whole = distance.dtype.kind in "iu"
        if not whole or (distance.size and (distance.min() < 0 or distance.max() >= self.n_levels)):
            raise InputError(f"distance: give whole numbers from 0 to {self.n_levels - 1}")
        points, away = self.n_levels, np.maximum(distance, 1)
        if self.domain == "circle":
            return np.where(distance == 0, 2.0 * math.log(points), -2.0 * np.log(2.0 * np.sin(np.pi / points * away)))
        return -2.0 * np.log(np.where(distance == 0, 0.5, away) / points)

    def spectrum(self) -> np.ndarray:
        """Eigenvalues of the circulant matrix that the levels are drawn with, wave numbers 0 … half its size."""
        points = self.n_levels
        row = self.covariance(np.arange(points))
        if self.domain == "interval":
            row = np.concatenate([row, [0.0], row[:0:-1]])
        return np.maximum(np.fft.rfft(row).real, 0.0)

    def all_levels(self) -> np.ndarray:
        """V at all M points, in order along the domain; read-only."""
        if self._potential is None:
            spectrum = self.spectrum()
            size = 2 * (len(spectrum) - 1)
            noise = stream(self.seed, "log-correlated levels", self.domain, self.n, self.sample)
            g, h = noise.standard_normal((2, len(spectrum)))
            # the two ends of the spectrum are real and count once
            h[[0, -1]] = 0.0
            scale = np.sqrt(0.5 * size * spectrum)
            scale[[0, -1]] *= math.sqrt(2.0)
            self._potential = np.fft.irfft(scale * (g + 1j * h), size)[: self.n_levels].copy()
            self._potential.flags.writeable = False
        return self._potential

    def level(self, index: np.ndarray) -> np.ndarray:
        """V at each point, shape as given."""
        return self.all_levels()[self._check_index(index).astype(np.int64).reshape(-1)].reshape(np.shape(index))
