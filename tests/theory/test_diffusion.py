"""Null models of two-time observables against simulated walks and limits."""

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.theory.diffusion import clock_displacement, free_displacement, free_overlap, harmonic_displacement


def walks(rho, rate, start, steps, count, seed=0):
    """Modes u ← ρu + ξ, written out: (steps + 1, count, modes)."""
    rng = np.random.default_rng(seed)
    u = np.repeat(np.sqrt(start)[None], count, axis=0)
    course = [u]
    for _ in range(steps):
        u = rho * u + np.sqrt(rate) * rng.standard_normal(u.shape)
        course.append(u)
    return np.array(course)


def z_of(values, known):
    return (values.mean(axis=0) - known) / (values.std(axis=0, ddof=1) / np.sqrt(len(values)))


def test_harmonic_modes_move_as_simulated_ones_from_a_given_start():
    eta, batch = 0.1, 2
    h, c, start = np.array([0.0, 3.0, 15.0]), np.array([1.0, 2.0, 0.5]), np.array([0.2, 1.0, 0.0])
    course = walks(1 - eta * h, eta**2 * c / batch, start, 60, 3000)
    wait, delays = 20, np.array([1, 3, 10, 40])
    moved = np.array([((course[wait + t] - course[wait]) ** 2).mean(axis=1) for t in delays]).T
    known = harmonic_displacement(delays, wait, h, c, eta, batch, start)
    assert np.abs(z_of(moved, known)).max() < 4
    assert np.abs(z_of(moved, harmonic_displacement(delays, wait, h, 2 * c, eta, batch, start))).min() > 8


def test_a_stationary_well_saturates_at_twice_its_variance_and_starts_like_free_diffusion():
    known = harmonic_displacement(np.array([1.0, 1e6]), 0, [0.5], [1.0], 0.01, 4)
    variance = 0.01**2 / 4 / (1 - 0.995**2)
    assert known[1] == pytest.approx(2 * variance, rel=1e-9)
    assert known[0] == pytest.approx(free_displacement(1, 0.01**2 / 4), rel=0.01)
    with pytest.raises(InputError):
        harmonic_displacement(1.0, 0, [0.0], [1.0], 0.01, 4)


def test_free_walks_from_the_origin_forget_as_the_root_of_the_ratio_of_ages():
    course = walks(np.ones(2000), np.ones(2000), np.zeros(2000), 80, 40)
    overlap = np.einsum("ri,ri->r", course[80], course[20]) / np.linalg.norm(course[80], axis=1)
    overlap /= np.linalg.norm(course[20], axis=1)
    assert abs(z_of(overlap, free_overlap(20, 60))) < 4
    assert abs(z_of(overlap, (1 + 60 / 20) ** -1.0)) > 10


def test_the_clock_integrates_power_laws_exactly_and_lines_where_the_noise_stops():
    time = np.array([0.0, 1.0, 10.0, 100.0])
    found = clock_displacement(time, np.array([9.0, 1.0, 0.1, 0.01]), 1.0, [1.0, 9.0, 99.0])
    np.testing.assert_allclose(found, np.log([2.0, 10.0, 100.0]), rtol=1e-9)
    flat = clock_displacement(time, np.full(4, 2.0), 0.5, [0.25, 4.5, 99.5, 100.0])
    np.testing.assert_allclose(flat[:3], [0.5, 9.0, 199.0], rtol=1e-9)
    assert np.isnan(flat[3])
    assert clock_displacement(time, np.array([1.0, 1.0, 0.0, 0.0]), 1.0, 99.0) == pytest.approx(4.5)
