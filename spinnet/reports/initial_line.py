"""Does the straight line from the start of a run to its end only fall (Goodfellow, Vinyals & Saxe 2015)?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import real_number
from spinnet.estimators.resampling import mean_and_error
from spinnet.reports.base import Content, Report
from spinnet.reports.results import PointResults, StudyResults

#: Parameters that name arms, and what these are in words.
SIDES = (("arm", "trained networks"), ("shuffled", "networks on shuffled labels"), ("glass", "glasses"))

#: In a table.
SHORT = {"arm": "network", "shuffled": "shuffled", "glass": "glass"}


class InitialLineReport(Report):
    """The rises of the energy on the way from start to end, over the drop, for networks, shuffled labels and glasses.

    Parameters
    ----------
    arm
        Trained networks, measured with the probe ``initial_line``.
    shuffled, glass
        Arms beside it, or empty.
    flat
        A run whose rises are below this share of its drop counts as one that only falls.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ("arm", "shuffled", "glass")
    probes: ClassVar[tuple[str, ...]] = ("initial_line",)

    def __init__(self, arm: str = "", shuffled: str = "", glass: str = "", flat: float = 1e-3):
        given = self.validate(arm=arm, shuffled=shuffled, glass=glass, flat=flat)
        self.names = {name: given[name] for name in self.arm_parameters}
        self.flat = given["flat"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        given["flat"] = real_number("flat", given["flat"], above=0.0)
        return given

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`InitialLineReport`. Cost: none to speak of."""
        content = Content()
        for side, what in SIDES:
            name = self.chosen_arm(self.names, side, results.arms)
            if not name:
                continue
            rises = []
            for point in results.points(name):
                row, own = self._point(content, side, point)
                content.rows.append({"side": SHORT[side], **row})
                rises.append(own)
            content.findings.append(self._finding(what, np.concatenate(rises)))
        content.findings += _comparison(content.rows) + _solutions(content.rows)
        return content

    def _point(self, content: Content, side: str, point: PointResults) -> tuple[dict[str, Any], np.ndarray]:
        energy = point.read("initial_line/energy")
        energy = energy.reshape(-1, energy.shape[-1])
        energy = energy[np.isfinite(energy).all(axis=1)]
        drop = energy[:, 0] - energy[:, -1]
        down = drop > 0
        shape = (energy[down] - energy[down, -1:]) / drop[down, None]
        rises = point.read("initial_line/upward_variation").ravel()
        rises = rises[np.isfinite(rises)]
        mean, error = mean_and_error(point.independent("initial_line/upward_variation"))
        arrived, arrived_error = mean_and_error(point.independent("initial_line/arrived_at"))
        group = f"{side}/{point.label}"
        content.describe(group, label=point.label, n_dof=point.n_dof, runs=len(rises))
        a = np.linspace(0.0, 1.0, energy.shape[1])
        content.add(f"{group}/a", a, ("point",))
        content.add(f"{group}/mean", shape.mean(axis=0), ("point",), "1", "mean of (e - e(1))/(e(0) - e(1)) over runs")
        content.add(f"{group}/spread", shape.std(axis=0), ("point",), "1", "standard deviation over runs")
        content.add(f"{group}/upward_variation", rises, ("run",))
        row = {
            "point": point.label, "runs": len(rises), "drop": float(drop.mean()), "rises": float(mean),
            "rises_error": float(error), "largest": float(rises.max(initial=0.0)),
            "only_fall": float((rises < self.flat).mean()) if len(rises) else None, "arrived": float(arrived),
            "arrived_error": float(arrived_error),
        }  # fmt: skip
        if point.has("barriers/excess"):
            barrier, barrier_error = mean_and_error(point.independent("barriers/excess"))
            row |= {"between": float(barrier), "between_error": float(barrier_error)}
        return row, rises

    def _finding(self, what: str, rises: np.ndarray) -> str:
        if not len(rises):
            return f"{what}: no run went down, nothing is told"
        falling = int((rises < self.flat).sum())
        claim = (
            "the line from the start only falls" if falling == len(rises)
            else "the line from the start only falls in most runs" if falling > len(rises) / 2
            else "the line from the start only falls in the smaller part of the runs" if falling
            else "the line from the start rises in every run"
        )  # fmt: skip
        return (
            f"{what}: {claim}: in {falling} of {len(rises)} runs the rises are below {self.flat:g} of the drop "
            f"(mean {rises.mean():.4f}, largest {rises.max():.4f})"
        )


def _comparison(rows: list) -> list[str]:
    """Whether a falling line tells a network from a glass."""
    runs: dict[str, list[float]] = {}
    for row in rows:
        if row["only_fall"] is not None:
            runs.setdefault(row["side"], []).append(row["only_fall"])
    if not {"network", "glass"} <= runs.keys():
        return []
    network, glass = (float(np.mean(runs[side])) for side in ("network", "glass"))
    verdict = (
        "a line that only falls is no mark of a network" if glass > 0.5 else "most lines of glasses rise on the way"
    )  # fmt: skip
    return [f"of the lines {100 * network:.0f} % only fall in networks and {100 * glass:.0f} % in glasses: {verdict}"]


def _solutions(rows: list) -> list[str]:
    """The barrier between two ends beside the drop: easy from the start, not from one solution to another."""
    told = [row for row in rows if "between" in row and row["side"] != "glass"]
    if not told:
        return []
    parts = [
        f"{row['side']} {row['point']}: {row['between']:.3f} ± {row['between_error']:.3f} (drop {row['drop']:.3f})"
        for row in told
    ]
    return [f"between two solutions, as they are, the straight line rises by {'; '.join(parts)}"]
