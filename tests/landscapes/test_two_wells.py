"""Two wells: the masses are the law's by quadrature, and Langevin dynamics finds them."""

import numpy as np
import pytest

from spinnet.dynamics import Langevin
from spinnet.errors import InputError
from spinnet.landscapes import TwoWells
from spinnet.theory.wells import mass_ratio


def masses(wells, temperature):
    """∫ p₂ e^{−U/T} over ∫ p₁ e^{−U/T} on a grid in two dimensions."""
    x, y = np.meshgrid(np.linspace(-9, 17, 1301), np.linspace(-10, 10, 1001), indexing="ij")
    points = np.column_stack([x.ravel(), y.ravel()])
    weight = np.exp(-wells.energy(points) / temperature)
    share = wells.wide_share(points)
    return (share * weight).sum() / ((1 - share) * weight).sum()


def test_the_masses_are_exact_where_temperature_and_softness_agree():
    for softness, distance in ((1.0, 4.0), (0.6, 1.0)):
        wells = TwoWells(2, width_ratio=1.5, softness=softness, distance=distance)
        assert masses(wells, softness) == pytest.approx(mass_ratio(1.5, 2), rel=1e-9)
    # far apart the temperature does not matter, near by it does
    assert masses(TwoWells(2, distance=8.0, softness=0.2), 0.4) == pytest.approx(2.25, rel=1e-3)
    assert abs(masses(TwoWells(2, distance=1.0, softness=1.0), 0.4) / 2.25 - 1) > 0.05


def test_the_barrier_grows_with_the_distance_and_the_minima_are_equally_deep():
    near, far = TwoWells(3, distance=4.0, softness=0.1), TwoWells(3, distance=8.0, softness=0.1)
    assert 0 < near.barrier() < far.barrier()
    ends = np.zeros((2, 3))
    ends[1, 0] = 8.0
    np.testing.assert_allclose(far.energy(ends), 0.0, atol=1e-10)
    np.testing.assert_allclose(far.wide_share(ends), [0.0, 1.0], atol=1e-10)
    np.testing.assert_array_equal(far.wide_share(far.start(6, np.random.default_rng(0))) > 0.5, [False, True] * 3)


@pytest.mark.parametrize("n", [1, 3])
def test_langevin_dynamics_divides_as_the_law_says_and_not_as_its_square_root(n):
    wells, walkers = TwoWells(n, distance=4.0), 96
    dynamics = Langevin(temperature=1.0, step=0.05)
    state = dynamics.init(wells, wells.start(walkers, np.random.default_rng(0)), np.arange(walkers, dtype=np.uint64))
    shares = []
    for k in range(400):
        state = dynamics.advance(wells, state, 10)
        if k >= 40:
            shares.append(wells.wide_share(state.x))
    mean = np.mean(shares, axis=0)
    error = mean.std(ddof=1) / np.sqrt(walkers)
    law = mass_ratio(1.5, n)
    assert abs(mean.mean() - law / (1 + law)) < 4 * error
    wrong = np.sqrt(law)
    assert abs(mean.mean() - wrong / (1 + wrong)) > 4 * error


@pytest.mark.parametrize(
    ("table", "fragment"),
    [({"n": 0}, "n = 0"), ({"n": 2, "width_ratio": 0.5}, "1 or more"), ({"n": 2, "distance": 0}, "distance")],
)
def test_wrong_parameters_are_refused_by_name(table, fragment):
    with pytest.raises(InputError, match=fragment):
        TwoWells.resolve(table, "landscape")
