"""The freezing temperature is found from exact curves of the random energy model, on both sides."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.estimators.freezing import freezing_from_entropy, freezing_from_participation
from spinnet.theory.random_energy import CRITICAL_TEMPERATURE, entropy_density
from spinnet.theory.random_energy_finite import IndependentLevels


def test_the_entropy_of_random_energies_vanishes_at_the_transition():
    beta = np.linspace(0.1, 2.5, 25)
    found = freezing_from_entropy(beta, 50 * entropy_density(beta), 50 * np.log(2))
    assert found.temperature == pytest.approx(CRITICAL_TEMPERATURE, rel=1e-12) and found.misfit < 1e-12
    assert 3 <= found.points < 25


def test_the_participation_ratio_of_random_energies_vanishes_at_the_transition():
    t = np.linspace(0.05, 0.6, 12)
    found = freezing_from_participation(t, 1 - t / CRITICAL_TEMPERATURE)
    assert found.temperature == pytest.approx(CRITICAL_TEMPERATURE, rel=1e-12) and found.misfit < 1e-12


def test_exact_finite_curves_come_closer_with_the_size_from_both_sides():
    beta, t = np.linspace(0.4, 1.0, 4), np.linspace(0.2, 0.35, 3)
    gaps = []
    for n in (20, 200):
        levels = [IndependentLevels(n, b) for b in beta]
        entropy = [model.mean_log_partition() + b * model.mean_energy() for model, b in zip(levels, beta, strict=True)]
        above = freezing_from_entropy(beta, entropy, n * np.log(2)).temperature
        below = freezing_from_participation(
            t, [IndependentLevels(n, 1 / value).participation_moment(2) for value in t]
        ).temperature
        gaps.append([abs(above - CRITICAL_TEMPERATURE), abs(below - CRITICAL_TEMPERATURE)])
    gaps = np.array(gaps)
    assert np.all(np.diff(gaps[:, 1]) < 0) and gaps[-1].max() < 0.03


@pytest.mark.parametrize(
    ("fragment", "call"),
    [
        ("above the transition", lambda: freezing_from_entropy([3.0, 4.0], [0.1, 0.1], 1.0)),
        ("below the transition", lambda: freezing_from_participation([1.0], [0.0])),
        ("same length", lambda: freezing_from_participation([1.0, 2.0], [0.0])),
    ],
)
def test_curves_that_cannot_tell_are_refused(fragment, call):
    with pytest.raises(InputError, match=fragment) as caught:
        call()
    assert "\n" not in str(caught.value)
