"""Where the replica-symmetric phase ends: closed forms, sheet values and relations between unrelated equations."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance
from spinnet.theory.kac_rice import complexity_at_threshold
from spinnet.theory.spherical_ageing import threshold_energy
from spinnet.theory.spherical_transitions import (
    dynamic_transition,
    equilibrium_complexity,
    following_temperature,
    inherent_structure_energy,
    planted_ground_overlap,
    state_complement,
    state_overlap,
    static_transition,
)

PURE = [3, 4, 5, 10, 50, 300]
MIXED = [{3: 1, 4: 1}, {2: 1, 3: 1}, {3: 1, 5: 1}, {3: 0.2, 4: 3.0, 6: 1.0}]


@pytest.mark.parametrize("p", PURE)
def test_dynamic_transition_of_pure_models_is_the_closed_form(p):
    transition = dynamic_transition(Covariance({p: 1.7}))
    log_square = math.log(p) + (p - 2) * math.log(p - 2) - math.log(2) - (p - 1) * math.log(p - 1)
    assert transition.temperature == pytest.approx(1.7 * math.exp(0.5 * log_square), rel=1e-13)
    assert transition.overlap == pytest.approx((p - 2) / (p - 1), rel=1e-12)


@pytest.mark.parametrize("amplitudes", [{3: 1}, *MIXED])
def test_transitions_of_any_model_are_found_by_plain_maximisation(amplitudes):
    c = Covariance(amplitudes)
    dynamic, static = dynamic_transition(c), static_transition(c)
    grid = np.linspace(1e-3, 1 - 1e-3, 2000)

    def best(function):
        start = grid[np.argmin([function(q) for q in grid])]
        window = (max(start - 2e-3, 1e-4), min(start + 2e-3, 1 - 1e-9))
        return minimize_scalar(function, bounds=window, method="bounded", options={"xatol": 1e-12})

    found = best(lambda q: -c.first(q) * (1 - q) / q)
    assert dynamic.temperature**2 == pytest.approx(-found.fun, rel=1e-12)
    assert dynamic.overlap == pytest.approx(found.x, abs=1e-6)
    # the static transition from the two one-step equations at x = 1, not from the maximum
    q = brentq(lambda q: q / (1 - q) * c(q) / c.first(q) + math.log1p(-q) + q, dynamic.overlap, 1 - 1e-9, xtol=1e-15)
    assert static.overlap == pytest.approx(q, abs=1e-9)
    assert static.temperature == pytest.approx(math.sqrt(c.first(q) * (1 - q) / q), rel=1e-10)
    assert static.temperature < dynamic.temperature


@pytest.mark.parametrize(
    ("amplitudes", "expected"),
    [
        ({3: 1}, (0.61237244, 0.5, 0.58605397, 0.64500745)),
        ({4: 1}, (0.54433105, 2 / 3, 0.50303935, 0.80452183)),
        ({3: 1, 4: 1}, (0.80516592, 0.59023021, 0.76213865, None)),
        ({2: 1, 3: 1}, (math.sqrt(25 / 24), 1 / 6, 1.01849712, None)),
    ],
)
def test_transitions_have_the_values_of_the_reference_sheet(amplitudes, expected):
    c = Covariance(amplitudes)
    dynamic, static = dynamic_transition(c), static_transition(c)
    found = (dynamic.temperature, dynamic.overlap, static.temperature, static.overlap)
    for value, reference in zip(found, expected, strict=True):
        assert reference is None or value == pytest.approx(reference, abs=6e-9)


@pytest.mark.parametrize("amplitudes", [{2: 1}, {2: 1.3}, {2: 1, 4: 1}, {2: 1, 3: 0.5}, {2: 0.7, 6: 0.7}])
def test_continuous_transition_is_at_the_amplitude_of_the_quadratic_term(amplitudes):
    c = Covariance(amplitudes)
    for transition in (dynamic_transition(c), static_transition(c)):
        assert transition.is_continuous
        assert transition.overlap == 0.0
        assert transition.temperature == pytest.approx(amplitudes[2], rel=1e-14)


def test_cubic_term_makes_the_transition_discontinuous_where_its_break_point_would_exceed_one():
    # the break point of a continuous transition starts at f'''(0)/(2 f''(0)^(3/2)) = 3 a_3^2/2 for a_2 = 1
    critical = math.sqrt(2 / 3)
    assert static_transition(Covariance({2: 1, 3: 0.98 * critical})).is_continuous
    assert not static_transition(Covariance({2: 1, 3: 1.02 * critical})).is_continuous


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_temperatures_scale_with_the_energy_and_overlaps_do_not(scale):
    base, scaled = Covariance({3: 1, 4: 0.5}), Covariance({3: scale, 4: 0.5 * scale})
    for transition in (dynamic_transition, static_transition):
        assert transition(scaled).temperature == pytest.approx(scale * transition(base).temperature, rel=1e-12)
        assert transition(scaled).overlap == pytest.approx(transition(base).overlap, abs=1e-10)
    assert following_temperature(scaled) == pytest.approx(scale * following_temperature(base), rel=1e-12)


@pytest.mark.parametrize("p", [3, 4, 7])
def test_equilibrium_complexity_goes_from_zero_to_that_of_the_threshold(p):
    c = Covariance({p: 1})
    dynamic, static = dynamic_transition(c), static_transition(c)
    assert equilibrium_complexity(c, static.temperature) == pytest.approx(0.0, abs=1e-14)
    # Kac-Rice knows nothing of temperature
    assert equilibrium_complexity(c, dynamic.temperature) == pytest.approx(complexity_at_threshold(c), abs=1e-14)
    closed = 0.5 * math.log(p - 1) - (p - 2) / p
    assert equilibrium_complexity(c, dynamic.temperature) == pytest.approx(closed, abs=1e-14)
    middle = 0.5 * (dynamic.temperature + static.temperature)
    assert 0.0 < equilibrium_complexity(c, middle) < closed


@pytest.mark.parametrize("temperature", [0.6, 0.3, 1e-3, 1e-9, 1e-40])
def test_state_overlap_solves_its_equation_at_any_temperature(temperature):
    c = Covariance({3: 1, 4: 0.2})
    u = state_complement(c, temperature)
    q = 1.0 - u
    assert c.first(q) * u / q == pytest.approx(temperature**2, rel=1e-10)
    assert state_overlap(c, temperature) == q


def test_state_overlap_on_the_nishimori_line_has_the_value_of_the_sheet():
    # beta = 2: m = (3 + sqrt(3))/6 solves 6 m (1 - m) = 1
    assert state_overlap(Covariance({3: 1}), 0.5) == pytest.approx((3 + math.sqrt(3)) / 6, rel=1e-13)


@pytest.mark.parametrize("p", [3, 4, 9])
def test_states_of_pure_models_can_be_followed_up_to_the_dynamic_transition_where_they_reach_the_threshold(p):
    c = Covariance({p: 1})
    limit = following_temperature(c)
    assert limit == pytest.approx(dynamic_transition(c).temperature, rel=1e-12)
    assert inherent_structure_energy(c, limit) == pytest.approx(threshold_energy(c), rel=1e-12)


@pytest.mark.parametrize(
    ("amplitudes", "limit", "energy"), [({3: 1, 4: 1}, 0.79827539, -1.69980619), ({3: 1, 5: 1}, None, -1.76315420)]
)
def test_followed_states_of_mixed_models_have_the_values_of_the_sheet(amplitudes, limit, energy):
    c = Covariance(amplitudes)
    found = following_temperature(c)
    assert static_transition(c).temperature < found < dynamic_transition(c).temperature
    assert limit is None or found == pytest.approx(limit, abs=6e-9)
    assert inherent_structure_energy(c, found) == pytest.approx(energy, abs=6e-9)


def test_followed_states_below_the_limit_have_the_values_of_the_sheet_and_minimise_their_energy():
    c = Covariance({3: 1, 4: 1})
    for temperature, m, energy in ((0.77, 0.84557353, -1.72330270), (0.79, 0.81526567, -1.70593187)):
        assert planted_ground_overlap(c, temperature) == pytest.approx(m, abs=6e-9)
        assert inherent_structure_energy(c, temperature) == pytest.approx(energy, abs=6e-9)

        def energy_at(m, temperature=temperature):
            return -c(m) / temperature - math.sqrt((1 - m * m) * c.first(1.0))

        found = minimize_scalar(energy_at, bounds=(m - 0.02, m + 0.02), method="bounded", options={"xatol": 1e-12})
        assert found.fun == pytest.approx(inherent_structure_energy(c, temperature), rel=1e-12)


def test_following_has_no_limit_where_it_would_lie_outside_the_window_of_typical_states():
    assert following_temperature(Covariance({2: 1, 3: 1})) is None
    assert following_temperature(Covariance({2: 1})) is None


@pytest.mark.parametrize(
    "call",
    [
        lambda c: state_overlap(c, 0.62),
        lambda c: equilibrium_complexity(c, 0.58),
        lambda c: equilibrium_complexity(c, 0.62),
        lambda c: planted_ground_overlap(c, 0.5),
        lambda c: inherent_structure_energy(c, 0.7),
        lambda c: state_overlap(c, -0.1),
        lambda c: state_overlap(c, float("nan")),
        lambda c: planted_ground_overlap(Covariance({2: 1}), 0.5),
    ],
)
def test_temperatures_outside_the_domain_are_refused(call):
    with pytest.raises(InputError):
        call(Covariance({3: 1}))
