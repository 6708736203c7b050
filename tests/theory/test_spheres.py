"""Entropy of overlaps on products of spheres: normalised, exact for one, the law of samples for several."""

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.spaces import SphereProduct
from spinnet.theory.spheres import log_cap_measure, overlap_entropy

Q = np.linspace(-0.9995, 0.9995, 4001)


@pytest.mark.parametrize("sizes", [(5,), (40,), (40, 12, 6), (200, 20, 100, 10)])
def test_the_density_of_the_overlap_is_normalised_with_variance_one_over_n(sizes):
    density = np.exp(overlap_entropy(Q, sizes))
    assert np.trapezoid(density, Q) == pytest.approx(1.0, abs=2e-4)
    assert np.trapezoid(Q**2 * density, Q) == pytest.approx(1 / sum(sizes), rel=3e-3)


def test_two_circles_and_three_dimensions_have_closed_forms():
    np.testing.assert_allclose(overlap_entropy([0.0, 0.5, -0.9], [3]), np.log(0.5), atol=1e-12)  # Archimedes
    np.testing.assert_allclose(log_cap_measure([0.0, 0.5], [3]), np.log([0.5, 0.25]), rtol=1e-12)
    # Two spheres of three coordinates: the mean of two uniform numbers has the triangle 1 − |Q|.
    q = np.array([0.0, 0.3, -0.7])
    np.testing.assert_allclose(overlap_entropy(q, [3, 3]), np.log(1 - np.abs(q)), atol=2e-2)
    np.testing.assert_allclose(log_cap_measure([0.5], [3, 3]), 2 * np.log(0.25), rtol=1e-12)


def test_samples_have_the_law_of_the_product_and_not_of_one_sphere_of_all_coordinates():
    sizes = (8, 2, 2)
    space, rng = SphereProduct(sizes), np.random.default_rng(11)
    q = space.overlap(space.sample(200_000, rng), np.tile(space.sample(1, rng), (200_000, 1)))
    counts, edges = np.histogram(q, bins=24, range=(-0.6, 0.6))
    middle, width = 0.5 * (edges[1:] + edges[:-1]), edges[1] - edges[0]

    def chi_squared(entropy):
        expected = len(q) * width * np.exp(entropy)
        return float(((counts - expected) ** 2 / expected).sum())

    bound = 24 + 4 * np.sqrt(48)
    assert chi_squared(overlap_entropy(middle, sizes)) < bound
    assert chi_squared(overlap_entropy(middle, [12])) > bound  # deliberately wrong


def test_large_spheres_keep_finite_logarithms():
    assert log_cap_measure(0.99999, [2000]) == pytest.approx(-10819.09, abs=0.1)
    assert np.isfinite(overlap_entropy([0.999], [5000, 300])).all()
    assert log_cap_measure(1.0, [20]) == -np.inf
    leading = overlap_entropy([0.6], [3000, 500])[0] - overlap_entropy([0.0], [3000, 500])[0]
    assert leading == pytest.approx(1750 * np.log(1 - 0.36), rel=2e-3)


def test_impossible_overlaps_are_refused():
    with pytest.raises(InputError, match="exclusive"):
        overlap_entropy([1.0], [4])
    with pytest.raises(InputError, match="between 0 and 1"):
        log_cap_measure([-0.5], [4])
