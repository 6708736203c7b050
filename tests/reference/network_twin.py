"""A dense network written unit by unit, in plain Python: the twin of the kernels, slow and obvious."""

from __future__ import annotations

import math


def activation(name, z):
    """φ(z), φ'(z)."""
    if name == "tanh":
        return math.tanh(z), 1.0 / math.cosh(z) ** 2
    if name == "erf":
        return math.erf(z), 2.0 / math.sqrt(math.pi) * math.exp(-z * z)
    if name == "relu":
        return (z, 1.0) if z > 0 else (0.0, 0.0)
    return z, 1.0


def loss(name, z, target):
    """ℓ and ∂ℓ/∂z for the outputs z of one pattern."""
    if name == "cross-entropy":
        total = sum(math.exp(value) for value in z)
        value = -sum(t * math.log(math.exp(v) / total) for v, t in zip(z, target, strict=True))
        return value, [math.exp(v) / total - t for v, t in zip(z, target, strict=True)]
    value, slope = 0.0, []
    for v, t in zip(z, target, strict=True):
        if name == "mse":
            value += (v - t) ** 2 / 2
            slope.append(v - t)
        elif name == "logistic":
            value += math.log(1.0 + math.exp(-t * v))
            slope.append(-t / (1.0 + math.exp(t * v)))
        else:
            gap = max(0.0, 1 - t * v)
            value += gap if name == "hinge" else gap**2 / 2
            slope.append((-t if gap > 0 else 0.0) if name == "hinge" else -t * gap)
    return value, slope


def logits(layers, pattern, phi):
    """Outputs of the network with ``layers`` [(W, b), …] for one pattern, and the fields and activities on the way."""
    activity, fields, activities = list(pattern), [], [list(pattern)]
    for number, (w, b) in enumerate(layers):
        z = [sum(w[i][j] * activity[j] for j in range(len(activity))) + b[i] for i in range(len(b))]
        fields.append(z)
        if number < len(layers) - 1:
            activity = [activation(phi, value)[0] for value in z]
            activities.append(activity)
    return fields[-1], fields, activities


def energy_and_gradient(layers, patterns, targets, phi, loss_name):
    """Σ_μ ℓ_μ, and its gradient as [(∂W, ∂b), …] in nested lists."""
    energy = 0.0
    gradient = [([[0.0] * len(w[0]) for _ in b], [0.0] * len(b)) for w, b in layers]
    for pattern, target in zip(patterns, targets, strict=True):
        z, fields, activities = logits(layers, pattern, phi)
        value, delta = loss(loss_name, z, target)
        energy += value
        for l in range(len(layers) - 1, -1, -1):
            w, b = layers[l]
            for i in range(len(b)):
                gradient[l][1][i] += delta[i]
                for j in range(len(activities[l])):
                    gradient[l][0][i][j] += delta[i] * activities[l][j]
            if l > 0:
                delta = [
                    activation(phi, fields[l - 1][j])[1] * sum(w[i][j] * delta[i] for i in range(len(b)))
                    for j in range(len(activities[l]))
                ]
    return energy, gradient


def flatten(gradient):
    """Nested lists to the flat order of the landscape: per layer W row by row, then b."""
    return [value for w, b in gradient for value in [v for row in w for v in row] + list(b)]
