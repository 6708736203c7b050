"""RMSProp: minibatch descent in which every coordinate is divided by the size of its own recent gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.dynamics.base import SteppedDynamics, finite_rows, refuse_large_batch
from spinnet.errors import CapabilityError, InputError
from spinnet.kernels.counter_noise import fill_integers
from spinnet.landscapes.base import Landscape, SumOfTerms
from spinnet.spaces import Euclidean


class RMSPropState(NamedTuple):
    """Everything RMSProp knows; the first axis is the replica."""

    x: np.ndarray  # (replicas, n)
    mean_square: np.ndarray  # (replicas, n): running mean of the squared gradient
    steps: np.ndarray  # (replicas,): steps made, int64
    keys: np.ndarray  # (replicas,): uint64, the source of the batches
    diverged: np.ndarray  # (replicas,): bool


class RMSProp(SteppedDynamics):
    """v ← ρ v + (1 − ρ) g², x ← x − rate·g/(√v + ε), g the mean gradient of a batch of patterns, on flat space.

    Coordinate by coordinate; v begins at zero, so that first steps are up to rate/√(1 − ρ) long. Batches are drawn as
    those of :class:`~spinnet.dynamics.sgd.SGD`: with replacement, from the counter-based stream of a replica's key, so
    that any splitting of the steps gives the same bits. The gradient includes the landscape's weight decay.

    Parameters
    ----------
    learning_rate
        Along g/(√v + ε).
    batch
        Patterns per step.
    decay
        ρ in [0, 1).
    epsilon
        ε > 0.
    drop
        The rate of step s is rate/(1 + drop·s); 0 keeps it.
    clip
        Gradients longer than this are shortened to it, before anything else; 0 leaves them.

    References
    ----------
    Tieleman & Hinton (2012), COURSERA: Neural Networks for Machine Learning, lecture 6.5.
    """

    requires = (SumOfTerms,)
    kernels = ("spinnet.kernels.counter_noise",)
    State = RMSPropState

    def __init__(
        self, learning_rate: float, batch: int, decay: float = 0.9, epsilon: float = 1e-10, drop: float = 0.0,
        clip: float = 0.0,
    ):  # fmt: skip
        given = self.validate(
            learning_rate=learning_rate, batch=batch, decay=decay, epsilon=epsilon, drop=drop, clip=clip
        )
        self.learning_rate, self.batch, self.decay = given["learning_rate"], given["batch"], given["decay"]
        self.epsilon, self.drop, self.clip = given["epsilon"], given["drop"], given["clip"]

    @classmethod
    def validate(cls, **given):
        decay = real_number("decay", given["decay"], 0.0)
        if decay >= 1.0:
            raise InputError(f"decay = {decay:g}: give a number in [0, 1)")
        return {
            "learning_rate": real_number("learning_rate", given["learning_rate"], above=0.0),
            "batch": whole_number("batch", given["batch"], 1),
            "decay": decay,
            "epsilon": real_number("epsilon", given["epsilon"], above=0.0),
            "drop": real_number("drop", given["drop"], 0.0),
            "clip": real_number("clip", given["clip"], 0.0),
        }

    def check_landscape(self, landscape: type[SumOfTerms], table: Mapping[str, Any]) -> None:
        """A batch is not larger than the set of patterns."""
        refuse_large_batch(self.batch, landscape, table)

    def flow_time(self, landscape: Landscape) -> float:
        """NaN: steps have a length of their own, whatever the gradient."""
        return float("nan")

    def init(self, landscape: SumOfTerms, x: np.ndarray, keys: np.ndarray) -> RMSPropState:
        if not isinstance(landscape.space, Euclidean):
            raise CapabilityError(
                f"RMSProp moves on flat space, which {type(landscape).__name__} does not live on: use GradientDescent"
            )
        x = np.array(landscape.check(x))
        keys = np.array(keys, dtype=np.uint64)
        return RMSPropState(x, np.zeros_like(x), np.zeros(len(x), np.int64), keys, ~finite_rows(x))

    def advance(self, landscape: SumOfTerms, state: RMSPropState, n: int) -> RMSPropState:
        x, mean_square = np.array(state.x), np.array(state.mean_square)
        keys = np.array(state.keys, dtype=np.uint64)
        terms = np.empty((1, len(x), self.batch), dtype=np.int64)
        first = int(state.steps[0])
        with np.errstate(all="ignore"):
            for step in range(first, first + n):
                fill_integers(keys, step * self.batch, landscape.n_terms, terms)
                gradient = landscape.gradient_batch(x, terms[0]) / self.batch
                if self.clip:
                    length = np.linalg.norm(gradient, axis=1)
                    gradient *= np.minimum(1.0, self.clip / np.maximum(length, 1e-300))[:, None]
                mean_square *= self.decay
                mean_square += (1.0 - self.decay) * gradient * gradient
                x -= self.learning_rate / (1.0 + self.drop * step) * gradient / (np.sqrt(mean_square) + self.epsilon)
        return RMSPropState(x, mean_square, state.steps + n, keys, ~finite_rows(x))
