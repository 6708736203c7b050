"""Clipped gradients of SGD: their length, what they do to a run that would diverge, and that nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import LinearRegression

from spinnet.dynamics.sgd import SGD
from spinnet.errors import InputError
from spinnet.landscapes import DenseNetwork
from spinnet.randomness import counter_keys


def small():
    rng = np.random.default_rng(0)
    return LinearRegression(rng.standard_normal((9, 5)), rng.standard_normal(9))


def run(dynamics, landscape, x, steps):
    return dynamics.advance(landscape, dynamics.init(landscape, x, counter_keys(3, len(x), "noise")), steps)


def test_no_step_is_longer_than_the_rate_times_the_clip():
    landscape, x = small(), 5.0 * np.random.default_rng(1).standard_normal((4, 5))
    for steps in range(1, 8):
        moved = run(SGD(0.01, 2, clip=0.5), landscape, x, steps).velocity
        assert (np.linalg.norm(moved, axis=1) <= 0.005 * (1 + 1e-12)).all()
    free = run(SGD(0.01, 2), landscape, x, 1).velocity
    clipped = run(SGD(0.01, 2, clip=0.5), landscape, x, 1).velocity
    cosine = (free * clipped).sum(axis=1) / np.linalg.norm(free, axis=1) / np.linalg.norm(clipped, axis=1)
    np.testing.assert_allclose(cosine, 1.0, rtol=1e-12)
    assert (np.linalg.norm(free, axis=1) > 0.005).any()


def test_a_clip_that_is_never_reached_changes_nothing():
    for landscape in (small(), DenseNetwork(hidden=4, data_options={"n_train": 30})):
        x = np.random.default_rng(1).standard_normal((3, landscape.space.n))
        free, clipped = (run(SGD(0.01, 4, momentum=0.5, clip=clip), landscape, x, 20) for clip in (0.0, 1e6))
        np.testing.assert_allclose(clipped.x, free.x, rtol=1e-10, atol=1e-12)


def test_a_run_that_diverges_is_held_by_clipping():
    landscape, x = small(), np.ones((2, 5))
    assert run(SGD(5.0, 3), landscape, x, 2000).diverged.all()
    held = run(SGD(5.0, 3, clip=0.1), landscape, x, 2000)
    assert not held.diverged.any() and (np.abs(held.x - x) < 1000).all()


def test_tasks_without_clipping_keep_their_tables():
    table = SGD.resolve({"learning_rate": 0.1, "batch": 5})
    assert "clip" not in table and SGD.resolve({"learning_rate": 0.1, "batch": 5, "clip": 0}) == table
    clipped = SGD.resolve({"learning_rate": 0.1, "batch": 5, "clip": 2.0})
    assert clipped == {**table, "clip": 2} and SGD.resolve(clipped) == clipped
    assert SGD(**table).clip == 0.0 and SGD(**clipped).clip == 2.0
    with pytest.raises(InputError, match="clip = -1"):
        SGD.resolve({"learning_rate": 0.1, "batch": 5, "clip": -1})
