"""The ageing state below the dynamic transition, the threshold energy and the algorithmic energy.

After a quench from T0 = infinity a one-step model stays for ever in marginal states: its correlation has a
plateau q with f''(q)(1 - q)^2 = T^2 and the fluctuation-dissipation ratio x below it. This solution has a
single ageing sector, which holds together where f''(q)^(-1/2) is convex: beta^2 f'(C) - C/((1-q+x(q-C))(1-q+xq)) is
then negative for 0 < C < q, so that no correlation stops decaying inside the sector. Other models are refused.

References: Cugliandolo and Kurchan (1993) Phys. Rev. Lett. 71, 173; Crisanti, Horner and Sommers (1993) Z. Phys. B 92,
257; Sellke (2024) Commun. Pure Appl. Math. 77 (threshold energy of pure models); Subag (2021) Commun. Pure Appl. Math.
74, 1021 and Huang and Sellke (2021) arXiv:2110.07847 (algorithmic energy).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.integrate import quad

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance
from spinnet.theory.overlap_scan import Array, roots, scan
from spinnet.theory.spherical_one_step import inverse_root_curvature
from spinnet.theory.spherical_transitions import Transition, check_temperature, dynamic_transition


class NotOneSectorError(InputError):
    """The ageing of the model is not described by one plateau and one fluctuation-dissipation ratio."""


@dataclass(frozen=True)
class AgeingState:
    """Plateau q (``overlap``), fluctuation-dissipation ratio x (``ratio``) and energy density at temperature T."""

    temperature: float
    overlap: float
    complement: float
    ratio: float
    energy_density: float


def _require_one_sector(covariance: Covariance) -> None:
    convex, _ = inverse_root_curvature(covariance)
    if not convex:
        raise NotOneSectorError(
            f"covariance {covariance} has an f''^(-1/2) that is not convex; its ageing may have several sectors "
            "and its asymptotic energy is not known"
        )


def ageing_state(covariance: Covariance, temperature: float, dynamic: Transition | None = None) -> AgeingState:
    """Return the ageing state at 0 < T < T_d after a quench from infinite temperature.

    f''(q)(1 - q)^2 = T^2 (largest root), x = (1 - q)[f''(q)/f'(q) - 1/q], which is (p - 2)(1 - q)/q for pure models,
    and e = -beta [f(1) - (1 - x) f(q)], which tends to the threshold energy as T -> 0.

    Raises
    ------
    InputError
        If T >= T_d, where the model equilibrates.
    NotOneSectorError
        If f''^(-1/2) is not convex.
    """
    temperature = check_temperature(temperature)
    dynamic = dynamic_transition(covariance) if dynamic is None else dynamic
    if temperature == 0.0:
        raise InputError("temperature is 0; use threshold_energy for the ageing energy at zero temperature")
    # closer to a continuous transition than this the plateau is below 1e-8 and lost in rounding
    if temperature >= dynamic.temperature * (1.0 - (1e-8 if dynamic.is_continuous else 0.0)):
        raise InputError(
            f"temperature {temperature:g} is not below the dynamic transition {dynamic.temperature:.8g}; "
            "the model equilibrates and does not age"
        )
    _require_one_sector(covariance)
    bottom = 1e-2 * min(temperature / math.sqrt(covariance.second(1.0)), 1.0)
    top = None if dynamic.is_continuous else 1.0 - dynamic.overlap

    def balance(q: Array, u: Array) -> Array:
        return 0.5 * covariance.log_derivative(q, 2) + np.log(u) - math.log(temperature)

    found = roots(balance, scan(bottom, top))
    q, u = (found[0][0], found[0][1]) if found else (dynamic.overlap, 1.0 - dynamic.overlap)
    # f''/f' - 1/q without cancellation: sum (p-2) p a^2 q^p / sum p a^2 q^p
    x = u / q * covariance.reduced(q, lambda p: p * (p - 2)) / covariance.reduced(q, lambda p: p)
    energy = -(covariance.deficit(u) + x * covariance(q)) / temperature
    return AgeingState(temperature, q, u, min(x, 1.0), energy)


def threshold_energy(covariance: Covariance) -> float:
    """Return e_th = -[f'/sqrt(f'') + f (sqrt(f'')/f' - 1/sqrt(f''))] at q = 1, the T -> 0 limit of the ageing energy.

    It is the energy at which the dominant stationary points are marginal; -sqrt(2(p-1)/p) for pure models with
    unit amplitude.

    Raises
    ------
    NotOneSectorError
        If f''^(-1/2) is not convex.
    """
    _require_one_sector(covariance)
    f, first, second = covariance(1.0), covariance.first(1.0), covariance.second(1.0)
    root = math.sqrt(second)
    return -(first / root + f * (root / first - 1.0 / root))


def algorithmic_energy(covariance: Covariance) -> float:
    """Return e_alg = -int_0^1 sqrt(f''(q)) dq, the lowest energy that stable algorithms reach, for any model.

    Equal to the threshold energy for pure models and to the ground-state energy where f''^(-1/2) is concave.
    Absolute error below 1e-12 times f(1)^(1/2).
    """
    scale = math.sqrt(covariance.second(1.0))
    # q = v^2 takes away the root singularity of odd lowest degrees at q = 0
    value, _ = quad(
        lambda v: 2.0 * v * math.sqrt(covariance.second(v * v)) / scale, 0.0, 1.0, epsabs=1e-14, epsrel=1e-13, limit=400
    )
    return -scale * value
