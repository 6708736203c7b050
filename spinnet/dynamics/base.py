"""What a dynamics is: a complete state, and a rule that advances it.

``init`` makes the state, ``advance(landscape, state, n)`` makes n elementary steps for the whole block of replicas
and returns a new state. A state is a NamedTuple of plain arrays whose first axis is the replica: a checkpoint is the
state, and any splitting of n gives the same bits.

A dynamics never looks at a measuring schedule, and every step is made by all replicas together, whatever is
measured: the bits of a matrix product depend on how many rows it has. With adaptive steps replicas pass a measuring
time at different steps, so a driver asks after each ``advance`` which of the wanted times lie in the last step::

    times = dynamics.attainable(schedule.times())
    while some replica has times left:
        state = dynamics.advance(landscape, state, dynamics.steps_until(state, earliest time left))
        start, end = dynamics.interval(state)
        # replica a: every wanted time with start[a] < time <= end[a] is read off with dynamics.configuration

A replica whose energy or gradient overflows is kept and flagged in ``state.diverged``; its configurations are not
finite from then on, and the other replicas do not notice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

from spinnet.configurable import Configurable
from spinnet.errors import InputError
from spinnet.landscapes.base import Landscape
from spinnet.records import Variables

_FUZZ = 1e-6  # of a step: a time this close to a whole step is that step


class Dynamics(Configurable, ABC):
    """The contract. Final classes are small and live one per file."""

    #: Raised whenever the bits of a trajectory change; part of a task's identity.
    revision: ClassVar[int] = 1
    #: Capabilities of the landscape, checked before a run by ``landscapes.base.require``.
    requires: ClassVar[tuple[type, ...]] = ()
    #: Modules whose kernels it calls, for compilation before workers start.
    kernels: ClassVar[tuple[str, ...]] = ()
    #: Whether it multiplies by the Hessian.
    needs_hvp: ClassVar[bool] = False
    #: True where steps are adaptive and each replica has a clock of its own.
    adaptive: ClassVar[bool] = False
    #: The NamedTuple of arrays that holds the state; it has a field ``diverged`` (replicas,) of bool.
    State: ClassVar[type[NamedTuple]]

    @property
    @abstractmethod
    def time_unit(self) -> str:
        """What one unit of time is, in words: "steps", "time of dx/dt = -grad H"."""

    @classmethod
    def check_probes(cls, names: Iterable[str]) -> None:
        """Refuse probes that would mean nothing on what this dynamics moves; default: all are welcome.

        Raises
        ------
        InputError
            Naming the probe.
        """

    def check_run(self, last: float, replicas: int) -> None:
        """Refuse, before anything moves, a run that leaves nothing to measure; default: any run will do.

        Raises
        ------
        InputError
            In one line, with what to change.
        """

    def check_landscape(self, landscape: type[Landscape], table: Mapping[str, Any]) -> None:
        """Refuse, before a run, landscapes of a resolved ``table`` that are no use to it; default: none is.

        Raises
        ------
        InputError
            In one line, with what to change.
        """

    @abstractmethod
    def flow_time(self, landscape: Landscape) -> float:
        """Time of the gradient flow dx/dt = −∇H (H extensive) that one unit of this dynamics' time stands for.

        Exact for flows, the limit of small steps otherwise: the factor that lays all dynamics on one time axis.
        """

    @abstractmethod
    def init(self, landscape: Landscape, x: np.ndarray, keys: np.ndarray) -> Any:
        """The state at time zero. ``keys`` holds one uint64 per replica: the dynamics' own source of noise."""

    @abstractmethod
    def advance(self, landscape: Landscape, state: Any, n: int) -> Any:
        """Make ``n`` elementary steps."""

    @abstractmethod
    def interval(self, state: Any) -> tuple[np.ndarray, np.ndarray]:
        """Start and end of the last elementary step of each replica: two arrays ``(replicas,)``.

        The end is the time reached; it is infinite for a replica that diverged in finite time.
        """

    @abstractmethod
    def configuration(self, landscape: Landscape, state: Any, times: np.ndarray) -> np.ndarray:
        """Where each replica is at ``times`` (replicas,), which lie in its :meth:`interval`: ``(replicas, n)``."""

    @abstractmethod
    def steps_until(self, state: Any, time: float) -> int:
        """How many elementary steps can be made at once before a replica may pass ``time``; at least 1."""

    def attainable(self, times: np.ndarray) -> np.ndarray:
        """The times at which configurations exist, at or after the increasing ``times``; doubles are dropped."""
        return np.unique(np.asarray(times, dtype=np.float64))

    def variables(self, state: Any) -> Variables:
        """What the dynamics itself tells at the end of a run (acceptance, status of a search); default: nothing."""
        return {}

    def time(self, state: Any) -> np.ndarray:
        """The time that each replica has reached, shape ``(replicas,)``."""
        return self.interval(state)[1]


def refuse_large_batch(batch: int, landscape: type[Landscape], table: Mapping[str, Any]) -> None:
    """Refuse a batch of more patterns than the landscape of a resolved table has, where that is known unread."""
    known = landscape.terms_of(table)
    if known is not None and batch > known:
        raise InputError(
            f"batch = {batch}: there are {known} patterns; take a batch of at most that, or GradientDescent, which "
            "takes all of them in every step"
        )


class SteppedDynamics(Dynamics):
    """Dynamics in steps of one fixed length, all replicas abreast; the state has ``x`` and ``steps`` (replicas,)."""

    @property
    def step_length(self) -> float:
        """Time of one step."""
        return 1.0

    @property
    def time_unit(self) -> str:
        return "steps"

    def check_run(self, last: float, replicas: int) -> None:
        """A run is at least one step long."""
        if self.step_length > last * (1 + _FUZZ):
            raise InputError(
                f"one step lasts {self.step_length:g}, longer than the whole run to last = {last:g}: take smaller "
                "steps or a longer run"
            )

    def interval(self, state: Any) -> tuple[np.ndarray, np.ndarray]:
        return np.maximum(state.steps - 1, 0) * self.step_length, state.steps * self.step_length

    def configuration(self, landscape: Landscape, state: Any, times: np.ndarray) -> np.ndarray:
        """The configuration at the first whole step at or after ``times``, which :meth:`attainable` makes exact."""
        behind = state.steps - np.asarray(times) / self.step_length
        if np.any(behind < -_FUZZ) or np.any(behind >= 1.0):
            raise ValueError("times outside the last step")
        return state.x

    def steps_until(self, state: Any, time: float) -> int:
        return max(1, int(np.ceil(time / self.step_length - _FUZZ)) - int(state.steps[0]))

    def attainable(self, times: np.ndarray) -> np.ndarray:
        steps = np.ceil(np.asarray(times, dtype=np.float64) / self.step_length - _FUZZ)
        return np.unique(steps) * self.step_length + 0.0  # no −0


def finite_rows(x: np.ndarray) -> np.ndarray:
    """Which rows of ``x`` (replicas, n) are finite: bool, shape ``(replicas,)``."""
    return np.isfinite(x).all(axis=1)
