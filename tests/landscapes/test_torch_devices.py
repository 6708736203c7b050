"""Nothing of the CPU enters where a model is evaluated elsewhere: followed with tensors without numbers.

This stands in for an accelerator, which the machines of the tests do not have: it shows that every tensor is made where
the model is, not that the numbers come out.
"""

from __future__ import annotations

import copy

import numpy as np
import pytest
from reference.optional import require_torch

from spinnet.landscapes import TorchLandscape


def everything_elsewhere(torch, landscape):
    """Devices of gradients, minibatch gradients, Hessian products and losses with all tensors on the device "meta"."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    model, func = copy.copy(landscape._model), torch.func
    model.module = copy.deepcopy(model.module)
    held = [(part, kind, name, tensor.shape, tensor.dtype) for part in model.module.modules()
            for kind in ("_parameters", "_buffers") for name, tensor in getattr(part, kind).items()
            if tensor is not None]  # fmt: skip
    patterns = [(part.shape, part.dtype) for part in (model.inputs, model.targets)]
    with FakeTensorMode(allow_non_fake_inputs=False):
        for part, kind, name, shape, dtype in held:
            tensor = torch.empty(shape, dtype=dtype, device="meta")
            getattr(part, kind)[name] = (
                torch.nn.Parameter(tensor, requires_grad=False) if kind == "_parameters" else tensor
            )
        model.inputs, model.targets = (torch.empty(shape, dtype=dtype, device="meta") for shape, dtype in patterns)
        w = torch.empty((3, landscape.n_dof), dtype=torch.float64, device="meta")
        terms = torch.empty((3, 5), dtype=torch.int64, device="meta")

        def slope(at):
            return func.grad(model.total)(at, model.inputs, model.targets)

        found = (
            func.vmap(slope)(w),
            func.vmap(func.grad(model.part))(w, terms),
            func.vmap(lambda at, v: func.jvp(slope, (at,), (v,))[1])(w, w),
            model.losses(w[0], model.inputs, model.targets),
        )
        return {str(tensor.device) for tensor in found}


@pytest.fixture(scope="module")
def torch():
    return require_torch()


def landscape_of(torch, module, loss):
    rng = np.random.default_rng(0)
    data = rng.standard_normal((12, 1, 4, 4)), rng.integers(0, 3, 12)
    return TorchLandscape(module, loss, data, weight_decay=0.1)


def test_every_tensor_is_made_where_the_model_is(torch):
    nn = torch.nn

    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.convolution, self.norm = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)
            self.memory, self.last = nn.GRU(4, 3, batch_first=True), nn.Linear(3, 3)

        def forward(self, x):
            x = torch.tanh(self.norm(self.convolution(x))).flatten(2)
            x = nn.functional.scaled_dot_product_attention(x, x, x)
            return self.last(self.memory(x)[0][:, -1])

    assert everything_elsewhere(torch, landscape_of(torch, Mixed(), nn.CrossEntropyLoss())) == {"meta"}


def test_a_tensor_of_the_cpu_would_be_seen(torch):
    # Deliberately wrong: a loss that makes a tensor of its own, on the CPU whatever the outputs are on.
    def wrong(outputs, targets):
        return (torch.nn.functional.cross_entropy(outputs, targets, reduction="none") * torch.ones(len(outputs))).mean()

    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 3))
    with pytest.raises(RuntimeError, match="device"):
        everything_elsewhere(torch, landscape_of(torch, module, wrong))
