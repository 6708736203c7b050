"""Singular values by layer, and those of the shuffled elements."""

import numpy as np

from spinnet.landscapes import DenseNetwork
from spinnet.probes.weight_spectra import WeightSpectraProbe


def test_singular_values_are_those_of_the_layers_and_shuffling_keeps_the_elements():
    net = DenseNetwork(data="digits", hidden=(7,), data_options={"n_train": 50, "pca": 12})
    x = net.start(2, np.random.default_rng(0))
    x[1] = np.nan
    found = WeightSpectraProbe().measure(net, x)
    for layer, (weights, _) in enumerate(net.unpack(x[0]), start=1):
        own = found[f"layer{layer}_singular_value"]
        np.testing.assert_allclose(own.data[0], np.linalg.svd(weights, compute_uv=False))
        assert np.isnan(own.data[1]).all()
        assert (own.attributes["rows"], own.attributes["columns"]) == weights.shape
        shuffled = found[f"layer{layer}_shuffled_value"].data[0]
        np.testing.assert_allclose((shuffled**2).sum(), (weights**2).sum())
        assert abs(shuffled - own.data[0]).max() > 0.01
    again = WeightSpectraProbe().measure(net, x)
    np.testing.assert_array_equal(again["layer1_shuffled_value"].data, found["layer1_shuffled_value"].data)
