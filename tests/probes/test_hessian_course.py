"""The Hessian at every time: the same numbers as at the end, and what the outliers point at."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import HarmonicWell, two_spin_glass

from spinnet.errors import InputError
from spinnet.landscapes import DenseNetwork
from spinnet.probes.hessian_course import HessianCourseProbe, class_gradients
from spinnet.probes.hessian_spectrum import HessianSpectrumProbe


def network():
    return DenseNetwork(data="digits", hidden=(4,), data_options={"n_train": 60, "pca": 6})


def test_the_spectrum_is_that_of_the_endpoint_probe():
    for landscape in (two_spin_glass(12, 0), network()):
        x = landscape.start(2, np.random.default_rng(0))
        course = HessianCourseProbe(top=3).measure(landscape, x)
        end = HessianSpectrumProbe().measure(landscape, x, np.random.default_rng(0))
        expected = end["spectrum/eigenvalue"].data
        np.testing.assert_allclose(course["hessian_eigenvalue"].data, expected, atol=1e-10)
        assert course["hessian_index"].data.tolist() == end["spectrum/index"].data.tolist()
        assert ("outlier_logits" in course) == hasattr(landscape, "data")


def test_the_gradient_lies_in_the_space_it_is_put_in():
    found = HessianCourseProbe(top=1).measure(HarmonicWell([1.0, 2.0, 5.0]), np.array([[0.0, 0.0, 1.0], [1.0, 0, 0]]))
    np.testing.assert_allclose(found["hessian_gradient_share"].data, [1.0, 0.0], atol=1e-15)


def test_class_means_are_those_of_difference_quotients():
    net = network()
    x = net.start(1, np.random.default_rng(1))[0]
    spaces = class_gradients(net, x)
    direction, step = np.random.default_rng(2).standard_normal(net.space.n), 1e-5
    up, down = (net.logits((x + s * direction)[None])[0] for s in (step, -step))
    for c in range(10):
        members = net.data.labels == c
        slope = ((up - down)[members] / (2 * step)).mean(axis=0)
        assert spaces["logits"][c] @ direction == pytest.approx(slope[c], rel=1e-5, abs=1e-8)
    # class means of loss gradients, weighted by the classes, add up to the gradient of the mean loss
    share = np.bincount(net.data.labels, minlength=10) / net.n_terms
    np.testing.assert_allclose(share @ spaces["losses"], net.gradient(x[None])[0] / net.n_terms, atol=1e-12)
    assert spaces["clusters"].shape == (100, net.space.n)


def test_too_many_outliers_and_too_large_landscapes_are_refused():
    with pytest.raises(InputError, match="outliers"):
        HessianCourseProbe(top=3).measure(HarmonicWell([1.0, 2.0, 5.0]), np.ones((1, 3)))
    with pytest.raises(InputError, match="dense_limit"):
        HessianCourseProbe(top=1, dense_limit=2).measure(HarmonicWell([1.0, 2.0, 5.0]), np.ones((1, 3)))


def test_rows_that_are_nowhere_are_nan():
    found = HessianCourseProbe(top=1).measure(HarmonicWell([1.0, 2.0]), np.array([[np.nan, 0.0], [1.0, 1.0]]))
    assert np.isnan(found["hessian_eigenvalue"].data[0]).all() and found["hessian_index"].data.tolist() == [-1, 0]
