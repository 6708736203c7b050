"""Exact density of states of one sample in energy bins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from spinnet.configurable import real_number
from spinnet.errors import InputError
from spinnet.landscapes.base import Landscape, Signal
from spinnet.landscapes.funnel import LARGEST_N
from spinnet.landscapes.indexed_levels import IndexedLevels
from spinnet.probes.base import EndpointProbe
from spinnet.records import Variable, Variables


class DensityOfStatesProbe(EndpointProbe):
    """ln g(E) by counting every level, and what the states of a bin have on average: what Wang–Landau walks estimate.

    Belongs to the sample and not to a configuration. The overlap with the native state is that with the landscape's
    signal, where there is one.

    Parameters
    ----------
    width : float
        Of the bins; bin k is centred at low + k·width.
    low, high : float
        Centres of the first and about of the last bin; None: the lowest and highest level.
    """

    requires = (IndexedLevels,)

    def __init__(self, width: float, low: float | None = None, high: float | None = None):
        given = self.validate(width=width, low=low, high=high)
        self.width, self.low, self.high = given["width"], given["low"], given["high"]

    @classmethod
    def validate(cls, width, low, high):
        if (low is None) != (high is None):
            raise InputError("low and high: give both ends of the energies, or neither")
        if low is not None:
            low, high = real_number("low", low), real_number("high", high)
            if not low < high:
                raise InputError(f"low = {low:g}, high = {high:g}: low must be the smaller")
        return {"width": real_number("width", width, above=0.0), "low": low, "high": high}

    def check_landscape(self, landscape: type[Landscape], table: Mapping[str, Any]) -> None:
        """All levels are counted at once."""
        _refuse_large(table["n"])

    def measure(self, landscape: IndexedLevels, x: np.ndarray, rng: np.random.Generator) -> Variables:
        _refuse_large(landscape.n)
        energy, n = landscape.all_levels(), landscape.n
        low, high = (float(energy.min()), float(energy.max())) if self.low is None else (self.low, self.high)
        bins = math.floor((high - low) / self.width + 0.5) + 1
        place = np.floor((energy - low) / self.width + 0.5)
        kept = (place >= 0) & (place < bins)
        place = place[kept].astype(np.int64)
        counts = np.bincount(place, minlength=bins).astype(float)

        def mean(values: np.ndarray) -> np.ndarray:
            with np.errstate(invalid="ignore"):
                return np.bincount(place, weights=values[kept], minlength=bins) / counts

        def named(value, units: str, about: str) -> Variable:
            return Variable(np.repeat(np.asarray(value, float)[None], len(x), axis=0), ("replica", "bin"), units, about)

        with np.errstate(divide="ignore"):
            found = {
                "bin_energy": named(low + self.width * np.arange(bins), "energy", "centres of the energy bins"),
                "log_density": named(np.log(counts), "1", "ln of the number of states in a bin"),
                "energy_in_bin": named(mean(energy), "energy", "mean energy of the states of a bin"),
            }
        if isinstance(landscape, Signal):
            native = landscape.index_of(np.where(np.asarray(landscape.signal) > 0, 1, -1)[None])[0]
            away = np.bitwise_count(np.arange(len(energy), dtype=np.uint64) ^ native).astype(float)
            found["overlap_in_bin"] = named(1.0 - 2.0 * mean(away) / n, "1", "mean overlap with the native state")
            found["native_in_bin"] = named(mean(away == 0), "1", "share of the native state")
        return {f"density_of_states/{name}": variable for name, variable in found.items()}


def _refuse_large(n: int) -> None:
    if n > LARGEST_N:
        raise InputError(f"n = {n}: levels are counted for n up to {LARGEST_N}")
