"""The straight line from where a run began to where it ended (Goodfellow, Vinyals & Saxe 2015)."""

from __future__ import annotations

import numpy as np

from spinnet.configurable import whole_number
from spinnet.errors import InputError
from spinnet.landscapes.base import Energy
from spinnet.probes.base import BlockProbe
from spinnet.probes.paths import energies_along, upward_variation
from spinnet.probes.replica_pairs import on_finite_pairs
from spinnet.records import Variable, Variables


class InitialLineProbe(BlockProbe):
    """e((1−a) x(0) + a x(end)) for each replica, and how much of it rises.

    On the sphere the line is the great circle. A network's test loss is followed too, where there are test patterns.

    Parameters
    ----------
    points
        a = 0 … 1, evenly.

    Notes
    -----
    Variables ``initial_line/…``: ``energy`` and ``test_loss`` (replica, point); ``upward_variation`` (replica,), the
    sum of the rises over the total drop; ``arrived_at`` (replica,), the a from which on the energy has made 90 % of the
    drop.

    References
    ----------
    Goodfellow, Vinyals & Saxe, ICLR (2015).
    """

    requires = (Energy,)

    def __init__(self, points: int = 101):
        self.points = self.validate(points)["points"]

    @classmethod
    def validate(cls, points):
        return {"points": whole_number("points", points, 3)}

    def measure_block(
        self, landscape: Energy, start: np.ndarray, x: np.ndarray, rng: np.random.Generator
    ) -> Variables:
        rows = on_finite_pairs(start, x)
        start = landscape.space.retract(np.asarray(start, dtype=np.float64))

        def along(measure=None):
            values = np.full((len(x), self.points), np.nan)
            if rows.any():
                values[rows] = energies_along(landscape, start[rows], x[rows], self.points, measure)
            return values

        energy = along()
        found = {
            "energy": Variable(energy, ("replica", "point"), "energy", "energy density from the start to the end"),
            "upward_variation": Variable(
                upward_variation(energy), ("replica",), "1", "sum of the rises of the energy over its total drop"
            ),
            "arrived_at": Variable(_arrival(energy), ("replica",), "1", "share of the line with 90 % of the drop"),
        }
        measure = getattr(landscape, "test_loss", None)
        if measure is not None:
            try:
                loss = along(measure)
            except InputError:  # a data set without a test part
                pass
            else:
                found["test_loss"] = Variable(loss, ("replica", "point"), "energy", "test loss along the same line")
        return {f"initial_line/{name}": variable for name, variable in found.items()}


def _arrival(energy: np.ndarray) -> np.ndarray:
    """The a from which on e stays within 10 % of the drop of its end."""
    drop = energy[:, :1] - energy[:, -1:]
    above = energy - energy[:, -1:] > 0.1 * drop
    last = np.where(above.any(axis=1), energy.shape[1] - np.argmax(above[:, ::-1], axis=1), 0)
    share = np.minimum(last, energy.shape[1] - 1) / (energy.shape[1] - 1)
    return np.where(drop[:, 0] > 0.0, share, np.nan)
