"""The building blocks of the network kernels: elementary functions to the last places, products exactly ordered."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spinnet.kernels import dense_network as kernels
from spinnet.kernels import dense_network_curvature as curvature
from spinnet.kernels._jit import kernel
from spinnet.kernels.dense_network_blocks import exp, multiply, tanh


@kernel("void(f8[::1], f8[::1], b1)")
def apply_elementary(x, out, exponential):
    if exponential:
        for i in range(x.size):
            out[i] = exp(x[i])
    else:
        for i in range(x.size):
            out[i] = tanh(x[i])


@kernel("void(f8[::1], i8, i8, i8, i8, i8, i8, i8, i8, i8, i8, b1)")
def apply_product(work, c, c_row, s, s_row, s_step, m, m_row, rows, columns, depth, add):
    multiply(work, c, c_row, s, s_row, s_step, m, m_row, rows, columns, depth, add)


def elementary(x, exponential):
    out = np.empty_like(x)
    apply_elementary(x, out, exponential)
    return out


RNG = np.random.default_rng(3)
ARGUMENTS = np.concatenate(
    [RNG.standard_normal(2000) * 3, np.exp(RNG.uniform(-40, 3, 2000)) * RNG.choice([-1.0, 1.0], 2000), [0.0, 25.0]]
)


def units_in_the_last_place(found, exact):
    return np.abs(found - exact) / np.spacing(np.maximum(np.abs(exact), np.finfo(float).tiny))


def test_tanh_is_within_four_units_in_the_last_place():
    exact = np.array([math.tanh(value) for value in ARGUMENTS])
    assert units_in_the_last_place(elementary(ARGUMENTS, False), exact).max() <= 4


def test_exponential_is_within_four_units_in_the_last_place():
    x = np.concatenate([ARGUMENTS, RNG.uniform(-700, 700, 2000)])
    exact = np.array([math.exp(value) for value in x])
    assert units_in_the_last_place(elementary(x, True), exact).max() <= 4


@pytest.mark.parametrize("size", [1, 7, 8, 64])
def test_elementary_functions_pass_nan_and_saturate(size):
    for special in (np.nan, np.inf, -np.inf, 1e300, -0.0):
        x = np.full(size, special)
        np.testing.assert_array_equal(elementary(x, False), np.tanh(x))
        y = elementary(x, True)
        if np.isnan(special):
            assert np.isnan(y).all()
        else:
            assert (y == 1).all() if special == 0 else ((y > 1e307).all() if special > 0 else (y < 1e-307).all())


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 7, 10])
@pytest.mark.parametrize("columns", [8, 16, 24])
@pytest.mark.parametrize("transposed", [False, True])
def test_product_equals_the_plain_loop(rows, columns, transposed):
    depth = 5
    work = np.random.default_rng(rows * columns).standard_normal(2000)
    s_row, s_step = (1, 13) if transposed else (13, 1)
    before = work.copy()
    for add in (False, True):
        work[:] = before
        apply_product(work, 0, columns + 8, 500, s_row, s_step, 1000, columns, rows, columns, depth, add)
        expected = before.copy()
        for r in range(rows):
            for j in range(columns):
                total = before[r * (columns + 8) + j] if add else 0.0
                for k in range(depth):
                    total += before[500 + r * s_row + k * s_step] * before[1000 + k * columns + j]
                expected[r * (columns + 8) + j] = total
        np.testing.assert_allclose(work, expected, rtol=0, atol=1e-14)


def test_plan_gives_every_array_a_place_of_its_own():
    widths, tile = (5, 8, 3, 2), 6
    table, length = kernels.plan(widths, tile)
    spans = {(table[0, kernels.A_IN], tile * table[0, kernels.IN_ROW])}
    for layer in table:
        for column in (kernels.Z, kernels.A_OUT, kernels.D, kernels.RA_OUT, kernels.RD):
            spans.add((layer[column], tile * layer[kernels.OUT_ROW]))
        for column in (kernels.WT, kernels.GT, kernels.VT, kernels.MT):
            spans.add((layer[column], (layer[kernels.N_IN] + 1) * layer[kernels.OUT_COLUMNS]))
        for column in (kernels.WN, kernels.VN):
            spans.add((layer[column], layer[kernels.N_OUT] * layer[kernels.IN_COLUMNS]))
    ordered = sorted(spans)
    assert len(ordered) == 1 + 3 * 11
    for (start, size), (following, _) in zip(ordered, [*ordered[1:], (length, 0)], strict=True):
        assert start + size <= following
    assert (table[:, [kernels.A_IN, kernels.WT, kernels.WN, kernels.Z, kernels.D]] % kernels.LANES == 0).all()


def test_each_direction_has_matrices_of_its_own_and_shares_the_rest():
    widths, tile = (5, 8, 3), 6
    plain, _ = kernels.plan(widths, tile)
    tables, length = curvature.plan_directions(widths, tile, 3)
    own = (kernels.VT, kernels.GT, kernels.VN)
    shared = [column for column in range(plain.shape[1]) if column not in own]
    for table in tables:
        np.testing.assert_array_equal(table[:, shared], plain[:, shared])
    np.testing.assert_array_equal(tables[0, :, : plain.shape[1]], plain)
    spans = {(layer[curvature.EA], tile * layer[kernels.OUT_ROW]) for layer in tables[0]}
    for table in tables:
        for layer in table:
            tall = (layer[kernels.N_IN] + 1) * layer[kernels.OUT_COLUMNS]
            spans |= {(layer[kernels.VT], tall), (layer[kernels.GT], tall)}
            spans.add((layer[kernels.VN], layer[kernels.N_OUT] * layer[kernels.IN_COLUMNS]))
    ordered = sorted(spans)
    assert len(ordered) == 2 + 2 * 3 * 3
    for (start, size), (following, _) in zip(ordered, [*ordered[1:], (length, 0)], strict=True):
        assert start + size <= following


def test_workspace_begins_at_a_cache_line():
    for length in (1, 100, 4096):
        work = kernels.workspace(length)
        assert work.ctypes.data % 64 == 0 and work.shape == (length,) and not work.any()
