"""Error signals of deep networks with structure: their rate per layer at the start, beside theory, and the accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np

from spinnet.estimators.resampling import mean_and_error
from spinnet.reports.base import Content
from spinnet.reports.results import PointResults
from spinnet.reports.verdicts import DECISIVE, z_score
from spinnet.theory.signal_propagation import structure_rate


def measure_structure(content: Content, group: str, point: PointResults) -> dict[str, Any]:
    """Error signals by layer over those of the last hidden one, their rate per layer, and the accuracy at the end.

    The rate is taken from the layer a quarter of the way up: below, the inputs are still felt.
    """
    table = point.physics["landscape"]
    hidden, switches = len(table["hidden"]), (table.get("normalisation", "none"), bool(table.get("skip", False)))
    logs = np.log(point.independent("trajectory/error_rms")[:, 0, :hidden])  # unit, hidden layer
    first = hidden // 4
    rate, error = (float(v) for v in mean_and_error((logs[:, first] - logs[:, -1]) / (hidden - 1 - first)))
    foretold = np.nan if table["sigma_b"] else structure_rate(table["activation"], table["sigma_w"], *switches)
    name = " and ".join([*([] if switches[0] == "none" else [f"{switches[0]} normalisation"]),
                         *(["skip connections"] if switches[1] else [])]) or "plain"  # fmt: skip
    one = {"label": name, "depth": hidden, "width": int(table["hidden"][-1]), "rate": rate, "rate_error": error,
           "foretold": foretold, "activation": table["activation"]}  # fmt: skip
    ratio, spread = mean_and_error(np.exp(logs - logs[:, -1:]))
    content.add(f"{group}/attenuation", ratio, ("hidden_layer",))
    content.add(f"{group}/attenuation_error", spread, ("hidden_layer",))
    if point.has("trajectory/train_accuracy"):
        accuracy, accuracy_error = mean_and_error(point.independent("trajectory/train_accuracy")[:, -1])
        one |= {"accuracy": float(accuracy), "accuracy_error": float(accuracy_error),
                "time": float(point.read("trajectory/time")[-1])}  # fmt: skip
    content.describe(group, **one)
    return one


def structure_finding(one: dict[str, Any]) -> str:
    """The sentence of one structure."""
    said = (
        f"{one['label']}, {one['depth']} {one['activation']} layers of {one['width']}: on the way back error signals "
        f"change at the start by a factor {np.exp(one['rate']):.3f} per layer, ln {one['rate']:+.4f} ± "
        f"{one['rate_error']:.4f}"
    )
    if np.isfinite(one["foretold"]):
        z = z_score(one["rate"], one["foretold"], one["rate_error"])
        verdict = "not tested" if not np.isfinite(z) else "agrees" if abs(z) < DECISIVE else "does NOT agree"
        said += f" ({one['foretold']:+.4f} for wide layers: {verdict}, z = {z:.1f})"
    else:
        said += " (no theory here)"
    if "accuracy" in one:
        said += f"; training accuracy {one['accuracy']:.3f} ± {one['accuracy_error']:.3f} after {one['time']:g} steps"
    return said
