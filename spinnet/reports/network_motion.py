"""How far one point moved at several ages: exponents, clock of the noise, nulls, stationarity and collapse of the ages.

Waiting times close together count as one age: their displacements are averaged unit by unit, which tames the rare
batches of large gradients that a single origin of time hangs on at short delays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinnet.errors import InputError
from spinnet.estimators.age_collapse import AgeExponent, Collapse, age_exponent, collapse
from spinnet.estimators.displacement import KNOWN, LocalExponents, displacement_exponents, exponents_of
from spinnet.estimators.resampling import FEWEST_UNITS, mean_and_error
from spinnet.estimators.stationarity import Stationarity, noise_side, stationarity
from spinnet.reports.base import Content
from spinnet.reports.results import PointResults
from spinnet.reports.verdicts import DECISIVE, normal_z
from spinnet.theory.diffusion import clock_displacement, harmonic_displacement

#: Waiting times within this factor are one age.
TOGETHER = 1.1
#: Exponents this close to 1 are no cage, however small their errors.
_SLIGHT = 0.02
#: With every exponent above this, there is no plateau: cages have less than half of it.
NO_PLATEAU = 0.8


@dataclass
class Judged:
    """The local exponents of one age, of the delay and of the clock, or why there are none."""

    age: float
    of_time: LocalExponents | None
    of_clock: LocalExponents | None
    missing: str = ""

    @property
    def exponents(self) -> LocalExponents | None:
        """On the network's own clock where there is one."""
        return self.of_clock or self.of_time

    def verdict(self) -> str:
        """ "plateau", "slowing" (no rise after it), "never" (diffusive or faster) or "undecided"."""
        found = self.exponents
        if found is None:
            return "undecided"
        below = normal_z(found.lowest - 1.0, found.lowest_error, found.n_units)
        if found.lowest < 1.0 - _SLIGHT and below < -DECISIVE:
            rises = normal_z(found.rise, found.rise_error, found.n_units) > DECISIVE
            return "plateau" if rises else "slowing"
        return "never" if found.bound > NO_PLATEAU else "undecided"


class Motion:
    """Displacements of one point with their local exponents at each age."""

    def __init__(self, arm: str, point: PointResults, span: float):
        self.arm, self.point, self.span = arm, point, span
        self.label = arm + (f",{point.label}" if point.parameters and len(point.label) < 40 else "")
        every = point.read("two_time/waiting_time")
        self.origins = _together(every)
        self.waits = np.array([every[one[0]] for one in self.origins])
        delay = point.read("two_time/delay")
        self.after = delay > 0
        self.delay = delay[self.after]
        moved = point.independent("two_time/displacement")[:, :, self.after]
        moved = np.stack([moved[:, one].mean(axis=1) for one in self.origins], axis=1)
        reached = np.isfinite(moved).any(axis=0)
        self.sound = np.isfinite(moved)[:, reached].all(axis=1)
        self.lost = int((~self.sound).sum())
        self.moved = moved[self.sound]
        self.mean, self.error = mean_and_error(self.moved)
        self.clock = self._clock()
        self.judged = [self._judge(k) for k in range(len(self.waits))]
        self.exponent: AgeExponent | None = None
        try:
            self.exponent = age_exponent(self.delay, self.moved, self.waits)
        except InputError as error:
            self.no_exponent = str(error)

    def _clock(self) -> NDArray | None:
        """Of each unit, (unit, age, delay); none for a glass."""
        return None

    def _judge(self, k: int) -> Judged:
        age, until = float(self.waits[k]), float(self.waits[k])
        try:
            time = displacement_exponents(self.delay, self.moved[:, k], self.span, until=until)
            clock = None if self.clock is None else displacement_exponents(
                self.delay, self.moved[:, k], self.span, clock=self.clock[:, k], until=until
            )  # fmt: skip
        except InputError as error:
            return Judged(age, None, None, str(error))
        if math.isnan((clock or time).lowest):
            return Judged(age, None, None, f"no exponent within t ≤ t_w is known to {KNOWN:g}: run more seeds")
        return Judged(age, time, clock)

    @property
    def oldest(self) -> Judged:
        """The greatest age at which exponents could be fitted."""
        fitted = [one for one in self.judged if one.exponents is not None]
        return fitted[-1] if fitted else self.judged[-1]

    def at(self, age: float) -> Judged | None:
        """The age with exponents next to ``age``, within a factor of :data:`TOGETHER`."""
        fitted = [one for one in self.judged if one.exponents is not None
                  and max(one.age, age) <= TOGETHER * min(one.age, age)]  # fmt: skip
        return fitted[0] if fitted else None

    def store(self, content: Content) -> None:
        group = f"arms/{self.label}"
        content.describe(group, arm=self.arm, n_dof=self.point.n_dof, units=len(self.moved), lost=self.lost)
        content.add(f"{group}/waiting_time", self.waits, ("waiting_time",), "steps")
        content.add(f"{group}/delay", self.delay, ("delay",), "steps")
        content.add(f"{group}/displacement", self.mean, ("waiting_time", "delay"))
        content.add(f"{group}/displacement_error", self.error, ("waiting_time", "delay"))
        nothing = np.full(len(self.delay), np.nan)
        for kind, told in (("of_time", "exponent"), ("of_clock", "clock_exponent")):
            found = [getattr(one, kind) for one in self.judged]
            if any(one is not None for one in found):
                for name, suffix in (("exponent", ""), ("error", "_error")):
                    rows = [nothing if one is None else getattr(one, name) for one in found]
                    content.add(f"{group}/{told}{suffix}", np.array(rows), ("waiting_time", "delay"), "1",
                                "d ln Delta/d ln " + ("t" if kind == "of_time" else "clock"))  # fmt: skip
        if self.exponent is not None:
            content.describe(group, age_exponent=self.exponent.exponent, age_exponent_error=self.exponent.error)

    def rows(self) -> list[dict[str, Any]]:
        """One for each age."""
        found = []
        for one in self.judged:
            row = {"arm": self.label, "n_dof": self.point.n_dof, "units": len(self.moved), "t_w": one.age}
            for kind, told in (("of_time", "in_t"), ("of_clock", "on_clock")):
                values = getattr(one, kind)
                row |= {f"lowest_{told}": None, f"lowest_{told}_error": None, f"at_{told}": None}
                if values is not None:
                    row |= {f"lowest_{told}": values.lowest, f"lowest_{told}_error": values.lowest_error,
                            f"at_{told}": values.lowest_at}  # fmt: skip
            row["verdict"] = one.verdict() if one.exponents is not None else None
            found.append(row)
        return found

    def findings(self) -> list[str]:
        """What is said of a glass."""
        return [self.plateau_finding(self.oldest), *self._age_exponent()]

    def plateau_finding(self, one: Judged) -> str:
        """The lowest local exponent within t ≤ t_w and what it means."""
        start = f"{self.label} (W = {self.point.n_dof}), t_w = {one.age:.6g}: "
        lost = f" ({self.lost} runs diverged and are left out)" if self.lost else ""
        found = one.exponents
        if found is None:
            return f"{start}no local exponent ({one.missing}){lost}"
        told = {
            "plateau": f"a sub-diffusive plateau, after which it rises by {found.rise:.2f} ± {found.rise_error:.2f}",
            "slowing": "below diffusion, and no certain rise afterwards within the run",
            "never": f"no plateau, all exponents that are known lie above {found.bound:.2f} with 95 % certainty",
            "undecided": "undecided, neither certainly below 1 nor all above "
                         f"{NO_PLATEAU:g} (bound {found.bound:.2f})",
        }[one.verdict()]  # fmt: skip
        value = f"{found.lowest:.2f} ± {found.lowest_error:.2f} near t = {found.lowest_at:.3g}"
        if one.of_clock is not None:
            value += f" on the clock of the noise ({one.of_time.lowest:.2f} ± {one.of_time.lowest_error:.2f} in t"
            value += f"{self._plain(one)})"
        return (f"{start}within t ≤ t_w the local exponent of Δ is lowest at {value}, over {found.n_units} units: "
                f"{told}{lost}")  # fmt: skip

    def _plain(self, one: Judged) -> str:
        """The log-slope between the two points a decade apart about the lowest exponent, as it is often quoted."""
        wait = int(np.flatnonzero(self.waits == one.age)[0])
        ends = one.of_time.lowest_at * np.array([10.0**-0.5, 10.0**0.5])
        low, high = (int(np.argmin(np.abs(np.log(self.delay / end)))) for end in ends)
        if not np.isfinite(self.moved[:, wait, [low, high]]).all():
            return ""
        decades = np.log(self.delay[high] / self.delay[low])
        whole = np.log(self.mean[wait, high] / self.mean[wait, low]) / decades
        each = np.log(self.moved[:, wait, high] / self.moved[:, wait, low]) / decades
        return f", plain log-slope over that decade {whole:.2f}, seeds scattering by {each.std(ddof=1):.2f}"

    def _age_exponent(self) -> list[str]:
        one = self.exponent
        if one is None:
            return [f"{self.label}: no exponent of the age ({self.no_exponent})"] if len(self.waits) > 1 else []
        if one.at_end:
            return [f"{self.label}: no μ makes Δ a function of t/t_w^μ: the spread is least, {one.spread:.2f}, at the "
                    f"end of what could be tried, μ = {one.exponent:.2f}"]  # fmt: skip
        return [f"{self.label}: as functions of t/t_w^μ the ages lie closest at μ = {one.exponent:.2f} ± "
                f"{one.error:.2f}, where ln Δ spreads by {one.spread:.2f} (0 no age, 1 full ageing)"]  # fmt: skip


def _together(waits: NDArray) -> list[list[int]]:
    """Indices of the waiting times of each age."""
    groups: list[list[int]] = []
    for k, wait in enumerate(waits):
        if groups and wait <= TOGETHER * waits[groups[-1][0]]:
            groups[-1].append(k)
        else:
            groups.append([k])
    return groups


class NetworkMotion(Motion):
    """The same with the noise of SGD: its clock, stationarity, and nulls."""

    def __init__(self, arm: str, point: PointResults, span: float):
        dynamics = point.physics["dynamics"]
        self.rate, self.batch = float(dynamics["learning_rate"]), int(dynamics["batch"])
        self.momentum = float(dynamics["momentum"])
        super().__init__(arm, point, span)
        self.loss, self.loss_error = mean_and_error(point.independent("trajectory/energy_density")[:, -1])
        self.free = self.clock.mean(axis=0)
        self.harmonic = self._harmonic()
        self.balance = self._balance()
        self.collapsed: Collapse | None = None
        self.clock_exponent: AgeExponent | None = None
        self.no_collapse = ""
        try:
            self.collapsed = collapse(self.delay, self.moved, self.clock)
            self.clock_exponent = age_exponent(self.delay, self.moved, self.waits, self.clock)
        except InputError as error:
            self.no_collapse = str(error)

    def _clock(self) -> NDArray:
        time = self.point.read("trajectory/time")
        trace = self.point.independent("trajectory/noise_trace")[self.sound]
        # Steps of momentum m add up to displacements 1/(1 − m) times as long.
        variance = (self.rate / (1.0 - self.momentum)) ** 2 * trace / (self.batch * self.point.n_dof)
        self.time, self.trace = time, mean_and_error(trace)
        every = self.point.read("two_time/waiting_time")
        each = np.array([[clock_displacement(time, one, wait, self.delay) for wait in every] for one in variance])
        return np.stack([each[:, one].mean(axis=1) for one in self.origins], axis=1)

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
            exponents = [exponents_of(self.delay, *pair, self.span)
                         for pair in zip(self.harmonic, self.free, strict=True)]  # fmt: skip
            content.add(f"{group}/harmonic_exponent", np.array(exponents), ("waiting_time", "delay"), "1",
                        "d ln Delta/d ln clock of those modes")  # fmt: skip
        content.add(f"{group}/time", self.time, ("time",), "steps")
        content.add(f"{group}/noise_trace", self.trace[0], ("time",), "energy^2")
        content.add(f"{group}/noise_trace_error", self.trace[1], ("time",), "energy^2")
        if self.balance is not None:
            content.add(f"{group}/window", self.windows, ("window",), "steps")
            content.add(f"{group}/balance", self.balance.ratio, ("window",), "1", "noise side over drift side")
            content.add(f"{group}/balance_error", self.balance.ratio_error, ("window",))
        if self.collapsed is not None:
            one = self.collapsed
            content.describe(group, spread=one.raw, spread_rescaled=one.rescaled, spread_wrong=one.wrong,
                             spread_floor=one.floor)  # fmt: skip

    def rows(self) -> list[dict[str, Any]]:
        rows, balance, one = super().rows(), self.balance, self.collapsed
        rows[-1] |= {
            "loss": float(self.loss),
            "noise_over_drift": None if balance is None else float(balance.ratio[-1]),
            "noise_over_drift_error": None if balance is None else float(balance.ratio_error[-1]),
            "spread": None if one is None else one.raw,
            "spread_on_clock": None if one is None else one.rescaled,
            "spread_of_units": None if one is None else one.floor,
        }
        return rows

    def findings(self) -> list[str]:
        return [*(self.plateau_finding(one) for one in self.judged[-2:]), self._beside_nulls(), *self._stationary(),
                *self._collapse(), *self._age_exponent()]  # fmt: skip

    def _beside_nulls(self) -> str:
        wait = int(np.flatnonzero(self.waits == self.oldest.age)[0])
        known = np.flatnonzero(np.isfinite(self.mean[wait]) & np.isfinite(self.free[wait]))
        place = [known[0], known[-1]]
        beside = ""
        if self.oldest.exponents is not None:
            low = int(np.argmin(np.abs(self.delay - self.oldest.exponents.lowest_at)))
            place.insert(1, low)
            beside = "; there free diffusion has the exponent 1"
            if self.harmonic is not None:
                of_modes = exponents_of(self.delay, self.harmonic[wait], self.free[wait], self.span)
                beside += (f" and the modes of its own final Hessian {of_modes[low]:.2f}, going to "
                           f"{of_modes[np.isfinite(of_modes)][-1]:.2f} where the run ends")  # fmt: skip
        parts = []
        for k in dict.fromkeys(place):
            share, error = self.mean[wait, k] / self.free[wait, k], self.error[wait, k] / self.free[wait, k]
            told = f"{share:.2g} ± {error:.1g} of free diffusion"
            if self.harmonic is not None:
                told += f" (harmonic modes {self.harmonic[wait, k] / self.free[wait, k]:.2g})"
            parts.append(f"{told} at t = {self.delay[k]:.3g}")
        return f"{self.label}: at t_w = {self.oldest.age:.6g}, Δ is {', '.join(parts)}{beside}"

    def _stationary(self) -> list[str]:
        if self.balance is None:
            return [f"{self.label}: fewer than {FEWEST_UNITS} runs or no whole window: stationarity is not tested"]
        z = normal_z(self.balance.difference, self.balance.difference_error, self.balance.n_units)
        parts = []
        for k, start in enumerate(self.windows):
            parts.append(f"{self.balance.ratio[k]:.3g} ± {self.balance.ratio_error[k]:.1g} from t = {start:.6g}")
        last = float(z[-1])
        if math.isnan(last):
            verdict = "its error is missing: not tested"
        elif abs(last) < DECISIVE:
            verdict = f"no certain drift in the last window (z = {last:.1f})"
        else:
            verdict = f"NOT stationary: |w|² {'grows' if last > 0 else 'shrinks'} (z = {last:.1f} in the last window)"
        return [f"{self.label}: noise over drift (Yaida's relation, 1 when stationary) {', '.join(parts)}; {verdict}"]

    def _collapse(self) -> list[str]:
        one = self.collapsed
        if one is None:
            return [f"{self.label}: no collapse ({self.no_collapse})"] if len(self.waits) > 1 else []
        z = float(normal_z(one.gain - 1.0, one.gain_error, one.n_units))
        left = float(normal_z(one.excess, one.excess_error, one.n_units))
        taken = f"the clock of the noise takes {'the' if left < DECISIVE else 'part of the'} age out"
        told = "not tested" if math.isnan(z) else (
            taken if z > DECISIVE
            else "the clock of the noise makes it WORSE" if z < -DECISIVE
            else "with and without the clock of the noise it is not told apart"
        )  # fmt: skip
        whole = "" if math.isnan(left) else (
            ", and what is left is the scatter of the units: a collapse" if left < DECISIVE
            else f", and more is left than the scatter of the units ({one.floor:.2f}, z = {left:.1f}): NO collapse"
        )  # fmt: skip
        wrong = f", {one.wrong:.2f} ± {one.wrong_error:.2f} on the clocks of other ages"
        wrong = "" if math.isnan(one.wrong) else wrong
        lines = [
            f"{self.label}: over {len(self.waits)} ages ln Δ spreads by {one.raw:.2f} ± {one.raw_error:.2f} at equal t "
            f"and by {one.rescaled:.2f} ± {one.rescaled_error:.2f} at equal free diffusion{wrong}: {told}{whole}"
        ]
        if self.clock_exponent is not None:
            mine = self.clock_exponent
            end = " (an end of what could be tried, no minimum)" if mine.at_end else ""
            lines.append(f"{self.label}: on the clock of the noise the ages lie closest as functions of "
                         f"clock/t_w^μ with μ = {mine.exponent:.2f} ± {mine.error:.2f}{end}, spread {mine.spread:.2f} "
                         "(0: the clock takes all of the age)")  # fmt: skip
        return lines
