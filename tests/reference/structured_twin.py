"""Networks with structure, one pattern and one unit at a time: the twin of the pieces, slow and obvious.

``rows`` are lists of activities, one list per pattern; weights are taken from an iterator over the flat row.
"""

from __future__ import annotations

import math


def take(weights, *shape):
    if not shape:
        return next(weights)
    return [take(weights, *shape[1:]) for _ in range(shape[0])]


def dense(rows, weights, width):
    w, b = take(weights, width, len(rows[0])), take(weights, width)
    return [[sum(w[o][i] * row[i] for i in range(len(row))) + b[o] for o in range(width)] for row in rows]


def local(rows, weights, grid, below, channels, window, stride, shared):
    """Of a grid (one or two lengths) with ``below`` channels at each position; returns rows and the grid of windows."""
    height, length = (1, *grid) if len(grid) == 1 else grid
    tall = 1 if len(grid) == 1 else window
    corners = [(r, c) for r in range(0, height - tall + 1, stride) for c in range(0, length - window + 1, stride)]
    sets = 1 if shared else len(corners)
    w, b = take(weights, sets, channels, tall * window * below), take(weights, sets, channels)
    found = []
    for row in rows:
        out = []
        for number, (r, c) in enumerate(corners):
            seen = [
                row[((r + i) * length + c + j) * below + k]
                for i in range(tall) for j in range(window) for k in range(below)
            ]  # fmt: skip
            own = 0 if shared else number
            out += [sum(x * y for x, y in zip(w[own][o], seen, strict=True)) + b[own][o] for o in range(channels)]
        found.append(out)
    wide = len({c for _, c in corners})
    return found, ((wide,) if len(grid) == 1 else (len(corners) // wide, wide))


def normalise(rows, weights, over):
    width = len(rows[0])
    scale, shift = take(weights, width), take(weights, width)

    def standard(values):
        mean = sum(values) / len(values)
        variance = sum((v - mean) ** 2 for v in values) / len(values)
        return [(v - mean) / math.sqrt(variance + 1e-5) for v in values]

    if over == "layer":
        z = [standard(row) for row in rows]
    else:
        columns = [standard([row[i] for row in rows]) for i in range(width)]
        z = [[columns[i][number] for i in range(width)] for number in range(len(rows))]
    return [[scale[i] * row[i] + shift[i] for i in range(width)] for row in z]


def activate(rows, function):
    if function == "tanh":
        return [[math.tanh(z) for z in row] for row in rows]
    return [[sum(c * z**k for k, c in enumerate(function)) for z in row] for row in rows]


def join(ends):
    return [[sum(values) / len(ends) for values in zip(*rows, strict=True)] for rows in zip(*ends, strict=True)]


def fractal_ends(rows, weights, columns, layer):
    """The inputs of the last join of a block of ``columns`` columns."""
    direct = layer(rows, weights)
    if columns == 1:
        return [direct]
    half = join(fractal_ends(rows, weights, columns - 1, layer))
    return [*fractal_ends(half, weights, columns - 1, layer), direct]
