r"""Minimal frustration: folding and glass temperature of a random energy landscape with a native state.

A native state lies delta below the mean of e^{S0} random states whose energies have the standard deviation Delta
(the roughness). With the stability Lambda = delta/(Delta sqrt(2 S0)),

.. math::
    T_g = \frac{\Delta}{\sqrt{2 S_0}}, \qquad
    T_f = \frac{\delta + \sqrt{\delta^2 - 2 S_0 \Delta^2}}{2 S_0}, \qquad
    \frac{T_f}{T_g} = \Lambda + \sqrt{\Lambda^2 - 1},

the last being the condition delta = T_f S0 + Delta^2/(2 T_f): equal weight of the native state and of the others.
For Lambda <= 1 the native state is no deeper than the glass: nothing folds. Below Lambda = 1.1 the difference cannot be
told in finite systems, and a landscape is called unfolded.

References: Bryngelson and Wolynes (1987) Proc. Natl. Acad. Sci. 84, 7524; Onuchic, Luthey-Schulten and Wolynes (1997)
Annu. Rev. Phys. Chem. 48, 545.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.configurable import real_number
from spinnet.errors import InputError

Array = NDArray[np.float64]

#: Below this stability finite samples of a glass show a folding temperature too.
LEAST_STABILITY = 1.1


def _roughness_and_entropy(roughness: float, entropy: float) -> tuple[float, float]:
    return real_number("roughness", roughness, above=0.0), real_number("entropy", entropy, above=0.0)


def stability(gap: float, roughness: float, entropy: float) -> float:
    """Return Lambda = delta/(Delta sqrt(2 S0)) from extensive gap, roughness and entropy (in nats)."""
    roughness, entropy = _roughness_and_entropy(roughness, entropy)
    return real_number("gap", gap) / (roughness * math.sqrt(2.0 * entropy))


def folding_to_glass_ratio(stability: float) -> float | None:
    """Return T_f/T_g = Lambda + sqrt(Lambda^2 - 1); None for Lambda < 1, where there is no folding temperature."""
    stability = real_number("stability", stability, 0.0)
    if stability < 1.0:
        return None
    return stability + math.sqrt((stability - 1.0) * (stability + 1.0))


def stability_of_ratio(ratio: float) -> float:
    """Return Lambda = (r + 1/r)/2 from r = T_f/T_g >= 1."""
    ratio = real_number("ratio", ratio, 1.0)
    return 0.5 * (ratio + 1.0 / ratio)


def is_folded(stability: float) -> bool:
    """Return whether Lambda >= 1.1, so that folding can be told from freezing."""
    return real_number("stability", stability, 0.0) >= LEAST_STABILITY


def glass_temperature(roughness: float, entropy: float) -> float:
    """Return T_g = Delta/sqrt(2 S0), where the entropy of the non-native states vanishes."""
    roughness, entropy = _roughness_and_entropy(roughness, entropy)
    return roughness / math.sqrt(2.0 * entropy)


def folding_temperature(gap: float, roughness: float, entropy: float) -> float | None:
    """Return T_f, the larger root of delta = T S0 + Delta^2/(2T); None for Lambda < 1."""
    ratio = folding_to_glass_ratio(max(stability(gap, roughness, entropy), 0.0))
    return None if ratio is None else ratio * glass_temperature(roughness, entropy)


def gap_of_stability(stability: float, roughness: float, entropy: float) -> float:
    """Return the gap delta = Lambda Delta sqrt(2 S0) that gives a stability."""
    roughness, entropy = _roughness_and_entropy(roughness, entropy)
    return real_number("stability", stability, 0.0) * roughness * math.sqrt(2.0 * entropy)


def native_fraction(temperature: ArrayLike, gap: float, roughness: float, entropy: float) -> Array | float:
    """Return the weight of the native state, 1/(1 + e^{phi - delta/T}), with phi = ln Z of the other states.

    phi = S0 + Delta^2/(2T^2) above T_g and Delta sqrt(2 S0)/T below: the leading order of a large system. The exact
    average over finite random energy models is :func:`spinnet.theory.random_energy_finite.native_probability`.
    """
    temperature = np.asarray(temperature, dtype=float)
    if not (np.all(np.isfinite(temperature)) and np.all(temperature > 0)):
        raise InputError(f"temperature = {temperature}: give finite numbers above 0")
    roughness, entropy = _roughness_and_entropy(roughness, entropy)
    liquid = entropy + 0.5 * (roughness / temperature) ** 2
    glass = roughness * math.sqrt(2.0 * entropy) / temperature
    others = np.where(temperature > glass_temperature(roughness, entropy), liquid, glass)
    with np.errstate(over="ignore"):
        fraction = 1.0 / (1.0 + np.exp(others - real_number("gap", gap) / temperature))
    return fraction if fraction.ndim else float(fraction)


def perceptron_stability(alpha: float) -> float:
    """Return Lambda = sqrt(alpha/(2 ln 2)) of the Ising perceptron that counts its errors on P = alpha N labels.

    S0 = N ln 2, mean energy P/2 and variance P/4 of the weights that know nothing of the teacher, native energy 0.
    """
    return math.sqrt(real_number("alpha", alpha, 0.0) / (2.0 * math.log(2.0)))


@dataclass(frozen=True)
class FunnelProfile:
    """Mean energy, roughness and entropy of the states at overlap Q with the native one, all extensive.

    The random energy funnel: states at overlap Q have Gaussian energies of mean -gap(Q) and standard deviation
    roughness(Q), and there are e^{entropy(Q)} of them.
    """

    overlap: Array
    gap: Array
    roughness: Array
    entropy: Array

    def free_energy(self, temperature: float) -> Array:
        """Return F(Q, T): -gap - T entropy - roughness^2/(2T), and the lowest level of a shell below its T_g."""
        temperature = real_number("temperature", temperature, above=0.0)
        gap, roughness, entropy = (np.asarray(v, dtype=float) for v in (self.gap, self.roughness, self.entropy))
        liquid = temperature * entropy + 0.5 * roughness**2 / temperature
        glass = roughness * np.sqrt(2.0 * np.maximum(entropy, 0.0))
        return -gap - np.where(roughness > temperature * np.sqrt(2.0 * np.maximum(entropy, 0.0)), glass, liquid)

    def barrier(self, temperature: float) -> float:
        """Return the rise of F(Q, T) from its minimum at low overlap to the top on the way to the native end."""
        free = self.free_energy(temperature)
        top = int(np.argmax(free))
        return float(free[top] - free[: top + 1].min())
