"""Exchanges of hidden units or channels of a PyTorch model that leave its energy alone, found by trying.

Which units can be exchanged is read off the order of the layers, as if each fed the next, and then tested on the
energy: a model that is put together otherwise (attention) keeps only the exchanges that pass. Layers that are added to
one another (skip connections) can only be exchanged together: what fails alone is tried with the others that fail and
have as many units. Signs are tested in the same way, so that nothing need be known about activations.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from spinnet.landscapes.torch_parameters import ParameterLayout
from spinnet.landscapes.unit_exchanges import Element, ExchangeSymmetry, Part, UnitGroup


def candidate_groups(torch: ModuleType, module: Any, layout: ParameterLayout) -> Iterator[UnitGroup]:
    """Groups that exchange the outputs of each layer, if its layers feed one another in their order."""
    nn = torch.nn
    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    leaves = [(name, part) for name, part in module.named_modules() if not list(part.children())]
    slices, shapes = layout.slices, dict(zip(layout.names, layout.shapes, strict=True))
    open_group: tuple[str, int, list[Part]] | None = None
    for name, part in leaves:
        own = {key: f"{name}.{key}" if name else key for key, _ in part.named_parameters(recurse=False)}
        if isinstance(part, kinds):
            weight = own.get("weight")
            if open_group is not None and weight in shapes:
                layer, units, places = open_group
                shape = shapes[weight]
                if shape[1] % units == 0:  # channels that were flattened: all pixels of one go together
                    split = (shape[0], units, shape[1] // units, *shape[2:])
                    yield _group(layer, units, (*places, _part(slices[weight], split, 1, -1)))
            open_group = None
            if weight in shapes and getattr(part, "groups", 1) == 1:
                places = [_part(slices[key], shapes[key], 0) for key in own.values() if key in shapes]
                open_group = name, shapes[weight][0], places
        elif own:
            known = [key for key in own.values() if key in shapes]
            if open_group is None or any(shapes[key] != (open_group[1],) for key in known):
                open_group = None
            else:  # a normalisation: its scale and shift go with the channels
                open_group[2].extend(_part(slices[key], shapes[key], 0) for key in known)


def _part(where: slice, shape: tuple[int, ...], axis: int, side: int = 1) -> Part:
    """The coordinates of a parameter viewed with ``shape``, whose units count along ``axis``."""
    index = np.moveaxis(np.arange(where.start, where.stop).reshape(shape), axis, 0)
    return Part(index.reshape(len(index), -1), side)


def _group(layer: str, units: int, parts: tuple[Part, ...], signs: bool = False) -> UnitGroup:
    return UnitGroup(layer, parts, np.zeros(units, dtype=np.int64), signs, degree=0, turns=0)


def find_symmetry(landscape: Any) -> ExchangeSymmetry:
    """The exchanges of units of a :class:`~spinnet.landscapes.torch_landscape.TorchLandscape`.

    Each group is tried on a random configuration: one that changes the energy by more than rounding is left out.
    Cost: two energies per layer, and two for each number of units at which some failed.
    """
    rng = np.random.default_rng(landscape.n_dof)
    x = landscape.at_module()
    x = x + 0.1 * (np.abs(x).mean() + 0.1) * rng.standard_normal(len(x))  # norms begin at 1: unequal units are needed
    energy = float(landscape.energy(x[None])[0])
    rounding = 1e-9 if landscape.dtype == "float64" else 1e-4
    def tried(group: UnitGroup) -> UnitGroup | None:
        order, factor = np.roll(np.arange(group.units), 1), rng.choice((-1.0, 1.0), group.units)
        factor[0] = -1.0
        passed = []
        for turned in (np.ones(group.units), factor):
            moved = np.append(x, 0.0)
            group.act(moved, Element(order, turned, np.ones((0, group.units))))
            passed.append(abs(float(landscape.energy(moved[None, :-1])[0]) - energy) <= rounding * abs(energy))
        return _group(group.layer, group.units, group.parts, signs=passed[1]) if passed[0] else None

    groups, alone = [], {}
    for group in landscape.candidate_groups():
        if (found := tried(group)) is not None:
            groups.append(found)
        else:
            alone.setdefault(group.units, []).append(group)
    for units, members in alone.items():
        together = _group(members[0].layer, units, tuple(part for group in members for part in group.parts))
        if len(members) > 1 and (found := tried(together)) is not None:
            groups.append(found)
    return ExchangeSymmetry(len(x), tuple(groups))
