"""Equilibrium at any temperature and the summary that the command line prints."""

import json
import math

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance
from spinnet.theory.spherical_statics import (
    NoSolutionError,
    energy_density,
    equilibrium_state,
    ground_state_energy,
    phase_structure,
    specific_heat,
    summary,
)
from spinnet.theory.spherical_transitions import static_transition

ALWAYS = {
    "covariance",
    "phase_structure",
    "dynamic_temperature",
    "dynamic_overlap",
    "static_temperature",
    "static_overlap",
    "ground_state_energy",
    "ground_state_phase",
    "threshold_energy",
    "complexity_at_threshold",
    "algorithmic_energy",
    "max_complexity",
    "marginal_energy",
    "following_temperature",
    "level_energies",
    "reasons",
}
AT_TEMPERATURE = {
    "temperature",
    "phase",
    "energy_density",
    "overlap",
    "break_point",
    "specific_heat",
    "planted_overlap",
    "equilibrium_complexity",
    "ageing_overlap",
    "ageing_ratio",
    "ageing_energy",
    "free_energy",
    "log_partition",
}


@pytest.mark.parametrize(
    ("amplitudes", "name"),
    [
        ({2: 1}, "rs-p2"),
        ({2: 3.0}, "rs-p2"),
        ({3: 1}, "1rsb-discontinuous"),
        ({50: 1}, "1rsb-discontinuous"),
        ({3: 1, 4: 1}, "1rsb-discontinuous"),
        ({2: 1, 3: 1}, "1rsb-discontinuous"),
        ({2: 1, 3: 0.5}, "1rsb-continuous"),
        ({2: 1, 4: 1}, "continuous-full-rsb"),
        ({2: 1, 4: 0.1}, "continuous-full-rsb"),
        ({3: 1, 16: 1}, "discontinuous-beyond-1rsb"),
    ],
)
def test_phase_structure_is_named(amplitudes, name):
    assert phase_structure(Covariance(amplitudes)) == name


def test_high_temperature_phase_is_annealed_and_joins_the_low_one():
    c = Covariance({3: 1, 4: 1})
    static = static_transition(c).temperature
    above = equilibrium_state(c, 1.3 * static)
    assert (above.phase, above.overlap, above.break_point) == ("replica-symmetric", 0.0, 1.0)
    assert above.energy_density == pytest.approx(-c(1.0) / (1.3 * static))
    assert above.log_partition == pytest.approx(0.5 * c(1.0) / (1.3 * static) ** 2)
    below, top = equilibrium_state(c, static * (1 - 1e-9)), equilibrium_state(c, static * (1 + 1e-9))
    for name in ("energy_density", "free_energy", "log_partition"):
        assert getattr(below, name) == pytest.approx(getattr(top, name), rel=1e-8)
    assert below.overlap > 0.7 and below.phase == "1rsb"


@pytest.mark.parametrize("amplitudes", [{2: 1}, {3: 1}, {3: 1, 4: 1}, {2: 1, 3: 0.5}, {2: 1, 4: 1}])
def test_specific_heat_is_the_slope_of_the_energy(amplitudes):
    c = Covariance(amplitudes)
    static = static_transition(c).temperature
    for temperature in (0.1 * static, 0.6 * static, 1.5 * static):
        h = 1e-3 * temperature
        values = [energy_density(c, temperature + k * h) for k in (-2, -1, 1, 2)]
        slope = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
        assert specific_heat(c, temperature) == pytest.approx(slope, rel=1e-7)
    # classical degrees of freedom: 1/2 each at T = 0
    assert specific_heat(c, 1e-4 * static) == pytest.approx(0.5, abs=1e-3)


def test_entropy_is_continuous_and_grows_with_temperature():
    c = Covariance({3: 1})
    entropies = [
        (state.energy_density - state.free_energy) / state.temperature
        for state in (equilibrium_state(c, float(t)) for t in np.linspace(0.02, 1.2, 60))
    ]
    assert np.all(np.diff(entropies) > 0)
    assert entropies[-1] < 0


def test_free_energy_tends_to_the_ground_state_energy():
    for amplitudes in ({2: 1}, {3: 1}, {2: 1, 4: 0.5}):
        c = Covariance(amplitudes)
        assert equilibrium_state(c, 0.0).free_energy == ground_state_energy(c)
        assert equilibrium_state(c, 1e-9).free_energy == pytest.approx(ground_state_energy(c), abs=1e-7)


@pytest.mark.parametrize(
    ("amplitudes", "expected"),
    [
        (
            {3: 1},
            {
                "dynamic_temperature": 0.61237244,
                "dynamic_overlap": 0.5,
                "static_temperature": 0.58605397,
                "static_overlap": 0.64500745,
                "ground_state_energy": -1.17167478,
                "threshold_energy": -1.15470054,
                "complexity_at_threshold": 0.01324026,
                "algorithmic_energy": -1.15470054,
                "marginal_energy": -1.15470054,
                "max_complexity": 0.5 * math.log(2),
                "following_temperature": 0.61237244,
                "level_energies": [-1.17167478, -1.16875785, -1.16690518, -1.16559413, -1.16460386],
                "energy_density": -0.90489817,
                "overlap": 0.71166598,
                "break_point": 0.73614808,
                "equilibrium_complexity": 0.0,
                "ageing_overlap": 0.63882414,
                "ageing_ratio": 0.56537604,
                "ageing_energy": -0.88669277,
                "planted_overlap": 0.78867513,
            },
        ),
        (
            {4: 1},
            {
                "dynamic_temperature": 0.54433105,
                "static_temperature": 0.50303935,
                "static_overlap": 0.80452183,
                "ground_state_energy": -1.26860969,
                "threshold_energy": -1.22474487,
                "complexity_at_threshold": 0.04930614,
            },
        ),
        (
            {3: 1, 4: 1},
            {
                "dynamic_temperature": 0.80516592,
                "dynamic_overlap": 0.59023021,
                "static_temperature": 0.76213865,
                "ground_state_energy": -1.73306956,
                "threshold_energy": -1.69047619,
                "algorithmic_energy": -1.69952225,
                "marginal_energy": -1.68,
                "following_temperature": 0.79827539,
                "max_complexity": 0.47223080,
            },
        ),
        (
            {2: 1, 3: 1},
            {
                "dynamic_temperature": 1.02062073,
                "dynamic_overlap": 1 / 6,
                "static_temperature": 1.01849712,
                "ground_state_energy": -1.55709438,
                "threshold_energy": -1.55,
                "algorithmic_energy": -14 / 9,
                "marginal_energy": -1.53846154,
                "following_temperature": None,
                "max_complexity": 0.23500181,
            },
        ),
        (
            {2: 1, 4: 1},
            {
                "dynamic_temperature": 1.0,
                "static_temperature": 1.0,
                "threshold_energy": None,
                "complexity_at_threshold": None,
                "level_energies": None,
                "ageing_energy": None,
                "algorithmic_energy": -1.65525243,
                "max_complexity": 0.42364893,
            },
        ),
        (
            {2: 1},
            {
                "dynamic_temperature": 1.0,
                "static_temperature": 1.0,
                "ground_state_energy": -1.0,
                "energy_density": -0.75,
                "overlap": 0.5,
                "max_complexity": 0.0,
                "level_energies": None,
                "ageing_energy": -0.75,
            },
        ),
    ],
)
def test_summary_has_the_values_of_the_sheet(amplitudes, expected):
    found = summary(Covariance(amplitudes), 0.5)
    for key, value in expected.items():
        if value is None:
            assert found[key] is None and key in found["reasons"]
        else:
            np.testing.assert_allclose(found[key], value, rtol=0, atol=6e-9, err_msg=key)


@pytest.mark.parametrize("amplitudes", [{2: 1}, {3: 1}, {50: 1}, {2: 1, 4: 1}, {3: 1, 16: 1}])
@pytest.mark.parametrize("temperature", [None, 0.0, 0.3, 0.6, 5.0])
def test_summary_is_plain_json_and_gives_a_reason_for_every_missing_value(amplitudes, temperature):
    found = summary(Covariance(amplitudes), temperature)
    assert set(found) == (ALWAYS if temperature is None else ALWAYS | AT_TEMPERATURE)
    read_back = json.loads(json.dumps(found, allow_nan=False))
    assert read_back == found
    missing = {key for key, value in found.items() if value is None}
    assert missing == set(found["reasons"])
    assert all("\n" not in reason for reason in found["reasons"].values())


def test_summary_between_the_transitions_has_states_without_breaking():
    found = summary(Covariance({3: 1}), 0.6)
    assert found["phase"] == "replica-symmetric"
    assert (found["overlap"], found["break_point"]) == (0.0, 1.0)
    assert found["planted_overlap"] == pytest.approx(0.6, abs=1e-12)
    # Sigma = -[beta^2 f(q) + ln(1-q) + q]/2 at q = 0.6, T = 0.6
    assert found["equilibrium_complexity"] == pytest.approx(-0.5 * (0.3 + math.log(0.4) + 0.6), abs=1e-12)


def test_ground_state_of_a_model_that_is_one_step_only_when_cold_is_still_given():
    # direct minimisation of the Parisi functional gives the same value (test_spherical_full_rsb)
    found = summary(Covariance({2: 1, 4: 1}), 0.1)
    assert found["phase_structure"] == "continuous-full-rsb"
    assert (found["ground_state_phase"], found["phase"]) == ("1rsb", "1rsb")
    assert found["ground_state_energy"] == pytest.approx(-1.6569983635, abs=1e-9)


def test_phases_with_more_steps_are_refused_not_guessed():
    c = Covariance({3: 1, 16: 1})
    with pytest.raises(NoSolutionError, match="more levels"):
        equilibrium_state(c, 0.55)
    found = summary(c, 0.55)
    assert found["energy_density"] is None
    assert "not optimal" in found["reasons"]["energy_density"]


def test_temperatures_that_do_not_exist_are_refused():
    for temperature in (-0.1, float("nan"), float("inf")):
        with pytest.raises(InputError):
            summary(Covariance({3: 1}), temperature)
    with pytest.raises(InputError):
        specific_heat(Covariance({3: 1}), 0.0)
