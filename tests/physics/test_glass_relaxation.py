"""Finite glasses against the Cugliandolo–Kurchan equations: energy and memory of the start, from a random start.

Reference values: numerical solution of the two-time equations with Richardson extrapolation, error below 1e-5 (4e-5 for
3+4). Corrections are linear in 1/N at fixed time because the couplings have exactly the covariance N f(q).
"""

from __future__ import annotations

import numpy as np
import pytest
from reference.relaxation import extrapolated, sample_means

from spinnet.dynamics import GradientFlow, Langevin

TIMES = np.array([0.5, 1.0, 2.0, 5.0])
ENERGY = np.array([-0.571416, -0.782508, -0.926219, -1.035656])
OVERLAP = np.array([0.870102, 0.713697, 0.548056, 0.377246])
PURE = {3: 1.0}


def compare(runs, expected, largest_error=None):
    limit, error, fits = extrapolated(runs)
    z = (limit - expected) / error
    report = f"limits {limit.round(5)}, errors {error.round(5)}, z {z.round(2)}, p {[f.p_value for f in fits]}"
    assert np.abs(z).max() < 4, report
    assert min(fit.p_value for fit in fits) > 1e-4, report
    if largest_error is not None:
        assert error.max() <= largest_error, report
    print(report)


def relax(dynamics, covariance, plan, times, pairs=16):
    runs = {n: sample_means(dynamics, covariance, n, samples, pairs, times) for n, samples in plan.items()}
    return {n: run[0] for n, run in runs.items()}, {n: run[1] for n, run in runs.items()}


@pytest.fixture(scope="module")
def quick():
    return relax(GradientFlow(tolerance=1e-3), PURE, {32: 24, 64: 24, 96: 20}, TIMES, pairs=24)


def test_gradient_flow_of_the_three_spin_glass_follows_the_equations(quick):
    compare(quick[0], ENERGY, largest_error=0.004)


def test_memory_of_the_start_follows_the_equations(quick):
    compare(quick[1], OVERLAP)


def test_energies_of_another_time_unit_fail(quick):
    # Deliberately wrong: the curve at twice the time.
    limit, error, _ = extrapolated(quick[0])
    assert (np.abs(limit[:2] - ENERGY[1:3]) / error[:2]).min() > 10


@pytest.mark.slow
def test_gradient_flow_of_the_three_spin_glass_at_larger_sizes():
    energy, overlap = relax(GradientFlow(tolerance=1e-4), PURE, {64: 64, 128: 48, 256: 24}, TIMES)
    compare(energy, ENERGY, largest_error=0.004)
    compare(overlap, OVERLAP)


@pytest.mark.slow
def test_gradient_flow_of_the_mixed_glass_follows_the_equations():
    expected = [-1.033524, -1.27255, -1.42866, -1.54967]
    energy, overlap = relax(GradientFlow(tolerance=1e-4), {3: 1.0, 4: 1.0}, {32: 48, 48: 40, 80: 24}, TIMES)
    compare(energy, expected)
    compare(overlap, [0.795542, 0.646076, 0.512220, 0.374875])


@pytest.mark.slow
def test_langevin_at_half_temperature_follows_the_equations():
    # The error of a step is of first order: 2·e(step/2) − e(step), sample by sample.
    plan, expected = {48: 64, 96: 48, 160: 24}, [-0.449232, -0.586993, -0.685844, -0.768987]
    coarse, fine = (relax(Langevin(0.5, step), PURE, plan, TIMES)[0] for step in (0.02, 0.01))
    compare({n: 2.0 * fine[n] - coarse[n] for n in plan}, expected)
