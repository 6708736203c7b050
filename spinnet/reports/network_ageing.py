r"""Whether a network that is trained by SGD ages: mean-square displacements at several ages, beside a glass and nulls.

:math:`\Delta(t_w+t, t_w) = |w(t_w+t) - w(t_w)|^2/W`. Two things look like ageing and are none: noise that dies with
the loss, which the clock :math:`\int \eta^2\,\mathrm{tr}\,C/(B W)\,dt` of free diffusion takes out, and drift, which
Yaida's relation shows. Beside each arm stand free diffusion on that clock and the harmonic modes of its own final
Hessian with its own final noise.

References: Baity-Jesi et al., arXiv:1803.06969; Kerr Winter and Janssen, arXiv:2405.13098; Yaida, arXiv:1810.00004.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spinnet.configurable import real_number
from spinnet.errors import InputError, nearest_name
from spinnet.estimators.displacement import KNOWN, LocalExponents, collapse, displacement_exponents
from spinnet.estimators.resampling import FEWEST_UNITS, mean_and_error
from spinnet.estimators.stationarity import Stationarity, noise_side, stationarity
from spinnet.reports.ageing_curves import normal_z
from spinnet.reports.base import Content, Report, require_probe
from spinnet.reports.results import PointResults, StudyResults
from spinnet.reports.verdicts import DECISIVE
from spinnet.theory.diffusion import clock_displacement, harmonic_displacement

#: Exponents this close to 1 are no cage, however small their errors.
_SLIGHT = 0.02
_PROBES = ("energy", "two_time", "noise_trace", "stationarity")


class NetworkAgeingReport(Report):
    """Displacements, their local exponents, collapse on the clock of the noise, and stationarity, arm by arm.

    Parameters
    ----------
    narrow, wide
        Arms of few and of many weights, of which the claim is: a sub-diffusive plateau, and none.
    others
        More arms of networks.
    glass
        An arm of a glass under Langevin dynamics, measured with two_time; empty for none.
    span
        Factor of t over which a local exponent is fitted.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ()

    def __init__(self, narrow: str, wide: str, others: Sequence[str] = (), glass: str = "", span: float = 10.0):
        given = self.validate(narrow=narrow, wide=wide, others=others, glass=glass, span=span)
        self.narrow, self.wide, self.others = given["narrow"], given["wide"], tuple(given["others"])
        self.glass, self.span = given["glass"], given["span"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        if not isinstance(given["others"], list | tuple) or not all(isinstance(one, str) for one in given["others"]):
            raise InputError(f"others = {given['others']!r}: give a list of names of arms")
        given["others"] = list(given["others"])
        given["span"] = real_number("span", given["span"], above=1.0)
        return given

    @classmethod
    def check(cls, settings: Mapping[str, Any], arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        networks = [settings["narrow"], settings["wide"], *settings["others"]]
        for name in [*networks, *([settings["glass"]] if settings["glass"] else [])]:
            if name not in arms:
                raise InputError(
                    f"network_ageing: there is no arm {name!r}{nearest_name(str(name), arms)}; there are "
                    f"{', '.join(arms)}"
                )
        for name in networks:
            for physics in arms[name]:
                _check_network(name, physics)
        for physics in arms[settings["glass"]] if settings["glass"] else ():
            if "two_time" not in physics["probes"]:
                raise InputError(f"arm {settings['glass']} is measured without two_time: add [probes.two_time]")

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`NetworkAgeingReport`. Cost: none to speak of."""
        content = Content()
        found: dict[str, list[_Network]] = {}
        for name in (self.narrow, self.wide, *self.others):
            found[name] = [_Network(name, point, self.span) for point in results.points(name)]
            for one in found[name]:
                one.store(content)
                content.rows.append(one.row())
                content.findings += one.findings()
        content.findings += [_claim(few, many) for few in found[self.narrow] for many in found[self.wide]]
        if self.glass:
            for point in results.points(self.glass):
                glass = _Aged(self.glass, point, self.span)
                glass.store(content)
                content.rows.append(glass.row())
                content.findings += [glass.plateau_finding()]
        return content


def _check_network(arm: str, physics: Mapping[str, Any]) -> None:
    if physics["dynamics"]["kind"] != "SGD":
        raise InputError(f"arm {arm} has the dynamics {physics['dynamics']['kind']}; network_ageing is for SGD")
    if physics["dynamics"].get("drops"):
        raise InputError(f"arm {arm}: network_ageing needs a constant learning rate; leave drops out")
    for probe in _PROBES:
        require_probe(arm, physics, probe)


@dataclass
class _Judged:
    """The local exponents of one age, or why there are none."""

    age: float
    exponents: LocalExponents | None
    missing: str = ""


class _Aged:
    """Displacements of one point with their local exponents at each age."""

    def __init__(self, arm: str, point: PointResults, span: float):
        self.arm, self.point = arm, point
        self.label = arm + (f",{point.label}" if point.parameters and len(point.label) < 40 else "")
        self.waits = point.read("two_time/waiting_time")
        delay = point.read("two_time/delay")
        self.after = delay > 0
        self.delay = delay[self.after]
        moved = point.independent("two_time/displacement")[:, :, self.after]
        reached = np.isfinite(moved).any(axis=0)
        self.sound = np.isfinite(moved)[:, reached].all(axis=1)
        self.lost = int((~self.sound).sum())
        self.moved = moved[self.sound]
        self.mean, self.error = mean_and_error(self.moved)
        self.judged = [self._judge(k, span) for k in range(len(self.waits))]

    def _judge(self, k: int, span: float) -> _Judged:
        try:
            found = displacement_exponents(self.delay, self.moved[:, k], span)
        except InputError as error:
            return _Judged(float(self.waits[k]), None, str(error))
        if math.isnan(found.lowest):
            return _Judged(float(self.waits[k]), None, f"no exponent is known to {KNOWN:g}: run more seeds")
        return _Judged(float(self.waits[k]), found)

    @property
    def oldest(self) -> _Judged:
        """The greatest age at which exponents could be fitted."""
        fitted = [one for one in self.judged if one.exponents is not None]
        return fitted[-1] if fitted else self.judged[-1]

    def store(self, content: Content) -> None:
        group = f"arms/{self.label}"
        content.describe(group, arm=self.arm, n_dof=self.point.n_dof, units=len(self.moved), lost=self.lost)
        content.add(f"{group}/waiting_time", self.waits, ("waiting_time",), "steps")
        content.add(f"{group}/delay", self.delay, ("delay",), "steps")
        content.add(f"{group}/displacement", self.mean, ("waiting_time", "delay"))
        content.add(f"{group}/displacement_error", self.error, ("waiting_time", "delay"))
        for name in ("exponent", "error"):
            rows = [np.full(len(self.delay), np.nan) if one.exponents is None else getattr(one.exponents, name)
                    for one in self.judged]  # fmt: skip
            told = "exponent" if name == "exponent" else "exponent_error"
            content.add(f"{group}/{told}", np.array(rows), ("waiting_time", "delay"), "1", "d ln Delta/d ln t")

    def row(self) -> dict[str, Any]:
        found = self.oldest.exponents
        return {
            "arm": self.label, "n_dof": self.point.n_dof, "units": len(self.moved), "t_w": self.oldest.age,
            "lowest": None if found is None else found.lowest,
            "lowest_error": None if found is None else found.lowest_error,
            "at": None if found is None else found.lowest_at,
        }  # fmt: skip

    def verdict(self) -> str:
        """ "plateau", "never" (diffusive or faster at all delays), or "undecided"."""
        found = self.oldest.exponents
        if found is None:
            return "undecided"
        below = normal_z(np.array(found.lowest - 1.0), np.array(found.lowest_error), found.n_units)
        if found.lowest < 1.0 - _SLIGHT and float(below) < -DECISIVE:
            later = found.exponent[found.delay > found.lowest_at]
            return "plateau" if len(later) and np.nanmax(later, initial=-np.inf) > found.lowest + 0.1 else "slowing"
        return "never" if found.lowest > 1.0 - 5 * _SLIGHT else "undecided"

    def plateau_finding(self) -> str:
        found, start = self.oldest.exponents, f"{self.label} (W = {self.point.n_dof}): "
        lost = f" ({self.lost} runs diverged and are left out)" if self.lost else ""
        if found is None:
            return f"{start}no local exponent ({self.oldest.missing}){lost}"
        told = {
            "plateau": "a sub-diffusive plateau, after which it rises again",
            "slowing": "below diffusion, and no rise afterwards within the run",
            "never": "not below diffusion within its error at any delay",
            "undecided": "undecided: below 1, within four of its errors",
        }[self.verdict()]
        return (
            f"{start}at t_w = {self.oldest.age:.3g} the local exponent of Δ is lowest at t = {found.lowest_at:.3g}, "
            f"{found.lowest:.2f} ± {found.lowest_error:.2f} over {found.n_units} units: {told}{lost}"
        )


class _Network(_Aged):
    """The same with the noise of SGD: its clock, stationarity, and nulls."""

    def __init__(self, arm: str, point: PointResults, span: float):
        super().__init__(arm, point, span)
        dynamics = point.physics["dynamics"]
        self.rate, self.batch = float(dynamics["learning_rate"]), int(dynamics["batch"])
        self.momentum = float(dynamics["momentum"])
        self.loss, self.loss_error = mean_and_error(point.independent("trajectory/energy_density")[:, -1])
        time = point.read("trajectory/time")
        trace = point.independent("trajectory/noise_trace")[self.sound]
        # Steps of momentum m add up to displacements 1/(1 − m) times as long.
        variance = (self.rate / (1.0 - self.momentum)) ** 2 * trace / (self.batch * point.n_dof)
        self.time, self.trace = time, mean_and_error(trace)
        self.clock = np.array([
            [clock_displacement(time, one, wait, self.delay) for wait in self.waits] for one in variance
        ])  # fmt: skip
        self.free = self.clock.mean(axis=0)
        self.harmonic = self._harmonic()
        self.balance = self._balance()
        self.collapsed = None
        self.no_collapse = ""
        try:
            self.collapsed = collapse(self.delay, self.moved, self.clock)
        except (InputError, ValueError) as error:
            self.no_collapse = str(error)

    def _harmonic(self) -> NDArray | None:
        """Independent modes of the final Hessian with the final noise, from the bottom of the well at time 0."""
        name = "noise/curvature"
        if not self.point.has(name) or self.momentum > 0:
            return None
        curvature = self.point.independent(name)
        noise = self.point.independent("noise/along_modes")
        sound = np.isfinite(curvature).all(axis=1) if curvature.shape[1] else np.zeros(len(curvature), bool)
        if not sound.any():
            return None
        # Modes of negative curvature are taken as free: a well has none, and as they are they would run away.
        rows = [
            [harmonic_displacement(self.delay, wait, np.maximum(h, 0.0), c, self.rate, self.batch, np.zeros_like(h))
             for wait in self.waits] for h, c in zip(curvature[sound], noise[sound], strict=True)
        ]  # fmt: skip
        return np.mean(rows, axis=0)

    def _balance(self) -> Stationarity | None:
        read = {name: self.point.independent(f"stationarity/{name}")
                for name in ("virial", "noise_trace", "gradient_square", "velocity_square")}  # fmt: skip
        windows = np.isfinite(read["virial"]).any(axis=(0, 2))
        sound = np.isfinite(read["virial"][:, windows]).all(axis=(1, 2))
        self.windows = self.point.read("stationarity/window")[windows]
        if sound.sum() < FEWEST_UNITS or not windows.any():
            return None
        read = {name: values[sound][:, windows] for name, values in read.items()}
        right = noise_side(self.rate, self.batch, read["noise_trace"], read["gradient_square"],
                           read["velocity_square"], self.momentum)  # fmt: skip
        return stationarity(read["virial"], right)

    def store(self, content: Content) -> None:
        super().store(content)
        group = f"arms/{self.label}"
        content.describe(group, learning_rate=self.rate, batch=self.batch, momentum=self.momentum, network=1,
                         loss=float(self.loss), loss_error=float(self.loss_error))  # fmt: skip
        content.add(f"{group}/free", self.free, ("waiting_time", "delay"), "1",
                    "free diffusion with the measured noise")  # fmt: skip
        if self.harmonic is not None:
            content.add(f"{group}/harmonic", self.harmonic, ("waiting_time", "delay"), "1",
                        "modes of the final Hessian with the final noise")  # fmt: skip
        content.add(f"{group}/time", self.time, ("time",), "steps")
        content.add(f"{group}/noise_trace", self.trace[0], ("time",), "energy^2")
        content.add(f"{group}/noise_trace_error", self.trace[1], ("time",), "energy^2")
        if self.balance is not None:
            content.add(f"{group}/window", self.windows, ("window",), "steps")
            content.add(f"{group}/balance", self.balance.ratio, ("window",), "1", "noise side over drift side")
            content.add(f"{group}/balance_error", self.balance.ratio_error, ("window",))
        if self.collapsed is not None:
            content.describe(group, spread=self.collapsed.raw, spread_rescaled=self.collapsed.rescaled)

    def row(self) -> dict[str, Any]:
        balance, collapsed = self.balance, self.collapsed
        return super().row() | {
            "loss": float(self.loss),
            "noise_over_drift": None if balance is None else float(balance.ratio[-1]),
            "noise_over_drift_error": None if balance is None else float(balance.ratio_error[-1]),
            "spread": None if collapsed is None else collapsed.raw,
            "spread_on_clock": None if collapsed is None else collapsed.rescaled,
        }

    def findings(self) -> list[str]:
        return [self.plateau_finding(), self._beside_nulls(), *self._stationary(), *self._collapse()]

    def _beside_nulls(self) -> str:
        wait = int(np.flatnonzero(self.waits == self.oldest.age)[0])
        known = np.flatnonzero(np.isfinite(self.mean[wait]) & np.isfinite(self.free[wait]))
        place = [known[0], known[-1]]
        if self.oldest.exponents is not None:
            place.insert(1, int(np.argmin(np.abs(self.delay - self.oldest.exponents.lowest_at))))
        parts = []
        for k in dict.fromkeys(place):
            share, error = self.mean[wait, k] / self.free[wait, k], self.error[wait, k] / self.free[wait, k]
            told = f"{share:.2g} ± {error:.1g} of free diffusion"
            if self.harmonic is not None:
                told += f" (harmonic modes {self.harmonic[wait, k] / self.free[wait, k]:.2g})"
            parts.append(f"{told} at t = {self.delay[k]:.3g}")
        return f"{self.label}: at t_w = {self.oldest.age:.3g}, Δ is {', '.join(parts)}"

    def _stationary(self) -> list[str]:
        if self.balance is None:
            return [f"{self.label}: fewer than {FEWEST_UNITS} runs or no whole window: stationarity is not tested"]
        z = normal_z(self.balance.difference, self.balance.difference_error, self.balance.n_units)
        parts = []
        for k, start in enumerate(self.windows):
            parts.append(f"{self.balance.ratio[k]:.2f} ± {self.balance.ratio_error[k]:.2f} from t = {start:.3g}")
        last = z[-1]
        verdict = f"no certain drift in the last window (z = {last:.1f})" if abs(last) < DECISIVE else (
            f"NOT stationary: |w|² {'grows' if last > 0 else 'shrinks'} (z = {last:.1f} in the last window)"
        )  # fmt: skip
        return [f"{self.label}: noise over drift (1 when stationary) {', '.join(parts)}; {verdict}"]

    def _collapse(self) -> list[str]:
        one = self.collapsed
        if one is None:
            return [f"{self.label}: no collapse ({self.no_collapse})"] if len(self.waits) > 1 else []
        z = (one.gain - 1.0) / one.gain_error if one.gain_error > 0 else math.inf
        told = "the clock of the noise takes age out" if z > DECISIVE else (
            "the clock of the noise makes it WORSE" if z < -DECISIVE else "the clock of the noise makes no difference"
        )  # fmt: skip
        left = ", not all of it" if one.rescaled > 0.2 and z > DECISIVE else ""
        return [
            f"{self.label}: over {len(self.waits)} ages ln Δ spreads by {one.raw:.2f} ± {one.raw_error:.2f} at equal t "
            f"and by {one.rescaled:.2f} ± {one.rescaled_error:.2f} at equal free diffusion: {told}{left}"
        ]


def _claim(few: _Network, many: _Network) -> str:
    """The claim of the literature: caged when narrow, not when wide."""
    one, other = few.oldest.exponents, many.oldest.exponents
    start = "narrow nets are caged and wide ones are not (Baity-Jesi et al.; Kerr Winter and Janssen): "
    if one is None or other is None:
        return f"{start}not tested, exponents are missing"
    apart = other.lowest - one.lowest
    error = math.hypot(one.lowest_error, other.lowest_error)
    numbers = (
        f"lowest exponents {one.lowest:.2f} ± {one.lowest_error:.2f} and {other.lowest:.2f} ± {other.lowest_error:.2f}"
    )
    z = float(normal_z(np.array(apart), np.array(error), min(one.n_units, other.n_units)))
    if few.verdict() == "plateau" and many.verdict() == "never":
        return f"{start}holds, {numbers}"
    if few.verdict() == "plateau" and z > DECISIVE:
        return f"{start}holds for the narrow one only, and the wide one is closer to diffusion: {numbers} (z = {z:.1f})"
    return f"{start}NOT seen here: {numbers} ({few.verdict()} and {many.verdict()}; difference z = {z:.1f})"
