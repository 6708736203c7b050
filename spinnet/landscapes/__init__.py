"""Energy landscapes: deterministic functions over a space, with declared capabilities.

``from spinnet.landscapes import SphericalGlass, DenseNetwork``; the modules load at first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spinnet.landscapes.dense_network import DenseNetwork
    from spinnet.landscapes.spherical_glass import SphericalGlass

_HOME = {
    "SphericalGlass": "spinnet.landscapes.spherical_glass",
    "DenseNetwork": "spinnet.landscapes.dense_network",
}

__all__ = ["DenseNetwork", "SphericalGlass"]


def __getattr__(name: str):
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
