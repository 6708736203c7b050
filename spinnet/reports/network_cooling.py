"""Final loss of a network against the duration of its cooling by the learning rate, beside a glass that is cooled.

Slower cooling trains longer as well: an arm whose rate is held for as many steps shows what the training alone does,
and the difference is what the falling rate takes out. The spread between seeds (samples of the glass) against the
number of parameters (spins) tells whether the final energy averages itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spinnet.errors import InputError
from spinnet.estimators.relaxation_fit import FEWEST_POINTS, fit_relaxation
from spinnet.estimators.resampling import mean_and_error
from spinnet.estimators.self_averaging import SelfAveraging, self_averaging
from spinnet.reports.base import Content, Report, require_probe
from spinnet.reports.duration_trend import duration_trend
from spinnet.reports.results import PointResults, StudyResults
from spinnet.reports.verdicts import DECISIVE, REJECTED_FIT, normal_z

_MOVERS = {"network": "CooledSGD", "held": "CooledSGD", "glass": "Cooling"}


class NetworkCoolingReport(Report):
    """Final energy per unit against duration, size by size, for a network and a glass; exponents of self-averaging.

    Parameters
    ----------
    network
        Arm with CooledSGD, several durations, and one size or more.
    held
        The same with final_rate equal to learning_rate; empty for none.
    glass
        Arm with Cooling and several durations; empty for none.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ("network", "held", "glass")

    def __init__(self, network: str, held: str = "", glass: str = ""):
        self.arms = self.validate(network=network, held=held, glass=glass)

    @classmethod
    def check(cls, settings: Mapping[str, Any], arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        super().check(settings, arms)
        for parameter, mover in _MOVERS.items():
            if not settings[parameter]:
                continue
            points = arms[settings[parameter]]
            for physics in points:
                if physics["dynamics"]["kind"] != mover:
                    raise InputError(f"{parameter} = {settings[parameter]}: its dynamics is "
                                     f"{physics['dynamics']['kind']}, not {mover}")  # fmt: skip
                require_probe(settings[parameter], physics, "energy")
                if physics["last"] < 1:
                    raise InputError("the runs end before the cooling does: set the schedule's last to 1")
            if len({physics["dynamics"]["duration"] for physics in points}) < 3:
                raise InputError("give at least three durations in the ensemble: duration = [100, 1000, 10000]")

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`NetworkCoolingReport`. Cost: the fits, a second."""
        content = Content()
        found = {name: _series(results, arm) for name, arm in self.arms.items() if arm}
        for name, series in found.items():
            for one in series:
                one.store(content, name)
        for one in found["network"]:
            content.findings += one.findings("network")
            for other in found.get("held", []):
                if other.n_dof == one.n_dof and np.array_equal(other.durations, one.durations):
                    content.findings.append(_beside_held(content, one, other))
        for one in found.get("glass", []):
            content.findings += one.findings("glass")
        for name in ("network", "glass"):
            if len(found.get(name, [])) > 1:
                content.findings.append(_averaging(content, name, found[name]))
        return content


@dataclass
class _Cooled:
    """One size: the final energy of every unit at each duration."""

    n_dof: int
    unit: str
    durations: NDArray
    rates: NDArray  # by which temperature or learning rate falls in a unit of time
    values: list[NDArray]  # per duration, (units,)
    aligned: NDArray  # (units, durations) of the units that all durations have
    starts: NDArray  # (units, 2): number of the sample of each, and place of the replica

    def mean(self) -> tuple[NDArray, NDArray]:
        means, errors = np.array([mean_and_error(one) for one in self.values]).T
        return means, errors

    def store(self, content: Content, name: str) -> None:
        group = f"series/{name}/n_dof={self.n_dof}"
        means, errors = self.mean()
        content.describe(group, n_dof=self.n_dof, units=len(self.aligned))
        content.add(f"{group}/duration", self.durations, ("duration",), "steps" if name != "glass" else "1/rate")
        content.add(f"{group}/rate", self.rates, ("duration",), "1", "fall of temperature or learning rate per time")
        content.add(f"{group}/energy", means, ("duration",), "energy")
        content.add(f"{group}/energy_error", errors, ("duration",), "energy")
        finite = [one[np.isfinite(one)] for one in self.values]
        spread = np.array([one.std(ddof=1) if len(one) > 1 else np.nan for one in finite])
        content.add(f"{group}/spread", spread, ("duration",), "energy")
        for duration, rate, mean, error, wide in zip(self.durations, self.rates.tolist(), means, errors, spread,
                                                     strict=True):  # fmt: skip
            content.rows.append({"series": name, "n_dof": self.n_dof, "duration": float(duration), "rate": rate,
                                 "energy": mean, "energy_error": error, "spread": wide})  # fmt: skip

    def findings(self, name: str) -> list[str]:
        means, errors = self.mean()
        start = f"{name}, {self.n_dof} {self.unit}: "
        trend = duration_trend(self.durations, self.aligned)
        if isinstance(trend, str):
            return [start + trend]
        line = (
            f"{start}final energy {means[0]:.4f} ± {errors[0]:.4f} at duration {self.durations[0]:g} and "
            f"{means[-1]:.4f} ± {errors[-1]:.4f} at {self.durations[-1]:g}; "
        )
        lost = sum(int((~np.isfinite(one)).sum()) for one in self.values)
        told = [f"{start}{lost} runs diverged and are left out"] if lost else []
        return [*told, line + trend.sentence("it"), *self._form(start)]

    def _form(self, start: str) -> list[str]:
        """Power, logarithm or exponential of the duration, where there are enough of them."""
        if len(self.durations) < FEWEST_POINTS:
            return []
        try:
            fit = fit_relaxation(self.durations, self.aligned, self.durations[0])
        except InputError as error:
            return [f"{start}no form is fitted to it ({error})"]
        misfit = ", ".join(f"{form} {value:.1f}" for form, value in fit.misfit.items())
        if fit.verdict == "power":
            return [f"{start}a power of the duration, exponent {fit.exponent:.2f} ± {fit.exponent_error:.2f} towards "
                    f"{fit.limit:.4f} ± {fit.limit_error:.4f} (misfit in errors: {misfit})"]  # fmt: skip
        told = "no form is preferred" if fit.verdict == "undecided" else (
            "neither a power nor a logarithm nor an exponential of the duration describes it" if fit.verdict == "none"
            else f"of power, logarithm and exponential of the duration the {fit.verdict} describes it best"
        )  # fmt: skip
        return [f"{start}{told} (misfit in errors: {misfit})"]


def _series(results: StudyResults, arm: str) -> list[_Cooled]:
    """Sizes by their number of degrees of freedom, durations increasing."""
    sizes: dict[int, list[PointResults]] = {}
    for point in results.points(arm):
        sizes.setdefault(point.n_dof, []).append(point)
    found = []
    for n_dof, points in sorted(sizes.items()):
        points.sort(key=lambda point: point.physics["dynamics"]["duration"])
        durations = np.array([point.physics["dynamics"]["duration"] for point in points], dtype=float)
        unit = "weights" if points[0].attributes["unit"] == "pattern" else "spins"
        rates = np.array([_fall(point) for point in points]) / durations
        found.append(_Cooled(n_dof, unit, durations, rates, [_final(point) for point in points], *_aligned(points)))
    return found


def _fall(point: PointResults) -> float:
    """Of the temperature, or of the learning rate, over the whole cooling."""
    moves = point.physics["dynamics"]
    name = "temperature" if moves["kind"] == "Cooling" else "learning_rate"
    end = "final_temperature" if moves["kind"] == "Cooling" else "final_rate"
    return float(moves.get(name, np.nan)) - float(moves.get(end, 0.0))


def _final(point: PointResults) -> NDArray:
    time = point.read("trajectory/time")
    return point.independent("trajectory/energy_density")[:, int(np.argmin(np.abs(time - 1.0)))]


def _aligned(points: list[PointResults]) -> tuple[NDArray, NDArray]:
    """Final energies (units, durations) of the units that all durations have, and which sample and replica each is."""
    numbers = [point.sample_numbers("trajectory") for point in points]
    common = sorted(set.intersection(*(set(map(int, one)) for one in numbers)))
    rows = []
    for point, own in zip(points, numbers, strict=True):
        values = _final(point).reshape(len(own), -1)  # (sample, replica), or (sample, 1)
        rows.append(values[[list(map(int, own)).index(sample) for sample in common]].ravel())
    aligned = np.array(rows).T
    replicas = len(aligned) // max(len(common), 1)
    starts = np.column_stack([np.repeat(common, replicas), np.tile(np.arange(replicas), len(common))])
    finite = np.isfinite(aligned).all(axis=1)
    return aligned[finite], starts[finite]


def _beside_held(content: Content, cooled: _Cooled, held: _Cooled) -> str:
    """What the falling rate takes out at each duration, in pairs of equal starts."""
    mine, theirs = _pairs(cooled.starts, held.starts)
    count = len(mine)
    start = f"network, {cooled.n_dof} {cooled.unit}: "
    if count < 5:
        return f"{start}fewer than five units in common with the held rate"
    gain, error = mean_and_error(held.aligned[theirs] - cooled.aligned[mine])
    content.add(f"series/network/n_dof={cooled.n_dof}/gain", gain, ("duration",), "energy", "held less cooled")
    content.add(f"series/network/n_dof={cooled.n_dof}/gain_error", error, ("duration",), "energy")
    z = normal_z(gain, error, count)
    parts = [f"{value:+.4f} ± {wrong:.4f} at {duration:g}" for value, wrong, duration in
             zip(gain, error, cooled.durations, strict=True)]  # fmt: skip
    last = float(z[-1])
    late = "not tested against" if np.isnan(last) else (
        "lower than" if last > DECISIVE else "HIGHER than" if last < -DECISIVE else "not certainly lower than"
    )  # fmt: skip
    return f"{start}the cooled end is {late} that of the held rate after the longest time: {', '.join(parts)}"


def _pairs(one: NDArray, other: NDArray) -> tuple[list[int], list[int]]:
    """Places of the starts that both have: a run that was lost on one side leaves the other pairs alone."""
    there = {tuple(start): place for place, start in enumerate(other.tolist())}
    both = [(place, there[tuple(start)]) for place, start in enumerate(one.tolist()) if tuple(start) in there]
    return [a for a, _ in both], [b for _, b in both]


def _averaging(content: Content, name: str, series: list[_Cooled]) -> str:
    """Self-averaging of the final energy at the longest duration."""
    sizes = [one.n_dof for one in series]
    last = [one.values[-1][np.isfinite(one.values[-1])] for one in series]
    what = "weights" if name == "network" else "spins"
    try:
        found: SelfAveraging = self_averaging(sizes, last)
    except InputError as error:
        return f"{name}: self-averaging is not measured ({error})"
    group = f"averaging/{name}"
    content.describe(group, exponent=found.exponent, exponent_error=found.exponent_error)
    content.add(f"{group}/size", found.size, ("size",))
    content.add(f"{group}/relative_variance", found.relative_variance, ("size",))
    content.add(f"{group}/log_error", found.log_error, ("size",))
    strong, none = abs(found.exponent - 1.0), abs(found.exponent)
    sure = DECISIVE * found.exponent_error
    told = "no power law" if found.p_value < REJECTED_FIT else (
        "not known well enough to tell strong self-averaging (1) from none (0)" if strong < sure and none < sure
        else "strong self-averaging, as of independent parts" if strong < sure
        else "no self-averaging" if none < sure
        else "between none (0) and that of independent parts (1)" if 0 < found.exponent < 1
        else "faster than that of independent parts (1)" if found.exponent > 1
        else "the relative spread GROWS"
    )  # fmt: skip
    spans = ", ".join(f"{np.sqrt(r):.3f} at {n:g}" for r, n in zip(found.relative_variance, found.size, strict=True))
    return (
        f"{name}: relative spread of the final energy {spans} {what}; Var/mean² falls with the exponent "
        f"{found.exponent:.2f} ± {found.exponent_error:.2f}: {told}"
    )
