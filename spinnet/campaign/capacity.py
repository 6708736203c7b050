"""What this machine cannot hold is refused before a campaign touches anything."""

from __future__ import annotations

import math

from spinnet.campaign import kinds
from spinnet.campaign.study import Point, Study
from spinnet.errors import InputError
from spinnet.memory import whole_memory


def refuse_what_cannot_fit(study: Study) -> None:
    """Refuse a study with a task that needs more memory than this machine has, however little else it does.

    Raises
    ------
    InputError
        Naming the point, what it needs and what there is.
    """
    there = whole_memory()
    for arm in study.arms.values() if there is not None else ():
        for point in arm.points:
            needed = _needed(point, arm.last)
            if needed > there:
                replicas = point.physics["replicas"]
                each = f"a task of {replicas} replicas" if replicas > 1 else "a task"
                raise InputError(
                    f"arm {arm.name}, {point.label}: {each} takes about {needed / 2**30:.3g} GiB of memory, and this "
                    f"machine has {there / 2**30:.3g} GiB: take smaller sizes, fewer replicas or measuring times, "
                    "or submit it to a larger machine"
                )


def _needed(point: Point, last: float) -> float:
    """Bytes of the landscape and its replicas, and of two numbers for each replica and measuring time."""
    table, replicas = point.physics["landscape"], point.physics["replicas"]
    grid = {name: value for name, value in point.physics["schedule"].items() if name != "kind"}
    kind = kinds.landscape_class(table["kind"], "landscape.kind")
    try:
        times = kinds.schedule_class(point.physics["schedule"]["kind"], "schedule.kind")(**grid, last=last).count
        return kind.task_memory_bytes(table, replicas) + 16 * times * (1 + replicas)
    except (MemoryError, OverflowError):
        return math.inf
    except InputError:
        return 0  # data that cannot be read: said where they are asked for
