r"""Where a network ceases to satisfy its patterns: unsatisfied constraints against patterns over parameters.

With the quadratic hinge a pattern is satisfied when its margin exceeds one. Runs end at zero loss, or at a minimum of
positive loss with N_Δ unsatisfied patterns; at the transition N_Δ/W jumps from zero to a number of order one, so that
just there runs of both kinds stand side by side: two peaks and nothing in between. Runs that came to neither end are
counted, shown apart and never averaged in.

Reference: Geiger et al., Phys. Rev. E 100, 012115 (2019).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from spinnet.estimators.threshold import binomial_interval, gap_probability, threshold_with_error
from spinnet.reports.base import Content, Report
from spinnet.reports.results import PointResults, StudyResults
from spinnet.reports.verdicts import DECISIVE

_UNFINISHED, _SOLVED, _MINIMUM = 0, 1, 2
_UNLIKELY = 0.01  # probability of one peak below which two are told


class JammingReport(Report):
    """Shares of solved and unsolved runs, N_Δ/W of the unsolved, and the place of the transition, for each size.

    Points of one size and number of patterns that differ in the seed of their patterns are independent draws: errors of
    the transition are over these.

    Parameters
    ----------
    arm
        Fits of the quadratic hinge (dynamics LevenbergMarquardt) over numbers of patterns.
    larger, largest
        The same for larger networks; may be left out.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ("arm", "larger", "largest")
    probes: ClassVar[tuple[str, ...]] = ("final",)
    landscapes: ClassVar[tuple[str, ...]] = ("DenseNetwork", "StructuredNetwork")
    dynamics: ClassVar[tuple[str, ...]] = ("LevenbergMarquardt",)

    def __init__(self, arm: str = "", larger: str = "", largest: str = ""):
        self.arm, self.larger, self.largest = arm, larger, largest

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`JammingReport`."""
        content = Content()
        settings = {name: getattr(self, name) for name in self.arm_parameters}
        sizes: dict[int, dict[int, list[PointResults]]] = {}
        for role in self.arm_parameters:
            arm = self.chosen_arm(settings, role, results.arms)
            for point in results.points(arm) if arm else ():
                sizes.setdefault(point.n_dof, {}).setdefault(point.n_units, []).append(point)
        transitions = []
        for size, places in sorted(sizes.items()):
            rows = [_row(points) for _, points in sorted(places.items())]
            transition = threshold_with_error([row["ratio"] for row in rows], [row["_draws"] for row in rows])
            transitions.append((size, *transition))
            _keep(content, f"sizes/{size}", size, rows, transition)
            content.rows += [{k: v for k, v in row.items() if not k.startswith("_")} for row in rows]
            content.findings += [_bracket(size, rows), *_place(size, rows, transition), *_peaks(size, rows)]
        known = [transition for transition in transitions if np.isfinite(transition[1])]
        pairs = [*pairwise(known), *([(known[0], known[-1])] if len(known) > 2 else [])]
        content.findings += [_trend(*pair) for pair in pairs]
        return content


def _row(points: Sequence[PointResults]) -> dict[str, Any]:
    """Everything about one number of patterns; one point is one draw of the patterns."""
    statuses = [point.read("dynamics/fit_status").ravel() for point in points]
    status = np.concatenate(statuses)
    share = np.concatenate([point.read("dynamics/unsatisfied").ravel() for point in points]) / points[0].n_dof
    energy = np.concatenate([point.read("endpoint/energy_density").ravel() for point in points])
    jammed = share[status == _MINIMUM]
    shares = np.split(share, np.cumsum([len(one) for one in statuses])[:-1])
    by_draw = list(zip(shares, statuses, strict=True))
    draws = [(int((s == _SOLVED).sum()), int(np.isin(s, (_SOLVED, _MINIMUM)).sum())) for s in statuses]
    solved, ended = sum(draw[0] for draw in draws), sum(draw[1] for draw in draws)
    low, high = binomial_interval(solved, ended)
    return {
        "parameters": points[0].n_dof, "ratio": points[0].n_units / points[0].n_dof, "draws": len(points),
        "runs": len(status), "solved": solved, "jammed": len(jammed), "unfinished": len(status) - ended,
        "share_low": low, "share_high": high,
        "least_jammed": float(jammed.min()) if len(jammed) else None,
        "mean_jammed": float(jammed.mean()) if len(jammed) else None,
        "energy_jammed": float(energy[status == _MINIMUM].mean()) if len(jammed) else None,
        "_status": status, "_share": np.where(status == _SOLVED, 0.0, share), "_energy": energy, "_draws": draws,
        "_one_minimum": [s[t == _MINIMUM][0] for s, t in by_draw if (t == _MINIMUM).any()],
        "_least_unsolved": [s[t != _SOLVED].min() for s, t in by_draw if (t != _SOLVED).any()],
    }  # fmt: skip


def _keep(
    content: Content, group: str, size: int, rows: list[dict[str, Any]], transition: tuple[float, float]
) -> None:
    content.describe(group, parameters=size, transition=transition[0], transition_error=transition[1])
    content.add(f"{group}/ratio", np.concatenate([np.full(row["runs"], row["ratio"]) for row in rows]), ("run",))
    content.add(f"{group}/share", np.concatenate([row["_share"] for row in rows]), ("run",))
    content.add(f"{group}/status", np.concatenate([row["_status"] for row in rows]).astype(float), ("run",))
    content.add(f"{group}/both", np.concatenate([np.full(row["runs"], float(_mixed(row))) for row in rows]), ("run",))
    content.add(f"{group}/places", [row["ratio"] for row in rows], ("place",))
    ended = [row["solved"] + row["jammed"] for row in rows]
    shares = [row["solved"] / n if n else np.nan for row, n in zip(rows, ended, strict=True)]
    content.add(f"{group}/solved", shares, ("place",))
    for name in ("share_low", "share_high"):
        content.add(f"{group}/{name}", [row[name] for row in rows], ("place",))


def _mixed(row: dict[str, Any]) -> bool:
    """Whether runs of both kinds ended here."""
    return bool(row["solved"] and row["jammed"])


def _bracket(size: int, rows: list[dict[str, Any]]) -> str:
    unfinished, runs = sum(row["unfinished"] for row in rows), sum(row["runs"] for row in rows)
    all_solved = [row["ratio"] for row in rows if row["solved"] == row["runs"]]
    none_solved = [row["ratio"] for row in rows if not row["solved"]]
    if all_solved and none_solved:
        return (
            f"{size} parameters: all runs are solved up to P/W = {max(all_solved):.3g}, none from "
            f"{min(none_solved):.3g} on; {unfinished} of {runs} runs are unfinished and not counted as either end"
        )
    return (
        f"{size} parameters: the transition is not bracketed by P/W = {rows[0]['ratio']:.3g} to "
        f"{rows[-1]['ratio']:.3g} ({unfinished} of {runs} runs unfinished)"
    )


def _place(size: int, rows: list[dict[str, Any]], transition: tuple[float, float]) -> list[str]:
    value, error = transition
    if not np.isfinite(value):
        return []
    draws = sum(row["draws"] for row in rows)
    said = (
        f"{size} parameters: the share of solved runs falls at P/W = {value:.2f} ± {error:.2f} on the mean (over "
        f"{draws} sets of patterns, and the spacing of the places)"
    )
    if any(row["unfinished"] for row in rows):
        bounds = []
        for as_solved in (True, False):
            counted = [[(row["solved"] + as_solved * row["unfinished"], row["runs"])] for row in rows]
            bounds.append(threshold_with_error([row["ratio"] for row in rows], counted)[0])
        said += f"; {bounds[0]:.2f} with the unfinished counted as solved, {bounds[1]:.2f} as unsolved"
    return [said]


def _peaks(size: int, rows: list[dict[str, Any]]) -> list[str]:
    """What all minima of positive loss have in common, and whether two peaks stand side by side."""
    pooled = _pool(rows)
    if not len(pooled["jammed"]):
        return [f"{size} parameters: no run ended in a minimum of positive loss; the jump is not measured"]
    shares = pooled["jammed"]
    said = [
        f"{size} parameters: minima of positive loss have N_Δ/W = {shares.min():.3f} to {shares.max():.3f} "
        f"({len(shares)} runs), and a loss of {pooled['energy'].min():.1e} a pattern or more"
    ]
    both = [row for row in rows if _mixed(row)]
    if not both:
        return [*said, f"{size} parameters: at no P/W do converged runs of both kinds stand side by side"]
    here = _pool(both)
    where = ", ".join(f"{row['ratio']:.3g}" for row in both)
    jammed, unfinished = here["jammed"], here["unfinished"]
    probability = gap_probability(here["one_minimum"])
    ends = here["solved"] + len(jammed)
    middle = 0.5 * float(jammed.mean())
    between = int((jammed < middle).sum())
    verdict = (
        f"two peaks, for one that falls from zero leaves such a gap with probability {probability:.1g} or less"
        if probability < _UNLIKELY
        else f"two peaks are NOT decided, one that falls from zero may leave such a gap (probability {probability:.2g})"
    )
    text = (
        f"{size} parameters: side by side at P/W = {where} stand {here['solved']} solved runs with N_Δ = 0 and "
        f"{len(jammed)} minima with N_Δ/W = {jammed.min():.3f} to {jammed.max():.3f}; {between} of {ends} runs lie "
        f"between 0 and {middle:.2f}, half the mean of the minima (at 95 %, fewer than "
        f"{binomial_interval(between, ends, 0.9)[1]:.0%} do): {verdict} (from one minimum of each of "
        f"{len(here['one_minimum'])} sets of patterns)"
    )
    if len(unfinished):
        worst = gap_probability(here["least_unsolved"])
        text += (
            f"; {len(unfinished)} unfinished runs there stopped at N_Δ/W = {unfinished.min():.3f} to "
            f"{unfinished.max():.3f} (with these as minima the probability is {worst:.1g})"
        )
    return [*said, text]


def _pool(rows: list[dict[str, Any]]) -> dict[str, Any]:
    status, share = (np.concatenate([row[name] for row in rows]) for name in ("_status", "_share"))
    energy = np.concatenate([row["_energy"] for row in rows])
    return {
        "jammed": share[status == _MINIMUM], "energy": energy[status == _MINIMUM],
        "unfinished": share[~np.isin(status, (_SOLVED, _MINIMUM))], "solved": int((status == _SOLVED).sum()),
        **{name: np.concatenate([row[f"_{name}"] for row in rows]) for name in ("one_minimum", "least_unsolved")},
    }  # fmt: skip


def _trend(one: tuple[int, float, float], other: tuple[int, float, float]) -> str:
    change, error = other[1] - one[1], float(np.hypot(one[2], other[2]))
    z = change / error
    way = "shows no certain change" if abs(z) < DECISIVE else "rises" if z > 0 else "falls"
    by = f"{change:+.2f} ± {error:.2f}, z = {z:.1f}"
    return f"from {one[0]} to {other[0]} parameters the place P/W of the transition {way} ({by})"
