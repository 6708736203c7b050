r"""Reference curves of a comparison: what theory says of a point, where there is a theory.

A spherical glass of covariance f has at a configuration of energy e the Hessian spectrum of a semicircle of radius
:math:`2\sqrt{f''(1)}` around :math:`\mu = -\sigma \cdot \nabla H/N`, which is :math:`-p e` in a pure model (Kac-Rice).
Every spectrum is also laid beside a semicircle and a Marchenko-Pastur law of its own mean and variance, and that of a
network beside the Marchenko-Pastur law of ratio parameters over patterns.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinnet.comparison.summaries import Spectrum
from spinnet.errors import InputError, NotConvergedError


@dataclass(frozen=True)
class Reference:
    """A curve to draw beside a measurement, and what it is."""

    name: str
    label: str
    x: NDArray
    y: NDArray
    note: str = ""


def glass_covariance(physics: Mapping[str, Any]):
    """The covariance of a spherical glass, or None for any other landscape."""
    from spinnet.theory.covariance import Covariance

    landscape = physics.get("landscape", {})
    if landscape.get("kind") != "SphericalGlass" or not landscape.get("covariance"):
        return None
    return Covariance(landscape["covariance"])


#: Parameters of a glass of which the relaxation curve and the energies here know nothing.
_BEYOND = ("planted", "planted_temperature", "start_at", "field")


def _bare_covariance(physics: Mapping[str, Any]):
    """The covariance of a spherical glass without signal or field, or None; a resolved table names what it has."""
    has_more = any(physics.get("landscape", {}).get(name) for name in _BEYOND)
    return None if has_more else glass_covariance(physics)


def glass_energies(physics: Mapping[str, Any]) -> dict[str, float]:
    """``threshold_energy`` and ``ground_state_energy`` per spin for N to infinity, as far as they are known.

    They bound relaxations at zero temperature only: at another one there is none.
    """
    covariance = _bare_covariance(physics)
    if covariance is None or float(physics.get("dynamics", {}).get("temperature", 0.0)) > 0:
        return {}
    from spinnet.theory import spherical_statics

    found = {}
    for name in ("threshold_energy", "ground_state_energy"):
        try:
            found[name] = float(getattr(spherical_statics, name)(covariance))
        except (InputError, NotConvergedError):
            continue
    return found


def glass_relaxation(physics: Mapping[str, Any], last: float, tolerance: float = 1e-4) -> Reference | None:
    """e(t) for N to infinity from a random start up to ``last``; None where the equations do not converge.

    Gradient flow is the zero-temperature dynamics; any other dynamics than it and Langevin's has no such curve.
    """
    covariance = _bare_covariance(physics)
    dynamics = physics.get("dynamics", {})
    if covariance is None or dynamics.get("kind") not in ("GradientFlow", "Langevin") or dynamics.get("per_unit"):
        return None
    return _relaxation(covariance, float(dynamics.get("temperature", 0.0)), float(last), tolerance)


@functools.cache
def _relaxation(covariance, temperature: float, last: float, tolerance: float) -> Reference | None:
    from spinnet.theory.dynamics_two_time import LONGEST, dynamics, two_time_model

    end = min(last, LONGEST / two_time_model(covariance, temperature).rate)
    time = np.geomspace(min(1e-2, end / 10), end, 80)
    try:
        solved = dynamics(covariance, temperature, time, tolerance=tolerance)
    except (InputError, NotConvergedError):
        return None
    note = f"estimated error {float(solved.error_estimate.max()):.1g}, up to t = {end:.3g}"
    # From infinite temperature the energy starts at zero.
    return Reference("theory", "N → ∞", np.append(0.0, solved.time), np.append(0.0, solved.energy_density), note)


def spectrum_references(
    physics: Mapping[str, Any], spectrum: Spectrum, energy: float, attributes: Mapping[str, Any]
) -> list[Reference]:
    """Laws to lay over a spectrum; each is given on a grid that resolves its own support and the histogram's scale."""
    from spinnet.theory.random_matrices import MarchenkoPastur, Semicircle

    laws = []
    covariance = glass_covariance(physics)
    if covariance is not None:
        pure = len(covariance.degrees) == 1 and np.isfinite(energy) and _bare_covariance(physics) is not None
        centre = -covariance.degrees[0] * energy if pure else spectrum.mean
        law = Semicircle(centre, 2.0 * float(np.sqrt(covariance.second(1.0))))
        what = f"centre −p e = {centre:.4g}" if pure else f"measured centre {centre:.4g}"
        note = f"{what}, radius {law.radius:.4g} from f''(1)"
        laws.append(("semicircle", r"semicircle ($N\to\infty$ theory)", law, note))
    elif spectrum.variance > 0:
        law = Semicircle(spectrum.mean, 2.0 * float(np.sqrt(spectrum.variance)))
        laws.append(("semicircle", "semicircle (mean, variance)", law, "of the measured mean and variance"))
    if spectrum.mean > 0 and spectrum.variance > 0:
        ratio = spectrum.variance / spectrum.mean**2
        law = MarchenkoPastur(ratio, spectrum.mean)
        note = f"of the measured mean and variance: ratio {ratio:.3g}, share {law.atom_at_zero:.3g} of zero modes"
        laws.append(("marchenko_pastur", "Marchenko–Pastur (mean, variance)", law, note))
        if attributes.get("unit") == "pattern" and attributes.get("n_units") and attributes.get("n_dof"):
            ratio = float(attributes["n_dof"]) / float(attributes["n_units"])
            law = MarchenkoPastur(ratio, spectrum.mean)
            note = f"of the measured mean and ratio {ratio:.3g} = parameters/patterns"
            laws.append(("marchenko_pastur_ratio", "Marchenko–Pastur (mean, $W/P$)", law, note))
    return [_on_grid(*law, spectrum) for law in laws]


def _on_grid(name: str, label: str, law, note: str, spectrum: Spectrum) -> Reference:
    low, high = law.edges
    # Denser towards the edges, where densities end in square roots.
    x = low + (high - low) * 0.5 * (1 - np.cos(np.linspace(0.0, np.pi, 401)))
    if spectrum.logarithmic:
        even = spectrum.core * np.sinh(
            np.linspace(np.arcsinh(low / spectrum.core), np.arcsinh(high / spectrum.core), 401)
        )
        x = np.unique(np.concatenate([x, even]))
    return Reference(name, label, x, law.density(x), note)
