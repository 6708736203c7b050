"""Do final energies concentrate with size (Choromanska et al. 2015), and does training loss tell test loss?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spinnet.configurable import whole_number
from spinnet.errors import ResultFileError
from spinnet.estimators.scaling import fit_power_law
from spinnet.reports.base import Content, Report
from spinnet.reports.results import PointResults, StudyResults
from spinnet.reports.verdicts import DECISIVE, REJECTED_FIT

_SIDES = (("arm", "network"), ("shuffled", "shuffled labels"), ("glass", "glass"))
_FEWEST = 10  # independent units of a size
_LEVEL = {"arm": "test_loss", "shuffled": "train_loss", "glass": "energy_density"}
_OTHER = {"arm": "train_loss", "shuffled": "test_loss"}  # correlated with the level; a glass has no second energy


class LevelConcentrationReport(Report):
    """Mean, spread and coefficient of variation of the final energies of runs on one landscape, against its size.

    Of a network the level is the test loss over training seeds, with the correlation of training and test loss; on
    shuffled labels the training loss, and the correlation is a null: the labels of both parts are permuted, so that no
    rule is learnt. Of a glass, which has no second energy to correlate, it is the energy density at the end of the flow
    over starts on one disorder sample: the spread is that within samples, √⟨Var_start⟩, and samples are the independent
    units. Errors are from the bootstrap over units, exponents from fits of ln(spread) on ln(degrees of freedom) within
    each resample; those of network and glass are compared only where a power describes both.

    Parameters
    ----------
    arm
        Trained networks, measured with the probe ``final``.
    shuffled, glass
        Arms beside it, or empty; a glass needs two replicas or more.
    resamples
        Of the bootstrap.

    References
    ----------
    Choromanska, Henaff, Mathieu, Ben Arous & LeCun, AISTATS (2015).
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ("arm", "shuffled", "glass")
    probes: ClassVar[tuple[str, ...]] = ("final",)

    def __init__(self, arm: str = "", shuffled: str = "", glass: str = "", resamples: int = 1000):
        given = self.validate(arm=arm, shuffled=shuffled, glass=glass, resamples=resamples)
        self.names = {name: given[name] for name in self.arm_parameters}
        self.resamples = given["resamples"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        given["resamples"] = whole_number("resamples", given["resamples"], 100)
        return given

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`LevelConcentrationReport`. Cost: ``resamples`` means and fits."""
        content = Content()
        exponents: dict[str, tuple[float, float, bool]] = {}
        for side, what in _SIDES:
            name = self.chosen_arm(self.names, side, results.arms)
            if not name:
                continue
            points = sorted(results.points(name), key=lambda point: (point.n_dof, point.label))
            levels = [_Levels.of(point, side, self.resamples, seed) for seed, point in enumerate(points)]
            content.rows += [{"side": what, **one.row()} for one in levels]
            _keep(content, side, levels)
            content.findings += _findings(what, levels)
            exponent = _exponent(levels)
            if exponent is not None:
                exponents[what] = exponent
        content.findings += _exponents(exponents)
        return content


@dataclass(frozen=True)
class _Levels:
    """Final levels of one size, and the bootstrap of what is said of them: (value, resampled values) by name."""

    label: str
    n_dof: int
    values: NDArray  # (units, replicas): of a network one replica a unit
    statistics: dict[str, tuple[float, NDArray]]

    @classmethod
    def of(cls, point: PointResults, side: str, resamples: int, seed: int) -> _Levels:
        name = f"endpoint/{_LEVEL[side]}"
        if not point.has(name):
            raise ResultFileError(f"{point.arm} {point.label} has no {_LEVEL[side]}: give the data set a test part")
        levels = point.read(name)
        name = _OTHER.get(side)
        other = point.read(f"endpoint/{name}") if name and point.has(f"endpoint/{name}") else None
        if side != "glass":
            levels = levels.reshape(-1, 1)
            other = None if other is None else other.reshape(-1)
        good = np.isfinite(levels).all(axis=1)
        if other is not None:
            good &= np.isfinite(other)
            other = other[good]
        levels = levels[good]
        if len(levels) < _FEWEST or (side == "glass" and levels.shape[1] < 2):
            need = f"{_FEWEST} samples of two starts" if side == "glass" else f"{_FEWEST} runs"
            have = f"{len(levels)} samples" if side == "glass" else f"{len(levels)} of {len(good)} runs"
            raise ResultFileError(
                f"{point.arm} {point.label}: {have} ended at a finite level, and {need} are needed: give more, or a "
                "smaller learning rate where runs diverged"
            )
        rng = np.random.default_rng(seed)
        drawn = rng.integers(0, len(levels), (resamples, len(levels)))
        rows = [np.arange(len(levels)), *drawn]

        def over(statistic):
            found = np.array([statistic(row) for row in rows])
            return float(found[0]), found[1:]

        def spread(row):
            if side == "glass":
                return np.sqrt(levels[row].var(axis=1, ddof=1).mean())
            return levels[row, 0].std(ddof=1)

        statistics = {"mean": over(lambda row: levels[row].mean()), "spread": over(spread)}
        mean, deviation = statistics["mean"], statistics["spread"]
        statistics["variation"] = (deviation[0] / abs(mean[0]), deviation[1] / np.abs(mean[1]))
        if other is not None:
            statistics[name.removesuffix("_loss")] = over(lambda row: other[row].mean())
            statistics["correlation"] = over(lambda row: np.corrcoef(other[row], levels[row, 0])[0, 1])
        return cls(point.label, point.n_dof, levels, statistics)

    def row(self) -> dict[str, Any]:
        row: dict[str, Any] = {"point": self.label, "n_dof": self.n_dof, "units": len(self.values)}
        for name, (value, resampled) in self.statistics.items():
            row |= {name: value, f"{name}_error": float(np.nanstd(resampled, ddof=1))}
        return row


def _keep(content: Content, side: str, levels: list[_Levels]) -> None:
    content.add(f"{side}/n_dof", [one.n_dof for one in levels], ("size",))
    for name in levels[0].statistics:
        content.add(f"{side}/{name}", [one.statistics[name][0] for one in levels], ("size",))
        errors = [float(np.nanstd(one.statistics[name][1], ddof=1)) for one in levels]
        content.add(f"{side}/{name}_error", errors, ("size",))
    for one in levels:
        content.describe(f"levels/{side}/{one.label}", label=one.label, n_dof=one.n_dof)
        content.add(f"levels/{side}/{one.label}/level", one.values.ravel(), ("run",), "energy")


def _findings(what: str, levels: list[_Levels]) -> list[str]:
    if len(levels) < 2:
        return [f"{what}: one size tells no course"]
    found = []
    shown = {"mean": "mean final level", "spread": "spread", "variation": "coefficient of variation",
             "correlation": "correlation of training and test loss"}  # fmt: skip
    for name, words in shown.items():
        if name not in levels[0].statistics:
            continue
        values = [one.statistics[name] for one in levels]
        told = ", ".join(
            f"{value:.3g} ± {np.nanstd(resampled, ddof=1):.1g} ({one.label})"
            for one, (value, resampled) in zip(levels, values, strict=True)
        )
        change = values[-1][0] - values[0][0]
        error = np.hypot(np.nanstd(values[-1][1], ddof=1), np.nanstd(values[0][1], ddof=1))
        z = change / error if error > 0 else np.nan
        sure = "falls" if z < -DECISIVE else "rises" if z > DECISIVE else "shows no certain change"
        found.append(f"{what}: the {words} {sure} from the smallest to the largest (z = {z:.1f}): {told}")
    return found


def _exponent(levels: list[_Levels]) -> tuple[float, float, bool] | None:
    """Slope of ln(spread) on ln(n_dof), its bootstrap error, whether a power describes it; None below three sizes."""
    if len(levels) < 3:
        return None
    x = np.log([one.n_dof for one in levels])
    weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    value = weights @ np.log([one.statistics["spread"][0] for one in levels])
    resampled = weights @ np.log([one.statistics["spread"][1] for one in levels])
    spread = np.array([one.statistics["spread"][0] for one in levels])
    error = np.array([one.statistics["spread"][1].std(ddof=1) for one in levels])
    described = True
    if (0.0 < error).all() and (error < 0.5 * spread).all():
        described = not fit_power_law(np.exp(x), spread, error).p_value < REJECTED_FIT
    return float(value), float(resampled.std(ddof=1)), described


def _exponents(found: dict[str, tuple[float, float, bool]]) -> list[str]:
    if not found:
        return []
    told = ", ".join(
        f"{what} {value:.2f} ± {error:.2f}{'' if described else ' (a power does not describe it)'}"
        for what, (value, error, described) in found.items()
    )
    lines = [f"power of the number of degrees of freedom in the spread of final levels: {told}"]
    if "network" in found and "glass" in found:
        (one, one_error, known), (other, other_error, other_known) = found["network"], found["glass"]
        if not (known and other_known):
            without = " or ".join(what for what, good in (("network", known), ("glass", other_known)) if not good)
            lines.append(
                f"the powers of network and glass are not compared: none describes the {without} over these sizes, and "
                "a straight line through them depends on which sizes were taken"
            )
            return lines
        z = (one - other) / np.hypot(one_error, other_error)
        verdict = "differ" if abs(z) > DECISIVE else "are not told apart"
        lines.append(f"the powers of network and glass {verdict} (z = {z:.1f})")
    return lines
