"""Small landscapes whose dynamics and spectra are known exactly: what the tests of dynamics and probes move on."""

from __future__ import annotations

import numpy as np

from spinnet.landscapes.base import Differentiable, Signal, SumOfTerms, Units
from spinnet.spaces import Euclidean, Sphere


class HarmonicWell(Differentiable):
    """H = ½ Σ h_i x_i²; ``curvatures`` h may be negative (then it is a saddle)."""

    def __init__(self, curvatures=(1.0, 2.0)):
        self.curvatures = np.array(curvatures, dtype=np.float64)

    @property
    def space(self):
        return Euclidean(len(self.curvatures))

    @property
    def units(self):
        return Units(len(self.curvatures), "coordinate")

    def energy(self, x):
        return 0.5 * (x * x * self.curvatures).sum(axis=1)

    def gradient(self, x):
        return x * self.curvatures

    def hvp(self, x, v):
        return v * self.curvatures


class DoubleWell(Differentiable):
    """H = Σ (x_i² − 1)²/4: two minima in each coordinate."""

    def __init__(self, n=3):
        self.n = n

    @property
    def space(self):
        return Euclidean(self.n)

    @property
    def units(self):
        return Units(self.n, "coordinate")

    def energy(self, x):
        return 0.25 * ((x * x - 1.0) ** 2).sum(axis=1)

    def gradient(self, x):
        return x * (x * x - 1.0)

    def hvp(self, x, v):
        return v * (3.0 * x * x - 1.0)


class Crater(Differentiable):
    """H = Σ (x_i²/2 − x_i⁴/4): a well for |x_i| < 1, outside of it gradient flow is infinite in finite time."""

    def __init__(self, n=2):
        self.n = n

    @property
    def space(self):
        return Euclidean(self.n)

    @property
    def units(self):
        return Units(self.n, "coordinate")

    def energy(self, x):
        return (0.5 * x**2 - 0.25 * x**4).sum(axis=1)

    def gradient(self, x):
        return x - x**3

    def hvp(self, x, v):
        return (1.0 - 3.0 * x * x) * v


class QuadraticForm(Differentiable, Signal):
    """H = ½ xᵀAx on flat space or on the sphere; with A = −J, J of the GOE, the spherical p = 2 glass.

    Its signal has no energy.
    """

    def __init__(self, matrix, sphere=True):
        self.matrix = np.array(matrix, dtype=np.float64)
        self.sphere = sphere

    @property
    def space(self):
        return Sphere(len(self.matrix)) if self.sphere else Euclidean(len(self.matrix))

    @property
    def units(self):
        return Units(len(self.matrix), "spin")

    @property
    def signal(self):
        return np.ones(len(self.matrix))

    # einsum and not a matrix product: every row then has the same bits in any block.
    def energy(self, x):
        return 0.5 * np.einsum("ri,ij,rj->r", x, self.matrix, x)

    def gradient(self, x):
        return np.einsum("ij,rj->ri", self.matrix, x)

    def hvp(self, x, v):
        return np.einsum("ij,rj->ri", self.matrix, v)


class LinearRegression(SumOfTerms):
    """E = Σ_μ ½(a_μ·x − y_μ)²."""

    def __init__(self, inputs, targets):
        self.inputs = np.array(inputs, dtype=np.float64)
        self.targets = np.array(targets, dtype=np.float64)

    @property
    def space(self):
        return Euclidean(self.inputs.shape[1])

    @property
    def units(self):
        return Units(len(self.inputs), "pattern")

    @property
    def n_terms(self):
        return len(self.inputs)

    def _residuals(self, x):
        return x @ self.inputs.T - self.targets

    def energy_terms(self, x):
        return 0.5 * self._residuals(x) ** 2

    def energy(self, x):
        return self.energy_terms(x).sum(axis=1)

    def gradient(self, x):
        return self._residuals(x) @ self.inputs

    def hvp(self, x, v):
        return (v @ self.inputs.T) @ self.inputs

    def gradient_batch(self, x, terms):
        chosen = self.inputs[terms]
        residuals = np.einsum("rbi,ri->rb", chosen, x) - self.targets[terms]
        return np.einsum("rb,rbi->ri", residuals, chosen)


def goe(n, rng):
    """A matrix of the GOE with variance 1/n off the diagonal and 2/n on it: spectral edge 2."""
    square = rng.standard_normal((n, n))
    return (square + square.T) / np.sqrt(2.0 * n)


def two_spin_glass(n, seed):
    """H = −½ xᵀJx on the sphere, J of the GOE: covariance N q²/2."""
    return QuadraticForm(-goe(n, np.random.default_rng(seed)), sphere=True)
