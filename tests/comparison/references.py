"""Units of glasses, REM-like landscapes and funnels as theory has them, with the spread of 64 directions."""

import numpy as np

from spinnet.comparison.native_statistics import columns


def cosine(degree, ratio, couplings=None):
    """Of force and way home at q = ½ around a stationary point, of a profile of that degree and Λ over couplings of
    another: their force across has the variance (p/2)(1 − q^(2p − 2)) per spin."""
    p = degree if couplings is None else couplings
    along = ratio * np.sqrt(0.5) * degree * 0.5 ** (degree - 1) * np.sqrt(0.75)
    return along / np.hypot(along, np.sqrt(0.5 * p * (1.0 - 0.5 ** (2 * p - 2))))


def units(degree, ratio, back, samples, seed):
    """Statistics as they are classed, (samples, 4)."""
    rng = np.random.default_rng(seed)
    width = rng.standard_normal((4, samples))
    lam = ratio * np.exp(0.09 * width[0])
    return columns({
        "degree": degree * np.exp(0.03 * width[1]),
        "frustration": lam,
        "alignment": np.tanh(np.arctanh(cosine(degree, lam, 3.0 if degree < 3.0 else None)) + 0.02 * width[2]),
        "return": np.clip(back + (0.1 if back < 1.0 else 1e-4) * width[3], None, 1.0),
    })  # fmt: skip


def references(samples=24, seed=1, leave=()):
    """Values, classes, disorder samples: p = 3 and 4; p = 6; signals of degree 3 and 1 at several strengths."""
    kinds = [(0, 3.0, 1.6, 0.95), (0, 4.0, 1.6, 0.6), (1, 6.0, 1.6, 0.3), (2, 3.0, 3.1, 1.0), (2, 3.0, 4.5, 1.0),
             (2, 3.0, 6.5, 1.0), (2, 1.3, 2.4, 1.0), (2, 1.15, 3.6, 1.0), (2, 1.05, 5.7, 1.0)]  # fmt: skip
    kept = [(k, kind) for k, kind in enumerate(kinds) if k not in leave]
    values = np.concatenate([units(*kind[1:], samples, (seed, k)) for k, kind in kept])
    labels = np.concatenate([np.full(samples, kind[0]) for _, kind in kept])
    return values, labels, np.tile(np.arange(samples), len(kept)), kinds
