"""Numbers of the error signal on arrays with known answers."""

import numpy as np
import pytest

from spinnet.estimators.error_signal import (
    activity_rank,
    class_share,
    opposition,
    participation,
    unit_correlation,
)


def test_equal_gradients_do_not_oppose_and_opposite_ones_cancel():
    rng = np.random.default_rng(0)
    g = rng.standard_normal((1, 30))
    same = opposition(np.repeat(g, 8, axis=0), rng)
    assert same.opposed == pytest.approx(0.0) and same.negative_pairs == 0.0
    assert same.signal_to_noise == pytest.approx(1.0)
    torn = opposition(np.vstack([g, -g] * 4), rng)
    assert torn.opposed == pytest.approx(1.0) and torn.signal_to_noise == pytest.approx(0.0)
    assert torn.negative_pairs == pytest.approx(16 / 28)
    assert same.pair_cosine == pytest.approx(1.0) and torn.pair_cosine == pytest.approx((12 - 16) / 28)
    assert torn.pair_cosine_chance == pytest.approx(28**-0.5)
    signs = [opposition(rng.choice([-1.0, 1.0], (8, 1)) * g, rng).pair_cosine for _ in range(400)]
    assert np.std(signs) == pytest.approx(28**-0.5, rel=0.2) and abs(np.mean(signs)) < 4 * 28**-0.5 / 20


def test_independent_gradients_are_those_of_random_signs():
    rng = np.random.default_rng(1)
    found = opposition(rng.standard_normal((60, 3000)), rng)
    assert found.signal_to_noise == pytest.approx(1 / 60, rel=0.1)
    assert found.opposed == pytest.approx(found.opposed_chance, abs=0.01)
    assert found.negative_pairs == pytest.approx(0.5, abs=0.05)


def test_participation_is_two_over_pi_for_gaussians_and_one_over_n_for_a_single_unit():
    rng = np.random.default_rng(2)
    assert participation(rng.standard_normal((50, 4000))) == pytest.approx(2 / np.pi, abs=0.005)
    assert participation(np.eye(10)) == pytest.approx(0.1) and participation(np.ones((3, 7))) == pytest.approx(1.0)
    assert np.isnan(participation(np.zeros((2, 3))))


def test_class_share_is_one_for_class_detectors_and_that_of_chance_for_dealt_labels():
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 5, 200)
    assert class_share(np.eye(5)[labels], labels) == pytest.approx(1.0)
    values = [class_share(rng.standard_normal((200, 20)), rng.permutation(labels)) for _ in range(40)]
    expected = 4 / 199
    assert abs(np.mean(values) - expected) < 4 * np.std(values) / np.sqrt(len(values))


def test_copies_are_correlated_and_of_rank_one():
    rng = np.random.default_rng(4)
    unit = rng.standard_normal((300, 1))
    assert unit_correlation(np.hstack([unit, -unit, unit])) == pytest.approx(1.0)
    assert activity_rank(np.hstack([unit, -unit, unit])) == pytest.approx(1 / 3)
    assert activity_rank(rng.standard_normal((20_000, 8))) == pytest.approx(1.0, abs=0.01)
    assert np.isnan(unit_correlation(np.hstack([unit, np.ones((300, 1))])))
