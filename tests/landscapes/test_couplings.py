"""What every kind of couplings of a spherical glass promises: covariance, exact relations, memory."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
from reference import couplings_twin, glass_twin

from spinnet.landscapes.binary_couplings import BinaryCouplings
from spinnet.landscapes.couplings import DenseCouplings
from spinnet.landscapes.hashed_couplings import HashedCouplings

KINDS = {"dense": DenseCouplings, "binary": BinaryCouplings, "hashed": HashedCouplings}


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


def states(n, replicas, seed=0):
    x = np.random.default_rng(seed).standard_normal((replicas, n))
    return x * math.sqrt(n) / np.linalg.norm(x, axis=1, keepdims=True)


def energy(couplings, x):
    """Euler's relation, H = σ·∇H/p."""
    return np.einsum("ri,ri->r", x, couplings.gradient(x)) / couplings.degree


# --- the contract -----------------------------------------------------------------------------------------------------


def test_kinds_are_declared_alike(kind):
    names = list(inspect.signature(kind).parameters)
    assert names == ["n", "degree", "amplitude", "seed", "sample", "dtype", "strict"]
    assert kind.degrees == (2, 3, 4, 5, 6)
    for module in kind.kernels + kind.hvp_kernels:
        assert module.startswith("spinnet.kernels.")
    assert kind.count(10, 3) == 220 and kind.count(10, 3, strict=True) == 120


@pytest.mark.parametrize("degree, n", [(2, 30), (3, 33), (4, 14)])
def test_memory_is_what_is_announced(degree, n):
    binary = BinaryCouplings(n, degree, 1.0, 0, 0, "float32")
    tables = binary._prefixes.nbytes + binary._units.nbytes
    assert BinaryCouplings.n_bytes(n, degree, "float32", strict=True) == binary.words.nbytes + tables
    hashed = HashedCouplings(n, degree, 1.0, 0, 0, "float32")
    assert HashedCouplings.n_bytes(n, degree, "float64") == hashed.keys.nbytes + tables
    assert hashed.words.nbytes == binary.keys.nbytes == 0


@pytest.mark.parametrize("degree, n", [(3, 1024), (3, 4096), (3, 20000), (4, 1024)])
def test_binary_couplings_take_less_than_a_thirtieth_of_the_memory_of_single_precision(degree, n):
    assert BinaryCouplings.n_bytes(n, degree, "float32") < DenseCouplings.n_bytes(n, degree, "float32") / 30
    assert BinaryCouplings.n_bytes(n, degree, "float32") < 1.02 * BinaryCouplings.count(n, degree) / 8 + 10**7


def test_hashed_couplings_take_next_to_no_memory():
    assert HashedCouplings.n_bytes(4096, 3, "float64") < 2**20


def test_seed_sample_size_and_degree_make_independent_disorder(kind):
    def values(n, degree, seed, sample):
        return kind(n, degree, 1.0, seed, sample, "float64").hessian(np.ones(n))[:12, :12][np.triu_indices(12, 1)]

    reference = values(12, 3, 1, 2)
    assert (reference == values(12, 3, 1, 2)).all()
    for other in ((12, 3, 2, 2), (12, 3, 1, 3), (13, 3, 1, 2), (12, 4, 1, 2)):
        assert abs(np.corrcoef(reference, values(*other))[0, 1]) < 0.45  # 66 numbers: 3.7 standard deviations


def test_amplitude_is_a_factor(kind):
    x = states(9, 2)
    one, three = (kind(9, 3, a, 0, 0, "float64").gradient(x) for a in (1.0, 3.0))
    np.testing.assert_allclose(three, 3.0 * one, rtol=1e-13)


# --- exact relations --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("degree, n", [(2, 18), (3, 18), (4, 11), (6, 7)])
def test_derivatives_belong_together(kind, degree, n, strict):
    couplings = kind(n, degree, 1.0, 3, 1, "float64", strict=strict)
    x, h = states(n, 3), 1e-3
    v = np.random.default_rng(1).standard_normal((3, n))
    gradient, product = couplings.gradient(x), couplings.hvp(x, v)
    f = [couplings.gradient(x + k * h * v) for k in (-2, -1, 1, 2)]
    slope = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h)
    np.testing.assert_allclose(slope, product, atol=1e-8 * np.abs(product).max())
    f = [energy(couplings, x + k * h * v) for k in (-2, -1, 1, 2)]
    slope = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h)
    np.testing.assert_allclose(slope, np.einsum("ri,ri->r", v, gradient), atol=1e-8 * n * np.abs(gradient).max())
    np.testing.assert_allclose(couplings.hvp(x, x), (degree - 1) * gradient, atol=1e-11 * np.abs(gradient).max() * n)
    matrix = couplings.hessian(x[0])
    np.testing.assert_array_equal(matrix, matrix.T)
    columns = couplings.hvp(np.repeat(x[:1], n, axis=0), np.eye(n))
    np.testing.assert_allclose(matrix, columns, atol=1e-12 * np.abs(matrix).max() * n)


def test_the_strict_sum_has_the_couplings_of_the_full_one(kind):
    # At the axis of spin a the Hessian is the matrix of couplings J_{ajk}, times a factor where indices are repeated.
    n = 9
    full, strict = (kind(n, 3, 1.0, 0, 0, "float64", strict=option) for option in (False, True))
    for a in range(n):
        axis = np.eye(n)[a]
        whole, distinct = full.hessian(axis), strict.hessian(axis)
        others = ~np.eye(n, dtype=bool)
        others[a] = others[:, a] = False
        np.testing.assert_allclose(whole[others], distinct[others], rtol=1e-12)
        assert (distinct[~others] == 0).all() and (whole[~others] != 0).all()


# --- covariance -------------------------------------------------------------------------------------------------------


def squares(couplings) -> DenseCouplings:
    """Stored numbers J²: with them −σ·∇H/p at σ ∘ σ′ is the covariance of H(σ) and H(σ′), if J² is the variance."""
    n, degree = couplings.n, couplings.degree
    stored = DenseCouplings(n, degree, 1.0, 0, 0, "float64")
    blocks = -(-n // 4)
    for (block, start, stop, line), values in couplings.units():
        tiles = (stop - start) * (blocks - block)
        stored.values[16 * line : 16 * (line + tiles)] = -((couplings.scale * values[: 16 * tiles]) ** 2)
    return stored


def covariance(stored: DenseCouplings, x, y) -> float:
    return -energy(stored, (x * y)[None])[0]


def strict_covariance(n, x, y) -> float:
    """(P₁³ − 3 P₁ P₂ + 2 P₃)/2N², P_k = Σ (σ_i σ′_i)^k: the strict 3-spin sum."""
    p1, p2, p3 = (((x * y) ** k).sum() for k in (1, 2, 3))
    return (p1**3 - 3 * p1 * p2 + 2 * p3) / (2 * n**2)


@pytest.mark.parametrize("degree, n", [(2, 1), (2, 7), (3, 1), (3, 2), (3, 10), (4, 7), (5, 5), (6, 4)])
def test_the_covariance_of_binary_couplings_is_exactly_n_f_of_q(degree, n):
    # Squares of signs are variances: nothing is sampled.
    stored = squares(BinaryCouplings(n, degree, 1.0, 0, 0, "float64"))
    x, y = np.random.default_rng(degree).standard_normal((2, n))
    axis = np.eye(n)[0]
    for a, b in ((x, x), (x, y), (axis, axis)):
        assert covariance(stored, a, b) == pytest.approx(n * 0.5 * (a @ b / n) ** degree, rel=1e-12, abs=1e-15)


def test_the_covariance_of_the_strict_sum_is_that_of_power_sums():
    n = 9
    stored = squares(BinaryCouplings(n, 3, 1.0, 0, 0, "float64", strict=True))
    x, y = states(n, 2)
    for a, b in ((x, x), (x, y), (y, np.eye(n)[0])):
        found = covariance(stored, a, b)
        assert found == pytest.approx(strict_covariance(n, a, b), rel=1e-12, abs=1e-15)
        assert not found == pytest.approx(n * 0.5 * (a @ b / n) ** 3, rel=1e-2)


def test_the_strict_variance_is_short_by_three_point_four_percent_at_256():
    # Mean over the sphere of the variance at a state, which depends on the state.
    n = 256
    stored = squares(BinaryCouplings(n, 3, 1.0, 0, 0, "float64", strict=True))
    found = np.array([covariance(stored, x, x) for x in states(n, 40)]) / (0.5 * n)
    expected = (1 - 1 / n) * (1 - 2 / n) * n**2 / ((n + 2) * (n + 4))
    assert expected - 1 == pytest.approx(-0.034, abs=5e-4)
    assert abs(found.mean() - expected) < 4 * found.std() / math.sqrt(len(found))
    signs = np.sign(states(n, 1))[0]
    assert covariance(stored, signs, signs) / (0.5 * n) == pytest.approx((1 - 1 / n) * (1 - 2 / n), rel=1e-12)
    full = squares(BinaryCouplings(n, 3, 1.0, 0, 0, "float64"))
    assert covariance(full, signs, signs) / (0.5 * n) == pytest.approx(1.0, rel=1e-12)


SAMPLES = 1500


def sampled(kind, n, points, strict):
    return np.array([energy(kind(n, 3, 1.0, 1, s, "float64", strict=strict), points) for s in range(SAMPLES)])


def z_of_mean(values, expected):
    return (values.mean() - expected) / (values.std() / math.sqrt(len(values)))


@pytest.mark.parametrize("strict", [False, True])
def test_sampled_covariances_are_those_of_the_hashed_couplings(strict):
    n = 6
    points = np.vstack([math.sqrt(n) * np.eye(n)[0], states(n, 2), np.ones(n)])
    energies = sampled(HashedCouplings, n, points, strict)
    wrong = []
    for a in range(4):
        for b in range(a, 4):
            x, y = points[a], points[b]
            full, short = n * 0.5 * (x @ y / n) ** 3, strict_covariance(n, x, y)
            products = energies[:, a] * energies[:, b]
            if strict and a == 0:
                assert np.abs(products).max() < 1e-20  # an axis has no triplet of distinct spins
                continue
            assert abs(z_of_mean(products, short if strict else full)) < 4
            wrong.append(abs(z_of_mean(products, full if strict else short)))
    assert max(wrong) > 4
    successive = energies[1:, 3] * energies[:-1, 3]
    assert abs(z_of_mean(successive, 0.0)) < 4 and abs(z_of_mean(energies[:, 3], 0.0)) < 4


def test_the_energy_of_hashed_couplings_is_gaussian_and_that_of_binary_ones_is_not():
    # On an axis binary couplings give ±√(N/2) in every sample: fourth cumulant −2 variance².
    n = 3
    near = np.array([1.0, 0.3, 0.2])
    points = math.sqrt(n) * np.vstack([np.eye(n)[0], near / np.linalg.norm(near)])
    hashed, binary = (sampled(kind, n, points, False) for kind in (HashedCouplings, BinaryCouplings))
    np.testing.assert_allclose(binary[:, 0] ** 2, 0.5 * n, rtol=1e-12)
    variance = 0.5 * n
    terms = couplings_twin.binary(n, 3)
    fourth = -2.0 * sum((value * math.prod(points[1, list(m)])) ** 4 for m, value in terms.items())
    assert abs(z_of_mean(binary[:, 1] ** 4, 3 * variance**2 + fourth)) < 4
    assert abs(z_of_mean(binary[:, 1] ** 4, 3 * variance**2)) > 4
    for column in hashed.T:
        assert abs(z_of_mean(column**4, 3 * variance**2)) < 4


def test_the_fourth_cumulant_at_signs_is_the_stated_one():
    # −2 p!/N^p of the variance squared, up to a relative O(1/N) from repeated indices.
    for n in (8, 16, 32):
        variances = [glass_twin.variance(n, m) for m in glass_twin.multisets(n, 3)]
        found = -2.0 * sum(v**2 for v in variances) / (0.5 * n) ** 2
        assert abs(found / (-12.0 / n**3) - 1.0) < 1.5 / n
