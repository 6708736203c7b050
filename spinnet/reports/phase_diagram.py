"""Phases of a trained network that is held at a temperature with a regularisation: ordered, glassy, diverged."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError
from spinnet.estimators.resampling import FEWEST_UNITS, mean_and_error
from spinnet.reports.base import Content, Report, require_probe
from spinnet.reports.collapse import add_collapse
from spinnet.reports.results import PointResults, StudyResults
from spinnet.reports.verdicts import DECISIVE

#: In the order in which they are asked for; the numbers are what figures read.
PHASES = ("diverged", "glassy", "ordered", "disordered")
#: In place of a phase where too few runs are finite to have an error; figures leave it out.
UNDECIDED = "undecided"


class PhaseDiagramReport(Report):
    """The phase of every point of a grid in (temperature, weight decay), with the numbers that decide it.

    Networks are held by Langevin dynamics from the trained weights and from random ones of the same size. At the end
    of the run, in this order:

    diverged
        The mean loss of the training patterns is above ln C, what a network that knows nothing has, or more than half
        of the runs are not finite.
    glassy
        The loss remembers its start: that of random starts is above that of native ones by four standard errors over
        samples. A statement about the time of the run, as any hysteresis is.
    ordered
        No memory, and the mean accuracy on the training patterns is at least ``accuracy``.
    disordered
        No memory, and less than that.

    With fewer than five finite samples a point is undecided. A verdict is called uncertain where the number that
    decides it is within two standard errors of its border.

    Parameters
    ----------
    arm
        Free native networks (``spheres = false``), with axes ``start_at``, ``temperature`` and ``held_weight_decay``,
        measured with ``final``.
    null
        The same with shuffled labels; may be left out.
    collapse
        Networks whose accuracy was recorded on the way (``accuracy``), to be placed beside: those that learn and then
        lose train and test accuracy together; may be left out.
    classes
        C.
    accuracy
        Border between ordered and disordered.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ("arm", "null", "collapse")

    def __init__(
        self, arm: str = "", null: str = "", collapse: str = "", classes: int = 10, accuracy: float = 0.5
    ):
        given = self.validate(arm=arm, null=null, collapse=collapse, classes=classes, accuracy=accuracy)
        self.arms = {role: given[role] for role in self.arm_parameters}
        self.classes, self.accuracy = given["classes"], given["accuracy"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        given["classes"] = whole_number("classes", given["classes"], 2)
        given["accuracy"] = real_number("accuracy", given["accuracy"], above=0.0)
        return given

    @classmethod
    def check(cls, settings: Mapping[str, Any], arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        super().check(settings, arms)
        for role in cls.arm_parameters:
            name = cls.chosen_arm(settings, role, list(arms))
            probe = "accuracy" if role == "collapse" else "final"
            for physics in arms[name] if name else ():
                require_probe(name, physics, probe)
            if name and role != "collapse":
                starts = {physics["landscape"].get("start_at") for physics in arms[name]}
                if not {"native", "random"} <= starts:
                    raise InputError(f"arm {name}: give start_at = ['native', 'random'] in its ensemble")
                if any(physics["landscape"].get("spheres", True) for physics in arms[name]):
                    raise InputError(f"arm {name}: set spheres = false, so that the weights feel the weight decay")

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`PhaseDiagramReport`."""
        content = Content()
        found = {}
        for role, what in (("arm", "true labels"), ("null", "shuffled labels")):
            arm = self.chosen_arm(self.arms, role, results.arms)
            if arm:
                found[role] = self._grid(content, role, what, results.points(arm))
        if len(found) == 2:
            content.findings.append(_glassier(found["arm"], found["null"]))
        arm = self.chosen_arm(self.arms, "collapse", results.arms)
        if arm:
            add_collapse(content, results.points(arm))
        return content

    def _grid(self, content: Content, role: str, what: str, points: Sequence[PointResults]) -> dict[Any, dict]:
        pairs: dict[tuple[float, float], dict[str, PointResults]] = {}
        for point in points:
            landscape = point.physics["landscape"]
            held = landscape["held_weight_decay"]
            decay = float(landscape["weight_decay"] if held is None else held)
            key = (float(point.physics["dynamics"]["temperature"]), decay)
            pairs.setdefault(key, {})[landscape["start_at"]] = point
        found = {}
        for key in sorted(pairs):
            if set(pairs[key]) >= {"native", "random"}:
                found[key] = self._point(what, key, pairs[key]["native"], pairs[key]["random"])
                content.rows.append(found[key])
        if not found:
            raise InputError(f"{what}: no point has both starts")
        temperature, decay = (np.array(sorted({key[k] for key in found})) for k in (0, 1))
        content.add(f"{role}/temperature", temperature, ("temperature",), "energy")
        content.add(f"{role}/weight_decay", decay, ("weight_decay",))
        dims = ("temperature", "weight_decay")
        for name in ("gap", "gap_error", "loss", "accuracy", "test_accuracy", "size"):
            content.add(f"{role}/{name}", _table(found, temperature, decay, lambda one, name=name: one[name]), dims)
        numbers = {phase: float(number) for number, phase in enumerate(PHASES)}
        number = _table(found, temperature, decay, lambda one: numbers.get(one["phase"], np.nan))
        content.add(f"{role}/phase", number, dims, "1", ", ".join(f"{k}: {name}" for k, name in enumerate(PHASES)))
        sure = _table(found, temperature, decay, lambda one: float(one["sure"] == "yes"))
        content.add(f"{role}/sure", sure, dims)
        content.describe(role, label=what, time=float(points[0].physics["last"]))
        content.findings += list(_described(what, found, points[0].physics["last"]))
        return found

    def _point(self, what: str, key: tuple[float, float], native: PointResults, random: PointResults) -> dict[str, Any]:
        mine, theirs = native.rows_in_common(random, "endpoint")
        values = {}
        for name in ("train_loss", "train_accuracy", "test_accuracy"):
            both = [side.independent(f"endpoint/{name}")[rows] for side, rows in ((native, mine), (random, theirs))]
            values[name] = np.stack(both)
        size = np.square(native.read("endpoint/configuration")[mine]).mean(axis=(1, 2))
        finite = np.isfinite(values["train_loss"]).all(axis=0)
        lost = float(1.0 - finite.mean())
        row: dict[str, Any] = {"labels": what, "temperature": key[0], "weight_decay": key[1], "samples": len(mine)}
        loss, gap, accuracy, test = (
            values["train_loss"][:, finite].mean(axis=0), np.diff(values["train_loss"][:, finite], axis=0)[0],
            values["train_accuracy"][:, finite].mean(axis=0), values["test_accuracy"][:, finite].mean(axis=0),
        )  # fmt: skip
        numbers = {}
        for name, sample in (("loss", loss), ("gap", gap), ("accuracy", accuracy), ("test_accuracy", test)):
            mean, error = mean_and_error(sample) if len(sample) else (np.nan, np.nan)
            numbers[name], numbers[f"{name}_error"] = float(mean), float(error)
        with np.errstate(invalid="ignore", over="ignore"):
            numbers["size"] = float(np.mean(size[np.isfinite(size)])) if np.isfinite(size).any() else float("nan")
        phase, margin = self._judge(numbers, lost, len(gap))
        return row | numbers | {"lost": lost, "phase": phase, "sure": "yes" if margin >= 2.0 else "no"}

    def _judge(self, numbers: Mapping[str, float], lost: float, units: int) -> tuple[str, float]:
        """The phase, and by how many standard errors the closest number that decides it is from its border."""
        if lost > 0.5:
            return "diverged", math.inf
        if units < FEWEST_UNITS:
            return UNDECIDED, 0.0
        chance = math.log(self.classes)

        def away(value: float, border: float, error: float) -> float:
            return abs(value - border) / error if error > 0 else math.inf

        margins = [away(numbers["loss"], chance, numbers["loss_error"])]
        if numbers["loss"] > chance:
            return "diverged", margins[0]
        score = numbers["gap"] / numbers["gap_error"] if numbers["gap_error"] > 0 else 0.0
        margins.append(abs(score - DECISIVE))
        if score >= DECISIVE:
            return "glassy", min(margins)
        margins.append(away(numbers["accuracy"], self.accuracy, numbers["accuracy_error"]))
        return ("ordered" if numbers["accuracy"] >= self.accuracy else "disordered"), min(margins)


def _table(found: Mapping[Any, dict], temperature: np.ndarray, decay: np.ndarray, value: Callable[[dict], float]):
    table = np.full((len(temperature), len(decay)), np.nan)
    for (t, d), one in found.items():
        table[np.searchsorted(temperature, t), np.searchsorted(decay, d)] = value(one)
    return table


def _described(what: str, found: Mapping[tuple[float, float], dict], last: float):
    """What lies where, at each weight decay from cold to hot."""
    for decay in sorted({key[1] for key in found}):
        row = [(t, found[t, d]) for t, d in sorted(found) if d == decay]
        parts = []
        for phase in (*PHASES, UNDECIDED):
            here = [(t, one) for t, one in row if one["phase"] == phase]
            if here:
                doubt = [f"{t:g}" for t, one in here if one["sure"] == "no" and phase != UNDECIDED]
                parts.append(
                    f"{phase} at T = {', '.join(f'{t:g}' for t, _ in here)}"
                    + (f" (uncertain at {', '.join(doubt)})" if doubt else "")
                )
        cold = row[0][1]
        yield (
            f"{what}, weight decay {decay:g}, held for a time {last:g}: {'; '.join(parts)}; at T = {row[0][0]:g} "
            f"loss(random) − loss(native) = {cold['gap']:.3g} ± {cold['gap_error']:.1g}, train/test accuracy "
            f"{cold['accuracy']:.2f}/{cold['test_accuracy']:.2f}; at T = {row[-1][0]:g} loss "
            f"{row[-1][1]['loss']:.3g} ± {row[-1][1]['loss_error']:.1g}, {row[-1][1]['accuracy']:.2f}/"
            f"{row[-1][1]['test_accuracy']:.2f}, |u|²/n = {row[-1][1]['size']:.3g}"
        )


def _glassier(true: Mapping[Any, dict], null: Mapping[Any, dict]) -> str:
    """Whether shuffled labels are glassy where true ones are not, over the points that both have."""
    common = sorted(set(true) & set(null))
    glassy = [[key for key in common if side[key]["phase"] == "glassy"] for side in (true, null)]
    larger = sum(
        (null[key]["gap"] - true[key]["gap"]) > DECISIVE * math.hypot(null[key]["gap_error"], true[key]["gap_error"])
        for key in common
    )
    return (
        f"of {len(common)} points {len(glassy[0])} are glassy with true and {len(glassy[1])} with shuffled labels; the "
        f"hysteresis of shuffled labels is larger by four errors at {larger} of them"
    )
