"""Distinct minima modulo symmetries, their disconnectivity graph, stability gap and competitors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import real_number
from spinnet.estimators.disconnectivity import DisconnectivityTree, build_tree, stability_gap
from spinnet.estimators.resampling import mean_and_error
from spinnet.reports.base import Content, Report
from spinnet.reports.results import PointResults, StudyResults

_SAME = 1e-6  # energies closer than this, relative and absolute, are one


class MinimaReport(Report):
    """How many minima, in how many classes of how many energies; who competes with the lowest; the tree they form.

    The stability gap is the lowest energy among minima whose overlap with the lowest is below ``far``, less that of
    the lowest: per unit, modulo symmetries, among the minima that were found. Saddles are those of elastic bands
    (straight lines where there are none) and bound the lowest passes from above.

    Parameters
    ----------
    arm, beside
        The arm, measured with the probe ``minima``, and another one to set beside it, or none.
    far
        Overlap below which a minimum is a competitor.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ("arm", "beside")
    probes: ClassVar[tuple[str, ...]] = ("minima",)

    def __init__(self, arm: str = "", beside: str = "", far: float = 0.5):
        given = self.validate(arm=arm, beside=beside, far=far)
        self.names, self.far = {"arm": given["arm"], "beside": given["beside"]}, given["far"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        given["far"] = real_number("far", given["far"])
        return given

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`MinimaReport`. Cost: none to speak of."""
        content = Content()
        chosen = [self.chosen_arm(self.names, parameter, results.arms) for parameter in self.arm_parameters]
        for point in [point for arm in chosen if arm for point in results.points(arm)]:
            samples = [_Sample(point, s, self.far) for s in range(len(point.read("minima/energy_density")))]
            content.rows.append(_row(point, samples))
            told = [one for one in samples if one.classes]
            if not told:
                content.findings.append(f"{_name(point)}: no descent ended in an isolated minimum; lengthen them")
                continue
            content.findings.append(_counts(point, told))
            content.findings.append(_competition(point, told, self.far))
            _keep(content, point, max(told, key=lambda one: one.classes) if len(told) > 1 else told[0])
        return content


def _name(point: PointResults) -> str:
    return point.arm if point.label == "all" else f"{point.arm} {point.label}"


class _Sample:
    """What the descents on one sample found."""

    def __init__(self, point: PointResults, sample: int, far: float):
        def read(name):
            return point.read(f"minima/{name}")[sample]

        label = read("reached")
        energy = read("energy_density")
        self.starts, self.lost = len(label), int((label < 0).sum())
        self.classes = int(label.max(initial=-1)) + 1
        listed = int(np.isfinite(energy).sum())
        self.energy, self.overlap = energy[:listed], read("overlap")[:listed]
        self.points, self.orbit = read("points")[:listed], read("orbit")[:listed]
        self.hits = read("hits")[:listed]
        self.complete = self.classes == listed
        band, line = (read(name)[:listed, :listed] for name in ("band_saddle", "line_saddle"))
        self.converged = read("band_converged")[:listed, :listed]
        self.banded = bool(np.isfinite(band).any())
        if listed:
            self.energies = 1 + int((np.diff(self.energy) > _SAME * (1.0 + np.abs(self.energy[1:]))).sum())
            self.tree: DisconnectivityTree = build_tree(self.energy, np.where(np.isfinite(band), band, line))
            self.gap = stability_gap(self.energy, self.overlap, far)
            self.competitors = int((self.overlap < far).sum())
            self.once = int((self.hits == 1).sum())


def _row(point: PointResults, samples: list[_Sample]) -> dict[str, Any]:
    told = [one for one in samples if one.classes]
    row: dict[str, Any] = {
        "point": _name(point), "samples": len(samples), "starts": samples[0].starts,
        "lost": float(np.mean([one.lost / one.starts for one in samples])),
    }  # fmt: skip
    if not told:
        return row
    finite = [one.gap for one in told if np.isfinite(one.gap)]
    columns = {
        "classes": [one.classes for one in told], "energies": [one.energies for one in told],
        "lowest": [one.energy[0] for one in told], "competitors": [one.competitors for one in told],
        "gap": finite or [np.nan],
    }  # fmt: skip
    for name, values in columns.items():
        mean, error = mean_and_error(np.array(values, float))
        row[name] = None if np.isnan(mean) else float(mean)
        if np.isfinite(error) and len(told) > 1:
            row[f"{name}_error"] = float(error)
    row["points"] = float(np.mean([one.points.sum() for one in told]))
    row["in_all"] = float(np.mean([one.orbit.sum() for one in told])) if all(
        one.complete and (one.orbit > 0).all() for one in told
    ) else None  # fmt: skip
    return row


def _counts(point: PointResults, told: list[_Sample]) -> str:
    if len(told) > 1:
        classes, error = mean_and_error(np.array([one.classes for one in told], float))
        once = float(np.mean([one.once > 0 for one in told]))
        missing = f"; in {100 * once:.0f} % of them some class was met once only: others may be missing" if once else ""
        return (
            f"{_name(point)}: {classes:.2f} ± {error:.2f} classes of minima per sample from {told[0].starts} starts "
            f"({len(told)} samples){missing}"
        )
    (one,) = told
    found = f"{one.points.sum()} distinct minima of {one.energies} energies in {one.classes} classes"
    if one.complete and (one.orbit > 0).all():
        sizes = sorted(set(one.orbit.tolist()))
        # What the symmetries make of the points found is certain; classes that no start met are not.
        told_sizes = " and ".join(map(str, sizes))
        found += f" modulo symmetries, whose orbits (of {told_sizes}) hold {one.orbit.sum()} minima in all"
    met = "every class was met more than once" if not one.once else f"{one.once} classes were met once only"
    return f"{_name(point)}: {one.starts} starts ({one.lost} lost) end in {found}; {met}"


def _competition(point: PointResults, told: list[_Sample], far: float) -> str:
    alone = [one for one in told if not np.isfinite(one.gap)]
    gaps = np.array([one.gap for one in told if np.isfinite(one.gap)])
    if not len(gaps):
        return f"{_name(point)}: no minimum has an overlap below {far:g} with the lowest: nothing competes with it"
    if len(told) == 1:
        (one,) = told
        deepest = int(np.argmin(np.where(one.overlap < far, one.energy, np.inf)))
        return (
            f"{_name(point)}: stability gap {one.gap:.4g} per unit above {one.energy[0]:.4g}; {one.competitors} "
            f"competing classes (overlap below {far:g}), the lowest of them {one.tree.depth[deepest]:.3g} deep; from "
            f"the lowest minimum the climb is {one.tree.depth[0]:.3g}{_bounds(one)}"
        )
    mean, error = mean_and_error(gaps)
    depth, depth_error = mean_and_error(
        np.array([one.tree.depth[0] for one in told if np.isfinite(one.tree.depth[0])])
    )
    number, number_error = mean_and_error(np.array([one.competitors for one in told], float))
    rest = f"; {len(alone)} samples have no competitor" if alone else ""
    return (
        f"{_name(point)}: stability gap {mean:.4f} ± {error:.4f} per unit, {number:.2f} ± {number_error:.2f} competing "
        f"classes (overlap below {far:g}), climb out of the lowest {depth:.4f} ± {depth_error:.4f}{rest}"
    )


def _bounds(one: _Sample) -> str:
    if not one.banded:
        return " (straight lines: bounds from above)"
    pairs = one.classes * (one.classes - 1) // 2 if one.complete else len(one.energy) * (len(one.energy) - 1) // 2
    certain = int(np.triu(one.converged, 1).sum())
    return f" ({certain} of {pairs} passes are certified saddles, the others bound from above)"


def _keep(content: Content, point: PointResults, one: _Sample) -> None:
    """The tree of one sample, for the figure."""
    group, tree = f"trees/{point.arm},{point.label}", one.tree
    content.describe(group, label=_name(point), classes=one.classes, bands=int(one.banded))
    content.add(f"{group}/energy", tree.energies, ("minimum",), "energy")
    content.add(f"{group}/overlap", one.overlap, ("minimum",))
    content.add(f"{group}/orbit", one.orbit, ("minimum",))
    content.add(f"{group}/depth", tree.depth, ("minimum",), "energy")
    content.add(f"{group}/position", tree.position, ("node",))
    content.add(f"{group}/merge_energy", tree.merge_energies, ("merge",), "energy")
    content.add(f"{group}/merged", tree.merged, ("merge", "side"))
