"""The verdict on equilibrium: every criterion can fail by itself."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.estimators.equilibrium import block_drift, judge_equilibrium, second_part, second_part_counts

N, TEMPERATURE = 20, np.array([0.6, 1.0])


def runs(samples=50, shift=0.0, noise=0.02, seed=0):
    """Synthetic runs that obey the identity up to ``shift`` per unit and noise of the energy."""
    rng = np.random.default_rng(seed)
    covariance = 0.1 * rng.random((samples, 2))
    energy = -N * (0.5 - covariance) / TEMPERATURE + N * (shift + noise * rng.standard_normal((samples, 2)))
    return energy, covariance


def judge(energy, covariance, trips=12.0):
    return judge_equilibrium(energy, covariance, TEMPERATURE, N, 0.5, np.full((len(energy), 2), trips))


def test_runs_that_obey_the_identity_are_equilibrated():
    verdict = judge(*runs())
    assert verdict.equilibrated and verdict.conclusive.all() and np.abs(verdict.z).max() < 4
    np.testing.assert_allclose(verdict.error, 0.02 / np.sqrt(50), rtol=0.3)


def test_energies_that_are_too_high_are_not():
    verdict = judge(*runs(shift=0.03))
    assert not verdict.equilibrated and verdict.z.min() > 4 and verdict.residual == pytest.approx(0.03, abs=0.01)


def test_too_few_round_trips_are_not():
    assert not judge(*runs(), trips=9.0).equilibrated
    energy, covariance = runs()
    trips = np.full((50, 2), 30.0)
    trips[7, 1] = 3.0
    assert judge_equilibrium(energy, covariance, TEMPERATURE, N, 0.5, trips).round_trips == 3.0


def test_errors_too_large_to_tell_are_not():
    verdict = judge(*runs(noise=2.0))
    assert not verdict.conclusive.any() and not verdict.equilibrated


def test_wrong_shapes_are_refused():
    energy, covariance = runs()
    with pytest.raises(InputError, match="samples, temperatures"):
        judge_equilibrium(energy, covariance[:, :1], TEMPERATURE, N, 0.5, 12.0)
    with pytest.raises(InputError, match="one sample"):
        judge_equilibrium(energy[:1], covariance[:1], TEMPERATURE, N, 0.5, 12.0)


def test_the_second_part_is_the_last_complete_block_or_the_last_two():
    values = np.array([1.0, 2.0, 4.0, 10.0])
    assert second_part(values, [10, 20, 40, 80]) == 10.0
    assert second_part(values, [10, 20, 40, 40]) == 7.0  # 40 steps of 4.0 and 40 of 10.0
    assert second_part(values[:1], [7]) == 1.0
    counts = np.arange(24).reshape(2, 4, 3)
    np.testing.assert_array_equal(second_part_counts(counts, [10, 20, 40, 80]), counts[:, 3])
    np.testing.assert_array_equal(second_part_counts(counts, [10, 20, 40, 79]), counts[:, 2] + counts[:, 3])
    moved = np.moveaxis(counts, 1, 0)
    np.testing.assert_array_equal(second_part_counts(moved, [10, 20, 40, 80], axis=0), counts[:, 3])
    with pytest.raises(InputError, match="warm_up"):
        second_part(values[:1], [0])


def test_a_drift_between_the_last_two_blocks_is_seen():
    rng = np.random.default_rng(3)
    still = rng.standard_normal((50, 2, 4))
    change, z = block_drift(still)
    assert change.shape == (2,) and np.abs(z).max() < 4
    _, z = block_drift(still + np.array([3.0, 2.0, 1.0, 0.0]))
    assert (z < -4).all()
