"""Uniform-grid two-time integrator against closed forms, series, identities and tabulated values."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from spinnet.errors import InputError
from spinnet.theory import dynamics_pure2 as pure2
from spinnet.theory import dynamics_uniform
from spinnet.theory.dynamics_series import energy_series
from spinnet.theory.dynamics_uniform import relaxation, solve_uniform

TIMES = [0.5, 1, 2, 5, 10, 20]


@pytest.fixture(scope="module")
def pure3():
    return solve_uniform({3: 1}, 0.0, 20.0)


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.3])
def test_matrix_model_agrees_with_its_closed_form(temperature):
    solution = solve_uniform({2: 1}, temperature, 10.0)
    later, earlier = np.array([0.4, 3.0, 10.0, 10.0]), np.array([0.1, 1.0, 0.0, 7.3])
    for method, exact in (
        ("correlation", pure2.correlation),
        ("response", pure2.response),
        ("integrated_response", pure2.integrated_response),
    ):
        value, error = getattr(solution, method)(later, earlier)
        assert np.all(np.abs(value - exact(later, earlier, temperature)) < 1e-6)
        assert np.all(error < 1e-4)
    energy, error = solution.energy_density(TIMES[:5])
    assert np.all(np.abs(energy - pure2.energy_density(TIMES[:5], temperature)) <= np.maximum(error, 1e-9))


def test_energy_agrees_with_the_exact_series_at_short_times():
    for covariance, order in (({3: 1}, 15), ({3: 1, 4: 1}, 15), ({2: 1, 3: 1}, 15)):
        t = 0.08
        series = sum(float(c) * t**k for k, c in enumerate(energy_series(covariance, order)))
        result = relaxation(covariance, 0.0, [t], tolerance=1e-9)
        assert result.energy_density[0] == pytest.approx(series, abs=1e-9)


# Reference values by Heun steps with three-level extrapolation; their errors are those quoted beside them.
@pytest.mark.parametrize(
    ("covariance", "temperature", "energies", "correlations", "error"),
    [
        (
            {3: 1}, 0.0,
            [-0.571416, -0.782508, -0.926219, -1.035656, -1.081598, -1.109506],
            [0.870102, 0.713697, 0.548056, 0.377246, 0.284699, 0.216035], 2e-6,
        ),
        (
            {3: 1}, 0.5,
            [-0.449232, -0.586993, -0.685844, -0.768987, -0.808117, -0.834260],
            [0.718640, 0.542376, 0.383995, 0.237762, 0.165486, 0.115512], 2e-6,
        ),
        (
            {3: 1, 4: 1}, 0.0,
            [-1.033524, -1.27255, -1.42866, -1.54967, -1.60199, -1.63455],
            [0.795542, 0.646076, 0.512220, 0.374875, 0.297274, 0.237170], 4e-5,
        ),
    ],
)  # fmt: skip
def test_relaxation_agrees_with_an_independent_integration(covariance, temperature, energies, correlations, error):
    result = relaxation(covariance, temperature, TIMES)
    assert result.converged and np.all(result.error_estimate <= 1e-6)
    assert np.all(np.abs(result.energy_density - energies) < error)
    assert np.all(np.abs(result.correlation_with_start - correlations) < error)


def test_multiplier_of_a_pure_model_is_temperature_minus_degree_times_energy():
    for degree, temperature in ((3, 0.0), (4, 0.7)):
        result = relaxation({degree: 1}, temperature, [0.7, 3.0, 8.0])
        assert result.lagrange_multiplier == pytest.approx(temperature - degree * result.energy_density, abs=1e-12)


def test_energy_falls_with_the_squared_force_at_the_start():
    result = relaxation({3: 1, 4: 0.5}, 0.0, [1e-3])
    assert result.energy_density[0] / 1e-3 == pytest.approx(-(1.5 + 4 * 0.125), rel=1e-5)


def test_equilibrium_start_is_stationary_and_solves_the_mode_coupling_equation():
    temperature, beta = 0.65, 1 / 0.65
    solution = solve_uniform({3: 1}, temperature, 10.0, initial_temperature=temperature)
    energy, _ = solution.energy_density(TIMES[:5])
    assert energy == pytest.approx(np.full(5, -0.5 * beta), abs=1e-7)
    lags = np.array([0.5, 1, 2, 5, 10])
    from_start, _ = solution.correlation(lags, [0.0])
    later, _ = solution.correlation(4.0 + lags[:4], [4.0])
    assert later == pytest.approx(from_start[:4], abs=1e-7)
    assert from_start == pytest.approx([0.816298, 0.744083, 0.675770, 0.595041, 0.537910], abs=5e-5)
    response, _ = solution.integrated_response(4.0 + lags[:4], [4.0])
    assert temperature * response == pytest.approx(1 - from_start[:4], abs=1e-6)
    # dC/dtau = -T C - beta int_0^tau f'(C(tau - s)) dC/ds ds, all from an interpolated C(tau).
    nodes = np.linspace(0, 6, 121)
    c = CubicSpline(nodes, solution.correlation(nodes, [0.0])[0])
    tau = np.linspace(0, 6, 2001)
    memory = np.trapezoid(1.5 * c(6 - tau) ** 2 * c(tau, 1), tau)
    assert c(6.0, 1) == pytest.approx(-temperature * c(6.0) - beta * memory, abs=2e-5)


def test_error_estimate_covers_the_change_under_refinement(pure3):
    finer = solve_uniform({3: 1}, 0.0, 20.0, levels=4)
    for method, arguments in (
        ("energy_density", (TIMES,)),
        ("correlation", (TIMES, np.array(TIMES) / 2)),
        ("response", (TIMES, np.array(TIMES) / 2)),
    ):
        value, error = getattr(pure3, method)(*arguments)
        better, _ = getattr(finer, method)(*arguments)
        assert np.all(np.abs(value - better) <= error + 1e-10)


def test_correlation_at_half_the_time_agrees_with_an_independent_integration(pure3):
    value, _ = pure3.correlation(TIMES[1:], np.array(TIMES[1:]) / 2)
    assert value == pytest.approx([0.950703, 0.935271, 0.917993, 0.904516, 0.890035], abs=2e-6)


def test_thermal_start_equals_a_signal_planted_at_the_start():
    thermal = relaxation({3: 1, 4: 1}, 0.3, [1.0, 5.0], initial_temperature=0.85)
    planted = relaxation({3: 1, 4: 1}, 0.3, [1.0, 5.0], planted={3: 1 / 0.85, 4: 1 / 0.85}, initial_overlap=1.0)
    assert planted.energy_density == pytest.approx(thermal.energy_density, abs=1e-9)
    assert planted.overlap_with_signal == pytest.approx(thermal.correlation_with_start, abs=1e-9)


def test_a_strong_signal_is_found_and_a_zero_overlap_stays_zero():
    found = relaxation({2: 1}, 0.0, [8.0], planted={2: 3.0}, initial_overlap=0.3, tolerance=1e-4)
    # Rank-one spike of strength theta in a unit semicircle: squared overlap 1 - theta^-2.
    assert found.overlap_with_signal[0] ** 2 == pytest.approx(1 - 1 / 9, abs=1e-4)
    assert relaxation({2: 1}, 0.0, [5.0], planted={2: 3.0}).overlap_with_signal[0] == 0


def test_an_unreachable_tolerance_is_reported_as_unconverged(monkeypatch):
    monkeypatch.setattr(dynamics_uniform, "_MAX_POINTS", 500)
    result = relaxation({3: 1}, 0.0, [5.0], tolerance=1e-13)
    assert not result.converged


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"covariance": {1: 1.0}}, "degree 1"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"times": [1.0, 0.0]}, "times"),
        ({"times": [float("inf")]}, "times"),
        ({"times": []}, "times"),
        ({"times": [1e5]}, "grid points"),
        ({"initial_temperature": 0.5}, "static transition"),
        ({"initial_overlap": 1.5}, "overlap"),
        ({"planted": {4: 1.0}}, "degree 4"),
        ({"tolerance": 0.0}, "tolerance"),
    ],
)
def test_what_is_not_allowed_is_refused_in_one_line(change, words):
    arguments = {"covariance": {3: 1.0}, "temperature": 0.0, "times": [1.0]} | change
    with pytest.raises(InputError, match=words) as caught:
        relaxation(**arguments)
    assert "\n" not in str(caught.value)
