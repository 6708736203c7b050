r"""Is a replica-exchange run in equilibrium? Round trips, and an identity between energy and overlap.

For Gaussian couplings with covariance N f(q) at every N, integration by parts gives

.. math:: E\langle H\rangle = -\beta N\,[f(1) - E\langle f(q_{12})\rangle]

at every N and temperature, q₁₂ the overlap of two copies on the same couplings and E the mean over couplings. Out of
equilibrium energies are too high and copies too far apart: both move the difference of the two sides upwards.

References: Crisanti and Sommers (1992); Katzgraber, Palassini and Young, Phys. Rev. B 63, 184422 (2001).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError
from spinnet.estimators.resampling import mean_and_error

FEWEST_ROUND_TRIPS = 10
LARGEST_Z = 4.0
#: An error above this share of the energy cannot tell equilibrium from its absence.
LARGEST_RELATIVE_ERROR = 0.05


def second_part(values: ArrayLike, block_steps: ArrayLike, axis: int = -1) -> NDArray:
    """Means over the second part of a run, from means over blocks of time that double.

    The last block if it is complete (as long as all before it), else the last two: at least the second half of what
    was measured, and at most three quarters of it.

    Parameters
    ----------
    values : array_like
        Means over the steps of each block, with the blocks along ``axis``.
    block_steps : array_like, shape (block,)
        Steps in each block.

    Raises
    ------
    InputError
        If nothing was measured.
    """
    values, steps = np.moveaxis(np.asarray(values, dtype=np.float64), axis, -1), _steps(block_steps)
    last = len(steps) - _taken(steps)
    return values[..., last:] @ (steps[last:] / steps[last:].sum())


def second_part_counts(counts: ArrayLike, block_steps: ArrayLike, axis: int = -2) -> NDArray:
    """Counts of the second part of a run: as :func:`second_part`, added up."""
    counts, steps = np.moveaxis(np.asarray(counts), axis, -1), _steps(block_steps)
    return counts[..., len(steps) - _taken(steps) :].sum(axis=-1)


def _steps(block_steps: ArrayLike) -> NDArray:
    steps = np.asarray(block_steps, dtype=np.float64)
    if steps.ndim != 1 or not steps.sum() > 0:
        raise InputError("nothing was measured after the warm-up: make the run longer than warm_up")
    return steps


def _taken(steps: NDArray) -> int:
    """Number of blocks of the second part."""
    # Blocks of a, a, 2a, 4a, … where the first is the warm-up, which is not among them.
    complete = len(steps) == 1 or steps[-1] >= 2 * steps[-2]
    return 1 if complete else 2


def block_drift(values: ArrayLike) -> tuple[NDArray, NDArray]:
    """Change of a mean from the last but one block to the last, and its z-score over samples.

    Blocks double, so that a run that is still on its way to equilibrium differs between them.

    Parameters
    ----------
    values : array_like, shape (sample, ..., block)
        Means over blocks; two blocks or more, the last of them complete.

    Returns
    -------
    change, z : ndarray, shape (...)
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim < 2 or values.shape[-1] < 2:
        raise InputError(f"values of shape {values.shape}: a drift needs two blocks of time; make the run longer")
    change, error = mean_and_error(values[..., -1] - values[..., -2])
    with np.errstate(all="ignore"):
        return change, change / error


@dataclass(frozen=True)
class EquilibriumVerdict:
    """The two criteria at each temperature.

    Attributes
    ----------
    residual, error : ndarray (temperatures,)
        Mean over samples of e + β[f(1) − f(q₁₂)], zero in equilibrium, and its standard error; energy per unit.
    z : ndarray (temperatures,)
        residual/error.
    round_trips : float
        Fewest round trips per walker in any ladder.
    conclusive : ndarray (temperatures,) of bool
        Whether the error is small enough for the identity to say anything.
    equilibrated : bool
        Enough round trips, every temperature conclusive, and every |z| within its limit.
    """

    residual: NDArray
    error: NDArray
    z: NDArray
    round_trips: float
    conclusive: NDArray
    equilibrated: bool


def judge_equilibrium(
    energy: ArrayLike,
    overlap_covariance: ArrayLike,
    temperature: ArrayLike,
    n: int,
    self_covariance: float,
    round_trips: ArrayLike,
) -> EquilibriumVerdict:
    """Judge a set of runs on independent couplings at common temperatures.

    Parameters
    ----------
    energy : array_like (samples, temperatures)
        ⟨H⟩ of each sample, extensive.
    overlap_covariance : array_like (samples, temperatures)
        ⟨f(q₁₂)⟩ of each sample, the mean of f and not f of the mean.
    temperature : array_like (temperatures,)
        The same for all samples: temperatures that depend on the couplings spoil the identity.
    n : int
        N.
    self_covariance : float
        f(1).
    round_trips : array_like
        Round trips per walker of each ladder, any shape.

    Raises
    ------
    InputError
        For arrays of different shapes or fewer than two samples.
    """
    energy = np.asarray(energy, dtype=np.float64)
    covariance = np.asarray(overlap_covariance, dtype=np.float64)
    temperature = np.asarray(temperature, dtype=np.float64)
    if energy.ndim != 2 or energy.shape != covariance.shape or energy.shape[1:] != temperature.shape:
        raise InputError(
            f"energies {energy.shape}, overlaps {covariance.shape} and temperatures {temperature.shape}: give "
            "(samples, temperatures) twice and (temperatures,)"
        )
    if len(energy) < 2:
        raise InputError("one sample: the identity holds for the mean over couplings; give two samples or more")
    residual, error = mean_and_error(energy / n + (self_covariance - covariance) / temperature)
    with np.errstate(all="ignore"):
        z = residual / error
    conclusive = error <= LARGEST_RELATIVE_ERROR * np.abs(energy.mean(axis=0)) / n
    fewest = float(np.min(round_trips))
    good = fewest >= FEWEST_ROUND_TRIPS and conclusive.all() and bool(np.all(np.abs(z) < LARGEST_Z))
    return EquilibriumVerdict(residual, error, z, fewest, conclusive, bool(good))
