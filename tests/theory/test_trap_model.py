"""Trap model: the ageing function, finite waiting times against simulation, and the index of random energy dynamics."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from spinnet.errors import InputError
from spinnet.randomness import stream
from spinnet.theory.random_energy import CRITICAL_TEMPERATURE
from spinnet.theory.trap_model import ageing_function, dynamical_index, no_jump_probability


def simulated(waiting_time, times, index, count=40_000, seed=1):
    """Fractions of walkers that do not jump in [t_w, t_w + t]."""
    rng = stream(seed, "trap")
    clock = np.zeros(count)
    left_at = np.zeros(count)
    active = np.arange(count)
    while active.size:
        depth = rng.standard_exponential(active.size)
        left_at[active] = clock[active] + np.exp(depth / index) * rng.standard_exponential(active.size)
        clock[active] = left_at[active]
        active = active[left_at[active] <= waiting_time]
    return [(left_at > waiting_time + t).astype(float) for t in times]


def test_reference_table_at_one_half():
    expected = [0.80501777, 0.60817345, 0.5, 0.39182655, 0.19498223]
    assert ageing_function([0.1, 0.5, 1, 2, 10], 0.5) == pytest.approx(expected, abs=5e-9)
    w = np.array([0.1, 3.0])
    assert ageing_function(w, 0.5) == pytest.approx(2 / np.pi * np.arcsin((1 + w) ** -0.5), abs=1e-14)


@pytest.mark.parametrize("index", [0.2, 0.7])
def test_the_ageing_function_is_its_defining_integral(index):
    for w in (0.05, 1.0, 20.0):
        # u = v^(1/x) removes the singularity at zero
        upper = (1 / (1 + w)) ** index
        value = quad(lambda v: (1 - v ** (1 / index)) ** -index / index, 0, upper, epsabs=1e-13)[0]
        assert ageing_function(w, index) == pytest.approx(math.sin(math.pi * index) / math.pi * value, abs=1e-10)


def test_nothing_has_jumped_at_once_and_everything_in_the_end():
    assert ageing_function(0.0, 0.4) == 1
    assert ageing_function(1e30, 0.4) == pytest.approx(0, abs=1e-11)


@pytest.mark.parametrize("index, waiting_time", [(0.3, 1e4), (0.5, 1e3), (0.8, 50.0), (1.5, 20.0)])
def test_finite_waiting_times_agree_with_simulation(index, waiting_time):
    ratios = (0.1, 1.0, 4.0)
    samples = simulated(waiting_time, [waiting_time * w for w in ratios], index)
    for sample, w in zip(samples, ratios, strict=True):
        expected = no_jump_probability(waiting_time, w * waiting_time, index)
        assert abs(sample.mean() - expected) < 4 * math.sqrt(expected * (1 - expected) / sample.size)


def test_the_limit_would_fail_that_comparison_near_the_transition():
    sample = simulated(50.0, [50.0], 0.8)[0]
    assert abs(sample.mean() - ageing_function(1.0, 0.8)) > 4 * sample.std() / math.sqrt(sample.size)


def test_finite_waiting_times_solve_the_renewal_equation():
    # Pi(t_w + t) = S(t_w + t) + int_0^t_w u(s) S(t_w + t - s) ds with u = psi + u * psi, on a fine grid
    index, step, count = 0.6, 0.002, 1500
    nodes, weights = np.polynomial.legendre.leggauss(400)
    log_tau = 30 * (1 + nodes)
    weights = 30 * weights * index * np.exp(-index * log_tau)
    rate = np.exp(-log_tau)
    s = step * np.arange(2 * count + 1)
    decay = np.exp(-s[:, None] * rate)
    survival, density = decay @ weights, decay @ (weights * rate)
    renewal = np.empty(count + 1)
    renewal[0] = density[0]
    for i in range(1, count + 1):
        memory = renewal[:i] @ density[i:0:-1] - 0.5 * renewal[0] * density[i]
        renewal[i] = (density[i] + step * memory) / (1 - 0.5 * step * density[0])
    integral = renewal @ survival[2 * count : count - 1 : -1]
    integral -= 0.5 * (renewal[0] * survival[2 * count] + renewal[-1] * survival[count])
    value = survival[2 * count] + step * integral
    assert no_jump_probability(step * count, step * count, index) == pytest.approx(value, abs=2e-6)


def test_the_limit_is_approached_from_above_near_the_transition():
    ratios = [no_jump_probability(t, t, 0.8) / ageing_function(1.0, 0.8) for t in (1e5, 1e8, 1e11)]
    # corrections fall like t_w^(x-1)
    excess = np.array(ratios) - 1
    assert 0.08 < excess[0] < 0.13
    assert excess[:-1] / excess[1:] == pytest.approx(np.full(2, 1000**0.2), rel=0.1)


def test_a_random_trap_at_time_zero_is_left_by_its_own_law():
    exact = quad(lambda e: math.exp(-e - 5 * math.exp(-e / 0.5)), 0, 60, epsabs=1e-13)[0]
    assert no_jump_probability(0.0, 5.0, 0.5) == pytest.approx(exact, abs=1e-11)


def test_above_the_transition_the_traps_reach_equilibrium():
    x = 2.5
    # equilibrium weights are proportional to tau: (x - 1) tau^(-x)
    exact = quad(lambda u: (x - 1) * math.exp(-(x - 1) * u - 3 * math.exp(-u)), 0, 60, epsabs=1e-13)[0]
    assert no_jump_probability(1e6, 3.0, x) == pytest.approx(exact, abs=1e-6)


def test_random_energy_dynamics_reach_the_static_index_on_the_longest_scale():
    beta = 3.0
    assert dynamical_index(beta * math.sqrt(math.log(2)), beta) == pytest.approx(1 / (beta * CRITICAL_TEMPERATURE))
    assert dynamical_index(0.5, 2.0) == 0.25


@pytest.mark.parametrize(
    "call",
    [
        lambda: ageing_function(1, 0),
        lambda: ageing_function(1, 1),
        lambda: ageing_function(-1, 0.5),
        lambda: ageing_function(math.inf, 0.5),
        lambda: no_jump_probability(-1, 1, 0.5),
        lambda: no_jump_probability(1, 1, -0.5),
        lambda: dynamical_index(10.0, 2.0),
        lambda: dynamical_index(0.6, 1.0),
        lambda: dynamical_index(0, 1),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(InputError):
        call()
