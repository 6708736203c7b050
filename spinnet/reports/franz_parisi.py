r"""The potential V(q, T) of Franz and Parisi, measured by constrained replica exchange, beside its theory.

At fixed overlap the finite-size correction of V(q) − V(0) is of order 1/N: sizes are extrapolated with a + b/N.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spinnet.errors import InputError, SpinnetError
from spinnet.estimators.equilibrium import block_drift, second_part, second_part_counts
from spinnet.estimators.scaling import extrapolate
from spinnet.estimators.umbrella import PotentialEstimate, mean_force, umbrella_potential
from spinnet.reports.base import Content, Report
from spinnet.reports.glass_theory import covariance_of, require_bare_exact_glass, temperature_of
from spinnet.reports.results import PointResults, StudyResults, shared_label
from spinnet.theory.covariance import Covariance
from spinnet.theory.franz_parisi import held_state, secondary_minimum

_CURVE_POINTS = 61


class FranzParisiReport(Report):
    """V(q, T) − V(0, T) at each size, its limit at the centres of the windows, and the theory with its minimum.

    Parameters
    ----------
    arm
        The arm; may be left out where there is only one.
    """

    landscapes: ClassVar[tuple[str, ...]] = ("SphericalGlass",)
    dynamics: ClassVar[tuple[str, ...]] = ("ConstrainedTempering",)

    def __init__(self, arm: str = ""):
        self.arm = arm

    @classmethod
    def check_physics(cls, arm: str, physics: Mapping[str, Any]) -> None:
        super().check_physics(arm, physics)
        require_bare_exact_glass(arm, physics, planted=True)
        for probe in physics.get("probes", {}):
            raise InputError(
                f"arm {arm} has the probe {probe}; its replicas are held at different overlaps, and averages over them "
                f"mix these: leave [probes.{probe}] out, the dynamics records what the report needs"
            )
        if physics["landscape"].get("planted_temperature") is None:
            raise InputError(
                f"arm {arm} has no planted_temperature: the potential is that of a reference in equilibrium, set it in "
                "the table of the landscape"
            )
        centres = _centres(physics)
        if not centres[0] <= 0.0 <= centres[-1]:
            raise InputError(f"arm {arm} has windows from {centres[0]:g} to {centres[-1]:g}: V is measured from q = 0, "
                             "let them include it")  # fmt: skip

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`FranzParisiReport`. Cost: some seconds of theory per series."""
        content = Content()
        arm = self.chosen_arm({"arm": self.arm}, "arm", results.arms)
        for number, (shared, points) in enumerate(results.series(arm)):
            self._series(content, f"series/{number}", shared_label(shared), points, tell)
        return content

    def _series(self, content: Content, group: str, label: str, points: list[PointResults], tell) -> None:
        physics = points[0].physics
        covariance, temperature = covariance_of(physics), temperature_of(physics)
        reference = float(physics["landscape"]["planted_temperature"])
        content.describe(group, label=label, temperature=temperature, reference_temperature=reference)
        measured = [_Measured(point, temperature, covariance, reference) for point in points]
        tell("potential at fixed overlap")
        _theory(content, group, covariance, temperature, reference, measured[0].centres)
        for one in measured:
            _add_size(content, f"{group}/n={one.n}", one)
        start = f"{label}: " if label else ""
        for one in measured:
            content.findings.append(f"{start}N = {one.n}, {one.samples} samples: {_quality(one)}")
        _add_limits(content, group, label, measured, covariance, temperature, reference)
        content.findings.append(start + _minimum(content, group, covariance, temperature, reference))


class _Measured:
    """What one size gave, over the second part of its runs."""

    def __init__(self, point: PointResults, temperature: float, covariance: Covariance, reference: float):
        self.n, self.temperature = point.n_units, temperature
        self.centres, self.width = _centres(point.physics), _width(point.physics)
        steps = point.read("dynamics/block_steps")[0]
        counts = point.read("dynamics/reference_overlap_histogram")  # (sample, window, copy, block, bin)
        self.edges = point.read("dynamics/reference_overlap_edge")
        moments = point.read("dynamics/reference_overlap_moment")[..., 0]
        self.samples = len(counts)
        # Energy and force at the reference, whose means are known, explain most of the scatter between samples.
        energy = point.read("dynamics/reference_energy")[:, 0] + self.n * covariance(1.0) / reference
        force = point.read("dynamics/reference_force_squared")[:, 0] - (self.n - 1) * covariance.first(1.0)
        control = np.stack([energy, force], axis=1)
        self.potential: PotentialEstimate = umbrella_potential(
            second_part_counts(counts, steps).sum(axis=2), self.edges, self.centres, self.width, temperature, self.n,
            control=control,
        )
        means = second_part(moments, steps).mean(axis=2)
        self.position, self.force = mean_force(
            means, self.centres, self.width, temperature, self.n, control=control
        )
        complete = len(steps) > 1 and steps[-1] >= 2 * steps[-2]
        self.drift = block_drift(moments.mean(axis=2))[1] if complete else np.full(len(self.centres), np.nan)
        self.exchange = np.nanmean(point.read("dynamics/exchange_acceptance")[:, :-1], axis=(0, 2))
        self.round_trips = point.read("dynamics/round_trips")

    def at(self, overlap: float) -> tuple[float, float]:
        """V and its error in the bin that holds an overlap; NaN where it was not reached by all samples."""
        distance = np.abs(self.potential.overlap - overlap)
        k = int(np.argmin(distance))
        if distance[k] > 0.51 * (self.edges[1] - self.edges[0]):
            return np.nan, np.nan
        return float(self.potential.potential[k]), float(self.potential.error[k])


def _centres(physics: Mapping[str, Any]) -> NDArray:
    table = physics["dynamics"]
    return np.linspace(*table["overlaps"], table["windows"]) if table["windows"] else np.array(table["overlaps"], float)


def _width(physics: Mapping[str, Any]) -> float:
    width = physics["dynamics"]["width"]
    return float(np.diff(_centres(physics)).mean()) if width is None else float(width)


def _theory(content: Content, group: str, covariance: Covariance, temperature, reference, centres: NDArray) -> None:
    grid = np.linspace(max(-0.99, centres[0] - 0.02), min(0.99, centres[-1] + 0.04), _CURVE_POINTS)
    states = []
    for q in grid:
        try:
            state = held_state(covariance, q, temperature, reference)
            states.append((state.potential, state.force, state.is_broken))
        except SpinnetError:
            states.append((np.nan, np.nan, np.nan))
    potential, force, broken = np.array(states, dtype=float).T
    zero = _known(covariance, 0.0, temperature, reference)
    content.add(f"{group}/theory_overlap", grid, ("theory_overlap",))
    content.add(f"{group}/theory_potential", potential - zero, ("theory_overlap",), "energy", "V(q) - V(0)")
    content.add(f"{group}/theory_force", force, ("theory_overlap",), "energy", "dV/dq")
    content.add(f"{group}/theory_broken", broken, ("theory_overlap",), "1", "1 where replica symmetry is broken")


def _known(covariance: Covariance, overlap: float, temperature: float, reference: float) -> float:
    try:
        return held_state(covariance, overlap, temperature, reference).potential
    except SpinnetError:
        return np.nan


def _add_size(content: Content, place: str, one: _Measured) -> None:
    content.describe(place, n=one.n, samples=one.samples, round_trips=float(one.round_trips.mean()))
    for name, values, dim, units in (
        ("overlap", one.potential.overlap, "overlap", "1"), ("potential", one.potential.potential, "overlap", "energy"),
        ("potential_error", one.potential.error, "overlap", "energy"),
        ("position", one.position.value, "window", "1"), ("force", one.force.value, "window", "energy"),
        ("force_error", one.force.error, "window", "energy"), ("drift_z", one.drift, "window", "1"),
    ):  # fmt: skip
        content.add(f"{place}/{name}", values, (dim,), units)


def _quality(one: _Measured) -> str:
    exchange = f"exchanges between windows {one.exchange.min():.2f} to {one.exchange.max():.2f}"
    trips = f"{one.round_trips.mean():.1f} round trips per walker"
    if np.isnan(one.drift).all():
        return f"{exchange}, {trips}; the last block of time is not complete, so that no drift is tested"
    worst = float(np.nanmax(np.abs(one.drift)))
    drift = f"overlaps of the last two blocks of time agree within {worst:.2f} standard errors"
    return f"{exchange}, {trips}; {drift if worst < 4 else drift.replace('agree within', 'DIFFER by')}"


def _add_limits(content: Content, group: str, label: str, measured, covariance, temperature, reference) -> None:
    """Rows of the table: V at the centres of the windows, and a + b/N."""
    zero = _known(covariance, 0.0, temperature, reference)
    edges = measured[0].edges
    rows = []
    for centre in measured[0].centres:
        if not 0.02 < centre < 1.0:
            continue
        # The middle of the bin that holds the centre: there all sizes have a value.
        k = min(int(np.searchsorted(edges, centre + 1e-9, side="right")) - 1, len(edges) - 2)
        q = 0.5 * float(edges[k] + edges[k + 1])
        values = [one.at(q) for one in measured]
        if not np.isfinite(values[-1]).all():
            continue
        row: dict[str, Any] = {"series": label} if label else {}
        row |= {"overlap": q, "largest_n": measured[-1].n, "potential": values[-1][0],
                "potential_error": values[-1][1], "theory": _known(covariance, q, temperature, reference) - zero,
                "limit": None, "limit_error": None, "fit_p_value": None, "z": None}  # fmt: skip
        if len(measured) >= 3 and np.isfinite(values).all():
            means, errors = np.array(values).T
            fit = extrapolate([one.n for one in measured], means, errors)
            row |= {"limit": fit.limit, "limit_error": fit.limit_error, "fit_p_value": fit.p_value,
                    "z": (fit.limit - row["theory"]) / fit.limit_error}  # fmt: skip
        rows.append(row)
    content.rows += rows
    for name in ("overlap", "theory", "limit", "limit_error", "z"):
        content.add(f"{group}/limits/{name}", [np.nan if row[name] is None else row[name] for row in rows], ("place",))
    tested = [row for row in rows if row["z"] is not None and np.isfinite(row["z"])]
    start = f"{label}: " if label else ""
    if not tested:
        content.findings.append(f"{start}{len(measured)} sizes: three are needed to extrapolate V(q) to N → ∞")
        return
    worst = max(tested, key=lambda row: abs(row["z"]))
    verdict = "meets" if abs(worst["z"]) < 4 else "MISSES"
    largest = max(row["limit_error"] for row in tested)
    height = max(abs(row["theory"]) for row in tested)
    if verdict == "meets" and largest > height:
        content.findings.append(
            f"{start}V(q) − V(0) extrapolated by a + b/N over {len(measured)} sizes has errors up to {largest:.3f}, "
            f"more than the potential itself ({height:.3f}): it tests nothing yet, take more samples or larger sizes"
        )
        return
    poor = sum(row["fit_p_value"] < 1e-3 for row in tested)
    content.findings.append(
        f"{start}V(q) − V(0) extrapolated by a + b/N over {len(measured)} sizes {verdict} the theory at {len(tested)} "
        f"overlaps: largest |z| = {abs(worst['z']):.2f} at q = {worst['overlap']:.3g}"
        + (f"; a + b/N does not describe the sizes at {poor} of them" if poor else "")
    )


def _minimum(content: Content, group: str, covariance: Covariance, temperature: float, reference: float) -> str:
    try:
        found = secondary_minimum(covariance, temperature, reference)
    except SpinnetError as refusal:
        return str(refusal)
    if found is None:
        return f"theory: at T = {temperature:g} V rises all the way, the reference's state is not stable"
    content.describe(group, minimum_overlap=found.overlap, minimum=found.height, barrier=found.barrier)
    return (
        f"theory: at T = {temperature:g} V has its minimum {found.height:.6f} next to the reference at q = "
        f"{found.overlap:.4f}, behind a barrier of {found.barrier:.6f}"
    )
