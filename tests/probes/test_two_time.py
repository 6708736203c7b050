"""Two-time observables of known diffusions: free, in a well, and along a flow."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import HarmonicWell, two_spin_glass

from spinnet import probes
from spinnet.dynamics import Langevin
from spinnet.errors import InputError
from spinnet.probes.two_time import TwoTimeProbe
from spinnet.randomness import counter_keys


def watch(probe, landscape, dynamics, x, last):
    """Drive the probe by hand, in whole steps."""
    state = dynamics.init(landscape, x, counter_keys(5, len(x), "noise"))
    memory = probe.begin(landscape, len(x), dynamics.attainable)
    for time in probe.wanted_times(dynamics.attainable, last):
        behind = int(np.rint(time / dynamics.step)) - int(state.steps[0])
        state = dynamics.advance(landscape, state, behind) if behind else state
        memory = probe.observe(landscape, memory, time, state.x)
    found = probe.variables(landscape, memory, dynamics.attainable, last)
    return {name.removeprefix("two_time/"): variable.data for name, variable in found.items()}


def z_of(values, expected):
    """Mean over replicas (the first axis) against a number per pair of times, in standard errors."""
    return (values.mean(axis=0) - expected) / (values.std(axis=0, ddof=1) / np.sqrt(len(values)))


def test_free_diffusion_spreads_as_twice_the_temperature_times_the_delay_at_every_age():
    flat = HarmonicWell(np.zeros(40))
    probe = TwoTimeProbe([0.0, 0.5, 2.0], 0.1, 4)
    found = watch(probe, flat, Langevin(0.3, 0.05), np.zeros((60, 40)), 4.0)
    moved, delays = found["displacement"][:, :, 1:], found["delay"][1:]
    known = np.isfinite(moved).all(axis=0)
    assert known.sum() > 12
    z = z_of(moved, 2.0 * 0.3 * delays)
    assert np.abs(z[known]).max() < 4
    assert np.abs(z_of(moved, 0.3 * delays)[known]).min() > 10  # deliberately wrong: half the diffusion constant
    # C(t_w + t, t_w) = ⟨x²(t_w)⟩ = 2T·t_w: free diffusion keeps what it was.
    c = found["correlation"][:, 1:, 1:]
    z = z_of(c, (2.0 * 0.3 * found["waiting_time"][1:])[:, None])
    assert np.abs(z[known[1:]]).max() < 4


def test_a_well_forgets_at_its_rate_and_does_not_age_once_it_is_in_equilibrium():
    h, step, temperature = 2.0, 0.05, 0.5
    variance = temperature / (h * (1.0 - h * step / 2.0))  # of the discretised process, exactly
    rng = np.random.default_rng(3)
    start = np.sqrt(variance) * rng.standard_normal((80, 30))
    probe = TwoTimeProbe([0.0, 1.0], 0.05, 4)
    found = watch(probe, HarmonicWell(np.full(30, h)), Langevin(temperature, step), start, 2.0)
    decay = (1.0 - h * step) ** np.rint(found["delay"] / step)
    for name, expected in (("correlation", variance * decay), ("displacement", 2.0 * variance * (1.0 - decay))):
        values = found[name][:, :, 1:]
        known = np.isfinite(values).all(axis=0)
        assert np.abs(z_of(values, expected[1:])[known]).max() < 4


def test_the_length_of_a_later_configuration_follows_from_what_is_stored():
    well = HarmonicWell([0.5, 1.0, 3.0])
    x = np.random.default_rng(0).standard_normal((4, 3))
    dynamics = Langevin(0.4, 0.1)
    found = watch(TwoTimeProbe([0.3], 0.1, 2), well, dynamics, x, 1.4)
    c, moved = found["correlation"][:, 0], found["displacement"][:, 0]
    state = dynamics.advance(well, dynamics.init(well, x, counter_keys(5, 4, "noise")), 13)
    last = int(np.argmin(np.abs(found["delay"] - 1.0)))
    np.testing.assert_allclose(moved[:, last] + 2 * c[:, last] - c[:, 0], (state.x**2).mean(axis=1), rtol=1e-12)


def test_observing_leaves_the_memory_that_was_given_alone():
    glass = two_spin_glass(8, 1)
    probe = TwoTimeProbe([0.0], 0.1, 2)
    x = glass.start(3, np.random.default_rng(0))
    first = probe.begin(glass, 3, np.asarray)
    before = {name: np.array(value) for name, value in first.items()}
    probe.observe(glass, first, 0.0, x)
    for name, value in before.items():
        np.testing.assert_array_equal(first[name], value)


@pytest.mark.parametrize(
    ("table", "fragment"),
    [
        ({"waiting_times": 3}, "list of times"),
        ({"waiting_times": [2, 1]}, "increase"),
        ({"waiting_times": [0], "first": 0}, "first"),
        ({"waiting_time": [0]}, "did you mean 'waiting_times'"),
    ],
)
def test_wrong_parameters_are_refused_by_name(table, fragment):
    with pytest.raises(InputError, match=fragment) as caught:
        probes.load("two_time").resolve(table, "probes.two_time")
    assert str(caught.value).startswith("probes.two_time") and "\n" not in str(caught.value)
