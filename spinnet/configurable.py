"""How landscapes, dynamics and probes are described by plain tables, as a campaign file or a result file holds them.

A class states its parameters once, in its constructor. :meth:`Configurable.resolve` turns a partial table into the
complete canonical one: defaults written out, unknown keys refused with the nearest allowed name, values checked.
Nothing is allocated, so a campaign of a thousand tasks is checked before the first one starts.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any, ClassVar

from spinnet.errors import InputError, nearest_name


class Configurable:
    """A class whose constructor parameters can be written as a table."""

    #: Constructor parameters that are not physics (they change speed, never bits) and stay out of a task's identity.
    execution_parameters: tuple[str, ...] = ("threads",)
    #: Parameters that came after results had been made, with the values that leave everything as it was before: with
    #: these they stay out of the table, and tasks keep the identity that they had.
    later_parameters: ClassVar[Mapping[str, Any]] = {}

    @classmethod
    def parameters(cls) -> dict[str, inspect.Parameter]:
        """The parameters of the constructor that are physics, in order."""
        found = dict(inspect.signature(cls).parameters)
        return {name: p for name, p in found.items() if name not in cls.execution_parameters}

    @classmethod
    def resolve(cls, given: Mapping[str, Any], where: str = "") -> dict[str, Any]:
        """The complete, checked table of parameters: JSON types only.

        Raises
        ------
        InputError
            For an unknown key (with the nearest allowed one), a missing one, or a value that is not allowed.
        """
        allowed = cls.parameters()
        prefix = f"{where}." if where else ""
        for name in given:
            if name not in allowed:
                raise InputError(
                    f"{prefix}{name}: {cls.__name__} has no such parameter{nearest_name(name, allowed)}; "
                    f"it takes {', '.join(allowed) or 'none'}"
                )
        complete = {}
        for name, parameter in allowed.items():
            if name in given:
                complete[name] = given[name]
            elif parameter.default is not inspect.Parameter.empty:
                complete[name] = parameter.default
            else:
                raise InputError(f"{prefix}{name} is missing: {cls.__name__} needs it")
        try:
            checked = cls.validate(**complete)
        except InputError as error:
            raise InputError(f"{where}: {error}" if where else str(error)) from None
        table = {name: canonical(checked[name]) for name in allowed}
        later = {name: canonical(value) for name, value in cls.later_parameters.items()}
        return {name: value for name, value in table.items() if name not in later or value != later[name]}

    @classmethod
    def validate(cls, **parameters: Any) -> dict[str, Any]:
        """Check values and return them in canonical form; constructors call it too. Default: accept as given."""
        return parameters


def canonical(value: Any) -> Any:
    """A value in JSON types, such that equal physics is equal text: 1.0 becomes 1, tuples lists, keys text."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): canonical(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    if isinstance(value, float) and math.isfinite(value) and value == int(value) and abs(value) < 2**53:
        return int(value)
    return value


def whole_number(name: str, value: Any, minimum: int = 0) -> int:
    """``value`` as an int, or an :class:`InputError` that names it."""
    try:
        number = int(value)
        exact = not isinstance(value, bool | str) and number == value
    except (TypeError, ValueError, OverflowError):
        exact = False
    if not exact or number < minimum:
        raise InputError(f"{name} = {value!r}: give a whole number of at least {minimum}")
    return number


def real_number(name: str, value: Any, minimum: float | None = None, *, above: float | None = None) -> float:
    """``value`` as a finite float with ``value >= minimum`` or ``value > above``, or an :class:`InputError`."""
    try:
        number = float(value)
        good = not isinstance(value, bool | str) and math.isfinite(number)
    except (TypeError, ValueError, OverflowError):
        good = False
    bound = "" if minimum is None else f" of at least {minimum:g}"
    bound = bound if above is None else f" above {above:g}"
    if good and ((minimum is not None and number < minimum) or (above is not None and number <= above)):
        good = False
    if not good:
        raise InputError(f"{name} = {value!r}: give a finite number{bound}")
    return number


def one_of(name: str, value: Any, allowed: tuple) -> Any:
    """``value`` if it is allowed, or an :class:`InputError` with the nearest allowed one."""
    if value not in allowed:
        raise InputError(
            f"{name} = {value!r}: allowed are {', '.join(map(repr, allowed))}{nearest_name(value, allowed)}"
        )
    return value
