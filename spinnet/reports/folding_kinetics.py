"""Folding times against temperature: walks, some of them censored, beside exact means of the same samples.

The typical time of an ensemble is the geometric mean over samples: the mean is made by the rarest of them at low T.
Where a walk was censored, its passage time is replaced by the length of the run, and what follows is a lower bound: no
law of the times that are not known is assumed (they are no exponential ones where a few walks are trapped for long).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from spinnet.estimators.resampling import mean_and_error
from spinnet.reports.base import Content
from spinnet.reports.results import PointResults
from spinnet.reports.verdicts import DECISIVE, shown, z_score

#: The columns of the table that all parts share.
EMPTY_ROW: dict[str, Any] = dict.fromkeys((
    "part", "point", "samples", "frustration_index", "folding_temperature", "folding_error", "glass_temperature",
    "ratio", "ratio_error", "typical_time", "censored", "rms_log_density", "theory", "z",
))  # fmt: skip

def add_kinetics(content: Content, role: str, walks: list[PointResults], exact: list[PointResults]) -> list[str]:
    """Add curves under "kinetics/role"; return findings."""
    group, findings = f"kinetics/{role}", []
    known = {int(point.physics["landscape"]["n"]): point for point in exact}
    content.describe(group, n=int((walks or exact)[0].physics["landscape"]["n"]))
    for point in exact[:1]:
        temperature = point.independent("native_passage/temperatures")[0]
        times = np.log(point.independent("native_passage/mean_time"))
        mean, error = mean_and_error(times)
        content.add(f"{group}/exact_temperature", temperature, ("temperature",), "energy")
        content.add(f"{group}/exact_log_time", mean, ("temperature",), "1", "mean of ln(mean time in sweeps)")
        content.add(f"{group}/exact_log_time_error", error, ("temperature",))
        findings.append(_shape(role, point, temperature, times))
    if walks:
        rows = [_walks(point, known.get(int(point.physics["landscape"]["n"]))) for point in walks]
        rows.sort(key=lambda row: row["temperature"])
        for name in ("temperature", "log_time", "log_time_error", "censored"):
            content.add(f"{group}/walk_{name}", [row[name] for row in rows], ("walk",))
        content.add(f"{group}/walk_bound", [row["bound"] for row in rows], ("walk",), "1", "1: a lower bound")
        findings.append(_against(role, rows))
        content.rows += [
            {**EMPTY_ROW, "part": f"{role}_kinetics", "point": row["label"], "samples": row["samples"],
             "typical_time": float(np.exp(row["log_time"])), "censored": row["censored"], "z": shown(row["z"])}
            for row in rows
        ]  # fmt: skip
    return findings


def _walks(point: PointResults, exact: PointResults | None) -> dict[str, Any]:
    """The typical time of one temperature; compared with exact means where nothing is censored."""
    passage, observed = point.read("dynamics/passage_time"), point.read("dynamics/observed_time")
    temperature = float(point.physics["dynamics"]["temperature"])
    censored = float(np.isnan(passage).mean())
    means = np.maximum(observed.mean(axis=1), 1e-300)
    logs = np.log(means)
    if censored == 0.0 and passage.shape[1] > 1:
        # E ln of a mean of m times is ln of the expectation less the relative variance of the times over 2m
        logs += passage.var(axis=1, ddof=1) / means**2 / (2.0 * passage.shape[1])
    mean, error = mean_and_error(logs[:, None])
    row = {
        "label": point.label, "samples": len(means), "temperature": temperature, "log_time": float(mean[0]),
        "log_time_error": float(error[0]), "censored": censored, "bound": int(censored > 0), "z": float("nan"),
    }  # fmt: skip
    if exact is not None and censored == 0.0:
        grid = exact.independent("native_passage/temperatures")[0]
        at = np.flatnonzero(np.isclose(grid, temperature))
        mine, theirs = _common(point, exact)
        if len(at) and len(mine) > 1:
            expected, deviation = (
                exact.independent(f"native_passage/{name}")[theirs, at[0]] for name in ("mean_time", "deviation")
            )
            # Relative to the exact means: samples with long times would otherwise be all there is. The error is the
            # exact one: long times are rare, and the spread of few walks tells nothing of them.
            share = means[mine] / expected - 1.0
            error = np.sqrt((deviation**2 / expected**2 / passage.shape[1]).sum()) / len(share)
            row["z"] = z_score(float(share.mean()), 0.0, float(error))
    return row


def _common(point: PointResults, exact: PointResults) -> tuple[np.ndarray, np.ndarray]:
    mine, theirs = point.sample_numbers("dynamics"), exact.sample_numbers("native_passage")
    _, a, b = np.intersect1d(mine, theirs, return_indices=True)
    return a, b


def _against(role: str, rows: list[dict[str, Any]]) -> str:
    scores = [(abs(row["z"]), row["temperature"]) for row in rows if np.isfinite(row["z"])]
    bounds = [row for row in rows if row["bound"]]
    parts = []
    if scores:
        worst = max(scores)
        verb = "meet" if worst[0] < DECISIVE else "MISS"
        parts.append(
            f"{role}: walks that all arrived {verb} the exact mean times of their samples at {len(scores)} "
            f"temperatures with |z| ≤ {worst[0]:.1f} (T = {worst[1]:g})"
        )
    else:
        parts.append(f"{role}: no walks are tested against exact times")
    if bounds:
        told = ", ".join(f"{row['temperature']:g} ({100 * row['censored']:.2g} %)" for row in bounds)
        parts.append(f"some are censored at T = {told}: times there are lower bounds and not tested")
    return "; ".join(parts)


def _shape(role: str, point: PointResults, temperature: np.ndarray, logs: np.ndarray) -> str:
    """Whether the typical time has a minimum inside the temperatures, with paired errors over samples."""
    best = int(np.argmin(logs.mean(axis=0)))
    n, count = int(point.physics["landscape"]["n"]), len(temperature)
    typical, error = mean_and_error(logs[:, [best]])
    head = (
        f"{role}, exact times of N = {n}: the typical folding time is shortest at T = {temperature[best]:g}, "
        f"{np.exp(typical[0]):.3g} sweeps (factor e^±{error[0]:.2f})"
    )
    ends, clear = [], True
    for end in (0, count - 1):
        if end == best:
            clear = False
            continue
        rise, spread = mean_and_error((logs[:, end] - logs[:, best])[:, None])
        z = z_score(float(rise[0]), 0.0, float(spread[0]))
        clear = clear and z > DECISIVE
        ends.append(f"{np.exp(rise[0]):.3g} times as long at T = {temperature[end]:g} (z = {z:.1f})")
    inside = "a U-shaped curve" if clear else "no minimum inside the temperatures measured"
    return f"{head}, {' and '.join(ends)}: {inside}"
