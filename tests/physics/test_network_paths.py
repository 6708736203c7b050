"""Barriers between trained networks against the reference bands (20-h-10 tanh, 20 principal components of digits).

The bands are those of an independent implementation, whose protocol is not stated. It matters: barriers between narrow
networks rise with training, those between wide ones fall. SGD (rate .2, batch 32) gave over 16 independent pairs of
each width h, as they are and aligned, in excess of the line between the ends' energies:

    h    2000 steps             4000 steps               band
    3    0.870(70) 0.239(28)    1.109(93)  0.273(33)     1.02 0.224
    6    0.894(57) 0.130(16)    1.092(77)  0.184(31)     1.08 0.171
    12   0.481(40) 0.067(5)     0.542(47)  0.071(5)      0.56 0.090
    25   0.326(21) 0.0338(21)   0.342(25)  0.0326(25)    0.34 0.032
    50   0.211(9)  0.0199(8)    0.205(10)  0.0160(7)     0.20 0.017
    100  0.158(7)  0.0146(4)    0.149(9)   0.0096(2)     0.17 0.011

4000 steps are those of the band, to about 20 %.
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


def trained(hidden, replicas, steps=4000):
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
        assert 1 / 1.35 < one.mean() / band < 1.35 and 1 / 1.35 < other.mean() / band_aligned < 1.35, hidden
    assert (np.diff(aligned) < 0).all() and (np.diff(naive[1:]) < 0).all()
    steps = np.diff(aligned) / np.hypot(errors[1:], errors[:-1])
    assert (steps[1:] < -3).all()  # from 3 to 6 the band falls by one error of 16 pairs


def test_alignment_takes_most_of_the_barrier_and_exchanges_without_signs_do_not():
    net, start, x = trained(12, 12, steps=1000)
    naive, aligned = excess(net, start, x)
    assert aligned.max() < 0.4 * naive.min()
    half = UnitSymmetry(net.widths, shifts=True)
    wrong = barriers(net, half.align(x[::2], x[1::2]), half.fix_gauge(x[1::2])).excess
    assert wrong.mean() > 2 * aligned.mean()
