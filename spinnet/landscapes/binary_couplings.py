"""Binary couplings of a spherical glass: one bit each."""

from __future__ import annotations

import numpy as np

from spinnet.landscapes.couplings import aligned_empty, layout
from spinnet.landscapes.expanded_couplings import ExpandedCouplings
from spinnet.randomness import stream

_DRAWN_AT_ONCE = 1 << 20


class BinaryCouplings(ExpandedCouplings):
    """Couplings ±a √(p!/(2 N^{p−1} Π m!)) of all i₁ ≤ … ≤ i_p with independent fair signs, one bit each.

    m are the multiplicities of the indices: the variances are those of ``DenseCouplings``.

    Parameters
    ----------
    n, degree, amplitude : N, p and a
    seed, sample : the disorder
    dtype : "float32" or "float64", of the products; the couplings are the same
    strict : only i₁ < … < i_p: the same signs without the others. The covariance of the strict sum is that of
        ``DenseCouplings(strict=True)``: for p = 3 the variance falls short by 3.4 % at N = 256.

    Notes
    -----
    Exact at every N and for every pair of real vectors: E[H(σ) H(σ′)] = N f(q), and with it every mean of a product of
    two energies, gradients or Hessians, which are rotation invariant (``strict=False``). Not exact: higher moments. The
    energy is no Gaussian variable, its fourth cumulant is −2 Σ J⁴ σ_{i₁}⁴ … σ_{i_p}⁴. Relative to the square of its
    variance that is −2 p!/N^p at a state with all σ_i = ±1 and about −2 p! 3^p/N^p at a typical one, but −2 on an axis,
    where H = ±a √(N/2) in every sample. Averages of extensive quantities agree with the Gaussian ones as N → ∞
    (universality: Carmona and Hu, Ann. Inst. H. Poincaré Probab. Statist. 42, 215 (2006), for the p = 2 and p-spin
    Ising glass).

    Memory is N^p/p! bits, 1/32 of the float32 couplings. Signs are expanded to ±1 in the cache; for more than 8
    replicas a gradient looks sums of four states up instead (:mod:`spinnet.kernels.binary_tables`), at about half the
    time of the dense kind for 64 replicas, p = 3, N = 1024.
    """

    def __init__(
        self, n: int, degree: int, amplitude: float, seed: int, sample: int, dtype: str, strict: bool = False
    ):
        super().__init__(n, degree, amplitude, dtype, strict)
        # Four words of 16 bits are drawn at once.
        drawn = -(-int(self._block_tiles[-1]) // 4)
        self.words = aligned_empty(4 * drawn, np.dtype(np.uint16))
        rng, target = stream(seed, "binary couplings", n, degree, sample), self.words.view(np.uint64)
        for first in range(0, drawn, _DRAWN_AT_ONCE):
            piece = target[first : first + _DRAWN_AT_ONCE]
            piece[:] = rng.integers(0, 2**64, len(piece), dtype=np.uint64)

    @staticmethod
    def n_bytes(n: int, degree: int, dtype: str, strict: bool = False) -> int:
        """Memory of the signs and of the tables, the same for each dtype; nothing is allocated."""
        _, tiles = layout(n, degree)
        return 8 * -(-int(tiles[-1]) // 4) + ExpandedCouplings.table_bytes(n, degree)
