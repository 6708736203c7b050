"""Energy landscapes: deterministic functions over a space, with declared capabilities.

``from spinnet.landscapes import SphericalGlass, DenseNetwork``; the modules load at first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from spinnet.errors import InputError, nearest_name

if TYPE_CHECKING:
    from spinnet.landscapes.base import Landscape
    from spinnet.landscapes.dense_network import DenseNetwork
    from spinnet.landscapes.spherical_glass import SphericalGlass

_HOME = {
    "SphericalGlass": "spinnet.landscapes.spherical_glass",
    "DenseNetwork": "spinnet.landscapes.dense_network",
}

__all__ = ["DenseNetwork", "SphericalGlass"]


def load(name: str) -> type[Landscape]:
    """The class of a landscape.

    Raises
    ------
    InputError
        For an unknown name, with the nearest known one.
    """
    if name not in _HOME:
        raise InputError(f"landscape {name!r} is not known{nearest_name(name, _HOME)}; there are {', '.join(_HOME)}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __getattr__(name: str):
    if name in _HOME:
        return load(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
