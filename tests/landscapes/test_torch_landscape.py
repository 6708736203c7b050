"""Any PyTorch model is a landscape: equal to the built-in network on the same weights, or refused in words."""

from __future__ import annotations

import importlib
import warnings

import numpy as np
import pytest
from reference.optional import require_torch

import spinnet.landscapes
from spinnet.datasets import load
from spinnet.dynamics.sgd import SGD
from spinnet.errors import InputError
from spinnet.landscapes import DenseNetwork
from spinnet.randomness import counter_keys

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def torch():
    return require_torch()


@pytest.fixture(scope="module")
def digits():
    return load("digits", n_train=40, n_test=20)


def make(module, loss, data, **options):
    return spinnet.landscapes.TorchLandscape(module, loss, data, **options)


def two_layers(torch, digits):
    nn = torch.nn
    return make(
        nn.Sequential(nn.Linear(digits.n_inputs, 4), nn.Tanh(), nn.Linear(4, 10)), nn.CrossEntropyLoss(), digits
    )


def images(count=12, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, 1, 4, 4)), rng.integers(0, 3, count)


def small(torch, *between, outputs=3):
    nn = torch.nn
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 5), *between, nn.Tanh(), nn.Linear(5, outputs))


def relative(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


# --- the same numbers as the built-in network -----------------------------------------------------------------------


@pytest.mark.parametrize("activation, loss", [("tanh", "cross-entropy"), ("relu", "mse")])
def test_it_equals_the_built_in_network_on_the_same_weights(torch, digits, activation, loss):
    nn = torch.nn
    built_in = DenseNetwork(digits, hidden=[6], activation=activation, loss=loss, weight_decay=0.01)
    module = nn.Sequential(
        nn.Linear(digits.n_inputs, 6), nn.Tanh() if activation == "tanh" else nn.ReLU(), nn.Linear(6, 10)
    )
    if loss == "mse":
        one_hot = np.eye(10)
        data, test = (digits.inputs, one_hot[digits.labels]), (digits.test_inputs, one_hot[digits.test_labels])

        def criterion(outputs, targets):
            return 0.5 * ((outputs - targets) ** 2).sum()
    else:
        data, test, criterion = digits, (digits.test_inputs, digits.test_labels), nn.CrossEntropyLoss()
    model = make(module, criterion, data, test_data=test, weight_decay=0.01)
    assert model.reduction == ("sum" if loss == "mse" else "mean") and model.batched
    assert model.n_dof == built_in.n_dof and model.units == built_in.units
    x = built_in.start(3, np.random.default_rng(0))
    v = np.random.default_rng(1).standard_normal(x.shape)
    assert relative(model.energy(x), built_in.energy(x)) < 1e-13
    assert relative(model.energy_terms(x), built_in.energy_terms(x)) < 1e-13
    assert relative(model.gradient(x), built_in.gradient(x)) < 1e-12
    assert relative(model.hvp(x, v), built_in.hvp(x, v)) < 1e-12
    assert relative(model.hvp(x[:1].repeat(3, axis=0), v), built_in.hvp(x[:1].repeat(3, axis=0), v)) < 1e-12
    assert relative(model.hessian(x[0]), built_in.hessian(x[0])) < 1e-12
    terms = np.random.default_rng(2).integers(0, 40, (3, 7))
    assert relative(model.gradient_batch(x, terms), built_in.gradient_batch(x, terms)) < 1e-12
    assert relative(model.train_loss(x), built_in.train_loss(x)) < 1e-13
    assert relative(model.test_loss(x), built_in.test_loss(x)) < 1e-13
    if loss == "cross-entropy":
        assert (model.test_accuracy(x) == built_in.test_accuracy(x)).all()
        assert (model.train_accuracy(x) == built_in.train_accuracy(x)).all()


def test_weights_in_another_order_would_be_seen(torch, digits):
    # Deliberately wrong: the inputs of the first layer reversed, which leaves shapes and norms alone.
    built_in = DenseNetwork(digits, hidden=[4])
    model = two_layers(torch, digits)
    x = built_in.start(1, np.random.default_rng(0))
    wrong = x.copy()
    first = model.layout.slices["0.weight"]
    wrong[:, first] = x[:, first].reshape(4, -1)[:, ::-1].reshape(1, -1)
    assert relative(model.energy(wrong), built_in.energy(x)) > 1e-4


def test_training_follows_that_of_the_built_in_network(torch, digits):
    built_in, model = DenseNetwork(digits, hidden=[4]), two_layers(torch, digits)
    dynamics, x = SGD(0.1, 8, momentum=0.5), built_in.start(2, np.random.default_rng(3))
    ends = []
    for landscape in (built_in, model):
        state = dynamics.init(landscape, x, counter_keys(1, 2, "noise"))
        ends.append(dynamics.advance(landscape, state, 20).x)
    np.testing.assert_allclose(ends[1], ends[0], rtol=0, atol=1e-10)


def test_a_diverged_run_is_kept_and_flagged(torch):
    model = make(small(torch), torch.nn.CrossEntropyLoss(reduction="sum"), images(), weight_decay=1.0)
    dynamics = SGD(1e6, 4)
    state = dynamics.init(model, model.start(2, np.random.default_rng(0)), counter_keys(1, 2, "noise"))
    assert dynamics.advance(model, state, 60).diverged.all()


# --- parameters and starts ------------------------------------------------------------------------------------------


def test_parameters_have_names_and_layers(torch):
    model = make(small(torch), torch.nn.CrossEntropyLoss(), images())
    assert list(model.layout.slices) == ["1.weight", "1.bias", "3.weight", "3.bias"]
    assert model.layout.layers == {"1": slice(0, 85), "3": slice(85, 103)}
    x = model.start(2, np.random.default_rng(0))
    parts = model.unpack(x)
    assert parts["1.weight"].shape == (2, 5, 16)
    np.testing.assert_array_equal(model.layout.pack({name: part[1] for name, part in parts.items()}), x[1])
    outputs = model.module_at(x[1])(torch.tensor(images()[0]).float()).detach().numpy()
    np.testing.assert_allclose(outputs, model.outputs(x)[1], atol=1e-5)


def test_frozen_and_tied_parameters_do_not_count_twice(torch):
    module = small(torch)
    module[1].bias.requires_grad_(False)
    assert make(module, torch.nn.CrossEntropyLoss(), images()).n_dof == 103 - 5
    two = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 16), torch.nn.Tanh(), torch.nn.Linear(16, 16))
    two[3].weight = two[1].weight
    model = make(two, torch.nn.CrossEntropyLoss(), images())
    assert model.n_dof == 256 + 16 + 16
    x, v = model.start(1, np.random.default_rng(0)), np.random.default_rng(1).standard_normal((1, 288))
    slope = (model.energy(x + 1e-5 * v) - model.energy(x - 1e-5 * v)) / 2e-5
    np.testing.assert_allclose(slope, (model.gradient(x) * v).sum(), rtol=1e-6)


def test_a_lazy_module_takes_its_shapes_from_the_data(torch):
    nn = torch.nn
    module = nn.Sequential(nn.Flatten(), nn.LazyLinear(4), nn.Tanh(), nn.LazyLinear(3))
    model = make(module, nn.CrossEntropyLoss(), images())
    assert model.n_dof == 17 * 4 + 5 * 3
    x = model.start(2, np.random.default_rng(0))
    assert (x[0] != x[1]).any()


def test_starts_are_those_of_the_maker_and_leave_the_generator_alone(torch):
    def again():
        return small(torch)

    model = make(again(), torch.nn.CrossEntropyLoss(), images(), initial=again)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    x = model.start(3, np.random.default_rng(4))
    assert torch.equal(before, torch.random.get_rng_state())
    assert (model.start(2, np.random.default_rng(4)) == x[:2]).all() and (x[0] != x[1]).any()
    reset = make(again(), torch.nn.CrossEntropyLoss(), images())
    assert (reset.start(3, np.random.default_rng(4)) == x).all()
    still = make(again(), torch.nn.CrossEntropyLoss(), images(), initial="module")
    assert (still.start(2, np.random.default_rng(4)) == still.at_module()).all()


def test_a_maker_with_a_seed_of_its_own_is_refused(torch):
    def again():
        torch.manual_seed(0)
        return small(torch)

    model = make(again(), torch.nn.CrossEntropyLoss(), images(), initial=again)
    with pytest.raises(InputError, match="sets a seed of its own"):
        model.start(2, np.random.default_rng(0))


def test_the_given_module_is_left_alone(torch):
    module = small(torch, torch.nn.BatchNorm1d(5))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    model = make(module, torch.nn.CrossEntropyLoss(), images())
    x = model.start(2, np.random.default_rng(0))
    model.gradient(x), model.hessian(x[0]), model.energy_terms(x)
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert all(p.requires_grad and p.dtype == torch.float32 for p in module.parameters())


# --- batch normalisation --------------------------------------------------------------------------------------------


def test_batch_norm_takes_the_statistics_of_all_patterns_everywhere_on_a_path(torch):
    nn = torch.nn
    module = small(torch, nn.BatchNorm1d(5)).double()
    inputs, targets = (torch.tensor(part) for part in images())
    for training in (True, False):
        model = make(module.train(training), nn.CrossEntropyLoss(), (inputs, targets))
        ends = model.start(2, np.random.default_rng(0))
        for share in (0.0, 0.3, 1.0):
            x = (1 - share) * ends[:1] + share * ends[1:]
            at = model.module_at(x[0]).train()
            expected = nn.functional.cross_entropy(at(inputs), targets, reduction="sum").item()
            assert abs(model.energy(x)[0] - expected) < 1e-9 * expected
    assert model.has_batch_norm


def test_a_minibatch_is_normalised_by_all_patterns_or_on_demand_by_itself(torch):
    inputs, targets = images()
    module, loss, terms = small(torch, torch.nn.BatchNorm1d(5)), torch.nn.CrossEntropyLoss(), np.array([[0, 3, 5, 9]])
    whole, usual = (make(module, loss, images(), batch_statistics=s) for s in ("all", "minibatch"))
    x = whole.start(1, np.random.default_rng(0))
    h = 1e-5 * np.random.default_rng(1).standard_normal(x.shape)
    slope = (whole.energy_terms(x + h) - whole.energy_terms(x - h))[0, terms[0]].sum() / 2
    np.testing.assert_allclose((whole.gradient_batch(x, terms) * h).sum(), slope, rtol=1e-6)
    alone = make(module, loss, (inputs[terms[0]], targets[terms[0]]))
    np.testing.assert_allclose(usual.gradient_batch(x, terms), alone.gradient(x), atol=1e-10)
    assert relative(usual.gradient_batch(x, terms), whole.gradient_batch(x, terms)) > 1e-2


# --- data -----------------------------------------------------------------------------------------------------------


def test_every_form_of_data_gives_the_same_landscape(torch):
    inputs, targets = images()
    tensors = torch.tensor(inputs), torch.tensor(targets)
    dataset = torch.utils.data.TensorDataset(*tensors)
    loader = torch.utils.data.DataLoader(dataset, batch_size=5)
    module = small(torch)
    prints = {make(module, torch.nn.CrossEntropyLoss(), data).fingerprint
              for data in ((inputs, targets), tensors, dataset, loader, list(zip(*tensors, strict=True)))}  # fmt: skip
    assert len(prints) == 1
    other = make(module, torch.nn.CrossEntropyLoss(), (inputs, targets[::-1].copy()))
    assert other.fingerprint not in prints


def test_data_that_change_are_refused_with_the_remedy(torch):
    tensors = [torch.tensor(part) for part in images()]
    dataset = torch.utils.data.TensorDataset(*tensors)
    shuffling = torch.utils.data.DataLoader(dataset, batch_size=5, shuffle=True)

    class Augmented(torch.utils.data.Dataset):
        def __len__(self):
            return 12

        def __getitem__(self, k):
            return tensors[0][k] + torch.randn(1), tensors[1][k]

    for data, words in ((shuffling, "shuffle=False"), (Augmented(), "random augmentation")):
        with pytest.raises(InputError, match=words):
            make(small(torch), torch.nn.CrossEntropyLoss(), data)


@pytest.mark.parametrize(
    "data, words",
    [
        ((np.zeros((3, 16)), np.zeros(4, int)), "one target for each input"),
        ((np.full((3, 16), np.nan), np.zeros(3, int)), "not finite"),
        ((np.zeros((0, 16)), np.zeros(0, int)), "no pattern"),
        (17, "int are not understood"),
        ("digits", "str are not understood"),
        ([(np.zeros(16), 1, 2)], "not a pair"),
    ],
)
def test_wrong_data_are_refused(torch, data, words):
    with pytest.raises(InputError, match=words):
        make(small(torch), torch.nn.CrossEntropyLoss(), data)


# --- what is no landscape -------------------------------------------------------------------------------------------


def test_dropout_is_refused_and_eval_is_the_remedy(torch):
    module = small(torch, torch.nn.Dropout(0.5))
    with pytest.raises(InputError, match=r"dropout acts in 2.*module.eval\(\)"):
        make(module, torch.nn.CrossEntropyLoss(), images())
    make(module.eval(), torch.nn.CrossEntropyLoss(), images())


def test_a_forward_pass_that_draws_is_told_what_helps(torch):
    class Noisy(torch.nn.Module):
        def __init__(self, kept=None):
            super().__init__()
            self.linear, self.kept = torch.nn.Linear(16, 3), kept

        def forward(self, x):
            x = x.flatten(1)
            noise = self.kept if self.kept is not None else torch.randn_like(x) if self.training else 0.0
            return self.linear(x + noise)

    with pytest.raises(InputError, match=r"draws random numbers.*take the draw out, draw once in __init__") as told:
        make(Noisy(), torch.nn.CrossEntropyLoss(), images())
    assert "dropout" not in str(told.value) and "\n" not in str(told.value)
    for remedy in (Noisy().eval(), Noisy(torch.ones(16))):
        make(remedy, torch.nn.CrossEntropyLoss(), images())


def test_what_is_no_landscape_is_refused_in_one_line(torch):
    nn = torch.nn

    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(16, 3)
            self.register_buffer("count", torch.zeros(1))

        def forward(self, x):
            self.count += 1
            return self.linear(x.flatten(1))

    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(16, 3)
            self.number = nn.Parameter(torch.ones(2, dtype=torch.int64), requires_grad=False)

    class Pair(Whole):
        def forward(self, x):
            return (self.linear(x.flatten(1)),)

    class InPlace(Whole):
        def forward(self, x):
            x += 1.0
            return self.linear(x.flatten(1))

    class Behind(Whole):
        def forward(self, x):
            return self.linear(x.flatten(1)).detach()

    for kind in (Pair, InPlace, Behind):
        kind.made = kind()
        del kind.made.number
    cross, data = nn.CrossEntropyLoss(), images()
    ignored = data[0], np.where(np.arange(12) == 3, -100, data[1])
    weighted = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 9.0]))
    for arguments, words in (
        ((Counting(), cross, data), "changes its buffer 'count'"),
        ((Whole(), cross, data), "parameter 'number' holds int64"),
        ((nn.Flatten(), cross, data), "nothing to move"),
        (("net", cross, data), "give a torch.nn.Module"),
        ((nn.Linear(7, 3), cross, data), r"inputs of shape \(12, 1, 4, 4\)"),
        ((nn.Sequential(nn.Flatten(0), nn.Linear(192, 3)), cross, data), "a row per pattern"),
        ((small(torch), nn.CrossEntropyLoss(reduction="none"), data), r"shape \(12,\), not one number"),
        ((small(torch), nn.MSELoss(), (data[0], data[1].astype(float))), "loss"),
        ((small(torch), lambda outputs, targets: outputs.sum() * float("nan"), data), "is nan"),
        ((small(torch), weighted, data), "reduction='sum'"),
        ((small(torch), 3, data), "loss of type int"),
        ((small(torch), nn.CrossEntropyLoss, data), r"as CrossEntropyLoss\(\)"),
        ((nn.Linear, cross, data), "module is the class Linear"),
        ((small(torch).to("meta"), cross, data), "holds no numbers"),
        ((Pair.made, cross, data), "the logits alone"),
        ((InPlace.made, cross, data), "changes its inputs"),
        ((Behind.made, cross, data), "zero in every parameter"),
        ((small(torch), cross, ignored), "pattern 3 has no finite loss by itself"),
        ((small(torch), cross, (data[0], data[1].astype(str))), "is no tensor"),
        ((small(torch), cross, ({"x": data[0]}, data[1])), "take it apart in the module's forward"),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # PyTorch on broadcasting in the MSE
            with pytest.raises(InputError, match=words) as caught:
                make(*arguments)
        assert "\n" not in str(caught.value)
    make(small(torch), nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 9.0]), reduction="sum"), data)
    with pytest.raises(InputError, match="test_data: inputs of shape"):
        make(small(torch), cross, data, test_data=(data[0][:, :, :3], data[1]))


def test_wrappers_are_taken_off(torch):
    inner = small(torch)
    model = make(torch.nn.DataParallel(inner), torch.nn.CrossEntropyLoss(), images())
    assert list(model.layout.slices) == ["1.weight", "1.bias", "3.weight", "3.bias"]


def test_attention_has_second_derivatives(torch):
    torch.manual_seed(0)

    class Small(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.TransformerEncoderLayer(4, 2, 3, dropout=0.1, batch_first=True)
            self.last = torch.nn.Linear(4, 3)

        def forward(self, x):
            return self.last(self.layer(x[:, 0]).mean(dim=1))

    module = Small().double().eval()
    fused = torch.backends.mha.get_fastpath_enabled()
    model = make(module, torch.nn.CrossEntropyLoss(), images())
    x, v = model.at_module()[None], np.random.default_rng(0).standard_normal((1, model.n_dof))
    assert model.batched and torch.backends.mha.get_fastpath_enabled() == fused
    np.testing.assert_allclose(model.outputs(x)[0], module(torch.tensor(images()[0])).detach(), atol=1e-12)
    slope = (model.gradient(x + 1e-5 * v) - model.gradient(x - 1e-5 * v)) / 2e-5
    assert relative(model.hvp(x, v), slope) < 1e-6


@pytest.mark.parametrize("kind, options", [("LSTM", {"num_layers": 2, "bidirectional": True, "batch_first": True}),
                                           ("GRU", {"bias": False, "num_layers": 2}), ("RNN", {})])  # fmt: skip
def test_recurrent_layers_go_through_together_with_the_same_numbers(torch, kind, options):
    class Recurrent(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = getattr(torch.nn, kind)(4, 3, **options)
            self.last = torch.nn.Linear(6 if "bidirectional" in options else 3, 3)

        def forward(self, x):
            x = x[:, 0] if self.layer.batch_first else x[:, 0].transpose(0, 1)
            answers, state = self.layer(x)
            state = state[1] if kind == "LSTM" else state
            return self.last(answers.mean(dim=1 if self.layer.batch_first else 0)) + state.sum(dim=(0, 2))[:, None]

    module = Recurrent().double()
    model = make(module, torch.nn.CrossEntropyLoss(), images())
    expected = module(torch.tensor(images()[0])).detach().numpy()
    assert model.batched
    np.testing.assert_allclose(model.outputs(model.at_module()[None])[0], expected, atol=1e-13)


def test_a_dense_hessian_that_memory_does_not_hold_is_refused():
    from spinnet.landscapes.torch_checks import check_dense

    check_dense(1000)
    with pytest.raises(InputError, match="use hvp_block, or the Lanczos quadrature"):
        check_dense(10**7)


def test_options_are_checked(torch):
    for options, words in (
        ({"dtype": "float16"}, "dtype"), ({"weight_decay": -1}, "weight_decay"), ({"device": "gpu"}, "device"),
        ({"initial": "random"}, "initial"), ({"reduction": "sum"}, "leave reduction out"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            make(small(torch), torch.nn.CrossEntropyLoss(), images(), **options)
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="no CUDA device here: use device = 'cpu'"):
            make(small(torch), torch.nn.CrossEntropyLoss(), images(), device="cuda")


def test_a_module_that_vmap_cannot_take_is_evaluated_one_by_one(torch):
    class Deciding(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(16, 3)

        def forward(self, x):
            z = self.linear(x.flatten(1))
            return z if float(z.sum()) > 1e9 else torch.tanh(z)

    torch.manual_seed(0)
    with pytest.warns(UserWarning, match="one by one"):
        slow = make(Deciding(), torch.nn.CrossEntropyLoss(), images())
    quick = make(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 3), torch.nn.Tanh()),
                 torch.nn.CrossEntropyLoss(), images())  # fmt: skip
    x = quick.start(3, np.random.default_rng(0))
    v = np.random.default_rng(1).standard_normal(x.shape)
    assert not slow.batched and quick.batched
    np.testing.assert_allclose(slow.gradient(x), quick.gradient(x), atol=1e-12)
    np.testing.assert_allclose(slow.hvp(x, v), quick.hvp(x, v), atol=1e-12)
    np.testing.assert_allclose(slow.hessian(x[0]), quick.hessian(x[0]), atol=1e-12)


def test_little_memory_changes_nothing_but_rounding(torch):
    module = small(torch)
    whole, pieces = (make(module, torch.nn.CrossEntropyLoss(), images(), memory_bytes=m) for m in (2**30, 12000))
    x = whole.start(4, np.random.default_rng(0))
    np.testing.assert_allclose(pieces.gradient(x), whole.gradient(x), atol=1e-12)
    np.testing.assert_allclose(pieces.hessian(x[0]), whole.hessian(x[0]), atol=1e-12)


def test_shuffled_targets_are_the_same_targets(torch):
    model = make(small(torch), torch.nn.CrossEntropyLoss(), images())
    null = model.with_shuffled_targets(np.random.default_rng(0))
    x = model.start(1, np.random.default_rng(0))
    assert null.n_dof == model.n_dof and abs(null.energy(x) - model.energy(x)) > 0
    assert (null.start(2, np.random.default_rng(1)) == model.start(2, np.random.default_rng(1))).all()


def test_without_pytorch_one_line_says_what_to_install(monkeypatch):
    real = importlib.import_module

    def absent(name, *rest):
        if name.split(".")[0] == "torch":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(InputError, match=r"pip install 'spinnet\[torch\]'"):
        from spinnet.landscapes import TorchLandscape  # noqa: F401
