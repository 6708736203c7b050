"""Exact mean folding time of one small sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spinnet.configurable import one_of
from spinnet.landscapes.base import Landscape, Signal
from spinnet.landscapes.first_passage import RULES, passage_moments, refuse_large_passage
from spinnet.landscapes.indexed_levels import IndexedLevels
from spinnet.probes.base import EndpointProbe
from spinnet.probes.thermodynamics import TEMPERATURES, ThermodynamicsProbe
from spinnet.records import Variable, Variables


class NativePassageProbe(EndpointProbe):
    """First-passage time from a uniform start to the native state, N ≤ 11: its exact mean and standard deviation.

    Solves the equations of the Markov process for the sample (see
    :func:`spinnet.landscapes.first_passage.passage_moments`); it belongs to the sample and not to a configuration.

    Parameters
    ----------
    temperatures
        Rising, above zero.
    rule : {"metropolis", "glauber"}
    """

    requires = (IndexedLevels, Signal)
    kernels = ("spinnet.kernels.first_passage",)

    def __init__(self, temperatures: Sequence[float] = TEMPERATURES, rule: str = "metropolis"):
        given = self.validate(temperatures=temperatures, rule=rule)
        self.temperatures, self.rule = given["temperatures"], given["rule"]

    @classmethod
    def validate(cls, temperatures, rule):
        checked = ThermodynamicsProbe.validate(temperatures=temperatures, overlap=None, lowest=0)
        return {"temperatures": checked["temperatures"], "rule": one_of("rule", rule, RULES)}

    def check_landscape(self, landscape: type[Landscape], table: Mapping[str, Any]) -> None:
        """The equations of all levels are solved at once."""
        refuse_large_passage(table["n"])

    def measure(self, landscape: IndexedLevels, x: np.ndarray, rng: np.random.Generator) -> Variables:
        mean, square = np.array(
            [passage_moments(landscape, t, self.rule).mean(axis=1) for t in self.temperatures]
        ).T
        axes = ("replica", "temperature")

        def repeated(value) -> np.ndarray:
            return np.repeat(np.asarray(value, dtype=np.float64)[None], len(x), axis=0)

        return {
            "native_passage/temperatures": Variable(repeated(self.temperatures), axes, "energy", "temperatures"),
            "native_passage/mean_time": Variable(
                repeated(mean), axes, "sweeps", "mean time from a uniform start to the native state"
            ),
            "native_passage/deviation": Variable(
                repeated(np.sqrt(square - mean**2)), axes, "sweeps", "standard deviation of that time"
            ),
        }
