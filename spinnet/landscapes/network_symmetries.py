"""Transformations of a network's weights that leave its energy alone, and distances modulo them.

The units of a hidden layer can be exchanged; a unit with an odd φ can change sign (its incoming weights and bias, and
its outgoing weights), a ReLU can be scaled by any positive number on its way in and divided by it on the way out; and
a constant added to all outputs does not change the cross-entropy. Two networks that are the same function in this
sense are far apart in weight space: overlaps, barriers and numbers of minima mean little before that is divided out.
"""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spinnet.errors import InputError
from spinnet.landscapes.base import Landscape
from spinnet.landscapes.unit_exchanges import ExchangeSymmetry

#: One group element: for each hidden layer which unit comes where, and the factor of what comes in.
Element = list[tuple[np.ndarray, np.ndarray]]

_SWEEPS = 1000  # over the layers at most
_BALANCED = 1e-13  # relative change of a scale at which the gauge is fixed
_BETTER = 1e-12  # of |x||reference|: what counts as a better match


class Symmetric(Landscape):
    """Capability: a known group of transformations of x that leave the energy unchanged."""

    #: For messages: landscapes that are one.
    met_by: ClassVar[str] = "DenseNetwork, StructuredNetwork, TorchLandscape"

    @property
    @abstractmethod
    def symmetry(self) -> UnitSymmetry | ExchangeSymmetry:
        """The group, and how it acts."""

    @property
    def symmetry_order(self) -> int:
        """Number of elements of the discrete part of the group; continuous parts are fixed by :meth:`fix_gauge`."""
        return self.symmetry.order

    def fix_gauge(self, x: np.ndarray) -> np.ndarray:
        """The point of each row's continuous orbit that is nearest to the origin, same energy; ``(replicas, n)``."""
        return self.symmetry.fix_gauge(self.check(x))

    def align(self, x: np.ndarray, reference: np.ndarray, starts: int = 8) -> np.ndarray:
        """The rows of ``x`` brought as near as the symmetries allow to those of ``reference``, same energy.

        See :meth:`UnitSymmetry.align`. Compare the result with ``fix_gauge(reference)``.
        """
        return self.symmetry.align(self.check(x), self.check(np.atleast_2d(reference)), starts)


@dataclass(frozen=True)
class UnitSymmetry:
    """Exchanges of hidden units, with signs and scales, for the flat weights of a dense network.

    Weights lie layer after layer, W row by row (n_out × n_in) and then b. An element sends unit π(j) of a hidden
    layer to place j: row j of W and entry j of b become f_j times row π(j), column j of the next W becomes 1/f_j
    times column π(j).

    Parameters
    ----------
    widths
        Inputs, hidden layers, outputs.
    signs
        Factors −1 are allowed: φ is odd.
    scales
        Positive factors are allowed: φ(cz) = cφ(z), and no weight decay.
    shifts
        The same row vector may be added to all rows of the last (W, b): cross-entropy, and no weight decay.
    """

    widths: tuple[int, ...]
    signs: bool = False
    scales: bool = False
    shifts: bool = False

    @property
    def hidden(self) -> tuple[int, ...]:
        """Widths of the hidden layers."""
        return self.widths[1:-1]

    @property
    def order(self) -> int:
        """∏_l h_l!, times 2^{h_l} with signs."""
        return math.prod(math.factorial(h) * (2**h if self.signs else 1) for h in self.hidden)

    def fix_gauge(self, x: np.ndarray) -> np.ndarray:
        """The point of least |x| on each row's orbit under scales and shifts, a new array ``(replicas, n)``.

        Scales are balanced, Σ_incoming w² (with the bias) = Σ_outgoing w² for every unit, layer by layer until nothing
        changes: log Σ is convex in the logarithms of the scales, so there is one such point. A unit without incoming or
        without outgoing weights is left as it is. The mean over outputs is taken off the last layer.
        """
        x = np.array(x, dtype=np.float64)
        layers = self.layers(x)
        if self.shifts:
            w, b = layers[-1]
            w -= w.mean(axis=-2, keepdims=True)
            b -= b.mean(axis=-1, keepdims=True)
        if not self.scales:
            return x
        for _ in range(_SWEEPS):
            most = 0.0
            for (w, b), (after, _) in itertools.pairwise(layers):
                inward = np.einsum("...ji,...ji->...j", w, w) + b * b
                outward = np.einsum("...kj,...kj->...j", after, after)
                alive = np.isfinite(inward * outward) & (inward * outward > 0.0)
                factor = np.where(alive, outward, 1.0) / np.where(alive, inward, 1.0)
                factor = factor**0.25
                w *= factor[..., None]
                b *= factor
                after /= factor[..., None, :]
                most = max(most, float(np.abs(factor - 1.0).max(initial=0.0)))
            if most < _BALANCED or len(self.hidden) == 1:
                return x
        return x

    def align(self, x: np.ndarray, reference: np.ndarray, starts: int = 8) -> np.ndarray:
        """Each row of ``x`` moved to where its inner product with its row of ``reference`` is largest.

        Both are gauge-fixed first; exchanges and signs keep the norm, so the largest product is the least distance.
        With one hidden layer that is one assignment problem, solved exactly. With more, layer after layer is
        matched with its neighbours held until nothing improves (Ainsworth, Hayase & Srinivasa 2023), from the
        weights as they are and from ``starts`` − 1 random elements; the best is taken, which for small widths is the
        best of the group.

        Parameters
        ----------
        x
            ``(replicas, n)``. Rows that are not finite come back as they are.
        reference
            ``(replicas, n)``, or one row ``(1, n)`` for all.

        Notes
        -----
        Cost per row: Σ_l h_l² (h_{l−1} + h_{l+1}) for the products and h_l³ for each assignment.
        """
        if starts < 1:
            raise InputError(f"starts = {starts}: an alignment needs at least 1")
        if len(reference) not in (1, len(x)):
            raise InputError(f"{len(x)} configurations and {len(reference)} references: give as many, or one")
        aligned = self.fix_gauge(x)
        targets = self.fix_gauge(reference)
        for a, row in enumerate(aligned):
            target = targets[a if len(targets) > 1 else 0]
            if self.hidden and np.isfinite(row).all() and np.isfinite(target).all():
                aligned[a] = self._align_row(row, target, starts)
        return aligned

    def act(self, x: np.ndarray, element: Element) -> np.ndarray:
        """The configuration ``x`` (n,) after one element of the group, a new array."""
        x = np.array(x, dtype=np.float64)
        layers = self.layers(x)
        for ((w, b), (after, _)), (order, factor) in zip(itertools.pairwise(layers), element, strict=True):
            w[:] = factor[:, None] * w[order]
            b[:] = factor * b[order]
            after[:] = after[:, order] / factor
        return x

    def random(self, rng: np.random.Generator) -> Element:
        """A uniform element of the discrete group."""
        return [
            (rng.permutation(h), rng.choice((-1.0, 1.0), h) if self.signs else np.ones(h)) for h in self.hidden
        ]

    def elements(self) -> Iterator[Element]:
        """All elements of the discrete group, the identity first."""
        layers = []
        for h in self.hidden:
            signs = list(itertools.product((1.0, -1.0), repeat=h)) if self.signs else [(1.0,) * h]
            layers.append([(np.array(order), np.array(sign)) for order in itertools.permutations(range(h))
                           for sign in signs])  # fmt: skip
        yield from map(list, itertools.product(*layers))

    def orbit(self, x: np.ndarray, most: int = 50_000) -> np.ndarray:
        """All images of one configuration ``x`` (n,): shape ``(order, n)``, copies of symmetric points included.

        Raises
        ------
        InputError
            Where the group has more than ``most`` elements.
        """
        if self.order > most:
            raise InputError(
                f"the symmetry group of hidden layers {', '.join(map(str, self.hidden))} has more than {most} "
                "elements: align instead"
            )
        return np.array([self.act(x, element) for element in self.elements()])

    def layers(self, x: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Views (W, b) of each layer of x ``(…, n)``."""
        found, at = [], 0
        for n_in, n_out in itertools.pairwise(self.widths):
            w = x[..., at : at + n_in * n_out].reshape(*x.shape[:-1], n_out, n_in)
            at += n_in * n_out
            found.append((w, x[..., at : at + n_out]))
            at += n_out
        if x.shape[-1] != at:
            raise InputError(f"weights of shape {x.shape}: the last dimension must be {at}")
        return found

    def _align_row(self, row: np.ndarray, target: np.ndarray, starts: int) -> np.ndarray:
        best, reached = row, -np.inf
        # One hidden layer is solved at once, whatever the start. The starts are drawn anew for each row: what becomes
        # of a row does not depend on the others.
        rng = np.random.default_rng(len(row))
        for start in range(starts if len(self.hidden) > 1 else 1):
            found, product = self._ascend(row if start == 0 else self.act(row, self.random(rng)), target)
            if product > reached:
                best, reached = found, product
        return best

    def _ascend(self, row: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
        """Match layer by layer until nothing improves: where that ends, and the product there."""
        from scipy.optimize import linear_sum_assignment

        row = row.copy()
        product, enough = float(row @ target), _BETTER * np.linalg.norm(row) * np.linalg.norm(target)
        wanted, layers = self.layers(target), self.layers(row)
        for _ in range(_SWEEPS):
            for k, h in enumerate(self.hidden):
                (w, b), (after, _) = layers[k], layers[k + 1]
                (aim, aim_b), (aim_after, _) = wanted[k], wanted[k + 1]
                gain = aim @ w.T + np.outer(aim_b, b) + aim_after.T @ after
                places, order = linear_sum_assignment(np.abs(gain) if self.signs else gain, maximize=True)
                factor = np.ones(h)
                if self.signs:
                    factor[gain[places, order] < 0.0] = -1.0
                w[:] = factor[:, None] * w[order]
                b[:] = factor * b[order]
                after[:] = after[:, order] * factor
            now = float(row @ target)
            if now <= product + enough:
                break
            product = now
        return row, float(row @ target)
