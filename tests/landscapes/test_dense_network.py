"""The network landscape: against a plain loop, PyTorch, finite differences, and what is known of its symmetries."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from reference import network_twin as twin
from reference.optional import require_torch

from spinnet.datasets import Dataset, load
from spinnet.dynamics.sgd import SGD
from spinnet.errors import InputError
from spinnet.landscapes import DenseNetwork
from spinnet.landscapes.base import Differentiable, SumOfTerms
from spinnet.results.schema import task_identity
from spinnet.simulation import simulate

ACTIVATIONS = ("tanh", "relu", "erf", "linear")
LOSSES = ("cross-entropy", "mse", "hinge", "quadratic-hinge", "logistic")
DEPTHS = ((), (5,), (4, 3), (8, 16, 3))


def patterns(count=40, inputs=6, classes=3, seed=5):
    rng = np.random.default_rng(seed)
    return Dataset(
        name="made up", inputs=rng.standard_normal((count, inputs)), labels=rng.integers(0, classes, count),
        test_inputs=rng.standard_normal((count // 2, inputs)), test_labels=rng.integers(0, classes, count // 2),
        n_classes=classes,
    )  # fmt: skip


def network(hidden=(5,), activation="tanh", loss="cross-entropy", **given):
    data = given.pop("data", None) or patterns()
    return DenseNetwork(data=data, hidden=hidden, activation=activation, loss=loss, sigma_b=0.3, **given)


def configurations(net, replicas=3, seed=1):
    rng = np.random.default_rng(seed)
    return net.start(replicas, rng), rng.standard_normal((replicas, net.n_dof))


def rows_of_targets(net):
    """Targets as the class documents them, from the labels."""
    labels, low = net.data.labels, -1.0 if "hinge" in net.loss or net.loss == "logistic" else 0.0
    return np.where(labels[:, None] == np.arange(net.data.n_classes), 1.0, low)


# --- against the plain loop -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_energy_and_gradient_equal_the_plain_loop(activation, loss):
    for hidden in DEPTHS:
        net = network(hidden, activation, loss)
        x, _ = configurations(net, 2)
        energy, gradient = net.energy_and_gradient(x)
        for a in range(2):
            layers = [(w.tolist(), b.tolist()) for w, b in net.unpack(x[a])]
            expected, slopes = twin.energy_and_gradient(
                layers, net.data.inputs.tolist(), rows_of_targets(net).tolist(), activation, loss
            )
            assert energy[a] == pytest.approx(expected, rel=1e-12)
            np.testing.assert_allclose(gradient[a], twin.flatten(slopes), rtol=1e-11, atol=1e-11)


def test_the_plain_loop_with_a_wrong_sign_is_noticed(monkeypatch):
    right = twin.activation
    monkeypatch.setattr(twin, "activation", lambda name, z: (right(name, z)[0], -right(name, z)[1]))
    net = network()
    x, _ = configurations(net, 1)
    layers = [(w.tolist(), b.tolist()) for w, b in net.unpack(x[0])]
    _, slopes = twin.energy_and_gradient(layers, net.data.inputs.tolist(), rows_of_targets(net).tolist(), "tanh",
                                         "cross-entropy")  # fmt: skip
    assert not np.allclose(net.gradient(x)[0], twin.flatten(slopes), rtol=1e-3)


def test_logits_equal_the_plain_loop():
    net = network((4, 3))
    x, _ = configurations(net, 2)
    inputs = np.random.default_rng(2).standard_normal((37, 6))
    found = net.logits(x, inputs)
    for a in range(2):
        layers = [(w.tolist(), b.tolist()) for w, b in net.unpack(x[a])]
        expected = [twin.logits(layers, row, "tanh")[0] for row in inputs.tolist()]
        np.testing.assert_allclose(found[a], expected, rtol=1e-12, atol=1e-13)


# --- against PyTorch ------------------------------------------------------------------------------------------------


def torch_energy(torch, net):
    """The energy as a function of a flat torch vector, written with PyTorch's own layers and losses."""
    inputs, labels = torch.tensor(net.data.inputs), torch.tensor(net.data.labels)
    targets = torch.tensor(rows_of_targets(net))
    phi = {"tanh": torch.tanh, "relu": torch.relu, "erf": torch.erf, "linear": lambda z: z}[net.activation]

    def energy(flat):
        a, at = inputs, 0
        for number, (n_in, n_out) in enumerate(zip(net.widths[:-1], net.widths[1:], strict=True)):
            w = flat[at : at + n_in * n_out].view(n_out, n_in)
            at += n_in * n_out
            z = torch.nn.functional.linear(a, w, flat[at : at + n_out])
            at += n_out
            a = phi(z) if number < len(net.widths) - 2 else z
        if net.loss == "cross-entropy":
            value = torch.nn.functional.cross_entropy(a, labels, reduction="sum")
        elif net.loss == "mse":
            value = 0.5 * torch.nn.functional.mse_loss(a, targets, reduction="sum")
        elif net.loss == "logistic":
            value = torch.nn.functional.softplus(-targets * a, threshold=1e9).sum()
        else:
            gaps = torch.relu(1 - targets * a)
            value = gaps.sum() if net.loss == "hinge" else 0.5 * (gaps**2).sum()
        return value + 0.5 * net.weight_decay * net.n_terms * (flat**2).sum()

    return energy


# PyTorch deprecates parts of itself that it imports late.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_and_hessian_equal_pytorch(activation, loss):
    torch = require_torch()
    hessian = torch.autograd.functional.hessian  # torch.func would import a compiler
    # Every depth meets every activation and every loss once; the deepest meets each pair of them.
    own = DEPTHS[(ACTIVATIONS.index(activation) + LOSSES.index(loss)) % 4]
    for hidden in {own, DEPTHS[-1]}:
        net = network(hidden, activation, loss, weight_decay=1e-3)
        x, v = configurations(net, 2)
        energy = torch_energy(torch, net)
        for a in range(2):
            flat = torch.tensor(x[a], requires_grad=True)
            value = energy(flat)
            np.testing.assert_allclose(net.energy(x)[a], value.item(), rtol=1e-10)
            gradient = torch.autograd.grad(value, flat)[0].numpy()
            np.testing.assert_allclose(net.gradient(x)[a], gradient, rtol=1e-10, atol=1e-12 * np.abs(gradient).max())
            exact = hessian(energy, flat).numpy()
            scale = 1e-12 * np.abs(exact).max()
            np.testing.assert_allclose(net.hessian(x[a]), exact, rtol=1e-10, atol=scale)
            np.testing.assert_allclose(net.hvp(x, v)[a], exact @ v[a], rtol=1e-10, atol=100 * scale)


# --- inner consistency ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", DEPTHS)
@pytest.mark.parametrize("activation", ["tanh", "erf"])
@pytest.mark.parametrize("loss", ["cross-entropy", "mse"])
def test_gradient_and_hvp_are_the_derivatives(hidden, activation, loss):
    net = network(hidden, activation, loss, weight_decay=0.01)
    x, v = configurations(net)
    h = 1e-5
    slope = (net.energy(x + h * v) - net.energy(x - h * v)) / (2 * h)
    np.testing.assert_allclose(np.einsum("ri,ri->r", net.gradient(x), v), slope, rtol=1e-6)
    change = (net.gradient(x + h * v) - net.gradient(x - h * v)) / (2 * h)
    np.testing.assert_allclose(net.hvp(x, v), change, rtol=1e-5, atol=1e-6 * np.abs(change).max())


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_hessian_is_symmetric_and_equals_its_products(activation, loss):
    net = network((4, 3, 5), activation, loss, weight_decay=0.01)
    x, _ = configurations(net, 1)
    matrix = net.hessian(x[0])
    np.testing.assert_array_equal(matrix, matrix.T)
    by_products = Differentiable.hessian(net, x[0])
    np.testing.assert_allclose(matrix, by_products, atol=1e-13 * np.abs(matrix).max())


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("hidden", DEPTHS)
def test_products_with_many_directions_have_the_bits_of_products_one_by_one(hidden, threads):
    net = network(hidden, weight_decay=0.01, threads=threads)
    x, _ = configurations(net, 1)
    v = np.random.default_rng(3).standard_normal((37, net.n_dof))
    one_by_one = np.concatenate([net.hvp(x, row[None]) for row in v])
    np.testing.assert_array_equal(net.hvp_block(x[0], v), one_by_one)
    np.testing.assert_array_equal(net.hvp(np.repeat(x, 37, axis=0), v), one_by_one)


def test_hessian_in_chunks_equals_the_hessian_at_once(monkeypatch):
    net = network((4, 3))
    x, _ = configurations(net, 1)
    at_once = net.hessian(x[0])
    monkeypatch.setattr("spinnet.landscapes.network_hessian._CHUNK_BYTES", 2**14)
    np.testing.assert_allclose(net.hessian(x[0]), at_once, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("hidden", DEPTHS)
def test_the_active_hessian_is_the_whole_one_in_the_span_of_the_inputs(hidden):
    data = patterns()
    data.inputs.flags.writeable = True
    data.inputs[:, 1], data.inputs[:, 4] = 0.7, 2.0 * data.inputs[:, 3] - 0.1  # two of seven dimensions are lost
    net = network(hidden, data=data)
    x, _ = configurations(net, 1)
    whole, (matrix, span) = net.hessian(x[0]), net.active_hessian(x[0])
    assert len(matrix) == span.dimension == net.n_dof - 2 * net.widths[1]
    basis = np.array([span.embed(unit) for unit in np.eye(span.dimension)])
    scale = np.abs(whole).max()
    np.testing.assert_allclose(basis @ basis.T, np.eye(span.dimension), atol=1e-14)
    np.testing.assert_allclose(basis @ whole @ basis.T, matrix, atol=1e-13 * scale)
    np.testing.assert_allclose(basis.T @ matrix @ basis, whole, atol=1e-13 * scale)
    np.testing.assert_allclose(span.project(x[0]), basis @ x[0], atol=1e-13)


def test_with_weight_decay_no_direction_is_flat():
    net = network(weight_decay=0.01, data=patterns(count=4))
    x, _ = configurations(net, 1)
    matrix, span = net.active_hessian(x[0])
    assert span is None
    np.testing.assert_array_equal(matrix, net.hessian(x[0]))


@pytest.mark.parametrize("loss", LOSSES)
def test_energy_is_the_sum_of_its_terms(loss):
    net = network((4, 3), "tanh", loss, weight_decay=0.1)
    x, _ = configurations(net)
    terms = net.energy_terms(x)
    assert terms.shape == (3, 40)
    np.testing.assert_allclose(terms.sum(axis=1), net.energy(x), rtol=1e-13)
    np.testing.assert_allclose(net.energy_density(x), terms.mean(axis=1), rtol=1e-13)
    decay = 0.05 * (x**2).sum(axis=1)
    np.testing.assert_allclose(net.energy_density(x), net.train_loss(x) + decay, rtol=1e-13)


def test_minibatch_of_all_patterns_gives_the_full_gradient():
    net = network(weight_decay=0.1)
    x, _ = configurations(net)
    order = np.random.default_rng(4).permuted(np.tile(np.arange(40), (3, 1)), axis=1)
    np.testing.assert_allclose(net.gradient_batch(x, order), net.gradient(x), rtol=1e-11, atol=1e-12)


def test_minibatches_add_up_to_the_full_gradient():
    net = network((4, 3), loss="quadratic-hinge", weight_decay=0.1)
    x, _ = configurations(net)
    parts = [np.tile(np.arange(first, first + 8), (3, 1)) for first in range(0, 40, 8)]
    np.testing.assert_allclose(sum(net.gradient_batch(x, part) for part in parts), net.gradient(x), rtol=1e-11)


def test_replicas_may_have_batches_of_their_own():
    net = network()
    x, _ = configurations(net)
    terms = np.random.default_rng(4).integers(0, 40, (3, 7))
    together = net.gradient_batch(x, terms)
    for a in range(3):
        np.testing.assert_array_equal(together[a], net.gradient_batch(x[a : a + 1], terms[a : a + 1])[0])


@pytest.mark.parametrize("batch", [1, 10, 40, 70])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_fused_steps_equal_the_plain_loop(batch, momentum):
    net = network((4, 3), weight_decay=0.01)
    x, v = configurations(net)
    terms = np.random.default_rng(4).integers(0, 40, (20, 3, batch))
    fused = net.minibatch_steps(x, 0.01 * v, terms, 0.1, momentum)
    plain = SumOfTerms.minibatch_steps(net, x, 0.01 * v, terms, 0.1, momentum)
    for one, other in zip(fused, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


def test_steps_give_the_same_bits_however_they_are_split():
    x, v = configurations(network((4, 3)), 5)
    terms = np.random.default_rng(4).integers(0, 40, (30, 5, 10))
    whole = network((4, 3)).minibatch_steps(x, 0 * v, terms, 0.1, 0.5)
    net = network((4, 3), threads=3)
    position, velocity = x, 0 * v
    for first, last in ((0, 1), (1, 12), (12, 30)):
        position, velocity = net.minibatch_steps(position, velocity, terms[first:last], 0.1, 0.5)
    np.testing.assert_array_equal(position, whole[0])
    np.testing.assert_array_equal(velocity, whole[1])
    alone = net.minibatch_steps(x[2:3], 0 * v[2:3], terms[:, 2:3], 0.1, 0.5)
    np.testing.assert_array_equal(alone[0][0], whole[0][2])


def test_replicas_and_threads_never_change_a_bit():
    one, many = network((8, 16, 3)), network((8, 16, 3), threads=4)
    x, v = configurations(one, 5)
    for function in ("energy", "gradient", "energy_terms", "test_loss"):
        whole = getattr(one, function)(x)
        np.testing.assert_array_equal(getattr(many, function)(x), whole)
        np.testing.assert_array_equal(getattr(one, function)(x[3:4])[0], whole[3])
    np.testing.assert_array_equal(many.hvp(x, v), one.hvp(x, v))
    np.testing.assert_array_equal(one.hvp(x[3:4], v[3:4])[0], one.hvp(x, v)[3])


def test_arguments_are_left_as_they_were():
    net = network()
    x, v = configurations(net)
    for array in (x, v):
        array.flags.writeable = False
    before = x.copy()
    net.minibatch_steps(x, v, np.zeros((2, 3, 4), dtype=np.int64), 0.1, 0.9)
    net.energy_and_gradient(x)
    net.hvp(x, v)
    np.testing.assert_array_equal(x, before)


def test_a_diverged_replica_is_seen_and_leaves_its_neighbours_alone():
    for loss in LOSSES:
        net = network((4, 3), loss=loss)
        x, v = configurations(net, 3)
        healthy_energy, healthy = net.energy_and_gradient(x)
        terms = np.random.default_rng(4).integers(0, 40, (3, 3, 10))
        stepped = net.minibatch_steps(x, 0 * v, terms, 0.1, 0.9)[0]
        ill = x.copy()
        ill[1] = np.nan
        energy, gradient = net.energy_and_gradient(ill)
        assert np.isnan(energy[1]) and np.isnan(net.energy_terms(ill)[1]).all() and np.isnan(net.test_loss(ill)[1])
        assert np.isnan(gradient[1]).any()
        np.testing.assert_array_equal(energy[[0, 2]], healthy_energy[[0, 2]])
        np.testing.assert_array_equal(gradient[[0, 2]], healthy[[0, 2]])
        np.testing.assert_array_equal(net.minibatch_steps(ill, 0 * v, terms, 0.1, 0.9)[0][[0, 2]], stepped[[0, 2]])
        np.testing.assert_array_equal(net.hvp(ill, v)[[0, 2]], net.hvp(x, v)[[0, 2]])


# --- what is known of the landscape ---------------------------------------------------------------------------------


def test_cross_entropy_has_one_logit_shift_zero_mode_per_last_hidden_unit_and_bias():
    net = network((4, 5))
    x, _ = configurations(net, 1)
    directions = np.zeros((6, net.n_dof))
    for k in range(6):
        w, b = net.unpack(directions[k])[-1]
        (w[:, k] if k < 5 else b)[:] = 1.0
    images = net.hvp(np.repeat(x, 6, axis=0), directions)
    assert np.abs(images).max() < 1e-13 * np.linalg.norm(net.hessian(x[0]), 2)
    eigenvalues = np.linalg.eigvalsh(net.hessian(x[0]))
    assert (np.abs(eigenvalues) < 1e-12 * eigenvalues.max()).sum() == 6


def test_a_constant_input_makes_flat_directions_and_dropping_it_removes_them():
    kept = DenseNetwork(hidden=3, data_options={"n_train": 300})
    dropped = DenseNetwork(hidden=3, data_options={"n_train": 300, "drop_constant": True})
    count = len(kept.data.constant_inputs)
    assert count >= 3 and dropped.data.constant_inputs == ()
    zeros = []
    for net in (kept, dropped):
        eigenvalues = np.linalg.eigvalsh(net.hessian(net.start(1, np.random.default_rng(0))[0]))
        zeros.append((np.abs(eigenvalues) < 1e-11 * eigenvalues.max()).sum())
    assert zeros[0] - zeros[1] == 3 * count


def test_sign_and_permutation_of_hidden_units_leave_a_tanh_network_unchanged():
    net = network((5,))
    x, _ = configurations(net, 1)
    y = x.copy()
    (w1, b1), (w2, _) = net.unpack(y[0])
    order, sign = np.array([3, 0, 4, 1, 2]), np.array([1.0, -1.0, -1.0, 1.0, -1.0])
    w1[:], b1[:], w2[:] = w1[order] * sign[:, None], b1[order] * sign, w2[:, order] * sign
    assert not np.array_equal(x, y)
    np.testing.assert_allclose(net.energy(y), net.energy(x), rtol=1e-13)


def test_rescaling_a_relu_unit_leaves_the_loss_and_multiplies_the_curvature():
    net = network((5,), "relu")
    x, _ = configurations(net, 1)
    y = x.copy()
    (w1, b1), (w2, _) = net.unpack(y[0])
    w1 *= 3.0
    b1 *= 3.0
    w2 /= 3.0
    np.testing.assert_allclose(net.energy(y), net.energy(x), rtol=1e-13)
    first = slice(0, w1.size)
    np.testing.assert_allclose(net.hessian(y[0])[first, first], net.hessian(x[0])[first, first] / 9, atol=1e-12)


def test_a_binary_hinge_has_one_output_of_either_sign():
    net = network(data=patterns(classes=2), loss="quadratic-hinge")
    x, _ = configurations(net)
    assert net.n_outputs == 1
    field = net.logits(x)[..., 0]
    sign = 2.0 * net.data.labels - 1.0
    np.testing.assert_allclose(net.energy(x), 0.5 * (np.maximum(1 - sign * field, 0) ** 2).sum(axis=1), rtol=1e-13)
    np.testing.assert_array_equal(net.train_accuracy(x), (sign * field > 0).mean(axis=1))


def test_a_binary_logistic_loss_is_the_cross_entropy_of_one_answer():
    net = network(data=patterns(classes=2), loss="logistic")
    x, _ = configurations(net)
    assert net.n_outputs == 1
    share = 1.0 / (1.0 + np.exp(-net.logits(x)[..., 0]))
    entropy = -np.log(np.where(net.data.labels == 1, share, 1.0 - share))
    np.testing.assert_allclose(net.energy(x), entropy.sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(net.train_loss(x), entropy.mean(axis=1), rtol=1e-12)


def test_mse_on_real_targets_at_zero_loss_has_the_curvature_of_its_jacobian():
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((8, 4))
    student = DenseNetwork(Dataset(name="given", inputs=inputs, targets=np.zeros((8, 2))), hidden=6, loss="mse")
    x = student.start(1, rng)
    exact = Dataset(name="given", inputs=inputs, targets=student.logits(x)[0])
    net = DenseNetwork(exact, hidden=6, loss="mse")
    assert net.energy(x)[0] == 0.0
    eigenvalues = np.linalg.eigvalsh(net.hessian(x[0]))
    assert (np.abs(eigenvalues) < 1e-11 * eigenvalues.max()).sum() == net.n_dof - 8 * 2
    assert eigenvalues.min() > -1e-11 * eigenvalues.max()


def test_start_has_the_stated_variance_and_adding_replicas_leaves_the_others():
    net = DenseNetwork(hidden=(50, 40), sigma_w=1.5, sigma_b=0.3, data_options={"n_train": 10})
    few, many = (net.start(r, np.random.default_rng(2)) for r in (2, 20))
    np.testing.assert_array_equal(many[:2], few)
    for w, b in net.unpack(many):
        count = w.size
        variance = (w**2).mean() * w.shape[-1] / 1.5**2
        assert abs(variance - 1) < 4 * np.sqrt(2 / count)
        assert abs((b**2).mean() / 0.3**2 - 1) < 4 * np.sqrt(2 / b.size)


def test_unpacked_layers_are_views():
    net = network((4, 3))
    x, _ = configurations(net, 2)
    layers = net.unpack(x)
    assert [w.shape for w, _ in layers] == [(2, 4, 6), (2, 3, 4), (2, 3, 3)]
    assert all(np.shares_memory(w, x) and np.shares_memory(b, x) for w, b in layers)
    flat = np.concatenate([np.concatenate([w[0].ravel(), b[0]]) for w, b in layers])
    np.testing.assert_array_equal(flat, x[0])


def test_accuracies_and_test_loss_are_counted_on_their_own_parts():
    net = network((5,))
    x, _ = configurations(net)
    logits = net.logits(x, net.data.test_inputs)
    labels = net.data.test_labels
    np.testing.assert_array_equal(net.test_accuracy(x), (logits.argmax(-1) == labels).mean(axis=1))
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    np.testing.assert_allclose(net.test_loss(x), -log_p[:, np.arange(20), labels].mean(axis=1), rtol=1e-12)
    np.testing.assert_array_equal(net.train_accuracy(x), (net.logits(x).argmax(-1) == net.data.labels).mean(axis=1))


# --- tables and errors ----------------------------------------------------------------------------------------------


def test_a_resolved_table_is_complete_and_resolves_to_itself():
    table = DenseNetwork.resolve({"hidden": 7, "data_options": {"pca": 20}, "weight_decay": 1.0})
    assert table["hidden"] == [7] and table["weight_decay"] == 1 and "threads" not in table
    assert table["data_options"]["n_test"] is None and table["data_options"]["pca"] == 20
    assert table["data_sha256"] == load("digits").sha256
    assert DenseNetwork.resolve(table) == table
    assert DenseNetwork.resolve({"hidden": (7,), "data": load("digits", pca=20), "weight_decay": 1}) == table
    net = DenseNetwork(**table)
    assert net.widths == (20, 7, 10) and net.weight_decay == 1.0


def saved(path, **arrays):
    path.parent.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    given = {"inputs": rng.standard_normal((60, 5)), "labels": rng.integers(0, 3, 60), **arrays}
    np.savez(path, **given)
    return str(path)


def test_a_data_file_may_move_but_not_change(tmp_path):
    first, moved = saved(tmp_path / "a" / "mine.npz"), saved(tmp_path / "b" / "mine.npz")
    other = saved(tmp_path / "c" / "mine.npz", labels=np.arange(60) % 3)
    tables = [DenseNetwork.resolve({"data": "npz", "data_options": {"file": path}}) for path in (first, moved, other)]
    identities = [task_identity({"landscape": table, "seed": 1}) for table in tables]
    assert identities[0] == identities[1] != identities[2]
    assert tables[0]["data_files"] == {"file": first} and "file" not in tables[0]["data_options"]
    for table, path in zip(tables, (first, moved, other), strict=True):
        assert DenseNetwork.resolve(table) == table
        net = DenseNetwork(**table)
        assert net.data.sha256 == table["data_sha256"] and DenseNetwork.resolve({"data": net.data})["data_files"] == {
            "file": path
        }
    assert DenseNetwork.resolve({"data": "npz", "data_files": {"file": first}}) == tables[0]
    with pytest.raises(InputError, match="keep one of the two"):
        DenseNetwork.resolve({"data": "npz", "data_options": {"file": first}, "data_files": {"file": moved}})
    with pytest.raises(InputError, match=r"data_files\.pca is no path"):
        DenseNetwork.resolve({"data": "npz", "data_files": {"file": first, "pca": 2}})


def test_a_task_whose_data_file_moved_gives_the_same_bits(tmp_path):
    measured = []
    for folder in ("a", "b"):
        table = DenseNetwork.resolve(
            {"data": "npz", "data_options": {"file": saved(tmp_path / folder / "mine.npz")}, "hidden": 3}
        )
        physics = {
            "landscape": {"kind": "DenseNetwork", **table},
            "dynamics": {"kind": "SGD", **SGD.resolve({"learning_rate": 0.1, "batch": 5})},
            "schedule": {"kind": "linear", "every": 5}, "probes": {"energy": {}}, "replicas": 2, "sample": 0, "seed": 1,
        }  # fmt: skip
        measured.append(simulate(physics, 10.0).variables["trajectory/energy"].data)
    np.testing.assert_array_equal(*measured)


def test_downloaded_data_are_compared_with_the_content_that_was_stated(monkeypatch):
    images = np.tile(np.arange(12.0), (60010, 1))
    monkeypatch.setattr("spinnet.datasets.openml._fetch", lambda number: (images, np.array(["3", "7"] * 30005)))
    options = {"n_train": 30, "n_test": 5}
    content = load("mnist", **options).sha256
    assert DenseNetwork("mnist", 3, data_options=options, data_sha256=content).data.sha256 == content
    with pytest.raises(InputError, match="as expected"):
        DenseNetwork("mnist", 3, data_options=options, data_sha256="0" * 64)
    load("xor")  # forget the counterfeit


def test_a_task_s_memory_is_planned_before_it_is_taken(tmp_path):
    net = network()
    net.test_loss(net.gradient(np.zeros((1, net.n_dof))))  # compiled before memory is watched
    rng = np.random.default_rng(0)
    path = saved(tmp_path / "m" / "x.npz", inputs=rng.integers(0, 255, (20000, 100), dtype=np.uint8),
                 labels=rng.integers(0, 10, 20000))  # fmt: skip
    for given, replicas in (
        ({"data": "npz", "data_options": {"file": path}, "hidden": 4}, 4),
        ({"data_options": {"n_train": 200}, "hidden": 20}, 2),
        ({"hidden": 3000, "data_options": {"n_train": 50}}, 3),
    ):
        table = DenseNetwork.resolve(given)
        load("xor")
        planned = DenseNetwork.task_memory_bytes(table, replicas)
        tracemalloc.start()
        net = DenseNetwork(**table)
        x = net.start(replicas, rng)
        net.energy_and_gradient(x)
        net.test_loss(x)
        if net.n_dof <= 5000:
            np.linalg.eigvalsh(np.array(net.hessian(x[0])))
        taken = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        # The 256 MiB are a limit on the sums over patterns, not what a small network takes.
        assert taken < planned < 4 * taken + 2**28, (given, taken / 2**20, planned / 2**20)


def test_memory_grows_with_the_hessian_the_data_and_the_replicas():
    def planned(hidden, replicas=1, data="digits"):
        return DenseNetwork.task_memory_bytes(DenseNetwork.resolve({"hidden": hidden, "data": data}), replicas)

    assert planned(60) - planned(30) == pytest.approx(32 * (4510**2 - 2260**2), rel=0.02)
    assert planned(2000) < planned(60)  # no dense Hessian of 150,010 weights
    assert planned(2000, 100) - planned(2000) > 99 * 8 * 5 * 150010
    assert planned(30, data="cifar-10") > 60000 * 3072 * 8 * 3


def test_a_default_left_out_equals_the_default_written():
    assert DenseNetwork.resolve({}) == DenseNetwork.resolve(
        {"data": "digits", "hidden": [30], "data_options": {"standardise": "global"}, "sigma_w": 1.0}
    )


def test_the_default_network_has_2260_weights():
    net = DenseNetwork()
    assert net.widths == (64, 30, 10) and net.n_dof == 2260 and net.units.unit == "pattern"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"hiden": 3}, "did you mean 'hidden'"),
        ({"hidden": -1}, "hidden = -1"),
        ({"hidden": [3, 0]}, "hidden = 0"),
        ({"hidden": 2.5}, "hidden = 2.5"),
        ({"activation": "tan"}, "did you mean 'tanh'"),
        ({"loss": "crossentropy"}, "did you mean 'cross-entropy'"),
        ({"weight_decay": -1}, "weight_decay"),
        ({"sigma_w": float("nan")}, "sigma_w"),
        ({"data": "digit"}, "did you mean 'digits'"),
        ({"data": 3}, "known data sets"),
        ({"data_options": {"n_trian": 3}}, "did you mean 'n_train'"),
        ({"data_sha256": "00"}, "data_sha256"),
        ({"data": "npz"}, "file is missing"),
    ],
)
def test_wrong_tables_are_refused_in_one_line(given, words):
    with pytest.raises(InputError, match=words) as caught:
        DenseNetwork.resolve(given, "landscape")
    assert "\n" not in str(caught.value)


def test_a_data_set_made_by_hand_has_no_table():
    with pytest.raises(InputError, match="made by hand"):
        DenseNetwork.resolve({"data": patterns()})


def test_wrong_arguments_are_refused():
    net = network()
    x, v = configurations(net)
    zeros = np.zeros((3, 4), dtype=np.int64)
    for call, words in (
        (lambda: net.energy(x[:, :-1]), "expected"),
        (lambda: net.hvp(x, v[:2]), "directions"),
        (lambda: net.hessian(x), "one configuration"),
        (lambda: net.hvp_block(x, v), "one configuration"),
        (lambda: net.hvp_block(x[0], v[:, 1:]), "expected"),
        (lambda: net.gradient_batch(x, zeros[:2]), "expected"),
        (lambda: net.gradient_batch(x, zeros - 1), "patterns are 0 to 39"),
        (lambda: net.gradient_batch(x, zeros + 40), "patterns are 0 to 39"),
        (lambda: net.gradient_batch(x, zeros + 0.5), "indices"),
        (lambda: net.gradient_batch(x, zeros[:, :0]), "at least one"),
        (lambda: net.minibatch_steps(x, v[:2], zeros[None], 0.1, 0), "velocities"),
        (lambda: net.logits(x, np.zeros((4, 5))), "expected"),
        (lambda: net.unpack(x[:, 1:]), "last dimension"),
        (lambda: net.start(0, np.random.default_rng(0)), "replicas"),
        (lambda: DenseNetwork(data="teacher-mlp", data_options={"task": "regression"}, hidden=2), "real targets"),
        (lambda: DenseNetwork(data=patterns(), data_options={"pca": 2}), "data_options"),
        (lambda: DenseNetwork(data=patterns(), data_sha256="12"), "as expected"),
        (lambda: DenseNetwork(data="xor", hidden=2).test_loss(np.zeros((1, 12))), "no test part"),
        (lambda: DenseNetwork(threads=0), "threads"),
    ):
        with pytest.raises(InputError, match=words):
            call()
