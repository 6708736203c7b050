"""Maps of wide networks against known fixed points and sampled networks; the plateau of the soft committee."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import erf

from spinnet.errors import InputError
from spinnet.theory.signal_propagation import (
    error_attenuation,
    fixed_variance,
    forward_variances,
    second_moment,
    slope_moment,
)
from spinnet.theory.soft_committee import generalisation_error, symmetric_plateau


@pytest.mark.parametrize(
    ("sigma_w", "q", "chi"),
    [(1.0, 0.276299193, 0.700258147), (1.3, 0.607046792, 0.939807429), (2.5, 4.079123875, 1.585224765),
     (4.0, 12.604149498, 2.367261036)],
)  # fmt: skip
def test_fixed_points_of_tanh_are_those_of_high_precision(sigma_w, q, chi):
    found = fixed_variance("tanh", sigma_w, 0.3)
    assert found == pytest.approx(q, abs=1e-9)
    assert sigma_w**2 * slope_moment("tanh", found) == pytest.approx(chi, abs=1e-9)


def test_fixed_points_of_erf_and_moments_by_sampling():
    found = fixed_variance("erf", 1.5, 0.3)
    assert found == pytest.approx(1.2191689528, abs=1e-9)
    assert 2.25 * slope_moment("erf", found) == pytest.approx(1.1817531540, abs=1e-9)
    z = math.sqrt(0.7) * np.random.default_rng(0).standard_normal(200_000)
    for value, samples in ((second_moment("tanh", 0.7), np.tanh(z) ** 2),
                           (second_moment("relu", 0.7), np.maximum(z, 0) ** 2),
                           (slope_moment("tanh", 0.7), (1 - np.tanh(z) ** 2) ** 2)):  # fmt: skip
        assert abs(samples.mean() - value) < 4 * samples.std() / math.sqrt(len(z))
    with pytest.raises(InputError, match="activation"):
        second_moment("step", 1.0)


def test_errors_fade_as_in_sampled_networks():
    rng, width, depth, sigma = np.random.default_rng(1), 300, 6, 0.8
    ratios = []
    for _ in range(20):
        layers = [sigma / math.sqrt(width) * rng.standard_normal((width, width)) for _ in range(depth)]
        z = [layers[0] @ rng.standard_normal(width)]
        for w in layers[1:]:
            z.append(w @ np.tanh(z[-1]))
        delta = [rng.standard_normal(width) * (1 - np.tanh(z[-1]) ** 2)]
        for w, below in zip(layers[:0:-1], z[-2::-1], strict=True):
            delta.append((w.T @ delta[-1]) * (1 - np.tanh(below) ** 2))
        sizes = np.sqrt([(d**2).mean() for d in delta[::-1]])
        ratios.append(sizes / sizes[-1])
    ratios = np.array(ratios)
    q = forward_variances("tanh", sigma, 0.0, 1.0, depth)
    foretold = error_attenuation("tanh", sigma, q, [width] * depth)
    error = ratios.std(axis=0) / math.sqrt(len(ratios))
    assert (np.abs(ratios.mean(axis=0) - foretold) <= 4 * error + 0.03 * foretold).all()  # finite width: some percent
    # deliberately wrong: chi of weights of unit variance
    wrong = error_attenuation("tanh", 1.0, q, [width] * depth)
    assert abs(ratios[:, 0].mean() - wrong[0]) > 10 * error[0]


@pytest.mark.parametrize(
    ("units", "r", "q", "error"),
    [(2, 0.40824829, 0.33333333, 0.01161084), (3, 0.25819889, 0.2, 0.02029659),
     (5, 0.14907120, 0.11111111, 0.03622632)],
)  # fmt: skip
def test_the_plateau_is_the_least_error_of_equal_units(units, r, q, error):
    plateau = symmetric_plateau(units)
    np.testing.assert_allclose(plateau, (r, q, error), atol=6e-9)

    def equal_units(q):
        # equal students in the space of the teachers: J = R ΣB_n, so that K R² = Q
        r = math.sqrt(q / units)
        return generalisation_error(np.full((units, units), q), np.full((units, units), r), np.eye(units))

    found = minimize_scalar(equal_units, bounds=(1e-3, 2.0), method="bounded", options={"xatol": 1e-12})
    assert found.x == pytest.approx(plateau[1], abs=1e-6)
    assert math.sqrt(found.x / units) == pytest.approx(plateau[0], abs=1e-6)
    assert found.fun == pytest.approx(plateau[2], abs=1e-10)
    assert generalisation_error(np.eye(units), np.eye(units), np.eye(units)) == pytest.approx(0.0, abs=1e-14)


def test_the_generalisation_error_is_that_of_sampled_inputs():
    rng = np.random.default_rng(2)
    students, teachers = 0.3 * rng.standard_normal((2, 9)), np.eye(9)[:3]
    x = rng.standard_normal((200_000, 9))
    g = [erf(x @ rows.T / math.sqrt(2.0)).sum(axis=1) for rows in (students, teachers)]
    squares = 0.5 * (g[0] - g[1]) ** 2
    expected = generalisation_error(students @ students.T, students @ teachers.T, teachers @ teachers.T)
    assert abs(squares.mean() - expected) < 4 * squares.std() / math.sqrt(len(x))
