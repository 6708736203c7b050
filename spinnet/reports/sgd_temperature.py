r"""Whether SGD has a temperature: its stationary law beside Langevin dynamics of matched noise, and of matched loss.

Two temperatures are asked of SGD: the one at which Langevin noise has the trace of its own,
:math:`T = P\,\eta\,\mathrm{tr}\,C/(2 B W)` per extensive energy, and the one at which Langevin dynamics has its
mean loss. On linear regression both are known, and so is the law: noise proportional to the Hessian makes SGD isotropic
where Boltzmann's law has variances T/h. On a network the two temperatures are measured and everything else compared at
them. That the Langevin dynamics itself obeys Boltzmann's law on a rough surface is shown on a spherical glass, whose
mean energy above its dynamical transition is known.

References: Mandt, Hoffman and Blei, J. Mach. Learn. Res. 18, 134 (2017); Chaudhari and Soatto, arXiv:1710.11029.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spinnet.configurable import real_number
from spinnet.errors import InputError
from spinnet.estimators.resampling import FEWEST_UNITS, Estimate, jackknife, mean_and_error
from spinnet.estimators.stationarity import noise_side, stationarity
from spinnet.reports.base import Content, Report, require_probe
from spinnet.reports.results import PointResults, StudyResults
from spinnet.reports.sgd_temperature_glass import check_glass, compare_glass
from spinnet.reports.verdicts import DECISIVE, furthest, judged, normal_z
from spinnet.theory.stochastic_gradient import gaussian_regression_variance, noise_temperature

#: Ratios of temperatures with a larger error are no agreement, and with one above the second not even a bound.
_SHARP, _VAGUE = 0.05, 0.2


class SgdTemperatureReport(Report):
    """Variances of SGD and Langevin dynamics on linear regression, and matched temperatures on a network.

    Parameters
    ----------
    regression, regression_langevin
        Arms on LinearRegression with SGD and with Langevin dynamics.
    network, network_langevin
        Arms on a DenseNetwork with SGD, and with Langevin dynamics at several temperatures.
    glass
        Langevin dynamics on a SphericalGlass above its dynamical temperature; may be left out.
    settled
        Share of the run after which it is taken to be stationary.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = (
        "regression", "regression_langevin", "network", "network_langevin", "glass"
    )  # fmt: skip

    def __init__(
        self, regression: str, regression_langevin: str, network: str, network_langevin: str, glass: str = "",
        settled: float = 0.5,
    ):  # fmt: skip
        given = self.validate(regression=regression, regression_langevin=regression_langevin, network=network,
                              network_langevin=network_langevin, glass=glass, settled=settled)  # fmt: skip
        self.settled = given.pop("settled")
        self.arms = given

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        given["settled"] = real_number("settled", given["settled"], 0.0)
        if given["settled"] >= 1.0:
            raise InputError(f"settled = {given['settled']:g}: give a share below 1")
        return given

    @classmethod
    def check(cls, settings: Mapping[str, Any], arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        for parameter in cls.arm_parameters:
            if parameter == "glass":
                cls._check_glass(cls.chosen_arm(settings, parameter, list(arms)), arms)
                continue
            name = cls.chosen_arm(settings, parameter, list(arms)) or settings[parameter]
            kind = "LinearRegression" if parameter.startswith("regression") else "DenseNetwork"
            mover = "Langevin" if parameter.endswith("langevin") else "SGD"
            for physics in arms[name]:
                for part, wanted in (("landscape", kind), ("dynamics", mover)):
                    if physics[part]["kind"] != wanted:
                        raise InputError(f"{parameter} = {name}: its {part} is {physics[part]['kind']}, not {wanted}")
                for probe in ("energy", "noise_trace"):
                    require_probe(name, physics, probe)
        if len({physics["dynamics"]["temperature"] for physics in arms[settings["network_langevin"]]}) < 2:
            raise InputError("network_langevin needs two temperatures or more: the loss of SGD is looked up among them")

    @staticmethod
    def _check_glass(name: str, arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        for physics in arms[name] if name else ():
            for part, wanted in (("landscape", "SphericalGlass"), ("dynamics", "Langevin")):
                if physics[part]["kind"] != wanted:
                    raise InputError(f"glass = {name}: its {part} is {physics[part]['kind']}, not {wanted}")
            require_probe(name, physics, "energy")
            check_glass(name, physics)

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`SgdTemperatureReport`. Cost: none to speak of."""
        content = Content()
        for sgd in results.points(self.arms["regression"]):
            for langevin in results.points(self.arms["regression_langevin"]):
                _regression(content, sgd, langevin)
        rungs = [_Settled(point, self.settled) for point in results.points(self.arms["network_langevin"])]
        rungs.sort(key=lambda one: one.dynamics["temperature"])
        for point in results.points(self.arms["network"]):
            ladder = [one for one in rungs if one.point.physics["landscape"] == point.physics["landscape"]]
            if ladder:
                _network(content, _Settled(point, self.settled), ladder)
            else:
                content.findings.append(f"{point.arm} {point.label}: no Langevin runs on the same network")
        if self.arms["glass"]:
            compare_glass(content, results.points(self.arms["glass"]), self.settled)
        return content


def _second_moments(point: PointResults) -> tuple[NDArray, NDArray, int, int]:
    """⟨x_i²⟩ at the end about the minimum, errors over samples, the number of these, and of runs that diverged."""
    x = point.read("endpoint/configuration")  # (sample, replica, coordinate)
    sound = np.isfinite(x).all(axis=2, keepdims=True)
    count = sound.sum(axis=1)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        square = np.where(sound, x, 0.0) ** 2
        each = (square.sum(axis=1) / count)[count[:, 0] > 0]
    mean, error = mean_and_error(each)
    return mean, error, len(each), int((~sound).sum())


def _regression(content: Content, sgd: PointResults, langevin: PointResults) -> None:
    table, moves = sgd.physics["landscape"], sgd.physics["dynamics"]
    h = np.array(table["curvatures"], dtype=float)
    patterns, noise = int(table["patterns"]), float(table["label_noise"]) ** 2
    rate, batch = float(moves["learning_rate"]), int(moves["batch"])
    if float(moves["momentum"]) > 0:
        raise InputError(f"{sgd.arm}: the exact law of regression is known without momentum")
    exact = gaussian_regression_variance(h, noise, rate, batch)
    matched = float(noise_temperature(rate, batch, noise * h.sum(), len(h), patterns))
    given, step = (float(langevin.physics["dynamics"][key]) for key in ("temperature", "step"))
    boltzmann = given / (patterns * h * (1.0 - patterns * h * step / 2.0))
    laws = {"sgd": (_second_moments(sgd), exact), "langevin": (_second_moments(langevin), boltzmann)}
    group = f"regression/{sgd.label or 'all'}"
    content.describe(group, learning_rate=rate, batch=batch, noise_temperature=matched / patterns,
                     temperature=given / patterns)  # fmt: skip
    content.add(f"{group}/curvature", h, ("mode",), "energy")
    for name, ((mean, error, *_), known) in laws.items():
        content.add(f"{group}/{name}", mean, ("mode",))
        content.add(f"{group}/{name}_error", error, ("mode",))
        content.add(f"{group}/{name}_known", known, ("mode",))
    at_noise = matched / (patterns * h)
    for k, one in enumerate(h):
        content.rows.append({
            "part": "regression", "quantity": f"variance at h = {one:g}", "sgd": laws["sgd"][0][0][k],
            "sgd_error": laws["sgd"][0][1][k], "sgd_known": exact[k], "langevin": laws["langevin"][0][0][k],
            "langevin_error": laws["langevin"][0][1][k], "langevin_known": boltzmann[k],
        })  # fmt: skip
    (mean, error, units, lost), _ = laws["sgd"]
    (other, other_error, other_units, other_lost), known = laws["langevin"]
    for told, count in (("SGD", lost), ("Langevin dynamics", other_lost)):
        if count:
            content.findings.append(f"regression: {count} runs of {told} diverged and are left out")
    if min(units, other_units) < 2 or not np.isfinite([mean, other]).all():
        content.findings.append("regression: the laws are not tested, an error needs two samples or more of runs that "
                                "stayed finite")  # fmt: skip
        return
    z, wrong = (furthest(normal_z(mean - law, error, units))[1] for law in (exact, at_noise))
    loss, thermal = 0.5 * float(h @ mean), 0.5 * float(h @ other)
    content.findings.append(
        f"regression, SGD at rate {rate:g} with batches of {batch}: variances "
        f"{judged(z, 'meet', 'MISS', 'are not tested against')} the exact law (largest |z| = {abs(z):.1f} over "
        f"{units} samples) and differ by a factor of {mean.max() / mean.min():.2f} over curvatures that differ by "
        f"{h.max() / h.min():.0f}; Boltzmann's law at the temperature of the same noise is "
        f"{abs(wrong):.0f} standard errors off (it would be a factor of {h.max() / h.min():.0f})"
    )
    units = min(units, other_units)
    _, between = furthest(normal_z(mean - other, np.hypot(error, other_error), units))
    apart = judged(between, "the laws are not told apart", "the laws differ all the same")
    apart += f" (largest |z| between variances {abs(between):.1f})"
    _, z = furthest(normal_z(other - known, other_error, units))
    content.findings.append(
        f"regression, Langevin dynamics at T = {given / patterns:.4g} per pattern (the noise of SGD has "
        f"{matched / patterns:.4g}): variances "
        f"{judged(z, 'meet', 'MISS', 'are not tested against')} Boltzmann's law, largest |z| = {abs(z):.1f}; "
        f"mean loss above the minimum {thermal:.4g} beside {loss:.4g} of SGD, {loss / thermal:.3g} times as much: "
        f"matched on noise, {apart}"
    )


class _Settled:
    """Averages over the stationary part of a run on a network, per start; starts of equal number are equal."""

    def __init__(self, point: PointResults, settled: float):
        self.point, self.dynamics = point, point.physics["dynamics"]
        time = point.read("trajectory/time")
        late = time >= settled * time[-1]
        half = time >= 0.5 * (1.0 + settled) * time[-1]
        energy = point.independent("trajectory/energy_density")
        self.sound = np.isfinite(energy[:, late]).all(axis=1)
        self.lost = int((~self.sound).sum())
        self.starts = _starts(point, len(energy))[self.sound]
        energy = energy[self.sound]
        self.n_units = len(energy)
        self.units = {
            "loss": energy[:, late].mean(axis=1),
            "noise_trace": point.independent("trajectory/noise_trace")[self.sound][:, late].mean(axis=1),
        }
        self.drift = mean_and_error(energy[:, half].mean(axis=1) - energy[:, late & ~half].mean(axis=1))
        for name, told in (("endpoint/test_loss", "test_loss"), ("noise/alignment", "alignment")):
            if point.has(name):
                self.units[told] = point.independent(name)[self.sound]
        if point.has("noise/curvature"):
            self.units["hessian_trace"] = point.independent("noise/curvature")[self.sound].sum(axis=1)
        if point.has("inherent_structure/energy_density"):
            found = point.independent("inherent_structure/converged")[self.sound] >= 1
            minimum = np.where(found, point.independent("inherent_structure/energy_density")[self.sound], np.nan)
            self.units |= {"minimum": minimum, "excess": self.units["loss"] - minimum}
        square = np.square(point.read("endpoint/configuration")).sum(axis=-1)
        square = square.ravel() if point.attributes.get("independent_unit") == "replica" else square.mean(axis=1)
        self.units["norm_square"] = square[self.sound]

    def mean(self, name: str) -> tuple[float, float]:
        value, error = mean_and_error(self.units[name])
        return float(value), float(error)

    @property
    def drifting(self) -> bool:
        return abs(float(normal_z(*self.drift, self.n_units))) >= DECISIVE


def _starts(point: PointResults, rows: int) -> NDArray:
    """A number for each independent unit, the same where sample and replica are."""
    samples = point.sample_numbers("trajectory").astype(int)
    each = rows // max(len(samples), 1)
    return (samples[:, None] * 100_000 + np.arange(each)).ravel()


_TOLD = {
    "noise_trace": "tr C", "norm_square": "|w|²", "hessian_trace": "tr H", "test_loss": "test loss",
    "alignment": "alignment of C with H", "minimum": "loss of the minimum below", "excess": "loss above that minimum",
}  # fmt: skip


class _Paired:
    """SGD and the rungs of Langevin dynamics on the starts that all have: what a start ends up in is common to them."""

    def __init__(self, sgd: _Settled, ladder: list[_Settled], temperatures: NDArray):
        common = sgd.starts
        for one in ladder:
            common = np.intersect1d(common, one.starts)
        self.temperatures, self.n_units = temperatures, len(common)
        rows = [np.searchsorted(one.starts, common) for one in (sgd, *ladder)]
        self.names = [name for name in ("loss", *_TOLD) if all(name in one.units for one in (sgd, *ladder))]
        self.sgd = {name: sgd.units[name][rows[0]] for name in self.names}
        self.rungs = {name: np.array([one.units[name][row] for one, row in zip(ladder, rows[1:], strict=True)]).T
                      for name in self.names}  # fmt: skip
        self.per_start = _noise_temperatures(sgd)[rows[0]]

    def matched(self, name: str) -> tuple[Estimate | None, str]:
        """(T, T/T of equal noise) at which Langevin dynamics has SGD's mean of ``name``; why not.

        One step of Newton's method from the temperature of equal noise: the difference there, interpolated between the
        two rungs about it, over the slope of the straight line through all rungs, which two of them know badly.
        """
        own, rungs = self.sgd[name], self.rungs[name]
        sound = np.isfinite(own) & np.isfinite(rungs).all(axis=1)
        if sound.sum() < FEWEST_UNITS:
            return None, f"{int(sound.sum())} starts have it everywhere and {FEWEST_UNITS} are needed"
        own, rungs, noise = own[sound], rungs[sound], self.per_start[sound]
        t, y, at = self.temperatures, rungs.mean(axis=0), own.mean()
        if not min(y) <= at <= max(y):
            side = "below" if at < y.min() else "above"
            error = float(mean_and_error(own)[1])
            return None, f"its value {at:.4f} ± {error:.4f} lies {side} that of every temperature measured"
        if not t[0] <= noise.mean() <= t[-1]:
            return None, f"T = {noise.mean():.3e} of equal noise lies outside the temperatures measured"
        centred = t - t.mean()

        def step(own: NDArray, rungs: NDArray, noise: NDArray) -> NDArray:
            y, start = rungs.mean(axis=0), noise.mean()
            found = start + (own.mean() - np.interp(start, t, y)) / (centred @ y / (centred @ centred))
            return np.array([found, found / start])

        return jackknife(step, own, rungs, noise), ""

    def difference(self, name: str, temperature: float) -> tuple[float, float, float, float, float]:
        """SGD's mean and Langevin's at a temperature between two rungs with errors, and z of the paired difference."""
        t = self.temperatures
        k = int(np.clip(np.searchsorted(t, temperature) - 1, 0, len(t) - 2))
        share = (temperature - t[k]) / (t[k + 1] - t[k])
        own, known = self.sgd[name], (1 - share) * self.rungs[name][:, k] + share * self.rungs[name][:, k + 1]
        (mean, error), (other, other_error) = mean_and_error(own), mean_and_error(known)
        both = np.isfinite(own - known)
        z = normal_z(*mean_and_error((own - known)[both]), int(both.sum()))
        return float(mean), float(error), float(other), float(other_error), float(z)


def _noise_temperatures(sgd: _Settled) -> NDArray:
    """Per pattern, of each start."""
    rate, batch, momentum = (float(sgd.dynamics[key]) for key in ("learning_rate", "batch", "momentum"))
    patterns, weights = sgd.point.n_units, sgd.point.n_dof
    return noise_temperature(rate, int(batch), sgd.units["noise_trace"], weights, patterns, momentum) / patterns


def _network(content: Content, sgd: _Settled, ladder: list[_Settled]) -> None:
    rate, batch, momentum = (float(sgd.dynamics[key]) for key in ("learning_rate", "batch", "momentum"))
    patterns, weights = sgd.point.n_units, sgd.point.n_dof
    kind = "network" if sgd.point.physics["landscape"]["hidden"] else "softmax regression"
    start = f"{kind} (W = {weights}, P = {patterns}), SGD at rate {rate:g} with batches of {batch:.0f}: "
    lost = sgd.lost + sum(one.lost for one in ladder)
    if lost:
        content.findings.append(f"{start}{lost} runs of SGD or Langevin dynamics diverged and are left out")
    ladder = [one for one in ladder if one.n_units]
    if not sgd.n_units or len(ladder) < 2:
        content.findings.append(f"{start}too few runs stayed finite: no temperatures are matched")
        return
    by_noise, by_noise_error = map(float, mean_and_error(_noise_temperatures(sgd)))
    temperatures = np.array([float(one.dynamics["temperature"]) for one in ladder]) / patterns
    paired = _Paired(sgd, ladder, temperatures)
    group = f"network/{sgd.point.label or 'all'}"
    content.describe(group, kind=kind, noise_temperature=by_noise, noise_temperature_error=by_noise_error,
                     learning_rate=rate, batch=batch)  # fmt: skip
    content.add(f"{group}/temperature", temperatures, ("temperature",), "energy")
    for name in paired.names:
        values = np.array([one.mean(name) for one in ladder])
        content.add(f"{group}/{name}", values[:, 0], ("temperature",))
        content.add(f"{group}/{name}_error", values[:, 1], ("temperature",))
        value, error = sgd.mean(name)
        content.describe(group, **{f"sgd_{name}": value, f"sgd_{name}_error": error})
    moving = [f"T = {t:.3g}" for one, t in zip(ladder, temperatures, strict=True) if one.drifting]
    moving += ["SGD"] if sgd.drifting else []
    if moving:
        content.findings.append(f"{start}the loss still drifts within the settled part at {', '.join(moving)}: what "
                                "follows holds for runs of this length")  # fmt: skip
    told = f"{start}matched on the trace of the noise T = {by_noise:.3e} ± {by_noise_error:.1e} per pattern"
    places = {"noise": by_noise}
    for name, what in (("loss", "on the mean loss"), ("excess", "on the mean loss above the minimum below each run")):
        if name not in paired.names:
            continue
        found, why = paired.matched(name)
        told += f"; matched {what} {_by_loss(found, why)}"
        place, error = (np.nan, np.nan) if found is None else (float(found.value[0]), float(found.error[0]))
        content.describe(group, **{f"{name}_temperature": place, f"{name}_temperature_error": error})
        places[name] = place
        if found is not None:
            content.rows.append({
                "part": kind, "quantity": f"T of equal {_TOLD.get(name, 'loss')} over T of equal noise",
                "sgd": float(found.value[1]), "sgd_error": float(found.error[1]), "sgd_known": None, "langevin": None,
                "langevin_error": None, "langevin_known": None,
            })  # fmt: skip
    content.findings.append(told)
    for name in ("noise", "loss"):
        if temperatures[0] <= places[name] <= temperatures[-1]:
            content.findings.append(start + _others(content, kind, paired, places[name], name))
    content.findings += _balance(start, sgd, rate, int(batch), momentum)


def _by_loss(found: Estimate | None, why: str) -> str:
    if found is None:
        return f"none: {why}"
    (place, ratio), (error, spread) = found.value, found.error
    z = float(normal_z(ratio - 1.0, spread, found.n_units))
    same = "the two agree" if spread <= _SHARP else (
        "no difference is shown, to that error" if spread <= _VAGUE else "seeds differ too much to tell the two apart"
    )  # fmt: skip
    told = judged(z, same, "the two DIFFER")
    return f"T = {place:.3e} ± {error:.1e}, {ratio:.3f} ± {spread:.3f} times that over {found.n_units} starts: {told}"


def _others(content: Content, kind: str, paired: _Paired, temperature: float, told: str) -> str:
    """Everything that was measured of SGD beside Langevin dynamics at one temperature, interpolated, start by start."""
    parts = []
    for name in paired.names:
        if name == told == "loss":
            continue
        own, own_error, known, error, z = paired.difference(name, temperature)
        mark = f" (z = {z:.1f})" if abs(z) >= DECISIVE else ""
        parts.append(f"{_TOLD.get(name, 'loss')} {own:.4g} ± {own_error:.2g} beside {known:.4g} ± {error:.2g}{mark}")
        content.rows.append({
            "part": kind, "quantity": f"{_TOLD.get(name, 'loss')} at equal {told}", "sgd": own,
            "sgd_error": own_error, "sgd_known": None, "langevin": known, "langevin_error": error,
            "langevin_known": None,
        })  # fmt: skip
    return f"at the temperature of equal {told} SGD has {'; '.join(parts)} of Langevin dynamics"


def _balance(start: str, sgd: _Settled, rate: float, batch: int, momentum: float) -> list[str]:
    point = sgd.point
    if not point.has("stationarity/virial"):
        return []
    read = {name: point.independent(f"stationarity/{name}")[sgd.sound][:, -1:]
            for name in ("virial", "noise_trace", "gradient_square", "velocity_square")}  # fmt: skip
    if not np.isfinite(read["virial"]).all():
        return [f"{start}the last window of stationarity is beyond the run"]
    right = noise_side(rate, batch, read["noise_trace"], read["gradient_square"], read["velocity_square"], momentum)
    found = stationarity(read["virial"], right)
    z = float(normal_z(found.difference, found.difference_error, found.n_units)[0])
    return [
        f"{start}Yaida's relation, noise over drift {found.ratio[0]:.3f} ± {found.ratio_error[0]:.3f}: "
        f"{judged(z, 'no departure from 1 is shown', 'NOT stationary')} (z = {z:.1f})"
    ]
