"""Random energies as a function of the index: hashed nodes of a tree, streamed over all leaves.

A model is a tree over whole numbers. Generation l of L has nodes ``index >> shifts[l]`` (shifts fall to 0), each with
an independent random value; the energy of an index is the sum over its path, added from the root down, so that what
leaves have in common is added once. One generation with shift 0 is the random energy model. ``kind`` 0: Gaussian with
variance ``widths[l]/2``; ``kind`` 1: minus an exponential variable of mean ``widths[l]``; ``kind`` 2: Gaussian, and the
sum x of the path is not yet the energy, which is mean[k] + rough[k]·x with k the number of bits set in the index. These
2(N + 1) numbers, first the means, then the factors, follow the widths in the same array.

Bits of a node: with three keys per generation, a = mix(G·m + key₀), h₁ = mix(a ⊕ key₁) ⊕ a, h₂ = mix(a + key₂) ⊕ (a
rotated by half). Feeding a forward makes h₁ a random function of m and not a permutation, so that levels repeat and
cluster as independent ones do even when m runs over all 64 bits.

Gaussian nodes come in pairs m = node >> 1 (Box–Muller): the radius √(−width ln u) takes u from all 64 bits of h₁ and 20
of h₂, 84 bits in all, so that the tail ends at 10.8 standard deviations; 44 bits of h₂ are the angle: one turns
it by π, one by π/2, 42 place it inside (−π/4, π/4). Every rounding is fixed (see exact_functions): a level read alone,
in a vector or while enumerating is the same bits.
"""

from __future__ import annotations

import numpy as np

from spinnet.kernels._bits import popcount
from spinnet.kernels._jit import inner, kernel
from spinnet.kernels.counter_noise import mix
from spinnet.kernels.dense_network_blocks import exp, multiply_add
from spinnet.kernels.exact_functions import (
    add,
    cosine_quarter,
    exact,
    from_bits,
    logarithm,
    multiply,
    sine_quarter,
    square_root,
)

#: Pairs of levels made together; a block of both members stays in the nearest cache.
PAIRS = 512

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_ONE, _TEN, _TWENTY, _HALF = np.uint64(1), np.uint64(10), np.uint64(20), np.uint64(32)
_TAIL = np.uint64((1 << 20) - 1)
_INSIDE = np.uint64((1 << 42) - 1)
_SIGN, _TURN = np.uint64(1 << 42), np.uint64(1 << 43)
_UNIT_BITS = np.int64(0x3FF0000000000000)
_MIDDLE = 1.5 - 2.0**-43


@inner
def hash_node(keys, number):
    """Two words of 64 random bits for a whole number."""
    a = mix(number * _GOLDEN + keys[0])
    return mix(a ^ keys[1]) ^ a, mix(a + keys[2]) ^ ((a << _HALF) | (a >> _HALF))


@exact
def log_uniform(first, second):
    """ln u, u = (first·2²⁰ + low 20 bits of second + ½)·2⁻⁸⁴ in (0, 1]."""
    tail = (np.float64(np.int64(second & _TAIL)) + 0.5) * 2.0**-84
    return logarithm(multiply_add(np.float64(first), 2.0**-64, tail))


@exact
def gaussian_pair(first, second, width):
    """A radius and two factors: radius·factor are two independent Gaussians of variance width/2, from two words.

    They are handed out as factors because the compiler may fuse a product with a sum that follows it, here but not
    there; whoever sums writes the fused operation himself.
    """
    radius = square_root(-width * log_uniform(first, second))
    bits = second >> _TWENTY
    t = from_bits(_UNIT_BITS | np.int64((bits & _INSIDE) << _TEN)) - _MIDDLE
    z = t * t
    radius = -radius if bits & _SIGN else radius
    cosine, sine = cosine_quarter(z), sine_quarter(t, z)
    turned = (bits & _TURN) != 0
    return radius, (sine if turned else cosine), (cosine if turned else sine)


@inner
def profile_of(shifts, widths):
    """Means and factors of kind 2, by the number of bits."""
    first = len(shifts)
    count = (len(widths) - first) // 2
    return widths[first : first + count], widths[first + count :]


@inner
def read_energies(keys, shifts, widths, kind, index, energy, count):
    """Set energy[j] for the first ``count`` of some indices in any order."""
    for g in range(len(shifts)):
        node_keys = (keys[g, 0], keys[g, 1], keys[g, 2])
        shift, width = shifts[g], widths[g]
        root = g == 0
        if kind == 1:
            for j in range(count):
                first, second = hash_node(node_keys, index[j] >> shift)
                energy[j] = multiply_add(log_uniform(first, second), width, 0.0 if root else energy[j])
        else:
            for j in range(count):
                node = index[j] >> shift
                first, second = hash_node(node_keys, node >> _ONE)
                radius, even, odd = gaussian_pair(first, second, width)
                energy[j] = multiply_add(radius, odd if node & _ONE else even, 0.0 if root else energy[j])
    if kind == 2:
        mean, rough = profile_of(shifts, widths)
        for j in range(count):
            bits = popcount(index[j])
            energy[j] = multiply_add(rough[bits], energy[j], mean[bits])


@kernel("void(u8[:,::1], u8[::1], f8[::1], i8, u8[::1], f8[::1])")
def read_levels(keys, shifts, widths, kind, index, energy):
    """Set energy[j] to the energy of index[j]."""
    for first in range(0, len(index), 1024):
        count = min(1024, len(index) - first)
        read_energies(keys, shifts, widths, kind, index[first : first + count], energy[first : first + count], count)


@inner
def fill_leaves(keys, width, kind, first_pair, pairs, energy):
    """Values of the leaves of consecutive pairs: members 0 from place 0, members 1 from place PAIRS."""
    if kind == 1:
        for j in range(pairs):
            first, second = hash_node(keys, (first_pair + np.uint64(j)) << _ONE)
            energy[j] = multiply_add(log_uniform(first, second), width, 0.0)
        for j in range(pairs):
            first, second = hash_node(keys, ((first_pair + np.uint64(j)) << _ONE) | _ONE)
            energy[PAIRS + j] = multiply_add(log_uniform(first, second), width, 0.0)
    else:
        for j in range(pairs):
            first, second = hash_node(keys, first_pair + np.uint64(j))
            radius, even, odd = gaussian_pair(first, second, width)
            energy[j] = multiply_add(radius, even, 0.0)
            energy[PAIRS + j] = multiply_add(radius, odd, 0.0)


@inner
def set_order(pairs, generations, order):
    """Number of the pair at each place of a block: as they are for one generation, else with its bits reversed.

    In reversed order the nodes of every generation run fastest, and what they add is added to whole vectors.
    """
    order[0] = 0
    filled = 1
    while filled < pairs:
        for j in range(filled):
            order[j] = order[j] << _ONE if generations > 1 else order[j]
        for j in range(filled):
            order[filled + j] = order[j] + (_ONE if generations > 1 else np.uint64(filled))
        filled *= 2


@inner
def _branch(keys, width, first_node, nodes, pairs, order, above, energy, work):
    """Pass from ``above`` nodes, their sums from the root at the first places, to the ``nodes`` of a generation.

    Places are in reversed order: the members of pair j go to j and to nodes/2 + j.
    """
    half = nodes // 2
    left = np.uint64(0)
    while (half << np.int64(left)) < pairs:
        left += _ONE
    # of few nodes a whole vector is made, and what is too much left out
    made = half if half >= 8 else min(8, pairs)
    for j in range(made):
        first, second = hash_node(keys, (first_node >> _ONE) + (order[j] >> left))
        work[j], work[PAIRS + j], work[2 * PAIRS + j] = gaussian_pair(first, second, width)
    while above < half:
        for j in range(above):
            energy[above + j] = energy[j]
        above *= 2
    for j in range(half):
        sum_above = energy[j]
        energy[j] = multiply_add(work[j], work[PAIRS + j], sum_above)
        energy[half + j] = multiply_add(work[j], work[2 * PAIRS + j], sum_above)


@inner
def fill_block(keys, shifts, widths, kind, first_pair, pairs, order, energy, work, held, held_node):
    """Energies of 2·pairs consecutive indices: those of even indices, then those of odd ones, without a gap.

    Place j of either half belongs to pair first_pair + order[j].
    """
    _fill_sums(keys, shifts, widths, kind, first_pair, pairs, order, energy, work, held, held_node)
    if kind == 2:
        mean, rough = profile_of(shifts, widths)
        for j in range(pairs):
            bits = popcount(first_pair + order[j])
            energy[j] = multiply_add(rough[bits], energy[j], mean[bits])
            energy[pairs + j] = multiply_add(rough[bits + 1], energy[pairs + j], mean[bits + 1])


@inner
def _fill_sums(keys, shifts, widths, kind, first_pair, pairs, order, energy, work, held, held_node):
    """The sums over paths of fill_block.

    Place j of either half belongs to pair first_pair + order[j]. Generations above the leaves are Gaussian; each of
    their nodes is made once per block, and those that hold more than a block are kept in ``held``.
    """
    last = len(shifts) - 1
    leaf_keys = (keys[last, 0], keys[last, 1], keys[last, 2])
    if last == 0:
        if pairs == PAIRS:
            fill_leaves(leaf_keys, widths[last], kind, first_pair, PAIRS, energy)
        else:
            fill_leaves(leaf_keys, widths[last], kind, first_pair, pairs, energy)
            for j in range(pairs):
                energy[pairs + j] = energy[PAIRS + j]
        return
    bits = np.uint64(0)
    while (_ONE << bits) < np.uint64(pairs):
        bits += _ONE
    energy[0] = 0.0
    above = 1
    for g in range(last):
        node_keys = (keys[g, 0], keys[g, 1], keys[g, 2])
        node = (first_pair << _ONE) >> shifts[g]
        if shifts[g] <= bits:
            nodes = np.int64(_ONE << (bits + _ONE - shifts[g]))
            _branch(node_keys, widths[g], node, nodes, pairs, order, above, energy, work)
            above = nodes
            continue
        if held_node[g] != node + _ONE:
            first, second = hash_node(node_keys, node >> _ONE)
            radius, even, odd = gaussian_pair(first, second, widths[g])
            held[g, 0], held[g, 1], held_node[g] = radius, odd if node & _ONE else even, node + _ONE
        energy[0] = multiply_add(held[g, 0], held[g, 1], energy[0])
    _branch(leaf_keys, widths[last], first_pair << _ONE, 2 * pairs, pairs, order, above, energy, work)


@inner
def _least(energy, count, work):
    """The smallest of a power of two of numbers, halving so that lanes are compared at once."""
    half = count // 2
    for j in range(half):
        work[j] = energy[j] if energy[j] < energy[half + j] else energy[half + j]
    while half > 1:
        half //= 2
        for j in range(half):
            work[j] = work[j] if work[j] < work[half + j] else work[half + j]
    return work[0]


@inner
def _worse(energy, index, other_energy, other_index):
    """Whether a level comes after another: higher, or as high with a larger index."""
    return energy > other_energy or (energy == other_energy and index > other_index)


@inner
def _keep_lowest(energy, index, held_energy, held_index, held):
    """Put a level among the lowest ones, a heap with the worst on top; returns how many are held."""
    if held < len(held_energy):
        place = held
        while place > 0:
            parent = (place - 1) // 2
            if not _worse(energy, index, held_energy[parent], held_index[parent]):
                break
            held_energy[place], held_index[place] = held_energy[parent], held_index[parent]
            place = parent
        held_energy[place], held_index[place] = energy, index
        return held + 1
    if not _worse(held_energy[0], held_index[0], energy, index):
        return held
    place = 0
    while True:
        child = 2 * place + 1
        if child >= held:
            break
        if child + 1 < held and _worse(
            held_energy[child + 1], held_index[child + 1], held_energy[child], held_index[child]
        ):
            child += 1
        if not _worse(held_energy[child], held_index[child], energy, index):
            break
        held_energy[place], held_index[place] = held_energy[child], held_index[child]
        place = child
    held_energy[place], held_index[place] = energy, index
    return held


@inner
def _add_weights(energy, count, reference, beta, sums):
    """Add Σ w, Σ w d, Σ w d², Σ w² with d = E − reference, w = e^{−βd}."""
    weight = first = second = square = 0.0
    for j in range(count):
        d = energy[j] - reference
        w = exp(-beta * d)
        wd = w * d
        weight += w
        first += wd
        second += wd * d
        square += w * w
    sums[0] += weight
    sums[1] += first
    sums[2] += second
    sums[3] += square


@inner
def _move_reference(sums, betas, down):
    """Express the sums for a reference lower by ``down``."""
    for b in range(len(betas)):
        s, factor = sums[b], exp(-betas[b] * down)
        s[2] = factor * (s[2] + down * (2.0 * s[1] + down * s[0]))
        s[1] = factor * (s[1] + down * s[0])
        s[0] *= factor
        s[3] *= factor * factor


@kernel(
    "void(u8[:,::1], u8[::1], f8[::1], i8, u8, i8, f8[::1], i8, i8, f8[::1], f8[:,:,::1], f8, f8, i8[::1],"
    " f8[::1], u8[::1], i8[::1])"
)
def enumerate_chunks(
    keys, shifts, widths, kind, chunk_pairs, block_pairs, betas, first, last, references, sums, low, inverse_width,
    counts, held_energy, held_index, held,
):  # fmt: skip
    """Stream over the levels of chunks first … last − 1, each of ``chunk_pairs`` pairs of indices.

    For chunk c, references[c] becomes its lowest energy E₀ and sums[c, b] the four sums Σw, Σwd, Σwd², Σw² at betas[b],
    with d = E − E₀ and w = e^{−βd}. counts (bins of equal width between an underflow and an overflow bin) and the heap
    of lowest levels belong to the calling thread: they are exact, so that their union does not depend on the split.
    """
    energy, work = np.empty(2 * PAIRS), np.empty(3 * PAIRS)
    place, order = np.empty(2 * PAIRS, dtype=np.int64), np.zeros(PAIRS, dtype=np.uint64)
    nodes_held, held_node = np.zeros((len(shifts), 2)), np.zeros(len(shifts), dtype=np.uint64)
    set_order(block_pairs, len(shifts), order)
    bins = len(counts) - 2
    for c in range(first, last):
        references[c] = np.inf
        sums[c] = 0.0
        start = np.uint64(c) * chunk_pairs
        for block in range(np.int64(chunk_pairs) // block_pairs):
            pair = start + np.uint64(block * block_pairs)
            fill_block(
                keys, shifts, widths, kind, pair, block_pairs, order, energy, work, nodes_held, held_node
            )
            count = 2 * block_pairs
            least = _least(energy, count, work)
            if least < references[c]:
                if block > 0:
                    _move_reference(sums[c], betas, references[c] - least)
                references[c] = least
            for b in range(len(betas)):
                _add_weights(energy, count, references[c], betas[b], sums[c, b])
            if bins > 0:
                for j in range(count):
                    t = multiply(add(energy[j], -low), inverse_width)
                    t = min(max(t, -1.0), np.float64(bins))
                    place[j] = np.int64(np.floor(t)) + 1
                for j in range(count):
                    counts[place[j]] += 1
            if held[0] < len(held_energy) or (len(held_energy) > 0 and least <= held_energy[0]):
                for j in range(count):
                    if held[0] < len(held_energy) or energy[j] <= held_energy[0]:
                        odd = j >= block_pairs
                        number = pair + order[j - block_pairs if odd else j]
                        index = (number << _ONE) | (_ONE if odd else np.uint64(0))
                        held[0] = _keep_lowest(energy[j], index, held_energy, held_index, held[0])
