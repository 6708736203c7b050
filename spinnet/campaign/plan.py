"""What is finished, what has to be computed, and whether this folder may be used for it at all."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spinnet.campaign.layout import Layout
from spinnet.campaign.study import Study, Task
from spinnet.errors import InputError, ResultFileError
from spinnet.results.reader import read_header, verify
from spinnet.results.schema import TASK, NewerSchemaError


@dataclass
class Plan:
    """The study as it will run, and its tasks: ``finished`` by earlier runs or still ``missing``."""

    study: Study
    finished: list[Task] = field(default_factory=list)
    missing: list[Task] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


def refuse_changed_physics(layout: Layout, old: Study, new: Study) -> None:
    """Refuse a study whose physics differs from what the folder holds under the same names of arm and point.

    New arms, points and samples are welcome, and so are longer runs and other comparisons.

    Raises
    ------
    InputError
        Showing what differs.
    """
    for name, arm in new.arms.items():
        known = {point.label: point for point in old.arms[name].points} if name in old.arms else {}
        for point in arm.points:
            if point.label in known and known[point.label].physics != point.physics:
                changes = differences(known[point.label].physics, point.physics)
                raise InputError(
                    f"{layout.root} holds this study with other physics: {name} {point.label} has "
                    f"{'; '.join(changes)}. Give another folder (-o) or name, or --fresh to start over"
                )


def differences(old: Any, new: Any, where: str = "") -> list[str]:
    """ "dynamics.tolerance = 0.0001, now 1e-05", for every leaf that differs between two tables."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for key in sorted(old.keys() | new.keys()):
            place = f"{where}.{key}" if where else key
            if key not in old:
                found.append(f"no {place}, now {json.dumps(new[key])}")
            elif key not in new:
                found.append(f"{place} = {json.dumps(old[key])}, now none")
            else:
                found += differences(old[key], new[key], place)
        return found
    return [] if old == new else [f"{where} = {json.dumps(old)}, now {json.dumps(new)}"]


def make_plan(layout: Layout, study: Study, interrupted: Callable[[], bool] = lambda: False) -> Plan:
    """Verify every shard of the study; set damaged ones aside; list what is missing.

    A shard is trusted only if its digest fits its content. Shards that are longer than asked are kept, and their arm
    then runs to that length everywhere, because samples of different lengths are not averaged.

    Raises
    ------
    NewerSchemaError
        If a shard was written by a later version: it is left as it is.
    """
    plan = Plan(study)
    reached = _verify_shards(layout, study, plan, interrupted)
    plan.study = _with_lengths_reached(study, reached, plan)
    stale = layout.checkpoint_identities()
    for task in plan.study.tasks():
        if reached.get(task.id, -1.0) >= task.last:
            plan.finished.append(task)
            if task.id in stale and _length_asked(layout.checkpoint(task.id)) <= reached[task.id]:
                # The process ended between the last two steps of a task. A checkpoint of a longer run stays: the
                # longer run may be asked for again.
                with contextlib.suppress(OSError):
                    layout.checkpoint(task.id).unlink()
        else:
            plan.missing.append(task)
    return plan


def _length_asked(checkpoint: Path) -> float:
    """The length of the run that a checkpoint belongs to; infinite where the file does not tell."""
    try:
        return float(read_header(checkpoint)["last"])
    except (ResultFileError, KeyError, TypeError, ValueError):
        return math.inf


def _verify_shards(layout: Layout, study: Study, plan: Plan, interrupted: Callable[[], bool]) -> dict[str, float]:
    reached = {}
    present = layout.shard_identities()
    for task in study.tasks():
        if task.id not in present or interrupted():
            continue
        path = layout.shard(task.id)
        try:
            attributes = verify(path, TASK)
            if attributes.get("task") != task.id:
                raise ResultFileError(f"{path} holds the result of another task ({attributes.get('task')})")
            reached[task.id] = float(attributes["last"])
        except NewerSchemaError:
            raise
        except (ResultFileError, KeyError, TypeError, ValueError) as error:
            target = layout.set_aside(path)
            reason = str(error) if isinstance(error, ResultFileError) else f"{path} is damaged"
            plan.lines.append(f"{reason.rpartition(': ')[0] or reason}; set aside as {target} and computed again")
    return reached


def _with_lengths_reached(study: Study, reached: dict[str, float], plan: Plan) -> Study:
    """The study with each arm as long as its longest result, and arms that share a task as long as each other."""
    identities = {name: [i for point in arm.points for i in point.identities] for name, arm in study.arms.items()}
    lengths = {name: arm.last for name, arm in study.arms.items()}
    longest = dict(reached)
    while True:
        for name, own in identities.items():
            for identity in own:
                longest[identity] = max(longest.get(identity, 0.0), lengths[name])
        grown = {name: max((longest[i] for i in own), default=lengths[name]) for name, own in identities.items()}
        if grown == lengths:
            break
        lengths = grown
    arms = {}
    for name, arm in study.arms.items():
        if lengths[name] > arm.last:
            plan.lines.append(
                f"arm {name}: results reach last = {lengths[name]:g}, further than the {arm.last:g} asked for; "
                "they are kept, and all of the arm runs that far (--fresh starts over)"
            )
            arm = dataclasses.replace(arm, last=lengths[name])
        arms[name] = arm
    return dataclasses.replace(study, arms=arms)
