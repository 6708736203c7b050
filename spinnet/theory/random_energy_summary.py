"""One table of values for each kind of random energy model: what ``spinnet theory random-energy`` prints."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from spinnet.configurable import one_of, real_number, whole_number
from spinnet.errors import InputError
from spinnet.theory import random_energy, tree_recursion
from spinnet.theory.continuous_rem import ContinuousCovariance
from spinnet.theory.generalized_rem import LevelTree
from spinnet.theory.random_energy_finite import DISTRIBUTIONS, IndependentLevels
from spinnet.theory.random_energy_levels import mean_ground_state

LARGEST_TREE_SIZE = 1000


def independent(beta: float, n: int | None = None, distribution: str = "gaussian") -> dict[str, Any]:
    """Return limits, and with n the exact averages, of 2^n independent levels."""
    beta = real_number("beta", beta, above=0.0)
    one_of("distribution", distribution, DISTRIBUTIONS)
    if distribution == "gaussian":
        values = {
            "temperature_critical": random_energy.CRITICAL_TEMPERATURE,
            "free_energy_limit": random_energy.log_partition_density(beta),
            "energy_limit": random_energy.energy_density(beta),
            "entropy_limit": random_energy.entropy_density(beta),
            "ground_state_limit": random_energy.GROUND_STATE_ENERGY_DENSITY,
            "participation_ratio_limit": random_energy.participation_ratio_limit(beta),
        }
    else:
        values = {
            "temperature_critical": 1.0,
            "free_energy_limit": random_energy.exponential_log_partition_density(beta),
            "ground_state_limit": -math.log(2.0),
            "participation_ratio_limit": max(1.0 - 1.0 / beta, 0.0),
        }
    if n is None:
        return values
    levels = IndependentLevels(n, beta, distribution)
    values |= {
        "n": levels.n,
        "mean_log_partition": levels.mean_log_partition(),
        "variance_log_partition": levels.variance_log_partition(),
        "participation_ratio": levels.participation_moment(2),
        "mean_ground_state": mean_ground_state(n, distribution),
    }
    if distribution == "gaussian":
        values["mean_energy"] = -0.5 * beta * n * (1.0 - values["participation_ratio"])
    return values


def generalized(levels: str | LevelTree, beta: float, n: int | None = None) -> dict[str, Any]:
    """Return limits, and with n the exact averages, of a tree with given variance and entropy shares.

    A generation has 2^(n s_i) children to a node; where that is not a whole number the formulas interpolate.
    """
    beta = real_number("beta", beta, above=0.0)
    tree = levels if isinstance(levels, LevelTree) else LevelTree.parse(levels)
    depths, covariances, probabilities = tree.overlap_distribution(beta)
    temperatures = tree.transition_temperatures()
    values = {
        "temperature_critical": float(temperatures[0]),
        "temperatures_critical": temperatures,
        "free_energy_limit": tree.log_partition_density(beta),
        "energy_limit": tree.energy_density(beta),
        "entropy_limit": tree.entropy_density(beta),
        "ground_state_limit": tree.ground_state_energy_density(),
        "participation_ratio_limit": tree.participation_ratio_limit(beta),
        "overlap_depths": depths,
        "overlap_covariances": covariances,
        "overlap_probabilities_limit": probabilities,
    }
    if n is None:
        return values
    n = _tree_size(n)
    widths = np.sqrt(0.5 * n * np.array(tree.variances))
    return values | _finite(widths, n * math.log(2.0) * np.array(tree.entropies), beta, n)


def continuous(covariance: str | ContinuousCovariance, beta: float, n: int | None = None) -> dict[str, Any]:
    """Return limits, and with n the exact averages on the binary tree of n generations, of a covariance A(x)."""
    beta = real_number("beta", beta, above=0.0)
    model = covariance if isinstance(covariance, ContinuousCovariance) else ContinuousCovariance(covariance)
    values = {
        "temperature_critical": model.transition_temperature(),
        "free_energy_limit": model.log_partition_density(beta),
        "energy_limit": model.energy_density(beta),
        "entropy_limit": model.entropy_density(beta),
        "ground_state_limit": model.ground_state_energy_density(),
        "participation_ratio_limit": model.participation_ratio_limit(beta),
    }
    if n is None:
        return values
    widths, log_branches = model.tree(n)
    return values | _finite(widths, log_branches, beta, n)


def _tree_size(n: int) -> int:
    n = whole_number("n", n, 1)
    if n > LARGEST_TREE_SIZE:
        raise InputError(f"n = {n}: trees are solved exactly up to n = {LARGEST_TREE_SIZE}; leave n out for the limit")
    return n


def _finite(widths: np.ndarray, log_branches: np.ndarray, beta: float, n: int) -> dict[str, Any]:
    log_partition, same_leaf = tree_recursion.log_partition_and_sharing(widths, log_branches, beta, (widths.size,))
    return {
        "n": n,
        "mean_log_partition": log_partition,
        "participation_ratio": float(same_leaf[0]),
        "mean_ground_state": tree_recursion.mean_minimum(widths, log_branches),
    }
