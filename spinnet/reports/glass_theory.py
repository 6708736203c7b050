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
