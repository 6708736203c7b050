"""Operations on packed patterns of ±1, written in vector instructions.

64 entries are one word; a bit is set where the entry is −1, and places beyond the last entry are 0. A word can then be
the mask of 64 whole numbers of 16 bits: a sum over patterns takes one masked addition for each vector of numbers.
Products of two patterns are counted, Σ ab = n − 2 popcount(a ^ b). Nothing is checked: the caller owns the arrays,
which are flat here and addressed by the number of their first word or number.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from spinnet.kernels._tiles import _I32, _I64

_I16 = ir.IntType(16)
#: Entries of a word, and words of the block in which signs are compared.
WORD = 64
BLOCK = 8
_LANES = 32  # numbers that are handled together: half a word
#: Rows whose sums :func:`masked_sums` makes together.
ROWS = 8


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


def _same(value):
    return ir.Constant(ir.VectorType(_I16, _LANES), [ir.Constant(_I16, value)] * _LANES)


def _numbers(builder, start, half):
    """The numbers that belong to half a word."""
    return _vector(builder, cgutils.gep(builder, start, builder.mul(half, ir.Constant(_I64, _LANES))), _I16, _LANES)


def _halves(builder, pointer):
    return builder.bitcast(pointer, _I32.as_pointer())


@intrinsic
def popcount(typing, word):
    """Number of bits of a uint64 that are set."""

    def generate(context, builder, signature, values):
        return builder.call(builder.module.declare_intrinsic("llvm.ctpop", [_I64]), values)

    return types.int64(types.uint64), generate


@intrinsic
def masked_sums(typing, words, places, halves, group, numbers, first, sums):
    """sums[r] = Σ numbers[first + b] over the bits b set in ``halves`` half words from ``words[places[r]]`` on, r < 8.

    The numbers are loaded once for all eight. Half words are taken two at a time, whole words. Sums of 16 bits are
    widened after every ``group`` half words, an even number: the sum of so many numbers must fit.
    """

    def generate(context, builder, signature, values):
        kinds = signature.args
        where = _pointer(context, builder, kinds[1], values[1], ir.Constant(_I64, 0))
        bits = []
        for r in range(ROWS):
            place = builder.load(cgutils.gep(builder, where, ir.Constant(_I64, r)))
            bits.append(_halves(builder, _pointer(context, builder, kinds[0], values[0], place)))
        start = _pointer(context, builder, kinds[4], values[4], values[5])
        zero, wide = _same(0), ir.VectorType(_I32, _LANES // 2)
        totals = _zeros(builder, wide, ROWS)
        left = builder.add(values[2], builder.sub(values[3], ir.Constant(_I64, 1)))
        with cgutils.for_range(builder, builder.udiv(left, values[3])) as groups:
            before = builder.mul(groups.index, values[3])
            after = builder.add(before, values[3])
            after = builder.select(builder.icmp_signed("<", after, values[2]), after, values[2])
            parts = _zeros(builder, zero.type, ROWS)
            with cgutils.for_range_slice(builder, before, after, ir.Constant(_I64, 2)) as (start_half, _):
                for k in range(2):
                    half = builder.add(start_half, ir.Constant(_I64, k))
                    vector = _numbers(builder, start, half)
                    for pointer, part in zip(bits, parts, strict=True):
                        sum_so_far = builder.load(part)
                        more = builder.add(sum_so_far, vector)
                        builder.store(builder.select(_mask(builder, pointer, half), more, sum_so_far), part)
            for part, total in zip(parts, totals, strict=True):
                pairs = builder.bitcast(builder.load(part), wide)
                sixteen = ir.Constant(wide, [ir.Constant(_I32, 16)] * wide.count)
                low = builder.ashr(builder.shl(pairs, sixteen), sixteen)
                widened = builder.add(low, builder.ashr(pairs, sixteen))
                builder.store(builder.add(builder.load(total), widened), total)
        target = _pointer(context, builder, kinds[6], values[6], ir.Constant(_I64, 0))
        for four in (0, ROWS // 2):
            sums_of_four = _sum_four(builder, [builder.load(total) for total in totals[four : four + ROWS // 2]])
            _store(builder, sums_of_four, cgutils.gep(builder, target, ir.Constant(_I64, four)))
        return context.get_dummy_value()

    arguments = words, places, types.int64, types.int64, numbers, types.int64, sums
    return types.void(*arguments), generate


def _zeros(builder, kind, count):
    """Places that live across iterations and begin at zero; LLVM turns them into registers."""
    places = [cgutils.alloca_once(builder, kind) for _ in range(count)]
    for place in places:
        builder.store(ir.Constant(kind, [ir.Constant(kind.element, 0)] * kind.count), place)
    return places


def _sum_four(builder, vectors):
    """The sums of four vectors of sixteen numbers, as a vector of four.

    Pairs of numbers change places within quarters of a vector only, which is what costs least; quarters are added last.
    """

    def mixed(first, second, step):
        """Of each quarter: places of the two vectors in turn, ``step`` numbers at a time, lower plus upper half."""
        halves = []
        for start in (0, 2):
            order = []
            for quarter in range(0, 16, 4):
                for k in range(0, 2, step):
                    place = quarter + start + k
                    order += [*range(place, place + step), *range(16 + place, 16 + place + step)]
            halves.append(_shuffle(builder, first, second, order))
        return builder.add(*halves)

    total = mixed(mixed(vectors[0], vectors[1], 1), mixed(vectors[2], vectors[3], 1), 2)
    for count in (8, 4):
        halves = [_shuffle(builder, total, total, range(first, first + count)) for first in (0, count)]
        total = builder.add(*halves)
    return total


def _shuffle(builder, first, second, order):
    places = [ir.Constant(_I32, k) for k in order]
    return builder.shuffle_vector(first, second, ir.Constant(ir.VectorType(_I32, len(places)), places))


@intrinsic
def masked_shift(typing, words, word, halves, numbers, first, plain, marked):
    """Add ``marked`` to numbers[first + b] where bit b is set, ``plain`` where not."""

    def generate(context, builder, signature, values):
        kinds = signature.args
        bits = _halves(builder, _pointer(context, builder, kinds[0], values[0], values[1]))
        start = _pointer(context, builder, kinds[3], values[3], values[4])
        spread = [_spread(builder, value) for value in values[5:]]
        with cgutils.for_range(builder, values[2]) as loop:
            step = builder.select(_mask(builder, bits, loop.index), spread[1], spread[0])
            place = cgutils.gep(builder, start, builder.mul(loop.index, ir.Constant(_I64, _LANES)))
            _store(builder, builder.add(_numbers(builder, start, loop.index), step), place)
        return context.get_dummy_value()

    return types.void(words, types.int64, types.int64, numbers, types.int64, types.int64, types.int64), generate


@intrinsic
def shift_and_mark(typing, words, word, halves, numbers, first, plain, marked, marks, low, high):
    """As :func:`masked_shift`, and mark what comes near zero.

    Bits of the words from ``marks[low]`` on are set where a number has become 0 or 1, from ``marks[high]`` on where −2
    or −1; whole words are written.
    """

    def generate(context, builder, signature, values):
        kinds = signature.args
        bits = _halves(builder, _pointer(context, builder, kinds[0], values[0], values[1]))
        start = _pointer(context, builder, kinds[3], values[3], values[4])
        spread = [_spread(builder, value) for value in values[5:7]]
        targets = [_pointer(context, builder, kinds[7], values[7], value) for value in values[8:]]
        with cgutils.for_range(builder, builder.ashr(builder.add(values[2], _one()), _one())) as loop:
            near: list[list] = [[], []]
            for k in range(2):
                half = builder.add(builder.shl(loop.index, _one()), ir.Constant(_I64, k))
                step = builder.select(_mask(builder, bits, half), spread[1], spread[0])
                vector = builder.add(_numbers(builder, start, half), step)
                _store(builder, vector, cgutils.gep(builder, start, builder.mul(half, ir.Constant(_I64, _LANES))))
                for offset, found in zip((0, 2), near, strict=True):
                    where = builder.icmp_unsigned("<", builder.add(vector, _same(offset)), _same(2))
                    found.append(builder.zext(builder.bitcast(where, _I32), _I64))
            for (lower, upper), target in zip(near, targets, strict=True):
                both = builder.or_(lower, builder.shl(upper, ir.Constant(_I64, 32)))
                builder.store(both, cgutils.gep(builder, target, loop.index), align=8)
        return context.get_dummy_value()

    whole = types.int64
    arguments = words, types.uint64, whole, numbers, types.uint64, whole, whole, marks, types.uint64, types.uint64
    return types.void(*arguments), generate


def _one():
    return ir.Constant(_I64, 1)


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

    arguments = gained, types.uint64, lost, types.uint64, signs, types.uint64, types.int64, types.uint64
    return types.int64(*arguments), generate


def _spread(builder, value, count=_LANES, element=_I16):
    """A 64-bit number in all places of a vector."""
    if element is _I16:
        value = builder.trunc(value, _I16)
    empty = ir.Constant(ir.VectorType(element, count), ir.Undefined)
    first = builder.insert_element(empty, value, ir.Constant(_I32, 0))
    mask = ir.Constant(ir.VectorType(_I32, count), [ir.Constant(_I32, 0)] * count)
    return builder.shuffle_vector(first, empty, mask)


def _store(builder, vector, pointer):
    builder.store(vector, builder.bitcast(pointer, vector.type.as_pointer()), align=vector.type.element.width // 8)
