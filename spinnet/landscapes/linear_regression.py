"""Linear regression: the landscape on which the noise of SGD and its stationary law are known exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from spinnet import randomness
from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError
from spinnet.landscapes.base import SumOfTerms, Units
from spinnet.spaces import Euclidean


class LinearRegression(SumOfTerms):
    """E = Σ_μ ½(a_μ·x − y_μ)² with its minimum at the origin and a known diagonal Hessian.

    Inputs are Gaussian and then made exact: (1/P) Σ a_μ a_μᵀ = diag(curvatures), so that coordinates are the modes of
    the mean loss L = E/P. Targets are Gaussian noise without the part that inputs could explain, of mean square
    ``label_noise``²: the minimum is x = 0 with L = label_noise²/2. The noise of one pattern there has the covariance
    C = (1/P) Σ y_μ² a_μ a_μᵀ, which is label_noise²·H up to a part of relative order P^{−1/2} that differs from sample
    to sample.

    Parameters
    ----------
    curvatures
        Eigenvalues of the Hessian of L, above 0.
    patterns
        P, above the number of curvatures.
    label_noise
        Root mean square of the residuals, 0 or more.
    start_scale
        :meth:`start` draws each coordinate from a Gaussian of this standard deviation.

    Raises
    ------
    InputError
        For values that are not allowed.
    """

    independent_unit: ClassVar[str] = "sample"

    def __init__(
        self,
        curvatures: tuple[float, ...] = (2.0, 1.0, 0.3, 0.1),
        patterns: int = 1000,
        label_noise: float = 1.0,
        start_scale: float = 0.0,
        seed: int = 0,
        sample: int = 0,
    ):
        given = self.validate(curvatures=curvatures, patterns=patterns, label_noise=label_noise,
                              start_scale=start_scale, seed=seed, sample=sample)  # fmt: skip
        self.curvatures, self.patterns = tuple(given["curvatures"]), given["patterns"]
        self.label_noise, self.start_scale = given["label_noise"], given["start_scale"]
        self.seed, self.sample = given["seed"], given["sample"]
        n = len(self.curvatures)
        rng = randomness.stream(self.seed, "regression", n, self.patterns, self.sample)
        drawn = rng.standard_normal((self.patterns, n + 1))
        orthonormal, triangle = np.linalg.qr(drawn)
        # The signs of a QR decomposition are not fixed; those of the drawn columns are.
        orthonormal *= np.sign(np.diag(triangle))
        orthonormal *= np.sqrt(self.patterns)
        self.inputs = np.ascontiguousarray(orthonormal[:, :n] * np.sqrt(self.curvatures))
        self.targets = self.label_noise * orthonormal[:, n]
        for array in (self.inputs, self.targets):
            array.flags.writeable = False

    @classmethod
    def validate(cls, curvatures, patterns, label_noise, start_scale, seed, sample):
        if not isinstance(curvatures, list | tuple | np.ndarray) or not len(curvatures):
            raise InputError(f"curvatures = {curvatures!r}: give a list of numbers above 0, such as [1, 0.1]")
        curvatures = [real_number("curvatures", one, above=0.0) for one in curvatures]
        if whole_number("patterns", patterns, 1) <= len(curvatures):
            raise InputError(f"patterns = {patterns}: give more than the {len(curvatures)} curvatures")
        return {
            "curvatures": curvatures, "patterns": patterns, "label_noise": real_number("label_noise", label_noise, 0.0),
            "start_scale": real_number("start_scale", start_scale, 0.0), "seed": whole_number("seed", seed),
            "sample": whole_number("sample", sample),
        }  # fmt: skip

    @classmethod
    def terms_of(cls, table: Mapping[str, Any]) -> int | None:
        """P."""
        return table["patterns"]

    @classmethod
    def task_memory_bytes(cls, table: Mapping[str, Any], replicas: int) -> int:
        """Inputs with the copies of their making, replicas, and a number for each replica and pattern."""
        n, patterns = len(table["curvatures"]), table["patterns"]
        return 8 * (4 * patterns * (n + 1) + replicas * (8 * n + 2 * patterns))

    @property
    def space(self) -> Euclidean:
        """Flat space, one coordinate per curvature."""
        return Euclidean(len(self.curvatures))

    @property
    def units(self) -> Units:
        """Per pattern: the energy density is the mean loss L."""
        return Units(self.patterns, "pattern")

    @property
    def n_terms(self) -> int:
        """Number of patterns P."""
        return self.patterns

    def start(self, replicas: int, rng: np.random.Generator) -> np.ndarray:
        """Gaussian coordinates of standard deviation ``start_scale``, ``(replicas, n)``."""
        return self.start_scale * rng.standard_normal((replicas, self.space.n))

    def energy(self, x: np.ndarray) -> np.ndarray:
        """E = (P/2)(Σ_i h_i x_i² + label_noise²), shape ``(replicas,)``."""
        x = self.check(x)
        return 0.5 * self.patterns * ((x * x) @ np.array(self.curvatures) + self.label_noise**2)

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """P·h_i x_i, shape ``(replicas, n)``."""
        return self.patterns * np.array(self.curvatures) * self.check(x)

    def hvp(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """P·h_i v_i, shape ``(replicas, n)``."""
        if self.check(x).shape != self.check(v).shape:
            raise InputError(f"hvp: {len(x)} configurations and {len(v)} directions")
        return self.patterns * np.array(self.curvatures) * self.check(v)

    def energy_terms(self, x: np.ndarray) -> np.ndarray:
        """½(a_μ·x − y_μ)², shape ``(replicas, P)``."""
        return 0.5 * (np.einsum("pi,ri->rp", self.inputs, self.check(x)) - self.targets) ** 2

    def gradient_batch(self, x: np.ndarray, terms: np.ndarray) -> np.ndarray:
        """Σ_{μ in batch} (a_μ·x − y_μ) a_μ, shape ``(replicas, n)``."""
        x = self.check(x)
        chosen = self.inputs[terms]
        residuals = np.einsum("rbi,ri->rb", chosen, x) - self.targets[terms]
        return np.einsum("rb,rbi->ri", residuals, chosen)
