"""Data that networks are trained on, and the teachers that generate it.

``load("digits")`` gives a frozen :class:`Dataset`; ``names()`` lists what can be loaded. Everything is deterministic:
splits, shuffled labels and teachers come from seeds among the options.
"""

from __future__ import annotations

from spinnet.datasets.catalogue import (
    content_hash,
    known_inputs,
    load,
    memory_size,
    names,
    resolve_options,
    split_files,
)
from spinnet.datasets.dataset import Dataset

__all__ = ["Dataset", "content_hash", "known_inputs", "load", "memory_size", "names", "resolve_options", "split_files"]
