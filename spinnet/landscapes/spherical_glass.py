"""The spherical p-spin glass, pure or mixed, with all couplings stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from spinnet.configurable import one_of, real_number, whole_number
from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable, Units
from spinnet.landscapes.couplings import DenseCouplings, refuse_oversize
from spinnet.memory import available_memory
from spinnet.spaces import Sphere

MAX_DEGREE = 6
#: Indices are 32-bit and the dense Hessian is n × n; dense couplings stop far below this.
MAX_N = 65536

_REFUSED = {
    0: "a term of degree 0 is a constant: it moves no state",
    1: "a term of degree 1 is a random external field: it magnetises every state, so that replicas overlap at every "
    "temperature and the transitions of the glass are gone",
}


def check_covariance(covariance: Any) -> dict[int, float]:
    """Amplitudes {p: a_p} with whole p from 2 to 6 and a_p > 0, sorted by p; keys may be text."""
    if not isinstance(covariance, Mapping) or not covariance:
        raise InputError(f"covariance = {covariance!r}: give a table of amplitudes, for example {{3: 1.0}}")
    amplitudes = {}
    for key, value in covariance.items():
        try:
            degree = whole_number("degree", float(key) if isinstance(key, str) else key)
        except (InputError, ValueError):
            raise InputError(f"covariance has the degree {key!r}: degrees are whole numbers from 2") from None
        if degree in _REFUSED:
            raise InputError(f"covariance has the degree {degree}: {_REFUSED[degree]}; use degrees 2 to {MAX_DEGREE}")
        if degree > MAX_DEGREE:
            raise InputError(f"covariance has the degree {degree}: degrees 2 to {MAX_DEGREE} are simulated")
        if degree in amplitudes:
            raise InputError(f"covariance names the degree {degree} twice")
        amplitudes[degree] = real_number(f"covariance of degree {degree}", value, above=0.0)
    return dict(sorted(amplitudes.items()))


class SphericalGlass(Differentiable):
    """Spherical p-spin glass, H(σ) = −Σ_p Σ_{i₁≤…≤i_p} J σ_{i₁} … σ_{i_p} on |σ|² = N.

    The couplings are Gaussian with variance a_p² p!/(2 N^{p−1} Π m!), m the multiplicities of the indices: the
    covariance is exactly

        E[H(σ) H(σ′)] = N f(q),   f(q) = ½ Σ_p a_p² q^p,   q = σ·σ′/N,

    at every N and for every pair of real vectors, hence rotation invariant. (The sum over i₁ < … < i_p has this only
    up to O(1/N).) In these units the pure p = 3 model has its threshold at the energy density −1.1547 and its ground
    state at −1.1717.

    Parameters
    ----------
    n : int
        Number N of spins.
    covariance : mapping
        Amplitudes {p: a_p}, a_p > 0, for degrees p from 2 to 6; {3: 1.0} is the pure 3-spin model.
    seed, sample : int
        The disorder: each (seed, sample) is an independent set of couplings.
    couplings : {"dense"}
        All unique couplings are stored.
    dtype : {"float32", "float64"}
        Of the couplings and the products with them; the same disorder, rounded. Sums over many products, states and
        results are float64. Relative error of a gradient: a few 1e-7 or 1e-15.
    threads : int
        Threads for one call. Results do not depend on it.

    Raises
    ------
    InputError
        For values that are not allowed, and for couplings that do not fit in the available memory.

    Notes
    -----
    Configurations need not lie on the sphere: H is the polynomial above on all of R^N. A block of replicas shares one
    pass over the couplings: N^p/p! numbers read, 2 multiply-adds with each per replica for a gradient. Results are the
    same bits in every call with the same block; a replica alone and in a block agrees to rounding.

    References
    ----------
    Crisanti and Sommers, Z. Phys. B 87, 341 (1992); for the ordered-tuple form: Auffinger, Ben Arous and Černý,
    Commun. Pure Appl. Math. 66, 165 (2013), whose covariance is N ξ(q) with ξ = 2f.
    """

    independent_unit = "sample"
    kernels = ("spinnet.kernels.spherical_glass",)
    hvp_kernels = ("spinnet.kernels.spherical_glass_tangent",)

    def __init__(
        self,
        n: int,
        covariance: Mapping[int, float] | None = None,
        seed: int = 0,
        sample: int = 0,
        couplings: str = "dense",
        dtype: str = "float32",
        threads: int = 1,
    ):
        checked = self.validate(
            n=n, covariance=covariance, seed=seed, sample=sample, couplings=couplings, dtype=dtype
        )
        self.n: int = checked["n"]
        self.covariance: dict[int, float] = checked["covariance"]
        self.seed: int = checked["seed"]
        self.sample: int = checked["sample"]
        self.couplings: str = checked["couplings"]
        self.dtype: str = checked["dtype"]
        self.threads: int = whole_number("threads", threads, minimum=1)
        self._space = Sphere(self.n)
        refuse_oversize(self.n, tuple(self.covariance), self.dtype, available_memory())
        self.terms = [
            DenseCouplings(self.n, p, a, self.seed, self.sample, self.dtype) for p, a in self.covariance.items()
        ]

    @classmethod
    def validate(cls, **parameters: Any) -> dict[str, Any]:
        """Check values without allocating; see :class:`spinnet.configurable.Configurable`."""
        checked = dict(parameters)
        checked["n"] = whole_number("n", parameters["n"], minimum=1)
        if checked["n"] > MAX_N:
            raise InputError(f"n = {parameters['n']!r}: dense couplings are for n up to {MAX_N}")
        given = parameters.get("covariance")
        checked["covariance"] = check_covariance({3: 1.0} if given is None else given)
        checked["seed"] = whole_number("seed", parameters.get("seed", 0))
        checked["sample"] = whole_number("sample", parameters.get("sample", 0))
        checked["couplings"] = one_of("couplings", parameters.get("couplings", "dense"), ("dense",))
        checked["dtype"] = one_of("dtype", parameters.get("dtype", "float32"), ("float32", "float64"))
        return checked

    @classmethod
    def memory_bytes(cls, n: int, covariance: Mapping[int, float], dtype: str = "float32") -> int:
        """Bytes of dense couplings, for planning; nothing is allocated."""
        return sum(DenseCouplings.n_bytes(n, p, dtype) for p in check_covariance(covariance))

    @classmethod
    def task_memory_bytes(cls, table: Mapping[str, Any], replicas: int) -> int:
        """Couplings, and the dense Hessian with LAPACK's copies of it."""
        return cls.memory_bytes(table["n"], table["covariance"], table["dtype"]) + 4 * 8 * table["n"] ** 2

    @property
    def space(self) -> Sphere:
        """The sphere |σ|² = N."""
        return self._space

    @property
    def units(self) -> Units:
        """Energies are per spin."""
        return Units(self.n, "spin")

    @property
    def n_couplings(self) -> int:
        """Number of independent couplings, Σ_p C(N + p − 1, p)."""
        return sum(DenseCouplings.count(self.n, p) for p in self.covariance)

    def check(self, x: np.ndarray) -> np.ndarray:
        """As the base class does; read-only arrays, another type to the kernels, are copied."""
        return np.require(super().check(x), requirements=("C", "A", "W"))

    def energy(self, x: np.ndarray) -> np.ndarray:
        """H per replica, extensive. Costs a gradient: H = Σ_p σ·∇H_p/p."""
        return self.energy_and_gradient(x)[0]

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """∇H in R^N, ``(replicas, n)``, one pass over the couplings."""
        x = self.check(x)
        parts = [term.gradient(x, self.threads) for term in self.terms]
        return parts[0] if len(parts) == 1 else sum(parts)

    def energy_and_gradient(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """H and ∇H from one pass over the couplings."""
        x = self.check(x)
        parts = [term.gradient(x, self.threads) for term in self.terms]
        energy = sum(np.einsum("ri,ri->r", x, part) / term.degree for term, part in zip(self.terms, parts, strict=True))
        return energy, parts[0] if len(parts) == 1 else sum(parts)

    def hvp(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """∇²H(x) v in R^N for each replica, one pass over the couplings (about two gradients' work)."""
        x, v = self.check(x), self.check(v)
        if x.shape != v.shape:
            raise InputError(f"{x.shape[0]} configurations and {v.shape[0]} directions: give one direction for each")
        return sum(term.hvp(x, v, self.threads) for term in self.terms)

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """Dense ∇²H in R^N at ONE configuration ``x`` of shape (n,), (n, n); one pass over the couplings, O(N^p)."""
        state = self.check(np.atleast_2d(x))
        if state.shape[0] != 1:
            raise InputError(f"{state.shape[0]} configurations given: the dense Hessian is computed at one")
        return sum(term.hessian(state[0]) for term in self.terms)
