r"""The generalised random energy model: levels correlated by a tree of finite depth, N to infinity.

The 2^N configurations are the leaves of a tree with L generations. A node of generation i has alpha_i^N children,
ln alpha_i = s_i ln 2, and each edge carries an independent energy N(0, N a_i/2); the energy of a leaf is the sum
along its path. The shares of variance a_i and of entropy s_i each sum to one. With A and x the shares accumulated
from the root, only the concave hull of A(x) matters: its segments (a, s) freeze one after the other at

.. math::
    T_i = \frac12\sqrt{\frac{a_i}{s_i \ln 2}}, \qquad
    \varphi = \sum_i \begin{cases} s_i\ln 2 + \beta^2 a_i/4 & T > T_i \\ \beta\sqrt{a_i s_i \ln 2} & T < T_i
    \end{cases}, \qquad e_{gs} = -\sum_i \sqrt{a_i s_i \ln 2},

and two replicas share the first j segments with probability min(1, T/T_{j+1}) - min(1, T/T_j).
Exact finite-N values: :mod:`spinnet.theory.tree_recursion`.

References: Derrida (1985) J. Physique Lett. 46, L401; Derrida and Gardner (1986) J. Phys. C 19, 2253;
Capocaccia, Cassandro and Picco (1987) J. Stat. Phys. 46, 493.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError
from spinnet.theory.random_energy import check_beta

Array = NDArray[np.float64]

_FORM = "write levels as variance:entropy shares from the root, for example 0.7:0.5,0.3:0.5"
_ROUNDING = 1e-9


def _shares(name: str, values: Sequence[float], lowest_allowed: bool) -> tuple[float, ...]:
    try:
        shares = tuple(float(value) for value in values)
    except (TypeError, ValueError):
        raise InputError(f"{name} shares {values!r} are not numbers; {_FORM}") from None
    if not shares:
        raise InputError(f"no levels are given; {_FORM}")
    for share in shares:
        if not math.isfinite(share) or share < 0.0 or (share == 0.0 and not lowest_allowed):
            bound = "0 or more" if lowest_allowed else "above 0"
            raise InputError(f"{name} share {share:g} is not allowed; shares are finite and {bound}")
    total = math.fsum(shares)
    if abs(total - 1.0) > _ROUNDING:
        raise InputError(f"{name} shares {', '.join(f'{s:g}' for s in shares)} sum to {total:.10g}; they must sum to 1")
    return tuple(share / total for share in shares)


@dataclass(frozen=True)
class LevelTree:
    """Shares of variance and entropy of each generation of the tree, from the root.

    Parameters
    ----------
    variances : sequence of float
        a_i >= 0, summing to one.
    entropies : sequence of float
        s_i > 0, summing to one; a node of generation i has 2^(N s_i) children.

    Raises
    ------
    InputError
        For shares that are negative, not finite, or do not sum to one within 1e-9 (they are then normalised).
    """

    variances: tuple[float, ...]
    entropies: tuple[float, ...]

    def __post_init__(self):
        object.__setattr__(self, "variances", _shares("variance", self.variances, lowest_allowed=True))
        object.__setattr__(self, "entropies", _shares("entropy", self.entropies, lowest_allowed=False))
        if len(self.variances) != len(self.entropies):
            raise InputError(
                f"{len(self.variances)} variance shares but {len(self.entropies)} entropy shares; "
                "give one of each per level"
            )

    @classmethod
    def parse(cls, text: str) -> LevelTree:
        """Read ``"0.7:0.5,0.3:0.5"``: variance share, colon, entropy share, for each level from the root."""
        pairs = [item.split(":") for item in str(text).split(",")]
        try:
            variances, entropies = zip(*((float(a), float(s)) for a, s in pairs), strict=True)
        except ValueError:
            raise InputError(f"levels {text!r} cannot be read; {_FORM}") from None
        return cls(variances, entropies)

    def segments(self) -> tuple[tuple[float, float], ...]:
        """Return the (variance, entropy) shares of the concave hull of A(x): slopes strictly decrease."""
        hull: list[tuple[float, float]] = []
        for a, s in zip(self.variances, self.entropies, strict=True):
            hull.append((a, s))
            # equal slopes merge too: they freeze together
            while len(hull) > 1 and hull[-1][0] * hull[-2][1] >= hull[-2][0] * hull[-1][1] * (1.0 - 1e-13):
                (a1, s1), (a2, s2) = hull[-2:]
                hull[-2:] = [(a1 + a2, s1 + s2)]
        return tuple(hull)

    def transition_temperatures(self) -> Array:
        """Return the T_i of the segments, decreasing; zero for a segment without variance."""
        return np.array([0.5 * math.sqrt(a / (s * math.log(2.0))) for a, s in self.segments()])

    def _terms(self, beta: ArrayLike) -> tuple[Array, Array, Array, Array]:
        """Return beta, variances, entropies in nats, and whether frozen, with segments along a new last axis."""
        beta = check_beta(beta)[..., None]
        a, s = np.array(self.segments()).T
        s = s * math.log(2.0)
        return beta, a, s, beta**2 * a > 4.0 * s

    def log_partition_density(self, beta: ArrayLike) -> Array | float:
        """Return phi = lim E ln Z / N at inverse temperatures of any shape."""
        beta, a, s, frozen = self._terms(beta)
        return _summed(np.where(frozen, beta * np.sqrt(a * s), s + beta**2 * a / 4.0))

    def energy_density(self, beta: ArrayLike) -> Array | float:
        """Return e = -d phi/d beta."""
        beta, a, s, frozen = self._terms(beta)
        return _summed(-np.where(frozen, np.sqrt(a * s), beta * a / 2.0))

    def entropy_density(self, beta: ArrayLike) -> Array | float:
        """Return s = phi + beta e: the entropy of the segments that are not frozen."""
        beta, a, s, frozen = self._terms(beta)
        return _summed(np.where(frozen, 0.0, s - beta**2 * a / 4.0))

    def ground_state_energy_density(self) -> float:
        """Return e_gs = -sum_i sqrt(a_i s_i ln 2) over the segments."""
        return -math.fsum(math.sqrt(a * s * math.log(2.0)) for a, s in self.segments())

    def participation_ratio_limit(self, beta: float) -> float:
        """Return lim E Y_2 = 1 - min(1, T/T_L) with T_L the lowest transition: the weight of the same leaf."""
        return float(max(1.0 - 1.0 / (float(check_beta(beta)) * max(self.transition_temperatures()[-1], 1e-300)), 0.0))

    def overlap_distribution(self, beta: float) -> tuple[Array, Array, Array]:
        """Return depths x_j, covariances A_j and probabilities of the overlaps of two replicas.

        Returns
        -------
        tuple of three arrays of length (number of segments) + 1
            The replicas part at depth x_j, having the covariance N A_j/2 of their energies.
        """
        beta = float(check_beta(beta))
        a, s = np.array(self.segments()).T
        with np.errstate(divide="ignore"):
            parameters = np.minimum(1.0, 1.0 / (beta * self.transition_temperatures()))
        edges = np.concatenate([[0.0], parameters, [1.0]])
        return np.append(0.0, np.cumsum(s)), np.append(0.0, np.cumsum(a)), np.diff(edges)


def _summed(terms: Array) -> Array | float:
    total = terms.sum(axis=-1)
    return total if total.ndim else float(total)
