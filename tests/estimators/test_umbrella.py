"""Histograms under umbrellas against densities that are known."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.errors import InputError, NotConvergedError
from spinnet.estimators.umbrella import log_density, mean_force, umbrella_potential

EDGES, CENTRES, WIDTH = np.linspace(-1, 1, 401), np.linspace(0.0, 0.8, 9), 0.1
MIDDLE = 0.5 * (EDGES[1:] + EDGES[:-1])


def window_counts(log_p, steps, rng=None, centres=CENTRES, width=WIDTH):
    """Counts of windows for a density given on a fine grid; exact shares without ``rng``."""
    fine = np.linspace(-1, 1, 20001)
    fine = 0.5 * (fine[1:] + fine[:-1])
    weights = np.exp(log_p(fine) - 0.5 * ((fine - np.array(centres)[:, None]) / width) ** 2)
    shares = weights.reshape(len(centres), 400, -1).sum(axis=2)
    shares /= shares.sum(axis=1, keepdims=True)
    return steps * shares if rng is None else rng.multinomial(steps, shares).astype(float)


def sphere(n):
    return lambda q: 0.5 * (n - 3) * np.log1p(-(q**2))


def test_exact_histograms_give_the_density_back():
    def double_well(q):
        return -150.0 * (q**2 - 0.3 * q) * (q - 0.7) ** 2

    counts = window_counts(double_well, 1e7)
    found = log_density(counts, EDGES, CENTRES, WIDTH)
    seen = (MIDDLE > 0.0) & (MIDDLE < 0.8)
    expected = double_well(MIDDLE)
    difference = (found - expected)[seen]
    # Bins are finite: p is not constant in them.
    assert np.ptp(difference) < 0.01
    assert np.exp(found[np.isfinite(found)]).sum() * 0.005 == pytest.approx(1.0)


def test_the_free_sphere_has_the_potential_of_its_area_at_every_size():
    rng, temperature = np.random.default_rng(0), 0.7
    for n, centres, width in ((12, CENTRES, WIDTH), (200, np.linspace(0.0, 0.8, 25), 0.03)):
        counts = np.array([window_counts(sphere(n), 4000, rng, centres, width) for _ in range(60)])
        found = umbrella_potential(counts, EDGES, centres, width, temperature, n)
        expected = -0.5 * temperature * np.log1p(-(found.overlap**2))
        # The zero is the mean of the two bins beside q = 0.
        expected -= -0.5 * temperature * np.log1p(-(0.0025**2))
        z = (found.potential - expected) / np.maximum(found.error, 1e-6)
        assert np.abs(z).max() < 4 and found.overlap[-1] > 0.6
        assert found.error.max() < 0.1 * found.potential.max()


def test_a_wrong_width_of_the_umbrellas_fails():
    rng = np.random.default_rng(1)
    counts = np.array([window_counts(sphere(50), 4000, rng) for _ in range(24)])
    found = umbrella_potential(counts, EDGES, CENTRES, 1.1 * WIDTH, 1.0, 50)
    z = (found.potential + 0.5 * np.log1p(-(found.overlap**2))) / np.maximum(found.error, 1e-6)
    assert np.abs(z).max() > 10


def test_the_mean_force_of_the_free_sphere_is_that_of_its_potential():
    """V = −(T/2) ln(1 − q²) at every size; the mean over a window adds what V bends over it."""
    temperature = 0.6
    for n in (12, 60):
        for width in (0.1, 0.05):
            counts = window_counts(sphere(n), 1e6, width=width)
            means = np.tile((counts * MIDDLE).sum(axis=1) / counts.sum(axis=1), (6, 1))
            position, force = mean_force(means, CENTRES, width, temperature, n)
            expected = temperature * position.value / (1 - position.value**2)
            q = position.value
            third = 2 * temperature * q * (3 + q**2) / (1 - q**2) ** 3  # the third derivative bends the force
            assert (np.abs(force.value - expected) < 0.5 * width**2 * third + 1e-4).all()
            without = force.value - 3 * temperature / n * position.value / (1 - position.value**2)
            if n == 12 and width == 0.05:  # deliberately wrong: the area left out
                assert (np.abs(without - expected) > 0.5 * width**2 * third + 1e-4)[2:6].all()


def test_errors_of_the_mean_force_cover_the_scatter():
    rng, n = np.random.default_rng(2), 60
    exact = window_counts(sphere(n), 1.0)
    exact = np.tile((exact * MIDDLE).sum(axis=1) / exact.sum(axis=1), (6, 1))
    counts = np.array([window_counts(sphere(n), 4000, rng) for _ in range(24)])
    means = (counts * MIDDLE).sum(axis=2) / counts.sum(axis=2)
    _, force = mean_force(means, CENTRES, WIDTH, 1.0, n)
    _, expected = mean_force(exact, CENTRES, WIDTH, 1.0, n)
    assert (np.abs(force.value - expected.value) < 4 * force.error).all()
    assert (np.abs(force.value - 1.2 * expected.value) > 4 * force.error)[4:].all()


def test_windows_without_overlap_are_refused():
    centres = [0.0, 0.8]
    counts = window_counts(sphere(20), 1000, np.random.default_rng(3), centres, 0.03)
    with pytest.raises(NotConvergedError, match="do not overlap"):
        log_density(counts, EDGES, centres, 0.03)


def test_wrong_input_is_refused():
    counts = window_counts(sphere(20), 1000)
    with pytest.raises(InputError, match="window, bins"):
        log_density(counts[:, :-1], EDGES, CENTRES, WIDTH)
    counts[2] = 0
    with pytest.raises(InputError, match="window 2"):
        log_density(counts, EDGES, CENTRES, WIDTH)
    many = np.array([window_counts(sphere(20), 1000)] * 6)
    with pytest.raises(InputError, match="set to zero"):
        umbrella_potential(many, EDGES, CENTRES, WIDTH, 1.0, 20, zero=-0.9)


def test_a_control_of_known_mean_takes_its_share_of_the_scatter_out_and_leaves_the_mean():
    rng, n = np.random.default_rng(5), 40
    controls = rng.standard_normal(60)
    counts = np.array([window_counts(lambda q, c=c: sphere(n)(q) + 8.0 * c * q**3, 4000, rng) for c in controls])
    plain = umbrella_potential(counts, EDGES, CENTRES, WIDTH, 1.0, n)
    better = umbrella_potential(counts, EDGES, CENTRES, WIDTH, 1.0, n, control=controls)
    expected = -0.5 * np.log1p(-(better.overlap**2))
    far = better.overlap > 0.5
    assert (better.error[far] < 0.3 * plain.error[far]).all()
    assert (np.abs(better.potential - expected) < 4 * better.error + 2e-5).all()
    # Deliberately wrong: a control whose mean is not zero moves the estimate.
    wrong = umbrella_potential(counts, EDGES, CENTRES, WIDTH, 1.0, n, control=controls + 0.5)
    assert (np.abs(wrong.potential - expected)[far] > 4 * wrong.error[far]).all()
    with pytest.raises(InputError, match="one row for each"):
        umbrella_potential(counts, EDGES, CENTRES, WIDTH, 1.0, n, control=controls[:-1])
