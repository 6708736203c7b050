"""Numbers of a native state: exact for a power, the same at every scale, absent where nothing is native."""

import numpy as np
import pytest
from comparison.references import cosine, references
from reference.simple_landscapes import HarmonicWell

from spinnet.comparison.classification import NONE, calibrate
from spinnet.comparison.native_statistics import columns, native_statistics
from spinnet.landscapes import SphericalGlass
from spinnet.probes.funnel_profile import FunnelProfileProbe

Q = np.array([1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0])


class WellAround(HarmonicWell):
    """½|x − c|²."""

    def __init__(self, centre):
        super().__init__((1.0,) * len(centre))
        self.centre = centre

    def energy(self, x):
        return super().energy(x - self.centre)

    def gradient(self, x):
        return super().gradient(x - self.centre)

    def energy_and_gradient(self, x):
        return self.energy(x), self.gradient(x)


def descend(glass, x):
    """The minimum that many short steps downhill lead to."""
    for _ in range(1500):
        x = glass.space.retract(x - 0.05 * glass.space.riemannian_gradient(x, glass.gradient(x)))
    assert np.linalg.norm(glass.riemannian_gradient(x)) < 0.02 * np.sqrt(glass.space.n)
    return x


def made(power, depth=1.2, scale=1.0, shift=0.0):
    fine = -depth * Q[None] ** power
    return native_statistics(Q, scale * fine + shift, np.full((1, 12), 0.1 * scale), 0.3 + 0.4 * Q[None], [0.9], 100)


def measured(landscape, x, seed):
    found = FunnelProfileProbe(overlaps=tuple(Q), directions=64).measure(landscape, x, np.random.default_rng(seed))
    arrays = (found[f"funnel_profile/{name}"].data for name in ("energy_density", "roughness", "alignment"))
    return native_statistics(Q, *arrays, np.ones(len(x)), landscape.space.n)


@pytest.mark.parametrize("power", [1, 2, 3, 6])
def test_a_power_has_its_degree(power):
    floor = 0.5 * 0.1**power  # q = 0.1 and 0 are the floor from which the depth counts
    half = (0.5 * (1.0 + floor)) ** (1.0 / power)
    assert made(power)["degree"][0] == pytest.approx(np.log(0.5) / np.log(half), rel=0.04)


def test_no_scale_enters():
    one, other = made(3), made(3, scale=1000.0, shift=7.0)
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-9)
    assert one["frustration"][0] == pytest.approx(1.2 / (0.1 * 10), rel=1e-3)
    assert one["alignment"][0] == pytest.approx(0.5)


def test_a_random_configuration_is_no_native_state():
    found = made(3, depth=0.3)
    assert found["native"][0] == pytest.approx(3.0, rel=1e-2)
    assert np.isnan(columns(found)).all()


def test_minima_of_a_glass_have_the_degree_and_the_cosine_of_theory():
    found = []
    for sample in range(12):
        glass = SphericalGlass(n=60, covariance={3: 1.0}, seed=5, sample=sample)
        x = descend(glass, glass.start(1, np.random.default_rng(sample)))
        found.append(measured(glass, x, sample))
    names = ("degree", "frustration", "alignment")
    degree, ratio, angle = (np.array([one[name][0] for one in found]) for name in names)
    assert abs(degree.mean() - 3.0) < 4 * degree.std(ddof=1) / np.sqrt(12) + 0.06  # the floor holds q³ up to 0.1
    expected = angle - cosine(3.0, ratio)
    assert abs(expected.mean()) < 4 * expected.std(ddof=1) / np.sqrt(12) + 0.02  # to 1/N
    assert abs(angle.mean() - cosine(4.0, ratio).mean()) > 0.1  # another degree would not do


def test_a_harmonic_well_is_smooth_beyond_all_classes():
    values, labels, groups, _ = references()
    x = np.full((1, 30), 5.0)
    calls = calibrate(values, labels, groups, 3).classifier.call(columns(measured(WellAround(x[0]), x, 1)))
    assert calls.called[0] == NONE
