"""Surfaces over the plane whose stationary points are known."""

from __future__ import annotations

import numpy as np

from spinnet.landscapes.base import Differentiable, Units
from spinnet.spaces import Euclidean


class FourGaussians(Differentiable):
    """The surface of Müller & Brown (1979): four Gaussian terms in the plane, three minima, two saddles."""

    height = np.array([-200.0, -100.0, -170.0, 15.0])
    a, b, c = np.array([-1, -1, -6.5, 0.7]), np.array([0, 0, 11, 0.6]), np.array([-10, -10, -6.5, 0.7])
    centre = np.array([[1, 0, -0.5, -1], [0, 0.5, 1.5, 1]])

    space = Euclidean(2)
    units = Units(1, "coordinate")

    def _parts(self, x):
        u, v = x[:, 0, None] - self.centre[0], x[:, 1, None] - self.centre[1]
        term = self.height * np.exp(self.a * u * u + self.b * u * v + self.c * v * v)
        return term, 2 * self.a * u + self.b * v, self.b * u + 2 * self.c * v

    def energy(self, x):
        return self._parts(x)[0].sum(axis=1)

    def gradient(self, x):
        term, p, q = self._parts(x)
        return np.stack([(term * p).sum(axis=1), (term * q).sum(axis=1)], axis=1)

    def hvp(self, x, v):
        term, p, q = self._parts(x)
        xx, yy = (term * (p * p + 2 * self.a)).sum(axis=1), (term * (q * q + 2 * self.c)).sum(axis=1)
        xy = (term * (p * q + self.b)).sum(axis=1)
        return np.stack([xx * v[:, 0] + xy * v[:, 1], xy * v[:, 0] + yy * v[:, 1]], axis=1)

    def stationary(self, x):
        x = np.array([x], dtype=np.float64)
        for _ in range(50):
            x = x - np.linalg.solve(self.hessian(x[0]), self.gradient(x)[0])
        return x[0]
