"""Points with known laws: GOE and Wishart Hessians, relaxation curves given in closed form."""

from __future__ import annotations

import numpy as np

from spinnet.comparison.points import PointData

TIME = np.concatenate([[0.0], 0.01 * 10.0 ** (np.arange(33) / 8)])


def goe(n: int, rng: np.random.Generator) -> np.ndarray:
    """Off-diagonal variance 1/n: a semicircle of radius 2."""
    a = rng.normal(size=(n, n)) / np.sqrt(2 * n)
    return a + a.T


def wishart(n: int, m: int, rng: np.random.Generator) -> np.ndarray:
    """X X^T/m: Marchenko-Pastur of ratio n/m."""
    x = rng.normal(size=(n, m))
    return x @ x.T / m


def spacing_ratios(eigenvalues: np.ndarray) -> np.ndarray:
    gaps = np.diff(np.sort(eigenvalues))
    return np.minimum(gaps[1:], gaps[:-1]) / np.maximum(gaps[1:], gaps[:-1])


def make_point(
    arm: str,
    name: str,
    matrices,
    relax,
    samples: int,
    replicas: int,
    rng: np.random.Generator,
    time: np.ndarray = TIME,
    **attributes,
) -> PointData:
    """A point from ``matrices(rng)`` and ``relax(time, rng) -> energy, gradient norm`` of every run."""
    spectra = np.array([[np.linalg.eigvalsh(matrices(rng)) for _ in range(replicas)] for _ in range(samples)])
    ratios = np.array([[spacing_ratios(row) for row in block] for block in spectra])
    curves = [[relax(time, rng) for _ in range(replicas)] for _ in range(samples)]
    arrays = {
        "trajectory/time": time,
        "trajectory/energy_density": np.array([[curve[0] for curve in block] for block in curves]),
        "trajectory/gradient_norm": np.array([[curve[1] for curve in block] for block in curves]),
        "spectrum/eigenvalue": spectra,
        "spectrum/spacing_ratio": ratios.mean(axis=2),
    }
    known = {"independent_unit": "sample", "n_dof": spectra.shape[2], "n_units": spectra.shape[2], "unit": "spin"}
    return PointData(arm, name, arrays, known | attributes)


def power_law(limit: float, drop: float, scale: float, exponent: float, noise: float = 0.0, jitter: float = 0.0):
    """e(t) = limit + drop (1 + t/scale)^-exponent, and the root of its slope for a gradient.

    ``noise`` is the standard deviation of a shift of each run, ``jitter`` the relative one of its exponent.
    """

    def relax(time, rng):
        shift, own = noise * rng.normal(), exponent * np.exp(jitter * rng.normal())
        energy = limit + shift + drop * (1 + time / scale) ** -own
        slope = drop * own / scale * (1 + time / scale) ** (-own - 1)
        return energy, np.sqrt(slope)

    return relax
