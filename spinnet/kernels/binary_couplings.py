"""Couplings ±1 with one bit each: a tile is one 16-bit word.

Bit 4r + c of the word of a tile is the sign of its row r and column c, 1 for plus. Words follow one another in the
order of tiles in :mod:`spinnet.kernels.spherical_glass`; bits of places that are no multiset mean nothing.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from spinnet.kernels._jit import inner
from spinnet.kernels._tiles import TILE, _Emitter
from spinnet.kernels.coupling_weights import weigh


@intrinsic
def expand_signs(typing, words, word, tiles, buffer, at):
    """Write ±1 for the bits of ``tiles`` words from number ``word`` on into as many tiles of ``buffer``."""

    def generate(context, builder, signature, values):
        e = _Emitter(context, builder, signature, values, 1)
        source, target = e.at(0, values[1]), e.at(3, values[4], TILE)
        plus = ir.Constant(target.type.pointee, 1.0)
        minus = ir.Constant(target.type.pointee, -1.0)
        kind = ir.VectorType(plus.type, TILE)
        chosen = ir.VectorType(ir.IntType(1), TILE)
        with cgutils.for_range(builder, values[2]) as loop:
            bits = builder.bitcast(builder.load(e.shift(source, loop.index)), chosen)
            signs = builder.select(bits, ir.Constant(kind, [plus] * TILE), ir.Constant(kind, [minus] * TILE))
            e.store(signs, e.shift(target, e.times(loop.index, TILE)))
        return context.get_dummy_value()

    return types.void(words, word, tiles, buffer, at), generate


@inner
def fill_signs(words, strict, buffer, at, prefixes, block, group, line, first, span, n):
    """Couplings of a group from words: see :mod:`spinnet.kernels.expanded_couplings`."""
    expand_signs(words, line + first, span, buffer, at)
    weigh(strict, buffer, at, prefixes, block, group, first, span, n)
