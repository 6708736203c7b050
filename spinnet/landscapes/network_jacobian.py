"""Derivatives of a layered network pattern by pattern: of its outputs (the Jacobian) and of its losses.

Weights enter through z^l = W^l a^{l−1} + b^l. Whatever is differentiated, one number per pattern, its derivative by
W^l is the outer product of its derivative by z^l with a^{l−1}: back-propagation once, and one product per weight.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spinnet.landscapes.network_losses import loss_derivatives, loss_slopes

Layers = list[tuple[np.ndarray, np.ndarray]]


class Activity(NamedTuple):
    """What a forward pass leaves: per layer its input a^{l−1}, and of the hidden layers φ'(z^l) and φ''(z^l)."""

    outputs: np.ndarray  # (patterns, outputs): z^L
    inputs: list[np.ndarray]  # a^{l−1} (patterns, n_in) for each layer
    slopes: list[np.ndarray]  # φ'(z^l) (patterns, n_out) for each layer but the last
    curvatures: list[np.ndarray]  # φ''(z^l), the same


def activation_derivatives(name: str, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """φ(z), φ'(z) and φ''(z); at the kink of ReLU both derivatives are 0."""
    if name == "tanh":
        a = np.tanh(z)
        slope = 1.0 - a * a
        return a, slope, -2.0 * a * slope
    if name == "relu":
        return np.maximum(z, 0.0), (z > 0).astype(z.dtype), np.zeros_like(z)
    if name == "erf":
        from scipy.special import erf

        slope = 2.0 / np.sqrt(np.pi) * np.exp(-z * z)
        return erf(z), slope, -2.0 * z * slope
    return z, np.ones_like(z), np.zeros_like(z)


def forward_activity(layers: Layers, inputs: np.ndarray, activation: str) -> Activity:
    """Run ``inputs`` (patterns, d) through the layers [(W, b), …]; the last one has no activation."""
    fed, slopes, curvatures = [inputs], [], []
    for number, (w, b) in enumerate(layers):
        z = fed[-1] @ w.T + b
        if number < len(layers) - 1:
            value, slope, curvature = activation_derivatives(activation, z)
            fed.append(value)
            slopes.append(slope)
            curvatures.append(curvature)
    return Activity(z, fed, slopes, curvatures)


def output_jacobian(layers: Layers, inputs: np.ndarray, activation: str) -> np.ndarray:
    """∂z^L_c(ξ^μ)/∂w in the flat order of the weights, shape ``(patterns, outputs, n)``.

    Cost: patterns · outputs · n multiplications, and 8 bytes for each.
    """
    activity = forward_activity(layers, inputs, activation)
    outputs = activity.outputs.shape[1]
    back = np.broadcast_to(np.eye(outputs), (len(inputs), outputs, outputs))
    return _weight_derivatives(layers, activity, back)


def term_gradients(
    layers: Layers, inputs: np.ndarray, targets: np.ndarray, activation: str, loss: str
) -> np.ndarray:
    """∂ℓ_μ/∂w of single patterns in the flat order of the weights, shape ``(patterns, n)``."""
    activity = forward_activity(layers, inputs, activation)
    back, _ = loss_derivatives(activity.outputs, targets, loss)
    return _weight_derivatives(layers, activity, back[:, None, :])[:, 0]


def error_signals(
    layers: Layers, inputs: np.ndarray, targets: np.ndarray, activation: str, loss: str
) -> list[np.ndarray]:
    """∂ℓ/∂z^l (patterns, n_l) of every layer, and behind them the activity (patterns, n) of the last hidden one."""
    a, slopes = inputs, []
    for number, (w, b) in enumerate(layers):
        z = a @ w.T + b
        if number < len(layers) - 1:
            a, slope, _ = activation_derivatives(activation, z)
            slopes.append(slope)
    errors = [loss_slopes(z, targets, loss)[0]]
    for (w, _), slope in zip(layers[:0:-1], slopes[::-1], strict=True):
        errors.append(slope * (errors[-1] @ w))
    return [*errors[::-1], a]


def _weight_derivatives(layers: Layers, activity: Activity, back: np.ndarray) -> np.ndarray:
    """From derivatives by the outputs, ``back`` (patterns, rows, outputs), to those by all weights."""
    sizes = [w.size + b.size for w, b in layers]
    found = np.empty((*back.shape[:2], sum(sizes)))
    end = found.shape[2]
    for l in range(len(layers) - 1, -1, -1):
        w, b = layers[l]
        start = end - sizes[l]
        by_weights = found[:, :, start : end - b.size].reshape(*back.shape[:2], *w.shape)
        np.multiply(back[..., None], activity.inputs[l][:, None, None, :], out=by_weights)
        found[:, :, end - b.size : end] = back
        if l > 0:
            back = (back @ w) * activity.slopes[l - 1][:, None, :]
        end = start
    return found
