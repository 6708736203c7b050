r"""Whether SGD has a temperature: its stationary law beside Langevin dynamics of matched noise, and of matched loss.

Two temperatures are asked of SGD: the one at which Langevin noise has the trace of its own,
:math:`T = P\,\eta\,\mathrm{tr}\,C/(2 B W)` per extensive energy, and the one at which Langevin dynamics has its
mean loss. On linear regression both are known, and so is the law: noise proportional to the Hessian makes SGD isotropic
where Boltzmann's law has variances T/h. On a network the two temperatures are measured and everything else compared at
them.

References: Mandt, Hoffman and Blei, J. Mach. Learn. Res. 18, 134 (2017); Chaudhari and Soatto, arXiv:1710.11029.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spinnet.configurable import real_number
from spinnet.errors import InputError
from spinnet.estimators.resampling import mean_and_error
from spinnet.estimators.stationarity import noise_side, stationarity
from spinnet.reports.ageing_curves import normal_z
from spinnet.reports.base import Content, Report, require_probe
from spinnet.reports.results import PointResults, StudyResults
from spinnet.reports.verdicts import DECISIVE
from spinnet.theory.stochastic_gradient import gaussian_regression_variance, noise_temperature

#: A ratio of temperatures with a larger error is no agreement.
_VAGUE = 0.2


class SgdTemperatureReport(Report):
    """Variances of SGD and Langevin dynamics on linear regression, and matched temperatures on a network.

    Parameters
    ----------
    regression, regression_langevin
        Arms on LinearRegression with SGD and with Langevin dynamics.
    network, network_langevin
        Arms on a DenseNetwork with SGD, and with Langevin dynamics at several temperatures.
    settled
        Share of the run after which it is taken to be stationary.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ("regression", "regression_langevin", "network", "network_langevin")

    def __init__(
        self, regression: str, regression_langevin: str, network: str, network_langevin: str, settled: float = 0.5
    ):
        given = self.validate(regression=regression, regression_langevin=regression_langevin, network=network,
                              network_langevin=network_langevin, settled=settled)  # fmt: skip
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
        return content


def _second_moments(point: PointResults) -> tuple[NDArray, NDArray, int]:
    """⟨x_i²⟩ at the end about the minimum, with errors over samples."""
    x = point.read("endpoint/configuration")  # (sample, replica, coordinate)
    mean, error = mean_and_error((x**2).mean(axis=1))
    return mean, error, len(x)


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
    for name, ((mean, error, _), known) in laws.items():
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
    (mean, error, units), _ = laws["sgd"]
    if min(units, laws["langevin"][0][2]) < 2:
        content.findings.append("regression: the laws are not tested, an error needs two samples or more")
        return
    z, wrong = normal_z(mean - exact, error, units), normal_z(mean - at_noise, error, units)
    loss, thermal = 0.5 * float(h @ mean), 0.5 * float(h @ laws["langevin"][0][0])
    content.findings.append(
        f"regression, SGD at rate {rate:g} with batches of {batch}: variances "
        f"{'meet' if np.abs(z).max() < DECISIVE else 'MISS'} the exact law (largest |z| = {np.abs(z).max():.1f} over "
        f"{units} samples) and differ by a factor of {mean.max() / mean.min():.2f} over curvatures that differ by "
        f"{h.max() / h.min():.0f}; Boltzmann's law at the temperature of the same noise is "
        f"{np.abs(wrong).max():.0f} standard errors off (it would be a factor of {h.max() / h.min():.0f})"
    )
    (other, other_error, units), known = laws["langevin"]
    between = np.abs(normal_z(mean - other, np.hypot(error, other_error), units)).max()
    apart = "the laws differ all the same" if between >= DECISIVE else "the laws are not told apart"
    apart += f" (largest |z| between variances {between:.1f})"
    z = normal_z(other - known, other_error, units)
    content.findings.append(
        f"regression, Langevin dynamics at T = {given / patterns:.4g} per pattern (the noise of SGD has "
        f"{matched / patterns:.4g}): variances "
        f"{'meet' if np.abs(z).max() < DECISIVE else 'MISS'} Boltzmann's law, largest |z| = {np.abs(z).max():.1f}; "
        f"mean loss above the minimum {thermal:.4g} beside {loss:.4g} of SGD: "
        f"matched on noise, and on loss to {abs(loss / thermal - 1):.0%}, {apart}"
    )


class _Settled:
    """Averages over the stationary part of a run on a network, per seed."""

    def __init__(self, point: PointResults, settled: float):
        self.point, self.dynamics = point, point.physics["dynamics"]
        time = point.read("trajectory/time")
        late = time >= settled * time[-1]
        half = time >= 0.5 * (1.0 + settled) * time[-1]
        energy = point.independent("trajectory/energy_density")
        self.sound = np.isfinite(energy[:, late]).all(axis=1)
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
        square = np.square(point.read("endpoint/configuration")).sum(axis=-1)
        square = square.ravel() if point.attributes.get("independent_unit") == "replica" else square.mean(axis=1)
        self.units["norm_square"] = square[self.sound]

    def mean(self, name: str) -> tuple[float, float]:
        value, error = mean_and_error(self.units[name])
        return float(value), float(error)

    @property
    def drifting(self) -> bool:
        return abs(float(normal_z(*map(np.array, self.drift), self.n_units))) >= DECISIVE


_TOLD = {
    "noise_trace": "tr C", "norm_square": "|w|²", "hessian_trace": "tr H", "test_loss": "test loss",
    "alignment": "alignment of C with H",
}  # fmt: skip


def _network(content: Content, sgd: _Settled, ladder: list[_Settled]) -> None:
    rate, batch, momentum = (float(sgd.dynamics[key]) for key in ("learning_rate", "batch", "momentum"))
    patterns, weights = sgd.point.n_units, sgd.point.n_dof
    per_seed = noise_temperature(rate, int(batch), sgd.units["noise_trace"], weights, patterns, momentum) / patterns
    by_noise, by_noise_error = map(float, mean_and_error(per_seed))
    temperatures = np.array([float(one.dynamics["temperature"]) for one in ladder]) / patterns
    group = f"network/{sgd.point.label or 'all'}"
    content.describe(group, noise_temperature=by_noise, noise_temperature_error=by_noise_error, learning_rate=rate,
                     batch=batch)  # fmt: skip
    content.add(f"{group}/temperature", temperatures, ("temperature",), "energy")
    names = [name for name in ("loss", *_TOLD) if all(name in one.units for one in (sgd, *ladder))]
    for name in names:
        values = np.array([one.mean(name) for one in ladder])
        content.add(f"{group}/{name}", values[:, 0], ("temperature",))
        content.add(f"{group}/{name}_error", values[:, 1], ("temperature",))
        value, error = sgd.mean(name)
        content.describe(group, **{f"sgd_{name}": value, f"sgd_{name}_error": error})
    loss, loss_error = sgd.mean("loss")
    losses, errors = np.array([one.mean("loss") for one in ladder]).T
    by_loss, by_loss_error, why = _look_up(temperatures, losses, errors, loss, loss_error)
    content.describe(group, loss_temperature=by_loss, loss_temperature_error=by_loss_error)
    kind = "network" if sgd.point.physics["landscape"]["hidden"] else "softmax regression"
    start = f"{kind} (W = {weights}, P = {patterns}), SGD at rate {rate:g} with batches of {batch:.0f}: "
    moving = [f"T = {t:.3g}" for one, t in zip(ladder, temperatures, strict=True) if one.drifting]
    moving += ["SGD"] if sgd.drifting else []
    if moving:
        content.findings.append(f"{start}the loss still drifts within the settled part at {', '.join(moving)}: what "
                                "follows holds for runs of this length")  # fmt: skip
    content.findings.append(f"{start}matched on the trace of the noise T = {by_noise:.3e} ± {by_noise_error:.1e} per "
                            f"pattern; {_by_loss(by_loss, by_loss_error, by_noise, by_noise_error, why)}")  # fmt: skip
    for told, temperature in (("noise", by_noise), ("loss", by_loss)):
        if np.isfinite(temperature) and temperatures[0] <= temperature <= temperatures[-1]:
            content.findings.append(start + _others(content, kind, sgd, ladder, temperatures, temperature, told, names))
    content.findings += _balance(start, sgd, rate, int(batch), momentum)


def _look_up(x: NDArray, y: NDArray, y_error: NDArray, at: float, at_error: float) -> tuple[float, float, str]:
    """Where the line through (x, y) passes ``at``, between two neighbouring points."""
    for k in range(len(x) - 1):
        low, high = y[k], y[k + 1]
        if min(low, high) <= at <= max(low, high) and low != high:
            share = (at - low) / (high - low)
            slope = (high - low) / (x[k + 1] - x[k])
            spread = np.sqrt(at_error**2 + ((1 - share) * y_error[k]) ** 2 + (share * y_error[k + 1]) ** 2)
            return float(x[k] + share * (x[k + 1] - x[k])), float(spread / abs(slope)), ""
    side = "below" if at < y.min() else "above"
    return np.nan, np.nan, f"its loss {at:.4f} ± {at_error:.4f} lies {side} that of every temperature measured"


def _by_loss(by_loss: float, error: float, by_noise: float, by_noise_error: float, why: str) -> str:
    if np.isnan(by_loss):
        return f"on the mean loss none: {why}"
    ratio = by_loss / by_noise
    spread = ratio * float(np.hypot(error / by_loss, by_noise_error / by_noise))
    told = "the two agree" if abs(ratio - 1.0) < DECISIVE * spread else "the two DIFFER"
    if spread > _VAGUE and told == "the two agree":
        told = "seeds differ too much to tell the two apart"
    return f"matched on the mean loss T = {by_loss:.3e} ± {error:.1e}, {ratio:.2f} ± {spread:.2f} times that: {told}"


def _others(
    content: Content, kind: str, sgd: _Settled, ladder: list[_Settled], temperatures: NDArray, temperature: float,
    told: str, names: Sequence[str],
) -> str:
    """Everything that was measured of SGD beside Langevin dynamics at one temperature, interpolated."""
    parts = []
    for name in names:
        if name == told == "loss":
            continue
        values = np.array([one.mean(name) for one in ladder])
        known, error = (float(np.interp(temperature, temperatures, values[:, k])) for k in (0, 1))
        own, own_error = sgd.mean(name)
        z = float(normal_z(np.array(own - known), np.array(np.hypot(error, own_error)), sgd.n_units))
        mark = "" if abs(z) < DECISIVE else f" (z = {z:.1f})"
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
        f"{'no departure from 1 is shown' if abs(z) < DECISIVE else 'NOT stationary'} (z = {z:.1f})"
    ]
