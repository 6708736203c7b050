"""Several threads for one large state: chunks of a fixed partition, taken by whoever is free.

A kernel releases the GIL and writes each chunk's sum into its own place, so that which thread did which chunk cannot
be seen in the result. Threads are kept between calls, since a gradient may take only a millisecond. Campaign tasks
use one thread and never come here.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

# Keyed by process: threads do not survive a fork.
_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}


def _pool(helpers: int) -> ThreadPoolExecutor:
    key = (os.getpid(), helpers)
    if key not in _pools:
        _pools[key] = ThreadPoolExecutor(helpers, thread_name_prefix="spinnet")
    return _pools[key]


def run_chunks(start: Callable[[], Callable[[int, int], None]], chunks: int, threads: int = 1) -> None:
    """Do every chunk 0 … chunks − 1 once by ``task(first, last)``; each thread gets its task from ``start()``.

    With one thread there is one call. With more, the caller works too, and each takes half of its share of what is
    left: few calls, and nobody waits long at the end.
    """
    threads = min(threads, chunks)
    if threads <= 1:
        start()(0, chunks)
        return
    lock = threading.Lock()
    next_chunk = 0

    def work() -> None:
        nonlocal next_chunk
        task = start()
        while True:
            with lock:
                first = next_chunk
                last = next_chunk = first + -(-(chunks - first) // (2 * threads))
            if first >= chunks:
                return
            task(first, last)

    helpers = [_pool(threads - 1).submit(work) for _ in range(threads - 1)]
    try:
        work()
    finally:
        wait(helpers)
    for helper in helpers:
        helper.result()
