"""Exchanges of hidden units are found where the energy allows them, and divided out."""

from __future__ import annotations

import numpy as np
import pytest
from reference.optional import require_torch

import spinnet.landscapes
from spinnet.landscapes import DenseNetwork
from spinnet.probes.aligned_overlap import AlignedOverlapProbe
from spinnet.probes.paths import filter_groups
from spinnet.probes.weight_spectra import WeightSpectraProbe

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def torch():
    return require_torch()


def landscape(torch, module, shape=(1, 6, 6), classes=3):
    rng = np.random.default_rng(0)
    data = rng.standard_normal((12, *shape)), rng.integers(0, classes, 12)
    return spinnet.landscapes.TorchLandscape(module, torch.nn.CrossEntropyLoss(), data)


def convolution(nn, activation, *, norm=False):
    norms = [nn.BatchNorm2d(3)] if norm else []
    return nn.Sequential(nn.Conv2d(1, 3, 3), *norms, activation, nn.AvgPool2d(2), nn.Flatten(), nn.Linear(12, 4),
                         nn.Tanh(), nn.Linear(4, 3))  # fmt: skip


@pytest.mark.parametrize("activation, norm", [("Tanh", False), ("ReLU", False), ("Tanh", True)])
def test_channels_can_be_exchanged_and_odd_ones_turned(torch, activation, norm):
    nn, signs = torch.nn, activation == "Tanh"
    model = landscape(torch, convolution(nn, getattr(nn, activation)(), norm=norm))
    found = model.symmetry
    assert [(group.layer, group.units) for group in found.groups] == [("0", 3), ("4" if not norm else "5", 4)]
    assert found.groups[1].signs
    rng = np.random.default_rng(1)
    x = model.start(1, rng)[0] + 0.1 * rng.standard_normal(model.n_dof)
    for _ in range(3):
        moved = found.act(x, found.random(rng))
        assert np.abs(moved - x).max() > 0.05
        assert abs(model.energy(moved[None])[0] - model.energy(x[None])[0]) < 1e-9 * model.energy(x[None])[0]
    if not norm:
        assert found.groups[0].signs == signs
        assert found.order == 6 * 24 * 16 * (8 if signs else 1)


def test_alignment_undoes_an_exchange(torch):
    model = landscape(torch, convolution(torch.nn, torch.nn.Tanh()))
    rng = np.random.default_rng(2)
    x = model.start(3, rng)
    moved = np.array([model.symmetry.act(row, model.symmetry.random(rng)) for row in x])
    np.testing.assert_allclose(model.align(moved, x), x, atol=1e-14)
    near = x + 0.01 * rng.standard_normal(x.shape)
    near = np.array([model.symmetry.act(row, model.symmetry.random(rng)) for row in near])
    aligned = model.align(near, x)
    assert (np.abs(aligned - x).max(axis=1) < 0.1).all()
    np.testing.assert_allclose(model.energy(aligned), model.energy(near), rtol=1e-12)


class _Skips:
    """A stack of added layers; ``tail`` adds one that no exchange can follow."""

    def __init__(self, torch, tail):
        nn = torch.nn

        class Skipping(nn.Module):
            def __init__(self):
                super().__init__()
                self.first, self.inner, self.second = nn.Linear(5, 4), nn.Linear(4, 6), nn.Linear(6, 4)
                self.last = nn.Linear(4, 3)

            def forward(self, x):
                a = torch.tanh(self.first(x))
                a = a + torch.tanh(self.second(torch.relu(self.inner(a))))
                return self.last(a) + (a[:, :3] if tail else 0.0)

        self.module = Skipping()


def test_layers_that_are_added_are_exchanged_together(torch):
    model = landscape(torch, _Skips(torch, tail=False).module, shape=(5,))
    found = model.symmetry
    assert [(group.layer, group.units, group.signs) for group in found.groups] == [
        ("inner", 6, False), ("first", 4, True)  # ReLU units have no sign, those of the stream are of tanh
    ]  # fmt: skip
    rng = np.random.default_rng(0)
    x = model.start(2, rng)
    moved = np.array([found.act(row, found.random(rng)) for row in x])
    np.testing.assert_allclose(model.energy(moved), model.energy(x), rtol=1e-12)
    np.testing.assert_allclose(model.align(moved, x), x, atol=1e-12)
    # What some outputs see directly cannot be exchanged.
    alone = landscape(torch, _Skips(torch, tail=True).module, shape=(5,))
    assert [group.layer for group in alone.symmetry.groups] == ["inner"]
    np.testing.assert_array_equal(alone.align(x[:1], x[:1]), x[:1])


def test_it_aligns_as_the_built_in_network_does(torch):
    from spinnet.datasets import load

    digits, nn = load("digits", n_train=30), torch.nn
    built_in = DenseNetwork(digits, hidden=[5])
    module = nn.Sequential(nn.Linear(digits.n_inputs, 5), nn.Tanh(), nn.Linear(5, 10))
    # With weight decay there are no continuous symmetries to fix on either side.
    built_in = DenseNetwork(digits, hidden=[5], weight_decay=0.01)
    model = spinnet.landscapes.TorchLandscape(module, nn.CrossEntropyLoss(), digits, weight_decay=0.01)
    x = built_in.start(4, np.random.default_rng(0))
    np.testing.assert_allclose(model.align(x[:2], x[2:]), built_in.align(x[:2], x[2:]), atol=1e-12)
    assert model.symmetry.order == built_in.symmetry_order


def test_probes_of_layers_and_symmetries_serve_a_torch_model(torch):
    model = landscape(torch, convolution(torch.nn, torch.nn.ReLU(), norm=True))
    x = model.start(2, np.random.default_rng(0))
    assert [(layer.name, layer.weights.shape) for layer in model.layers(x)] == [
        ("0", (2, 3, 9)), ("5", (2, 4, 12)), ("7", (2, 3, 4))
    ]  # fmt: skip
    groups = filter_groups(model)
    assert (groups[model.layout.slices["1.weight"]] == -1).all() and groups.max() == 3 + 4 + 3 - 1
    found = WeightSpectraProbe().measure(model, x)
    values = found["layer1_singular_value"]
    assert values.data.shape == (2, 3) and values.attributes["rows"] == 3
    found = AlignedOverlapProbe().measure_block(model, x, x[::-1].copy(), np.random.default_rng(0))
    assert found["aligned_overlap/aligned"].data[0] >= found["aligned_overlap/overlap"].data[0]
