"""How few coordinates carry a configuration: known values."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.landscapes import SphericalGlass
from spinnet.probes import load


def condensation(x):
    return load("condensation")().measure(SphericalGlass(x.shape[1], {2: 1.0}), x)["condensation"].data


def test_equal_coordinates_have_one_and_a_single_one_has_n():
    x = np.array([[1.0, -1.0, 1.0, -1.0], [2.0, 0.0, 0.0, 0.0], [np.sqrt(2.0), 0.0, 0.0, -np.sqrt(2.0)]])
    np.testing.assert_allclose(condensation(x), [1.0, 4.0, 2.0], rtol=1e-14)
    np.testing.assert_allclose(condensation(3.0 * x), [1.0, 4.0, 2.0], rtol=1e-14)


@pytest.mark.parametrize("n", [3, 20])
def test_random_configurations_of_the_sphere_have_three_at_most(n):
    value = condensation(SphericalGlass(n).start(4000, np.random.default_rng(n)))
    z = (value.mean() - 3 * n / (n + 2)) / (value.std(ddof=1) / np.sqrt(len(value)))
    assert abs(z) < 4
