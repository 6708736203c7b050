"""How commands print: tables for people, JSON for machines."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines instead of a table.")


def plain(value: Any) -> Any:
    """``value`` in JSON types: arrays become lists, a number that is not finite becomes null."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def print_json(value: Any) -> None:
    """Print as strict JSON."""
    click.echo(json.dumps(plain(value), indent=2, allow_nan=False))


def print_mapping(values: Mapping[str, Any]) -> None:
    """Print names and values in two columns."""
    width = max(len(name) for name in values)
    for name, value in values.items():
        click.echo(f"{name.replace('_', ' '):<{width}}  {_text(value)}")


def print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> None:
    """Print rows under their column names, numbers to the right."""
    if not rows:
        return
    columns = list(columns or rows[0])
    cells = [[_text(row.get(column)) for column in columns] for row in rows]
    heads = [column.replace("_", " ") for column in columns]
    widths = [max(len(head), *(len(line[i]) for line in cells)) for i, head in enumerate(heads)]
    numeric = [all(_is_number(row.get(column)) for row in rows) for column in columns]

    def line(parts: Sequence[str]) -> str:
        aligned = [p.rjust(w) if right else p.ljust(w) for p, w, right in zip(parts, widths, numeric, strict=True)]
        return "  ".join(aligned).rstrip()

    click.echo(line(heads))
    click.echo("  ".join("-" * w for w in widths))
    for parts in cells:
        click.echo(line(parts))


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.8g}"
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_text(item)}" for key, item in value.items())
    return str(value)
