"""The diluted kind of couplings: statistics of graph and disorder, exact relations, condensation, refusals."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from reference import diluted_twin as twin

from spinnet.errors import InputError
from spinnet.landscapes import diluted_couplings
from spinnet.landscapes.diluted_couplings import DilutedCouplings, condensation, star_energy_density
from spinnet.spaces import Sphere


def couplings(n=60, degree=3, dtype="float64", seed=3, sample=0, amplitude=1.0, **options):
    return DilutedCouplings(n, degree, amplitude, seed, sample, dtype, **options)


def states(n, replicas, seed=0):
    return Sphere(n).sample(replicas, np.random.default_rng(seed))


def all_terms(term):
    indices, values = zip(*term.terms(), strict=True)
    return np.concatenate(indices), np.concatenate(values)


def energies(term, x):
    return np.einsum("ri,ri->r", x, term.gradient(x)) / term.degree


def chi_square_z(counts, expected):
    """(χ² − its mean)/its standard deviation for many cells of equal or given expectation."""
    degrees = len(counts) - 1
    return (((counts - expected) ** 2 / expected).sum() - degrees) / math.sqrt(2 * degrees)


def z_of_degrees(degrees, degree):
    """As χ² for the numbers of terms that spins are in. One term adds (1 − p/N) p/N to the variance of each."""
    n, terms = len(degrees), degrees.sum() / degree
    variance = terms * degree / n * (1 - degree / n) * n / (n - 1)
    return (((degrees - terms * degree / n) ** 2).sum() / variance - (n - 1)) / math.sqrt(2 * (n - 1))


# --- the graph --------------------------------------------------------------------------------------------------------


def test_the_number_of_terms_is_exact():
    for n, degree, c in ((60, 3, 1.0), (101, 3, 0.3), (30, 4, 0.5), (50, 2, 6.0), (64, 3, 5.0)):
        term = couplings(n, degree, connectivity=c)
        indices, _ = all_terms(term)
        expected = round(c * n ** (degree - 1))
        assert len(indices) == expected == term.n_terms == DilutedCouplings.count(n, degree, connectivity=c)
        assert indices.min() >= 0 and indices.max() < n
        ordered = np.sort(indices, axis=1)
        assert (ordered[:, 1:] > ordered[:, :-1]).all()
    assert DilutedCouplings.count(40000, 3) == 1_600_000_000
    assert DilutedCouplings.count(100, 3, terms_per_spin=2.5) == 250


@pytest.mark.parametrize("degree, n, c", [(3, 20, 60.0), (2, 37, 200.0), (4, 18, 20.0)])
def test_every_hyperedge_is_equally_likely(degree, n, c):
    indices, _ = all_terms(couplings(n, degree, connectivity=c))
    ordered = np.sort(indices, axis=1)
    counts = np.zeros((n,) * degree)
    np.add.at(counts, tuple(ordered.T), 1)
    edges = np.array(list(itertools.combinations(range(n), degree)))
    found = counts[tuple(edges.T)]
    assert found.sum() == len(indices)
    assert abs(chi_square_z(found, len(indices) / len(edges))) < 4
    # Deliberately wrong: the first spin drawn twice as often as the others.
    wrong = np.where(edges[:, 0] == 0, 2.0, 1.0)
    assert abs(chi_square_z(found, len(indices) * wrong / wrong.sum())) > 4


def test_degrees_are_those_of_a_random_hypergraph():
    n = 700
    indices, _ = all_terms(couplings(n, 3))
    found = np.bincount(indices.ravel(), minlength=n)
    assert abs(z_of_degrees(found, 3)) < 4
    # And pairs of spins are joined by a Poisson number of terms.
    pairs = np.zeros((n, n))
    for a, b in ((0, 1), (0, 2), (1, 2)):
        np.add.at(pairs, tuple(np.sort(indices[:, [a, b]], axis=1).T), 1)
    joined = pairs[np.triu_indices(n, 1)]
    observed = np.bincount(joined.astype(int), minlength=20)[:20]
    mean = joined.mean()
    assert mean == pytest.approx(3 * len(indices) / math.comb(n, 2), rel=1e-12)
    chances = np.array([math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(20)])
    assert abs(chi_square_z(observed, chances * len(joined))) < 4


def test_signs_are_balanced_and_gaussian_weights_are_normal():
    term = couplings(120, 3)
    _, values = all_terms(term)
    size = math.sqrt(120 * (1 + 2 / 120) * (1 + 4 / 120) / (2 * term.n_terms))
    np.testing.assert_allclose(np.abs(values), size, rtol=1e-14)
    assert abs(np.sign(values).sum()) / math.sqrt(len(values)) < 4
    _, weights = all_terms(couplings(120, 3, weights="gaussian"))
    weights = weights / size
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((weights**power).mean() - moment) / math.sqrt(variance / len(weights)) < 4
    # The sign has its own bit: it knows nothing of the place.
    indices, values = all_terms(term)
    parity = 1 - 2 * (indices.sum(axis=1) % 2)
    assert abs((parity * np.sign(values)).sum()) / math.sqrt(len(values)) < 4


# --- exact relations --------------------------------------------------------------------------------------------------


def test_the_energy_does_not_know_the_order_of_terms():
    term = couplings(90)
    indices, values = all_terms(term)
    order = np.random.default_rng(5).permutation(len(values))
    x = states(90, 3)
    plain = [math.fsum(values[order] * row[indices[order]].prod(axis=1)) for row in x]
    np.testing.assert_allclose(energies(term, x), plain, rtol=1e-12, atol=1e-12)


def test_another_width_of_ranges_is_another_sample_of_the_same_law(monkeypatch):
    # Layout changes which terms there are, not how they are distributed.
    wide = couplings(40, connectivity=60.0)
    monkeypatch.setattr(diluted_couplings, "_bits", lambda n, degree, terms: 5)
    narrow = couplings(40, connectivity=60.0)
    assert wide._bits != narrow._bits and wide.n_terms == narrow.n_terms
    degrees = [np.bincount(all_terms(term)[0].ravel(), minlength=40) for term in (wide, narrow)]
    assert (degrees[0] != degrees[1]).any()
    for found in degrees:
        assert abs(z_of_degrees(found, 3)) < 4


@pytest.mark.parametrize("weights", ["binary", "gaussian"])
def test_euler_relations_and_slopes_hold(weights):
    term = couplings(50, weights=weights)
    x, h = states(50, 3), 1e-3
    v = np.random.default_rng(1).standard_normal((3, 50))
    gradient, product = term.gradient(x), term.hvp(x, v)
    np.testing.assert_allclose(term.hvp(x, x), 2 * gradient, atol=1e-13 * np.abs(gradient).max())
    slope = (energies(term, x + h * v) - energies(term, x - h * v)) / (2 * h)
    third = energies(term, v) * h * h  # the cubic term of a central difference
    np.testing.assert_allclose(slope - third, np.einsum("ri,ri->r", gradient, v), rtol=1e-9)
    change = (term.gradient(x + h * v) - term.gradient(x - h * v)) / (2 * h)
    np.testing.assert_allclose(change, product, atol=1e-10 * np.abs(product).max())
    np.testing.assert_allclose(term.hessian(x[0]) @ v[0], product[0], atol=1e-13 * np.abs(product).max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_and_the_order_of_calls_change_no_bit(dtype):
    term, again = (couplings(200, dtype=dtype, connectivity=2.0) for _ in range(2))
    assert len(term._bounds) > 2
    x = states(200, 5)
    first = term.gradient(x)
    term.hvp(x, x[::-1].copy())
    assert (term.gradient(x[:2]) == again.gradient(x[:2], threads=2)).all()
    for other in (again.gradient(x, threads=2), again.gradient(x, threads=5), term.gradient(x)):
        assert (first == other).all()
    assert (term.hvp(x, x, threads=2) == again.hvp(x, x)).all()


def test_a_replica_does_not_see_its_neighbours():
    term = couplings(80, dtype="float32")
    x = states(80, 20)
    other = x.copy()
    other[3:] = states(80, 17, seed=1)
    assert (term.gradient(x)[:3] == term.gradient(other)[:3]).all()
    alone = np.concatenate([term.gradient(row[None]) for row in x])
    np.testing.assert_allclose(term.gradient(x), alone, atol=2e-6 * np.abs(alone).max())
    assert term.gradient(x[:0]).shape == term.hvp(x[:0], x[:0]).shape == (0, 80)


def test_sizes_seeds_and_samples_are_different_disorder():
    keys = ((60, 0, 0), (60, 0, 1), (60, 1, 0), (61, 0, 0))
    seen = {all_terms(couplings(n, seed=s, sample=r))[0][:40].tobytes() for n, s, r in keys}
    assert len(seen) == 4


# --- covariance -------------------------------------------------------------------------------------------------------

SAMPLES = 3000


@pytest.fixture(scope="module", params=["binary", "gaussian"])
def tiny(request):
    """Energies of many samples (N = 6, p = 3) at an axis of three spins, a diagonal and two general points."""
    n = 6
    points = Sphere(n).retract(np.array([
        [1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1], [1.5, -0.7, 0.4, 1.0, -2.0, 0.3], [1, 1, 0.5, 0.2, -0.4, 0],
    ]))  # fmt: skip
    found = [
        energies(couplings(n, seed=1, sample=s, amplitude=1.5, weights=request.param), points) for s in range(SAMPLES)
    ]
    return n, points, np.array(found)


def z_of_covariance(energies, a, b, expected):
    products = energies[:, a] * energies[:, b]
    return (products.mean() - expected) / (products.std() / math.sqrt(len(products)))


def test_covariance_is_the_stated_one_at_every_pair_of_points(tiny):
    n, points, found = tiny
    for a in range(4):
        for b in range(a, 4):
            assert abs(z_of_covariance(found, a, b, twin.covariance(n, 3, 1.5, points[a], points[b]))) < 4
    assert (np.abs(found.mean(axis=0)) / (found.std(axis=0) / math.sqrt(SAMPLES)) < 4).all()


def test_the_rotation_invariant_covariance_would_fail(tiny):
    # Deliberately wrong at finite N: N f(q).
    n, _, found = tiny
    assert abs(z_of_covariance(found, 1, 1, n * 0.5 * 1.5**2)) > 4


def test_mean_variance_over_the_sphere_is_n_f_of_one():
    # By Newton's identities and over many states: Π(1 + 2k/N) E e_p(σ²)/C(N, p) = 1.
    n = 12
    x = states(n, 200_000, seed=4)
    p1, p2, p3 = ((x * x) ** k @ np.ones(n) for k in (1, 2, 3))
    e3 = (p1**3 - 3 * p1 * p2 + 2 * p3) / 6
    ratio = e3 / math.comb(n, 3) * (1 + 2 / n) * (1 + 4 / n)
    assert abs(ratio.mean() - 1) / (ratio.std() / math.sqrt(len(ratio))) < 4
    for row, value in zip(x[:3], ratio, strict=False):
        assert twin.covariance(n, 3, 1.0, row, row) == pytest.approx(0.5 * n * value, rel=1e-12)


def test_energies_of_a_large_system_have_variance_n_f_of_one():
    n, values = 400, []
    for sample in range(60):
        values.append(energies(couplings(n, sample=sample, dtype="float32"), states(n, 16, seed=sample)))
    values = np.array(values)
    squares = (values**2).mean(axis=1) / (0.5 * n)
    assert abs(squares.mean() - 1) / (squares.std() / math.sqrt(len(squares))) < 4


def test_mean_square_tangent_gradient_is_the_stated_one():
    # Over graphs, signs and the sphere: E|g_T|²/N = f′(1) (1 + (p − 2)/N), at every N.
    for degree, n in ((3, 9), (4, 8)):
        squares = []
        for sample in range(600):
            x = states(n, 8, seed=sample)
            gradient = couplings(n, degree, sample=sample, amplitude=2.0).gradient(x)
            tangent = gradient - np.einsum("ri,ri->r", x, gradient)[:, None] * x / n
            squares.append((tangent**2).sum(axis=1).mean() / n)
        expected = 2.0 * degree * (1 + (degree - 2) / n)
        assert abs(np.mean(squares) - expected) / (np.std(squares) / math.sqrt(len(squares))) < 4


@pytest.mark.parametrize("amplitude, follows", [(1.0, True), (1.1, False)])
def test_gradient_flow_follows_the_energy_of_an_infinite_glass(amplitude, follows):
    # e(t = 1) = −0.782508 of the Cugliandolo–Kurchan equations, T = 0 from a random start; another amplitude is wrong.
    n, step, found = 512, 0.05, []
    for sample in range(8):
        term, x = couplings(n, sample=sample, dtype="float32", amplitude=amplitude), states(n, 4, seed=sample)

        def slope(x, term=term):
            gradient = term.gradient(x)
            return np.einsum("ri,ri->r", x, gradient)[:, None] * x / n - gradient

        for _ in range(20):
            first = slope(x)
            x = Sphere(n).retract(x + 0.5 * step * (first + slope(x + step * first)))
        found.append(energies(term, x).mean() / n)
    z = (np.mean(found) + 0.782508) / (np.std(found, ddof=1) / math.sqrt(len(found)))
    assert (abs(z) < 4) == follows


# --- condensation -----------------------------------------------------------------------------------------------------


def test_condensation_counts_the_spins_that_carry_a_state():
    assert condensation(np.ones((2, 9))).tolist() == [1, 1]
    assert condensation(np.eye(16)[0] * 4) == pytest.approx(16)
    found = condensation(states(50, 20000))
    assert abs(found.mean() - 150 / 52) / (found.std() / math.sqrt(20000)) < 4


def test_a_star_has_the_stated_energy():
    n, per_spin = 1500, 3.0
    term = couplings(n, terms_per_spin=per_spin, force=True)
    indices, values = all_terms(term)
    pairs = {}
    for row, value in zip(indices, values, strict=True):
        for third in range(3):
            pairs.setdefault(tuple(sorted(np.delete(row, third))), []).append((row[third], value))
    (i, j), leaves = max(pairs.items(), key=lambda item: len(item[1]))
    x = np.zeros((1, n))
    x[0, [i, j]] = math.sqrt(n / 3)
    for k, value in leaves:
        x[0, k] = -np.sign(value) * math.sqrt(n / (3 * len(leaves)))
    assert (x**2).sum() == pytest.approx(n)
    size = np.abs(values[0])
    expected = -size * math.sqrt(len(leaves)) * (n / 3) ** 1.5 / n
    assert energies(term, x)[0] / n == pytest.approx(expected, rel=1e-9)
    # The largest star is as large as it is taken to be, and its state far below all others and condensed.
    assert star_energy_density(n, 3, term.n_terms) == pytest.approx(expected, rel=0.25)
    assert expected < -3 and condensation(x)[0] > n / 10


def test_stars_matter_only_at_low_connectivity():
    threshold = -math.sqrt(4 / 3)
    found = [star_energy_density(4096, 3, round(c * 4096**2)) for c in (0.02, 0.05, 0.1, 0.3, 1.0, 10.0)]
    assert found[2] < threshold < found[3] and found == sorted(found)


# --- refusals and memory ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "n, degree, options, said",
    [
        (100, 3, {"terms_per_spin": 20.0}, "O(N) terms of degree 3 on the sphere"),
        (100, 3, {"connectivity": 0.0}, "connectivity = 0.0: give a finite number above 0"),
        (100, 3, {"connectivity": 1.0, "terms_per_spin": 1.0}, "give one of them"),
        (4096, 3, {"connectivity": 0.02}, "below the threshold -1.15 of the glass; connectivity from 0.1"),
        (4096, 2, {"connectivity": 1.0}, "share 1 spins"),
        (2, 3, {}, "join 3 different spins"),
        (40000, 4, {}, "at most 2^36"),
        (10, 3, {"connectivity": 1e-3}, "give more"),
        (100, 3, {"weights": "ternary"}, "allowed are 'binary', 'gaussian'"),
    ],
)
def test_what_makes_no_glass_is_refused_in_one_line(n, degree, options, said):
    with pytest.raises(InputError) as error:
        couplings(n, degree, **options)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_condensing_models_are_served_when_forced():
    assert couplings(100, terms_per_spin=20.0, force=True).n_terms == 2000
    assert couplings(4096, connectivity=0.001, force=True).n_terms == 16777
    accepted = DilutedCouplings.check(4096, 3, connectivity=0.3)
    assert accepted == {"connectivity": 0.3, "terms_per_spin": None, "weights": "binary", "force": False}


def test_the_memory_estimate_is_what_is_allocated():
    for n, degree, c in ((60, 3, 1.0), (2000, 3, 1.0), (100, 4, 0.5), (300, 2, 6.0)):
        term = couplings(n, degree, connectivity=c)
        held = sum(array.nbytes for array in (term._table, term._first_blocks, term._counts))
        assert DilutedCouplings.n_bytes(n, degree, "float32", connectivity=c) == held
    # 1.6 thousand million terms.
    assert DilutedCouplings.n_bytes(40000, 3, "float32") < 2**24
