"""Sums over terms with scattered indices, written in vector instructions.

A term of degree p is one 64-bit word: p offsets of ``bits`` bits, the first one lowest. Its sites are the offsets after
p starts, one for each place; what belongs to a site is a row with one number for each replica (*lane*). A term with the
weight w and the sites i₁ … i_p adds to the gradient of Σ w s…s

    G[i_m] += w Π_{o≠m} s[i_o]     for each place m,

with the products of the places before and after m, so that all stays in registers: p rows of states are read, p rows
of sums are read and written. :func:`term_operations` makes the operation for one degree and one number of lanes.
Nothing is checked: the caller owns the arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from spinnet.kernels._tiles import _I64, _Emitter


class TermOperations(NamedTuple):
    """What can be done with one term.

    ``gradient(words, weights, t, bits, starts, states, sums)``
        adds the gradient of term t to the rows of ``sums``; ``starts`` is a tuple of p whole numbers.
    ``tangent(words, weights, t, bits, starts, states, tangents, sums)``
        adds its derivative along the rows ``tangents``.
    """

    gradient: Callable
    tangent: Callable


def term_operations(degree: int, lanes: int) -> TermOperations:
    """The operations for one degree and number of lanes; all rows are of one type."""

    def sites(builder, context, kinds, values):
        """The term's weight in all lanes, and the row of each of its places."""
        e = _Emitter(context, builder, _Signature(kinds), values, lanes)
        words, weights, t, bits, starts = range(5)
        word = builder.load(e.at(words, values[t], 1))
        mask = builder.sub(builder.shl(ir.Constant(_I64, 1), values[bits]), ir.Constant(_I64, 1))
        rows = []
        for m in range(degree):
            start = builder.extract_value(values[starts], m)
            rows.append(builder.add(start, builder.and_(word, mask)))
            word = builder.lshr(word, values[bits])
        return e, e.spread(builder.load(e.at(weights, values[t], 1)), lanes), rows

    @intrinsic
    def gradient(typing, words, weights, t, bits, starts, states, sums):
        def generate(context, builder, signature, values):
            e, weight, rows = sites(builder, context, signature.args, values)
            state = [e.load(e.at(5, row), lanes) for row in rows]
            before = [weight]
            for s in state[:-1]:
                before.append(builder.fmul(before[-1], s))
            after = None
            for m in reversed(range(degree)):
                place = e.at(6, rows[m])
                total = e.load(place, lanes)
                total = builder.fadd(before[m], total) if after is None else e.multiply_add(before[m], after, total)
                e.store(total, place)
                after = state[m] if after is None else builder.fmul(after, state[m])
            return context.get_dummy_value()

        return types.void(words, weights, types.int64, types.int64, starts, states, sums), generate

    @intrinsic
    def tangent(typing, words, weights, t, bits, starts, states, tangents, sums):
        def generate(context, builder, signature, values):
            e, weight, rows = sites(builder, context, signature.args, values)
            state = [e.load(e.at(5, row), lanes) for row in rows]
            slope = [e.load(e.at(6, row), lanes) for row in rows]
            # Products of the places before m, and what they change by; the weight alone does not change.
            before, changes = [weight], [None]
            for s, v in zip(state[:-1], slope[:-1], strict=True):
                changes.append(_changed(e, before[-1], changes[-1], s, v))
                before.append(builder.fmul(before[-1], s))
            after = change = None
            for m in reversed(range(degree)):
                place = e.at(7, rows[m])
                total = e.load(place, lanes)
                if after is None:
                    total = builder.fadd(changes[m], total)
                else:
                    total = e.multiply_add(before[m], change, total)
                    if changes[m] is not None:
                        total = e.multiply_add(changes[m], after, total)
                e.store(total, place)
                if after is None:
                    after, change = state[m], slope[m]
                else:
                    change = _changed(e, after, change, state[m], slope[m])
                    after = builder.fmul(after, state[m])
            return context.get_dummy_value()

        return types.void(words, weights, types.int64, types.int64, starts, states, tangents, sums), generate

    return TermOperations(gradient, tangent)


class _Signature(NamedTuple):
    """As much of a signature as an emitter looks at."""

    args: tuple


def _changed(e: _Emitter, product, change, factor, slope):
    """The derivative of product · factor."""
    first = e.builder.fmul(product, slope)
    return first if change is None else e.multiply_add(change, factor, first)
