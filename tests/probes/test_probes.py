"""Energy, gradient norm, end-point statistics: values, units, missing rows, and that measuring changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import DoubleWell, HarmonicWell, LinearRegression, QuadraticForm, two_spin_glass

from spinnet import dynamics, probes
from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes.base import Energy, Units, require
from spinnet.probes.base import BlockProbe, EndpointProbe, TrajectoryProbe
from spinnet.randomness import counter_keys
from spinnet.spaces import Euclidean

#: Probes of single rows that any differentiable landscape serves; those that need more have tests of their own.
GENERAL = [
    name for name in probes.PROBES
    if all(issubclass(QuadraticForm, c) for c in probes.load(name).requires)
    and not issubclass(probes.load(name), BlockProbe)
]  # fmt: skip
#: Parameters without a default, or with one that is too large for the landscapes here.
NEEDED = {"density_of_states": {"width": 1.0}, "hessian_course": {"top": 2}}


def measure(name, landscape, x, seed=0, **parameters):
    probe = probes.load(name)(**{**NEEDED.get(name, {}), **parameters})
    x = probe.launch(landscape, x, np.random.default_rng(seed))
    if not isinstance(probe, EndpointProbe | TrajectoryProbe):  # it has a memory: seen once, at the start
        memory = probe.observe(landscape, probe.begin(landscape, len(x), np.asarray), 0.0, x)
        found = probe.variables(landscape, memory, np.asarray, 0.0)
    else:
        given = (np.random.default_rng(seed),) if isinstance(probe, EndpointProbe) else ()
        found = probe.measure(landscape, x, *given)
    return {key: v for key, v in found.items() if v.dims != (key.rpartition("/")[2],)}  # without coordinates


def test_energy_is_extensive_and_density_is_per_unit():
    found = measure("energy", HarmonicWell([1.0, 2.0]), np.array([[1.0, 1.0], [2.0, 0.0]]))
    np.testing.assert_allclose(found["energy"].data, [1.5, 2.0])
    np.testing.assert_allclose(found["energy_density"].data, [0.75, 1.0])


def test_gradient_norm_is_the_tangent_one_per_root_unit():
    glass = QuadraticForm(np.diag([1.0, 2.0, 4.0]))
    x = np.array([[np.sqrt(3.0), 0.0, 0.0], [1.0, 1.0, 1.0]])
    # At (1, 1, 1): ∇H = (1, 2, 4), its radial part (7/3)(1, 1, 1), the rest (−4, −1, 5)/3.
    found = measure("gradient_norm", glass, x)["gradient_norm"].data
    np.testing.assert_allclose(found, [0.0, np.sqrt(42.0 / 27.0)], atol=1e-15)


def test_the_squared_gradient_norm_is_the_initial_slope_of_the_flow():
    glass = two_spin_glass(20, 1)
    x = glass.start(2, np.random.default_rng(0))
    flow = dynamics.GradientFlow(tolerance=1e-6)
    state = flow.init(glass, x, counter_keys(1, 2, "noise"))
    state = flow.advance(glass, state._replace(step=np.full(2, 1e-5)), 1)
    slope = (glass.energy(state.x) - glass.energy(x)) / 20 / 1e-5
    norm = measure("gradient_norm", glass, x)["gradient_norm"].data
    np.testing.assert_allclose(slope, -(norm**2), rtol=1e-3)


def test_final_records_curvature_along_the_gradient():
    well = HarmonicWell([1.0, 3.0])
    found = measure("final", well, np.array([[2.0, 0.0], [0.0, 1.0], [0.0, 0.0]]))
    np.testing.assert_allclose(found["gradient_curvature"].data, [1.0, 3.0, np.nan])
    np.testing.assert_allclose(found["gradient_norm"].data * np.sqrt(2.0), [2.0, 3.0, 0.0])
    assert "test_loss" not in found


def test_final_records_test_results_where_they_are_offered():
    class Tested(HarmonicWell):
        def test_loss(self, x):
            return x[:, 0]

        def test_accuracy(self, x):
            raise InputError("no classes")

    found = measure("final", Tested(), np.array([[0.5, 1.0], [np.nan, 1.0]]))
    np.testing.assert_array_equal(found["test_loss"].data, [0.5, np.nan])
    assert "test_accuracy" not in found


@pytest.mark.parametrize("name", GENERAL)
def test_rows_that_are_nowhere_are_nan_and_leave_the_others_alone(name):
    glass = two_spin_glass(12, 1)
    x = glass.start(4, np.random.default_rng(0))
    whole = measure(name, glass, x)
    x[1] = np.nan
    torn = measure(name, glass, x)
    for key, variable in torn.items():
        data, expected = variable.data.astype(float), whole[key].data.astype(float)
        np.testing.assert_array_equal(data[[0, 2]], expected[[0, 2]])
        if key.endswith(("/index", "_index", "zero_modes")):
            assert data[1] == -1
        elif key.endswith(("/weight", "/converged")):
            assert (data[1] == 0).all()
        else:
            assert np.isnan(data[1]).all(), key


@pytest.mark.parametrize("name", GENERAL)
def test_variables_start_with_the_replica_and_state_units(name):
    glass = two_spin_glass(12, 1)
    for key, variable in measure(name, glass, glass.start(4, np.random.default_rng(0))).items():
        assert variable.dims[0] == "replica" and variable.data.shape[0] == 4
        assert variable.units in ("1", "energy", "energy^2") and variable.description
        assert key.rpartition("/")[2] not in variable.dims  # a file would take it for the scale of that dimension
        assert variable.data.dtype in (np.float64, np.int64, np.int8)


@pytest.mark.parametrize("name", GENERAL)
def test_measuring_twice_gives_the_same_bits_and_leaves_the_configuration_alone(name):
    glass = two_spin_glass(12, 1)
    x = glass.start(4, np.random.default_rng(0))
    before = x.copy()
    first, second = measure(name, glass, x), measure(name, glass, x)
    assert (x == before).all()
    for key in first:
        np.testing.assert_array_equal(first[key].data, second[key].data)


@pytest.mark.parametrize("name", ["GradientFlow", "Langevin"])
def test_measuring_never_changes_a_trajectory(name):
    glass = two_spin_glass(12, 1)
    x = glass.start(4, np.random.default_rng(0))
    chosen = dynamics.load(name)(**({"temperature": 0.5} if name == "Langevin" else {}))
    silent = watched = chosen.init(glass, x, counter_keys(1, 4, "noise"))
    silent = chosen.advance(glass, silent, 6)
    for step in range(6):
        watched = chosen.advance(glass, watched, 1)
        for probe in GENERAL:
            measure(probe, glass, watched.x, seed=step)
    for a, b in zip(silent, watched, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_probe_that_needs_a_gradient_refuses_a_landscape_without_one():
    class Plain(Energy):
        space = property(lambda self: Euclidean(2))
        units = property(lambda self: Units(1, "thing"))

        def energy(self, x):
            return x.sum(axis=1)

    require("energy", Plain(), probes.load("energy").requires)
    with pytest.raises(CapabilityError, match="gradient_norm needs Differentiable"):
        require("gradient_norm", Plain(), probes.load("gradient_norm").requires)


def test_an_unknown_probe_is_named_with_the_nearest_one():
    with pytest.raises(InputError, match="did you mean 'energy'"):
        probes.load("energie")
    with pytest.raises(InputError, match="hessian_spectrum"):
        probes.load("spacing_ratio")


@pytest.mark.parametrize("name", probes.PROBES)
def test_a_table_resolves_to_itself(name):
    table = probes.load(name).resolve(NEEDED.get(name, {}))
    assert probes.load(name).resolve(table) == table


@pytest.mark.parametrize(
    ("name", "table", "fragment"),
    [
        ("energy", {"every": 2}, "no such parameter"),
        ("hessian_spectrum", {"zero_tolerence": 1e-9}, "did you mean 'zero_tolerance'"),
        ("hessian_spectrum", {"central": 1.5}, "central"),
        ("hessian_spectrum", {"dense_limit": 0}, "dense_limit"),
        ("lanczos", {"probe_vectors": 1}, "at least 2"),
        ("lanczos", {"steps": 1.5}, "steps"),
        ("lanczos", {"tolerance": 0}, "above 0"),
    ],
)
def test_wrong_parameters_are_refused_by_name(name, table, fragment):
    with pytest.raises(InputError, match=fragment):
        probes.load(name).resolve(table, f"probes.{name}")


@pytest.mark.parametrize("landscape", [DoubleWell(3), LinearRegression(np.eye(3), np.ones(3))], ids=["well", "terms"])
def test_probes_serve_flat_landscapes_of_every_kind(landscape):
    x = landscape.start(2, np.random.default_rng(0))
    for name in GENERAL:
        if all(isinstance(landscape, capability) for capability in probes.load(name).requires):
            assert measure(name, landscape, x)
