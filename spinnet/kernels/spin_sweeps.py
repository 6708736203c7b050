"""Thresholds of single flips: a flip that changes the energy by Δ is made if Δ ≤ a random number.

Rules: 0 Metropolis, min(1, e^{−βΔ}); 1 Glauber (heat bath), 1/(1 + e^{βΔ}). Noise is numbered (see counter_noise).
"""

from __future__ import annotations

import numpy as np

from spinnet.kernels._jit import kernel
from spinnet.kernels.counter_noise import hash_counter, second_key
from spinnet.kernels.exact_functions import logarithm

_S11 = np.uint64(11)


@kernel("void(u8[::1], i8, f8, i8, f8[:,::1])")
def fill_thresholds(keys, first, beta, rule, thresholds):
    """thresholds[s, a] of proposal number first + s of replica a: −ln(u)/β, or ln((1 − u)/u)/β, u uniform."""
    steps, replicas = thresholds.shape
    line = np.empty(steps)
    for a in range(replicas):
        key, second = keys[a], second_key(keys[a])
        for s in range(steps):
            word = hash_counter(key, second, np.uint64(first + s))
            u = (np.float64(np.int64(word >> _S11)) + 0.5) * 2.0**-53
            line[s] = u / (1.0 - u if rule == 1 else 1.0)
        for s in range(steps):
            thresholds[s, a] = -logarithm(line[s]) / beta
