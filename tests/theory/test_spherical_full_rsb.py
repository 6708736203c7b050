"""Continuous overlap distributions, checked against direct minimisation of the Parisi functional on a grid."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize

from spinnet.theory.covariance import Covariance
from spinnet.theory.spherical_ageing import algorithmic_energy
from spinnet.theory.spherical_full_rsb import (
    NotFullBreakingError,
    full_ground_energy,
    full_state,
    full_then_step_state,
    shifted_covariance,
)
from spinnet.theory.spherical_one_step import one_step_ground, one_step_state
from spinnet.theory.spherical_statics import equilibrium_state, ground_state_energy


def functional(c, q, steps, last):
    """Return the Crisanti-Sommers functional, twice, of a step function on the grid q, and its gradients.

    sum steps (f(q_i+1) - f(q_i)) + int dq/xhat with xhat = last + int of the steps: at T = 0 steps = beta x and
    last = chi; at T > 0 steps = x and last = 1 - q_end.
    """
    width, force = np.diff(q), np.diff(c(q))
    after = last + np.concatenate([np.cumsum((steps * width)[::-1])[::-1][1:], [0.0]])
    ratio = steps * width / after
    safe = np.where(steps > 0, steps, 1.0)
    inverse = np.where(ratio > 1e-8, np.log1p(ratio) / safe, width / after * (1 - ratio / 2))
    value = steps @ force + inverse.sum()
    # derivative of each interval's integral by its own step, and by everything that comes after it
    own = np.where(ratio > 1e-4, (width / (after + steps * width) - inverse) / safe, -0.5 * (width / after) ** 2)
    later = np.where(ratio > 1e-8, (1.0 / (after + steps * width) - 1.0 / after) / safe, -width / after**2)
    before = np.concatenate([[0.0], np.cumsum(later)[:-1]])
    return value, force, own + before * width, later.sum()


OPTIONS = {"maxiter": 20_000, "maxfun": 100_000, "ftol": 1e-16, "gtol": 1e-11}


def parisi_energy(c, levels):
    """Return -min of the T = 0 functional over growing step functions with equal intervals.

    The functional is convex and its minimum over all growing functions is minus the ground-state energy: this is
    never above the energy and converges to it as the number of steps grows.
    """
    q = np.linspace(0.0, 1.0, levels + 1)

    def half(v):
        chi = math.exp(v[-1])
        value, force, entropic, by_last = functional(c, q, np.cumsum(v[:-1]), chi)
        by_increment = np.cumsum((force + entropic)[::-1])[::-1]
        gradient = np.concatenate([by_increment, [(c.first(1.0) + by_last) * chi]])
        return 0.5 * (value + chi * c.first(1.0)), 0.5 * gradient

    start = np.concatenate([np.full(levels, 0.5 / levels), [-0.5]])
    bounds = [(0.0, None)] * levels + [(None, None)]
    return -minimize(half, start, jac=True, bounds=bounds, method="L-BFGS-B", options=OPTIONS).fun


def parisi_log_partition(c, temperature, q):
    """Return the minimum over growing step functions on a grid q, with x = 1 above its end, at temperature T."""
    q_end, levels = q[-1], q.size - 1
    scaled = Covariance({p: a / temperature for p, a in c.terms})
    constant = scaled(1.0) - scaled(q_end) + math.log(1.0 - q_end)

    def half(v):
        value, force, entropic, _ = functional(scaled, q, np.cumsum(v), 1.0 - q_end)
        return 0.5 * (value + constant), 0.5 * np.cumsum((force + entropic)[::-1])[::-1]

    found = minimize(
        half, np.full(levels, 0.5 / levels), jac=True, bounds=[(0.0, None)] * levels, method="L-BFGS-B", options=OPTIONS
    )
    assert np.sum(found.x) < 1.0
    return found.fun


@pytest.mark.parametrize("amplitudes", [{3: 1}, {3: 1, 4: 1}, {2: 1, 3: 1}, {2: 1, 4: 1}])
def test_direct_minimisation_over_many_steps_gives_back_the_one_step_ground_state(amplitudes):
    c = Covariance(amplitudes)
    assert parisi_energy(c, 24) == pytest.approx(one_step_ground(c).energy_density, abs=1e-10)


@pytest.mark.parametrize("amplitudes", [{2: 1, 4: 0.1}, {2: 1, 4: 0.5}, {2: 1, 6: 0.8}])
def test_direct_minimisation_converges_to_the_ground_state_with_a_continuous_part(amplitudes):
    c = Covariance(amplitudes)
    energy = full_ground_energy(c)
    gaps = [energy - parisi_energy(c, levels) for levels in (2, 32)]
    assert -1e-11 < gaps[1] < 1e-6
    assert gaps[1] < gaps[0] / 50 or gaps[0] < 1e-6
    # the best one-step value is worse by more than the accuracy of the comparison
    with pytest.raises(ValueError):
        one_step_ground(c)


def test_concave_models_have_the_algorithmic_energy_as_ground_state():
    for amplitudes in ({2: 1, 4: 0.1}, {2: 2.0, 6: 0.1}):
        c = Covariance(amplitudes)
        assert full_ground_energy(c) == pytest.approx(algorithmic_energy(c), rel=1e-12)
    c = Covariance({2: 1, 4: 0.5})
    assert full_ground_energy(c) < algorithmic_energy(c) - 1e-6


@pytest.mark.parametrize(("temperature", "phase"), [(0.95, "full-rsb"), (0.6, "full-rsb-and-step"), (0.2, "1rsb")])
def test_direct_minimisation_at_finite_temperature_gives_the_same_phi(temperature, phase):
    c = Covariance({2: 1, 4: 1})
    state = equilibrium_state(c, temperature)
    assert state.phase == phase
    # steps of the true solution are represented when they are on the grid
    corner = full_then_step_state(c, temperature).continuous_to if phase == "full-rsb-and-step" else state.overlap / 2
    gaps = []
    for levels in (6, 24):
        grid = np.concatenate([np.linspace(0.0, corner, levels + 1)[:-1], np.linspace(corner, state.overlap, 13)])
        gaps.append(parisi_log_partition(c, temperature, grid) - state.log_partition)
    assert -1e-11 < gaps[1] < 1e-6
    assert gaps[1] < gaps[0] / 4 or gaps[0] < 1e-9


def test_phases_of_the_quadratic_and_quartic_model_join_smoothly():
    c = Covariance({2: 1, 4: 1})
    temperatures = np.concatenate([np.linspace(0.02, 0.985, 15), [0.9999]])
    states = [equilibrium_state(c, float(t)) for t in temperatures]
    phases = [s.phase for s in states]
    assert phases == sorted(phases, key=["1rsb", "full-rsb-and-step", "full-rsb"].index)
    energy = np.array([s.energy_density for s in states])
    overlap = np.array([s.overlap for s in states])
    assert np.all(np.diff(energy) > 0) and np.all(np.diff(overlap) < 0)
    # no jump of the energy: a first-order transition would show as an outlier of the slope
    slope = np.diff(energy)[:-1] / np.diff(temperatures)[:-1]
    assert slope.min() > 0.4 and slope.max() < 1.2


@pytest.mark.parametrize(
    ("solve", "amplitudes", "temperature"),
    [
        (full_state, {2: 1, 4: 0.1}, 0.5),
        (full_then_step_state, {2: 1, 4: 0.5}, 0.3),
        (full_then_step_state, {2: 1, 12: 1}, 0.3),
    ],
)
def test_energy_of_continuous_phases_is_minus_the_slope_of_phi(solve, amplitudes, temperature):
    c = Covariance(amplitudes)
    h = 1e-3 / temperature
    phi = [solve(c, 1 / (1 / temperature + k * h)).log_partition for k in (-2, -1, 1, 2)]
    slope = (phi[0] - 8 * phi[1] + 8 * phi[2] - phi[3]) / (12 * h)
    assert -slope == pytest.approx(solve(c, temperature).energy_density, rel=1e-8)


@pytest.mark.parametrize("amplitudes", [{2: 1, 4: 0.1}, {2: 1, 4: 0.5}, {2: 1, 4: 1}, {2: 1, 6: 1}])
def test_continuous_phases_tend_to_their_ground_state(amplitudes):
    c = Covariance(amplitudes)
    for temperature in (1e-3, 1e-6):
        energy = equilibrium_state(c, temperature).energy_density
        assert energy == pytest.approx(ground_state_energy(c) + 0.5 * temperature, abs=10 * temperature**2 + 1e-12)


def test_order_parameter_of_the_full_phase_starts_linearly_for_an_even_model():
    # x(q) = -T d/dq (1 + 6 a^2 q^2)^(-1/2): zero at q = 0, so that small overlaps have a finite density
    state = full_state(Covariance({2: 1, 4: 0.1}), 0.9)
    q = state.overlap
    expected = 0.9 * 6 * 0.01 * q * (1 + 6 * 0.01 * q * q) ** -1.5
    assert state.break_point == pytest.approx(expected, rel=1e-12)
    assert not state.has_step


def test_shifted_covariance_is_the_taylor_remainder():
    c = Covariance({2: 0.4, 3: 1.0, 7: 0.2})
    g = shifted_covariance(c, 0.3)
    for t in (0.1, 0.5):
        assert g(t) == pytest.approx(c(0.3 + t) - c(0.3) - c.first(0.3) * t, rel=1e-13)


def test_continuous_phases_are_refused_where_they_do_not_exist():
    for amplitudes, temperature in (({3: 1}, 0.3), ({2: 1, 4: 1}, 0.1), ({2: 1, 4: 1}, 1.5), ({2: 1, 3: 1}, 0.5)):
        for solve in (full_state, full_then_step_state):
            with pytest.raises(NotFullBreakingError):
                solve(Covariance(amplitudes), temperature)
    with pytest.raises(NotFullBreakingError):
        full_ground_energy(Covariance({3: 1}))
    assert one_step_state(Covariance({3: 1}), 0.3).overlap > 0.8


def test_phase_that_ignores_a_term_of_high_degree_is_refused():
    # near q = 0.8 the 400-spin term and its first derivatives are zero within rounding, but it freezes the model
    c = Covariance({2: 1, 400: 1})
    with pytest.raises(NotFullBreakingError):
        full_state(c, 0.2)
    assert full_state(c, 0.5).overlap == pytest.approx(0.5, abs=1e-12)
    with pytest.raises(NotFullBreakingError, match="degrees above"):
        full_then_step_state(c, 0.2)
