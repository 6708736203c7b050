"""The packed kernels against plain loops, and the layout that they rely on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from reference import glass_twin as twin

from spinnet.kernels import _threads
from spinnet.kernels import spherical_glass as kernels
from spinnet.landscapes.couplings import DenseCouplings

SIZES = {2: (1, 2, 3, 9, 21), 3: (1, 2, 3, 8, 13), 4: (1, 3, 6, 9), 5: (2, 5), 6: (1, 4)}
CASES = [(p, n) for p, sizes in SIZES.items() for n in sizes]
ROUNDING = {"float32": 3e-6, "float64": 1e-13}


def close(found, expected, scale, dtype):
    np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING[dtype] * max(scale, 1e-3))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("degree, n", CASES)
def test_packed_sums_are_those_of_plain_loops(degree, n, dtype):
    terms = twin.couplings(n, degree, amplitude=1.3, seed=4, sample=2)
    packed = DenseCouplings(n, degree, 1.3, seed=4, sample=2, dtype=dtype)
    rng = np.random.default_rng(n)
    x, v = rng.standard_normal((2, 17, n))
    gradients = np.array([twin.gradient(terms, row) for row in x])
    hessians = np.array([twin.hessian(terms, row) for row in x])
    products = np.einsum("rij,rj->ri", hessians, v)
    for replicas in (1, 3, 6, 17):
        block = slice(17 - replicas, 17)
        close(packed.gradient(x[block]), gradients[block], np.abs(gradients).max(), dtype)
        close(packed.hvp(x[block], v[block]), products[block], np.abs(hessians).max() * n, dtype)
    close(packed.hessian(x[3]), hessians[3], np.abs(hessians).max(), dtype)


def test_a_block_of_64_replicas_is_that_of_plain_loops():
    n, degree = 10, 3
    terms = twin.couplings(n, degree)
    x = np.random.default_rng(0).standard_normal((64, n))
    found = DenseCouplings(n, degree, 1.0, 0, 0, "float64").gradient(x)
    close(found, np.array([twin.gradient(terms, row) for row in x]), np.abs(found).max(), "float64")


def test_rows_longer_than_one_strip_of_tiles_are_summed_whole():
    # Beyond 64, 128 or 256 tiles a row is swept in strips. p = 2 is the only degree with an easy reference there.
    n = 1100
    packed = DenseCouplings(n, 2, 1.0, 0, 0, "float64")
    matrix = packed.hessian(np.zeros(n))
    x, v = np.random.default_rng(1).standard_normal((2, 20, n))
    for replicas in (1, 5, 20):
        close(packed.gradient(x[:replicas]), x[:replicas] @ matrix, 100.0, "float64")
        close(packed.hvp(x[:replicas], v[:replicas]), v[:replicas] @ matrix, 100.0, "float64")


class Ones:
    """A generator whose every normal number is 1: couplings become their own standard deviations."""

    def standard_normal(self, size):
        return np.ones(size)


def deviations(n: int, degree: int) -> DenseCouplings:
    packed = DenseCouplings(n, degree, 1.0, 0, 0, "float64")
    packed._draw(1.0, Ones())
    return packed


@pytest.mark.parametrize("degree, n", [(2, 1), (2, 7), (3, 1), (3, 2), (3, 6), (4, 5), (5, 4), (6, 3)])
def test_variances_make_the_covariance_exactly_n_f_of_q(degree, n):
    # With J replaced by its variance, −σ·∇H/p at σ ∘ σ′ is Σ var(J) Π σσ′, the covariance of the energies.
    packed = deviations(n, degree)
    packed.values[:] = -(packed.values**2)
    rng = np.random.default_rng(degree)
    x, y = rng.standard_normal((2, n))
    for a, b in ((x, x), (x, y), (np.eye(n)[0], np.eye(n)[0])):
        product = (a * b)[None]
        found = -(product @ packed.gradient(product)[0])[0] / degree
        q = a @ b / n
        assert found == pytest.approx(n * 0.5 * q**degree, rel=1e-12, abs=1e-15)


def test_variances_without_multiplicities_would_be_seen():
    # Deliberately wrong: p! for every monomial. On an axis all indices are equal and the error is a factor p!.
    n = 3
    axis = math.sqrt(n) * np.eye(n)[0]
    right = twin.covariance(n, 3, axis, axis)
    wrong = twin.covariance(n, 3, axis, axis, lambda n, m: math.factorial(len(m)) / (2.0 * n ** (len(m) - 1)))
    assert right == pytest.approx(n * 0.5) and wrong == pytest.approx(6 * right)


@pytest.mark.parametrize("n, degree", [(7, 3), (12, 4), (70, 2), (130, 3), (40, 4)])
def test_units_cover_every_tile_once_and_chunks_every_unit(n, degree):
    packed = DenseCouplings(n, degree, 1.0, 0, 0, "float32")
    blocks = -(-n // 4)
    tile = 0
    for block, start, stop, line in packed._units:
        assert line == tile and stop > start
        tile += (stop - start) * (blocks - block)
    assert 16 * tile == packed.values.size
    assert packed._bounds[0] == 0 and packed._bounds[-1] == len(packed._units)
    assert (np.diff(packed._bounds) > 0).all()


def test_two_threads_give_the_bits_of_one():
    packed = DenseCouplings(200, 3, 1.0, 0, 0, "float32")
    assert len(packed._bounds) > 3
    x, v = np.random.default_rng(0).standard_normal((2, 18, 200))
    for replicas in (1, 4, 18):
        block = x[:replicas], v[:replicas]
        for _ in range(3):
            assert (packed.gradient(block[0], threads=2) == packed.gradient(block[0], threads=1)).all()
        assert (packed.hvp(*block, threads=3) == packed.hvp(*block, threads=1)).all()


def test_every_chunk_is_done_once_by_any_number_of_threads():
    for threads in (1, 2, 5):
        done = []
        _threads.run_chunks(lambda: lambda first, last: done.extend(range(first, last)), 13, threads)  # noqa: B023
        assert sorted(done) == list(range(13))


def test_an_error_in_a_thread_reaches_the_caller():
    def fail(first, last):
        if first > 0:
            raise RuntimeError("chunk")

    with pytest.raises(RuntimeError, match="chunk"):
        _threads.run_chunks(lambda: fail, 4, 2)


def test_a_workspace_starts_on_a_cache_line():
    for replicas in (1, 2, 9):
        work, totals = kernels.workspace(13, replicas, 20, 1, np.dtype("float32"))
        assert work.ctypes.data % 64 == 0 and totals.shape[1] == work.shape[1] == kernels.lanes_for(replicas)
