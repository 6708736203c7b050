r"""Recovery of a signal hidden in a spherical glass, from the signal itself and from random starts, beside theory.

With H = H_0 − N β₀ f(m) and a pure model of unit amplitude: at T = 0 the state around the signal has the overlap of the
maximum-likelihood estimate, at T = 1/β₀ that of the posterior (:mod:`spinnet.theory.spiked`). From random starts, whose
overlap is of order :math:`N^{-1/2}`, the signal is felt on the scale :math:`\beta_0 \sim N^{(p-2)/2}`. In the 2 + p
model the lines of gradient flow and Langevin dynamics are heuristic: they are shown, not judged.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from spinnet.errors import InputError
from spinnet.estimators.resampling import jackknife, mean_and_error
from spinnet.estimators.scaling import extrapolate, fit_power_law, local_exponents
from spinnet.reports.base import Content, Report
from spinnet.reports.glass_theory import covariance_of, refuse_field, require_bare_exact_glass, temperature_of
from spinnet.reports.results import PointResults, StudyResults
from spinnet.reports.verdicts import DECISIVE, REJECTED_FIT, LimitTest, judge_limits, z_score
from spinnet.theory import spiked
from spinnet.theory.covariance import Covariance

#: A final overlap above this is a recovered signal: random starts end near 0 or near 1.
RECOVERED = 0.5
_FEWEST_SAMPLES = 5
_LATE = 1.0 / 3.0  # of the run: averages over thermal fluctuations begin here
_CURVE = 200
_NOTHING_KNOWN = {"limit": None, "limit_error": None, "fit_p_value": None, "theory": None, "z": None}


class SignalRecoveryReport(Report):
    """Final overlaps with the signal against signal strength; each arm may be left out.

    Parameters
    ----------
    informed_flow, informed_langevin
        Arms that start at the signal of a pure model, by gradient flow, and by Langevin dynamics at T = 1/β₀.
    random
        Arm of gradient flow from random starts on a pure model: recovery against β₀ at several sizes.
    matrix_flow, matrix_langevin
        Arms from random starts on a 2 + p model with one p-spin amplitude.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = (
        "informed_flow", "informed_langevin", "random", "matrix_flow", "matrix_langevin",
    )  # fmt: skip
    optional_arms: ClassVar[bool] = True
    probes: ClassVar[tuple[str, ...]] = ("energy", "signal_overlap")
    landscapes: ClassVar[tuple[str, ...]] = ("SphericalGlass",)
    dynamics: ClassVar[tuple[str, ...]] = ("GradientFlow", "Langevin")

    def __init__(
        self, informed_flow: str = "", informed_langevin: str = "", random: str = "", matrix_flow: str = "",
        matrix_langevin: str = "",
    ):  # fmt: skip
        self.arms = self.validate(
            informed_flow=informed_flow, informed_langevin=informed_langevin, random=random, matrix_flow=matrix_flow,
            matrix_langevin=matrix_langevin,
        )  # fmt: skip

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        if not any(given.values()):
            raise InputError(f"no arm is named: set {', '.join(cls.arm_parameters)}, or some of them")
        return given

    @classmethod
    def check(cls, settings: Mapping[str, Any], arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        super().check(settings, arms)
        for parameter in cls.arm_parameters:
            name = cls.chosen_arm(settings, parameter, list(arms))
            for physics in arms[name] if name else ():
                refuse_field(name, physics)
                if parameter == "informed_langevin":  # whose energy is tested at every N
                    require_bare_exact_glass(name, physics, planted=True)
                try:
                    _strength(parameter, physics)
                except InputError as error:
                    raise InputError(f"{parameter}: arm {name}: {error}") from None

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`SignalRecoveryReport`. Cost: milliseconds."""
        content = Content()
        for parameter in self.arm_parameters:
            arm = self.chosen_arm(self.arms, parameter, results.arms)
            if not arm:
                continue
            sizes = _by_size(parameter, results.points(arm))
            if parameter.startswith("informed"):
                _informed(content, parameter, sizes)
            elif parameter == "random":
                _random(content, sizes)
            else:
                _matrix(content, parameter, sizes)
        return content


def _strength(role: str, physics: Mapping[str, Any]) -> float:
    """β₀ of a pure model in units of unit amplitude, 1/Δ₂ of a 2 + p model; refuses what has no such number."""
    landscape, covariance = physics["landscape"], covariance_of(physics)
    planted = {int(p): float(ratio) for p, ratio in (landscape.get("planted") or {}).items()}
    if set(planted) != set(covariance.degrees) or len(set(planted.values())) > 1 or 0.0 in planted.values():
        raise InputError("plant the same signal-to-noise ratio above 0 in every degree of the covariance")
    ratio = next(iter(planted.values()))
    temperature = temperature_of(physics)
    if role in ("informed_langevin", "matrix_langevin"):
        if physics["dynamics"]["kind"] != "Langevin" or abs(temperature * ratio - 1.0) > 1e-9:
            raise InputError("use Langevin dynamics at the temperature 1/(signal-to-noise ratio), the posterior's")
    elif temperature != 0.0:
        raise InputError(f"T = {temperature:g}: this part of the report is for T = 0")
    informed = landscape.get("start_at", "random") == "planted"
    if informed != role.startswith("informed"):
        raise InputError(f"start_at must be {'planted' if role.startswith('informed') else 'random'} here")
    if role.startswith("matrix"):
        if len(covariance.degrees) != 2 or covariance.degrees[0] != 2:
            raise InputError(f"covariance {covariance} is no 2 + p model")
        return (ratio * covariance.terms[0][1]) ** 2
    if not covariance.is_pure or covariance.degrees[0] < 3:
        raise InputError(f"covariance {covariance}: give a pure model of degree 3 or more")
    return ratio * covariance.terms[0][1]


def _by_size(role: str, points: list[PointResults]) -> dict[int, list[tuple[float, PointResults]]]:
    """Points of each size with their strengths, ascending."""
    sizes: dict[int, list[tuple[float, PointResults]]] = {}
    for point in points:
        sizes.setdefault(point.n_units, []).append((_strength(role, point.physics), point))
    return {n: sorted(sizes[n], key=lambda pair: pair[0]) for n in sorted(sizes)}


def _late(point: PointResults) -> np.ndarray:
    """Overlap of each (sample, replica), averaged over the late times of a thermal run, the last one of a flow."""
    time, overlap = point.read("trajectory/time"), point.read("trajectory/signal_overlap")
    late = time >= (_LATE * time[-1] if temperature_of(point.physics) > 0 else time[-1])
    return overlap[:, :, late].mean(axis=2)


def _average(values: np.ndarray) -> tuple[float, float]:
    """Mean over samples of the mean over replicas, and its error; NaN is left out."""
    mean, error = mean_and_error(_per_sample(values)[:, None])
    return float(mean[0]), float(error[0])


def _per_sample(values: np.ndarray) -> np.ndarray:
    finite = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(finite, values, 0.0).sum(axis=1) / finite.sum(axis=1)


def _informed(content: Content, role: str, sizes) -> None:
    """Overlap that is kept from a start at the signal, its limit over the sizes, and theory."""
    flow = role == "informed_flow"
    covariance = covariance_of(next(iter(sizes.values()))[0][1].physics)
    unit = Covariance({covariance.degrees[0]: 1.0})
    least, sure = spiked.spinodal_threshold(unit), spiked.information_threshold(unit)

    def known(beta: float) -> float:
        if beta < least:
            return np.nan
        return spiked.maximum_likelihood_state(unit, beta).overlap if flow else spiked.nishimori_overlap(unit, beta)

    table: dict[float, dict[int, tuple[float, float]]] = {}
    for n, points in sizes.items():
        averages = [_average(_late(point)) for _, point in points]
        content.describe(f"{role}/n={n}", n=n)
        content.add(f"{role}/n={n}/strength", [beta for beta, _ in points], ("strength",))
        content.add(f"{role}/n={n}/overlap", [mean for mean, _ in averages], ("strength",))
        content.add(f"{role}/n={n}/overlap_error", [error for _, error in averages], ("strength",))
        for (beta, _), average in zip(points, averages, strict=True):
            table.setdefault(beta, {})[n] = average
    grid = np.linspace(least, max(table) * 1.05, _CURVE)
    content.add(f"{role}/theory_strength", grid, ("theory_strength",))
    content.add(f"{role}/theory_overlap", [known(beta) for beta in grid], ("theory_strength",))
    content.describe(role, spinodal=least, information=sure)
    tests = []
    for beta, at in sorted(table.items()):
        largest = max(at)
        row = {"part": role, "strength": beta, "largest_n": largest, "overlap": at[largest][0],
               "overlap_error": at[largest][1], **_NOTHING_KNOWN}  # fmt: skip
        if beta >= least:
            row["theory"] = known(beta)
        usable = [n for n in at if np.isfinite(at[n][1]) and at[n][1] > 0]
        if beta >= least and len(usable) >= 3:
            fit = extrapolate(usable, [at[n][0] for n in usable], [at[n][1] for n in usable])
            row |= {"limit": fit.limit, "limit_error": fit.limit_error, "fit_p_value": fit.p_value,
                    "z": float((fit.limit - row["theory"]) / fit.limit_error)}  # fmt: skip
            if beta > sure:
                tests.append(LimitTest(f"β₀ = {beta:g}", row["z"], fit.p_value))
        content.rows.append(row)
    name = "gradient flow" if flow else "Langevin dynamics at T = 1/β₀"
    what = "the maximum-likelihood overlap" if flow else "the overlap of the posterior"
    if tests:
        places = f"at {{}} strengths above 1/T_s = {sure:.4f}"
        verdict = judge_limits(tests, "overlaps extrapolated by a + b/N", what, places, plural=True)
        content.findings.append(f"{name} from the signal: {verdict}; the state appears at 1/T_d = {least:.4f}")
    else:
        content.findings.append(
            f"{name} from the signal: three sizes and a strength above 1/T_s = {sure:.4f} are needed for a test"
        )
    if not flow:
        content.findings.append(_nishimori(sizes))


def _nishimori(sizes) -> str:
    """E e(t) = −f(1)/T at every size and time on the Nishimori line."""
    scores = []
    for n, points in sizes.items():
        for beta, point in points:
            exact = -covariance_of(point.physics)(1.0) / temperature_of(point.physics)
            mean, error = _average(point.read("trajectory/energy_density")[:, :, -1])
            scores.append((abs(z_score(mean, exact, error)), n, beta))
    scores = [score for score in scores if not np.isnan(score[0])]
    if not scores:
        return "energy at the end of runs from the signal is not tested: an error needs two disorder samples"
    worst = max(scores)
    verb = "stays at" if worst[0] < DECISIVE else "LEAVES"
    return (
        f"energy at the end of runs from the signal {verb} −f(1)/T, which is exact "
        f"at every size and time: largest |z| of {len(scores)} points {worst[0]:.2f} (N = {worst[1]}, "
        f"β₀ = {worst[2]:g})"
    )


def _random(content: Content, sizes) -> None:
    """Recovery from random starts against β₀; the β₀ at which half of the starts recover against N."""
    degree = covariance_of(next(iter(sizes.values()))[0][1].physics).degrees[0]
    predicted = 0.5 * (degree - 2)
    halves = {}
    for n, points in sizes.items():
        strengths = np.array([beta for beta, _ in points])
        recovered = [_recovered(point, degree) for _, point in points]
        moments = [_average(values) for values in recovered]
        place = f"random/n={n}"
        content.describe(place, n=n)
        content.add(f"{place}/strength", strengths, ("strength",))
        content.add(f"{place}/recovered", [mean for mean, _ in moments], ("strength",))
        content.add(f"{place}/recovered_error", [error for _, error in moments], ("strength",))
        # Couplings and signal of one sample are the same at all strengths: samples are left out with all of them.
        paired = _same_samples([point for _, point in points], recovered)
        successes = np.stack([np.nansum(values, axis=1) for values in paired], axis=1)
        trials = np.stack([np.isfinite(values).sum(axis=1) for values in paired], axis=1)
        if len(trials) < _FEWEST_SAMPLES or not (trials.sum(axis=0) > 0).all():
            continue
        half = jackknife(
            lambda good, tried, s=strengths: _crossing(s, good.sum(axis=0) / np.maximum(tried.sum(axis=0), 1)),
            successes, trials, fewest_units=_FEWEST_SAMPLES,
        )  # fmt: skip
        if np.isfinite(half.value) and np.isfinite(half.error) and half.error > 0:
            halves[n] = (float(np.exp(half.value)), float(np.exp(half.value) * half.error))
            content.describe(place, half=halves[n][0], half_error=halves[n][1])
            content.rows.append({"part": "random", "strength": halves[n][0], "strength_error": halves[n][1],
                                 "largest_n": n, "overlap": None, **_NOTHING_KNOWN})  # fmt: skip
    content.describe("random", degree=degree, predicted=predicted)
    if len(halves) < 3:
        content.findings.append(
            f"random starts: half of the starts recover inside the range of β₀ at {len(halves)} sizes only; three are "
            "needed for an exponent"
        )
        return
    values, errors = np.array(list(halves.values())).T
    try:
        fit = fit_power_law(np.array(list(halves), float), values, errors)
    except InputError as error:
        content.findings.append(f"random starts: no exponent ({error})")
        return
    content.describe("random", exponent=fit.exponent, exponent_error=fit.exponent_error)
    z = (fit.exponent - predicted) / fit.exponent_error
    good = not fit.p_value < REJECTED_FIT
    between, local, local_error = local_exponents(np.array(list(halves), float), values, errors)
    steps = ", ".join(f"{a:.2f} ± {b:.2f}" for a, b in zip(local, local_error, strict=True))
    content.add("random/local_n", between, ("pair",))
    content.add("random/local_exponent", local, ("pair",), "1", "exponent between neighbouring sizes")
    content.add("random/local_exponent_error", local_error, ("pair",))
    content.findings.append(
        f"random starts: the β₀ at which half of the starts recover grows as N^({fit.exponent:.3f} ± "
        f"{fit.exponent_error:.3f}) over {len(halves)} sizes{'' if good else ', which one power does not describe'} "
        f"(fit p = {fit.p_value:.2g}); the scale is N^{predicted:g} (z = {z:.2f}). Between neighbouring sizes, from "
        f"small to large, the exponent is {steps}"
    )


def _same_samples(points: list[PointResults], values: list[np.ndarray]) -> list[np.ndarray]:
    """Rows of the disorder samples that all points have, in one order."""
    numbers = [point.sample_numbers("trajectory") for point in points]
    common = functools.reduce(np.intersect1d, numbers)
    chosen = []
    for own, rows in zip(numbers, values, strict=True):
        order = np.argsort(own)
        chosen.append(rows[order[np.searchsorted(own[order], common)]])
    return chosen


def _recovered(point: PointResults, degree: int) -> np.ndarray:
    """1 where a start recovers, 0 where not; of odd degree NaN where a start lies on the far side of the equator."""
    overlap = point.read("trajectory/signal_overlap")
    first, last = overlap[:, :, 0], _late(point)
    if degree % 2 == 0:
        return (np.abs(last) > RECOVERED).astype(float)
    return np.where(first > 0, (last > RECOVERED).astype(float), np.nan)


def _crossing(strengths: np.ndarray, share: np.ndarray) -> float:
    """ln β₀ where the share first passes one half, between two measured strengths; NaN if it does not."""
    above = np.flatnonzero(share >= 0.5)
    if not len(above) or above[0] == 0:
        return np.nan
    k, x = above[0], np.log(strengths)
    return float(x[k - 1] + (0.5 - share[k - 1]) / (share[k] - share[k - 1]) * (x[k] - x[k - 1]))


def _matrix(content: Content, role: str, sizes) -> None:
    """Mean |overlap| against 1/Δ₂ at every size, and the predicted line."""
    first = next(iter(sizes.values()))[0][1]
    covariance, temperature = covariance_of(first.physics), temperature_of(first.physics)
    degree, amplitude = covariance.terms[1]
    ratio = float(next(iter(first.physics["landscape"]["planted"].values())))
    noise = 2.0 / (degree * (ratio * amplitude) ** 2)
    if role == "matrix_flow":
        line = spiked.gradient_flow_line(noise, degree)
    else:
        line = spiked.langevin_line(noise, degree)
    name = "gradient flow" if role == "matrix_flow" else "Langevin dynamics"
    content.describe(role, degree=degree, tensor_noise=noise, temperature=temperature,
                     message_passing=1.0 / spiked.message_passing_line())  # fmt: skip
    if line:
        content.describe(role, line=1.0 / line)
    table: dict[float, dict[int, tuple[float, float]]] = {}
    for n, points in sizes.items():
        averages = [_average(np.abs(_late(point))) for _, point in points]
        content.describe(f"{role}/n={n}", n=n)
        content.add(f"{role}/n={n}/strength", [beta for beta, _ in points], ("strength",))
        content.add(f"{role}/n={n}/overlap", [mean for mean, _ in averages], ("strength",))
        content.add(f"{role}/n={n}/overlap_error", [error for _, error in averages], ("strength",))
        for (beta, _), average in zip(points, averages, strict=True):
            table.setdefault(beta, {})[n] = average
    falls, stays, untested = [], [], []
    for beta, at in sorted(table.items()):
        small, large = min(at), max(at)
        change = at[large][0] - at[small][0]
        error = float(np.hypot(at[large][1], at[small][1]))
        content.rows.append({"part": role, "strength": beta, "largest_n": large, "overlap": at[large][0],
                             "overlap_error": at[large][1], **_NOTHING_KNOWN})  # fmt: skip
        if small == large or not (np.isfinite(change) and np.isfinite(error)):
            untested.append(f"{beta:.3g}")
        else:
            (falls if change < -2.0 * error else stays).append(f"{beta:.3g}")
    predicted = f"1/Δ₂ = {1.0 / line:.4g}" if line else "nowhere"
    change = (
        f"the mean |overlap| falls with N by more than two errors at 1/Δ₂ = {', '.join(falls) or 'none'} and not at "
        f"{', '.join(stays) or 'none'}"
    )
    missing = f"the mean |overlap| is not tested at 1/Δ₂ = {', '.join(untested)}: two sizes with errors are needed"
    parts = ([change] if falls or stays else []) + ([missing] if untested else [])
    content.findings.append(
        f"2 + {degree} model at Δ_{degree} = {noise:.3g}, {name} from random starts: {'; '.join(parts)}; the "
        f"heuristic line lies at {predicted}, that of message passing at 1. Sizes are far from N → ∞: not judged"
    )
