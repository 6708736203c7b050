"""Exact funnel of one sample of discrete levels with a native state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from spinnet.landscapes.base import Landscape, Signal
from spinnet.landscapes.funnel import ExactFunnel, FunnelSummary, mean_overlaps, refuse_large_funnel
from spinnet.landscapes.indexed_levels import IndexedLevels
from spinnet.probes.base import EndpointProbe
from spinnet.probes.thermodynamics import TEMPERATURES, ThermodynamicsProbe
from spinnet.records import Variable, Variables

_ABOUT = {
    "native_energy": "energy of the native state",
    "ground_state": "lowest level",
    "stability_gap": "lowest energy at Q < 1/2 less that of the native state",
    "outer_mean": "mean energy at |Q| < 0.15",
    "outer_deviation": "standard deviation of the energies within shells, over |Q| < 0.15",
    "entropy": "logarithm of the number of states",
    "glass_temperature": "standard deviation at |Q| < 0.15 over sqrt(2 S0)",
    "stability": "frustration index Lambda",
    "folding_temperature": "where the native state has the weight one half",
    "half_overlap_temperature": "highest temperature at which the mean overlap is one half",
    "random_energy_temperature": "folding temperature of independent energies of the same moments",
}
_PURE = ("entropy", "stability")


class FunnelProbe(EndpointProbe):
    """F(Q, T), S(Q), P_native(T), ⟨Q⟩(T), T_f, T_g and the frustration index of one sample, by visiting every level.

    Q is the overlap with the landscape's signal, the native state. What is measured belongs to the sample and not to
    the configuration that the dynamics has reached: give one replica and the dynamics ``Still``. See
    :class:`spinnet.landscapes.funnel.FunnelSummary` for the definitions.

    Parameters
    ----------
    temperatures
        Rising, above zero; in the unit of energy. Besides, P_native is measured at the folding temperature that the
        landscape states for N → ∞, where it states one.
    """

    requires = (IndexedLevels, Signal)

    def __init__(self, temperatures: Sequence[float] = TEMPERATURES):
        self.temperatures = self.validate(temperatures=temperatures)["temperatures"]

    @classmethod
    def validate(cls, temperatures):
        checked = ThermodynamicsProbe.validate(temperatures=temperatures, overlap=None, lowest=0)
        return {"temperatures": checked["temperatures"]}

    def check_landscape(self, landscape: type[Landscape], table: Mapping[str, Any]) -> None:
        """All levels are held at once."""
        refuse_large_funnel(table["n"])

    def measure(self, landscape: IndexedLevels, x: np.ndarray, rng: np.random.Generator) -> Variables:
        exact = ExactFunnel(landscape)
        log_z, _ = exact.log_partition(1.0 / np.array(self.temperatures))
        weight = np.exp(log_z - log_z.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        mean, deviation = exact.shell_moments()
        found = {name: _one(x, value, (), "energy", _ABOUT[name]) for name, value in _numbers(exact.summary())}
        for name in _PURE:
            found[name] = Variable(found[name].data, ("replica",), "1", _ABOUT[name])
        axes = ("temperature",)
        found |= {
            "temperatures": _one(x, self.temperatures, axes, "energy", "temperatures"),
            "overlaps": _one(x, exact.overlap, ("shell",), "1", "overlap of a shell with the native state"),
            "shell_entropy": _one(x, exact.log_count, ("shell",), "1", "ln of the number of states of a shell"),
            "shell_mean": _one(x, mean, ("shell",), "energy", "mean energy of a shell"),
            "shell_deviation": _one(x, deviation, ("shell",), "energy", "standard deviation in a shell"),
            "shell_lowest": _one(x, exact.lowest, ("shell",), "energy", "lowest energy of a shell"),
            "log_partition": _one(x, log_z, (*axes, "shell"), "1", "ln Z of a shell: -F(Q, T)/T"),
            "native_weight": _one(x, weight[:, 0], axes, "1", "Boltzmann weight of the native state"),
            "mean_overlap": _one(x, mean_overlaps(exact.overlap, log_z), axes, "1", "thermal mean of the overlap"),
        }
        nominal = getattr(landscape, "folding_temperature", None)
        if nominal is not None:
            odds = exact.log_odds(nominal)
            found["nominal_temperature"] = _one(x, nominal, (), "energy", "folding temperature as N grows, as stated")
            found["native_weight_nominal"] = _one(
                x, 1.0 / (1.0 + np.exp(-odds)), (), "1", "Boltzmann weight of the native state there"
            )
        return {f"funnel/{name}": variable for name, variable in found.items()}


def _one(x: np.ndarray, value, dims: tuple[str, ...], units: str, about: str) -> Variable:
    """The same number or row for every replica."""
    data = np.repeat(np.asarray(value, dtype=np.float64)[None], len(x), axis=0)
    return Variable(data, ("replica", *dims), units, about)


def _numbers(summary: FunnelSummary):
    return [(field.name, getattr(summary, field.name)) for field in fields(summary)]
