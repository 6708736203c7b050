"""The random energy model: 2^N independent levels."""

from __future__ import annotations

from typing import Any

import numpy as np

from spinnet.configurable import one_of, whole_number
from spinnet.landscapes.hashed_levels import HashedLevels, check_size

DISTRIBUTIONS = ("gaussian", "exponential")


class RandomEnergyModel(HashedLevels):
    """2^N independent levels, a hash of (N, seed, sample, index): quenched, with no memory.

    Gaussian: E_i ~ N(0, N/2), so that T_c = 1/(2√ln 2) and the ground state lies near −N√ln 2. Exponential: E_i = −u_i,
    u_i ~ Exp(1), with T_c = 1. 84 random bits enter the radius of a Gaussian level (the tail ends at 10.8
    standard deviations, the lowest of 2⁶⁴ lies at 9.1), or the exponential variable.

    Parameters
    ----------
    n : int
        Number N of spins, 1 to 64.
    seed, sample : int
        The disorder: each (seed, sample) is an independent set of levels, at each N another one.
    distribution : {"gaussian", "exponential"}

    Raises
    ------
    InputError
        For values that are not allowed.

    References
    ----------
    Derrida, Phys. Rev. B 24, 2613 (1981). Exact values at finite N: :mod:`spinnet.theory.random_energy_finite`.
    """

    def __init__(self, n: int, seed: int = 0, sample: int = 0, distribution: str = "gaussian"):
        checked = self.validate(n=n, seed=seed, sample=sample, distribution=distribution)
        self.n: int = checked["n"]
        self.seed: int = checked["seed"]
        self.sample: int = checked["sample"]
        self.distribution: str = checked["distribution"]
        gaussian = self.distribution == "gaussian"
        width = float(self.n) if gaussian else 1.0
        self._grow("random energy levels", np.array([self.n]), np.array([width]), 0 if gaussian else 1)

    @classmethod
    def validate(cls, **parameters: Any) -> dict[str, Any]:
        """Check values; see :class:`spinnet.configurable.Configurable`."""
        return {
            "n": check_size(parameters["n"]),
            "seed": whole_number("seed", parameters.get("seed", 0)),
            "sample": whole_number("sample", parameters.get("sample", 0)),
            "distribution": one_of("distribution", parameters.get("distribution", "gaussian"), DISTRIBUTIONS),
        }
