"""Cooling ends at its final temperature, is Langevin dynamics at a constant one, and gets a parabola's heat right."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import two_spin_glass

from spinnet.dynamics import Cooling, Langevin
from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable, Units
from spinnet.randomness import counter_keys
from spinnet.spaces import Euclidean


class Parabola(Differentiable):
    """H = |x|²/2 on R^n."""

    independent_unit = "replica"

    def __init__(self, n):
        self._space = Euclidean(n)

    space = property(lambda self: self._space)
    units = property(lambda self: Units(self._space.n, "coordinate"))

    def energy(self, x):
        return 0.5 * (x**2).sum(axis=1)

    def gradient(self, x):
        return np.array(x)

    def hvp(self, x, v):
        return np.array(v)


def run(dynamics, landscape, x, n):
    state = dynamics.init(landscape, x, counter_keys(3, len(x), "noise"))
    return dynamics.advance(landscape, state, n)


def test_cooling_at_a_constant_temperature_is_langevin_dynamics():
    glass = two_spin_glass(9, 1)
    x = glass.start(3, np.random.default_rng(0))
    cooled = run(Cooling(0.5, 0.4, 0.5, step=0.02), glass, x, 30)
    np.testing.assert_array_equal(cooled.x, run(Langevin(0.5, 0.02), glass, x, 30).x)


def test_the_temperature_falls_linearly_and_stays():
    cooling = Cooling(1.0, 10.0, 0.2, step=1.0)
    temperatures = [cooling.temperature_at(s) for s in range(12)]
    np.testing.assert_allclose(temperatures[:10], 1.0 - 0.8 * (np.arange(10) + 0.5) / 10)
    assert temperatures[10] == temperatures[11] == pytest.approx(0.2)
    assert cooling.step_length == pytest.approx(0.1)


@pytest.mark.parametrize("wrong", [False, True])
def test_the_variance_of_a_cooled_oscillator_follows_its_equation(wrong):
    """d⟨x²⟩/dt = −2⟨x²⟩ + 2T(t): exact to first order of the step, which is small here."""
    landscape, replicas, duration, step = Parabola(64), 400, 2.0, 0.005
    cooling = Cooling(1.0, duration, 0.0, step=step)
    if wrong:  # deliberately: the temperature of the start all the way
        cooling.temperature_at = lambda s: 1.0
    x = np.random.default_rng(1).standard_normal((replicas, 64))
    found = run(cooling, landscape, x, round(duration / step)).x
    variance = 1.0
    for s in range(round(duration / step)):
        temperature = 1.0 - (s + 0.5) * step / duration
        variance = variance * (1 - step) ** 2 + 2 * temperature * step
    each = (found**2).mean(axis=1)
    z = (each.mean() - variance) / (each.std(ddof=1) / np.sqrt(replicas))
    assert (abs(z) > 10) if wrong else (abs(z) < 4)


def test_slower_cooling_of_a_glass_ends_lower():
    from spinnet.landscapes import SphericalGlass

    differences = []
    for sample in range(12):
        glass = SphericalGlass(24, {3: 1.0}, seed=5, sample=sample)
        x = glass.start(4, np.random.default_rng(sample))
        energies = [glass.energy_density(run(Cooling(1.0, d, step=0.05), glass, x, round(d / 0.05)).x).mean()
                    for d in (0.5, 20.0)]  # fmt: skip
        differences.append(energies[1] - energies[0])
    assert np.mean(differences) < -4 * np.std(differences, ddof=1) / np.sqrt(12)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"temperature": 0.1, "duration": 1, "final_temperature": 0.5}, "lies above"),
        ({"temperature": 1, "duration": 0}, "duration = 0"),
        ({"temperature": 1, "duration": 1, "step": 2}, "longer than the duration"),
    ],
)
def test_impossible_coolings_are_refused(given, complaint):
    with pytest.raises(InputError, match=complaint):
        Cooling(**given)
