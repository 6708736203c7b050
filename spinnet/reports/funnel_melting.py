"""Melting of a native state: where the overlap with it falls to one half, and where energies remember their start."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spinnet.errors import InputError
from spinnet.estimators.funnel import crossing, crossing_of_means, hysteresis, shift_of_crossing
from spinnet.estimators.resampling import FEWEST_UNITS, mean_and_error
from spinnet.reports.base import Content
from spinnet.reports.results import PointResults
from spinnet.reports.verdicts import DECISIVE, z_score

_NATIVE = ("native", "planted")


def melting_points(arm: str, physics: Sequence[Mapping[str, Any]]) -> None:
    """Refuse an arm without both starts at two temperatures at least.

    Raises
    ------
    InputError
        Naming what is missing.
    """
    starts: dict[str, set[float]] = {"native": set(), "random": set()}
    for one in physics:
        temperature = one["dynamics"].get("temperature")
        if temperature is None:
            raise InputError(f"arm {arm}: its dynamics have no temperature; use Langevin")
        starts["native" if _starts_native(one) else "random"].add(float(temperature))
    if len(starts["native"] & starts["random"]) < 2:
        raise InputError(
            f"arm {arm}: give temperatures, and start_at = ['native', 'random'] (of a glass: 'planted'), as axes of "
            "its ensemble"
        )


def _starts_native(physics: Mapping[str, Any]) -> bool:
    """Whether configurations begin at the native state; a glass with an equilibrium signal usually does."""
    landscape = physics["landscape"]
    usual = "planted" if landscape.get("planted_temperature") is not None else "random"
    return landscape.get("start_at", usual) in _NATIVE


def add_melting(content: Content, role: str, what: str, points: Sequence[PointResults]) -> None:
    """Curves, T_f and hysteresis of one arm, one group for each setting of its other axes."""
    groups: dict[str, list[PointResults]] = {}
    for point in points:
        rest = {k: v for k, v in point.parameters.items() if k not in ("temperature", "start_at")}
        groups.setdefault(json.dumps(rest, sort_keys=True), []).append(point)
    for number, (key, members) in enumerate(groups.items()):
        rest = ", ".join(f"{name} = {value}" for name, value in json.loads(key).items())
        _melt(content, f"{role}/{number}", f"{what}{f', {rest}' if rest else ''}", members)


def _melt(content: Content, group: str, what: str, points: Sequence[PointResults]) -> None:
    heated, cooled = {}, {}
    for point in points:
        (heated if _starts_native(point.physics) else cooled)[float(point.physics["dynamics"]["temperature"])] = point
    temperatures = np.array(sorted(set(heated) & set(cooled)))
    hot, cold = [heated[t] for t in temperatures], [cooled[t] for t in temperatures]
    numbers = [set(map(int, point.read("trajectory/sample"))) for point in (*hot, *cold)]
    common = np.array(sorted(set.intersection(*numbers)), dtype=int)
    time = hot[0].read("trajectory/time").reshape(-1)
    unit = str(hot[0].attributes.get("time_unit", "time"))
    energy = {name: _series(side, common, "energy_density") for name, side in (("heated", hot), ("cooled", cold))}
    overlap = _series(hot, common, "signal_overlap")
    sound = np.isfinite(energy["heated"]).all(axis=(1, 2)) & np.isfinite(energy["cooled"]).all(axis=(1, 2))
    energy = {name: values[sound] for name, values in energy.items()}
    overlap = overlap[sound]
    content.describe(group, label=what, samples=int(sound.sum()), time=float(time[-1]), n=hot[0].n_dof)
    content.add(f"{group}/temperature", temperatures, ("temperature",), "energy")
    content.add(f"{group}/time", time, ("time",), unit)
    for name, values in (*energy.items(), ("overlap", overlap)):
        mean, error = mean_and_error(values)
        content.add(f"{group}/{name}", mean, ("temperature", "time"))
        content.add(f"{group}/{name}_error", error, ("temperature", "time"))
    if sound.sum() < FEWEST_UNITS:
        content.findings.append(f"{what}: {int(sound.sum())} samples are finite at all temperatures: too few to judge")
        return
    quarter = int(np.argmin(np.abs(time - 0.25 * time[-1])))
    early, late = (crossing_of_means(np.log(temperatures), overlap[:, :, k], 0.5) for k in (quarter, -1))
    shift = shift_of_crossing(np.log(temperatures), overlap[:, :, quarter], overlap[:, :, -1], 0.5)
    memory = hysteresis(temperatures, energy["heated"][:, :, -1], energy["cooled"][:, :, -1])
    content.add(f"{group}/gap", memory.gap, ("temperature",), "energy")
    content.add(f"{group}/gap_error", memory.error, ("temperature",), "energy")
    times = np.array([crossing(time, overlap[:, k].mean(axis=0), 0.5) for k in range(len(temperatures))])
    content.add(f"{group}/escape_time", times, ("temperature",), unit)
    told = [_folding(temperatures, overlap, time, early, late, shift)]
    if late is not None:
        content.describe(group, folding_temperature=float(np.exp(late.value)),
                         folding_temperature_error=float(np.exp(late.value) * late.error))  # fmt: skip
    within = np.isfinite(times)
    if within.any():
        told.append("it takes " + ", ".join(
            f"t = {t:.2g} at T = {at:g}" for t, at in zip(times[within], temperatures[within], strict=True)
        ) + " to fall to 1/2")  # fmt: skip
    told.append(_freezing(temperatures, memory, time[-1]))
    if np.isfinite(memory.below):
        content.describe(group, freezing_below=memory.below, freezing_above=memory.above)
    if late is not None and np.isfinite(memory.below) and np.isfinite(memory.above):
        low, high = np.exp(late.value) / memory.above, np.exp(late.value) / memory.below
        told.append(f"T_f/T_g lies between {low:.2g} and {high:.2g} at this time")
    content.findings.append(f"{what} melting: {'; '.join(told)}")


def _series(points: Sequence[PointResults], common: np.ndarray, name: str) -> np.ndarray:
    """(sample, temperature, time) of the samples that all points have."""
    blocks = []
    for point in points:
        rows = {int(number): k for k, number in enumerate(point.read("trajectory/sample"))}
        values = point.read(f"trajectory/{name}")
        blocks.append(np.nanmean(values[[rows[int(number)] for number in common]], axis=1))
    return np.stack(blocks, axis=1)


def _folding(temperatures, overlap, time, early, late, shift) -> str:
    if late is None:
        end = overlap[:, :, -1].mean(axis=0)
        side = "above" if (end > 0.5).all() else "below" if (end < 0.5).all() else "not within reach of one crossing of"
        return (
            f"⟨q⟩ from the native state is {end.max():.2f} to {end.min():.2f} at t = {time[-1]:g}: T_f lies {side} the "
            f"temperatures {temperatures[0]:g} to {temperatures[-1]:g}"
        )
    value, error = np.exp(late.value), np.exp(late.value) * late.error
    text = f"⟨q⟩ = 1/2 at T_f = {value:.3g} ± {error:.1g} after t = {time[-1]:g}"
    if early is None or shift is None:
        return f"{text}, not seen at a quarter of the time: no equilibrium value"
    before, its = np.exp(early.value), np.exp(early.value) * early.error
    if abs(z_score(shift.value, 0.0, shift.error)) < DECISIVE:
        return f"{text}, {before:.3g} ± {its:.1g} at a quarter of it: no drift is seen"
    return f"{text}, {before:.3g} ± {its:.1g} at a quarter of it: it drifts with the time, NOT an equilibrium value"


def _freezing(temperatures, memory, last) -> str:
    if not np.isfinite(memory.below):
        return (
            f"no hysteresis of the energy at T = {temperatures[0]:g} and above (z = {memory.z[0]:.1f} there): not "
            f"frozen on the time {last:g}"
        )
    gap = f"e(random) − e(native) = {memory.gap[0]:.3g} ± {memory.error[0]:.1g} at T = {temperatures[0]:g}"
    if not np.isfinite(memory.above):
        return f"{gap}; hysteresis at all temperatures up to {memory.below:g}: T_g lies above, on the time {last:g}"
    return (
        f"{gap}; hysteresis up to T = {memory.below:g}, none at {memory.above:g}: T_g between them on the time {last:g}"
    )
