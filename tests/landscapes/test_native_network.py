"""Native networks: a minimum at the signal, starts around it, and energies that are the network's."""

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.landscapes import NativeNetwork

DATA = {"n_train": 40, "n_test": 200, "pca": 6}


def native(**given):
    return NativeNetwork(**{"hidden": [6], "data_options": DATA, "training_steps": 1500, "settle": 3000, **given})


def test_the_signal_is_a_minimum_on_its_spheres_with_the_size_of_the_trained_layers():
    landscape = native(seed=1)
    u = landscape.signal[None]
    space = landscape.space
    np.testing.assert_allclose(space.blocks.sums(u * u)[0], space.sizes, rtol=1e-13)
    assert np.linalg.norm(landscape.riemannian_gradient(u)) < 1e-4
    hessian = space.tangent_hessian(landscape.signal, landscape.gradient(u)[0], landscape.hessian(landscape.signal))
    assert np.linalg.eigvalsh(hessian)[0] > -1e-6
    np.testing.assert_allclose(landscape.weights(u)[0], landscape.native_weights, rtol=1e-12)
    np.testing.assert_allclose(landscape.energy_density(u), landscape.train_loss(u), rtol=1e-12)
    assert landscape.train_accuracy(u)[0] == 1.0 and landscape.test_accuracy(u)[0] > 0.6


def test_starts_are_at_the_native_state_anywhere_or_at_an_overlap():
    rng = np.random.default_rng(0)
    landscape = native(start_at=0.4)
    u = landscape.start(3, rng)
    np.testing.assert_allclose(landscape.space.overlap(u, np.tile(landscape.signal, (3, 1))), 0.4, atol=1e-12)
    np.testing.assert_allclose(native().start(2, rng), np.tile(landscape.signal, (2, 1)), atol=1e-14)
    assert np.abs(native(start_at="random").start(200, rng) @ landscape.signal).mean() / landscape.space.n < 0.2


def test_samples_train_on_data_of_their_own_unless_told_otherwise():
    first, second = native(sample=0), native(sample=1)
    assert (first.network.data.labels != second.network.data.labels).any()
    same = [native(sample=k, fresh_data=False) for k in (0, 1)]
    assert (same[0].network.data.labels == same[1].network.data.labels).all()
    assert (same[0].signal != same[1].signal).any()


def test_an_untrained_network_is_its_own_native_state():
    landscape = native(training_steps=0, settle=0)
    assert landscape.train_loss(landscape.signal[None])[0] > 1.5
    # biases begin at zero and stay there
    assert landscape.space.sizes == (36, 60)


def test_a_free_network_has_its_weight_decay_and_the_same_native_state():
    bound, free = native(), native(spheres=False, held_weight_decay=0.02)
    u = bound.signal[None]
    np.testing.assert_array_equal(free.signal, bound.signal)
    weights = free.weights(1.5 * u)
    expected = free.train_loss(1.5 * u) + 0.01 * (weights**2).sum(axis=1)
    np.testing.assert_allclose(free.energy_density(1.5 * u), expected, rtol=1e-12)
    np.testing.assert_allclose(free.space.overlap(1.5 * u, u), 1.0)
    assert free.blocks == bound.blocks
    with pytest.raises(InputError, match="spheres = false"):
        native(held_weight_decay=0.1)


def test_shuffled_labels_fit_worse_and_do_not_generalise():
    shuffled = native(data_options={**DATA, "shuffle_labels": True})
    u = shuffled.signal[None]
    assert shuffled.train_loss(u)[0] > native().train_loss(native().signal[None])[0]
    assert shuffled.test_accuracy(u)[0] < 0.3


@pytest.mark.parametrize(
    ("table", "fragment"),
    [
        ({"start_at": "nativ"}, "did you mean 'native'"),
        ({"start_at": 1.5}, "overlap from -1 to 1"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"hiden": 3}, "did you mean 'hidden'"),
        ({"fresh_data": "yes"}, "fresh_data"),
    ],
)
def test_wrong_parameters_are_refused_by_name(table, fragment):
    with pytest.raises(InputError, match=fragment):
        NativeNetwork.resolve(table, "landscape")


def test_training_that_diverges_says_so():
    with pytest.raises(InputError, match="smaller learning rate"):
        native(learning_rate=1e200, training_steps=50)
