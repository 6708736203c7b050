"""Planted glasses: the signal is an equilibrium configuration, so that nothing moves on average from the first step.

With couplings of covariance exactly N f(q) and the ratio 1/T₀ in every degree this holds at every N: the pair of
glass and signal has the distribution of a glass (weighted by its partition function) and a configuration in equilibrium
on it.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from reference.relaxation import extrapolated, follow

from spinnet.dynamics import GeodesicMetropolis, GradientFlow, Langevin
from spinnet.landscapes import SphericalGlass
from spinnet.landscapes.glass_signals import OverlapTerm
from spinnet.randomness import counter_keys
from spinnet.theory.dynamics_two_time import dynamics as infinite_size

N, TEMPERATURE, STEPS = 12, 0.7, 40
PURE = {3: 1.0}


def z_value(samples):
    return samples.mean(axis=0) / (samples.std(axis=0, ddof=1) / np.sqrt(len(samples)))


def wander(glass, dynamics, parts, steps, seed, replicas=8):
    """Configurations after 0, 1, … times so many steps from the glass's own start, (parts + 1, replicas, n)."""
    state = dynamics.init(glass, glass.start(replicas, np.random.default_rng(seed)), counter_keys(5, replicas, seed))
    found = [state.x]
    for _ in range(parts):
        state = dynamics.advance(glass, state, steps)
        found.append(state.x)
    return np.array(found)


def measured(dynamics, samples, parts=2, steps=STEPS, flip=False, **table):
    """Per sample, means over replicas: energy densities, overlaps with the signal, C(2t, t), between replicas at t."""
    energy, signal, later, pair = [], [], [], []
    for sample in range(samples):
        glass = SphericalGlass(**{"n": N, "covariance": PURE, "seed": 17, "sample": sample, **table})
        if flip:
            (term,) = glass.overlap_terms
            glass.overlap_terms = [OverlapTerm(term.direction, {k: -c for k, c in term.coefficients.items()})]
        x = wander(glass, dynamics, parts, steps, sample)
        energy.append([glass.energy_density(rows).mean() for rows in x])
        signal.append((x @ glass.signal).mean(axis=1) / glass.n)
        later.append(np.einsum("ri,ri->", x[1], x[2]) / x[1].size)
        total = x[1].sum(axis=0)
        replicas = len(x[1])
        pair.append((total @ total / glass.n - replicas) / (replicas * (replicas - 1)))
    return SimpleNamespace(
        energy=np.array(energy), signal=np.array(signal), later=np.array(later), pair=np.array(pair)
    )


@pytest.fixture(scope="module")
def equilibrium():
    return measured(GeodesicMetropolis(TEMPERATURE, step=0.3, warm_up=1), 100, planted_temperature=TEMPERATURE)


def test_the_mean_energy_at_the_signal_is_that_of_equilibrium():
    for covariance, temperature in (({3: 1.0}, 0.7), ({3: 1.0, 4: 1.0}, 0.9), ({2: 0.5, 3: 2.0}, 1.5)):
        glasses = [
            SphericalGlass(6, covariance, seed=3, sample=s, planted_temperature=temperature) for s in range(300)
        ]
        energy = np.array([glass.energy_density(glass.start(1, np.random.default_rng(0)))[0] for glass in glasses])
        expected = -0.5 * sum(a**2 for a in covariance.values()) / temperature
        assert abs(z_value(energy - expected)) < 4
        # Deliberately wrong: the sign of a planted term the other way.
        assert abs(z_value(energy + expected)) > 4


def test_metropolis_from_the_signal_stays_in_equilibrium(equilibrium):
    # Differences within a sample: what is common to all times cancels.
    assert (np.abs(z_value(equilibrium.energy[:, 1:] - equilibrium.energy[:, :1])) < 4).all()
    assert (np.abs(z_value(equilibrium.energy + 0.5 / TEMPERATURE)) < 4).all()


def test_correlations_depend_on_the_difference_of_times(equilibrium):
    # C(2t, t) = C(t, 0), the overlap with the signal at t; neither is one nor zero.
    assert abs(z_value(equilibrium.later - equilibrium.signal[:, 1])) < 4
    assert 0.2 < equilibrium.signal[:, 2].mean() < equilibrium.signal[:, 1].mean() < 0.9


def test_two_histories_meet_as_if_one_ran_backwards(equilibrium):
    # Reversible dynamics in equilibrium: q₁₂ after t and t is C(2t).
    assert abs(z_value(equilibrium.pair - equilibrium.signal[:, 2])) < 4
    assert abs(z_value(equilibrium.pair - equilibrium.signal[:, 1])) > 4


def test_hashed_couplings_are_as_good():
    found = measured(
        GeodesicMetropolis(TEMPERATURE, step=0.3, warm_up=1), 60, planted_temperature=TEMPERATURE, couplings="hashed"
    )
    assert (np.abs(z_value(found.energy[:, 1:] - found.energy[:, :1])) < 4).all()
    assert (np.abs(z_value(found.energy + 0.5 / TEMPERATURE)) < 4).all()


def test_langevin_from_the_signal_stays_in_equilibrium():
    # The error of a step is of first order: 2·(half the step) − (whole step), sample by sample.
    coarse, fine = (
        measured(Langevin(TEMPERATURE, step), 80, steps=round(0.4 / step), planted_temperature=TEMPERATURE)
        for step in (0.02, 0.01)
    )
    energy = 2.0 * fine.energy - coarse.energy
    assert (np.abs(z_value(energy[:, 1:] - energy[:, :1])) < 4).all()
    assert fine.signal[:, 2].mean() < 0.9


@pytest.mark.parametrize(
    "wrong",
    [
        {"planted_temperature": 1.1},
        {"planted": {3: 1 / TEMPERATURE}, "start_at": "random"},
        {"planted_temperature": TEMPERATURE, "flip": True},
    ],
    ids=["another temperature", "a random start", "the wrong sign"],
)
def test_what_is_not_in_equilibrium_is_seen(wrong):
    found = measured(GeodesicMetropolis(TEMPERATURE, step=0.3, warm_up=1), 40, **wrong)
    assert np.abs(z_value(found.energy[:, 2] - found.energy[:, 0])) > 4


def test_gradient_flow_with_a_signal_follows_the_two_time_equations():
    # Convention of the ratio, of the start at an overlap, and of m(t): energies and overlaps for N → ∞.
    times, covariance, planted, start = np.array([0.25, 0.5, 1.0]), {2: 0.5, 3: 1.0}, {2: 2.0, 3: 1.5}, 0.4
    theory = infinite_size(covariance, 0.0, times, planted=planted, initial_overlap=start, tolerance=1e-5)
    runs = {"energy": {}, "overlap": {}}
    for n, samples in {24: 40, 48: 32, 96: 20}.items():
        energy, overlap = np.empty((2, samples, len(times)))
        for sample in range(samples):
            glass = SphericalGlass(n, covariance, seed=29, sample=sample, planted=planted, start_at=start)
            x = glass.start(16, np.random.default_rng([n, sample]))
            for k, rows in enumerate(follow(GradientFlow(tolerance=1e-4), glass, x, times)):
                energy[sample, k] = glass.energy_density(rows).mean()
                overlap[sample, k] = (rows @ glass.signal).mean() / n
        runs["energy"][n], runs["overlap"][n] = energy, overlap
    for name, expected in (("energy", theory.energy_density), ("overlap", theory.overlap_with_signal)):
        limit, error, _ = extrapolated(runs[name])
        print(name, limit, error, (limit - expected) / error)
        assert np.abs((limit - expected) / error).max() < 4, (name, limit, expected, error)
        assert error.max() < 0.03
    # Deliberately wrong: the curves without a signal.
    bare = infinite_size(covariance, 0.0, times, tolerance=1e-5)
    assert (np.abs(limit - bare.overlap_with_signal) > 6 * error).all()


@pytest.mark.slow
def test_langevin_from_the_signal_follows_the_equilibrium_equations():
    # C(t) of p = 3 at T = 0.65 from the mode-coupling equation, ±5e-5; steps extrapolated sample by sample.
    times, runs = np.array([0.5, 1.0, 2.0]), {}
    for n, samples in {32: 80, 64: 48, 128: 24}.items():
        overlap = np.empty((2, samples, len(times)))
        for sample in range(samples):
            glass = SphericalGlass(n, PURE, seed=23, sample=sample, planted_temperature=0.65)
            for k, step in enumerate((0.02, 0.01)):
                x = follow(Langevin(0.65, step), glass, glass.start(24, None), times, seed=1000 * n + sample)
                overlap[k, sample] = (x @ glass.signal).mean(axis=1) / n
        runs[n] = 2.0 * overlap[1] - overlap[0]
    limit, error, _ = extrapolated(runs)
    z = (limit - [0.816298, 0.744083, 0.675770]) / error
    print(limit, error, z)
    assert np.abs(z).max() < 4 and error.max() < 0.02, (limit, error, z)
