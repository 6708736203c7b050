"""The ageing state, the threshold energy and the algorithmic energy."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance
from spinnet.theory.spherical_ageing import NotOneSectorError, ageing_state, algorithmic_energy, threshold_energy
from spinnet.theory.spherical_one_step import one_step_ground, one_step_state
from spinnet.theory.spherical_transitions import dynamic_transition, static_transition

ONE_SECTOR = [{3: 1}, {4: 1}, {50: 1}, {3: 1, 4: 1}, {2: 1, 3: 1}, {2: 1, 3: 0.5}]


def test_cubic_model_has_the_values_of_the_sheet():
    state = ageing_state(Covariance({3: 1}), 0.5)
    assert state.overlap == pytest.approx(0.63882414, abs=6e-9)
    assert state.ratio == pytest.approx(0.56537604, abs=6e-9)
    assert state.energy_density == pytest.approx(-0.88669277, abs=6e-9)


@pytest.mark.parametrize("p", [3, 4, 10])
def test_ratio_of_pure_models_is_the_closed_form(p):
    state = ageing_state(Covariance({p: 1}), 0.3)
    assert state.ratio == pytest.approx((p - 2) * (1 - state.overlap) / state.overlap, rel=1e-12)


@pytest.mark.parametrize("amplitudes", ONE_SECTOR)
def test_ageing_state_solves_the_equations_of_the_plateau(amplitudes):
    c = Covariance(amplitudes)
    temperature = 0.6 * dynamic_transition(c).temperature
    state = ageing_state(c, temperature)
    q, x = state.overlap, state.ratio
    # marginal plateau, and the equation of the slow part: beta^2 f'(q) = q/((1-q)(1-(1-x)q))
    assert c.second(q) * (1 - q) ** 2 == pytest.approx(temperature**2, rel=1e-10)
    assert c.first(q) / temperature**2 == pytest.approx(q / ((1 - q) * (1 - (1 - x) * q)), rel=1e-9)
    assert state.energy_density == pytest.approx(-(c(1.0) - (1 - x) * c(q)) / temperature, rel=1e-12)
    # nothing inside the sector stops: the force on a correlation C < q keeps one sign
    inner = np.linspace(0.01, 0.99, 300) * q
    force = c.first(inner) / temperature**2 - inner / ((1 - q + x * (q - inner)) * (1 - q + x * q))
    assert np.all(force < 1e-12)


@pytest.mark.parametrize("amplitudes", ONE_SECTOR)
def test_ageing_energy_starts_at_equilibrium_and_ends_at_the_threshold(amplitudes):
    c = Covariance(amplitudes)
    dynamic = dynamic_transition(c).temperature
    near = ageing_state(c, dynamic * (1 - 1e-7))
    assert near.energy_density == pytest.approx(-c(1.0) / dynamic, rel=1e-6)
    if dynamic_transition(c).overlap > 0:
        assert near.ratio == pytest.approx(1.0, abs=1e-3)
    for temperature in (1e-5, 1e-12):
        state = ageing_state(c, temperature)
        assert state.energy_density == pytest.approx(threshold_energy(c), abs=temperature + 1e-13)
        if c.is_pure:
            # the marginal states are the same at all temperatures: classical slope 1/2
            expected = threshold_energy(c) + 0.5 * temperature
            assert state.energy_density == pytest.approx(expected, abs=200 * temperature**2 + 1e-13)
        assert state.complement == pytest.approx(temperature / math.sqrt(c.second(1.0)), rel=1e-2)


@pytest.mark.parametrize("amplitudes", ONE_SECTOR)
def test_ageing_is_above_equilibrium_and_the_threshold_above_what_algorithms_reach(amplitudes):
    c = Covariance(amplitudes)
    temperature = 0.5 * static_transition(c).temperature
    assert ageing_state(c, temperature).energy_density > one_step_state(c, temperature).energy_density
    ground, algorithmic, threshold = one_step_ground(c).energy_density, algorithmic_energy(c), threshold_energy(c)
    assert ground < algorithmic <= threshold + 1e-13
    assert (algorithmic == pytest.approx(threshold, rel=1e-12)) == c.is_pure


@pytest.mark.parametrize("p", [2, 3, 4, 50, 1000])
def test_threshold_and_algorithmic_energy_of_pure_models_are_the_closed_form(p):
    c = Covariance({p: 1.3})
    expected = -1.3 * math.sqrt(2 * (p - 1) / p)
    assert threshold_energy(c) == pytest.approx(expected, rel=1e-13)
    assert algorithmic_energy(c) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("amplitudes", "threshold", "algorithmic"),
    [
        ({3: 1, 4: 1}, -1.69047619, -1.69952225),
        ({2: 1, 3: 1}, -1.55, -14 / 9),
        ({3: 1 / math.sqrt(2), 4: 1 / math.sqrt(2)}, -1.19534718, None),
    ],
)
def test_mixed_models_have_the_values_of_the_sheet(amplitudes, threshold, algorithmic):
    c = Covariance(amplitudes)
    assert threshold_energy(c) == pytest.approx(threshold, abs=6e-9)
    assert algorithmic is None or algorithmic_energy(c) == pytest.approx(algorithmic, abs=6e-9)


def test_algorithmic_energy_needs_no_one_step_phase_and_matches_plain_quadrature():
    assert algorithmic_energy(Covariance({2: 1, 4: 1})) == pytest.approx(-1.65525243, abs=6e-9)
    for amplitudes in ({2: 1, 4: 1}, {3: 1, 16: 1}, {2: 0.01, 9: 3.0}):
        c = Covariance(amplitudes)
        value, error = quad(lambda q, c=c: math.sqrt(c.second(q)), 0, 1, epsabs=1e-12, limit=500)
        assert algorithmic_energy(c) == pytest.approx(-value, abs=1e-9 + 10 * error)


def test_quadratic_model_ages_without_response():
    state = ageing_state(Covariance({2: 1}), 0.5)
    assert state.ratio == 0.0
    assert state.overlap == pytest.approx(0.5, rel=1e-12)
    assert state.energy_density == pytest.approx(-0.75, rel=1e-12)


def test_threshold_energy_is_where_marginal_states_extremise_the_free_energy_of_the_marginal_branch():
    # T = 0 functional with chi fixed to its marginal value: d/dy of y times the free energy is the energy
    c = Covariance({3: 1, 4: 1})
    chi = 1 / math.sqrt(c.second(1.0))
    y = brentq(lambda y: chi * (chi + y) * c.first(1.0) - 1, 1e-6, 10, xtol=1e-15)

    def times_y(y):
        return -0.5 * (y * y * c(1.0) + y * chi * c.first(1.0) + math.log1p(y / chi))

    h = 1e-4
    slope = (times_y(y - 2 * h) - 8 * times_y(y - h) + 8 * times_y(y + h) - times_y(y + 2 * h)) / (12 * h)
    assert slope == pytest.approx(threshold_energy(c), rel=1e-11)


def test_models_without_a_proven_single_sector_and_temperatures_without_ageing_are_refused():
    for amplitudes in ({2: 1, 4: 1}, {3: 1, 16: 1}, {2: 1, 4: 0.1}):
        c = Covariance(amplitudes)
        with pytest.raises(NotOneSectorError):
            threshold_energy(c)
        with pytest.raises(NotOneSectorError):
            ageing_state(c, 0.1)
    for temperature in (0.0, 0.62, -0.1, float("nan")):
        with pytest.raises(InputError):
            ageing_state(Covariance({3: 1}), temperature)
