"""A census of the stationary points of one landscape: every distinct point with its energy and index."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.dynamics.base import SteppedDynamics, finite_rows
from spinnet.dynamics.critical_points import diagonalise_points, merge_points, search_ends, topology_is_right
from spinnet.dynamics.saddle_search import ARRIVED, MOVING, STUCK, SaddleSearch
from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable, Landscape
from spinnet.records import Variable, Variables


class CensusState(NamedTuple):
    """Everything the census knows; the first axis is the replica, each with a list of its own."""

    x: np.ndarray  # (replicas, n): the lowest point found; the start before there is one
    points: np.ndarray  # (replicas, most_points, n): in the order in which they were found, NaN beyond
    energy: np.ndarray  # (replicas, most_points): extensive, NaN beyond
    index: np.ndarray  # (replicas, most_points): int64, -1 beyond
    flatness: np.ndarray  # (replicas, most_points): least over largest modulus of the Hessian's eigenvalues
    hits: np.ndarray  # (replicas, most_points): starts that ended there, int64
    found: np.ndarray  # (replicas,): distinct points, int64
    starts: np.ndarray  # (replicas,): starts searched so far, int64
    last_new: np.ndarray  # (replicas,): starts after which the latest new point was on the list, int64
    stuck: np.ndarray  # (replicas,): starts that ended where no stationary point is, int64
    unfinished: np.ndarray  # (replicas,): starts that ran out of steps, int64
    complete: np.ndarray  # (replicas,): bool
    full: np.ndarray  # (replicas,): bool, more points than fit on the list
    steps: np.ndarray  # (replicas,): int64
    key: np.ndarray  # (replicas,): uint64, source of the starts
    diverged: np.ndarray  # (replicas,): bool


class CriticalPointCensus(SteppedDynamics):
    """Finds all stationary points by :class:`SaddleSearch` from uniform starts, and stops when none can be missing.

    One step searches from ``batch`` starts to their ends and merges what they reached with the points known; the
    antipode of each new point is tried as well (a stationary point where the covariance is even or odd; x and −x are
    two points). Time is the number of starts. The list is *complete*, and the census rests, when

        starts ≥ ``margin`` · (starts after which the latest new point was found),   starts ≥ ``least_starts``,

    and, on the sphere, Σ (−1)^index = 1 + (−1)^{n−1} (and for an odd energy the number of pairs ±x is odd, see
    :func:`spinnet.dynamics.critical_points.topology_is_right`). With a margin of 2 the last doubling of the starts
    added nothing.
    A run that ends before leaves ``complete`` = 0; its number of points is a lower bound.

    Parameters
    ----------
    batch
        Starts of one step.
    margin
        2 or more.
    least_starts
        No list is called complete before.
    most_points
        Length of the list. A landscape with more points is never complete (``full`` = 1).
    most_steps
        Steps of the search from one start.
    tolerance, flat
        Acceptance of a point, see :class:`SaddleSearch`. Stored couplings need ``dtype = "float64"``.

    Notes
    -----
    Landscapes with a small basin around some point need many starts: an average over samples that leaves the
    incomplete ones out is biased towards few points. A pure p-spin glass has at most 2((p−1)^n − 1)/(p − 2) points
    (Cartwright & Sturmfels 2013). A start costs 10 to 100 dense Hessians: about 0.3 ms at n = 5, 1 ms at n = 8.

    For p = 3 margins of 2, 4 and 8 gave the number of a margin of 32 in each of 40 samples at n = 6, and that of all
    roots of the polynomial equations, followed by homotopy, in each of 40 samples at n = 5. A list is complete after
    430 starts at n = 5, 3400 at n = 8 and some 26 000 at n = 10 (margin 4).

    References
    ----------
    Cartwright & Sturmfels, Linear Algebra Appl. 438, 942 (2013).
    """

    requires = (Differentiable,)
    needs_hvp = True
    State = CensusState

    def __init__(
        self,
        batch: int = 64,
        margin: float = 4.0,
        least_starts: int = 256,
        most_points: int = 512,
        most_steps: int = 100,
        tolerance: float = 1e-9,
        flat: float = 1e-7,
    ):
        given = self.validate(
            batch=batch, margin=margin, least_starts=least_starts, most_points=most_points, most_steps=most_steps,
            tolerance=tolerance, flat=flat,
        )  # fmt: skip
        self.batch, self.margin, self.least_starts = given["batch"], given["margin"], given["least_starts"]
        self.most_points, self.most_steps = given["most_points"], given["most_steps"]
        self.tolerance, self.flat = given["tolerance"], given["flat"]
        self._search = SaddleSearch(tolerance=self.tolerance, flat=self.flat)

    @classmethod
    def validate(cls, batch, margin, least_starts, most_points, most_steps, tolerance, flat):
        margin = real_number("margin", margin)
        if not 2.0 <= margin < math.inf:
            raise InputError(f"margin = {margin:g}: give 2 (the last doubling of the starts added nothing) or more")
        accepted = SaddleSearch.validate(tolerance=tolerance, flat=flat, descent=0.0)
        return {
            "batch": whole_number("batch", batch, 1),
            "margin": margin,
            "least_starts": whole_number("least_starts", least_starts, 1),
            "most_points": whole_number("most_points", most_points, 1),
            "most_steps": whole_number("most_steps", most_steps, 1),
            "tolerance": accepted["tolerance"],
            "flat": accepted["flat"],
        }

    @property
    def step_length(self) -> float:
        return float(self.batch)

    @property
    def time_unit(self) -> str:
        return "starts"

    def flow_time(self, landscape: Landscape) -> float:
        """NaN: a census follows no flow down the landscape."""
        return math.nan

    def init(self, landscape: Differentiable, x: np.ndarray, keys: np.ndarray) -> CensusState:
        x = np.array(landscape.space.retract(landscape.check(x)))
        listed = (len(x), self.most_points)
        zeros, no = np.zeros(len(x), np.int64), np.zeros(len(x), bool)
        return CensusState(
            x=x, points=np.full((*listed, x.shape[1]), np.nan), energy=np.full(listed, np.nan),
            index=np.full(listed, -1, np.int64), flatness=np.full(listed, np.nan), hits=np.zeros(listed, np.int64),
            found=zeros, starts=zeros.copy(), last_new=zeros.copy(), stuck=zeros.copy(), unfinished=zeros.copy(),
            complete=no, full=no.copy(), steps=zeros.copy(), key=np.array(keys, np.uint64), diverged=~finite_rows(x),
        )  # fmt: skip

    def advance(self, landscape: Differentiable, state: CensusState, n: int) -> CensusState:
        state = CensusState(*(np.array(field) for field in state))
        for _ in range(n):
            for a in np.flatnonzero(~(state.complete | state.full | state.diverged)):
                self._round(landscape, state, a)
            state.steps[:] += 1
        return state

    def _round(self, landscape: Differentiable, state: CensusState, a: int) -> None:
        """One batch of starts of replica ``a``; its rows of ``state`` are changed."""
        number, known = int(state.starts[a] // self.batch), int(state.found[a])
        rng = np.random.Generator(np.random.Philox(key=np.array([state.key[a], number], np.uint64)))
        x = landscape.space.sample(self.batch, rng)
        if number == 0:
            x[0] = state.x[a]
        ends = search_ends(self._search, landscape, x, self.most_steps)
        state.starts[a] += self.batch
        state.stuck[a] += int((ends.status == STUCK).sum())
        state.unfinished[a] += int((ends.status == MOVING).sum())
        listed, hits = merge_points(
            state.points[a, :known], state.hits[a, :known], ends.x[ends.status == ARRIVED]
        )  # fmt: skip
        if len(listed) > known:
            mirrored = search_ends(self._search, landscape, -listed[known:], self.most_steps)
            listed, _ = merge_points(listed, hits, mirrored.x[mirrored.status == ARRIVED])
            hits = np.concatenate([hits, np.zeros(len(listed) - len(hits), np.int64)])
            state.last_new[a] = state.starts[a]
        if len(listed) > self.most_points:
            state.full[a] = True
            listed, hits = listed[: self.most_points], hits[: self.most_points]
        total = len(listed)
        state.points[a, :total], state.hits[a, :total], state.found[a] = listed, hits, total
        if total > known:
            values, index, _ = diagonalise_points(landscape, listed[known:])
            modulus = np.abs(values)
            state.index[a, known:total] = index
            state.flatness[a, known:total] = modulus.min(axis=1) / modulus.max(axis=1)
            state.energy[a, known:total] = landscape.energy(listed[known:])
            state.x[a] = listed[np.argmin(state.energy[a, :total])]
        enough = max(self.least_starts, self.margin * state.last_new[a])
        if total and not state.full[a] and state.starts[a] >= enough:
            state.complete[a] = topology_is_right(landscape, state.index[a, :total])

    def variables(self, state: CensusState) -> Variables:
        """The points of each replica by increasing energy, and what is known of their completeness."""
        order = np.argsort(np.where(np.isnan(state.energy), np.inf, state.energy), axis=1, kind="stable")

        def sorted_by_energy(values):
            return np.take_along_axis(values, order, axis=1)

        point, replica = ("replica", "point"), ("replica",)
        return {
            "point_energy": Variable(
                sorted_by_energy(state.energy), point, "energy",
                "extensive energies of the distinct stationary points, ascending; NaN beyond their number",
            ),
            "point_index": Variable(
                sorted_by_energy(state.index), point, "1", "number of negative Hessian eigenvalues; -1 beyond"
            ),
            "point_flatness": Variable(
                sorted_by_energy(state.flatness), point, "1", "least over largest modulus of the Hessian's eigenvalues"
            ),
            "point_hits": Variable(sorted_by_energy(state.hits), point, "1", "starts that ended at each point"),
            "points_found": Variable(state.found, replica, "1", "number of distinct stationary points"),
            "starts": Variable(state.starts, replica, "1", "starts searched"),
            "last_new_start": Variable(state.last_new, replica, "1", "starts after which the latest point was found"),
            "starts_stuck": Variable(state.stuck, replica, "1", "starts that ended where no stationary point is"),
            "starts_unfinished": Variable(state.unfinished, replica, "1", "starts that ran out of steps"),
            "complete": Variable(
                state.complete.astype(np.int8), replica, "1",
                "1 where the sum rules hold and the last starts (see margin) added no point",
                {"margin": self.margin},
            ),
        }  # fmt: skip
