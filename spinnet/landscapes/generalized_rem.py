"""Random energy models with correlated levels: energies are sums along the paths of a tree."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError
from spinnet.landscapes.hashed_levels import HashedLevels, check_size

_ROUNDING = 1e-9


class GeneralizedREM(HashedLevels):
    """The generalised random energy model: generations with shares of the variance and of the entropy.

    Generation l has 2^{s_l N} children per node and edge energies of variance a_l N/2, with Σ a = Σ s = 1: two levels
    that share their first l generations have covariance (N/2)(a_1 + … + a_l). The first generation belongs to the
    highest bits of the index.

    Parameters
    ----------
    n : int
        Number N of spins, 1 to 64.
    levels : sequence of pairs
        (variance share a_l, entropy share s_l), root first; each s_l N must be a whole number of at least 1.
    seed, sample : int
        The disorder.

    Raises
    ------
    InputError
        For values that are not allowed.

    References
    ----------
    Derrida, J. Physique Lett. 46, L401 (1985). Exact values at finite N: :mod:`spinnet.theory.generalized_rem`.
    """

    #: 3: paths are summed from the root down.
    revision = 3

    def __init__(self, n: int, levels: Sequence[Sequence[float]], seed: int = 0, sample: int = 0):
        checked = self.validate(n=n, levels=levels, seed=seed, sample=sample)
        self.n: int = checked["n"]
        self.levels: list[list[float]] = checked["levels"]
        self.seed: int = checked["seed"]
        self.sample: int = checked["sample"]
        variances, entropies = np.array(self.levels).T
        self._grow("generalised random energies", np.rint(self.n * entropies).astype(int), self.n * variances)

    @classmethod
    def validate(cls, **parameters: Any) -> dict[str, Any]:
        """Check values; see :class:`spinnet.configurable.Configurable`."""
        n = check_size(parameters["n"])
        return {
            "n": n,
            "levels": check_levels(parameters["levels"], n),
            "seed": whole_number("seed", parameters.get("seed", 0)),
            "sample": whole_number("sample", parameters.get("sample", 0)),
        }


def check_levels(levels: Any, n: int) -> list[list[float]]:
    """Pairs (variance share, entropy share) that sum to one, each with a whole number of spins."""
    try:
        pairs = [[float(a), float(s)] for a, s in levels]
    except (TypeError, ValueError):
        pairs = []
    if not pairs:
        raise InputError(f"levels = {levels!r}: give pairs (variance share, entropy share), like [[0.7, 0.5], …]")
    for variance, entropy in pairs:
        real_number("variance share", variance, minimum=0.0)
        real_number("entropy share", entropy, above=0.0)
        if abs(n * entropy - round(n * entropy)) > 1e-6 or round(n * entropy) < 1:
            raise InputError(
                f"entropy share {entropy:g} of n = {n} is {n * entropy:g} spins: choose n so that it is a whole number"
            )
    for name, total in (("variance", sum(a for a, _ in pairs)), ("entropy", sum(s for _, s in pairs))):
        if not math.isclose(total, 1.0, abs_tol=_ROUNDING):
            raise InputError(f"{name} shares of levels sum to {total:.10g}: they must sum to 1")
    return pairs


class ContinuousREM(HashedLevels):
    """The continuous random energy model: E[H H'] = (N/2) A(k/N), k the number of generations two levels share.

    A binary tree of N generations, edges of generation k with variance (N/2)[A(k/N) − A((k−1)/N)]. A(x) = x is the
    branching random walk. Generation 1 is the highest bit of the index.

    Parameters
    ----------
    n : int
        Number N of spins, 1 to 64.
    covariance : mapping, callable or sequence of float
        A on [0, 1], not decreasing, A(0) = 0, A(1) = 1: coefficients of powers, {1: 2, 2: -1} for 2x − x² (in a
        campaign file ``{1 = 2, 2 = -1}``); a function; or its values A(0), A(1/N), …, A(1). A formula is made callable
        by :func:`spinnet.theory.expressions.parse_expression`.
    seed, sample : int
        The disorder.

    Raises
    ------
    InputError
        For values that are not allowed.

    References
    ----------
    Derrida and Gardner, J. Phys. C 19, 2253 (1986); Bovier and Kurkova, Ann. Inst. Henri Poincaré 40, 481 (2004).
    """

    #: 3: paths are summed from the root down.
    revision = 3

    def __init__(
        self,
        n: int,
        covariance: Mapping[int, float] | Callable[[np.ndarray], np.ndarray] | Sequence[float],
        seed: int = 0,
        sample: int = 0,
    ):
        checked = self.validate(n=n, covariance=covariance, seed=seed, sample=sample)
        self.n: int = checked["n"]
        self.covariance: dict[int, float] | list[float] = checked["covariance"]
        self.seed: int = checked["seed"]
        self.sample: int = checked["sample"]
        widths = self.n * np.maximum(np.diff(check_covariance(self.covariance, self.n)), 0.0)
        self._grow("continuous random energies", np.ones(self.n, dtype=int), widths)

    @classmethod
    def validate(cls, **parameters: Any) -> dict[str, Any]:
        """Check values; a covariance that is a function becomes its n + 1 values."""
        n, covariance = check_size(parameters["n"]), parameters["covariance"]
        values = check_covariance(covariance, n)
        return {
            "n": n,
            "covariance": check_powers(covariance) if isinstance(covariance, Mapping) else values,
            "seed": whole_number("seed", parameters.get("seed", 0)),
            "sample": whole_number("sample", parameters.get("sample", 0)),
        }


def check_powers(covariance: Mapping[Any, Any]) -> dict[int, float]:
    """Coefficients of the powers of x, by rising power; keys may be text."""
    found = {}
    for power, value in covariance.items():
        number = int(power) if isinstance(power, str) and power.isdigit() else power
        found[whole_number("power of covariance", number, 1)] = real_number(f"coefficient of x^{number}", value)
    return dict(sorted(found.items()))


def check_covariance(covariance: Any, n: int) -> list[float]:
    """Values A(k/n), k = 0 … n, rising from 0 to 1."""
    if isinstance(covariance, Mapping):
        x, powers = np.arange(n + 1) / n, check_powers(covariance)
        covariance = sum((value * x**power for power, value in powers.items()), np.zeros(n + 1))
    try:
        given = covariance(np.arange(n + 1) / n) if callable(covariance) else covariance
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != (n + 1,) or not np.all(np.isfinite(values)):
        raise InputError(f"covariance: give a function on [0, 1] or its {n + 1} finite values at k/{n}")
    if abs(values[0]) > _ROUNDING or abs(values[-1] - 1.0) > _ROUNDING:
        raise InputError(f"covariance runs from {values[0]:g} to {values[-1]:g}: it must run from A(0) = 0 to A(1) = 1")
    if np.any(np.diff(values) < -1e-12):
        place = int(np.argmin(np.diff(values))) / n
        raise InputError(f"covariance decreases near x = {place:.3g}: A(x) must not decrease")
    return values.tolist()
