"""Recurrent layers written out step by step: PyTorch's own take no block of replicas, and no second derivative."""

from __future__ import annotations

import types
from types import ModuleType
from typing import Any


def unroll(torch: ModuleType, module: Any) -> None:
    """Give every RNN, LSTM and GRU in ``module`` a forward pass of plain products; the numbers are the same.

    Left as they are: layers with dropout that acts, with projections, and calls with packed or unbatched sequences.
    """
    for part in module.modules():
        if isinstance(part, torch.nn.RNN | torch.nn.LSTM | torch.nn.GRU):
            part.forward = types.MethodType(_forward(torch, part.forward), part)


def _forward(torch: ModuleType, original: Any) -> Any:
    def forward(layer: Any, given: Any, hx: Any = None) -> Any:
        acts = layer.dropout > 0 and layer.training and layer.num_layers > 1
        if not torch.is_tensor(given) or given.ndim != 3 or layer.proj_size or acts:
            return original(given, hx)
        x, long = given.transpose(0, 1) if layer.batch_first else given, layer.mode == "LSTM"
        starts = (hx,) if torch.is_tensor(hx) else hx
        ends: list[tuple] = []
        for number in range(layer.num_layers):
            sides = []
            for side in range(2 if layer.bidirectional else 1):
                first = None if starts is None else tuple(start[len(ends)] for start in starts)
                answers, end = _one_way(torch, layer, x, f"_l{number}{'_reverse' if side else ''}", first, side == 1)
                sides.append(answers)
                ends.append(end)
            x = torch.cat(sides, dim=-1)
        last = tuple(torch.stack(parts) for parts in zip(*ends, strict=True))
        return x.transpose(0, 1) if layer.batch_first else x, last if long else last[0]

    return forward


def _one_way(torch: ModuleType, layer: Any, x: Any, name: str, start: Any, backwards: bool) -> tuple[Any, tuple]:
    """Answers (time, patterns, hidden) of one layer in one direction, and its last state."""
    linear = torch.nn.functional.linear
    own, state = (getattr(layer, f"bias_{kind}{name}") if layer.bias else None for kind in ("ih", "hh"))
    driven, weight = linear(x, getattr(layer, f"weight_ih{name}"), own), getattr(layer, f"weight_hh{name}")
    if start is None:
        nothing = x.new_zeros(x.shape[1], layer.hidden_size)
        start = (nothing, nothing) if layer.mode == "LSTM" else (nothing,)
    answers: list[Any] = [None] * len(x)
    for t in reversed(range(len(x))) if backwards else range(len(x)):
        start = _step(torch, layer.mode, driven[t], linear(start[0], weight, state), start)
        answers[t] = start[0]
    return torch.stack(answers), start


def _step(torch: ModuleType, mode: str, driven: Any, fed: Any, start: tuple) -> tuple:
    if mode == "LSTM":
        let, forget, new, out = (driven + fed).chunk(4, dim=-1)
        cell = torch.sigmoid(forget) * start[1] + torch.sigmoid(let) * torch.tanh(new)
        return torch.sigmoid(out) * torch.tanh(cell), cell
    if mode == "GRU":
        (reset, update, new), (reset_fed, update_fed, new_fed) = driven.chunk(3, dim=-1), fed.chunk(3, dim=-1)
        new = torch.tanh(new + torch.sigmoid(reset + reset_fed) * new_fed)
        share = torch.sigmoid(update + update_fed)
        return ((1.0 - share) * new + share * start[0],)
    return ((torch.tanh if mode == "RNN_TANH" else torch.relu)(driven + fed),)
