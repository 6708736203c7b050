"""A glass, random energies, or a funnel? Networks classed among reference landscapes, or as none of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spinnet.comparison.classification import (
    FEWEST_OWN,
    LEVEL,
    NONE,
    Calibration,
    Calls,
    binomial_interval,
    calibrate,
)
from spinnet.comparison.native_statistics import HALF, NATIVE, STATISTICS, columns, native_statistics
from spinnet.errors import InputError
from spinnet.estimators.resampling import mean_and_error
from spinnet.reports.base import Content, Report
from spinnet.reports.results import PointResults, StudyResults

#: The classes, in the order of their numbers, and how they are called.
CLASSES = ("glass", "REM-like", "funnel")
#: Roles of reference arms, and the class of each.
REFERENCES = {"glass": 0, "glass_size": 0, "rem": 1, "funnel": 2, "guided": 2}
#: Roles of arms that are classed, and how they are called.
ASKED = {
    "true": "networks with true labels",
    "shuffled": "networks with shuffled labels",
    "untrained": "untrained networks",
    "alien": "landscape of no class",
}
_PROBES = ("funnel_profile", "basin_of_attraction")


@dataclass
class _Point:
    """The units of one point: statistics, as they are classed, and disorder samples."""

    role: str
    label: str
    statistics: dict[str, np.ndarray]
    values: np.ndarray
    samples: np.ndarray
    about: dict[str, Any]


class ClassificationReport(Report):
    """What the landscapes of networks are, said by what was learnt from references measured with the same probes.

    Each unit (a disorder sample, a training seed) is four numbers of its native state that no scale enters: the degree
    k of the profile e(q) ~ q^k around it, Λ = depth/(roughness √n), the cosine between force and way home at q = ½, and
    the overlap that descents from q = ½ return to (see :mod:`spinnet.comparison.native_statistics`). Glasses, REM-like
    landscapes and funnels are Gaussians in them; a unit is called only if it lies no further from its class than the
    class's own units do, each seen by a model without its disorder sample, and is none of them otherwise
    (:mod:`spinnet.comparison.classification`).

    The random energy model has no gradient. What stands for it is a spherical glass of high degree: its correlations
    q^p are those of the REM for p → ∞ (only q = 1 is correlated), its thermodynamics are not.

    Parameters
    ----------
    glass, glass_size, rem, funnel, guided
        Reference arms: glasses, perhaps of a second size, needles, and funnels of two kinds. ``glass``, ``rem`` and
        ``funnel`` are needed.
    alien
        An arm that belongs to no class, to see whether that is noticed.
    true, shuffled, untrained
        Arms of networks; any may be left out.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = (*REFERENCES, *ASKED)
    optional_arms: ClassVar[bool] = True
    probes: ClassVar[tuple[str, ...]] = _PROBES

    def __init__(
        self,
        glass: str = "",
        glass_size: str = "",
        rem: str = "",
        funnel: str = "",
        guided: str = "",
        alien: str = "",
        true: str = "",
        shuffled: str = "",
        untrained: str = "",
    ):
        self.arms = self.validate(
            glass=glass, glass_size=glass_size, rem=rem, funnel=funnel, guided=guided, alien=alien, true=true,
            shuffled=shuffled, untrained=untrained,
        )  # fmt: skip

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        for role in ("glass", "rem", "funnel"):
            if not given[role]:
                raise InputError(f"{role} names no arm: every class needs references")
        return given

    @classmethod
    def check(cls, settings: Mapping[str, Any], arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        super().check(settings, arms)
        names = [cls.chosen_arm(settings, role, list(arms)) for role in cls.arm_parameters]
        for probe in _PROBES:
            tables = [(name, physics["probes"][probe]) for name in names if name for physics in arms[name]]
            for name, table in tables:
                if table != tables[0][1]:
                    raise InputError(
                        f"arms {tables[0][0]} and {name} are measured with different settings of {probe}: set it once, "
                        f"in [probes.{probe}]"
                    )
        kicks = tables[0][1]["kicks"]
        if min(abs(math.cos(kick) - HALF) for kick in kicks) > 0.01:
            raise InputError(f"basin_of_attraction.kicks = {kicks}: give 1.0472, to the overlap 1/2")

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`ClassificationReport`. Cost: seconds."""
        content = Content()
        points = [
            _read(role, point) for role in self.arm_parameters
            if (arm := self.chosen_arm(self.arms, role, results.arms)) for point in results.points(arm)
        ]  # fmt: skip
        references = [point for point in points if point.role in REFERENCES]
        x, labels, groups, origin = _pooled(references)
        learnt = calibrate(x, labels, groups, len(CLASSES))
        single = [calibrate(x[:, [s]], labels, groups, len(CLASSES)) for s in range(x.shape[1])]
        fewer = [calibrate(np.delete(x, s, axis=1), labels, groups, len(CLASSES)) for s in range(x.shape[1])]
        enough = bool((np.bincount(labels, minlength=len(CLASSES)) >= FEWEST_OWN).all())
        for number, point in enumerate(points):
            if point.role in REFERENCES:
                calls = _of_point(learnt.calls, origin == references.index(point), point)
            else:
                calls = learnt.classifier.call(point.values)
                content.findings += _verdict(point, calls, single, fewer, enough)
            _add_point(content, number, point, calls)
        _add_classes(content, learnt, x, labels, origin)
        if enough:
            content.findings += [*_calibration(learnt, labels, groups), *_left_out(references)]
        else:
            content.findings.append(
                f"too few references: with fewer than {FEWEST_OWN} units of every class nothing can be called"
            )
        content.findings.append(_what_stands_for_the_rem(references))
        unfinished = [f"{p.about['name']} {100 * (1 - p.about['finished']):.0f} %" for p in points
                      if p.about["finished"] < 0.99]  # fmt: skip
        if unfinished:
            content.findings.append(f"descents that did not end at a minimum: {', '.join(unfinished)}")
        return content


def _read(role: str, point: PointResults) -> _Point:
    q = point.read("funnel_profile/overlap").reshape(-1)
    energy, spread, cosine = (
        point.independent(f"funnel_profile/{name}") for name in ("energy_density", "roughness", "alignment")
    )
    kick = point.read("basin/kick").reshape(-1)
    reached = point.independent("basin/overlap")[:, int(np.argmin(np.abs(np.cos(kick) - HALF)))].mean(axis=1)
    found = native_statistics(q, energy, spread, cosine, reached, point.n_dof)
    values = columns(found)
    label = _label(point)
    about = {"name": f"{ASKED.get(role, role)} {label}", "label": label, "role": role, "n": point.n_dof,
             "units": len(values), "classed": int(np.isfinite(values).all(axis=1).sum()),
             "finished": float(np.nanmean(point.independent("basin/finished")))}  # fmt: skip
    return _Point(role, label, found, values, point.sample_numbers("funnel_profile"), about)


def _pooled(points: Sequence[_Point]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Values, classes, disorder samples and numbers of the points of all units with a native state."""
    values = np.concatenate([point.values for point in points])
    labels = np.concatenate([np.full(len(point.values), REFERENCES[point.role]) for point in points])
    groups = np.concatenate([point.samples for point in points])
    origin = np.concatenate([np.full(len(point.values), k) for k, point in enumerate(points)])
    whole = np.isfinite(values).all(axis=1)
    return values[whole], labels[whole], groups[whole], origin[whole]


def _calibration(learnt: Calibration, labels: np.ndarray, groups: np.ndarray):
    right, none = learnt.calls.called == labels, learnt.calls.called == NONE
    yield (
        f"{len(labels)} references, each seen without its disorder sample: called rightly "
        f"{_per_sample(right, groups)}, none of these {_per_sample(none, groups)} (by construction "
        f"{100 * LEVEL:.0f} %), wrongly {_seldom(~right & ~none, groups)}; the most probable class is right in "
        f"{100 * learnt.reliability:.1f} % at a mean posterior of {100 * learnt.certainty:.1f} %"
    )
    parts = [
        f"{name}: " + ", ".join(f"{int(n)} {told}" for n, told in zip(row, (*CLASSES, "none"), strict=True) if n)
        for name, row in zip(CLASSES, learnt.confusion, strict=True)
    ]
    yield f"called, by class: {'; '.join(parts)}"


def _left_out(references: Sequence[_Point]):
    """Each reference landscape, called by what is learnt without it; its class may then be unknown."""
    told, wrong, rightly, groups = [], [], [], []
    for point in references:
        rest = [other for other in references if other is not point]
        x, labels, samples, _ = _pooled(rest)
        known = sorted(set(labels.tolist()))
        renumbered = np.searchsorted(known, labels)
        if (np.bincount(renumbered) < FEWEST_OWN).any():
            continue
        called = calibrate(x, renumbered, samples, len(known)).classifier.call(point.values).called
        called = np.where(called == NONE, NONE, np.array(known)[called])
        right, none = called == REFERENCES[point.role], called == NONE
        told.append(f"{point.about['name']} {right.sum()} rightly, {none.sum()} none, {(~right & ~none).sum()} wrongly")
        wrong.append(~right & ~none)
        rightly.append(right)
        groups.append(point.samples)
    if told:
        sample = np.concatenate(groups)
        yield (
            f"reference landscapes of kinds that were not learnt from: rightly "
            f"{_per_sample(np.concatenate(rightly), sample)}, wrongly {_seldom(np.concatenate(wrong), sample)} "
            f"({'; '.join(told)})"
        )


def _per_sample(happened: np.ndarray, groups: np.ndarray) -> str:
    """A share with its error over disorder samples, which several reference landscapes have in common."""
    shares = np.array([happened[groups == g].mean() for g in np.unique(groups)])
    mean, error = mean_and_error(shares)
    return f"{100 * float(mean):.1f} ± {100 * float(error):.1f} %"


def _seldom(happened: np.ndarray, groups: np.ndarray) -> str:
    """How often, and in how many disorder samples at all."""
    samples = np.unique(groups)
    struck = sum(bool(happened[groups == g].any()) for g in samples)
    return f"{int(happened.sum())} of {len(happened)} (in {_share(struck, len(samples))} of the disorder samples)"


def _what_stands_for_the_rem(references: Sequence[_Point]) -> str:
    degrees = np.concatenate([point.statistics["degree"] for point in references if point.role == "rem"])
    mean, error = mean_and_error(degrees)
    return (
        f"REM-like are spherical glasses whose profile has the degree {float(mean):.2f} ± {float(error):.2g}: their "
        "correlations fall as those of random energies do for k → ∞; their thermodynamics are not the REM's"
    )


def _verdict(
    point: _Point, calls: Calls, single: Sequence[Calibration], fewer: Sequence[Calibration], enough: bool
):
    """The plain sentence of one arm, and what single statistics say."""
    total = len(calls.called)
    who = f"{point.about['name']} ({total} units)"
    without = int((point.statistics["native"] <= NATIVE).sum())
    if without > total / 2:
        depth, error = mean_and_error(point.statistics["native"])
        yield (
            f"{who}: none of these, there is no native state in {_share(without, total)}: what was reached lies "
            f"{float(depth):.2g} ± {float(error):.2g} roughnesses below random configurations, less than {NATIVE:g}"
        )
        return
    if not enough:
        yield f"{who}: not called, there are too few references"
        return
    counts = [int((calls.called == c).sum()) for c in (*range(len(CLASSES)), NONE)]
    most = int(np.argmax(counts))
    named = zip((*CLASSES, "none of these"), counts, strict=True)
    told = "; ".join(f"{name} in {_share(n, total)}" for name, n in named if n)
    if most < len(CLASSES):
        posterior = mean_and_error(calls.posterior[calls.called == most, most])
        yield f"{who}: {told}; mean posterior of {CLASSES[most]} {float(posterior[0]):.3f} ± {float(posterior[1]):.2g}"
    else:
        yield f"{who}: {told}; {_difference(point, calls)}"
    parts = []
    for s, name in enumerate(STATISTICS):
        called = fewer[s].classifier.call(np.delete(point.values, s, axis=1)).called
        parts.append(f"{name} {int((called == (most if most < len(CLASSES) else NONE)).sum())}")
    yield f"{who}, called the same where one statistic is left out: {', '.join(parts)} of {total}"
    yield f"{who}, {_alone(point, single)}"


def _difference(point: _Point, calls: Calls) -> str:
    """Of each class the statistic that sets the units apart from it most."""
    deviation = np.nanmedian(calls.deviation, axis=0)
    parts = []
    for name, z in zip(CLASSES, deviation, strict=True):
        worst = int(np.argmax(np.abs(z)))
        if abs(z[worst]) < 2.0:
            parts.append(f"from the {name} by no statistic alone, only by their combination")
        else:
            by = list(STATISTICS.values())[worst]
            parts.append(f"from the {name} by the {by} ({z[worst]:+.1f} standard deviations)")
    return f"they differ most {', '.join(parts)}"


def _alone(point: _Point, single: Sequence[Calibration]) -> str:
    """Which classes each statistic by itself would allow."""
    parts = []
    for s, name in enumerate(STATISTICS):
        allowed = (single[s].classifier.call(point.values[:, [s]]).p_value > LEVEL).mean(axis=0)
        fits = [f"{label} {100 * share:.0f} %" for label, share in zip(CLASSES, allowed, strict=True) if share > 0]
        mean, error = mean_and_error(point.statistics[name])
        parts.append(f"{name} {float(mean):.3g} ± {float(error):.2g}: {', '.join(fits) or 'no class'}")
    return f"share that one statistic by itself would allow: {'; '.join(parts)}"


def _share(count: int, total: int) -> str:
    low, high = binomial_interval(count, total)
    return f"{count} of {total}, {100 * low:.0f} to {100 * high:.0f} %"


def _of_point(calls: Calls, rows: np.ndarray, point: _Point) -> Calls:
    """The calls of the units of one reference point; those without a native state are none of the classes."""
    native, found = np.isfinite(point.values).all(axis=1), {}
    for name, nothing in (("nearest", NONE), ("posterior", np.nan), ("p_value", 0.0), ("called", NONE),
                          ("deviation", np.nan)):  # fmt: skip
        values = getattr(calls, name)
        found[name] = np.full((len(native), *values.shape[1:]), nothing, dtype=values.dtype)
        found[name][native] = values[rows]
    return Calls(**found)


def _add_classes(
    content: Content, learnt: Calibration, x: np.ndarray, labels: np.ndarray, origin: np.ndarray
) -> None:
    content.add("classes/confusion", learnt.confusion, ("class", "called"), "1", "units; the last column: none")
    content.add("classes/mean", learnt.classifier.model.mean, ("class", "statistic"))
    content.add("classes/covariance", learnt.classifier.model.covariance, ("class", "statistic", "statistic2"))
    content.add("classes/values", x, ("unit", "statistic"), "1", "ln k, ln Λ, artanh cosine, overlap returned to")
    content.add("classes/of_unit", labels, ("unit",))
    content.add("classes/point_of_unit", origin, ("unit",))
    content.describe("classes", names=", ".join(CLASSES), temperature=learnt.classifier.temperature,
                     reliability=learnt.reliability, certainty=learnt.certainty)  # fmt: skip


def _add_point(content: Content, number: int, point: _Point, calls: Calls) -> None:
    group = f"points/{number}"
    row: dict[str, Any] = {"arm": point.role, "point": point.label, "n": point.about["n"],
                           "units": point.about["units"]}  # fmt: skip
    for name in STATISTICS:
        mean, error = mean_and_error(point.statistics[name])
        content.add(f"{group}/{name}", point.statistics[name], ("unit",))
        row[name], row[f"{name}_error"] = float(mean), float(error)
    for c, name in enumerate(CLASSES):
        row[name] = int((calls.called == c).sum())
    row["none"] = point.about["units"] - sum(row[name] for name in CLASSES)
    content.add(f"{group}/native", point.statistics["native"], ("unit",), "1", "depth over roughness")
    content.add(f"{group}/called", calls.called, ("unit",), "1", "number of the class, -1: none")
    content.add(f"{group}/p_value", calls.p_value, ("unit", "class"))
    content.add(f"{group}/posterior", calls.posterior, ("unit", "class"))
    content.rows.append({name: value for name, value in row.items() if value == value})
    content.describe(group, **point.about, reference=REFERENCES.get(point.role, NONE))


def _label(point: PointResults) -> str:
    names = {"n_train": "P", "hidden": "h", "n": "N", "covariance": "p", "planted": "signal"}
    parts = []
    for name, value in point.parameters.items():
        if isinstance(value, Mapping):
            value = ",".join(f"{k}" if name == "covariance" else f"{v:g}" for k, v in value.items())
        elif isinstance(value, list):
            value = ",".join(map(str, value))
        parts.append(f"{names.get(name, name)}={value}")
    return " ".join(parts) or "all"
