"""How long walks on the hypercube take to one state: exactly, by eliminating all others, and along single histories.

Every site flips at the rate its rule accepts the change Δ of the energy with: rule 0 Metropolis, min(1, e^{−βΔ});
rule 1 Glauber, 1/(1 + e^{βΔ}). The unit of time is a sweep. Noise is numbered as in random_energy_dynamics.
"""

from __future__ import annotations

import math

import numpy as np

from spinnet.kernels._jit import inner, kernel
from spinnet.kernels.counter_noise import hash_counter, second_key, to_uniform
from spinnet.kernels.dense_network_blocks import exp
from spinnet.kernels.random_energy_dynamics import choose_rate, fill_rates

_ONE = np.uint64(1)


@inner
def _rate(change, beta, rule):
    """Rate of a flip."""
    if rule == 0:
        return exp(-beta * max(change, 0.0))
    return 1.0 / (1.0 + exp(beta * change))


@kernel("void(f8[::1], i8, i8, f8, i8, f8[::1], f8[::1])")
def eliminate_states(levels, n, native, beta, rule, costs, times):
    """times[i] becomes the mean of ∫ costs dt from state i to ``native``, for levels listed in an array of 2^n.

    Costs of 1 give the mean time, costs of twice the mean times their second moment. States are taken out one by one,
    and the paths through each are added to the rates between those left and to what is spent: nothing is subtracted, so
    that the relative error stays near rounding however rare the passages are (Grassmann, Taksar and Heyman 1985).
    2^{3n}/3 multiply-adds, 8·2^{2n} bytes.
    """
    count = len(levels)
    rates, spent, leaving = np.zeros((count, count)), np.empty(count), np.ones(count)
    for a in range(count):
        here = a ^ native
        spent[a] = costs[here]
        for i in range(n):
            rates[a, a ^ (1 << i)] = _rate(levels[here ^ (1 << i)] - levels[here], beta, rule)
    for s in range(count - 1, 0, -1):
        out = rates[s]
        total = 0.0
        for j in range(s):
            total += out[j]
        leaving[s] = total
        for i in range(1, s):
            share = rates[i, s] / total
            if share > 0.0:
                row = rates[i]
                spent[i] += share * spent[s]
                own = row[i]
                for j in range(s):
                    row[j] += share * out[j]
                row[i] = own
    times[native] = 0.0
    reached = np.zeros(count)
    for s in range(1, count):
        total = spent[s]
        for j in range(1, s):
            total += rates[s, j] * reached[j]
        reached[s] = total / leaving[s]
        times[s ^ native] = reached[s]


@kernel("i8(u8[:,::1], u8[::1], f8[::1], i8, i8, f8, i8, u8, i8, f8, u8, u8[::1], f8[::1], f8[::1])")
def walk_to_state(keys, shifts, widths, kind, n, beta, rule, key, first, until, native, index, energy, clock):
    """Rejection-free from index[0] at the time clock[0] of its last jump, until it is ``native`` or until a time.

    Jumps are numbered from ``first``; returns how many were made. Whoever goes on passes the number of all jumps made:
    the one that would have come after ``until`` is drawn again, the same.
    """
    neighbours, energies, rates = np.empty(n, dtype=np.uint64), np.empty(n), np.empty(n)
    second = second_key(key)
    here, e, now, made = index[0], energy[0], clock[0], 0
    while here != native:
        number = np.uint64(first + made)
        total = fill_rates(keys, shifts, widths, kind, n, beta, rule, here, e, neighbours, energies, rates)
        then = now - math.log(to_uniform(hash_counter(key, second, number << _ONE))) / total
        if then > until:
            break
        target = choose_rate(rates, to_uniform(hash_counter(key, second, (number << _ONE) | _ONE)) * total)
        here, e, now = neighbours[target], energies[target], then
        made += 1
    index[0], energy[0], clock[0] = here, e, now
    return made
