"""Disconnectivity graphs: which minima are joined below which energy, from a table of minima and saddles.

References: Becker and Karplus, J. Chem. Phys. 106, 1495 (1997); Wales, Miller and Walsh, Nature 394, 758 (1998).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError


@dataclass(frozen=True)
class DisconnectivityTree:
    """How minima join as the energy rises.

    Nodes 0 … m − 1 are the minima, node m + k is made by merge k; a node stands for all minima below it.

    Attributes
    ----------
    energies : ndarray, shape (m,)
    merged : ndarray, shape (merges, 2)
        Nodes that merge, by increasing energy; fewer than m − 1 where minima stay apart.
    merge_energies : ndarray, shape (merges,)
    position : ndarray, shape (m + merges,)
        Where a node is drawn: minima at whole numbers such that no lines cross, merges between what they join.
    saddles : ndarray, shape (m, m)
        Lowest energy at which two minima are joined by any chain of the paths given; infinite where they are not.
    depth : ndarray, shape (m,)
        Climb from a minimum before a lower one is reached; of the lowest: before any other is.
    """

    energies: NDArray
    merged: NDArray
    merge_energies: NDArray
    position: NDArray
    saddles: NDArray
    depth: NDArray


def build_tree(energies: ArrayLike, saddles: ArrayLike) -> DisconnectivityTree:
    """The tree of ``energies`` (m,) and the highest energies on paths between each two minima, ``saddles`` (m, m).

    Paths need not be the lowest: upper bounds give a tree whose merges lie too high. NaN is no path; the matrix may
    hold either triangle, and of two different entries the lower counts. A saddle below an end is put at that end.

    Raises
    ------
    InputError
        For shapes that do not fit, energies that are not finite, or no minimum.
    """
    energies, saddles = np.asarray(energies, dtype=np.float64), np.asarray(saddles, dtype=np.float64)
    m = len(energies)
    if energies.ndim != 1 or m == 0 or saddles.shape != (m, m) or not np.isfinite(energies).all():
        raise InputError(f"energies {energies.shape} and saddles {saddles.shape}: give finite (m,) and (m, m), m > 0")
    height = np.fmin(np.where(np.isnan(saddles), np.inf, saddles), np.where(np.isnan(saddles.T), np.inf, saddles.T))
    height = np.maximum(height, np.maximum(energies[:, None], energies[None, :]))
    first, second = np.triu_indices(m, 1)
    order = np.argsort(height[first, second], kind="stable")
    node, members = np.arange(m), {k: [k] for k in range(m)}  # node of each minimum, minima of each node
    joined = np.full((m, m), np.inf)
    joined[np.diag_indices(m)] = energies
    merged, levels = [], []
    for k in order:
        a, b, level = node[first[k]], node[second[k]], height[first[k], second[k]]
        if a == b or not np.isfinite(level):
            continue
        # The deeper basin goes to the left, so that funnels lean one way.
        if energies[members[b]].min() < energies[members[a]].min():
            a, b = b, a
        joined[np.ix_(members[a], members[b])] = joined[np.ix_(members[b], members[a])] = level
        new = m + len(merged)
        members[new] = members.pop(a) + members.pop(b)
        node[members[new]] = new
        merged.append((a, b))
        levels.append(level)
    position = np.empty(m + len(merged))
    leaves = [leaf for top in sorted(members, key=lambda top: energies[members[top]].min()) for leaf in members[top]]
    position[leaves] = np.arange(m)
    for k, (a, b) in enumerate(merged):
        position[m + k] = 0.5 * (position[a] + position[b])
    return DisconnectivityTree(
        energies, np.array(merged, dtype=np.int64).reshape(-1, 2), np.array(levels), position, joined,
        _depths(energies, joined),
    )  # fmt: skip


def _depths(energies: NDArray, joined: NDArray) -> NDArray:
    rank = np.empty(len(energies), dtype=np.int64)
    rank[np.argsort(energies, kind="stable")] = np.arange(len(energies))
    lower = rank[None, :] < rank[:, None]
    lower[np.argmin(rank)] = True
    lower[np.diag_indices(len(energies))] = False
    return np.where(lower, joined, np.inf).min(axis=1) - energies


def stability_gap(energies: ArrayLike, overlaps: ArrayLike, below: float = 0.5) -> float:
    """min E over minima with overlap < ``below`` minus E of the native one, the minimum of overlap 1 (the lowest).

    ``overlaps`` are those with the native minimum, modulo symmetries. Infinite where no minimum is that far.
    """
    energies, overlaps = np.asarray(energies, dtype=np.float64), np.asarray(overlaps, dtype=np.float64)
    native = energies.min()
    far = energies[overlaps < below]
    return float(far.min() - native) if len(far) else float("inf")
