r"""Index against energy of stationary points: correlation, chance, and the law of random-matrix theory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from spinnet.estimators.resampling import FEWEST_UNITS, jackknife

_SAME_ENERGY = 1e-6
_FEWEST_NEAR = 20  # points between the edge and twice its energy, for a fit
_CUTS = 20
_GRID, _EXPONENTS = 40, (0.5, 1.0, 1.5, 2.0, 3.0)


def distinct_points(energy: NDArray, index: NDArray, zero_modes: NDArray) -> NDArray:
    """Which points to keep so that copies under the symmetries of a network are counted once: their places.

    Points of equal index and number of zero modes whose energies agree to 1e-6 (relative) are taken for copies; a
    point of another orbit with the same three numbers is lost with them.
    """
    order = np.lexsort((energy, zero_modes, index))
    e, k, z = energy[order], index[order], zero_modes[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(k) != 0) | (np.diff(z) != 0) | (np.diff(e) > _SAME_ENERGY * np.abs(e[1:]))
    return np.sort(order[new])


def correlation(x: NDArray, y: NDArray) -> float:
    """Pearson's coefficient; NaN for fewer than three points or without spread."""
    if len(x) < 3 or np.ptp(x) == 0.0 or np.ptp(y) == 0.0:
        return np.nan
    return float(np.corrcoef(x, y)[0, 1])


def chance_of_correlation(x: NDArray, y: NDArray, permutations: int, rng: np.random.Generator) -> float:
    """Probability of a correlation at least as large in modulus when the y are dealt out anew (one is added to both
    counts, so that it is never zero)."""
    own = abs(correlation(x, y))
    if not np.isfinite(own):
        return np.nan
    dealt = rng.permuted(np.broadcast_to(y, (permutations, len(y))), axis=1)
    centred = (x - x.mean()) / np.linalg.norm(x - x.mean())
    found = np.abs((dealt - y.mean()) @ centred) / np.linalg.norm(y - y.mean())
    return float((1 + (found >= own * (1 - 1e-12)).sum()) / (permutations + 1))


@dataclass(frozen=True)
class EdgeLaw:
    """α = amplitude·max(ε/ε_c − 1, 0)^exponent fitted by least squares; ``residual`` is the root mean square."""

    exponent: float
    critical: float
    amplitude: float
    residual: float

    def __call__(self, energy: NDArray) -> NDArray:
        return self.amplitude * np.maximum(energy / self.critical - 1.0, 0.0) ** self.exponent


def fit_edge_law(energy: NDArray, share: NDArray, exponent: float | None = 1.5) -> EdgeLaw:
    """Fit ε_c (from 1 % of the top energy) and the amplitude, and the exponent where it is None.

    In random-matrix theory the exponent is 3/2 near ε_c. The best of a grid is polished by a simplex search.
    """

    def law(critical: float, power: float) -> EdgeLaw:
        basis = np.maximum(energy / critical - 1.0, 0.0) ** power
        norm = float(basis @ basis)
        amplitude = float(basis @ share) / norm if norm > 0.0 else 0.0
        residual = float(np.sqrt(np.mean((share - amplitude * basis) ** 2)))
        return EdgeLaw(float(power), float(critical), amplitude, residual)

    top = float(energy.max())
    powers = _EXPONENTS if exponent is None else (exponent,)
    grid = [law(critical, power) for power in powers for critical in np.geomspace(0.01 * top, 0.99 * top, _GRID)]
    start = min(grid, key=lambda one: one.residual)

    def cost(p: NDArray) -> float:
        inside = 0.01 * top <= p[0] < top and (exponent is not None or 0.1 <= p[1] <= 6.0)
        return law(p[0], exponent or p[1]).residual if inside else np.inf

    first = np.array([start.critical] if exponent is not None else [start.critical, start.exponent])
    found = minimize(cost, first, method="Nelder-Mead", options={"xatol": 1e-5 * top, "fatol": 1e-10, "maxfev": 400})
    best = law(found.x[0], exponent or found.x[1])
    return best if best.residual <= start.residual else start


@dataclass(frozen=True)
class EdgeFit:
    """A law fitted near its edge, with jackknife errors over the sets of points.

    ``near`` points lie between ε_c and twice ε_c; ``refused`` says why there is no fit, and is empty where there is.
    """

    law: EdgeLaw | None
    critical_error: float = np.nan
    amplitude_error: float = np.nan
    exponent_error: float = np.nan
    near: int = 0
    refused: str = ""


def fit_near_edge(sets: Sequence[tuple[NDArray, NDArray]], exponent: float | None = 1.5) -> EdgeFit:
    """Fit the law of the edge to the points up to twice the ε_c it finds, over independent sets (energy, share).

    The law is the first term of an expansion in ε/ε_c − 1. Points above 2ε_c are cut off and the
    rest fitted anew until the cut stays.
    Refused with fewer than 5 sets or fewer than 20 points between ε_c and 2ε_c: too few points for a fit.
    """
    energy, share = (np.concatenate([one[k] for one in sets]) for k in (0, 1))
    if len(sets) < FEWEST_UNITS or len(energy) < _FEWEST_NEAR:
        return EdgeFit(None, refused=f"{len(energy)} points of {len(sets)} data sets: too few points for a fit (at "
                                     f"least {_FEWEST_NEAR} of {FEWEST_UNITS})")  # fmt: skip
    law = _cut_and_fit(energy, share, exponent)
    near = int(((energy > law.critical) & (energy <= 2.0 * law.critical)).sum())
    if near < _FEWEST_NEAR:
        return EdgeFit(None, near=near, refused=f"{near} points between a fitted ε_c = {law.critical:.4g} and 2ε_c: "
                                                f"too few points for a fit (at least {_FEWEST_NEAR})")  # fmt: skip

    def parameters(kept: NDArray) -> NDArray:
        one = _cut_and_fit(*(np.concatenate([sets[int(i)][k] for i in kept]) for k in (0, 1)), exponent)
        return np.array([one.critical, one.amplitude, one.exponent])

    error = jackknife(parameters, np.arange(len(sets))).error
    return EdgeFit(law, *(float(e) for e in np.asarray(error)), near)


def _cut_and_fit(energy: NDArray, share: NDArray, exponent: float | None) -> EdgeLaw:
    law, here = fit_edge_law(energy, share, exponent), np.ones(len(energy), bool)
    for _ in range(_CUTS):
        before, here = here, energy <= 2.0 * law.critical
        if here.sum() < 3 or (here == before).all():
            return law
        law = fit_edge_law(energy[here], share[here], exponent)
    return law
