"""What makes a PyTorch model no landscape, said in words before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from spinnet.errors import InputError
from spinnet.landscapes.torch_package import first_line
from spinnet.landscapes.torch_parameters import active_dropout
from spinnet.memory import available_memory

_FEW = 8  # patterns from whose losses mean and sum are told apart


def check_steady(
    torch: ModuleType, module: Any, answer: Callable[[], Any], inputs: Any
) -> None:
    """Refuse a module that cannot be evaluated, that answers twice differently, or that changes its buffers.

    Parameters
    ----------
    answer
        Evaluates ``module`` on all patterns.
    inputs
        What it is evaluated on.

    Raises
    ------
    InputError
        In one line, with the remedy.
    """
    patterns, shape, dtype, given = len(inputs), tuple(inputs.shape), inputs.dtype, inputs.clone()
    kept = {name: buffer.clone() for name, buffer in module.named_buffers()}
    try:
        with torch.no_grad():
            first = answer()
    except Exception as error:  # anything that a person's own model raises
        kind = f"{shape} ({str(dtype).removeprefix('torch.')})"
        raise InputError(f"module cannot be evaluated on inputs of shape {kind}: {first_line(error)}") from None
    if not torch.is_tensor(first):
        raise InputError(
            f"module gives a {type(first).__name__}: its forward must return one tensor with a row per pattern, such "
            "as the logits alone"
        )
    if first.ndim == 0 or len(first) != patterns:
        what = f"a tensor of shape {tuple(first.shape)}"
        raise InputError(f"module gives {what} for {patterns} patterns: expected one tensor with a row per pattern")
    if not torch.equal(given, inputs):
        raise InputError("module changes its inputs in place: let forward work on a copy, as x = x + 1 for x += 1")
    changed = [name for name, buffer in module.named_buffers() if not torch.equal(kept[name], buffer)]
    if changed:
        raise InputError(
            f"module changes its buffer {changed[0]!r} when it is evaluated, and a landscape is one function: call "
            "module.eval() before, or take the buffer out"
        )
    with torch.no_grad():
        second = answer()
    rounding = 1e-4 if first.dtype == torch.float32 else 1e-8
    scale = float(first.abs().nan_to_num(0.0, 0.0, 0.0).max()) if first.numel() else 0.0
    if not torch.allclose(first, second, rtol=rounding, atol=rounding * scale, equal_nan=True):
        layers = active_dropout(torch, module)
        if layers:
            why = f"dropout acts in {', '.join(layers)}"
            remedy = "call module.eval() before, or set the dropout probability to 0"
        else:
            why = "its forward pass draws random numbers, or remembers earlier calls"
            # A generator seeded in each call would not do: the draw of a pattern would depend on its minibatch.
            remedy = ("take the draw out, draw once in __init__ and keep it, or draw only if self.training and call "
                      "module.eval() before")  # fmt: skip
        raise InputError(
            f"module gives two answers at one point ({why}), and a landscape is one function: {remedy}"
        )


def find_reduction(torch: ModuleType, loss: Callable, answers: Any, targets: Any, stated: str) -> str:
    """Whether the loss of several patterns is the "mean" or the "sum" of their own; ``stated`` is checked.

    Raises
    ------
    InputError
        For a loss that cannot be evaluated, is not one finite number, or is neither.
    """
    value = _value(torch, loss, answers, targets)
    if not np.isfinite(value):
        raise InputError(
            f"the loss of the module as it was given is {value}: check the scale of inputs and parameters, and the loss"
        )
    answers, targets = answers[:_FEW], targets[:_FEW]
    try:
        with torch.no_grad():
            together = float(loss(answers, targets))
            single = single_losses(torch, loss, answers, targets).cpu().numpy().astype(np.float64)
    except Exception as error:
        raise InputError(f"loss cannot be evaluated on single patterns: {first_line(error)}") from None
    rounding = 1e-4 if answers.dtype == torch.float32 else 1e-8
    expected = {"mean": single.mean(), "sum": single.sum()}
    if not np.isfinite(single).all():
        without = np.flatnonzero(~np.isfinite(single))
        raise InputError(
            f"pattern {without[0]} has no finite loss by itself (a label that the loss ignores?), and an energy is a "
            "sum over patterns: leave such patterns out, or take reduction='sum'"
        )
    good = [name for name, own in expected.items() if abs(own - together) <= rounding * np.abs(single).sum()]
    if not (good if stated == "auto" else stated in good):
        raise InputError(
            f"loss of {len(single)} patterns is {together:.6g}, neither their mean {single.mean():.6g} nor their sum "
            f"{single.sum():.6g}, and an energy is a sum over patterns: a weighted mean, for example, becomes one with "
            "reduction='sum'"
            + _shapes(answers, targets)
            if not good
            else f"reduction = {stated!r}, but the loss is the {good[0]} over patterns: leave reduction out"
        )
    own = getattr(loss, "reduction", None)  # where all losses are zero, or there is one pattern, both fit
    return stated if stated != "auto" else own if own in good else good[0]


def _shapes(answers: Any, targets: Any) -> str:
    """A hint where outputs were spread over targets of another shape."""
    if answers.shape == targets.shape or not targets.is_floating_point():
        return ""
    return (f" (or give targets the shape of the outputs: {('P', *targets.shape[1:])} against "
            f"{('P', *answers.shape[1:])})").replace("'", "")  # fmt: skip


def check_loss(loss: Any) -> None:
    """Refuse what is no function of outputs and targets."""
    if isinstance(loss, type):
        raise InputError(f"loss is the class {loss.__name__}: give one of its kind, as {loss.__name__}()")
    if not callable(loss):
        raise InputError(f"loss of type {type(loss).__name__}: give a function of (outputs, targets)")


def check_test_part(losses: Callable[[], Any], inputs: Any, targets: Any) -> None:
    """Refuse test patterns that the model cannot take."""
    try:
        losses()
    except Exception as error:  # anything that a person's own model raises
        raise InputError(
            f"test_data: inputs of shape {tuple(inputs.shape)} and targets of shape {tuple(targets.shape)} cannot be "
            f"evaluated: {first_line(error)}"
        ) from None


def check_moves(slopes: Any) -> None:
    """Refuse a loss that no parameter moves; ``slopes`` are gradients at two points."""
    if not slopes.any():
        raise InputError(
            "the gradient of the loss is zero in every parameter: the loss does not depend on them, as behind "
            "detach(), no_grad() or argmax()"
        )


def check_dense(n: int) -> None:
    """Refuse a matrix of n × n numbers, its transpose beside it, that memory does not hold."""
    free, needed = available_memory(), 16 * n * n
    if free is not None and needed > free:
        raise InputError(
            f"a dense Hessian of {n} parameters needs {needed / 2**30:.3g} GiB, and {free / 2**30:.3g} GiB are free: "
            "use hvp_block, or the Lanczos quadrature of spinnet.probes.LanczosProbe"
        )


def single_losses(torch: ModuleType, loss: Callable, answers: Any, targets: Any) -> Any:
    """The loss of each pattern by itself, shape (patterns,)."""
    try:
        return torch.func.vmap(lambda a, t: loss(a[None], t[None]))(answers, targets)
    except (RuntimeError, ValueError):
        pairs = zip(answers, targets, strict=True)
        return torch.stack([loss(answer[None], target[None]) for answer, target in pairs])


def _value(torch: ModuleType, loss: Callable, answers: Any, targets: Any) -> float:
    try:
        with torch.no_grad():
            value = loss(answers, targets)
    except Exception as error:
        kind = str(targets.dtype).removeprefix("torch.")
        raise InputError(
            f"loss cannot be evaluated on outputs of shape {tuple(answers.shape)} and targets of shape "
            f"{tuple(targets.shape)} ({kind}): {first_line(error)}"
        ) from None
    if not torch.is_tensor(value):
        raise InputError(f"loss gives a {type(value).__name__}, which cannot be differentiated: return a tensor")
    if value.ndim > 0:
        raise InputError(
            f"loss gives a tensor of shape {tuple(value.shape)}, not one number: take reduction='mean' or 'sum'"
        )
    return float(value)
