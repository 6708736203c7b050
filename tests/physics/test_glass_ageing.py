"""Ageing of finite glasses against the Cugliandolo–Kurchan equations: correlation and integrated response, and FDT.

Corrections are linear in 1/N at fixed times. Steps are short enough for their error, of first order, to be below the
statistical one.
"""

from __future__ import annotations

import numpy as np
import pytest
from reference.relaxation import extrapolated

from spinnet.dynamics import PairedLangevin
from spinnet.estimators.fluctuation_dissipation import equilibrium_residual
from spinnet.landscapes import SphericalGlass
from spinnet.randomness import counter_keys
from spinnet.theory.dynamics_two_time import dynamics

WAITS, DELAYS = (0.5, 2.0), np.array([0.5, 1.0, 2.0])


def age(chosen, covariance, n, samples, replicas, until, delays, seed=21):
    """C and χ, (samples, waits, delays), means over the replicas of each sample."""
    correlation, response = [], []
    for sample in range(samples):
        glass = SphericalGlass(n=n, covariance=covariance, seed=seed, sample=sample)
        start = glass.start(replicas, np.random.default_rng([seed, n, sample]))
        state = chosen.init(glass, start, counter_keys(1000 * n + sample, replicas, "noise"))
        found = chosen.variables(chosen.advance(glass, state, chosen.steps_until(state, until)))
        at = [int(np.argmin(np.abs(found["delay"].data - t))) for t in delays]
        assert np.allclose(found["delay"].data[at], delays)
        correlation.append(found["correlation"].data[:, :, at].mean(axis=0))
        response.append(found["integrated_response"].data[:, :, at].mean(axis=0))
    return np.array(correlation), np.array(response)


def two_time(temperature, covariance, plan, step=0.01, replicas=8):
    """{n: (samples, 2·waits·delays)}: C and χ side by side."""
    # per_decade such that 0.5·10^{k/per_decade} passes through 1 and 2 to within a step
    chosen = PairedLangevin(temperature, WAITS, step=step, first=DELAYS[0], per_decade=10)
    runs = {}
    for n, samples in plan.items():
        c, chi = age(chosen, covariance, n, samples, replicas, WAITS[-1] + DELAYS[-1], DELAYS)
        runs[n] = np.concatenate([c.reshape(samples, -1), chi.reshape(samples, -1)], axis=1)
    return runs


def expected(temperature, covariance, waits=WAITS):
    theory = dynamics(covariance, temperature, DELAYS, waits, tolerance=1e-5)
    return np.concatenate([theory.correlation.ravel(), theory.integrated_response.ravel()])


def compare(runs, values, largest_error):
    limit, error, fits = extrapolated(runs)
    z = (limit - values) / error
    report = f"limits {limit.round(4)}, theory {values.round(4)}, errors {error.round(4)}, z {z.round(2)}"
    assert np.abs(z).max() < 4 and error.max() < largest_error, report
    assert min(fit.p_value for fit in fits) > 1e-4, report
    print(report)
    return limit, error


@pytest.fixture(scope="module")
def three_spins():
    return two_time(0.4, {3: 1.0}, {32: 48, 48: 32, 80: 24})


def test_correlation_and_response_of_the_three_spin_glass_follow_the_equations(three_spins):
    compare(three_spins, expected(0.4, {3: 1.0}), largest_error=0.03)


def test_another_age_another_temperature_and_a_response_to_twice_the_field_fail(three_spins):
    limit, error, _ = extrapolated(three_spins)
    right = expected(0.4, {3: 1.0})
    chi = np.arange(len(right)) >= len(right) // 2
    for wrong in (
        expected(0.4, {3: 1.0}, waits=(2.0, 8.0)),
        expected(0.6, {3: 1.0}),
        np.where(chi, 0.5 * right, right),
    ):
        assert np.abs((limit - wrong) / error).max() > 6


def test_two_spins_follow_their_closed_equations():
    runs = two_time(0.5, {2: 1.0}, {32: 40, 64: 32, 128: 24})
    compare(runs, expected(0.5, {2: 1.0}), largest_error=0.03)


def test_zero_temperature_response_follows_the_equations():
    runs = two_time(0.0, {3: 1.0}, {32: 40, 48: 32, 80: 24}, step=0.02)
    compare(runs, expected(0.0, {3: 1.0}), largest_error=0.03)


def test_equilibrium_obeys_the_fluctuation_dissipation_theorem_at_finite_size_and_ageing_does_not():
    delays = np.array([0.5, 2.0, 5.0])
    hot, cold = (
        age(PairedLangevin(t, [8.0], step=0.02, first=0.5, per_decade=10), {3: 1.0}, 32, 32, 24, 13.0, delays)
        for t in (1.0, 0.25)
    )
    found = equilibrium_residual(hot[0][:, 0], hot[1][:, 0], 1.0)
    assert np.abs(found.value / found.error).max() < 4 and found.error.max() < 0.02, found
    found = equilibrium_residual(cold[0][:, 0], cold[1][:, 0], 0.25)
    assert found.value[-1] / found.error[-1] < -4, found
