r"""Hessian spectra of a pure p-spin glass: shape, centre and edges beside the shifted semicircle and sampled matrices.

For large N the Riemannian Hessian at energy density e is a semicircle of centre −pe and radius
:math:`\sqrt{2p(p-1)}`. At a configuration that was chosen without regard to the landscape it is, at every N, a GOE
matrix of size N − 1 shifted by −pe. A minimum is no such configuration: averaged over all minima of energy density e
its edges are those of :mod:`spinnet.theory.stationary_hessians`. Where a dynamics ends it has chosen among the minima.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError
from spinnet.estimators.histograms import density
from spinnet.estimators.resampling import mean_and_error
from spinnet.estimators.scaling import extrapolate
from spinnet.reports.base import Content, Report
from spinnet.reports.glass_theory import covariance_of, require_bare_exact_glass
from spinnet.reports.results import PointResults, StudyResults, shared_label
from spinnet.reports.verdicts import DECISIVE, LimitTest, judge_limits, shown, z_score
from spinnet.theory.kac_rice import hessian_law
from spinnet.theory.stationary_hessians import sample_hessians, sample_typical_spectra

_CURVE = 201
_PRINTED = (
    "series", "n", "energy", "energy_error", "lower", "lower_error", "goe_lower", "z_lower", "upper", "upper_error",
    "goe_upper", "z_upper", "minima", "z_lowest_of_minima", "z_highest_of_minima",
)  # fmt: skip


class HessianReport(Report):
    """Spectra shifted by p e against the semicircle, and their edges against sampled matrices of the same size.

    Parameters
    ----------
    arm
        The arm whose final configurations are looked at; may be left out where there is only one.
    typical
        An arm of configurations that were chosen without regard to the landscape (dynamics Still): there the law is
        exact and is tested.
    spectra
        GOE spectra that are sampled at each size.
    bins
        Of the histogram of a spectrum.
    stationary
        Largest gradient norm per root spin of a configuration that is taken for a minimum.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ("arm", "typical")
    probes: ClassVar[tuple[str, ...]] = ("final", "hessian_spectrum")
    landscapes: ClassVar[tuple[str, ...]] = ("SphericalGlass",)

    def __init__(
        self, arm: str = "", typical: str = "", spectra: int = 4000, bins: int = 40, stationary: float = 1e-2
    ):
        given = self.validate(arm=arm, typical=typical, spectra=spectra, bins=bins, stationary=stationary)
        self.arm, self.typical, self.spectra = given["arm"], given["typical"], given["spectra"]
        self.bins, self.stationary = given["bins"], given["stationary"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        given["spectra"] = whole_number("spectra", given["spectra"], 100)
        given["bins"] = whole_number("bins", given["bins"], 5)
        given["stationary"] = real_number("stationary", given["stationary"], above=0.0)
        return given

    @classmethod
    def check_physics(cls, arm, physics) -> None:
        super().check_physics(arm, physics)
        require_bare_exact_glass(arm, physics)
        covariance = covariance_of(physics)
        if not covariance.is_pure:
            raise InputError(f"arm {arm}: covariance {covariance} is mixed; energy gives the centre in pure ones only")
        if physics["landscape"]["n"] > physics["probes"]["hessian_spectrum"]["dense_limit"]:
            raise InputError(f"arm {arm} has sizes above dense_limit of the probe hessian_spectrum: raise it")

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`HessianReport`. Cost: ``spectra`` GOE spectra of each size, seconds at N = 128."""
        content = Content()
        chosen = {"arm": self.arm, "typical": self.typical}
        for parameter in self.arm_parameters:
            arm = self.chosen_arm(chosen, parameter, results.arms)
            if not arm:
                continue
            for number, (shared, points) in enumerate(results.series(arm)):
                label = ",".join(part for part in (arm if self.typical else "", shared_label(shared)) if part)
                group = f"series/{parameter}{number}"
                content.describe(group, label=label, role=parameter)
                rows = [self._point(content, group, label, point, tell) for point in points]
                content.rows += [{k: row[k] for k in _PRINTED if label or k != "series"} for row in rows]
                content.findings += _verdict(label, parameter, rows, points)
        return content

    def _point(self, content: Content, group: str, label: str, point: PointResults, tell) -> dict[str, Any]:
        n, covariance = point.n_units, covariance_of(point.physics)
        tell(f"sampled spectra at {point.label}")
        p, radius = covariance.degrees[0], hessian_law(covariance, energy=0.0).radius
        values = point.read("spectrum/eigenvalue")
        energy = point.read("endpoint/energy_density")
        shifted = values + p * energy[:, :, None]
        place = f"{group}/n={n}"
        edges = np.linspace(-1.15 * radius, 1.15 * radius, self.bins + 1)
        content.add(f"{place}/edges", edges, ("edge",), "energy", "of the bins of eigenvalue + p e")
        histogram = density(shifted, edges)
        content.add(f"{place}/density", histogram.density, ("bin",), "1/energy")
        content.add(f"{place}/density_error", histogram.error, ("bin",), "1/energy")
        curve = np.linspace(-radius, radius, _CURVE)
        content.add(f"{place}/semicircle_at", curve, ("curve",), "energy")
        content.add(f"{place}/semicircle", hessian_law(covariance, energy=0.0).density(curve), ("curve",), "1/energy")
        own = {
            "centre": shifted.mean(axis=2), "width": shifted.std(axis=2), "lower": shifted[:, :, 0],
            "upper": shifted[:, :, -1],
        }  # fmt: skip
        sampled = sample_typical_spectra(covariance, n, self.spectra)
        expected = {"centre": sampled.mean(axis=1), "width": sampled.std(axis=1), "lower": sampled[:, 0],
                    "upper": sampled[:, -1]}  # fmt: skip
        row: dict[str, Any] = {"series": label, "n": n, "energy": _mean(energy)[0], "energy_error": _mean(energy)[1]}
        for name, value in own.items():
            mean, error = _mean(value)
            goe, goe_error = (float(part[0]) for part in mean_and_error(expected[name][:, None]))
            row |= {name: mean, f"{name}_error": error, f"goe_{name}": goe,
                    f"z_{name}": shown(z_score(mean, goe, np.hypot(error, goe_error)))}  # fmt: skip
        row |= self._minima(point, covariance, values, energy)
        content.describe(place, n=n, **{k: v for k, v in row.items() if isinstance(v, float)})
        return row

    def _minima(self, point: PointResults, covariance, values, energy) -> dict[str, Any]:
        """Edges of the minima among the configurations, less those of all minima of the same energies."""
        still = (point.read("endpoint/gradient_norm") <= self.stationary) & (values[:, :, 0] > 0)
        found: dict[str, Any] = {"minima": float(still.mean()), "z_lowest_of_minima": None, "z_highest_of_minima": None}
        if still.mean() < 0.5:
            return found
        predicted = sample_hessians(covariance, point.n_units, self.spectra, seed=1).edges_of_minima(energy)
        for name, law, sampling, at in zip(("lowest", "highest"), *predicted, (0, -1), strict=True):
            less = np.where(still, values[:, :, at] - law, np.nan)
            mean, error = _mean(less)
            # The law deviates in the same direction at neighbouring energies: averages do not lessen its error.
            error = float(np.hypot(error, sampling[np.isfinite(less)].mean())) if np.isfinite(mean) else error
            found |= {f"{name}_less_law": mean, f"{name}_less_law_error": error,
                      f"z_{name}_of_minima": shown(z_score(mean, 0.0, error))}  # fmt: skip
        return found


def _mean(values: np.ndarray) -> tuple[float, float]:
    """Mean over disorder samples (replicas averaged first, NaN left out) and its error."""
    finite = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        units = np.where(finite, values, 0.0).sum(axis=1) / finite.sum(axis=1)
    mean, error = mean_and_error(units[:, None])
    return float(mean[0]), float(error[0])


def _verdict(label: str, role: str, rows, points) -> list[str]:
    where = f"{label}: " if label else ""
    names = ("centre", "width", "lower", "upper")
    scores = [(abs(row[f"z_{name}"]), name, row["n"]) for row in rows for name in names if row[f"z_{name}"] is not None]
    if not scores:
        return [f"{where}Hessians shifted by p e are not tested: an error needs two disorder samples"]
    worst = max(scores)
    described = f"largest |z| = {worst[0]:.2f} ({worst[1]}, N = {worst[2]})"
    if role == "typical":
        verdict = "agree with" if worst[0] < DECISIVE else "DIFFER from"
        return [f"{where}Hessians shifted by p e {verdict} sampled GOE matrices of size N − 1: {described}"]
    findings = [
        f"{where}where the dynamics ended, Hessians shifted by p e against sampled GOE matrices of size N − 1: "
        f"{described}; an end point is a chosen configuration, for which this law holds as N → ∞ only"
    ]
    width = float(np.sqrt(covariance_of(points[0].physics).second(1.0)))
    for name, limit, words in (("centre", 0.0, "0"), ("width", width, f"√f''(1) = {width:.5g}")):
        used = [row for row in rows if row[f"z_{name}"] is not None and row[f"{name}_error"] > 0]
        what = f"{name} of the shifted spectrum"
        if len({row["n"] for row in used}) < 3:
            findings.append(f"{where}{what} is not extrapolated: three sizes with errors are needed")
            continue
        fit = extrapolate(*([row[column] for row in used] for column in ("n", name, f"{name}_error")))
        test = LimitTest(f"N = {used[0]['n']} to {used[-1]['n']}", (fit.limit - limit) / fit.limit_error, fit.p_value)
        found = f"{what} extrapolated as a + b/N ({fit.limit:.4f} ± {fit.limit_error:.4f})"
        findings.append(where + judge_limits([test], found, words, ""))
    for row in rows:
        if row["minima"] < 0.5:
            continue
        if row["z_lowest_of_minima"] is None:
            findings.append(
                f"{where}N = {row['n']}: {row['minima']:.0%} ended in minima; their edges are not tested: two samples "
                "within the sampled energies are needed"
            )
            continue
        findings.append(
            f"{where}N = {row['n']}: {row['minima']:.0%} ended in minima; smallest and largest eigenvalue less their "
            f"means over all minima of the same energies: {row['lowest_less_law']:.3f} ± "
            f"{row['lowest_less_law_error']:.3f} (z = {row['z_lowest_of_minima']:.2f}) and "
            f"{row['highest_less_law']:.3f} ± {row['highest_less_law_error']:.3f} "
            f"(z = {row['z_highest_of_minima']:.2f})"
        )
    return findings
