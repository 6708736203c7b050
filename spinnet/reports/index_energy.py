r"""Index against energy of stationary points, beside the semicircle and the exact law at finite size.

At energy density e the Hessian of a pure p-spin glass is a semicircle of centre −pe and radius
:math:`\sqrt{2p(p-1)}` for large N: the share of negative eigenvalues is its mass below zero. At finite N the mean index
at given e over all stationary points is known (:mod:`spinnet.theory.stationary_hessians`).

Points that a search finds are not drawn evenly from all stationary points: agreement is a result, not a necessity.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import whole_number
from spinnet.errors import InputError, ResultFileError
from spinnet.estimators.resampling import mean_and_error
from spinnet.estimators.scaling import extrapolate
from spinnet.reports.base import Content, Report
from spinnet.reports.glass_theory import covariance_of, require_bare_exact_glass
from spinnet.reports.results import PointResults, StudyResults
from spinnet.reports.verdicts import LimitTest, judge_limits, z_scores
from spinnet.theory.covariance import Covariance
from spinnet.theory.kac_rice import dominant_marginal_energy, index_fraction, level_energy
from spinnet.theory.stationary_hessians import sample_hessians

_ARRIVED = 1  # the dynamics' status of a start that reached a stationary point
_FEWEST_SAMPLES = 8  # disorder samples in a bin, for an error of their mean
_CURVE = 101


class IndexEnergyReport(Report):
    """Index density k/(N − 1) of searched stationary points in bins of energy, and the energies of low-index points.

    Parameters
    ----------
    arm
        The arm of the searches (dynamics SaddleSearch with the axes n and, usually, descent).
    bins
        Bins of energy density over the range of the points.
    low_indices
        Energies are shown for indices 0 to this.
    spectra
        GOE spectra that are sampled for the exact law at each size.
    """

    probes: ClassVar[tuple[str, ...]] = ("final", "hessian_spectrum")
    landscapes: ClassVar[tuple[str, ...]] = ("SphericalGlass",)
    dynamics: ClassVar[tuple[str, ...]] = ("SaddleSearch",)

    def __init__(self, arm: str = "", bins: int = 10, low_indices: int = 5, spectra: int = 4000):
        given = self.validate(arm=arm, bins=bins, low_indices=low_indices, spectra=spectra)
        self.arm, self.bins = given["arm"], given["bins"]
        self.low_indices, self.spectra = given["low_indices"], given["spectra"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        given["bins"] = whole_number("bins", given["bins"], 2)
        given["low_indices"] = whole_number("low_indices", given["low_indices"], 0)
        given["spectra"] = whole_number("spectra", given["spectra"], 100)
        return given

    @classmethod
    def check_physics(cls, arm, physics) -> None:
        super().check_physics(arm, physics)
        require_bare_exact_glass(arm, physics)
        covariance = covariance_of(physics)
        if not covariance.is_pure:
            raise InputError(f"arm {arm}: covariance {covariance} is mixed; energy tells the index in pure models only")

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`IndexEnergyReport`. Cost: ``spectra`` GOE spectra of each size, seconds at N = 64."""
        content = Content()
        arm = self.chosen_arm({"arm": self.arm}, "arm", results.arms)
        points = results.points(arm)
        covariance = covariance_of(points[0].physics)
        sizes = sorted({point.n_units for point in points})
        found = {n: _Found([point for point in points if point.n_units == n]) for n in sizes}
        every = np.concatenate([found[n].energy for n in sizes])
        if not len(every):
            raise ResultFileError(f"no search of arm {arm} arrived at a stationary point")
        edges = np.linspace(*np.quantile(every, (0.005, 0.995)), self.bins + 1)
        _theory(content, covariance, (min(edges[0], -1.3), max(edges[-1], 0.3)))
        tests, deviations = [], {}
        for n in sizes:
            tell(f"exact law at n = {n}")
            row, deviations[n] = self._size(content, covariance, n, found[n], edges)
            tests.append(row)
        rows = [{key: value for key, value in row.items() if not key.startswith("_")} for row in tests]
        content.rows += rows
        content.findings += _verdict(tests)
        content.findings += _large_n(content, edges, deviations)
        content.findings += self._low(content, covariance, found)
        return content

    def _size(self, content, covariance, n: int, found: _Found, edges) -> tuple[dict[str, Any], dict]:
        """The bins of one size, against the semicircle and the exact law."""
        group = f"sizes/n={n}"
        law = sample_hessians(covariance, n, self.spectra)
        expected, sampling = law.mean_index(found.energy)
        limit = np.array([index_fraction(covariance, e) for e in found.energy])
        share = found.index / (n - 1)
        bins = np.digitize(found.energy, edges) - 1
        table = {name: [] for name in _BINNED}
        deviations = {}
        for b in range(len(edges) - 1):
            at = bins == b
            units = np.unique(found.sample[at])
            if len(units) < _FEWEST_SAMPLES:
                continue
            mean, error = found.over_samples(share, at)
            off, off_error = found.over_samples(share - limit, at)
            exact, exact_error = found.over_samples(found.index - expected, at & np.isfinite(expected))
            exact_error = float(np.hypot(exact_error, np.nanmean(sampling[at])))
            deviations[b] = (off, off_error)
            values = (b, found.energy[at].mean(), at.sum(), mean, error, limit[at].mean(), exact, exact_error)
            for name, value in zip(_BINNED, values, strict=True):
                table[name].append(value)
        for name, values in table.items():
            content.add(f"{group}/{name}", np.array(values, float), ("bin",), "energy" if name == "energy" else "1")
        content.add(f"{group}/point_energy", found.energy, ("point",), "energy", "of every point that was found")
        content.add(f"{group}/point_index", found.index, ("point",))
        curve = np.linspace(edges[0], edges[-1], _CURVE)
        content.add(f"{group}/curve_energy", curve, ("curve",), "energy")
        content.add(f"{group}/exact_share", law.mean_index(curve)[0] / (n - 1), ("curve",), "1",
                    "exact mean index density at this size")  # fmt: skip
        scores = z_scores(table["excess"], 0.0, table["excess_error"])
        scores = scores[~np.isnan(scores)]
        # One number for all energies: the mean over samples of the mean excess over the points of a sample.
        known = np.isfinite(expected)
        overall, overall_error = found.over_samples(found.index - expected, known)
        # The law's own error: as if it deviated in one direction at all energies, which is the most it can do.
        overall_error = float(np.hypot(overall_error, sampling[known].mean()))
        content.describe(group, n=n, searches=found.searches, arrived=len(found.energy))
        row = {"n": n, "searches": found.searches, "arrived": len(found.energy) / found.searches,
               "lowest": float(found.energy.min()), "highest": float(found.energy.max()),
               "excess": overall, "excess_error": overall_error, "bins": len(scores),
               "largest_z": float(np.abs(scores).max()) if len(scores) else None}  # fmt: skip
        return row, deviations

    def _low(self, content: Content, covariance: Covariance, found: dict[int, _Found]) -> list[str]:
        """Energies of points of low index: the band above the ground state."""
        p = covariance.degrees[0]
        levels = [level_energy(covariance, k) for k in range(self.low_indices + 1)]
        threshold = dominant_marginal_energy(covariance)
        content.add("low/level_energy", levels, ("index",), "energy", "E_k, no such points below for large N")
        content.describe("low", ground_state=levels[0], threshold=threshold)
        for n, points in found.items():
            law = sample_hessians(covariance, n, self.spectra, seed=1)
            typical, spread = law.energies_by_index(self.low_indices + 1, (p - 2) / p)
            group = f"low/n={n}"
            chosen = [points.energy[points.index == k] for k in range(self.low_indices + 1)]
            content.describe(group, n=n)
            content.add(f"{group}/index", np.arange(self.low_indices + 1), ("index",))
            content.add(f"{group}/number", [len(e) for e in chosen], ("index",))
            for name, statistic in (("mean", np.mean), ("lowest", np.min), ("highest", np.max)):
                values = [statistic(e) if len(e) else np.nan for e in chosen]
                content.add(f"{group}/{name}", values, ("index",), "energy")
            content.add(f"{group}/typical", typical, ("index",), "energy", "exact mean over all points of this index")
            content.add(f"{group}/typical_spread", spread, ("index",), "energy", "standard deviation over all points")
        n, points = max(found), found[max(found)]
        low = points.energy[points.index <= self.low_indices]
        if not len(low):
            return [f"N = {n}: no point of index {self.low_indices} or less was found; lengthen the descents"]
        rest = points.energy[points.index > self.low_indices]
        above = f"; all others lie above {rest.min():.4f}" if len(rest) else ""
        return [
            f"N = {n}: the {len(low)} points of index 0 to {self.low_indices} lie between e = {low.min():.4f} and "
            f"{low.max():.4f}{above}. For N → ∞ such points lie between the ground state {levels[0]:.4f} and the "
            f"threshold {threshold:.4f}"
        ]


_BINNED = ("bin", "energy", "number", "share", "share_error", "semicircle", "excess", "excess_error")


class _Found:
    """Stationary points of one size, from all descents: energy density, index, disorder sample."""

    def __init__(self, points: list[PointResults]):
        energy, index, sample = [], [], []
        self.searches = 0
        for point in points:
            arrived = point.read("dynamics/search_status") == _ARRIVED
            self.searches += arrived.size
            energy.append(point.read("endpoint/energy_density")[arrived])
            index.append(point.read("spectrum/index")[arrived])
            numbers = point.sample_numbers("dynamics")
            sample.append(np.broadcast_to(numbers[:, None], arrived.shape)[arrived])
        self.energy, self.index = np.concatenate(energy), np.concatenate(index).astype(float)
        self.sample = np.concatenate(sample)

    def over_samples(self, values: np.ndarray, chosen: np.ndarray) -> tuple[float, float]:
        """Mean over the chosen points and its error: points of one disorder sample are not independent."""
        samples = np.unique(self.sample[chosen])
        means = [values[chosen & (self.sample == sample)].mean() for sample in samples]
        mean, error = mean_and_error(np.array(means)[:, None])
        return float(mean[0]), float(error[0])


def _theory(content: Content, covariance: Covariance, limits) -> None:
    grid = np.linspace(*limits, 2 * _CURVE)
    content.add("theory/energy", grid, ("energy",), "energy")
    content.add("theory/share", [index_fraction(covariance, e) for e in grid], ("energy",), "1",
                "share of negative eigenvalues of the semicircle of centre -pe")  # fmt: skip


def _verdict(tests) -> list[str]:
    tested = [row for row in tests if row["largest_z"] is not None]
    if not tested:
        return ["no bin of energy holds points of enough disorder samples: nothing is tested"]
    parts = [
        f"N = {row['n']}: {row['excess']:.3f} ± {row['excess_error']:.3f} (largest |z| of {row['bins']} bins "
        f"{row['largest_z']:.2f})"
        for row in tested
    ]
    return [
        f"index less its exact mean over all stationary points of the same energy and size: {'; '.join(parts)}. "
        "Searches do not draw evenly from all points: a difference is a preference of the search"
    ]


def _large_n(content: Content, edges, deviations) -> list[str]:
    """k/(N − 1) minus the semicircle, extrapolated as a + b/N in each bin that all sizes have."""
    sizes = sorted(deviations)
    common = [b for b in range(len(edges) - 1) if all(b in deviations[n] for n in sizes)]
    if len(sizes) < 3 or not common:
        return [f"{len(sizes)} sizes with {len(common)} common bins: at least three sizes are needed for N → ∞"]
    fits = []
    for b in common:
        values, errors = np.array([deviations[n][b] for n in sizes]).T
        if (errors > 0).all():
            fits.append((0.5 * (edges[b] + edges[b + 1]), extrapolate(sizes, values, errors)))
    if not fits:
        return [f"{len(common)} common bins without errors: nothing is extrapolated to N → ∞"]
    content.add("limit/energy", [e for e, _ in fits], ("bin",), "energy")
    content.add("limit/deviation", [fit.limit for _, fit in fits], ("bin",))
    content.add("limit/deviation_error", [fit.limit_error for _, fit in fits], ("bin",))
    content.add("limit/fit_p_value", [fit.p_value for _, fit in fits], ("bin",))
    tests = [LimitTest(f"e = {e:.3g}", fit.limit / fit.limit_error, fit.p_value) for e, fit in fits]
    what = f"the index density extrapolated as a + b/N over {len(sizes)} sizes"
    return [judge_limits(tests, what, "the semicircle of centre −pe", "in {} bins")]
