"""A signal hidden in a glass, on the Nishimori line: overlaps beside theory, exact identities, and searches that fail.

At T = 1/β₀ the signal is itself an equilibrium configuration. For a reversible dynamics that starts there, exactly at
every size and time, E H(t)/N = −β₀ f(1) and E q₁₂(t) = E m(2t), q₁₂ the overlap of two runs on one sample.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from spinnet.errors import InputError
from spinnet.estimators.resampling import mean_and_error
from spinnet.estimators.scaling import extrapolate
from spinnet.reports.base import Content, Report, require_probe
from spinnet.reports.glass_theory import covariance_of, require_bare_exact_glass
from spinnet.reports.results import PointResults, StudyResults
from spinnet.reports.verdicts import DECISIVE, LimitTest, judge_limits, shown, z_score
from spinnet.theory import ising_pspin, spiked
from spinnet.theory.covariance import Covariance

#: A final overlap above this is a recovered signal.
RECOVERED = 0.5
_LATE = 0.5  # of the run: averages begin here
_CURVE = 120


class PlantedRecoveryReport(Report):
    """Overlap with the signal, energy and overlap of two runs; each arm may be left out.

    Parameters
    ----------
    informed
        Arm of spherical glasses (pure p ≥ 3) from the signal at T = 1/β₀, by ``GeodesicMetropolis``.
    uninformed
        The same from random starts.
    ising
        Arm of ``PlantedGlass`` from the signal at T = 1/β₀, by ``SpinFlips``.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ("informed", "uninformed", "ising")
    probes: ClassVar[tuple[str, ...]] = ("energy", "signal_overlap")
    landscapes: ClassVar[tuple[str, ...]] = ("SphericalGlass", "PlantedGlass")
    dynamics: ClassVar[tuple[str, ...]] = ("GeodesicMetropolis", "SpinFlips")

    def __init__(self, informed: str = "", uninformed: str = "", ising: str = ""):
        self.arms = self.validate(informed=informed, uninformed=uninformed, ising=ising)

    @classmethod
    def chosen_arm(cls, settings: Mapping[str, Any], parameter: str, arms: Any) -> str:
        """No arm stands for another one here."""
        return super().chosen_arm(settings, parameter, arms) if settings[parameter] else ""

    @classmethod
    def check(cls, settings: Mapping[str, Any], arms: Mapping[str, Any]) -> None:
        super().check(settings, arms)
        for role in cls.arm_parameters:
            name = cls.chosen_arm(settings, role, list(arms))
            for physics in arms[name] if name else ():
                try:
                    _strength(role, physics)
                except InputError as error:
                    raise InputError(f"arm {name} as {role}: {error}") from None
                if role != "uninformed":
                    require_probe(name, physics, "replica_overlap")

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`PlantedRecoveryReport`."""
        content = Content()
        for role, name in self.arms.items():
            if not name:
                continue
            points = sorted(results.points(name), key=lambda p: (_strength(role, p.physics), p.n_units))
            if role == "uninformed":
                _searches(content, points)
            else:
                _kept(content, role, points)
        return content


def _strength(role: str, physics: Mapping[str, Any]) -> float:
    """β₀ in units of unit amplitude; refuses what is not on the Nishimori line or starts elsewhere."""
    landscape, temperature = physics["landscape"], float(physics["dynamics"]["temperature"])
    start = landscape.get("start_at", "random")
    if start != ("random" if role == "uninformed" else "planted"):
        raise InputError(f"start_at = {start!r} is not for this part")
    if role == "ising":
        if landscape["kind"] != "PlantedGlass" or physics["dynamics"]["kind"] != "SpinFlips":
            raise InputError("give PlantedGlass and SpinFlips")
        ratio, amplitude = float(landscape["snr"]), 1.0
    else:
        if landscape["kind"] != "SphericalGlass" or physics["dynamics"]["kind"] != "GeodesicMetropolis":
            raise InputError("give SphericalGlass and GeodesicMetropolis")
        require_bare_exact_glass(role, physics, planted=True)
        if physics["dynamics"].get("step") is None:
            raise InputError("give the step of GeodesicMetropolis: while it is tuned its moves are not reversible")
        covariance = covariance_of(physics)
        planted = {int(p): float(value) for p, value in (landscape.get("planted") or {}).items()}
        if not covariance.is_pure or covariance.degrees[0] < 3 or set(planted) != set(covariance.degrees):
            raise InputError("give a pure model of degree 3 or more with a signal of that degree")
        ratio, amplitude = planted[covariance.degrees[0]], covariance.terms[0][1]
    if ratio <= 0 or abs(temperature * ratio - 1.0) > 1e-9:
        raise InputError(f"T = {temperature:g} is not 1/(signal-to-noise ratio) = {1.0 / max(ratio, 1e-300):g}")
    return ratio * amplitude


def _theory(role: str, physics: Mapping[str, Any], strength: float) -> float:
    """Overlap of the state around the signal as N → ∞, NaN where there is none."""
    if role == "ising":
        p = int(physics["landscape"]["p"])
        if p < 3 or strength * ising_pspin.transitions(p).dynamic_temperature < 1.0:
            return np.nan
        return ising_pspin.state_overlap(p, 1.0 / strength)
    unit = Covariance({covariance_of(physics).degrees[0]: 1.0})
    return spiked.nishimori_overlap(unit, strength) if strength >= spiked.spinodal_threshold(unit) else np.nan


def _threshold(role: str, physics: Mapping[str, Any]) -> float:
    if role == "ising":
        return 1.0 / ising_pspin.transitions(int(physics["landscape"]["p"])).static_temperature
    return spiked.information_threshold(Covariance({covariance_of(physics).degrees[0]: 1.0}))


def _moments(values: np.ndarray) -> tuple[float, float]:
    """Mean over samples of the mean over replicas, and its error."""
    mean, error = mean_and_error(values.mean(axis=1)[:, None])
    return float(mean[0]), float(error[0])


def _unit_energy(point: PointResults, strength: float) -> np.ndarray:
    """Energy density in units in which the amplitude is one and T = 1/β₀."""
    return point.read("trajectory/energy_density") / float(point.physics["dynamics"]["temperature"]) / strength


def _kept(content: Content, role: str, points: list[PointResults]) -> None:
    """What is kept of the signal from a start there."""
    identities, table = [], {}
    for number, point in enumerate(points):
        strength, time = _strength(role, point.physics), point.read("trajectory/time")
        overlap, pair = point.read("trajectory/signal_overlap"), point.read("trajectory/overlap")
        energy = _unit_energy(point, strength)
        late = time >= _LATE * time[-1]
        kept, between = _moments(overlap[:, :, late].mean(axis=2)), _moments(pair[:, :, late].mean(axis=2))
        last = _moments(energy[:, :, -1])
        energy_z = z_score(last[0], -0.5 * strength, last[1])
        half = int(np.abs(time - 0.5 * time[-1]).argmin())
        reversal = np.nan
        if abs(2.0 * time[half] - time[-1]) < 1e-9 * time[-1]:
            # differences within a sample: what is common cancels
            difference = _moments(pair[:, :, half].mean(axis=1, keepdims=True)
                                  - overlap[:, :, -1].mean(axis=1, keepdims=True))  # fmt: skip
            reversal = z_score(difference[0], 0.0, difference[1])
        expected = _theory(role, point.physics, strength)
        identities.append((point.n_units, strength, energy_z, reversal))
        table.setdefault(strength, []).append((point, kept, between, expected))
        group = f"{role}/{number}"
        content.describe(group, n=point.n_units, strength=strength, theory=expected, overlap=kept[0],
                         overlap_error=kept[1], pair=between[0], pair_error=between[1], energy=last[0],
                         energy_error=last[1])  # fmt: skip
        for name, values in (("overlap", overlap), ("pair", pair), ("energy", energy)):
            mean, error = mean_and_error(values.mean(axis=1))
            content.add(f"{group}/{name}", mean, ("time",))
            content.add(f"{group}/{name}_error", error, ("time",))
        content.add(f"{group}/time", time, ("time",), str(point.attributes.get("time_unit", "steps")))
        content.rows.append({
            "part": role, "strength": strength, "n": point.n_units, "overlap": kept[0], "overlap_error": kept[1],
            "pair": between[0], "pair_error": between[1], "theory": shown(expected), "energy_z": shown(energy_z),
            "reversal_z": shown(reversal), "recovered": None,
        })  # fmt: skip
    _curve(content, role, points)
    threshold = _threshold(role, points[0].physics)
    content.findings.append(_small(table) if role == "ising" else _limits(content, role, table, threshold))
    content.findings.append(_identities(role, identities))


def _curve(content: Content, role: str, points: list[PointResults]) -> None:
    strengths = [_strength(role, point.physics) for point in points]
    threshold = _threshold(role, points[0].physics)
    grid = np.linspace(0.95 * threshold, 1.05 * max([*strengths, threshold]), _CURVE)
    content.describe(role, information=threshold)
    content.add(f"{role}/theory_strength", grid, ("theory_strength",))
    content.add(f"{role}/theory_overlap", [_theory(role, points[0].physics, s) for s in grid], ("theory_strength",))


def _small(table: dict[float, list]) -> str:
    """Ising glasses whose levels are listed are too small for a limit."""
    told = []
    for strength, found in sorted(table.items()):
        point, kept, between, expected = max(found, key=lambda one: one[0].n_units)
        told.append(
            f"m = {kept[0]:.4f} ± {kept[1]:.4f} and q₁₂ = {between[0]:.4f} ± {between[1]:.4f} at β₀ = {strength:g}, "
            f"N = {point.n_units} (N → ∞: {expected:.4f})"
        )
    return f"ising, from the signal: {'; '.join(told)}. Sizes are far from N → ∞: not judged"


def _limits(content: Content, role: str, table: dict[float, list], threshold: float) -> str:
    tests, told = [], []
    for strength, found in sorted(table.items()):
        expected = found[0][3]
        sizes = [point.n_units for point, *_ in found]
        values, errors = [kept[0] for _, kept, *_ in found], [kept[1] for _, kept, *_ in found]
        usable = len(sizes) >= 3 and np.isfinite(errors).all() and min(errors) > 0 and np.isfinite(expected)
        if not usable or strength <= threshold:
            continue
        fit = extrapolate(sizes, values, errors)
        z = float((fit.limit - expected) / fit.limit_error)
        tests.append(LimitTest(f"β₀ = {strength:g}", z, fit.p_value))
        told.append(f"{fit.limit:.4f} ± {fit.limit_error:.4f} at β₀ = {strength:g} ({expected:.8f})")
        content.describe(f"{role}/limit_{len(tests) - 1}", strength=strength, limit=fit.limit,
                         limit_error=fit.limit_error)  # fmt: skip
    if not tests:
        return f"{role}: three sizes with errors and a strength above 1/T_s = {threshold:.4f} are needed for a limit"
    verdict = judge_limits(tests, "overlaps extrapolated by a + b/N", "those of the posterior", "at {} strengths",
                           plural=True)  # fmt: skip
    return f"{role}, from the signal: m = {', '.join(told)}; {verdict} (1/T_s = {threshold:.4f})"


def _identities(role: str, found: list[tuple[int, float, float, float]]) -> str:
    parts = []
    for place, name in ((2, "E H/N = −β₀ f(1) at the end of the runs"), (3, "E q₁₂(t) = E m(2t) at half their length")):
        scores = [(abs(one[place]), one[0], one[1]) for one in found if np.isfinite(one[place])]
        if not scores:
            parts.append(f"{name} is not tested")
            continue
        worst = max(scores)
        verb = "holds" if worst[0] < DECISIVE else "FAILS"
        parts.append(
            f"{name} {verb} at {len(scores)} points with |z| ≤ {worst[0]:.1f} (N = {worst[1]}, β₀ = {worst[2]:g})"
        )
    return f"{role}, Nishimori identities, exact at every size: {'; '.join(parts)}"


def _searches(content: Content, points: list[PointResults]) -> None:
    """How many random starts end at the signal."""
    told: dict[float, list[str]] = {}
    largest = []
    for number, point in enumerate(points):
        strength = _strength("uninformed", point.physics)
        overlap = point.read("trajectory/signal_overlap")[:, :, -1]
        share = (overlap > RECOVERED).astype(float)
        mean, error = _moments(share)
        final = _moments(overlap)
        group = f"uninformed/{number}"
        content.describe(group, n=point.n_units, strength=strength, recovered=mean, recovered_error=error,
                         overlap=final[0], overlap_error=final[1])  # fmt: skip
        content.rows.append({
            "part": "uninformed", "strength": strength, "n": point.n_units, "overlap": final[0],
            "overlap_error": final[1], "pair": None, "pair_error": None, "theory": None, "energy_z": None,
            "reversal_z": None, "recovered": mean,
        })  # fmt: skip
        told.setdefault(strength, []).append(f"{int(share.sum())} of {share.size} at N = {point.n_units}")
        largest.append((point.n_units, strength, mean))
    top = max(n for n, *_ in largest)
    failing = all(mean < 0.5 for n, _, mean in largest if n == top)
    what = "most searches fail although the signal is the better state: the hard phase" if failing else (
        "half or more of the searches succeed somewhere: at these sizes and times it is not hard"
    )
    lines = "; ".join(f"β₀ = {strength:g}: {', '.join(parts)}" for strength, parts in told.items())
    content.findings.append(f"random starts that end above m = {RECOVERED:g}: {lines}. At N = {top} {what}")
