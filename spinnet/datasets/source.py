"""What a source of data is: its own options, how it is read, and how its content is identified."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Raw:
    """Patterns as a source holds them, before splitting and standardising."""

    inputs: np.ndarray
    labels: np.ndarray | None = None
    targets: np.ndarray | None = None
    test_inputs: np.ndarray | None = None
    test_labels: np.ndarray | None = None
    test_targets: np.ndarray | None = None
    n_classes: int = 0
    source: str = ""
    licence: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class Size:
    """How much a source holds: patterns, held-out patterns of its own, inputs of each, and outputs of a network."""

    patterns: int
    test_patterns: int
    inputs: int
    outputs: int


@dataclass(frozen=True)
class Source:
    """One name of the catalogue.

    ``own`` maps the options that only this source has to their defaults (``...`` means that there is none);
    ``check`` puts the complete table of them into canonical form; ``common`` overrides defaults of the options that
    all sources share; ``content_hash`` names the content without loading it, or gives None where only loading tells;
    ``size`` tells its size without loading it; ``files`` names the options that say where files lie, which is no part
    of what is computed.
    """

    read: Callable[[dict[str, Any]], Raw]
    size: Callable[[dict[str, Any]], Size]
    own: Mapping[str, Any] = field(default_factory=dict)
    check: Callable[[dict[str, Any]], dict[str, Any]] = dict
    common: Mapping[str, Any] = field(default_factory=dict)
    content_hash: Callable[[dict[str, Any]], str | None] = lambda options: None
    files: tuple[str, ...] = ()
