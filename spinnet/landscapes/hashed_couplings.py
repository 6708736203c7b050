"""Hashed couplings of a spherical glass: Gaussian, and stored nowhere."""

from __future__ import annotations

from spinnet.landscapes.expanded_couplings import ExpandedCouplings
from spinnet.randomness import counter_keys


class HashedCouplings(ExpandedCouplings):
    """Gaussian couplings of all i₁ ≤ … ≤ i_p as a function of (seed, sample, index), made again in every pass.

    J = a √(p!/(2 N^{p−1} Π m!)) z with independent z ~ N(0, 1) (m: multiplicities of the indices): the variances of
    ``DenseCouplings`` and another disorder. The covariance is exactly N f(q) at every N.

    Parameters
    ----------
    n, degree, amplitude : N, p and a
    seed, sample : the disorder
    dtype : "float32" or "float64", of the products; z is a float32 number in either case
    strict : only i₁ < … < i_p: the same numbers without the others. The covariance of the strict sum is that of
        ``DenseCouplings(strict=True)``: for p = 3 the variance falls short by 3.4 % at N = 256.

    Notes
    -----
    The hash and its limits are stated in :mod:`spinnet.kernels.hashed_couplings`: |z| ≤ 6.76, and z is accurate to
    2·10⁻⁶. A block of replicas shares the making of the numbers: at p = 3, N = 1024 a gradient of 64 replicas takes
    about 1.2 times that of the dense kind, one of a single state 2.7 times. Memory is that of tables alone: prefixes,
    4 (p − 2) C(N + p − 3, p − 2) bytes, and units of work, 32 bytes for each 2²⁰ couplings.
    """

    def __init__(
        self, n: int, degree: int, amplitude: float, seed: int, sample: int, dtype: str, strict: bool = False
    ):
        super().__init__(n, degree, amplitude, dtype, strict)
        self.keys = counter_keys(seed, 3, "hashed couplings", n, degree, sample)

    @staticmethod
    def n_bytes(n: int, degree: int, dtype: str, strict: bool = False) -> int:
        """Memory of the keys and of the tables, the same for each dtype; nothing is allocated."""
        return 24 + ExpandedCouplings.table_bytes(n, degree)
