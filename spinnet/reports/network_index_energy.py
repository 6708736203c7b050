r"""Index against energy of the stationary points of networks, beside a glass and beside random-matrix theory.

The index is divided by the number of modes that are not zero: points with dead units lie high and are flat, and the
raw index of all modes correlates with the energy in the wrong sense. Beside the points stand the share of negative
eigenvalues of the free sum of Wishart and Wigner at the same ratio of weights to patterns (no free parameter), fits of
its law :math:`\alpha\sim(\epsilon/\epsilon_c - 1)^{3/2}`, and points of a p-spin glass with their semicircle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError, ResultFileError
from spinnet.estimators.index_energy import (
    EdgeLaw,
    chance_of_correlation,
    correlation,
    distinct_points,
    fit_edge_law,
)
from spinnet.estimators.resampling import mean_and_error
from spinnet.reports.base import Content, Report
from spinnet.reports.glass_theory import covariance_of
from spinnet.reports.results import PointResults, StudyResults
from spinnet.theory.kac_rice import index_fraction
from spinnet.theory.random_matrices import WishartPlusWigner

_ARRIVED = 1
_LEVEL = 1e-3


class NetworkIndexEnergyReport(Report):
    """Index over non-zero modes against energy of searched stationary points of networks.

    Parameters
    ----------
    arm
        Searches on networks (dynamics SaddleSearch), over several data sets and descents; points of all descents
        on one data set are put together, and copies of one point are counted once.
    glass
        Searches on a pure p-spin glass; may be left out.
    flat
        Least |Hg|/|g| of an accepted point, in units of energy per pattern. The search accepts by the same rule
        relative to the largest eigenvalue; this is a second look.
    permutations
        Of the index among the points, for the null of the correlation.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ("arm", "glass")
    probes: ClassVar[tuple[str, ...]] = ("final", "hessian_spectrum")
    landscapes: ClassVar[tuple[str, ...]] = ("DenseNetwork", "SphericalGlass")
    dynamics: ClassVar[tuple[str, ...]] = ("SaddleSearch",)

    def __init__(self, arm: str = "", glass: str = "", flat: float = 1e-9, permutations: int = 9999):
        given = self.validate(arm=arm, glass=glass, flat=flat, permutations=permutations)
        self.arm, self.glass = given["arm"], given["glass"]
        self.flat, self.permutations = given["flat"], given["permutations"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        given["flat"] = real_number("flat", given["flat"], 0.0)
        given["permutations"] = whole_number("permutations", given["permutations"], 99)
        return given

    @classmethod
    def check(cls, settings, arms) -> None:
        super().check(settings, arms)
        for parameter, kind in (("arm", "DenseNetwork"), ("glass", "SphericalGlass")):
            name = cls.chosen_arm(settings, parameter, list(arms))
            for physics in arms[name] if name else ():
                if physics["landscape"]["kind"] != kind:
                    raise InputError(f"{parameter} = {name!r} has the landscape {physics['landscape']['kind']}: "
                                     f"give one of {kind}")  # fmt: skip
                if parameter == "arm" and physics["landscape"]["hidden"] and not _inputs(physics["landscape"]):
                    raise InputError(f"arm {name}: the law of random matrices needs the number of inputs: give pca or "
                                     "n_inputs in data_options")  # fmt: skip

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`NetworkIndexEnergyReport`."""
        content = Content()
        settings = {"arm": self.arm, "glass": self.glass}
        arm = self.chosen_arm(settings, "arm", results.arms)
        sets: dict[str, list[PointResults]] = {}
        for point in results.points(arm):
            data = {key: value for key, value in point.parameters.items() if key != "descent"}
            sets.setdefault(repr(sorted(data.items(), key=str)), []).append(point)
        found = [_collect(points, self.flat) for points in sets.values()]
        if not any(len(one["energy"]) for one in found):
            raise ResultFileError(f"no search of arm {arm} arrived at a stationary point")
        for number, one in enumerate(found):
            content.rows.append(self._set(content, f"network/{number}", f"data set {number + 1}", one))
        content.findings += _correlations(content.rows)
        everything = {name: np.concatenate([one[name] for one in found]) for name in ("energy", "share")}
        content.findings += self._laws(content, results.points(arm)[0], everything)
        glass = self.chosen_arm(settings, "glass", results.arms)
        if glass:
            content.findings += self._glass(content, results.points(glass))
        return content

    def _set(self, content: Content, group: str, label: str, one: dict[str, Any]) -> dict[str, Any]:
        rng = np.random.default_rng(0)
        energy, share, raw = one["energy"], one["share"], one["raw"]
        for name in ("energy", "share", "raw", "zero_modes"):
            content.add(f"{group}/{name}", one[name], ("point",))
        content.describe(group, label=label)
        return {
            "who": label, "searches": one["searches"], "arrived": one["arrived"], "stuck": one["stuck"],
            "unfinished": one["unfinished"], "distinct": len(energy),
            "pearson": correlation(energy, share),
            "chance": chance_of_correlation(energy, share, self.permutations, rng),
            "raw_pearson": correlation(energy, raw), "every_start": correlation(one["all_energy"], one["all_share"]),
            "most_zero_modes": int(one["zero_modes"].max(initial=0)),
        }  # fmt: skip

    def _laws(self, content: Content, point: PointResults, found: dict[str, np.ndarray]) -> list[str]:
        energy, share = found["energy"], found["share"]
        ratio = point.n_dof / (point.n_units * _outputs(point))
        law = WishartPlusWigner(ratio, 0.1)
        curve = np.linspace(0.0, 1.05 * energy.max(), 60)[1:]
        free = np.array([WishartPlusWigner(ratio, e).index for e in curve])
        content.add("law/energy", curve, ("curve",))
        content.add("law/free_sum", free, ("curve",), "1", "index of the free sum at the same ratio, no free parameter")
        deviation = share - np.interp(energy, curve, free)
        said = [
            f"the free sum of Wishart and Wigner at W/N = {ratio:.3g} (critical energy {law.critical_epsilon:.4g}, no "
            f"free parameter) is off by {deviation.mean():+.3f} on average and {np.sqrt((deviation**2).mean()):.3f} in "
            f"root mean square"
        ]
        low = energy < 0.6 * energy.max()
        if low.sum() > 4:
            said.append(
                f"of the {int(low.sum())} points below 0.6 of the highest energy it is off by "
                f"{deviation[low].mean():+.3f} on average and {np.sqrt((deviation[low] ** 2).mean()):.3f} in root mean "
                "square"
            )
        if len(energy) < 5:
            return [*said, "fewer than five distinct points: no law is fitted"]
        fits = [fit_edge_law(energy, share, exponent) for exponent in (1.5, 1.0)]
        for fit in fits:
            name = "edge" if fit.exponent == 1.5 else "line"
            content.add(f"law/{name}", fit(curve), ("curve",))
            content.describe("law", **{f"{name}_critical": fit.critical, f"{name}_residual": fit.residual})
        spread = float(np.std(share))
        return [*said, _fitted(fits, spread)]

    def _glass(self, content: Content, points: Sequence[PointResults]) -> list[str]:
        said = []
        for n in sorted({point.n_dof for point in points}):
            chosen = [point for point in points if point.n_dof == n]
            one = _collect(chosen, 0.0)
            group = f"glass/n={n}"
            energy, share = one["energy"], one["share"]
            content.add(f"{group}/energy", energy, ("point",))
            content.add(f"{group}/share", share, ("point",))
            content.describe(group, n=n)
            covariance = covariance_of(chosen[0].physics)
            curve = np.linspace(energy.min() - 0.05, energy.max() + 0.05, 101)
            content.add(f"{group}/curve_energy", curve, ("curve",))
            theory = np.array([index_fraction(covariance, e) for e in energy])
            content.add(f"{group}/semicircle", [index_fraction(covariance, e) for e in curve], ("curve",))
            said.append(
                f"glass, N = {n}: {len(energy)} points, Pearson {correlation(energy, share):+.3f}; index density less "
                f"the semicircle of centre −pe {(share - theory).mean():+.4f} on average (tested by the report "
                "index_energy)"
            )
        return said


def _inputs(table: Mapping[str, Any]) -> int | None:
    """Inputs of a network where its data state them."""
    options = table["data_options"]
    return options.get("pca") or options.get("n_inputs")


def _outputs(point: PointResults) -> int:
    """Outputs of a network, from its number of weights and its widths."""
    table = point.physics["landscape"]
    below = table["hidden"][-1] if table["hidden"] else 0
    inputs = _inputs(table)
    if not below or not inputs:
        return 1
    widths = [inputs, *table["hidden"]]
    rest = point.n_dof - sum((i + 1) * o for i, o in pairwise(widths))
    return max(1, rest // (below + 1))


def _collect(points: Sequence[PointResults], flat: float) -> dict[str, Any]:
    """Points that were reached on one data set, copies left out."""
    parts: dict[str, list[np.ndarray]] = {"energy": [], "index": [], "zero_modes": [], "modes": []}
    searches = stuck = unfinished = arrived = 0
    for point in points:
        status = point.read("dynamics/search_status")
        curvature = point.read("endpoint/gradient_curvature")
        # a gradient of exactly zero has no direction along which to be flat
        good = (status == _ARRIVED) & (~np.isfinite(curvature) | (curvature > flat))
        searches += status.size
        stuck += int((status == 2).sum()) + int(((status == _ARRIVED) & ~good).sum())
        unfinished += int((status == 0).sum())
        arrived += int(good.sum())
        parts["energy"].append(point.read("endpoint/energy_density")[good])
        parts["index"].append(point.read("spectrum/index")[good].astype(float))
        parts["zero_modes"].append(point.read("spectrum/zero_modes")[good].astype(float))
        parts["modes"].append(np.full(int(good.sum()), point.read("spectrum/eigenvalue").shape[-1], dtype=float))
    joined = {name: np.concatenate(values) for name, values in parts.items()}
    curved = joined["modes"] - joined["zero_modes"]
    share = np.where(curved > 0, joined["index"] / np.where(curved > 0, curved, 1.0), np.nan)
    raw = joined["index"] / joined["modes"]
    good = np.isfinite(share)
    keep = np.flatnonzero(good)[distinct_points(*(joined[name][good] for name in ("energy", "index", "zero_modes")))]
    return {
        "searches": searches, "arrived": arrived, "stuck": stuck, "unfinished": unfinished,
        "all_energy": joined["energy"][good], "all_share": share[good], "energy": joined["energy"][keep],
        "share": share[keep], "raw": raw[keep], "zero_modes": joined["zero_modes"][keep],
    }  # fmt: skip


def _correlations(rows) -> list[str]:
    said = []
    for row in rows:
        verdict = "above .6" if row["pearson"] > 0.6 else "NOT above .6"
        told = "" if row["chance"] < _LEVEL else ", not told from chance"
        said.append(
            f"{row['who']}: {row['distinct']} distinct stationary points from {row['searches']} searches "
            f"({row['stuck']} stuck, {row['unfinished']} unfinished): Pearson of energy and index over non-zero modes "
            f"{row['pearson']:+.3f} (chance {row['chance']:.2g}{told}; {verdict}), of the raw index "
            f"{row['raw_pearson']:+.3f}; over all starts {row['every_start']:+.3f}"
        )
    values = np.array([[row["pearson"], row["raw_pearson"]] for row in rows])
    mean, error = mean_and_error(values)
    if len(rows) > 1:
        said.append(
            f"over {len(rows)} data sets: Pearson {mean[0]:+.3f} ± {error[0]:.3f} over non-zero modes, "
            f"{mean[1]:+.3f} ± {error[1]:.3f} raw"
        )
    return said


def _fitted(fits: list[EdgeLaw], spread: float) -> str:
    parts = [f"exponent {fit.exponent:g}: ε_c = {fit.critical:.4g}, residual {fit.residual:.4f}" for fit in fits]
    law, line = (fit.residual for fit in fits)
    better = "nearer than a straight line" if law < line else "no nearer than a straight line"
    if min(law, line) > spread:
        better = "as little a description as the straight line: a constant is nearer"
    return (
        f"fits of α = α₀(ε/ε_c − 1)^b: {'; '.join(parts)} (spread of the index {spread:.4f}): the 3/2 law is {better}; "
        "it is a law near ε_c, and these points lie where the search finds them"
    )
