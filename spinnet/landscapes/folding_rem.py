"""A random energy model with a native state and a funnel towards it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from spinnet.configurable import one_of, real_number
from spinnet.errors import InputError
from spinnet.landscapes.base import Signal
from spinnet.landscapes.generalized_rem import check_levels
from spinnet.landscapes.hashed_levels import HashedLevels, check_size
from spinnet.landscapes.indexed_levels import check_disorder

FUNNELS = ("golf-hole", "power")
#: The kind of tree whose sums are scaled and shifted by the number of bits set.
_PROFILED = 2


class FoldingREM(HashedLevels, Signal):
    """Random energies with a native state: the minimally frustrated landscape of Bryngelson and Wolynes.

    The native state is the configuration of all +1, index 0 (a choice of gauge: any other one is as good). A state of
    overlap Q with it, Q = Σσ_i/N, has

        E(σ) = Ē(Q) + r(Q) x(σ),   Var x = N/2,

    x hashed: those of :class:`RandomEnergyModel`, or with ``levels`` correlated as in :class:`GeneralizedREM` (another
    set of numbers). The native state itself has no noise: E = −δ, with

        δ = Λ ΔE √(2 S₀) = Λ N √(ln 2),   ΔE² = N/2,  S₀ = N ln 2,

    so that Λ = 1 is the depth of the lowest of the others. Ē(Q) = 0 everywhere else in the golf-hole case, and
    −δ Q₊^k, Q₊ = max(Q, 0), in a funnel of that power. The roughness is r(Q)² = 1 − ``softening``·Q₊.

    For a golf-hole T_g = ΔE/√(2S₀) = 1/(2√ln 2) = 0.60056 and T_f = T_g(Λ + √(Λ² − 1)) in the limit N → ∞.

    Parameters
    ----------
    n : int
        Number N of spins, 1 to 64.
    stability : float
        Λ ≥ 0.
    funnel : {"golf-hole", "power"}
        Only the native state is low, or the mean energy falls as a power of the overlap.
    power : float
        k > 0, of the funnel; 1 is a linear one. Golf-holes have none.
    softening : float
        From 0 to 1: by how much the variance falls on the way to the native state.
    levels : sequence of pairs
        (variance share, entropy share) of the generations of correlated noise; None: independent.
    seed, sample : int
        The disorder. Landscapes that differ in Λ or in the funnel share the noise.

    Raises
    ------
    InputError
        For values that are not allowed.

    References
    ----------
    Bryngelson and Wolynes, Proc. Natl. Acad. Sci. 84, 7524 (1987); Onuchic, Luthey-Schulten and Wolynes, Annu. Rev.
    Phys. Chem. 48, 545 (1997). Closed forms: :mod:`spinnet.theory.folding`; finite N:
    :func:`spinnet.theory.random_energy_finite.native_probability`.
    """

    revision = 1

    def __init__(
        self, n: int, stability: float = 1.6, funnel: str = "golf-hole", power: float = 1.0, softening: float = 0.0,
        levels: Sequence[Sequence[float]] | None = None, seed: int = 0, sample: int = 0,
    ):  # fmt: skip
        checked = self.validate(
            n=n, stability=stability, funnel=funnel, power=power, softening=softening, levels=levels, seed=seed,
            sample=sample,
        )  # fmt: skip
        self.n: int = checked["n"]
        self.stability: float = checked["stability"]
        self.funnel: str = checked["funnel"]
        self.power: float = checked["power"]
        self.softening: float = checked["softening"]
        self.levels: list[list[float]] | None = checked["levels"]
        self.seed: int = checked["seed"]
        self.sample: int = checked["sample"]
        if self.levels is None:
            bits, widths = np.array([self.n]), np.array([float(self.n)])
        else:
            variances, entropies = np.array(self.levels).T
            bits, widths = np.rint(self.n * entropies).astype(int), self.n * variances
        self._grow("folding noise", bits, np.concatenate([widths, self.mean_energy, self.roughness]), _PROFILED)

    @classmethod
    def validate(cls, **parameters: Any) -> dict[str, Any]:
        """Check values; see :class:`spinnet.configurable.Configurable`."""
        n = check_size(parameters["n"])
        funnel = one_of("funnel", parameters.get("funnel", "golf-hole"), FUNNELS)
        power = real_number("power", parameters.get("power", 1.0), above=0.0)
        if funnel == "golf-hole" and power != 1.0:
            raise InputError(f"power = {power:g}: a golf-hole has none; take funnel = 'power'")
        softening = real_number("softening", parameters.get("softening", 0.0), 0.0)
        if softening > 1.0:
            raise InputError(f"softening = {softening:g}: give a number from 0 to 1")
        levels = parameters.get("levels")
        return {
            "n": n,
            "stability": real_number("stability", parameters.get("stability", 1.6), 0.0),
            "funnel": funnel,
            "power": power,
            "softening": softening,
            "levels": None if levels is None else check_levels(levels, n),
            **check_disorder(parameters),
        }

    @property
    def gap(self) -> float:
        """δ, the depth of the native state below the mean of the others at Q = 0, extensive."""
        return self.stability * self.n * math.sqrt(math.log(2.0))

    @property
    def glass_temperature(self) -> float:
        """T_g = ΔE/√(2S₀) of the states at Q = 0."""
        return 0.5 / math.sqrt(math.log(2.0))

    @property
    def folding_temperature(self) -> float | None:
        """T_f of a golf-hole of the same Λ as N → ∞; None for Λ < 1, where nothing folds."""
        if self.stability < 1.0:
            return None
        return self.glass_temperature * (self.stability + math.sqrt(self.stability**2 - 1.0))

    @property
    def shell_overlap(self) -> np.ndarray:
        """Q = 1 − 2k/N of the states with k spins turned away, shape ``(n + 1,)``."""
        return 1.0 - 2.0 * np.arange(self.n + 1) / self.n

    @property
    def mean_energy(self) -> np.ndarray:
        """Ē of each shell, shape ``(n + 1,)``."""
        towards = np.maximum(self.shell_overlap, 0.0)
        mean = -self.gap * towards**self.power if self.funnel == "power" else np.zeros(self.n + 1)
        mean[0] = -self.gap
        return mean

    @property
    def roughness(self) -> np.ndarray:
        """r of each shell, in units of √(N/2), shape ``(n + 1,)``."""
        rough = np.sqrt(1.0 - self.softening * np.maximum(self.shell_overlap, 0.0))
        rough[0] = 0.0
        return rough

    @property
    def signal(self) -> np.ndarray:
        """The native state, all +1, int8."""
        return np.ones(self.n, dtype=np.int8)
