"""What covariance data give to a network's energies, against a null of shuffled labels; the freezing of its levels.

Covariances are those of :mod:`spinnet.estimators.overlap_covariance`: over resamplings of the data and over weights,
each with f(1) = 1/2. Levels are energies of random weights on their spheres; their Boltzmann participation ratios are
compared, at equal number of levels and in units of their standard deviation, with Gaussian levels of the measured
covariance and with independent ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import whole_number
from spinnet.estimators.overlap_covariance import (
    KINDS,
    CovarianceFit,
    OverlapCovariance,
    fit_degrees,
    gaussian_levels,
    overlap_covariance,
    paired_error,
    participation,
)
from spinnet.estimators.resampling import mean_and_error
from spinnet.reports.base import Content, Report, require_probe
from spinnet.reports.results import PointResults, StudyResults

#: Inverse temperatures in units of one over the standard deviation of the levels.
SCALED_BETA = np.linspace(0.25, 6.0, 24)
#: Where Y_2 is put into the table: deep in the frozen phase of some ten to a thousand levels.
TABLE_BETA = 4.0
_DRAWS = 64
_LABELS = {"data": "over data", "weights": "over weights"}


class DataCorrelationsReport(Report):
    """f(q), its powers, the raw variances and the participation ratios of each network, with and without true labels.

    Parameters
    ----------
    arm
        The network on its data, measured with ``data_covariance``.
    null
        The same with shuffled labels; may be left out.
    trained
        Networks that were trained, measured with ``energy``: each replica is a level; may be left out.
    degrees
        Highest degree of the fits.
    set_size
        Levels in one set; the levels of a network are divided into sets, the units of the error of its Y_2.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ("arm", "null", "trained")
    landscapes: ClassVar[tuple[str, ...]] = ("DenseNetwork",)

    def __init__(self, arm: str = "", null: str = "", trained: str = "", degrees: int = 8, set_size: int = 64):
        given = self.validate(arm=arm, null=null, trained=trained, degrees=degrees, set_size=set_size)
        self.arm, self.null, self.trained = given["arm"], given["null"], given["trained"]
        self.degrees, self.set_size = given["degrees"], given["set_size"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        given["degrees"] = whole_number("degrees", given["degrees"], 2)
        given["set_size"] = whole_number("set_size", given["set_size"], 8)
        return given

    @classmethod
    def check(cls, settings: Mapping[str, Any], arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        super().check(settings, arms)
        for parameter in cls.arm_parameters:
            name = cls.chosen_arm(settings, parameter, list(arms))
            probe = "energy" if parameter == "trained" else "data_covariance"
            for physics in arms[name] if name else ():
                require_probe(name, physics, probe)

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`DataCorrelationsReport`. Costs some seconds per point: fits of resampled covariances."""
        content = Content()
        settings = {name: getattr(self, name) for name in self.arm_parameters}
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for role in ("arm", "null"):
            arm = self.chosen_arm(settings, role, results.arms)
            if not arm:
                continue
            found[role] = {}
            for number, point in enumerate(results.points(arm)):
                tell(f"covariance of {arm}, {point.label}")
                found[role][_network(point)] = self._point(content, f"{role}/{number}", arm, point)
        trained = self.chosen_arm(settings, "trained", results.arms)
        if trained:
            self._trained(content, results.points(trained), found["arm"])
        self._findings(content, found)
        return content

    def _point(self, content: Content, group: str, arm: str, point: PointResults) -> dict[str, Any]:
        overlap, sums, counts = (point.read(f"covariance/{name}") for name in ("overlaps", "sums", "counts"))
        overlap, counts = overlap.reshape(-1, overlap.shape[-1])[0], counts.reshape(-1, counts.shape[-1])[0]
        # samples and replicas on one data set are more pairs of weights
        sums = sums.reshape(-1, *sums.shape[3:])
        n_weights = point.n_dof
        # what must be equal for replicates of two arms to repeat the same pairs and blocks
        drawn = (sums.shape[0], counts.tolist())
        found: dict[str, Any] = {"arm": arm, "resampled": drawn, "n_weights": n_weights, "network": _network(point),
                                 "layers": len(point.physics["landscape"]["hidden"]) + 1}  # fmt: skip
        content.describe(group, label=_network(point), arm=arm, n_weights=n_weights, patterns=point.n_units,
                         layers=found["layers"])  # fmt: skip
        for kind in KINDS:
            covariance = overlap_covariance(overlap, sums, counts, kind)
            fit = fit_degrees(covariance, self.degrees)
            found[kind] = covariance, fit
            _add_covariance(content, f"{group}/{kind}", covariance, fit)
            content.rows.append(_row(arm, point, kind, covariance, fit))
        if point.has("levels/energy"):
            found["levels"] = self._levels(content, f"{group}/levels", point, *found["weights"])
        return found

    def _levels(
        self, content: Content, group: str, point: PointResults, covariance: OverlapCovariance, fit: CovarianceFit
    ) -> dict[str, Any]:
        energy, overlap = point.read("levels/energy"), point.read("levels/overlap")
        energy, overlap = energy.reshape(-1, energy.shape[-1]), overlap.reshape(-1, *overlap.shape[-2:])
        size = min(self.set_size, energy.shape[1])
        rng = np.random.default_rng(0)
        own, gaussian, tree, free, chance = [], [], [], [], []
        for levels, matrix in zip(energy, overlap, strict=True):
            scale = levels.std(ddof=1)
            for first in range(0, len(levels) - size + 1, size):
                part = slice(first, first + size)
                own.append(participation(levels[part], SCALED_BETA / scale))
                drawn = gaussian_levels(2.0 * fit(matrix[part, part]), _DRAWS, rng)
                ratios = participation(drawn, SCALED_BETA)
                gaussian.append(ratios.mean(axis=0))
                chance.append(ratios.var(axis=0, ddof=1))
                tree.append(participation(_tree_levels(fit, size, rng), SCALED_BETA).mean(axis=0))
                free.append(participation(rng.standard_normal((_DRAWS, size)), SCALED_BETA).mean(axis=0))
        standard = (energy - energy.mean(axis=1, keepdims=True)) / energy.std(axis=1, ddof=1, keepdims=True)
        skewness, kurtosis = float((standard**3).mean()), float((standard**4).mean() - 3.0)
        content.describe(group, set_size=size, sets=len(own), skewness=skewness, excess_kurtosis=kurtosis,
                         freezing=1.0 / math.sqrt(2.0 * math.log(size)))  # fmt: skip
        content.add(f"{group}/scaled_beta", SCALED_BETA, ("scaled_beta",))
        at = int(np.argmin(np.abs(SCALED_BETA - TABLE_BETA)))
        # the error of the mean that Gaussian sets would have: own errors of a few sets are too rough for a test
        expected = math.sqrt(float(np.mean(chance, axis=0)[at]) / len(own))
        table: dict[str, Any] = {"skewness": skewness, "kurtosis": kurtosis, "size": size, "expected": expected}
        for name, values in (
            ("network", own), ("gaussian", gaussian), ("tree", tree), ("independent", free),
        ):
            mean, error = mean_and_error(np.array(values))
            content.add(f"{group}/{name}", mean, ("scaled_beta",), "1", f"mean Y_2 of {name} levels")
            content.add(f"{group}/{name}_error", error, ("scaled_beta",))
            table[name] = float(mean[at]), float(error[at])
        return table

    def _trained(self, content: Content, points: list[PointResults], random: dict[str, dict[str, Any]]) -> None:
        """Trained configurations as levels, beside as many random ones."""
        for number, point in enumerate(points):
            values = point.read("trajectory/energy")[..., -1].ravel()
            values = values[np.isfinite(values)]
            if len(values) < 3 or values.std() == 0.0:
                continue
            group = f"trained/{number}"
            content.describe(group, label=_network(point), levels=len(values), mean=float(values.mean()),
                             deviation=float(values.std(ddof=1)), patterns=point.n_units)  # fmt: skip
            content.add(f"{group}/scaled_beta", SCALED_BETA, ("scaled_beta",))
            content.add(f"{group}/network", participation(values, SCALED_BETA / values.std(ddof=1)), ("scaled_beta",))
            known = random.get(_network(point))
            if known is not None:
                wide = math.sqrt(known["weights"][0].variance_per_pattern * point.n_units)
                content.findings.append(
                    f"{_network(point)}: {len(values)} trained configurations have energies {values.mean():.4g} ± "
                    f"{values.std(ddof=1):.2g} (standard deviation), random ones a standard deviation of {wide:.3g}: "
                    f"training narrows the levels {wide / values.std(ddof=1):.3g}-fold"
                )

    def _findings(self, content: Content, found: dict[str, dict[str, dict[str, Any]]]) -> None:
        content.findings.append(_degrees_and_layers(found["arm"]))
        for network, one in found["arm"].items():
            for kind in KINDS:
                content.findings.append(f"{network}, covariance {_LABELS[kind]}: {_spectrum(*one[kind])}")
            content.findings.append(f"{network}: {_glass_table(one['data'][1])}")
            other = found.get("null", {}).get(network)
            if other is not None:
                content.findings.append(f"{network}: {_against_null(one, other)}")
            if "levels" in one:
                content.findings.append(f"{network}: {_freezing(one['levels'])}")


def _tree_levels(fit: CovarianceFit, size: int, rng: np.random.Generator) -> np.ndarray:
    """Levels at ``size`` leaves of a binary tree, with the covariance that f has at q = the common depth, from 0 to 1.

    A random energy model of many generations with A(x) = (f(x) − f(0))/(f(1) − f(0)), variance one.
    """
    generations = math.ceil(math.log2(size))
    values = fit(np.arange(generations + 1) / generations)
    steps = np.sqrt(np.maximum(np.diff(values), 0.0) / (values[-1] - values[0]))
    energy = np.zeros((_DRAWS, 1))
    for step in steps:
        energy = np.repeat(energy, 2, axis=1)
        energy = energy + step * rng.standard_normal(energy.shape)
    return energy[:, rng.permutation(energy.shape[1])[:size]]


def _network(point: PointResults) -> str:
    return "hidden = " + "-".join(str(width) for width in point.physics["landscape"]["hidden"])


def _add_covariance(content: Content, group: str, covariance: OverlapCovariance, fit: CovarianceFit) -> None:
    content.describe(group, variance_per_pattern=covariance.variance_per_pattern,
                     variance_error=covariance.variance_error)  # fmt: skip
    axis = ("overlap",)
    content.add(f"{group}/overlap", covariance.overlap, axis)
    content.add(f"{group}/value", covariance.value, axis, "1", "f(q), f(1) = 1/2")
    content.add(f"{group}/error", covariance.error, axis)
    content.add(f"{group}/spread", covariance.spread, axis, "1", "standard deviation over pairs at equal overlap")
    content.add(f"{group}/spread_noise", covariance.spread_noise, axis, "1", "what the patterns explain of it")
    content.add(f"{group}/fine_overlap", np.linspace(0.0, 1.0, 101), ("fine_overlap",))
    content.add(f"{group}/fitted", fit(np.linspace(0.0, 1.0, 101)), ("fine_overlap",))
    for name in ("degrees", "squares", "errors", "lower", "upper"):
        content.add(f"{group}/{name}", getattr(fit, name), ("degree",))
    content.add(f"{group}/residual", fit.residual, ("inside",), "1", "(f - fit)/error below q = 1")


def _row(
    arm: str, point: PointResults, kind: str, covariance: OverlapCovariance, fit: CovarianceFit
) -> dict[str, Any]:
    mean = float(fit.degrees @ fit.squares)
    return {
        "arm": arm, "network": _network(point).removeprefix("hidden = "), "weights": point.n_dof, "covariance": kind,
        "variance_per_pattern": covariance.variance_per_pattern, "variance_error": covariance.variance_error,
        "degree_0": float(fit.squares[0]), "degree_1": float(fit.squares[1]),
        "degrees_2_6": float(fit.squares[2:7].sum()), "mean_degree": mean,
    }  # fmt: skip


def _spectrum(covariance: OverlapCovariance, fit: CovarianceFit) -> str:
    parts = [
        f"a_{p}² = {square:.3f} ± {error:.3f}"
        for p, square, error in zip(fit.degrees, fit.squares, fit.errors, strict=True)
        if square > 0.02
    ]
    worst = float(np.abs(fit.residual).max())
    fits = f"fits within {worst:.1f} errors" if worst < 4 else f"is NOT described by the fit ({worst:.1f} errors)"
    anisotropy = ""
    if np.isfinite(covariance.spread).all():
        middle = int(np.argmin(np.abs(covariance.overlap - 0.5)))
        anisotropy = (
            f"; pairs at q = {covariance.overlap[middle]:.2g} spread by {covariance.spread[middle]:.2g} about f = "
            f"{covariance.value[middle]:.2g} (patterns explain {covariance.spread_noise[middle]:.2g})"
        )
    left = sum(fit.left_out().values())
    return (
        f"{', '.join(parts)}; {fits}; degrees 2 to 6 hold {1 - left:.2f}{anisotropy}; variance per pattern "
        f"{covariance.variance_per_pattern:.3g} ± {covariance.variance_error:.2g}"
    )


def _glass_table(fit: CovarianceFit) -> str:
    """The table of a SphericalGlass with the covariance over data, for an arm beside the network."""
    amplitudes, left = fit.amplitudes(2, 6), fit.left_out(2, 6)
    if not amplitudes:
        return "no part of degree 2 to 6: there is no glass of this covariance"
    table = ", ".join(f"{p} = {a:.4g}" for p, a in amplitudes.items())
    return (
        f"glass of its covariance over data: covariance = {{{table}}} ({sum(left.values()):.3f} of f(1) is of other "
        "degrees and left out)"
    )


def _degrees_and_layers(networks: dict[str, dict[str, Any]]) -> str:
    """Mean degree Σ p a_p² (degrees above 0) over data against the number of layers."""
    parts = []
    for network, one in networks.items():
        covariance, fit = one["data"]
        moving = fit.degrees > 0
        mean = float(fit.degrees[moving] @ fit.squares[moving] / fit.squares[moving].sum())
        parts.append(f"{one['layers']} layers ({network}): {mean:.2f} ({_local_exponent(covariance, fit)})")
    return f"mean degree of the covariance over data, degree 0 left out: {'; '.join(parts)}"


def _local_exponent(covariance: OverlapCovariance, fit: CovarianceFit) -> str:
    """The exponent of 2f − a_0² from the last overlap below 1 to q = 1, where it tends to the mean degree.

    Degree 0 has no slope and is taken out of the value: otherwise the exponent would be smaller by 1 − a_0².
    """
    last = int(np.flatnonzero(covariance.overlap < 1)[-1])
    constant = fit.degrees == 0
    if covariance.overlap[last] <= 0:
        return "local exponent near q = 1: not tested"

    def exponent(value: np.ndarray, squares: np.ndarray) -> np.ndarray:
        left = squares[..., constant].sum(axis=-1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.log((2.0 * value[..., last] - left) / (1.0 - left)) / math.log(covariance.overlap[last])

    found = float(exponent(covariance.value, fit.squares))
    error = float(paired_error(exponent(covariance.replicates, fit.replicates)))
    if not math.isfinite(found + error):
        return "local exponent near q = 1: not tested"
    return f"local exponent near q = 1: {found:.2f} ± {error:.2f}"


def _against_null(one: dict[str, Any], other: dict[str, Any]) -> str:
    """Variances and shape beside those of shuffled labels.

    Both arms have the same weights, partners and images, so that their errors are not independent: the ratio and the
    difference are taken in every replicate.
    """
    if one["resampled"] != other["resampled"] or not np.array_equal(one["data"][0].overlap, other["data"][0].overlap):
        return "true and shuffled labels were measured with unlike pairs, blocks or overlaps: not tested"
    parts = []
    for kind in KINDS:
        (a, _), (b, _) = one[kind], other[kind]
        ratio = a.variance_per_pattern / b.variance_per_pattern
        error = float(paired_error(a.variance_replicates / b.variance_replicates))
        parts.append(f"{_LABELS[kind]} true labels have {ratio:.2f} ± {error:.2f} times the variance of shuffled ones")
    a, b = one["data"][0], other["data"][0]
    inside = a.overlap < 1
    with np.errstate(invalid="ignore", divide="ignore"):
        z = ((a.value - b.value) / paired_error(a.replicates - b.replicates))[inside]
    if np.isnan(z).all():
        return "; ".join([*parts, "the shape of f over data has no error: not tested"])
    k = int(np.nanargmax(np.abs(z)))
    shape = "differs" if abs(z[k]) > 4 else "does not differ beyond errors"
    parts.append(f"the shape of f over data {shape} (largest z = {z[k]:.1f} at q = {a.overlap[inside][k]:.2g})")
    return "; ".join(parts)


def _freezing(table: dict[str, Any]) -> str:
    (own, error), (gauss, gauss_error), (free, _) = (table[name] for name in ("network", "gaussian", "independent"))
    z = (own - gauss) / math.hypot(table["expected"], gauss_error)
    verdict = "as" if abs(z) < 4 else ("more than" if own > gauss else "less than")
    return (
        f"its {table['size']} levels condense {verdict} Gaussian ones of the same covariance: Y_2 = {own:.3f} ± "
        f"{error:.3f} at T = σ/{TABLE_BETA:g} against {gauss:.3f} (z = {z:.1f}; independent levels {free:.3f}, "
        f"a tree {table['tree'][0]:.3f}); "
        f"skewness {table['skewness']:.2f}, excess kurtosis {table['kurtosis']:.2f}"
    )
