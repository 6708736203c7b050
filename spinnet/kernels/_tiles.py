"""Products with 4×4 tiles of couplings, written in vector instructions.

A tile is 4 rows × 4 columns, stored row by row: 16 numbers, one cache line in float32. A *group* is four rows of a
matrix, cut into tiles that follow one another in memory. For a group of rows M and lanes (replicas) the sweeps here
do both products of a gradient while a tile is in registers,

    rows[r, l]    += Σ_k M[r, k] s[k, l],        columns[k, l] += Σ_r M[r, k] w[r, l],

so that every coupling is read once. Numba cannot be talked into keeping such a block of sums in registers; these
intrinsics state the vector operations themselves. LLVM splits 16-wide vectors where registers are narrower.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

ROWS = 4
COLUMNS = 4
TILE = ROWS * COLUMNS

_I32 = ir.IntType(32)
_I64 = ir.IntType(64)
#: How far ahead (bytes) of the tile in use the next couplings are asked for.
PREFETCH = 2048


def _shuffle(builder, first, second, lanes):
    mask = ir.Constant(ir.VectorType(_I32, len(lanes)), [ir.Constant(_I32, lane) for lane in lanes])
    return builder.shuffle_vector(first, second, mask)


def _permute(builder, vector, lanes):
    return _shuffle(builder, vector, ir.Constant(vector.type, ir.Undefined), lanes)


class _Emitter:
    """Loads, stores and multiply-adds on one scalar type, at the builder's position."""

    def __init__(self, context, builder, dtype):
        self.builder = builder
        self.scalar = context.get_value_type(dtype)
        self.size = context.get_abi_sizeof(self.scalar)

    def vector(self, width):
        return ir.VectorType(self.scalar, width)

    def pointer(self, base, index, constant=0):
        builder = self.builder
        if index is None:
            return cgutils.gep(builder, base, ir.Constant(_I64, constant))
        if constant:
            index = builder.add(index, ir.Constant(_I64, constant))
        return cgutils.gep(builder, base, index)

    def load(self, pointer, width):
        # Element alignment is all that is promised; on cache-line boundaries it costs nothing.
        pointer = self.builder.bitcast(pointer, self.vector(width).as_pointer())
        return self.builder.load(pointer, align=self.size)

    def store(self, value, pointer):
        pointer = self.builder.bitcast(pointer, value.type.as_pointer())
        self.builder.store(value, pointer, align=self.size)

    def fma(self, a, b, c):
        # fmuladd, not fma: where there is no fused instruction it is a product and a sum, not a library call.
        name = f"llvm.fmuladd.v{a.type.count}{self.scalar.intrinsic_name}"
        kind = ir.FunctionType(a.type, [a.type, a.type, a.type])
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, [a, b, c])

    def add(self, a, b):
        return self.builder.fadd(a, b)

    def splat(self, pointer, width):
        value = self.builder.load(pointer)
        empty = ir.Constant(self.vector(width), ir.Undefined)
        first = self.builder.insert_element(empty, value, ir.Constant(_I32, 0))
        return _permute(self.builder, first, [0] * width)

    def prefetch(self, base, index, constant):
        pointer = self.pointer(base, index, constant)
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, _I32, _I32, _I32])
        function = cgutils.get_or_insert_function(self.builder.module, kind, "llvm.prefetch.p0")
        flags = [ir.Constant(_I32, v) for v in (0, 3, 1)]
        self.builder.call(function, [self.builder.bitcast(pointer, byte), *flags])

    def registers(self, values):
        """Variables that live across iterations; LLVM promotes them to registers."""
        slots = []
        for value in values:
            slot = cgutils.alloca_once(self.builder, value.type)
            self.builder.store(value, slot)
            slots.append(slot)
        return slots


def _data(context, builder, array_type, value):
    return context.make_array(array_type)(context, builder, value).data


def _signature(couplings, *arrays_and_offsets):
    return types.void(couplings, *arrays_and_offsets)


def tile_sweep(lanes: int):
    """The sweep for few lanes: vectors run over the 16 couplings of a tile.

    ``sweep(couplings, line, tiles, states, first, w, row, rows, columns)``: ``couplings`` flat, the group starts at
    tile number ``line`` and has ``tiles`` tiles; ``states`` (lanes, n) holds s, read from column ``first``; ``w`` and
    ``rows`` (all rows, lanes) are used from ``row``; ``columns`` (tiles, lanes, 16) collects the column sums before
    they are added over the four rows of a tile (see :func:`fold`).
    """

    @intrinsic
    def sweep(typing, couplings, line, tiles, states, first, w, row, rows, columns):
        signature = _signature(couplings, line, tiles, states, first, w, row, rows, columns)

        def generate(context, builder, signature, arguments):
            kinds = signature.args
            emit = _Emitter(context, builder, couplings.dtype)
            data = {i: _data(context, builder, kinds[i], arguments[i]) for i in (0, 3, 5, 7, 8)}
            line, tiles, first, row = arguments[1], arguments[2], arguments[4], arguments[6]
            n = context.make_array(kinds[3])(context, builder, arguments[3]).shape
            stride = builder.extract_value(n, 1)

            base = emit.pointer(data[0], builder.mul(line, ir.Constant(_I64, TILE)))
            offset = builder.mul(row, ir.Constant(_I64, lanes))
            weights = emit.load(emit.pointer(data[5], offset), ROWS * lanes)
            spread = [
                _permute(builder, weights, [r * lanes + a for r in range(ROWS) for _ in range(COLUMNS)])
                for a in range(lanes)
            ]
            zero = ir.Constant(emit.vector(TILE), None)
            sums = emit.registers([zero] * lanes)
            starts = [
                emit.pointer(data[3], builder.add(builder.mul(stride, ir.Constant(_I64, a)), first))
                for a in range(lanes)
            ]
            with cgutils.for_range(builder, tiles) as loop:
                t = loop.index
                here = builder.mul(t, ir.Constant(_I64, TILE))
                emit.prefetch(base, here, PREFETCH // emit.size)
                tile = emit.load(emit.pointer(base, here), TILE)
                column = builder.mul(t, ir.Constant(_I64, COLUMNS))
                target = builder.mul(t, ir.Constant(_I64, TILE * lanes))
                for a in range(lanes):
                    four = emit.load(emit.pointer(starts[a], column), COLUMNS)
                    state = _permute(builder, four, [c for _ in range(ROWS) for c in range(COLUMNS)])
                    builder.store(emit.fma(tile, state, builder.load(sums[a])), sums[a])
                    place = emit.pointer(data[8], target, a * TILE)
                    emit.store(emit.fma(tile, spread[a], emit.load(place, TILE)), place)
            # Sum each row over its four columns, then interleave the lanes: rows[r, a].
            reduced = []
            for a in range(lanes):
                value = builder.load(sums[a])
                pairs = emit.add(_permute(builder, value, range(0, TILE, 2)), _permute(builder, value, range(1, TILE, 2)))
                reduced.append(
                    emit.add(_permute(builder, pairs, range(0, 8, 2)), _permute(builder, pairs, range(1, 8, 2)))
                )
            place = emit.pointer(data[7], offset)
            while len(reduced) > 1:
                width = reduced[0].type.count
                half = len(reduced) // 2
                reduced = [
                    _shuffle(builder, reduced[i], reduced[i + half], range(2 * width)) for i in range(half)
                ]
            total = reduced[0]
            if lanes > 1:
                order = _concatenation_order(lanes)
                total = _permute(builder, total, [ROWS * order.index(a) + r for r in range(ROWS) for a in range(lanes)])
            emit.store(emit.add(emit.load(place, ROWS * lanes), total), place)
            return context.get_dummy_value()

        return signature, generate

    return sweep


def _concatenation_order(lanes):
    order = [[a] for a in range(lanes)]
    while len(order) > 1:
        half = len(order) // 2
        order = [order[i] + order[i + half] for i in range(half)]
    return order[0]


def lane_sweep(vectors: int):
    """The sweep for many lanes: vectors run over 16 replicas, each coupling is spread over a vector.

    Arguments as in :func:`tile_sweep`, with lanes = 16·vectors, ``states`` (n, lanes) read from row ``first`` and
    ``columns`` (4·tiles, lanes).
    """
    lanes = 16 * vectors

    @intrinsic
    def sweep(typing, couplings, line, tiles, states, first, w, row, rows, columns):
        signature = _signature(couplings, line, tiles, states, first, w, row, rows, columns)

        def generate(context, builder, signature, arguments):
            kinds = signature.args
            emit = _Emitter(context, builder, couplings.dtype)
            data = {i: _data(context, builder, kinds[i], arguments[i]) for i in (0, 3, 5, 7, 8)}
            line, tiles, first, row = arguments[1], arguments[2], arguments[4], arguments[6]

            base = emit.pointer(data[0], builder.mul(line, ir.Constant(_I64, TILE)))
            offset = builder.mul(row, ir.Constant(_I64, lanes))
            states_at = emit.pointer(data[3], builder.mul(first, ir.Constant(_I64, lanes)))
            cells = [(r, v) for r in range(ROWS) for v in range(vectors)]
            places = {(r, v): emit.pointer(data[7], offset, r * lanes + 16 * v) for r, v in cells}
            weights = {(r, v): emit.load(emit.pointer(data[5], offset, r * lanes + 16 * v), 16) for r, v in cells}
            sums = dict(zip(cells, emit.registers([emit.load(places[cell], 16) for cell in cells]), strict=True))
            with cgutils.for_range(builder, tiles) as loop:
                t = loop.index
                here = builder.mul(t, ir.Constant(_I64, TILE))
                there = builder.mul(t, ir.Constant(_I64, COLUMNS * lanes))
                for c in range(COLUMNS):
                    state = [emit.load(emit.pointer(states_at, there, c * lanes + 16 * v), 16) for v in range(vectors)]
                    targets = [emit.pointer(data[8], there, c * lanes + 16 * v) for v in range(vectors)]
                    column = [emit.load(target, 16) for target in targets]
                    for r in range(ROWS):
                        coupling = emit.splat(emit.pointer(base, here, r * COLUMNS + c), 16)
                        for v in range(vectors):
                            slot = sums[r, v]
                            builder.store(emit.fma(coupling, state[v], builder.load(slot)), slot)
                            column[v] = emit.fma(coupling, weights[r, v], column[v])
                    for target, value in zip(targets, column, strict=True):
                        emit.store(value, target)
            for cell in cells:
                emit.store(builder.load(sums[cell]), places[cell])
            return context.get_dummy_value()

        return signature, generate

    return sweep
