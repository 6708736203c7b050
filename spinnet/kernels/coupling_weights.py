"""From numbers of variance 1 in all places of tiles to couplings of a spherical glass."""

from __future__ import annotations

import numpy as np

from spinnet.kernels._jit import inner

_HALF = np.sqrt(0.5)


@inner
def weigh(strict, buffer, at, prefixes, block, group, first, span, n):
    """Turn numbers of variance 1 for all places of tiles into couplings.

    Places that are no multiset are set to zero; where indices are repeated the variance is 1/Π m!, or zero in the
    strict sum.
    """
    low, run, repeats = -1, 0, 1.0
    for m in range(prefixes.shape[1]):
        run = run + 1 if prefixes[group, m] == low else 1
        repeats *= run
        low = prefixes[group, m]
    if first == 0:
        equal = 0.0 if strict else _HALF
        for r in range(4):
            for c in range(4):
                place = 16 * at + 4 * r + c
                buffer[place] *= 1.0 if c > r else equal if c == r else 0.0
    if repeats > 1.0:
        factor = 0.0 if strict else np.sqrt(1.0 / repeats)
        for place in range(16 * at, 16 * (at + span)):
            buffer[place] *= factor
    if low >= 4 * block:
        # Some of the four rows lie at or before the last index of the prefix.
        row = low - 4 * block
        factor = 0.0 if strict else np.sqrt(1.0 / (run + 1))
        for t in range(span):
            for r in range(row):
                for c in range(4):
                    buffer[16 * (at + t) + 4 * r + c] = 0.0
            for c in range(4):
                buffer[16 * (at + t) + 4 * row + c] *= factor
        if first == 0:
            # On the diagonal 1/(run + 1)(run + 2), of which there is 1/2(run + 1) already.
            buffer[16 * at + 5 * row] *= np.sqrt(2.0 / (run + 2))
