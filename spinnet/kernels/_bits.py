"""Operations on packed patterns of ±1, written in vector instructions.

64 entries are one word; a bit is set where the entry is −1, and places beyond the last entry are 0. A word can then be
the mask of 64 whole numbers: sums over patterns take one masked addition for each vector of numbers, and products of
two patterns are counted, Σ ab = n − 2 popcount(a ^ b). Nothing is checked: the caller owns the arrays, which are flat
here and addressed by the number of their first word or number.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from spinnet.kernels._tiles import _I32, _I64

#: Entries of a word, and words of the block in which signs are compared.
WORD = 64
BLOCK = 8
_LANES = 32  # numbers that are handled together: half a word


def _pointer(context, builder, kind, array, index):
    """Where item ``index`` of an array lies."""
    return cgutils.gep(builder, context.make_array(kind)(context, builder, array).data, index)


def _vector(builder, pointer, element, count):
    """Load ``count`` elements, aligned as one is."""
    wide = builder.bitcast(pointer, ir.VectorType(element, count).as_pointer())
    return builder.load(wide, align=element.width // 8)


def _mask(builder, words, half):
    """The bits of half a word as truth values; ``words`` points to 32-bit numbers."""
    bits = builder.load(cgutils.gep(builder, words, half), align=4)
    return builder.bitcast(bits, ir.VectorType(ir.IntType(1), _LANES))


def _same(value, count):
    return ir.Constant(ir.VectorType(_I32, count), [ir.Constant(_I32, value)] * count)


def _halves(builder, pointer):
    return builder.bitcast(pointer, _I32.as_pointer())


@intrinsic
def popcount(typing, word):
    """Number of bits of a uint64 that are set."""

    def generate(context, builder, signature, values):
        return builder.call(builder.module.declare_intrinsic("llvm.ctpop", [_I64]), values)

    return types.int64(types.uint64), generate


@intrinsic
def masked_sum(typing, words, word, halves, numbers, first):
    """Σ numbers[first + b] over the bits b that are set in ``halves`` half words from ``words[word]`` on; int32."""

    def generate(context, builder, signature, values):
        kinds = signature.args
        bits = _halves(builder, _pointer(context, builder, kinds[0], values[0], values[1]))
        start = _pointer(context, builder, kinds[3], values[3], values[4])
        zero = _same(0, _LANES)
        total = cgutils.alloca_once_value(builder, zero)
        with cgutils.for_range(builder, values[2]) as loop:
            place = cgutils.gep(builder, start, builder.mul(loop.index, ir.Constant(_I64, _LANES)))
            chosen = builder.select(_mask(builder, bits, loop.index), _vector(builder, place, _I32, _LANES), zero)
            builder.store(builder.add(builder.load(total), chosen), total)
        kind = ir.FunctionType(_I32, [zero.type])
        reduce = cgutils.get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.add.v{_LANES}i32")
        return builder.sext(builder.call(reduce, [builder.load(total)]), _I64)

    return types.int64(words, types.int64, types.int64, numbers, types.int64), generate


@intrinsic
def masked_shift(typing, words, word, halves, numbers, first, plain, marked):
    """Add ``marked`` to numbers[first + b] where bit b is set, ``plain`` where not; int32."""

    def generate(context, builder, signature, values):
        kinds = signature.args
        bits = _halves(builder, _pointer(context, builder, kinds[0], values[0], values[1]))
        start = _pointer(context, builder, kinds[3], values[3], values[4])
        spread = [_spread(builder, value) for value in values[5:]]
        with cgutils.for_range(builder, values[2]) as loop:
            place = cgutils.gep(builder, start, builder.mul(loop.index, ir.Constant(_I64, _LANES)))
            step = builder.select(_mask(builder, bits, loop.index), spread[1], spread[0])
            _store(builder, builder.add(_vector(builder, place, _I32, _LANES), step), place)
        return context.get_dummy_value()

    return types.void(words, types.int64, types.int64, numbers, types.int64, types.int64, types.int64), generate


@intrinsic
def mark_near_zero(typing, numbers, first, halves, words, low, high):
    """Set bits of half words from ``words[low]`` on where a number is 0 or 1, from ``words[high]`` where −2 or −1."""

    def generate(context, builder, signature, values):
        kinds = signature.args
        start = _pointer(context, builder, kinds[0], values[0], values[1])
        targets = [_halves(builder, _pointer(context, builder, kinds[3], values[3], value)) for value in values[4:]]
        with cgutils.for_range(builder, values[2]) as loop:
            place = cgutils.gep(builder, start, builder.mul(loop.index, ir.Constant(_I64, _LANES)))
            vector = _vector(builder, place, _I32, _LANES)
            for shift, target in zip((0, 2), targets, strict=True):
                near = builder.icmp_unsigned("<", builder.add(vector, _same(shift, _LANES)), _same(2, _LANES))
                where = cgutils.gep(builder, target, loop.index)
                builder.store(builder.bitcast(near, _I32), where, align=4)
        return context.get_dummy_value()

    return types.void(numbers, types.int64, types.int64, words, types.int64, types.int64), generate


@intrinsic
def count_differences(typing, gained, first, lost, second, signs, third, blocks, flip):
    """popcount(gained & ~s) − popcount(lost & s) over ``blocks`` blocks of words, s = signs ^ flip."""

    def generate(context, builder, signature, values):
        kinds = signature.args
        starts = [_pointer(context, builder, kinds[k], values[k], values[k + 1]) for k in (0, 2, 4)]
        wide = ir.VectorType(_I64, BLOCK)
        zero = ir.Constant(wide, [ir.Constant(_I64, 0)] * BLOCK)
        flips = _spread(builder, values[7], BLOCK, _I64)
        total = cgutils.alloca_once_value(builder, zero)
        count = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(wide, [wide]), f"llvm.ctpop.v{BLOCK}i64"
        )
        with cgutils.for_range(builder, values[6]) as loop:
            offset = builder.mul(loop.index, ir.Constant(_I64, BLOCK))
            gain, loss, sign = (_vector(builder, cgutils.gep(builder, p, offset), _I64, BLOCK) for p in starts)
            sign = builder.xor(sign, flips)
            more = builder.call(count, [builder.and_(gain, builder.not_(sign))])
            less = builder.call(count, [builder.and_(loss, sign)])
            builder.store(builder.add(builder.load(total), builder.sub(more, less)), total)
        kind = ir.FunctionType(_I64, [wide])
        reduce = cgutils.get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.add.v{BLOCK}i64")
        return builder.call(reduce, [builder.load(total)])

    arguments = gained, types.int64, lost, types.int64, signs, types.int64, types.int64, types.uint64
    return types.int64(*arguments), generate


def _spread(builder, value, count=_LANES, element=_I32):
    """A 64-bit number in all places of a vector."""
    if element is _I32:
        value = builder.trunc(value, _I32)
    empty = ir.Constant(ir.VectorType(element, count), ir.Undefined)
    first = builder.insert_element(empty, value, ir.Constant(_I32, 0))
    mask = ir.Constant(ir.VectorType(_I32, count), [ir.Constant(_I32, 0)] * count)
    return builder.shuffle_vector(first, empty, mask)


def _store(builder, vector, pointer):
    builder.store(vector, builder.bitcast(pointer, vector.type.as_pointer()), align=vector.type.element.width // 8)
