"""Funnels: the folding and glass temperature of a random landscape with a native state, and wells of two widths."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from spinnet.errors import InputError
from spinnet.randomness import stream
from spinnet.theory import folding, wells
from spinnet.theory.random_energy import CRITICAL_TEMPERATURE
from spinnet.theory.random_energy_finite import native_probability


def test_reference_ratios():
    assert folding.folding_to_glass_ratio(1.2) == pytest.approx(1.86332496, abs=5e-9)
    assert folding.folding_to_glass_ratio(1.6) == pytest.approx(2.84899960, abs=5e-9)
    assert folding.stability_of_ratio(1.6) == pytest.approx(1.1125, abs=1e-14)


@pytest.mark.parametrize("stability", [1.0, 1.1, 2.5, 40.0])
def test_ratio_and_stability_are_inverse(stability):
    assert folding.stability_of_ratio(folding.folding_to_glass_ratio(stability)) == pytest.approx(stability, rel=1e-13)


def test_at_the_folding_temperature_gap_and_entropy_balance():
    gap, roughness, entropy = 30.0, 3.5, 18.0
    t_f, t_g = folding.folding_temperature(gap, roughness, entropy), folding.glass_temperature(roughness, entropy)
    assert gap == pytest.approx(t_f * entropy + roughness**2 / (2 * t_f), rel=1e-13)
    # the entropy of the random states, S0 - Delta^2/(2 T^2), vanishes at T_g
    assert entropy - roughness**2 / (2 * t_g**2) == pytest.approx(0, abs=1e-12)
    assert t_f / t_g == pytest.approx(
        folding.folding_to_glass_ratio(folding.stability(gap, roughness, entropy)), rel=1e-13
    )
    assert folding.native_fraction(t_f, gap, roughness, entropy) == pytest.approx(0.5, abs=1e-12)
    assert folding.gap_of_stability(folding.stability(gap, roughness, entropy), roughness, entropy) == pytest.approx(
        gap
    )


def test_the_random_energy_model_freezes_at_its_own_temperature():
    n = 40
    assert folding.glass_temperature(math.sqrt(n / 2), n * math.log(2)) == pytest.approx(
        CRITICAL_TEMPERATURE, rel=1e-14
    )


@pytest.mark.parametrize("stability", [1.2, 1.6])
def test_the_exact_native_weight_is_one_half_at_the_folding_temperature(stability):
    n = 16
    roughness, entropy = math.sqrt(n / 2), n * math.log(2)
    gap = folding.gap_of_stability(stability, roughness, entropy)
    t_f = folding.folding_temperature(gap, roughness, entropy)
    assert native_probability(n, t_f, gap) == pytest.approx(0.5, abs=1e-3)
    for factor in (0.8, 1.3):
        assert native_probability(n, factor * t_f, gap) == pytest.approx(
            folding.native_fraction(factor * t_f, gap, roughness, entropy), abs=0.02
        )


def test_landscapes_without_a_funnel_have_no_folding_temperature():
    assert folding.folding_to_glass_ratio(0.99) is None
    assert folding.folding_temperature(1.0, 3.0, 20.0) is None
    assert folding.folding_temperature(-1.0, 3.0, 20.0) is None
    assert not folding.is_folded(1.09) and folding.is_folded(1.1)


def test_the_perceptron_that_counts_errors_has_the_stability_of_its_moments():
    n, alpha = 30, 3.0
    patterns = alpha * n
    # a weight vector that knows nothing errs on each pattern with probability 1/2
    errors = stream(1, "errors").binomial(int(patterns), 0.5, 100_000)
    assert errors.mean() == pytest.approx(patterns / 2, rel=1e-2) and errors.var() == pytest.approx(
        patterns / 4, rel=2e-2
    )
    direct = folding.stability(patterns / 2, math.sqrt(patterns / 4), n * math.log(2))
    assert folding.perceptron_stability(alpha) == pytest.approx(direct, rel=1e-14)


def golf_hole_profile():
    overlap = np.linspace(0, 1, 11)
    gap = 20.0 * (overlap == 1.0)
    return folding.FunnelProfile(overlap, gap, 2.0 * (overlap < 1), 10.0 * (1 - overlap))


def test_the_profile_of_a_golf_hole_balances_at_the_folding_temperature():
    profile = golf_hole_profile()
    t_f = folding.folding_temperature(20.0, 2.0, 10.0)
    free = profile.free_energy(t_f)
    assert free[0] == pytest.approx(free[-1], rel=1e-12)
    assert profile.barrier(t_f) > 0
    # below the T_g of a shell its free energy is that of its lowest level
    assert profile.free_energy(1e-6)[0] == pytest.approx(-2.0 * math.sqrt(20.0))


@pytest.mark.parametrize(
    "call",
    [
        lambda: folding.folding_to_glass_ratio(-1),
        lambda: folding.folding_to_glass_ratio(math.nan),
        lambda: folding.stability(1, 0, 1),
        lambda: folding.stability(1, 1, 0),
        lambda: folding.stability_of_ratio(0.5),
        lambda: folding.native_fraction(0.0, 1, 1, 1),
        lambda: folding.perceptron_stability(-1),
        lambda: golf_hole_profile().free_energy(0),
    ],
)
def test_bad_funnels_are_refused(call):
    with pytest.raises(InputError):
        call()


# wells


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_harmonic_wells_hold_the_masses_of_their_integrals(dimension):
    temperature, widths, offset = 0.7, (1.0, 1.5), 0.4

    def radial(width, bottom):
        return quad(lambda r: r ** (dimension - 1) * math.exp(-(bottom + r * r / (2 * width**2)) / temperature), 0, 40)[
            0
        ]

    exact = radial(widths[1], offset) / radial(widths[0], 0.0)
    assert wells.mass_ratio(1.5, dimension, offset, temperature) == pytest.approx(exact, rel=1e-9)


def test_equal_depths_divide_as_the_widths_at_every_temperature():
    for temperature in (0.01, 1.0, 30.0):
        assert wells.mass_ratio(1.5, 10, 0.0, temperature) == pytest.approx(1.5**10, rel=1e-13)
    assert wells.mass_ratio(10.0, 1000) == math.inf


def test_hessians_of_harmonic_wells_give_the_width_law():
    first, second = np.eye(4) / 1.0**2, np.eye(4) / 1.5**2
    assert wells.hessian_log_mass_ratio(first, second, 0.3, 0.5) == pytest.approx(
        wells.log_mass_ratio(1.5, 4, 0.3, 0.5)
    )


def test_laplace_masses_of_a_quartic_double_well_are_approached_at_low_temperature():
    def energy(x):
        return (x * x - 1) ** 2 * (1 + 0.4 * x)

    second = {c: 8 * (1 + 0.4 * c) for c in (-1, 1)}
    errors = []
    for temperature in (0.02, 0.005):
        left, right = (
            quad(
                lambda x, t=temperature: math.exp(-energy(x) / t), a, b, epsabs=0, epsrel=1e-11, limit=400, points=[c]
            )[0]
            for a, b, c in ((-1.6, 0, -1), (0, 2.2, 1))
        )
        laplace = wells.hessian_log_mass_ratio([[second[-1]]], [[second[1]]], 0.0, temperature)
        errors.append(math.log(right / left) - laplace)
    # corrections are of order T
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.15)


def test_depth_and_width_balance_where_the_masses_are_equal():
    depth = wells.balancing_energy(1.5, 10, 0.2)
    assert wells.mass_ratio(1.5, 10, depth, 0.2) == pytest.approx(1, abs=1e-13)


def test_thermal_energy_is_half_a_temperature_for_each_dimension():
    sample = stream(2, "well").standard_normal((100_000, 3)) * math.sqrt(0.3)
    energy = 0.5 * (sample**2).sum(axis=1)
    assert abs(energy.mean() - wells.thermal_energy(3, 0.3)) < 4 * energy.std() / math.sqrt(energy.size)


@pytest.mark.parametrize(
    "call",
    [
        lambda: wells.mass_ratio(0, 1),
        lambda: wells.mass_ratio(1.5, 0),
        lambda: wells.mass_ratio(1.5, 2, 0, 0),
        lambda: wells.hessian_log_mass_ratio([[1.0]], [[-1.0]]),
        lambda: wells.hessian_log_mass_ratio(np.eye(2), np.eye(3)),
        lambda: wells.hessian_log_mass_ratio([[1.0, 1.0], [0.0, 1.0]], np.eye(2)),
    ],
)
def test_bad_wells_are_refused(call):
    with pytest.raises(InputError):
        call()
