r"""Dynamic heterogeneity of networks and glasses after a waiting time: overlap, relaxation time, chi_4.

The overlap :math:`q = w(t_w+t)\cdot w(t_w)/(|w(t_w+t)||w(t_w)|)` of weights, or of spins, and
:math:`\chi_4(t) = n\,\mathrm{Var}\,q` over independent units: samples of a glass, seeds of a network. n counts degrees
of freedom on both sides. Its long-time limit is that of independent runs, which is measured between them: chi_4 has
a peak where at the relaxation time, whose place the mean of q decides, it is certainly above that. Free diffusion from
the origin has :math:`q = (1 + t/t_w)^{-1/2}` and a chi_4 of order one: it stands beside the networks as the null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spinnet.configurable import real_number
from spinnet.errors import InputError, NotConvergedError, nearest_name
from spinnet.estimators.dynamic_susceptibility import (
    dynamic_susceptibility,
    relaxation_time,
    susceptibility_at_relaxation,
)
from spinnet.estimators.resampling import FEWEST_UNITS, jackknife
from spinnet.reports.base import Content, Report
from spinnet.reports.results import PointResults, StudyResults, shared_label
from spinnet.reports.verdicts import DECISIVE, normal_z
from spinnet.theory.diffusion import free_overlap


class HeterogeneityReport(Report):
    """q, chi_4 and the time at which q falls to a level, at the last waiting time of each point.

    Parameters
    ----------
    arms
        Arms measured with two_time, of networks or of glasses.
    levels
        The level of the relaxation time of each arm.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ()
    probes: ClassVar[tuple[str, ...]] = ("two_time",)

    def __init__(self, arms: Sequence[str], levels: Sequence[float]):
        given = self.validate(arms=arms, levels=levels)
        self.arms, self.levels = tuple(given["arms"]), tuple(given["levels"])

    @classmethod
    def validate(cls, arms: Any, levels: Any) -> dict[str, Any]:
        if not isinstance(arms, list | tuple) or not arms or not all(isinstance(name, str) for name in arms):
            raise InputError(f"arms = {arms!r}: give a list of names of arms")
        if not isinstance(levels, list | tuple) or len(levels) != len(arms):
            raise InputError(f"levels = {levels!r}: give one level for each of the {len(arms)} arms")
        levels = [real_number("levels", level, above=0.0) for level in levels]
        if max(levels) >= 1.0:
            raise InputError(f"levels = {levels}: the overlap falls from 1; give numbers below")
        return {"arms": list(arms), "levels": levels}

    @classmethod
    def check(cls, settings: Mapping[str, Any], arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        for name in settings["arms"]:
            if name not in arms:
                raise InputError(f"arms: there is no arm {name!r}{nearest_name(name, arms)}; there are "
                                 f"{', '.join(arms)}")  # fmt: skip
            for physics in arms[name]:
                cls.check_physics(name, physics)
                if physics["probes"]["two_time"]["waiting_times"][-1] <= 0:
                    raise InputError(f"arm {name}: two_time needs a waiting time above 0 for its overlap")

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`HeterogeneityReport`. Cost: none to speak of."""
        content = Content()
        for arm, level in zip(self.arms, self.levels, strict=True):
            for point in results.points(arm):
                _add(content, arm, point, level)
        return content


def overlaps(point: PointResults) -> tuple[float, NDArray, NDArray]:
    """The last waiting time, delays above 0, and q (sample, replica, delay) there, without diverged runs."""
    wait, delay = point.read("two_time/waiting_time")[-1], point.read("two_time/delay")
    product, moved = (point.read(f"two_time/{name}")[:, :, -1] for name in ("correlation", "displacement"))
    known = np.isfinite(product).any(axis=(0, 1))
    product, moved, delay = product[..., known], moved[..., known], delay[known]
    now = moved + 2.0 * product - product[..., :1]  # |x(t_w + t)|²/n
    overlap = (product / np.sqrt(now * product[..., :1]))[..., delay > 0]
    if point.attributes.get("independent_unit") == "replica":
        overlap = overlap.reshape(-1, 1, overlap.shape[2])
    return float(wait), delay[delay > 0], overlap[np.isfinite(overlap).all(axis=(1, 2))]


def independent_susceptibility(final: NDArray) -> tuple[float, float]:
    """n times the variance of the overlap between independent units (unit, n), with its error: what chi_4 goes to where
    nothing of the past is left."""
    unit = final / np.linalg.norm(final, axis=1, keepdims=True)
    product = unit @ unit.T

    def variance(rows: NDArray) -> float:
        rows = rows.astype(int)
        own = product[np.ix_(rows, rows)][np.triu_indices(len(rows), 1)]
        return final.shape[1] * own.var(ddof=1)

    found = jackknife(variance, np.arange(len(final)))
    return float(found.value), float(found.error)


def _independent(point: PointResults) -> tuple[float, float]:
    final = point.read("endpoint/configuration")
    final = final.reshape(-1, final.shape[-1]) if point.attributes.get("independent_unit") == "replica" else final[:, 0]
    final = final[np.isfinite(final).all(axis=1)]
    return independent_susceptibility(final) if len(final) >= FEWEST_UNITS else (np.nan, np.nan)


def _add(content: Content, arm: str, point: PointResults, level: float) -> None:
    label = shared_label(point.parameters)
    name = f"{arm} {label}".strip()
    wait, delay, overlap = overlaps(point)
    try:
        found = dynamic_susceptibility(overlap, delay, point.n_dof)
    except InputError as error:
        content.findings.append(f"{name}: {error}")
        return
    end, end_error = found.correlation[-1], found.correlation_error[-1]
    # Without a relaxation time: where it is largest, place and value from different units.
    place, height, height_error = "at its largest", found.height, found.height_error
    drop, drop_error = found.drop, found.drop_error
    try:
        log_time = relaxation_time(overlap.mean(axis=1), delay, level)
        time, time_error = float(np.exp(log_time.value)), float(np.exp(log_time.value) * log_time.error)
        told = f"q falls to {level:g} at t = {time:.4g} ± {time_error:.2g}"
        there = susceptibility_at_relaxation(overlap, delay, point.n_dof, level)
        place, (height, drop), (height_error, drop_error) = "at that time", there.value, there.error
    except NotConvergedError:
        time = time_error = float("nan")
        sure = normal_z(end - level, end_error, found.n_units) > DECISIVE
        told = f"q does not fall to {level:g} within the run, it ends at {end:.3f} ± {end_error:.3f}"
        told += f": its relaxation time is longer than {delay[-1]:.4g}" if sure else ", not certainly above"
    free, free_error = _independent(point)
    above = float(normal_z(height - free, np.hypot(height_error, free_error), found.n_units))
    fallen = float(normal_z(drop, drop_error, found.n_units))
    is_network = point.attributes.get("unit") == "pattern"
    group = f"points/{arm}/{label or 'all'}"
    content.describe(group, arm=arm, label=name, network=int(is_network), waiting_time=wait, level=level,
                     relaxation_time=time, relaxation_time_error=time_error, n_dof=point.n_dof,
                     independent=free, independent_error=free_error)  # fmt: skip
    for key, values in (
        ("delay", delay), ("overlap", found.correlation), ("overlap_error", found.correlation_error),
        ("chi4", found.total), ("chi4_error", found.total_error), ("free", free_overlap(wait, delay)),
    ):  # fmt: skip
        content.add(f"{group}/{key}", values, ("delay",))
    content.rows.append({
        "series": name, "n_dof": point.n_dof, "units": found.n_units, "t_w": wait,
        "relaxation_time": None if np.isnan(time) else time,
        "relaxation_time_error": None if np.isnan(time) else time_error, "chi4_peak": found.peak,
        "chi4_peak_error": found.peak_error, "chi4_time": found.peak_time,
        "height": float(height), "height_error": float(height_error),
        "independent": None if np.isnan(free) else free, "independent_error": None if np.isnan(free) else free_error,
    })  # fmt: skip
    where = f"{place} is {height:.2f} ± {height_error:.2f}"
    if np.isnan(above):
        where += ": no peak is tested, the limit of independent runs is not known"
    else:
        where += (
            f"; independent runs, its limit once q is lost, have {free:.2f} ± {free_error:.2f}: "
            f"{'a peak' if above > DECISIVE else 'no certain peak'} (z = {above:.1f})"
        )
    where += (f", {'fallen' if fallen > DECISIVE else 'not certainly fallen'} when the run ends (by {drop:.2f} ± "
              f"{drop_error:.2f})")  # fmt: skip
    content.findings.append(
        f"{name} ({point.n_dof} degrees of freedom, {found.n_units} units), after t_w = {wait:.6g}: {told}; chi_4 "
        f"{where}"
    )
