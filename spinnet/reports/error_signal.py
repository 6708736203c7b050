"""The error signal against depth, width and activation, at the start and after training, with what theory foretells."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from spinnet.errors import InputError
from spinnet.estimators.resampling import mean_and_error
from spinnet.reports.base import Content, Report
from spinnet.reports.error_structures import measure_structure, structure_finding
from spinnet.reports.results import PointResults, StudyResults
from spinnet.reports.verdicts import DECISIVE, judged, z_score
from spinnet.theory.signal_propagation import error_attenuation, forward_variances

_NUMBERS = (
    "opposed", "opposed_chance", "negative_pairs", "pair_cosine", "pair_cosine_chance", "signal_to_noise",
    "moving_target", "class_share", "unit_correlation", "activity_rank",
)  # fmt: skip
_GAUSSIAN = 2.0 / math.pi
#: What is compared with shuffled labels, and its digits.
_BESIDE = {
    "moving_target": ("moving target", 3), "class_share": ("share of hidden variance between classes", 3),
    "unit_correlation": ("correlation of hidden units", 3), "activity_rank": ("rank of hidden activity", 3),
    "opposed": ("opposed", 3), "negative_pairs": ("negative pairs", 3), "pair_cosine": ("cosine of pairs", 4),
}  # fmt: skip
_SPECIAL = {
    "class_share": "share of hidden variance between classes",
    "unit_correlation": "correlation of hidden units",
    "activity_rank": "rank of hidden activity over their number",
}


class ErrorSignalReport(Report):
    """Attenuation, dilution, opposition, moving target and specialisation.

    Parameters
    ----------
    arm
        Networks of several depths, widths and activations, measured with ``error_signal`` along training. All have
        inputs of mean square one ("global" standardisation), which the theory of the attenuation takes for granted.
    structures
        Deep networks that differ in normalisation and skip connections, measured likewise; may be left out.
    shuffled
        Networks of ``arm`` on shuffled labels; may be left out. Each stands beside that of the same widths and
        activation.

    Notes
    -----
    The null of ``negative_pairs`` is exact: where each single gradient is given a sign at random, the signs of pairs
    are uncorrelated, and their share among M pairs is 1/2 ± 1/(2√M), ``negative_pairs_chance``.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ("arm", "structures", "shuffled")
    probes: ClassVar[tuple[str, ...]] = ("error_signal",)
    landscapes: ClassVar[tuple[str, ...]] = ("DenseNetwork", "StructuredNetwork")

    def __init__(self, arm: str = "", structures: str = "", shuffled: str = ""):
        self.arm, self.structures, self.shuffled = arm, structures, shuffled

    @classmethod
    def check(cls, settings, arms) -> None:
        """Also: the theory of the first arm is that of plain stacks, the rate of the other needs deep ones."""
        super().check(settings, arms)
        for parameter in ("arm", "shuffled"):
            name = cls.chosen_arm(settings, parameter, list(arms))
            if name and any(physics["landscape"]["kind"] != "DenseNetwork" for physics in arms[name]):
                raise InputError(f"{parameter} = {name!r}: theory is for plain stacks; name StructuredNetworks as "
                                 "structures")  # fmt: skip
        name = cls.chosen_arm(settings, "structures", list(arms))
        for physics in arms[name] if name else ():
            table = physics["landscape"]
            if len(table["hidden"]) < 4 or table.get("fractal", 1) > 1 or table.get("connections", "dense") != "dense":
                raise InputError(f"structures = {name!r}: give dense stacks of 4 hidden layers or more")

    @classmethod
    def check_physics(cls, arm, physics) -> None:
        super().check_physics(arm, physics)
        if not physics["landscape"]["hidden"]:
            raise InputError(f"arm {arm} has a network without hidden layers: error signals need one at least")

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`ErrorSignalReport`."""
        content = Content()
        settings = {name: getattr(self, name) for name in self.arm_parameters}
        arm, other, null = (self.chosen_arm(settings, name, results.arms) for name in self.arm_parameters)
        found = [_measured(point) for point in results.points(arm)]
        dealt = [_measured(point) for point in results.points(null)] if null else []
        for side, labels, ones in (("networks", "true", found), ("shuffled", "shuffled", dealt)):
            for number, one in enumerate(ones):
                _keep(content, f"{side}/{number}", one)
                content.rows += [{"labels": labels} | _row(one, at) for at in (0, -1)]
        content.findings += [_attenuation(one) for one in found if len(one["hidden"]) > 1]
        for activation in dict.fromkeys(one["activation"] for one in found):
            shallow = [one for one in found if one["activation"] == activation and len(one["hidden"]) == 1]
            content.findings += _dilution(activation, sorted(shallow, key=lambda one: one["hidden"][0]))
        for one in found:
            content.findings += [_opposition(one), _specialisation(one)]
        content.findings += _beside_shuffled(found, dealt)
        for number, point in enumerate(results.points(other) if other else ()):
            content.findings.append(structure_finding(measure_structure(content, f"structures/{number}", point)))
        return content


def _keep(content: Content, group: str, one: dict[str, Any]) -> None:
    content.describe(group, label=one["label"], activation=one["activation"], depth=len(one["hidden"]),
                     width=one["hidden"][-1], patterns=one["patterns"],
                     negative_pairs_chance=one["negative_pairs_chance"])  # fmt: skip
    content.add(f"{group}/time", one["time"], ("time",))
    for name in _NUMBERS:
        content.add(f"{group}/{name}", one[name][0], ("time",))
        content.add(f"{group}/{name}_error", one[name][1], ("time",))
    if len(one["hidden"]) > 1:
        for name in ("attenuation", "attenuation_error", "foretold", "attenuation_last"):
            content.add(f"{group}/{name}", one[name], ("hidden_layer",))
    for name in ("gradient", "dilution"):
        content.describe(group, **{name: one[name][0], f"{name}_error": one[name][1]})


def _measured(point: PointResults) -> dict[str, Any]:
    table = point.physics["landscape"]
    hidden = [int(width) for width in table["hidden"]]
    one: dict[str, Any] = {
        "hidden": hidden, "activation": table["activation"], "patterns": point.n_units,
        "label": f"{table['activation']} " + "-".join(map(str, hidden)), "time": point.read("trajectory/time"),
    }  # fmt: skip
    compared = min(point.n_units, int(point.physics["probes"]["error_signal"].get("patterns", point.n_units)))
    one["negative_pairs_chance"] = 0.5 / math.sqrt(max(compared * (compared - 1) / 2, 1))
    for name in _NUMBERS:
        values = point.independent(f"trajectory/{name}")
        one[name] = mean_and_error(values)
        one[f"{name}_units"] = values
    errors = point.independent("trajectory/error_rms")[:, :, : len(hidden)]  # unit, time, hidden layer
    ratio = errors / errors[:, :, -1:]
    one["attenuation"], one["attenuation_error"] = mean_and_error(ratio[:, 0])
    one["attenuation_last"] = mean_and_error(ratio[:, -1])[0]
    variances = forward_variances(table["activation"], table["sigma_w"], table["sigma_b"], 1.0, len(hidden))
    one["foretold"] = error_attenuation(table["activation"], table["sigma_w"], variances, hidden)
    one["gradient"] = tuple(float(v) for v in mean_and_error(
        point.independent("trajectory/weight_gradient_rms")[:, 0, 0]))  # fmt: skip
    one["dilution"] = tuple(float(v) for v in mean_and_error(
        point.independent("trajectory/error_participation")[:, 0, len(hidden) - 1]))  # fmt: skip
    return one


def _row(one: dict[str, Any], at: int) -> dict[str, Any]:
    row: dict[str, Any] = {"network": one["label"], "time": float(one["time"][at])}
    for name in _NUMBERS:
        row |= {name: float(one[name][0][at]), f"{name}_error": float(one[name][1][at])}
        if name == "negative_pairs":
            row |= {"negative_pairs_chance": 0.5, "negative_pairs_chance_spread": one["negative_pairs_chance"]}
    return row


def _attenuation(one: dict[str, Any]) -> str:
    first, error, foretold = (float(one[name][0]) for name in ("attenuation", "attenuation_error", "foretold"))
    off = first / foretold - 1.0
    return (
        f"{one['label']}: error signals of the first over those of the last hidden layer {first:.3f} ± {error:.3f} at "
        f"the start, {foretold:.3f} foretold for wide layers ({off:+.1%}); "
        f"{float(one['attenuation_last'][0]):.3f} at the end"
    )


def _dilution(activation: str, ones: list[dict[str, Any]]) -> list[str]:
    if len(ones) < 3:
        return [f"{activation}: dilution is not fitted: three widths with one hidden layer are needed"]
    widths = np.array([one["hidden"][0] for one in ones], dtype=float)
    sizes, errors = np.array([one["gradient"] for one in ones]).T
    with np.errstate(divide="ignore", invalid="ignore"):
        slope, slope_error = _slope(np.log(widths), np.log(sizes), errors / sizes)
    z = z_score(slope, -0.5, slope_error)
    verdict = "as foretold" if abs(z) < DECISIVE else "NOT as foretold" if np.isfinite(z) else "not tested"
    shares = ", ".join(f"{one['dilution'][0]:.3f} ± {one['dilution'][1]:.3f}" for one in ones)
    target = ", ".join(f"{one['moving_target'][0][0]:.2f} ± {one['moving_target'][1][0]:.2f}" for one in ones)
    places = ", ".join(str(one["hidden"][0]) for one in ones)
    return [
        f"{activation}: gradients of the first layer at the start fall with the width as n^({slope:.3f} ± "
        f"{slope_error:.3f}), {verdict} (−1/2; z = {z:.1f}); participation of the error signal at widths {places}: "
        f"{shares} (Gaussian {_GAUSSIAN:.3f})",
        f"{activation}: moving target at widths {places}: {target}; above 1 the others overshoot a unit's own part",
    ]


def _slope(x: np.ndarray, y: np.ndarray, error: np.ndarray) -> tuple[float, float]:
    """Weighted straight line: slope and its error, widened where the points scatter more than their errors."""
    weight = 1.0 / np.maximum(error, 1e-12) ** 2
    centre = (weight * x).sum() / weight.sum()
    spread = (weight * (x - centre) ** 2).sum()
    slope = float((weight * (x - centre) * y).sum() / spread)
    height = (weight * (y - slope * (x - centre))).sum() / weight.sum()
    chi = float((weight * (y - height - slope * (x - centre)) ** 2).sum()) / max(len(x) - 2, 1)
    return slope, math.sqrt(max(chi, 1.0) / spread)


def _opposition(one: dict[str, Any]) -> str:
    parts = []
    for at in (0, -1):
        value = {name: float(one[name][0][at]) for name in _NUMBERS}
        error = {name: float(one[name][1][at]) for name in _NUMBERS}
        parts.append(
            f"time {one['time'][at]:.4g}: opposed {value['opposed']:.3f} ± {error['opposed']:.3f} (random signs "
            f"{value['opposed_chance']:.3f}), negative pairs {value['negative_pairs']:.3f} ± "
            f"{error['negative_pairs']:.3f} (random signs 0.5 ± {one['negative_pairs_chance']:.4f}), mean cosine"
            f" of pairs {value['pair_cosine']:+.4f} ± {error['pair_cosine']:.4f} (random signs 0 ± "
            f"{value['pair_cosine_chance']:.4f}), signal to noise "
            f"{value['signal_to_noise']:.4f} ± {error['signal_to_noise']:.4f}"
        )
    return f"{one['label']}: {'; '.join(parts)}; independent patterns would have 1/P = {1 / one['patterns']:.4f}"


def _specialisation(one: dict[str, Any]) -> str:
    parts = []
    for name, words in _SPECIAL.items():
        change = one[f"{name}_units"][:, -1] - one[f"{name}_units"][:, 0]
        mean, error = mean_and_error(change)
        z = z_score(float(mean), 0.0, float(error))
        verdict = "not tested" if not np.isfinite(z) else "changes" if abs(z) > DECISIVE else "no change is shown"
        parts.append(f"{words} {one[name][0][0]:.3f} to {one[name][0][-1]:.3f} ({verdict}, z = {z:.1f})")
    return f"{one['label']}: {'; '.join(parts)}"


def _beside_shuffled(found: list[dict[str, Any]], dealt: list[dict[str, Any]]) -> list[str]:
    """One sentence for each network of the null whose like with true labels was measured, at the end of both."""
    lines = []
    for null in dealt:
        one = next((one for one in found if one["label"] == null["label"]), None)
        if one is None:
            lines.append(f"{null['label']}: shuffled labels without true ones beside them: not compared")
            continue
        if one["time"][-1] != null["time"][-1]:
            lines.append(f"{null['label']}: true and shuffled labels end at different times: not compared")
            continue
        parts = []
        for name, (words, digits) in _BESIDE.items():
            (value, error), (other, other_error) = ((side[name][0][-1], side[name][1][-1]) for side in (one, null))
            z = z_score(float(value), float(other), math.hypot(error, other_error))
            verdict = judged(z, "not told apart", "higher" if z > 0 else "lower")
            parts.append(f"{words} {value:.{digits}f} ± {error:.{digits}f} beside {other:.{digits}f} ± "
                         f"{other_error:.{digits}f} ({verdict}, z = {z:.1f})")  # fmt: skip
        lines.append(f"{one['label']}, true beside shuffled labels at time {one['time'][-1]:.4g}: {'; '.join(parts)}")
    return lines
