"""Controls of an ageing study: equilibrium, where FDT is exact at every size, and other fields and steps."""

from __future__ import annotations

import numpy as np

from spinnet.estimators.resampling import mean_and_error
from spinnet.reports.ageing_curves import Aged, InfiniteCurves, limit_at, nearest
from spinnet.reports.base import Content
from spinnet.reports.glass_theory import temperature_of
from spinnet.reports.verdicts import furthest, judged, normal_z


def control_findings(content: Content, group: str, sizes: list[Aged], known: InfiniteCurves) -> list[str]:
    """FDT and stationarity at each size, and C for N → ∞, in equilibrium."""
    temperature = temperature_of(sizes[0].point.physics)
    start = f"equilibrium at T = {temperature:g}: "
    content.describe(group, temperature=temperature)
    if min(one.samples for one in sizes) < 2:
        return [f"{start}one sample has no error: FDT is not tested"]
    largest, worst, shift, moved = [], [], [], []
    for one in sizes:
        (wait, delay), z = furthest(normal_z(one.mean[2], one.error[2], one.samples))
        worst.append(z)
        largest.append((one.n, one.waits[wait], one.delays[delay], one.mean[2, wait, delay], one.error[2, wait, delay]))
        if len(one.waits) > 1:
            mean, error = mean_and_error(one.correlation[:, -1] - one.correlation[:, 0])
            (at,), z = furthest(normal_z(mean, np.where(one.delays > 0, error, np.nan), one.samples))
            shift.append(z)
            moved.append((one.n, one.delays[at], mean[at]))
    content.add(f"{group}/fdt_z", worst, ("size",), "1", "furthest T chi - (1 - C) from zero, as a normal deviate")
    (k,), z = furthest(worst)
    n, age, delay, value, error = largest[k]
    where = f"N = {n}, t_w = {age:.3g}, t = {delay:.3g}: Tχ − (1 − C) = {value:.4f} ± {error:.4f} (z = {z:.2f})"
    found = [start + judged(
        z, f"FDT holds at every size, age and delay; furthest from it at {where}",
        f"FDT FAILS, where it is exact but for the field and the step: {where}", "no error is known: FDT is not tested",
    )]  # fmt: skip
    if shift:
        (k,), z = furthest(shift)
        n, delay, value = moved[k]
        verb = judged(z, "does not depend", "DEPENDS", "is not tested for a dependence")
        found.append(
            f"{start}C {verb} on the waiting time: the largest difference between the first and the last is "
            f"{value:.4f} at N = {n}, t = {delay:.3g} (z = {z:.2f})"
        )
    return found + _control_limits(content, group, start, sizes, known)


def _control_limits(content, group, start, sizes: list[Aged], known: InfiniteCurves) -> list[str]:
    first = sizes[0]
    limits = []
    for wait in range(len(first.waits)):
        reached = np.flatnonzero(np.isfinite(first.mean[0, wait]) & (first.delays > 0))
        ends = first.delays[reached[-1]]
        for delay in sorted({nearest(first.delays, t) for t in (1.0, 10.0, ends) if t <= ends}):
            limits += [limit_at(k, wait, delay, sizes, known) for k in (0, 1)]
    tested = [one for one in limits if one.z is not None]
    content.add(f"{group}/limit_z", [one.z for one in tested], ("tested",))
    if not tested:
        return [f"{start}{len(sizes)} sizes: C and χ are not extrapolated"]
    _, worst = furthest([one.z for one in tested])
    verb = judged(worst, "meet", "MISS", "are not tested against")
    return [
        f"{start}C and χ extrapolated over {len(sizes)} sizes {verb} the N → ∞ theory at {len(tested)} values, "
        f"largest |z| = {abs(worst):.2f}"
    ]


def repeated_findings(content: Content, arm: str, first: list[Aged], others: list[Aged]) -> list[str]:
    """How C and χ change with another field and step: paired over the disorder samples that both arms have."""
    found = []
    for other in others:
        twins = [one for one in first if one.n == other.n and np.array_equal(one.waits, other.waits)
                 and temperature_of(one.point.physics) == temperature_of(other.point.physics)]  # fmt: skip
        if not twins:
            found.append(f"arm {arm}: there is no point of N = {other.n} with these waiting times to compare with")
            continue
        found.append(_changes(content, arm, twins[0], other))
    return found


def _changes(content: Content, arm: str, one: Aged, other: Aged) -> str:
    pairs = [(nearest(one.delays, delay), k) for k, delay in enumerate(other.delays) if delay > 0]
    pairs = [(i, k) for i, k in pairs if abs(one.delays[i] / other.delays[k] - 1) < 0.01]
    mine, theirs = (np.array(column, dtype=int) for column in zip(*pairs, strict=True))
    ours, others = one.point.rows_in_common(other.point, "dynamics")
    samples = len(ours)
    parts, group = [], f"repeated/{arm}/n={other.n}"
    content.add(f"{group}/delay", other.delays[theirs], ("delay",), "1/rate")
    scores = []
    for name, told in (("correlation", "C"), ("response", "χ")):
        mean, error = mean_and_error(
            getattr(other, name)[others][:, :, theirs] - getattr(one, name)[ours][:, :, mine]
        )
        content.add(f"{group}/{name}_change", mean, ("waiting_time", "delay"))
        content.add(f"{group}/{name}_change_error", error, ("waiting_time", "delay"))
        (wait, delay), z = furthest(normal_z(mean, error, samples))
        scores.append(z)
        change, wrong = mean[wait, delay], error[wait, delay]
        parts.append(f"{told} changes by {change:+.4f} ± {wrong:.4f} (z = {z:.2f})")
    different = [f"{name} {getattr(other, name):g} instead of {getattr(one, name):g}" for name in ("field", "step")
                 if getattr(other, name) != getattr(one, name)]  # fmt: skip
    verdict = judged(furthest(scores)[1], "no bias of field or step shows", "a bias of field or step SHOWS",
                     "no error is known, a bias of field or step is not tested")  # fmt: skip
    return (
        f"with {' and '.join(different) or 'other noise'} at N = {other.n} {verdict}: where the change is largest in "
        f"its errors, {' and '.join(parts)}"
    )
