"""Disconnectivity trees of tables whose tree is plain to see, against the minimax path by brute force."""

import itertools

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.estimators.disconnectivity import build_tree, stability_gap


def minimax(saddles):
    """Lowest highest saddle over all chains, by closing the matrix under detours."""
    best = np.where(np.isnan(saddles), np.inf, saddles)
    m = len(best)
    for k, i, j in itertools.product(range(m), repeat=3):
        best[i, j] = min(best[i, j], max(best[i, k], best[k, j]))
    return best


def test_a_chain_of_three_wells_joins_in_the_order_of_its_passes():
    saddles = np.full((3, 3), np.nan)
    saddles[0, 1], saddles[1, 2] = 5.0, 3.0
    tree = build_tree([0.0, 2.0, 1.0], saddles)
    assert tree.merged.tolist() == [[2, 1], [0, 3]] and tree.merge_energies.tolist() == [3.0, 5.0]
    assert tree.saddles[0, 2] == 5.0 and tree.saddles[1, 2] == 3.0
    np.testing.assert_allclose(tree.depth, [5.0, 1.0, 4.0])
    assert tree.position[:3].tolist() == [0.0, 2.0, 1.0] and tree.position[3] == 1.5


def test_a_detour_may_be_lower_than_the_direct_path():
    direct = np.array([[np.nan, 9.0, 4.0], [9.0, np.nan, 6.0], [4.0, 6.0, np.nan]])
    assert build_tree(np.zeros(3), direct).saddles[0, 1] == 6.0


def test_saddles_of_a_random_table_are_those_of_the_best_chain():
    rng = np.random.default_rng(0)
    energies = rng.random(7)
    saddles = 1.0 + rng.random((7, 7))
    saddles = np.minimum(saddles, saddles.T)
    tree = build_tree(energies, saddles)
    expected = minimax(saddles)
    np.fill_diagonal(expected, energies)
    np.testing.assert_allclose(tree.saddles, expected)
    assert sorted(tree.position[:7]) == list(range(7)) and (np.diff(tree.merge_energies) >= 0).all()
    assert not np.allclose(tree.saddles, np.where(np.eye(7, dtype=bool), energies, saddles))  # detours count


def test_minima_without_a_path_stay_apart():
    saddles = np.full((3, 3), np.nan)
    saddles[0, 1] = 2.0
    tree = build_tree([0.0, 1.0, 0.5], saddles)
    assert len(tree.merged) == 1 and np.isinf(tree.saddles[0, 2]) and np.isinf(tree.depth[2])


def test_a_saddle_below_an_end_is_put_at_that_end():
    tree = build_tree([0.0, 1.0], [[np.nan, 0.4], [0.4, np.nan]])
    assert tree.merge_energies.tolist() == [1.0] and tree.depth[1] == 0.0


def test_the_stability_gap_leaves_out_what_is_near():
    assert stability_gap([0.0, 0.1, 0.7], [1.0, 0.9, 0.2]) == pytest.approx(0.7)
    assert stability_gap([0.0, 0.1], [1.0, 0.9]) == float("inf")


def test_refusals():
    with pytest.raises(InputError, match="saddles"):
        build_tree([0.0, 1.0], np.zeros((3, 3)))
    with pytest.raises(InputError, match="finite"):
        build_tree([np.nan], np.zeros((1, 1)))
