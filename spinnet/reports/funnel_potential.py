"""Free energy of what is held at an overlap with its native state, and what entropy and energy give to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinnet.errors import NotConvergedError
from spinnet.estimators.equilibrium import block_drift, second_part_counts
from spinnet.estimators.resampling import FEWEST_UNITS, mean_and_error
from spinnet.estimators.umbrella import log_density
from spinnet.reports.base import Content
from spinnet.reports.results import PointResults
from spinnet.reports.verdicts import DECISIVE
from spinnet.theory.spheres import overlap_entropy

_NATIVE = 0.5  # overlaps above it are counted as native
_REACHED = 0.8  # share of the bins that all samples must have reached


def add_potential(
    content: Content, role: str, what: str, points: Sequence[PointResults], sizes: Mapping[int, tuple[int, ...]]
) -> None:
    """F(Q, T) = −T ln p(Q) of every point, with F(0) taken off, per degree of freedom.

    ``sizes`` are the blocks of landscapes by their degrees of freedom: where they are known, F is divided into the
    exact entropy of the spheres, −T S(Q), and the rest, the part of the energy.
    """
    for number, point in enumerate(points):
        _one(content, f"{role}/{number}", what, point, sizes.get(point.n_dof))


def _one(
    content: Content, group: str, what: str, point: PointResults, sizes: tuple[int, ...] | None
) -> None:
    table: Mapping[str, Any] = point.physics["dynamics"]
    temperature, n = float(table["temperature"]), point.n_dof
    name = f"{what} held at an overlap, T = {temperature:g}"
    overlaps, windows = table["overlaps"], table["windows"]
    centres = np.linspace(*overlaps, windows) if windows else np.array(overlaps, dtype=float)
    width = float(np.diff(centres).mean()) if table["width"] is None else float(table["width"])
    edges = point.read("dynamics/reference_overlap_edge")
    steps = np.atleast_2d(point.read("dynamics/block_steps"))[0]  # the same for all samples
    counts = second_part_counts(point.read("dynamics/reference_overlap_histogram"), steps).sum(axis=2)
    logs = []
    for sample in counts:
        try:
            logs.append(log_density(sample, edges, centres, width))
        except NotConvergedError:
            continue
    q = 0.5 * (edges[1:] + edges[:-1])
    if len(logs) < FEWEST_UNITS:
        content.findings.append(
            f"{name}: the windows of {len(logs)} of {len(counts)} samples overlap: too few to judge"
        )
        return
    log_p = np.array(logs)
    within = (q >= centres[0]) & (q <= centres[-1])
    kept = np.isfinite(log_p).all(axis=0) & within
    if kept.sum() < _REACHED * within.sum():
        content.findings.append(
            f"{name}: all samples have reached {kept.sum()} of {within.sum()} bins of the overlap: too few to judge"
        )
        return
    q, log_p = q[kept], log_p[:, kept]
    free = -temperature * (log_p - log_p[:, :1]) / n
    mean, error = mean_and_error(free)
    content.describe(group, label=f"{what}, $T={temperature:g}$", temperature=temperature, n=n, samples=len(logs))
    content.add(f"{group}/overlap", q, ("overlap",))
    content.add(f"{group}/free_energy", mean, ("overlap",), "energy", "per degree of freedom, less that at Q = 0")
    content.add(f"{group}/free_energy_error", error, ("overlap",), "energy")
    told = [_shape(q, free * n / temperature, log_p, float(np.diff(edges)[0]))]
    if sizes is not None:
        entropy = overlap_entropy(q, sizes) / n
        entropy = entropy - entropy[0]
        content.add(f"{group}/entropic", -temperature * entropy, ("overlap",), "energy", "-T S(Q), exact")
        content.add(f"{group}/energetic", mean + temperature * entropy, ("overlap",), "energy", "F + T S")
        k = int(np.argmin(np.abs(q - 0.8))) if q[-1] >= 0.8 else len(q) - 1
        told.append(
            f"per degree of freedom and in units of T, from Q = 0 to {q[k]:.2f} the energy pulls home with "
            f"{-(mean[k] / temperature + entropy[k]):.3f} ± {error[k] / temperature:.3f} and the entropy of the "
            f"spheres pulls away with {-entropy[k]:.3f}"
        )
    told.append(_quality(point, steps))
    content.findings.append(f"{name}: {'; '.join(told)}")


def _shape(q: NDArray, free: NDArray, log_p: NDArray, bin_width: float) -> str:
    """Where F/T is lowest, whether the native side has a minimum of its own, and what weight it has."""
    mean, _ = mean_and_error(free)
    inner = q >= _NATIVE
    if inner.sum() < 3 or inner.all():
        return "the windows do not reach from below Q = 1/2 to above it"
    low = int(np.flatnonzero(inner)[np.argmin(mean[inner])])
    top = int(np.argmax(mean[: low + 1]))
    outer = int(np.argmin(mean[: top + 1]))
    drop, drop_error = mean_and_error(free[:, top] - free[:, low])
    rise, rise_error = mean_and_error(free[:, top] - free[:, outer])
    weight = np.exp(log_p - log_p.max(axis=1, keepdims=True)) * bin_width
    with np.errstate(divide="ignore"):
        odds = np.log(weight[:, inner].sum(axis=1)) - np.log(weight[:, ~inner].sum(axis=1))
    value, error = mean_and_error(odds)
    side = "folded" if value > DECISIVE * error else "not folded" if value < -DECISIVE * error else "at its T_f"
    if outer < top < low < len(q) - 1 and drop > DECISIVE * drop_error and rise > DECISIVE * rise_error:
        shape = (
            f"F has a minimum of its own at Q = {q[low]:.2f}, {drop:.1f} ± {drop_error:.1f} T below a barrier that is "
            f"{rise:.1f} ± {rise_error:.1f} T high from Q = {q[outer]:.2f}"
        )
    else:
        lowest = q[int(np.argmin(mean))]
        shape = f"F has one minimum, at Q = {lowest:.2f}, and none of its own behind a barrier near home"
    return f"{shape}; ln P(Q > 1/2)/P(Q < 1/2) = {value:.1f} ± {error:.1f} ({side})"


def _quality(point: PointResults, steps: NDArray) -> str:
    exchange = np.nanmean(point.read("dynamics/exchange_acceptance")[:, :-1], axis=(0, 2))
    text = f"exchanges between windows {exchange.min():.2f} to {exchange.max():.2f}"
    if len(steps) < 2 or steps[-1] < 2 * steps[-2]:
        return f"{text}, no drift tested: the last block of time is not complete"
    moments = point.read("dynamics/reference_overlap_moment")[..., 0].mean(axis=2)
    worst = float(np.nanmax(np.abs(block_drift(moments)[1])))
    verdict = "no drift" if worst < DECISIVE else "STILL DRIFTING"
    return f"{text}, {verdict} between the last blocks of time (|z| ≤ {worst:.1f})"
