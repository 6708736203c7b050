"""Flat directions of networks: at zero loss against the count, and those that symmetry gives at every point."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from spinnet.errors import InputError
from spinnet.reports.base import Content, Report
from spinnet.reports.results import PointResults, StudyResults

_SOLVED, _ARRIVED = 1, 1


class ZeroModesReport(Report):
    r"""Zero modes of the Hessian beside what counting foretells.

    At zero squared loss :math:`H = J^{T}J`: with W weights, N patterns and C outputs there are W − rank J zero modes,
    at least W − NC, and equality where J has full row rank. Cross-entropy has h + 1 exact zero modes at every point,
    h the width of the last hidden layer (all logits of a pattern may be shifted). Square units have h(h + 1)/2 at
    every critical point (rotations and scales among h units that enter as a quadratic form).

    Parameters
    ----------
    arm
        Networks fitted to zero loss (dynamics LevenbergMarquardt, probe jacobian_rank).
    shift
        Networks with cross-entropy at any configuration; may be left out.
    square
        Searches for stationary points (SaddleSearch) of networks of one hidden layer of square units; may be left out.
    glass
        The same on a SphericalGlass after a long descent, of which the minima are read: no symmetry and no count gives
        them a zero mode. The Hessian is that of the N − 1 tangent directions. May be left out.

    References
    ----------
    Cooper, arXiv:1804.10200 (dimension of the set of global minima).
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ("arm", "shift", "square", "glass")
    probes: ClassVar[tuple[str, ...]] = ("final", "hessian_spectrum")

    def __init__(self, arm: str = "", shift: str = "", square: str = "", glass: str = ""):
        self.arm, self.shift, self.square, self.glass = arm, shift, square, glass

    @classmethod
    def check(cls, settings: Mapping[str, Any], arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Also: the glass is one, and its minima are searched for."""
        super().check(settings, arms)
        name = cls.chosen_arm(settings, "glass", list(arms))
        for physics in arms[name] if name else ():
            for part, wanted in (("landscape", "SphericalGlass"), ("dynamics", "SaddleSearch")):
                if physics[part]["kind"] != wanted:
                    raise InputError(f"glass = {name}: its {part} is {physics[part]['kind']}, not {wanted}")

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`ZeroModesReport`."""
        content = Content()
        settings = {name: getattr(self, name) for name in self.arm_parameters}
        for role, row_of in (("arm", _solved), ("shift", _shifted), ("square", _square), ("glass", _glass)):
            arm = self.chosen_arm(settings, role, results.arms)
            if arm:
                rows = [row_of(point) for point in results.points(arm)]
                content.rows += rows
                content.findings += [_finding(row) for row in rows]
        for name in ("foretold", "least", "most", "weights"):
            content.add(f"counts/{name}", [float(row[name]) for row in content.rows], ("network",))
        content.add("counts/label", [f"{row['network']} {row['why']}" for row in content.rows], ("network",))
        content.add("counts/kind", [row["why"] for row in content.rows], ("network",))
        return content


def _row(point: PointResults, why: str, foretold: int, zeros: np.ndarray, runs: int) -> dict[str, Any]:
    equal = float((zeros == foretold).mean()) if len(zeros) else np.nan
    return {
        "network": _label(point), "why": why, "weights": point.n_dof, "patterns": point.n_units, "runs": runs,
        "used": len(zeros), "foretold": foretold, "least": int(zeros.min()) if len(zeros) else -1,
        "most": int(zeros.max()) if len(zeros) else -1, "equal": equal,
    }  # fmt: skip


def _label(point: PointResults) -> str:
    if point.physics["landscape"]["kind"] == "SphericalGlass":
        return f"N = {point.n_dof}"
    hidden = point.physics["landscape"]["hidden"]
    return "-".join(str(width) for width in hidden)


def _solved(point: PointResults) -> dict[str, Any]:
    status, zeros = point.read("dynamics/fit_status"), point.read("spectrum/zero_modes")
    rank, rows = point.read("jacobian/rank"), int(point.read("jacobian/rows").flat[0])
    good = status == _SOLVED
    row = _row(point, "zero loss", max(point.n_dof - rows, 0), zeros[good], status.size)
    row["rank_agrees"] = float((zeros[good] == point.n_dof - rank[good]).mean()) if good.any() else np.nan
    full = good & (rank == rows)
    row["full_rank"] = float(full.sum() / max(good.sum(), 1))
    row["equal_at_full_rank"] = float((zeros[full] == point.n_dof - rows).mean()) if full.any() else np.nan
    return row


def _shifted(point: PointResults) -> dict[str, Any]:
    zeros = point.read("spectrum/zero_modes").ravel()
    return _row(point, "logit shifts", point.physics["landscape"]["hidden"][-1] + 1, zeros[zeros >= 0], zeros.size)


def _square(point: PointResults) -> dict[str, Any]:
    status, zeros = point.read("dynamics/search_status"), point.read("spectrum/zero_modes")
    h = point.physics["landscape"]["hidden"][-1]
    return _row(point, "square units", h * (h + 1) // 2, zeros[status == _ARRIVED], status.size)


def _glass(point: PointResults) -> dict[str, Any]:
    minima = (point.read("dynamics/search_status") == _ARRIVED) & (point.read("spectrum/index") == 0)
    row = _row(point, "glass minima", 0, point.read("spectrum/zero_modes")[minima], minima.size)
    levels = np.abs(point.read("spectrum/eigenvalue")[minima])
    softest = levels.min(axis=-1) / levels.max(axis=-1)
    return row | {"softest": float(softest.min()) if len(softest) else np.nan}


def _glass_finding(row: dict[str, Any]) -> str:
    name = f"spherical glass, N = {row['weights']}"
    if not row["used"]:
        return f"{name}: none of {row['runs']} searches ended in a minimum; nothing is counted"
    holds = "none is flat, as foretold" if row["most"] == 0 else "flat directions that nothing foretells"
    return (
        f"{name}: {row['least']} to {row['most']} zero modes among the {row['weights'] - 1} tangent directions of "
        f"{row['used']} minima, of {row['runs']} searches: {holds}; the smallest eigenvalue is {row['softest']:.1g} of "
        "the largest or more"
    )


def _finding(row: dict[str, Any]) -> str:
    if row["why"] == "glass minima":
        return _glass_finding(row)
    name = f"hidden {row['network']}, {row['weights']} weights, {row['patterns']} patterns ({row['why']})"
    if not row["used"]:
        return f"{name}: none of {row['runs']} runs arrived; nothing is counted"
    holds = "holds" if row["least"] >= row["foretold"] else "is VIOLATED"
    said = (
        f"{name}: {row['least']} to {row['most']} zero modes in {row['used']} of {row['runs']} runs, at least "
        f"{row['foretold']} foretold: the bound {holds}, with equality in {row['equal']:.0%}"
    )
    if "rank_agrees" in row:
        at = row["equal_at_full_rank"]
        equal = "no run has a Jacobian of full row rank" if np.isnan(at) else f"equality in {at:.0%} of these"
        said += (
            f"; the number is W − rank J in {row['rank_agrees']:.0%}; the Jacobian has full row rank in "
            f"{row['full_rank']:.0%} ({equal})"
        )
    return said
