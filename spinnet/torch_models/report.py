"""What was found: a table with errors over seeds, plain sentences, and the curves that the figure draws.

Everything here is a function of the variables of a measurement; nothing is measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from spinnet.errors import InputError
from spinnet.estimators.age_collapse import collapse
from spinnet.estimators.displacement import displacement_exponents
from spinnet.estimators.resampling import FEWEST_UNITS, mean_and_error
from spinnet.estimators.spectra import GOE_SPACING_RATIO, POISSON_SPACING_RATIO
from spinnet.records import Variable, Variables
from spinnet.reports.base import Content
from spinnet.theory.diffusion import clock_displacement
from spinnet.torch_models.settings import Settings

_DECISIVE = 4.0  # standard errors
_DRIFT = 3.0  # times the displacement of free diffusion: beyond, the runs still go downhill
_WORDS = {"trained": "trained", "untrained": "untrained", "shuffled": "shuffled targets"}


class Report:
    """Rows, findings and curves from the variables "arm/group/name" of a measurement.

    Parameters
    ----------
    variables, settings
        Of the measurement.
    n_units
        P: eigenvalues are given per pattern, as those of the mean loss.
    layers
        Name to slice of the configuration.
    """

    def __init__(self, variables: Variables, settings: Settings, n_units: int, layers: Mapping[str, slice]):
        self._variables, self._settings, self._n_units, self._layers = dict(variables), settings, n_units, layers
        self._arms = [arm for arm in _WORDS if f"{arm}/endpoint/configuration" in variables]
        self.content = Content()
        self._warnings()
        for section in (self._energies, self._hessian, self._ageing, self._barriers, self._overlaps):
            if section.__name__.removeprefix("_") in settings.probes:
                section()
        self._moved()
        self._what_is_missing()

    def _has(self, name: str) -> bool:
        return any(f"{arm}/{name}" in self._variables for arm in self._arms)

    def _data(self, arm: str, name: str) -> np.ndarray | None:
        found = self._variables.get(f"{arm}/{name}")
        return None if found is None else np.asarray(found.data)

    def _row(self, quantity: str, name: str, scale: float = 1.0, pairs: str = "") -> dict[str, tuple[float, float]]:
        """One row of the table: mean over seeds (or pairs of seeds) with its error, for each arm."""
        row: dict[str, Any] = {"quantity": quantity}
        values = {}
        for arm in self._arms:
            data = self._data(arm, name)
            if data is None:
                value = (math.nan, math.nan)
            elif pairs:
                ends = [self._data(arm, f"{pairs}/{end}") for end in ("first", "second")]
                value = pair_mean(data * scale, *ends)
            else:
                known = np.where(data == -1, np.nan, data) if data.dtype.kind == "i" else data  # a count of nothing
                value = tuple(float(part) for part in mean_and_error(known * scale))
            values[arm] = value
            row[arm], row[f"{arm}_error"] = _cell(value[0]), _cell(value[1])
        if any(np.isfinite(value[0]) for value in values.values()):
            self.content.rows.append(row)
        return values

    def _say(self, text: str) -> None:
        self.content.findings.append(text)

    # --- sections ---------------------------------------------------------------------------------------------------

    def _energies(self) -> None:
        loss = self._row("loss per pattern", "endpoint/energy_density")
        for name in ("test_loss", "train_accuracy", "test_accuracy"):
            if self._has(f"endpoint/{name}"):
                self._row(name.replace("_", " "), f"endpoint/{name}")
        self._row("gradient norm", "endpoint/gradient_norm", 1.0 / math.sqrt(self._n_units))
        data = self._data("trained", "endpoint/energy_density")
        finite = data[np.isfinite(data)]
        if len(finite) > 1 and finite.mean() > 0:
            spread = finite.std(ddof=1)
            self._say(
                f"Loss: {stated(*loss['trained'])} per pattern after training, {stated(*loss['untrained'])} before; "
                f"from seed to seed it varies by {spread:.2g} ({spread / finite.mean():.0%} of the mean)."
            )
        if "shuffled" in self._arms and np.isfinite([loss["shuffled"][0], loss["trained"][0]]).all():
            gap = _difference(loss["shuffled"], loss["trained"])
            self._say(
                f"Null of learning: with shuffled targets the same training reaches {stated(*loss['shuffled'])}, "
                + (f"{gap[1]:.1f} standard errors above the true targets." if gap[1] > _DECISIVE
                   else f"{-gap[1]:.1f} standard errors BELOW the true targets." if gap[1] < -_DECISIVE
                   else "not told apart from the true targets: the loss says nothing about the data."
                   if math.isfinite(gap[1]) else "and without errors there is no verdict.")
            )  # fmt: skip

    def _hessian(self) -> None:
        scale = 1.0 / self._n_units
        if not self._has("spectrum/eigenvalue"):
            return self._quadrature(scale)
        for arm in self._arms:
            values = self._data(arm, "spectrum/eigenvalue") * scale
            self._keep(arm, "edge", values[:, -1], values[:, 0])
        modes = self._data("trained", "spectrum/eigenvalue").shape[1]
        index = self._row(f"index (of {modes})", "spectrum/index")
        self._row("zero modes", "spectrum/zero_modes")
        top = self._row("largest eigenvalue", "edge/largest")
        low = self._row("smallest eigenvalue", "edge/smallest")
        ratio = self._row("spacing ratio", "spectrum/spacing_ratio")
        if not np.isfinite(index["trained"][0]):
            return
        self._say(
            f"Hessian, exact, per pattern: {stated(*index['trained'])} of {modes} eigenvalues are negative after "
            f"training and {stated(*index['untrained'])} before; the largest is {stated(*top['trained'])}, "
            f"the smallest {stated(*low['trained'])}."
        )
        told = []
        for arm in self._arms:
            value, error = ratio[arm]
            told.append(f"{_WORDS[arm]} {stated(value, error)}")
        nearest = _nearest_law(*ratio["trained"])
        self._say(f"Spacing ratio, central 80 % of the non-zero spectrum: {', '.join(told)}; random matrices (GOE) "
                  f"{GOE_SPACING_RATIO:.4f}, independent levels {POISSON_SPACING_RATIO:.4f}. {nearest}")  # fmt: skip
        worst = max(float(np.nanmax(self._data(arm, "spectrum/operator_residual"), initial=0.0)) for arm in self._arms)
        self._say(f"Check of the matrices against Hessian-vector products: largest relative difference {worst:.1g}.")

    def _quadrature(self, scale: float) -> None:
        """Above the dense limit: Lanczos, without an index."""
        top = self._row("largest eigenvalue", "spectrum/largest", scale)
        low = self._row("smallest eigenvalue", "spectrum/smallest", scale)
        self._row("trace", "spectrum/trace", scale)
        converged = self._data("trained", "spectrum/converged")
        self._say(
            f"Hessian by Lanczos, per pattern: largest eigenvalue {stated(*top['trained'])}, smallest "
            f"{stated(*low['trained'])}; {int(converged.sum())} of {len(converged)} pairs of extremes are converged"
            f"{'' if converged.all() else ' (the others are bounds from inside)'}. A quadrature has no index."
        )

    def _ageing(self) -> None:
        exponents: dict[int, dict[str, tuple[float, float]]] = {}
        for arm in self._arms:
            moved = self._data(arm, "two_time/displacement")
            if moved is None:
                continue
            known = np.isfinite(moved).any(axis=(1, 2)) & (self._data(arm, "endpoint/diverged") == 0)
            if known.any():
                self._one_ageing(arm, moved[known], known, exponents)
            else:
                self._say(f"Ageing, {_WORDS[arm]}: every run diverged, there is nothing to compare.")
        for wait, found in exponents.items():
            row: dict[str, Any] = {"quantity": f"lowest d ln D/d ln t, wait {wait}"}
            for arm in self._arms:
                row[arm], row[f"{arm}_error"] = (_cell(part) for part in found.get(arm, (math.nan, math.nan)))
            self.content.rows.append(row)

    def _one_ageing(self, arm: str, moved: np.ndarray, known: np.ndarray, exponents) -> None:
        waits, delays = self._data(arm, "two_time/waiting_time"), self._data(arm, "two_time/delay")
        later = delays > 0
        for k, wait in enumerate(waits):
            try:
                found = displacement_exponents(delays[later], moved[:, k, later])
            except InputError:
                continue
            self.content.add(f"{arm}/exponents/{int(wait)}", found.exponent, ("delay",))
            exponents.setdefault(int(wait), {})[arm] = found.lowest, found.lowest_error
        clock = self._clock(arm, waits, delays, known)
        common = later & np.isfinite(moved).all(axis=(0, 1))
        if clock is None or len(moved) < FEWEST_UNITS or common.sum() < 4 or len(waits) < 2:
            few = f"{len(moved)} runs with {int(common.sum())} common delays are too few"
            why = "there is no clock of the noise (batch normalisation, or checkpoints made elsewhere)"
            why = why if clock is None else few
            self._say(f"Ageing, {_WORDS[arm]}: displacements are kept, but {why}: no verdict.")
            return
        self.content.add(f"{arm}/free/displacement", clock.mean(axis=0), ("waiting_time", "delay"), "1",
                         "of free diffusion with the measured gradient noise")  # fmt: skip
        self._verdict(arm, waits, delays, moved, clock, common)

    def _verdict(self, arm, waits, delays, moved, clock, common) -> None:
        """Ageing, drift, or free diffusion whose noise changes: in logarithms, seed by seed."""
        longest = int(np.flatnonzero(common)[-1])
        ends = np.log(moved[:, [0, -1], longest])
        beyond = ends - np.log(clock[:, [0, -1], longest])
        each = ends[:, 0] - ends[:, 1], beyond[:, 0] - beyond[:, 1], beyond[:, 1]
        fall, rest, drift = (tuple(float(part) for part in mean_and_error(values)) for values in each)
        told = (f"within {delays[longest]:.0f} steps it moves {math.exp(fall[0]):.2g} times as far (in the square) "
                f"from step {waits[0]:.0f} as from step {waits[-1]:.0f} (ln {stated(*fall)})")  # fmt: skip
        if drift[0] - _DECISIVE * drift[1] > math.log(_DRIFT):
            verdict = (f"NOT STATIONARY: from the last of these it still goes {math.exp(drift[0]):.2g} times as far as "
                       "its noise alone would carry it, which is drift down the slope; no verdict on ageing, train "
                       "longer")  # fmt: skip
        elif abs(fall[0]) <= _DECISIVE * fall[1]:
            verdict = "ages are not told apart: no ageing is seen"
        elif abs(rest[0]) <= _DECISIVE * rest[1]:
            verdict = ("in the clock of the gradient noise the ages are not told apart: the noise changes, which is "
                       "free diffusion and no glass")  # fmt: skip
        else:
            verdict = (f"the changing noise of the gradient does not account for it: in its clock a factor "
                       f"{math.exp(rest[0]):.2g} (ln {stated(*rest)}) is left")  # fmt: skip
        later = delays > 0
        try:
            found = collapse(delays[later], moved[:, :, later], clock[:, :, later])
            spread = (f" Spread of ln D over ages: {stated(found.raw, found.raw_error)} against time, "
                      f"{stated(found.rescaled, found.rescaled_error)} against the clock of the noise.")  # fmt: skip
        except InputError:
            spread = ""
        self._say(f"Ageing, {_WORDS[arm]}: {told}; {verdict}.{spread}")

    def _clock(self, arm, waits, delays, known) -> np.ndarray | None:
        """Displacement of free diffusion with each run's own gradient noise, shape of the displacements."""
        trace, times = self._data(arm, "trajectory/noise_trace"), self._data(arm, "trajectory/time")
        if trace is None:
            return None
        n = self._data(arm, "endpoint/configuration").shape[1]
        settings = self._settings
        batch = min(settings.batch, self._n_units)
        # Momentum turns each kick into 1/(1 - m) of displacement.
        rate = (settings.learning_rate / (1.0 - settings.momentum)) ** 2 * trace[known] / (batch * n)
        with np.errstate(all="ignore"):
            return np.array([[clock_displacement(times, one, wait, delays) for wait in waits] for one in rate])

    def _barriers(self) -> None:
        if not self._has("barriers/height"):
            self._say("Barriers lie between seeds: one seed has none.")
            return
        height = self._row("barrier of straight line", "barriers/height", pairs="barriers")
        self._row("excess over ends' line", "barriers/excess", pairs="barriers")
        if not np.isfinite(height["trained"][0]):
            return
        low, z = _difference(height["trained"], height["untrained"])
        told = "higher" if low > 0 else "lower"
        line = (f"Barriers: on straight lines between trained seeds the loss rises by {stated(*height['trained'])} per "
                f"pattern above the higher end; between untrained ones by {stated(*height['untrained'])}")  # fmt: skip
        line += f", with shuffled targets by {stated(*height['shuffled'])}" if "shuffled" in self._arms else ""
        line += f". Trained against untrained: {told} by {abs(z):.1f} standard errors." if np.isfinite(z) else "."
        if self._has("barriers/aligned_height"):
            nearer = self._row("straight, units exchanged", "barriers/aligned_height", pairs="barriers")
            line += (f" After exchanging hidden units to match, {stated(*nearer['trained'])} (untrained "
                     f"{stated(*nearer['untrained'])}).")  # fmt: skip
        else:
            line += " No exchange of hidden units of this model is known: symmetries are not divided out."
        self._say(line)
        if self._has("band/upper_bound"):
            bound = self._row("barrier of elastic band", "band/upper_bound", pairs="band")["trained"]
            converged = self._data("trained", "band/converged")
            straight = self._straight_of_bands()
            reach = "nowhere rise above their higher end: these pairs are joined without a barrier"
            if bound[0] > 0:
                reach = f"need {stated(*bound)}, where straight lines need {straight:.3g}"
            self._say(
                f"Elastic bands between {len(converged)} pairs {reach}; {int(converged.sum())} of {len(converged)} "
                + ("converged." if converged.all() else "converged, so that the lowest paths may lie lower still.")
            )

    def _straight_of_bands(self) -> float:
        """Mean straight barrier of the pairs that have a band."""
        own = {tuple(sorted(pair)) for pair in zip(self._data("trained", "band/first").tolist(),
               self._data("trained", "band/second").tolist(), strict=True)}  # fmt: skip
        pairs = zip(self._data("trained", "barriers/first"), self._data("trained", "barriers/second"),
                    self._data("trained", "barriers/height"), strict=True)  # fmt: skip
        heights = [height for a, b, height in pairs if (int(a), int(b)) in own and np.isfinite(height)]
        return float(np.mean(heights)) if heights else math.nan

    def _overlaps(self) -> None:
        if not self._has("overlaps/weights"):
            self._say("Overlaps lie between seeds: one seed has none.")
            return
        weights = self._row("overlap of weights", "overlaps/weights", pairs="overlaps")
        answers = self._row("correlation of answers", "overlaps/answers", pairs="overlaps")
        if not np.isfinite(weights["trained"][0]):
            return
        line = (f"Overlaps between seeds: weights {stated(*weights['trained'])} (untrained "
                f"{stated(*weights['untrained'])})")  # fmt: skip
        if self._has("overlaps/weights_aligned"):
            nearer = self._row("overlap, units exchanged", "overlaps/weights_aligned", pairs="overlaps")
            line += (f", after exchanging hidden units {stated(*nearer['trained'])} (untrained "
                     f"{stated(*nearer['untrained'])}: what matching alone gives)")  # fmt: skip
        self._say(line + f"; answers {stated(*answers['trained'])} (untrained {stated(*answers['untrained'])}).")

    def _moved(self) -> None:
        """How far each layer has gone, against the size it began with."""
        end, start = (self._data(arm, "endpoint/configuration") for arm in ("trained", "untrained"))
        if end is None or start is None:
            return
        for name, where in self._layers.items():
            step, size = (np.sqrt((x[:, where] ** 2).mean(axis=1)) for x in (end - start, start))
            with np.errstate(all="ignore"):
                value, error = (float(part) for part in mean_and_error(step / np.where(size > 0, size, np.nan)))
            self.content.add(
                f"layers/{name.replace('/', '.')}/moved", np.array([value, error]), ("value_and_error",), "1",
                "root mean square change of the layer's weights over that of the start",
            )  # fmt: skip
        names = list(self._layers)
        moved = [self.content.variables[f"layers/{name.replace('/', '.')}/moved"].data for name in names]
        finite = [(stated(*pair), name) for pair, name in zip(moved, names, strict=True) if np.isfinite(pair[0])]
        if finite:
            told = ", ".join(f"{name} {value}" for value, name in finite[:8])
            self._say(f"Weights moved by this much of their first size, layer by layer: {told}"
                      f"{', ...' if len(finite) > 8 else ''}.")  # fmt: skip

    def _warnings(self) -> None:
        for arm in self._arms:
            lost = self._data(arm, "endpoint/diverged")
            if lost is not None and lost.any():
                self._say(
                    f"DIVERGED, {_WORDS[arm]}: {int(lost.sum())} of {len(lost)} runs overflowed; they are kept and "
                    "flagged, and left out of the means. A lower learning rate would hold them."
                )

    def _what_is_missing(self) -> None:
        seeds = len(self._data("trained", "endpoint/configuration"))
        if seeds < FEWEST_UNITS:
            self._say(f"{seeds} seeds: errors over fewer than {FEWEST_UNITS} have no known size themselves.")
        if "shuffled" not in self._arms:
            self._say("Checkpoints that were made elsewhere have no null of shuffled targets here: train one beside.")

    def _keep(self, arm: str, group: str, largest: np.ndarray, smallest: np.ndarray) -> None:
        told = "eigenvalue per pattern"
        self._variables[f"{arm}/{group}/largest"] = Variable(largest, ("replica",), "energy", f"largest {told}")
        self._variables[f"{arm}/{group}/smallest"] = Variable(smallest, ("replica",), "energy", f"smallest {told}")


def pair_mean(values: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Mean over pairs of seeds, and its error by leaving out one seed (all its pairs) at a time; NaN are left out.

    The error is NaN below three seeds.
    """
    values, good = np.asarray(values, dtype=np.float64), np.isfinite(values)
    if not good.any():
        return math.nan, math.nan
    mean = float(values[good].mean())
    seeds = np.unique(np.concatenate([first[good], second[good]]))
    left = [values[good & (first != seed) & (second != seed)] for seed in seeds]
    left = np.array([rest.mean() for rest in left if len(rest)])
    if len(seeds) < 3 or len(left) < 3:
        return mean, math.nan
    return mean, float(np.sqrt((len(left) - 1) / len(left) * ((left - left.mean()) ** 2).sum()))


def stated(value: float, error: float) -> str:
    """ "0.123(4)": a number with the error of its last digits, or to three digits without one."""
    if not math.isfinite(value):
        return "unknown"
    if not (math.isfinite(error) and error > 0):
        return f"{value:.3g}"
    digits = 1 - math.floor(math.log10(float(f"{error:.1e}")))
    if digits <= 0:
        return f"{value:.0f}({error:.0f})" if max(abs(value), error) < 1e9 else f"{value:.3g}({error:.2g})"
    return f"{value:.{digits}f}({round(error * 10**digits)})"


def _cell(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _difference(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """Difference of two independent means, and that in standard errors."""
    gap, error = one[0] - other[0], math.hypot(one[1], other[1])
    return gap, gap / error if error > 0 else math.nan


def _nearest_law(value: float, error: float) -> str:
    if not (math.isfinite(value) and error > 0):
        return "Without an error there is no verdict."
    goe, poisson = abs(value - GOE_SPACING_RATIO) / error, abs(value - POISSON_SPACING_RATIO) / error
    if goe <= _DECISIVE < poisson:
        return "The trained levels repel as those of a random matrix."
    if poisson <= _DECISIVE < goe:
        return "The trained levels are independent."
    if min(goe, poisson) <= _DECISIVE:
        return "The trained levels are compatible with both: more seeds would tell."
    return f"The trained levels are neither ({goe:.1f} and {poisson:.1f} standard errors away)."
