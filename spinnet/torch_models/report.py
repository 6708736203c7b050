"""What was found: a table with errors over seeds, plain sentences, and the curves that the figure draws.

Everything here is a function of the variables of a measurement; nothing is measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from spinnet.estimators.resampling import FEWEST_UNITS, mean_and_error
from spinnet.records import Variables
from spinnet.reports.base import Content
from spinnet.torch_models.report_ageing import ageing
from spinnet.torch_models.report_hessian import hessian
from spinnet.torch_models.report_pairs import barriers, overlaps
from spinnet.torch_models.report_table import Table
from spinnet.torch_models.settings import Settings
from spinnet.torch_models.statements import DECISIVE, WORDS, difference, stated


def write_report(
    variables: Variables, settings: Settings, n_units: int, layers: Mapping[str, slice], idle: Sequence[str] = ()
) -> Content:
    """Rows, findings and curves from the variables "arm/group/name" of a measurement.

    Parameters
    ----------
    variables, settings
        Of the measurement.
    n_units
        P: eigenvalues are given per pattern, as those of the mean loss.
    layers
        Name to slice of the configuration.
    idle
        Parameters that do not act on the loss.
    """
    table = Table(variables, settings, n_units)
    _warnings(table, idle)
    sections = {"energies": _energies, "hessian": hessian, "ageing": ageing, "barriers": barriers, "overlaps": overlaps}
    for name, section in sections.items():
        if name in settings.probes:
            section(table)
    _moved(table, layers)
    _what_is_missing(table)
    return table.content


def _energies(table: Table) -> None:
    loss = table.row("loss per pattern", "endpoint/energy_density")
    for name in ("test_loss", "train_accuracy", "test_accuracy"):
        if table.has(f"endpoint/{name}"):
            table.row(name.replace("_", " "), f"endpoint/{name}")
    table.row("gradient norm", "endpoint/gradient_norm", 1.0 / math.sqrt(table.n_units))
    data = table.data("trained", "endpoint/energy_density")
    finite = data[np.isfinite(data)]
    if len(finite) > 1 and finite.mean() > 0:
        spread = finite.std(ddof=1)
        table.say(
            f"Loss: {stated(*loss['trained'])} per pattern after training, {stated(*loss['untrained'])} before; "
            f"from seed to seed it varies by {spread:.2g} ({spread / finite.mean():.0%} of the mean)."
        )
    if "shuffled" in table.arms and np.isfinite([loss["shuffled"][0], loss["trained"][0]]).all():
        gap = difference(loss["shuffled"], loss["trained"])
        table.say(
            f"Null of learning: with shuffled targets the same training reaches {stated(*loss['shuffled'])}, "
            + (f"{gap[1]:.1f} standard errors above the true targets." if gap[1] > DECISIVE
               else f"{-gap[1]:.1f} standard errors BELOW the true targets." if gap[1] < -DECISIVE
               else "not told apart from the true targets: the loss says nothing about the data."
               if math.isfinite(gap[1]) else "and without errors there is no verdict.")
        )  # fmt: skip


def _moved(table: Table, layers: Mapping[str, slice]) -> None:
    """How far each layer has gone, against the size it began with."""
    end, start = (table.data(arm, "endpoint/configuration") for arm in ("trained", "untrained"))
    if end is None or start is None:
        return
    for name, where in layers.items():
        step, size = (np.sqrt((x[:, where] ** 2).mean(axis=1)) for x in (end - start, start))
        with np.errstate(all="ignore"):
            value, error = (float(part) for part in mean_and_error(step / np.where(size > 0, size, np.nan)))
        table.content.add(
            f"layers/{name.replace('/', '.')}/moved", np.array([value, error]), ("value_and_error",), "1",
            "root mean square change of the layer's weights over that of the start",
        )  # fmt: skip
    names = list(layers)
    moved = [table.content.variables[f"layers/{name.replace('/', '.')}/moved"].data for name in names]
    finite = [(stated(*pair), name) for pair, name in zip(moved, names, strict=True) if np.isfinite(pair[0])]
    if finite:
        told = ", ".join(f"{name} {value}" for value, name in finite[:8])
        table.say(f"Weights moved by this much of their first size, layer by layer: {told}"
                  f"{', ...' if len(finite) > 8 else ''}.")  # fmt: skip


def _warnings(table: Table, idle: Sequence[str]) -> None:
    if idle:
        names = ", ".join(idle[:4]) + (", ..." if len(idle) > 4 else "")
        table.say(f"PARAMETERS THAT DO NOT ACT: the loss does not change with {names} at the start; their directions "
                  "count among the zero modes. Freeze them (requires_grad_(False)) to leave them out.")  # fmt: skip
    for arm in table.arms:
        lost = table.data(arm, "endpoint/diverged")
        if lost is not None and lost.any():
            table.say(
                f"DIVERGED, {WORDS[arm]}: {int(lost.sum())} of {len(lost)} runs overflowed, or have a loss "
                "that is no number; they are kept and flagged, and left out of the means. A lower "
                "learning rate would hold them."
            )


def _what_is_missing(table: Table) -> None:
    seeds = len(table.data("trained", "endpoint/configuration"))
    if seeds < FEWEST_UNITS:
        table.say(f"{seeds} seeds: errors over fewer than {FEWEST_UNITS} have no known size themselves.")
    if "shuffled" in table.arms:
        table.say("Shuffled targets are one permutation for all seeds, since barriers lie in one landscape: errors do "
                  "not hold what another permutation would change.")  # fmt: skip
    else:
        table.say("Checkpoints that were made elsewhere have no null of shuffled targets here: train one beside.")
