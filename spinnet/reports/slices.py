r"""What random filter-normalised slices show of the ends of runs (Li et al. 2018), beside nulls and a glass.

A step :math:`a` changes every filter by the share :math:`a` of its length. Energies of different landscapes are not
compared, but shapes are: where the rise has half of its value at the reach (a paraboloid: :math:`1/\sqrt 2` of the
reach), how much it falls again on its way outwards, and how far below the end the line leads. On the sphere
:math:`\sigma + a d` has the overlap :math:`q = (1 + a^2)^{-1/2}` with :math:`\sigma`, and the mean energy there of the
Gaussian field, conditioned on :math:`\sigma`, is :math:`e(0) q^p` for pure p.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spinnet.estimators.resampling import mean_and_error
from spinnet.reports.base import Content, Report
from spinnet.reports.results import PointResults, StudyResults
from spinnet.reports.verdicts import DECISIVE, z_score

#: Parameters that name arms, and what these are in words.
SIDES = (
    ("arm", "trained networks"), ("shuffled", "networks on shuffled labels"), ("untrained", "untrained networks"),
    ("glass", "glasses"),
)  # fmt: skip
_PARABOLA = 0.5**0.5
#: Of the rise: below, a point is no lower than the end, and a way no falling one.
_ROUNDING = 1e-9


class SlicesReport(Report):
    """Rise, half width, roughness and lower points on random slices through the ends of runs.

    Parameters
    ----------
    arm
        Trained networks, measured with the probe ``random_slice``.
    shuffled, untrained, glass
        Arms beside it, or empty.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = tuple(name for name, _ in SIDES)
    probes: ClassVar[tuple[str, ...]] = ("random_slice",)

    def __init__(self, arm: str = "", shuffled: str = "", untrained: str = "", glass: str = ""):
        self.names = {"arm": arm, "shuffled": shuffled, "untrained": untrained, "glass": glass}

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`SlicesReport`. Cost: none to speak of."""
        content = Content()
        for side, what in SIDES:
            name = self.chosen_arm(self.names, side, results.arms)
            rows = [_point(content, side, point) for point in results.points(name)] if name else []
            content.rows += [{"side": what, **row} for row in rows]
            content.findings += [_told(what, rows)] if rows else []
        content.findings += _against(content.rows)
        content.findings.append(
            "a random direction sees the mean curvature of all modes, not the few sharp ones: slices tell shapes, and "
            "sharpness is read from the Hessian"
        )
        return content


def _point(content: Content, side: str, point: PointResults) -> dict[str, Any]:
    a, line = point.read("slice/a"), point.independent("slice/line")
    line = line[np.isfinite(line).all(axis=1)]
    row: dict[str, Any] = {"point": point.label, "units": len(line)}
    if not len(line):
        return row
    end, rise = _rises(a, line)
    depth = np.maximum(end - line.min(axis=1), 0.0) / np.abs(rise[:, -1])
    measured = {"end": end, "rise": rise[:, -1], "half_width": _half_widths(a, rise), "falls": _falls(rise),
                "depth": depth}  # fmt: skip
    for name, values in measured.items():
        value, error = mean_and_error(values[:, None])
        row |= {name: float(value[0]), f"{name}_error": float(error[0])}
    row["lower"] = float((depth > _ROUNDING).mean())
    group = f"{side}/{point.label}"
    content.describe(group, label=point.label, n_dof=point.n_dof, units=len(line))
    content.add(f"{group}/a", a, ("a",), "1", "step along the direction, in lengths of each filter")
    scaled = (line - end[:, None]) / row["rise"]
    content.add(f"{group}/scaled", scaled.mean(axis=0), ("a",), "1", "rise over the mean rise at the reach")
    content.add(f"{group}/spread", scaled.std(axis=0), ("a",), "1", "standard deviation over units")
    degree = _pure_degree(point)
    if degree:
        law = (1.0 + a**2) ** (-0.5 * degree)
        content.add(f"{group}/law", (1.0 - law) / (1.0 - law[-1]), ("a",), "1", "rise of e(0) q^p over that at the end")
        row["half_width_law"] = float(_half_widths(a, (1.0 - law[len(a) // 2 :])[None])[0])
    if point.has("slice/plane"):
        planes = point.read("slice/plane")
        planes = planes.reshape(-1, *planes.shape[2:])
        shown = planes[np.isfinite(planes).all(axis=(1, 2))][:1]
        if len(shown):
            content.add(f"{group}/side", point.read("slice/side"), ("side",), "1", "step along either direction")
            centre = len(shown[0]) // 2
            raised = (shown[0] - shown[0][centre, centre]) / row["rise"]
            content.add(f"{group}/plane", raised, ("side", "other"), "1", "of the first run: rise over the mean rise")
    return row


def _rises(a: NDArray, line: NDArray) -> tuple[NDArray, NDArray]:
    """Energy at the end of each run, and its mean rise over both sides from there outwards."""
    middle = len(a) // 2
    end = line[:, middle] if len(a) % 2 else line[:, middle - 1 : middle + 1].mean(axis=1)
    outwards = 0.5 * (line[:, -(len(a) // 2) - 1 :] + line[:, : len(a) // 2 + 1][:, ::-1])
    return end, outwards - end[:, None]


def _half_widths(a: NDArray, rise: NDArray) -> NDArray:
    """|a|/reach at which the rise first has half of its last value; NaN where it does not rise."""
    steps = a[-rise.shape[1] :] / a[-1]
    found = np.full(len(rise), np.nan)
    for k, row in enumerate(rise):
        if row[-1] > 0.0:
            after = int(np.argmax(row >= 0.5 * row[-1]))
            low, high = row[after - 1], row[after]
            share = (0.5 * row[-1] - low) / (high - low) if after else 0.0
            found[k] = steps[after - 1] + share * (steps[after] - steps[after - 1]) if after else steps[0]
    return found


def _falls(rise: NDArray) -> NDArray:
    """Sum of all falls on the way outwards over the last rise: 0 of a valley that only rises."""
    falls = np.maximum(-np.diff(rise, axis=1), 0.0).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(rise[:, -1] > 0.0, falls / rise[:, -1], np.nan)


def _pure_degree(point: PointResults) -> int:
    """p of a spherical glass with one degree and nothing planted; else 0."""
    landscape = point.physics["landscape"]
    degrees = [int(p) for p, share in (landscape.get("covariance") or {}).items() if share]
    bare = not landscape.get("planted") and not landscape.get("field")
    return degrees[0] if landscape["kind"] == "SphericalGlass" and len(degrees) == 1 and bare else 0


def _told(what: str, rows: list[dict[str, Any]]) -> str:
    """One sentence for a side."""
    measured = [row for row in rows if row["units"]]
    if not measured:
        return f"{what}: every run diverged"
    rising = sum(row["falls"] < _ROUNDING for row in measured)
    parts = [
        f"{row['point']} {row['half_width']:.3f} ± {row['half_width_error']:.3f}{_beside_law(row)}" for row in measured
    ]
    deepest = max(measured, key=lambda row: row["depth"])
    share = 100 * max(row["lower"] for row in measured)
    below = f"no line leads below the end at any of {len(measured)} points" if not share else (
        f"lines lead below the end in up to {share:.0f} % of units, on average by at most {deepest['depth']:.2g} ± "
        f"{deepest['depth_error']:.1g} of the rise"
    )  # fmt: skip
    return (
        f"{what}: along random lines, both sides averaged, the energy rises all the way from the end at {rising} of "
        f"{len(measured)} points and has half of its rise at, in units of the reach (a paraboloid: {_PARABOLA:.3f}), "
        f"{', '.join(parts)}; {below}"
    )


def _beside_law(row: dict[str, Any]) -> str:
    if "half_width_law" not in row:
        return ""
    z = z_score(row["half_width"], row["half_width_law"], row["half_width_error"])
    verb = "not tested" if not np.isfinite(z) else f"{'agrees' if abs(z) < DECISIVE else 'DIFFERS'}, z = {z:.1f}"
    return f" (e(0) q^p has {row['half_width_law']:.3f}: {verb})"


def _against(rows: list) -> list[str]:
    """Shapes of trained networks beside each null, point by point where both have it, else over all points."""
    found = []
    trained = [row for row in rows if row["side"] == SIDES[0][1] and row["units"]]
    for _, what in SIDES[1:]:
        others = {row["point"]: row for row in rows if row["side"] == what and row["units"]}
        pairs = [(row, others[row["point"]]) for row in trained if row["point"] in others]
        if not pairs and others:  # sizes of a glass have other names
            pairs = [(row, other) for row in trained[-1:] for other in list(others.values())[-1:]]
        scores = [
            (one["half_width"] - other["half_width"]) / np.hypot(one["half_width_error"], other["half_width_error"])
            for one, other in pairs
        ]
        scores = [score for score in scores if np.isfinite(score)]
        if scores:
            wide, narrow = (sum(sign * score >= DECISIVE for score in scores) for sign in (1, -1))
            found.append(
                f"half widths of trained networks beside those of {what}: larger at {wide} and smaller at {narrow} of "
                f"{len(scores)} points by {DECISIVE:g} errors (largest |z| {max(map(abs, scores)):.1f})"
            )
    return found
