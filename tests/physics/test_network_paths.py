"""Barriers between trained networks against the reference bands (20-h-10 tanh, 20 principal components of digits).

The bands are those of an independent implementation, whose protocol is not stated. With SGD (rate .2, batch 32, 2000
steps, 24 independent pairs of each width) the excess barriers were, for h = 3, 6, 12, 25, 50, 100:

    as they are    0.853(54) 0.790(38) 0.528(24) 0.317(11) 0.226(8) 0.173(4)      band 1.02 1.08 .56 .34 .20 .17
    aligned        0.248(18) 0.126(8)  0.060(3)  0.032(1)  0.023(1) 0.018(1)      band .224 .171 .090 .032 .017 .011
"""

from __future__ import annotations

import numpy as np
import pytest

from spinnet import probes
from spinnet.dynamics.sgd import SGD
from spinnet.landscapes import DenseNetwork
from spinnet.landscapes.network_symmetries import UnitSymmetry
from spinnet.probes.paths import barriers
from spinnet.randomness import counter_keys, stream

BAND = {3: (1.02, 0.224), 6: (1.08, 0.171), 12: (0.56, 0.090), 25: (0.34, 0.032), 50: (0.20, 0.017), 100: (0.17, 0.011)}


def trained(hidden, replicas, steps=2000):
    net = DenseNetwork("digits", data_options={"pca": 20}, hidden=[hidden])
    dynamics = SGD(learning_rate=0.2, batch=32)
    start = net.start(replicas, stream(1, "paths", hidden))
    state = dynamics.init(net, start, counter_keys(1, replicas, "paths", hidden))
    return net, start, dynamics.advance(net, state, steps).x


def excess(net, start, x):
    found = probes.load("barriers")().measure_block(net, start, x, np.random.default_rng(0))
    return found["barriers/excess"].data, found["barriers/aligned_excess"].data


@pytest.mark.slow
def test_barriers_lie_near_the_band_and_fall_with_width_after_alignment():
    naive, aligned, errors = [], [], []
    for hidden, (band, band_aligned) in BAND.items():
        one, other = excess(*trained(hidden, 32))
        naive.append(one.mean())
        aligned.append(other.mean())
        errors.append(other.std(ddof=1) / 4.0)
        assert 1 / 1.75 < one.mean() / band < 1.75 and 1 / 1.75 < other.mean() / band_aligned < 1.75, hidden
    assert (np.diff(aligned) < 0).all() and (np.diff(naive[1:]) < 0).all()
    steps = np.diff(aligned) / np.hypot(errors[1:], errors[:-1])
    assert (steps < -3).all()


def test_alignment_takes_most_of_the_barrier_and_exchanges_without_signs_do_not():
    net, start, x = trained(12, 12, steps=1000)
    naive, aligned = excess(net, start, x)
    assert aligned.max() < 0.4 * naive.min()
    half = UnitSymmetry(net.widths, shifts=True)
    wrong = barriers(net, half.align(x[::2], x[1::2]), half.fix_gauge(x[1::2])).excess
    assert wrong.mean() > 2 * aligned.mean()
