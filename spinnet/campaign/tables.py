"""Reading a campaign file as tables: syntax, types of values, presets. What the tables mean is in study.py."""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from spinnet.errors import InputError, nearest_name


def read_toml(path: str | os.PathLike) -> tuple[dict[str, Any], str]:
    """The table of a campaign file and its text.

    Raises
    ------
    InputError
        Naming the file, and the line of a mistake in the syntax.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: give the path of a campaign file (TOML)") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder: give the path of a campaign file (TOML)") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(f"{path}, line {line}: not UTF-8 text; a campaign file is TOML, in UTF-8") from None
    return parse_toml(text, str(path)), text


def parse_toml(text: str, source: str) -> dict[str, Any]:
    """The table of a campaign text; ``source`` names it in errors."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{source}{_place(str(error), text)}") from None
    except RecursionError:
        raise InputError(f"{source}: brackets are nested too deeply") from None
    try:
        check_values(table, "")
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
    return table


def _place(message: str, text: str) -> str:
    """ "…(at line 3, column 5)" becomes ", line 3: …"."""
    what, bracket, place = message.rpartition(" (at ")
    if bracket and place.startswith("line "):
        return f", line {place[5:].split(',')[0]}: {what}"
    if bracket:  # the end of the document
        return f", line {text.count(chr(10)) + 1}: {what}"
    return f": {message}"


def check_values(value: Any, where: str) -> None:
    """Refuse what JSON does not hold: dates, infinities, integers that do not fit in 64 bits."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            check_values(item, join(where, key))
    elif isinstance(value, list):
        for item in value:
            check_values(item, where)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise InputError(f"{where} = {value}: give a finite number")
    elif isinstance(value, int) and not isinstance(value, bool):
        if abs(value) >= 2**63:
            raise InputError(f"{where} = {value}: whole numbers go up to 2^63 - 1")
    elif not isinstance(value, str | bool):
        raise InputError(f"{where} = {value}: give text, a number, true or false, a list or a table, not a date")


def join(*parts: str) -> str:
    """A dotted key from its parts, leaving out empty ones."""
    return ".".join(part for part in parts if part)


def as_table(value: Any, where: str) -> dict[str, Any]:
    """``value`` if it is a table, or an InputError."""
    if not isinstance(value, Mapping):
        raise InputError(f"{where} = {value!r}: this is a table; write [{where}] with keys below it")
    return dict(value)


def as_text(value: Any, where: str) -> str:
    """``value`` if it is text, or an InputError."""
    if not isinstance(value, str):
        raise InputError(f"{where} = {value!r}: give text in quotes")
    return value


def check_keys(table: Mapping[str, Any], allowed: Iterable[str], where: str) -> None:
    """Refuse keys that are not allowed, naming the dotted key and the nearest allowed one."""
    allowed = list(allowed)
    for key in table:
        if key not in allowed:
            place = f"[{where}] may hold" if where else "a campaign file may hold"
            raise InputError(
                f"{join(where, key)} is not known{nearest_name(key, allowed)}; {place} {', '.join(allowed)}"
            )


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``changes`` laid over it: tables are merged, everything else is replaced."""
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else value
    return merged
