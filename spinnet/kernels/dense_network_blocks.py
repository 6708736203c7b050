"""Building blocks of the network kernels: elementary functions that vectorise, and a small matrix product.

Both are written so that the compiler keeps vector lanes full on any CPU: the C library's exp and tanh are called one
number at a time, and BLAS costs more to call than the products of a narrow network take.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from spinnet.kernels._jit import inner

#: Doubles per vector of the matrix product; rows of work arrays are padded to a multiple of it.
LANES = 8

_LOG2_E = 1.4426950408889634
_LN2 = 0.6931471805599453
_LN2_REST = 2.3190468138462996e-17  # ln 2 minus its double, so that k·ln 2 is subtracted to 100 bits


@intrinsic
def multiply_add(typing_context, a, b, c):
    """a·b + c with one rounding. Explicit, because reassociation must not touch the reduction of an argument."""

    def generate(context, builder, signature, arguments):
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), generate


@intrinsic
def power_of_two(typing_context, k):
    """2^k for a whole number k in −1022 … 1023, held as a float64: its bits are the exponent field."""

    def generate(context, builder, signature, arguments):
        i64 = ir.IntType(64)
        exponent = builder.sext(builder.fptosi(arguments[0], ir.IntType(32)), i64)
        bits = builder.shl(builder.add(exponent, ir.Constant(i64, 1023)), ir.Constant(i64, 52))
        return builder.bitcast(bits, ir.DoubleType())

    return types.float64(types.float64), generate


@inner
def expm1_reduced(r):
    """e^r − 1 for |r| ≤ ln(2)/2: the Taylor series to r¹³, whose next term is below 5e-18."""
    p = 1.0 / 6227020800.0
    p = multiply_add(p, r, 1.0 / 479001600.0)
    p = multiply_add(p, r, 1.0 / 39916800.0)
    p = multiply_add(p, r, 1.0 / 3628800.0)
    p = multiply_add(p, r, 1.0 / 362880.0)
    p = multiply_add(p, r, 1.0 / 40320.0)
    p = multiply_add(p, r, 1.0 / 5040.0)
    p = multiply_add(p, r, 1.0 / 720.0)
    p = multiply_add(p, r, 1.0 / 120.0)
    p = multiply_add(p, r, 1.0 / 24.0)
    p = multiply_add(p, r, 1.0 / 6.0)
    p = multiply_add(p, r, 0.5)
    return multiply_add(p * r, r, r)


@inner
def exp(x):
    """e^x within 2 units in the last place; arguments beyond ±708 are taken as ±708, NaN stays NaN."""
    x = min(max(x, -708.0), 708.0)
    k = np.floor(multiply_add(x, _LOG2_E, 0.5))
    r = multiply_add(k, -_LN2_REST, multiply_add(k, -_LN2, x))
    scale = power_of_two(k)
    return multiply_add(scale, expm1_reduced(r), scale)


@inner
def tanh(x):
    """tanh x within 2 units in the last place, from e^{2|x|} − 1, which loses nothing near zero; NaN stays NaN."""
    t = min(2.0 * abs(x), 44.0)  # tanh 22 is 1 in double precision
    k = np.floor(multiply_add(t, _LOG2_E, 0.5))
    r = multiply_add(k, -_LN2_REST, multiply_add(k, -_LN2, t))
    scale = power_of_two(k)
    e = multiply_add(scale, expm1_reduced(r), scale - 1.0)
    return math.copysign(e / (e + 2.0), x)


def _make_tile(rows: int, vectors: int):
    """An intrinsic that makes ``rows`` × (``vectors`` · LANES) entries of a product, its sums held in registers."""

    def generate(context, builder, signature, arguments):
        work, c_at, c_row, s_at, s_row, s_step, m_at, m_row, depth, add = arguments
        data = context.make_array(signature.args[0])(context, builder, work).data
        lanes = ir.VectorType(ir.DoubleType(), LANES)
        i32, i64 = ir.IntType(32), ir.IntType(64)
        undefined = ir.Constant(lanes, ir.Undefined)
        everywhere = ir.Constant(ir.VectorType(i32, LANES), [0] * LANES)

        def pointer(at):
            return builder.bitcast(builder.gep(data, [at]), lanes.as_pointer())

        def load(at):
            value = builder.load(pointer(at))
            value.align = 8
            return value

        def offset(at, stride, count):
            return builder.add(at, builder.mul(stride, ir.Constant(i64, count)))

        places = [[builder.add(offset(c_at, c_row, r), ir.Constant(i64, LANES * v)) for v in range(vectors)]
                  for r in range(rows)]  # fmt: skip
        sums = []
        for row in places:
            sums.append([])
            for place in row:
                sums[-1].append(cgutils.alloca_once(builder, lanes))
                start = builder.select(add, load(place), ir.Constant(lanes, [0.0] * LANES))
                builder.store(start, sums[-1][-1])
        with cgutils.for_range(builder, depth) as loop:
            m = builder.add(m_at, builder.mul(m_row, loop.index))
            factors = [load(builder.add(m, ir.Constant(i64, LANES * v))) for v in range(vectors)]
            s = builder.add(s_at, builder.mul(s_step, loop.index))
            for r in range(rows):
                scalar = builder.load(builder.gep(data, [offset(s, s_row, r)]))
                one = builder.insert_element(undefined, scalar, ir.Constant(i32, 0))
                spread = builder.shuffle_vector(one, undefined, everywhere)
                for v in range(vectors):
                    product = builder.fmul(spread, factors[v], flags=("contract",))
                    total = builder.fadd(builder.load(sums[r][v]), product, flags=("contract",))
                    builder.store(total, sums[r][v])
        for row, totals in zip(places, sums, strict=True):
            for place, total in zip(row, totals, strict=True):
                builder.store(builder.load(total), pointer(place)).align = 8
        return context.get_dummy_value()

    @intrinsic
    def tile(typing_context, work, c_at, c_row, s_at, s_row, s_step, m_at, m_row, depth, add):
        whole = types.int64
        return types.none(work, whole, whole, whole, whole, whole, whole, whole, whole, types.boolean), generate

    return tile


_tile_4_2, _tile_4_1 = _make_tile(4, 2), _make_tile(4, 1)
_tile_2_2, _tile_2_1 = _make_tile(2, 2), _make_tile(2, 1)
_tile_1_2, _tile_1_1 = _make_tile(1, 2), _make_tile(1, 1)


@inner
def multiply(work, c_at, c_row, s_at, s_row, s_step, m_at, m_row, rows, columns, depth, add):
    """C = S·M, or C += S·M if ``add``; all three lie in ``work``.

    C[r, j] is ``work[c_at + r·c_row + j]``, S[r, k] is ``work[s_at + r·s_row + k·s_step]`` (so that S may be read
    transposed), M[k, j] is ``work[m_at + k·m_row + j]``. ``columns`` is a multiple of LANES. The sum over k runs in
    order in every entry.
    """
    j = 0
    while j < columns:
        wide = j + 2 * LANES <= columns
        m = m_at + j
        r = 0
        while r < rows:
            c = c_at + r * c_row + j
            s = s_at + r * s_row
            if r + 4 <= rows:
                if wide:
                    _tile_4_2(work, c, c_row, s, s_row, s_step, m, m_row, depth, add)
                else:
                    _tile_4_1(work, c, c_row, s, s_row, s_step, m, m_row, depth, add)
                r += 4
            elif r + 2 <= rows:
                if wide:
                    _tile_2_2(work, c, c_row, s, s_row, s_step, m, m_row, depth, add)
                else:
                    _tile_2_1(work, c, c_row, s, s_row, s_step, m, m_row, depth, add)
                r += 2
            else:
                if wide:
                    _tile_1_2(work, c, c_row, s, s_row, s_step, m, m_row, depth, add)
                else:
                    _tile_1_1(work, c, c_row, s, s_row, s_step, m, m_row, depth, add)
                r += 1
        j += 2 * LANES if wide else LANES
