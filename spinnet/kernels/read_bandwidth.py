"""How fast the machine reads memory: the yardstick of kernels that stream couplings."""

from __future__ import annotations

import numpy as np

from spinnet.kernels._jit import kernel


@kernel("f4(f4[::1])")
def sum_numbers(numbers):
    """Sum of all, read front to back."""
    total = np.float32(0.0)
    for i in range(numbers.size):
        total += numbers[i]
    return total


@kernel("f4(f4[::1])")
def sum_quarters(numbers):
    """Sum of all, four streams at once; the size is a multiple of four."""
    quarter = numbers.size // 4
    first, second = numbers[:quarter], numbers[quarter : 2 * quarter]
    third, fourth = numbers[2 * quarter : 3 * quarter], numbers[3 * quarter :]
    total = np.float32(0.0)
    for i in range(quarter):
        total += (first[i] + second[i]) + (third[i] + fourth[i])
    return total
