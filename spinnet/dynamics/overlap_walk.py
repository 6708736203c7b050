"""Walks that learn the free energy F(Q, T) as a function of the overlap with a native state."""

from __future__ import annotations

import math

import numpy as np

from spinnet.configurable import real_number
from spinnet.dynamics.wang_landau import WangLandau, WangLandauState
from spinnet.landscapes.base import LocalMoves, Signal
from spinnet.landscapes.indexed_levels import IndexedLevels
from spinnet.records import Variable, Variables


class OverlapWalk(WangLandau):
    """Wang–Landau walks along the overlap Q with the native state (the landscape's signal), at a temperature.

    Bins are the shells of k spins turned away, Q = 1 − 2k/N. A flip is accepted with min(1, e^{−ΔE/T} Z(Q)/Z(Q′)) while
    ln Z(Q) = −F(Q, T)/T is learnt by the rules of :class:`WangLandau`; it is absolute, because the native state is a
    shell of its own and its energy is known. Within a shell the walk is Metropolis dynamics at T: where the states of
    shells are glassy it is as slow as any, and independent walkers differ by more than their own noise.

    Parameters
    ----------
    temperature : float
        T > 0 per extensive energy.
    flatness, check, start_at_signal
        As of :class:`WangLandau`.
    """

    requires = (LocalMoves, Signal)
    _along = 1

    def __init__(
        self, temperature: float, flatness: float = 0.8, check: int = 100, start_at_signal: bool = False
    ):
        given = self.validate(
            temperature=temperature, flatness=flatness, check=check, start_at_signal=start_at_signal
        )
        super().__init__(1.0, flatness=flatness, check=check, start_at_signal=start_at_signal)
        self.temperature = given["temperature"]
        self._beta = 1.0 / self.temperature

    @classmethod
    def validate(cls, temperature, **given):
        checked = WangLandau.validate(width=1.0, low=None, high=None, **given)
        return {"temperature": real_number("temperature", temperature, above=0.0),
                **{name: checked[name] for name in given}}  # fmt: skip

    def _range(self, landscape: LocalMoves) -> tuple[np.ndarray | None, float, int]:
        """Levels where they are listed; shells instead of energies."""
        if self._known is None or self._known[0] is not landscape:
            levels = None
            if isinstance(landscape, IndexedLevels) and landscape.n <= self._largest_listed():
                levels = np.array(landscape.all_levels(), dtype=np.float64)
            self._known = landscape, levels, 0.0, landscape.space.n + 1
        return self._known[1:]

    def _places(self, landscape: LocalMoves, x: np.ndarray, energy: np.ndarray, low: float) -> np.ndarray:
        return (x != np.where(np.asarray(landscape.signal) > 0, 1, -1)).sum(axis=1).astype(np.int64)

    def _reference(self, landscape: LocalMoves) -> float:
        return float(landscape.energy(np.where(np.asarray(landscape.signal) > 0, 1, -1)[None])[0])

    def variables(self, state: WangLandauState) -> Variables:
        """ln Z(Q) of each walker, −inf for shells that it never met, NaN all over if it did not meet the native state;
        mean energies of the shells, and how far the walks have come (see :class:`WangLandau`)."""
        n = state.x.shape[1]
        known = np.where(state.seen[:, 0], state.log_density[:, 0], np.nan)
        log_z = state.log_density - known[:, None] - state.reference[:, None] / self.temperature
        log_z = np.where(state.seen | np.isnan(known)[:, None], log_z, -math.inf)
        overlap = np.tile(1.0 - 2.0 * np.arange(n + 1) / n, (len(state.x), 1))
        averages = self._averages(state)
        rows = {
            "overlaps": Variable(overlap, ("replica", "shell"), "1", "overlap of a shell with the native state"),
            "log_partition": Variable(log_z, ("replica", "shell"), "1", "ln Z of a shell: -F(Q, T)/T"),
        }
        for name, units, about in (("visits", "1", "visits in the last stage"),
                                   ("energy_in_bin", "energy", "mean energy in a shell")):  # fmt: skip
            rows[name.replace("_in_bin", "")] = Variable(averages[name].data, ("replica", "shell"), units, about)
        return rows | {name: averages[name] for name in ("factor", "bins_met", "last_new_bin", "converged")}
