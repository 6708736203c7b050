"""The glass beside the network: a spherical 3-spin glass of matched dimension, measured with the same probes.

Its energies have units of their own, so that only numbers without units are laid beside those of a network: shares of
eigenvalues, spacing ratios, factors between ages, barriers over the depth of the ends, overlaps.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spinnet import randomness
from spinnet.dynamics.langevin import Langevin
from spinnet.dynamics.quench import descend
from spinnet.landscapes.spherical_glass import SphericalGlass
from spinnet.probes.energy import EnergyProbe
from spinnet.probes.hessian_spectrum import HessianSpectrumProbe
from spinnet.probes.paths import energies_along, path_barrier
from spinnet.probes.two_time import TwoTimeProbe
from spinnet.records import Variable, Variables
from spinnet.schedules import LogSchedule
from spinnet.torch_models.settings import Settings
from spinnet.trajectory import Trajectory

MOST_SPINS = 128  # the work grows with the cube
_FEWEST_SPINS = 8
_TEMPERATURE = 0.4  # below the dynamical transition, 0.6124
_STEP, _LAST = 0.05, 80.0
_WAITS = (1.25, 5.0, 20.0)


def spins(dimension: int) -> int:
    """Spins of a glass whose sphere has that dimension, as far as ``MOST_SPINS`` allows."""
    return int(np.clip(dimension + 1, _FEWEST_SPINS, MOST_SPINS))


def matched_glass(dimension: int, seed: int) -> SphericalGlass:
    """A pure 3-spin glass whose sphere has that dimension, at most ``MOST_SPINS`` − 1."""
    return SphericalGlass(spins(dimension), {3: 1.0}, seed=seed, dtype="float64")


def run(glass: SphericalGlass, settings: Settings, should_stop: Callable[[], bool],
        tell: Callable[[float], None]) -> Variables | None:  # fmt: skip
    """Replicas of one glass, as many as seeds: from random starts below the dynamical transition, then into minima."""
    start = glass.start(settings.seeds, randomness.stream(settings.seed, "glass start"))
    probes = {"energy": EnergyProbe(), "two_time": TwoTimeProbe(_WAITS, first=0.5, per_decade=6)}
    course = Trajectory(glass, Langevin(_TEMPERATURE, _STEP), probes, LogSchedule(0.5, _LAST, 4), len(start))
    course.begin(course.dynamics.init(glass, start, randomness.counter_keys(settings.seed, len(start), "glass")))
    if not course.follow(should_stop, tell):
        return None
    end, _ = descend(glass, course.final, tolerance=1e-7)
    return {
        **course.variables(course.dynamics.time_unit),
        "endpoint/configuration": Variable(end, ("replica", "coordinate"), "1", "minimum below the last configuration"),
        "endpoint/energy_density": Variable(glass.energy_density(end), ("replica",), "energy", "energy per spin there"),
        "start/energy_density": Variable(glass.energy_density(start), ("replica",), "energy", "at random starts"),
    }


def hessian(glass: SphericalGlass, x: np.ndarray, rng: np.random.Generator) -> Variables:
    """Spectra at all minima."""
    return HessianSpectrumProbe().measure(glass, x, rng)


def lines(glass: SphericalGlass, x: np.ndarray, points: int, pairs: tuple[np.ndarray, np.ndarray]) -> Variables:
    """Energies on great circles between all pairs of minima."""
    first, second = pairs
    energies = energies_along(glass, x[first], x[second], points)
    return {
        "barriers/first": Variable(first, ("pair",), "1", "number of a replica"),
        "barriers/second": Variable(second, ("pair",), "1", "number of another replica"),
        "barriers/energy_density": Variable(energies, ("pair", "share"), "energy", "along the great circle"),
        "barriers/height": Variable(path_barrier(energies).height, ("pair",), "energy", "above the higher end"),
    }


def overlaps(glass: SphericalGlass, x: np.ndarray, pairs: tuple[np.ndarray, np.ndarray]) -> Variables:
    """Of all pairs of minima."""
    first, second = pairs
    return {
        "overlaps/first": Variable(first, ("pair",), "1", "number of a replica"),
        "overlaps/second": Variable(second, ("pair",), "1", "number of another replica"),
        "overlaps/weights": Variable(glass.space.overlap(x[first], x[second]), ("pair",), "1", "x y/N"),
    }
