"""Products with 4×4 tiles of couplings, written in vector instructions.

A tile is 4 rows × 4 columns, stored row by row: 16 numbers, one cache line in float32. A *group* is four rows of a
matrix M, cut into tiles that follow one another in memory. For a group and a number of lanes (replicas) a *sweep*
does both products of a gradient while a tile is in registers,

    rows[r, a]    += Σ_k M[r, k] s[k, a],        columns[k, a] += Σ_r M[r, k] w[r, a],

so that every coupling is read once. Numba cannot be talked into keeping such a block of sums in registers; these
intrinsics state the vector operations themselves, and LLVM splits 16-wide vectors where registers are narrower.
They also compile in a fraction of the time of loops that the compiler has to vectorise.

:func:`operations` makes the set for one number of lanes. All arrays are C-ordered with rows of ``lanes`` numbers, and
an index names a row. Nothing is checked: the callers own the arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

#: Tiles are SIDE × SIDE.
SIDE = 4
TILE = SIDE * SIDE
#: How far ahead of the tile in use the next couplings are asked for, in bytes.
PREFETCH = 2048

_I32 = ir.IntType(32)
_I64 = ir.IntType(64)
_BYTES = ir.IntType(8).as_pointer()


class _Emitter:
    """Vector operations at the builder's position, on rows of the arrays among the arguments."""

    def __init__(self, context, builder, signature, arguments, lanes):
        self.context, self.builder, self.lanes = context, builder, lanes
        self._kinds, self._arguments = signature.args, arguments

    def at(self, number, row=None, constant=0):
        """Pointer to ``constant`` numbers after the start of a row of the argument with this number."""
        array = self.context.make_array(self._kinds[number])(self.context, self.builder, self._arguments[number])
        return array.data if row is None else self.shift(array.data, self.times(row, self.lanes), constant)

    def width_of(self, number):
        """Length of the rows of an argument."""
        array = self.context.make_array(self._kinds[number])(self.context, self.builder, self._arguments[number])
        return self.builder.extract_value(array.shape, 1)

    def times(self, index, factor):
        if index.type.width < _I64.width:
            index = self.builder.sext(index, _I64)
        return self.builder.mul(index, ir.Constant(_I64, factor))

    def shift(self, pointer, index, constant=0):
        if constant:
            index = self.builder.add(index, ir.Constant(_I64, constant))
        return cgutils.gep(self.builder, pointer, index)

    def load(self, pointer, width):
        # Element alignment is all that is promised; on cache-line boundaries it costs nothing.
        scalar = pointer.type.pointee
        vector = self.builder.bitcast(pointer, ir.VectorType(scalar, width).as_pointer())
        return self.builder.load(vector, align=self.context.get_abi_sizeof(scalar))

    def store(self, value, pointer):
        align = self.context.get_abi_sizeof(pointer.type.pointee)
        self.builder.store(value, self.builder.bitcast(pointer, value.type.as_pointer()), align=align)

    def tile(self, number, tile):
        """Pointer to a tile of a flat array of couplings."""
        return self.shift(self.at(number), self.times(tile, TILE))

    def spread(self, pointer, width):
        """A number of memory in all places of a vector."""
        return self.spread_value(self.builder.load(pointer), width)

    def spread_value(self, value, width):
        """A number in all places of a vector."""
        empty = ir.Constant(ir.VectorType(value.type, width), ir.Undefined)
        first = self.builder.insert_element(empty, value, ir.Constant(_I32, 0))
        return self.permute(first, [0] * width)

    def permute(self, vector, order):
        return self.join(vector, ir.Constant(vector.type, ir.Undefined), order)

    def join(self, first, second, order):
        mask = ir.Constant(ir.VectorType(_I32, len(order)), [ir.Constant(_I32, i) for i in order])
        return self.builder.shuffle_vector(first, second, mask)

    def multiply_add(self, a, b, c):
        # fmuladd, not fma: without a fused instruction it is a product and a sum, not a call of a library.
        name = f"llvm.fmuladd.v{a.type.count}{a.type.element.intrinsic_name}"
        kind = ir.FunctionType(a.type, [a.type, a.type, a.type])
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), [a, b, c])

    def prefetch(self, pointer):
        kind = ir.FunctionType(ir.VoidType(), [_BYTES, _I32, _I32, _I32])
        function = cgutils.get_or_insert_function(self.builder.module, kind, "llvm.prefetch.p0")
        flags = [ir.Constant(_I32, value) for value in (0, 3, 1)]
        self.builder.call(function, [self.builder.bitcast(pointer, _BYTES), *flags])

    def variables(self, values):
        """Places that live across iterations; LLVM turns them into registers."""
        places = []
        for value in values:
            places.append(cgutils.alloca_once(self.builder, value.type))
            self.builder.store(value, places[-1])
        return places

    def add_to(self, pointer, value):
        """Add a vector to memory, in the precision of the memory."""
        vector = ir.VectorType(pointer.type.pointee, value.type.count)
        if vector.element != value.type.element:
            value = self.builder.fpext(value, vector)
        self.store(self.builder.fadd(self.load(pointer, vector.count), value), pointer)

    def interleave(self, vectors):
        """Vectors v_a of SIDE numbers as one vector, v_0[0], v_1[0], …, v_0[1], …"""
        joined = vectors
        order = [[a] for a in range(len(vectors))]
        while len(joined) > 1:
            half, width = len(joined) // 2, joined[0].type.count
            joined = [self.join(joined[i], joined[i + half], range(2 * width)) for i in range(half)]
            order = [order[i] + order[i + half] for i in range(half)]
        lanes = range(len(vectors))
        return self.permute(joined[0], [SIDE * order[0].index(a) + r for r in range(SIDE) for a in lanes])


class Operations(NamedTuple):
    """What can be done with rows of ``lanes`` numbers; all work in place and return nothing.

    ``sweep(couplings, tile, tiles, states, first, w, row, rows, columns)`` multiplies the group that starts at tile
    number ``tile`` and has ``tiles`` tiles. It reads ``w`` and adds to ``rows`` in four rows from ``row``, and adds to
    ``columns``, which has ``column_rows`` rows for each tile. With up to 4 lanes vectors run over the 16 couplings of a
    tile: ``states`` is (lanes, n), read from column ``first``, and the column sums of the four rows of a tile are kept
    apart. With 16, vectors run over the lanes and ``states`` is (n, lanes), read from row ``first``.
    ``sweep_rows`` (without ``w`` and ``columns``) does the first product only.
    ``drain(columns, tile, totals, k)`` adds the column sums of a tile to totals[k … k + 3] and clears them.

    ``fill(target, d, number)``: target[d] = number; ``copy(target, d, a, i)``: = a[i];
    ``multiply(target, d, a, i, b, j)``: = a[i] b[j]; ``add_product(target, d, a, i, b, j)``: += a[i] b[j];
    ``add(target, d, a, i)``: += a[i], where ``target`` may be of higher precision.
    """

    column_rows: int
    sweep: Callable
    sweep_rows: Callable
    drain: Callable
    fill: Callable
    copy: Callable
    multiply: Callable
    add_product: Callable
    add: Callable


def operations(lanes: int) -> Operations:
    """The operations for 1, 4 or 16 lanes."""
    products = _tile_products if lanes < TILE else _lane_products

    @intrinsic
    def sweep(typing, couplings, tile, tiles, states, first, w, row, rows, columns):
        def generate(context, builder, signature, values):
            e = _Emitter(context, builder, signature, values, lanes)
            _, tile, tiles, _, first, _, row, _, _ = values
            products(e, e.tile(0, tile), tiles, 3, first, e.at(5, row), e.at(7, row), e.at(8))
            return context.get_dummy_value()

        return types.void(couplings, tile, tiles, states, first, w, row, rows, columns), generate

    @intrinsic
    def sweep_rows(typing, couplings, tile, tiles, states, first, row, rows):
        def generate(context, builder, signature, values):
            e = _Emitter(context, builder, signature, values, lanes)
            _, tile, tiles, _, first, row, _ = values
            products(e, e.tile(0, tile), tiles, 3, first, None, e.at(6, row), None)
            return context.get_dummy_value()

        return types.void(couplings, tile, tiles, states, first, row, rows), generate

    @intrinsic
    def drain(typing, columns, tile, totals, k):
        def generate(context, builder, signature, values):
            e = _Emitter(context, builder, signature, values, lanes)
            _drain(e, e.shift(e.at(0), e.times(values[1], TILE * min(lanes, SIDE))), e.at(2, values[3]))
            return context.get_dummy_value()

        return types.void(columns, tile, totals, k), generate

    @intrinsic
    def fill(typing, target, d, number):
        def generate(context, builder, signature, values):
            e = _Emitter(context, builder, signature, values, lanes)
            place = e.at(0, values[1])
            number = context.cast(builder, values[2], signature.args[2], signature.args[0].dtype)
            e.store(e.spread_value(number, lanes), place)
            return context.get_dummy_value()

        return types.void(target, d, number), generate

    @intrinsic
    def copy(typing, target, d, a, i):
        def generate(context, builder, signature, values):
            e = _Emitter(context, builder, signature, values, lanes)
            e.store(e.load(e.at(2, values[3]), lanes), e.at(0, values[1]))
            return context.get_dummy_value()

        return types.void(target, d, a, i), generate

    @intrinsic
    def multiply(typing, target, d, a, i, b, j):
        def generate(context, builder, signature, values):
            e = _Emitter(context, builder, signature, values, lanes)
            product = builder.fmul(e.load(e.at(2, values[3]), lanes), e.load(e.at(4, values[5]), lanes))
            e.store(product, e.at(0, values[1]))
            return context.get_dummy_value()

        return types.void(target, d, a, i, b, j), generate

    @intrinsic
    def add_product(typing, target, d, a, i, b, j):
        def generate(context, builder, signature, values):
            e = _Emitter(context, builder, signature, values, lanes)
            place = e.at(0, values[1])
            first, second = e.load(e.at(2, values[3]), lanes), e.load(e.at(4, values[5]), lanes)
            e.store(e.multiply_add(first, second, e.load(place, lanes)), place)
            return context.get_dummy_value()

        return types.void(target, d, a, i, b, j), generate

    @intrinsic
    def add(typing, target, d, a, i):
        def generate(context, builder, signature, values):
            e = _Emitter(context, builder, signature, values, lanes)
            e.add_to(e.at(0, values[1]), e.load(e.at(2, values[3]), lanes))
            return context.get_dummy_value()

        return types.void(target, d, a, i), generate

    return Operations(
        TILE if lanes < TILE else SIDE, sweep, sweep_rows, drain, fill, copy, multiply, add_product, add
    )


def _tile_products(e: _Emitter, group, tiles, states, first, weights, rows, columns):
    """The loop over tiles for up to 4 lanes; without ``weights`` the first product only."""
    lanes, builder = e.lanes, e.builder
    spread = []
    if weights is not None:
        weights = e.load(weights, SIDE * lanes)
        spread = [e.permute(weights, [r * lanes + a for r in range(SIDE) for _ in range(SIDE)]) for a in range(lanes)]
    width, base = e.width_of(states), e.at(states)
    starts = [e.shift(base, builder.add(e.times(width, a), first)) for a in range(lanes)]
    zero = ir.Constant(ir.VectorType(rows.type.pointee, TILE), None)
    sums = e.variables([zero] * lanes)
    ahead = PREFETCH // e.context.get_abi_sizeof(rows.type.pointee)
    with cgutils.for_range(builder, tiles) as loop:
        t = loop.index
        e.prefetch(e.shift(group, e.times(t, TILE), ahead))
        tile = e.load(e.shift(group, e.times(t, TILE)), TILE)
        for a in range(lanes):
            state = e.permute(e.load(e.shift(starts[a], e.times(t, SIDE)), SIDE), list(range(SIDE)) * SIDE)
            builder.store(e.multiply_add(tile, state, builder.load(sums[a])), sums[a])
            if weights is not None:
                place = e.shift(columns, e.times(t, TILE * lanes), a * TILE)
                e.store(e.multiply_add(tile, spread[a], e.load(place, TILE)), place)
    reduced = []
    for place in sums:
        value = builder.load(place)
        for width in (TILE, TILE // 2):
            value = builder.fadd(e.permute(value, range(0, width, 2)), e.permute(value, range(1, width, 2)))
        reduced.append(value)
    e.add_to(rows, e.interleave(reduced))


def _lane_products(e: _Emitter, group, tiles, states, first, weights, rows, columns):
    """The loop over tiles for 16 lanes: each coupling is spread over a vector of replicas."""
    lanes, builder = e.lanes, e.builder
    states = e.at(states, first)
    places = [e.shift(rows, e.times(ir.Constant(_I64, r), lanes)) for r in range(SIDE)]
    sums = e.variables([e.load(place, lanes) for place in places])
    factors = []
    if weights is not None:
        factors = [e.load(e.shift(weights, e.times(ir.Constant(_I64, r), lanes)), lanes) for r in range(SIDE)]
    with cgutils.for_range(builder, tiles) as loop:
        t = loop.index
        tile, strip = e.times(t, TILE), e.times(t, SIDE * lanes)
        for c in range(SIDE):
            state = e.load(e.shift(states, strip, c * lanes), lanes)
            if weights is not None:
                target = e.shift(columns, strip, c * lanes)
                column = e.load(target, lanes)
            for r in range(SIDE):
                coupling = e.spread(e.shift(group, tile, SIDE * r + c), lanes)
                builder.store(e.multiply_add(coupling, state, builder.load(sums[r])), sums[r])
                if weights is not None:
                    column = e.multiply_add(coupling, factors[r], column)
            if weights is not None:
                e.store(column, target)
    for place, total in zip(places, sums, strict=True):
        e.store(builder.load(total), place)


def _drain(e: _Emitter, columns, totals):
    """Column sums of one tile, in single rows or kept apart for the rows of the tile, added to four rows."""
    lanes, size = e.lanes, TILE * min(e.lanes, SIDE)
    values = [e.load(e.shift(columns, ir.Constant(_I64, TILE * i)), TILE) for i in range(size // TILE)]
    zero = ir.Constant(values[0].type, None)
    for i in range(size // TILE):
        e.store(zero, e.shift(columns, ir.Constant(_I64, TILE * i)))
    if lanes == TILE:
        for i, value in enumerate(values):
            e.add_to(e.shift(totals, ir.Constant(_I64, TILE * i)), value)
        return
    folded = []
    for value in values:
        for width in (TILE, TILE // 2):
            value = e.builder.fadd(e.permute(value, range(width // 2)), e.permute(value, range(width // 2, width)))
        folded.append(value)
    e.add_to(totals, e.interleave(folded))
