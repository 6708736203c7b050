r"""How wrong is a diagonal Hessian, and how does it grow with the number of parameters?

For each point of up to three arms (trained networks, the same networks untrained, glasses): the mass off the diagonal
beside its mean over all orthogonal bases, the interaction ratio, the largest eigenvalue over the largest diagonal
element, and the energy change of one simultaneous diagonal Newton step beside the sum of the single-coordinate changes.
Of the interaction ratio the median over units is taken: at an untrained network g'diag(H)g may be of either sign, and a
ratio whose denominator passes zero has no mean.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from spinnet.estimators.resampling import bootstrap, mean_and_error
from spinnet.reports.base import Content, Report
from spinnet.reports.results import PointResults, StudyResults
from spinnet.reports.verdicts import DECISIVE, z_score

_MEASURED = (
    "off_diagonal_mass", "rotated_mass", "interaction_ratio", "top_over_diagonal", "joint_change", "single_changes",
)  # fmt: skip
_FEWEST_FOR_A_MEDIAN = 4
_ROLES = {"arm": "trained", "untrained": "untrained", "glass": "glass"}


class HessianStructureReport(Report):
    """Structure of the Hessian against the number of degrees of freedom.

    Parameters
    ----------
    arm
        The networks that were trained; may be left out where there is only one arm.
    untrained
        The same networks at initialisation (dynamics Still); may be left out.
    glass
        Glasses, whose axes mean nothing; may be left out.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ("arm", "untrained", "glass")
    probes: ClassVar[tuple[str, ...]] = ("final", "hessian_structure")

    def __init__(self, arm: str = "", untrained: str = "", glass: str = ""):
        self.arm, self.untrained, self.glass = arm, untrained, glass

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`HessianStructureReport`."""
        content = Content()
        settings = {name: getattr(self, name) for name in self.arm_parameters}
        found: dict[str, list[dict[str, Any]]] = {}
        for role, words in _ROLES.items():
            arm = self.chosen_arm(settings, role, results.arms)
            if not arm:
                continue
            points = sorted(results.points(arm), key=lambda point: point.n_dof)
            rows = [_row(words, point) for point in points]
            found[role] = rows
            for name in ("parameters", "energy", *_MEASURED):
                content.add(f"{role}/{name}", [row[name] for row in rows], ("point",))
                if name not in ("parameters", "energy"):
                    content.add(f"{role}/{name}_error", [row[f"{name}_error"] for row in rows], ("point",))
            content.add(f"{role}/joint_up", [row["joint_up"] for row in rows], ("point",), "1",
                        "share of runs whose energy the joint step raises")  # fmt: skip
            content.describe(role, label=words)
            content.rows += [{k: v for k, v in row.items() if not k.endswith("_units")} for row in rows]
        for role, rows in found.items():
            content.findings += _findings(_ROLES[role], rows)
        if "arm" in found and "untrained" in found:
            content.findings += _beside(found["arm"], found["untrained"])
        return content


def _row(words: str, point: PointResults) -> dict[str, Any]:
    row: dict[str, Any] = {"who": words, "parameters": point.n_dof}
    row["energy"] = float(mean_and_error(point.independent("endpoint/energy_density"))[0])
    for name in _MEASURED:
        values = point.independent(f"structure/{name}")
        mean, error = _median_and_error(values) if name == "interaction_ratio" else mean_and_error(values)
        row |= {name: float(mean), f"{name}_error": float(error), f"{name}_units": values}
    joint = row["joint_change_units"]
    row["joint_up"] = float((joint[np.isfinite(joint)] > 0).mean()) if np.isfinite(joint).any() else np.nan
    row["units"] = len(joint)
    return row


def _median_and_error(values: np.ndarray) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if len(values) < _FEWEST_FOR_A_MEDIAN:
        return (float(np.median(values)) if len(values) else np.nan), np.nan
    found = bootstrap(np.median, values, rng=np.random.default_rng(0), fewest_units=_FEWEST_FOR_A_MEDIAN)
    return float(found.value), float(found.error)


def _findings(words: str, rows: list[dict[str, Any]]) -> list[str]:
    first, last = rows[0], rows[-1]
    said = []
    for name, symbol in (("off_diagonal_mass", "off-diagonal mass"), ("interaction_ratio", "median interaction ratio"),
                         ("top_over_diagonal", "largest eigenvalue over largest diagonal element")):  # fmt: skip
        z = z_score(last[name] - first[name], 0.0, float(np.hypot(last[f"{name}_error"], first[f"{name}_error"])))
        steps = np.diff([row[name] for row in rows])
        order = "at every step" if len(steps) and (steps > 0).all() else "not at every step"
        if len(rows) < 2 or not np.isfinite(z):
            verdict = "growth is not tested: two sizes with errors are needed"
        elif z > DECISIVE:
            verdict = f"GROWS with the number of parameters, {order} (z = {z:.1f})"
        else:
            verdict = f"is not shown to grow with the number of parameters (z = {z:.1f})"
        said.append(
            f"{words}: {symbol} {first[name]:.3f} ± {first[f'{name}_error']:.3f} at {first['parameters']} and "
            f"{last[name]:.3f} ± {last[f'{name}_error']:.3f} at {last['parameters']} parameters: {verdict}"
        )
    scores = []
    for row in rows:
        z = z_score(*_paired(row["off_diagonal_mass_units"], row["rotated_mass_units"]))
        if np.isfinite(z):
            scores.append((z, row["parameters"]))
    if scores:
        worst = max(scores, key=lambda score: abs(score[0]))
        verdict = "is" if abs(worst[0]) < DECISIVE else "is NOT"
        said.append(
            f"{words}: the off-diagonal mass {verdict} that of axes without meaning: largest |z| = "
            f"{abs(worst[0]):.1f} at {worst[1]} parameters "
            f"against its mean over all bases ({last['off_diagonal_mass']:.3f} against {last['rotated_mass']:.3f} at "
            f"{last['parameters']})"
        )
    parts = [
        f"{row['parameters']}: {row['single_changes']:.3g} ± {row['single_changes_error']:.2g} alone, "
        f"{row['joint_change']:.3g} ± {row['joint_change_error']:.2g} together, up in {row['joint_up']:.0%}"
        for row in (first, last)
    ]
    said.append(f"{words}: energy per unit after diagonal Newton steps, by number of parameters: {'; '.join(parts)}")
    return said


def _paired(values: np.ndarray, others: np.ndarray) -> tuple[float, float, float]:
    mean, error = mean_and_error(values - others)
    return float(mean), 0.0, float(error)


def _beside(trained: list[dict[str, Any]], untrained: list[dict[str, Any]]) -> list[str]:
    pairs = [(t, u) for t in trained for u in untrained if t["parameters"] == u["parameters"]]
    if not pairs:
        return []
    t, u = pairs[-1]
    difference = t["off_diagonal_mass"] - u["off_diagonal_mass"]
    z = z_score(difference, 0.0, float(np.hypot(t["off_diagonal_mass_error"], u["off_diagonal_mass_error"])))
    return [
        f"at {t['parameters']} parameters training changes the off-diagonal mass by {difference:+.3f} "
        f"(z = {z:.1f}): {u['off_diagonal_mass']:.3f} untrained, {t['off_diagonal_mass']:.3f} trained"
    ]
