"""Random streams keyed by content, never by the order of execution.

``stream(seed, "couplings", 3)`` is the same stream on any machine, in any worker and after any resume; adding a
temperature or a sample shifts nothing. Purposes are names, so that two uses can never share a stream by accident.
"""

from __future__ import annotations

import zlib

import numpy as np


def _key(*content: str | int) -> tuple[int, ...]:
    return tuple(zlib.crc32(part.encode()) if isinstance(part, str) else int(part) for part in content)


def seed_sequence(seed: int, *content: str | int) -> np.random.SeedSequence:
    """The seed sequence of ``seed`` with the spawn key made of names and numbers."""
    return np.random.SeedSequence(int(seed), spawn_key=_key(*content))


def stream(seed: int, *content: str | int) -> np.random.Generator:
    """A Philox generator for (seed, content)."""
    return np.random.Generator(np.random.Philox(seed_sequence(seed, *content)))


def counter_keys(seed: int, count: int, *content: str | int) -> np.ndarray:
    """``count`` independent uint64 keys, one per replica, for counter-based noise inside kernels.

    Key ``a`` does not depend on ``count``: adding replicas leaves the noise of the others as it was.
    """
    keys = [seed_sequence(seed, *content, a).generate_state(1, np.uint64)[0] for a in range(count)]
    return np.array(keys, dtype=np.uint64)
