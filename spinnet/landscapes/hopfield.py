"""The Hopfield model: an associative memory whose patterns are minima of an energy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from spinnet.configurable import one_of
from spinnet.errors import InputError
from spinnet.landscapes.indexed_levels import check_disorder
from spinnet.landscapes.packed_patterns import (
    PatternSpins,
    check_load,
    check_size,
    check_start,
    draw_words,
    unpack_signs,
)
from spinnet.memory import available_memory

RULES = ("hebb", "pseudo-inverse")


class HopfieldModel(PatternSpins):
    """N spins with couplings that store P patterns ξ^μ ∈ {±1}^N, H(s) = −½ Σ_ij J_ij s_i s_j, J_ii = 0.

    For i ≠ j, with the patterns' overlaps C_μν = ξ^μ·ξ^ν/N,

        ``"hebb"``            J_ij = (1/N) Σ_μ ξ_i^μ ξ_j^μ
        ``"pseudo-inverse"``  J_ij = (1/N) Σ_μν ξ_i^μ (C⁻¹)_μν ξ_j^ν, a projector but for its diagonal

    so that a pattern has an energy of about −N/2 (pseudo-inverse: −(N − P)/2 exactly). J is never formed for Hebb's
    rule: H = P/2 − (1/2N) Σ_μ (ξ^μ·s)² from whole numbers, the patterns packed in bits. Pattern 0 is the native state,
    with which ``signal_overlap`` is measured.

    Parameters
    ----------
    n : int
        Number N of spins, up to 32 000. Levels have numbers for N ≤ 64 and are listed for N ≤ 28.
    alpha : float
        Load: P = round(αN) patterns, at least one; or else
    patterns : int
        their number P. P N < 2³¹. Patterns are added as P grows, the others stay.
    rule : {"hebb", "pseudo-inverse"}
        The second, for P ≤ N, is the projector on the span of the patterns; it stores J, 8 N² bytes.
    start_at : float
        Overlap with pattern 0 at which replicas start (the nearest that N spins have); 0: uniform configurations.
    seed, sample : int
        The disorder: each (seed, sample) is an independent set of patterns, at each N another one.

    Raises
    ------
    InputError
        For values that are not allowed, and for patterns or couplings that do not fit in memory.

    Notes
    -----
    An energy costs P N/64 popcounts, the change at a flip P additions of 16 bits, P/32 masked vectors (pseudo-inverse:
    N multiply-adds).

    References
    ----------
    Hopfield, Proc. Natl. Acad. Sci. 79, 2554 (1982); Personnaz, Guyon and Dreyfus, J. Physique Lett. 46, L359 (1985).
    Retrieval: :mod:`spinnet.theory.hopfield`.
    """

    def __init__(
        self, n: int, alpha: float | None = None, patterns: int | None = None, rule: str = "hebb",
        start_at: float = 0.0, seed: int = 0, sample: int = 0,
    ):  # fmt: skip
        checked = self.validate(
            n=n, alpha=alpha, patterns=patterns, rule=rule, start_at=start_at, seed=seed, sample=sample
        )
        self.n: int = checked["n"]
        self.alpha: float | None = checked["alpha"]
        self.patterns: int | None = checked["patterns"]
        self.rule: str = checked["rule"]
        self.start_at: float = checked["start_at"]
        self.seed: int = checked["seed"]
        self.sample: int = checked["sample"]
        self.refuse_oversize(checked)
        count = check_load(alpha, patterns, self.n)[2]
        words = draw_words(count, self.n, self.seed, "Hopfield patterns", self.sample)
        self._keep(words, unpack_signs(words[:1], self.n)[0])
        self._couplings = _projector(unpack_signs(words, self.n)) if self.rule == "pseudo-inverse" else None

    @classmethod
    def validate(cls, **parameters: Any) -> dict[str, Any]:
        """Check values without allocating; see :class:`spinnet.configurable.Configurable`."""
        n = check_size(parameters["n"])
        alpha, patterns, count = check_load(parameters.get("alpha"), parameters.get("patterns"), n)
        rule = one_of("rule", parameters.get("rule", "hebb"), RULES)
        if rule == "pseudo-inverse" and count > n:
            raise InputError(f"{count} patterns of n = {n} spins: rule = 'pseudo-inverse' stores up to n")
        start_at = check_start(parameters.get("start_at", 0.0))
        return {"n": n, "alpha": alpha, "patterns": patterns, "rule": rule, "start_at": start_at,
                **check_disorder(parameters)}  # fmt: skip

    @classmethod
    def memory_bytes(cls, table: Mapping[str, Any]) -> int:
        """Bytes of patterns and couplings with what their making takes; nothing is allocated."""
        n = table["n"]
        count = check_load(table.get("alpha"), table.get("patterns"), n)[2]
        dense = 16 * n * n + 32 * n * count if table["rule"] == "pseudo-inverse" else 0
        return cls.packed_bytes(n, count) + dense

    @classmethod
    def task_memory_bytes(cls, table: Mapping[str, Any], replicas: int) -> int:
        """Patterns, couplings, overlaps, and the list of levels where it is short."""
        count = check_load(table.get("alpha"), table.get("patterns"), table["n"])[2]
        listed = 16 << table["n"] if table["n"] <= 24 else 0
        return cls.memory_bytes(table) + replicas * (16 * count + 32 * table["n"]) + listed

    @classmethod
    def refuse_oversize(cls, table: Mapping[str, Any]) -> None:
        """Raise an InputError if patterns or couplings do not fit; nothing is made."""
        needed, available = cls.memory_bytes(table), available_memory()
        if available is not None and needed > available:
            raise InputError(
                f"n = {table['n']}, rule = {table['rule']!r}: {needed / 2**30:.3g} GiB of {available / 2**30:.3g} GiB "
                "available: take a smaller n or load"
            )

    def energy(self, x: np.ndarray) -> np.ndarray:
        """H of each row of ±1, shape ``(replicas,)``."""
        if self._couplings is None:
            squares = (self.overlaps(x).astype(np.int64) ** 2).sum(axis=1)
            return (self.n_patterns * self.n - squares) / (2 * self.n)
        # row by row: the same bits alone and in a block
        spins = self.check(x).astype(np.float64)
        return np.array([-0.5 * (row @ (self._couplings @ row)) for row in spins])

    def _levels(self, index: np.ndarray) -> np.ndarray:
        if self._couplings is not None:
            return super()._levels(index)
        from spinnet.kernels.packed_patterns import add_square_overlaps

        squares = np.zeros(len(index), dtype=np.int64)
        add_square_overlaps(self._words[:, 0].copy(), self.n, index, squares)
        return (self.n_patterns * self.n - squares) / (2 * self.n)

    def local_field(self, x: np.ndarray, site: np.ndarray) -> np.ndarray:
        """Σ_j J_ij s_j at one site of each row, shape ``(replicas,)``."""
        x, site, spin = self._check_flips(x, site)
        if self._couplings is None:
            total = (self._patterns_at(site) * self.overlaps(x).astype(np.int64)).sum(axis=1)
            return (total - self.n_patterns * spin) / self.n
        return np.array([self._couplings[i] @ row for i, row in zip(site, x.astype(np.float64), strict=True)])

    def delta_energy(self, x: np.ndarray, site: np.ndarray) -> np.ndarray:
        """H(x with ``site`` flipped) − H(x) = 2 s_i Σ_j J_ij s_j, shape ``(replicas,)``."""
        x, site, spin = self._check_flips(x, site)
        return 2.0 * spin * self.local_field(x, site)

    def flip_sites(self, x: np.ndarray, sites: np.ndarray, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`spinnet.landscapes.base.LocalMoves.flip_sites`; compiled."""
        from spinnet.kernels.packed_patterns import flip_dense, flip_hopfield

        x, flips = np.array(self.check(x)), np.zeros(len(x), dtype=np.int64)
        sites, thresholds = (
            np.require(given, dtype, ("C", "A", "W")) for given, dtype in ((sites, np.int64), (thresholds, np.float64))
        )
        if self._couplings is None:
            halved = self._in_rows(self.overlaps(x) >> 1)
            flip_hopfield(self._rows, self._sums, self.n_patterns, x, halved, sites, thresholds, flips)
        else:
            flip_dense(self._couplings, x, sites, thresholds, flips)
        return x, flips


def _projector(patterns: np.ndarray) -> np.ndarray:
    """The projector on the span of the rows of ±1, with zeros on its diagonal: ``(n, n)``.

    By a QR decomposition of the patterns, O(N P²): C⁻¹ is not formed, and need not exist.
    """
    columns = patterns.T.astype(np.float64)
    basis, triangle = np.linalg.qr(columns)
    if np.abs(np.diag(triangle)).min() < 1e-9 * np.sqrt(len(columns)):  # dependent patterns, at a few spins
        basis, singular, _ = np.linalg.svd(columns, full_matrices=False)
        basis = basis[:, singular > 1e-9 * singular[0]]
    couplings = basis @ basis.T
    couplings = 0.5 * (couplings + couplings.T)
    np.fill_diagonal(couplings, 0.0)
    return couplings
