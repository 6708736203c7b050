"""Theory of a spherical glass, asked for with the resolved physics of a point."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance

#: Dynamics whose limit N → ∞ the Cugliandolo–Kurchan equations describe.
CLOCKED = ("GradientFlow", "Langevin", "PairedLangevin")
#: Couplings that are Gaussian with the covariance N f(q) at every N.
EXACT_COUPLINGS = ("dense", "hashed")


def covariance_of(physics: Mapping[str, Any]) -> Covariance:
    """The covariance of a spherical glass.

    Raises
    ------
    InputError
        For any other landscape.
    """
    landscape = physics["landscape"]
    if landscape["kind"] != "SphericalGlass":
        raise InputError(f"{landscape['kind']} is no spherical glass: there is no such theory of it")
    return Covariance({int(degree): float(a) for degree, a in landscape["covariance"].items()})


def require_bare_exact_glass(arm: str, physics: Mapping[str, Any], *, planted: bool = False) -> None:
    """Refuse a glass whose couplings are not Gaussian with exactly N f(q), or that has a field or a signal.

    For reports of statements that hold at finite N: means over Gaussian couplings, the identity between energy and
    overlap, the centre −pe of a pure model's Hessian.

    Parameters
    ----------
    arm, physics
        As :meth:`spinnet.reports.base.Report.check_physics` is given them.
    planted
        Whether a signal is allowed (``planted``, ``planted_temperature``).

    Raises
    ------
    InputError
        Naming the parameter that has to go.
    """
    landscape = physics["landscape"]
    couplings = landscape.get("couplings", "dense")
    if couplings not in EXACT_COUPLINGS:
        raise InputError(
            f"arm {arm} has couplings = {couplings!r}: this report is for Gaussian ones, use "
            f"{' or '.join(EXACT_COUPLINGS)}"
        )
    if landscape.get("strict"):
        raise InputError(f"arm {arm} is strict: its covariance is N f(q) only as N → ∞, leave strict out")
    refuse_field(arm, physics)
    if planted:
        return
    if landscape.get("planted_temperature") is not None or any(map(float, (landscape.get("planted") or {}).values())):
        raise InputError(
            f"arm {arm} has a signal: this report is for a glass without, leave planted and planted_temperature out"
        )


def refuse_field(arm: str, physics: Mapping[str, Any]) -> None:
    """Refuse an external field, which none of the theory here has.

    Raises
    ------
    InputError
        Naming the arm.
    """
    if physics["landscape"].get("field"):
        raise InputError(f"arm {arm} has an external field: there is no such theory of it, leave field out")


def temperature_of(physics: Mapping[str, Any]) -> float:
    """The temperature of the dynamics, 0 for a flow."""
    return float(physics["dynamics"].get("temperature", 0.0))


def starting_point(physics: Mapping[str, Any]) -> dict[str, Any]:
    """Signal and start of the dynamics, as :func:`spinnet.theory.dynamics_two_time.dynamics` is told.

    Raises
    ------
    InputError
        In an external field, which the theory has not.
    """
    landscape = physics["landscape"]
    if landscape.get("field"):
        raise InputError("the landscape has an external field: there is no such theory of it")
    planted, temperature = landscape.get("planted", {}), landscape.get("planted_temperature")
    start = landscape.get("start_at", "random" if temperature is None else "planted")
    if temperature is not None and start == "planted":
        return {"initial_temperature": float(temperature)}
    told: dict[str, Any] = {"initial_temperature": math.inf}
    if temperature is not None:
        planted = dict.fromkeys(landscape["covariance"], 1.0 / float(temperature))
    if planted:
        told["planted"] = {int(degree): float(ratio) for degree, ratio in planted.items()}
        told["initial_overlap"] = {"random": 0.0, "planted": 1.0}.get(start, start)
    return told


def infinite_size(
    physics: Mapping[str, Any], times: NDArray, waiting_times: tuple[float, ...] = (), tolerance: float = 1e-5
):
    """The N → ∞ dynamics of a glass at the times of a measurement.

    Raises
    ------
    InputError
        For a landscape or a dynamics without this limit.
    """
    from spinnet.theory.dynamics_two_time import dynamics

    kind = physics["dynamics"]["kind"]
    if kind not in CLOCKED:
        raise InputError(f"{kind} has no limit in continuous time: choose one of {', '.join(CLOCKED)}")
    return dynamics(
        covariance_of(physics), temperature_of(physics), np.asarray(times), waiting_times,
        tolerance=tolerance, **starting_point(physics),
    )  # fmt: skip
