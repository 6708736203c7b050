"""How a Boltzmann distribution divides between two wells of equal depth, against the law of their volumes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError
from spinnet.estimators.resampling import FEWEST_UNITS, jackknife, mean_and_error
from spinnet.reports.base import Content, Report
from spinnet.reports.results import PointResults, StudyResults
from spinnet.reports.verdicts import DECISIVE, shown, z_score
from spinnet.theory.wells import log_mass_ratio

_IN, _OUT = 0.9, 0.1  # a crossing goes from one side of these shares to the other


class WellMassesReport(Report):
    """Mass of the wide well over that of the narrow one, with its error over independent replicas, beside (w₂/w₁)^n.

    The share of the wide well is averaged over the later part of each replica's run. A number is given only where the
    replicas of a point have gone from one well to the other at least ``fewest_crossings`` times together in that part,
    and is refused otherwise: fewer crossings tell where the runs began, not how the distribution divides. Replicas
    begin in the two wells by turns; that those from one side and those from the other agree is tested as well.

    Parameters
    ----------
    arm
        The arm; may be left out where there is only one.
    fewest_crossings
        Of all replicas of a point together.
    warm_up
        Share of the run that is left out at the beginning.
    """

    probes: ClassVar[tuple[str, ...]] = ("well_share",)
    landscapes: ClassVar[tuple[str, ...]] = ("TwoWells",)

    def __init__(self, arm: str = "", fewest_crossings: int = 100, warm_up: float = 0.2):
        given = self.validate(arm=arm, fewest_crossings=fewest_crossings, warm_up=warm_up)
        self.arm, self.fewest_crossings = given["arm"], given["fewest_crossings"]
        self.warm_up = given["warm_up"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        given["fewest_crossings"] = whole_number("fewest_crossings", given["fewest_crossings"], 1)
        given["warm_up"] = real_number("warm_up", given["warm_up"], 0.0)
        if given["warm_up"] >= 1.0:
            raise InputError(f"warm_up = {given['warm_up']:g}: give a share of the run below 1")
        return given

    @classmethod
    def check_physics(cls, arm: str, physics: Mapping[str, Any]) -> None:
        """Also: a temperature at which the law is exact, and replicas enough for an error."""
        super().check_physics(arm, physics)
        temperature, softness = physics["dynamics"].get("temperature"), physics["landscape"]["softness"]
        if temperature is None or abs(float(temperature) - float(softness)) > 1e-9 * float(softness):
            raise InputError(
                f"arm {arm}: temperature = {temperature} and softness = {softness}: the masses are those of the two "
                "Gaussians exactly where they are equal"
            )

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`WellMassesReport`."""
        content = Content()
        scores, refused = [], []
        arm = self.chosen_arm({"arm": self.arm}, "arm", results.arms)
        for number, point in enumerate(results.points(arm)):
            score, name = self._point(content, f"point/{number}", point)
            if score is None:
                refused.append(name)
            else:
                scores.append((abs(score), name))
        if scores:
            worst, where = max(scores)
            verdict = "meet" if worst < DECISIVE else "MISS"
            content.findings.append(
                f"masses of the wide well {verdict} the law (w₂/w₁)^n at {len(scores)} points: |z| ≤ {worst:.2f} "
                f"({where})"
            )
        if refused:
            content.findings.append(
                f"refused, with fewer than {self.fewest_crossings} crossings: {', '.join(refused)}; run longer"
            )
        return content

    def _point(self, content: Content, group: str, point: PointResults) -> tuple[float | None, str]:
        table = point.physics["landscape"]
        n, ratio = int(table["n"]), float(table["width_ratio"])
        name = f"n = {n}, w₂/w₁ = {ratio:g}"
        time = point.read("trajectory/time").reshape(-1)
        share = point.read("trajectory/wide_share")
        share = share.reshape(-1, share.shape[-1])
        share = share[np.isfinite(share).all(axis=1)]
        later = share[:, time >= self.warm_up * time[-1]]
        crossings = int(sum(count_crossings(row) for row in later))
        law = np.exp(log_mass_ratio(ratio, n))
        expected = law / (1.0 + law)
        row: dict[str, Any] = {"n": n, "width_ratio": ratio, "replicas": len(later), "crossings": crossings,
                               "law": float(law)}  # fmt: skip
        about = {"n": n, "width_ratio": ratio, "law": float(law), "crossings": crossings, "replicas": len(later)}
        content.describe(group, **about)
        if crossings < self.fewest_crossings or len(later) < FEWEST_UNITS:
            content.rows.append(row | {"ratio": None, "ratio_error": None, "z": None})
            return None, f"{name} ({crossings} crossings)"
        per_replica = later.mean(axis=1)
        mean, error = map(float, mean_and_error(per_replica))
        found = jackknife(lambda rows: np.mean(rows) / (1.0 - np.mean(rows)), per_replica)
        score = z_score(mean, expected, error)
        began = share[:, 0] > 0.5
        sides = [mean_and_error(per_replica[began]), mean_and_error(per_replica[~began])]
        apart = float(sides[0][0] - sides[1][0]) / float(np.hypot(sides[0][1], sides[1][1]))
        if abs(apart) >= DECISIVE:
            content.findings.append(
                f"{name}: replicas that began in the wide well still differ from the others (z = {apart:.1f}): the run "
                "is too short"
            )
        content.rows.append(row | {
            "ratio": float(found.value), "ratio_error": float(found.error), "z": shown(score), "start_z": shown(apart),
        })  # fmt: skip
        content.describe(group, ratio=float(found.value), ratio_error=float(found.error), share=mean, share_error=error)
        return score, name


def count_crossings(share: np.ndarray) -> int:
    """How often a series goes from below 0.1 to above 0.9 or back; what stays between counts for neither side."""
    side = np.where(share > _IN, 1, np.where(share < _OUT, -1, 0))
    side = side[side != 0]
    return int((np.diff(side) != 0).sum())
