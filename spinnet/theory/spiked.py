"""Planted (spiked) spherical glasses: H = H_0 - N beta_0 f(m) with m the overlap with a hidden signal.

At temperature 1/beta_0 this is the posterior of a Bayes-optimal observer (the Nishimori line); at T = 0 its ground
state is the maximum-likelihood estimate. beta_0 (``snr``) is the signal-to-noise ratio for every degree of f.

References: Richard and Montanari (2014) NIPS 27; Ben Arous, Mei, Montanari and Nica (2019) Commun. Pure Appl. Math.
72, 2282 (their lambda is beta_0/2); Jagannath, Lopatto and Miolane (2020) Ann. Appl. Probab. 30, 1910; Sarao Mannelli
et al. (2019) ICML and (2020) Phys. Rev. X 10, 011057 (matrix and tensor).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance
from spinnet.theory.kac_rice import edge_cost
from spinnet.theory.overlap_scan import Array, log_deficit, roots, scan
from spinnet.theory.spherical_one_step import one_step_ground
from spinnet.theory.spherical_transitions import dynamic_transition, state_complement, static_transition


def _check_snr(snr: float) -> float:
    value = float(snr)
    if not math.isfinite(value) or value < 0.0:
        raise InputError(f"signal-to-noise ratio is {snr}; it must be finite and not negative")
    return value


def _check_line(noise: float, degree: int) -> tuple[float, int]:
    if not (math.isfinite(noise) and noise > 0.0):
        raise InputError(f"tensor noise is {noise}; it must be finite and positive")
    if int(degree) != degree or degree < 3:
        raise InputError(f"tensor degree is {degree}; it must be an integer of 3 or more")
    return float(noise), int(degree)


# Bayes-optimal: the Nishimori line.


def spinodal_threshold(covariance: Covariance) -> float:
    """Return beta_0 = 1/T_d above which a state around the signal exists at temperature 1/beta_0."""
    return 1.0 / dynamic_transition(covariance).temperature


def information_threshold(covariance: Covariance) -> float:
    """Return beta_0 = 1/T_s above which the posterior concentrates near the signal (weak recovery is possible)."""
    return 1.0 / static_transition(covariance).temperature


def nishimori_overlap(covariance: Covariance, snr: float) -> float:
    """Return m, the overlap of the state around the signal with it at T = 1/beta_0: the largest root of
    beta_0^2 f'(m) = m/(1 - m), zero below the spinodal.

    On this line m is also the overlap of two samples of the state.
    """
    snr = _check_snr(snr)
    dynamic = dynamic_transition(covariance)
    if snr * dynamic.temperature < 1.0:
        return 0.0
    return 1.0 - state_complement(covariance, 1.0 / snr, dynamic)


def planted_gain(covariance: Covariance, snr: float) -> float:
    """Return phi_planted - phi_para = [beta^2 f(m) + ln(1 - m) + m]/2 of the state around the signal at T = 1/beta_0.

    It changes sign at the information threshold.
    """
    m = nishimori_overlap(covariance, snr)
    return 0.5 * (_check_snr(snr) ** 2 * covariance(m) - log_deficit(m))


# Maximum likelihood: T = 0.


@dataclass(frozen=True)
class PlantedGround:
    """The T = 0 state around the signal: overlap m, energy density, and whether its Hessian is positive."""

    overlap: float
    energy_density: float
    is_stable: bool


def maximum_likelihood_spinodal(covariance: Covariance) -> tuple[float, float]:
    """Return (beta_0, m) at which the T = 0 branch around the signal appears.

    beta_0 is the minimum over m of m sqrt(f'(1)/(1 - m^2))/f'(m); for pure models it is 1/T_d, at m^2 = (p-2)/(p-1).
    Pure p = 2 has m = 0 there: a continuous transition.
    """

    def slope(m: Array, u: Array) -> Array:
        # d ln(beta_0)/d ln(m) = 1/(1 - m^2) - m f''/f'
        ratio = covariance.reduced(m, lambda p: p * (p - 1)) / covariance.reduced(m, lambda p: p)
        return 1.0 / (u * (1.0 + m)) - ratio

    best = (math.sqrt(covariance.first(1.0)) / covariance.second(0.0), 0.0) if covariance.second(0.0) > 0 else None
    for m, u, _ in roots(slope, scan(1e-4 / covariance.degrees[-1])):
        value = m * math.sqrt(covariance.first(1.0) / (u * (1.0 + m))) / covariance.first(m)
        if best is None or value < best[0] * (1.0 - 1e-13):
            best = (value, m)
    return best


def maximum_likelihood_state(covariance: Covariance, snr: float) -> PlantedGround:
    """Return the T = 0 state around the signal: beta_0 f'(m) = m sqrt(f'(1)/(1 - m^2)), largest root,
    e = -beta_0 f(m) - sqrt((1 - m^2) f'(1)).

    It is stable where (1 - m^2) f''(1) < f'(1).

    Raises
    ------
    InputError
        Below the spinodal of the branch.
    """
    snr = _check_snr(snr)
    least, start = maximum_likelihood_spinodal(covariance)
    if snr < least * (1.0 - 1e-12):
        raise InputError(
            f"signal-to-noise ratio {snr:g} is below {least:.8g}; at zero temperature no state surrounds the signal"
        )

    def balance(m: Array, u: Array) -> Array:
        width = u * (1.0 + m) / covariance.first(1.0)
        return covariance.log_derivative(m, 1) - np.log(m) + 0.5 * np.log(width) + math.log(snr)

    # 1 - m = f'(1)/(2 beta_0^2 f'(1)^2) at large beta_0
    bottom = 1e-2 * min(1.0 / (snr**2 * covariance.first(1.0)), 1.0 - start)
    found = roots(balance, scan(bottom, None if start == 0.0 else 1.0 - start))
    m, u = (found[0][0], found[0][1]) if found else (start, 1.0 - start)
    square = u * (1.0 + m)
    energy = -snr * covariance(m) - math.sqrt(square * covariance.first(1.0))
    return PlantedGround(m, energy, square * covariance.second(1.0) <= covariance.first(1.0) * (1.0 + 1e-12))


def maximum_likelihood_threshold(covariance: Covariance) -> float:
    """Return beta_0 at which the state around the signal becomes the ground state: e(m) = e_gs.

    For pure models it equals the Bayes-optimal 1/T_s, although the two equations are unrelated.

    Raises
    ------
    NotOneStepError
        If the ground state without signal is not one-step.
    """
    ground = one_step_ground(covariance).energy_density
    least, _ = maximum_likelihood_spinodal(covariance)
    if maximum_likelihood_state(covariance, least).energy_density <= ground:
        return least
    top = 2.0 * least
    while maximum_likelihood_state(covariance, top).energy_density > ground:
        top *= 2.0

    def excess(snr: float) -> float:
        return maximum_likelihood_state(covariance, snr).energy_density - ground

    return float(brentq(excess, least, top, xtol=1e-15, rtol=1e-14))


# Annealed complexity of the spiked landscape, pure models.


def _pure_degree(covariance: Covariance) -> tuple[int, float]:
    if not covariance.is_pure:
        raise InputError(f"covariance {covariance} is mixed; the spiked complexity is known here for pure models only")
    return covariance.terms[0]


def annealed_complexity(covariance: Covariance, snr: float, overlap: float, energy: float) -> float:
    """Return S(m, e): (1/N) ln of the expected number of stationary points with overlap m and energy density e.

    For unit amplitude, with lambda = beta_0/2 and x = -e,
    S = [ln(p-1) + 1]/2 + ln(1 - m^2)/2 - p lambda^2 m^(2p-2) (1 - m^2) - (x - lambda m^p)^2 + Phi(sqrt(2p/(p-1)) x),
    Phi(t) = t^2/4 - 1/2 - J(|t|). At m = 0 and beta_0 = 0 it is the complexity without signal.

    Raises
    ------
    InputError
        For mixed models and |m| >= 1.
    """
    p, amplitude = _pure_degree(covariance)
    if not -1.0 < overlap < 1.0:
        raise InputError(f"overlap with the signal is {overlap}; it must be inside (-1, 1)")
    strength = 0.5 * _check_snr(snr) * amplitude
    x = -energy / amplitude
    t = math.sqrt(2.0 * p / (p - 1)) * x
    bulk = 0.25 * t * t - 0.5 - edge_cost(abs(t))
    room = 1.0 - overlap**2
    pull = p * strength**2 * overlap ** (2 * p - 2) * room
    return 0.5 * (math.log((p - 1) * room) + 1.0) - pull - (x - strength * overlap**p) ** 2 + bulk


def dominant_energy(covariance: Covariance, snr: float, overlap: float) -> float:
    """Return the energy density that maximises S(m, e) at a given overlap m."""
    p, amplitude = _pure_degree(covariance)
    centre = 0.5 * _check_snr(snr) * amplitude * overlap**p
    kappa = math.sqrt(2.0 * p / (p - 1))
    if p > 2:
        x = 2.0 * centre * (p - 1) / (p - 2)
        if kappa * abs(x) <= 2.0:
            return -amplitude * x
    elif centre == 0.0:
        return 0.0
    # outside the bulk kappa x = s + 1/s and Phi' = s: a quadratic equation for s in (0, 1)
    rest = kappa - 2.0 / kappa
    size = abs(centre)
    s = (2.0 / kappa) / (size + math.sqrt(size**2 + 2.0 * rest / kappa))
    return -amplitude * math.copysign((s + 1.0 / s) / kappa, centre)


def isolated_state_threshold(covariance: Covariance) -> float:
    """Return the beta_0 = 2 lambda_c at which a stationary point near the signal detaches from the equatorial band.

    At and above it max over e of S(m, e) is zero at the overlap of the maximum-likelihood state, negative around it.
    lambda_c = sqrt((p-1)^(p-1)/(2p (p-2)^(p-2))), that is beta_0 = 1/T_d, for pure p >= 3.
    """
    p, amplitude = _pure_degree(covariance)
    if p == 2:
        return 1.0 / amplitude
    log_square = (p - 1) * math.log(p - 1) - math.log(2.0 * p) - (p - 2) * math.log(p - 2)
    return 2.0 * math.exp(0.5 * log_square) / amplitude


# Matrix and tensor: f = q^2/(2 Delta_2) + q^p/(p Delta_p) at T = 1.


def matrix_tensor_covariance(matrix_noise: float, tensor_noise: float, degree: int = 3) -> Covariance:
    """Return f(q) = q^2/(2 Delta_2) + q^p/(p Delta_p), the covariance of the spiked matrix-tensor model at snr = 1."""
    tensor_noise, degree = _check_line(tensor_noise, degree)
    if not (math.isfinite(matrix_noise) and matrix_noise > 0.0):
        raise InputError(f"matrix noise is {matrix_noise}; it must be finite and positive")
    return Covariance({2: 1.0 / math.sqrt(matrix_noise), degree: math.sqrt(2.0 / (degree * tensor_noise))})


def message_passing_line() -> float:
    """Return Delta_2 = 1, below which approximate message passing recovers the signal for every Delta_p."""
    return 1.0


def langevin_line(tensor_noise: float, degree: int = 3) -> float | None:
    """Return the Delta_2 below which Langevin dynamics at T = 1 is predicted to find the signal (heuristic).

    The ageing plateau f''(q)(1 - q)^2 = 1 is unstable towards the signal where (1 - q)/Delta_2 = 1:
    Delta_2^2 (p-1)(1 - Delta_2)^(p-3) = Delta_p. For p = 3 it is sqrt(Delta_3/2), meaningful while below 1. None where
    there is no ageing plateau of that kind.
    """
    noise, p = _check_line(tensor_noise, degree)
    if p == 3:
        line = math.sqrt(0.5 * noise)
        return line if line < 1.0 else None
    # the left side rises up to Delta_2 = 2/(p - 1), where the plateau disappears
    top = 2.0 / (p - 1)

    def excess(line: float) -> float:
        return line**2 * (p - 1) * (1.0 - line) ** (p - 3) - noise

    if excess(top) < 0.0:
        return None
    return float(brentq(excess, 0.0, top, xtol=1e-15, rtol=1e-14))


def gradient_flow_line(tensor_noise: float, degree: int = 3) -> float:
    """Return the Delta_2 below which gradient flow is predicted to find the signal (heuristic: the marginal states'
    Hessian has an outlier, 1/Delta_2 = sqrt(f''(1))).

    Delta_2 = [-Delta_p + sqrt(Delta_p^2 + 4 (p-1) Delta_p)]/(2(p-1)).
    """
    noise, p = _check_line(tensor_noise, degree)
    return (-noise + math.sqrt(noise**2 + 4.0 * (p - 1) * noise)) / (2.0 * (p - 1))


def maximum_likelihood_message_passing_line(tensor_noise: float, degree: int = 3) -> float:
    """Return the Delta_2 with 1/Delta_2 = sqrt(f'(1)), below which message passing at T = 0 leaves m = 0.

    Delta_2 = [-Delta_p + sqrt(Delta_p^2 + 4 Delta_p)]/2.
    """
    noise, _ = _check_line(tensor_noise, degree)
    return 0.5 * (-noise + math.sqrt(noise**2 + 4.0 * noise))
