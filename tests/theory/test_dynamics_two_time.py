"""The long-time solver against closed forms, series, the uniform grid, ageing theory and its own refinement."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.errors import InputError, NotConvergedError
from spinnet.theory import dynamics_pure2 as pure2
from spinnet.theory import dynamics_two_time
from spinnet.theory.covariance import Covariance
from spinnet.theory.dynamics_longtime import LongTimeSettings, LongTimeSolution
from spinnet.theory.dynamics_model import two_time_model
from spinnet.theory.dynamics_series import energy_series
from spinnet.theory.dynamics_two_time import dynamics, long_time_settings, two_time_tolerance
from spinnet.theory.dynamics_uniform import solve_uniform
from spinnet.theory.spherical_ageing import ageing_state, threshold_energy

CASES = {
    "p = 3, T = 0": ({3: 1.0}, 0.0, 20.0, {}),
    "p = 3, ageing": ({3: 1.0}, 0.4, 10.0, {}),
    "p = 3, above the dynamic transition": ({3: 1.0}, 0.65, 10.0, {}),
    "3 + 4, T = 0": ({3: 1.0, 4: 1.0}, 0.0, 20.0, {}),
    "3 + 4, from equilibrium": ({3: 1.0, 4: 1.0}, 0.3, 6.0, {"initial_temperature": 0.85}),
    "p = 3, with a signal": ({3: 1.0}, 0.1, 10.0, {"planted": {3: 2.0}, "initial_overlap": 0.5}),
}


@pytest.mark.parametrize("case", CASES)
def test_both_solvers_agree_within_their_stated_errors(case):
    covariance, temperature, last, more = CASES[case]
    times = np.array([0.5, 1.0, 2.0, 5.0, 10.0, 20.0])
    times, waits = times[times <= last], np.array([0.3, 0.5 * last])
    found = dynamics(covariance, temperature, times, waits, tolerance=1e-6, solver="long-time", **more)
    grid = solve_uniform(covariance, temperature, last, **more)
    assert found.solver == "long-time" and found.converged
    for name, stated in (
        ("energy_density", found.energy_error),
        ("correlation_with_start", found.error_estimate),
        ("overlap_with_signal", found.error_estimate),
    ):
        value, error = getattr(grid, name)(times)
        difference = np.abs(getattr(found, name) - value)
        assert np.all(difference <= np.maximum(1e-6, error)), name
        assert np.all(difference <= stated + error), name
    for k, wait in enumerate(waits):
        later = wait + times[wait + times <= last]
        for name, values in (("correlation", found.correlation), ("integrated_response", found.integrated_response)):
            value, error = getattr(grid, name)(later, np.full(later.size, wait))
            difference = np.abs(values[k, : later.size] - value)
            assert np.all(difference <= 1e-4), name
            assert np.all(difference <= found.two_time_error[k, : later.size] + error), name


@pytest.mark.parametrize("covariance", [{2: 1}, {3: 1}, {3: 1, 4: 1}, {2: 1, 3: 1}])
def test_short_times_follow_the_exact_series(covariance):
    times = np.array([0.01, 0.03, 0.06])
    series = sum(float(c) * times**k for k, c in enumerate(energy_series(covariance, 15)))
    found = dynamics(covariance, 0.0, times, tolerance=1e-6, solver="long-time")
    assert np.all(np.abs(found.energy_density - series) <= found.energy_error)
    assert np.all(found.error_estimate <= 1e-6)


@pytest.mark.parametrize("temperature", [0.0, 0.5])
def test_errors_of_the_matrix_model_stay_within_the_estimate(temperature):
    times, waits = np.geomspace(0.05, 400.0, 16), np.array([0.0, 20.0, 400.0])
    found = dynamics({2: 1.0}, temperature, times, waits, tolerance=1e-5)
    exact = pure2.energy_density(times, temperature)
    assert np.all(np.abs(found.energy_density - exact) <= found.energy_error)
    start = pure2.correlation(times, 0.0 * times, temperature)
    assert np.all(np.abs(found.correlation_with_start - start) <= found.error_estimate)
    for k, wait in enumerate(waits):
        pair = (wait + times, np.full(times.size, wait), temperature)
        assert np.all(np.abs(found.correlation[k] - pure2.correlation(*pair)) <= found.two_time_error[k])
        response = pure2.integrated_response(*pair)
        assert np.all(np.abs(found.integrated_response[k] - response) <= found.two_time_error[k])
    # The excess over the ground state too, which falls to 4e-4.
    excess = pure2.energy_excess(times, temperature)
    assert np.all(np.abs(found.energy_density - exact)[times >= 10] < 0.01 * excess[times >= 10])


@pytest.mark.parametrize(("covariance", "temperature"), [({3: 1.0}, 0.4), ({3: 1.0, 4: 1.0}, 0.0)])
def test_refinement_changes_less_than_the_stated_error(covariance, temperature):
    check_refinement(covariance, temperature, np.array([1.0, 100.0]), 1e-5)


def check_refinement(covariance, temperature, times, tolerance):
    """Values against the next resolution; C and the response from t to 2 t."""
    limit = threshold_energy(Covariance(covariance))
    if temperature > 0:
        limit = ageing_state(Covariance(covariance), temperature).energy_density
    found = dynamics(covariance, temperature, times, times, tolerance=tolerance)
    model = two_time_model(covariance, temperature)
    finer = LongTimeSolution(model, long_time_settings(tolerance, 2, 2 * times[-1] * model.rate))
    finer.advance_to(2 * times[-1])
    energy = finer.energy_density(times)
    error = np.abs(found.energy_density - energy)
    assert np.all(error <= np.maximum(1e-8, np.minimum(1e-5, 0.01 * (energy - limit))))
    assert np.all(error <= found.energy_error)
    for name in ("correlation", "integrated_response"):
        difference = np.abs(np.diag(getattr(found, name)) - getattr(finer, name)(2 * times, times))
        assert np.all(difference <= 1e-4) and np.all(difference <= np.diag(found.two_time_error)), name


def check_ageing(covariance, temperature, later, ratio_error, excess):
    """Response against correlation and the energy, beside the plateau and the ratio x of ageing theory."""
    state = ageing_state(Covariance(covariance), temperature)
    solution = LongTimeSolution(two_time_model(covariance, temperature), long_time_settings(1e-5, 1, later))
    solution.advance_to(later)
    waits = later * np.array([0.1, 0.3, 0.6])
    moments = np.full(waits.size, later)
    c, chi = solution.correlation(moments, waits), solution.integrated_response(moments, waits)
    slope = -temperature * np.diff(chi) / np.diff(c)
    np.testing.assert_allclose(slope, state.ratio, rtol=ratio_error)
    # The straight line of slope x leaves the fluctuation-dissipation line T chi = 1 - C at C = q.
    x = slope.mean()
    plateau = (1.0 - (temperature * chi + x * c).mean()) / (1.0 - x)
    assert plateau == pytest.approx(state.overlap, rel=ratio_error)
    energy = solution.energy_density([later / 10, later]) - state.energy_density
    assert 0.0 < energy[1] < energy[0] / 2 and energy[1] < excess


def test_ageing_approaches_the_plateau_and_the_ratio_of_theory():
    check_ageing({3: 1.0}, 0.4, 1e3, ratio_error=0.08, excess=5e-3)


@pytest.mark.slow
def test_ageing_reaches_the_plateau_and_the_ratio_of_theory():
    # The distances fall as a power of about 0.3 of the time.
    check_ageing({3: 1.0}, 0.4, 1e6, ratio_error=0.015, excess=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("covariance", "temperature"), [({3: 1.0}, 0.0), ({3: 1.0}, 0.4), ({3: 1.0, 4: 1.0}, 0.0)])
def test_refinement_changes_less_than_the_stated_error_up_to_ten_million(covariance, temperature):
    check_refinement(covariance, temperature, np.geomspace(10.0, 1e7, 7), 1e-5)


@pytest.mark.slow
def test_two_spin_energy_is_the_ratio_of_bessel_functions_up_to_ten_million():
    times = np.geomspace(10.0, 1e7, 25)
    found = dynamics({2: 1.0}, 0.0, times, times[::4] / 2)
    excess = pure2.energy_excess(times)
    assert np.all(np.abs(found.energy_density + 1.0 - excess) <= 0.01 * excess)
    assert np.all(np.abs(found.energy_density + 1.0 - excess) <= found.energy_error)
    for k, wait in enumerate(times[::4] / 2):
        exact = pure2.correlation(wait + times, np.full(times.size, wait))
        assert np.all(np.abs(found.correlation[k] - exact) <= found.two_time_error[k])


def test_a_history_that_is_not_resolved_is_refused():
    coarse = LongTimeSettings(step_error=1e-9, degree=3, panel_width=3.0)
    with pytest.raises(NotConvergedError, match="did not get beyond"):
        LongTimeSolution(two_time_model({2: 1.0}, 0.0), coarse).advance_to(1e6)


def test_a_tolerance_that_is_not_reached_raises_or_says_so(monkeypatch):
    monkeypatch.setattr(dynamics_two_time, "_MOST_LEVELS", 2)
    monkeypatch.setattr(dynamics_two_time, "_SAFETY", 1e6)
    with pytest.raises(NotConvergedError, match="not converged: estimated error"):
        dynamics({3: 1.0}, 0.0, [60.0], tolerance=1e-4)
    found = dynamics({3: 1.0}, 0.0, [60.0], tolerance=1e-4, accept_unconverged=True)
    assert not found.converged and "not converged" in found.message and found.error_estimate[0] > 1e-4


def test_progress_tells_the_share_done():
    told = []
    dynamics({3: 1.0}, 0.0, [60.0], tolerance=1e-4, progress=lambda what, share: told.append((what, share)))
    shares = [share for what, share in told if what == told[0][0]]
    assert shares == sorted(shares) and shares[-1] == 1.0 and 0 < shares[0] < 0.1


def test_two_time_functions_are_held_to_a_ten_thousandth():
    assert two_time_tolerance(1e-6) == pytest.approx(1e-4)
    assert two_time_tolerance(1e-5) == pytest.approx(1e-4)
    assert two_time_tolerance(1e-8) == pytest.approx(1e-6)
    assert two_time_tolerance(1e-4) == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"times": [-1.0]}, "times"),
        ({"times": [0.0]}, "times"),
        ({"times": [np.nan]}, "times"),
        ({"times": [1e12]}, "too long"),
        ({"waiting_times": [-1.0]}, "waiting_times"),
        ({"temperature": -0.5}, "temperature"),
        ({"initial_temperature": 0.3}, "static transition"),
        ({"covariance": {1: 1.0}}, "degree 1"),
        ({"covariance": {3: -1.0}}, "positive"),
        ({"tolerance": 1e-12}, "tolerance"),
        ({"solver": "fast"}, "solver"),
    ],
)
def test_what_is_not_allowed_is_refused(change, words):
    arguments = {"covariance": {3: 1.0}, "temperature": 0.0, "times": [1.0]} | change
    with pytest.raises(InputError, match=words):
        dynamics(**arguments)
