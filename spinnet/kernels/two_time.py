"""Two-time equations on a uniform grid: one step of the implicit trapezoidal rule, repeated over all rows.

Row ``i`` holds ``C(t_i, t_j)`` and ``R(t_i, t_j)`` for ``j <= i`` with ``R(t_i, t_i) = 1``. All integrals use the
trapezoidal rule on panels that start and end on the grid, and each row is solved to convergence, so that the error
of every output has an expansion in even powers of the step.
"""

from __future__ import annotations

import numpy as np

from spinnet.kernels._jit import inner, kernel


@inner
def polynomial(coefficients, x):
    """Value of sum_k coefficients[k] x^k."""
    value = 0.0
    for k in range(coefficients.size - 1, -1, -1):
        value = value * x + coefficients[k]
    return value


@inner
def _row_integrals(correlation, response, i, memory, noise, convolved, noise_part, propagated):
    """The three memory integrals of row i, from the weighted rows ``memory`` = w f''(C) R and ``noise`` = w f'(C)."""
    for j in range(i + 1):
        convolved[j] = 0.0
        propagated[j] = 0.0
    for s in range(i + 1):
        weight = memory[s]
        row_c = correlation[s]
        row_r = response[s]
        dot_c = 0.0
        dot_r = 0.0
        for j in range(s):
            convolved[j] += weight * row_c[j]
            propagated[j] += weight * row_r[j]
            dot_c += memory[j] * row_c[j]
            dot_r += noise[j] * row_r[j]
        convolved[s] += dot_c + weight
        # Panels [0, t'] and [t', t] both end at s = t': half a weight each.
        half = 0.5 if 0 < s < i else 1.0
        noise_part[s] = (dot_r + half * noise[s]) if s > 0 else 0.0
        propagated[s] += half * weight if s < i else 0.0


@kernel(
    "i8(f8[::1], f8[::1], f8[::1], f8[::1], f8, f8, f8, f8, f8, i8, f8[:,::1], f8[:,::1], f8[::1], f8[::1], f8[::1])"
)
def integrate_uniform(
    f0, f1, f2, signal, temperature, inverse_initial, magnetisation_start, step, tolerance, max_iterations,
    correlation, response, multiplier, energy, magnetisation,
):
    """Fill the lower triangles of C and R and the one-time arrays; return the largest number of iterations used.

    ``f0, f1, f2`` and ``signal`` are polynomial coefficients of f, f', f'' and of the signal term s(m).
    A row that does not settle within ``max_iterations`` makes the return value negative.
    """
    n = multiplier.size
    d_signal = np.zeros(signal.size)
    for k in range(1, signal.size):
        d_signal[k - 1] = k * signal[k]
    memory = np.zeros(n)
    noise = np.zeros(n)
    convolved = np.zeros(n)
    noise_part = np.zeros(n)
    propagated = np.zeros(n)
    rate_c = np.zeros(n)
    rate_r = np.zeros(n)
    older_c = np.zeros(n)
    older_r = np.zeros(n)
    rate_m = 0.0
    older_m = 0.0
    worst = 0
    failed = False
    correlation[0, 0] = 1.0
    response[0, 0] = 1.0
    magnetisation[0] = magnetisation_start
    for i in range(n):
        if i > 0:
            for j in range(i - 1):
                correlation[i, j] = correlation[i - 1, j] + step * (1.5 * rate_c[j] - 0.5 * older_c[j])
                response[i, j] = response[i - 1, j] + step * (1.5 * rate_r[j] - 0.5 * older_r[j])
            correlation[i, i - 1] = 1.0 + step * rate_c[i - 1]
            response[i, i - 1] = 1.0 + step * rate_r[i - 1]
            correlation[i, i] = 1.0
            response[i, i] = 1.0
            magnetisation[i] = magnetisation[i - 1] + step * (1.5 * rate_m - 0.5 * older_m)
            if i == 1:
                magnetisation[i] = magnetisation[i - 1] + step * rate_m
            for j in range(i):
                older_c[j] = rate_c[j]
                older_r[j] = rate_r[j]
            older_m = rate_m
        iteration = 0
        while True:
            iteration += 1
            c0 = correlation[i, 0]
            m = magnetisation[i]
            mu = temperature + inverse_initial * polynomial(f1, c0) * c0 + polynomial(d_signal, m) * m
            e = -inverse_initial * polynomial(f0, c0) - polynomial(signal, m)
            drift_m = polynomial(d_signal, m)
            for s in range(i + 1):
                weight = step
                if s == 0 or s == i:
                    weight = 0.5 * step
                if i == 0:
                    weight = 0.0
                c = correlation[i, s]
                memory[s] = weight * polynomial(f2, c) * response[i, s]
                noise[s] = weight * polynomial(f1, c)
                mu += noise[s] * response[i, s] + memory[s] * c
                e -= noise[s] * response[i, s]
                drift_m += memory[s] * magnetisation[s]
            _row_integrals(correlation, response, i, memory, noise, convolved, noise_part, propagated)
            pull = inverse_initial * polynomial(f1, c0)
            pull_m = polynomial(d_signal, m)
            change = 0.0
            damping = 1.0 / (1.0 + 0.5 * step * mu)
            for j in range(i):
                force_c = convolved[j] + noise_part[j] + pull * correlation[j, 0] + pull_m * magnetisation[j]
                force_r = propagated[j]
                new_c = (correlation[i - 1, j] + 0.5 * step * (older_c[j] + force_c)) * damping
                new_r = (response[i - 1, j] + 0.5 * step * (older_r[j] + force_r)) * damping
                change = max(change, abs(new_c - correlation[i, j]), abs(new_r - response[i, j]))
                correlation[i, j] = new_c
                response[i, j] = new_r
                rate_c[j] = force_c - mu * new_c
                rate_r[j] = force_r - mu * new_r
            if i > 0:
                new_m = (magnetisation[i - 1] + 0.5 * step * (older_m + drift_m)) * damping
                change = max(change, abs(new_m - m))
                magnetisation[i] = new_m
                rate_m = drift_m - mu * new_m
            else:
                rate_m = drift_m - mu * m
            if change <= tolerance:
                break
            if iteration >= max_iterations or not np.isfinite(change):
                failed = True
                break
        worst = max(worst, iteration)
        rate_c[i] = -mu + convolved[i] + noise_part[i] + pull * correlation[i, 0] + pull_m * magnetisation[i]
        rate_r[i] = -mu
        multiplier[i] = mu
        energy[i] = e
    return -worst if failed else worst
