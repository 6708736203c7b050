"""Names in a campaign file to classes: landscapes, dynamics, probes, schedules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from spinnet.errors import InputError, nearest_name


def landscape_class(kind: str, where: str) -> type:
    """The landscape called ``kind``, or an InputError that names the nearest one."""
    from spinnet import landscapes

    return _loaded(landscapes.load, kind, where)


def dynamics_class(kind: str, where: str) -> type:
    """The dynamics called ``kind``."""
    from spinnet import dynamics

    return _loaded(dynamics.load, kind, where)


def probe_class(name: str, where: str) -> type:
    """The probe called ``name``; ``where`` is its dotted place, name included."""
    from spinnet import probes

    return _loaded(probes.load, name, where)


def report_class(kind: str, where: str) -> type:
    """The report called ``kind``."""
    from spinnet import reports

    return _loaded(reports.load, kind, where)


def schedule_class(kind: Any, where: str) -> type:
    """The schedule called ``kind``."""
    from spinnet.schedules import SCHEDULES

    return SCHEDULES[known(kind, SCHEDULES, where)]


def known(name: Any, allowed: Iterable[str], where: str) -> str:
    """The name, or an InputError that names the nearest one of those allowed."""
    allowed = list(allowed)
    if name not in allowed:
        near = nearest_name(name, allowed)
        raise InputError(f"{where} = {name!r} is not known{near}; known are {', '.join(allowed)}")
    return name


def _loaded(load: Callable[[str], type], name: str, where: str) -> type:
    try:
        return load(name)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
