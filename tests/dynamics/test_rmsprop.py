"""RMSProp: its definition written out, PyTorch's own where it is installed, and the same bits in pieces."""

import numpy as np
import pytest

from spinnet.dynamics import RMSProp
from spinnet.errors import CapabilityError, InputError
from spinnet.kernels.counter_noise import fill_integers
from spinnet.landscapes import DenseNetwork, NativeNetwork

KEYS = np.array([5, 8], dtype=np.uint64)


def network(**given):
    return DenseNetwork(**{"hidden": [5], "data_options": {"n_train": 30, "n_test": 10, "pca": 6}, **given})


def written_out(landscape, x, keys, steps, rate, batch, decay=0.9, epsilon=1e-10, drop=0.0, clip=0.0):
    """One replica and one step at a time."""
    x = x.copy()
    for a in range(len(x)):
        v = np.zeros(x.shape[1])
        for step in range(steps):
            terms = np.empty((1, 1, batch), dtype=np.int64)
            fill_integers(keys[a : a + 1], step * batch, landscape.n_terms, terms)
            g = sum(landscape.gradient_batch(x[a : a + 1], terms[0, :, b : b + 1])[0] for b in range(batch)) / batch
            if clip and np.linalg.norm(g) > clip:
                g *= clip / np.linalg.norm(g)
            v = decay * v + (1 - decay) * g**2
            x[a] -= rate / (1 + drop * step) * g / (np.sqrt(v) + epsilon)
    return x


@pytest.mark.parametrize("options", [{}, {"decay": 0.5, "drop": 0.1}, {"clip": 0.05}])
def test_steps_are_those_of_the_definition(options):
    landscape = network(weight_decay=0.01)
    x = landscape.start(2, np.random.default_rng(0))
    dynamics = RMSProp(learning_rate=0.01, batch=4, **options)
    found = dynamics.advance(landscape, dynamics.init(landscape, x, KEYS), 12).x
    np.testing.assert_allclose(found, written_out(landscape, x, KEYS, 12, 0.01, 4, **options), rtol=1e-9, atol=1e-11)
    wrong = written_out(landscape, x, KEYS, 12, 0.01, 4, **{**options, "decay": 0.95})
    assert np.abs(found - wrong).max() > 1e-4


def test_steps_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    landscape = network()
    x = landscape.start(1, np.random.default_rng(1))
    weights = torch.tensor(x[0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.RMSprop([weights], lr=0.02, alpha=0.9, eps=1e-10)
    for step in range(6):
        terms = np.empty((1, 1, 3), dtype=np.int64)
        fill_integers(KEYS[:1], step * 3, landscape.n_terms, terms)
        weights.grad = torch.tensor(landscape.gradient_batch(weights.detach().numpy()[None].copy(), terms[0])[0] / 3)
        optimiser.step()
    dynamics = RMSProp(learning_rate=0.02, batch=3)
    found = dynamics.advance(landscape, dynamics.init(landscape, x, KEYS[:1]), 6).x[0]
    np.testing.assert_allclose(found, weights.detach().numpy(), rtol=1e-9, atol=1e-11)


def test_pieces_give_the_bits_of_the_whole():
    landscape, dynamics = network(), RMSProp(learning_rate=0.01, batch=4)
    state = dynamics.init(landscape, landscape.start(2, np.random.default_rng(0)), KEYS)
    whole = dynamics.advance(landscape, state, 9)
    pieces = dynamics.advance(landscape, dynamics.advance(landscape, state, 4), 5)
    assert all((a == b).all() for a, b in zip(whole, pieces, strict=True))


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="decay = 1"):
        RMSProp(learning_rate=0.1, batch=2, decay=1.0)
    bound = NativeNetwork(hidden=[4], data_options={"n_train": 20, "pca": 4}, training_steps=50, settle=5)
    with pytest.raises(CapabilityError, match="flat space"):
        RMSProp(learning_rate=0.1, batch=2).init(bound, bound.signal[None], KEYS[:1])
