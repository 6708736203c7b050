"""What is said of error signals, measured: attenuation, dilution, opposition, moving targets, specialisation.

Each claim is a number with its reference beside it: mean-field theory for attenuation with depth, the Gaussian value
for participation, random signs for opposition, labels without meaning and the untrained network for specialisation, and
the soft committee machine of Saad and Solla for units that stay alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spinnet.errors import InputError, NotConvergedError, nearest_name
from spinnet.estimators.resampling import FEWEST_UNITS, jackknife, mean_and_error
from spinnet.estimators.scaling import fit_power_law
from spinnet.reports.ageing_curves import normal_z
from spinnet.reports.base import Content, Report
from spinnet.reports.results import PointResults, StudyResults, shared_label
from spinnet.reports.verdicts import DECISIVE, REJECTED_FIT
from spinnet.theory.signal_propagation import error_profile, fixed_point
from spinnet.theory.soft_committee import gradient_flow, symmetric_plateau


class ErrorSignalReport(Report):
    """Error signals of untrained deep networks, of untrained wide ones, and along training.

    Parameters
    ----------
    depth
        Arms of untrained deep networks (dynamics Still).
    width
        Arm of untrained networks of one hidden layer, with several widths.
    stages
        Arms of the same networks trained for longer and longer, in this order.
    null
        An arm trained as the last stage on shuffled labels; empty for none.
    committee
        Units of the soft committee whose plateau is shown.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ()
    probes: ClassVar[tuple[str, ...]] = ("error_signal",)
    landscapes: ClassVar[tuple[str, ...]] = ("DenseNetwork",)

    def __init__(
        self, depth: Sequence[str], width: str, stages: Sequence[str], null: str = "", committee: int = 3
    ):
        given = self.validate(depth=depth, width=width, stages=stages, null=null, committee=committee)
        self.depth, self.stages = tuple(given["depth"]), tuple(given["stages"])
        self.width, self.null, self.committee = given["width"], given["null"], given["committee"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        for name in ("depth", "stages"):
            arms = given[name]
            if not isinstance(arms, list | tuple) or not arms or not all(isinstance(one, str) for one in arms):
                raise InputError(f"{name} = {arms!r}: give a list of names of arms")
            given[name] = list(arms)
        symmetric_plateau(given["committee"])
        return given

    @classmethod
    def check(cls, settings: Mapping[str, Any], arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        named = [*settings["depth"], settings["width"], *settings["stages"], *filter(None, [settings["null"]])]
        for name in named:
            if name not in arms:
                raise InputError(f"error_signal: there is no arm {name!r}{nearest_name(str(name), arms)}; there are "
                                 f"{', '.join(arms)}")  # fmt: skip
            for physics in arms[name]:
                cls.check_physics(name, physics)
        for name in (*settings["depth"], settings["width"]):
            if any(physics["dynamics"]["kind"] != "Still" for physics in arms[name]):
                raise InputError(f"arm {name} is trained; theory is for networks as they start: take Still dynamics")

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`ErrorSignalReport`. Cost: the flow of the soft committee, a second."""
        content = Content()
        for arm in self.depth:
            for point in results.points(arm):
                _depth(content, arm, point)
        _width(content, results.points(self.width))
        for k, arm in enumerate([*self.stages, *([self.null] if self.null else [])]):
            for point in results.points(arm):
                _stage(content, k, arm, point)
        _specialised(content, results, self.stages, self.null)
        tell("flow of the soft committee")
        _committee(content, self.committee)
        return content


def _depth(content: Content, arm: str, point: PointResults) -> None:
    """Root mean squares by layer beside mean-field theory."""
    table = point.physics["landscape"]
    activation, sigma_w, sigma_b = table["activation"], float(table["sigma_w"]), float(table["sigma_b"])
    widths = point.read("signal/width").astype(int)
    square = point.independent("signal/weight_rms") ** 2
    layers = square.shape[1]
    name = f"{arm} {shared_label(point.parameters, ('sigma_w', 'activation'))}".strip()
    name += f", {layers - 1} hidden layers"
    if len(square) < FEWEST_UNITS:
        content.findings.append(f"{name}: {len(square)} networks, {FEWEST_UNITS} are needed")
        return
    found = jackknife(lambda rows: 0.5 * np.log(rows.mean(axis=0) / rows.mean(axis=0)[-1]), square)
    known = np.log(error_profile(activation, widths, point.read("signal/input_square"), sigma_w, sigma_b)[0])
    group = f"depth/{arm}/{point.label}"
    content.describe(group, label=name)
    content.add(f"{group}/layer", np.arange(1, layers + 1), ("layer",))
    for key, values in (("attenuation", found.value), ("attenuation_error", found.error), ("theory", known)):
        content.add(f"{group}/log_{key}", values, ("layer",), "1", "ln of rms dl/dW over that of the last layer")
    try:
        factor = fixed_point(activation, sigma_w, sigma_b).factor
    except (InputError, NotConvergedError):
        factor = math.nan
    signals = point.independent("signal/rms")[:, :-1] ** 2  # hidden layers, of one width or theory has them too
    if layers >= 4 and len(set(widths[1:-1])) == 1:
        place = np.arange(layers - 1) - 0.5 * (layers - 2)
        line = place / (place**2).sum()
        rate = jackknife(lambda rows: -float(line @ np.log(rows.mean(axis=0))), signals)
        per_layer = f"error signals change by {math.exp(rate.value):.3f} ± {math.exp(rate.value) * rate.error:.3f} per "
        per_layer += f"layer in the square (χ₁ = {factor:.3f} at infinite depth and width)"
        content.describe(group, measured_factor=math.exp(rate.value))
    else:
        per_layer = "no factor per layer: too few layers, or of different widths"
    apart = found.value[0] - known[0]
    z = float(normal_z(np.array(apart), np.array(found.error[0]), found.n_units))
    content.describe(group, factor=factor, z=z)
    content.rows.append({"part": "depth", "series": name, "quantity": "ln A_1", "value": float(found.value[0]),
                         "value_error": float(found.error[0]), "reference": float(known[0])})  # fmt: skip
    verdict = "as theory has it" if abs(z) < DECISIVE else f"{'above' if apart > 0 else 'BELOW'} theory (z = {z:.1f})"
    content.findings.append(
        f"attenuation, {name}: the gradient of the first layer is {math.exp(found.value[0]):.3g} times that of the "
        f"last, ln = {found.value[0]:.3f} ± {found.error[0]:.3f} beside {known[0]:.3f}: {verdict}; {per_layer}"
    )


def _width(content: Content, points: list[PointResults]) -> None:
    """Dilution: error signals of the hidden layer against its width."""
    points = sorted(points, key=lambda point: point.read("signal/width")[1])
    widths = np.array([point.read("signal/width")[1] for point in points], dtype=float)
    signals, shares = (np.array([mean_and_error(point.independent(f"signal/{name}")[:, 0]) for point in points]).T
                       for name in ("rms", "participation"))  # fmt: skip
    content.add("width/width", widths, ("width",))
    for name, (mean, error) in (("rms", signals), ("participation", shares)):
        content.add(f"width/{name}", mean, ("width",))
        content.add(f"width/{name}_error", error, ("width",))
    for n, mean, error in zip(widths, *signals, strict=True):
        content.rows.append({"part": "width", "series": f"n = {n:.0f}", "quantity": "rms √n", "value": mean * n**0.5,
                             "value_error": error * n**0.5, "reference": None})  # fmt: skip
    last = f"participation at n = {widths[-1]:.0f} {shares[0, -1]:.3f} ± {shares[1, -1]:.3f}"
    last += f" (Gaussian signals {2 / math.pi:.3f})"
    if len(widths) < 3:
        content.findings.append(f"dilution: {len(widths)} widths, three are needed for an exponent; {last}")
        return
    fit = fit_power_law(widths, *signals)
    z = (fit.exponent + 0.5) / fit.exponent_error
    told = "no single power" if fit.p_value < REJECTED_FIT else (
        "diluted as n^(−1/2)" if abs(z) < DECISIVE else f"NOT n^(−1/2) (z = {z:.1f})"
    )  # fmt: skip
    content.findings.append(
        f"dilution: the error signal of a hidden unit falls as n^({fit.exponent:.3f} ± {fit.exponent_error:.3f}) "
        f"between {widths[0]:.0f} and {widths[-1]:.0f} units: {told}; {last}"
    )


_STAGED = ("opposite", "opposite_null", "opposite_pairs", "alignment", "selectivity", "correlation",
           "activity_participation", "moving_target", "clone_spread")  # fmt: skip


def _stage(content: Content, number: int, arm: str, point: PointResults) -> None:
    """Opposition, moving target and clones at one stage of training and one width."""
    width = int(point.read("signal/width")[1])
    patterns = len(point.read("signal/input_square"))
    found: dict[str, tuple[float, float]] = {}
    for name in _STAGED:
        values = point.independent(f"signal/{name}")
        values = values[:, 0] if values.ndim == 2 else values
        mean, error = mean_and_error(values)
        found[name] = float(mean), float(error)
    group = f"stages/{number}/{width}"
    content.describe(group, arm=arm, width=width, patterns=patterns,
                     **{name: value for name, (value, _) in found.items()},
                     **{f"{name}_error": error for name, (_, error) in found.items()})  # fmt: skip
    content.add(f"{group}/index", np.array([number]), ("stage",))
    shown = (("opposite", found["opposite_null"][0]), ("opposite_pairs", 0.5), ("alignment", 1.0 / patterns),
             ("moving_target", None), ("selectivity", None))  # fmt: skip
    for name, reference in shown:
        value, error = found[name]
        content.rows.append({"part": arm, "series": f"n = {width}", "quantity": name.replace("_", " "), "value": value,
                             "value_error": error, "reference": reference})  # fmt: skip
    gap = point.independent("signal/opposite_null") - point.independent("signal/opposite")
    mean, error = mean_and_error(gap)
    z = float(normal_z(np.array(mean), np.array(error), len(gap)))
    against = "MORE opposed than random signs" if z < -DECISIVE else (
        "less opposed than random signs" if z > DECISIVE else "as opposed as random signs"
    )  # fmt: skip
    content.findings.append(
        f"{arm}, {width} hidden units: gradients of single patterns cancel to 1 − |Σg|/Σ|g| = "
        f"{_told(found['opposite'])} ({found['opposite_null'][0]:.3f} with random signs: {against}), "
        f"{_told(found['opposite_pairs'])} of pairs are opposite, |mean|²/mean|·|² is {_told(found['alignment'], 5)} "
        f"(random {1.0 / patterns:.4f}); of a step's effect on a unit's error signal the others make "
        f"{_told(found['moving_target'])}; clones are {found['clone_spread'][0]:.1g} apart"
    )


def _told(pair: tuple[float, float], digits: int = 3) -> str:
    return f"{pair[0]:.{digits}f} ± {pair[1]:.{digits}f}"


def _specialised(content: Content, results: StudyResults, stages: Sequence[str], null: str) -> None:
    """Selectivity of trained units beside untrained ones, and beside labels without meaning."""
    first = {int(point.read("signal/width")[1]): point for point in results.points(stages[0])}
    for point in results.points(stages[-1]):
        width = int(point.read("signal/width")[1])
        if width not in first or len(stages) < 2:
            continue
        parts = []
        for name, told in (("selectivity", "selectivity"), ("correlation", "mean |correlation|"),
                           ("activity_participation", "directions of the activations")):  # fmt: skip
            old, new = (one.independent(f"signal/{name}")[:, 0] for one in (first[width], point))
            (a, a_error), (b, b_error) = mean_and_error(old), mean_and_error(new)
            z = float(normal_z(np.array(b - a), np.array(np.hypot(a_error, b_error)), min(len(old), len(new))))
            change = "no certain change" if abs(z) < DECISIVE else ("up" if z > 0 else "down")
            parts.append(f"{told} {a:.3f} ± {a_error:.3f} → {b:.3f} ± {b_error:.3f} ({change})")
        beside = ""
        for other in results.points(null) if null else ():
            if int(other.read("signal/width")[1]) == width:
                value, error = mean_and_error(other.independent("signal/selectivity")[:, 0])
                beside = f"; selectivity for shuffled labels {value:.3f} ± {error:.3f}"
        content.findings.append(f"specialisation, {width} hidden units, {stages[0]} → {stages[-1]}: "
                                f"{', '.join(parts)}{beside}")  # fmt: skip


def _committee(content: Content, units: int) -> None:
    """The exactly known case of units that stay alike: the plateau of the soft committee under gradient flow."""
    plateau = symmetric_plateau(units)
    start: NDArray = 1e-4 * np.random.default_rng(0).standard_normal((units, units))
    times = np.concatenate([[0.0], np.geomspace(0.05, 600.0, 300)])
    path = gradient_flow(start, 0.25 * np.eye(units), times)
    near = np.flatnonzero(np.abs(path.error / plateau.error - 1.0) < 0.1)
    content.describe("committee", units=units, plateau=plateau.error, overlap=plateau.overlap)
    content.add("committee/time", path.time, ("time",))
    content.add("committee/error", path.error, ("time",))
    content.add("committee/largest", np.abs(path.overlap).max(axis=(1, 2)), ("time",))
    span = f"from t = {path.time[near[0]]:.3g} to {path.time[near[-1]]:.3g}" if len(near) else "at no time"
    content.findings.append(
        f"soft committee of {units} units (exact): gradient flow is within a tenth of the symmetric plateau ε* = "
        f"{plateau.error:.5f}, where units are alike, {span}, and ends at ε = {path.error[-1]:.1e}, specialised"
    )
