"""The sums over regenerated terms against plain loops over the terms of the definition."""

from __future__ import annotations

import numpy as np
import pytest
from reference import diluted_twin as twin

from spinnet.kernels import diluted_couplings as kernels
from spinnet.landscapes.diluted_couplings import DilutedCouplings

ROUNDING = {"float32": 2e-6, "float64": 2e-14}
#: (degree, n, connectivity): one range, whole and short last ranges, as many spins as places.
CASES = [(3, 20, 1.0), (3, 48, 0.4), (3, 33, 0.5), (3, 3, 4.0)]
CASES += [(2, 37, 3.0), (4, 18, 0.05), (5, 17, 0.004), (6, 7, 0.02)]


def couplings(degree, n, connectivity, dtype="float64", weights="binary", seed=4, sample=2):
    return DilutedCouplings(n, degree, 1.3, seed, sample, dtype, connectivity=connectivity, weights=weights, force=True)


def defined(term):
    pairs = twin.terms(term.n, term.degree, term.n_terms, term._bits, 4, 2, bool(term._gaussian))
    scale = twin.scale(term.n, term.degree, term.n_terms, 1.3)
    return [(sites, scale * weight) for sites, weight in pairs]


def listed(term):
    return [(tuple(row), w) for rows, values in term.terms() for row, w in zip(rows.tolist(), values, strict=True)]


@pytest.mark.parametrize("weights", ["binary", "gaussian"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_terms_are_those_of_the_definition(case, weights):
    term = couplings(*case, weights=weights)
    found, expected = listed(term), defined(term)
    assert [sites for sites, _ in found] == [sites for sites, _ in expected]
    # Gaussian numbers are made in single precision.
    size = np.abs([w for _, w in expected]).max()
    rounding = 1e-13 if weights == "binary" else 1e-6
    np.testing.assert_allclose([w for _, w in found], [w for _, w in expected], rtol=0, atol=rounding * size)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_sums_are_those_of_plain_loops(case):
    term = couplings(*case)
    pairs = defined(term)
    replicas = 33 if case[0] == 3 else 3
    x, v = np.random.default_rng(case[1]).standard_normal((2, replicas, case[1]))
    gradients = np.array([twin.gradient(pairs, row) for row in x])
    hessians = np.array([twin.hessian(pairs, row) for row in x])
    products = np.einsum("rij,rj->ri", hessians, v)
    # 1, 8 and 32 lanes in one pass or two, some of them empty.
    for count in {1, 3, min(replicas, 12), replicas}:
        atol = ROUNDING["float64"] * np.abs(gradients).max()
        np.testing.assert_allclose(term.gradient(x[:count]), gradients[:count], rtol=0, atol=atol)
        atol = ROUNDING["float64"] * np.abs(products).max()
        np.testing.assert_allclose(term.hvp(x[:count], v[:count]), products[:count], rtol=0, atol=atol)
    matrix = term.hessian(x[0])
    np.testing.assert_allclose(matrix, hessians[0], rtol=0, atol=1e-14 * np.abs(hessians[0]).max())
    np.testing.assert_array_equal(matrix, matrix.T)


def test_gaussian_weights_are_the_same_in_all_sums():
    # More terms in a block than are made at once, and attempts that fail: pieces begin anywhere in the stream.
    term = couplings(3, 20, 15.0, weights="gaussian")
    assert term._counts.max() > 2000
    pairs = listed(term)
    x, v = np.random.default_rng(3).standard_normal((2, 2, 20))
    gradient = np.array([twin.gradient(pairs, row) for row in x])
    matrix = twin.hessian(pairs, x[0])
    np.testing.assert_allclose(term.gradient(x), gradient, rtol=0, atol=1e-13 * np.abs(gradient).max())
    np.testing.assert_allclose(term.hvp(x, v)[0], matrix @ v[0], rtol=0, atol=1e-13 * np.abs(matrix).max() * 20)
    np.testing.assert_allclose(term.hessian(x[0]), matrix, rtol=0, atol=1e-13 * np.abs(matrix).max())


def test_a_wrong_sum_would_be_seen():
    # Deliberately wrong: the last place of each term gets nothing; then: one sign in a thousand terms is wrong.
    term = couplings(3, 20, 4.0)
    pairs = defined(term)
    x = np.random.default_rng(0).standard_normal(20)
    right = term.gradient(x[None])[0]
    without = twin.gradient(pairs, x)
    for sites, w in pairs:
        without[sites[-1]] -= w * np.prod(x[list(sites[:-1])])
    flipped = pairs.copy()
    flipped[500] = (flipped[500][0], -flipped[500][1])
    for wrong in (without, twin.gradient(flipped, x)):
        assert np.abs(wrong - right).max() > 1e3 * ROUNDING["float64"] * np.abs(right).max()


@pytest.mark.parametrize("replicas", [1, 5, 33])
def test_single_precision_is_the_same_disorder_rounded(replicas):
    single, double = (couplings(3, 300, 3.0, dtype) for dtype in ("float32", "float64"))
    x, v = np.random.default_rng(1).standard_normal((2, replicas, 300))
    for mine, exact in ((single.gradient(x), double.gradient(x)), (single.hvp(x, v), double.hvp(x, v))):
        error = np.abs(mine - exact).max() / np.abs(exact).max()
        assert 0 < error < ROUNDING["float32"]


def test_rounding_does_not_grow_with_the_number_of_terms():
    # 1.2e4 and 2e5 terms per spin; sums kept in single precision throughout would be off by four times as much.
    errors = []
    for connectivity in (2.0, 32.0):
        single, double = (couplings(3, 64, connectivity * 64, dtype) for dtype in ("float32", "float64"))
        x = np.random.default_rng(2).standard_normal((1, 64))
        exact = double.gradient(x)
        errors.append(np.sqrt(np.mean((single.gradient(x) - exact) ** 2) / np.mean(exact**2)))
    assert errors[1] < 2 * errors[0] < 2e-6


def test_lanes_hold_the_block_and_little_more():
    widths = {replicas: kernels.lanes_for(replicas) for replicas in (1, 2, 8, 9, 16, 17, 64)}
    assert widths == {1: 1, 2: 8, 8: 8, 9: 8, 16: 8, 17: 32, 64: 32}
