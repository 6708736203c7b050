"""Every landscape keeps the promises of its interface. A new model is one line in LANDSCAPES."""

from __future__ import annotations

import numpy as np
import pytest
from reference.optional import require_torch
from reference.simple_landscapes import Crater, DoubleWell, HarmonicWell, LinearRegression, QuadraticForm, goe

from spinnet import landscapes
from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable, Energy, SumOfTerms
from spinnet.landscapes.network_layers import Layered
from spinnet.landscapes.network_symmetries import Symmetric
from spinnet.spaces import Sphere, SphereProduct


def glass(**table):
    return landscapes.SphericalGlass(**{"n": 13, "covariance": {3: 1.0}, "seed": 1, "dtype": "float64", **table})


def network(**table):
    options = {"n_train": 30, "n_test": 10}
    return landscapes.DenseNetwork(**{"data": "digits", "data_options": options, "hidden": [4], **table})


def torch_model(**table):
    """A small convolutional net on made-up images, where PyTorch is installed."""
    nn = require_torch().nn
    rng = np.random.default_rng(0)
    data = rng.standard_normal((12, 1, 4, 4)), rng.integers(0, 3, 12)
    norm = [nn.BatchNorm2d(2)] if table.pop("batch_norm", False) else []
    layers = [nn.Conv2d(1, 2, 3), *norm, nn.Tanh(), nn.Flatten(), nn.Linear(8, 3)]
    with require_torch().random.fork_rng(devices=[]):
        require_torch().manual_seed(1)
        module = nn.Sequential(*layers)
        module.apply(lambda part: getattr(part, "reset_parameters", lambda: None)())
    return landscapes.TorchLandscape(module, nn.CrossEntropyLoss(), data, **table)


def native(**table):
    options = {"n_train": 30, "n_test": 10, "pca": 8}
    return landscapes.NativeNetwork(
        **{"data_options": options, "hidden": [4], "training_steps": 300, "settle": 50, "start_at": "random", **table}
    )


def structured(**table):
    options = {"n_train": 12, "n_test": 5, "pca": 8}
    return landscapes.StructuredNetwork(**{"data": "digits", "data_options": options, "hidden": [4], **table})


def regression():
    rng = np.random.default_rng(0)
    return LinearRegression(rng.standard_normal((9, 5)), rng.standard_normal(9))


# name -> (how to make it, relative accuracy of its arithmetic)
LANDSCAPES = {
    "harmonic well": (lambda: HarmonicWell([1.0, -2.0, 0.5]), 1e-15),
    "double well": (lambda: DoubleWell(4), 1e-15),
    "crater": (lambda: Crater(3), 1e-15),
    "linear regression": (regression, 1e-15),
    "package regression": (lambda: landscapes.LinearRegression(patterns=30, start_scale=1.0), 1e-15),
    "two-spin form": (lambda: QuadraticForm(goe(9, np.random.default_rng(0))), 1e-15),
    "glass p=2": (lambda: glass(covariance={2: 1.0}), 1e-15),
    "glass p=3": (lambda: glass(), 1e-15),
    "glass p=4": (lambda: glass(covariance={4: 1.0}), 1e-15),
    "glass p=3 float32": (lambda: glass(dtype="float32", n=32), 1e-7),
    "glass 3+4": (lambda: glass(covariance={3: 1.0, 4: 0.7}), 1e-15),
    "glass p=3 two threads": (lambda: glass(n=21, threads=2), 1e-15),
    "glass p=3 strict": (lambda: glass(strict=True), 1e-15),
    "glass binary p=3": (lambda: glass(couplings="binary"), 1e-15),
    "glass binary 2+4 float32": (lambda: glass(couplings="binary", covariance={2: 1.0, 4: 0.7}, dtype="float32"), 1e-7),
    "glass binary strict": (lambda: glass(couplings="binary", strict=True, threads=2), 1e-15),
    "glass hashed p=3": (lambda: glass(couplings="hashed"), 1e-15),
    "glass hashed 3+4 float32": (lambda: glass(couplings="hashed", covariance={3: 1.0, 4: 0.7}, dtype="float32"), 1e-7),
    "glass hashed strict": (lambda: glass(couplings="hashed", strict=True, threads=2), 1e-15),
    "glass hashed at the signal": (lambda: glass(couplings="hashed", planted_temperature=0.7, field=0.3), 1e-15),
    "glass diluted p=3": (lambda: glass(couplings="diluted"), 1e-15),
    "glass diluted p=3 float32": (lambda: glass(couplings="diluted", n=32, weights="gaussian", dtype="float32"), 1e-7),
    "glass diluted planted": (lambda: glass(couplings="diluted", connectivity=2.5, planted={3: 2.0}), 1e-15),
    "glass diluted forced": (lambda: glass(couplings="diluted", terms_per_spin=6.0, force=True, threads=2), 1e-15),
    "glass 3+4 with signals": (lambda: glass(covariance={3: 1.0, 4: 0.7}, planted={3: 2.0, 4: 0.5}), 1e-15),
    "glass at the signal": (lambda: glass(planted_temperature=0.7, start_at=0.6), 1e-15),
    "glass in a field": (lambda: glass(field=-0.5, field_direction="random"), 1e-15),
    "network tanh": (lambda: network(), 1e-15),
    "network erf mse": (lambda: network(activation="erf", loss="mse", hidden=[5, 3]), 1e-15),
    "network with weight decay": (lambda: network(weight_decay=0.01), 1e-15),
    "network relu": (lambda: network(activation="relu", hidden=[6]), 1e-15),
    "two wells": (lambda: landscapes.TwoWells(4, distance=1.5, softness=0.7), 1e-15),
    "native network": (lambda: native(), 1e-15),
    "native network set free": (lambda: native(spheres=False, held_weight_decay=0.01), 1e-15),
    "network two threads": (lambda: network(threads=2), 1e-15),
    "network batch normalised": (lambda: structured(normalisation="batch", weight_decay=0.01), 1e-15),
    "network layer normalised": (lambda: structured(normalisation="layer", loss="mse", hidden=[12]), 1e-15),
    "network dropout skip": (lambda: structured(dropout=0.3, skip=True, hidden=[4, 4]), 1e-15),
    "network fractal": (lambda: structured(fractal=3, drop_path=0.3, activation="erf"), 1e-15),
    "network cubic": (lambda: structured(activation=[0.1, 1.0, 0.0, -0.2]), 1e-15),
    "network local": (lambda: structured(connections="local", hidden=[2, 2]), 1e-15),
    "network shared": (lambda: structured(connections="shared", grid=[2, 4], stride=1), 1e-15),
    "torch convolution": (lambda: torch_model(weight_decay=0.01), 1e-15),
    "torch batch norm": (lambda: torch_model(batch_norm=True, memory_bytes=1), 1e-15),
    "torch float32": (lambda: torch_model(dtype="float32"), 1e-7),
}
# Landscapes of levels, without a gradient, are in test_levels.py.
DIFFERENTIABLE = [name for name in landscapes.__all__ if issubclass(getattr(landscapes, name), Differentiable)]
_OURS = ("glass", "network", "native", "package", "two wells")
FROM_THE_PACKAGE = [name for name in LANDSCAPES if name.startswith(_OURS)]


@pytest.fixture(scope="module", params=LANDSCAPES, ids=lambda name: name.replace(" ", "-"))
def case(request):
    make, rounding = LANDSCAPES[request.param]
    landscape = make()
    rng = np.random.default_rng(7)
    x = landscape.start(5, rng)
    v = landscape.space.project(x, rng.standard_normal(x.shape))
    return landscape, x, v / np.linalg.norm(v, axis=1)[:, None], rounding


def belongs_to_the_package(landscape):
    return type(landscape).__module__.startswith("spinnet.")


def slope_along(function, x, v, h):
    """dF/dt along x + t·v by central differences of fourth order."""
    f = [function(x + k * h * v) for k in (-2, -1, 1, 2)]
    return (f[0] - 8.0 * f[1] + 8.0 * f[2] - f[3]) / (12.0 * h)


def difference_bound(rounding, size):
    """Step and error bound of a fourth-order difference that balances h⁴ against rounding/h."""
    h = max(rounding, 1e-15) ** 0.2
    return h, 100.0 * h**4 * size


def close(found, expected, rounding, factor=1.0):
    scale = max(np.abs(expected).max(), 1e-300)
    np.testing.assert_allclose(found, expected, rtol=0, atol=factor * rounding * scale)


def test_capabilities_are_declared_and_served(case):
    landscape, x, v, _ = case
    assert isinstance(landscape, Energy) and landscape.energy(x).shape == (5,)
    if isinstance(landscape, Differentiable):
        assert landscape.gradient(x).shape == landscape.hvp(x, v).shape == x.shape
    if isinstance(landscape, SumOfTerms):
        assert landscape.energy_terms(x).shape == (5, landscape.n_terms)
    assert landscape.independent_unit in ("sample", "replica") and landscape.revision >= 1


def test_units_are_stated_and_density_is_energy_per_unit(case):
    landscape, x, _, _ = case
    assert landscape.units.n_units >= 1 and landscape.units.unit
    assert landscape.n_dof == landscape.space.n == x.shape[1]
    np.testing.assert_allclose(landscape.energy_density(x) * landscape.units.n_units, landscape.energy(x), rtol=1e-14)


def test_two_calls_give_the_same_bits(case):
    landscape, x, v, _ = case
    for call in (landscape.energy, landscape.gradient, lambda rows: landscape.hvp(rows, v)):
        first, second = call(x), call(x)
        assert (first == second).all() and first.dtype == np.float64


def test_another_landscape_of_the_same_table_gives_the_same_bits(case, request):
    landscape, x, v, _ = case
    twin = LANDSCAPES[request.node.callspec.params["case"]][0]()
    assert (twin.energy(x) == landscape.energy(x)).all() and (twin.hvp(x, v) == landscape.hvp(x, v)).all()
    starts = [one.start(3, np.random.default_rng(2)) for one in (twin, landscape)]
    assert (starts[0] == starts[1]).all()


def test_the_configuration_is_not_changed(case):
    landscape, x, v, _ = case
    before = x.copy(), v.copy()
    landscape.energy(x), landscape.gradient(x), landscape.hvp(x, v), landscape.hessian(x[0])
    assert (x == before[0]).all() and (v == before[1]).all()


def test_read_only_and_strided_configurations_are_served(case):
    landscape, x, v, _ = case
    if not belongs_to_the_package(landscape):
        pytest.skip("a test landscape takes what NumPy takes")
    frozen = x.copy()
    frozen.flags.writeable = False
    strided = np.asfortranarray(x)
    for given in (frozen, strided):
        assert (landscape.gradient(given) == landscape.gradient(x)).all()
        assert (landscape.hvp(given, v) == landscape.hvp(x, v)).all()


def test_a_replica_alone_agrees_with_the_block_to_rounding(case):
    landscape, x, v, rounding = case
    close(np.concatenate([landscape.energy(x[a : a + 1]) for a in range(5)]), landscape.energy(x), rounding, 100)
    alone = np.concatenate([landscape.gradient(x[a : a + 1]) for a in range(5)])
    close(alone, landscape.gradient(x), rounding, 100)
    alone = np.concatenate([landscape.hvp(x[a : a + 1], v[a : a + 1]) for a in range(5)])
    close(alone, landscape.hvp(x, v), rounding, 100)


def test_energy_and_gradient_together_are_those_alone(case):
    landscape, x, _, rounding = case
    energy, gradient = landscape.energy_and_gradient(x)
    close(energy, landscape.energy(x), rounding, 100)
    close(gradient, landscape.gradient(x), rounding, 100)


def test_the_gradient_is_the_slope_of_the_energy(case):
    landscape, x, v, rounding = case
    gradient = landscape.gradient(x)
    h, bound = difference_bound(rounding, np.linalg.norm(gradient, axis=1).max() + np.abs(landscape.energy(x)).max())
    expected = np.einsum("ri,ri->r", gradient, v)
    np.testing.assert_allclose(slope_along(landscape.energy, x, v, h), expected, rtol=0, atol=bound)


def test_hvp_is_the_slope_of_the_gradient(case):
    landscape, x, v, rounding = case
    expected = landscape.hvp(x, v)
    h, bound = difference_bound(rounding, np.abs(expected).max() + np.abs(landscape.gradient(x)).max())
    np.testing.assert_allclose(slope_along(landscape.gradient, x, v, h), expected, rtol=0, atol=bound)


def test_a_wrong_gradient_would_be_seen(case):
    # Deliberately wrong: 0.1 % too long (1 % for float32); the bound of the finite-difference test must exclude it.
    landscape, x, _, rounding = case
    length = np.linalg.norm(landscape.gradient(x), axis=1).max()
    _, bound = difference_bound(rounding, length + np.abs(landscape.energy(x)).max())
    assert (1e-3 if rounding < 1e-10 else 1e-2) * length > bound


def test_hvp_is_symmetric_and_linear(case):
    landscape, x, v, rounding = case
    rng = np.random.default_rng(3)
    u = rng.standard_normal(x.shape)
    hu, hv = landscape.hvp(x, u), landscape.hvp(x, v)
    scale = np.linalg.norm(u, axis=1) * np.linalg.norm(hv, axis=1)
    asymmetry = np.abs(np.einsum("ri,ri->r", u, hv) - np.einsum("ri,ri->r", v, hu))
    assert (asymmetry <= 100 * rounding * scale + 1e-300).all()
    close(landscape.hvp(x, 2.0 * u - 3.0 * v), 2.0 * hu - 3.0 * hv, rounding, 1000)


def test_the_dense_hessian_is_that_of_the_products(case):
    landscape, x, v, rounding = case
    for a in (0, 3):
        matrix = landscape.hessian(x[a])
        assert matrix.shape == (landscape.space.n, landscape.space.n)
        np.testing.assert_array_equal(matrix, matrix.T)
        close(matrix @ v[a], landscape.hvp(x, v)[a], rounding, 1000)


def test_the_riemannian_gradient_and_hessian_are_tangent(case):
    landscape, x, v, _ = case
    space = landscape.space
    for field in (landscape.riemannian_gradient(x), landscape.riemannian_hvp(x, v)):
        close(space.project(x, field), field, 1e-15, 100)
        if isinstance(space, Sphere):
            radial = np.einsum("ri,ri->r", x, field) / np.sqrt(space.n)
            assert (np.abs(radial) <= 1e-13 * np.abs(landscape.gradient(x)).max() * np.sqrt(space.n)).all()


def test_riemannian_derivatives_are_those_along_geodesics(case):
    landscape, x, v, rounding = case
    if rounding > 1e-10:
        pytest.skip("second differences need float64")
    space, h = landscape.space, 1e-3

    def along(t):
        if isinstance(space, SphereProduct):
            return landscape.energy(space.travel(x, space.project(x, v), np.full(len(x), t))[0])
        if not isinstance(space, Sphere):
            return landscape.energy(x + t * v)
        speed = np.linalg.norm(v, axis=1)[:, None] / np.sqrt(space.n)
        return landscape.energy(np.cos(speed * t) * x + np.sin(speed * t) / speed * v)

    e = [along(k * h) for k in (-2, -1, 0, 1, 2)]
    slope = (e[0] - 8 * e[1] + 8 * e[3] - e[4]) / (12 * h)
    curvature = (-e[0] + 16 * e[1] - 30 * e[2] + 16 * e[3] - e[4]) / (12 * h * h)
    scale = np.abs(e[2]).max() + np.abs(curvature).max()
    np.testing.assert_allclose(slope, np.einsum("ri,ri->r", v, landscape.riemannian_gradient(x)), atol=1e-7 * scale)
    expected = np.einsum("ri,ri->r", v, landscape.riemannian_hvp(x, v))
    np.testing.assert_allclose(curvature, expected, rtol=0, atol=1e-6 * scale)


def test_a_replica_that_is_nowhere_leaves_the_bits_of_the_others(case):
    landscape, x, v, _ = case
    torn = x.copy()
    torn[2] = np.nan
    others = [0, 1, 3, 4]
    with np.errstate(all="ignore"):
        for call in (landscape.energy, landscape.gradient, lambda rows: landscape.hvp(rows, v)):
            assert (call(torn)[others] == call(x)[others]).all()
        assert np.isnan(landscape.energy(torn)[2]) and not np.isfinite(landscape.gradient(torn)[2]).all()


@pytest.mark.parametrize("shape", [(3,), (2, 1), (2, 1000), (1, 2, 3)])
def test_wrong_shapes_are_refused(case, shape):
    landscape, _, v, _ = case
    if not belongs_to_the_package(landscape):
        pytest.skip("a test landscape checks nothing")
    for call in (landscape.energy, landscape.gradient, lambda rows: landscape.hvp(rows, v)):
        with pytest.raises(InputError, match="shape"):
            call(np.zeros(shape))


def test_directions_of_a_wrong_shape_are_refused(case):
    landscape, x, v, _ = case
    if not belongs_to_the_package(landscape):
        pytest.skip("a test landscape checks nothing")
    for wrong in (v[:, :-1], v[:2]):
        with pytest.raises(InputError):
            landscape.hvp(x, wrong)


def test_the_energy_is_the_sum_of_its_terms(case):
    landscape, x, _, rounding = case
    if not isinstance(landscape, SumOfTerms):
        pytest.skip("no sum of terms")
    close(landscape.energy_terms(x).sum(axis=1), landscape.energy(x), rounding, 100)
    everything = np.tile(np.arange(landscape.n_terms), (5, 1))
    close(landscape.gradient_batch(x, everything), landscape.gradient(x), rounding, 1000)
    twice = np.concatenate([everything[:, :3], everything[:, :3]], axis=1)
    close(landscape.gradient_batch(x, twice), 2 * landscape.gradient_batch(x, everything[:, :3]), rounding, 1000)


def test_gradients_of_single_terms_are_batches_of_one(case):
    landscape, x, _, rounding = case
    if not isinstance(landscape, SumOfTerms):
        pytest.skip("no sum of terms")
    gradients = landscape.gradient_terms(x)
    close(gradients.sum(axis=1), landscape.gradient(x), rounding, 1000)
    few = np.array([landscape.n_terms - 1, 0, 3])
    close(landscape.gradient_terms(x, few), gradients[:, few], rounding, 100)
    close(SumOfTerms.gradient_terms(landscape, x, few), gradients[:, few], rounding, 1000)


def test_what_it_calls_a_symmetry_leaves_its_energy_alone(case):
    landscape, x, _, rounding = case
    if not isinstance(landscape, Symmetric):
        pytest.skip("no known symmetry")
    rng = np.random.default_rng(2)
    moved = np.array([landscape.symmetry.act(row, landscape.symmetry.random(rng)) for row in x])
    assert landscape.symmetry_order == 1 or (moved != x).any()
    for images in (moved, landscape.fix_gauge(x), landscape.align(moved, x)):
        close(landscape.energy(images), landscape.energy(x), rounding, 1e5)


def test_its_layers_are_views_that_hold_a_coordinate_once(case):
    landscape, _, _, _ = case
    if not isinstance(landscape, Layered):
        pytest.skip("no layers")
    counts = np.zeros((2, landscape.space.n), dtype=np.int64)
    layers = landscape.layers(counts)
    assert len({layer.name for layer in layers}) == len(layers)
    for _, *arrays in layers:
        for array in arrays:
            if array is not None:
                array += 1
        assert arrays[1] is None or arrays[1].shape == arrays[0].shape[:-1]
    assert counts.max() == 1 and (counts.all() or "torch" in type(landscape).__module__)


def test_products_of_one_configuration_with_many_directions_are_those_one_by_one(case):
    landscape, x, _, rounding = case
    v = np.random.default_rng(4).standard_normal((19, landscape.space.n))
    expected = np.concatenate([landscape.hvp(x[:1], row[None]) for row in v])
    found = landscape.hvp_block(x[0], v)
    close(found, expected, rounding, 1000)
    assert found.dtype == np.float64 and (landscape.hvp_block(x[0], v) == found).all()


def test_minibatch_steps_follow_their_definition_and_may_be_split(case):
    landscape, x, v, rounding = case
    if not isinstance(landscape, SumOfTerms):
        pytest.skip("no sum of terms")
    terms = np.random.default_rng(1).integers(0, landscape.n_terms, (7, 5, 3))
    velocity = 0.01 * v
    whole = landscape.minibatch_steps(x, velocity, terms, 0.05, 0.5)
    halves = landscape.minibatch_steps(x, velocity, terms[:4], 0.05, 0.5)
    halves = landscape.minibatch_steps(*halves, terms[4:], 0.05, 0.5)
    for a, b in zip(whole, halves, strict=True):
        assert (a == b).all()
    slow = SumOfTerms.minibatch_steps(landscape, x, velocity, terms, 0.05, 0.5)
    for a, b in zip(whole, slow, strict=True):
        close(a, b, max(rounding, 1e-15), 1e4)


@pytest.mark.parametrize("name", FROM_THE_PACKAGE)
def test_a_resolved_table_resolves_to_itself_and_makes_the_same_landscape(name):
    landscape = LANDSCAPES[name][0]()
    kind = type(landscape)
    given = {key: getattr(landscape, key) for key in kind.parameters() if not key.startswith("data")}
    if "data" in kind.parameters():
        given |= {"data": landscape.data.name, "data_options": dict(landscape.data.options)}
    table = kind.resolve(given, "landscape")
    assert kind.resolve(table, "landscape") == table
    x = landscape.start(2, np.random.default_rng(0))
    assert (kind(**table).energy(x) == landscape.energy(x)).all()


@pytest.mark.parametrize("name", landscapes.__all__)
def test_an_unknown_parameter_is_refused_with_the_nearest_one(name):
    kind = getattr(landscapes, name)
    known = next(iter(kind.parameters()))
    with pytest.raises(InputError, match=f"did you mean '{known}'"):
        kind.resolve({known + "x": 3}, "landscape")


def test_every_differentiable_landscape_of_the_package_is_on_the_list():
    tested = {type(LANDSCAPES[name][0]()).__name__ for name in FROM_THE_PACKAGE}
    assert tested >= set(DIFFERENTIABLE)
