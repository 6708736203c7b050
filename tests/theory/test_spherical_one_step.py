"""The one-step phase: its equations, its limits, and the condition that tells whether it is the true phase."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance
from spinnet.theory.kac_rice import level_energy
from spinnet.theory.spherical_one_step import (
    NotOneStepError,
    ground_violation,
    inverse_root_curvature,
    one_step_ground,
    one_step_specific_heat,
    one_step_state,
    violation_above,
    violation_below,
)
from spinnet.theory.spherical_transitions import static_transition

ONE_STEP = [{3: 1}, {4: 1}, {50: 1}, {3: 1, 4: 1}, {2: 1, 3: 1}, {2: 1, 3: 0.5}, {3: 2.0, 8: 0.3}]


def free_energy_functional(c, temperature, q, x):
    """Return phi_1RSB(q, x) as written by Crisanti and Sommers, for the uniform probability on the sphere."""
    energetic = 0.5 * (c(1.0) - (1 - x) * c(q)) / temperature**2
    return energetic + 0.5 * ((x - 1) / x * math.log(1 - q) + math.log(1 - q + x * q) / x)


@pytest.mark.parametrize(
    ("temperature", "q", "x", "energy"),
    [
        (0.5, 0.71166598, 0.73614808, -0.90489817),
        (0.4, 0.77961390, 0.51362968, -0.96191821),
        (0.3, 0.84084217, 0.34392125, -1.01661455),
        (0.2, 0.89728628, 0.20799023, -1.06957984),
        (0.1, 0.95009070, 0.09544691, -1.12118318),
    ],
)
def test_cubic_model_has_the_values_of_the_sheet(temperature, q, x, energy):
    state = one_step_state(Covariance({3: 1}), temperature)
    assert state.overlap == pytest.approx(q, abs=6e-9)
    assert state.break_point == pytest.approx(x, abs=6e-9)
    assert state.energy_density == pytest.approx(energy, abs=6e-9)


@pytest.mark.parametrize("amplitudes", ONE_STEP)
@pytest.mark.parametrize("fraction", [0.97, 0.5, 0.05])
def test_solution_is_the_stationary_point_of_the_crisanti_sommers_functional(amplitudes, fraction):
    c = Covariance(amplitudes)
    temperature = fraction * static_transition(c).temperature
    state = one_step_state(c, temperature)
    q, x = state.overlap, state.break_point
    assert free_energy_functional(c, temperature, q, x) == pytest.approx(state.log_partition, rel=1e-11)
    # both saddle equations as they stand in the literature, relative to their first terms
    beta2 = temperature**-2
    u, s = 1 - q, 1 - q + x * q
    assert q / (u * s) == pytest.approx(beta2 * c.first(q), rel=1e-9)
    assert (math.log(s / u) / x**2 - q / (x * s)) == pytest.approx(beta2 * c(q), rel=1e-7)
    assert 0 < x < 1


@pytest.mark.parametrize("amplitudes", [{3: 1}, {2: 1, 3: 1}, {3: 1, 4: 1}])
def test_solution_is_found_by_plain_minimisation_of_the_functional(amplitudes):
    # phi is convex in the overlap distribution: (q, x) near the solution cannot give less
    c = Covariance(amplitudes)
    temperature = 0.6 * static_transition(c).temperature
    state = one_step_state(c, temperature)
    found = minimize(
        lambda v: free_energy_functional(c, temperature, v[0], v[1]),
        [0.7, 0.5],
        bounds=[(0.05, 0.999), (0.02, 1.0)],
        method="L-BFGS-B",
        options={"ftol": 1e-16, "gtol": 1e-12},
    )
    assert found.fun == pytest.approx(state.log_partition, rel=1e-11)
    np.testing.assert_allclose(found.x, [state.overlap, state.break_point], atol=1e-4)


@pytest.mark.parametrize("amplitudes", ONE_STEP)
def test_energy_is_minus_the_slope_of_phi_and_the_specific_heat_the_slope_of_the_energy(amplitudes):
    c = Covariance(amplitudes)
    temperature = 0.7 * static_transition(c).temperature
    state = one_step_state(c, temperature)
    h = 1e-3 / temperature
    phi = [one_step_state(c, 1 / (1 / temperature + k * h)).log_partition for k in (-2, -1, 1, 2)]
    slope = (phi[0] - 8 * phi[1] + 8 * phi[2] - phi[3]) / (12 * h)
    assert -slope == pytest.approx(state.energy_density, rel=1e-9)
    h = 1e-3 * temperature
    energy = [one_step_state(c, temperature + k * h).energy_density for k in (-2, -1, 1, 2)]
    slope = (energy[0] - 8 * energy[1] + 8 * energy[2] - energy[3]) / (12 * h)
    assert slope == pytest.approx(one_step_specific_heat(c, state), rel=1e-8)


@pytest.mark.parametrize("amplitudes", ONE_STEP)
def test_branch_starts_at_the_static_transition_with_continuous_energy(amplitudes):
    c = Covariance(amplitudes)
    static = static_transition(c)
    state = one_step_state(c, static.temperature * (1 - 1e-6))
    assert state.overlap == pytest.approx(static.overlap, abs=2e-4)
    assert state.energy_density == pytest.approx(-c(1.0) / static.temperature, rel=1e-5)
    expected = 1.0 if static.overlap > 0 else 0.5 * c.third(0.0) / c.second(0.0) ** 1.5
    assert state.break_point == pytest.approx(expected, abs=2e-5)
    with pytest.raises(NotOneStepError):
        one_step_state(c, static.temperature * (1 + 1e-6))


@pytest.mark.parametrize("amplitudes", ONE_STEP)
@pytest.mark.parametrize("temperature", [1e-5, 1e-12, 1e-60])
def test_branch_tends_to_the_ground_state_without_loss_of_digits(amplitudes, temperature):
    c = Covariance(amplitudes)
    ground, state = one_step_ground(c), one_step_state(c, temperature)
    assert state.energy_density == pytest.approx(ground.energy_density, abs=2 * temperature + 1e-13)
    # the slope of the energy at T = 0 is the classical 1/2
    if temperature > 1e-9:
        assert (state.energy_density - ground.energy_density) / temperature == pytest.approx(0.5, abs=1e-3)
    assert state.complement / temperature == pytest.approx(ground.chi, rel=10 * c.second(1.0) * temperature + 1e-12)
    assert state.break_point / temperature == pytest.approx(ground.y, rel=10 * c.second(1.0) * temperature + 1e-12)


@pytest.mark.parametrize("amplitudes", ONE_STEP)
def test_ground_state_energy_is_where_the_complexity_of_minima_vanishes(amplitudes):
    c = Covariance(amplitudes)
    assert one_step_ground(c).energy_density == pytest.approx(level_energy(c, 0), rel=1e-11)


@pytest.mark.parametrize(
    ("amplitudes", "energy"),
    [
        ({3: 1}, -1.17167478),
        ({4: 1}, -1.26860969),
        ({3: 1, 4: 1}, -1.73306956),
        ({2: 1, 3: 1}, -1.55709438),
        ({3: 1 / math.sqrt(2)}, -1.17167478 / math.sqrt(2)),
    ],
)
def test_ground_state_energies_have_the_values_of_the_sheet(amplitudes, energy):
    assert one_step_ground(Covariance(amplitudes)).energy_density == pytest.approx(energy, abs=6e-9)


def test_quadratic_model_is_the_limit_without_breaking():
    c = Covariance({2: 1})
    for temperature in (0.9, 0.5, 1e-3):
        state = one_step_state(c, temperature)
        assert state.break_point == 0.0
        assert state.overlap == pytest.approx(1 - temperature, rel=1e-12)
        assert state.energy_density == pytest.approx(-1 + temperature / 2, rel=1e-12)
        # integrated from e = -d phi/d beta with phi(T_c) = 1/4
        expected = 1 / temperature - 0.75 + 0.5 * math.log(temperature)
        assert state.log_partition == pytest.approx(expected, rel=1e-12)
    assert one_step_ground(c).energy_density == pytest.approx(-1.0, abs=1e-15)


def test_condition_is_tight_at_the_solution_and_fails_beside_it():
    c = Covariance({3: 1})
    state = one_step_state(c, 0.4)
    q, u = state.overlap, state.complement
    rho = state.break_point * q / (u + state.break_point * q)
    # both sides touch at the ends of the interval and nowhere else
    assert -1e-8 < violation_below(c, q, rho) < 1e-12
    assert violation_above(c, q, u, 0.4) < -0.1
    # a wrong break point is seen at once
    assert violation_below(c, q, 0.9 * rho) > 1e-3 or violation_below(c, q, 1.1 * rho) > 1e-3
    # the high-temperature solution, overlap zero, is refused below T_s and accepted above
    static = static_transition(c).temperature
    assert violation_above(c, 0.0, 1.0, 0.99 * static) > 1e-3
    assert violation_above(c, 0.0, 1.0, 1.01 * static) < 0


@pytest.mark.parametrize(
    ("amplitudes", "convex", "concave"),
    [
        ({2: 1}, True, True),
        ({3: 1}, True, False),
        ({100: 1}, True, False),
        ({2: 1, 3: 0.01}, True, False),
        ({3: 1, 4: 1}, True, False),
        ({2: 1, 4: 0.1}, False, True),
        ({2: 1, 4: 1}, False, False),
        ({3: 1, 16: 1}, False, False),
    ],
)
def test_curvature_criterion_agrees_with_plain_second_differences(amplitudes, convex, concave):
    c = Covariance(amplitudes)
    assert inverse_root_curvature(c) == (convex, concave)
    q = np.linspace(0.02, 1.0, 200)
    second_difference = np.diff(c.second(q) ** -0.5, 2)
    assert bool(np.all(second_difference >= -1e-12)) == convex
    assert bool(np.all(second_difference <= 1e-12)) == concave


def test_condition_above_the_overlap_is_the_plain_expression():
    # plain differences are good enough at u = 0.3, and the terms of high degree must not be lost
    for amplitudes in ({3: 1, 7: 0.4}, {2: 1, 60: 1}):
        c = Covariance(amplitudes)
        q, u, temperature = 0.7, 0.3, 0.6
        r = 1 / (1 + np.exp(np.linspace(np.log(1e-5 / (1 - 1e-5)), 8, 4000)))
        left = (c(q + u * r) - c(q) - c.first(q) * u * r) / temperature**2
        plain = np.max(left / (-np.log1p(-r) - r)) - 1
        assert violation_above(c, q, u, temperature) == pytest.approx(plain, rel=1e-3)


def test_models_beyond_one_step_are_refused_where_they_are_and_only_there():
    # 2+4 with equal amplitudes: full breaking below T = 1, one step again at low temperature
    c = Covariance({2: 1, 4: 1})
    for temperature in (0.95, 0.6, 0.3):
        with pytest.raises(NotOneStepError, match="not optimal"):
            one_step_state(c, temperature)
    assert one_step_state(c, 0.2).break_point < 1
    assert ground_violation(c) < 1e-12
    for amplitudes in ({2: 1, 4: 0.1}, {2: 1, 50: 1}):
        assert ground_violation(Covariance(amplitudes)) > 1e-3
        with pytest.raises(NotOneStepError):
            one_step_ground(Covariance(amplitudes))


def test_temperatures_that_are_not_positive_are_refused():
    for temperature in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InputError):
            one_step_state(Covariance({3: 1}), temperature)
