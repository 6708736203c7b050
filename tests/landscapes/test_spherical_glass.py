"""The spherical glass as a landscape: conventions, statistics of the disorder, exact relations, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from reference import glass_twin as twin

from spinnet.errors import InputError
from spinnet.landscapes import SphericalGlass, couplings
from spinnet.landscapes.base import Differentiable
from spinnet.spaces import Sphere


def states(glass, replicas=3, seed=0):
    return glass.space.sample(replicas, np.random.default_rng(seed))


@pytest.fixture(scope="module", params=[{2: 1.0}, {3: 1.0}, {4: 1.0}, {2: 0.5, 3: 1.0, 4: 2.0}], ids=str)
def glass(request):
    return SphericalGlass(n=11, covariance=request.param, seed=3, dtype="float64")


def test_it_is_declared_as_the_issue_says():
    glass = SphericalGlass(n=8, covariance={3: 1.0}, seed=1)
    assert isinstance(glass, Differentiable) and glass.independent_unit == "sample"
    assert glass.space == Sphere(8) and (glass.units.n_units, glass.units.unit) == (8, "spin")
    x = states(glass, 5)
    assert glass.energy(x).shape == (5,) and glass.gradient(x).shape == glass.hvp(x, x).shape == (5, 8)
    assert glass.n_couplings == 120
    assert SphericalGlass(n=8, strict=True).n_couplings == 56


def test_a_mixture_is_the_sum_of_its_pure_parts():
    parts = [SphericalGlass(9, {p: a}, seed=5, sample=1, dtype="float64") for p, a in {2: 0.5, 3: 1.0, 5: 2.0}.items()]
    whole = SphericalGlass(9, {5: 2.0, 2: 0.5, 3: 1.0}, seed=5, sample=1, dtype="float64")
    x = states(whole)
    np.testing.assert_allclose(whole.energy(x), sum(part.energy(x) for part in parts), rtol=1e-12)
    np.testing.assert_allclose(whole.hessian(x[0]), sum(part.hessian(x[0]) for part in parts), rtol=1e-12)


def test_energies_are_those_of_the_plain_sum():
    glass = SphericalGlass(7, {3: 1.5}, seed=2, sample=9, dtype="float64")
    terms = twin.couplings(7, 3, amplitude=1.5, seed=2, sample=9)
    x = states(glass)
    np.testing.assert_allclose(glass.energy(x), [twin.energy(terms, row) for row in x], rtol=1e-12)


def test_single_precision_is_the_same_disorder_rounded():
    x = states(SphericalGlass(40))
    single, double = (SphericalGlass(40, {3: 1.0}, seed=1, dtype=d).gradient(x) for d in ("float32", "float64"))
    error = np.abs(single - double).max()
    assert 0 < error < 3e-6 * np.abs(double).max()


def test_euler_relations_hold(glass):
    x = states(glass)
    if len(glass.covariance) == 1:
        (p,) = glass.covariance
        energy, gradient = glass.energy_and_gradient(x)
        np.testing.assert_allclose(np.einsum("ri,ri->r", x, gradient), p * energy, rtol=1e-12)
        np.testing.assert_allclose(glass.hvp(x, x), (p - 1) * gradient, atol=1e-12 * np.abs(gradient).max())
    # Along a ray each degree scales by itself: H(2σ) = Σ 2^p H_p(σ).
    pure = {p: SphericalGlass(11, {p: a}, seed=3, dtype="float64") for p, a in glass.covariance.items()}
    parts = [one.energy(x) * 2.0**p for p, one in pure.items()]
    np.testing.assert_allclose(glass.energy(2.0 * x), sum(parts), rtol=1e-11)


def test_gradient_is_the_slope_of_the_energy(glass):
    x, h = states(glass), 1e-3
    gradient = glass.gradient(x)
    for i in range(11):
        e = np.zeros(11)
        e[i] = h
        f = [glass.energy(x + k * e) for k in (-2, -1, 1, 2)]
        slope = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h)
        np.testing.assert_allclose(slope, gradient[:, i], atol=1e-9 * np.abs(gradient).max())


def test_hvp_is_the_slope_of_the_gradient_and_symmetric(glass):
    x, h = states(glass), 1e-3
    v, u = np.random.default_rng(1).standard_normal((2, 3, 11))
    hv = glass.hvp(x, v)
    f = [glass.gradient(x + k * h * v) for k in (-2, -1, 1, 2)]
    np.testing.assert_allclose((f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h), hv, atol=1e-9 * np.abs(hv).max())
    np.testing.assert_allclose(np.einsum("ri,ri->r", u, hv), np.einsum("ri,ri->r", v, glass.hvp(x, u)), atol=1e-10)


def test_the_dense_hessian_is_that_of_the_products(glass):
    x = states(glass, 1)
    matrix = glass.hessian(x[0])
    np.testing.assert_array_equal(matrix, matrix.T)
    products = glass.hvp(np.repeat(x, 11, axis=0), np.eye(11))
    np.testing.assert_allclose(matrix, products, atol=1e-12 * np.abs(matrix).max())


def test_the_riemannian_gradient_is_orthogonal_to_the_state(glass):
    x = states(glass)
    tangent = glass.riemannian_gradient(x)
    assert (np.abs(np.einsum("ri,ri->r", x, tangent)) < 1e-12 * np.abs(glass.gradient(x)).max() * 11).all()
    assert np.abs(tangent).max() > 0.1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("replicas", [1, 3, 64])
def test_two_calls_give_the_same_bits(dtype, replicas):
    first, second = (SphericalGlass(37, {3: 1.0, 4: 1.0}, seed=8, dtype=dtype) for _ in range(2))
    x = states(first, replicas)
    for call in ("energy", "gradient"):
        assert (getattr(first, call)(x) == getattr(first, call)(x)).all()
        assert (getattr(first, call)(x) == getattr(second, call)(x)).all()
    assert (first.hvp(x, x[::-1]) == second.hvp(x, x[::-1])).all()


def test_a_replica_does_not_see_its_neighbours():
    glass = SphericalGlass(30)
    x = states(glass, 20)
    other = x.copy()
    other[3:] = states(glass, 17, seed=1)
    assert (glass.gradient(x)[:3] == glass.gradient(other)[:3]).all()
    alone = np.concatenate([glass.gradient(row[None]) for row in x])
    np.testing.assert_allclose(glass.gradient(x), alone, atol=2e-6 * np.abs(alone).max())


def test_the_number_of_threads_changes_no_bit():
    one, two = (SphericalGlass(120, {3: 1.0}, threads=t) for t in (1, 2))
    x = states(one, 5)
    assert (one.gradient(x) == two.gradient(x)).all() and (one.energy(x[:1]) == two.energy(x[:1])).all()


def test_seeds_and_samples_are_different_disorder():
    x = states(SphericalGlass(20))
    energies = [SphericalGlass(20, seed=s, sample=r).energy(x) for s, r in ((0, 0), (0, 1), (1, 0))]
    assert len({energy.tobytes() for energy in energies}) == 3


# --- statistics of the disorder ---------------------------------------------------------------------------------------

SAMPLES = 3000


@pytest.fixture(scope="module")
def tiny():
    """Energies of many samples (N = 3, p = 3) at an axis, a diagonal and a general point."""
    n = 3
    points = np.array([[math.sqrt(3), 0, 0], [1, 1, 1], [1.5, -0.7, 0.4]])
    points = Sphere(n).retract(points)
    energies = [SphericalGlass(n, {3: 1.0}, seed=1, sample=s, dtype="float64").energy(points) for s in range(SAMPLES)]
    return n, points, np.array(energies)


def z_of_covariance(energies, a, b, expected):
    products = energies[:, a] * energies[:, b]
    return (products.mean() - expected) / (products.std() / math.sqrt(len(products)))


def test_covariance_is_n_f_of_q_at_every_pair_of_points(tiny):
    n, points, energies = tiny
    for a in range(3):
        for b in range(a, 3):
            q = points[a] @ points[b] / n
            assert abs(z_of_covariance(energies, a, b, n * 0.5 * q**3)) < 4


def test_the_strict_sum_would_fail_the_covariance_test(tiny):
    # Deliberately wrong: only i < j < k. On the axis it has no energy at all, on the diagonal a part.
    n, points, _ = tiny
    strict = []
    for s in range(SAMPLES):
        terms = twin.couplings(n, 3, seed=1, sample=s)
        strict.append([twin.energy({(0, 1, 2): terms[0, 1, 2]}, point) for point in points])
    for a in range(1, 3):
        assert abs(z_of_covariance(np.array(strict), a, a, n * 0.5)) > 4


def test_mean_energy_is_zero_and_samples_are_independent(tiny):
    _, _, energies = tiny
    assert (np.abs(energies.mean(axis=0)) / (energies.std(axis=0) / math.sqrt(SAMPLES)) < 4).all()
    successive = energies[1:, 2] * energies[:-1, 2]
    assert abs(successive.mean()) / (successive.std() / math.sqrt(len(successive))) < 4


@pytest.mark.parametrize(
    "covariance, slope", [({2: 1.0}, 1.0), ({3: 1.0}, 1.5), ({4: 0.5}, 0.5), ({2: 1.0, 3: 1.0}, 2.5)], ids=str
)
def test_mean_square_tangent_gradient_is_that_of_f(covariance, slope):
    # E|g_T|²/N = (1 − 1/N) f′(1), at every N.
    n = 5
    squares = []
    for s in range(1200):
        glass = SphericalGlass(n, covariance, seed=2, sample=s, dtype="float64")
        squares.append((glass.riemannian_gradient(glass.start(1, np.random.default_rng(s))) ** 2).sum() / n)
    z = (np.mean(squares) - (1 - 1 / n) * slope) / (np.std(squares) / math.sqrt(len(squares)))
    assert abs(z) < 4


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "table, said",
    [
        ({"n": 0}, "n = 0: give a whole number of at least 2"),
        ({"n": 1}, "n = 1"),
        ({"n": -4}, "n = -4"),
        ({"n": 3.5}, "n = 3.5"),
        ({"n": 10**6}, "up to 65536"),
        ({"covariance": {1: 1.0}}, "degree 1: a term of degree 1 is a random external field"),
        ({"covariance": {"1": 1.0, "3": 1.0}}, "random external field"),
        ({"covariance": {0: 1.0}}, "degree 0: a term of degree 0 is a constant"),
        ({"covariance": {7: 1.0}}, "degrees 2 to 6"),
        ({"covariance": {2.5: 1.0}}, "degrees are whole numbers"),
        ({"covariance": {"three": 1.0}}, "degrees are whole numbers"),
        ({"covariance": {3: 1.0, "3": 2.0}}, "names the degree 3 twice"),
        ({"covariance": {3: 0.0}}, "above 0"),
        ({"covariance": {3: float("nan")}}, "finite number"),
        ({"covariance": {}}, "give a table of amplitudes"),
        ({"covariance": 3}, "give a table of amplitudes"),
        ({"dtype": "float16"}, "dtype = 'float16': allowed are"),
        ({"couplings": "dens"}, "did you mean 'dense'"),
        ({"seed": -1}, "seed = -1"),
        ({"sample": 1.5}, "sample = 1.5"),
        ({"threads": 0}, "threads = 0"),
    ],
)
def test_a_bad_value_is_refused_in_one_line(table, said):
    with pytest.raises(InputError) as error:
        SphericalGlass(**{"n": 8, **table})
    assert said in str(error.value) and "\n" not in str(error.value)


def test_equal_physics_resolves_to_equal_tables():
    tables = [
        SphericalGlass.resolve({"n": 8, "covariance": c}) for c in ({3: 1.0, 2: 0.5}, {"2": 0.5, "3": 1})
    ]
    assert tables[0] == tables[1] == {
        "n": 8, "covariance": {"2": 0.5, "3": 1}, "seed": 0, "sample": 0, "couplings": "dense", "dtype": "float32",
    }  # fmt: skip
    assert SphericalGlass.resolve({"n": 8})["covariance"] == {"3": 1}
    with pytest.raises(InputError, match="did you mean 'covariance'"):
        SphericalGlass.resolve({"n": 8, "covarianc": {3: 1.0}})


def test_what_does_not_fit_in_memory_is_refused_before_allocation(monkeypatch):
    monkeypatch.setattr("spinnet.landscapes.spherical_glass.available_memory", lambda: 10**6)
    with pytest.raises(InputError) as error:
        SphericalGlass(400, dtype="float64")
    text = str(error.value)
    assert "n = 400" in text and "p = 3" in text and "\n" not in text
    single, double = (int(text.split("n up to ")[1].split()[0]), int(text.split("float64, up to ")[1].split()[0]))
    assert single < double
    for n, dtype in ((single, "float64"), (double, "float32")):
        assert SphericalGlass.memory_bytes(n, {3: 1.0}, dtype) <= 10**6
        assert SphericalGlass.memory_bytes(n + 1, {3: 1.0}, dtype) > 10**6
    SphericalGlass(single, dtype="float64")


def test_the_memory_estimate_is_what_is_allocated():
    for n, p in ((30, 2), (33, 3), (14, 4)):
        term = couplings.DenseCouplings(n, p, 1.0, 0, 0, "float32")
        assert couplings.DenseCouplings.n_bytes(n, p, "float32") == term.values.nbytes + term._prefixes.nbytes
        assert np.count_nonzero(term.values) == couplings.DenseCouplings.count(n, p)


def test_zeros_that_fill_tiles_are_few():
    n = 512
    stored = couplings.DenseCouplings.n_bytes(n, 3, "float32") / 4
    assert stored / couplings.DenseCouplings.count(n, 3) - 1 < 9.1 / n


def test_shapes_that_do_not_match_are_refused():
    glass = SphericalGlass(8)
    x = states(glass, 2)
    with pytest.raises(InputError, match=r"expected \(replicas, 8\)"):
        glass.gradient(x[:, :5])
    with pytest.raises(InputError, match="one direction for each"):
        glass.hvp(x, x[:1])
    with pytest.raises(InputError, match="at one"):
        glass.hessian(x)


def test_read_only_states_and_empty_blocks_are_served():
    glass = SphericalGlass(8)
    x = states(glass, 2)
    frozen = x.copy()
    frozen.flags.writeable = False
    assert (glass.gradient(frozen) == glass.gradient(x)).all() and (glass.hvp(frozen, frozen) == glass.hvp(x, x)).all()
    assert glass.gradient(x[:0]).shape == (0, 8) and glass.energy(x[:0]).shape == (0,)
