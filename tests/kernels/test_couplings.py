"""Kinds of couplings against explicit lists of them; the hash against what independent Gaussian numbers do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from reference import couplings_twin, glass_twin

from spinnet.kernels import hashed_couplings
from spinnet.landscapes.binary_couplings import BinaryCouplings
from spinnet.landscapes.couplings import DenseCouplings
from spinnet.landscapes.hashed_couplings import HashedCouplings

KINDS = {"dense": DenseCouplings, "binary": BinaryCouplings, "hashed": HashedCouplings}
TWINS = {"dense": couplings_twin.dense, "binary": couplings_twin.binary, "hashed": couplings_twin.hashed}
EXPANDED = ["binary", "hashed"]
SIZES = {2: (1, 3, 21), 3: (1, 2, 8, 13), 4: (1, 6, 9), 5: (5,), 6: (4,)}
CASES = [(p, n) for p, sizes in SIZES.items() for n in sizes]
# Hashed numbers are float32 polynomials in every dtype.
ROUNDING = {("binary", "float32"): 3e-6, ("binary", "float64"): 1e-13}


def close(found, expected, scale, kind, dtype):
    np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING.get((kind, dtype), 3e-6) * max(scale, 1e-3))


def check_against_list(kind, degree, n, dtype, strict):
    terms = TWINS[kind](n, degree, amplitude=1.3, seed=4, sample=2, strict=strict)
    found = KINDS[kind](n, degree, 1.3, seed=4, sample=2, dtype=dtype, strict=strict)
    rng = np.random.default_rng(n)
    x, v = rng.standard_normal((2, 17, n))
    gradients = np.array([glass_twin.gradient(terms, row) for row in x])
    hessians = np.array([glass_twin.hessian(terms, row) for row in x])
    products = np.einsum("rij,rj->ri", hessians, v)
    for replicas in (1, 3, 6, 17):
        block = slice(17 - replicas, 17)
        close(found.gradient(x[block]), gradients[block], np.abs(gradients).max(), kind, dtype)
        close(found.hvp(x[block], v[block]), products[block], np.abs(hessians).max() * n, kind, dtype)
    close(found.hessian(x[3]), hessians[3], np.abs(hessians).max(), kind, dtype)
    assert found.count(n, degree, strict=strict) == len(terms)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("degree, n", CASES)
@pytest.mark.parametrize("kind", EXPANDED)
def test_sums_are_those_over_the_list_of_couplings(kind, degree, n, dtype):
    check_against_list(kind, degree, n, dtype, strict=False)


@pytest.mark.parametrize("degree, n", [(2, 3), (3, 2), (3, 9), (4, 6), (5, 5), (6, 7)])
@pytest.mark.parametrize("kind", KINDS)
def test_strict_sums_are_those_without_repeated_indices(kind, degree, n):
    check_against_list(kind, degree, n, "float64", strict=True)


@pytest.mark.parametrize("kind", EXPANDED)
def test_rows_longer_than_one_strip_of_tiles_are_summed_whole(kind):
    # Beyond 64 or 128 tiles a row is made and swept in strips; for p = 2 the reference is a matrix.
    n = 1100
    found = KINDS[kind](n, 2, 1.0, 0, 0, "float64")
    matrix = found.hessian(np.zeros(n))
    x, v = np.random.default_rng(1).standard_normal((2, 20, n))
    for replicas in (1, 5, 20):
        np.testing.assert_allclose(found.gradient(x[:replicas]), x[:replicas] @ matrix, atol=1e-11)
        np.testing.assert_allclose(found.hvp(x[:replicas], v[:replicas]), v[:replicas] @ matrix, atol=1e-11)


@pytest.mark.parametrize("degree, n", [(3, 150), (4, 26)])
@pytest.mark.parametrize("kind", EXPANDED)
def test_threads_and_calls_give_the_same_bits_and_blocks_agree_to_rounding(kind, degree, n):
    found = KINDS[kind](n, degree, 1.0, 0, 0, "float32")
    x, v = np.random.default_rng(0).standard_normal((2, 64, n))
    whole, products = found.gradient(x), found.hvp(x, v)
    for replicas in (1, 4, 7, 18, 64):
        block = x[:replicas], v[:replicas]
        gradient, product = found.gradient(block[0]), found.hvp(*block)
        for threads in (1, 2, 3):
            assert (found.gradient(block[0], threads=threads) == gradient).all()
        assert (found.hvp(*block, threads=3) == product).all()
        np.testing.assert_allclose(gradient, whole[:replicas], atol=3e-6 * np.abs(whole).max())
        np.testing.assert_allclose(product, products[:replicas], atol=3e-6 * np.abs(products).max())


@pytest.mark.parametrize("kind", EXPANDED)
def test_units_are_as_in_one_piece(kind, monkeypatch):
    # Couplings are a function of their indices: how they are cut into units is not seen in them.
    import spinnet.landscapes.expanded_couplings as module

    x = np.random.default_rng(0).standard_normal((17, 90))
    whole = KINDS[kind](90, 3, 1.0, 0, 0, "float64")
    monkeypatch.setattr(module, "UNIT_BYTES", 1 << 14)
    cut = KINDS[kind](90, 3, 1.0, 0, 0, "float64")
    assert len(cut._units) > 2 * len(whole._units)
    for replicas in (1, 17):
        np.testing.assert_allclose(cut.gradient(x[:replicas]), whole.gradient(x[:replicas]), atol=1e-12)
    np.testing.assert_allclose(cut.hessian(x[0]), whole.hessian(x[0]), atol=1e-12)


# --- the hash ----------------------------------------------------------------------------------------------------

STREAMS, PAIRS = 256, 256


def made(make) -> np.ndarray:
    """Numbers of streams of neighbouring groups, (streams, numbers)."""
    keys = [int(k) for k in np.random.default_rng(7).integers(0, 2**64, 3, dtype=np.uint64)]
    return np.array([make(*couplings_twin.stream_keys(keys, 37 * s)) for s in range(STREAMS)])


def by_kernel(key, second):
    numbers = np.empty(32 * PAIRS, dtype=np.float32)
    hashed_couplings.fill_stream(np.uint64(key), np.uint64(second), 0, numbers)
    return numbers


def z_of_gaussian_numbers(numbers: np.ndarray) -> dict[str, float]:
    """z of moments, of products of neighbours and of squares of neighbours, at several distances within and across."""
    y = numbers.astype(np.float64)
    flat = y.ravel()
    count = flat.size
    found = {
        "mean": flat.mean() * math.sqrt(count),
        "variance": ((flat**2).mean() - 1.0) * math.sqrt(count / 2.0),
        "skewness": (flat**3).mean() * math.sqrt(count / 15.0),
        "kurtosis": ((flat**4).mean() - 3.0) * math.sqrt(count / 96.0),
        "sixth moment": ((flat**6).mean() - 15.0) * math.sqrt(count / (10395.0 - 225.0)),
    }
    for distance in (1, 2, 4, 8, 15, 16, 17, 31, 32, 33, 64, 512, 4096, numbers.shape[1]):
        first, second = flat[:-distance], flat[distance:]
        found[f"product at {distance}"] = (first * second).mean() * math.sqrt(count)
        found[f"squares at {distance}"] = ((first**2 - 1) * (second**2 - 1)).mean() * math.sqrt(count) / 2.0
    tail = (np.abs(flat) > 3.0).mean()
    expected = math.erfc(3.0 / math.sqrt(2.0))
    found["tail"] = (tail - expected) / math.sqrt(expected / count)
    signs = (flat > 0).reshape(-1, 8) @ (1 << np.arange(8))
    counts = np.bincount(signs, minlength=256)
    mean = len(signs) / 256
    found["signs of eight"] = (((counts - mean) ** 2 / mean).sum() - 255) / math.sqrt(510)
    return found


def test_hashed_numbers_are_independent_gaussian_numbers():
    scores = z_of_gaussian_numbers(made(by_kernel))
    assert {name: z for name, z in scores.items() if not abs(z) < 4} == {}


def test_a_hash_that_mixes_too_little_would_be_seen():
    # Deliberately wrong: the counter is multiplied once and nothing is folded.
    def weak(key, second):
        counters = np.arange(16 * PAIRS, dtype=np.uint64)
        words = (counters * np.uint64(couplings_twin.GOLDEN) + np.uint64(key)).view(np.uint32).reshape(-1, 32)
        radius = np.sqrt(-2 * np.log((words[:, :16] + 0.5) / 2.0**32))
        angle = 2 * np.pi * words[:, 16:] / 2.0**32
        return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel()

    scores = z_of_gaussian_numbers(made(weak))
    assert max(abs(z) for name, z in scores.items() if name.startswith(("product", "squares"))) > 4


def test_streams_without_a_second_key_would_overlap():
    # Deliberately wrong: with one key streams are shifted copies of one sequence, 16 counters on is one pair on.
    key = 12345
    shifted = (key + 16 * couplings_twin.GOLDEN) % 2**64
    assert (by_kernel(key, 0)[32:] == by_kernel(shifted, 0)[:-32]).all()
    keys = [couplings_twin.stream_keys([1, 2, 3], line)[1] for line in (4, 5)]
    a, b = by_kernel(key, keys[0])[32:], by_kernel(shifted, keys[1])[:-32]
    assert abs((a * b).mean()) * math.sqrt(a.size) < 4


def test_the_tail_ends_where_it_is_said_to():
    # The smallest and largest words: radii of u = 2⁻³³ and u = 1 − 2⁻³³ (which rounds to one).
    assert math.sqrt(66 * math.log(2)) == pytest.approx(6.7637, abs=1e-4)
    numbers = made(by_kernel)
    assert np.isfinite(numbers).all() and 4.5 < np.abs(numbers).max() < 6.7638


def test_a_number_is_the_same_wherever_it_is_made():
    whole = by_kernel(3, 5)
    piece = np.empty(32 * 5, dtype=np.float32)
    hashed_couplings.fill_stream(np.uint64(3), np.uint64(5), 11, piece)
    assert (piece == whole[32 * 11 : 32 * 16]).all()
    double = np.empty(32 * PAIRS)
    hashed_couplings.fill_stream(np.uint64(3), np.uint64(5), 0, double)
    assert (double == whole).all()
    twin = [couplings_twin.pair_of_tiles(3, 5, pair) for pair in range(PAIRS)]
    np.testing.assert_allclose(whole, np.ravel(twin), rtol=0, atol=2e-6)
