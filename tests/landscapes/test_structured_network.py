"""Networks with structure: against a plain loop, DenseNetwork and PyTorch, and what each switch is known to do."""

from __future__ import annotations

import numpy as np
import pytest
from reference import structured_twin as twin
from reference.optional import require_torch

from spinnet.datasets import Dataset
from spinnet.dynamics.levenberg_marquardt import LevenbergMarquardt
from spinnet.dynamics.sgd import SGD
from spinnet.errors import InputError
from spinnet.landscapes import DenseNetwork, StructuredNetwork
from spinnet.landscapes.base import SumOfTerms
from spinnet.landscapes.network_fractal import Fractal, count_paths
from spinnet.landscapes.network_local import windows_of
from spinnet.landscapes.network_losses import LOSS_NAMES, loss_derivatives, loss_slopes
from spinnet.landscapes.network_pieces import Dense, Places
from spinnet.randomness import stream
from spinnet.results.schema import task_identity
from spinnet.simulation import missing_data, simulate


def patterns(count=12, inputs=6, classes=3):
    rng = np.random.default_rng(5)
    return Dataset(
        name="made up", inputs=rng.standard_normal((count, inputs)), labels=rng.integers(0, classes, count),
        test_inputs=rng.standard_normal((7, inputs)), test_labels=rng.integers(0, classes, 7), n_classes=classes,
    )  # fmt: skip


def network(**given):
    return StructuredNetwork(**{"data": patterns(), "hidden": (5,), "sigma_b": 0.3, **given})


def configurations(net, replicas=2):
    x = net.start(replicas, np.random.default_rng(1))
    x += 0.1 * np.random.default_rng(2).standard_normal(x.shape)  # scales and shifts away from 1 and 0
    return x


# --- against the plain loop -----------------------------------------------------------------------------------------


def plain_logits(net, x, inputs):
    """Of one configuration, layer by layer as the class documents it."""
    weights, rows = iter(x.tolist()), inputs.tolist()
    polynomials = {"square": [0, 0, 1], "cubic": [0, 0, 0, 1], "linear": [0, 1]}
    function = net.activation if net.activation == "tanh" else polynomials.get(str(net.activation), net.activation)
    grid, below = tuple(net.grid or (len(rows[0]),)), 1
    for width in net.hidden:
        def layer(rows, weights, width=width, grid=grid, below=below):
            if net.connections == "dense":
                rows = twin.dense(rows, weights, width)
            else:
                shared = net.connections == "shared"
                rows, layer.grid = twin.local(rows, weights, grid, below, width, net.window, net.stride, shared)
            if net.normalisation != "none":
                rows = twin.normalise(rows, weights, net.normalisation)
            return twin.activate(rows, function)

        out = twin.join(twin.fractal_ends(rows, weights, net.fractal, layer))
        if net.skip and len(out[0]) == len(rows[0]):
            out = [[a + f for a, f in zip(*both, strict=True)] for both in zip(rows, out, strict=True)]
        rows, below = out, width
        grid = getattr(layer, "grid", grid)
    found = twin.dense(rows, weights, net.n_outputs)
    assert next(weights, None) is None
    return np.array(found)


SWITCHES = {
    "nothing": {},
    "batch": {"normalisation": "batch", "hidden": (5, 4)},
    "layer": {"normalisation": "layer", "hidden": (5, 4)},
    "skip": {"skip": True, "hidden": (6, 6, 5)},
    "fractal": {"fractal": 3, "hidden": (4, 3)},
    "square": {"activation": "square"},
    "polynomial": {"activation": [0.2, 1.0, 0.0, -0.1], "hidden": (4, 3)},
    "local": {"connections": "local", "hidden": (2, 3), "stride": 1},
    "shared": {"connections": "shared", "hidden": (2, 3), "stride": 1},
    "local on a grid": {"connections": "local", "hidden": (2,), "grid": (2, 3), "stride": 1},
    "shared on a grid": {"connections": "shared", "hidden": (2,), "grid": (3, 2), "stride": 1},
    "many": {"normalisation": "batch", "skip": True, "fractal": 2, "hidden": (6, 6)},
}


@pytest.mark.parametrize("name", SWITCHES)
def test_logits_equal_the_plain_loop(name):
    net = network(**SWITCHES[name])
    x = configurations(net)
    for a in range(2):
        expected = plain_logits(net, x[a], net.data.inputs)
        np.testing.assert_allclose(net.logits(x)[a], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("loss", ["cross-entropy", "quadratic-hinge"])
def test_gradient_and_products_are_the_derivatives(name, loss):
    net = network(**SWITCHES[name], loss=loss, weight_decay=0.01)
    x = configurations(net)
    v = np.random.default_rng(3).standard_normal(x.shape) / np.sqrt(net.n_dof)
    h = 1e-5
    slope = (net.energy(x + h * v) - net.energy(x - h * v)) / (2 * h)
    np.testing.assert_allclose(np.einsum("ri,ri->r", net.gradient(x), v), slope, rtol=1e-6, atol=1e-7)
    change = (net.gradient(x + h * v) - net.gradient(x - h * v)) / (2 * h)
    np.testing.assert_allclose(net.hvp(x, v), change, rtol=1e-4, atol=1e-6 * np.abs(change).max())


@pytest.mark.parametrize("name", SWITCHES)
def test_the_jacobian_and_gradients_of_single_patterns_are_those_of_their_definitions(name):
    net = network(**SWITCHES[name], dropout=0.3, weight_decay=0.1)
    x = configurations(net)
    chosen = np.array([11, 0, 3])
    terms = net.gradient_terms(x)
    np.testing.assert_allclose(terms, SumOfTerms.gradient_terms(net, x), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(terms.sum(axis=1), net.gradient(x), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(net.gradient_terms(x, chosen), terms[:, chosen], rtol=1e-9, atol=1e-11)
    v, h = np.random.default_rng(3).standard_normal(net.n_dof), 1e-6
    slope = (net.logits(x[:1] + h * v)[0] - net.logits(x[:1] - h * v)[0]) / (2 * h)
    matrix = net.jacobian(x[0])
    np.testing.assert_allclose(matrix @ v, slope.ravel(), rtol=1e-4, atol=1e-6 * np.abs(slope).max())
    few = matrix.reshape(12, 3, -1)[chosen].reshape(9, -1)
    np.testing.assert_allclose(net.jacobian(x[0], chosen), few, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ["nothing", "batch", "local"])
def test_sharing_replicas_and_patterns_out_changes_no_more_than_rounding(name, monkeypatch):
    net = network(**SWITCHES[name], dropout=0.2, weight_decay=0.1)
    x = configurations(net, 5)
    v = np.random.default_rng(3).standard_normal(x.shape)
    terms = np.random.default_rng(4).integers(0, 12, (5, 9))
    calls = (
        lambda: net.energy(x), lambda: net.gradient(x), lambda: net.hvp(x, v), lambda: net.hvp_block(x[0], v),
        lambda: net.gradient_batch(x, terms), lambda: net.jacobian(x[0]), lambda: net.logits(x, net.data.test_inputs),
        lambda: net.gradient_terms(x),
    )  # fmt: skip
    at_once = [call() for call in calls]
    for patterns_together in (1, 5, 30):
        monkeypatch.setattr(
            "spinnet.landscapes.structured_network._BLOCK_BYTES", 8 * net._activities * patterns_together
        )
        for call, expected in zip(calls, at_once, strict=True):
            np.testing.assert_allclose(call(), expected, rtol=1e-10, atol=1e-11)


# --- against DenseNetwork and PyTorch -------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["tanh", "relu", "erf", "linear"])
@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_without_switches_it_is_a_dense_network(activation, loss):
    given = {"data": patterns(), "hidden": (5, 4), "activation": activation, "loss": loss, "sigma_b": 0.3}
    one, other = DenseNetwork(**given, weight_decay=0.01), StructuredNetwork(**given, weight_decay=0.01)
    x = one.start(3, np.random.default_rng(1))
    np.testing.assert_array_equal(other.start(3, np.random.default_rng(1)), x)
    v = np.random.default_rng(2).standard_normal(x.shape)
    terms = np.random.default_rng(3).integers(0, 12, (3, 5))
    for call in (
        lambda net: net.energy(x), lambda net: net.gradient(x), lambda net: net.hvp(x, v), lambda net: net.test_loss(x),
        lambda net: net.gradient_batch(x, terms), lambda net: net.hessian(x[0]), lambda net: net.test_accuracy(x),
    ):  # fmt: skip
        np.testing.assert_allclose(call(other), call(one), rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_slopes_of_the_losses_and_their_rates_are_the_derivatives(loss):
    rng = np.random.default_rng(0)
    z, rate = rng.standard_normal((2, 20, 3))
    targets = np.where(rng.random((20, 3)) < 0.4, 1.0, 0.0 if loss in ("cross-entropy", "mse") else -1.0)
    if loss == "cross-entropy":
        targets = np.eye(3)[rng.integers(0, 3, 20)]
    slope, curvature = loss_derivatives(z, targets, loss)
    found, moved = loss_slopes(z, targets, loss, rate)
    np.testing.assert_allclose(found, slope, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(moved, np.einsum("pij,pj->pi", curvature, rate), rtol=1e-12, atol=1e-14)


def torch_logits(torch, net, flat):
    """Of the training part, with PyTorch's own layers, for the structures tested below."""
    at = 0

    def take(*shape):
        nonlocal at
        at += int(np.prod(shape))
        return flat[at - int(np.prod(shape)) : at].view(shape)

    def layer(a, number, width):
        if net.connections == "shared":
            w, b = take(width, 1, net.window, net.window), take(width)
            a = torch.nn.functional.conv2d(a.view(-1, 1, *net.grid), w, b, stride=net.stride)
            a = a.movedim(1, -1).reshape(len(a), -1)
        elif net.connections == "local":
            seen = a.view(-1, *net.grid).unfold(1, net.window, net.stride).unfold(2, net.window, net.stride)
            seen = seen.reshape(len(a), -1, net.window**2)
            w, b = take(seen.shape[1], width, net.window**2), take(seen.shape[1], width)
            a = (torch.einsum("psk,sok->pso", seen, w) + b).reshape(len(a), -1)
        else:
            w, b = take(width, a.shape[1]), take(width)
            a = torch.nn.functional.linear(a, w, b)
        if net.normalisation == "batch":
            a = torch.nn.functional.batch_norm(a, None, None, take(a.shape[1]), take(a.shape[1]), training=True)
        elif net.normalisation == "layer":
            a = torch.nn.functional.layer_norm(a, a.shape[1:], take(a.shape[1]), take(a.shape[1]))
        named = {"cubic": lambda z: z**3, "square": lambda z: z**2, "tanh": torch.tanh, "relu": torch.relu}
        if isinstance(net.activation, str):
            a = named[net.activation](a)
        else:
            a = sum(c * a**k for k, c in enumerate(net.activation))
        if net.dropout:
            kept = stream(net.mask_seed, "dropout", number).random(a.shape) >= net.dropout
            a = a * torch.tensor(kept / (1.0 - net.dropout))
        return a

    a = torch.tensor(net.data.inputs)
    for number, width in enumerate(net.hidden):
        below, a = a, layer(a, number, width)
        if net.fractal == 2:  # the direct layer's weights lie first
            a = (a + layer(layer(below, number, width), number, width)) / 2
        if net.skip and a.shape == below.shape:
            a = a + below
    return torch.nn.functional.linear(a, take(net.n_outputs, a.shape[1]), take(net.n_outputs))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "switches",
    [
        {"normalisation": "batch", "hidden": (5, 4)},
        {"normalisation": "layer", "hidden": (5, 4)},
        {"normalisation": "batch", "skip": True, "hidden": (6, 6)},
        {"activation": "cubic"},
        {"activation": "square", "skip": True, "hidden": (6,)},
        {"activation": [0.2, 1.0, 0.0, -0.1]},
        {"dropout": 0.3, "hidden": (5, 4)},
        {"fractal": 2, "hidden": (4, 3)},
        {"connections": "local", "grid": (2, 3), "stride": 1, "hidden": (2,)},
        {"connections": "shared", "grid": (2, 3), "stride": 1, "normalisation": "layer"},
    ],
    ids=lambda switches: "-".join(map(str, switches.values())),
)
def test_gradient_and_hessian_equal_pytorch(switches):
    torch = require_torch()
    net = network(**switches)
    x = configurations(net)
    labels = torch.tensor(net.data.labels)

    def energy(flat):
        return torch.nn.functional.cross_entropy(torch_logits(torch, net, flat), labels, reduction="sum")

    flat = torch.tensor(x[0], requires_grad=True)
    value = energy(flat)
    np.testing.assert_allclose(net.energy(x)[0], value.item(), rtol=1e-11)
    gradient = torch.autograd.grad(value, flat)[0].numpy()
    np.testing.assert_allclose(net.gradient(x)[0], gradient, rtol=1e-9, atol=1e-11 * np.abs(gradient).max())
    exact = torch.autograd.functional.hessian(energy, flat).numpy()
    np.testing.assert_allclose(net.hessian(x[0]), exact, rtol=1e-9, atol=1e-10 * np.abs(exact).max())


# --- normalisation --------------------------------------------------------------------------------------------------


def test_batch_normalisation_takes_the_statistics_of_the_whole_training_set():
    net = network(normalisation="batch")
    x = configurations(net)
    batch = np.tile([2, 5, 5], (2, 1))
    h, v = 1e-5, np.random.default_rng(3).standard_normal(x.shape)
    energies = [net.energy_terms(x + t * v)[:, [2, 5, 5]].sum(axis=1) for t in (h, -h)]
    slope = (energies[0] - energies[1]) / (2 * h)
    found = np.einsum("ri,ri->r", net.gradient_batch(x, batch), v)
    np.testing.assert_allclose(found, slope, rtol=1e-6)
    # Deliberately wrong: statistics of the minibatch give another gradient.
    data = net.data
    part = Dataset(name="part", inputs=data.inputs[[2, 5, 5]], labels=data.labels[[2, 5, 5]], n_classes=3)
    wrong = network(normalisation="batch", data=part)
    assert not np.allclose(np.einsum("ri,ri->r", wrong.gradient(x), v), slope, rtol=0.05)


def test_new_inputs_meet_the_statistics_of_the_training_set():
    net = network(normalisation="batch")
    x = configurations(net)
    alone = net.logits(x, net.data.test_inputs[:1])
    np.testing.assert_allclose(net.logits(x, net.data.test_inputs)[:, :1], alone, rtol=1e-11)
    np.testing.assert_allclose(net.logits(x, net.data.inputs), net.logits(x), rtol=1e-11)


@pytest.mark.parametrize("over", ["batch", "layer"])
def test_a_normalised_layer_forgets_the_size_of_its_weights(over):
    net = network(normalisation=over)
    x = 30.0 * configurations(net)  # far above the root of 1e-5
    larger = x.copy()
    larger[:, : 5 * 7] *= 2.0
    np.testing.assert_allclose(net.logits(larger), net.logits(x), rtol=1e-6)
    assert not np.allclose(network().logits(larger[:, 10:]), network().logits(x[:, 10:]), rtol=1e-2)


# --- masks ----------------------------------------------------------------------------------------------------------


def test_dropout_masks_are_frozen_and_belong_to_their_seed():
    net, same, other = (network(dropout=0.4, hidden=(40,), mask_seed=seed) for seed in (1, 1, 2))
    x = configurations(net)
    np.testing.assert_array_equal(net.logits(x), same.logits(x))
    assert not np.allclose(net.logits(x), other.logits(x))
    # A pattern keeps its mask in any batch, and loses it outside the training set.
    np.testing.assert_allclose(
        net.gradient_batch(x, np.tile([4], (2, 1))), net.gradient_terms(x)[:, 4], rtol=1e-10, atol=1e-12
    )
    np.testing.assert_allclose(net.logits(x, net.data.inputs), network(hidden=(40,)).logits(x), rtol=1e-11)
    right = net.logits(x).argmax(axis=-1)[:, :7] == net.data.labels[:7]
    np.testing.assert_array_equal(net.train_accuracy(x, 7), right.mean(axis=1))


def test_a_hidden_activity_survives_dropout_with_the_stated_share_and_keeps_its_mean():
    net = network(dropout=0.3, hidden=(400,), activation=[1.0, 1.0])
    x = np.zeros((1, net.n_dof))
    x[:, -3 * 401 : -3] = 1.0 / 400  # every output is the mean of activities that are 1 before the mask
    means = net.logits(x)[0, :, 0]
    assert abs(means.mean() - 1.0) < 4 * np.sqrt(0.3 / 0.7 / (400 * 12))
    counts = means * 400 * 0.7
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-9)


def test_dropped_paths_leave_their_weights_without_influence():
    net = network(fractal=3, drop_path=0.6, hidden=(4,), mask_seed=1)
    x = configurations(net)
    silent = (net.gradient(x) == 0.0).all(axis=0)
    assert 0 < silent.sum() < net.n_dof
    moved = x.copy()
    moved[:, silent] += 1.0
    np.testing.assert_array_equal(net.energy(moved), net.energy(x))
    assert (net.hvp(x, np.ones_like(x))[:, silent] == 0.0).all()


def test_a_join_keeps_one_input_at_least():
    rng = np.random.default_rng(0)
    for _ in range(50):
        block = Fractal(2, 3, lambda inputs: Dense(Places(), inputs, 3), 0.99, rng)
        assert block.kept.any()


# --- fractal blocks -------------------------------------------------------------------------------------------------


def ends_of(block):
    """(paths, layers, depth) of the inputs of the last join, by walking through the block."""
    if block._first is None:
        return 1, 1, 1
    (paths, layers, depth), (more, others, deeper) = ends_of(block._first), ends_of(block._second)
    return paths * more + 1, layers + others + 1, depth + deeper


@pytest.mark.parametrize(("columns", "paths"), [(1, 1), (2, 2), (3, 5), (4, 26), (5, 677)])
def test_a_fractal_block_has_the_paths_layers_and_depth_of_its_rule(columns, paths):
    block = Fractal(columns, 2, lambda inputs: Dense(Places(), inputs, 2), 0.0, np.random.default_rng(0))
    assert ends_of(block) == (paths, 2**columns - 1, 2 ** (columns - 1))
    assert count_paths(columns) == paths


def test_a_block_of_copies_of_the_identity_is_the_identity():
    net = network(fractal=3, hidden=(6,), activation="linear")
    x = np.zeros((1, net.n_dof))
    for number in range(7):
        x[:, number * 42 : number * 42 + 36] = np.eye(6).ravel()
    x[:, 7 * 42 : 7 * 42 + 18] = np.eye(3, 6).ravel()
    np.testing.assert_allclose(net.logits(x)[0], net.data.inputs[:, :3], rtol=1e-13)


# --- windows --------------------------------------------------------------------------------------------------------


def test_windows_cover_the_grid_in_order():
    shape, seen = windows_of((3, 4), 2, 1)
    assert shape == (2, 3)
    assert seen.tolist()[0] == [0, 1, 4, 5] and seen.tolist()[3] == [4, 5, 8, 9]
    assert windows_of((5,), 2, 2)[1].tolist() == [[0, 1], [2, 3]]


def test_local_weights_that_are_equal_are_shared_ones():
    given = {"hidden": (2,), "stride": 1}
    local, shared = network(connections="local", **given), network(connections="shared", **given)
    few = configurations(shared)
    many = np.concatenate(
        [np.tile(few[:, :4].reshape(2, 1, 4), (1, 5, 1)).reshape(2, -1),
         np.tile(few[:, 4:6].reshape(2, 1, 2), (1, 5, 1)).reshape(2, -1), few[:, 6:]], axis=1,
    )  # fmt: skip
    np.testing.assert_allclose(local.logits(many), shared.logits(few), rtol=1e-12)
    assert local.n_dof == shared.n_dof + 4 * 6


def test_a_shared_layer_moves_with_its_input():
    net = network(connections="shared", hidden=(2,), stride=1)
    x = configurations(net)
    x[:, 6:] = 0.0
    x[:, 6 : 6 + 10] = np.array([1, 1, 0, 0, 0, 0, 0, 0, 0, 0])  # the first output sees the first window
    x[:, 16 : 16 + 10] = np.array([0, 0, 1, 1, 0, 0, 0, 0, 0, 0])  # the second output the second one
    rows = net.data.inputs
    shifted = np.hstack([rows[:, 1:], np.zeros((12, 1))])
    np.testing.assert_allclose(net.logits(x, rows)[..., 1], net.logits(x, shifted)[..., 0], rtol=1e-12)


# --- polynomials ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", [2, 3])
def test_a_minimum_of_a_quadratic_network_has_the_flat_directions_of_its_symmetry(hidden):
    # f = Σ_k v_k (w_k·x + b_k)² + c: h(h+1)/2 zero modes (rotations that keep Σ v_k u_k u_k' and rescalings).
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((60, 4))
    given = {"hidden": hidden, "activation": "square", "loss": "mse", "sigma_b": 1.0}
    student = StructuredNetwork(Dataset(name="given", inputs=inputs, targets=np.zeros((60, 1))), **given)
    x = student.start(1, rng)
    exact = StructuredNetwork(Dataset(name="given", inputs=inputs, targets=student.logits(x)[0]), **given)
    assert exact.energy(x)[0] == 0.0
    values = np.linalg.eigvalsh(exact.hessian(x[0]))
    assert (np.abs(values) < 1e-11 * values.max()).sum() == hidden * (hidden + 1) // 2


# --- tables, tasks and errors ---------------------------------------------------------------------------------------


def test_equal_structures_have_equal_tables():
    short = StructuredNetwork.resolve({"activation": [0, 0, 1.0, 0.0], "hidden": 7})
    assert short == StructuredNetwork.resolve({"activation": "square", "hidden": [7], "dropout": 0, "fractal": 1.0})
    assert StructuredNetwork.resolve(short) == short and short["grid"] is None
    assert task_identity({"landscape": short}) != task_identity({"landscape": {**short, "skip": True}})


EVERY_PROBE = {
    "energy": {}, "accuracy": {}, "weight_spectra": {}, "error_signal": {}, "hessian_course": {"top": 3},
    "hessian_spectrum": {}, "hessian_structure": {}, "jacobian_rank": {}, "data_covariance": {"pairs": 5, "levels": 0},
    "random_slice": {"points": 3}, "aligned_overlap": {}, "barriers": {"points": 3}, "final": {},
}  # fmt: skip


@pytest.mark.parametrize("switches", [
    {"normalisation": "batch"}, {"fractal": 2, "drop_path": 0.2, "dropout": 0.1},
    {"connections": "local", "stride": 1, "hidden": [2]}, {"skip": True, "normalisation": "layer", "hidden": [4, 4]},
])  # fmt: skip
def test_a_task_with_every_probe_of_networks_runs_on_it_and_has_memory_planned(switches):
    options = {"n_train": 20, "n_test": 10, "pca": 5}
    table = StructuredNetwork.resolve({"data_options": options, "hidden": [4], **switches})
    StructuredNetwork.refuse_oversize({"kind": "StructuredNetwork", "revision": 1, **table})
    assert StructuredNetwork.task_memory_bytes(table, 3) > 8 * 20 * 5
    physics = {
        "landscape": {"kind": "StructuredNetwork", **table},
        "dynamics": {"kind": "SGD", **SGD.resolve({"learning_rate": 0.1, "batch": 5})},
        "schedule": {"kind": "linear", "every": 20}, "probes": EVERY_PROBE, "replicas": 2, "sample": 0, "seed": 1,
    }  # fmt: skip
    found = simulate(physics, 40.0).variables
    energy = found["trajectory/energy"].data
    assert (energy[:, -1] < energy[:, 0]).all()
    assert np.abs(found["spectrum/operator_residual"].data).max() < 1e-12
    np.testing.assert_allclose(found["trajectory/train_accuracy"].data[:, -1], found["endpoint/train_accuracy"].data)
    net = StructuredNetwork(**table)
    assert net.layers(net.start(1, np.random.default_rng(0)))[0].name == ("layer1.1" if net.fractal > 1 else "layer1")
    assert sum(net.blocks) == net.n_dof and found["aligned_overlap/aligned"].attributes["symmetry_order"] > 1


def test_a_normalised_network_is_fitted_to_zero_loss():
    rng = np.random.default_rng(0)
    data = Dataset(name="drawn", inputs=rng.standard_normal((9, 4)), targets=rng.standard_normal((9, 1)))
    net = StructuredNetwork(data, hidden=(6,), loss="mse", normalisation="batch")
    fit = LevenbergMarquardt()
    state = fit.advance(net, fit.init(net, net.start(2, rng), np.zeros(2, np.uint64)), 60)
    assert (state.status == 1).all() and (net.energy(state.x) < 1e-24).all()


MISFITS = (
    ({"connections": "local", "grid": [5, 5]}, "25 positions, but a pattern has 64 inputs"),
    ({"connections": "local", "window": 65}, "wider than a grid of 64"),
    ({"connections": "shared", "window": 3, "grid": [8, 8], "hidden": [2, 2, 2]}, "window = 3: wider than a grid of 1"),
    ({"skip": True, "hidden": [30, 20]}, "64, 30, 20"),
    ({"hidden": [], "dropout": 0.1, "normalisation": "batch"}, "normalisation and dropout: acts on hidden layers"),
)


@pytest.mark.parametrize(("given", "words"), MISFITS)
def test_a_structure_that_does_not_fit_the_data_is_refused_while_it_is_validated(given, words):
    with pytest.raises(InputError, match=words) as caught:
        StructuredNetwork.resolve(given, "landscape")
    assert "\n" not in str(caught.value)


def test_where_only_reading_tells_the_number_of_inputs_a_misfit_is_refused_before_the_tasks():
    # Two of one data set: each has its own complaint. Three of the 64 pixels are dark in all these images.
    options = {"n_train": 400, "drop_constant": True}
    tables = {
        grid[0]: {"landscape": {"kind": "StructuredNetwork", **StructuredNetwork.resolve(
            {"connections": "local", "grid": grid, "data_options": options})}, "replicas": 1}
        for grid in ([61], [63], [64])
    }  # fmt: skip
    found = {key: line.split(",")[0] for key, line in missing_data(tables).items()}
    assert found == {63: "grid = [63]: 63 positions", 64: "grid = [64]: 64 positions"}


def test_wrong_arguments_are_refused():
    net = network()
    x = configurations(net)
    for call, words in (
        (lambda: net.hvp(x, x[:1]), "directions"),
        (lambda: net.hvp_block(x, x), "one configuration"),
        (lambda: net.jacobian(x), "one configuration"),
        (lambda: net.logits(x, np.zeros((3, 5))), "expected"),
        (lambda: net.gradient_batch(x, np.full((2, 1), 12)), "patterns are 0 to 11"),
    ):
        with pytest.raises(InputError, match=words):
            call()
