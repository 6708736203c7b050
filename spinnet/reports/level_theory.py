"""What is known exactly about the levels of a random energy landscape: values at its size, and the limit.

Physics tables of the landscapes of levels go in; numbers of :mod:`spinnet.theory` come out, NaN where nothing is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinnet.theory import ising_pspin, log_correlated, random_energy
from spinnet.theory.continuous_rem import ContinuousCovariance
from spinnet.theory.generalized_rem import LevelTree
from spinnet.theory.random_energy_finite import IndependentLevels
from spinnet.theory.random_energy_levels import mean_ground_state
from spinnet.theory.tree_recursion import log_partition_and_sharing, mean_minimum

#: beta below which the asymptotic law of Fyodorov and Bouchaud is used for log-correlated levels.
LARGEST_SUBCRITICAL_BETA = 0.6
KINDS = ("RandomEnergyModel", "GeneralizedREM", "ContinuousREM", "LogCorrelatedREM", "PSpinIsing")


@dataclass(frozen=True)
class Known:
    """E ln Z, E Y_2 at each temperature, and E E_min; ``exact`` says at which size: this one, or an expansion."""

    log_partition: NDArray
    participation: NDArray
    ground_state: float
    exact: bool = True
    sharing: NDArray | None = None


@dataclass(frozen=True)
class Limit:
    """N → ∞: ln Z/N, entropy/N and Y_2 at each temperature, and the (last) freezing temperature."""

    log_partition: NDArray
    entropy: NDArray
    participation: NDArray
    freezing: float


def known_averages(landscape: Mapping[str, Any], temperature: NDArray, chosen: NDArray) -> Known | None:
    """Averages over the disorder at the size of the table, at ``chosen`` temperatures (bool); None where unknown."""
    n, kind = int(landscape["n"]), landscape["kind"]
    if kind == "RandomEnergyModel":
        return independent(n, temperature, chosen, landscape.get("distribution", "gaussian"))
    if kind == "PSpinIsing":  # the levels that it tends to
        return independent(n, temperature, chosen)
    if kind in ("GeneralizedREM", "ContinuousREM"):
        widths, branches = _tree(landscape)
        log_z, sharing = np.full(len(temperature), np.nan), np.full((len(temperature), len(widths) + 1), np.nan)
        depths = range(len(widths) + 1) if len(widths) <= 4 else (len(widths),)
        for k in np.flatnonzero(chosen):
            log_z[k], found = log_partition_and_sharing(widths, branches, 1.0 / temperature[k], depths)
            sharing[k, list(depths)] = found
        return Known(log_z, sharing[:, -1], mean_minimum(widths, branches), True, sharing)
    if kind == "LogCorrelatedREM":
        log_z = np.full(len(temperature), np.nan)
        if landscape.get("domain", "circle") == "circle":
            for k, beta in enumerate(1.0 / temperature):
                if beta <= LARGEST_SUBCRITICAL_BETA:
                    annealed = n * math.log(2.0) * (1.0 + beta**2)
                    log_z[k] = annealed + log_correlated.mean_log_partition(beta**2)
        return Known(log_z, np.full(len(temperature), np.nan), math.nan, False)
    return None


def independent(n: int, temperature: NDArray, chosen: NDArray, distribution: str = "gaussian") -> Known:
    """Averages of 2^n independent levels."""
    log_z, ratio = np.full((2, len(temperature)), np.nan)
    for k in np.flatnonzero(chosen):
        levels = IndependentLevels(n, 1.0 / temperature[k], distribution)
        log_z[k], ratio[k] = levels.mean_log_partition(), levels.participation_moment(2)
    return Known(log_z, ratio, mean_ground_state(n, distribution))


def limit(landscape: Mapping[str, Any], temperature: NDArray) -> Limit | None:
    """The limit N → ∞; None where it is not known."""
    kind, beta = landscape["kind"], 1.0 / np.asarray(temperature)
    if kind == "PSpinIsing" or (kind == "RandomEnergyModel" and landscape.get("distribution") != "exponential"):
        critical = frozen = random_energy.CRITICAL_TEMPERATURE
        if kind == "PSpinIsing" and landscape["p"] >= 3:
            # curves of the levels that it tends to, with its own transition
            frozen = ising_pspin.transitions(int(landscape["p"])).static_temperature
        return Limit(
            random_energy.log_partition_density(beta), random_energy.entropy_density(beta),
            np.maximum(1.0 - temperature / critical, 0.0), frozen,
        )  # fmt: skip
    if kind == "GeneralizedREM":
        variances, entropies = zip(*landscape["levels"], strict=True)
        tree = LevelTree(variances, entropies)
        ratio = np.array([tree.participation_ratio_limit(b) for b in beta])
        last = float(np.min(tree.transition_temperatures()))
        return Limit(tree.log_partition_density(beta), tree.entropy_density(beta), ratio, last)
    if kind == "ContinuousREM" and isinstance(landscape["covariance"], Mapping):
        model = ContinuousCovariance(_formula(landscape["covariance"]))
        ratio = np.array([model.participation_ratio_limit(b) for b in beta])
        return Limit(model.log_partition_density(beta), model.entropy_density(beta), ratio, math.nan)
    if kind == "LogCorrelatedREM":
        # per spin: ln M = N ln 2
        slope = -beta * log_correlated.free_energy_slope(beta)
        entropy = np.maximum(1.0 - beta**2, 0.0)
        ratio = np.maximum(1.0 - temperature, 0.0)
        return Limit(slope * math.log(2.0), entropy * math.log(2.0), ratio, 1.0)
    return None


def generation_temperatures(levels: Sequence[Sequence[float]]) -> NDArray:
    """Freezing temperature of each generation of a tree, N → ∞: that of its segment of the concave hull of A(x).

    Generations of one segment freeze together; two replicas then share all of them or none.
    """
    variances, entropies = zip(*levels, strict=True)
    segments = LevelTree(variances, entropies).segments()
    ends = np.cumsum([entropy for _, entropy in segments])
    ends[-1] = np.inf
    own = np.searchsorted(ends, np.cumsum(entropies) - 0.5 * np.array(entropies))
    temperature = np.array([0.5 * math.sqrt(a / (s * math.log(2.0))) for a, s in segments])
    return temperature[own]


def _tree(landscape: Mapping[str, Any]) -> tuple[NDArray, NDArray]:
    """Standard deviations of the edges and logarithms of the branching."""
    n = int(landscape["n"])
    if landscape["kind"] == "GeneralizedREM":
        variances, entropies = np.array(landscape["levels"], dtype=float).T
        return np.sqrt(0.5 * n * variances), n * math.log(2.0) * entropies
    covariance = landscape["covariance"]
    if isinstance(covariance, Mapping):
        x = np.arange(n + 1) / n
        covariance = sum(float(value) * x ** int(power) for power, value in covariance.items())
    return np.sqrt(0.5 * n * np.maximum(np.diff(covariance), 0.0)), np.full(n, math.log(2.0))


def _formula(powers: Mapping[Any, float]) -> str:
    return "".join(f"{float(value):+.17g}*x^{power}" for power, value in powers.items()).lstrip("+")
