"""The noise of minibatches is that of patterns where patterns are independent, and exists where they are not."""

from __future__ import annotations

import numpy as np
from reference.optional import require_torch

from spinnet.datasets import Dataset
from spinnet.landscapes import DenseNetwork
from spinnet.probes.noise_trace import NoiseTraceProbe
from spinnet.torch_models.batch_noise import BatchNoiseProbe


def test_minibatches_of_independent_patterns_have_the_noise_of_patterns():
    rng = np.random.default_rng(0)
    data = Dataset("given", rng.standard_normal((30, 4)), rng.integers(0, 3, 30))
    network = DenseNetwork(data, hidden=[3])
    x = np.repeat(network.start(1, rng), 40, axis=0)
    exact = NoiseTraceProbe().measure(network, x[:1])["noise_trace"].data[0]
    drawn = BatchNoiseProbe(4, batches=16).measure(network, x)["noise_trace"].data
    error = drawn.std(ddof=1) / np.sqrt(len(drawn))
    assert abs(drawn.mean() - exact) < 4.0 * error
    # Deliberately wrong: the variance of a batch is not that of a pattern.
    assert abs(drawn.mean() / 4 - exact) > 4.0 * error


def test_a_normalised_model_has_a_clock_of_its_noise():
    torch = require_torch()
    from spinnet.landscapes import TorchLandscape
    from spinnet.torch_models.parts import trajectory
    from spinnet.torch_models.settings import Settings

    rng = np.random.default_rng(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 2))
    data = rng.standard_normal((20, 4)), rng.integers(0, 2, 20)
    network = TorchLandscape(module, torch.nn.CrossEntropyLoss(), data, batch_statistics="minibatch")
    probe = trajectory(network, Settings(batch=5), 2).probes["noise_trace"]
    x = network.start(3, rng)
    x[1] = np.nan
    found = probe.measure(network, x)
    assert isinstance(probe, BatchNoiseProbe) and "32 minibatches of 5" in found["noise_trace"].description
    assert np.isnan(found["noise_trace"].data[1]) and (found["noise_trace"].data[[0, 2]] > 0).all()
