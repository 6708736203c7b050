"""What a landscape is: a deterministic energy over a space, with declared capabilities.

A landscape is frozen: its disorder or data set lies inside it, and two calls give the same bits. Configurations are
replicas first, ``x`` of shape ``(replicas, n)``, float64, C-ordered; methods return one value or row per replica.
Energies are extensive; each landscape states its units through :class:`Units`.

Capabilities are small and declared by inheritance. Dynamics and probes list what they require, and
:func:`require` refuses a mismatch by name before anything runs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from spinnet.configurable import Configurable
from spinnet.errors import CapabilityError, InputError
from spinnet.spaces import Space

#: Constructor parameters that a task gives to its landscape: keys of [study] and [ensemble], never of [landscape].
TASK_PARAMETERS = ("seed", "sample")


@dataclass(frozen=True)
class Units:
    """How a landscape is normalised, so that a glass and a network can be laid on one axis.

    ``energy_density = energy / n_units``; ``unit`` names what one unit is ("spin", "pattern").
    """

    n_units: int
    unit: str


class Landscape(Configurable, ABC):
    """The facts that every landscape states."""

    #: Raised whenever the bits of a result change; part of a task's identity.
    revision: ClassVar[int] = 1
    #: What is drawn anew for an independent repetition: the disorder ("sample"), or only the start ("replica").
    independent_unit: ClassVar[str] = "sample"
    #: Modules whose kernels it calls, for compilation before workers start.
    kernels: ClassVar[tuple[str, ...]] = ()
    #: Parameters that name data to be read; see :meth:`load_data`.
    data_parameters: ClassVar[tuple[str, ...]] = ()

    @property
    @abstractmethod
    def space(self) -> Space:
        """Where configurations live."""

    @property
    @abstractmethod
    def units(self) -> Units:
        """Normalisation of the energy."""

    @property
    def n_dof(self) -> int:
        """Number of degrees of freedom: coordinates of a configuration."""
        return self.space.n

    @property
    def blocks(self) -> tuple[int, ...]:
        """Sizes of the groups of coordinates that are scaled apart (layers); one group unless a landscape says more."""
        return getattr(self.space, "sizes", (self.space.n,))

    @classmethod
    def task_memory_bytes(cls, table: Mapping[str, Any], replicas: int) -> int:
        """About what a task on this landscape allocates in bytes; by default some copies of the configurations.

        ``table`` is a resolved one.
        """
        return 32 * replicas * int(table.get("n", 1))

    @classmethod
    def task_kernels(cls, table: Mapping[str, Any], products: bool) -> tuple[str, ...]:
        """Modules whose kernels a task on this landscape calls, with Hessian–vector ``products`` or without."""
        return (*cls.kernels, *(getattr(cls, "hvp_kernels", ()) if products else ()))

    @classmethod
    def withheld(cls, table: Mapping[str, Any]) -> dict[type, str]:
        """Capabilities of the class that a landscape of this resolved table lacks, each with what would give it."""
        return {}

    @classmethod
    def refuse_oversize(cls, table: Mapping[str, Any]) -> None:
        """Raise an InputError where this machine cannot hold the landscape of a resolved table; as load_data, once."""

    @classmethod
    def load_data(cls, table: Mapping[str, Any]) -> None:
        """Read the data that a resolved table names, or raise an InputError: asked once, before many tasks start."""

    def start(self, replicas: int, rng: np.random.Generator) -> np.ndarray:
        """Configurations at infinite temperature (glass) or at initialisation (network), ``(replicas, n)``."""
        return self.space.sample(replicas, rng)

    def check(self, x: np.ndarray) -> np.ndarray:
        """Return ``x`` as a C-ordered float64 block, or refuse a wrong shape."""
        block = np.ascontiguousarray(x, dtype=np.float64)
        if block.ndim != 2 or block.shape[1] != self.space.n:
            raise InputError(
                f"configurations of shape {np.shape(x)} given to {type(self).__name__}: "
                f"expected (replicas, {self.space.n})"
            )
        return block


class Energy(Landscape):
    """Capability: an energy for every configuration."""

    @abstractmethod
    def energy(self, x: np.ndarray) -> np.ndarray:
        """Extensive energy, shape ``(replicas,)``."""

    def energy_density(self, x: np.ndarray) -> np.ndarray:
        """Energy per unit (spin, pattern), shape ``(replicas,)``."""
        return self.energy(x) / self.units.n_units


class Subspace(Protocol):
    """Directions with an orthonormal basis, in flat space."""

    dimension: int

    def project(self, v: np.ndarray) -> np.ndarray:
        """Coordinates ``(dimension,)`` of the part of ``v`` (n,) in the subspace."""

    def embed(self, v: np.ndarray) -> np.ndarray:
        """The vector (n,) with the coordinates ``v`` (dimension,)."""


class Differentiable(Energy):
    """Capability: gradient and Hessian–vector product in the embedding coordinates."""

    #: Modules whose kernels only :meth:`hvp` calls, compiled beforehand where something ``needs_hvp``.
    hvp_kernels: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def gradient(self, x: np.ndarray) -> np.ndarray:
        """Euclidean gradient ∇H, shape ``(replicas, n)``."""

    @abstractmethod
    def hvp(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Euclidean Hessian times ``v``, shape ``(replicas, n)``."""

    def energy_and_gradient(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both at once, where that is cheaper."""
        return self.energy(x), self.gradient(x)

    def riemannian_gradient(self, x: np.ndarray) -> np.ndarray:
        """Tangent gradient on the landscape's space, shape ``(replicas, n)``."""
        x = self.check(x)
        return self.space.riemannian_gradient(x, self.gradient(x))

    def riemannian_hvp(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Riemannian Hessian times ``v``, shape ``(replicas, n)``."""
        x, v = self.check(x), self.check(v)
        tangent = np.ascontiguousarray(self.space.project(x, v))
        return self.space.riemannian_hvp(x, tangent, self.gradient(x), self.hvp(x, tangent))

    def hvp_block(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Euclidean Hessian at ONE configuration ``x`` (n,) times each row of ``v`` (directions, n): the same shape.

        The default repeats the configuration; a landscape that can share work among the directions overrides it.
        """
        return self.hvp(np.repeat(np.reshape(x, (1, -1)), len(v), axis=0), v)

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """Dense Euclidean Hessian at ONE configuration ``x`` of shape (n,): shape ``(n, n)``.

        The default builds it from n Hessian–vector products, in blocks of 64 directions; a landscape that knows
        a cheaper way overrides it.
        """
        n = self.space.n
        x = self.check(np.atleast_2d(x))
        matrix = np.empty((n, n))
        for first in range(0, n, 64):
            block = np.zeros((min(64, n - first), n))
            block[np.arange(len(block)), np.arange(first, first + len(block))] = 1.0
            matrix[first : first + len(block)] = self.hvp_block(x[0], block)
        return 0.5 * (matrix + matrix.T)

    def active_hessian(self, x: np.ndarray) -> tuple[np.ndarray, Subspace | None]:
        """The Hessian of :meth:`hessian` on a subspace outside which it is known to vanish; None: on all of space.

        A landscape in flat space that knows directions along which its energy is constant everywhere overrides it:
        the spectrum is that of the smaller matrix and as many zeros.
        """
        return self.hessian(x), None


class SumOfTerms(Differentiable):
    """Capability: an energy that is a sum over terms (patterns), E = Σ_μ ℓ_μ, open to minibatches."""

    @property
    @abstractmethod
    def n_terms(self) -> int:
        """Number of terms P."""

    @classmethod
    def terms_of(cls, table: Mapping[str, Any]) -> int | None:
        """The most terms that a landscape of this resolved table can have; None where only the data tell."""
        return None

    @abstractmethod
    def energy_terms(self, x: np.ndarray) -> np.ndarray:
        """ℓ_μ for each replica, shape ``(replicas, n_terms)``."""

    @abstractmethod
    def gradient_batch(self, x: np.ndarray, terms: np.ndarray) -> np.ndarray:
        """Σ_{μ in batch} ∇ℓ_μ, shape ``(replicas, n)``; ``terms`` is int64 of shape ``(replicas, batch)``."""

    def gradient_terms(self, x: np.ndarray, terms: np.ndarray | None = None) -> np.ndarray:
        """∇ℓ_μ of single terms, shape ``(replicas, n_terms, n)``; with ``terms`` (count,) of these in their order.

        The default asks for batches of one term; a landscape that knows a cheaper way overrides it. 8 bytes for each
        entry.
        """
        x = self.check(x)
        terms = np.arange(self.n_terms) if terms is None else np.asarray(terms, dtype=np.int64)
        found = np.empty((len(x), len(terms), self.space.n))
        for row, gradients in zip(x, found, strict=True):
            for first in range(0, len(terms), 64):
                some = terms[first : first + 64, None]
                gradients[first : first + 64] = self.gradient_batch(np.repeat(row[None], len(some), axis=0), some)
        return found

    def minibatch_steps(
        self, x: np.ndarray, velocity: np.ndarray, terms: np.ndarray, learning_rate: float, momentum: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Steps of v ← momentum·v − (learning_rate/batch)·Σ_{μ in batch} ∇ℓ_μ;  x ← x + v.

        ``terms`` has shape ``(steps, replicas, batch)``. New arrays are returned. A landscape may fuse the loop
        into one kernel; it must then give the same bits for any splitting of the steps.
        """
        x, velocity = np.array(x), np.array(velocity)
        for batch in terms:
            velocity *= momentum
            velocity -= (learning_rate / batch.shape[1]) * self.gradient_batch(x, batch)
            x += velocity
        return x, velocity


class LocalMoves(Energy):
    """Capability: the energy change of a local move on a discrete space."""

    @abstractmethod
    def delta_energy(self, x: np.ndarray, site: np.ndarray) -> np.ndarray:
        """E(x with ``site`` flipped) − E(x), shape ``(replicas,)``."""

    def flip_sites(self, x: np.ndarray, sites: np.ndarray, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Propose single flips one after another: made where the energy changes by at most a threshold.

        Parameters
        ----------
        x : ndarray (replicas, n)
            Left as it is.
        sites : ndarray (steps, replicas) or (steps, 1), int64
            The site that each replica proposes in each step; one column: the same for all.
        thresholds : ndarray (steps, replicas)

        Returns
        -------
        x : ndarray (replicas, n)
        flips : ndarray (replicas,), int64
            How many were made.

        Notes
        -----
        A landscape may compile the loop; any splitting of the steps must then give the same configurations.
        """
        x, flips = np.array(x), np.zeros(len(x), dtype=np.int64)
        replicas = np.arange(len(x))
        for site, threshold in zip(np.broadcast_to(sites, thresholds.shape), thresholds, strict=True):
            good = self.delta_energy(x, site) <= threshold
            x[replicas[good], site[good]] *= -1
            flips += good
        return x, flips


class HalfSpaces(Energy):
    """Capability: an energy on a sphere that counts violated linear constraints, E(x) = #{μ: c_μ·x < 0}."""

    @property
    @abstractmethod
    def half_spaces(self) -> np.ndarray:
        """The rows c_μ, float64, C-ordered, shape ``(P, n)``; not to be written to."""


class Levels(Landscape):
    """Capability: an energy for each index of a discrete set."""

    @abstractmethod
    def level(self, index: np.ndarray) -> np.ndarray:
        """Energy of each index (uint64), same shape."""


class Signal(Landscape):
    """Capability: a hidden configuration, with which overlaps are measured."""

    @property
    @abstractmethod
    def signal(self) -> np.ndarray:
        """The hidden configuration, shape ``(n,)``."""


def require(
    consumer: str,
    landscape: Landscape | type[Landscape],
    capabilities: Iterable[type],
    table: Mapping[str, Any] | None = None,
) -> None:
    """Refuse, by name and before the run, a landscape (or a class of them) that lacks a capability.

    With its resolved ``table``, also one whose parameters leave a capability of the class out.
    """
    capabilities = tuple(capabilities)
    kind = landscape if isinstance(landscape, type) else type(landscape)
    missing = [c.__name__ + (f" ({c.met_by})" if "met_by" in vars(c) else "")
               for c in capabilities if not issubclass(kind, c)]  # fmt: skip
    if missing:
        known = (Energy, Differentiable, SumOfTerms, LocalMoves, HalfSpaces, Levels)
        offered = [c.__name__ for c in known if issubclass(kind, c)]
        raise CapabilityError(
            f"{consumer} needs {' and '.join(missing)}, which {kind.__name__} does not offer "
            f"(it offers {', '.join(offered) or 'none'}): choose another landscape or leave {consumer} out"
        )
    for capability, remedy in ({} if table is None else kind.withheld(table)).items():
        if capability in capabilities:
            raise CapabilityError(
                f"{consumer} needs {capability.__name__}, which this {kind.__name__} does not have: {remedy}"
            )
