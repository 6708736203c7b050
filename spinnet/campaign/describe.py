"""What a campaign file may name: every kind of landscape, dynamics, schedule, probe and report, with its parameters."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from spinnet.errors import InputError, nearest_name
from spinnet.landscapes.base import TASK_PARAMETERS


def parts() -> dict[str, tuple[tuple[str, ...], Callable[[str], type]]]:
    """Table of a campaign file to the names that may stand in it, and what loads them."""
    from spinnet import dynamics, landscapes, probes, reports
    from spinnet.schedules import SCHEDULES

    return {
        "landscape": (tuple(landscapes.LANDSCAPES), landscapes.load),
        "dynamics": (tuple(dynamics.DYNAMICS), dynamics.load),
        "schedule": (tuple(SCHEDULES), SCHEDULES.__getitem__),
        "probes": (tuple(probes.PROBES), probes.load),
        "report": (tuple(reports.REPORTS), reports.load),
    }


def list_kinds() -> list[dict[str, str]]:
    """A row per kind: where it stands, its name, and what it is in one line."""
    return [
        {"table": part, "name": name, "what": _first_line(load(name))}
        for part, (names, load) in parts().items()
        for name in sorted(names)
    ]


def describe_kind(name: str) -> dict[str, Any]:
    """One kind: its table, its documentation, and its parameters with their defaults.

    Raises
    ------
    InputError
        For an unknown name, with the nearest known one.
    """
    known = parts()
    places = [part for part, (names, _) in known.items() if name in names]
    if not places:
        every = [other for names, _ in known.values() for other in names]
        raise InputError(f"{name!r} is no kind of anything{nearest_name(name, every)}; spinnet kinds lists them")
    cls = known[places[0]][1](name)
    return {
        "table": places[0],
        "name": name,
        "parameters": {
            parameter: "needed" if given.default is inspect.Parameter.empty else given.default
            for parameter, given in cls.parameters().items()
            if parameter not in TASK_PARAMETERS
        },
        "documentation": _plain(inspect.getdoc(cls) or ""),
    }


def _first_line(cls: type) -> str:
    return _plain((inspect.getdoc(cls) or "").partition("\n")[0])


def _plain(text: str) -> str:
    """Without the marks of documentation pages: :class:`~a.b.C` is C, ``x`` is x."""
    text = re.sub(r":(?:class|func|meth|data|attr):`~?(?:[^`]*\.)?([^`.]+)`", r"\1", text)
    text = re.sub(r":(?:math|mod):`~?([^`]*)`", r"\1", text)
    return re.sub(r"``([^`]*)``", r"\1", text)
