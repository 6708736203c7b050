"""Walks in energy that learn how many states there are at each: Wang–Landau sampling with a 1/t end."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.dynamics.base import SteppedDynamics
from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes.base import Landscape, LocalMoves, Signal
from spinnet.landscapes.hashed_levels import HashedLevels
from spinnet.landscapes.indexed_levels import LARGEST_ADDRESSED, IndexedLevels
from spinnet.landscapes.perceptron import TeacherStudentPerceptron
from spinnet.records import Variable, Variables
from spinnet.spaces import Hypercube

#: Landscapes of up to 2^22 levels are listed (32 MiB).
LARGEST_LISTED = 22
LARGEST_BINS = 1 << 16
#: Fewest meetings of every bin in the last stage of a walk that is called converged.
FEWEST_VISITS = 20
_BLOCK = 1024


class WangLandauState(NamedTuple):
    """Everything the dynamics knows; the first axis is the replica, that is the walker."""

    x: np.ndarray  # (replicas, n), int8
    energy: np.ndarray  # (replicas,)
    place: np.ndarray  # (replicas,), int64: the bin of the energy
    log_density: np.ndarray  # (replicas, bins): ln g up to a constant of each walker
    visits: np.ndarray  # (replicas, bins), int64: since they last began anew
    seen: np.ndarray  # (replicas, bins), bool
    sums: np.ndarray  # (replicas, 3, bins): energies, spins turned from the native state, meetings with it; stage 1
    factor: np.ndarray  # (replicas,)
    stage: np.ndarray  # (replicas,), int64: 0 flatness, 1 one over t
    origin: np.ndarray  # (replicas,), int64: step at which the last new bin was met
    restarts: np.ndarray  # (replicas,), int64: bins met
    steps: np.ndarray  # (replicas,), int64: flips proposed
    keys: np.ndarray  # (replicas,), uint64: the source of the noise
    reference: np.ndarray  # (replicas,): centre of the first bin; of overlaps the energy of the native state
    diverged: np.ndarray  # (replicas,), bool


class WangLandau(SteppedDynamics):
    """Single flips accepted with min(1, g(E)/g(E′)), where the estimate of the density of states g is being learnt.

    After each step ln g of the present bin grows by ln f. At first ln f = 1; it is halved whenever the rarest of the
    bins met has ``flatness`` times the mean number of visits (looked at every ``check`` sweeps). Once it falls below
    1/t, t the number of steps per bin, it is 1/t from then on, and energies, overlaps with the native state (the
    signal of a landscape that has one) and meetings with it are averaged bin by bin. A bin that is met for the first
    time starts the walk anew with ln f = 1, what has been learnt is kept.

    Walkers are independent replicas: errors come from them. Bin k holds energies within half a width of low + k·width:
    for energies that are whole numbers take a width of 1. Flips that leave all bins are refused.

    Parameters
    ----------
    width : float
        Of the energy bins, extensive.
    low, high : float
        Centres of the first bin and about of the last; None: the lowest and highest level, where there are at most
        2^22 of them.
    flatness : float
        Between 0 and 1.
    check : int
        Sweeps between two looks at the visits.
    start_at_signal : bool
        Whether walkers start at the landscape's signal: a native state that no funnel leads to is then known from the
        start.

    Notes
    -----
    Levels are listed where there are at most 2^22; beyond that hashed levels are made as they are met, all walkers
    together, and errors of Ising perceptrons of N ≤ 64 counted by popcounts. Other landscapes are moved step by step
    through ``delta_energy``, slowly. Time is in steps.

    References
    ----------
    Wang and Landau, Phys. Rev. Lett. 86, 2050 (2001); Belardinelli and Pereyra, Phys. Rev. E 75, 046701 (2007).
    """

    requires = (LocalMoves,)
    kernels = ("spinnet.kernels.wang_landau", "spinnet.kernels.random_energy_dynamics")
    State = WangLandauState
    #: What the bins are of, and the inverse temperature of the states within them.
    _along, _beta = 0, 0.0

    def __init__(
        self, width: float, low: float | None = None, high: float | None = None, flatness: float = 0.8,
        check: int = 100, start_at_signal: bool = False,
    ):  # fmt: skip
        given = WangLandau.validate(
            width=width, low=low, high=high, flatness=flatness, check=check, start_at_signal=start_at_signal
        )
        self.width, self.low, self.high = given["width"], given["low"], given["high"]
        self.flatness, self.check, self.start_at_signal = given["flatness"], given["check"], given["start_at_signal"]
        self._known: tuple[Landscape, np.ndarray | None, float, int] | None = None

    @classmethod
    def validate(cls, width, low, high, flatness, check, start_at_signal):
        width, flatness = real_number("width", width, above=0.0), real_number("flatness", flatness, above=0.0)
        if flatness >= 1.0:
            raise InputError(f"flatness = {flatness:g}: give a number between 0 and 1")
        if (low is None) != (high is None):
            raise InputError("low and high: give both ends of the energies, or neither")
        if low is not None:
            low, high = real_number("low", low), real_number("high", high)
            if not low < high:
                raise InputError(f"low = {low:g}, high = {high:g}: low must be the smaller")
            _check_bins(low, high, width)
        if not isinstance(start_at_signal, bool | int) or start_at_signal not in (0, 1):
            raise InputError(f"start_at_signal = {start_at_signal!r}: give true or false")
        return {
            "width": width, "low": low, "high": high, "flatness": flatness,
            "check": whole_number("check", check, 1), "start_at_signal": bool(start_at_signal),
        }  # fmt: skip

    def flow_time(self, landscape: Landscape) -> float:
        """NaN: flips follow no flow."""
        return math.nan

    @staticmethod
    def _largest_listed() -> int:
        return LARGEST_LISTED

    def _range(self, landscape: LocalMoves) -> tuple[np.ndarray | None, float, int]:
        """Levels where they are listed, the centre of the first bin, and the number of bins."""
        if self._known is None or self._known[0] is not landscape:
            levels = None
            if isinstance(landscape, IndexedLevels) and landscape.n <= self._largest_listed():
                levels = np.array(landscape.all_levels(), dtype=np.float64)
            low, high = self.low, self.high
            if low is None:
                if levels is None:
                    raise InputError(
                        f"low and high are missing: the levels of this {type(landscape).__name__} are too many to list"
                    )
                low, high = float(levels.min()), float(levels.max())
            self._known = landscape, levels, low, _check_bins(low, high, self.width)
        return self._known[1:]

    def init(self, landscape: LocalMoves, x: np.ndarray, keys: np.ndarray) -> WangLandauState:
        if not isinstance(landscape.space, Hypercube):
            raise CapabilityError(f"WangLandau moves on the hypercube; {type(landscape).__name__} lives elsewhere")
        levels, low, bins = self._range(landscape)
        x = np.array(landscape.check(x), dtype=np.int8)
        if self.start_at_signal:
            x[:] = _native(landscape)
        replicas = len(x)
        energy = landscape.energy(x) if levels is None else levels[landscape.index_of(x).astype(np.int64)]
        place = self._places(landscape, x, energy, low)
        if ((place < 0) | (place >= bins)).any():
            worst = float(energy[(place < 0) | (place >= bins)][0])
            raise InputError(f"a walk starts at the energy {worst:g}, outside low … high: widen the range")
        seen = np.zeros((replicas, bins), dtype=bool)
        seen[np.arange(replicas), place] = True
        count = np.zeros(replicas, np.int64)
        return WangLandauState(
            x, energy, place, np.zeros((replicas, bins)), np.zeros((replicas, bins), np.int64), seen,
            np.zeros((replicas, 3, bins)), np.ones(replicas), count, count.copy(), count.copy(), count.copy(),
            np.array(keys, dtype=np.uint64), np.full(replicas, self._reference(landscape)),
            np.zeros(replicas, dtype=bool),
        )  # fmt: skip

    def _reference(self, landscape: LocalMoves) -> float:
        return self._range(landscape)[1]

    def advance(self, landscape: LocalMoves, state: WangLandauState, n: int) -> WangLandauState:
        levels, low, _ = self._range(landscape)
        state = WangLandauState(*(np.array(part) for part in state))
        first, sites = int(state.steps[0]), landscape.space.n
        settings = (first, n, self.check * sites, self.flatness, self._beta, self._along, low, 1.0 / self.width)
        learnt = (
            state.energy, state.place, state.log_density, state.visits, state.seen, state.sums, state.factor,
            state.stage, state.origin, state.restarts,
        )  # fmt: skip
        listed, hashed = levels is not None, isinstance(landscape, HashedLevels)
        words = _has_words(landscape)
        if listed or hashed or words:
            from spinnet.kernels import wang_landau

            index = landscape.index_of(state.x)
            native = landscape.index_of(_native(landscape)[None])[0]
            if listed:
                wang_landau.walk_listed(levels, sites, native, state.keys, *settings, index, *learnt)
            elif words:
                wang_landau.walk_words(*landscape.word_patterns, sites, native, state.keys, *settings, index, *learnt)
            else:
                wang_landau.walk_hashed(*landscape.tree, sites, native, state.keys, *settings, index, *learnt)
            state = state._replace(x=landscape.configuration(index))
        else:
            self._walk(landscape, state, *settings)
        return state._replace(steps=state.steps + n)

    def _places(self, landscape: LocalMoves, x: np.ndarray, energy: np.ndarray, low: float) -> np.ndarray:
        """Bins of configurations, outside the range too."""
        return np.floor((energy - low) / self.width + 0.5).astype(np.int64)

    def _walk(self, landscape, state, first, steps, check, flatness, beta, along, low, inverse_width) -> None:
        """Step by step through the energy changes that the landscape knows; the same proposals and rules."""
        from spinnet.kernels.random_energy_dynamics import fill_proposals

        n, replicas, bins = landscape.space.n, len(state.x), state.seen.shape[1]
        native, rows, ones = _native(landscape), np.arange(replicas), np.ones(replicas)
        for start in range(0, steps, _BLOCK):
            count = min(_BLOCK, steps - start)
            sites, thresholds = np.empty((count, replicas), np.int64), np.empty((count, replicas))
            fill_proposals(state.keys, n, first + start, ones, 0, sites, thresholds)
            for s in range(count):
                step = first + start + s
                energy = state.energy + landscape.delta_energy(state.x, sites[s])
                if along:
                    x = state.x.copy()
                    x[rows, sites[s]] *= -1
                    there = (x != native).sum(axis=1).astype(float)
                else:
                    there = np.floor((energy - low) * inverse_width + 0.5)
                inside = (there >= 0) & (there < bins)
                there = np.where(inside, there, 0).astype(np.int64)
                rise = state.log_density[rows, there] - state.log_density[rows, state.place]
                rise += beta * (energy - state.energy)
                good = inside & (~state.seen[rows, there] | (rise <= thresholds[s]))
                moved = rows[good]
                state.x[moved, sites[s][good]] *= -1
                state.energy[good], state.place[good] = energy[good], there[good]
                for a in moved[~state.seen[moved, state.place[moved]]]:
                    known = state.log_density[a][state.seen[a]]
                    state.log_density[a, state.place[a]] = known.min()
                    state.seen[a, state.place[a]] = True
                    state.visits[a], state.sums[a] = 0, 0.0
                    state.factor[a], state.stage[a], state.origin[a] = 1.0, 0, step
                    state.restarts[a] += 1
                state.log_density[rows, state.place] += state.factor
                state.visits[rows, state.place] += 1
                late = rows[state.stage == 1]
                away = (state.x[late] != native).sum(axis=1)
                for row, value in enumerate((state.energy[late], away, away == 0)):
                    state.sums[late, row, state.place[late]] += value
                if (step + 1) % n == 0:
                    for a in rows:
                        self._turn_over(state, a, step + 1, check, flatness)

    @staticmethod
    def _turn_over(state, a, done, check, flatness) -> None:
        met = int(state.seen[a].sum())
        slow = met / max(done - int(state.origin[a]), 1)
        if state.stage[a] == 1:
            state.factor[a] = slow
        elif done % check == 0:
            visits = state.visits[a][state.seen[a]]
            if float(visits.min()) * met >= flatness * visits.sum():
                state.factor[a] *= 0.5
                state.visits[a] = 0
                if state.factor[a] <= slow:
                    state.factor[a], state.stage[a] = slow, 1

    def variables(self, state: WangLandauState) -> Variables:
        """ln g of each walker, normalised so that all bins together hold 2^n states; averages in each bin.

        ``converged`` says whether the last stage was reached and every bin met was then visited 20 times; whether there
        are bins that nobody has met no walk can tell. Averages are NaN where a bin was not visited in that stage.
        """
        n = state.x.shape[1]
        log_density = np.where(state.seen, state.log_density, -np.inf)
        top = log_density.max(axis=1, keepdims=True)
        total = top + np.log(np.exp(log_density - top).sum(axis=1, keepdims=True))
        log_density += n * math.log(2.0) - total
        centres = state.reference[:, None] + self.width * np.arange(state.seen.shape[1])
        energies = Variable(centres, ("replica", "bin"), "energy", "centres of the energy bins")
        about = "ln of the number of states in a bin; -inf: never met"
        return {
            "bin_energy": energies, "log_density": Variable(log_density, ("replica", "bin"), "1", about),
            **self._averages(state),
        }  # fmt: skip

    @staticmethod
    def _averages(state: WangLandauState) -> Variables:
        """What was averaged bin by bin in the last stage, and how far the walks have come."""
        n = state.x.shape[1]
        counts = np.where(state.stage[:, None] == 1, state.visits, 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            energy, away, native = np.moveaxis(state.sums / counts[:, None, :], 1, 0)
        fewest = np.where(state.seen, counts, np.iinfo(np.int64).max).min(axis=1)
        per, walker = ("replica", "bin"), ("replica",)
        return {
            "visits": Variable(counts, per, "1", "visits in the last stage"),
            "energy_in_bin": Variable(energy, per, "energy", "mean energy of the states visited in a bin"),
            "overlap_in_bin": Variable(1.0 - 2.0 * away / n, per, "1", "mean overlap with the native state in a bin"),
            "native_in_bin": Variable(native, per, "1", "share of the visits to a bin at the native state"),
            "factor": Variable(np.array(state.factor), walker, "1", "what ln g grew by at the end"),
            "bins_met": Variable(state.seen.sum(axis=1), walker, "1", "bins that were met"),
            "last_new_bin": Variable(np.array(state.origin), walker, "steps", "step at which a new bin was last met"),
            "converged": Variable(
                ((state.stage == 1) & (fewest >= FEWEST_VISITS)).astype(np.int64), walker, "1",
                "1 where the last stage was reached and every bin met was visited often in it",
            ),
        }  # fmt: skip


def _check_bins(low: float, high: float, width: float) -> int:
    """Number of bins."""
    bins = math.floor((high - low) / width + 0.5) + 1
    if bins > LARGEST_BINS:
        raise InputError(f"width = {width:g}: {bins} bins between {low:g} and {high:g}, of {LARGEST_BINS} at most")
    return bins


def _has_words(landscape: Landscape) -> bool:
    """Whether the energy is a number of errors on patterns of one word."""
    ising = isinstance(landscape, TeacherStudentPerceptron) and landscape.weights == "ising"
    return ising and landscape.n <= LARGEST_ADDRESSED


def _native(landscape: Landscape) -> np.ndarray:
    """The signal as ±1; all +1 where there is none, and overlaps with it mean nothing."""
    if isinstance(landscape, Signal):
        return np.where(np.asarray(landscape.signal) > 0, 1, -1).astype(np.int8)
    return np.ones(landscape.space.n, dtype=np.int8)
