"""The lowest levels of a large tree without visiting its leaves: branch and bound with a stated chance of a miss."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError, NotConvergedError
from spinnet.landscapes.hashed_levels import HashedLevels

_BEAM = 1 << 14
_PART = 1 << 20
_LARGEST_FRONT = 1 << 24


@dataclass(frozen=True)
class LowestLevels:
    """Energies in rising order and their indices; ``miss`` bounds the probability that a lower level was cut off.

    ``visited`` counts the nodes that were read.
    """

    energy: np.ndarray
    index: np.ndarray
    miss: float
    visited: int


def find_lowest_levels(landscape: HashedLevels, count: int = 1, miss: float = 1e-6) -> LowestLevels:
    """Return the ``count`` lowest levels of a Gaussian tree.

    A beam search gives ``count`` leaves and with the highest of them an upper bound t. Then the tree is gone through
    generation by generation. Below a node of energy v lie m leaves whose further edges have the variance s²: one of
    them is below t with a probability of at most m Φ((t − v)/s), and the nodes with the smallest of these numbers are
    cut as long as their sum stays within the generation's share of ``miss``. The result is exact unless that event
    happened, in the law of independent Gaussian edges, t taken as given although it was read from a few of them.
    (A bound that holds for every hash would cut nothing: each edge may be as low as −10.8 standard deviations.)

    Parameters
    ----------
    landscape : HashedLevels
        With Gaussian nodes; useful for two generations and more.
    count : int
        Up to 4096.
    miss : float
        Between 0 (excluded) and 0.01.

    Raises
    ------
    InputError
        For values that are not allowed.
    NotConvergedError
        If more than 2²⁴ nodes of one generation would have to be kept, or 2³² leaves be read.

    Notes
    -----
    Energies are the bits of ``landscape.level``. One generation alone offers nothing to cut and is read leaf by leaf:
    there :func:`~spinnet.landscapes.enumeration.enumerate_levels` is faster.
    """
    if not isinstance(landscape, HashedLevels) or landscape.tree[3] != 0:
        raise InputError("the lowest levels are searched in trees with Gaussian edges; enumerate other levels")
    count = min(whole_number("count", count, minimum=1), landscape.n_levels)
    if count > 4096:
        raise InputError(f"count = {count}: up to 4096 of the lowest levels are searched")
    miss = real_number("miss", miss, above=0.0)
    if miss > 0.01:
        raise InputError(f"miss = {miss:g}: give a probability of at most 0.01")
    search = _Search(landscape)
    best = search.beam(max(_BEAM, count), count)
    found, spent = search.sweep(float(landscape.level(best).max()), miss)
    index = np.union1d(found, best)
    energy = landscape.level(index)
    order = np.lexsort((index, energy))[:count]
    return LowestLevels(energy[order], index[order], spent, search.visited)


class _Search:
    """Fronts of nodes of one generation, with their energies from the root."""

    def __init__(self, landscape: HashedLevels):
        self.landscape = landscape
        self.keys, shifts, self.widths, _ = landscape.tree
        self.left = [int(s) for s in shifts]
        self.bits = -np.diff([landscape.n, *self.left])
        self.spread = np.sqrt(0.5 * (self.widths.sum() - np.cumsum(self.widths)).clip(0.0))
        self.visited = 0

    def children(self, nodes: np.ndarray, energy: np.ndarray, generation: int):
        """Parts of the next generation below a front: nodes and energies."""
        from spinnet.kernels.random_energy import read_levels

        bits = int(self.bits[generation])
        if len(nodes) << bits > 1 << 32:
            raise NotConvergedError(
                f"{len(nodes)} nodes with 2^{bits} children each are left, more than 2^32 to read: take a smaller n"
            )
        width = min(1 << bits, _PART)
        rows = max(1, _PART // width)
        one = slice(generation, generation + 1)
        tree = self.keys[one], np.zeros(1, np.uint64), self.widths[one], 0
        for first in range(0, len(nodes), rows):
            part, above = nodes[first : first + rows] << np.uint64(bits), energy[first : first + rows]
            for start in range(0, 1 << bits, width):
                below = (part[:, None] + np.arange(start, start + width, dtype=np.uint64)).ravel()
                value = np.empty(below.size)
                read_levels(*tree, below, value)
                self.visited += below.size
                yield below, value + np.repeat(above, width)

    def beam(self, width: int, count: int) -> np.ndarray:
        """The ``count`` lowest leaves below the ``width`` lowest nodes of each generation."""
        nodes, energy = np.zeros(1, dtype=np.uint64), np.zeros(1)
        for generation in range(len(self.bits)):
            found, values = np.empty(0, dtype=np.uint64), np.empty(0)
            # many children per node: a few of the lowest nodes are enough for an upper bound
            few = max(1, (1 << 20) >> int(self.bits[generation]))
            order = np.argsort(energy)[:few]
            for below, value in self.children(nodes[order], energy[order], generation):
                found, values = np.append(found, below), np.append(values, value)
                if len(values) > width:
                    kept = np.argpartition(values, width - 1)[:width]
                    found, values = found[kept], values[kept]
            nodes, energy = found, values
        return nodes[np.argpartition(energy, count - 1)[:count]]

    def sweep(self, bound: float, miss: float) -> tuple[np.ndarray, float]:
        """All leaves up to the bound, and the probability spent on cuts."""
        from scipy.special import log_ndtr

        nodes, energy, spent = np.zeros(1, dtype=np.uint64), np.zeros(1), 0.0
        last = len(self.bits) - 1
        # energies summed from the root differ by rounding from those of level()
        bound += 1e-9 * (1.0 + abs(bound))
        for generation in range(last + 1):
            share = miss / max(last, 1)
            found, values, size = [], [], 0
            spread, leaves = self.spread[generation], self.left[generation] * math.log(2.0)
            # nodes that all together take a thousandth of the share are dropped before anything is sorted
            negligible = math.log(1e-3 * share / max(len(nodes), 1)) - int(self.bits[generation]) * math.log(2.0)
            for below, value in self.children(nodes, energy, generation):
                if generation == last or spread == 0.0:
                    kept = value <= bound
                else:
                    kept = leaves + log_ndtr((bound - value) / spread) > negligible
                found.append(below[kept])
                values.append(value[kept])
                size += int(kept.sum())
                if size > _LARGEST_FRONT:
                    raise NotConvergedError(
                        f"more than 2^24 nodes of generation {generation + 1} may lead to the lowest levels: take a "
                        "smaller n, fewer levels or a larger miss"
                    )
            if not found:
                break
            nodes, energy = np.concatenate(found), np.concatenate(values)
            if generation < last and spread > 0.0:
                chance = np.exp(np.minimum(leaves + log_ndtr((bound - energy) / spread), 0.0))
                order = np.argsort(chance)
                total = np.cumsum(chance[order])
                cut = int(np.searchsorted(total, 0.999 * share, side="right"))
                spent += (float(total[cut - 1]) if cut else 0.0) + 1e-3 * share
                kept = np.sort(order[cut:])
                nodes, energy = nodes[kept], energy[kept]
        return nodes, spent
