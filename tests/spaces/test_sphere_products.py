"""Products of spheres: one block is the sphere, blocks are independent, and blocks do not know their lengths."""

import numpy as np
import pytest

from spinnet.dynamics.markov_moves import travel
from spinnet.errors import InputError
from spinnet.spaces import Blocks, Sphere, SphereProduct

SIZES = (5, 2, 4)


@pytest.fixture
def drawn():
    space, rng = SphereProduct(SIZES), np.random.default_rng(0)
    x = space.sample(3, rng)
    return space, x, rng.standard_normal(x.shape), rng


def test_a_product_of_one_sphere_is_the_sphere():
    one, sphere, rng = SphereProduct((7,)), Sphere(7), np.random.default_rng(1)
    x, v, g = (rng.standard_normal((4, 7)) for _ in range(3))
    x = sphere.retract(x)
    time = np.array([0.1, 1.0, 2.0, 5.0])
    v = sphere.project(x, v)
    for mine, known in [
        (one.retract(v), sphere.retract(v)), (one.project(x, g), sphere.project(x, g)),
        (one.riemannian_hvp(x, v, g, x + g), sphere.riemannian_hvp(x, v, g, x + g)),
        (one.overlap(x, v), sphere.overlap(x, v)), (one.tangent_basis(x[0]), sphere.tangent_basis(x[0])),
        (one.from_tangent(x[0], v[0, :6]), sphere.from_tangent(x[0], v[0, :6])),
        *zip(travel(one, x, v, time), travel(sphere, x, v, time), strict=True),
    ]:  # fmt: skip
        np.testing.assert_allclose(mine, known, atol=1e-13)
    matrix = rng.standard_normal((7, 7))
    matrix += matrix.T
    np.testing.assert_allclose(
        one.tangent_hessian(x[0], g[0], matrix.copy()), sphere.tangent_hessian(x[0], g[0], matrix.copy()), atol=1e-12
    )


def test_every_block_lies_on_its_sphere_and_moves_within_it(drawn):
    space, x, v, _ = drawn
    np.testing.assert_allclose(space.blocks.sums(x * x), np.tile(SIZES, (3, 1)), rtol=1e-13)
    tangent = space.project(x, v)
    np.testing.assert_allclose(space.blocks.sums(x * tangent), 0.0, atol=1e-13)
    moved, velocity = space.travel(x, tangent, np.full(3, 0.7))
    np.testing.assert_allclose(space.blocks.sums(moved * moved), np.tile(SIZES, (3, 1)), rtol=1e-13)
    np.testing.assert_allclose(space.blocks.lengths(velocity), space.blocks.lengths(tangent), rtol=1e-12)
    back, _ = space.travel(moved, -velocity, np.full(3, 0.7))
    np.testing.assert_allclose(back, x, atol=1e-12)


def test_the_tangent_basis_is_orthonormal_and_tangent(drawn):
    space, x, _, rng = drawn
    basis = space.tangent_basis(x[0])
    assert basis.shape == (space.dimension, space.n) == (8, 11)
    np.testing.assert_allclose(basis @ basis.T, np.eye(8), atol=1e-13)
    np.testing.assert_allclose(space.project(np.tile(x[0], (8, 1)), basis), basis, atol=1e-13)
    coordinates = rng.standard_normal(8)
    np.testing.assert_allclose(space.from_tangent(x[0], coordinates), coordinates @ basis, atol=1e-13)


def test_a_turn_has_the_overlap_in_every_block_and_keeps_lengths(drawn):
    _, x, v, _ = drawn
    blocks = Blocks(SIZES)
    x = x * blocks.spread(np.tile([1.0, 30.0, 1e-3], (3, 1)))
    for q in (1.0, 0.999999, 0.3, 0.0, -0.8, -1.0):
        turned = blocks.rotate(x, v, q)
        np.testing.assert_allclose(blocks.overlaps(x, turned), q, atol=1e-12)
        np.testing.assert_allclose(blocks.lengths(turned), blocks.lengths(x), rtol=1e-12)


def test_blocks_without_a_direction_to_turn_in_stay():
    blocks, rng = Blocks((3, 1, 2)), np.random.default_rng(2)
    x = rng.standard_normal((2, 6))
    x[:, 4:] = 0.0
    turned = blocks.rotate(x, rng.standard_normal(x.shape), 0.5)
    np.testing.assert_array_equal(turned[:, 3:], x[:, 3:])
    assert np.isnan(blocks.overlaps(x, turned)[:, 2]).all()


def test_turns_follow_a_rescaling_of_blocks_but_not_if_the_blocks_are_one(drawn):
    _, x, v, _ = drawn
    factor = Blocks(SIZES).spread(np.array([[3.0, 3.0, 1 / 3.0]]))
    blocks = Blocks(SIZES)
    np.testing.assert_allclose(blocks.rotate(factor * x, v, 0.6), factor * blocks.rotate(x, v, 0.6), rtol=1e-10)
    whole = Blocks((sum(SIZES),))
    assert np.abs(whole.rotate(factor * x, v, 0.6) - factor * whole.rotate(x, v, 0.6)).max() > 0.1


def test_spheres_of_one_coordinate_are_refused():
    with pytest.raises(InputError, match="two coordinates or more"):
        SphereProduct((3, 1))
