"""Does data dig a funnel? Profiles, basins and melting of native states, of networks and of glasses, side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import real_number
from spinnet.errors import InputError
from spinnet.estimators.funnel import funnel_shape, widths_of_directions
from spinnet.estimators.resampling import mean_and_error
from spinnet.reports.base import Content, Report, require_probe
from spinnet.reports.funnel_melting import add_melting, melting_points
from spinnet.reports.funnel_potential import add_potential
from spinnet.reports.funnel_statements import PROFILES, statements
from spinnet.reports.results import PointResults, StudyResults
from spinnet.theory.spheres import log_cap_measure

#: Roles of arms that are heated from the native state and cooled from random starts.
MELTINGS = {f"{role}_melting": PROFILES[role] for role in ("true", "shuffled", "planted", "unplanted")}

#: Roles of arms that are held at overlaps with the native state.
POTENTIALS = {f"{role}_potential": PROFILES[role] for role in ("true", "shuffled", "planted")}

#: What goes into the table; all of it goes into the file.
_SHOWN_WITH_ERROR = ("depth", "half_overlap", "half_angle", "stability", "minima_stability")
_SHOWN = (*_SHOWN_WITH_ERROR, "native", "roughness", "alignment", "entropy", "as_deep")

_HALF = 0.5  # the overlap at which alignment goes into the table


class FunnelReport(Report):
    """Funnel statistics of every point of every arm, with errors over samples, and what they say.

    Of a profile (``funnel_profile``): depth e(q ≈ 0) − e(native), the overlap at which half of it is reached, overshoot
    (how far e rises above e(q ≈ 0) on the way, over the depth), roughness σ at |q| < 0.15 (standard deviation over
    directions) and the cosine between force and direction home at q = 0.5. Of a basin (``basin_of_attraction``): the
    angle θ½ up to which descent returns from half of the directions, the logarithm of the share of the spheres within
    θ½ in every block, −S₀, and the share of kicks at the largest angle that end at an energy within the tolerance,
    wherever that is. With both the frustration index Λ = depth·n/(σ·n √(2 S₀)): native is the basin, and S₀ the entropy
    of everything relative to it. Λ < 1.1 is called unfolded. On a continuous landscape every minimum lies far below
    random states, so that Λ of a glass is its null; "Λ of minima" has the minima that kicks ended in at |q| < ½ in
    their place: their mean energy above the native one, and their spread. The stability gap is the lowest of them.

    Of a melting (``energy`` and ``signal_overlap`` on axes ``start_at`` and ``temperature``): the temperature T_f where
    ⟨q⟩ from the native state has fallen to ½ by the end, and by a quarter of the run; and up to which temperature the
    energy still remembers its start (hysteresis).

    Of a potential (``ConstrainedTempering``): the free energy F(Q, T) at fixed overlap, divided into the exact entropy
    of the spheres and the rest, and whether the native side has a minimum of its own and more weight than the other.

    Parameters
    ----------
    true, noisy, shuffled, untrained, planted, unplanted
        Arms with profiles; any may be left out.
    true_melting, shuffled_melting, planted_melting, unplanted_melting
        Arms that are heated and cooled; any may be left out.
    true_potential, shuffled_potential, planted_potential
        Arms that are held at overlaps; any may be left out.
    energy_tolerance, overlap_threshold
        What counts as returned; None: as the probe was told.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = (*PROFILES, *MELTINGS, *POTENTIALS)
    optional_arms: ClassVar[bool] = True

    def __init__(
        self,
        true: str = "",
        noisy: str = "",
        shuffled: str = "",
        untrained: str = "",
        planted: str = "",
        unplanted: str = "",
        true_melting: str = "",
        shuffled_melting: str = "",
        planted_melting: str = "",
        unplanted_melting: str = "",
        true_potential: str = "",
        shuffled_potential: str = "",
        planted_potential: str = "",
        energy_tolerance: float | None = None,
        overlap_threshold: float | None = None,
    ):
        given = self.validate(
            true=true, noisy=noisy, shuffled=shuffled, untrained=untrained, planted=planted, unplanted=unplanted,
            true_melting=true_melting, shuffled_melting=shuffled_melting, planted_melting=planted_melting,
            unplanted_melting=unplanted_melting, true_potential=true_potential,
            shuffled_potential=shuffled_potential, planted_potential=planted_potential,
            energy_tolerance=energy_tolerance, overlap_threshold=overlap_threshold,
        )  # fmt: skip
        self.arms = {role: given[role] for role in self.arm_parameters}
        self.energy_tolerance, self.overlap_threshold = given["energy_tolerance"], given["overlap_threshold"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        if not any(given[role] for role in cls.arm_parameters):
            raise InputError(f"no arm is named: set {', '.join(cls.arm_parameters)}, or some of them")
        for name in ("energy_tolerance", "overlap_threshold"):
            if given[name] is not None:
                given[name] = real_number(name, given[name], above=0.0)
        return given

    @classmethod
    def check(cls, settings: Mapping[str, Any], arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        super().check(settings, arms)
        for role in cls.arm_parameters:
            name = cls.chosen_arm(settings, role, list(arms))
            wanted = ("funnel_profile",) if role in PROFILES else ("energy", "signal_overlap")
            if role in POTENTIALS:
                wanted = ()
                if name and any(one["dynamics"]["kind"] != "ConstrainedTempering" for one in arms[name]):
                    raise InputError(f"{role}: arm {name} is not held at overlaps: use ConstrainedTempering")
            for physics in arms[name] if name else ():
                for probe in wanted:
                    require_probe(name, physics, probe)
            if name and role in MELTINGS:
                melting_points(name, arms[name])

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`FunnelReport`. Cost: seconds."""
        content = Content()
        found: dict[str, list[dict[str, Any]]] = {}
        for role in PROFILES:
            arm = self.chosen_arm(self.arms, role, results.arms)
            if arm:
                points = results.points(arm)
                found[role] = [self._point(content, role, k, point) for k, point in enumerate(points)]
        content.findings += list(statements(found))
        for role, what in MELTINGS.items():
            arm = self.chosen_arm(self.arms, role, results.arms)
            if arm:
                add_melting(content, role, what, results.points(arm))
        sizes = {one["about"]["n"]: one["sizes"] for points in found.values() for one in points}
        for role, what in POTENTIALS.items():
            arm = self.chosen_arm(self.arms, role, results.arms)
            if arm:
                add_potential(content, role, what, results.points(arm), sizes)
        return content

    def _point(self, content: Content, role: str, number: int, point: PointResults) -> dict[str, Any]:
        group = f"{role}/{number}"
        q = point.read("funnel_profile/overlap").reshape(-1)
        energy, spread, cosine = (
            point.independent(f"funnel_profile/{name}") for name in ("energy_density", "roughness", "alignment")
        )
        whole = np.isfinite(energy).all(axis=1)
        energy, spread, cosine = energy[whole], spread[whole], cosine[whole]
        if len(energy) < 2:
            raise InputError(f"{PROFILES[role]}, {point.label}: {len(energy)} finite samples, give five or more")
        shape = funnel_shape(q, energy, spread)
        units = {
            "native": shape.native, "depth": shape.depth, "half_overlap": shape.half_overlap,
            "overshoot": shape.overshoot, "roughness": shape.roughness,
            "alignment": np.array([float(np.interp(_HALF, q[::-1], row[::-1])) for row in cosine]),
        }  # fmt: skip
        about = {"label": _label(point), "role": role, "n": point.n_dof, "samples": len(energy), **_numbers(point)}
        size = tuple(int(s) for s in np.asarray(point.read("funnel_profile/block")).reshape(-1))
        content.add(f"{group}/overlap", q, ("overlap",))
        for name, values in (("energy", energy), ("spread", spread), ("cosine", cosine)):
            mean, error = mean_and_error(values)
            content.add(f"{group}/{name}", mean, ("overlap",))
            content.add(f"{group}/{name}_error", error, ("overlap",))
        row: dict[str, Any] = {"arm": PROFILES[role], "point": about["label"], "samples": len(energy)}
        if point.has("basin/returned"):
            units |= self._basin(content, group, point, size, whole, about)
            with np.errstate(invalid="ignore", divide="ignore"):
                units["stability"] = shape.depth / (shape.roughness * np.sqrt(2.0 * units["entropy"]))
                units["minima_stability"] = _stability_of_minima(units)
        for name, values in units.items():
            mean, error = mean_and_error(values)
            about[name], about[f"{name}_error"] = float(mean), float(error)
            if name in _SHOWN:
                row[name] = float(mean)
            if name in _SHOWN_WITH_ERROR:
                row[f"{name}_error"] = float(error)
        content.rows.append(row)
        content.describe(group, **{name: value for name, value in about.items() if value is not None})
        return {"about": about, "units": units, "sizes": tuple(s for s in size if s > 1)}

    def _basin(
        self, content: Content, group: str, point: PointResults, sizes: tuple[int, ...], whole: Any,
        about: dict[str, Any],
    ) -> dict[str, Any]:  # fmt: skip
        """Per sample: half-return angle, entropy of all relative to the basin, and equally deep ends."""
        settings = point.physics["probes"]["basin_of_attraction"]
        tolerance = settings["energy_tolerance"] if self.energy_tolerance is None else self.energy_tolerance
        threshold = settings["overlap_threshold"] if self.overlap_threshold is None else self.overlap_threshold
        kick = point.read("basin/kick").reshape(-1)
        energy, overlap = (_first_replica(point, name)[whole] for name in ("energy_density", "overlap"))
        native = _first_replica(point, "native_energy_density")[whole]
        with np.errstate(invalid="ignore"):
            close = np.abs(energy - native[:, None, None]) <= tolerance
            deep = energy <= native[:, None, None] + tolerance
            back = close & (overlap >= threshold)
        share = back.mean(axis=2)
        for name, values in (("returned", share), ("as_deep", deep.mean(axis=2)), ("reached", overlap.mean(axis=2))):
            mean, error = mean_and_error(values)
            content.add(f"{group}/{name}", mean, ("kick",))
            content.add(f"{group}/{name}_error", error, ("kick",))
        content.add(f"{group}/kick", kick, ("kick",), "rad")
        widths = np.minimum(widths_of_directions(kick, back), 0.5 * math.pi)
        half = np.median(widths, axis=1)
        moving = tuple(size for size in sizes if size > 1)
        volume = log_cap_measure(np.maximum(np.cos(widths), 0.0), moving)
        gap, spread, lowest = _competing(energy, overlap, native)
        about["threshold"] = threshold
        about["always"] = bool((share.mean(axis=0) > 0.5).all())
        about["never"] = bool((share.mean(axis=0) < 0.5).all())
        # What a kick below the threshold does by not moving at all.
        about["trivial_kick"] = float(np.arccos(threshold))
        return {
            "half_angle": half,
            "entropy": -volume.mean(axis=1),
            "widest_entropy": -(np.log(np.mean(np.exp(volume - volume.max(axis=1, keepdims=True)), axis=1))
                                + volume.max(axis=1)),
            "competing_gap": gap,
            "competing_spread": spread,
            "stability_gap": lowest,
            "as_deep": deep.mean(axis=2)[:, -1],
            "finished": _first_replica(point, "finished")[whole],
        }  # fmt: skip


def _competing(energy: np.ndarray, overlap: np.ndarray, native: np.ndarray) -> tuple[np.ndarray, ...]:
    """Minima that descents found at |q| < 1/2, per sample: mean and lowest energy less the native one, and spread."""
    away = np.where((np.abs(overlap) < _HALF) & np.isfinite(energy), energy - native[:, None, None], np.nan)
    rows = away.reshape(len(away), -1)
    count = np.isfinite(rows).sum(axis=1)
    mean, spread, lowest = (np.full(len(rows), np.nan) for _ in range(3))
    for a in np.flatnonzero(count > 0):
        found = rows[a][np.isfinite(rows[a])]
        mean[a], lowest[a] = found.mean(), found.min()
        spread[a] = found.std(ddof=1) if len(found) > 1 else np.nan
    return mean, spread, lowest


def _stability_of_minima(units: Mapping[str, np.ndarray]) -> np.ndarray:
    """Λ against other minima; their spread is that over all samples, for one sample has few of them."""
    known = units["competing_spread"][np.isfinite(units["competing_spread"])]
    spread = float(np.sqrt(np.mean(known**2))) if len(known) else 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        index = units["competing_gap"] / (spread * np.sqrt(2.0 * units["entropy"]))
    return np.where(spread > 0, index, np.nan)


def _first_replica(point: PointResults, name: str) -> np.ndarray:
    """(sample, …) of a basin variable: replicas of one sample are kicks at one native state more."""
    values = point.read(f"basin/{name}")
    if point.attributes.get("independent_unit") == "replica":
        return values.reshape(-1, *values.shape[2:])
    return values[:, 0]


def _label(point: PointResults) -> str:
    names = {"n_train": "P", "hidden": "h", "label_noise": "noise", "n": "N"}
    parts = []
    for name, value in point.parameters.items():
        text = ",".join(map(str, value)) if isinstance(value, list) else value
        parts.append(f"{names.get(name, name)}={text}")
    return " ".join(parts) or "all"


def _numbers(point: PointResults) -> dict[str, float]:
    """The axes of a point that are numbers, for comparisons and figures."""
    found = {}
    for name, value in point.parameters.items():
        value = value[0] if isinstance(value, list) and len(value) == 1 else value
        if isinstance(value, int | float) and not isinstance(value, bool):
            found[f"axis_{name}"] = float(value)
    return found
