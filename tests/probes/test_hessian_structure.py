"""The structure of a Hessian: diagonal and rotated matrices, the mean over bases, joint and single steps."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import DoubleWell, HarmonicWell, QuadraticForm, goe, two_spin_glass

from spinnet.errors import InputError
from spinnet.estimators.hessian_structure import diagonal_steps, interaction_ratio, off_diagonal_mass, rotated_mass
from spinnet.probes.hessian_structure import HessianStructureProbe


def measure(landscape, x, **parameters):
    found = HessianStructureProbe(**parameters).measure(landscape, x, np.random.default_rng(0))
    return {name.removeprefix("structure/"): variable.data for name, variable in found.items()}


def rotation(n, rng):
    q, r = np.linalg.qr(rng.standard_normal((n, n)))
    return q * np.sign(np.diagonal(r))


def test_independent_coordinates_have_a_diagonal_hessian_and_equal_steps():
    found = measure(DoubleWell(5), np.array([[1.3, -0.9, 0.8, 1.1, -1.2]]))
    assert found["off_diagonal_mass"][0] == 0.0 and found["interaction_ratio"][0] == pytest.approx(1.0)
    assert found["top_over_diagonal"][0] == pytest.approx(1.0)
    assert found["joint_change"][0] == pytest.approx(found["single_changes"][0]) and found["joint_change"][0] < 0


def test_the_mass_is_that_of_the_elements():
    matrix = np.array([[3.0, 1.0], [1.0, 2.0]])
    assert off_diagonal_mass(matrix) == pytest.approx(1 - 13 / 15)
    g = np.array([1.0, 2.0])
    assert interaction_ratio(matrix, g) == pytest.approx((g @ matrix @ g) / (3.0 + 8.0))
    np.testing.assert_allclose(diagonal_steps(np.array([2.0, -4.0]), np.array([1.0, 1.0]), 0.0), [-0.5, -0.25])


def test_the_mean_over_bases_is_that_of_random_rotations():
    rng = np.random.default_rng(1)
    values = np.array([5.0, 1.0, 0.5, -0.3, 0.0, 2.0])
    masses = [off_diagonal_mass(q @ np.diag(values) @ q.T) for q in (rotation(6, rng) for _ in range(4000))]
    error = np.std(masses) / np.sqrt(len(masses))
    expected = rotated_mass(values.sum(), (values**2).sum(), 6)
    assert abs(np.mean(masses) - expected) < 4 * error
    # deliberately wrong: without the fluctuation of the diagonal elements
    wrong = 1.0 - values.sum() ** 2 / (values**2).sum() / 6
    assert abs(np.mean(masses) - wrong) > 4 * error


def test_a_glass_has_no_preferred_axes_and_a_diagonal_well_has():
    masses, means = [], []
    for sample in range(40):
        glass = two_spin_glass(20, sample)
        found = measure(glass, glass.start(1, np.random.default_rng(sample)))
        masses.append(found["off_diagonal_mass"][0])
        means.append(found["rotated_mass"][0])
    difference = np.array(masses) - np.array(means)
    assert abs(difference.mean()) < 4 * difference.std(ddof=1) / np.sqrt(len(difference))
    assert measure(HarmonicWell([1.0, 4.0, 9.0]), np.ones((1, 3)))["rotated_mass"][0] == pytest.approx(0.2)


def test_together_strongly_coupled_coordinates_overshoot():
    # H = ½(Σ x_i)²: each coordinate alone removes all of the gradient, together they go n times too far.
    n = 6
    found = measure(QuadraticForm(np.ones((n, n)), sphere=False), np.ones((1, n)), damping=0.0)
    assert found["single_changes"][0] == pytest.approx(-(n**2) / 2)
    assert found["joint_change"][0] == pytest.approx((n * (n - n) + n * (n - 1)) ** 2 / 2 / n - n / 2)
    assert found["interaction_ratio"][0] == pytest.approx(n)
    assert found["off_diagonal_mass"][0] == pytest.approx(1 - 1 / n)


def test_on_the_sphere_the_steps_follow_the_tangent_basis():
    form = QuadraticForm(goe(12, np.random.default_rng(0)))
    x = form.start(1, np.random.default_rng(1))
    tiny = measure(form, x, damping=1e6)
    # steps so short that only the first order counts: joint and single changes are both Σ s_i g_i
    assert tiny["joint_change"][0] == pytest.approx(tiny["single_changes"][0], rel=1e-4)


def test_rows_that_are_nowhere_are_nan_and_large_landscapes_are_refused():
    x = np.array([[np.nan, 1.0, 1.0], [1.2, 1.0, 1.0]])
    found = measure(DoubleWell(3), x)
    assert np.isnan(found["off_diagonal_mass"][0]) and np.isfinite(found["off_diagonal_mass"][1])
    with pytest.raises(InputError, match="dense_limit"):
        measure(DoubleWell(5), np.ones((1, 5)), dense_limit=4)
