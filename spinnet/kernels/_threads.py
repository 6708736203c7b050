"""Several threads for one large state: chunks of a fixed partition, taken by whoever is free.

A kernel releases the GIL and writes each chunk's sum into its own place, so that which thread did which chunk cannot
be seen in the result. Threads are kept between calls, since a gradient may take only a millisecond. Campaign tasks
use one thread and never come here.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

# Keyed by process: threads do not survive a fork.
_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}


def _pool(helpers: int) -> ThreadPoolExecutor:
    key = (os.getpid(), helpers)
    if key not in _pools:
        _pools[key] = ThreadPoolExecutor(helpers, thread_name_prefix="spinnet")
    return _pools[key]


def run_chunks(task: Callable[[int, int], None], chunks: int, threads: int = 1) -> None:
    """Call ``task(first, last)`` so that every chunk 0 … chunks − 1 is done once.

    With one thread there is one call; with more, each call is one chunk, and the caller works too.
    """
    threads = min(threads, chunks)
    if threads <= 1:
        task(0, chunks)
        return
    counter = itertools.count()

    def work() -> None:
        for chunk in counter:
            if chunk >= chunks:
                return
            task(chunk, chunk + 1)

    helpers = [_pool(threads - 1).submit(work) for _ in range(threads - 1)]
    work()
    for helper in helpers:
        helper.result()
