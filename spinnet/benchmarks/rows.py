"""The rows that benchmarks print."""

from __future__ import annotations

from typing import Any


def row(name: str, value: float, reference: float | None, target: str | float, unit: str) -> dict[str, Any]:
    """A value beside the peer's and their ratio; a target that is a number is the least ratio that is wanted."""
    ratio = None if reference is None else value / reference
    wanted = target if isinstance(target, str) else f">= {target:g}"
    return {"name": name, "value": value, "reference": reference, "ratio": ratio, "target": wanted, "unit": unit}


def row_of_cost(name: str, value: float, reference: float | None, target: str, unit: str) -> dict[str, Any]:
    """The same of a time or an amount of memory: the ratio is the peer's over ours, above 1 where we need less."""
    found = row(name, value, reference, target, unit)
    return found | {"ratio": None if reference is None else reference / value}
