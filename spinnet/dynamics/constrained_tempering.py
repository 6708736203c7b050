"""Constrained replica exchange: a system held near given overlaps with a hidden equilibrium configuration."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.dynamics.base import SteppedDynamics, finite_rows
from spinnet.dynamics.exchange_ladder import (
    Sums,
    alternating_pairs,
    block_of,
    by_place,
    chain_variables,
    exchange_order,
    follow_headings,
    overlap_variables,
)
from spinnet.dynamics.markov_moves import Walkers, first_step, make_move, place_walkers, tuned
from spinnet.errors import InputError
from spinnet.kernels.counter_noise import fill_normal
from spinnet.landscapes.base import Differentiable, Energy, Landscape, Signal, require
from spinnet.records import Variable, Variables

_FEWEST_BINS = 20


class ConstrainedState(NamedTuple):
    """Everything the dynamics knows; the first axis is the replica: window k of copy c is row c·windows + k."""

    x: np.ndarray  # (replicas, n): the configuration in this window
    energy: np.ndarray  # (replicas,): without the umbrella
    gradient: np.ndarray  # (replicas, n): without the umbrella; zero without trajectories
    step: np.ndarray  # (replicas,): length of a proposal in this window
    walker: np.ndarray  # (replicas,): the row of the start from which the configuration here descends, int64
    heading: np.ndarray  # (replicas,): per walker, int8: UP from the first window, DOWN from the last, else NOWHERE
    round_trips: np.ndarray  # (replicas,): per walker, int64: last → first → last window since the warm-up
    moves: np.ndarray  # (replicas,): proposals since the warm-up, int64, and how many were accepted
    accepted: np.ndarray
    exchanges: np.ndarray  # (replicas,): exchanges tried with the next window since the warm-up, int64
    exchanged: np.ndarray  # (replicas,): how many were made
    energy_sums: np.ndarray  # (replicas, blocks, 2): sums of E and E² over the steps of each block
    overlap_sums: np.ndarray  # (replicas, blocks, 6): sums of the powers of the overlap with the reference
    overlap_counts: np.ndarray  # (replicas, blocks, bins): histogram of it, int64
    reference_energy: np.ndarray  # (replicas,): energy of the reference, the same in all rows
    reference_force: np.ndarray  # (replicas,): |P∇H|² there, NaN where the landscape has no gradient
    steps: np.ndarray  # (replicas,): int64
    keys: np.ndarray  # (replicas,): uint64, the source of the noise of this window
    diverged: np.ndarray  # (replicas,): bool


class _Umbrella:
    """A landscape with a harmonic force on the overlap m with a reference: H + T (m − q_k)²/(2 w²), q_k of each row."""

    def __init__(self, landscape: Energy, temperature: float, centres: np.ndarray, width: float):
        self.landscape, self.space, self.signal = landscape, landscape.space, landscape.signal
        self.centres, self.stiffness = centres, temperature / width**2

    def overlap(self, x: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return self.space.overlap(x, np.broadcast_to(self.signal, x.shape))

    def bias(self, x: np.ndarray) -> np.ndarray:
        return 0.5 * self.stiffness * (self.overlap(x) - self.centres) ** 2

    def pull(self, x: np.ndarray) -> np.ndarray:
        """Gradient of the bias."""
        return (self.stiffness / self.space.n * (self.overlap(x) - self.centres))[:, None] * self.signal

    def energy(self, x: np.ndarray) -> np.ndarray:
        return self.landscape.energy(x) + self.bias(x)

    def energy_and_gradient(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        energy, gradient = self.landscape.energy_and_gradient(x)
        return energy + self.bias(x), gradient + self.pull(x)


class ConstrainedTempering(SteppedDynamics):
    """Markov chains at one temperature, each held near an overlap with the signal, that exchange their configurations.

    Window k samples exp(−H/T − (m − q_k)²/(2 w²)), m = σ·s/N the overlap with the hidden configuration s of the
    landscape; neighbouring windows exchange with probability min(1, exp(−(q_{k+1} − q_k)(m_{k+1} − m_k)/w²)). The
    histograms of m in all windows give the free energy at fixed overlap (:mod:`spinnet.estimators.umbrella`): on a
    glass with ``planted_temperature`` T₀ the potential of Franz and Parisi for a reference in equilibrium at T₀.

    A step is ``moves`` proposals in every window, then exchanges of the pairs (0,1), (2,3), … in even steps and of
    (1,2), (3,4), … in odd ones. Row c·windows + k of the block is window k of copy c at every time. What is measured is
    recorded by the dynamics as :class:`~spinnet.dynamics.parallel_tempering.ParallelTempering` does, and probes are
    refused.

    Parameters
    ----------
    temperature
        T of the held system.
    overlaps
        Centres q_k of the windows, increasing, between −1 and 1; or, with ``windows``, the first and the last.
    windows
        0: ``overlaps`` are the centres. Else their number, evenly spaced between the two ends.
    width
        w, the same in all windows; None takes the mean distance between centres.
    copies
        Independent sets of windows on the same disorder. The number of replicas of the ensemble must be copies ×
        windows.
    moves
        Proposals between exchanges.
    leapfrog
        Steps of a trajectory, 0 for plain proposals.
    warm_up
        Steps during which proposals are tuned, window by window; they are then fixed, and measurements begin.
    bins
        Of the histogram of overlaps on [−1, 1].

    Notes
    -----
    Chains begin at the centres of their windows, in random directions. A run of warm_up·2^K steps has its second half
    in the last block.

    References
    ----------
    Torrie & Valleau, J. Comput. Phys. 23, 187 (1977); exchange between windows: Sugita, Kitao & Okamoto, J. Chem. Phys.
    113, 6042 (2000); the potential: Franz & Parisi, J. Phys. I 5, 1401 (1995).
    """

    requires = (Energy, Signal)
    kernels = ("spinnet.kernels.counter_noise",)
    State = ConstrainedState

    def __init__(
        self,
        temperature: float,
        overlaps: tuple[float, ...],
        windows: int = 0,
        width: float | None = None,
        copies: int = 1,
        moves: int = 1,
        leapfrog: int = 0,
        warm_up: int = 1000,
        bins: int = 400,
    ):
        given = self.validate(temperature, overlaps, windows, width, copies, moves, leapfrog, warm_up, bins)
        self.temperature, self.overlaps = given["temperature"], tuple(given["overlaps"])
        self.windows, self.width, self.copies = given["windows"], given["width"], given["copies"]
        self.moves, self.leapfrog = given["moves"], given["leapfrog"]
        self.warm_up, self.bins = given["warm_up"], given["bins"]

    @classmethod
    def validate(cls, temperature, overlaps, windows, width, copies, moves, leapfrog, warm_up, bins):
        if not isinstance(overlaps, list | tuple | np.ndarray) or len(overlaps) < 2:
            raise InputError(f"overlaps = {overlaps!r}: give two or more, increasing, such as [0.0, 0.1, 0.2]")
        centres = [real_number("overlaps", value, -1.0) for value in overlaps]
        if any(high <= low for low, high in pairwise(centres)) or centres[-1] > 1.0:
            raise InputError(f"overlaps = {centres}: overlaps must increase, and lie between -1 and 1")
        windows = whole_number("windows", windows)
        if windows and (windows < 2 or len(centres) != 2):
            raise InputError(
                f"windows = {windows} with {len(centres)} overlaps: windows of 2 or more are spaced between two "
                "overlaps; leave windows out to use the centres as they are written"
            )
        return {
            "temperature": real_number("temperature", temperature, above=0.0),
            "overlaps": centres,
            "windows": windows,
            "width": None if width is None else real_number("width", width, above=0.0),
            "copies": whole_number("copies", copies, 1),
            "moves": whole_number("moves", moves, 1),
            "leapfrog": whole_number("leapfrog", leapfrog),
            "warm_up": whole_number("warm_up", warm_up, 1),
            "bins": whole_number("bins", bins, _FEWEST_BINS),
        }

    @classmethod
    def check_probes(cls, names: Iterable[str]) -> None:
        """Refuse every probe, by name: replicas are in different windows, averages over them would mix these."""
        for name in names:
            raise InputError(
                f"probes.{name}: {cls.__name__} takes no probe, for its replicas are held at different overlaps; it "
                "records energies and overlaps in each window itself: leave the probe out"
            )

    @property
    def centres(self) -> np.ndarray:
        """q_k of the windows."""
        return np.linspace(*self.overlaps, self.windows) if self.windows else np.array(self.overlaps)

    @property
    def window_width(self) -> float:
        """w."""
        return float(np.diff(self.centres).mean()) if self.width is None else self.width

    def flow_time(self, landscape: Landscape) -> float:
        """NaN: configurations jump between windows, there is no time of a flow."""
        return math.nan

    def check_run(self, last: float, replicas: int) -> None:
        wanted = self.copies * len(self.centres)
        if replicas != wanted:
            raise InputError(
                f"{replicas} replicas for {type(self).__name__} with {self.copies} copies of {len(self.centres)} "
                f"windows: set replicas = {wanted}"
            )
        if last <= self.warm_up:
            raise InputError(
                f"last = {last:g} is not beyond the warm-up ({self.warm_up} steps), after which measurements begin: "
                "run longer, at best to warm_up times a power of two"
            )

    def init(self, landscape: Energy, x: np.ndarray, keys: np.ndarray) -> ConstrainedState:
        self.check_run(math.inf, len(x))
        require(type(self).__name__, landscape, (*self.requires, *((Differentiable,) if self.leapfrog else ())))
        # A stream of its own: the moves use that of the keys themselves.
        keys, sideways = np.array(keys, dtype=np.uint64), np.empty(np.shape(x))
        fill_normal(~keys, 0, sideways)
        signal, space, centre = landscape.signal, landscape.space, np.tile(self.centres, self.copies)[:, None]
        sideways = space.retract(space.project(np.broadcast_to(signal, sideways.shape), sideways))
        return self.begin_at(landscape, centre * signal + np.sqrt(1.0 - centre**2) * sideways, keys)

    def begin_at(self, landscape: Energy, x: np.ndarray, keys: np.ndarray) -> ConstrainedState:
        """Chains that begin at ``x``, (replicas, n), and have made no step."""
        at = place_walkers(landscape, x, bool(self.leapfrog))
        count = np.zeros(len(x), np.int64)
        sums = Sums.empty(len(x), self.bins)
        signal, force = landscape.signal[None], np.full(1, np.nan)
        if isinstance(landscape, Differentiable):
            force = np.square(landscape.riemannian_gradient(signal)).sum(axis=1)
        return ConstrainedState(
            *at, step=first_step(landscape, np.full(len(x), self.temperature), self.leapfrog),
            walker=np.arange(len(x)), heading=count.astype(np.int8), round_trips=count, moves=count.copy(),
            accepted=count.copy(), exchanges=count.copy(), exchanged=count.copy(), energy_sums=sums.energy,
            overlap_sums=sums.overlap, overlap_counts=sums.counts,
            reference_energy=np.repeat(landscape.energy(signal), len(x)), reference_force=np.repeat(force, len(x)),
            steps=count.copy(), keys=np.array(keys, dtype=np.uint64),
            diverged=~(finite_rows(at.x) & np.isfinite(at.energy)),
        )  # fmt: skip

    def advance(self, landscape: Energy, state: ConstrainedState, n: int) -> ConstrainedState:
        sums = Sums(state.energy_sums, state.overlap_sums, state.overlap_counts).own()
        state = state._replace(keys=np.array(state.keys, dtype=np.uint64))
        centres = np.tile(self.centres, self.copies)
        umbrella = _Umbrella(landscape, self.temperature, centres, self.window_width)
        for number in range(int(state.steps[0]), int(state.steps[0]) + n):
            state, overlap = self._step(umbrella, state, number)
            block = block_of(number, self.warm_up)
            if block >= 0:
                sums = sums.grown(block + 1)
                sums.add(block, state.energy, overlap)
        return state._replace(energy_sums=sums.energy, overlap_sums=sums.overlap, overlap_counts=sums.counts)

    def _step(self, umbrella: _Umbrella, state: ConstrainedState, number: int) -> tuple[ConstrainedState, np.ndarray]:
        """Step ``number``: proposals, then exchanges; and the overlaps with the reference after it."""
        measuring = number >= self.warm_up
        temperature = np.full(len(state.x), self.temperature)
        gradient = state.gradient + umbrella.pull(state.x) if self.leapfrog else state.gradient
        at = Walkers(state.x, state.energy + umbrella.bias(state.x), gradient)
        step, accepted = state.step, state.accepted
        for move in range(number * self.moves, (number + 1) * self.moves):
            at, decision, spare = make_move(umbrella, at, temperature, step, state.keys, move, self.leapfrog)
            if measuring:
                accepted = accepted + decision.accepted
            else:
                # One step for each window: the copies are tuned together.
                mean = decision.probability.reshape(self.copies, -1).mean(axis=0)
                step = tuned(umbrella.space, step, np.tile(mean, self.copies), move, self.leapfrog)
        energy = at.energy - umbrella.bias(at.x)
        gradient = at.gradient - umbrella.pull(at.x) if self.leapfrog else at.gradient
        overlap = umbrella.overlap(at.x)
        windows = len(self.centres)
        low, high = alternating_pairs(windows, self.copies, number % 2)
        gain = -(umbrella.centres[high] - umbrella.centres[low]) * (overlap[high] - overlap[low]) / self.window_width**2
        order, swapped, _ = exchange_order(low, high, gain, spare[low], len(step))
        walker = state.walker[order]
        heading, returned = follow_headings(state.heading, walker, windows)
        exchanges, exchanged = state.exchanges.copy(), state.exchanged.copy()
        if measuring:
            exchanges[low] += 1
            exchanged[low] += swapped
        else:
            heading = np.zeros_like(heading)
        return state._replace(
            x=at.x[order], energy=energy[order], gradient=gradient[order], step=step, walker=walker, heading=heading,
            round_trips=state.round_trips + returned * measuring, moves=state.moves + self.moves * measuring,
            accepted=accepted, exchanges=exchanges, exchanged=exchanged, steps=state.steps + 1,
            diverged=state.diverged[order],
        ), overlap[order]  # fmt: skip

    def variables(self, state: ConstrainedState) -> Variables:
        """What the windows measured: per window, copy and block of time; energies are without the umbrella."""
        copies, steps = self.copies, int(state.steps[0])
        sums, counts = (by_place(values, copies) for values in (state.overlap_sums, state.overlap_counts))
        return {
            "centre": Variable(
                self.centres, ("window",), "1", "overlap that each window is held at", {"width": self.window_width}
            ),
            "reference_energy": Variable(
                state.reference_energy[:: len(self.centres)], ("copy",), "energy",
                "extensive energy of the reference; its mean over the disorder of a glass is −N f(1)/T₀ exactly"
            ),
            "reference_force_squared": Variable(
                state.reference_force[:: len(self.centres)], ("copy",), "energy^2",
                "squared tangent gradient at the reference; its mean over the disorder of a glass is (N − 1) f′(1)"
            ),
            **chain_variables(state, "window", copies, steps, self.warm_up),
            **overlap_variables(
                sums, counts, "reference_overlap", ("window", "copy"), steps, self.warm_up,
                "overlap with the reference",
            ),
        }  # fmt: skip
