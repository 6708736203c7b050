"""From the tables of a campaign file to a complete study: defaults written out, every key checked."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from typing import Any

from spinnet.campaign import kinds
from spinnet.campaign.compare_settings import CompareSettings
from spinnet.campaign.study import Arm, Point, Study
from spinnet.campaign.tables import as_table, as_text, check_keys, join
from spinnet.configurable import canonical, whole_number
from spinnet.errors import CapabilityError, InputError, SpinnetError, nearest_name
from spinnet.landscapes.base import TASK_PARAMETERS, require

PHYSICS_SCHEMA = 1
MAXIMAL_TASKS = 1_000_000

#: Names of the figures that can be drawn, known here without the library that draws them.
FIGURES = ("final_energies", "hessian_spectra", "spacing_ratios", "relaxation", "comparison_table")

_ARM_TABLES = ("landscape", "dynamics", "schedule", "ensemble", "probes")
_TOP = ("study", *_ARM_TABLES, "arm", "compare", "report", "figures", "execution", "preset")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")


def resolve_study(
    table: Mapping[str, Any], preset: str | None = None, text: str = "", first_samples: bool = False
) -> Study:
    """The study that a table (presets already laid over it) describes.

    Parameters
    ----------
    first_samples
        Resolve one sample per point only: enough to check a preset that is not going to run.

    Raises
    ------
    InputError, CapabilityError
        Naming the dotted key, what is allowed and the nearest allowed name.
    """
    check_keys(table, _TOP, "")
    head = as_table(table.get("study", {}), "study")
    check_keys(head, ("name", "title", "seed"), "study")
    name = _name(head.get("name"), "study.name")
    seed = whole_number("study.seed", head.get("seed", 0))
    arms = {}
    for arm_name, arm_table, where in _arm_tables(table):
        arms[arm_name] = _resolve_arm(arm_name, arm_table, where, seed, table.get("probes", {}), first_samples)
    _refuse_unequal_twins(arms)
    return Study(
        name=name,
        title=as_text(head.get("title", name), "study.title"),
        arms=arms,
        preset=preset,
        compare=_compare(as_table(table["compare"], "compare"), arms) if "compare" in table else None,
        reports=_reports(as_table(table.get("report", {}), "report"), arms),
        figures=_figures(as_table(table.get("figures", {}), "figures")),
        execution=_execution(as_table(table.get("execution", {}), "execution")),
        text=text,
    )


def _compare(table: dict[str, Any], arms: dict[str, Arm]) -> dict[str, Any]:
    """The table as it was given: it is no part of the physics, but a mistake in it must not wait for the results."""
    settings = _resolved(CompareSettings, table, "compare")
    sides = []
    for side, default in (("left", 0), ("right", min(1, len(arms) - 1))):
        name = settings[side] or list(arms)[default]
        if name not in arms:
            near = nearest_name(name, arms)
            raise InputError(f"compare.{side} = {name!r}: there is no such arm{near}; there are {', '.join(arms)}")
        sides.append(arms[name])
    for pair in settings["pairs"] if isinstance(settings["pairs"], list) else []:
        for arm, label in zip(sides, pair, strict=True):
            labels = [point.label for point in arm.points]
            if label not in labels:
                near = nearest_name(label, labels)
                raise InputError(
                    f"compare.pairs: arm {arm.name} has no point {label!r}{near}; it has {', '.join(labels)}"
                )
    return table


def _reports(table: dict[str, Any], arms: dict[str, Arm]) -> dict[str, dict[str, Any]]:
    """Each ``[report.NAME]``, resolved and checked against the arms; its kind is its name unless given."""
    points = {name: [{**point.physics, "last": arm.last} for point in arm.points] for name, arm in arms.items()}
    found = {}
    for name, given in table.items():
        where = join("report", _name(name, f"report.{name}"))
        given = dict(as_table(given, where))
        kind = as_text(given.pop("kind", name), f"{where}.kind")
        report = kinds.report_class(kind, where)
        settings = _resolved(report, given, where)
        try:
            report.check(settings, points)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
        found[name] = {"kind": kind, **settings}
    return found


def _figures(table: dict[str, Any]) -> dict[str, Any]:
    check_keys(table, ("draw",), "figures")
    names = table.get("draw", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"figures.draw = {names!r}: give a list of names of figures")
    for name in names:
        kinds.known(name, FIGURES, "figures.draw")
    return table


def _execution(table: dict[str, Any]) -> dict[str, Any]:
    check_keys(table, ("jobs", "output"), "execution")
    if "jobs" in table:
        whole_number("execution.jobs", table["jobs"], 1)
    if "output" in table:
        as_text(table["output"], "execution.output")
    return table


def _name(value: Any, where: str) -> str:
    if value is None:
        raise InputError(f"{where} is missing: give the study a name; results go to a folder of that name")
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise InputError(f"{where} = {value!r}: give letters, digits, '_', '-', '+' and '.', beginning with a letter")
    return value


def _arm_tables(table: Mapping[str, Any]) -> list[tuple[str, dict[str, Any], str]]:
    """(name, table, dotted place) of every arm."""
    alone = [key for key in _ARM_TABLES if key in table and key != "probes"]
    if "arm" not in table:
        if not alone:
            raise InputError("there is nothing to run: add [landscape], [dynamics], [schedule] and [ensemble]")
        return [("main", {key: table[key] for key in alone}, "")]
    if alone:
        raise InputError(f"[{alone[0]}] stands beside [arm...]: move it into one of the arms")
    arms = as_table(table["arm"], "arm")
    if not arms:
        raise InputError("[arm] is empty: add [arm.NAME.landscape] and the other tables of an arm")
    found = []
    for name, arm in arms.items():
        where = join("arm", _name(name, f"arm.{name}"))
        arm = as_table(arm, where)
        check_keys(arm, (*_ARM_TABLES, "title", "seed"), where)
        found.append((name, arm, where))
    return found


def _resolve_arm(
    name: str, table: dict[str, Any], where: str, seed: int, shared_probes: Any, first_samples: bool
) -> Arm:
    for needed in ("landscape", "dynamics", "schedule"):
        if needed not in table:
            raise InputError(f"{join(where, needed)} is missing: add a table [{join(where, needed)}] with a kind")
    landscape, landscape_table, landscape_where = _kind(table, "landscape", where, kinds.landscape_class)
    dynamics, dynamics_table, dynamics_where = _kind(table, "dynamics", where, kinds.dynamics_class)
    schedule, schedule_table, schedule_where = _kind(table, "schedule", where, kinds.schedule_class)
    for parameter in TASK_PARAMETERS:
        if parameter in landscape_table:
            place = "study.seed" if parameter == "seed" else f"{join(where, 'ensemble')}.samples"
            raise InputError(f"{landscape_where}.{parameter} is not given here: set {place}")
    ensemble = as_table(table.get("ensemble", {}), join(where, "ensemble"))
    axes, samples, replicas = _axes(
        ensemble, join(where, "ensemble"), (landscape, landscape_table), (dynamics, dynamics_table)
    )
    require(table["dynamics"]["kind"], landscape, dynamics.requires)
    grid = _resolved(schedule, schedule_table, schedule_where)
    last = float(grid.pop("last"))
    base = {
        "schema": PHYSICS_SCHEMA,
        "schedule": {"kind": table["schedule"]["kind"], **grid},
        "probes": _probes(shared_probes, table.get("probes", {}), where, landscape),
        "replicas": replicas,
        "seed": whole_number(join(where, "seed"), table.get("seed", seed)),
    }
    points = []
    for values in itertools.product(*(axis.values for axis in axes)):
        varied = {"landscape": dict(landscape_table), "dynamics": dict(dynamics_table)}
        for axis, value in zip(axes, values, strict=True):
            varied[axis.part][axis.name] = value
        physics = {
            **base,
            "landscape": _described(landscape, table["landscape"]["kind"], varied["landscape"], landscape_where),
            "dynamics": _described(dynamics, table["dynamics"]["kind"], varied["dynamics"], dynamics_where),
        }
        _require_with_parameters(landscape, dynamics, physics, landscape_where)
        _check_run(landscape, dynamics, physics, last, where)
        parameters = {axis.name: canonical(value) for axis, value in zip(axes, values, strict=True)}
        points.append(Point(_label(parameters), parameters, canonical(physics), 1 if first_samples else samples))
    _refuse_repeated(points, join(where, "ensemble"))
    return Arm(name, as_text(table.get("title", name), join(where, "title")), last, tuple(points))


def _check_run(landscape: type, dynamics: type, physics: dict[str, Any], last: float, where: str) -> None:
    """Refuse runs that leave the dynamics or a probe nothing to measure, and landscapes too large for them."""
    dynamics.check_probes(physics["probes"])
    parts = {join(where, "dynamics"): (dynamics, physics["dynamics"])}
    for name, table in physics["probes"].items():
        parts[f"probes.{name}"] = (kinds.probe_class(name, f"probes.{name}"), table)
    for place, (cls, table) in parts.items():
        settings = {name: value for name, value in table.items() if name in cls.parameters()}
        try:
            part = cls(**settings)
            part.check_run(last, physics["replicas"])
            part.check_landscape(landscape, physics["landscape"])
        except InputError as error:
            raise InputError(f"{place}: {error}") from None


def _require_with_parameters(landscape: type, dynamics: type, physics: dict[str, Any], where: str) -> None:
    """Refuse a dynamics and probes that need what the class of the landscape offers, but not with these parameters."""
    consumers = {physics["dynamics"]["kind"]: dynamics.requires}
    for name, table in physics["probes"].items():
        cls = kinds.probe_class(name, f"probes.{name}")
        # Of an instance: settings may ask for more than the class does.
        settings = {key: value for key, value in table.items() if key in cls.parameters()}
        consumers[f"probe {name}"] = cls(**settings).requires
    for name, requires in consumers.items():
        try:
            require(name, landscape, requires, physics["landscape"])
        except CapabilityError as error:
            raise CapabilityError(f"{where}: {error}") from None


def _kind(table: dict[str, Any], part: str, where: str, find) -> tuple[type, dict[str, Any], str]:
    """The class, its parameters and the dotted place of one part of an arm."""
    place = join(where, part)
    given = as_table(table[part], place)
    if "kind" not in given:
        raise InputError(f"{place}.kind is missing: name the {part}")
    found = find(as_text(given["kind"], f"{place}.kind"), f"{place}.kind")
    return found, {key: value for key, value in given.items() if key != "kind"}, place


def _described(cls: type, kind: str, given: dict[str, Any], where: str) -> dict[str, Any]:
    resolved = _resolved(cls, given, where)
    for parameter in TASK_PARAMETERS:
        resolved.pop(parameter, None)
    return {"kind": kind, "revision": cls.revision, **resolved}


def _resolved(cls: type, given: dict[str, Any], where: str) -> dict[str, Any]:
    try:
        return cls.resolve(given, where)
    except SpinnetError:
        raise
    except (TypeError, ValueError, OverflowError) as error:  # a value of a kind that nobody thought of
        raise InputError(f"{where}: a value is not allowed ({error})") from error


def _probes(shared: Any, own: Any, where: str, landscape: type) -> dict[str, Any]:
    found = {}
    for table, place in ((as_table(shared, "probes"), "probes"), (as_table(own, join(where, "probes")), None)):
        place = place or join(where, "probes")
        for name, parameters in table.items():
            probe = kinds.probe_class(name, join(place, name))
            try:
                require(f"probe {name}", landscape, probe.requires)
            except CapabilityError as error:
                raise CapabilityError(f"{join(place, name)}: {error}") from None
            resolved = _resolved(probe, as_table(parameters, join(place, name)), join(place, name))
            found[name] = {"revision": probe.revision, **resolved}
    return found


class _Axis:
    """One varied parameter: of the landscape or of the dynamics, and its values."""

    def __init__(self, name: str, part: str, values: list[Any]):
        self.name, self.part, self.values = name, part, values


def _axes(ensemble: dict[str, Any], where: str, landscape, dynamics) -> tuple[list[_Axis], int, int]:
    """Axes of the ensemble, samples per point and replicas per task."""
    samples = whole_number(f"{where}.samples", ensemble.pop("samples", 1), 1)
    replicas = whole_number(f"{where}.replicas", ensemble.pop("replicas", 1), 1)
    parts = {"landscape": landscape, "dynamics": dynamics}
    known = {part: [p for p in cls.parameters() if p not in TASK_PARAMETERS] for part, (cls, _) in parts.items()}
    axes = []
    for name, value in ensemble.items():
        homes = [part for part in parts if name in known[part]]
        if not homes:
            allowed = ["samples", "replicas", *known["landscape"], *known["dynamics"]]
            raise InputError(
                f"{where}.{name} is neither samples, replicas nor a parameter of the landscape or the dynamics"
                f"{nearest_name(name, allowed)}; allowed are {', '.join(allowed)}"
            )
        if len(homes) == 2:
            raise InputError(f"{where}.{name} is a parameter of both landscape and dynamics: set it in their tables")
        if name in parts[homes[0]][1]:
            raise InputError(f"{where}.{name} is also set in the table of the {homes[0]}: keep one of the two")
        values = value if isinstance(value, list) else [value]
        if not values:
            raise InputError(f"{where}.{name} is an empty list: give at least one value")
        axes.append(_Axis(name, homes[0], values))
    count = samples
    for axis in axes:
        count *= len(axis.values)
    if count > MAXIMAL_TASKS:
        raise InputError(f"{where} makes {count} tasks: one arm holds at most {MAXIMAL_TASKS}; use several studies")
    return axes, samples, replicas


def _label(parameters: dict[str, Any]) -> str:
    """ "n=64,temperature=0.5": the name of a point in files and figures."""
    return ",".join(f"{name}={_short(value)}" for name, value in parameters.items()) or "all"


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return "+".join(f"{key}:{_short(item)}" for key, item in value.items())
    if isinstance(value, list):
        return "-".join(_short(item) for item in value)
    return value.replace("/", "|") if isinstance(value, str) else json.dumps(value)


def _refuse_repeated(points: list[Point], where: str) -> None:
    seen: dict[str, str] = {}
    for point in points:
        key = json.dumps(point.physics, sort_keys=True)
        if key in seen or point.label in seen.values():
            raise InputError(f"{where} holds the point {point.label} twice: give each value once")
        seen[key] = point.label


def _refuse_unequal_twins(arms: dict[str, Arm]) -> None:
    """The same physics in two arms is one task, so it cannot have two lengths."""
    lengths: dict[str, tuple[str, float]] = {}
    for arm in arms.values():
        for point in arm.points:
            key = json.dumps(point.physics, sort_keys=True)
            name, last = lengths.setdefault(key, (arm.name, arm.last))
            if last != arm.last:
                raise InputError(
                    f"arm.{arm.name} repeats the point {point.label} of arm.{name} with another schedule.last "
                    f"({arm.last:g}, not {last:g}): give both the same, or one of them a seed of its own"
                )
