"""Training that learns and then loses what it learnt: train and test accuracy that fall together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spinnet.estimators.resampling import FEWEST_UNITS, mean_and_error
from spinnet.reports.base import Content
from spinnet.reports.results import PointResults

#: Learnt: this accuracy was reached. Lost: it later fell by at least this much, in train and test.
LEARNT, LOST = 0.9, 0.05


def add_collapse(content: Content, points: Sequence[PointResults]) -> None:
    """One group and one sentence for each point: how many runs learnt, and how many lost it again by the end."""
    for number, point in enumerate(points):
        group = f"collapse/{number}"
        time = point.read("trajectory/time").reshape(-1)
        train, test = (point.independent(f"trajectory/{name}_accuracy") for name in ("train", "test"))
        whole = np.isfinite(train).all(axis=1)
        lost_runs = int((~whole).sum())
        train, test = train[whole], test[whole]
        label = point.label
        for name, values in (("train", train), ("test", test)):
            mean, error = mean_and_error(values) if len(values) else (np.full(len(time), np.nan),) * 2
            content.add(f"{group}/{name}", mean, ("time",))
            content.add(f"{group}/{name}_error", error, ("time",))
        content.add(f"{group}/time", time, ("time",), "steps")
        content.describe(group, label=label, runs=len(whole))
        if not len(train):
            content.findings.append(f"{label}: all {lost_runs} runs overflowed")
            continue
        best = np.array([values.max(axis=1) for values in (train, test)])
        fall = best - np.array([train[:, -1], test[:, -1]])
        learnt = best[0] >= LEARNT
        collapsed = learnt & (fall >= LOST).all(axis=0)
        gap = train[:, -1] - test[:, -1]
        ends = [mean_and_error(values[:, -1]) for values in (train, test)]
        falls = [mean_and_error(values) for values in fall]
        few = "" if len(train) >= FEWEST_UNITS else f" (only {len(train)} runs: an example, no statistics)"
        content.findings.append(
            f"{label}: {int(learnt.sum())} of {len(whole)} runs reached {LEARNT:g} train accuracy, "
            f"{int(collapsed.sum())} of them lost {LOST:g} or more in train and test by step {time[-1]:g}, {lost_runs} "
            f"overflowed; final train/test accuracy {_with(ends[0])}/{_with(ends[1])}, below the best by "
            f"{_with(falls[0])}/{_with(falls[1])}; train less test {gap.mean():.3f}{few}"
        )


def _with(value: tuple) -> str:
    mean, error = float(value[0]), float(value[1])
    return f"{mean:.3f} ± {error:.3f}" if np.isfinite(error) else f"{mean:.3f}"
