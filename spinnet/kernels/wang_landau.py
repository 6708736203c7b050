"""Random walks in energy that learn the density of states (Wang and Landau; 1/t of Belardinelli and Pereyra).

Walker a stands at index[a] in the bin place[a]: of the energy, bin k centred at low + k·width (``along`` 0), or the
number k of spins turned from the native state (``along`` 1). A flip to bin k′ is made if ln g(k′) − ln g(k) + βΔE ≤
−ln u, u uniform (the noise of random_energy_dynamics), and always to a bin that was never met; flips out of all bins
are refused. Then ln g of the bin grows by factor[a] and its visits by one: g is the number of states for β = 0, else
the partition function of the bin. What a walker knows lies in rows of arrays, so that any splitting of the steps gives
the same bits:

=========== ==========================================================================================================
stage 0     every ``check`` steps: if the rarest bin has ``flatness`` times the mean of the visits, the factor is
            halved and visits begin anew. Once it is below 1/t, t = steps since ``origin`` per bin met: stage 1
stage 1     every n steps the factor becomes 1/t. Energies, overlaps and meetings with the native state are summed by
            bin in ``sums``
a new bin   has the smallest ln g there is; the factor is 1 again, stage 0, visits and sums begin anew, origin is now
=========== ==========================================================================================================
"""

from __future__ import annotations

import numpy as np

from spinnet.kernels._bits import popcount
from spinnet.kernels._jit import inner, kernel
from spinnet.kernels.counter_noise import second_key
from spinnet.kernels.random_energy import read_energies
from spinnet.kernels.random_energy_dynamics import propose

_STRETCH = 512


@inner
def bin_of(energy, low, inverse_width, bins):
    """Number of the bin, −1 outside."""
    t = np.floor((energy - low) * inverse_width + 0.5)
    return np.int64(t) if 0.0 <= t < bins else np.int64(-1)


@inner
def _place_of(energy, index, native, low, inverse_width, bins, along):
    """The bin of a state."""
    return bin_of(energy, low, inverse_width, bins) if along == 0 else popcount(index ^ native)


@inner
def _may_move(a, here, there, cost, threshold, log_density, seen):
    """Whether walker a goes from bin ``here`` to bin ``there`` at the ``cost`` βΔE."""
    if there < 0:
        return False
    return (not seen[a, there]) or log_density[a, there] - log_density[a, here] + cost <= threshold


@inner
def _begin_anew(a, place, step, log_density, visits, seen, sums, factor, stage, origin, restarts):
    """Walker a has met a bin for the first time."""
    least = np.inf
    for k in range(seen.shape[1]):
        if seen[a, k] and log_density[a, k] < least:
            least = log_density[a, k]
    log_density[a, place] = least if least < np.inf else 0.0
    seen[a, place] = True
    visits[a] = 0
    sums[a] = 0.0
    factor[a], stage[a], origin[a] = 1.0, 0, step
    restarts[a] += 1


@inner
def _turn_over(a, done, check, flatness, log_density, visits, seen, factor, stage, origin):
    """What happens at the end of a sweep, ``done`` steps after the beginning."""
    met = 0
    for k in range(seen.shape[1]):
        met += 1 if seen[a, k] else 0
    slow = np.float64(met) / np.float64(max(done - origin[a], 1))
    if stage[a] == 1:
        factor[a] = slow
    elif done % check == 0:
        total, rarest = 0, np.int64(1) << 62
        for k in range(seen.shape[1]):
            if seen[a, k]:
                total += visits[a, k]
                rarest = min(rarest, visits[a, k])
        if np.float64(rarest) * met >= flatness * total:
            factor[a] *= 0.5
            visits[a] = 0
            if factor[a] <= slow:
                factor[a], stage[a] = slow, 1


@inner
def _count(a, place, energy, away, log_density, visits, sums, factor, stage):
    """Walker a is in a bin after a step, ``away`` flips from the native state."""
    log_density[a, place] += factor[a]
    visits[a, place] += 1
    if stage[a] == 1:
        sums[a, 0, place] += energy
        sums[a, 1, place] += away
        sums[a, 2, place] += 1.0 if away == 0 else 0.0


@kernel(
    "void(f8[::1], i8, u8, u8[::1], i8, i8, i8, f8, f8, i8, f8, f8, u8[::1], f8[::1], i8[::1], f8[:,::1], i8[:,::1],"
    " b1[:,::1], f8[:,:,::1], f8[::1], i8[::1], i8[::1], i8[::1])"
)
def walk_listed(
    levels, n, native, keys, first, steps, check, flatness, beta, along, low, inverse_width, index, energy, place,
    log_density, visits, seen, sums, factor, stage, origin, restarts,
):  # fmt: skip
    """Steps first … first + steps − 1 of all walkers, levels listed in an array of 2^n."""
    flips, thresholds = np.empty(_STRETCH, dtype=np.uint64), np.empty(_STRETCH)
    bins, bound = seen.shape[1], np.uint64(n)
    for a in range(len(index)):
        key, second = keys[a], second_key(keys[a])
        here, e, k = index[a], energy[a], place[a]
        done = 0
        until_sweep = n - first % n
        while done < steps:
            stretch = min(_STRETCH, steps - done)
            for s in range(stretch):
                flips[s], thresholds[s] = propose(key, second, np.uint64(first + done + s), bound, 1.0, 0)
            for s in range(stretch):
                other = levels[np.int64(here ^ flips[s])]
                there = _place_of(other, here ^ flips[s], native, low, inverse_width, bins, along)
                if _may_move(a, k, there, beta * (other - e), thresholds[s], log_density, seen):
                    here, e, k = here ^ flips[s], other, there
                    if not seen[a, k]:
                        _begin_anew(
                            a, k, first + done + s, log_density, visits, seen, sums, factor, stage, origin, restarts
                        )
                _count(a, k, e, popcount(here ^ native), log_density, visits, sums, factor, stage)
                until_sweep -= 1
                if until_sweep == 0:
                    until_sweep = n
                    _turn_over(
                        a, first + done + s + 1, check, flatness, log_density, visits, seen, factor, stage, origin
                    )
            done += stretch
        index[a], energy[a], place[a] = here, e, k


@kernel(
    "void(u8[:,::1], u8[::1], f8[::1], i8, i8, u8, u8[::1], i8, i8, i8, f8, f8, i8, f8, f8, u8[::1], f8[::1], i8[::1],"
    " f8[:,::1], i8[:,::1], b1[:,::1], f8[:,:,::1], f8[::1], i8[::1], i8[::1], i8[::1])"
)
def walk_hashed(
    tree_keys, shifts, widths, kind, n, native, keys, first, steps, check, flatness, beta, along, low, inverse_width,
    index, energy, place, log_density, visits, seen, sums, factor, stage, origin, restarts,
):  # fmt: skip
    """The same on hashed levels: the proposals of all walkers are read together."""
    walkers, bins, bound = len(index), seen.shape[1], np.uint64(n)
    proposal, its_energy = np.empty(walkers, dtype=np.uint64), np.empty(walkers)
    thresholds, seconds = np.empty(walkers), np.empty(walkers, dtype=np.uint64)
    for a in range(walkers):
        seconds[a] = second_key(keys[a])
    until_sweep = n - first % n
    for s in range(steps):
        step = np.uint64(first + s)
        for a in range(walkers):
            flip, thresholds[a] = propose(keys[a], seconds[a], step, bound, 1.0, 0)
            proposal[a] = index[a] ^ flip
        read_energies(tree_keys, shifts, widths, kind, proposal, its_energy, walkers)
        for a in range(walkers):
            there = _place_of(its_energy[a], proposal[a], native, low, inverse_width, bins, along)
            cost = beta * (its_energy[a] - energy[a])
            if _may_move(a, place[a], there, cost, thresholds[a], log_density, seen):
                index[a], energy[a], place[a] = proposal[a], its_energy[a], there
                if not seen[a, there]:
                    _begin_anew(
                        a, there, first + s, log_density, visits, seen, sums, factor, stage, origin, restarts
                    )
            k = place[a]
            _count(a, k, energy[a], popcount(index[a] ^ native), log_density, visits, sums, factor, stage)
        until_sweep -= 1
        if until_sweep == 0:
            until_sweep = n
            for a in range(walkers):
                _turn_over(a, first + s + 1, check, flatness, log_density, visits, seen, factor, stage, origin)


@inner
def _errors(patterns, limits, state):
    """How many patterns differ from a state in more places than their limit."""
    total = 0
    for mu in range(len(patterns)):
        total += 1 if popcount(patterns[mu] ^ state) > limits[mu] else 0
    return np.float64(total)


@kernel(
    "void(u8[::1], i8[::1], i8, u8, u8[::1], i8, i8, i8, f8, f8, i8, f8, f8, u8[::1], f8[::1], i8[::1], f8[:,::1],"
    " i8[:,::1], b1[:,::1], f8[:,:,::1], f8[::1], i8[::1], i8[::1], i8[::1])"
)
def walk_words(
    patterns, limits, n, native, keys, first, steps, check, flatness, beta, along, low, inverse_width, index, energy,
    place, log_density, visits, seen, sums, factor, stage, origin, restarts,
):  # fmt: skip
    """The same where the energy is the number of patterns of one word that differ from the state in too many places."""
    bins, bound = seen.shape[1], np.uint64(n)
    for a in range(len(index)):
        key, second = keys[a], second_key(keys[a])
        here, e, k = index[a], energy[a], place[a]
        until_sweep = n - first % n
        for s in range(steps):
            flip, threshold = propose(key, second, np.uint64(first + s), bound, 1.0, 0)
            other = _errors(patterns, limits, here ^ flip)
            there = _place_of(other, here ^ flip, native, low, inverse_width, bins, along)
            if _may_move(a, k, there, beta * (other - e), threshold, log_density, seen):
                here, e, k = here ^ flip, other, there
                if not seen[a, k]:
                    _begin_anew(a, k, first + s, log_density, visits, seen, sums, factor, stage, origin, restarts)
            _count(a, k, e, popcount(here ^ native), log_density, visits, sums, factor, stage)
            until_sweep -= 1
            if until_sweep == 0:
                until_sweep = n
                _turn_over(a, first + s + 1, check, flatness, log_density, visits, seen, factor, stage, origin)
        index[a], energy[a], place[a] = here, e, k
