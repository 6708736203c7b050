r"""Hessian spectra along training: outliers and what they point at, index, spacings, and which law the bulk follows.

Networks on true and on shuffled labels stand beside a glass. At every measuring time: the share of the trace in the
largest eigenvalues, of nearly flat directions, of negative ones, the mean spacing ratio, the share of the gradient in
the outliers' space, and the overlap of that space with class means of gradients, beside chance. At the first and the
last time semicircle, Marchenko–Pastur law and their free sum are fitted to the bulk, beside matrices that follow them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import whole_number
from spinnet.errors import InputError
from spinnet.estimators.resampling import mean_and_error
from spinnet.estimators.spectra import GOE_SPACING_RATIO
from spinnet.reports.base import Content, Report
from spinnet.reports.bulk_laws import LAWS, BulkFit, fit_bulk, law_cdf, null_distances
from spinnet.reports.results import PointResults, StudyResults
from spinnet.reports.verdicts import DECISIVE, z_score

_ROLES = {"arm": "network", "shuffled": "shuffled labels", "glass": "glass", "matched": "matched glass"}
_NETWORKS = ("arm", "shuffled")
_SPACES = {"logits": "gradients of the right logits", "losses": "gradients of the losses",
           "clusters": "gradients of all logits over all classes"}  # fmt: skip
_NEARLY_FLAT = 1e-2
_BINS = 60
_RESOLUTION = 2e-3  # of fitted distances


class HessianSpectraReport(Report):
    """The Hessian of networks along training, beside a glass on its way down.

    Parameters
    ----------
    arm
        Trained networks; may be left out where there is only one arm.
    shuffled
        The same on shuffled labels; may be left out.
    glass
        A glass; may be left out.
    matched
        A glass with the covariance that the data give to the networks' energies: the matched Gaussian landscape. The
        report ``data_correlations`` says its table; may be left out.
    draws
        Matrices of each fitted law that are drawn for the null of its distance.
    fits
        Independent units whose spectra are fitted (the fits cost most of the time).
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ("arm", "shuffled", "glass", "matched")
    probes: ClassVar[tuple[str, ...]] = ("energy", "hessian_course")

    def __init__(
        self, arm: str = "", shuffled: str = "", glass: str = "", matched: str = "", draws: int = 8, fits: int = 4
    ):
        given = self.validate(arm=arm, shuffled=shuffled, glass=glass, matched=matched, draws=draws, fits=fits)
        self.arm, self.shuffled, self.glass, self.matched = arm, shuffled, glass, matched
        self.draws, self.fits = given["draws"], given["fits"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        given["draws"] = whole_number("draws", given["draws"], 3)
        given["fits"] = whole_number("fits", given["fits"], 2)
        return given

    @classmethod
    def check_physics(cls, arm, physics) -> None:
        super().check_physics(arm, physics)
        if physics["last"] <= 0:
            raise InputError(f"arm {arm}: there is no course to look at: give a run longer than 0")

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`HessianSpectraReport`. Cost: some seconds of fits for each point of each arm."""
        content = Content()
        settings = {name: getattr(self, name) for name in self.arm_parameters}
        for role, words in _ROLES.items():
            arm = self.chosen_arm(settings, role, results.arms)
            if not arm:
                continue
            points = sorted(results.points(arm), key=lambda point: point.n_dof)
            for number, point in enumerate(points):
                label = f"{words}, {point.n_dof} parameters" if role in _NETWORKS else f"{words}, N = {point.n_dof}"
                group = f"{role}/{number}"
                content.describe(group, label=label, n_dof=point.n_dof, time_unit=str(point.attributes["time_unit"]))
                found = _course(content, group, label, point)
                tell(f"laws of the bulk of {label}")
                bulk = self._bulk(content, group, point, found["top"] if role in _NETWORKS else 0)
                content.findings += _outlier_findings(label, found)
                content.findings += _spacing_findings(label, found)
                content.findings.append(_bulk_finding(label, bulk))
        return content

    def _bulk(self, content: Content, group: str, point: PointResults, top: int) -> dict[str, dict[str, Any]]:
        """Fits at the first and the last time without the ``top`` largest: distances, with errors and with nulls."""
        times, values = point.read("trajectory/time"), _units(point, "hessian_eigenvalue")
        answer: dict[str, dict[str, Any]] = {}
        for which, at in (("first", 0), ("last", len(times) - 1)):
            spectra = [one[at, : one.shape[1] - top] for one in values if np.isfinite(one[at]).all()][: self.fits]
            rng = np.random.default_rng(at)
            answer[which] = {"time": float(times[at]), "units": len(spectra)}
            if not spectra:
                continue
            own = np.sort(spectra[0])
            edges = np.linspace(own[0], own[-1], _BINS + 1)
            density = np.histogram(own, edges, density=True)[0]
            content.add(f"{group}/{which}/edges", edges, ("edge",), "energy")
            content.add(f"{group}/{which}/density", density, ("bin",), "1/energy", "of the bulk of the first unit")
            for law in LAWS:
                fits = [fit_bulk(one, law) for one in spectra]
                mean, error = mean_and_error(np.array([fit.distance for fit in fits]))
                null = null_distances(fits[0], len(own), self.draws, rng)
                answer[which][law] = (float(mean), float(error), float(null.mean()), float(null.max()))
                key = law.replace(" ", "_").replace("-", "_")
                content.add(f"{group}/{which}/{key}", _binned(fits[0], edges), ("bin",), "1/energy", f"fitted {law}")
                content.describe(f"{group}/{which}", **{
                    f"{key}_distance": float(mean), f"{key}_error": float(error), f"{key}_null": float(null.mean()),
                    f"{key}_null_largest": float(null.max()), "time": float(times[at]),
                    **{f"{key}_parameter{k}": value for k, value in enumerate(fits[0].parameters)},
                })  # fmt: skip
        return answer


def _units(point: PointResults, name: str) -> np.ndarray:
    """A trajectory variable with one row per independent unit: (units, time, …).

    Spectra cannot be averaged before a law is fitted: of replicas on one disorder the first stands for its sample.
    """
    values = point.read(f"trajectory/{name}")
    if point.attributes.get("independent_unit") == "replica":
        return values.reshape(-1, *values.shape[2:])
    return values[:, 0]


def _binned(fit: BulkFit, edges: np.ndarray) -> np.ndarray:
    return np.diff(law_cdf(fit.law, fit.parameters)(edges)) / np.diff(edges)


def _course(content: Content, group: str, label: str, point: PointResults) -> dict[str, Any]:
    times, top = point.read("trajectory/time"), int(point.physics["probes"]["hessian_course"]["top"])
    values = point.read("trajectory/hessian_eigenvalue")
    largest = np.abs(values).max(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        index, zeros = (point.read(f"trajectory/hessian_{name}").astype(float) for name in ("index", "zero_modes"))
        known = index >= 0
        numbers = {
            # of the sum of moduli: the trace itself may be close to zero before training
            "top_share": np.abs(values[..., -top:]).sum(axis=-1) / np.abs(values).sum(axis=-1),
            "nearly_flat": (np.abs(values) < _NEARLY_FLAT * largest[..., None]).mean(axis=-1),
            "negative": np.where(known, index / (values.shape[-1] - zeros), np.nan),
            "zero_modes": np.where(known, zeros, np.nan),
            "largest": values[..., -1],
            "smallest": values[..., 0],
        }
    lost = ~np.isfinite(values).all(axis=-1)
    for name in ("top_share", "nearly_flat"):
        numbers[name][lost] = np.nan
    for name in ("energy_density", "hessian_spacing_ratio", "hessian_gradient_share"):
        numbers[name.removeprefix("hessian_")] = point.read(f"trajectory/{name}")
    for name in _SPACES:
        for ending in ("", "_chance", "_spread"):
            if point.has(f"trajectory/outlier_{name}{ending}"):
                numbers[f"{name}{ending}"] = point.read(f"trajectory/outlier_{name}{ending}")
    content.add(f"{group}/time", times, ("time",), str(point.attributes["time_unit"]))
    found: dict[str, Any] = {"time": times, "top": top, "modes": values.shape[-1], "mean": {}, "error": {}}
    for name, value in numbers.items():
        per_unit = _over_units(point, value)
        mean, error = mean_and_error(per_unit)
        found["mean"][name], found["error"][name] = mean, error
        content.add(f"{group}/{name}", mean, ("time",))
        content.add(f"{group}/{name}_error", error, ("time",))
    found["units"] = len(per_unit)
    for k in sorted({0, len(times) // 2, len(times) - 1}):
        row = {"who": label, "time": float(times[k])}
        for name in ("energy_density", "top_share", "nearly_flat", "negative", "spacing_ratio", "gradient_share"):
            row |= {name: float(found["mean"][name][k]), f"{name}_error": float(found["error"][name][k])}
        if "losses" in found["mean"]:
            row |= {"losses": float(found["mean"]["losses"][k]), "losses_error": float(found["error"]["losses"][k])}
        content.rows.append(row)
    return found


def _over_units(point: PointResults, values: np.ndarray) -> np.ndarray:
    if point.attributes.get("independent_unit") == "replica":
        return values.reshape(-1, *values.shape[2:])
    finite = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(finite, values, 0.0).sum(axis=1) / finite.sum(axis=1)


def _outlier_findings(label: str, found: dict[str, Any]) -> list[str]:
    mean, error, top = found["mean"], found["error"], found["top"]
    said = [
        f"{label}: the largest {top} of {found['modes']} eigenvalues hold {mean['top_share'][0]:.3f} ± "
        f"{error['top_share'][0]:.3f} of the sum of moduli at the start and {mean['top_share'][-1]:.3f} ± "
        f"{error['top_share'][-1]:.3f} at the end; nearly flat (below 1 % of the largest) are "
        f"{mean['nearly_flat'][0]:.3f} and {mean['nearly_flat'][-1]:.3f}, negative {mean['negative'][0]:.3f} and "
        f"{mean['negative'][-1]:.3f} of the non-zero modes"
    ]
    for name, words in _SPACES.items():
        if name not in mean:
            continue
        values, chance, spread = mean[name], mean[f"{name}_chance"], mean[f"{name}_spread"]
        best = int(np.nanargmax(values))
        z = z_score(values[-1], chance[-1], float(np.hypot(error[name][-1], spread[-1] / np.sqrt(found["units"]))))
        verdict = "above chance" if z > DECISIVE else "NOT told from chance"
        said.append(
            f"{label}: overlap of the outliers' space with the class means of the {words}: {values[0]:.3f} at the "
            f"start, at most {values[best]:.3f} ± {error[name][best]:.3f} (time {found['time'][best]:.4g}), "
            f"{values[-1]:.3f} ± {error[name][-1]:.3f} at the end; a random space has {chance[-1]:.3f}: {verdict} "
            f"(z = {z:.1f}); square roots {np.sqrt(values[best]):.2f}, {np.sqrt(values[-1]):.2f} and "
            f"{np.sqrt(chance[-1]):.2f}"
        )
    return said


def _spacing_findings(label: str, found: dict[str, Any]) -> list[str]:
    value, error = found["mean"]["spacing_ratio"][-1], found["error"]["spacing_ratio"][-1]
    z = z_score(value, GOE_SPACING_RATIO, error)
    if not np.isfinite(z):
        return [f"{label}: the spacing ratio is not tested: an error needs two independent units"]
    verdict = "is that of the GOE" if abs(z) < DECISIVE else "is NOT that of the GOE"
    return [f"{label}: the spacing ratio at the end, {value:.4f} ± {error:.4f}, {verdict} (0.5307; z = {z:.1f})"]


def _bulk_finding(label: str, bulk: dict[str, dict[str, Any]]) -> str:
    parts = []
    for which in ("first", "last"):
        one = bulk[which]
        laws = [law for law in LAWS if law in one]
        if not laws:
            parts.append(f"at time {one['time']:.4g} no spectrum is finite")
            continue
        nearest = min(laws, key=lambda law: one[law][0])
        distance, largest = one[nearest][0], one[nearest][3]
        # the free sum contains the other two as limits: a difference of a fit's resolution says nothing
        equal = [law for law in laws if one[law][0] <= distance + _RESOLUTION]
        verdict = "as near as matrices of that law are" if distance <= largest else "further than matrices of that law"
        each = ", ".join(f"{law} {one[law][0]:.4f} ± {one[law][1]:.4f} (null {one[law][2]:.4f})" for law in laws)
        parts.append(f"at time {one['time']:.4g}: {each}; nearest is the {' and the '.join(equal)}, {verdict}")
    return f"{label}: Kolmogorov–Smirnov distance of the bulk: {'; '.join(parts)}"
