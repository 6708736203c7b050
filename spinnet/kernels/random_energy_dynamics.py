"""Walks on the hypercube over hashed levels: one site flips at a time, its new energy is read, nothing is stored.

The noise of a chain is numbered (see counter_noise): step t, or event t, of a chain with some key is the same in one
call or in many. Rules, for the change Δ of the energy: 0 Metropolis, accepted with min(1, e^{−βΔ}); 1 Glauber (heat
bath), with 1/(1 + e^{βΔ}). Both read "accept if Δ ≤ a random threshold": −ln(u)/β and ln((1−u)/u)/β with u uniform.
``tree`` stands for the four arrays and numbers of :mod:`spinnet.kernels.random_energy`.
"""

from __future__ import annotations

import math

import numpy as np

from spinnet.kernels._jit import inner, kernel
from spinnet.kernels.counter_noise import hash_counter, mix, second_key, to_integer, to_uniform
from spinnet.kernels.dense_network_blocks import exp
from spinnet.kernels.exact_functions import logarithm
from spinnet.kernels.random_energy import read_energies

#: Proposals whose energies are read together in one chain; those after an accepted one are dropped.
AHEAD = 8
_STRETCH = 512
_ONE, _S11 = np.uint64(1), np.uint64(11)
_OTHER = np.uint64(0xD1B54A32D192ED03)


@inner
def propose_site(key, second, step, n, beta, rule):
    """The site and the threshold of a step."""
    word = hash_counter(key, second, step)
    u = (np.float64(np.int64(word >> _S11)) + 0.5) * 2.0**-53
    odds = u / (1.0 - u if rule == 1 else 1.0)
    return to_integer(mix(word ^ _OTHER), n), -logarithm(odds) / beta


@inner
def propose(key, second, step, n, beta, rule):
    """The flip (one bit) and the threshold of a step."""
    site, threshold = propose_site(key, second, step, n, beta, rule)
    return _ONE << site, threshold


@kernel("void(u8[:,::1], u8[::1], f8[::1], i8, i8, f8, i8, u8, i8, i8, u8[::1], f8[::1], i8[::1], f8[::1])")
def walk_one(
    keys, shifts, widths, kind, n, beta, rule, key, first, steps, index, energy, accepted, sums
):  # fmt: skip
    """Steps first … first + steps − 1 of one chain at index[0] with energy[0].

    accepted[0] grows by the accepted steps, sums by Σ E and Σ E² after each step. The energies of the next AHEAD
    proposals are read together, as if all of them were refused: the chain is the same as step by step. After a step
    that was accepted at once one proposal is read alone.
    """
    flips, thresholds = np.zeros(_STRETCH + AHEAD, dtype=np.uint64), np.zeros(_STRETCH + AHEAD)
    proposal, its_energy = np.empty(AHEAD, dtype=np.uint64), np.empty(AHEAD)
    second, bound = second_key(key), np.uint64(n)
    here, e = index[0], energy[0]
    done, total, square, count, hot = 0, 0.0, 0.0, 0, False
    while done < steps:
        stretch = min(_STRETCH, steps - done)
        for s in range(stretch):
            flips[s], thresholds[s] = propose(key, second, np.uint64(first + done + s), bound, beta, rule)
        s = 0
        while s < stretch:
            if hot:
                proposal[0] = here ^ flips[s]
                read_energies(keys, shifts, widths, kind, proposal, its_energy, 1)
                b, some = 0, 1
            else:
                for b in range(AHEAD):
                    proposal[b] = here ^ flips[s + b]
                read_energies(keys, shifts, widths, kind, proposal, its_energy, AHEAD)
                b, some = 0, min(AHEAD, stretch - s)
            while b < some and its_energy[b] - e > thresholds[s + b]:
                b += 1
            total += b * e
            square += b * e * e
            s += b
            hot = b == 0
            if b < some:
                here, e = proposal[b], its_energy[b]
                total += e
                square += e * e
                count += 1
                s += 1
        done += stretch
    index[0], energy[0] = here, e
    accepted[0] += count
    sums[0] += total
    sums[1] += square


@kernel(
    "void(u8[:,::1], u8[::1], f8[::1], i8, i8, f8[::1], i8, u8[::1], i8, i8, u8[::1], f8[::1], i8[::1], f8[:,::1])"
)
def walk_many(
    keys, shifts, widths, kind, n, betas, rule, chain_keys, first, steps, index, energy, accepted, sums
):  # fmt: skip
    """The same for many chains, each with its key and inverse temperature; sums has shape (2, chains)."""
    chains = len(index)
    proposal, its_energy = np.empty(chains, dtype=np.uint64), np.empty(chains)
    thresholds, seconds = np.empty(chains), np.empty(chains, dtype=np.uint64)
    for a in range(chains):
        seconds[a] = second_key(chain_keys[a])
    bound = np.uint64(n)
    for s in range(steps):
        step = np.uint64(first + s)
        for a in range(chains):
            flip, thresholds[a] = propose(chain_keys[a], seconds[a], step, bound, betas[a], rule)
            proposal[a] = index[a] ^ flip
        read_energies(keys, shifts, widths, kind, proposal, its_energy, chains)
        for a in range(chains):
            good = its_energy[a] - energy[a] <= thresholds[a]
            index[a] = proposal[a] if good else index[a]
            e = its_energy[a] if good else energy[a]
            energy[a] = e
            accepted[a] += 1 if good else 0
            sums[0, a] += e
            sums[1, a] += e * e


@inner
def fill_rates(keys, shifts, widths, kind, n, beta, rule, here, energy, neighbours, energies, rates):
    """Read the N neighbours of a state and set the rates of the flips to them; returns the sum of the rates."""
    for i in range(n):
        neighbours[i] = here ^ (_ONE << np.uint64(i))
    read_energies(keys, shifts, widths, kind, neighbours, energies, n)
    if rule == 0:
        for i in range(n):
            rates[i] = exp(-beta * max(energies[i] - energy, 0.0))
    else:
        for i in range(n):
            rates[i] = 1.0 / (1.0 + exp(beta * (energies[i] - energy)))
    total = 0.0
    for i in range(n):
        total += rates[i]
    return total


@inner
def choose_rate(rates, left):
    """The first flip at which the rates sum to ``left``, the last where rounding leaves none."""
    target = 0
    for i in range(len(rates)):
        left -= rates[i]
        target = i
        if left <= 0.0:
            break
    return target


@kernel(
    "i8(u8[:,::1], u8[::1], f8[::1], i8, i8, f8, i8, u8, i8, i8, f8[::1], u8[::1], f8[::1], f8[::1], u8[::1], i8[::1],"
    " f8[::1])"
)
def walk_events(
    keys, shifts, widths, kind, n, beta, rule, key, first, events, times, index, energy, clock, seen, jumps, integrals
):  # fmt: skip
    """Rejection-free (Gillespie): at most ``events`` jumps, numbered from ``first``; returns how many were made.

    Each site attempts at rate 1, so that time is in sweeps and site i flips at the rate its rule accepts Δ_i with.
    clock[0] is the time of the last jump, index[0] and energy[0] the state since. For every time of the rising grid
    ``times`` that is passed, seen[k] becomes the index and jumps[k] the number of jumps until then; the walk ends once
    the last is passed. integrals grows by ∫dt and ∫E dt up to the last jump. Rule 2 is random hopping: every site
    flips at rate e^{βE} of the state that is left, over N. Rule 3 leaves at the same rate, for any of the 2^N states.
    """
    neighbours, energies = np.empty(n, dtype=np.uint64), np.empty(n)
    rates = np.empty(n)
    second = second_key(key)
    here, e, now = index[0], energy[0], clock[0]
    k = 0
    while k < len(times) and times[k] < now:
        k += 1
    made = 0
    while made < events and not (len(times) > 0 and k == len(times)):
        number = np.uint64(first + made)
        wait = -math.log(to_uniform(hash_counter(key, second, number << _ONE)))
        word = hash_counter(key, second, (number << _ONE) | _ONE)
        target = 0
        if rule >= 2:
            wait *= math.exp(-beta * e)
            target = np.int64(to_integer(word, np.uint64(n)))
        else:
            total = fill_rates(keys, shifts, widths, kind, n, beta, rule, here, e, neighbours, energies, rates)
            wait /= total
            target = choose_rate(rates, to_uniform(word) * total)
        while k < len(times) and times[k] < now + wait:
            seen[k], jumps[k] = here, first + made
            k += 1
        if len(times) > 0 and k == len(times):
            break
        now += wait
        integrals[0] += wait
        integrals[1] += wait * e
        if rule == 3:
            here = word >> np.uint64(64 - n)
        else:
            here ^= _ONE << np.uint64(target)
        if rule >= 2:
            neighbours[0] = here
            read_energies(keys, shifts, widths, kind, neighbours, energies, 1)
            e = energies[0]
        else:
            e = energies[target]
        made += 1
    index[0], energy[0], clock[0] = here, e, now
    return made


@kernel("void(u8[::1], i8, i8, f8[::1], i8, i8[:,::1], f8[:,::1])")
def fill_proposals(chain_keys, n, first, betas, rule, sites, thresholds):
    """The proposals of walk_one and walk_many: site and threshold of step first + s of chain a at [s, a]; n < 2³²."""
    bound = np.uint64(n)
    for a in range(len(chain_keys)):
        second = second_key(chain_keys[a])
        for s in range(sites.shape[0]):
            site, thresholds[s, a] = propose_site(chain_keys[a], second, np.uint64(first + s), bound, betas[a], rule)
            sites[s, a] = np.int64(site)


@kernel("void(f8[::1], i8, f8[::1], i8, u8[::1], i8, i8, u8[::1], f8[::1], i8[::1])")
def walk_listed(levels, n, betas, rule, chain_keys, first, steps, index, energy, accepted):
    """The walk of walk_many over levels that are listed in an array of 2^n."""
    bound = np.uint64(n)
    for a in range(len(index)):
        key, second, here, e, count = chain_keys[a], second_key(chain_keys[a]), index[a], energy[a], 0
        for s in range(steps):
            flip, threshold = propose(key, second, np.uint64(first + s), bound, betas[a], rule)
            there = levels[np.int64(here ^ flip)]
            if there - e <= threshold:
                here, e = here ^ flip, there
                count += 1
        index[a], energy[a] = here, e
        accepted[a] += count


@kernel("void(u8[::1], f8, f8[::1], i8[:,::1])")
def visit_traps(trap_keys, x, times, jumps):
    """Bouchaud's trap model: jumps[a, k] becomes the number of jumps of replica a until times[k] (rising).

    Trap number j of a replica holds it for an exponential time of mean τ = u^{−1/x} ≥ 1, u uniform; the replica starts
    in trap 0 at time 0 and each jump leads to a new trap.
    """
    for a in range(len(trap_keys)):
        second = second_key(trap_keys[a])
        now, number, k = 0.0, 0, 0
        while k < len(times):
            u = to_uniform(hash_counter(trap_keys[a], second, np.uint64(2 * number)))
            wait = -math.log(to_uniform(hash_counter(trap_keys[a], second, np.uint64(2 * number + 1))))
            now += wait * math.exp(-math.log(u) / x)
            while k < len(times) and times[k] < now:
                jumps[a, k] = number
                k += 1
            number += 1
