"""Gaussian couplings as a function of (seed, index), made again in every pass and stored nowhere.

Each group of tiles has a stream of its own. Its two keys come from the number of its first tile by the full rounds of
:func:`spinnet.kernels.counter_noise.mix`; within it, counter c becomes 64 bits by one round of that finaliser with the
second key entered between its two products, so that streams are no shifted copies of one sequence:

    z = c·G + key;   z = ((z ⊕ z≫30)·A) ⊕ second;   z = (z ⊕ z≫27)·B;   bits = z ⊕ z≫31.

Tiles are made in pairs (2u, 2u + 1) from the counters 16u … 16u + 15, whose 64-bit words are read as 32 words of 32
bits, low half first. Word p gives a radius and word 16 + p an angle (Box–Muller); place p of tile 2u is the cosine and
place p of tile 2u + 1 the sine. The radius √(−2 ln u), u = (word + ½)·2⁻³², reaches 6.76, which a Gaussian exceeds
once in 7·10¹⁰ numbers; the angle has 32 bits. All is done in float32, in vectors of 16, with polynomials that are
good to 2·10⁻⁷; each rounding is stated, so that a number is the same bits wherever it is made.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from spinnet.kernels._jit import inner, kernel
from spinnet.kernels._tiles import TILE, _Emitter
from spinnet.kernels.counter_noise import mix
from spinnet.kernels.coupling_weights import weigh
from spinnet.kernels.exact_functions import exact

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)
_MIX_A, _MIX_B = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB

_F32 = ir.FloatType()
_I32 = ir.IntType(32)
_I64 = ir.IntType(64)
_HALF_ROOT_BITS = 0x3F3504F3  # √½
#: −2 ln(1 + s)/s on √½ − 1 … √2 − 1, sin(πt/2)/t and cos(πt/2) in t² on |t| ≤ ½: least largest relative error.
_LOGARITHM = (
    -1.9999998807907104, 1.0000072717666626, -0.6667011976242065, 0.4993981719017029,
    -0.39800330996513367, 0.34501659870147705, -0.3244515657424927, 0.2021378129720688,
)  # fmt: skip
_SINE = (1.5707963705062866, -0.6459634900093079, 0.07968003302812576, -0.00460165785625577)
_COSINE = (0.9999999403953552, -1.233696699142456, 0.25359493494033813, -0.02039858140051365)


def _whole(kind: ir.VectorType, value: int) -> ir.Constant:
    """A whole number in all places."""
    return ir.Constant(kind, [value] * kind.count)


def _number(value: float) -> ir.Constant:
    return ir.Constant(ir.VectorType(_F32, TILE), [float(np.float32(value))] * TILE)


def _words(e: _Emitter, counter, second):
    """The hash of eight counters, given as c·G + key: 16 words of 32 bits."""
    b, kind = e.builder, counter.type

    def fold(z, bits):
        return b.xor(z, b.lshr(z, _whole(kind, bits)))

    z = b.xor(b.mul(fold(counter, 30), _whole(kind, _MIX_A)), second)
    z = fold(b.mul(fold(z, 27), _whole(kind, _MIX_B)), 31)
    return b.bitcast(z, ir.VectorType(_I32, TILE))


def _polynomial(e: _Emitter, coefficients, x):
    total = _number(coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = e.multiply_add(total, x, _number(coefficient))
    return total


def _square_root(e: _Emitter, x):
    kind = ir.FunctionType(x.type, [x.type])
    name = f"llvm.sqrt.v{TILE}f32"
    return e.builder.call(cgutils.get_or_insert_function(e.builder.module, kind, name), [x])


def _radius(e: _Emitter, words):
    """√(−2 ln u), u = (word + ½)·2⁻³²: with u = 2^k (1 + s), −2 k ln 2 + s·polynomial(s)."""
    b, kind = e.builder, words.type
    u = e.multiply_add(b.uitofp(words, ir.VectorType(_F32, TILE)), _number(2.0**-32), _number(2.0**-33))
    bits = b.bitcast(u, kind)
    k = b.ashr(b.sub(bits, _whole(kind, _HALF_ROOT_BITS)), _whole(kind, 23))
    mantissa = b.bitcast(b.sub(bits, b.shl(k, _whole(kind, 23))), u.type)
    s = b.fsub(mantissa, _number(1.0))
    whole = b.fmul(b.sitofp(k, u.type), _number(-2.0 * math.log(2.0)))
    return _square_root(e, e.multiply_add(_polynomial(e, _LOGARITHM, s), s, whole))


def _turned(e: _Emitter, radius, words):
    """Radius times cosine and sine of an angle: one bit turns it by π, one mirrors it, 30 place it in |πt/2| ≤ π/4."""
    b, kind = e.builder, words.type
    sign = b.and_(words, _whole(kind, 1 << 31))
    radius = b.bitcast(b.xor(b.bitcast(radius, kind), sign), radius.type)
    mirrored = b.icmp_signed("<", b.shl(words, _whole(kind, 1)), _whole(kind, 0))
    t = b.fmul(b.sitofp(b.shl(words, _whole(kind, 2)), radius.type), _number(2.0**-32))
    z = b.fmul(t, t)
    sine = b.fmul(b.fmul(_polynomial(e, _SINE, z), t), radius)
    cosine = b.fmul(_polynomial(e, _COSINE, z), radius)
    return b.select(mirrored, sine, cosine), b.select(mirrored, cosine, sine)


@intrinsic
def _make_tiles(typing, key, second, pair, pairs, buffer, at):
    """Write ``pairs`` pairs of tiles of a stream, from pair number ``pair`` on, into ``buffer`` from tile ``at`` on."""

    def generate(context, builder, signature, values):
        e = _Emitter(context, builder, signature, values, 1)
        key, second, pair, pairs, _, at = values
        target = e.at(4, at, TILE)
        golden, eight = int(_GOLDEN), TILE // 2
        start = builder.add(key, builder.mul(pair, ir.Constant(_I64, TILE * golden % 2**64)))
        start, second = e.spread(start, eight), e.spread(second, eight)
        apart = [ir.Constant(start.type, [p * golden % 2**64 for p in range(i, i + eight)]) for i in (0, eight)]
        (counters,) = e.variables([start])
        with cgutils.for_range(builder, pairs) as loop:
            first = builder.load(counters)
            builder.store(builder.add(first, _whole(first.type, TILE * golden % 2**64)), counters)
            radius = _radius(e, _words(e, builder.add(first, apart[0]), second))
            members = _turned(e, radius, _words(e, builder.add(first, apart[1]), second))
            for m, member in enumerate(members):
                if target.type.pointee != _F32:
                    member = builder.fpext(member, ir.VectorType(target.type.pointee, TILE))
                e.store(member, e.shift(target, e.times(loop.index, 2 * TILE), m * TILE))
        return context.get_dummy_value()

    return types.void(key, second, pair, pairs, buffer, at), generate


@exact
def make_tiles(key, second, pair, pairs, buffer, at):
    """As the intrinsic, compiled without licence to reassociate."""
    _make_tiles(key, second, pair, pairs, buffer, at)


@inner
def fill_gaussians(keys, strict, buffer, at, prefixes, block, group, line, first, span, n):
    """Couplings of a group from its stream: see :mod:`spinnet.kernels.expanded_couplings`."""
    a = mix(np.uint64(line) * _GOLDEN + keys[0])
    key, second = mix(a ^ keys[1]) ^ a, mix(a + keys[2]) ^ ((a << _HALF) | (a >> _HALF))
    make_tiles(key, second, first // 2, (span + 1) // 2, buffer, at)
    weigh(strict, buffer, at, prefixes, block, group, first, span, n)


@kernel("void(u8, u8, i8, f4[::1])", "void(u8, u8, i8, f8[::1])")
def fill_stream(key, second, first_pair, tiles):
    """The numbers of one stream, pair of tiles after pair: 32 numbers each."""
    make_tiles(key, second, first_pair, len(tiles) // (2 * TILE), tiles, 0)
