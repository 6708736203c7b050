"""Equilibrium of small spherical glasses by parallel tempering, against quadrature, an exact identity and N → ∞."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.dynamics.parallel_tempering import ParallelTempering
from spinnet.dynamics.temperature_ladder import place_temperatures, trial_landscapes
from spinnet.estimators.equilibrium import judge_equilibrium
from spinnet.estimators.resampling import mean_and_error
from spinnet.landscapes import SphericalGlass
from spinnet.probes.replica_overlap import ReplicaOverlapProbe
from spinnet.randomness import counter_keys
from spinnet.theory.covariance import Covariance
from spinnet.theory.spherical_statics import energy_density

COVARIANCE = Covariance({3: 1.0})
LADDER = (0.6, 0.75, 0.95, 1.3)


def equilibrate(n, sample, dynamics, steps, every, p=3):
    """Mean energy and mean f(q) of each temperature, round trips of each copy."""
    glass = SphericalGlass(n=n, covariance={p: 1.0}, seed=41, sample=sample)
    replicas, probe = dynamics.copies * dynamics.n_temperatures, ReplicaOverlapProbe(copies=dynamics.copies)
    keys = counter_keys(41, replicas, "noise", sample)
    state = dynamics.init(glass, glass.start(replicas, np.random.default_rng(sample)), keys)
    state = dynamics.advance(glass, state, dynamics.warm_up)
    energy, overlap = [], []
    for _ in range(steps // every):
        state = dynamics.advance(glass, state, every)
        energy.append(state.energy)
        overlap.append(0.5 * probe.measure(glass, state.x)["overlap"].data ** p)
    shape = (-1, dynamics.copies, dynamics.n_temperatures)
    means = [np.reshape(values, shape).mean(axis=(0, 1)) for values in (energy, overlap)]
    return *means, dynamics.variables(state)["round_trips"].data


def judged(n, samples, dynamics, steps, every=2):
    runs = [equilibrate(n, sample, dynamics, steps, every) for sample in range(samples)]
    energy, overlap, trips = (np.array(part) for part in zip(*runs, strict=True))
    return energy, judge_equilibrium(energy, overlap, dynamics.temperatures, n, 0.5, trips)


def test_energies_obey_the_identity_and_a_cold_start_does_not():
    dynamics = ParallelTempering(LADDER, copies=2, leapfrog=3, moves=1, warm_up=150)
    energy, verdict = judged(12, 32, dynamics, 400)
    assert verdict.equilibrated, verdict
    # Far from the value without overlaps, so that the second copy matters.
    bare = energy[:, 0] / 12 + 0.5 / LADDER[0]
    assert bare.mean() > 4 * bare.std(ddof=1) / np.sqrt(len(bare))
    # Deliberately wrong: no time to equilibrate, from random configurations.
    hasty = ParallelTempering(LADDER, copies=2, warm_up=1)
    _, verdict = judged(12, 24, hasty, 6, every=1)
    assert not verdict.equilibrated and verdict.z[0] > 4 and verdict.round_trips < 10


def sphere_average(glass, temperatures, points=60):
    """Mean energies on the two-sphere by Gauss–Legendre × trapezoidal quadrature."""
    z, weight = np.polynomial.legendre.leggauss(points)
    phi = np.arange(2 * points) * np.pi / points
    ring = np.sqrt(1 - z**2)[:, None]
    x = np.sqrt(3.0) * np.stack([ring * np.cos(phi), ring * np.sin(phi), np.repeat(z[:, None], len(phi), 1)], axis=-1)
    energy, weight = glass.energy(x.reshape(-1, 3)), np.repeat(weight, len(phi))
    boltzmann = weight * np.exp((energy.min() - energy) / np.array(temperatures)[:, None])
    return (boltzmann * energy).sum(axis=1) / boltzmann.sum(axis=1)


@pytest.mark.parametrize("leapfrog", [0, 3])
def test_energies_of_three_spins_are_those_of_quadrature(leapfrog):
    ladder, copies = (0.12, 0.25, 0.6), 40
    glass = SphericalGlass(n=3, covariance={3: 1.0}, seed=41, sample=2, dtype="float64")
    exact = sphere_average(glass, ladder)
    dynamics = ParallelTempering(ladder, copies=copies, moves=2, leapfrog=leapfrog, warm_up=100)
    keys = counter_keys(1, 3 * copies, "noise")
    state = dynamics.init(glass, glass.start(3 * copies, np.random.default_rng(0)), keys)
    state = dynamics.advance(glass, state, 150)
    energies = []
    for _ in range(150):
        state = dynamics.advance(glass, state, 2)
        energies.append(state.energy.reshape(copies, 3))
    mean, error = mean_and_error(np.mean(energies, axis=0))
    assert (np.abs(mean - exact) < 4 * error).all(), (mean, error, exact)
    assert (np.abs(mean - sphere_average(glass, np.array(ladder) * 1.2)) > 4 * error).all()


@pytest.mark.slow
def test_the_identity_holds_through_the_static_transition_on_a_placed_ladder():
    # T_s = 0.586, T_d = 0.612: from 0.45 to 1.4, temperatures placed by measured acceptance.
    ladder = place_temperatures(trial_landscapes(SphericalGlass(n=16, seed=41)), 0.45, 1.4, 6, leapfrog=4)
    dynamics = ParallelTempering(ladder.temperatures, copies=2, leapfrog=4, warm_up=300)
    _, verdict = judged(16, 32, dynamics, 2400, every=4)
    print(ladder, verdict)
    assert verdict.equilibrated, verdict


@pytest.mark.slow
def test_energies_extrapolate_to_the_paramagnet_above_the_static_transition():
    # e → −β/2 for all T > T_s = 0.586; corrections in 1/N from three sizes.
    dynamics = ParallelTempering((0.65, 0.75, 0.9, 1.15, 1.6), copies=2, leapfrog=4, warm_up=300)
    sizes, plan = (16, 24, 32), {16: 64, 24: 48, 32: 40}
    energies = {}
    for n in sizes:
        energy, verdict = judged(n, plan[n], dynamics, 1500, every=3)
        assert verdict.equilibrated, (n, verdict)
        energies[n] = energy / n
    for k, temperature in enumerate(dynamics.temperatures[1:], start=1):
        means = np.array([mean_and_error(energies[n][:, k]) for n in sizes])
        slope, value, error = _line(1.0 / np.array(sizes), means[:, 0], means[:, 1])
        expected = energy_density(COVARIANCE, temperature)
        assert expected == pytest.approx(-0.5 / temperature)
        print(f"T={temperature}: {means.ravel().round(4)} -> {value:.4f}({error:.4f}), {expected:.4f} + {slope:.2f}/N")
        assert abs(value - expected) < 4 * error and error < 0.05


def _line(x, y, error):
    """Weighted straight line: slope, value at 0 and its error."""
    design = np.column_stack([np.ones_like(x), x]) / error[:, None]
    covariance = np.linalg.inv(design.T @ design)
    value, slope = covariance @ design.T @ (y / error)
    return slope, value, np.sqrt(covariance[0, 0])
