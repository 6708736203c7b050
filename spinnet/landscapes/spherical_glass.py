"""The spherical p-spin glass, pure or mixed, with signals and fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from spinnet.configurable import one_of, real_number, whole_number
from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes import coupling_kinds
from spinnet.landscapes.base import Differentiable, Signal, Units
from spinnet.landscapes.glass_parameters import (
    SIGNAL_REMEDY,
    check_covariance,
    check_field_direction,
    check_planted,
    check_planted_temperature,
    check_start,
)
from spinnet.landscapes.glass_signals import OverlapTerm, configurations_at, draw_direction
from spinnet.memory import available_memory
from spinnet.spaces import Sphere

#: Indices are 32-bit and the dense Hessian is n × n; dense couplings stop far below this.
MAX_N = 65536
#: Up to this size a task may make the dense Hessian (the default limit of the probe that does).
_LARGEST_DENSE_HESSIAN = 5000
#: Arrays of the size of a block of replicas that a task holds: partial sums of a gradient, states, and their copies.
_BLOCKS = 26


#: Parameters that came after results had been stored, and their usual values: at these they are left out of a resolved
#: table, so that the identities and random streams of tasks without them stay what they were.
_USUAL = {
    **coupling_kinds.OPTIONS,
    "planted": {},
    "planted_temperature": None,
    "start_at": "random",
    "field": 0,
    "field_direction": "uniform",
}


class SphericalGlass(Differentiable, Signal):
    """Spherical p-spin glass, H(σ) = −Σ_p Σ_{i₁≤…≤i_p} J σ_{i₁} … σ_{i_p} on |σ|² = N.

    The couplings are Gaussian with variance a_p² p!/(2 N^{p−1} Π m!), m the multiplicities of the indices: the
    covariance is exactly

        E[H(σ) H(σ′)] = N f(q),   f(q) = ½ Σ_p a_p² q^p,   q = σ·σ′/N,

    at every N and for every pair of real vectors, hence rotation invariant. (The sum over i₁ < … < i_p has this only
    up to O(1/N).) In these units the pure p = 3 model has its threshold at the energy density −1.1547 and its ground
    state at −1.1717.

    A hidden signal s, uniform on the sphere, and an external field add energies of one overlap each:

        H(σ) − N Σ_p β₀ₚ ½ a_p² m^p − h √N v·σ,   m = s·σ/N,   |v| = 1.

    With one ratio β₀ for all degrees the signal term is −N β₀ f(m), and at the temperature 1/β₀ the glass is the
    posterior of an observer who knows how s was hidden (the Nishimori line): s is then itself an equilibrium
    configuration, and −β₀ f(1) the mean energy density at every N, of s and at all later times of any dynamics at that
    temperature.

    Parameters
    ----------
    n : int
        Number N of spins.
    covariance : mapping
        Amplitudes {p: a_p}, a_p > 0, for degrees p from 2 to 6; {3: 1.0} is the pure 3-spin model.
    seed, sample : int
        The disorder: each (seed, sample) is an independent set of couplings and an independent signal.
    couplings : {"dense", "binary", "hashed", "diluted"}
        How they are stored. Dense: all unique ones. Binary: signs instead of Gaussian numbers, one bit each; the same
        covariance, other higher moments. Hashed: Gaussian, not stored but made again from (seed, index) in every call.
        Diluted: ±1 on a random hypergraph, not stored either; the same covariance to leading order. Each kind is
        another disorder.
    dtype : {"float32", "float64"}
        Of the couplings and the products with them; the same disorder, rounded. Sums over many products, states and
        results are float64. Relative error of a gradient: a few 1e-7 or 1e-15.
    strict : bool
        Only couplings of different spins, i₁ < … < i_p. The covariance is then N f(q) only up to O(1/N), and depends on
        more than the overlap; see :class:`spinnet.landscapes.couplings.DenseCouplings`. Not for diluted couplings,
        which are always so.
    connectivity, terms_per_spin, weights, force
        Of diluted couplings: see :class:`spinnet.landscapes.diluted_couplings.DilutedCouplings`.
    planted : mapping
        Signal-to-noise ratios {p: β₀ₚ}, 0 or more, for degrees of the covariance. In the units of Ben Arous, Mei,
        Montanari and Nica λ = β₀/2.
    planted_temperature : float
        T₀: all degrees with the ratio 1/T₀, so that the signal is a configuration in equilibrium at T₀. For a
        temperature above the static transition of the glass, where hiding a signal does not change the typical glass
        for large N; a lower one is refused. Configurations begin at the signal unless ``start_at`` says otherwise.
    start_at : {"random", "planted"} or float
        Where configurations begin: anywhere on the sphere, at the signal, or anywhere at this overlap with it, from
        −1 to 1.
    field : float
        h: an energy −h √N v·σ, at most h N, so that h is a force on each spin.
    field_direction : {"uniform", "signal", "random"}
        v: (1, …, 1)/√N, the signal s/√N, or a uniform unit vector that belongs to the disorder.
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
    Commun. Pure Appl. Math. 66, 165 (2013), whose covariance is N ξ(q) with ξ = 2f. Planted states: Krzakala and
    Zdeborová, J. Chem. Phys. 134, 034512 (2011); signals: Richard and Montanari (2014) NIPS 27; Ben Arous, Mei,
    Montanari and Nica, Commun. Pure Appl. Math. 72, 2282 (2019).
    """

    independent_unit = "sample"

    def __init__(
        self,
        n: int,
        covariance: Mapping[int, float] | None = None,
        seed: int = 0,
        sample: int = 0,
        couplings: str = "dense",
        dtype: str = "float32",
        strict: bool = False,
        connectivity: float | None = None,
        terms_per_spin: float | None = None,
        weights: str = "binary",
        force: bool = False,
        planted: Mapping[int, float] | None = None,
        planted_temperature: float | None = None,
        start_at: str | float | None = None,
        field: float = 0.0,
        field_direction: str = "uniform",
        threads: int = 1,
    ):
        checked = self.validate(
            n=n, covariance=covariance, seed=seed, sample=sample, couplings=couplings, dtype=dtype, strict=strict,
            connectivity=connectivity, terms_per_spin=terms_per_spin, weights=weights, force=force, planted=planted,
            planted_temperature=planted_temperature, start_at=start_at, field=field,
            field_direction=field_direction,
        )  # fmt: skip
        self.n: int = checked["n"]
        self.covariance: dict[int, float] = checked["covariance"]
        self.seed: int = checked["seed"]
        self.sample: int = checked["sample"]
        self.couplings: str = checked["couplings"]
        self.dtype: str = checked["dtype"]
        self.strict: bool = checked["strict"]
        self.connectivity: float | None = checked["connectivity"]
        self.terms_per_spin: float | None = checked["terms_per_spin"]
        self.weights: str = checked["weights"]
        self.force: bool = checked["force"]
        self.planted: dict[int, float] = checked["planted"]
        self.planted_temperature: float | None = checked["planted_temperature"]
        self.start_at: str | float = checked["start_at"]
        self.field: float = checked["field"]
        self.field_direction: str = checked["field_direction"]
        self.threads: int = whole_number("threads", threads, minimum=1)
        self._space = Sphere(self.n)
        self.refuse_oversize(checked)
        kind, options = coupling_kinds.load_kind(self.couplings), _options(checked)
        self.terms = [
            kind(self.n, p, a, self.seed, self.sample, self.dtype, **options) for p, a in self.covariance.items()
        ]
        self._signal = draw_direction(self.n, self.seed, "signal", self.sample) if _has_signal(checked) else None
        self.overlap_terms = self._overlap_terms()

    def _overlap_terms(self) -> list[OverlapTerm]:
        """Signal and field, if there are any."""
        ratios = self.planted
        if self.planted_temperature is not None:
            ratios = dict.fromkeys(self.covariance, 1.0 / self.planted_temperature)
        coefficients = {p: 0.5 * ratio * self.covariance[p] ** 2 for p, ratio in ratios.items() if ratio}
        terms = [OverlapTerm(self._signal, coefficients)] if coefficients else []
        if self.field:
            if self.field_direction == "signal":
                direction = self._signal
            elif self.field_direction == "random":
                direction = draw_direction(self.n, self.seed, "field", self.sample)
            else:
                direction = np.ones(self.n)
            terms.append(OverlapTerm(direction, {1: self.field}))
        return terms

    @classmethod
    def resolve(cls, given: Mapping[str, Any], where: str = "") -> dict[str, Any]:
        """As :meth:`spinnet.configurable.Configurable.resolve`; signals and fields that are not there are left out."""
        table = super().resolve(given, where)
        usual = _USUAL if table["planted_temperature"] is None else {**_USUAL, "start_at": "planted"}
        return {name: value for name, value in table.items() if name not in usual or value != usual[name]}

    @classmethod
    def validate(cls, **parameters: Any) -> dict[str, Any]:
        """Check values without allocating; see :class:`spinnet.configurable.Configurable`."""
        checked = dict(parameters)
        n = checked["n"] = whole_number("n", parameters["n"], minimum=2)
        if n > MAX_N:
            raise InputError(f"n = {parameters['n']!r}: glasses are for n up to {MAX_N}")
        given = parameters.get("covariance")
        covariance = checked["covariance"] = check_covariance({3: 1.0} if given is None else given)
        checked["seed"] = whole_number("seed", parameters.get("seed", 0))
        checked["sample"] = whole_number("sample", parameters.get("sample", 0))
        checked["couplings"] = coupling_kinds.check_kind(parameters.get("couplings", "dense"))
        checked["dtype"] = one_of("dtype", parameters.get("dtype", "float32"), ("float32", "float64"))
        checked |= coupling_kinds.check_options(checked["couplings"], parameters, n, tuple(covariance))
        checked["planted"] = check_planted(parameters.get("planted"), covariance)
        temperature = check_planted_temperature(parameters.get("planted_temperature"), covariance)
        if checked["planted"] and temperature is not None:
            raise InputError("planted and planted_temperature both state the signal: give one of them")
        if temperature is not None and (checked["strict"] or checked["couplings"] not in coupling_kinds.EXACT):
            raise InputError(
                f"planted_temperature = {temperature:g}: the signal is in equilibrium only with Gaussian couplings and "
                f"exactly the covariance N f(q); use couplings = {' or '.join(map(repr, coupling_kinds.EXACT))} "
                "without strict, or planted for a signal that is not"
            )
        checked["planted_temperature"] = temperature
        field = checked["field"] = real_number("field", parameters.get("field", 0.0))
        checked["field_direction"] = check_field_direction(parameters.get("field_direction", "uniform"), field)
        checked["start_at"] = check_start(parameters.get("start_at"), _has_signal(checked), temperature)
        return checked

    @classmethod
    def withheld(cls, table: Mapping[str, Any]) -> dict[type, str]:
        """A glass without a signal."""
        return {} if _has_signal(table) else {Signal: SIGNAL_REMEDY}

    @classmethod
    def task_kernels(cls, table: Mapping[str, Any], products: bool) -> tuple[str, ...]:
        """Those of the kind of couplings."""
        kind = coupling_kinds.load_kind(table["couplings"])
        return (*kind.kernels, *(kind.hvp_kernels if products else ()))

    @classmethod
    def refuse_oversize(cls, table: Mapping[str, Any]) -> None:
        """Raise an InputError if the couplings do not fit, with the sizes and the kinds that would; nothing is made."""
        degrees = tuple(check_covariance(table["covariance"]))
        coupling_kinds.refuse_oversize(
            table["couplings"], table["n"], degrees, table["dtype"], _options(table), available_memory()
        )

    @classmethod
    def memory_bytes(
        cls, n: int, covariance: Mapping[int, float], dtype: str = "float32", couplings: str = "dense", **options: Any
    ) -> int:
        """Bytes of the couplings, for planning; nothing is allocated."""
        degrees = tuple(check_covariance(covariance))
        return coupling_kinds.memory_bytes(coupling_kinds.check_kind(couplings), n, degrees, dtype, options)

    @classmethod
    def task_memory_bytes(cls, table: Mapping[str, Any], replicas: int) -> int:
        """Couplings, replicas, and the dense Hessian with LAPACK's copies of it where the probe's limit allows one."""
        n = table["n"]
        arrays = 8 * n * replicas * _BLOCKS + (4 * 8 * n**2 if n <= _LARGEST_DENSE_HESSIAN else 0)
        couplings = cls.memory_bytes(n, table["covariance"], table["dtype"], table["couplings"], **_options(table))
        return couplings + arrays

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
        """Number of couplings: Σ_p C(N + p − 1, p), Σ_p C(N, p) where strict, Σ_p c N^{p−1} of diluted ones."""
        options = _options(vars(self))
        return sum(type(term).count(self.n, term.degree, **options) for term in self.terms)

    @property
    def signal(self) -> np.ndarray:
        """The hidden configuration s, |s|² = N, ``(n,)``; a CapabilityError where nothing is hidden."""
        if self._signal is None:
            raise CapabilityError(f"this SphericalGlass has no signal: {SIGNAL_REMEDY}")
        return self._signal

    def start(self, replicas: int, rng: np.random.Generator) -> np.ndarray:
        """Configurations at ``start_at``, ``(replicas, n)``."""
        if self.start_at == "random":
            return super().start(replicas, rng)
        overlap = 1.0 if self.start_at == "planted" else self.start_at
        return configurations_at(self.signal, overlap, replicas, rng)

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
        return _sum(parts + [term.gradient(x) for term in self.overlap_terms])

    def energy_and_gradient(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """H and ∇H from one pass over the couplings."""
        x = self.check(x)
        parts = [term.gradient(x, self.threads) for term in self.terms]
        energies = [
            np.einsum("ri,ri->r", x, part) / term.degree for term, part in zip(self.terms, parts, strict=True)
        ]
        energies += [term.energy(x) for term in self.overlap_terms]
        return _sum(energies), _sum(parts + [term.gradient(x) for term in self.overlap_terms])

    def hvp(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """∇²H(x) v in R^N for each replica, one pass over the couplings (about two gradients' work)."""
        x, v = self.check(x), self.check(v)
        if x.shape != v.shape:
            raise InputError(f"{x.shape[0]} configurations and {v.shape[0]} directions: give one direction for each")
        parts = [term.hvp(x, v, self.threads) for term in self.terms]
        return _sum(parts + [term.hvp(x, v) for term in self.overlap_terms])

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """Dense ∇²H in R^N at ONE configuration ``x`` of shape (n,), (n, n); one pass over the couplings, O(N^p)."""
        state = self.check(np.atleast_2d(x))
        if state.shape[0] != 1:
            raise InputError(f"{state.shape[0]} configurations given: the dense Hessian is computed at one")
        return _sum([term.hessian(state[0]) for term in [*self.terms, *self.overlap_terms]])


def _options(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Those parameters that the kind of couplings takes, of checked ones or of a resolved table of them."""
    return {name: parameters.get(name, _USUAL[name]) for name in coupling_kinds.options_of(parameters["couplings"])}


def _has_signal(parameters: Mapping[str, Any]) -> bool:
    """Whether checked parameters, or a resolved table of them, hide a signal."""
    return bool(
        parameters.get("planted")
        or parameters.get("planted_temperature") is not None
        or parameters.get("field_direction") == "signal"
    )


def _sum(parts: list[np.ndarray]) -> np.ndarray:
    """Their sum, in their order; the first array is used for it."""
    total = parts[0]
    for part in parts[1:]:
        total += part
    return total
