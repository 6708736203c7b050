"""The table, findings and curves of a measurement while they are being written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from spinnet.estimators.resampling import mean_and_error
from spinnet.records import Variable, Variables
from spinnet.reports.base import Content
from spinnet.torch_models.settings import Settings
from spinnet.torch_models.statements import GLASS, WORDS, cell, pair_mean


class Table:
    """Variables "arm/group/name" of a measurement, and what has been said about them.

    Attributes
    ----------
    arms : list of str
        Of the network; the glass beside it is not one of them.
    content : Content
    """

    def __init__(self, variables: Variables, settings: Settings, n_units: int):
        self.variables, self.settings, self.n_units = dict(variables), settings, n_units
        self.arms = [arm for arm in WORDS if f"{arm}/endpoint/configuration" in variables]
        self.content = Content()

    def has(self, name: str) -> bool:
        """Whether some arm of the network has this variable."""
        return any(f"{arm}/{name}" in self.variables for arm in self.arms)

    def data(self, arm: str, name: str) -> np.ndarray | None:
        """A variable of one arm, None where it was not measured."""
        found = self.variables.get(f"{arm}/{name}")
        return None if found is None else np.asarray(found.data)

    def row(
        self, quantity: str, name: str, scale: float | Mapping[str, float] = 1.0, pairs: str = "", glass: bool = False
    ) -> dict[str, tuple[float, float]]:
        """One row of the table: mean over seeds (or pairs of seeds) with its error, for each arm.

        Parameters
        ----------
        scale
            A factor, or one for each arm.
        glass
            Whether the number has no unit, so that the glass stands beside.
        """
        values = {}
        for arm in [*self.arms, GLASS] if glass else self.arms:
            data, factor = self.data(arm, name), scale[arm] if isinstance(scale, Mapping) else scale
            if data is None:
                value = (math.nan, math.nan)
            elif pairs:
                ends = [self.data(arm, f"{pairs}/{end}") for end in ("first", "second")]
                value = pair_mean(data * factor, *ends)
            else:
                known = np.where(data == -1, np.nan, data) if data.dtype.kind == "i" else data  # a count of nothing
                value = tuple(float(part) for part in mean_and_error(known * factor))
            values[arm] = value
        self.add_row(quantity, values)
        return values

    def add_row(self, quantity: str, values: Mapping[str, tuple[float, float]]) -> None:
        """A row of values with errors by arm, unless none is known."""
        if any(np.isfinite(value) for value, _ in values.values()):
            row: dict[str, Any] = {"quantity": quantity}
            beside = [GLASS] if f"{GLASS}/endpoint/configuration" in self.variables else []
            for arm in (*self.arms, *beside):
                value, error = values.get(arm, (math.nan, math.nan))
                row[arm], row[f"{arm}_error"] = cell(value), cell(error)
            self.content.rows.append(row)

    def say(self, text: str) -> None:
        """One finding."""
        self.content.findings.append(text)

    def keep(self, arm: str, name: str, values: np.ndarray, description: str) -> None:
        """A number for each seed, to be used in a row."""
        self.variables[f"{arm}/{name}"] = Variable(values, ("replica",), "1", description)
