"""Quench: the minimum that the flow leads to, to a gradient of rounding; what has not converged says so."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import Crater, DoubleWell, two_spin_glass

from spinnet.dynamics.gradient_flow import GradientFlow
from spinnet.dynamics.quench import quench
from spinnet.errors import InputError
from spinnet.landscapes import SphericalGlass


def glass(n=24, sample=0, dtype="float64"):
    return SphericalGlass(n=n, covariance={3: 1.0}, seed=13, sample=sample, dtype=dtype)


def test_a_quenched_glass_is_at_a_minimum_to_rounding():
    landscape = glass()
    x = landscape.start(8, np.random.default_rng(0))
    found = quench(landscape, x)
    assert found.converged.all() and found.gradient_norm.max() < 1e-9 and found.lowest_eigenvalue.min() > 0
    assert (found.energy < landscape.energy(x)).all() and np.abs((found.x**2).sum(axis=1) / 24 - 1).max() < 1e-13
    np.testing.assert_allclose(found.energy, landscape.energy(found.x), rtol=1e-13)


def test_it_is_the_minimum_in_which_the_flow_ends():
    landscape = glass(sample=1)
    x = landscape.start(6, np.random.default_rng(1))
    found = quench(landscape, x)
    flow = GradientFlow(tolerance=1e-5)
    state = flow.init(landscape, x, np.zeros(6, dtype=np.uint64))
    while state.time.min() < 300:
        state = flow.advance(landscape, state, 20)
    near = landscape.space.overlap(found.x, state.x)
    assert near.min() > 1 - 1e-5
    # Other starts end elsewhere: the comparison can fail.
    assert landscape.space.overlap(found.x, np.roll(state.x, 1, axis=0)).min() < 0.9


def test_small_kicks_do_not_change_the_inherent_structure_and_large_ones_do():
    landscape, rng = glass(sample=2), np.random.default_rng(2)
    bottom = quench(landscape, landscape.start(6, rng)).x
    kick = landscape.space.project(bottom, rng.standard_normal(bottom.shape))
    again = quench(landscape, bottom + 0.05 * kick)
    assert again.converged.all() and (landscape.space.overlap(again.x, bottom) > 1 - 1e-10).sum() >= 5
    assert landscape.space.overlap(quench(landscape, bottom + 3.0 * kick).x, bottom).min() < 0.99


def test_two_spins_reach_the_ground_state():
    landscape = two_spin_glass(10, 4)
    found = quench(landscape, landscape.start(5, np.random.default_rng(0)))
    assert found.converged.all()
    np.testing.assert_allclose(found.energy, 5 * np.linalg.eigvalsh(landscape.matrix)[0], rtol=1e-12)


def test_flat_space_goes_to_the_well_it_started_in():
    found = quench(DoubleWell(2), np.array([[0.2, -0.1], [-1.7, 0.4]]))
    np.testing.assert_allclose(found.x, [[1.0, -1.0], [-1.0, 1.0]], atol=1e-9)
    assert found.converged.all()


def test_a_saddle_is_not_called_converged():
    landscape = two_spin_glass(6, 1)
    saddle = np.sqrt(6) * np.linalg.eigh(landscape.matrix)[1][:, 2]
    found = quench(landscape, saddle[None], most_steps=40)
    assert found.lowest_eigenvalue[0] < 0 and not found.converged[0]


def test_what_runs_out_of_steps_or_precision_or_diverges_says_so():
    landscape = glass()
    x = landscape.start(3, np.random.default_rng(0))
    short = quench(landscape, x, most_steps=4)
    assert not short.converged.any() and (short.flow_steps == 4).all() and short.gradient_norm.min() > 1e-6
    single = quench(glass(dtype="float32"), x, tolerance=1e-13, most_steps=400)
    assert not single.converged.any() and single.gradient_norm.max() < 1e-3
    lost = quench(Crater(2), np.array([[0.05, 0.02], [3.0, 2.0]]), most_steps=400)
    assert lost.converged.tolist() == [True, False]


def test_each_replica_is_quenched_by_itself():
    landscape = glass(sample=3)
    x = landscape.start(5, np.random.default_rng(3))
    together, alone = quench(landscape, x), quench(landscape, x[2:3])
    np.testing.assert_allclose(together.x[2], alone.x[0], atol=1e-8)


def test_wrong_parameters_are_refused_by_name():
    with pytest.raises(InputError, match="most_steps"):
        quench(glass(), np.ones((1, 24)), most_steps=0)
    with pytest.raises(InputError, match="tolerance"):
        quench(glass(), np.ones((1, 24)), tolerance=-1.0)
