"""Funnel profile and basin of attraction: known on simple landscapes, the same for rescaled networks."""

import numpy as np
import pytest
from reference.simple_landscapes import DoubleWell, HarmonicWell, two_spin_glass

from spinnet import probes
from spinnet.dynamics.quench import descend
from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes import DenseNetwork, NativeNetwork, SphericalGlass
from spinnet.landscapes.base import Differentiable, Units
from spinnet.probes.basin_of_attraction import BasinProbe
from spinnet.probes.funnel_profile import FunnelProfileProbe
from spinnet.spaces import Sphere

RELU = {"data": "digits", "activation": "relu", "hidden": [5], "data_options": {"n_train": 40, "pca": 6}}


class Funnel(Differentiable):
    """H = −N m^k on the sphere, m the overlap with the first axis: one funnel and no roughness."""

    def __init__(self, n=10, k=1):
        self.n, self.k, self.home = n, k, np.sqrt(n) * np.eye(n)[0]

    @property
    def space(self):
        return Sphere(self.n)

    @property
    def units(self):
        return Units(self.n, "spin")

    def energy(self, x):
        return -self.n * (x @ self.home / self.n) ** self.k

    def gradient(self, x):
        return -self.k * ((x @ self.home / self.n) ** (self.k - 1))[:, None] * self.home

    def hvp(self, x, v):
        m = x @ self.home / self.n
        return -(self.k * (self.k - 1) * m ** max(self.k - 2, 0) * (v @ self.home) / self.n)[:, None] * self.home


def profile(landscape, x, **table):
    found = FunnelProfileProbe(**table).measure(landscape, x, np.random.default_rng(3))
    return {name.removeprefix("funnel_profile/"): variable.data for name, variable in found.items()}


def basin(landscape, x, seed=3, **table):
    probe = BasinProbe(**table)
    launched = probe.launch(landscape, x, np.random.default_rng(seed))
    ends = descend(landscape, launched, **probe.descent)[0]
    found = probe.measure(landscape, ends, np.random.default_rng(0))
    return {name.removeprefix("basin/"): variable.data for name, variable in found.items()}


def test_a_smooth_funnel_has_its_energy_no_roughness_and_points_home():
    q = np.array([1.0, 0.8, 0.3, 0.1])
    found = profile(Funnel(k=2), Funnel().home[None], overlaps=tuple(q), directions=16)
    np.testing.assert_allclose(found["energy_density"][0], -(q**2), rtol=1e-12)
    np.testing.assert_allclose(found["roughness"][0], 0.0, atol=1e-12)
    np.testing.assert_allclose(found["alignment"][0, 1:], 1.0, rtol=1e-12)
    np.testing.assert_allclose(found["slope"][0, 1:], -2 * q[1:], rtol=1e-12)
    assert np.isnan(found["alignment"][0, 0])


def test_the_slope_is_the_derivative_of_the_mean_energy():
    glass = SphericalGlass(n=20, covariance={3: 1.0}, dtype="float64", seed=2)
    x = glass.start(2, np.random.default_rng(0))
    h = 1e-5
    found = profile(glass, x, overlaps=(0.6 + h, 0.6, 0.6 - h), directions=8)
    difference = (found["energy_density"][:, 0] - found["energy_density"][:, 2]) / (2 * h)
    np.testing.assert_allclose(found["slope"][:, 1], difference, rtol=1e-6)


def test_a_glass_around_its_minimum_has_the_mean_of_gaussian_conditioning():
    """Mean over directions and samples of e(q) is q³ e(1) for pure p = 3; its SD at q = 0 is 1/√(2N)."""
    values = []
    for sample in range(60):
        glass = SphericalGlass(n=32, covariance={3: 1.0}, dtype="float64", seed=5, sample=sample)
        x = glass.start(1, np.random.default_rng(sample))
        found = profile(glass, x, overlaps=(1.0, 0.7, 0.0), directions=32)
        e = found["energy_density"][0]
        values.append([e[1] - 0.343 * e[0], e[2], found["roughness"][0, 2] ** 2 - 1 / 64])
    mean, error = np.mean(values, axis=0), np.std(values, axis=0, ddof=1) / np.sqrt(60)
    assert (np.abs(mean / error) < 4).all()
    # Deliberately wrong: q² instead of q³ would be seen? Of a random point e(1) is of mean zero; the SD would be.
    assert abs(np.mean([v[2] for v in values]) + 1 / 64 - 1 / 32) / error[2] > 4


def rescaled(network, x, a):
    x = x.copy()
    (w1, b1), (w2, _) = network.unpack(x[0])
    w1 *= a
    b1 *= a
    w2 /= a
    return x


def test_profiles_do_not_change_when_layers_are_rescaled():
    network = DenseNetwork(**RELU)
    x = network.start(1, np.random.default_rng(0))
    x[:, -10:] = 0.3
    other = rescaled(network, x, 37.0)
    np.testing.assert_allclose(network.energy(other), network.energy(x), rtol=1e-12)
    first, second = profile(network, x, directions=8), profile(network, other, directions=8)
    for name in ("energy_density", "roughness", "alignment", "slope"):
        np.testing.assert_allclose(second[name], first[name], rtol=1e-10, atol=1e-12)


def test_basins_do_not_change_when_layers_are_rescaled():
    native = NativeNetwork(**RELU, training_steps=800, settle=500, weight_decay=1e-2)
    other = NativeNetwork(**RELU, training_steps=800, settle=500, weight_decay=1e-2)
    other.native_weights = rescaled(native.network, native.native_weights[None], 8.0)[0]
    other._place()
    np.testing.assert_allclose(other.signal, native.signal, atol=1e-14)
    table = {"kicks": (0.2, 1.0), "directions": 3, "reference": "signal", "most_steps": 40}
    first, second = (basin(one, one.signal[None], **table) for one in (native, other))
    for name in ("returned", "energy_density", "overlap"):
        np.testing.assert_allclose(second[name], first[name], rtol=1e-10, atol=1e-10)
    # Deliberately wrong: the same displacement of all weights is a larger kick for one of the two.
    v = np.random.default_rng(1).standard_normal((8, native.network.space.n))
    plain = [one.network.energy(one.native_weights + 0.1 * v) for one in (native, other)]
    assert np.abs(plain[0] / plain[1] - 1).max() > 1e-3


def test_everything_returns_in_a_funnel_up_to_a_right_angle():
    found = basin(Funnel(12), Funnel(12).home[None], kicks=(0.3, 1.4, 1.8, 3.0), directions=5)
    np.testing.assert_array_equal(found["returned"], 1.0)
    found = basin(Funnel(12, 2), Funnel(12).home[None], kicks=(0.3, 1.4, 1.8), directions=5)
    np.testing.assert_array_equal(found["returned"], [[1.0, 1.0, 0.0]])  # −m²: the other side is a home too
    np.testing.assert_allclose(found["energy_density"], -1.0, rtol=1e-6)
    np.testing.assert_allclose(found["overlap"][0, 2], -1.0, atol=1e-6)
    assert found["finished"][0] == 1.0


def test_a_double_well_loses_what_is_kicked_over_its_barrier():
    """Two wells per coordinate at ±1: a turn by θ in two dimensions leaves the quadrant at 45°."""
    found = basin(DoubleWell(2), np.ones((1, 2)), kicks=(0.5, 0.75, 0.82, 1.2), directions=4)
    np.testing.assert_array_equal(found["returned"], [[1.0, 1.0, 0.0, 0.0]])
    np.testing.assert_allclose(found["overlap"][0, 3], 0.0, atol=1e-3)


def test_the_minimum_below_is_what_kicks_return_to():
    glass = two_spin_glass(10, 4)
    x = glass.start(2, np.random.default_rng(1))
    found = basin(glass, x, kicks=(0.1,), directions=3, tolerance=1e-8)
    np.testing.assert_allclose(found["native_energy_density"], np.linalg.eigvalsh(glass.matrix)[0] / 2, rtol=1e-10)


def test_diverged_replicas_are_measured_as_nan():
    x = np.full((1, 2), np.nan)
    assert np.isnan(profile(HarmonicWell(), x, directions=2)["energy_density"]).all()
    found = basin(HarmonicWell(), x, kicks=(0.1,), directions=2, most_steps=10)
    assert np.isnan(found["returned"]).all() and np.isnan(found["energy_density"]).all()


@pytest.mark.slow
def test_the_needle_of_shuffled_labels_overshoots_only_where_all_layers_share_one_size():
    """Reference bands of a 64-30-10 tanh network on 400 digits, whose weights turn as one vector."""
    bands = {
        False: [0.003, 0.025, 0.085, 0.305, 1.17, 1.99, 2.51, 2.76],
        True: [0.023, 3.38, 4.49, 6.11, 6.46, 5.84, 5.51, 4.98],
    }
    q = (1.0, 0.95, 0.9, 0.8, 0.6, 0.4, 0.2, 0.0)
    for shuffled, band in bands.items():
        native = NativeNetwork(
            hidden=[30], data_options={"n_train": 400, "n_test": 500, "shuffle_labels": shuffled}, weight_decay=2.5e-4,
            learning_rate=0.3, batch=40, training_steps=20_000, settle=0, seed=1,
        )  # fmt: skip
        x = native.native_weights[None]
        whole = profile(native.network, x, overlaps=q, directions=32, blocks="whole")["energy_density"][0]
        layers = profile(native.network, x, overlaps=q, directions=32)["energy_density"][0]
        np.testing.assert_allclose(whole, band, rtol=0.25, atol=0.01)
        assert (np.diff(layers) > 0).all()
        assert (whole.max() > 1.2 * whole[-1]) == shuffled
    with pytest.raises(CapabilityError, match="use blocks = 'layers'"):
        profile(native, native.signal[None], blocks="whole")


def test_a_signal_that_is_not_there_is_asked_for_by_name():
    with pytest.raises(CapabilityError, match="reference = 'end'"):
        profile(HarmonicWell(), np.ones((1, 2)), reference="signal")


@pytest.mark.parametrize(
    ("name", "table", "fragment"),
    [
        ("funnel_profile", {"overlaps": [0.5, 0.9]}, "decreasing"),
        ("funnel_profile", {"overlaps": [1.2, 0.9]}, "between -1 and 1"),
        ("funnel_profile", {"directions": 1}, "directions"),
        ("funnel_profile", {"reference": "ends"}, "did you mean 'end'"),
        ("basin_of_attraction", {"kicks": []}, "angles in radians"),
        ("basin_of_attraction", {"kicks": [1.0, 4.0]}, "up to pi"),
        ("basin_of_attraction", {"overlap_threshold": 1}, "between 0 and 1"),
        ("basin_of_attraction", {"kick": [1.0]}, "did you mean 'kicks'"),
    ],
)
def test_wrong_parameters_are_refused_by_name(name, table, fragment):
    with pytest.raises(InputError, match=fragment):
        probes.load(name).resolve(table, f"probes.{name}")
