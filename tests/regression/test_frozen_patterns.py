"""Bits of networks of patterns and of walks on them that stored results rely on; see test_frozen_bits."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.dynamics import HitAndRun, Sweeps
from spinnet.landscapes import HopfieldModel, TeacherStudentPerceptron
from spinnet.randomness import counter_keys

REMEDY = "bits changed: raise `revision` and name it in CHANGELOG.md"
LEVELS = {
    "memory": (HopfieldModel(20, 0.3, seed=1), [-3.4, -0.2, 0.4]),
    "pseudo-inverse": (HopfieldModel(20, patterns=5, rule="pseudo-inverse", seed=1),
                       [-1.4807280514, 0.41263383298, 1.0327623126]),
    "perceptron": (TeacherStudentPerceptron(20, 1.5, seed=1), [14, 12, 16]),
    "noisy random labels": (TeacherStudentPerceptron(21, 2.0, noise=0.2, labels="random", seed=1), [28, 24, 27]),
}  # fmt: skip
MEMORY = HopfieldModel(20, 0.3, seed=1)


@pytest.mark.parametrize("name", LEVELS)
def test_levels_are_what_they_were(name):
    landscape, expected = LEVELS[name]
    np.testing.assert_allclose(landscape.level(np.array([0, 3, 200])), expected, rtol=1e-10, err_msg=REMEDY)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (Sweeps(0.0), [267008, 267008]),
        (Sweeps(0.8), [398086, 779775]),
        (Sweeps(0.8, "metropolis", "random"), [779773, 398088]),
    ],
    ids=["downhill", "heat bath", "Metropolis"],
)
def test_sweeps_are_what_they_were(chosen, expected):
    state = chosen.init(MEMORY, MEMORY.configuration(np.array([1, 2])), counter_keys(1, 2, "noise"))
    assert MEMORY.index_of(chosen.advance(MEMORY, state, 10).x).tolist() == expected, REMEDY


@pytest.mark.parametrize(
    ("temperature", "expected"),
    [(0.0, [0.142762413, -1.29562155, -0.352967121]), (0.5, [0.738177858, 0.0984902704, -1.98929148])],
)
def test_walks_on_circles_are_what_they_were(temperature, expected):
    model = TeacherStudentPerceptron(6, 1.5, weights="spherical", start_at=1.0, seed=1)
    chosen = HitAndRun(temperature)
    state = chosen.init(model, model.start(1, np.random.default_rng(0)), counter_keys(1, 1, "noise"))
    np.testing.assert_allclose(chosen.advance(model, state, 20).x[0, :3], expected, rtol=1e-6, err_msg=REMEDY)
