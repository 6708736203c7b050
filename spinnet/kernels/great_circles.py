"""Steps along great circles of a sphere that half-spaces c_μ·x ≥ 0 cut into arcs of constant energy."""

from __future__ import annotations

import math

import numpy as np

from spinnet.kernels._jit import inner, kernel
from spinnet.kernels.counter_noise import hash_counter, second_key, to_uniform

#: After so many steps x is put back on the sphere and its products with all rows are computed anew.
REFRESH = 64
_ONE = np.uint64(1)
_TURN = 2.0 * math.pi


@inner
def _products(rows, vector, out):
    for mu in range(rows.shape[0]):
        total = 0.0
        for i in range(rows.shape[1]):
            total += rows[mu, i] * vector[i]
        out[mu] = total


@inner
def _draw_tangent(key, second, first, x, v):
    """A uniform direction orthogonal to x, |v|² = n: normals number first … first + n − 1, projected."""
    n = len(x)
    for pair in range((n + 1) // 2):
        counter = np.uint64(first + 2 * pair)
        radius = math.sqrt(-2.0 * math.log(to_uniform(hash_counter(key, second, counter))))
        angle = _TURN * to_uniform(hash_counter(key, second, counter + _ONE))
        v[2 * pair] = radius * math.cos(angle)
        if 2 * pair + 1 < n:
            v[2 * pair + 1] = radius * math.sin(angle)
    along, length = 0.0, 0.0
    for i in range(n):
        along += v[i] * x[i]
    for i in range(n):
        v[i] -= along / n * x[i]
        length += v[i] * v[i]
    scale = math.sqrt(n / length)
    for i in range(n):
        v[i] *= scale


@inner
def _inside(here, there, u):
    """An angle uniform on the arc about 0 on which no product changes its sign; all of ``here`` are positive."""
    low, high = -np.inf, np.inf
    for mu in range(len(here)):
        slope = there[mu] / here[mu]
        low, high = max(low, slope), min(high, slope)
    first, last = math.atan(low) - 0.25 * _TURN, math.atan(high) + 0.25 * _TURN
    return first + u * (last - first)


@inner
def _among_arcs(here, there, beta, u):
    """An angle from the density exp(−βE) on the circle, E the number of negative products; β infinite: the lowest E."""
    count = len(here)
    places, changes = np.empty(2 * count), np.empty(2 * count)
    energy = 0
    for mu in range(count):
        middle = math.atan2(there[mu], here[mu])
        energy += 1 if here[mu] < 0.0 else 0
        for k in range(2):
            place = middle + (0.25 if k else -0.25) * _TURN
            places[2 * mu + k] = place - _TURN * math.floor(place / _TURN)
            changes[2 * mu + k] = 1.0 if k else -1.0
    order = np.argsort(places)
    lowest, level = float(energy), float(energy)
    for k in order:
        level += changes[k]
        lowest = min(lowest, level)
    total = 0.0
    for draw in range(2):
        # first the sum of all weights, then the arc in which a share u of it is reached
        left, level, before = u * total, float(energy), 0.0
        for k in range(2 * count + 1):
            end = places[order[k]] if k < 2 * count else _TURN
            weight = 1.0 if level == lowest else math.exp(-beta * (level - lowest))
            part = (end - before) * weight
            if draw == 0:
                total += part
            elif left <= part and part > 0.0:
                return before + left / weight
            else:
                left -= part
            before = end
            if k < 2 * count:
                level += changes[order[k]]
    return 0.0


@kernel("void(f8[:,::1], f8, u8[::1], i8, i8, f8[:,::1], f8[:,::1], f8[::1])")
def walk_circles(rows, beta, keys, first, steps, x, products, turned):
    """Steps first … first + steps − 1 at x (replicas, n), with ``products`` = rows·x (replicas, P).

    A step draws a great circle through x, uniform among all, and a point of it from exp(−βE). ``turned`` grows by the
    angles, between 0 and π. Step s of a replica uses the numbers s·(n + 3) … of its noise.
    """
    n, count = x.shape[1], rows.shape[0]
    v, there = np.empty(n), np.empty(count)
    for a in range(x.shape[0]):
        key, second, point, here = keys[a], second_key(keys[a]), x[a], products[a]
        for s in range(first, first + steps):
            start = s * (n + 3)
            _draw_tangent(key, second, start, point, v)
            _products(rows, v, there)
            u = to_uniform(hash_counter(key, second, np.uint64(start + n + 2)))
            clean = np.isinf(beta)
            for mu in range(count):
                clean &= here[mu] > 0.0
            angle = _inside(here, there, u) if clean else _among_arcs(here, there, beta, u)
            c, d = math.cos(angle), math.sin(angle)
            turned[a] += math.acos(min(max(c, -1.0), 1.0))
            for i in range(n):
                point[i] = c * point[i] + d * v[i]
            if (s + 1) % REFRESH == 0:
                length = 0.0
                for i in range(n):
                    length += point[i] * point[i]
                for i in range(n):
                    point[i] *= math.sqrt(n / length)
                _products(rows, point, here)
            else:
                for mu in range(count):
                    here[mu] = c * here[mu] + d * there[mu]
