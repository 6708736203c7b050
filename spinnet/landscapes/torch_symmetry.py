"""Exchanges of hidden units or channels of a PyTorch model that leave its energy alone, found by trying.

Which units can be exchanged is read off the order of the layers, as if each fed the next, and then tested on the
energy: a model that is put together otherwise (skip connections, attention) keeps only the exchanges that pass. Signs
are tested in the same way, so that nothing need be known about activations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from types import ModuleType
from typing import Any

import numpy as np

from spinnet.landscapes.torch_parameters import ParameterLayout

_SWEEPS = 100
_STARTS = 8  # alignments of more than one layer begin from the weights as they are, then from random exchanges
_BETTER = 1e-12  # of |x||reference|: what counts as a better match


@dataclass(frozen=True)
class Place:
    """Where the units of a group are in one parameter: viewed with ``shape``, they count along ``axis``."""

    where: slice
    shape: tuple[int, ...]
    axis: int

    def view(self, x: np.ndarray) -> np.ndarray:
        """The part of one configuration, units first: a view."""
        return np.moveaxis(x[self.where].reshape(self.shape), self.axis, 0)


@dataclass(frozen=True)
class UnitGroup:
    """The hidden units of one layer: they can be exchanged, and with ``signs`` turned."""

    layer: str
    units: int
    places: tuple[Place, ...]
    signs: bool = False

    def act(self, x: np.ndarray, order: np.ndarray, factor: np.ndarray) -> None:
        """Send unit order[j] to place j, times factor[j], in the configuration ``x`` (n,) itself."""
        for place in self.places:
            part = place.view(x)
            part[:] = factor.reshape(-1, *[1] * (part.ndim - 1)) * part[order]

    def gain(self, x: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Inner products of unit j of ``target`` with unit i of ``x``, shape (units, units)."""
        parts = ((place.view(target).reshape(self.units, -1), place.view(x).reshape(self.units, -1))
                 for place in self.places)  # fmt: skip
        return sum(aim @ own.T for aim, own in parts)


def candidate_groups(torch: ModuleType, module: Any, layout: ParameterLayout) -> Iterator[UnitGroup]:
    """Groups that exchange the outputs of each layer, if its layers feed one another in their order."""
    nn = torch.nn
    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    leaves = [(name, part) for name, part in module.named_modules() if not list(part.children())]
    slices, shapes = layout.slices, dict(zip(layout.names, layout.shapes, strict=True))
    open_group: tuple[str, int, list[Place]] | None = None
    for name, part in leaves:
        own = {key: f"{name}.{key}" if name else key for key, _ in part.named_parameters(recurse=False)}
        if isinstance(part, kinds):
            weight = own.get("weight")
            if open_group is not None and weight in shapes:
                layer, units, places = open_group
                shape = shapes[weight]
                if shape[1] % units == 0:  # channels that were flattened: all pixels of one go together
                    split = (shape[0], units, shape[1] // units, *shape[2:])
                    group = (*places, Place(slices[weight], split, 1))
                    yield UnitGroup(layer, units, group)
            open_group = None
            if weight in shapes and getattr(part, "groups", 1) == 1:
                places = [Place(slices[key], shapes[key], 0) for key in own.values() if key in shapes]
                open_group = name, shapes[weight][0], places
        elif own:
            known = [key for key in own.values() if key in shapes]
            if open_group is None or any(shapes[key] != (open_group[1],) for key in known):
                open_group = None
            else:  # a normalisation: its scale and shift go with the channels
                open_group[2].extend(Place(slices[key], shapes[key], 0) for key in known)


@dataclass(frozen=True)
class ExchangeSymmetry:
    """The groups that passed."""

    groups: tuple[UnitGroup, ...]

    @property
    def order(self) -> int:
        """Number of elements: ∏ h!, times 2^h with signs."""
        return prod(prod(range(1, g.units + 1)) * (2**g.units if g.signs else 1) for g in self.groups)

    def random(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """One configuration ``x`` (n,) after a random element, a new array."""
        x = np.array(x)
        for group in self.groups:
            factor = rng.choice((-1.0, 1.0), group.units) if group.signs else np.ones(group.units)
            group.act(x, rng.permutation(group.units), factor)
        return x

    def align(self, x: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """``x`` (n,) moved to where its inner product with ``reference`` (n,) is largest, as far as found.

        Layer after layer is matched with its neighbours held until nothing improves (Ainsworth, Hayase & Srinivasa
        2023): exact for one group.
        """
        if not (self.groups and np.isfinite(x).all() and np.isfinite(reference).all()):
            return np.array(x)
        rng = np.random.default_rng(len(x))
        starts = [x] + [self.random(x, rng) for _ in range(_STARTS - 1 if len(self.groups) > 1 else 0)]
        found = [self._ascend(start, reference) for start in starts]
        return max(found, key=lambda row: float(row @ reference))

    def _ascend(self, x: np.ndarray, reference: np.ndarray) -> np.ndarray:
        from scipy.optimize import linear_sum_assignment

        x, enough = np.array(x), _BETTER * np.linalg.norm(x) * np.linalg.norm(reference)
        product = float(x @ reference)
        for _ in range(_SWEEPS):
            for group in self.groups:
                gain = group.gain(x, reference)
                places, order = linear_sum_assignment(np.abs(gain) if group.signs else gain, maximize=True)
                factor = np.where(gain[places, order] < 0.0, -1.0, 1.0) if group.signs else np.ones(group.units)
                group.act(x, order, factor)
            now = float(x @ reference)
            if now <= product + enough:
                break
            product = now
        return x


def find_symmetry(landscape: Any) -> ExchangeSymmetry:
    """The exchanges of units of a :class:`~spinnet.landscapes.torch_landscape.TorchLandscape`.

    Each group is tried on a random configuration: one that changes the energy by more than rounding is left out.
    Cost: four energies per layer.
    """
    rng = np.random.default_rng(landscape.n_dof)
    x = landscape.at_module()
    x = x + 0.1 * (np.abs(x).mean() + 0.1) * rng.standard_normal(len(x))  # norms begin at 1: unequal units are needed
    energy = float(landscape.energy(x[None])[0])
    rounding = 1e-9 if landscape.dtype == "float64" else 1e-4
    groups = []
    for group in landscape.candidate_groups():
        order, factor = np.roll(np.arange(group.units), 1), rng.choice((-1.0, 1.0), group.units)
        factor[0] = -1.0
        tried = []
        for turned in (np.ones(group.units), factor):
            moved = np.array(x)
            group.act(moved, order, turned)
            tried.append(abs(float(landscape.energy(moved[None])[0]) - energy) <= rounding * abs(energy))
        if tried[0]:
            groups.append(UnitGroup(group.layer, group.units, group.places, signs=tried[1]))
    return ExchangeSymmetry(tuple(groups))
