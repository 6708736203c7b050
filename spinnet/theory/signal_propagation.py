r"""Forward and backward signals of wide random networks, layer by layer.

With weights :math:`N(0, \sigma_w^2/n_{l-1})` and biases :math:`N(0, \sigma_b^2)` the preactivations of layer l are
Gaussian of variance :math:`q_{l+1} = \sigma_w^2\int Dz\,\phi(\sqrt{q_l}z)^2 + \sigma_b^2`, and the mean square of the
error signals :math:`\delta^l = \partial E/\partial z^l` obeys :math:`\langle\delta_l^2\rangle =
\langle\delta_{l+1}^2\rangle (n_{l+1}/n_l)\,\chi_l` with :math:`\chi_l = \sigma_w^2\int Dz\,\phi'(\sqrt{q_l}z)^2`:
signals fade where chi < 1 and explode where chi > 1.

References: Poole et al., NeurIPS 2016 (arXiv:1606.05340); Schoenholz et al., ICLR 2017 (arXiv:1611.01232).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from spinnet.errors import InputError
from spinnet.theory.gaussian_average import gaussian_average

ACTIVATIONS = ("tanh", "relu", "erf", "linear")


def second_moment(activation: str, variance: float) -> float:
    """∫Dz φ(√q z)²."""
    if activation == "linear":
        return variance
    if activation == "relu":
        return 0.5 * variance
    if activation == "erf":
        return 2.0 / math.pi * math.asin(2.0 * variance / (1.0 + 2.0 * variance))
    _check(activation)
    root = math.sqrt(variance)
    return gaussian_average(lambda z: np.tanh(root * z) ** 2, 0.5 * math.pi / max(root, 1e-300))


def slope_moment(activation: str, variance: float) -> float:
    """∫Dz φ'(√q z)²."""
    if activation == "linear":
        return 1.0
    if activation == "relu":
        return 0.5
    if activation == "erf":
        return 4.0 / math.pi / math.sqrt(1.0 + 4.0 * variance)
    _check(activation)
    root = math.sqrt(variance)
    return gaussian_average(lambda z: np.cosh(root * z) ** -4.0, 0.5 * math.pi / max(root, 1e-300))


def _check(activation: str) -> None:
    if activation not in ACTIVATIONS:
        raise InputError(f"activation is {activation!r}; there are {', '.join(ACTIVATIONS)}")


def forward_variances(activation: str, sigma_w: float, sigma_b: float, first: float, layers: int) -> np.ndarray:
    """q_1 … q_layers, from the mean square ``first`` of the inputs: q_1 = σ_w² ``first`` + σ_b²."""
    found = [sigma_w**2 * first + sigma_b**2]
    while len(found) < layers:
        found.append(sigma_w**2 * second_moment(activation, found[-1]) + sigma_b**2)
    return np.array(found)


def fixed_variance(activation: str, sigma_w: float, sigma_b: float) -> float:
    """The variance q* that a layer hands on unchanged, by iteration.

    Raises
    ------
    InputError
        Where the iteration does not settle in 10⁵ layers (exactly critical or growing without bound).
    """
    q = 1.0
    for _ in range(100_000):
        new = sigma_w**2 * second_moment(activation, q) + sigma_b**2
        if abs(new - q) <= 1e-15 * max(new, 1e-300):
            return new
        q = new
    raise InputError(f"{activation}, sigma_w = {sigma_w:g}, sigma_b = {sigma_b:g}: the variance does not settle")


def error_attenuation(activation: str, sigma_w: float, variances: Sequence[float], widths: Sequence[int]) -> np.ndarray:
    """Root mean square of δ^l over that of the last hidden layer, for hidden layers 1 … H.

    ``variances`` and ``widths`` are those of the hidden layers.
    """
    ratio = np.ones(len(widths))
    for l in range(len(widths) - 2, -1, -1):
        chi = sigma_w**2 * slope_moment(activation, float(variances[l]))
        ratio[l] = ratio[l + 1] * math.sqrt(chi * widths[l + 1] / widths[l])
    return ratio


def structure_rate(activation: str, sigma_w: float, normalisation: str = "none", skip: bool = False) -> float:
    """Change of ln rms δ per layer on the way back, far from both ends of a wide and deep stack without biases.

    ½ ln χ, χ = σ_w²/2 (ReLU) or σ_w² (linear); with skip connections, a + φ(Wa), ½ ln(1 + χ), as the two ways add up
    without correlation (Yang & Schoenholz 2017, arXiv:1712.08969). With ReLU and whatever σ_w: under batch
    normalisation of many patterns ½ ln(π/(π − 1)) (Yang et al. 2019, arXiv:1902.08129), and under layer normalisation
    0, for dividing by the root of σ_w²/2 undoes what W and φ' take. Not known here (NaN): other φ, whose χ changes
    from layer to layer, and normalisation together with skip connections.
    """
    chi = {"relu": 0.5, "linear": 1.0}.get(activation, math.nan) * sigma_w**2
    if normalisation == "none":
        return 0.5 * math.log(1.0 + chi if skip else chi)
    if skip or activation != "relu":
        return math.nan
    return 0.5 * math.log(math.pi / (math.pi - 1.0)) if normalisation == "batch" else 0.0
