r"""Where a network ceases to satisfy its patterns: unsatisfied constraints against patterns over parameters.

With the quadratic hinge a pattern is satisfied when its margin exceeds one. Runs end at zero loss, or at a minimum of
positive loss with N_Δ unsatisfied patterns; at the transition N_Δ/W jumps from zero to a number of order one, so that
just there runs of both kinds stand side by side: two peaks and nothing in between. Runs that came to neither end are
counted, shown apart and never averaged in.

Reference: Geiger et al., Phys. Rev. E 100, 012115 (2019).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from spinnet.reports.base import Content, Report
from spinnet.reports.results import PointResults, StudyResults

_UNFINISHED, _SOLVED, _MINIMUM = 0, 1, 2


class JammingReport(Report):
    """Shares of solved and unsolved runs, and N_Δ/W of the unsolved, for each number of patterns.

    Parameters
    ----------
    arm
        Fits of the quadratic hinge (dynamics LevenbergMarquardt) over numbers of patterns.
    larger
        The same for a larger network; may be left out.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ("arm", "larger")
    probes: ClassVar[tuple[str, ...]] = ("final",)
    landscapes: ClassVar[tuple[str, ...]] = ("DenseNetwork", "StructuredNetwork")
    dynamics: ClassVar[tuple[str, ...]] = ("LevenbergMarquardt",)

    def __init__(self, arm: str = "", larger: str = ""):
        self.arm, self.larger = arm, larger

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`JammingReport`."""
        content = Content()
        settings = {"arm": self.arm, "larger": self.larger}
        for role in self.arm_parameters:
            arm = self.chosen_arm(settings, role, results.arms)
            if not arm:
                continue
            sizes: dict[int, list[PointResults]] = {}
            for point in results.points(arm):
                sizes.setdefault(point.n_dof, []).append(point)
            for size, points in sorted(sizes.items()):
                rows = sorted((_row(point) for point in points), key=lambda row: row["ratio"])
                _keep(content, f"sizes/{size}", size, rows)
                content.rows += [{k: v for k, v in row.items() if not k.startswith("_")} for row in rows]
                content.findings += _findings(size, rows)
        return content


def _row(point: PointResults) -> dict[str, Any]:
    status, left = point.read("dynamics/fit_status").ravel(), point.read("dynamics/unsatisfied").ravel()
    share = left / point.n_dof
    jammed, unfinished = share[status == _MINIMUM], share[(status != _MINIMUM) & (status != _SOLVED)]
    return {
        "parameters": point.n_dof, "ratio": point.n_units / point.n_dof, "runs": len(status),
        "solved": int((status == _SOLVED).sum()), "jammed": len(jammed), "unfinished": len(unfinished),
        "least_jammed": float(jammed.min()) if len(jammed) else None,
        "mean_jammed": float(jammed.mean()) if len(jammed) else None,
        "energy_jammed": float(point.read("endpoint/energy_density").ravel()[status == _MINIMUM].mean())
        if len(jammed) else None,
        "_status": status, "_share": np.where(status == _SOLVED, 0.0, share),
    }  # fmt: skip


def _keep(content: Content, group: str, size: int, rows: list[dict[str, Any]]) -> None:
    content.describe(group, parameters=size)
    content.add(f"{group}/ratio", np.concatenate([np.full(row["runs"], row["ratio"]) for row in rows]), ("run",))
    content.add(f"{group}/share", np.concatenate([row["_share"] for row in rows]), ("run",))
    content.add(f"{group}/status", np.concatenate([row["_status"] for row in rows]).astype(float), ("run",))
    content.add(f"{group}/places", [row["ratio"] for row in rows], ("place",))
    content.add(f"{group}/solved", [row["solved"] / row["runs"] for row in rows], ("place",))


def _findings(size: int, rows: list[dict[str, Any]]) -> list[str]:
    said = []
    unfinished = sum(row["unfinished"] for row in rows)
    runs = sum(row["runs"] for row in rows)
    all_solved = [row["ratio"] for row in rows if row["solved"] == row["runs"]]
    none_solved = [row["ratio"] for row in rows if not row["solved"]]
    shares = np.concatenate([row["_share"][row["_status"] == _MINIMUM] for row in rows])
    solved = sum(row["solved"] for row in rows)
    if all_solved and none_solved:
        said.append(
            f"{size} parameters: all runs are solved up to P/W = {max(all_solved):.3g}, none from "
            f"{min(none_solved):.3g} on; {unfinished} of {runs} runs are unfinished and not counted as either end"
        )
    else:
        said.append(
            f"{size} parameters: the transition is not bracketed by P/W = {rows[0]['ratio']:.3g} to "
            f"{rows[-1]['ratio']:.3g} ({unfinished} of {runs} runs unfinished)"
        )
    if len(shares):
        said.append(
            f"{size} parameters: minima of positive loss have N_Δ/W = {shares.min():.3f} to {shares.max():.3f} "
            f"({len(shares)} runs): {_jump(shares, solved)}"
        )
    else:
        said.append(f"{size} parameters: no run ended in a minimum of positive loss; the jump is not measured")
    both = [row["ratio"] for row in rows if row["solved"] and row["jammed"]]
    where = ", ".join(f"{ratio:.3g}" for ratio in both)
    said.append(
        f"{size} parameters: two peaks side by side at P/W = {where}" if both
        else f"{size} parameters: at no P/W do converged runs of both kinds stand side by side"
    )  # fmt: skip
    return said


def _jump(shares: np.ndarray, solved: int) -> str:
    """Whether the gap between solved runs, at 0, and the minima is wider than any gap among the minima."""
    if not solved or len(shares) < 2:
        return "whether they begin with a jump is not told: that takes solved runs, and two minima or more"
    widest = float(np.diff(np.sort(shares)).max())
    if shares.min() > widest:
        return f"a jump from zero, wider than any gap among them (at most {widest:.3f})"
    return f"NO clear jump from zero, gaps among them are as wide ({widest:.3f})"
