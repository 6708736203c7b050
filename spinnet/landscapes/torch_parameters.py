"""A torch module made ready to be a function of one flat vector, and where each of its parameters lies there."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from types import ModuleType
from typing import Any

import numpy as np

from spinnet.errors import InputError, nearest_name
from spinnet.landscapes.network_layers import Layer
from spinnet.landscapes.torch_package import first_line
from spinnet.landscapes.torch_recurrent import unroll


@dataclass(frozen=True)
class ParameterLayout:
    """Names and shapes of the parameters that move, in the order in which they lie in a configuration.

    ``slices[name]`` is where a parameter lies; ``layers`` joins the parameters of one submodule ("0" for "0.weight"
    and "0.bias"), so that results can speak of layers.
    """

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    @property
    def n(self) -> int:
        """Number of coordinates."""
        return sum(math.prod(shape) for shape in self.shapes)

    @property
    def slices(self) -> dict[str, slice]:
        """Where each parameter lies."""
        ends = list(accumulate(math.prod(shape) for shape in self.shapes))
        return {name: slice(start, end) for name, start, end in zip(self.names, [0, *ends], ends, strict=False)}

    @property
    def layers(self) -> dict[str, slice]:
        """Where each submodule with parameters of its own lies; those of the module itself are layer "(module)"."""
        found: dict[str, slice] = {}
        for name, part in self.slices.items():
            layer = name.rpartition(".")[0] or "(module)"
            if layer in found and found[layer].stop != part.start:
                layer = name  # a submodule whose parameters do not lie together
            found[layer] = slice(found[layer].start, part.stop) if layer in found else part
        return found

    def unpack(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Views of each parameter, shape ``(…, *shape)``, for configurations ``(…, n)``.

        Raises
        ------
        InputError
            For another last dimension.
        """
        x = np.asarray(x)
        if x.shape[-1:] != (self.n,):
            raise InputError(f"weights of shape {x.shape}: the last dimension must be {self.n}")
        parts = zip(self.names, self.shapes, self.slices.values(), strict=True)
        return {name: x[..., where].reshape(*x.shape[:-1], *shape) for name, shape, where in parts}

    def filters(self, x: np.ndarray) -> list[Layer]:
        """Weights of more than one dimension, a row for each entry of the first, with the biases beside them."""
        parts = self.unpack(x)
        found = []
        for name, values in parts.items():
            shape = values.shape[np.ndim(x) - 1 :]
            if len(shape) > 1:
                module, _, kind = name.rpartition(".")
                rows = values.reshape(*values.shape[: np.ndim(x) - 1], shape[0], -1)
                biases = parts.get(f"{module}.bias" if module else "bias") if kind == "weight" else None
                fits = biases is not None and biases.shape[-1] == shape[0]
                found.append(Layer(module or name if kind == "weight" else name, rows, biases if fits else None))
        return found

    def pack(self, parameters: Mapping[str, Any], where: str = "parameters") -> np.ndarray:
        """The configuration ``(n,)`` of named arrays; names beyond those of the layout (buffers) are passed over.

        Raises
        ------
        InputError
            For a missing name (with the nearest one there is) or another shape.
        """
        parts = []
        for name, shape in zip(self.names, self.shapes, strict=True):
            if name not in parameters:
                near = nearest_name(name, parameters)
                raise InputError(f"{where}: there is no {name!r}{near}, so it is not of this model")
            value = np.asarray(parameters[name], dtype=np.float64)
            if value.shape != shape:
                raise InputError(f"{where}: {name!r} has the shape {value.shape}, the model's has {shape}")
            parts.append(value.ravel())
        return np.concatenate(parts)


def unwrapped(torch: ModuleType, module: Any) -> Any:
    """The module inside a compiled or data-parallel one, whose parameters it holds."""
    parallel = (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)
    while True:
        if isinstance(module, parallel):
            module = module.module
        elif isinstance(inner := getattr(module, "_orig_mod", None), torch.nn.Module):
            module = inner
        else:
            return module


def prepare(torch: ModuleType, module: Any, inputs: Any, dtype: Any, device: Any) -> Any:
    """A copy of ``module`` in ``dtype`` on ``device`` that neither learns nor remembers; the given one is left alone.

    Batch normalisation uses the statistics of the patterns that it is given, whatever the mode, and keeps none.

    Raises
    ------
    InputError
        For something else than a module, or parameters that are no real numbers.
    """
    if isinstance(module, type) and issubclass(module, torch.nn.Module):
        raise InputError(f"module is the class {module.__name__}: give one of its kind, as {module.__name__}(...)")
    if not isinstance(module, torch.nn.Module):
        raise InputError(f"module of type {type(module).__name__}: give a torch.nn.Module")
    if isinstance(module, torch.jit.ScriptModule):
        raise InputError("module was compiled by TorchScript, which has no torch.func: give the module it was made of")
    if any(part.is_meta for part in module.parameters()):
        raise InputError("module is on the device 'meta', which holds no numbers: make it on the CPU")
    try:
        module = copy.deepcopy(module)
    except Exception as error:  # torch.nn.utils.weight_norm, lazy buffers, locks, open files
        raise InputError(
            f"module cannot be copied ({first_line(error)}): lazy layers need one call of it before, and "
            "torch.nn.utils.weight_norm is replaced by torch.nn.utils.parametrizations.weight_norm"
        ) from None
    if any(torch.nn.parameter.is_lazy(parameter) for parameter in module.parameters()):
        few = inputs[:2].cpu()
        try:
            with torch.no_grad():
                module(few.to(torch.get_default_dtype()) if few.is_floating_point() else few)
        except Exception as error:
            raise InputError(f"module cannot be evaluated on the inputs: {first_line(error)}") from None
    for name, parameter in module.named_parameters():
        if not parameter.is_floating_point():
            kind = str(parameter.dtype).removeprefix("torch.")
            raise InputError(
                f"module: parameter {name!r} holds {kind} numbers, and a landscape moves real ones: register it as a "
                "buffer"
            )
    try:
        module = module.to(device=device, dtype=dtype)
    except (RuntimeError, TypeError) as error:
        raise InputError(f"module cannot be moved to {device} in {dtype}: {first_line(error)}") from None
    torch.func.replace_all_batch_norm_modules_(module)
    unroll(torch, module)
    return module


def prepare_loss(torch: ModuleType, loss: Any, dtype: Any, device: Any) -> Any:
    """A copy of ``loss``, which may be a module with weights of classes, in ``dtype`` on ``device``."""
    loss = copy.deepcopy(loss)
    return loss.to(device=device, dtype=dtype) if isinstance(loss, torch.nn.Module) else loss


def layout_of(module: Any) -> ParameterLayout:
    """Where the parameters that ask for a gradient lie; they ask for none afterwards.

    Raises
    ------
    InputError
        Where there is none.
    """
    moving = {name: tuple(p.shape) for name, p in module.named_parameters() if p.requires_grad}
    if not moving:
        raise InputError("module has no parameter that requires a gradient: there is nothing to move")
    module.requires_grad_(False)
    return ParameterLayout(tuple(moving), tuple(moving.values()))


def values_of(module: Any, layout: ParameterLayout, where: str = "the module") -> np.ndarray:
    """The configuration in which a module stands."""
    return layout.pack({name: p.detach().cpu().numpy() for name, p in module.named_parameters()}, where)


def active_dropout(torch: ModuleType, module: Any) -> list[str]:
    """Names of the dropout layers that act."""
    kind = torch.nn.modules.dropout._DropoutNd
    return [name or type(part).__name__ for name, part in module.named_modules()
            if isinstance(part, kind) and part.training and part.p > 0]  # fmt: skip


def has_batch_norm(torch: ModuleType, module: Any) -> bool:
    """Whether the output for one pattern depends on the others, through batch normalisation."""
    return any(isinstance(part, torch.nn.modules.batchnorm._BatchNorm) for part in module.modules())


def activation_bytes(torch: ModuleType, module: Any, inputs: Any) -> int:
    """Bytes of the outputs of all layers for one pattern, by running a few."""
    counted, few = [0], inputs[:4]

    def count(_part, _given, output) -> None:
        if torch.is_tensor(output):
            counted[0] += output.numel() * output.element_size()

    hooks = [part.register_forward_hook(count) for part in module.modules()]
    try:
        with torch.no_grad():
            module(few)
    finally:
        for hook in hooks:
            hook.remove()
    return max(1, (counted[0] + few.numel() * few.element_size()) // len(few))
