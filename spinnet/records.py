"""A named array with its dimensions and units: what probes return and result files store."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Variable:
    """An array that knows what it is.

    ``dims`` names every axis ("replica", "time", "mode"); ``units`` is "1" for a pure number; ``attributes`` holds
    plain numbers and strings.
    """

    data: np.ndarray
    dims: tuple[str, ...]
    units: str = "1"
    description: str = ""
    attributes: dict[str, str | int | float] = field(default_factory=dict)

    def __post_init__(self):
        if np.ndim(self.data) != len(self.dims):
            raise ValueError(f"an array of {np.ndim(self.data)} axes was given the dimensions {self.dims}")


#: Variables by name; a name may hold one slash: "trajectory/energy".
Variables = dict[str, Variable]
