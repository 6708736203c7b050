"""Elementary functions whose bits do not depend on where they are compiled into.

The compiler may reassociate and fuse ordinary sums and products, and may do so differently in two kernels. Energies
that are functions of an index must be the same bits in every kernel, one by one and in vector lanes: here each rounding
is stated. All of it vectorises. The polynomials interpolate the functions at the Chebyshev nodes of the reduced range.
"""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from spinnet.kernels.dense_network_blocks import multiply_add

_HALF_ROOT_BITS = np.int64(0x3FE6A09E667F3BCD)  # √½
_WHOLE_BITS = np.int64(0x4338000000000000)  # 1.5·2⁵²: a whole number added to these bits is added to the value
_WHOLE = 6755399441055744.0
_FIFTY_TWO = np.int64(52)
_LN2 = 0.6931471805599453


def exact(function: Callable) -> Callable:
    """Like ``_jit.inner``, without licence to reassociate or fuse: that licence is given function by function."""
    return numba.njit(nogil=True, error_model="numpy")(function)


@exact
def add(a, b):
    """a + b with one rounding, whatever stands around it."""
    return a + b


@exact
def multiply(a, b):
    """a·b with one rounding, whatever stands around it."""
    return a * b


@intrinsic
def square_root(typing_context, x):
    """√x, NaN below zero: the instruction, which comes in vectors, in place of the C library's function."""

    def generate(context, builder, signature, arguments):
        function = builder.module.declare_intrinsic("llvm.sqrt", [ir.DoubleType()])
        return builder.call(function, arguments)

    return types.float64(types.float64), generate


@intrinsic
def to_bits(typing_context, x):
    """The 64 bits of a float64 as a whole number."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@intrinsic
def from_bits(typing_context, bits):
    """The float64 with these 64 bits."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


@exact
def logarithm(x):
    """ln x of a positive normal number within 3 units in the last place: ln(2^k m) = k ln 2 + 2 artanh((m−1)/(m+1))."""
    k = (to_bits(x) - _HALF_ROOT_BITS) >> _FIFTY_TWO
    m = from_bits(to_bits(x) - (k << _FIFTY_TWO))
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = multiply_add(0.14616449685498398, z, 0.15331721600512535)
    p = multiply_add(p, z, 0.1818288912526332)
    p = multiply_add(p, z, 0.22222211134795053)
    p = multiply_add(p, z, 0.28571428625975487)
    p = multiply_add(p, z, 0.39999999999899505)
    p = multiply_add(p, z, 2.0 / 3.0)
    small = multiply_add(p * z, s, s + s)
    return multiply_add(from_bits(_WHOLE_BITS + k) - _WHOLE, _LN2, small)


@exact
def sine_quarter(t, z):
    """sin(πt/2) for |t| ≤ ½, z = t²."""
    p = multiply_add(5.633933781537854e-08, z, -3.59864335298231e-06)
    p = multiply_add(p, z, 0.0001604411507421909)
    p = multiply_add(p, z, -0.004681754132340976)
    p = multiply_add(p, z, 0.07969262624604301)
    p = multiply_add(p, z, -0.6459640975062443)
    p = multiply_add(p, z, 1.5707963267948966)
    return p * t


@exact
def cosine_quarter(z):
    """cos(πt/2) for |t| ≤ ½, z = t²."""
    p = multiply_add(-6.321256869628588e-09, z, 4.710609726757823e-07)
    p = multiply_add(p, z, -2.520203677046026e-05)
    p = multiply_add(p, z, 0.0009192602741831558)
    p = multiply_add(p, z, -0.02086348076331121)
    p = multiply_add(p, z, 0.2536695079010467)
    p = multiply_add(p, z, -1.2337005501361697)
    return multiply_add(p, z, 1.0)
