"""Networks of packed patterns of ±1: overlaps, levels and single spin flips, replicas abreast.

Patterns are kept twice: ``patterns[μ]`` are the words of pattern μ over sites, ``rows[i]`` those of site i over
patterns, padded with zeros to whole blocks. A bit is set where the entry is −1 (see :mod:`spinnet.kernels._bits`).

A flip kernel makes proposals one after another: in step s replica a proposes to flip ``sites[s, a]`` (``sites[s, 0]``
where there is one column) and does so if the energy changes by at most ``thresholds[s, a]``. Overlaps are whole
numbers, so that nothing drifts and no rounding depends on how steps are split.

========== ======================================================================= ==================================
Hopfield   m_μ = Σ_i ξ_i^μ s_i, field Σ_μ ξ_i^μ m_μ by one masked sum over row i   P/32 vectors a step
Perceptron u_μ = Σ_i ξ_i^μ w_i (labels in the patterns); a flip matters where u is  P/512 popcounts a step, P/32 vectors
           0 or 1 (an error to come) or −2 or −1 (one to go): two bit masks         a flip
========== ======================================================================= ==================================
"""

from __future__ import annotations

import numpy as np

from spinnet.kernels._bits import (
    BLOCK,
    ROWS,
    count_differences,
    masked_shift,
    masked_sums,
    popcount,
    shift_and_mark,
)
from spinnet.kernels._jit import inner, kernel

_HALF = 32
#: What a lane of 16 bits can hold.
_FULL = (1 << 15) - 1
_NONE, _ONE, _ALL = np.uint64(0), np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)


@kernel("void(u8[:,::1], u8[:,::1], i8, i4[:,::1])")
def fill_overlaps(patterns, states, n, overlaps):
    """overlaps[a, μ] = Σ_i ξ_i^μ s_i of packed states (replicas, words)."""
    words = patterns.shape[1]
    for a in range(states.shape[0]):
        for mu in range(patterns.shape[0]):
            different = 0
            for v in range(words):
                different += popcount(patterns[mu, v] ^ states[a, v])
            overlaps[a, mu] = n - 2 * different


@kernel("void(u8[::1], i8, u8[::1], i8[::1])")
def add_square_overlaps(patterns, n, states, sums):
    """sums[k] += Σ_μ (Σ_i ξ_i^μ s_i)² for patterns and states of one word each, n ≤ 64."""
    for pattern in patterns:
        for k in range(len(states)):
            overlap = n - 2 * popcount(pattern ^ states[k])
            sums[k] += overlap * overlap


@kernel("void(u8[::1], i8[::1], u8[::1], i8[::1])")
def add_errors(patterns, limits, states, sums):
    """sums[k] += the number of patterns that differ from state k in more than limits[μ] places, one word each."""
    for mu in range(len(patterns)):
        pattern, limit = patterns[mu], limits[mu]
        for k in range(len(states)):
            sums[k] += 1 if popcount(pattern ^ states[k]) > limit else 0


@inner
def _largest_lane(numbers, first, halves):
    """The largest sum of |numbers| that one of the 32 lanes of a masked sum could meet."""
    largest = 0
    for lane in range(np.uint64(_HALF)):
        total = 0
        for half in range(np.uint64(halves)):
            total += abs(np.int64(numbers[first + half * np.uint64(_HALF) + lane]))
        largest = max(largest, total)
    return largest


@inner
def _product(bits, first, second, width, patterns):
    """Σ_μ ξ_i^μ ξ_j^μ of two rows, by the numbers of their first words."""
    different = 0
    for v in range(width):
        different += popcount(bits[first + v] ^ bits[second + v])
    return patterns - 2 * different


@kernel("void(u8[:,::1], i8[::1], i8, i1[:,::1], i2[:,::1], i8[:,::1], f8[:,::1], i8[::1])")
def flip_hopfield(rows, sums, patterns, x, halved, sites, thresholds, flips):
    """Flips for H = −(1/2N) Σ_{i≠j} Σ_μ ξ_i ξ_j s_i s_j.

    ``halved`` (replicas, numbers of a row) are the overlaps ⌊m_μ/2⌋, which are kept; ``sums[i]`` is Σ_μ ξ_i^μ. The
    fields of eight proposals are made with one look at the overlaps; a flip among them changes the fields of those that
    follow by −2 s_i Σ_μ ξ_i^μ ξ_j^μ, so that the sequence is the same as one by one.
    """
    replicas, n = x.shape
    halves, group, odd = (patterns + _HALF - 1) // _HALF, ((1 << 16) - 2) // (n + 1) // 2 * 2, n & 1
    # Flat and unsigned: numba then leaves out what negative indices would need.
    columns, width, line = np.uint64(sites.shape[1]), np.uint64(rows.shape[1]), np.uint64(halved.shape[1])
    bits, numbers, spins, limits = rows.reshape(-1), halved.reshape(-1), x.reshape(-1), thresholds.reshape(-1)
    proposed, scale, lanes = sites.reshape(-1), 2.0 / n, np.uint64(replicas)
    site, below = np.zeros(ROWS, dtype=np.uint64), np.zeros(ROWS, dtype=np.int32)
    places, fields = np.zeros(ROWS, dtype=np.uint64), np.zeros(ROWS, dtype=np.int64)
    totals, lanes_sum = np.zeros(replicas, dtype=np.int64), np.zeros(replicas, dtype=np.int64)
    for a in range(replicas):
        for mu in range(patterns):
            totals[a] += halved[a, mu]
        lanes_sum[a] = _largest_lane(numbers, np.uint64(a) * line, halves)
    whole = np.uint64(ROWS)
    for s in range(np.uint64(0), np.uint64(sites.shape[0]), whole):
        count = min(whole, np.uint64(sites.shape[0]) - s)
        for a in range(lanes):
            column = a if columns > _ONE else _NONE
            for r in range(whole):
                # a short block at the end is filled up with its last site
                site[r] = np.uint64(proposed[(s + min(r, count - np.uint64(1))) * columns + column])
                places[r] = site[r] * width
            # All at once where no lane can leave 16 bits; a flip adds at most one to each number.
            if lanes_sum[a] > _FULL:
                lanes_sum[a] = _largest_lane(numbers, a * line, halves)
            together = group if lanes_sum[a] > _FULL else halves + (halves & 1)
            masked_sums(bits, places, halves, together, numbers, np.int64(a * line), below)
            total, some = 2 * totals[a], False
            for r in range(whole):
                fields[r] = total - 4 * np.int64(below[r]) + odd * sums[site[r]]
                spin = np.int64(spins[a * np.uint64(n) + site[r]])
                limit = limits[(s + min(r, count - np.uint64(1))) * lanes + a]
                some |= scale * np.float64(spin * fields[r] - patterns) <= limit
            for r in range(count if some else np.uint64(0)):
                here = a * np.uint64(n) + site[r]
                spin = np.int64(spins[here])
                if scale * np.float64(spin * fields[r] - patterns) <= limits[(s + r) * lanes + a]:
                    masked_shift(bits, np.int64(places[r]), halves, numbers, np.int64(a * line), -spin, spin)
                    totals[a] -= spin * sums[site[r]]
                    for later in range(r + np.uint64(1), count):
                        fields[later] -= 2 * spin * _product(bits, places[r], places[later], width, patterns)
                    spins[here] = -spin
                    flips[a] += 1
                    lanes_sum[a] += halves


@kernel("void(u8[:,::1], i8, i1[:,::1], i2[:,::1], i8[:,::1], f8[:,::1], i8[::1])")
def flip_perceptron(rows, patterns, x, stabilities, sites, thresholds, flips):
    """Flips for the number of ``stabilities`` (replicas, numbers of a row) below 0, which are kept.

    Places without a pattern hold 2¹⁵ + Σ_i w_i modulo 2¹⁶: whatever flips, they do not come near zero.
    """
    replicas, n = x.shape
    halves, blocks = (patterns + _HALF - 1) // _HALF, rows.shape[1] // BLOCK
    columns, width, line = np.uint64(sites.shape[1]), np.uint64(rows.shape[1]), np.uint64(stabilities.shape[1])
    bits, numbers, spins, limits = rows.reshape(-1), stabilities.reshape(-1), x.reshape(-1), thresholds.reshape(-1)
    proposed, lanes = sites.reshape(-1), np.uint64(replicas)
    marks = np.zeros(2 * replicas * rows.shape[1], dtype=np.uint64)
    for a in range(lanes):
        low = np.uint64(2) * a * width
        # no shift: only the marks are made
        shift_and_mark(bits, _NONE, halves, numbers, a * line, 0, 0, marks, low, low + width)
    for s in range(np.uint64(sites.shape[0])):
        for a in range(lanes):
            i = np.uint64(proposed[s * columns + (a if columns > _ONE else _NONE)])
            word, here, low = i * width, a * np.uint64(n) + i, np.uint64(2) * a * width
            spin = np.int64(spins[here])
            change = count_differences(
                marks, low, marks, low + width, bits, word, blocks, _NONE if spin > 0 else _ALL
            )  # fmt: skip
            if np.float64(change) <= limits[s * lanes + a]:
                shift_and_mark(
                    bits, word, halves, numbers, a * line, -2 * spin, 2 * spin, marks, low, low + width
                )  # fmt: skip
                spins[here] = -spin
                flips[a] += 1


@kernel("void(f8[:,::1], i1[:,::1], i8[:,::1], f8[:,::1], i8[::1])")
def flip_dense(couplings, x, sites, thresholds, flips):
    """Flips for H = −½ Σ_ij J_ij s_i s_j with zero diagonal; a row of J is read for all replicas that propose it."""
    replicas, n = x.shape
    own_sites = sites.shape[1] > 1
    spins = np.empty((replicas, n))
    spins[:] = x
    for s in range(sites.shape[0]):
        for a in range(replicas):
            i = sites[s, a] if own_sites else sites[s, 0]
            field = 0.0
            for j in range(n):
                field += couplings[i, j] * spins[a, j]
            if 2.0 * spins[a, i] * field <= thresholds[s, a]:
                spins[a, i] = -spins[a, i]
                x[a, i] = -x[a, i]
                flips[a] += 1
