"""The rank of the outputs' Jacobian: how many directions in weight space change what a network answers."""

from __future__ import annotations

import numpy as np

from spinnet.configurable import real_number
from spinnet.errors import InputError
from spinnet.landscapes.network_data import PatternNetwork
from spinnet.probes.base import EndpointProbe
from spinnet.records import Variable, Variables

_LARGEST = 2**27  # elements of a Jacobian, 1 GiB


class JacobianRankProbe(EndpointProbe):
    """Rank of J = ∂(all outputs on all training patterns)/∂w by singular values, and its number of rows P·C.

    At zero squared loss the Hessian of E is JᵀJ: its zero modes are the n − rank directions that J does not see, at
    least n − P·C, and exactly so many where J has full row rank.

    Parameters
    ----------
    tolerance
        Singular values up to this share of the largest count as zero. Eigenvalues of JᵀJ are their squares: a
        tolerance of 3e-5 here is one of 1e-9 there.

    Raises
    ------
    InputError
        For a Jacobian of more than 2²⁷ elements.
    """

    requires = (PatternNetwork,)

    def __init__(self, tolerance: float = 3.2e-5):
        self.tolerance = self.validate(tolerance=tolerance)["tolerance"]

    @classmethod
    def validate(cls, tolerance):
        return {"tolerance": real_number("tolerance", tolerance, 0.0)}

    def measure(self, landscape: PatternNetwork, x: np.ndarray, rng: np.random.Generator) -> Variables:
        x = landscape.check(x)
        rows = landscape.n_terms * landscape.n_outputs
        if rows * landscape.space.n > _LARGEST:
            raise InputError(
                f"jacobian_rank: a Jacobian of {rows} × {landscape.space.n} elements is too large: take fewer patterns"
            )
        rank, least = np.full(len(x), -1, dtype=np.int64), np.full(len(x), np.nan)
        for a in range(len(x)):
            if np.isfinite(x[a]).all():
                values = np.linalg.svd(landscape.jacobian(x[a]), compute_uv=False)
                kept = values[values > self.tolerance * values[0]]
                rank[a], least[a] = len(kept), (kept[-1] / values[0] if len(kept) else np.nan)
        stated = {"tolerance": self.tolerance}
        return {
            "jacobian/rank": Variable(rank, ("replica",), "1", "rank of the outputs' Jacobian; -1 if lost", stated),
            "jacobian/rows": Variable(
                np.full(len(x), rows), ("replica",), "1", "outputs times patterns: the largest rank there can be"
            ),
            "jacobian/least": Variable(
                least, ("replica",), "1", "smallest singular value that counts, over the largest", stated
            ),
        }
