"""The perceptron that learns from examples: a landscape of training errors, with a teacher or with random labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from spinnet.configurable import one_of, real_number
from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes.base import HalfSpaces, Levels, LocalMoves, Units
from spinnet.landscapes.glass_signals import configurations_at, draw_direction
from spinnet.landscapes.indexed_levels import IndexedLevels, check_disorder
from spinnet.landscapes.packed_patterns import (
    PatternSpins,
    check_load,
    check_size,
    check_start,
    draw_words,
    unpack_signs,
)
from spinnet.memory import available_memory
from spinnet.randomness import stream
from spinnet.spaces import Hypercube, Sphere

WEIGHTS = ("ising", "spherical")
LABELS = ("teacher", "random")
_ISING_ONLY = "weights = 'ising' has it"


class TeacherStudentPerceptron(PatternSpins, HalfSpaces):
    """N weights w that classify P examples, H(w) = number of examples μ with the wrong sign of w·ξ^μ.

    The labels are those of a teacher T of the same kind, or random; the sign of 0 is +. The energy is a whole number,
    its density the training error. A teacher classifies all examples right (unless labels are flipped by ``noise``) and
    is the native state, with which ``signal_overlap`` is measured: R = w·T/N; a student errs on a new example with
    probability arccos(R)/π as N grows. At T = 0 students are uniform on the version space, in which the
    teacher is one of them: R has the law of the overlap of two students (Nishimori), at every N.

    ============= ==================================== ============================== ===============================
    weights       space                                patterns                       moves
    ============= ==================================== ============================== ===============================
    "ising"       {±1}^N, numbered levels for N ≤ 64   ±1, packed in bits             single flips
    "spherical"   sphere of radius √N                  standard normal                half-spaces: great circles
    ============= ==================================== ============================== ===============================

    Parameters
    ----------
    n : int
        Number N of weights, up to 32 000; odd for Ising weights if no example may lie on the border.
    alpha : float
        Examples per weight: P = round(αN), at least one; or else
    patterns : int
        their number P. P N < 2³¹. Examples are added as P grows, the others stay.
    weights : {"ising", "spherical"}
    labels : {"teacher", "random"}
        Random labels keep the teacher as a native state that has nothing to do with them.
    noise : float
        Share of labels that are flipped, each with this probability: 0 to 1.
    start_at : float
        Overlap with the teacher at which replicas start; 0: uniform weights.
    seed, sample : int
        The disorder: teacher, patterns and labels of each (seed, sample) are independent, at each N others.

    Raises
    ------
    InputError
        For values that are not allowed, and for patterns that do not fit in memory.

    Notes
    -----
    Ising: an energy costs P N/64 popcounts, the change at a flip P/512 popcount vectors where examples close to the
    border are kept as bits, as the compiled flips do. Spherical: N P multiply-adds.

    References
    ----------
    Gardner and Derrida, J. Phys. A 22, 1983 (1989); Györgyi, Phys. Rev. A 41, 7097 (1990); Sompolinsky, Tishby and
    Seung, Phys. Rev. Lett. 65, 1683 (1990). Learning curves: :mod:`spinnet.theory.perceptron`.
    """

    def __init__(
        self, n: int, alpha: float | None = None, patterns: int | None = None, weights: str = "ising",
        labels: str = "teacher", noise: float = 0.0, start_at: float = 0.0, seed: int = 0, sample: int = 0,
    ):  # fmt: skip
        checked = self.validate(
            n=n, alpha=alpha, patterns=patterns, weights=weights, labels=labels, noise=noise, start_at=start_at,
            seed=seed, sample=sample,
        )  # fmt: skip
        self.n: int = checked["n"]
        self.alpha: float | None = checked["alpha"]
        self.patterns: int | None = checked["patterns"]
        self.weights: str = checked["weights"]
        self.labels: str = checked["labels"]
        self.noise: float = checked["noise"]
        self.start_at: float = checked["start_at"]
        self.seed: int = checked["seed"]
        self.sample: int = checked["sample"]
        self.refuse_oversize(checked)
        count = check_load(alpha, patterns, self.n)[2]
        self._make_ising(count) if self.weights == "ising" else self._make_spherical(count)

    def _make_ising(self, count: int) -> None:
        words = draw_words(count, self.n, self.seed, "perceptron patterns", self.sample)
        teacher = unpack_signs(draw_words(1, self.n, self.seed, "Ising teacher", self.sample), self.n)[0]
        self._keep(words, teacher)
        negative = self._labels(self.overlaps(teacher[None])[0] >= 0) < 0
        # Labels go into the patterns; where the label is −, a sum of 0 is an error too: one is taken off.
        words = words.copy()
        words[negative] ^= _all_sites(self.n, words.shape[1])
        self._keep(words, teacher)
        self._ties = negative.astype(np.int32)

    def _make_spherical(self, count: int) -> None:
        self.n_patterns = count
        self._native = draw_direction(self.n, self.seed, "spherical teacher", self.sample)
        rows = stream(self.seed, "perceptron examples", self.n, self.sample).standard_normal((count, self.n))
        rows *= self._labels(rows @ self._native >= 0)[:, None]
        self._half_spaces = rows

    def _labels(self, answers: np.ndarray) -> np.ndarray:
        """Labels ±1 from the teacher's answers (True for +), or random ones, with noise."""
        draws = stream(self.seed, "perceptron labels", self.n, self.sample).random((len(answers), 2))
        positive = answers if self.labels == "teacher" else draws[:, 0] < 0.5
        return np.where(positive ^ (draws[:, 1] < self.noise), 1, -1)

    @classmethod
    def validate(cls, **parameters: Any) -> dict[str, Any]:
        """Check values without allocating; see :class:`spinnet.configurable.Configurable`."""
        n = check_size(parameters["n"])
        alpha, patterns, _ = check_load(parameters.get("alpha"), parameters.get("patterns"), n)
        noise = real_number("noise", parameters.get("noise", 0.0), 0.0)
        if noise > 1.0:
            raise InputError(f"noise = {noise:g}: the share of flipped labels lies between 0 and 1")
        return {
            "n": n, "alpha": alpha, "patterns": patterns,
            "weights": one_of("weights", parameters.get("weights", "ising"), WEIGHTS),
            "labels": one_of("labels", parameters.get("labels", "teacher"), LABELS), "noise": noise,
            "start_at": check_start(parameters.get("start_at", 0.0)), **check_disorder(parameters),
        }  # fmt: skip

    @classmethod
    def withheld(cls, table: Mapping[str, Any]) -> dict[type, str]:
        """Spherical weights have no levels and no flips, Ising weights no half-spaces of a sphere."""
        if table["weights"] == "ising":
            return {HalfSpaces: "weights = 'spherical' has it"}
        return dict.fromkeys((Levels, IndexedLevels, LocalMoves), _ISING_ONLY)

    @classmethod
    def memory_bytes(cls, table: Mapping[str, Any]) -> int:
        """Bytes of the patterns with what their making takes; nothing is allocated."""
        count = check_load(table.get("alpha"), table.get("patterns"), table["n"])[2]
        return cls.packed_bytes(table["n"], count) if table["weights"] == "ising" else 16 * table["n"] * count

    @classmethod
    def task_memory_bytes(cls, table: Mapping[str, Any], replicas: int) -> int:
        """Patterns, overlaps, and the list of levels where it is short."""
        count = check_load(table.get("alpha"), table.get("patterns"), table["n"])[2]
        listed = 16 << table["n"] if table["weights"] == "ising" and table["n"] <= 24 else 0
        return cls.memory_bytes(table) + replicas * (32 * count + 32 * table["n"]) + listed

    @classmethod
    def refuse_oversize(cls, table: Mapping[str, Any]) -> None:
        """Raise an InputError if the patterns do not fit; nothing is made."""
        needed, available = cls.memory_bytes(table), available_memory()
        if available is not None and needed > available:
            raise InputError(
                f"n = {table['n']}: patterns take {needed / 2**30:.3g} GiB of {available / 2**30:.3g} GiB available: "
                "take a smaller n or alpha"
            )

    @property
    def space(self) -> Hypercube | Sphere:
        """{±1}^N or the sphere |w|² = N."""
        return Hypercube(self.n) if self.weights == "ising" else Sphere(self.n)

    @property
    def units(self) -> Units:
        """Energies are per example: the density is the training error."""
        return Units(self.n_patterns, "pattern")

    @property
    def half_spaces(self) -> np.ndarray:
        """Rows c_μ, label times pattern, with an error where c_μ·w < 0: ``(P, n)``; spherical weights only."""
        if self.weights == "ising":
            raise CapabilityError("weights = 'ising': half-spaces of a sphere belong to weights = 'spherical'")
        return self._half_spaces

    def check(self, x: np.ndarray) -> np.ndarray:
        """As a block of the weights' kind, or a refusal."""
        if self.weights == "ising":
            return super().check(x)
        return HalfSpaces.check(self, x)

    def start(self, replicas: int, rng: np.random.Generator) -> np.ndarray:
        """Weights at the overlap ``start_at`` with the teacher, uniform ones for 0: ``(replicas, n)``."""
        if self.weights == "ising" or self.start_at == 0.0:
            return super().start(replicas, rng)
        return configurations_at(self._native, self.start_at, replicas, rng)

    def stabilities(self, x: np.ndarray) -> np.ndarray:
        """Label times w·ξ^μ, ``(replicas, P)``: an error where it is negative (Ising: where a tie is wrong, −1)."""
        if self.weights == "ising":
            return self.overlaps(x) - self._ties
        x = self.check(x)
        # row by row: the same bits alone and in a block
        return np.stack([self._half_spaces @ row for row in x]) if len(x) else np.empty((0, self.n_patterns))

    def energy_terms(self, x: np.ndarray) -> np.ndarray:
        """1 where an example is classified wrong, 0 where right: ``(replicas, P)``."""
        return (self.stabilities(x) < 0).astype(np.float64)

    def energy(self, x: np.ndarray) -> np.ndarray:
        """Number of training errors, shape ``(replicas,)``; NaN where weights are not finite."""
        errors = (self.stabilities(x) < 0).sum(axis=1).astype(np.float64)
        if self.weights == "spherical":
            errors[~np.isfinite(x).all(axis=1)] = np.nan
        return errors

    def _check_index(self, index: np.ndarray) -> np.ndarray:
        self._require_ising()
        return super()._check_index(index)

    def _listed(self) -> None:
        self._require_ising()
        super()._listed()

    def _require_ising(self) -> None:
        if self.weights != "ising":
            raise CapabilityError(f"weights = {self.weights!r}: levels and flips belong to weights = 'ising'")

    def _levels(self, index: np.ndarray) -> np.ndarray:
        from spinnet.kernels.packed_patterns import add_errors

        errors = np.zeros(len(index), dtype=np.int64)
        add_errors(*self.word_patterns, index, errors)
        return errors.astype(np.float64)

    @property
    def word_patterns(self) -> tuple[np.ndarray, np.ndarray]:
        """Ising, N ≤ 64: patterns as words, uint64, and the number of places beyond which one that differs is an error.

        Bits are set where label times pattern is −1, as are those of a level's number where a weight is: ``(P,)`` each.
        """
        self._require_ising()
        self._addressed()
        # n − 2d − tie < 0 for d places that differ
        return self._words[:, 0].copy(), (self.n - self._ties.astype(np.int64)) // 2

    def delta_energy(self, x: np.ndarray, site: np.ndarray) -> np.ndarray:
        """H(x with ``site`` flipped) − H(x), shape ``(replicas,)``."""
        self._require_ising()
        x, site, spin = self._check_flips(x, site)
        before = self.stabilities(x)
        after = before - 2 * spin[:, None].astype(np.int32) * self._patterns_at(site)
        return ((after < 0).sum(axis=1) - (before < 0).sum(axis=1)).astype(np.float64)

    def flip_sites(self, x: np.ndarray, sites: np.ndarray, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`spinnet.landscapes.base.LocalMoves.flip_sites`; compiled."""
        from spinnet.kernels.packed_patterns import flip_perceptron

        self._require_ising()
        x, flips = np.array(self.check(x)), np.zeros(len(x), dtype=np.int64)
        sites, thresholds = (
            np.require(given, dtype, ("C", "A", "W")) for given, dtype in ((sites, np.int64), (thresholds, np.float64))
        )
        # Modulo 2¹⁶, far from zero whatever flips.
        far = ((x.sum(axis=1, dtype=np.int64) + (1 << 15)) & 0xFFFF).astype(np.uint16).view(np.int16)
        stabilities = self._in_rows(self.stabilities(x), far[:, None])
        flip_perceptron(self._rows, self.n_patterns, x, stabilities, sites, thresholds, flips)
        return x, flips


def _all_sites(n: int, words: int) -> np.ndarray:
    """Words with the bits of all n sites set."""
    full = np.full(words, np.iinfo(np.uint64).max, dtype=np.uint64)
    if n % 64:
        full[-1] = (1 << (n % 64)) - 1
    return full
