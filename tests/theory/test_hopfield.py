"""Hopfield network at zero temperature: capacity, retrieval and energies."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import erf

from spinnet.errors import InputError
from spinnet.randomness import stream
from spinnet.theory import hopfield as theory


def test_reference_values():
    assert theory.capacity() == pytest.approx((0.13790557, 0.96741712), abs=6e-9)
    assert theory.retrieval(0.1).overlap == pytest.approx(0.99799927, abs=6e-9)
    assert theory.global_minimum_load() == pytest.approx(0.05185, abs=5e-6)


@pytest.mark.parametrize("alpha", [0.02, 0.06, 0.1, 0.137])
def test_the_retrieval_state_solves_the_three_equations_of_amit_gutfreund_and_sompolinsky(alpha):
    state = theory.retrieval(alpha)
    deviation = math.sqrt(alpha * state.noise)
    response = math.sqrt(2 / math.pi) / deviation * math.exp(-(state.overlap**2) / (2 * alpha * state.noise))
    assert state.overlap == pytest.approx(float(erf(state.overlap / (math.sqrt(2) * deviation))), abs=1e-13)
    assert state.noise == pytest.approx((1 - response) ** -2, rel=1e-11)
    assert state.error == pytest.approx(1 - state.overlap, abs=1e-14)


def test_the_energy_is_stationary_so_that_only_its_explicit_slope_is_left():
    alpha, h = 0.11, 1e-5
    slope = (theory.retrieval(alpha + h).energy_density - theory.retrieval(alpha - h).energy_density) / (2 * h)
    state = theory.retrieval(alpha)
    root = math.sqrt(state.noise)
    # d/d alpha of (alpha/2)(1 - sqrt r + r C) - E|m + sqrt(alpha r) z| at fixed m, r, C = 1 - 1/sqrt r
    explicit = 0.5 * (1 - root + state.noise * (1 - 1 / root))
    explicit -= math.sqrt(state.noise / (2 * math.pi * alpha)) * math.exp(
        -(state.overlap**2) / (2 * alpha * state.noise)
    )
    assert slope == pytest.approx(explicit, abs=1e-9)


def test_beyond_the_capacity_there_is_no_retrieval():
    limit, overlap = theory.capacity()
    assert theory.retrieval(limit + 1e-9) is None
    # a square-root singularity
    gaps = [theory.retrieval(limit - e).overlap - overlap for e in (1e-7, 4e-7)]
    assert gaps[1] / gaps[0] == pytest.approx(2, rel=0.02)


def test_the_capacity_is_the_largest_load_of_the_retrieval_curve():
    y = np.linspace(0.5, 4, 200_001)
    curve = 0.5 * (erf(y) / y - 2 / math.sqrt(math.pi) * np.exp(-y * y)) ** 2
    assert theory.capacity()[0] == pytest.approx(curve.max(), abs=1e-10)


def test_few_patterns_are_retrieved_perfectly():
    assert theory.retrieval(0.0).overlap == 1
    assert theory.retrieval(1e-7).overlap == 1
    assert theory.retrieval(0.01).error < 1e-20
    assert theory.retrieval(0.01).energy_density == pytest.approx(-0.5, abs=1e-12)


def test_the_spin_glass_energy_is_the_ground_state_without_overlap():
    # m = 0: sqrt(r) = 1 + sqrt(2/(pi alpha)), stationary again
    alpha = 0.3
    root = 1 + math.sqrt(2 / (math.pi * alpha))
    response = brentq(lambda c: c - math.sqrt(2 / math.pi / alpha) * (1 - c), 0, 1)
    assert root == pytest.approx(1 / (1 - response), rel=1e-12)
    expected = 0.5 * alpha * (1 - root + root**2 * response) - math.sqrt(2 * alpha / math.pi) * root
    assert theory.spin_glass_energy(alpha) == pytest.approx(expected, abs=1e-13)


def test_one_step_from_a_pattern_flips_the_fraction_of_crosstalk():
    n, alpha = 2000, 0.2
    patterns = 1 - 2 * stream(1, "hopfield").integers(0, 2, (int(alpha * n), n))
    overlaps = patterns[1:] @ patterns[0]
    field = n * patterns[0] + overlaps @ patterns[1:] - (len(patterns) - 1) * patterns[0]
    wrong = np.mean(field * patterns[0] < 0)
    expected = theory.pattern_error(alpha)
    assert abs(wrong - expected) < 4 * math.sqrt(expected / n) + 1 / n
    assert theory.pattern_error(0.0) == 0


@pytest.mark.parametrize("alpha", [-0.1, math.nan, math.inf])
def test_bad_loads_are_refused(alpha):
    with pytest.raises(InputError):
        theory.retrieval(alpha)
