"""Pairs in a field: linear systems are answered exactly, the main copy is Langevin's, the error falls as h²."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import DoubleWell, HarmonicWell, two_spin_glass

from spinnet.dynamics import Langevin, PairedLangevin
from spinnet.landscapes import SphericalGlass
from spinnet.randomness import counter_keys


def run(landscape, dynamics, until, replicas=4, x=None):
    x = landscape.start(replicas, np.random.default_rng(3)) if x is None else x
    state = dynamics.init(landscape, x, counter_keys(1, len(x), "noise"))
    return dynamics.advance(landscape, state, dynamics.steps_until(state, until))


def results(landscape, dynamics, until, **options):
    found = dynamics.variables(run(landscape, dynamics, until, **options))
    return {name: variable.data for name, variable in found.items()}


@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_the_response_of_a_linear_system_is_exact_at_any_field_and_temperature(temperature):
    curvatures = np.array([0.5, 1.0, 3.0])
    chosen = PairedLangevin(temperature, [0.0, 0.5, 1.0], field=2.0, step=0.02, first=0.1, per_decade=4)
    found = results(HarmonicWell(curvatures), chosen, 2.0)
    waits, delays = found["waiting_time"], found["delay"]
    np.testing.assert_allclose(waits, [0.0, 0.5, 1.0])
    steps = np.rint(delays / 0.02)[:, None]
    expected = ((1.0 - (1.0 - 0.02 * curvatures) ** steps) / curvatures).mean(axis=1)
    inside = waits[:, None] + delays <= 2.0 + 1e-9
    assert inside.sum() > 12 and not inside.all()
    for row in found["integrated_response"]:
        np.testing.assert_allclose(row, np.where(inside, expected, np.nan), atol=1e-12)


@pytest.mark.parametrize("make", [lambda: two_spin_glass(13, 1), lambda: DoubleWell(3)], ids=["sphere", "flat"])
def test_the_copy_without_field_moves_as_langevin_does(make):
    landscape = make()
    pairs = run(landscape, PairedLangevin(0.6, [0.0, 0.3], step=0.02), 1.0)
    alone = run(landscape, Langevin(0.6, step=0.02), 1.0)
    np.testing.assert_allclose(pairs.x, alone.x, atol=1e-12)


def test_correlation_is_that_of_the_copy_without_field():
    landscape = two_spin_glass(13, 1)
    chosen = PairedLangevin(0.6, [0.2, 0.6], step=0.02, first=0.1, per_decade=2)
    found = results(landscape, chosen, 1.2)
    times = np.unique(found["waiting_time"][:, None] + found["delay"])
    at = {t: run(landscape, Langevin(0.6, step=0.02), t).x for t in times if t < 1.2 + 1e-9}
    for w, wait in enumerate(found["waiting_time"]):
        for d, delay in enumerate(found["delay"]):
            if wait + delay < 1.2 + 1e-9:
                expected = landscape.space.overlap(at[wait + delay], at[wait])
                np.testing.assert_allclose(found["correlation"][:, w, d], expected, atol=1e-12)
    np.testing.assert_allclose(found["correlation"][:, :, 0], 1.0, rtol=1e-13)
    assert (found["integrated_response"][:, :, 0] == 0).all()


def test_before_a_waiting_time_its_pair_does_not_exist_and_later_both_copies_leave_together():
    landscape = two_spin_glass(13, 1)
    chosen = PairedLangevin(0.6, [0.2, 0.6], step=0.02)
    state = run(landscape, chosen, 0.4)
    assert np.isfinite(state.pairs[:, 0]).all() and np.isnan(state.pairs[:, 1]).all()
    state = run(landscape, chosen, 0.6)
    np.testing.assert_array_equal(state.pairs[:, 1, 0], state.x)
    np.testing.assert_array_equal(state.pairs[:, 1, 1], state.x)
    np.testing.assert_array_equal(state.reference[:, 1], state.x)
    np.testing.assert_allclose((state.pairs**2).sum(axis=-1), 13, rtol=1e-13)


@pytest.mark.parametrize("temperature", [0.0, 0.5])
def test_the_error_of_a_field_falls_as_its_square(temperature):
    glass = SphericalGlass(n=24, covariance={3: 1.0}, seed=5, dtype="float64")

    def response(field):
        chosen = PairedLangevin(temperature, [0.0, 0.5], field=field, step=0.02, first=0.5, per_decade=2)
        return results(glass, chosen, 1.5, replicas=16)["integrated_response"][:, :, 1]

    limit = (4.0 * response(0.02) - response(0.04)) / 3.0
    errors = [response(h) - limit for h in (0.05, 0.1, 0.2)]
    sizes = [np.sqrt((error**2).mean()) for error in errors]
    np.testing.assert_allclose([sizes[1] / sizes[0], sizes[2] / sizes[1]], 4.0, rtol=0.06)
    assert sizes[1] < 0.01 * np.abs(limit).mean()  # the default field


def test_replicas_have_directions_of_their_own_made_of_signs():
    state = run(two_spin_glass(400, 1), PairedLangevin(0.5, [0.0]), 0.01, replicas=6)
    assert set(np.unique(state.direction)) == {-1.0, 1.0}
    overlaps = (state.direction @ state.direction.T)[np.triu_indices(6, 1)] / np.sqrt(400)
    assert np.abs(overlaps).max() < 4 and np.abs(state.direction.sum(axis=1)).max() < 4 * np.sqrt(400)
