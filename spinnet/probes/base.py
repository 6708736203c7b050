"""What a probe is: a pure measurement that draws from its own stream and never changes a trajectory.

There are four kinds. A :class:`TrajectoryProbe` sees the block at every scheduled time and an :class:`EndpointProbe`
at the end of the run, a row at a time; a :class:`BlockProbe` sees all rows of the end together, and where they began.
These are functions of what they see. A :class:`MemoryProbe` chooses its own times and compares
what it sees with what it has seen: what it remembers is arrays, which travel with the checkpoint. A probe may be of
two kinds.

Rows that are not finite (diverged replicas) are measured as NaN, by :func:`on_finite_rows` or by skipping them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import Configurable
from spinnet.landscapes.base import Landscape
from spinnet.records import Variables
from spinnet.waiting_times import Attainable

#: What a probe remembers: named plain arrays.
Memory = dict[str, np.ndarray]


class Probe(Configurable, ABC):
    """What every probe states."""

    #: Raised whenever the bits of a measurement change; part of a task's identity.
    revision: ClassVar[int] = 1
    #: Capabilities of the landscape, checked before a run.
    requires: ClassVar[tuple[type, ...]] = ()
    #: Whether it multiplies by the Hessian.
    needs_hvp: ClassVar[bool] = False

    @property
    def descent(self) -> Mapping[str, Any] | None:
        """Settings of the descent to the minimum below each configuration, for a probe that measures these minima.

        Whoever drives the probe then leads every row of the block down the gradient flow before the probe sees it
        (probes do not move anything). None: configurations are measured as they are.
        """
        return None

    def launch(self, landscape: Landscape, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Where the descents begin, for an end-point probe with a :attr:`descent`: at the block itself by default.

        What it gives in its place is led down and handed to ``measure``; it may have more rows than the block.
        """
        return x

    def check_landscape(self, landscape: type[Landscape], table: Mapping[str, Any]) -> None:
        """Refuse, before a run, landscapes of a resolved ``table`` that are too large for it; default: none is.

        Raises
        ------
        InputError
            In one line, with what to change.
        """

    def check_run(self, last: float, replicas: int) -> None:
        """Refuse, before anything moves, a run that leaves nothing to measure; default: any run will do.

        Raises
        ------
        InputError
            In one line, with what to change.
        """


class TrajectoryProbe(Probe):
    """Measured at every scheduled time; one number or row per replica."""

    @abstractmethod
    def measure(self, landscape: Landscape, x: np.ndarray) -> Variables:
        """Measure the block ``x`` (replicas, n): variables whose first dimension is "replica"."""


class EndpointProbe(Probe):
    """Measured once, on the final configurations."""

    @abstractmethod
    def measure(self, landscape: Landscape, x: np.ndarray, rng: np.random.Generator) -> Variables:
        """Measure the block ``x`` (replicas, n): variables whose first dimension is "replica"."""


class BlockProbe(Probe):
    """Measured once, on all final configurations together: compares replicas with one another or with their start."""

    @abstractmethod
    def measure_block(
        self, landscape: Landscape, start: np.ndarray, x: np.ndarray, rng: np.random.Generator
    ) -> Variables:
        """Measure the block ``x`` (replicas, n) that began at ``start``: variables "group/name" of any dimensions.

        Their lengths depend on the parameters and the number of replicas alone, so that samples can be collected.
        """


class MemoryProbe(Probe):
    """Measured at times of its own, in their order, with a memory.

    The memory is complete: from it and the blocks to come all results follow, so it is kept in the checkpoint, and a
    run that was interrupted or made longer has the bits of one that was not.
    """

    @abstractmethod
    def wanted_times(self, attainable: Attainable, last: float) -> np.ndarray:
        """The times up to ``last`` at which it wants to see the block, all attainable.

        Prefix-stable: for a longer run the same times and then more.
        """

    @abstractmethod
    def begin(self, landscape: Landscape, replicas: int, attainable: Attainable) -> Memory:
        """The memory before anything was seen."""

    @abstractmethod
    def observe(self, landscape: Landscape, memory: Memory, time: float, x: np.ndarray) -> Memory:
        """The memory after the block ``x`` (replicas, n) was seen at ``time``; the given one is left alone."""

    @abstractmethod
    def variables(self, landscape: Landscape, memory: Memory, attainable: Attainable, last: float) -> Variables:
        """What is known at the end of a run to ``last``: variables "group/name", first dimension "replica"."""


def on_finite_rows(
    landscape: Landscape, x: np.ndarray, *measures: Callable[[np.ndarray], np.ndarray]
) -> list[np.ndarray]:
    """Each measure of the block ``x``, one number per row, NaN for the rows of ``x`` that are not finite.

    The block keeps its size, with some point of the space in place of the rows that are nowhere: the bits of the
    other rows must not depend on who diverged.
    """
    x = landscape.check(x)
    lost = ~np.isfinite(x).all(axis=1)
    if lost.any():
        x = np.where(lost[:, None], landscape.space.retract(np.ones_like(x)), x)
    with np.errstate(all="ignore"):
        values = [np.array(measure(x), dtype=np.float64) for measure in measures]
    for value in values:
        value[lost] = np.nan
    return values


def gradient_norm(landscape, x: np.ndarray) -> np.ndarray:
    """|∇H|/√n_units per row, with the tangent gradient: N^{−1/2}|P∇H| for a glass of N spins."""
    gradient = landscape.riemannian_gradient(x)
    return np.sqrt(np.einsum("ri,ri->r", gradient, gradient) / landscape.units.n_units)
