r"""Numbers of stationary points of small glasses by energy and index, beside their exact finite-size means.

:math:`\Sigma_k(e) = \lim \frac1N \ln E\,N_k(\le e)`. At small N the mean numbers themselves are known exactly (Kac and
Rice; Auffinger, Ben Arous and Černý 2013), and a census of each disorder sample counts them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError, NotConvergedError
from spinnet.estimators.resampling import mean_and_error
from spinnet.reports.base import Content, Report
from spinnet.reports.glass_theory import covariance_of, require_bare_exact_glass
from spinnet.reports.results import PointResults, StudyResults, shared_label
from spinnet.reports.verdicts import DECISIVE, shown, z_scores
from spinnet.theory.covariance import Covariance
from spinnet.theory.critical_points import expected_critical_points_by_index
from spinnet.theory.kac_rice import complexity, index_complexity, level_energy

#: Numbers of which fewer than this many points are expected in all samples have no Gaussian error: not tested.
FEWEST_EXPECTED = 30.0
_CURVE = 41
_LOWEST, _HIGHEST = 1.6, 0.0  # of the grid of energies, in units of the root mean square at q = 1 (√2 a)


class ComplexityReport(Report):
    """Mean numbers of stationary points at every size against their exact means, by index and by energy.

    A sample is accepted where its census is complete. Where some are not, the mean over the accepted ones is biased
    (landscapes with many points are the hard ones): it is then reported beside the mean of what was found in all
    samples, a lower bound, and not tested.

    Parameters
    ----------
    arm
        The arm of the censuses; may be left out where there is only one.
    energies
        Energy densities up to which points are counted and tested; empty takes five between the ground state's and 0.
    indices
        Curves of Σ_k are shown for k below this.
    """

    landscapes: ClassVar[tuple[str, ...]] = ("SphericalGlass",)
    dynamics: ClassVar[tuple[str, ...]] = ("CriticalPointCensus",)

    def __init__(self, arm: str = "", energies: Sequence[float] = (), indices: int = 3):
        given = self.validate(arm=arm, energies=energies, indices=indices)
        self.arm, self.energies, self.indices = given["arm"], given["energies"], given["indices"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        if not isinstance(given["energies"], list | tuple):
            raise InputError(f"energies = {given['energies']!r}: give a list of energy densities")
        given["energies"] = sorted(real_number("energies", energy) for energy in given["energies"])
        given["indices"] = whole_number("indices", given["indices"], 1)
        return given

    @classmethod
    def check_physics(cls, arm: str, physics: Mapping[str, Any]) -> None:
        super().check_physics(arm, physics)
        require_bare_exact_glass(arm, physics)

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`ComplexityReport`. Cost: exact numbers by index, O(N^5) for each energy; seconds at N = 10."""
        content = Content()
        arm = self.chosen_arm({"arm": self.arm}, "arm", results.arms)
        for number, (shared, points) in enumerate(results.series(arm)):
            covariance = covariance_of(points[0].physics)
            label = shared_label(shared)
            group = f"series/{number}"
            content.describe(group, label=label, covariance=str(covariance))
            energies = self._energies(covariance)
            tests = []
            for point in points:
                tell(f"exact numbers at {point.label}")
                tests.append(self._point(content, group, label, covariance, energies, point))
            self._limit(content, group, covariance)
            content.findings += _verdict(label, tests)
        return content

    def _energies(self, covariance: Covariance) -> np.ndarray:
        if self.energies:
            return np.array(self.energies)
        scale = np.sqrt(2.0 * covariance(1.0))
        return scale * np.array([-1.2, -0.9, -0.6, -0.3, 0.0])

    def _point(self, content, group, label, covariance, energies, point: PointResults) -> dict[str, Any]:
        n, census = point.n_units, _Census(point)
        place = f"{group}/n={n}"
        scale = np.sqrt(2.0 * covariance(1.0))
        curve = scale * np.linspace(-_LOWEST, _HIGHEST, _CURVE)
        try:
            exact = expected_critical_points_by_index(covariance, n)
            exact_below = np.array([expected_critical_points_by_index(covariance, n, e) for e in energies])
            exact_curve = np.array([expected_critical_points_by_index(covariance, n, e) for e in curve])
        except NotConvergedError as error:
            raise NotConvergedError(f"{point.label}: {error}") from None
        accepted = census.accepted
        by_index, index_error = mean_and_error(census.by_index(n, accepted))
        below, below_error = mean_and_error(census.below(energies, n, accepted))
        total, total_error = mean_and_error(census.found[accepted][:, None])
        content.describe(place, n=n, samples=len(census.found), accepted=int(accepted.sum()),
                         mean_starts=float(census.starts.mean()))  # fmt: skip
        content.add(f"{place}/index", np.arange(n), ("index",))
        content.add(f"{place}/count", by_index, ("index",), "1", "mean number of points of each index")
        content.add(f"{place}/count_error", index_error, ("index",))
        content.add(f"{place}/exact", exact, ("index",), "1", "exact mean number")
        content.add(f"{place}/energy", energies, ("energy",), "energy")
        content.add(f"{place}/below", below.sum(axis=1), ("energy",), "1", "mean number of points up to each energy")
        content.add(f"{place}/exact_below", exact_below.sum(axis=1), ("energy",))
        content.add(f"{place}/curve_energy", curve, ("curve_energy",), "energy")
        content.add(f"{place}/exact_curve", exact_curve, ("curve_energy", "index"))
        measured = census.below(curve, n, accepted)
        mean, error = mean_and_error(measured)
        content.add(f"{place}/curve", mean, ("curve_energy", "index"), "1", "mean number up to each energy by index")
        content.add(f"{place}/curve_error", error, ("curve_energy", "index"))
        mean, error = mean_and_error(measured.sum(axis=2))
        content.add(f"{place}/curve_total", mean, ("curve_energy",), "1", "mean number of all indices")
        content.add(f"{place}/curve_total_error", error, ("curve_energy",))
        scores = _scores(accepted.sum(), (by_index, index_error, exact), (below, below_error, exact_below))
        found = float(census.found.mean())
        row = {"series": label, "n": n, "samples": len(accepted), "accepted": float(accepted.mean()),
               "starts": float(census.starts.mean()), "found": found,
               "points": float(total[0]), "points_error": float(total_error[0]), "exact": float(exact.sum()),
               "z": shown(float(_z(accepted.sum(), total[0], total_error[0], exact.sum()))),
               "largest_z": float(np.abs(scores).max()) if len(scores) else None, "tests": len(scores)}  # fmt: skip
        content.rows.append({key: value for key, value in row.items() if label or key != "series"})
        return row

    def _limit(self, content: Content, group: str, covariance: Covariance) -> None:
        """The N → ∞ curves."""
        scale = np.sqrt(2.0 * covariance(1.0))
        grid = scale * np.linspace(-_LOWEST, _HIGHEST, 8 * _CURVE)
        content.add(f"{group}/limit_energy", grid, ("limit_energy",), "energy")
        total = [complexity(covariance, e, cumulative=True) for e in grid]
        content.add(f"{group}/limit_total", total, ("limit_energy",), "1", "N → ∞ complexity of all indices")
        curves = [[index_complexity(covariance, e, k) for e in grid] for k in range(self.indices)]
        content.add(f"{group}/limit_index", curves, ("index", "limit_energy"), "1", "N → ∞ complexity by index")
        if not (covariance.is_pure and covariance.degrees[0] == 2):
            content.describe(group, ground_state=level_energy(covariance, 0))


class _Census:
    """The lists of points of the first replica of each sample."""

    def __init__(self, point: PointResults):
        self.energy = point.read("dynamics/point_energy")[:, 0] / point.n_units
        self.index = point.read("dynamics/point_index")[:, 0]
        self.found = point.read("dynamics/points_found")[:, 0].astype(float)
        self.starts = point.read("dynamics/starts")[:, 0].astype(float)
        self.accepted = point.read("dynamics/complete")[:, 0] == 1

    def by_index(self, n: int, samples) -> np.ndarray:
        """Numbers (samples, index)."""
        return np.stack([(self.index[samples] == k).sum(axis=1) for k in range(n)], axis=1).astype(float)

    def below(self, energies, n: int, samples) -> np.ndarray:
        """Numbers up to each energy (samples, energy, index)."""
        with np.errstate(invalid="ignore"):
            under = self.energy[samples][:, None, :] <= np.asarray(energies)[None, :, None]
        index = self.index[samples][:, None, :]
        return np.stack([(under & (index == k)).sum(axis=2) for k in range(n)], axis=2).astype(float)


def _z(samples: int, mean, error, exact):
    """Scores of mean numbers.

    A number that is the same in every sample has no error of its own. That of independent points,
    sqrt(exact/samples), stands for it: a number that is expected and never found is then far from its mean.
    """
    return z_scores(mean, exact, np.where(error == 0.0, np.sqrt(exact / max(samples, 1)), error))


def _scores(samples: int, *triples) -> np.ndarray:
    """z of all numbers of which enough points are expected or found; NaN (a single sample) left out."""
    scores = []
    for mean, error, exact in triples:
        use = np.maximum(mean, exact) * samples >= FEWEST_EXPECTED
        scores.append(_z(samples, mean[use], error[use], exact[use]).ravel())
    found = np.concatenate(scores)
    return found[~np.isnan(found)]


def _verdict(label: str, tests: list[dict[str, Any]]) -> list[str]:
    where = f"{label}: " if label else ""
    findings = []
    whole = [row for row in tests if row["accepted"] == 1.0]
    tested = [row for row in whole if row["z"] is not None and row["largest_z"] is not None]
    if tested:
        sizes = ", ".join(str(row["n"]) for row in tested)
        worst_total = max(tested, key=lambda row: abs(row["z"]))
        worst = max(tested, key=lambda row: row["largest_z"])
        number = sum(row["tests"] for row in tested)
        if abs(worst_total["z"]) < DECISIVE and worst["largest_z"] < DECISIVE:
            findings.append(
                f"{where}mean numbers of stationary points agree with the exact ones at N = {sizes}: all points "
                f"|z| ≤ {abs(worst_total['z']):.2f}, and {number} numbers by index and energy "
                f"|z| ≤ {worst['largest_z']:.2f}"
            )
        else:
            findings.append(
                f"{where}mean numbers of stationary points DIFFER from the exact ones: z = {worst_total['z']:.1f} for "
                f"all points at N = {worst_total['n']}, largest |z| by index and energy {worst['largest_z']:.1f} at "
                f"N = {worst['n']}"
            )
    untested = [str(row["n"]) for row in whole if row not in tested]
    if untested:
        findings.append(
            f"{where}numbers of stationary points at N = {', '.join(untested)} are not tested: two samples and "
            f"{FEWEST_EXPECTED:g} points in all are needed"
        )
    for row in tests:
        if row["accepted"] < 1.0:
            findings.append(
                f"{where}N = {row['n']}: {row['accepted']:.1%} of the samples have a complete census. Their mean "
                f"{row['points']:.4g} is biased downwards by the others and is not tested; at least {row['found']:.4g} "
                f"points per sample exist, {row['exact']:.4g} are expected. Make the runs longer"
            )
    return findings
