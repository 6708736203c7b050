r"""Index against energy of the stationary points of networks, beside a glass and beside random-matrix theory.

The index is divided by the number of modes that are not zero: points with dead units lie high and are flat, and the
raw index of all modes correlates with the energy in the wrong sense. Beside the points stand the share of negative
eigenvalues of the free sum of Wishart and Wigner at the same ratio of weights to patterns (no free parameter), fits of
its law :math:`\alpha\sim(\epsilon/\epsilon_c - 1)^{3/2}` near the edge, points of a p-spin glass with the semicircle
and with the exact mean at their size, and the same correlation at untrained weights, which are no stationary points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError, ResultFileError
from spinnet.estimators.index_energy import (
    EdgeFit,
    chance_of_correlation,
    correlation,
    distinct_points,
    fit_near_edge,
)
from spinnet.estimators.resampling import mean_and_error
from spinnet.reports.base import Content, Report
from spinnet.reports.glass_theory import covariance_of
from spinnet.reports.results import PointResults, StudyResults
from spinnet.reports.verdicts import DECISIVE
from spinnet.theory.kac_rice import index_fraction
from spinnet.theory.random_matrices import WishartPlusWigner
from spinnet.theory.stationary_hessians import sample_hessians

_ARMS = {"arm": ("DenseNetwork", "SaddleSearch"), "glass": ("SphericalGlass", "SaddleSearch"),
         "untrained": ("DenseNetwork", "Still")}  # fmt: skip
_ARRIVED = 1
_LEVEL = 1e-3
_FAR, _HIGH = 0.9, 0.8
_NEAR = 1e-3  # of ε/ε_c − 1, where the exact index of the free sum gives the amplitude of its 3/2 law


class NetworkIndexEnergyReport(Report):
    """Index over non-zero modes against energy of searched stationary points of networks.

    Parameters
    ----------
    arm
        Searches on networks (dynamics SaddleSearch), over several data sets and descents; points of all descents
        on one data set are put together, and copies of one point are counted once.
    glass
        Searches on a pure p-spin glass; may be left out.
    untrained
        Networks at their initial weights (dynamics Still) on the same data sets, as a null; may be left out.
    flat
        Least |Hg|/|g| of an accepted point, in units of energy per pattern. The search accepts by the same rule
        relative to the largest eigenvalue; this is a second look.
    permutations
        Of the index among the points, for the null of the correlation.
    spectra
        GOE spectra that are sampled for the exact law of the glass.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ("arm", "glass", "untrained")
    probes: ClassVar[tuple[str, ...]] = ("final", "hessian_spectrum")
    landscapes: ClassVar[tuple[str, ...]] = ("DenseNetwork", "SphericalGlass")

    def __init__(
        self, arm: str = "", glass: str = "", untrained: str = "", flat: float = 1e-9, permutations: int = 9999,
        spectra: int = 4000,
    ):  # fmt: skip
        given = self.validate(arm=arm, glass=glass, untrained=untrained, flat=flat, permutations=permutations,
                              spectra=spectra)  # fmt: skip
        self.arm, self.glass, self.untrained = given["arm"], given["glass"], given["untrained"]
        self.flat, self.permutations, self.spectra = given["flat"], given["permutations"], given["spectra"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        given["flat"] = real_number("flat", given["flat"], 0.0)
        given["permutations"] = whole_number("permutations", given["permutations"], 99)
        given["spectra"] = whole_number("spectra", given["spectra"], 100)
        return given

    @classmethod
    def check(cls, settings, arms) -> None:
        super().check(settings, arms)
        for parameter, (kind, dynamics) in _ARMS.items():
            name = cls.chosen_arm(settings, parameter, list(arms))
            for physics in arms[name] if name else ():
                for part, wanted in (("landscape", kind), ("dynamics", dynamics)):
                    if physics[part]["kind"] != wanted:
                        raise InputError(f"{parameter} = {name!r} has the {part} {physics[part]['kind']}: "
                                         f"give one of {wanted}")  # fmt: skip
                if parameter == "arm" and physics["landscape"]["hidden"] and not _inputs(physics["landscape"]):
                    raise InputError(f"arm {name}: the law of random matrices needs the number of inputs: give pca or "
                                     "n_inputs in data_options")  # fmt: skip

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`NetworkIndexEnergyReport`."""
        content = Content()
        settings = {name: getattr(self, name) for name in self.arm_parameters}
        arm = self.chosen_arm(settings, "arm", results.arms)
        sets = _by_data_set(results.points(arm))
        found = [_collect(points, self.flat) for points in sets.values()]
        if not any(len(one["energy"]) for one in found):
            raise ResultFileError(f"no search of arm {arm} arrived at a stationary point")
        for number, one in enumerate(found):
            content.rows.append(self._set(content, f"network/{number}", f"data set {number + 1}", one))
        content.findings += [_ends(found), *_correlations(content.rows)]
        untrained = self.chosen_arm(settings, "untrained", results.arms)
        if untrained:
            content.findings.append(_untrained(content, _by_data_set(results.points(untrained)).values()))
        content.findings += self._laws(content, results.points(arm)[0], found)
        glass = self.chosen_arm(settings, "glass", results.arms)
        if glass:
            content.findings += self._glass(content, results.points(glass))
        return content

    def _set(self, content: Content, group: str, label: str, one: dict[str, Any]) -> dict[str, Any]:
        rng = np.random.default_rng(0)
        energy, share, raw = one["energy"], one["share"], one["raw"]
        high = energy > _HIGH * energy.max(initial=0.0)
        for name in ("energy", "share", "raw", "zero_modes"):
            content.add(f"{group}/{name}", one[name], ("point",))
        content.describe(group, label=label)
        return {
            "who": label, "searches": one["searches"], "arrived": one["arrived"], "stuck": one["stuck"],
            "unfinished": one["unfinished"], "distinct": len(energy),
            "pearson": correlation(energy, share),
            "chance": chance_of_correlation(energy, share, self.permutations, rng),
            "raw_pearson": correlation(energy, raw), "every_start": correlation(one["all_energy"], one["all_share"]),
            "high_pearson": correlation(energy[high], share[high]), "high_raw": correlation(energy[high], raw[high]),
            "most_zero_modes": int(one["zero_modes"].max(initial=0)),
        }  # fmt: skip

    def _laws(self, content: Content, point: PointResults, found: Sequence[dict[str, Any]]) -> list[str]:
        energy, share = (np.concatenate([one[name] for one in found]) for name in ("energy", "share"))
        ratio = point.n_dof / (point.n_units * _outputs(point))
        law = WishartPlusWigner(ratio, 0.1)
        curve = np.linspace(0.0, 1.05 * energy.max(), 60)[1:]
        free = np.array([WishartPlusWigner(ratio, e).index for e in curve])
        content.add("law/energy", curve, ("curve",))
        content.add("law/free_sum", free, ("curve",), "1", "index of the free sum at the same ratio, no free parameter")
        near = _edge_of(content, law, energy)
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
        pairs = [(one["energy"], one["share"]) for one in found if len(one["energy"])]
        fits = {name: fit_near_edge(pairs, power) for name, power in (("edge", 1.5), ("line", 1.0), ("free", None))}
        for name, fit in fits.items():
            if fit.law is not None:
                near = curve[curve <= 2.0 * fit.law.critical]
                content.add(f"law/{name}_energy", near, ("near",), "energy")
                content.add(f"law/{name}", fit.law(near), ("near",))
                content.describe("law", **{
                    f"{name}_critical": fit.law.critical, f"{name}_critical_error": fit.critical_error,
                    f"{name}_amplitude": fit.law.amplitude, f"{name}_amplitude_error": fit.amplitude_error,
                    f"{name}_exponent": fit.law.exponent, f"{name}_exponent_error": fit.exponent_error,
                    f"{name}_residual": fit.law.residual, f"{name}_points": fit.near,
                })  # fmt: skip
        return [*said, *near, _fitted(fits)]

    def _glass(self, content: Content, points: Sequence[PointResults]) -> list[str]:
        said = []
        for n in sorted({point.n_dof for point in points}):
            chosen = [point for point in points if point.n_dof == n]
            energy, index, sample = _of_samples(chosen)
            share = index / (n - 1)
            group = f"glass/n={n}"
            content.add(f"{group}/energy", energy, ("point",))
            content.add(f"{group}/share", share, ("point",))
            content.describe(group, n=n)
            covariance = covariance_of(chosen[0].physics)
            curve = np.linspace(energy.min() - 0.05, energy.max() + 0.05, 101)
            law = sample_hessians(covariance, n, self.spectra)
            content.add(f"{group}/curve_energy", curve, ("curve",))
            content.add(f"{group}/semicircle", [index_fraction(covariance, e) for e in curve], ("curve",))
            content.add(f"{group}/exact", law.mean_index(curve)[0] / (n - 1), ("curve",), "1",
                        "mean of all points at this size")  # fmt: skip
            off = {"semicircle of centre −pe": share - [index_fraction(covariance, e) for e in energy],
                   "exact mean over all points at this size": share - law.mean_index(energy)[0] / (n - 1)}  # fmt: skip
            parts = []
            for words, values in off.items():
                means = [np.nanmean(values[sample == one]) for one in np.unique(sample)]
                mean, error = mean_and_error(np.array(means))
                parts.append(f"the {words} {mean:+.4f} ± {error:.4f}")
            said.append(
                f"glass, N = {n}: {len(energy)} points of {len(np.unique(sample))} samples, Pearson "
                f"{correlation(energy, share):+.3f}; index density less {', less '.join(parts)}"
            )
        return said


def _edge_of(content: Content, law: WishartPlusWigner, energy: np.ndarray) -> list[str]:
    """The free sum close to its critical energy, where its index is α₀(ε/ε_c − 1)^(3/2), and how far the points are."""
    critical = law.critical_epsilon
    if critical <= 0.0:
        return ["with as many weights as patterns or more the free sum has no critical energy: no 3/2 law"]
    amplitude = WishartPlusWigner(law.ratio, critical * (1.0 + _NEAR)).index / _NEAR**1.5
    beyond = np.geomspace(_NEAR, max(2.0, 1.5 * energy.max() / critical), 40)
    exact = np.array([WishartPlusWigner(law.ratio, critical * (1.0 + d)).index for d in beyond])
    content.add("edge/beyond", beyond, ("beyond",), "1", "ε/ε_c − 1")
    content.add("edge/free_sum", exact, ("beyond",), "1", "exact index of the free sum, from the cubic")
    content.add("edge/power", amplitude * beyond**1.5, ("beyond",), "1", "α₀(ε/ε_c − 1)^(3/2)")
    content.describe("edge", critical=critical, amplitude=amplitude)
    holds = beyond[np.abs(exact / (amplitude * beyond**1.5) - 1.0) < 0.1].max(initial=0.0)
    return [
        f"the free sum starts as α₀(ε/ε_c − 1)^(3/2) with α₀ = {amplitude:.4g}, within a tenth up to ε/ε_c − 1 = "
        f"{holds:.2g}; the lowest of the points lies at ε/ε_c − 1 = {energy.min() / critical - 1.0:.3g}"
    ]


def _by_data_set(points: Sequence[PointResults]) -> dict[str, list[PointResults]]:
    sets: dict[str, list[PointResults]] = {}
    for point in points:
        data = {key: value for key, value in point.parameters.items() if key != "descent"}
        sets.setdefault(repr(sorted(data.items(), key=str)), []).append(point)
    return sets


def _of_samples(points: Sequence[PointResults]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energy, index and disorder sample of the points that searches on a glass found, each point once."""
    energy, index, sample = [], [], []
    for point in points:
        arrived = point.read("dynamics/search_status") == _ARRIVED
        energy.append(point.read("endpoint/energy_density")[arrived])
        index.append(point.read("spectrum/index")[arrived].astype(float))
        sample.append(np.broadcast_to(point.sample_numbers("dynamics")[:, None], arrived.shape)[arrived])
    e, k, s = (np.concatenate(parts) for parts in (energy, index, sample))
    keep = distinct_points(e, k, s)
    return e[keep], k[keep], s[keep]


def _shares(point: PointResults) -> tuple[np.ndarray, np.ndarray]:
    """Index over non-zero modes and over all modes of every replica."""
    modes, zeros = point.read("spectrum/eigenvalue").shape[-1], point.read("spectrum/zero_modes").astype(float)
    index = point.read("spectrum/index").astype(float)
    return np.where(modes > zeros, index / np.where(modes > zeros, modes - zeros, 1.0), np.nan).ravel(), \
        index.ravel() / modes  # fmt: skip


def _untrained(content: Content, sets) -> str:
    """The same correlations at initial weights: whether the relation is one of stationary points."""
    values = []
    for number, points in enumerate(sets):
        energy = np.concatenate([point.read("endpoint/energy_density").ravel() for point in points])
        share, raw = (np.concatenate(parts) for parts in zip(*map(_shares, points), strict=True))
        content.add(f"untrained/{number}/energy", energy, ("point",))
        content.add(f"untrained/{number}/share", share, ("point",))
        values.append([correlation(energy, share), correlation(energy, raw), share.mean()])
    mean, error = mean_and_error(np.array(values))
    return (
        f"null, untrained weights (no stationary points), {len(values)} data sets: Pearson {mean[0]:+.3f} ± "
        f"{error[0]:.3f} over non-zero modes, {mean[1]:+.3f} ± {error[1]:.3f} raw, at a mean index {mean[2]:.3f}"
    )


def _ends(found: Sequence[dict[str, Any]]) -> str:
    """How the searches ended, and where those are that did not."""
    total = {name: sum(one[name] for one in found) for name in ("searches", "arrived", "stuck", "unfinished")}
    norms, far = (np.concatenate([one[name] for one in found]) for name in ("norms_left", "far_left"))
    accepted = np.concatenate([one["far_accepted"] for one in found])
    left = "none is unfinished"
    if total["unfinished"]:
        outside = float((far > np.quantile(accepted, _FAR)).mean()) if len(accepted) else np.nan
        left = (
            f"{total['unfinished']} are unfinished, with gradients of {norms.min():.1e} to {norms.max():.1e} (median "
            f"{np.median(norms):.1e}) per root pattern; {outside:.2f} of these have larger weights than nine tenths of "
            "the accepted points"
        )
    return (
        f"of {total['searches']} searches {total['arrived']} arrived at a stationary point, {total['stuck']} are "
        f"rejected (the gradient is flat: no stationary points), {left}"
    )


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
    norms, far, near = [], [], []
    for point in points:
        status = point.read("dynamics/search_status")
        curvature = point.read("endpoint/gradient_curvature")
        # a gradient of exactly zero has no direction along which to be flat
        good = (status == _ARRIVED) & (~np.isfinite(curvature) | (curvature > flat))
        searches += status.size
        stuck += int((status == 2).sum()) + int(((status == _ARRIVED) & ~good).sum())
        unfinished += int((status == 0).sum())
        arrived += int(good.sum())
        distance = point.read("dynamics/search_distance")
        norms.append(point.read("endpoint/gradient_norm")[status == 0])
        far.append(distance[status == 0])
        near.append(distance[good])
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
        "norms_left": np.concatenate(norms), "far_left": np.concatenate(far), "far_accepted": np.concatenate(near),
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
    values = np.array([[row[name] for name in ("pearson", "raw_pearson", "high_pearson", "high_raw")] for row in rows])
    mean, error = mean_and_error(values)
    if len(rows) > 1:
        said.append(
            f"over {len(rows)} data sets: Pearson {mean[0]:+.3f} ± {error[0]:.3f} over non-zero modes, "
            f"{mean[1]:+.3f} ± {error[1]:.3f} raw; among the points above {_HIGH:g} of the highest energy "
            f"{mean[2]:+.3f} ± {error[2]:.3f} over non-zero modes, {mean[3]:+.3f} ± {error[3]:.3f} raw"
        )
    return said


def _fitted(fits: Mapping[str, EdgeFit]) -> str:
    law, line, free = (fits[name] for name in ("edge", "line", "free"))
    if law.law is None or free.law is None or line.law is None:
        return f"α = α₀(ε/ε_c − 1)^(3/2) is not fitted: {law.refused or free.refused or line.refused}"
    z = (free.law.exponent - 1.5) / free.exponent_error
    if free.exponent_error > 0.5:
        verdict = "the exponent is not determined"
    else:
        verdict = "3/2 is not excluded" if abs(z) < DECISIVE else "NOT 3/2"
    return (
        f"fit of α = α₀(ε/ε_c − 1)^(3/2) to the points up to 2ε_c ({law.near} above ε_c): ε_c = "
        f"{law.law.critical:.4g} ± {law.critical_error:.2g}, α₀ = {law.law.amplitude:.3g} ± {law.amplitude_error:.2g}, "
        f"residual {law.law.residual:.4f} (exponent 1: {line.law.residual:.4f}); with a free exponent "
        f"{free.law.exponent:.2f} ± {free.exponent_error:.2f}: {verdict} (z = {z:+.1f})"
    )
