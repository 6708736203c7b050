r"""Langevin dynamics on a spherical glass above its dynamical transition, beside the energy that Boltzmann's law gives.

At every N :math:`E\langle H\rangle/N = -[f(1) - E\langle f(q_{12})\rangle]/T`, where the overlap of two copies is of
order :math:`N^{-1/2}` above the transition: -1/(2T) for f(1) = 1/2, and a correction that vanishes as 1/N² for p = 3.
It is taken to first order in 1/T²; what the annealed measure of two copies adds to that counts as an error of theory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spinnet.errors import InputError
from spinnet.estimators.resampling import FEWEST_UNITS, mean_and_error
from spinnet.reports.base import Content
from spinnet.reports.glass_theory import covariance_of, require_bare_exact_glass
from spinnet.reports.results import PointResults
from spinnet.reports.verdicts import DECISIVE, furthest, judged, normal_z
from spinnet.theory.spherical_transitions import dynamic_transition
from spinnet.theory.two_copies import annealed_overlap, leading_overlap


def check_glass(name: str, physics: Mapping[str, Any]) -> None:
    """Refuse a temperature at which the annealed energy is not the equilibrium one, or is not reached."""
    require_bare_exact_glass(name, physics)
    least = dynamic_transition(covariance_of(physics)).temperature
    if physics["dynamics"]["temperature"] <= least:
        raise InputError(
            f"glass = {name}: T = {physics['dynamics']['temperature']:g} is not above T_d = {least:.4g}, below which "
            "Langevin dynamics does not reach equilibrium: raise it"
        )


def compare_glass(content: Content, points: Sequence[PointResults], settled: float) -> None:
    """Rows, arrays and one finding: the mean energy per spin at each temperature beside the known one."""
    points = sorted(points, key=lambda one: one.physics["dynamics"]["temperature"])
    told, scores, moving = [], [], []
    columns: dict[str, list[float]] = {"temperature": [], "energy": [], "energy_error": [], "energy_known": [],
                                       "energy_known_error": []}  # fmt: skip
    for point in points:
        covariance = covariance_of(point.physics)
        n, temperature = point.n_dof, float(point.physics["dynamics"]["temperature"])
        leading = leading_overlap(covariance, n, temperature)
        known = -(float(covariance(1.0)) - leading) / temperature
        doubt = abs(annealed_overlap(covariance, n, temperature) - leading) / temperature
        mean, error, drift, units = _settled_energy(point, settled)
        z = float(normal_z(mean - known, np.hypot(error, doubt), units))
        scores.append(z)
        for name, value in zip(columns, (temperature, mean, error, known, doubt), strict=True):
            columns[name].append(value)
        if abs(drift) >= DECISIVE:
            moving.append(f"T = {temperature:g}")
        content.rows.append({
            "part": f"glass N = {n}", "quantity": f"energy per spin at T = {temperature:g}", "sgd": None,
            "sgd_error": None, "sgd_known": None, "langevin": mean, "langevin_error": error, "langevin_known": known,
        })  # fmt: skip
        shown = f"± {error:.4f}" if np.isfinite(error) else "(error unknown)"
        told.append(f"{mean:.4f} {shown} beside {known:.4f} ± {doubt:.4f} at T = {temperature:g} ({units} samples, "
                    f"N = {n})")  # fmt: skip
    for name, values in columns.items():
        content.add(f"glass/{name}", values, ("temperature",), "energy")
    _, worst = furthest(scores)
    largest = "" if np.isnan(worst) else f" (largest |z| = {abs(worst):.1f})"
    drifts = f"; the energy still drifts at {', '.join(moving)}" if moving else ""
    verdict = judged(worst, "obeys Boltzmann's law on a glass too", "does NOT obey Boltzmann's law on the glass",
                     "is not tested on the glass, five samples are needed")  # fmt: skip
    content.findings.append(f"Langevin dynamics {verdict}: mean energy per spin {'; '.join(told)}{largest}{drifts}")


def _settled_energy(point: PointResults, settled: float) -> tuple[float, float, float, int]:
    """Mean over samples with its error; the score of the drift within the settled part; the number of samples."""
    time = point.read("trajectory/time")
    energy = point.read("trajectory/energy_density").mean(axis=1)  # (sample, time): replicas share their couplings
    late, half = time >= settled * time[-1], time >= 0.5 * (1.0 + settled) * time[-1]
    units = energy[:, late].mean(axis=1)
    units = units[np.isfinite(units)]
    mean, error = map(float, mean_and_error(units))
    if len(units) < FEWEST_UNITS:
        return mean, np.nan, np.nan, len(units)
    drift = energy[:, half].mean(axis=1) - energy[:, late & ~half].mean(axis=1)
    return mean, error, float(normal_z(*mean_and_error(drift), len(units))), len(units)
