"""The table of a structured network: which switches go together, and the pieces that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spinnet.configurable import one_of, real_number, whole_number
from spinnet.errors import InputError
from spinnet.landscapes.network_data import check_layers
from spinnet.landscapes.network_fractal import Fractal
from spinnet.landscapes.network_local import Grid, Local, windows_fit
from spinnet.landscapes.network_pieces import (
    Activation,
    Chain,
    Connection,
    Dense,
    Dropout,
    Normalisation,
    Piece,
    Places,
    Residual,
)
from spinnet.randomness import stream

ACTIVATIONS = ("tanh", "relu", "erf", "linear", "square", "cubic")
_POLYNOMIALS = {"square": [0.0, 0.0, 1.0], "cubic": [0.0, 0.0, 0.0, 1.0]}
NORMALISATIONS = ("none", "batch", "layer")
CONNECTIONS = ("dense", "local", "shared")


def build_network(
    table: Mapping[str, Any], inputs: int, outputs: int, patterns: int
) -> tuple[Chain, tuple[int, ...]]:
    """The network of a checked table, and the lengths of its arrays of weights in their order.

    Raises
    ------
    InputError
        Where the structure does not fit the number of inputs.
    """
    places, layers, width = Places(), [], inputs
    grid = _grid(table["grid"], inputs)
    for number, wanted in enumerate(table["hidden"]):
        masks, paths = (stream(table["mask_seed"], name, number) for name in ("dropout", "drop path"))

        def layer(below: int, wanted: int = wanted, grid: Grid = grid, masks: np.random.Generator = masks) -> Chain:
            return _layer(table, places, below, wanted, grid, patterns, masks)

        block: Piece = layer(width) if table["fractal"] == 1 else Fractal(
            table["fractal"], width, layer, table["drop_path"], paths
        )  # fmt: skip
        if table["connections"] != "dense":
            grid = block.pieces[0].grid
        skipping = table["skip"] and block.width == width
        width = block.width
        layers.append(Residual(block) if skipping else block)
    if table["skip"] and not any(isinstance(block, Residual) for block in layers):
        raise InputError(
            f"skip: none of the widths {', '.join(map(str, (inputs, *table['hidden'])))} is that of the layer below"
        )
    return Chain([*layers, Dense(places, width, outputs)]), tuple(places.sizes)


def _layer(
    table: Mapping[str, Any], places: Places, below: int, wanted: int, grid: Grid, patterns: int,
    masks: np.random.Generator,
) -> Chain:  # fmt: skip
    """One hidden layer: connection, normalisation, activation and mask."""
    if table["connections"] == "dense":
        pieces: list[Piece] = [Dense(places, below, wanted)]
    else:
        shared = table["connections"] == "shared"
        pieces = [Local(places, grid, wanted, table["window"], table["stride"], shared)]
    width = pieces[0].width
    if table["normalisation"] != "none":
        over = "patterns" if table["normalisation"] == "batch" else "units"
        pieces.append(Normalisation(places, width, over))
        pieces[0].normalised_by = pieces[1]
    function = table["activation"]
    pieces.append(Activation(width, _POLYNOMIALS[function] if function in ("square", "cubic") else function))
    if table["dropout"] > 0.0:
        pieces.append(Dropout(width, table["dropout"], patterns, masks))
    return Chain(pieces)


def name_connections(network: Chain) -> dict[Connection, str]:
    """Names of the connections in the order of their weights: "layer1", …, of blocks with several "layer1.1", …"""
    names = {}
    for number, block in enumerate(network.pieces, start=1):
        inside = list(block.connections())
        for within, connection in enumerate(inside, start=1):
            names[connection] = f"layer{number}" + (f".{within}" if len(inside) > 1 else "")
    return names


def count_activities(table: Mapping[str, Any], network: Chain, inputs: int) -> int:
    """Numbers that one pattern leaves in memory on its way, about."""
    layers = (2 ** table["fractal"] - 1) * sum(piece.width for piece in network.pieces[:-1])
    seen = inputs * table["window"] ** 2 if table["connections"] != "dense" else inputs
    return 4 * layers + seen + network.width


def _grid(given: Sequence[int] | None, inputs: int) -> Grid:
    shape = (inputs,) if given is None else tuple(given)
    if int(np.prod(shape)) != inputs:
        raise InputError(f"grid = {list(shape)}: {int(np.prod(shape))} positions, but a pattern has {inputs} inputs")
    return Grid(shape, 1)


def check_structure(**given: Any) -> dict[str, Any]:
    """Values that are allowed, and together."""
    grid = _list(given["grid"])
    grid = grid if grid is None or isinstance(grid, list) else [grid]
    table = {
        **check_layers(**{name: given[name] for name in ("hidden", "loss", "weight_decay", "sigma_w", "sigma_b")}),
        "activation": _check_activation(given["activation"]),
        "normalisation": one_of("normalisation", given["normalisation"], NORMALISATIONS),
        "dropout": _share("dropout", given["dropout"]),
        "skip": one_of("skip", given["skip"], (False, True)),
        "fractal": whole_number("fractal", given["fractal"], 1),
        "drop_path": _share("drop_path", given["drop_path"]),
        "connections": one_of("connections", given["connections"], CONNECTIONS),
        "window": whole_number("window", given["window"], 1),
        "stride": whole_number("stride", given["stride"], 1),
        "grid": None if grid is None else [whole_number("grid", length, 1) for length in grid],
        "mask_seed": whole_number("mask_seed", given["mask_seed"]),
    }
    if table["fractal"] > 10:
        raise InputError(f"fractal = {table['fractal']}: a block of C columns has 2^C - 1 layers; give at most 10")
    if table["connections"] != "dense" and (table["skip"] or table["fractal"] > 1):
        raise InputError(
            f"connections = {table['connections']!r} narrow a layer, while skip and fractal keep its width: "
            "leave one of them out"
        )
    acting = [name for name, none in (("normalisation", "none"), ("dropout", 0.0), ("fractal", 1),
                                      ("connections", "dense")) if table[name] != none]  # fmt: skip
    if acting and not table["hidden"]:
        raise InputError(f"{' and '.join(acting)}: acts on hidden layers, and hidden is empty; give widths")
    if table["connections"] != "dense" and table["grid"]:
        windows_fit(table["grid"], table["window"])
    if table["drop_path"] > 0.0 and table["fractal"] == 1:
        raise InputError("drop_path leaves out inputs of the joins of fractal blocks: set fractal to 2 or more")
    return table


def _check_activation(given: Any) -> str | list[float]:
    if isinstance(given, str):
        return one_of("activation", given, ACTIVATIONS)
    coefficients = [real_number("activation", c) for c in _list(given)] if np.iterable(given) else []
    while coefficients and coefficients[-1] == 0.0:
        coefficients.pop()
    if len(coefficients) < 2:
        raise InputError(
            f"activation = {given!r}: give one of {', '.join(ACTIVATIONS)} or the coefficients c_0, c_1, … of a "
            "polynomial that is not constant"
        )
    names = {"linear": [0.0, 1.0], **_POLYNOMIALS}
    return next((name for name, known in names.items() if known == coefficients), coefficients)


def _share(name: str, given: Any) -> float:
    share = real_number(name, given, 0.0)
    if share >= 1.0:
        raise InputError(f"{name} = {share:g}: give a share in [0, 1)")
    return share


def _list(given: Any) -> Any:
    return given.tolist() if isinstance(given, np.ndarray) else list(given) if isinstance(given, tuple) else given
