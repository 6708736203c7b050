"""Overlaps of independently trained networks, before and after the symmetries are divided out."""

from __future__ import annotations

import numpy as np

from spinnet.configurable import one_of, whole_number
from spinnet.errors import InputError
from spinnet.landscapes.network_symmetries import Symmetric
from spinnet.probes.base import BlockProbe
from spinnet.probes.replica_pairs import PAIRS, on_finite_pairs, replica_pairs
from spinnet.records import Variable, Variables


class AlignedOverlapProbe(BlockProbe):
    """q = x·x′/(|x||x′|) of pairs of replicas as they are, and q between x′ and the nearest image of x.

    Both with the continuous symmetries fixed. Aligning looks for agreement and finds some in noise: the same numbers
    for the weights with which the replicas began are the null, ``start_overlap`` and ``start_aligned``.

    Parameters
    ----------
    pairs
        ``"disjoint"`` (independent) or ``"all"`` (every pair: for the distribution P(q), not for errors).
    starts
        Of the alignment of networks with several hidden layers.
    """

    requires = (Symmetric,)

    def __init__(self, pairs: str = "disjoint", starts: int = 8):
        given = self.validate(pairs=pairs, starts=starts)
        self.pairs, self.starts = given["pairs"], given["starts"]

    @classmethod
    def validate(cls, pairs, starts):
        return {"pairs": one_of("pairs", pairs, PAIRS), "starts": whole_number("starts", starts, 1)}

    def check_run(self, last: float, replicas: int) -> None:
        if replicas < 2:
            raise InputError("aligned_overlap compares replicas: set replicas of the ensemble to 2 or more")

    def measure_block(
        self, landscape: Symmetric, start: np.ndarray, x: np.ndarray, rng: np.random.Generator
    ) -> Variables:
        first, second = replica_pairs(len(x), self.pairs)
        found = {}
        trained, begun = "of trained pairs", "of the weights before training, the null"
        for block, prefix, whose in ((x, "", trained), (start, "start_", begun)):
            overlap, aligned = self._overlaps(landscape, block[first], block[second])
            found[prefix + "overlap"] = (overlap, f"overlap {whose}, as they are")
            found[prefix + "aligned"] = (aligned, f"overlap {whose}, aligned by the symmetries")
        order = float(landscape.symmetry_order) if landscape.symmetry_order < 2**1000 else np.inf
        attributes = {"symmetry_order": order, "pairs": self.pairs}
        return {f"aligned_overlap/{name}": Variable(data, ("pair",), "1", told, attributes)
                for name, (data, told) in found.items()}  # fmt: skip

    def _overlaps(self, landscape: Symmetric, one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        overlap, aligned = np.full(len(one), np.nan), np.full(len(one), np.nan)
        rows = on_finite_pairs(one, other)
        if rows.any():
            here, there = landscape.fix_gauge(one[rows]), landscape.fix_gauge(other[rows])
            overlap[rows] = landscape.space.overlap(here, there)
            aligned[rows] = landscape.space.overlap(landscape.align(here, there, self.starts), there)
        return overlap, aligned
