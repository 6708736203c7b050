"""Complexity at large N: closed forms against quadrature over the semicircle, the replica theory and finite sizes."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq, minimize_scalar

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance
from spinnet.theory.critical_points import log_expected_critical_points
from spinnet.theory.kac_rice import (
    complexity,
    complexity_at_threshold,
    dominant_marginal_energy,
    dominant_multiplier,
    edge_cost,
    hessian_law,
    index_complexity,
    index_fraction,
    joint_complexity,
    level_energy,
    marginal_energy,
    max_complexity,
)
from spinnet.theory.spherical_ageing import threshold_energy
from spinnet.theory.spherical_one_step import one_step_ground

CUBIC = Covariance({3: 1})
MIXED = [Covariance({3: 1, 4: 1}), Covariance({2: 1, 3: 1}), Covariance({3: 1, 5: 0.3, 9: 0.2})]


def log_determinant(second, mu):
    """Return int of ln|mu - x| over the semicircle of radius 2 sqrt(f''), by quadrature in the angle."""
    radius = 2 * math.sqrt(second)
    inside = [math.acos(mu / radius)] if abs(mu) < radius else None
    value, _ = quad(
        lambda a: 2 / math.pi * math.sin(a) ** 2 * math.log(abs(mu - radius * math.cos(a))),
        0,
        math.pi,
        points=inside,
        epsabs=1e-12,
        limit=400,
    )
    return value


@pytest.mark.parametrize("covariance", MIXED)
@pytest.mark.parametrize(("energy", "mu"), [(-1.6, 6.5), (-1.0, 3.0), (0.3, -2.0), (-2.0, -9.0)])
def test_joint_complexity_is_the_kac_rice_formula_with_the_determinant_done_by_quadrature(covariance, energy, mu):
    f, first, second = covariance(1.0), covariance.first(1.0), covariance.second(1.0)
    inverse = np.linalg.inv(np.array([[f, -first], [-first, first + second]]))
    vector = np.array([energy, mu])
    expected = 0.5 - 0.5 * math.log(first) + log_determinant(second, mu) - 0.5 * vector @ inverse @ vector
    assert joint_complexity(covariance, energy, mu) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("p", "energy"), [(3, -1.165), (3, -1.0), (3, 0.4), (4, -1.26), (10, -1.5)])
def test_pure_complexity_is_the_kac_rice_formula_at_the_multiplier_of_the_energy(p, energy):
    c = Covariance({p: 1.4})
    energy = 1.4 * energy
    determinant = log_determinant(c.second(1.0), -p * energy)
    expected = 0.5 - 0.5 * math.log(c.first(1.0)) + determinant - energy**2 / (2 * c(1.0))
    assert complexity(c, energy) == pytest.approx(expected, abs=1e-9)


def test_pure_complexity_is_the_limit_of_a_mixed_one():
    nearly = Covariance({3: 1, 4: 1e-4})
    for energy in (-1.165, -1.0, 0.3):
        assert complexity(nearly, energy) == pytest.approx(complexity(CUBIC, energy), abs=1e-6)
    for k in (0, 1, 3):
        assert index_complexity(nearly, -1.16, k) == pytest.approx(index_complexity(CUBIC, -1.16, k), abs=1e-6)
        assert level_energy(nearly, k) == pytest.approx(level_energy(CUBIC, k), abs=1e-6)


@pytest.mark.parametrize("p", [3, 4, 8])
def test_pure_index_complexity_is_the_formula_of_auffinger_ben_arous_and_cerny(p):
    c = Covariance({p: 1})
    edge = 2 * math.sqrt((p - 1) / p)
    for energy in (-edge / math.sqrt(2) - 0.01, -edge / math.sqrt(2) - 0.2):
        u = math.sqrt(2) * energy
        root = math.sqrt(u * u - edge * edge)
        cost = -u / edge**2 * root - math.log(-u + root) + math.log(edge)
        for k in (0, 1, 2, 7):
            expected = 0.5 * math.log(p - 1) - (p - 2) * u * u / (4 * (p - 1)) - (k + 1) * cost
            assert index_complexity(c, energy, k) == pytest.approx(expected, abs=1e-12)
        assert complexity(c, energy) == pytest.approx(index_complexity(c, energy, 0), abs=1e-13)


def test_cubic_complexities_have_the_values_of_the_sheet():
    values = [index_complexity(CUBIC, -1.165, k) for k in range(3)]
    np.testing.assert_allclose(values, [0.00567677, 0.00408621, 0.00249564], atol=6e-9)
    assert complexity(CUBIC, -1.0) == pytest.approx(0.09657359, abs=6e-9)
    levels = [level_energy(CUBIC, k) for k in range(5)]
    np.testing.assert_allclose(levels, [-1.17167478, -1.16875785, -1.16690518, -1.16559413, -1.16460386], atol=6e-9)
    np.testing.assert_allclose(np.array(levels[:3]) * -math.sqrt(2), [1.6569984, 1.6528732, 1.6502531], atol=6e-8)
    assert complexity_at_threshold(CUBIC) == pytest.approx(0.5 * math.log(2) - 1 / 3, abs=1e-14)
    assert complexity_at_threshold(Covariance({4: 1})) == pytest.approx(0.04930614, abs=6e-9)


def test_mixed_models_have_the_values_of_the_sheet():
    for amplitudes, marginal, top in (
        ({3: 1, 4: 1}, -1.68, 0.47223080),
        ({2: 1, 3: 1}, -1.53846154, 0.23500181),
        ({2: 1, 4: 1}, None, 0.42364893),
    ):
        c = Covariance(amplitudes)
        assert max_complexity(c) == pytest.approx(top, abs=6e-9)
        assert marginal is None or marginal_energy(c) == pytest.approx(marginal, abs=6e-9)


@pytest.mark.parametrize("covariance", [CUBIC, Covariance({7: 0.3}), *MIXED])
def test_maximum_over_all_energies_is_half_the_log_ratio_of_curvature_and_force(covariance):
    found = minimize_scalar(
        lambda e: -complexity(covariance, e), bounds=(-2, 2), method="bounded", options={"xatol": 1e-9}
    )
    assert -found.fun == pytest.approx(max_complexity(covariance), abs=1e-12)
    assert found.x == pytest.approx(0.0, abs=1e-6)
    assert complexity(covariance, 3.0, cumulative=True) == max_complexity(covariance)
    assert complexity(covariance, 3.0) < 0


@pytest.mark.parametrize("covariance", MIXED)
@pytest.mark.parametrize("index", [None, 0, 1, 4])
def test_dominant_multiplier_is_the_maximum_found_by_search(covariance, index):
    edge = 2 * math.sqrt(covariance.second(1.0))
    for energy in (-1.2 * abs(marginal_energy(covariance)), 0.99 * dominant_marginal_energy(covariance), -0.2, 0.7):
        mu = dominant_multiplier(covariance, energy, index)
        best = joint_complexity(covariance, energy, mu, index)
        low = -40.0 if index is None else edge
        found = minimize_scalar(
            lambda m, e=energy: -joint_complexity(covariance, e, m, index), bounds=(low, 60), method="bounded"
        )
        assert best >= -found.fun - 1e-12
        # the search itself ends up to 1e-5 away from a maximum at the end of its interval
        assert best == pytest.approx(-found.fun, abs=1e-3)
        assert index is None or mu >= edge * (1 - 1e-14)


@pytest.mark.parametrize("covariance", [CUBIC, *MIXED])
def test_dominant_points_are_marginal_at_the_threshold_of_the_ageing_theory(covariance):
    edge = 2 * math.sqrt(covariance.second(1.0))
    assert dominant_marginal_energy(covariance) == pytest.approx(threshold_energy(covariance), rel=1e-14)
    found = brentq(lambda e: dominant_multiplier(covariance, e) - edge, -3, -0.1, xtol=1e-14)
    # beyond the threshold mu leaves the edge as the square of the distance, so that half of the digits are lost
    assert found == pytest.approx(dominant_marginal_energy(covariance), abs=1e-8)


@pytest.mark.parametrize("covariance", MIXED)
def test_marginal_energy_is_where_marginal_points_are_most_numerous(covariance):
    edge = 2 * math.sqrt(covariance.second(1.0))
    found = minimize_scalar(
        lambda e: -joint_complexity(covariance, e, edge), bounds=(-3, 0), method="bounded", options={"xatol": 1e-9}
    )
    assert found.x == pytest.approx(marginal_energy(covariance), abs=1e-6)
    assert marginal_energy(covariance) > dominant_marginal_energy(covariance)


@pytest.mark.parametrize("covariance", [CUBIC, Covariance({4: 1}), *MIXED])
def test_complexity_is_the_legendre_transform_of_the_replicated_free_energy(covariance):
    # Monasson: -y phi(y) = max over e of [Sigma(e) - y e], phi from the T = 0 one-step functional at break point y
    f, first, second = covariance(1.0), covariance.first(1.0), covariance.second(1.0)

    def times_y(y):
        chi = brentq(lambda chi: chi * (chi + y) * first - 1, 1e-12, 10, xtol=1e-16)
        return 0.5 * (y * y * f + y * chi * first + math.log1p(y / chi))

    chi = 1 / math.sqrt(second)
    threshold_y = 1 / (chi * first) - chi
    ground_y = one_step_ground(covariance).y
    for y in (threshold_y * (1 + 1e-3), 0.5 * (threshold_y + ground_y), ground_y):
        h = 1e-3 * y
        slope = (times_y(y - 2 * h) - 8 * times_y(y - h) + 8 * times_y(y + h) - times_y(y + 2 * h)) / (12 * h)
        energy = -slope
        assert complexity(covariance, energy) == pytest.approx(times_y(y) + y * energy, abs=1e-10)


def test_complexity_at_threshold_is_that_of_the_marginal_replicated_state():
    for c in (CUBIC, *MIXED):
        chi = 1 / math.sqrt(c.second(1.0))
        y = 1 / (chi * c.first(1.0)) - chi
        energy = -(y * c(1.0) + chi * c.first(1.0))
        total = 0.5 * (y * y * c(1.0) + y * chi * c.first(1.0) + math.log1p(y / chi)) + y * energy
        # the explicit derivative in y at fixed chi is the energy; chi is stationary at the marginal point too
        assert energy == pytest.approx(threshold_energy(c), rel=1e-12)
        assert complexity_at_threshold(c) == pytest.approx(total, abs=1e-12)


@pytest.mark.parametrize("covariance", [CUBIC, Covariance({4: 1}), *MIXED])
def test_levels_grow_with_the_index_towards_the_threshold(covariance):
    levels = [level_energy(covariance, k) for k in (0, 1, 2, 5, 20)]
    assert np.all(np.diff(levels) > 0)
    assert levels[-1] < dominant_marginal_energy(covariance)
    for k, energy in zip((0, 1, 2, 5, 20), levels, strict=True):
        assert index_complexity(covariance, energy, k) == pytest.approx(0.0, abs=1e-12)
    assert levels[0] == pytest.approx(one_step_ground(covariance).energy_density, rel=1e-11)


@pytest.mark.parametrize(
    ("amplitudes", "energy"), [({3: 1}, None), ({3: 1}, -1.0), ({3: 1, 4: 1}, None), ({3: 1, 4: 1}, -1.5)]
)
def test_complexity_is_the_limit_of_the_exact_counts_at_finite_size(amplitudes, energy):
    c = Covariance(amplitudes)
    sizes = np.array([150, 250, 400, 650])
    values = [log_expected_critical_points(c, int(n), energy) / n for n in sizes]
    # ln E(number) = N Sigma + a ln N + b + c/N
    design = np.stack([np.ones(4), np.log(sizes) / sizes, 1 / sizes, sizes**-2.0], axis=1)
    limit = np.linalg.solve(design, values)[0]
    expected = max_complexity(c) if energy is None else complexity(c, energy)
    assert limit == pytest.approx(expected, abs=1e-5)


def test_index_complexity_above_the_threshold_is_constant_or_empty():
    assert index_complexity(CUBIC, -0.5, 2) == pytest.approx(complexity_at_threshold(CUBIC), abs=1e-14)
    assert index_complexity(CUBIC, -0.5, 2, cumulative=False) == -math.inf
    mixed = MIXED[0]
    top = index_complexity(mixed, marginal_energy(mixed), 0)
    assert index_complexity(mixed, -0.5, 0) == top
    assert index_complexity(mixed, -0.5, 0, cumulative=False) < top
    assert joint_complexity(mixed, -1.6, 1.0, index=0) == -math.inf


def test_edge_cost_is_the_integral_of_the_force_on_an_eigenvalue():
    for ratio in (2.0001, 2.01, 2.3, 5.0):
        value, _ = quad(lambda y: 0.5 * math.sqrt(y * y - 4), 2, ratio, epsabs=1e-15)
        assert edge_cost(ratio) == pytest.approx(value, rel=1e-9)
    assert edge_cost(1.9) == 0.0


def test_hessian_of_pure_models_is_marginal_at_the_threshold_and_half_negative_at_zero_energy():
    for p in (3, 4, 6):
        c = Covariance({p: 1})
        law = hessian_law(c, energy=threshold_energy(c))
        assert law.edges[0] == pytest.approx(0.0, abs=1e-12)
        assert law.centre == pytest.approx(-p * threshold_energy(c))
        assert law.radius == pytest.approx(math.sqrt(2 * p * (p - 1)))
        assert index_fraction(c, 0.0) == pytest.approx(0.5)
        assert index_fraction(c, level_energy(c, 0)) == 0.0
        energy = 0.5 * threshold_energy(c)
        value, _ = quad(hessian_law(c, energy=energy).density, law.centre / 2 - law.radius, 0)
        assert index_fraction(c, energy) == pytest.approx(value, abs=1e-8)
    assert hessian_law(MIXED[0], multiplier=6.0).edges[0] == pytest.approx(0.0, abs=1e-14)


@pytest.mark.parametrize(
    "call",
    [
        lambda: joint_complexity(CUBIC, -1.0, 3.0),
        lambda: level_energy(Covariance({2: 1}), 0),
        lambda: index_complexity(CUBIC, -1.0, -1),
        lambda: index_complexity(CUBIC, -1.0, 0.5),
        lambda: hessian_law(CUBIC),
        lambda: hessian_law(CUBIC, energy=-1.0, multiplier=3.0),
    ],
)
def test_questions_without_an_answer_are_refused(call):
    with pytest.raises(InputError):
        call()
