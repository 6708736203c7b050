"""Geometry of the spaces: norms, tangents, overlaps, bases."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.spaces import Euclidean, Hypercube, Sphere

SPACES = [Sphere(7), Euclidean(7), Sphere(2)]


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.mark.parametrize("space", [*SPACES, Hypercube(7)], ids=repr)
def test_overlap_of_a_state_with_itself_is_one(space, rng):
    x = space.sample(4, rng)
    np.testing.assert_allclose(space.overlap(x, x), 1.0, atol=1e-14)


def test_sphere_points_have_norm_n_and_no_direction(rng):
    x = Sphere(5).sample(20_000, rng)
    np.testing.assert_allclose((x * x).sum(axis=1), 5.0, rtol=1e-13)
    z = x.mean(axis=0) * np.sqrt(len(x))  # each coordinate has variance 1
    assert np.abs(z).max() < 4
    second = ((x * x).mean(axis=0) - 1) / (x * x).std(axis=0) * np.sqrt(len(x))
    assert np.abs(second).max() < 4


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_projection_is_orthogonal_and_idempotent(space, rng):
    x, v = space.sample(3, rng), rng.standard_normal((3, space.n))
    p = space.project(x, v)
    np.testing.assert_allclose(space.project(x, p), p, atol=1e-13)
    if isinstance(space, Sphere):
        np.testing.assert_allclose((x * p).sum(axis=1), 0.0, atol=1e-13)


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_tangent_basis_is_orthonormal_and_tangent(space, rng):
    x = space.sample(1, rng)[0]
    basis = space.tangent_basis(x)
    assert basis.shape == (space.dimension, space.n)
    np.testing.assert_allclose(basis @ basis.T, np.eye(space.dimension), atol=1e-13)
    if isinstance(space, Sphere):
        np.testing.assert_allclose(basis @ x, 0.0, atol=1e-13)


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_the_dense_tangent_hessian_is_the_riemannian_one_in_the_basis(space, rng):
    n = space.n
    x, gradient = space.sample(1, rng)[0], rng.standard_normal(n)
    hessian = rng.standard_normal((n, n))
    hessian += hessian.T
    basis = space.tangent_basis(x)
    applied = np.array([
        space.riemannian_hvp(x[None], v[None], gradient[None], (hessian @ v)[None])[0] for v in basis
    ])
    np.testing.assert_allclose(
        space.tangent_hessian(x, gradient, hessian.copy()), basis @ applied.T, atol=1e-12
    )
    c = rng.standard_normal(space.dimension)
    np.testing.assert_allclose(space.from_tangent(x, c), c @ basis, atol=1e-13)


@pytest.mark.parametrize("n", [0, -3, 2.5, True])
@pytest.mark.parametrize("kind", [Sphere, Euclidean, Hypercube])
def test_a_space_needs_a_positive_whole_dimension(kind, n):
    with pytest.raises(InputError, match="whole number of dimensions"):
        kind(n)
