"""Ising spins with couplings between all subsets of one size, and the transform that lists all their energies.

The subsets {c_1 < … < c_s} of s of the n sites are numbered by rank Σ_k C(c_k, k): the lowest member runs fastest, so
that the couplings of one choice of the others lie side by side. ``binomials[c, k]`` is C(c, k).
"""

from __future__ import annotations

import numpy as np

from spinnet.kernels._jit import inner, kernel

#: Replicas that share one pass over the couplings.
TILE = 8
_STRETCH = 1 << 12


@inner
def _next_subset(members, first, n):
    """Move to the subset that follows, of members first … of sites below n; False after the last."""
    last = len(members) - 1
    k = first
    while k < last and members[k] + 1 == members[k + 1]:
        members[k] = k
        k += 1
    members[k] += 1
    return members[last] < n


@kernel("void(f8[::1], i8, i8, f8[:,:,::1], f8[:,::1])")
def add_energies(couplings, size, n, spins, energy):
    """energy[t, a] −= Σ_S K_S Π_{i in S} σ_i for blocks ``spins`` of shape (tiles, n, TILE); size ≥ 1."""
    members, product, run = np.zeros(size, dtype=np.int64), np.empty(TILE), np.empty(TILE)
    for tile in range(spins.shape[0]):
        block = spins[tile]
        if size == 1:
            run[:] = 0.0
            for i in range(n):
                for a in range(TILE):
                    run[a] += couplings[i] * block[i, a]
            for a in range(TILE):
                energy[tile, a] -= run[a]
            continue
        for k in range(size):
            members[k] = k
        more, start = n >= size, 0
        while more:
            top = members[1]
            run[:] = 0.0
            for i in range(top):
                for a in range(TILE):
                    run[a] += couplings[start + i] * block[i, a]
            start += top
            product[:] = 1.0
            for k in range(1, size):
                for a in range(TILE):
                    product[a] *= block[members[k], a]
            for a in range(TILE):
                energy[tile, a] -= product[a] * run[a]
            more = _next_subset(members, 1, n)


@kernel("void(f8[::1], i8, i8, i8[:,::1], f8[:,::1], i8[::1], f8[::1])")
def add_flip_energies(couplings, size, n, binomials, spins, site, change):
    """change[a] += the change of −Σ_S K_S Π σ when site[a] of row a of ``spins`` (replicas, n) flips; size ≥ 1."""
    members = np.zeros(size - 1, dtype=np.int64)
    for a in range(spins.shape[0]):
        x, here = spins[a], site[a]
        total = 0.0
        if size == 1:
            total = couplings[here]
        else:
            # members number the other sites: those from ``here`` on stand one higher; the lowest of them runs
            others = size - 1
            for k in range(others):
                members[k] = k
            more = n >= size
            while more:
                bound = members[1] if others > 1 else n - 1
                rank, product, below = 0, 1.0, 0
                for k in range(1, others):
                    if members[k] < here:
                        rank += binomials[members[k], k + 1]
                        product *= x[members[k]]
                        below = k
                    else:
                        rank += binomials[members[k] + 1, k + 2]
                        product *= x[members[k] + 1]
                first = rank + binomials[here, below + 2]
                part = 0.0
                for j in range(min(bound, here)):
                    part += couplings[first + j] * x[j]
                # sets in which ``here`` is the lowest member
                for j in range(here, bound):
                    part += couplings[rank + here + binomials[j + 1, 2]] * x[j + 1]
                total += product * part
                more = others > 1 and _next_subset(members, 1, n - 1)
        change[a] += 2.0 * x[here] * total


@kernel("void(f8[::1])")
def transform_signs(values):
    """Walsh–Hadamard in place: values[i] becomes Σ_S values[S] (−1)^{number of bits that S and i share}.

    Stretches that fit in the cache are finished first; the higher bits are then taken two at a time.
    """
    count = len(values)
    stretch = min(count, _STRETCH)
    for start in range(0, count, stretch):
        part = values[start : start + stretch]
        half = 1
        while half < stretch:
            for first in range(0, stretch, 2 * half):
                for j in range(first, first + half):
                    a, b = part[j], part[j + half]
                    part[j] = a + b
                    part[j + half] = a - b
            half *= 2
    half = stretch
    while half < count:
        if 4 * half > count:
            for j in range(half):
                a, b = values[j], values[j + half]
                values[j] = a + b
                values[j + half] = a - b
            break
        for first in range(0, count, 4 * half):
            for j in range(first, first + half):
                a, b = values[j], values[j + half]
                c, d = values[j + 2 * half], values[j + 3 * half]
                e, f, g, h = a + b, a - b, c + d, c - d
                values[j] = e + g
                values[j + half] = f + h
                values[j + 2 * half] = e - g
                values[j + 3 * half] = f - h
        half *= 4


@kernel("void(f8[::1], i8, i8, f8[::1])")
def place_couplings(couplings, size, n, values):
    """values[mask of S] −= K_S for all subsets S of ``size`` ≥ 1 sites."""
    members = np.zeros(size, dtype=np.int64)
    for k in range(size):
        members[k] = k
    more, rank = n >= size, 0
    while more:
        mask = np.int64(0)
        for k in range(size):
            mask |= np.int64(1) << members[k]
        values[mask] -= couplings[rank]
        rank += 1
        more = _next_subset(members, 0, n)
