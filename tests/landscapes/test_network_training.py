"""Trained networks reach the reference bands of the digits: mean and spread of the test loss fall with width.

The table (64-h-10 tanh, cross-entropy, 24 seeds, SGD at rate 0.1, 2000 steps) does not state its split, batch and
initialisation; means are therefore asked to agree within a quarter, and the spread by its power of the width.
"""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.landscapes import DenseNetwork

MEAN_TEST_LOSS = {3: 0.6788, 5: 0.3056, 10: 0.1320, 25: 0.0866, 50: 0.0807, 100: 0.0741}


def trained(width, replicas, batch, **options):
    """Test and training losses of independently trained networks."""
    net = DenseNetwork(hidden=width, data_options=options, threads=2)
    x = net.start(replicas, np.random.default_rng(width))
    rng = np.random.default_rng([width, batch])
    velocity = np.zeros_like(x)
    for _ in range(20):
        terms = rng.integers(0, net.n_terms, (100, replicas, batch))
        x, velocity = net.minibatch_steps(x, velocity, terms, 0.1, 0.0)
    return net.test_loss(x), net.train_loss(x), net.test_accuracy(x)


def slope_and_error(widths, spreads, replicas):
    """Slope of ln(spread) against ln(width), and its standard error for Gaussian samples."""
    h = np.log(widths) - np.log(widths).mean()
    return (h @ np.log(spreads)) / (h @ h), np.sqrt(1 / (2 * (replicas - 1)) / (h @ h))


def check_bands(widths, replicas, batch):
    results = {h: trained(h, replicas, batch) for h in widths}
    means = [results[h][0].mean() for h in widths]
    spreads = [results[h][0].std(ddof=1) for h in widths]
    assert (np.diff(means) < 0).all()
    for h, mean in zip(widths, means, strict=True):
        assert abs(np.log(mean / MEAN_TEST_LOSS[h])) < np.log(1.25), f"h = {h}: mean test loss {mean:.4f}"
    slope, error = slope_and_error(widths, spreads, replicas)
    assert -1.3 - 4 * error < slope < -0.7 + 4 * error, f"SD falls as h^{slope:.2f}"
    correlation = [np.corrcoef(results[h][0], results[h][1])[0, 1] for h in (widths[0], widths[-1])]
    assert correlation[0] > 0.6 and correlation[1] < correlation[0]
    assert results[widths[-1]][2].mean() > 0.95


def test_mean_and_spread_of_the_test_loss_fall_with_width():
    check_bands((3, 5, 10, 25), replicas=32, batch=10)


@pytest.mark.slow
def test_mean_and_spread_of_the_test_loss_fall_up_to_width_100():
    check_bands((3, 5, 10, 25, 50, 100), replicas=96, batch=32)


def test_shuffled_labels_teach_nothing():
    loss, _, accuracy = trained(10, 8, 10, shuffle_labels=True)
    assert loss.min() > np.log(10) - 0.05 and abs(accuracy.mean() - 0.1) < 0.05
