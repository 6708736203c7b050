"""The gradient of couplings ±1 for 16 replicas at once, by looking sums up instead of multiplying.

A row of a tile has four signs, and so has a column: Σ_c ±s_c is one of 16 sums of the four states of the tile's
columns, and Σ_r ±s_r one of 16 sums of the four states of its rows. With tables of these sums (vectors over replicas)
a tile takes four additions for its rows, P[r] += T[signs of row r], and four multiply-adds for its columns,

    columns[c] += product · B[signs of column c],

in place of 32. Tables T of a strip of tiles and the one table B of a block stay in the nearest caches while all groups
of a unit pass. Tile 0 of a group, on the diagonal, has tables of its own for each row and column, in which places that
are no multiset are left out and equal indices have their weight.

Groups whose prefix reaches into the four rows are not served here.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from spinnet.kernels._jit import inner
from spinnet.kernels._tiles import SIDE, TILE, _Emitter, operations
from spinnet.kernels.spherical_glass import column_rows, tiles_at_once

LANES = 16
#: Tiles whose tables, 16 rows each, are kept at once.
STRIP = 32
#: Groups that share a look at the column sums.
_TOGETHER = 2
_WORD_BITS, _WORDS = 16, 4
#: Rows of the workspace: tables of a strip, of the block, and of rows and columns on the diagonal, and sums of rows.
TABLE_ROWS = 16 * (STRIP + 1 + 2 * SIDE) + SIDE * _TOGETHER
_ROOT_HALF = np.sqrt(0.5)


@intrinsic
def _build_table(typing, work, table, s, f0, f1, f2, f3):
    """work[table + m] = Σ_c ±f_c work[s + c], plus where bit c of m is 1."""

    def generate(context, builder, signature, values):
        e = _Emitter(context, builder, signature, values, LANES)
        kind = signature.args[0].dtype
        terms = []
        for c in range(SIDE):
            factor = context.cast(builder, values[3 + c], signature.args[3 + c], kind)
            terms.append(builder.fmul(e.spread(factor, LANES), e.row(0, values[2], c)))
        sums = [builder.fadd(*terms[:2]), builder.fsub(*terms[:2]), builder.fadd(*terms[2:]), builder.fsub(*terms[2:])]
        # Combinations of a pair by two bits, the first term's lowest.
        low, high = [
            [builder.fneg(a), b, builder.fneg(b), a] for a, b in (sums[:2], sums[2:])
        ]
        for m in range(TILE):
            place = e.shift(e.at(0, values[1]), ir.Constant(ir.IntType(64), m * LANES))
            e.store(builder.fadd(low[m % 4], high[m // 4]), place)
        return context.get_dummy_value()

    return types.void(work, table, s, f0, f1, f2, f3), generate


def _transposed(builder, words):
    """Each 4×4 matrix of bits in a word turned: bit 4r + c becomes bit 4c + r."""
    for distance, mask in ((3, 0x0A0A), (6, 0x00CC)):
        whole = sum(mask << shift for shift in range(0, words.type.width, _WORD_BITS))
        shift = ir.Constant(words.type, distance)
        moved = builder.and_(builder.xor(words, builder.lshr(words, shift)), ir.Constant(words.type, whole))
        words = builder.xor(words, builder.xor(moved, builder.shl(moved, shift)))
    return words


def _look_up(together, at_once, diagonal):
    """The operation that adds ``tiles`` tiles of ``together`` groups, ``at_once`` tiles with one load of words.

    ``tables`` and ``block`` are rows of tables, one for each tile and one for all; on the ``diagonal`` one for each row
    and one for each column. Rows ``sums``, four for each group, are added to.
    """

    @intrinsic
    def look_up(typing, words, word, apart, tiles, work, tables, block, product, columns, sums):
        def generate(context, builder, signature, values):
            e = _Emitter(context, builder, signature, values, LANES)
            _, word, apart, tiles, _, tables, block, product, columns, sums = values
            wide = ir.IntType(_WORD_BITS * at_once)
            index_kind = ir.IntType(64)
            signs = [e.shift(e.at(0, word, 1), builder.mul(apart, ir.Constant(apart.type, g))) for g in range(together)]
            factors = [e.row(4, product, g) for g in range(together)]
            totals = [e.variables([e.row(4, sums, SIDE * g + r) for r in range(SIDE)]) for g in range(together)]
            tables, block, columns = e.at(4, tables), e.at(4, block), e.at(4, columns)

            def entry(table, bits, number, constant):
                nibble = builder.and_(builder.lshr(bits, ir.Constant(wide, SIDE * number)), ir.Constant(wide, 15))
                place = builder.mul(
                    nibble if wide.width == 64 else builder.zext(nibble, index_kind), ir.Constant(index_kind, LANES)
                )
                return e.load(e.shift(e.shift(table, place), ir.Constant(index_kind, constant * LANES)), LANES)

            with cgutils.for_range_slice(
                builder, ir.Constant(tiles.type, 0), tiles, ir.Constant(tiles.type, at_once)
            ) as (t, _):
                rows = []
                for pointer in signs:
                    here = builder.bitcast(e.shift(pointer, t), wide.as_pointer())
                    rows.append(builder.load(here, align=2))
                turned = [_transposed(builder, bits) for bits in rows]
                table, target = e.shift(tables, e.times(t, TILE * LANES)), e.shift(columns, e.times(t, SIDE * LANES))
                for q in range(at_once):
                    places = [
                        e.shift(target, ir.Constant(index_kind, (SIDE * q + c) * LANES)) for c in range(SIDE)
                    ]
                    column = [e.load(place, LANES) for place in places]
                    for g in range(together):
                        for r in range(SIDE):
                            looked = entry(table, rows[g], SIDE * q + r, TILE * (r if diagonal else q))
                            builder.store(builder.fadd(builder.load(totals[g][r]), looked), totals[g][r])
                        for c in range(SIDE):
                            looked = entry(block, turned[g], SIDE * q + c, TILE * c if diagonal else 0)
                            column[c] = e.multiply_add(factors[g], looked, column[c])
                    for value, place in zip(column, places, strict=True):
                        e.store(value, place)
            for g in range(together):
                for r in range(SIDE):
                    place = e.shift(e.at(4, sums), ir.Constant(index_kind, (SIDE * g + r) * LANES))
                    e.store(builder.load(totals[g][r]), place)
            return context.get_dummy_value()

        arguments = words, word, apart, tiles, work, tables, block, product, columns, sums
        return types.void(*arguments), generate

    return look_up


_four_tiles = _look_up(_TOGETHER, _WORDS, False)
_one_tile = _look_up(_TOGETHER, 1, False)
_first_tile = _look_up(_TOGETHER, 1, True)

_op = operations(LANES)
_drain, _fill, _multiply, _add_product, _add = _op.drain, _op.fill, _op.multiply, _op.add_product, _op.add


@inner
def _weight(strict, prefix):
    """√(1/Π m!) of a prefix with multiplicities m; zero in the strict sum where there are any."""
    run, repeats = 0, 1.0
    for m in range(len(prefix)):
        run = run + 1 if m > 0 and prefix[m] == prefix[m - 1] else 1
        repeats *= run
    return 0.0 if strict and repeats > 1.0 else np.sqrt(1.0 / repeats)


@inner
def _diagonal(equal, smaller, larger):
    """Weight of a place of tile 0: none below the diagonal, that of two equal indices on it."""
    return 1.0 if smaller < larger else equal if smaller == larger else 0.0


@inner
def add_signs(words, strict, prefixes, block, start, stop, line, n, work, sites, free, tables, totals, total):
    """Add the gradient of the groups start … stop of a block, none of whose prefixes reaches the rows of the block.

    Arguments as in the functions of ``spherical_glass.gradient_of_unit``; ``tables`` is the first of ``TABLE_ROWS``
    rows.
    """
    tiles = (n + 3) // 4 - block
    j = 4 * block
    groups = stop - start
    length = prefixes.shape[1]
    columns = free
    row_sums = columns + column_rows(LANES) * tiles_at_once((n + 3) // 4, LANES)
    values = row_sums + 4
    products = values + groups + 1
    term = products + groups + 1
    of_block = tables + 16 * STRIP
    of_rows = of_block + 16
    of_columns = of_rows + 16 * 4
    sums = of_columns + 16 * 4
    equal = 0.0 if strict else _ROOT_HALF
    for h in range(groups + 1):
        _fill(work, values + h, 0.0)
        _fill(work, products + h, 0.0)
    for h in range(groups):
        _fill(work, products + h, _weight(strict, prefixes[start + h]))
        for m in range(length):
            _multiply(work, products + h, products + h, sites + prefixes[start + h, m])
    for r in range(4):
        _fill(work, row_sums + r, 0.0)
    _build_table(work, of_block, sites + j, 1.0, 1.0, 1.0, 1.0)
    for r in range(4):
        _build_table(
            work, of_rows + 16 * r, sites + j, _diagonal(equal, r, 0), _diagonal(equal, r, 1), _diagonal(equal, r, 2),
            _diagonal(equal, r, 3),
        )  # fmt: skip
        _build_table(
            work, of_columns + 16 * r, sites + j, _diagonal(equal, 0, r), _diagonal(equal, 1, r),
            _diagonal(equal, 2, r), _diagonal(equal, 3, r),
        )  # fmt: skip
    for t0 in range(0, tiles, STRIP):
        span = min(STRIP, tiles - t0)
        skip = 1 if t0 == 0 else 0
        fours = (span - skip) // 4 * 4
        rest = skip + fours
        k = j + 4 * t0
        for t in range(skip, span):
            _build_table(work, tables + 16 * t, sites + k + 4 * t, 1.0, 1.0, 1.0, 1.0)
        for h in range(0, groups, 2):
            at = line + h * tiles + t0
            apart = tiles if h + 1 < groups else 0
            for r in range(8):
                _fill(work, sums + r, 0.0)
            if skip == 1:
                _first_tile(words, at, apart, 1, work, of_rows, of_columns, products + h, columns, sums)
            _four_tiles(
                words, at + skip, apart, fours, work, tables + 16 * skip, of_block, products + h, columns + 4 * skip,
                sums,
            )  # fmt: skip
            if rest < span:
                _one_tile(
                    words, at + rest, apart, span - rest, work, tables + 16 * rest, of_block, products + h,
                    columns + 4 * rest, sums,
                )  # fmt: skip
            for r in range(4):
                _add_product(work, row_sums + r, products + h, sums + r)
                _add_product(work, row_sums + r, products + h + 1, sums + 4 + r)
                _add_product(work, values + h, sums + r, sites + j + r)
                _add_product(work, values + h + 1, sums + 4 + r, sites + j + r)
        for t in range(span):
            _drain(work, columns + column_rows(LANES) * t, totals, total + k + 4 * t)
    for h in range(groups if length > 0 else 0):
        g = start + h
        for m in range(length):
            _fill(work, term, _weight(strict, prefixes[g]))
            for o in range(length):
                if o != m:
                    _multiply(work, term, term, sites + prefixes[g, o])
            _multiply(work, term, term, values + h)
            _add(totals, total + prefixes[g, m], work, term)
    for r in range(4):
        _add(totals, total + j + r, work, row_sums + r)
