"""Couplings on a random hypergraph: the diluted spherical glass, with no couplings in memory."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from spinnet.configurable import one_of, real_number
from spinnet.errors import InputError
from spinnet.kernels import diluted_couplings as kernels
from spinnet.kernels import diluted_couplings_tangent as tangent_kernels
from spinnet.kernels import diluted_terms
from spinnet.kernels._threads import run_chunks
from spinnet.randomness import counter_keys, stream

#: More terms than this, and one gradient of one state takes minutes.
MAX_TERMS = 1 << 36
#: Blocks are given at least this many terms where that is possible: a change of ranges then costs little.
_TERMS_PER_BLOCK = 3000
_LEAST_BITS, _MOST_BITS = 4, 10
#: Chunks to share among threads, of at least this many terms per site; large systems have fewer, each has a gradient.
_CHUNKS, _CHUNKS_OF_LARGE, _LARGE = 16, 8, 16384
_CHUNK_TERMS_PER_SITE = 32
_TERMS_LISTED_AT_ONCE = 1 << 20


def condensation(x: np.ndarray) -> np.ndarray:
    """Σ_i σ_i⁴/N of each configuration ``(replicas, n)`` with |σ|² = N: how few spins carry it.

    3N/(N + 2) on average over the sphere, 1 for σ_i = ±1, N/m where m spins share all of |σ|²: of order N in a
    condensed state.
    """
    x = np.atleast_2d(x)
    return np.einsum("ri,ri,ri,ri->r", x, x, x, x, optimize=False) / x.shape[1]


def star_energy_density(n: int, degree: int, terms: int) -> float:
    """Energy density that a state gains by condensing on the largest *star* of a diluted glass of amplitude 1.

    A star is the set of the d terms that share p − 1 spins; d is taken as the largest number that some of the
    C(N, p−1) sets is expected to have, each a Poisson number of mean M p/C(N, p−1). With |σ|² = N/p on each of the
    shared spins and on all the others together,

        e = −J √d (N/p)^{p/2}/N,   J = √(E J²).

    Where this lies below the threshold energy −√(2(p−1)/p) of the glass, the lowest states are condensed.
    """
    sets = math.comb(n, degree - 1)
    mean = terms * degree / sets

    def expected(d: int) -> float:
        """About the number of sets with d terms or more, for d above the mean."""
        log_chance = d * math.log(mean) - mean - math.lgamma(d + 1) - math.log1p(-mean / (d + 1))
        return sets * math.exp(min(log_chance, 0.0))

    low = max(1, math.ceil(mean))
    high = 2 * low + 64
    while expected(high) >= 1.0:
        high *= 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if expected(middle) >= 1.0 else (low, middle)
    return -_deviation(n, degree, terms) * math.sqrt(low) * (n / degree) ** (degree / 2) / n


def _deviation(n: int, degree: int, terms: int) -> float:
    """√(E J²) at amplitude 1."""
    raised = math.prod(1.0 + 2.0 * k / n for k in range(degree))
    return math.sqrt(0.5 * n * raised / terms)


def _terms(n: int, degree: int, connectivity: float | None, terms_per_spin: float | None) -> int:
    if terms_per_spin is not None:
        return round(terms_per_spin * n)
    # Exact for whole connectivities of any size.
    value = 1.0 if connectivity is None else connectivity
    return int(value) * n ** (degree - 1) if value == int(value) else round(value * float(n) ** (degree - 1))


def _bits(n: int, degree: int, terms: int) -> int:
    """log₂ of the width of a range: blocks of distinct ranges have about the wanted number of terms."""
    edges = math.comb(n, degree)
    wanted = (_TERMS_PER_BLOCK * edges / max(terms, 1)) ** (1.0 / degree)
    most = max(_LEAST_BITS, min(_MOST_BITS, (n - 1).bit_length()))
    return min(most, max(_LEAST_BITS, math.ceil(math.log2(max(wanted, 1.0)))))


def _row_table(ranges: int, length: int) -> np.ndarray:
    """All r₁ ≤ … ≤ r_length below ``ranges`` as int32 rows."""
    count = math.comb(ranges + length - 1, length)
    flat = itertools.chain.from_iterable(itertools.combinations_with_replacement(range(ranges), length))
    return np.fromiter(flat, dtype=np.int32, count=count * length).reshape(count, length)


def _hyperedges(table: np.ndarray, first_blocks: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """The number of hyperedges of each block, Π over its ranges C(width, how often the range occurs), as float64."""

    def choose(width, times):
        value = np.ones(np.broadcast(width, times).shape)
        for k in range(int(times.max(initial=0))):
            value *= np.where(times > k, (width - k) / (k + 1.0), 1.0)
        return np.maximum(value, 0.0)

    rows, length = table.shape
    # ``closed``: of the ranges before the last one of the row, which occurs ``times`` times.
    closed, times = np.ones(rows), np.ones(rows)
    for m in range(1, length):
        same = table[:, m] == table[:, m - 1]
        closed *= np.where(same, 1.0, choose(widths[table[:, m - 1]], times))
        times = np.where(same, times + 1, 1.0)
    lasts = widths[table[:, -1]]
    row = np.repeat(np.arange(rows), np.diff(first_blocks))
    last = table[row, -1] + np.arange(first_blocks[-1]) - first_blocks[row]
    found = (closed * choose(lasts, times))[row] * widths[last]
    found[first_blocks[:-1]] = closed * choose(lasts, times + 1)
    return found


class DilutedCouplings:
    """M random terms out of the C(N, p) with p different spins, on the sphere a model with the covariance N f(q).

    Every term is drawn by itself, uniformly from all sets of p different spins, with a coupling ±J or, for Gaussian
    weights, N(0, J²). M is exact; by chance a set may be drawn twice (a fraction of about c p!/2N of the terms). With

        H = −Σ_{t=1}^{M} J_t σ_{i₁(t)} … σ_{i_p(t)},   E J_t² = a² (N/2M) Π_{k<p} (1 + 2k/N),

    the covariance over graphs and signs is, at every N and for every pair of real vectors,

        E[H(σ) H(σ′)] = (a²N/2) Π_{k<p} (1 + 2k/N) · e_p(σσ′)/C(N, p),

    e_p the elementary symmetric polynomial of the N products σ_i σ′_i. That is N f(q) to leading order, f(q) = ½a²q^p,
    with corrections O(1/N) that depend on the states; the factor makes the mean of Var H over the sphere exactly
    N f(1). (On σ_i = ±1, Var H is N f(1) times that factor.) With signs as couplings H is Gaussian only for large N.
    The model is not rotation invariant. The mean of |g_T|²/N, the first slope of gradient flow from random starts, is
    f′(1) (1 + (p − 2)/N).

    Parameters
    ----------
    n, degree, amplitude : N, p and a
    seed, sample : the disorder
    dtype : "float32" or "float64"
        Of the products with couplings; the same disorder. Sums over many products and results are float64.
    connectivity : float
        c in M = c N^{p−1}, default 1: a spin is then in about c p N^{p−2} terms.
    terms_per_spin : float
        M/N instead of the connectivity. With M of order N and p ≥ 3 the spins of a few terms carry a whole state,
        Σσ⁴/N ~ N (:func:`condensation`): refused unless forced.
    weights : {"binary", "gaussian"}
    force : bool
        Take also connectivities at which states condense.

    Raises
    ------
    InputError
        For fewer spins than p, for more than 2³⁶ terms, and, unless forced, for terms_per_spin (p ≥ 3) and for so few
        terms that the state on the largest star lies below the threshold energy (:func:`star_energy_density`).

    Notes
    -----
    Nothing is stored but the number of terms of each block of spins, drawn from its multinomial law (some MB); terms
    are made again from a hash of (seed, block, number) whenever they are needed, in an order in which the spins of
    successive terms are near one another in memory. A gradient costs O(M) per replica, replicas share the making.
    Results are the same bits in every call with the same block and for every number of threads; a replica alone and in
    a block agrees to rounding (single precision: a few 1e-7 of the largest component, double: 1e-15).

    References
    ----------
    A diluted spherical model in use: Folena, Franz and Ricci-Tersenghi, arXiv:2007.07776 (2020).
    """

    kernels: tuple[str, ...] = ("spinnet.kernels.diluted_couplings",)
    hvp_kernels: tuple[str, ...] = ("spinnet.kernels.diluted_couplings_tangent", "spinnet.kernels.diluted_terms")
    degrees: tuple[int, ...] = (2, 3, 4, 5, 6)

    def __init__(
        self,
        n: int,
        degree: int,
        amplitude: float,
        seed: int,
        sample: int,
        dtype: str,
        connectivity: float | None = None,
        terms_per_spin: float | None = None,
        weights: str = "binary",
        force: bool = False,
    ):
        options = self.check(n, degree, connectivity, terms_per_spin, weights, force)
        self.n = n
        self.degree = degree
        self.n_terms = _terms(n, degree, options["connectivity"], options["terms_per_spin"])
        self._dtype = np.dtype(dtype)
        self._gaussian = int(weights == "gaussian")
        # H has the minus sign; kernels sum weights of variance one.
        self._scale = -amplitude * _deviation(n, degree, self.n_terms)
        self._bits = _bits(n, degree, self.n_terms)
        ranges = -(-n >> self._bits)
        widths = np.minimum(1 << self._bits, n - (np.arange(ranges) << self._bits)).astype(float)
        self._table = _row_table(ranges, degree - 1)
        self._first_blocks = np.concatenate([[0], np.cumsum(ranges - self._table[:, -1].astype(np.int64))])
        edges = _hyperedges(self._table, self._first_blocks, widths)
        rng = stream(seed, "diluted couplings", n, degree, sample)
        self._counts = rng.multinomial(self.n_terms, edges / edges.sum())
        self._keys = counter_keys(seed, 2, "diluted couplings", n, degree, sample)
        self._bounds = self._chunk_bounds()

    def _chunk_bounds(self) -> np.ndarray:
        """Where chunks of about equal numbers of terms begin in the list of rows."""
        before = np.concatenate([[0], np.cumsum(self._counts)])[self._first_blocks]
        most = _CHUNKS if self.n <= _LARGE else _CHUNKS_OF_LARGE
        chunks = min(most, max(1, self.n_terms // (_CHUNK_TERMS_PER_SITE * self.n)))
        inside = np.searchsorted(before, np.arange(1, chunks) * (self.n_terms / chunks))
        return np.unique(np.concatenate([[0], inside, [len(self._table)]])).astype(np.int64)

    @staticmethod
    def check(
        n: int,
        degree: int,
        connectivity: float | None = None,
        terms_per_spin: float | None = None,
        weights: str = "binary",
        force: bool = False,
    ) -> dict[str, Any]:
        """The options in one form, checked without allocating anything; see the class for what is refused."""
        one_of("weights", weights, ("binary", "gaussian"))
        one_of("force", force, (True, False))
        if connectivity is not None and terms_per_spin is not None:
            raise InputError("connectivity and terms_per_spin are both given: give one of them")
        if terms_per_spin is None:
            connectivity = real_number("connectivity", 1.0 if connectivity is None else connectivity, above=0.0)
            given = f"connectivity = {connectivity:g}"
        else:
            terms_per_spin = real_number("terms_per_spin", terms_per_spin, above=0.0)
            given = f"terms_per_spin = {terms_per_spin:g}"
        if n < degree:
            raise InputError(f"n = {n}: diluted couplings of degree {degree} join {degree} different spins")
        terms = _terms(n, degree, connectivity, terms_per_spin)
        if not 1 <= terms <= MAX_TERMS:
            raise InputError(
                f"{given} with n = {n} and degree {degree} makes {terms:.3g} terms: "
                + ("give more" if terms < 1 else f"at most 2^36 = {MAX_TERMS:.3g} are summed, connectivity up to "
                   f"{MAX_TERMS / float(n) ** (degree - 1):.3g}")
            )  # fmt: skip
        if not force:
            _refuse_condensing(n, degree, terms, given, linear=terms_per_spin is not None and degree > 2)
        return {
            "connectivity": connectivity, "terms_per_spin": terms_per_spin, "weights": weights, "force": bool(force)
        }  # fmt: skip

    @staticmethod
    def n_bytes(
        n: int,
        degree: int,
        dtype: str,
        connectivity: float | None = None,
        terms_per_spin: float | None = None,
        weights: str = "binary",
        force: bool = False,
    ) -> int:
        """Memory of the tables, computed without allocating anything: independent of ``dtype``, no term is stored."""
        if n < degree:
            return 0
        bits = _bits(n, degree, _terms(n, degree, connectivity, terms_per_spin))
        ranges = -(-n >> bits)
        rows, blocks = (math.comb(ranges + length - 1, length) for length in (degree - 1, degree))
        return 4 * (degree - 1) * rows + 8 * (rows + 1) + 8 * blocks

    @staticmethod
    def count(
        n: int,
        degree: int,
        connectivity: float | None = None,
        terms_per_spin: float | None = None,
        weights: str = "binary",
        force: bool = False,
    ) -> int:
        """Number of terms M."""
        return _terms(n, degree, connectivity, terms_per_spin)

    def terms(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All terms, some rows of blocks at a time: sites ``(terms, p)`` int32, and −J, the coefficients of H."""
        totals = np.concatenate([[0], np.cumsum(self._counts)])[self._first_blocks]
        row = 0
        while row < len(self._table):
            stop = int(np.searchsorted(totals, totals[row] + _TERMS_LISTED_AT_ONCE, side="right")) - 1
            stop = min(max(stop, row + 1), len(self._table))
            count = int(totals[stop] - totals[row])
            indices, values = np.empty((count, self.degree), dtype=np.int32), np.empty(count)
            starts, words, weights = self._piece()
            diluted_terms.list_terms(
                self._keys, self._counts, self._table, self._first_blocks, self._bits, self.n, self._gaussian, row,
                stop, starts, words, weights, indices, values,
            )  # fmt: skip
            yield indices, self._scale * values
            row = stop

    def _piece(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        words, weights = np.empty(diluted_terms.PIECE, dtype=np.uint64), np.empty(diluted_terms.PIECE_WEIGHTS)
        return np.empty(self.degree, dtype=np.int64), words, weights

    def _contract(self, entry, vectors: tuple[np.ndarray, ...], threads: int) -> np.ndarray:
        replicas = len(vectors[0])
        chunks = len(self._bounds) - 1
        if replicas == 0:
            return np.empty((0, self.n))
        partials = np.empty((chunks, replicas, self.n))

        def start():
            space = kernels.workspace(self.n, self.degree, replicas, len(vectors), self._dtype)
            return lambda first, last: entry(
                self._keys, self._counts, self._table, self._first_blocks, self._bounds, self._bits, self._gaussian,
                first, last, *vectors, *space, partials,
            )  # fmt: skip

        run_chunks(start, chunks, threads)
        total = partials[0]
        for part in partials[1:]:
            total += part
        total *= self._scale
        return total

    def gradient(self, x: np.ndarray, threads: int = 1) -> np.ndarray:
        """∇H_p for a block of replicas ``(replicas, n)``."""
        return self._contract(kernels.contract, (x,), threads)

    def hvp(self, x: np.ndarray, v: np.ndarray, threads: int = 1) -> np.ndarray:
        """∇²H_p(x) v for a block of replicas."""
        return self._contract(tangent_kernels.contract_tangent, (x, v), threads)

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """∇²H_p at one configuration ``(n,)``: ``(n, n)``, in double precision."""
        half = np.zeros((self.n, self.n))
        starts, words, weights = self._piece()
        diluted_terms.add_hessian(
            self._keys, self._counts, self._table, self._first_blocks, self._bits, self._gaussian, starts, words,
            weights, np.empty(self.degree, dtype=np.int64), x, half,
        )  # fmt: skip
        half *= self._scale
        return half + half.T


def _refuse_condensing(n: int, degree: int, terms: int, given: str, linear: bool) -> None:
    """Raise where the lowest states are not those of a glass."""
    remedy = "or force = true, with Σσ⁴/N beside every result"
    if linear:
        raise InputError(
            f"{given}: with O(N) terms of degree {degree} on the sphere the spins of a few terms carry a whole state "
            f"(Σσ⁴/N ~ N) and its energy is no glass's; give connectivity = c for M = c N^{degree - 1} terms, {remedy}"
        )
    threshold = -math.sqrt(2.0 * (degree - 1) / degree)
    energy = star_energy_density(n, degree, terms)
    if energy < threshold:
        low, high = terms, math.comb(n, degree) + terms
        while high > low * 1.01 + 1:
            middle = (low + high) // 2
            low, high = (middle, high) if star_energy_density(n, degree, middle) < threshold else (low, middle)
        raise InputError(
            f"{given} with n = {n} and degree {degree}: a state condensed on the terms that share {degree - 1} spins "
            f"has the energy density {energy:.3g}, below the threshold {threshold:.3g} of the glass; connectivity from "
            f"{high / float(n) ** (degree - 1):.2g}, {remedy}"
        )
