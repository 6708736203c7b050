"""Two harmonic wells of equal depth and different width: does a Boltzmann distribution prefer the flat one?"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable, Units
from spinnet.spaces import Euclidean


class TwoWells(Differentiable):
    """A narrow and a wide well of equal depth in n dimensions, joined smoothly.

        U(x) = −s ln[exp(−u₁/s) + exp(−u₂/s)],   u_i = |x − c_i|²/(2 w_i²),   c₂ − c₁ = d e₁,

    the lower of the two parabolas rounded over an energy s = ``softness``. At the temperature T = s the Boltzmann
    distribution is exactly the sum of two Gaussians with the masses w_i^n, at every distance; at other temperatures
    the ratio (w₂/w₁)^n holds for wells far apart. What belongs to the wide well is exp(−u₂/s) over the sum
    (:meth:`wide_share`): its mean at T = s is exactly (w₂/w₁)^n/(1 + (w₂/w₁)^n).

    Parameters
    ----------
    n
        Dimensions.
    width_ratio
        w₂/w₁ ≥ 1.
    width
        w₁ > 0.
    distance
        d > 0 between the minima.
    softness
        s > 0, an energy.

    References
    ----------
    Zhang, Liao, Rakhlin, Miranda, Golowich and Poggio (2018) arXiv:1801.02254.
    """

    independent_unit: ClassVar[str] = "replica"

    def __init__(
        self, n: int, width_ratio: float = 1.5, width: float = 1.0, distance: float = 6.0, softness: float = 1.0
    ):
        given = self.validate(n=n, width_ratio=width_ratio, width=width, distance=distance, softness=softness)
        self.n, self.width_ratio, self.width = given["n"], given["width_ratio"], given["width"]
        self.distance, self.softness = given["distance"], given["softness"]
        self._space = Euclidean(self.n)
        self._stiffness = np.array([1.0, 1.0 / self.width_ratio**2]) / self.width**2

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        ratio = real_number("width_ratio", given["width_ratio"])
        if ratio < 1.0:
            raise InputError(f"width_ratio = {ratio:g}: give the wider over the narrower width, 1 or more")
        return {
            "n": whole_number("n", given["n"], 1),
            "width_ratio": ratio,
            **{name: real_number(name, given[name], above=0.0) for name in ("width", "distance", "softness")},
        }

    @property
    def space(self) -> Euclidean:
        """Flat space of n dimensions."""
        return self._space

    @property
    def units(self) -> Units:
        """Per coordinate."""
        return Units(self.n, "coordinate")

    def start(self, replicas: int, rng: np.random.Generator) -> np.ndarray:
        """By turns near the minimum of the narrow well and of the wide one, ``(replicas, n)``."""
        x = 0.1 * self.width * rng.standard_normal((replicas, self.n))
        x[1::2, 0] += self.distance
        return x

    def wide_share(self, x: np.ndarray) -> np.ndarray:
        """The part of each configuration that belongs to the wide well, 0 to 1, shape ``(replicas,)``."""
        return self._parts(self.check(x))[0]

    def _parts(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Share of the wide well, and both energies."""
        aside = np.einsum("ri,ri->r", x[:, 1:], x[:, 1:])
        narrow = 0.5 * self._stiffness[0] * (aside + x[:, 0] ** 2)
        wide = 0.5 * self._stiffness[1] * (aside + (x[:, 0] - self.distance) ** 2)
        with np.errstate(over="ignore"):
            share = 1.0 / (1.0 + np.exp((wide - narrow) / self.softness))
        return share, narrow, wide

    def energy(self, x: np.ndarray) -> np.ndarray:
        """U, shape ``(replicas,)``."""
        _, narrow, wide = self._parts(self.check(x))
        return -self.softness * np.logaddexp(-narrow / self.softness, -wide / self.softness)

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """∇U = Σ p_i ∇u_i, ``(replicas, n)``."""
        x = self.check(x)
        share = self._parts(x)[0]
        gradient = (self._stiffness[0] * (1.0 - share) + self._stiffness[1] * share)[:, None] * x
        gradient[:, 0] -= self._stiffness[1] * share * self.distance
        return gradient

    def hvp(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """∇²U v = Σ p_i ∇²u_i v − p₁p₂/s (∇u₁ − ∇u₂)(∇u₁ − ∇u₂)·v, ``(replicas, n)``."""
        x, v = self.check(x), self.check(v)
        if len(x) != len(v):
            raise InputError(f"hvp: {len(x)} configurations and {len(v)} directions")
        share = self._parts(x)[0]
        product = (self._stiffness[0] * (1.0 - share) + self._stiffness[1] * share)[:, None] * v
        apart = (self._stiffness[0] - self._stiffness[1]) * x
        apart[:, 0] += self._stiffness[1] * self.distance
        along = share * (1.0 - share) / self.softness * np.einsum("ri,ri->r", apart, v)
        return product - along[:, None] * apart

    def barrier(self) -> float:
        """Energy of the saddle on the line between the minima above the lower of the two."""
        line = np.zeros((2001, self.n))
        line[:, 0] = np.linspace(0.0, self.distance, 2001)
        energy = self.energy(line)
        top = float(energy.max() - min(energy[0], energy[-1]))
        return top if math.isfinite(top) else math.inf
