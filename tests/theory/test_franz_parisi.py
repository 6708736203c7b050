"""The potential of a held glass: minima at equilibrium states, and a route that knows no ansatz."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance
from spinnet.theory.franz_parisi import _Held, held_state, potential, secondary_minimum
from spinnet.theory.spherical_transitions import (
    dynamic_transition,
    equilibrium_complexity,
    state_overlap,
    static_transition,
)

MODELS = [Covariance({3: 1}), Covariance({4: 1}), Covariance({3: 1, 4: 1})]


@pytest.mark.parametrize("covariance", MODELS, ids=str)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_the_minimum_is_an_equilibrium_state_and_its_height_the_complexity(covariance, share):
    static, dynamic = static_transition(covariance).temperature, dynamic_transition(covariance).temperature
    temperature = static + share * (dynamic - static)
    found = secondary_minimum(covariance, temperature)
    assert found.overlap == pytest.approx(state_overlap(covariance, temperature), abs=1e-9)
    assert found.height == pytest.approx(temperature * equilibrium_complexity(covariance, temperature), abs=1e-11)
    assert found.barrier > found.height and found.barrier_overlap < found.overlap


def test_the_minimum_appears_at_the_dynamic_and_reaches_zero_at_the_static_transition():
    covariance = MODELS[0]
    static, dynamic = static_transition(covariance), dynamic_transition(covariance)
    assert secondary_minimum(covariance, 1.0005 * dynamic.temperature) is None
    assert abs(held_state(covariance, 0.5, dynamic.temperature).force) < 1e-12  # q_d = 1/2
    below = secondary_minimum(covariance, dynamic.temperature * (1 - 1e-4))
    assert below.overlap == pytest.approx(0.5, abs=0.01) and below.barrier - below.height < 1e-5
    at = held_state(covariance, static.overlap, static.temperature)
    assert abs(at.potential) < 1e-12 and abs(at.force) < 1e-12


@pytest.mark.parametrize("covariance", MODELS, ids=str)
def test_the_force_is_the_slope_and_zero_overlap_costs_nothing(covariance):
    static = static_transition(covariance).temperature
    for temperature, reference in ((1.02 * static, None), (1.3 * static, None), (0.9 * static, 1.02 * static)):
        for q in (-0.3, 0.12, 0.3, 0.45, 0.7):
            step = 1e-4
            around = potential(covariance, [q - step, q + step], temperature, reference)
            here = held_state(covariance, q, temperature, reference)
            assert here.force == pytest.approx((around[1] - around[0]) / (2 * step), abs=2e-7)
            assert here.violation < 1e-8
    assert potential(covariance, [0.0], 1.05 * static)[0] == pytest.approx(0.0, abs=1e-15)


def log_partition_of_atoms(covariance, low, places, weights, beta2):
    """The functional of any distribution of overlaps with atoms at increasing ``places``, without an ansatz."""
    x = np.maximum(np.cumsum(weights)[:-1], 1e-12)
    width = np.diff(places)
    tail = 1.0 - places[-1] + np.concatenate([np.cumsum((x * width)[::-1])[::-1], [0.0]])
    inverse = np.log1p(x * width / tail[1:]) / x
    energy = np.sum(x * np.diff(covariance(places))) + covariance(1.0) - covariance(places[-1])
    return 0.5 * (beta2 * energy + (places[0] - low) / tail[0] + inverse.sum() + np.log1p(-places[-1]))


def gain_of_atoms(covariance, low, places, weights, beta2):
    """Minus twice the derivative of the functional with respect to the weight of each atom, up to a constant."""
    x, width = np.maximum(np.cumsum(weights)[:-1], 1e-9), np.diff(places)
    tail = 1.0 - places[-1] + np.concatenate([np.cumsum((x * width)[::-1])[::-1], [0.0]])
    rise, ratio = width / (tail[1:] * tail[:-1]), x * width / tail[1:]
    height = np.concatenate([[0.0], np.cumsum(rise)]) + (places[0] - low) / tail[0] ** 2
    # [ln(1 + r) − r/(1 + r)]/x², by its series where r is small
    series = ratio**2 * (0.5 - 2.0 * ratio / 3.0)
    curved = np.where(ratio < 1e-4, series, np.log1p(ratio) - ratio / (1.0 + ratio)) / x**2
    area = height[:-1] * width + curved
    return beta2 * (covariance(places) - covariance(low)) - np.concatenate([[0.0], np.cumsum(area)])


@pytest.mark.parametrize(("q", "temperature"), [(0.15, 0.62), (0.35, 0.62), (0.2, 0.59), (0.45, 0.59), (0.65, 0.59)])
def test_no_distribution_of_overlaps_does_better(q, temperature):
    covariance, beta2 = MODELS[0], temperature**-2
    state = held_state(covariance, q, temperature)
    held = _Held(covariance, q, temperature)
    value = float(held.log_partition(state.inter, state.intra, state.break_point))
    # The weights of 120 atoms, free: the functional is convex in them, and uphill moves weight to what gains.
    places, weights, step = np.linspace(q * q, 0.8, 120), np.full(120, 1 / 120), 2.0
    best = log_partition_of_atoms(covariance, q * q, places, weights, beta2)
    for _ in range(6000):
        gain = gain_of_atoms(covariance, q * q, places, weights, beta2)
        moved = weights * np.exp(step * (gain - gain.max()))
        moved /= moved.sum()
        found = log_partition_of_atoms(covariance, q * q, places, moved, beta2)
        if found < best:
            best, weights = found, moved
        else:
            step *= 0.7
    left = 0.5 * (gain.max() - weights @ gain)  # no weights on these atoms lie lower by more than this
    assert left < 1e-4 and best - left - 1e-12 < value + 1e-5 and value < best < value + 1e-4
    # And the same functional at the atoms of the solution gives the same number.
    weights = np.array([state.break_point, 1.0 - state.break_point])
    if state.is_broken:
        same = log_partition_of_atoms(covariance, q * q, np.array([state.inter, state.intra]), weights, beta2)
        assert same == pytest.approx(value, abs=1e-12)
    # Deliberately wrong: replica symmetry where it is broken is told by the condition of optimality.
    if state.is_broken:
        symmetric = [r for r in np.linspace(q * q, 0.8, 4001)]
        worst = min(held.log_partition(np.array(symmetric), np.array(symmetric) + 1e-9, 0.5))
        assert worst > value + 1e-7


def test_broken_states_have_two_overlaps_and_symmetric_ones_one():
    covariance = MODELS[0]
    broken, symmetric = held_state(covariance, 0.3, 0.6), held_state(covariance, 0.6, 0.6)
    assert broken.is_broken and 0.09 < broken.inter < broken.intra and 0 < broken.break_point < 1
    assert not symmetric.is_broken and symmetric.inter == symmetric.intra == pytest.approx(0.6)  # T = 0.6: q = 0.6


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [((1.0, 0.6), "between -1 and 1"), ((0.5, 0.0), "temperature is 0"), ((0.5, 0.5), "static transition"),
     ((0.5, 0.6, 0.5), "reference temperature")],
)  # fmt: skip
def test_what_has_no_meaning_is_refused(arguments, fragment):
    with pytest.raises(InputError, match=fragment):
        held_state(MODELS[0], *arguments)
