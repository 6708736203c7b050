"""Sweeps of single spin flips over all sites, at a temperature or downhill."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from spinnet.configurable import one_of, real_number
from spinnet.dynamics.base import SteppedDynamics
from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes.base import Landscape, LocalMoves
from spinnet.records import Variable, Variables
from spinnet.spaces import Hypercube

RULES = ("metropolis", "glauber", "zero-temperature")
ORDERS = ("sequential", "random")
#: Proposals that are made at once; energies are asked for afterwards.
_TOGETHER = 1 << 16
#: The largest number below zero: what falls is let through, what is equal is not.
_DOWNHILL = -5e-324
_MOVING = -1


class SweepState(NamedTuple):
    """Everything the dynamics knows; the first axis is the replica."""

    x: np.ndarray  # (replicas, n), int8
    energy: np.ndarray  # (replicas,)
    flips: np.ndarray  # (replicas,), int64: flips made
    settled: np.ndarray  # (replicas,), int64: sweeps after which nothing flips any more (T = 0), −1 while it moves
    steps: np.ndarray  # (replicas,), int64: sweeps
    keys: np.ndarray  # (replicas,), uint64: the source of the noise
    diverged: np.ndarray  # (replicas,), bool


class Sweeps(SteppedDynamics):
    """Single flips in sweeps: a step proposes N flips one after another, each site in turn or N times a random one.

    With Δ the change of the energy a flip is made with probability min(1, e^{−Δ/T}) (``"metropolis"``), 1/(1 + e^{Δ/T})
    (``"glauber"``, heat bath), or if Δ < 0 (``"zero-temperature"``). Every single flip leaves exp(−H/T) invariant, and
    so does a sweep in either order; in the random order the chain is reversible too. Time is in sweeps. Landscapes
    that compile :meth:`~spinnet.landscapes.base.LocalMoves.flip_sites` make a sweep in one call.

    Parameters
    ----------
    temperature : float
        T per extensive energy (k_B = 1); above 0, or 0 with the rule ``"zero-temperature"``.
    rule : {"glauber", "metropolis", "zero-temperature"}
        The default is heat bath above T = 0, and downhill at T = 0.
    order : {"sequential", "random"}

    Notes
    -----
    At T = 0 in the sequential order a sweep without a flip is the end: the configuration is a minimum against single
    flips, and no time is spent on it any more.
    """

    requires = (LocalMoves,)
    kernels = ("spinnet.kernels.spin_sweeps", "spinnet.kernels.random_energy_dynamics")
    State = SweepState

    def __init__(self, temperature: float, rule: str | None = None, order: str = "sequential"):
        given = self.validate(temperature=temperature, rule=rule, order=order)
        self.temperature, self.rule, self.order = given["temperature"], given["rule"], given["order"]

    @classmethod
    def validate(cls, temperature, rule, order):
        temperature = real_number("temperature", temperature, 0.0)
        if rule is None:
            rule = "glauber" if temperature > 0 else "zero-temperature"
        one_of("rule", rule, RULES)
        if (temperature == 0.0) != (rule == "zero-temperature"):
            raise InputError(
                f"temperature = {temperature:g} with rule = {rule!r}: 'zero-temperature' is the rule at temperature 0, "
                "the others are above it"
            )
        return {"temperature": temperature, "rule": rule, "order": one_of("order", order, ORDERS)}

    @property
    def time_unit(self) -> str:
        return "sweeps"

    def flow_time(self, landscape: Landscape) -> float:
        """NaN: flips follow no flow."""
        return math.nan

    def init(self, landscape: LocalMoves, x: np.ndarray, keys: np.ndarray) -> SweepState:
        if not isinstance(landscape.space, Hypercube):
            raise CapabilityError(f"Sweeps moves on the hypercube; {type(landscape).__name__} lives elsewhere")
        x = np.array(landscape.check(x), dtype=np.int8)
        count = np.zeros(len(x), np.int64)
        return SweepState(
            x, landscape.energy(x), count, np.full(len(x), _MOVING), count.copy(), np.array(keys, dtype=np.uint64),
            np.zeros(len(x), dtype=bool),
        )  # fmt: skip

    def advance(self, landscape: LocalMoves, state: SweepState, n: int) -> SweepState:
        x, flips, settled = state.x, np.array(state.flips), np.array(state.settled)
        keys, done, last = np.array(state.keys, dtype=np.uint64), int(state.steps[0]), int(state.steps[0]) + n
        # Downhill sweeps are few, and each may be the last.
        together = 1 if self.rule == "zero-temperature" else max(1, _TOGETHER // x.size)
        while done < last and (settled == _MOVING).any():
            count = min(together, last - done)
            sites, thresholds = self._proposals(len(x), landscape.space.n, keys, done, count)
            x, made = landscape.flip_sites(x, sites, thresholds)
            flips += made
            if self.rule == "zero-temperature" and self.order == "sequential":
                settled[(made == 0) & (settled == _MOVING)] = done
            done += count
        if x is state.x:
            return state._replace(x=np.array(x), steps=state.steps + n)
        return SweepState(x, landscape.energy(x), flips, settled, state.steps + n, keys, np.array(state.diverged))

    def _proposals(self, replicas: int, n: int, keys: np.ndarray, first: int, count: int):
        """Sites and thresholds of ``count`` sweeps from sweep ``first`` on."""
        from spinnet.kernels.random_energy_dynamics import fill_proposals
        from spinnet.kernels.spin_sweeps import fill_thresholds

        thresholds = np.full((count * n, replicas), _DOWNHILL)
        cold = self.rule == "zero-temperature"
        if self.order == "sequential":
            sites = np.tile(np.arange(n), count)[:, None]
            if not cold:
                fill_thresholds(keys, first * n, 1.0 / self.temperature, RULES.index(self.rule), thresholds)
            return sites, thresholds
        sites, drawn = np.empty(thresholds.shape, dtype=np.int64), np.empty_like(thresholds)
        betas = np.full(replicas, 1.0 if cold else 1.0 / self.temperature)
        fill_proposals(keys, n, first * n, betas, 0 if cold else RULES.index(self.rule), sites, drawn)
        return sites, thresholds if cold else drawn

    def variables(self, state: SweepState) -> Variables:
        """Flips per sweep, and when a downhill run came to its end."""
        rate = np.where(state.steps > 0, state.flips / np.maximum(state.steps, 1), np.nan)
        found = {"flips_per_sweep": Variable(rate, ("replica",), "1", "flips made per sweep")}
        if self.rule == "zero-temperature" and self.order == "sequential":
            time = np.where(state.settled == _MOVING, np.nan, state.settled.astype(float))
            found["settling_time"] = Variable(time, ("replica",), "sweeps", "sweeps until nothing flips any more")
        return found
