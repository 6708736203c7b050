r"""Learning curves of perceptrons beside replica theory: the sphere by sampling, Ising weights by enumeration.

On the Nishimori line the teacher is one of the students: at every N the mean overlap R with it is that of two students.
A student errs on a new example with the probability arccos(R)/pi. Mean values at several sizes are extrapolated in 1/N
and laid beside :mod:`spinnet.theory.perceptron`; for Ising weights beyond the first-order transition (alpha = 1.2447)
only the teacher is left, and finite sizes are shown, not extrapolated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from spinnet.errors import InputError
from spinnet.estimators.resampling import mean_and_error
from spinnet.estimators.scaling import extrapolate
from spinnet.reports.base import Content, Report, require_probe
from spinnet.reports.results import PointResults, StudyResults
from spinnet.reports.verdicts import DECISIVE, LimitTest, judge_limits, numbered, z_score
from spinnet.theory import perceptron

#: Of the run: averages begin there, and the time from half of it on is compared for convergence.
_LATE = 0.5
_FEWEST_SIZES = 3
_CURVE = 160
_LEARNING = ("spherical", "ising")
_ROLES = (*_LEARNING, "funnel")
#: Below, nothing is called folded; and how near independent energies come to the temperature that was measured.
_FOLDED, _CLOSE = 1.1, 0.08
#: Measured quantities and their names in theory.
_QUANTITIES = {
    "spherical": {"overlap": "overlap", "error": "generalisation_error_gibbs"},
    "ising": {"overlap": "overlap", "entropy": "entropy", "error": "generalisation_error_gibbs"},
}


class PerceptronLearningReport(Report):
    """Overlap with the teacher, generalisation error and entropy against examples per weight, beside theory.

    Parameters
    ----------
    spherical
        Arm of spherical weights by hit and run at T = 0 from the teacher (``start_at = 1``), with the probes
        ``signal_overlap`` and ``replica_overlap``.
    ising
        Arm of Ising weights, all of them listed by the probe ``native_levels``.
    funnel
        Arm of Ising weights with the probe ``funnel``: the training error as a funnel around the teacher. Its labels
        may be random, as the null.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = _ROLES
    optional_arms: ClassVar[bool] = True
    landscapes: ClassVar[tuple[str, ...]] = ("TeacherStudentPerceptron",)

    def __init__(self, spherical: str = "", ising: str = "", funnel: str = ""):
        self.arms = self.validate(spherical=spherical, ising=ising, funnel=funnel)

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        if not any(given.values()):
            raise InputError(f"no arm is named: set {' or '.join(_ROLES)}")
        return given

    @classmethod
    def check(cls, settings: Mapping[str, Any], arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        super().check(settings, arms)
        for role in _ROLES:
            name = cls.chosen_arm(settings, role, list(arms))
            for physics in arms[name] if name else ():
                _check(role, name, physics)

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`PerceptronLearningReport`. Cost: a second for the curves of theory."""
        content = Content()
        for role, name in self.arms.items():
            if not name:
                continue
            if role == "funnel":
                content.findings += _funnel(content, results.points(name))
                continue
            tell(f"learning curve of {role} weights")
            measure = _sampled if role == "spherical" else _listed
            found = {load: {} for load in sorted({_load(point) for point in results.points(name)})}
            for point in sorted(results.points(name), key=lambda point: point.n_dof):
                found[_load(point)][point.n_dof] = measure(point)
            _curve(content, role, max(found))
            _against_theory(content, role, found)
            content.findings.append(_nishimori(role, found))
            if role == "spherical":
                content.findings.append(_converged(found))
        return content


def _check(role: str, name: str, physics: Mapping[str, Any]) -> None:
    """Refuse an arm that is not on the Nishimori line, or is measured otherwise."""
    landscape = physics["landscape"]
    weights = "ising" if role == "funnel" else role
    if landscape["weights"] != weights:
        raise InputError(f"{role}: arm {name} has weights = {landscape['weights']!r}; they must be {weights!r}")
    if role == "funnel":
        require_probe(name, physics, "funnel")
        return
    if landscape["labels"] != "teacher" or landscape["noise"] != 0:
        raise InputError(f"{role}: arm {name} must have labels = 'teacher' without noise: theory is for those")
    probes = ("signal_overlap", "replica_overlap") if role == "spherical" else ("native_levels",)
    for probe in probes:
        require_probe(name, physics, probe)
    if role == "spherical":
        if physics["dynamics"]["kind"] != "HitAndRun" or physics["dynamics"]["temperature"] != 0:
            raise InputError(f"spherical: arm {name} must use HitAndRun at temperature = 0")
        if landscape["start_at"] != 1:
            raise InputError(f"spherical: arm {name} must start at the teacher, start_at = 1")


def _load(point: PointResults) -> float:
    """Examples per weight, P/N."""
    return round(point.n_units / point.n_dof, 12)


def _sampled(point: PointResults) -> dict[str, np.ndarray]:
    """One number per sample: R, its early value, q of two students and the error, from the late part of the run."""
    time = point.read("trajectory/time")
    late = time >= _LATE * time[-1]
    early = (time >= 0.5 * _LATE * time[-1]) & ~late
    overlap = point.read("trajectory/signal_overlap")
    error = np.arccos(np.clip(overlap, -1.0, 1.0)) / math.pi
    return {
        "overlap": overlap[:, :, late].mean(axis=(1, 2)),
        "early": overlap[:, :, early].mean(axis=(1, 2)) if early.any() else np.full(len(overlap), np.nan),
        "mutual": point.read("trajectory/overlap")[:, :, late].mean(axis=(1, 2)),
        "error": error[:, :, late].mean(axis=(1, 2)),
    }


def _listed(point: PointResults) -> dict[str, np.ndarray]:
    """One number per sample: R, q, the entropy per weight and the error, over all students without an error."""
    n = point.n_dof
    counts = point.read("native/counts")[:, 0, 0, :]
    students = counts.sum(axis=1)
    overlap = 1.0 - 2.0 * np.arange(n + 1) / n
    return {
        "overlap": counts @ overlap / students,
        "mutual": point.read("native/lowest_mutual_overlap")[:, 0],
        "entropy": np.log(students) / n,
        "error": counts @ np.arccos(overlap) / math.pi / students,
    }


def _curve(content: Content, role: str, last: float) -> None:
    """Theory on a fine grid: the equilibrium branch, and for Ising weights the one of algorithms beyond it."""
    loads = np.linspace(0.02, 1.1 * last, _CURVE)
    states = [perceptron.perceptron_state(float(load), role) for load in loads]
    content.add(f"{role}/theory_load", loads, ("theory_load",), "1", "examples per weight")
    for name, theirs in _QUANTITIES[role].items():
        content.add(f"{role}/theory_{name}", [getattr(state, theirs) for state in states], ("theory_load",))
    if role == "ising":
        (transition, _), (spinodal, _) = perceptron.ising_transition(), perceptron.ising_spinodal()
        content.describe(role, transition=transition, spinodal=spinodal)
        loads = np.linspace(transition, spinodal, _CURVE // 4)
        states = [perceptron.perceptron_state(float(load), role, metastable=True) for load in loads]
        content.add(f"{role}/metastable_load", loads, ("metastable_load",), "1", "examples per weight")
        for name, theirs in _QUANTITIES[role].items():
            content.add(f"{role}/metastable_{name}", [getattr(state, theirs) for state in states], ("metastable_load",))


def _against_theory(content: Content, role: str, found: Mapping[float, Mapping[int, dict[str, np.ndarray]]]) -> None:
    """Means at every size, their limits, and a verdict for each quantity."""
    tests: dict[str, list[LimitTest]] = {name: [] for name in _QUANTITIES[role]}
    for number, (load, sizes) in enumerate(found.items()):
        state = perceptron.perceptron_state(load, role)
        group, n = f"{role}/load/{number}", np.array(list(sizes))
        content.describe(group, load=load, samples=min(len(one["overlap"]) for one in sizes.values()))
        content.add(f"{group}/n", n, ("size",))
        for name, theirs in _QUANTITIES[role].items():
            moments = [_moments(one[name]) for one in sizes.values()]
            means, errors = np.array(moments).T
            content.add(f"{group}/{name}", means, ("size",))
            content.add(f"{group}/{name}_error", errors, ("size",))
            known = float(getattr(state, theirs))
            row = {
                "weights": role, "alpha": load, "quantity": name, "largest_n": int(n[-1]), "value": means[-1],
                "value_error": errors[-1], "limit": None, "limit_error": None, "theory": known, "z": None,
            }  # fmt: skip
            usable = np.isfinite(errors) & (errors > 0)
            if usable.sum() >= _FEWEST_SIZES and not state.is_perfect:
                fit = extrapolate(n[usable], means[usable], errors[usable])
                z = float((fit.limit - known) / fit.limit_error)
                row |= {"limit": fit.limit, "limit_error": fit.limit_error, "z": z}
                content.describe(group, **{f"{name}_limit": fit.limit, f"{name}_limit_error": fit.limit_error})
                tests[name].append(LimitTest(f"alpha = {load:.4g}", z, fit.p_value))
            content.rows.append(row)
    words = {"overlap": "overlaps with the teacher", "entropy": "entropies of the students",
             "error": "generalisation errors"}  # fmt: skip
    for name, judged in tests.items():
        if judged:
            content.findings.append(
                f"{role} weights: " + judge_limits(judged, f"{words[name]} extrapolated by a + b/N", "replica theory",
                                                   "at {} loads", plural=True)
            )  # fmt: skip
        else:
            content.findings.append(
                f"{role} weights: {words[name]} are not extrapolated: {_FEWEST_SIZES} sizes with errors are needed at "
                "a load below the transition"
            )


def _moments(values: np.ndarray) -> tuple[float, float]:
    mean, error = mean_and_error(values[:, None])
    return float(mean[0]), float(error[0])


def _paired(found, first: str, second: str) -> list[tuple[float, int, float]]:
    """|z| of the mean difference of two numbers of each sample, with size and load."""
    scores = []
    for load, sizes in found.items():
        for n, one in sizes.items():
            score = abs(z_score(*_against_zero(one[first] - one[second])))
            if np.isfinite(score):
                scores.append((score, n, load))
    return scores


def _against_zero(difference: np.ndarray) -> tuple[float, float, float]:
    mean, error = _moments(difference)
    return mean, 0.0, error


def _nishimori(role: str, found) -> str:
    """R against the overlap of two students, sample by sample."""
    scores = _paired(found, "overlap", "mutual")
    if not scores:
        return f"{role} weights: the overlap of two students is not compared with R: two samples are needed"
    worst = max(scores)
    verb = "is that" if worst[0] < DECISIVE else "is NOT that"
    return (
        f"{role} weights: R {verb} of two students (exact on average, at every N): largest |z| of {len(scores)} points "
        f"{worst[0]:.2f} (N = {worst[1]}, alpha = {worst[2]:.4g})"
    )


def _converged(found) -> str:
    """R in the last half of the run against the quarter before it."""
    scores = _paired(found, "overlap", "early")
    if not scores:
        return "spherical weights: convergence is not tested: two samples and two late times are needed"
    worst = max(scores)
    if worst[0] < DECISIVE:
        return (
            f"spherical weights: R of the last half of the run is that of the quarter before it, largest |z| "
            f"{worst[0]:.2f} of {len(scores)} points"
        )
    return (
        f"spherical weights: R still MOVES in the last half of the run (|z| = {worst[0]:.1f} at N = {worst[1]}, "
        f"alpha = {worst[2]:.4g}): it has not converged; run longer"
    )


def _funnel(content: Content, points: Sequence[PointResults]) -> list[str]:
    """Frustration index, stability gap and melting temperature of the funnel of training errors.

    E̅ = P/2 and σ² = P/4 among the students that know nothing of the teacher give Λ = √(α/(2 ln 2)) for N → ∞.
    """
    folded, null = [], []
    series: dict[str, list[list[float]]] = {}
    for point in sorted(points, key=lambda point: (point.n_dof, _load(point))):
        labels, load, n = point.physics["landscape"]["labels"], _load(point), point.n_dof
        index, gap, melting, predicted = (
            _moments(point.independent(f"funnel/{name}"))
            for name in ("stability", "stability_gap", "half_overlap_temperature", "random_energy_temperature")
        )
        series.setdefault(f"{labels}/{n}", []).append([load, *index, *gap, *melting, *predicted])
        content.rows.append({
            "weights": f"ising, {labels} labels", "alpha": load, "quantity": "frustration index", "largest_n": n,
            "value": index[0], "value_error": index[1], "limit": None, "limit_error": None,
            "theory": math.sqrt(load / (2.0 * math.log(2.0))) if labels == "teacher" else 0.0, "z": None,
        })  # fmt: skip
        if labels == "random":
            null.append((index[0], load, n))
        elif index[0] >= _FOLDED and melting[0] > 0 and predicted[0] > 0:
            folded.append((abs(predicted[0] / melting[0] - 1.0), load, n, melting, predicted, gap))
    measured = ("stability", "gap", "melting", "predicted")
    names = ("load", *(f"{name}{end}" for name in measured for end in ("", "_error")))
    for number, (label, rows) in enumerate(series.items()):
        group, (labels, n) = f"funnel/{number}", label.split("/")
        content.describe(group, labels=labels, n=int(n))
        for name, column in zip(names, np.array(rows).T, strict=True):
            content.add(f"{group}/{name}", column, ("load",))
    findings = []
    # Independent energies are a statement about large N: the largest size is judged.
    folded = [one for one in folded if one[2] == max(other[2] for other in folded)]
    if folded:
        worst, steepest = max(folded), max(folded, key=lambda one: one[1])
        findings.append(
            f"funnel of the teacher (index of {_FOLDED} or more {numbered(len(folded), 'at {} loads')} of the largest "
            "size): the folding temperature of "
            f"independent energies {'is' if worst[0] < _CLOSE else 'is NOT'} within {100 * _CLOSE:.0f} % of where the "
            f"mean overlap is one half; largest deviation {100 * worst[0]:.1f} % (N = {worst[2]}, alpha = "
            f"{worst[1]:.4g}). At alpha = {steepest[1]:.4g}, N = {steepest[2]}: T = {steepest[3][0]:.3f} ± "
            f"{steepest[3][1]:.3f} against {steepest[4][0]:.3f} ± {steepest[4][1]:.3f}, stability gap "
            f"{steepest[5][0]:.1f} ± {steepest[5][1]:.1f} errors"
        )
    else:
        findings.append(f"funnel of the teacher: the frustration index stays below {_FOLDED}: unfolded")
    if null:
        largest = max(null)
        verb = "no funnel" if largest[0] < _FOLDED else "A FUNNEL"
        findings.append(
            f"random labels dig {verb} around a teacher that has nothing to do with them: largest index "
            f"{largest[0]:.2f} (N = {largest[2]}, alpha = {largest[1]:.4g})"
        )
    return findings
