"""Langevin dynamics: stationary laws at finite step, invariance of an exact start, free diffusion, the norm."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import DoubleWell, HarmonicWell, QuadraticForm, two_spin_glass
from scipy import stats

from spinnet.dynamics import Langevin
from spinnet.randomness import counter_keys


def run(dynamics, landscape, x, steps, seed=3):
    return dynamics.advance(landscape, dynamics.init(landscape, x, counter_keys(seed, len(x), "noise")), steps).x


def z_score(values, expected):
    return (values.mean(axis=0) - expected) / (values.std(axis=0) / np.sqrt(len(values)))


def test_the_stationary_variance_in_a_well_is_that_of_the_finite_step():
    # Var = T/(h(1 − h·step/2)) exactly; from a start with this law it stays, and T/h is excluded.
    h, step, temperature = np.array([0.2, 1.0, 4.0]), 0.1, 1.0
    exact = temperature / (h * (1 - h * step / 2))
    np.testing.assert_allclose(exact, [5.0505, 1.05263, 1.25 / 4], rtol=1e-4)
    copies = 4000
    well = HarmonicWell(np.tile(h, copies))
    x = np.random.default_rng(0).standard_normal((10, 3 * copies)) * np.sqrt(np.tile(exact, copies))
    found = run(Langevin(temperature, step), well, x, 60).reshape(-1, 3) ** 2
    assert np.abs(z_score(found, exact)).max() < 4
    assert abs(z_score(found, temperature / h)[2]) > 10


def test_a_wrong_start_relaxes_to_the_stationary_variance():
    well = HarmonicWell(np.full(20_000, 2.0))
    found = run(Langevin(0.5, 0.1), well, np.full((1, 20_000), 3.0), 60).reshape(-1, 1) ** 2
    assert np.abs(z_score(found, 0.5 / (2.0 * 0.9))).max() < 4


def boltzmann_on_the_sphere(matrix, temperature, count, rng):
    """Exact samples of exp(−½x'Ax/T) on |x|² = n, by rejection from the uniform law."""
    n, lowest = len(matrix), np.linalg.eigvalsh(matrix)[0]
    kept = []
    while sum(map(len, kept)) < count:
        x = rng.standard_normal((4 * count, n))
        x *= np.sqrt(n / (x * x).sum(axis=1))[:, None]
        energy = 0.5 * np.einsum("ri,ij,rj->r", x, matrix, x)
        kept.append(x[rng.random(len(x)) < np.exp((0.5 * n * lowest - energy) / temperature)])
    return np.concatenate(kept)[:count]


SPHERE = QuadraticForm(np.diag([-1.0, 0.2, 0.8]) + 0.3)


def energy_drift(step, temperature=0.6, seconds=0.6, noise_temperature=None, count=60_000):
    """z-score and mean of the energy change from an exact Boltzmann start; ``noise_temperature`` spoils the kernel."""
    x = boltzmann_on_the_sphere(SPHERE.matrix, temperature, count, np.random.default_rng(5))
    moved = run(Langevin(noise_temperature or temperature, step), SPHERE, x, round(seconds / step), seed=9)
    change = SPHERE.energy(moved) - SPHERE.energy(x)
    return change.mean() / (change.std() / np.sqrt(count)), change.mean()


def test_the_boltzmann_law_on_the_sphere_is_invariant_for_small_steps():
    z, _ = energy_drift(0.005)
    assert abs(z) < 4


def test_a_kernel_with_noise_of_the_wrong_amplitude_fails():
    # Deliberately wrong: noise √(T·step) in place of √(2T·step).
    z, _ = energy_drift(0.004, noise_temperature=0.3, count=20_000)
    assert abs(z) > 10


def test_free_diffusion_on_the_sphere_forgets_at_the_exact_rate():
    # Without a force E[x(t)·x(0)]/n = exp(−T(1 − 1/n)t): the first eigenvalue of the Laplacian on the sphere.
    n, temperature, step, steps = 5, 0.7, 0.005, 160
    flat = QuadraticForm(np.zeros((n, n)))
    x = flat.start(20_000, np.random.default_rng(0))
    overlap = flat.space.overlap(run(Langevin(temperature, step), flat, x, steps), x)
    assert abs(z_score(overlap, np.exp(-temperature * (1 - 1 / n) * step * steps))) < 4


def overlap_after_one_step(n, temperature, step):
    """E[x(step)·x(0)]/n without a force: E(1 + 2T·step·χ²/n)^(−1/2), χ² with n − 1 degrees of freedom."""
    u, weights = np.polynomial.legendre.leggauss(400)
    chi = stats.chi2(n - 1).ppf(0.5 * (u + 1.0))
    return float((0.5 * weights * (1.0 + 2.0 * temperature * step * chi / n) ** -0.5).sum())


def test_a_long_step_on_the_sphere_forgets_as_it_should_and_its_error_is_of_first_order():
    n, temperature, step = 5, 0.7, 0.2
    flat = QuadraticForm(np.zeros((n, n)))
    x = flat.start(40_000, np.random.default_rng(0))
    overlap = flat.space.overlap(run(Langevin(temperature, step), flat, x, 1), x)
    assert abs(z_score(overlap, overlap_after_one_step(n, temperature, step))) < 4
    wrong = [-np.log(overlap_after_one_step(n, temperature, h)) / h - temperature * (1 - 1 / n) for h in (0.02, 0.01)]
    assert abs(wrong[0] / wrong[1] - 2.0) < 0.1


def test_without_noise_the_step_error_is_of_first_order():
    x, well = np.array([[0.3, 0.6]]), DoubleWell(2)
    exact = 1.0 / np.sqrt(1.0 + (1.0 / x**2 - 1.0) * np.exp(-2.0))
    errors = [np.abs(run(Langevin(0.0, h), well, x, round(1 / h)) - exact).max() for h in (0.02, 0.01, 0.005)]
    assert np.allclose([errors[0] / errors[1], errors[1] / errors[2]], 2.0, atol=0.1)


def test_two_equal_wells_end_with_half_of_the_mass_each():
    # From one well over the barrier 1/4 at T = 0.3 to half of the mass in each.
    well = DoubleWell(1)
    x = np.ones((4000, 1))
    right = run(Langevin(0.3, 0.05), well, x, 1500) > 0
    assert abs(right.mean() - 0.5) < 4 * 0.5 / np.sqrt(4000)


@pytest.mark.parametrize("n", [7, 12])
def test_the_norm_is_kept_to_machine_precision(n):
    glass = two_spin_glass(n, 1)
    x = run(Langevin(0.8, 0.05), glass, glass.start(4, np.random.default_rng(0)), 2000)
    assert np.abs((x * x).sum(axis=1) / n - 1).max() < 1e-14


def test_noise_belongs_to_the_key_and_not_to_the_place_in_the_block():
    glass, rng = two_spin_glass(9, 1), np.random.default_rng(0)
    x, keys = glass.start(3, rng), counter_keys(1, 3, "noise")
    dynamics = Langevin(0.5, 0.02)
    a = dynamics.advance(glass, dynamics.init(glass, x, keys), 20).x
    b = dynamics.advance(glass, dynamics.init(glass, x[::-1], keys[::-1]), 20).x[::-1]
    np.testing.assert_array_equal(a, b)
    same = dynamics.advance(glass, dynamics.init(glass, x[[0, 0]], keys[:2]), 20).x
    assert np.abs(same[0] - same[1]).max() > 0.01
