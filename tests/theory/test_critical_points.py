"""Exact numbers of stationary points: closed forms, topology, sampled spectra, and counting on real landscapes."""

import itertools
import math

import numpy as np
import pytest

from spinnet.errors import InputError, NotConvergedError
from spinnet.theory.covariance import Covariance
from spinnet.theory.critical_points import (
    euler_characteristic,
    expected_critical_points,
    expected_critical_points_by_index,
    log_expected_critical_points,
    sample_critical_points_by_index,
)
from spinnet.theory.kac_rice import max_complexity

MODELS = [Covariance({3: 1}), Covariance({4: 1}), Covariance({3: 1, 4: 1}), Covariance({2: 1, 7: 0.2})]


def effective_degree(c):
    return 1 + c.second(1.0) / c.first(1.0)


@pytest.mark.parametrize("covariance", MODELS)
def test_two_spins_have_the_number_of_zeros_of_a_stationary_process(covariance):
    # Rice: on the circle the derivative of H has 2 sqrt(r''''(0)/(-r''(0))) zeros, r(t) = f(cos t)
    rice = 2 * math.sqrt((covariance.first(1.0) + 3 * covariance.second(1.0)) / covariance.first(1.0))
    assert expected_critical_points(covariance, 2) == pytest.approx(rice, rel=1e-13)
    assert rice == pytest.approx(2 * math.sqrt(3 * effective_degree(covariance) - 2), rel=1e-14)


@pytest.mark.parametrize("covariance", MODELS)
def test_three_spins_have_the_closed_form(covariance):
    p = effective_degree(covariance)
    minima = 1 + 2 * (p - 1) ** 1.5 / math.sqrt(3 * p - 2)
    counts = expected_critical_points_by_index(covariance, 3)
    np.testing.assert_allclose(counts, [minima, 2 * minima - 2, minima], rtol=1e-12)
    assert expected_critical_points(covariance, 3) == pytest.approx(4 * minima - 2, rel=1e-13)


def test_small_sizes_have_the_values_of_the_sheet():
    cubic, quartic = MODELS[:2]
    assert expected_critical_points(cubic, 2) == pytest.approx(5.29150262, abs=6e-9)
    assert expected_critical_points(quartic, 2) == pytest.approx(6.32455532, abs=6e-9)
    assert expected_critical_points(cubic, 3) == pytest.approx(10.55235974, abs=6e-9)
    assert expected_critical_points(quartic, 3) == pytest.approx(15.14534138, abs=6e-9)
    # the sheet has these from sampling, with their errors
    assert abs(expected_critical_points(cubic, 5) - 31.489) < 4 * 0.012
    assert abs(expected_critical_points(cubic, 10) - 287.04) < 4 * 0.08


@pytest.mark.parametrize("n", [2, 3, 7, 20])
def test_quadratic_model_has_two_points_of_each_index(n):
    c = Covariance({2: 0.7})
    assert expected_critical_points(c, n) == pytest.approx(2 * n, rel=1e-13)
    np.testing.assert_allclose(expected_critical_points_by_index(c, n), 2.0, rtol=1e-12)


@pytest.mark.parametrize("covariance", MODELS)
@pytest.mark.parametrize("n", [2, 3, 4, 5, 8, 13])
def test_numbers_by_index_obey_morse_theory_and_sum_to_the_total(covariance, n):
    counts = expected_critical_points_by_index(covariance, n)
    assert counts.shape == (n,) and np.all(counts > 0)
    total = expected_critical_points(covariance, n)
    assert counts.sum() == pytest.approx(total, rel=1e-11)
    assert counts @ (-1.0) ** np.arange(n) == pytest.approx(euler_characteristic(n), abs=1e-9 * total)
    # H and -H are equally likely
    np.testing.assert_allclose(counts, counts[::-1], rtol=1e-9)


@pytest.mark.parametrize("covariance", [MODELS[0], MODELS[2]])
@pytest.mark.parametrize("energy", [None, -1.0, -0.2])
def test_numbers_by_index_agree_with_sampled_spectra(covariance, energy):
    n = 5
    exact = expected_critical_points_by_index(covariance, n, energy)
    sampled = sample_critical_points_by_index(covariance, n, samples=40_000, seed=1, energy=energy)
    # indices of which the samples saw too little have no error bar
    seen = exact > 1e-2
    z = (sampled.mean - exact)[seen] / sampled.standard_error[seen]
    assert np.all(np.abs(z) < 4)
    assert exact.sum() == pytest.approx(expected_critical_points(covariance, n, energy), rel=1e-10)
    # the same samples reject the weight of another degree
    other = expected_critical_points_by_index(Covariance({4: 1}), n)
    assert energy is not None or np.any(np.abs(sampled.mean - other) > 4 * sampled.standard_error)


@pytest.mark.parametrize(
    ("amplitudes", "energy"),
    [({3: 1}, None), ({3: 1}, -0.5), ({2: 1, 3: 1}, None), ({2: 1, 3: 1}, -0.7), ({2: 1, 3: 1}, 0.2)],
)
def test_counting_on_sampled_landscapes_of_two_spins(amplitudes, energy):
    """H on the circle is a trigonometric polynomial; its stationary points are counted by sign changes."""
    samples, grid = 4000, 1440
    rng = np.random.default_rng(7)
    angle = 2 * math.pi * np.arange(grid) / grid
    spins = math.sqrt(2) * np.stack([np.cos(angle), np.sin(angle)])
    energies = np.zeros((samples, grid))
    for p, amplitude in amplitudes.items():
        for indices in itertools.product(range(2), repeat=p):
            coupling = rng.normal(size=samples) * amplitude / math.sqrt(2.0 * 2 ** (p - 1))
            energies -= coupling[:, None] * np.prod(spins[list(indices)], axis=0)
    steps = np.diff(energies, axis=1, append=energies[:, :1])
    is_turn = np.sign(steps) != np.sign(np.roll(steps, 1, axis=1))
    limit = math.inf if energy is None else 2 * energy
    counted = np.sum(is_turn & (energies <= limit), axis=1)
    expected = expected_critical_points(Covariance(amplitudes), 2, energy)
    z = (counted.mean() - expected) / (counted.std() / math.sqrt(samples))
    assert abs(z) < 4
    minima = np.sum((steps > 0) & is_turn & (energies <= limit), axis=1)
    expected = expected_critical_points_by_index(Covariance(amplitudes), 2, energy)[0]
    assert abs(minima.mean() - expected) < 4 * minima.std() / math.sqrt(samples)


def test_energies_of_counted_points_run_from_none_to_all():
    for c in (MODELS[0], MODELS[2]):
        energies = np.linspace(-3.0, 3.0, 13)
        counts = np.array([expected_critical_points(c, 6, float(e)) for e in energies])
        assert np.all(np.diff(counts) >= 0)
        assert counts[0] < 1e-3
        assert counts[-1] == pytest.approx(expected_critical_points(c, 6), rel=1e-6)
        # half of all points have negative energy
        assert counts[6] == pytest.approx(0.5 * expected_critical_points(c, 6), rel=1e-10)
        assert expected_critical_points_by_index(c, 6, -50.0).sum() == pytest.approx(0.0, abs=1e-12)


def test_nearly_pure_mixture_counts_like_the_pure_model():
    pure, nearly = Covariance({3: 1}), Covariance({3: 1, 4: 1e-4})
    for energy in (-1.1, -0.5):
        reference = expected_critical_points(pure, 8, energy)
        assert expected_critical_points(nearly, 8, energy) == pytest.approx(reference, rel=1e-5)
        np.testing.assert_allclose(
            expected_critical_points_by_index(nearly, 8, energy),
            expected_critical_points_by_index(pure, 8, energy),
            atol=1e-4,
        )


def test_total_grows_exponentially_with_the_complexity_as_rate():
    c = Covariance({3: 1})
    rate = log_expected_critical_points(c, 700) - log_expected_critical_points(c, 699)
    assert rate == pytest.approx(max_complexity(c) + 0.5 / 700, abs=2e-3)
    assert log_expected_critical_points(Covariance({300: 1}), 600) > 709.8
    assert expected_critical_points(Covariance({300: 1}), 600) == math.inf


def test_what_would_be_lost_in_rounding_is_refused():
    with pytest.raises(NotConvergedError, match="rounding"):
        expected_critical_points_by_index(Covariance({10: 1}), 40)
    for call in (
        lambda: expected_critical_points(MODELS[0], 1),
        lambda: expected_critical_points(MODELS[0], 800),
        lambda: expected_critical_points_by_index(MODELS[0], 61),
        lambda: expected_critical_points(MODELS[0], 4, float("nan")),
        lambda: sample_critical_points_by_index(MODELS[0], 4, samples=1),
        lambda: euler_characteristic(0),
    ):
        with pytest.raises((InputError, NotConvergedError)):
            call()


def test_euler_characteristic_of_spheres():
    assert [euler_characteristic(n) for n in (2, 3, 4, 5)] == [0, 2, 0, 2]
