"""Overlap with a hidden signal: how much of it a configuration has found."""

from __future__ import annotations

import numpy as np

from spinnet.landscapes.base import Signal
from spinnet.probes.base import TrajectoryProbe, on_finite_rows
from spinnet.records import Variable, Variables


class SignalOverlapProbe(TrajectoryProbe):
    """m = σ·s/N with the signal s of the landscape: 1 at the signal, of the order N^{−1/2} at a random configuration.

    From a start at the signal, m(t) is also the correlation C(t, 0).
    """

    requires = (Signal,)

    def measure(self, landscape: Signal, x: np.ndarray) -> Variables:
        signal = landscape.signal[None]
        (overlap,) = on_finite_rows(
            landscape, x, lambda rows: landscape.space.overlap(rows, np.broadcast_to(signal, rows.shape))
        )
        return {"signal_overlap": Variable(overlap, ("replica",), "1", "overlap with the hidden signal")}
