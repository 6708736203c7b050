"""Stochastic gradient descent on a sum over patterns."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.dynamics.base import SteppedDynamics, finite_rows, refuse_large_batch
from spinnet.dynamics.gradient_descent import check_momentum
from spinnet.errors import CapabilityError, InputError
from spinnet.kernels.counter_noise import fill_integers
from spinnet.landscapes.base import Landscape, SumOfTerms
from spinnet.spaces import Euclidean

_BATCH_BYTES = 2**24  # of pattern numbers drawn at once


class SGDState(NamedTuple):
    """Everything SGD knows; the first axis is the replica."""

    x: np.ndarray  # (replicas, n)
    velocity: np.ndarray  # (replicas, n): the last displacement
    steps: np.ndarray  # (replicas,): steps made, int64
    keys: np.ndarray  # (replicas,): uint64, the source of the batches
    diverged: np.ndarray  # (replicas,): bool


class SGD(SteppedDynamics):
    """v ← momentum·v − (rate/batch)·Σ_{μ in batch} ∇ℓ_μ, x ← x + v, for an energy E = Σ_μ ℓ_μ on flat space.

    The ``batch`` patterns of each step are drawn anew, uniformly **with replacement**, independently for each
    replica: member b of step s of replica a is value s·batch + b of the counter-based stream of the replica's key,
    so any splitting of the steps and any checkpoint give the same bits. There are no epochs; n_terms/batch steps
    show each pattern once on average.

    Parameters
    ----------
    learning_rate
        Step along the gradient of the mean loss E/n_terms.
    batch
        Patterns per step.
    momentum
        Heavy-ball momentum in [0, 1).
    drops
        Numbers of steps, increasing, after which the learning rate is multiplied by ``drop_factor``.
    drop_factor
        In (0, 1].
    clip
        Largest length of the minibatch's mean gradient of a replica, weight decay included: a longer one is shortened
        to it (Pascanu, Mikolov & Bengio 2013, 1211.5063). 0: none. Steps that are clipped are made one by one, not in
        one kernel.

    Notes
    -----
    Stationary law near a minimum with curvature h and gradient-noise variance c of one pattern (Mandt, Hoffman &
    Blei 2017, with momentum): Var x = rate·c(1+m)/(batch·h(1−m)(2(1+m) − rate·h)).
    """

    requires = (SumOfTerms,)
    kernels = ("spinnet.kernels.counter_noise",)
    State = SGDState
    later_parameters: ClassVar[Mapping[str, Any]] = {"clip": 0.0}

    def __init__(
        self,
        learning_rate: float,
        batch: int,
        momentum: float = 0.0,
        drops: tuple[int, ...] = (),
        drop_factor: float = 0.1,
        clip: float = 0.0,
    ):
        given = self.validate(
            learning_rate=learning_rate, batch=batch, momentum=momentum, drops=drops, drop_factor=drop_factor, clip=clip
        )
        self.learning_rate, self.batch, self.momentum = given["learning_rate"], given["batch"], given["momentum"]
        self.drops, self.drop_factor = tuple(given["drops"]), given["drop_factor"]
        self.clip = given["clip"]

    @classmethod
    def validate(cls, learning_rate, batch, momentum, drops, drop_factor, clip):
        if not isinstance(drops, list | tuple | np.ndarray):
            raise InputError(f"drops = {drops!r}: give a list of step numbers, such as [1000, 2000]")
        drops = [whole_number("drops", step, 1) for step in drops]
        if any(later <= earlier for earlier, later in pairwise(drops)):
            raise InputError(f"drops = {drops}: step numbers must increase")
        drop_factor = real_number("drop_factor", drop_factor, above=0.0)
        if drop_factor > 1.0:
            raise InputError(f"drop_factor = {drop_factor:g}: give a number in (0, 1]")
        return {
            "learning_rate": real_number("learning_rate", learning_rate, above=0.0),
            "batch": whole_number("batch", batch, 1),
            "momentum": check_momentum(momentum),
            "drops": drops,
            "drop_factor": drop_factor,
            "clip": real_number("clip", clip, 0.0),
        }

    def check_landscape(self, landscape: type[SumOfTerms], table: Mapping[str, Any]) -> None:
        """A batch is not larger than the set of patterns."""
        refuse_large_batch(self.batch, landscape, table)

    def flow_time(self, landscape: Landscape) -> float:
        """That of the learning rate before any drop."""
        return self.learning_rate / (1.0 - self.momentum) / landscape.units.n_units

    def init(self, landscape: SumOfTerms, x: np.ndarray, keys: np.ndarray) -> SGDState:
        if not isinstance(landscape.space, Euclidean):
            raise CapabilityError(
                f"SGD moves on flat space, which {type(landscape).__name__} does not live on: use GradientDescent"
            )
        if landscape.n_terms >= 2**32:
            raise InputError(f"SGD draws from fewer than 2^32 patterns; {landscape.n_terms} were given")
        x = np.array(landscape.check(x))
        keys = np.array(keys, dtype=np.uint64)
        return SGDState(x, np.zeros_like(x), np.zeros(len(x), np.int64), keys, ~finite_rows(x))

    def advance(self, landscape: SumOfTerms, state: SGDState, n: int) -> SGDState:
        x, velocity = state.x, state.velocity
        first = int(state.steps[0])
        last = first + n
        longest = max(1, _BATCH_BYTES // (8 * len(x) * self.batch))
        keys = np.array(state.keys, dtype=np.uint64)
        with np.errstate(all="ignore"):
            while first < last:
                rate, until = self._rate(first)
                count = min(last - first, longest, until - first)
                terms = np.empty((count, len(x), self.batch), dtype=np.int64)
                fill_integers(keys, first * self.batch, landscape.n_terms, terms)
                if self.clip > 0.0:
                    x, velocity = self._clipped_steps(landscape, x, velocity, terms, rate)
                else:
                    x, velocity = landscape.minibatch_steps(x, velocity, terms, rate, self.momentum)
                first += count
        return SGDState(x, velocity, state.steps + n, keys, ~finite_rows(x))

    def _clipped_steps(
        self, landscape: SumOfTerms, x: np.ndarray, velocity: np.ndarray, terms: np.ndarray, rate: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Those of :meth:`SumOfTerms.minibatch_steps`, each gradient shortened before it is used."""
        for batch in terms:
            gradient = landscape.gradient_batch(x, batch) / batch.shape[1]
            length = np.sqrt(np.einsum("ri,ri->r", gradient, gradient))
            gradient *= np.minimum(1.0, self.clip / length)[:, None]
            velocity = self.momentum * velocity - rate * gradient
            x = x + velocity
        return x, velocity

    def _rate(self, step: int) -> tuple[float, int]:
        """Learning rate of step number ``step`` and the step up to which it holds."""
        passed = sum(drop <= step for drop in self.drops)
        until = self.drops[passed] if passed < len(self.drops) else np.iinfo(np.int64).max
        return self.learning_rate * self.drop_factor**passed, until
