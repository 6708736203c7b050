"""The free sum of Wishart and Wigner: its critical energy, the 3/2 law of its index, and sampled matrices."""

import numpy as np
import pytest

from spinnet.theory.random_matrices import WishartPlusWigner


@pytest.mark.parametrize(("ratio", "critical"), [(0.25, 0.04350953), (0.5, 0.01127124), (0.75, 0.00126620)])
def test_the_critical_energy_has_its_known_values_and_the_spectrum_touches_zero_there(ratio, critical):
    found = WishartPlusWigner(ratio, 0.1).critical_epsilon
    assert found == pytest.approx(critical, abs=5e-9)
    assert WishartPlusWigner(ratio, found).edges[0] == pytest.approx(0.0, abs=1e-6)
    assert WishartPlusWigner(ratio, 0.98 * found).index == 0.0 < WishartPlusWigner(ratio, 1.02 * found).index


@pytest.mark.parametrize(("ratio", "amplitude"), [(0.25, 0.074), (0.5, 0.033), (0.75, 0.0125)])
def test_the_index_grows_with_the_power_three_halves(ratio, amplitude):
    critical = WishartPlusWigner(ratio, 0.1).critical_epsilon
    above = np.array([1e-3, 2e-3, 4e-3])
    index = np.array([WishartPlusWigner(ratio, critical * (1 + a)).index for a in above])
    slopes = np.diff(np.log(index)) / np.log(2.0)
    np.testing.assert_allclose(slopes, 1.5, atol=0.01)
    assert index[0] / above[0] ** 1.5 == pytest.approx(amplitude, rel=0.05)
    # far above it is no longer that power
    far = [WishartPlusWigner(ratio, critical * (1 + a)).index for a in (1.0, 2.0)]
    assert np.log(far[1] / far[0]) / np.log(2.0) < 1.35


def test_the_index_is_that_of_sampled_matrices():
    rng, n, ratio, epsilon = np.random.default_rng(0), 500, 0.5, 0.15
    shares = []
    for _ in range(8):
        x, a = rng.standard_normal((n, round(n / ratio))), rng.standard_normal((n, n))
        matrix = x @ x.T / x.shape[1] + (a + a.T) * np.sqrt(epsilon / n)
        shares.append((np.linalg.eigvalsh(matrix) < 0).mean())
    law = WishartPlusWigner(ratio, epsilon).index
    assert law == pytest.approx(0.14626, abs=2e-5)
    assert abs(np.mean(shares) - law) < 4 * np.std(shares) / np.sqrt(8) + 1 / n
    # deliberately wrong: the Wigner part with the variance epsilon instead of 2 epsilon
    assert abs(np.mean(shares) - WishartPlusWigner(ratio, epsilon / 2).index) > 0.02
