"""A torch module with its loss on fixed patterns, as a scalar function of one flat tensor of parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from spinnet.landscapes.torch_checks import check_steady, find_reduction, single_losses
from spinnet.landscapes.torch_package import differentiable_attention
from spinnet.landscapes.torch_parameters import ParameterLayout, activation_bytes

_COPIES = 6  # of the activations that a second derivative holds at once, about


class TorchModel:
    """E(w) = Σ_μ [ℓ(f_w(ξ^μ), y^μ) + (λ/2)|w|²] of tensors on one device; what is no such function is refused here.

    Parameters
    ----------
    module
        As :func:`~spinnet.landscapes.torch_parameters.prepare` gives.
    patterns
        (inputs, targets) on the device of the module.
    reduction
        "mean", "sum" or "auto".
    joint
        Whether patterns depend on one another (batch normalisation).
    whole_statistics
        Whether a minibatch is normalised by all patterns.
    memory
        Bytes that activations may take.

    Raises
    ------
    InputError
        As :mod:`spinnet.landscapes.torch_checks`.
    """

    def __init__(
        self, torch: ModuleType, module: Any, loss: Callable, layout: ParameterLayout, patterns: tuple[Any, Any],
        own: Any, weight_decay: float, reduction: str, joint: bool, whole_statistics: bool, memory: int,
    ):  # fmt: skip
        self._torch, self.module, self._loss, self._layout = torch, module, loss, layout
        self.inputs, self.targets = patterns
        self._decay, self._joint, self._whole_statistics = weight_decay, joint, whole_statistics
        check_steady(torch, module, lambda: self.answer(own, self.inputs), self.inputs)
        with torch.no_grad():
            answers = self.answer(own, self.inputs)
        self.reduction = find_reduction(torch, loss, answers, self.targets, reduction)
        self._memory, self._pattern_bytes = memory, activation_bytes(torch, module, self.inputs)
        fitting = max(1, memory // (_COPIES * self._pattern_bytes))
        #: How many patterns go through together.
        self.piece = self.count if joint else min(self.count, fitting)

    @property
    def count(self) -> int:
        """Number of patterns."""
        return len(self.inputs)

    def answer(self, w: Any, inputs: Any) -> Any:
        """Outputs of the module with the flat parameters ``w``."""
        parts, at = {}, 0
        for name, shape in zip(self._layout.names, self._layout.shapes, strict=True):
            size = math.prod(shape)
            parts[name] = w[at : at + size].view(shape)
            at += size
        with differentiable_attention(self._torch):
            return self._torch.func.functional_call(self.module, parts, (inputs,))

    def total(self, w: Any, inputs: Any, targets: Any) -> Any:
        """The part of the energy that these patterns give: a differentiable scalar."""
        return self._energy(w, self.answer(w, inputs), targets)

    def part(self, w: Any, terms: Any) -> Any:
        """The part of the energy that a minibatch gives."""
        if not self._whole_statistics:
            return self.total(w, self.inputs[terms], self.targets[terms])
        return self._energy(w, self.answer(w, self.inputs)[terms], self.targets[terms])

    def _energy(self, w: Any, answers: Any, targets: Any) -> Any:
        value = self._loss(answers, targets)
        if self.reduction == "mean":
            value = value * len(answers)
        return value + (0.5 * self._decay * len(answers)) * (w * w).sum() if self._decay else value

    def losses(self, w: Any, inputs: Any, targets: Any) -> Any:
        """ℓ of each pattern by itself, without weight decay, shape (patterns,)."""
        piece = len(inputs) if self._joint else self.piece
        with self._torch.no_grad():
            parts = [
                single_losses(self._torch, self._loss, self.answer(w, inputs[k : k + piece]), targets[k : k + piece])
                for k in range(0, len(inputs), piece)
            ]
        return self._torch.cat(parts)

    def pieces(self) -> Iterator[tuple[Any, Any]]:
        """All patterns, in as many pieces as memory asks for."""
        for first in range(0, self.count, self.piece):
            yield self.inputs[first : first + self.piece], self.targets[first : first + self.piece]

    def rows(self, count: int, patterns: int) -> Iterator[slice]:
        """``count`` replicas or directions on so many patterns each, in as many pieces as memory asks for."""
        together = max(1, self._memory // (_COPIES * self._pattern_bytes * patterns))
        for first in range(0, count, together):
            yield slice(first, min(first + together, count))
