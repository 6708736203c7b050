"""Two-time equations on a logarithmic grid: rows of the Newton system, and evaluation of the solution.

The grid is that of :mod:`spinnet.theory.dynamics_longtime`: a pair of times is stored under
``s = ln(1 + t/a)`` and ``xi = [ln(a + t - t') - ln(a + t')] / s``, from -1 on the diagonal to 1 at t' = 0. In s there
are elements of ``stages`` + 1 rows (the first one shared with the element before), in xi ``panels`` panels of
``order`` + 1 nodes, their ends shared. Rows of ``history_c`` and ``history_r`` hold C and R at all nodes of one time.
"""

from __future__ import annotations

import math

import numpy as np

from spinnet.kernels._jit import inner, kernel


@inner
def interpolation_weights(x, nodes, barycentric, out):
    """Weights of polynomial interpolation at x (second barycentric formula)."""
    total = 0.0
    for k in range(nodes.size):
        distance = x - nodes[k]
        if abs(distance) < 1e-14:
            for l in range(nodes.size):
                out[l] = 0.0
            out[k] = 1.0
            return
        out[k] = barycentric[k] / distance
        total += out[k]
    for k in range(nodes.size):
        out[k] /= total


@inner
def find_element(s, edges, count):
    """Index of the element in s that contains s; the last one for what lies beyond."""
    low = 0
    high = count
    while high - low > 1:
        middle = (low + high) >> 1
        if edges[middle] <= s:
            low = middle
        else:
            high = middle
    return low


@inner
def panel_weights(lag, earlier, s, panels, scale, nodes, barycentric, out):
    """First panel of the pair (t' + lag, t') in a row of logarithmic time s, and the weights inside it."""
    position = 0.0
    if s > 0.0:
        xi = (math.log1p(lag / scale) - math.log1p(earlier / scale)) / s
        position = 0.5 * (xi + 1.0) * panels
    panel = min(max(int(position), 0), panels - 1)
    interpolation_weights(2.0 * (position - panel) - 1.0, nodes, barycentric, out)
    return panel


@kernel(
    "void(i8, i8, i8, i8, b1, f8, f8[::1], f8[::1], f8[::1], f8[::1], f8[:,::1], f8[:,::1], f8[::1], i8, i8,"
    " f8[::1], f8[::1], f8[:,::1], f8[::1], f8[::1], f8[::1], f8[::1], f8, f8[:,::1], f8[:,::1], f8[:,::1], f8[::1])"
)
def assemble_rows(
    first, last, stage, elements, with_jacobian, scale, edges, time_nodes, time_barycentric, time_derivative,
    history_c, history_r, history_m, panels, order, nodes, barycentric, node_derivative, xi, xi_weights,
    gauss_nodes, gauss_weights, gauss_width, row_functions, row_scalars, jacobian, residual,
):  # fmt: skip
    """Residual and Jacobian of the equations for C and R at nodes first <= j < last of one stage of the last element.

    ``row_functions`` holds, at the nodes of this row, f''(C) R, f'(C), f''(C), f'''(C) R, d mu/dC, d mu/dR;
    ``row_scalars[0]`` mu, d mu/dm, and the factors of C(t', 0) and m(t') with their derivatives. Unknowns are, for
    every stage, C and R at nodes 1 .. M and m.
    """
    stages = time_nodes.size - 1
    base = (elements - 1) * stages
    row = base + stage
    width = edges[elements] - edges[elements - 1]
    s = edges[elements - 1] + 0.5 * (time_nodes[stage] + 1.0) * width
    growth = math.exp(s)
    size = xi.size - 1
    block = 2 * size + 1
    memory = row_functions[0]
    noise = row_functions[1]
    second = row_functions[2]
    third = row_functions[3]
    mu_c = row_functions[4]
    mu_r = row_functions[5]
    mu, mu_m = row_scalars[0, 0], row_scalars[0, 1]
    start_pull, start_pull_c = row_scalars[0, 2], row_scalars[0, 3]
    signal_pull, signal_pull_m = row_scalars[0, 4], row_scalars[0, 5]
    w_now = np.empty(order + 1)
    w_past = np.empty(order + 1)
    w_time = np.empty(stages + 1)
    w_own = np.empty(stages + 1)
    c_own = np.empty(size + 1)
    r_own = np.empty(size + 1)
    by_memory_c = np.empty(size + 1)
    by_noise = np.empty(size + 1)
    by_memory_r = np.empty(size + 1)
    by_past_c = np.empty((stages + 1, size + 1))
    by_past_rn = np.empty((stages + 1, size + 1))
    by_past_r = np.empty((stages + 1, size + 1))
    for j in range(first, last):
        by_memory_c[:] = 0.0
        by_noise[:] = 0.0
        by_memory_r[:] = 0.0
        by_past_c[:] = 0.0
        by_past_rn[:] = 0.0
        by_past_r[:] = 0.0
        ratio = math.exp(s * xi[j])
        lag = scale * math.expm1(s * (1.0 + xi[j])) / (1.0 + ratio)
        earlier = scale * ratio * math.expm1(s * (1.0 - xi[j])) / (1.0 + ratio)
        s_earlier = math.log1p(earlier / scale)

        # The row of the earlier time t', from the rows of the element that contains it.
        element = find_element(s_earlier, edges, elements)
        start = element * stages
        own_front = element == elements - 1
        local = 2.0 * (s_earlier - edges[element]) / (edges[element + 1] - edges[element]) - 1.0
        interpolation_weights(local, time_nodes, time_barycentric, w_own)
        m_own = 0.0
        c_own[:] = 0.0
        r_own[:] = 0.0
        for r in range(stages + 1):
            weight = w_own[r]
            m_own += weight * history_m[start + r]
            row_c = history_c[start + r]
            row_r = history_r[start + r]
            for k in range(size + 1):
                c_own[k] += weight * row_c[k]
                r_own[k] += weight * row_r[k]

        # Integrals over 0 < u < t', at the nodes of the row of t'.
        convolved = 0.0
        noise_part = 0.0
        if s_earlier > 0.0:
            growth_earlier = math.exp(s_earlier)
            for k in range(1, size + 1):
                e_k = math.exp(s_earlier * xi[k])
                measure = xi_weights[k] * scale * s_earlier * e_k * (1.0 + growth_earlier) / ((1.0 + e_k) * (1.0 + e_k))
                back = scale * math.expm1(s_earlier * (1.0 + xi[k])) / (1.0 + e_k)
                u = scale * e_k * math.expm1(s_earlier * (1.0 - xi[k])) / (1.0 + e_k)
                offset = order * panel_weights(lag + back, u, s, panels, scale, nodes, barycentric, w_now)
                memory_u = 0.0
                noise_u = 0.0
                for q in range(order + 1):
                    memory_u += w_now[q] * memory[offset + q]
                    noise_u += w_now[q] * noise[offset + q]
                factor_c = measure * c_own[k]
                factor_r = measure * r_own[k]
                convolved += factor_c * memory_u
                noise_part += factor_r * noise_u
                if with_jacobian:
                    for q in range(order + 1):
                        by_memory_c[offset + q] += factor_c * w_now[q]
                        by_noise[offset + q] += factor_r * w_now[q]
                    if own_front:
                        for r in range(1, stages + 1):
                            by_past_c[r, k] += measure * memory_u * w_own[r]
                            by_past_rn[r, k] += measure * noise_u * w_own[r]

        # Integrals over t' < u < t, on panels that are geometric from both ends.
        propagated = 0.0
        if lag > 0.0:
            span = math.log1p(lag / scale)
            growth_lag = 1.0 + lag / scale
            count = max(1, math.ceil(2.0 * span / gauss_width))
            for panel in range(count):
                for g in range(gauss_nodes.size):
                    eta = (2.0 * panel + 1.0 + gauss_nodes[g]) / count - 1.0
                    e_g = math.exp(span * eta)
                    measure = gauss_weights[g] / count * scale * span * e_g * (1.0 + growth_lag)
                    measure /= (1.0 + e_g) * (1.0 + e_g)
                    after = scale * math.expm1(span * (1.0 + eta)) / (1.0 + e_g)
                    before = scale * e_g * math.expm1(span * (1.0 - eta)) / (1.0 + e_g)
                    u = earlier + before
                    s_u = math.log1p(u / scale)
                    offset = order * panel_weights(after, u, s, panels, scale, nodes, barycentric, w_now)
                    past = order * panel_weights(before, earlier, s_u, panels, scale, nodes, barycentric, w_past)
                    element = find_element(s_u, edges, elements)
                    start = element * stages
                    local = 2.0 * (s_u - edges[element]) / (edges[element + 1] - edges[element]) - 1.0
                    interpolation_weights(local, time_nodes, time_barycentric, w_time)
                    c_u = 0.0
                    r_u = 0.0
                    for r in range(stages + 1):
                        part_c = 0.0
                        part_r = 0.0
                        for q in range(order + 1):
                            part_c += w_past[q] * history_c[start + r, past + q]
                            part_r += w_past[q] * history_r[start + r, past + q]
                        c_u += w_time[r] * part_c
                        r_u += w_time[r] * part_r
                    memory_u = 0.0
                    for q in range(order + 1):
                        memory_u += w_now[q] * memory[offset + q]
                    factor_c = measure * c_u
                    factor_r = measure * r_u
                    convolved += factor_c * memory_u
                    propagated += factor_r * memory_u
                    if with_jacobian:
                        for q in range(order + 1):
                            by_memory_c[offset + q] += factor_c * w_now[q]
                            by_memory_r[offset + q] += factor_r * w_now[q]
                        if element == elements - 1:
                            for r in range(1, stages + 1):
                                weight = measure * memory_u * w_time[r]
                                for q in range(order + 1):
                                    by_past_c[r, past + q] += weight * w_past[q]
                                    by_past_r[r, past + q] += weight * w_past[q]

        # Derivative at fixed t': along the row time at fixed xi, and along xi.
        slope = 2.0 / (width * scale * growth)
        speed = (1.0 / (lag + scale) - xi[j] / (scale * growth)) / s
        if j == size:
            speed = 0.0
        rate_c = 0.0
        rate_r = 0.0
        for r in range(stages + 1):
            rate_c += slope * time_derivative[r] * history_c[base + r, j]
            rate_r += slope * time_derivative[r] * history_r[base + r, j]
        panel = (j - 1) // order
        offset = panel * order
        local_node = j - offset
        for q in range(order + 1):
            rate_c += speed * panels * node_derivative[local_node, q] * history_c[row, offset + q]
            rate_r += speed * panels * node_derivative[local_node, q] * history_r[row, offset + q]
        line_c = (stage - 1) * block + j - 1
        line_r = line_c + size
        c_now = history_c[row, j]
        r_now = history_r[row, j]
        pulls = start_pull * c_own[size] + signal_pull * m_own
        residual[line_c] = rate_c + mu * c_now - convolved - noise_part - pulls
        residual[line_r] = rate_r + mu * r_now - propagated
        if with_jacobian:
            jac_c = jacobian[line_c]
            jac_r = jacobian[line_r]
            jac_c[:] = 0.0
            jac_r[:] = 0.0
            for r in range(1, stages + 1):
                at = (r - 1) * block - 1
                for k in range(1, size + 1):
                    jac_c[at + k] = -by_past_c[r, k]
                    jac_c[at + size + k] = -by_past_rn[r, k]
                    jac_r[at + size + k] = -by_past_r[r, k]
                jac_c[at + j] += slope * time_derivative[r]
                jac_r[at + size + j] += slope * time_derivative[r]
                if own_front:
                    jac_c[at + size] -= start_pull * w_own[r]
                    jac_c[at + block] -= signal_pull * w_own[r]
            at = (stage - 1) * block - 1
            for k in range(1, size + 1):
                jac_c[at + k] += c_now * mu_c[k] - by_memory_c[k] * third[k] - by_noise[k] * second[k]
                jac_c[at + size + k] += c_now * mu_r[k] - by_memory_c[k] * second[k]
                jac_r[at + k] += r_now * mu_c[k] - by_memory_r[k] * third[k]
                jac_r[at + size + k] += r_now * mu_r[k] - by_memory_r[k] * second[k]
            jac_c[at + j] += mu
            jac_r[at + size + j] += mu
            jac_c[at + size] -= start_pull_c * c_own[size]
            jac_c[at + block] += c_now * mu_m - signal_pull_m * m_own
            jac_r[at + block] += r_now * mu_m
            for q in range(order + 1):
                k = offset + q
                if k > 0:
                    jac_c[at + k] += speed * panels * node_derivative[local_node, q]
                    jac_r[at + size + k] += speed * panels * node_derivative[local_node, q]


@kernel(
    "void(f8[::1], f8[::1], f8, f8[::1], f8[::1], f8[::1], f8[:,::1], f8[:,::1], i8, i8, f8[::1], f8[::1],"
    " f8[::1], f8[::1])"
)
def evaluate_pairs(
    lags, earlier, scale, edges, time_nodes, time_barycentric, history_c, history_r, panels, order, nodes,
    barycentric, correlation, response,
):  # fmt: skip
    """C and R at the pairs (t' + lag, t')."""
    stages = time_nodes.size - 1
    w_time = np.empty(stages + 1)
    w_past = np.empty(order + 1)
    for i in range(lags.size):
        s = math.log1p((lags[i] + earlier[i]) / scale)
        element = find_element(s, edges, edges.size - 1)
        local = 2.0 * (s - edges[element]) / (edges[element + 1] - edges[element]) - 1.0
        interpolation_weights(local, time_nodes, time_barycentric, w_time)
        offset = order * panel_weights(lags[i], earlier[i], s, panels, scale, nodes, barycentric, w_past)
        c = 0.0
        r = 0.0
        for k in range(stages + 1):
            row = element * stages + k
            for q in range(order + 1):
                weight = w_time[k] * w_past[q]
                c += weight * history_c[row, offset + q]
                r += weight * history_r[row, offset + q]
        correlation[i] = c
        response[i] = r
