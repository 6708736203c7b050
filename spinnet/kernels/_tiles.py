"""Products with 4×4 tiles of couplings, written in vector instructions.

A tile is 4 rows × 4 columns, stored row by row: 16 numbers, one cache line in float32. A *group* is four rows of a
matrix M, cut into tiles that follow one another in memory: the couplings of one prefix with four indices j (rows) and
all indices k (columns). For a number of lanes (replicas) a *sweep* does both products of a gradient while a tile is in
registers,

    P[r, a] = Σ_k M[r, k] s[k, a],        columns[k, a] += Σ_r M[r, k] w[r, a],

so that every coupling is read once. Numba cannot be talked into keeping such a block of sums in registers; these
intrinsics state the vector operations themselves, and LLVM splits 16-wide vectors where registers are narrower.
They also compile in a fraction of the time of loops that the compiler has to vectorise.

:func:`operations` makes the set for one number of lanes. They work on one workspace, an array in rows of ``lanes``
numbers, and name rows by their number. Nothing is checked: the caller owns the workspace.
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
#: Couplings are asked for ahead of their use into the second-level cache: a request that goes to the first level holds
#: one of its few places for as long as memory takes to answer.
_SECOND_LEVEL = 2

_I32 = ir.IntType(32)
_I64 = ir.IntType(64)
_BYTES = ir.IntType(8).as_pointer()


class _Emitter:
    """Vector operations at the builder's position, on rows of the arrays among the arguments."""

    def __init__(self, context, builder, signature, arguments, lanes):
        self.context, self.builder, self.lanes = context, builder, lanes
        self._kinds, self._arguments = signature.args, arguments

    def at(self, number, index, size=None):
        """Pointer into the array that is this argument: to item ``index`` of ``size`` numbers (default: a row)."""
        array = self.context.make_array(self._kinds[number])(self.context, self.builder, self._arguments[number])
        return self.shift(array.data, self.times(index, self.lanes if size is None else size))

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

    def spread(self, value, width):
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
        flags = [ir.Constant(_I32, value) for value in (0, _SECOND_LEVEL, 1)]
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

    def row(self, number, index, constant=0):
        """A row of the workspace."""
        return self.load(self.shift(self.at(number, index), ir.Constant(_I64, constant * self.lanes)), self.lanes)

    def add_rows(self, number, index, products):
        """Add a sum of products (pairs of vectors) to each row from ``index`` on."""
        for r, pairs in enumerate(products):
            place = self.shift(self.at(number, index), ir.Constant(_I64, r * self.lanes))
            total = self.load(place, self.lanes)
            for a, b in pairs:
                total = self.multiply_add(a, b, total)
            self.store(total, place)

    def concatenate(self, vectors):
        """Four vectors as one."""
        half = range(2 * self.lanes)
        pairs = [self.join(vectors[i], vectors[i + 1], half) for i in (0, 2)]
        return self.join(*pairs, range(4 * self.lanes))

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
    """What can be done with rows of ``lanes`` numbers of a workspace; all work in place and return nothing.

    ``sweep(couplings, tile, second, tiles, ahead, work, s, stride, product, j, row_sums, value, columns)``
        multiplies the group of ``tiles`` tiles that starts at tile number ``tile``, with w_r = product·s_{j+r} (rows
        ``product`` and ``j`` + r), and asks for couplings ``ahead`` tiles before they are needed. To four rows
        ``row_sums`` go product·P_r, to the row ``value`` goes Σ_r P_r s_{j+r}, to the rows ``columns`` go the column
        sums; all are added. Where ``groups`` is 2, states and column sums are fetched once for two groups: another one
        that starts ``second`` tiles later and has its product and value in the next row; a product of zero leaves it
        out. With up to 4 lanes vectors run over the 16 couplings of a tile, and there are 16 rows of column sums for
        each tile, four for each of its rows; the states are found lane after lane: ``s`` is the place (in numbers, not
        rows) of the first state of the first lane, ``stride`` the distance of lanes. With 16 lanes vectors run over the
        lanes, there are 4 rows of column sums for each tile, and ``s`` is the row of the first state.
    ``sweep_tangent(…, apart, after)``
        takes two arguments more and does the same for the derivative along v. States, products (then slopes) and values
        (then slopes of values) have their derivatives a number of rows later: ``apart`` rows for s and j, ``after`` for
        product and value. Into ``row_sums`` and ``columns`` go derivatives only.
    ``drain(work, columns, totals, k)``
        adds the column sums of one tile to totals[k … k + 3] and clears them.
    ``fill(work, d, number)``: work[d] = number; ``multiply(work, d, a, b)``: = work[a] work[b];
    ``add_product(work, d, a, b)``: += work[a] work[b]; ``add(totals, d, work, a)``: totals[d] += work[a].
    """

    groups: int
    sweep: Callable
    sweep_tangent: Callable
    drain: Callable
    fill: Callable
    multiply: Callable
    add_product: Callable
    add: Callable


def operations(lanes: int) -> Operations:
    """The operations for 1, 4 or 16 lanes. ``totals`` is float64, the rest of the type of the couplings."""
    # One state is limited by memory, and one stream is what memory is read fastest in.
    count = 1 if lanes == 1 else 2
    place_size = 1 if lanes < TILE else lanes

    @intrinsic
    def sweep(typing, couplings, tile, second, tiles, ahead, work, s, stride, product, j, row_sums, value, columns):
        def generate(context, builder, signature, values):
            e = _Emitter(context, builder, signature, values, lanes)
            _, tile, second, tiles, ahead, _, s, stride, product, j, row_sums, value, columns = values
            factors = [e.row(5, product, g) for g in range(count)]
            states = [e.row(5, j, r) for r in range(SIDE)]
            weights = [[builder.fmul(factor, state) for state in states] for factor in factors]
            groups = [e.at(0, tile, TILE), e.at(0, builder.add(tile, second), TILE)][:count]
            (sums,) = _products(
                e, groups, tiles, ahead, [e.at(5, s, place_size)], stride, weights, e.at(5, columns)
            )
            e.add_rows(5, row_sums, [[(factors[g], sums[g][r]) for g in range(count)] for r in range(SIDE)])
            e.add_rows(5, value, [list(zip(rows, states, strict=True)) for rows in sums])
            return context.get_dummy_value()

        arguments = couplings, tile, second, tiles, ahead, work, s, stride, product, j, row_sums, value, columns
        return types.void(*arguments), generate

    @intrinsic
    def sweep_tangent(
        typing, couplings, tile, second, tiles, ahead, work, s, stride, product, j, row_sums, value, columns, apart,
        after,
    ):
        def generate(context, builder, signature, values):
            e = _Emitter(context, builder, signature, values, lanes)
            _, tile, second, tiles, ahead, _, s, stride, product, j, row_sums, value, columns, apart, after = values
            factors = [e.row(5, product, g) for g in range(count)]
            slopes = [e.row(5, builder.add(product, after), g) for g in range(count)]
            states = [e.row(5, j, r) for r in range(SIDE)]
            tangents = [e.row(5, builder.add(j, apart), r) for r in range(SIDE)]
            weights = [
                [
                    e.multiply_add(factor, tangent, builder.fmul(slope, state))
                    for state, tangent in zip(states, tangents, strict=True)
                ]
                for factor, slope in zip(factors, slopes, strict=True)
            ]
            groups = [e.at(0, tile, TILE), e.at(0, builder.add(tile, second), TILE)][:count]
            start = e.at(5, s, place_size)
            starts = [start, e.shift(start, e.times(apart, lanes))]
            sums, changes = _products(e, groups, tiles, ahead, starts, stride, weights, e.at(5, columns))
            pairs = [
                [pair for g in range(count) for pair in ((slopes[g], sums[g][r]), (factors[g], changes[g][r]))]
                for r in range(SIDE)
            ]
            e.add_rows(5, row_sums, pairs)
            e.add_rows(5, value, [list(zip(rows, states, strict=True)) for rows in sums])
            pairs = [
                [*zip(changes[g], states, strict=True), *zip(sums[g], tangents, strict=True)] for g in range(count)
            ]
            e.add_rows(5, builder.add(value, after), pairs)
            return context.get_dummy_value()

        arguments = (
            couplings, tile, second, tiles, ahead, work, s, stride, product, j, row_sums, value, columns, apart, after,
        )  # fmt: skip
        return types.void(*arguments), generate

    @intrinsic
    def drain(typing, work, columns, totals, k):
        def generate(context, builder, signature, values):
            e = _Emitter(context, builder, signature, values, lanes)
            _drain(e, e.at(0, values[1]), TILE * min(lanes, SIDE), e.at(2, values[3]))
            return context.get_dummy_value()

        return types.void(work, columns, totals, k), generate

    @intrinsic
    def fill(typing, work, d, number):
        def generate(context, builder, signature, values):
            e = _Emitter(context, builder, signature, values, lanes)
            number = context.cast(builder, values[2], signature.args[2], signature.args[0].dtype)
            e.store(e.spread(number, lanes), e.at(0, values[1]))
            return context.get_dummy_value()

        return types.void(work, d, number), generate

    @intrinsic
    def multiply(typing, work, d, a, b):
        def generate(context, builder, signature, values):
            e = _Emitter(context, builder, signature, values, lanes)
            e.store(builder.fmul(e.row(0, values[2]), e.row(0, values[3])), e.at(0, values[1]))
            return context.get_dummy_value()

        return types.void(work, d, a, b), generate

    @intrinsic
    def add_product(typing, work, d, a, b):
        def generate(context, builder, signature, values):
            e = _Emitter(context, builder, signature, values, lanes)
            e.add_rows(0, values[1], [[(e.row(0, values[2]), e.row(0, values[3]))]])
            return context.get_dummy_value()

        return types.void(work, d, a, b), generate

    @intrinsic
    def add(typing, totals, d, work, a):
        def generate(context, builder, signature, values):
            e = _Emitter(context, builder, signature, values, lanes)
            e.add_to(e.at(0, values[1]), e.row(2, values[3]))
            return context.get_dummy_value()

        return types.void(totals, d, work, a), generate

    return Operations(count, sweep, sweep_tangent, drain, fill, multiply, add_product, add)


@intrinsic
def add_tiles(typing, couplings, tile, tiles, work, factor, target):
    """work[target …] += work[factor] · couplings of ``tiles`` tiles; the workspace has one lane."""

    def generate(context, builder, signature, values):
        e = _Emitter(context, builder, signature, values, 1)
        group, target = e.at(0, values[1], TILE), e.at(3, values[5])
        factor = e.spread(builder.load(e.at(3, values[4])), TILE)
        with cgutils.for_range(builder, values[2]) as loop:
            here = e.times(loop.index, TILE)
            place = e.shift(target, here)
            e.store(e.multiply_add(e.load(e.shift(group, here), TILE), factor, e.load(place, TILE)), place)
        return context.get_dummy_value()

    return types.void(couplings, tile, tiles, work, factor, target), generate


def _products(e: _Emitter, groups, tiles, ahead, states, stride, weights, columns):
    """The loop over tiles of one or two groups: column sums of ``weights``; P[group][row] for each set of states."""
    make = _tile_products if e.lanes < TILE else _lane_products
    later = [e.shift(group, e.times(ahead, TILE)) for group in groups]
    return make(e, groups, tiles, later, states, stride, weights, columns)


def _tile_products(e: _Emitter, groups, tiles, later, states, stride, weights, columns):
    """For up to 4 lanes: vectors run over the couplings of a tile."""
    lanes, builder = e.lanes, e.builder
    across = [[r * lanes + a for r in range(SIDE) for _ in range(SIDE)] for a in range(lanes)]
    together = [e.concatenate(rows) for rows in weights]
    spread = [[e.permute(rows, order) for order in across] for rows in together]
    starts = [[e.shift(start, e.times(stride, a)) for a in range(lanes)] for start in states]
    zero = ir.Constant(ir.VectorType(columns.type.pointee, TILE), None)
    sums = [[e.variables([zero] * lanes) for _ in groups] for _ in states]
    with cgutils.for_range(builder, tiles) as loop:
        here, four = e.times(loop.index, TILE), e.times(loop.index, SIDE)
        for place in later:
            e.prefetch(e.shift(place, here))
        loaded = [e.load(e.shift(group, here), TILE) for group in groups]
        for a in range(lanes):
            for start, totals in zip(starts, sums, strict=True):
                state = e.permute(e.load(e.shift(start[a], four), SIDE), list(range(SIDE)) * SIDE)
                for tile, total in zip(loaded, totals, strict=True):
                    builder.store(e.multiply_add(tile, state, builder.load(total[a])), total[a])
            place = e.shift(columns, e.times(loop.index, TILE * lanes), a * TILE)
            column = e.load(place, TILE)
            for tile, rows in zip(loaded, spread, strict=True):
                column = e.multiply_add(tile, rows[a], column)
            e.store(column, place)
    return [[_sum_columns(e, total) for total in totals] for totals in sums]


def _sum_columns(e: _Emitter, places):
    """Rows of a tile summed over its columns, from a vector of couplings for each lane: a vector of lanes per row."""
    lanes, reduced = e.lanes, []
    for place in places:
        value = e.builder.load(place)
        for width in (TILE, TILE // 2):
            value = e.builder.fadd(e.permute(value, range(0, width, 2)), e.permute(value, range(1, width, 2)))
        reduced.append(value)
    rows = e.interleave(reduced)
    return [e.permute(rows, range(r * lanes, (r + 1) * lanes)) for r in range(SIDE)]


def _lane_products(e: _Emitter, groups, tiles, later, states, stride, weights, columns):
    """For 16 lanes: each coupling is spread over a vector of replicas."""
    lanes, builder = e.lanes, e.builder
    zero = ir.Constant(weights[0][0].type, None)
    sums = [[e.variables([zero] * SIDE) for _ in groups] for _ in states]
    with cgutils.for_range(builder, tiles) as loop:
        here, strip = e.times(loop.index, TILE), e.times(loop.index, SIDE * lanes)
        for place in later:
            e.prefetch(e.shift(place, here))
        for c in range(SIDE):
            vectors = [e.load(e.shift(start, strip, c * lanes), lanes) for start in states]
            target = e.shift(columns, strip, c * lanes)
            column = e.load(target, lanes)
            for g, group in enumerate(groups):
                for r in range(SIDE):
                    coupling = e.spread(builder.load(e.shift(group, here, SIDE * r + c)), lanes)
                    for vector, totals in zip(vectors, sums, strict=True):
                        total = totals[g][r]
                        builder.store(e.multiply_add(coupling, vector, builder.load(total)), total)
                    column = e.multiply_add(coupling, weights[g][r], column)
            e.store(column, target)
    return [[[builder.load(place) for place in total] for total in totals] for totals in sums]


def _drain(e: _Emitter, columns, size, totals):
    """The ``size`` column sums of one tile, added to four rows of ``totals``."""
    lanes = e.lanes
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
