"""Derivatives of a scalar function of a flat vector, for many vectors at once where PyTorch can."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

from spinnet.errors import InputError
from spinnet.landscapes.torch_package import first_line


class Transforms:
    """Energy, gradient and Hessian–vector products of ``total(w, inputs, targets)``; gradients of ``part(w, terms)``.

    ``terms`` are the indices of a minibatch. Which way is taken is tried on a few patterns, and compared: all replicas
    through ``vmap`` or one by one, and products forward over reverse or reverse over reverse.

    Attributes
    ----------
    batched : bool
        Whether replicas go through together.
    forward : bool
        Whether products are forward over reverse.
    reason : str
        Why not, where they do not.
    slopes : tensor
        Gradients at ``w`` and at a point beside it.
    """

    def __init__(self, torch: ModuleType, total: Callable, part: Callable, w: Any, inputs: Any, targets: Any):
        self._torch, self._total = torch, total
        self._gradient, self._part_gradient = torch.func.grad(total), torch.func.grad(part)
        self.batched, self.forward, self.reason = False, False, ""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's own, while parts of it are loaded and tried
            self._choose(w, inputs, targets)

    def _choose(self, w: Any, inputs: Any, targets: Any) -> None:
        torch = self._torch
        pair = torch.stack([w, 1.01 * w + 0.01])
        directions = torch.stack([torch.linspace(-1.0, 1.0, len(w)).to(w), torch.ones_like(w)])
        try:
            single = torch.stack([self._gradient(one, inputs, targets) for one in pair])
            self.slopes = single
            terms = torch.arange(len(inputs), device=w.device)
            partial = torch.stack([self._part_gradient(one, terms) for one in pair])
        except Exception as error:  # anything that a person's own model raises
            raise InputError(f"module or loss cannot be differentiated: {first_line(error)}") from None
        for self.forward in (True, False):
            try:
                product = torch.stack([self._product(one, v, inputs, targets)
                                       for one, v in zip(pair, directions, strict=True)])  # fmt: skip
                break
            except Exception as error:
                last = error
        else:
            raise InputError(f"module or loss cannot be differentiated twice: {first_line(last)}") from None
        self.batched = True
        try:
            twice = torch.stack([terms, terms])
            good = (
                self._agree(self.gradient(pair, inputs, targets), single)
                and self._agree(self.gradient_batch(pair, twice), partial)
                and self._agree(self.gradient_batch(pair[0], twice), partial[:1].expand(2, -1))
                and self._agree(self.hvp(pair, directions, inputs, targets), product)
                and self._agree(self.products(pair[0], directions[:1], inputs, targets), product[:1])
            )
            self.energy(pair, inputs, targets)
            self.reason = "" if good else "vmap gives other numbers than single evaluations"
        except Exception as error:
            good, self.reason = False, first_line(error)
        self.batched = good

    def _agree(self, found: Any, expected: Any) -> bool:
        torch = self._torch
        accuracy = 1e-8 if expected.dtype == torch.float64 else 1e-2
        scale = float(expected.abs().nan_to_num(0.0, 0.0, 0.0).max())
        return bool(torch.allclose(found, expected, rtol=accuracy, atol=accuracy * scale, equal_nan=True))

    def _product(self, w: Any, v: Any, inputs: Any, targets: Any) -> Any:
        func = self._torch.func
        if self.forward:
            return func.jvp(lambda at: self._gradient(at, inputs, targets), (w,), (v,))[1]
        return func.vjp(lambda at: self._gradient(at, inputs, targets), w)[1](v)[0]

    def _over(self, function: Callable, in_dims: tuple, *given: Any) -> Any:
        """``function`` for each row of the arguments marked 0, together or one by one."""
        if self.batched:
            return self._torch.func.vmap(function, in_dims=in_dims)(*given)
        count = next(len(part) for part, dim in zip(given, in_dims, strict=True) if dim == 0)
        rows = ([p if dim is None else p[k] for p, dim in zip(given, in_dims, strict=True)] for k in range(count))
        return self._torch.stack([function(*row) for row in rows])

    def energy(self, w: Any, inputs: Any, targets: Any) -> Any:
        """Total of each row of ``w`` (replicas, n) on common patterns."""
        with self._torch.no_grad():
            return self._over(self._total, (0, None, None), w, inputs, targets)

    def gradient(self, w: Any, inputs: Any, targets: Any) -> Any:
        """Its gradient, shape (replicas, n)."""
        return self._over(self._gradient, (0, None, None), w, inputs, targets)

    def gradient_batch(self, w: Any, terms: Any) -> Any:
        """The gradient of each row of ``terms`` (replicas, batch), at a row of ``w`` each, or all at one ``w`` (n,)."""
        return self._over(self._part_gradient, (0 if w.ndim == 2 else None, 0), w, terms)

    def hvp(self, w: Any, v: Any, inputs: Any, targets: Any) -> Any:
        """Hessian of each row of ``w`` times that of ``v``."""
        return self._over(self._product, (0, 0, None, None), w, v, inputs, targets)

    def products(self, w: Any, v: Any, inputs: Any, targets: Any) -> Any:
        """Hessian at one ``w`` (n,) times each row of ``v``: what depends on ``w`` alone is computed once."""
        return self._over(self._product, (None, 0, None, None), w, v, inputs, targets)
