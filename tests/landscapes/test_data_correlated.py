"""Levels that data correlate: quenched, on per-layer spheres, with the covariance of resampled patterns."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.datasets import Dataset
from spinnet.errors import InputError
from spinnet.landscapes import DenseNetwork
from spinnet.landscapes.base import Energy, Levels
from spinnet.landscapes.data_correlated import DataCorrelatedREM, resampled
from spinnet.landscapes.weight_spheres import WeightSpheres

SMALL = {"data_options": {"n_train": 60}, "hidden": [3], "sigma_b": 0.5}


def network(**table):
    return DenseNetwork(**{"data": "digits", **SMALL, **table})


@pytest.mark.parametrize("hidden", [[3], [2, 4]])
@pytest.mark.parametrize("sigma_b", [0.0, 0.5])
def test_uniform_weights_lie_on_the_sphere_of_each_layer(hidden, sigma_b):
    net = network(hidden=hidden, sigma_b=sigma_b, sigma_w=1.3)
    spheres = WeightSpheres(net)
    x = spheres.sample(400, np.random.default_rng(0))
    for w, b in net.unpack(x):
        inputs = w.shape[2]
        size = (w**2).sum(axis=(1, 2)) * inputs / 1.3**2 + ((b**2).sum(axis=1) / sigma_b**2 if sigma_b else 0.0)
        assert size == pytest.approx(w[0].size + (b[0].size if sigma_b else 0))
        if not sigma_b:
            assert not b.any()
    assert spheres.dimension == sum(spheres.sizes) and spheres.n_layers == len(hidden) + 1
    u = spheres.directions(x)
    z = u.mean(axis=0) * 20.0
    assert np.abs(z).max() < 5 and abs((u**2).mean() - 1) < 1e-12


@pytest.mark.parametrize("q", [-1.0, -0.4, 0.0, 0.7, 1.0])
def test_partners_have_exactly_the_overlap_that_was_asked(q):
    spheres = WeightSpheres(network(hidden=[3, 4]))
    rng = np.random.default_rng(0)
    x = spheres.sample(5, rng)
    np.testing.assert_allclose(spheres.layer_overlaps(x, spheres.partner(x, q, rng)), q, atol=1e-12)
    np.testing.assert_allclose(np.diag(spheres.overlaps(x, spheres.partner(x, q, rng))), q, atol=1e-12)
    alone = spheres.layer_overlaps(x, spheres.partner(x, q, rng, layer=1))
    np.testing.assert_allclose(alone, [[1.0, q, 1.0]] * 5, atol=1e-12)


def test_a_partner_is_uniform_when_its_origin_is():
    spheres = WeightSpheres(network())
    rng = np.random.default_rng(0)
    moved = spheres.directions(spheres.partner(spheres.sample(4000, rng), 0.6, rng))
    z = (moved.T @ moved / 4000 - np.eye(moved.shape[1]))[np.triu_indices(moved.shape[1], 1)] * np.sqrt(4000)
    assert abs(z.std() - 1) < 0.1 and np.abs(z).max() < 5.5


def test_levels_are_quenched_however_they_are_read():
    levels = DataCorrelatedREM(40, SMALL, seed=3, sample=2)
    index = np.random.default_rng(0).integers(0, 2**40, 150)
    energy = levels.level(index)
    assert (levels.level(index[::-1])[::-1] == energy).all()
    assert (np.array([levels.level(i) for i in index[:9]]) == energy[:9]).all()
    again = DataCorrelatedREM(40, SMALL, seed=3, sample=2)
    assert (again.level(index[100:]) == energy[100:]).all()
    assert (levels.energy(levels.configuration(index[:3])) == energy[:3]).all()
    assert isinstance(levels, Levels) and isinstance(levels, Energy)
    assert levels.units.unit == "pattern" and levels.units.n_units == 60


def test_levels_are_the_energies_of_their_weights_on_the_drawn_patterns():
    levels = DataCorrelatedREM(6, SMALL, seed=1, sample=4)
    net = network()
    rows = [int(np.flatnonzero((net.data.inputs == row).all(axis=1))[0]) for row in levels.landscape.data.inputs]
    w = levels.weights(np.arange(64))
    np.testing.assert_allclose(levels.level(np.arange(64)), net.energy_terms(w)[:, rows].sum(axis=1), rtol=1e-12)
    plain = DataCorrelatedREM(6, SMALL, resample=False, seed=1, sample=4)
    assert (plain.weights(np.arange(64)) == w).all()
    np.testing.assert_allclose(plain.level(np.arange(64)), net.energy(w), rtol=1e-12)


def test_another_number_of_levels_means_other_weights_and_other_patterns():
    eight, nine = DataCorrelatedREM(8, SMALL, seed=5), DataCorrelatedREM(9, SMALL, seed=5)
    weights = eight.weights(np.arange(40)), nine.weights(np.arange(40))
    z = np.corrcoef(*(w.ravel() for w in weights))[0, 1] * np.sqrt(weights[0].size)
    assert abs(z) < 4 and not np.isin(*weights).any()
    assert (eight.landscape.data.inputs != nine.landscape.data.inputs).any()
    # patterns as they are: the same at every size, with other weights
    plain = [DataCorrelatedREM(n, SMALL, resample=False, seed=5) for n in (8, 9)]
    assert (plain[0].landscape.data.inputs == plain[1].landscape.data.inputs).all()
    assert not np.isin(*(p.level(np.arange(40)) for p in plain)).any()


def test_samples_covary_as_the_patterns_do():
    index, samples = np.arange(4), 700
    net = network()
    loss = net.energy_terms(DataCorrelatedREM(8, SMALL, seed=5).weights(index))
    exact = len(loss[0]) * np.cov(loss, bias=True)
    energy = np.array([DataCorrelatedREM(8, SMALL, seed=5, sample=s).level(index) for s in range(samples)])
    mean_error = np.sqrt(np.diag(exact) / samples)
    assert np.abs((energy.mean(axis=0) - loss.sum(axis=1)) / mean_error).max() < 4
    found = np.cov(energy.T)
    error = np.sqrt((exact**2 + np.outer(np.diag(exact), np.diag(exact))) / samples)
    assert np.abs((found - exact) / error).max() < 4
    # Deliberately wrong: independent levels are excluded.
    assert np.abs(found - np.diag(np.diag(found)))[np.triu_indices(4, 1)].max() > 4 * error.max() / np.sqrt(2)


def test_a_resampled_set_repeats_rows():
    data = Dataset("made", np.arange(8.0).reshape(4, 2), labels=np.array([0, 1, 2, 0]))
    drawn = resampled(data, np.array([2, 2, 0]))
    assert drawn.inputs.tolist() == [[4, 5], [4, 5], [0, 1]] and drawn.labels.tolist() == [2, 2, 0]
    assert drawn.n_classes == 3


def test_shuffled_labels_are_the_null():
    true = DataCorrelatedREM(10, {"hidden": [5]}, resample=False, seed=1)
    null = DataCorrelatedREM(10, {"hidden": [5], "data_options": {"shuffle_labels": True}}, resample=False, seed=1)
    index = np.arange(200)
    assert (true.weights(index) == null.weights(index)).all()
    assert true.level(index).std() > 1.5 * null.level(index).std()


@pytest.mark.parametrize(
    ("fragment", "call"),
    [
        ("n = 65", lambda: DataCorrelatedREM(65, SMALL)),
        ("did you mean 'hidden'", lambda: DataCorrelatedREM(5, {"hiden": [3]})),
        ("table of a DenseNetwork", lambda: DataCorrelatedREM(5, 3)),
        ("resample", lambda: DataCorrelatedREM(5, SMALL, resample="no")),
        ("sigma_w = 0", lambda: DataCorrelatedREM(5, {**SMALL, "sigma_w": 0})),
        ("overlap = 1.5", lambda: WeightSpheres(network()).partner(np.zeros((1, 1)), 1.5, None)),
        ("layer = 2", lambda: WeightSpheres(network()).partner(np.zeros((1, 1)), 0.5, None, 2)),
        ("index", lambda: DataCorrelatedREM(3, SMALL).level(8)),
    ],
)
def test_bad_input_is_refused_in_one_line(fragment, call):
    with pytest.raises(InputError, match=fragment) as caught:
        call()
    assert "\n" not in str(caught.value)
