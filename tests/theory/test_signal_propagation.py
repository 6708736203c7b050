"""Variances and error signals of random networks against tables, closed forms and networks drawn at random."""

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.estimators.resampling import jackknife
from spinnet.theory.signal_propagation import error_profile, field_square, fixed_point, slope_square


@pytest.mark.parametrize(
    "sigma_w, sigma_b, variance, factor",
    [(1.0, 0.3, 0.276299193, 0.700258147), (1.3, 0.3, 0.607046792, 0.939807429), (2.5, 0.3, 4.079123875, 1.585224765),
     (4.0, 0.0, 12.500601010, 2.376801584), (1.395583975, 0.3, 0.763474767, 1.0)],
)  # fmt: skip
def test_fixed_points_of_tanh_are_those_of_the_table(sigma_w, sigma_b, variance, factor):
    found = fixed_point("tanh", sigma_w, sigma_b)
    assert found.variance == pytest.approx(variance, abs=2e-8) and found.factor == pytest.approx(factor, abs=2e-8)


def test_erf_has_its_closed_form_and_relu_one_critical_point():
    found = fixed_point("erf", 1.5, 0.3)
    assert (found.variance, found.factor) == pytest.approx((1.2191689528, 1.1817531540), abs=1e-9)
    assert fixed_point("relu", np.sqrt(1.0), 0.5).factor == pytest.approx(0.5)
    with pytest.raises(InputError, match="without bound"):
        fixed_point("relu", 1.6, 0.1)


def test_gaussian_averages_are_those_of_a_sample():
    z = np.random.default_rng(0).standard_normal(400_000) * np.sqrt(0.8)
    for name, value, slope in (("tanh", np.tanh(z), 1 - np.tanh(z) ** 2), ("relu", np.maximum(z, 0), z > 0)):
        for known, sampled in ((field_square(name, 0.8), value**2), (slope_square(name, 0.8), slope**2.0)):
            error = sampled.std() / np.sqrt(len(z))
            assert abs(sampled.mean() - known) < 4 * error


@pytest.mark.parametrize("activation, sigma_w", [("tanh", 1.3), ("relu", 1.2)])
def test_the_profile_is_that_of_wide_networks_drawn_at_random(activation, sigma_w):
    from spinnet.landscapes import DenseNetwork

    net = DenseNetwork(hidden=[200, 150, 200], activation=activation, sigma_w=sigma_w, sigma_b=0.3,
                       data_options={"n_train": 20, "n_test": 0})  # fmt: skip
    squares = []
    for row in net.start(24, np.random.default_rng(3)):
        gradients = net.gradient_terms(row[None])[0]
        squares.append([(w**2).mean() for w, _ in net.unpack(gradients)])
    squares = np.array(squares)
    found = jackknife(lambda rows: rows.mean(axis=0)[:-1] / rows.mean(axis=0)[-1], squares)
    inputs = (net.data.inputs**2).mean(axis=1)
    known = error_profile(activation, net.widths, inputs, sigma_w, 0.3)[0][:-1] ** 2
    # Corrections of finite width are of the order of the number of layers over their width.
    assert (np.abs(found.value - known) < 4 * found.error + 0.05 * known).all()
    wrong = error_profile(activation, net.widths, inputs, 1.25 * sigma_w, 0.3)[0][:-1] ** 2
    assert np.abs(found.value[0] - wrong[0]) > 4 * found.error[0]
