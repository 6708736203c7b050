"""The patterns of a torch model as two tensors, from whatever a person has them in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from spinnet.datasets import Dataset
from spinnet.errors import InputError
from spinnet.landscapes.torch_package import first_line

_FORMS = "(inputs, targets) as tensors or arrays, a Dataset, or a DataLoader"


def patterns_of(torch: ModuleType, data: Any, name: str = "data") -> tuple[Any, Any]:
    """Inputs and targets, pattern by pattern: two tensors on the CPU with the same first dimension.

    Parameters
    ----------
    data
        A pair of tensors or arrays, a data set of :mod:`spinnet.datasets` (its training part), a torch ``Dataset`` or
        a ``DataLoader``, which is run through twice: both passes must give the same bits.

    Raises
    ------
    InputError
        For other forms, unequal numbers of patterns, no pattern, inputs that are not finite, or data that change
        from one pass to the next.
    """
    try:
        inputs, targets = _tensors(torch, data)
    except InputError as error:
        raise InputError(name + str(error).removeprefix("data")) from None
    if inputs.ndim == 0 or targets.ndim == 0 or len(inputs) != len(targets):
        raise InputError(
            f"{name}: inputs of shape {tuple(inputs.shape)} and targets of shape {tuple(targets.shape)} do not have "
            "one target for each input: the first dimension of both counts patterns"
        )
    if len(inputs) == 0:
        raise InputError(f"{name} hold no pattern")
    for what, part in (("inputs", inputs), ("targets", targets)):
        if part.is_complex():
            raise InputError(f"{name}: {what} are complex numbers: give real ones")
        if part.is_floating_point() and not bool(torch.isfinite(part).all()):
            raise InputError(f"{name}: {what} hold values that are not finite: remove or replace them")
    return inputs.detach().cpu(), targets.detach().cpu()


def _tensors(torch: ModuleType, data: Any) -> tuple[Any, Any]:
    if isinstance(data, Dataset):
        return torch.tensor(data.inputs), torch.tensor(data.labels if data.targets is None else data.targets)
    if isinstance(data, tuple | list) and len(data) == 2 and all(_is_block(torch, part) for part in data):
        return tuple(part if torch.is_tensor(part) else _tensor(torch, part) for part in data)
    if isinstance(data, tuple | list) and len(data) == 2 and isinstance(data[0], Mapping | tuple | list):
        if any(_is_block(torch, part) for part in (data[0].values() if isinstance(data[0], Mapping) else data[0])) and (
            _is_block(torch, data[1])
        ):
            raise InputError(
                f"data: inputs are a {type(data[0]).__name__} of several tensors, and a module is called with one: "
                "join them in one, and take it apart in the module's forward"
            )
    loader = isinstance(data, torch.utils.data.DataLoader)
    if loader and isinstance(data.sampler, torch.utils.data.RandomSampler):
        raise InputError(
            "data: this DataLoader shuffles, and a landscape is one function: make it with shuffle=False, or give the "
            "data set itself (minibatches are drawn by the dynamics)"
        )
    indexed = not loader and hasattr(data, "__getitem__") and hasattr(data, "__len__")
    if isinstance(data, str | bytes | Mapping) or not (indexed or isinstance(data, Iterable)):
        raise InputError(f"data of type {type(data).__name__} are not understood: give {_FORMS}")
    first = _pass(torch, data, indexed)
    if iter_again := (indexed or iter(data) is not data):
        second = _pass(torch, data, indexed)
    if iter_again and not all(torch.equal(one, other) for one, other in zip(first, second, strict=True)):
        raise InputError(
            "data change from one pass to the next (shuffling or random augmentation), and a landscape is one "
            "function: switch it off, or give (inputs, targets) as tensors"
        )
    return first


def _pass(torch: ModuleType, data: Any, indexed: bool) -> tuple[Any, Any]:
    """One pass through a data set (pattern by pattern) or a loader (batch by batch)."""
    inputs, targets = [], []
    items = (data[k] for k in range(len(data))) if indexed else iter(data)
    join = torch.stack if indexed else torch.cat
    try:
        for item in items:
            if not isinstance(item, tuple | list) or len(item) != 2:
                kind = type(item).__name__ + (f" of {len(item)}" if isinstance(item, tuple | list) else "")
                raise InputError(f"data: an item is a {kind}, not a pair (inputs, targets): give {_FORMS}")
            if isinstance(item[0], Mapping | tuple | list) and not _numbers(item[0]):
                raise InputError(
                    f"data: inputs are a {type(item[0]).__name__} of several things, and a module is called with one "
                    "tensor: join them in one, and take it apart in the module's forward"
                )
            inputs.append(torch.as_tensor(item[0]))
            targets.append(torch.as_tensor(item[1]))
        if not inputs:
            raise InputError("data hold no pattern")
        return join(inputs), join(targets)
    except InputError:
        raise
    except Exception as error:  # whatever a person's own data set raises
        raise InputError(f"data cannot be read: {type(error).__name__}: {first_line(error)}") from None


def _numbers(part: Any) -> bool:
    return isinstance(part, tuple | list) and all(isinstance(x, int | float | tuple | list) for x in part)


def _tensor(torch: ModuleType, array: np.ndarray) -> Any:
    try:
        return torch.tensor(array)
    except TypeError:
        raise InputError(f"data: an array of dtype {array.dtype} is no tensor: give numbers, and classes as integers"
                         ) from None  # fmt: skip


def _is_block(torch: ModuleType, part: Any) -> bool:
    return isinstance(part, np.ndarray) or torch.is_tensor(part)
