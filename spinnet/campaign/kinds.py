"""Names in a campaign file to classes: landscapes, dynamics, probes, schedules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from spinnet.errors import CapabilityError, InputError, nearest_name


def landscape_class(kind: Any, where: str) -> type:
    """The landscape called ``kind``, or an InputError that names the nearest one."""
    from spinnet import landscapes

    return getattr(landscapes, _known(kind, landscapes.__all__, where))


def dynamics_class(kind: Any, where: str) -> type:
    """The dynamics called ``kind``."""
    from spinnet import dynamics

    return dynamics.load(_known(kind, dynamics.DYNAMICS, where))


def probe_class(name: str, where: str) -> type:
    """The probe called ``name``; ``where`` is its dotted place, name included."""
    from spinnet import probes

    try:
        return probes.load(name)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def schedule_class(kind: Any, where: str) -> type:
    """The schedule called ``kind``."""
    from spinnet.schedules import SCHEDULES

    return SCHEDULES[_known(kind, SCHEDULES, where)]


def check_capabilities(consumer: str, needed: Iterable[type], landscape: type) -> None:
    """Refuse, before anything runs, a dynamics or probe whose needs the landscape does not meet."""
    from spinnet.landscapes.base import Differentiable, Energy, Levels, LocalMoves, SumOfTerms

    missing = [capability.__name__ for capability in needed if not issubclass(landscape, capability)]
    if missing:
        every = (Energy, Differentiable, SumOfTerms, LocalMoves, Levels)
        offered = [capability.__name__ for capability in every if issubclass(landscape, capability)]
        raise CapabilityError(
            f"{consumer} needs {' and '.join(missing)}, which {landscape.__name__} does not offer "
            f"(it offers {', '.join(offered) or 'none'}): choose another landscape or leave {consumer} out"
        )


def _known(name: Any, allowed: Iterable[str], where: str) -> str:
    allowed = list(allowed)
    if name not in allowed:
        near = nearest_name(name, allowed)
        raise InputError(f"{where} = {name!r} is not known{near}; known are {', '.join(allowed)}")
    return name
