"""What lies between seeds: barriers and overlaps, beside those of the null models and of a glass."""

from __future__ import annotations

import math

import numpy as np

from spinnet.estimators.resampling import mean_and_error
from spinnet.torch_models.report_table import Table
from spinnet.torch_models.statements import GLASS, WORDS, difference, stated


def barriers(table: Table) -> None:
    """Straight lines, before and after units are exchanged, and elastic bands."""
    if not table.has("barriers/height"):
        table.say("Barriers lie between seeds: one seed has none.")
        return
    height = table.row("barrier of straight line", "barriers/height", pairs="barriers")
    table.row("excess over ends' line", "barriers/excess", pairs="barriers")
    share = table.row("barrier over what descent gained", "barriers/height", _gains(table), pairs="barriers",
                      glass=True)  # fmt: skip
    if not np.isfinite(height["trained"][0]):
        return
    low, z = difference(height["trained"], height["untrained"])
    told = "higher" if low > 0 else "lower"
    line = (f"Barriers: on straight lines between trained seeds the loss rises by {stated(*height['trained'])} per "
            f"pattern above the higher end; between untrained ones by {stated(*height['untrained'])}")  # fmt: skip
    line += f", with shuffled targets by {stated(*height['shuffled'])}" if "shuffled" in table.arms else ""
    line += f". Trained against untrained: {told} by {abs(z):.1f} standard errors." if np.isfinite(z) else "."
    if table.has("barriers/aligned_height"):
        nearer = table.row("straight, units exchanged", "barriers/aligned_height", pairs="barriers")
        line += (f" After exchanging hidden units to match, {stated(*nearer['trained'])} (untrained "
                 f"{stated(*nearer['untrained'])}).")  # fmt: skip
    else:
        line += " No exchange of hidden units of this model is known: symmetries are not divided out."
    table.say(line)
    if np.isfinite(share["trained"][0]):
        line = f"In units of what training gained the straight barrier is {stated(*share['trained'])}"
        line += f", with shuffled targets {stated(*share['shuffled'])}" if "shuffled" in share else ""
        line += f"; between minima of a 3-spin glass {stated(*share[GLASS])}" if np.isfinite(share[GLASS][0]) else ""
        table.say(line + ".")
    if table.has("band/upper_bound"):
        bounds = table.row("barrier of elastic band", "band/upper_bound", pairs="band")
        bound = bounds["trained"]
        converged = table.data("trained", "band/converged")
        straight = _straight_of_bands(table)
        reach = "nowhere rise above their higher end: these pairs are joined without a barrier"
        if bound[0] > 0:
            reach = f"need {stated(*bound)}, where straight lines need {straight:.3g}"
        table.say(
            f"Elastic bands between {len(converged)} pairs {reach}{_nulls(table, bounds)}; {int(converged.sum())} of "
            f"{len(converged)} "
            + ("converged." if converged.all() else "converged, so that the lowest paths may lie lower still.")
        )


def _gains(table: Table) -> dict[str, float]:
    """One over the mean fall of the loss (of the energy) from start to end, NaN where there is none."""
    before = table.data("untrained", "endpoint/energy_density")
    starts = {arm: before for arm in table.arms} | {GLASS: table.data(GLASS, "start/energy_density")}
    gains = {}
    for arm, start in starts.items():
        end = table.data(arm, "endpoint/energy_density")
        gain = math.nan if start is None or end is None else float(mean_and_error(start)[0] - mean_and_error(end)[0])
        gains[arm] = 1.0 / gain if gain > 0 else math.nan
    return gains


def _nulls(table: Table, bounds: dict[str, tuple[float, float]]) -> str:
    """The bands of the null models, in brackets."""
    told = []
    for arm, value in bounds.items():
        converged = table.data(arm, "band/converged")
        if arm != "trained" and converged is not None and np.isfinite(value[0]):
            told.append(f"{WORDS[arm]} {stated(*value)}, {int(converged.sum())} of {len(converged)} converged")
    return f" ({'; '.join(told)})" if told else ""


def _straight_of_bands(table: Table) -> float:
    """Mean straight barrier of the pairs that have a band."""
    own = {tuple(sorted(pair)) for pair in zip(table.data("trained", "band/first").tolist(),
           table.data("trained", "band/second").tolist(), strict=True)}  # fmt: skip
    pairs = zip(table.data("trained", "barriers/first"), table.data("trained", "barriers/second"),
                table.data("trained", "barriers/height"), strict=True)  # fmt: skip
    heights = [height for a, b, height in pairs if (int(a), int(b)) in own and np.isfinite(height)]
    return float(np.mean(heights)) if heights else math.nan


def overlaps(table: Table) -> None:
    """Of weights and of answers."""
    if not table.has("overlaps/weights"):
        table.say("Overlaps lie between seeds: one seed has none.")
        return
    weights = table.row("overlap of weights", "overlaps/weights", pairs="overlaps", glass=True)
    answers = table.row("correlation of answers", "overlaps/answers", pairs="overlaps")
    if not np.isfinite(weights["trained"][0]):
        return
    line = (f"Overlaps between seeds: weights {stated(*weights['trained'])} (untrained "
            f"{stated(*weights['untrained'])})")  # fmt: skip
    if table.has("overlaps/weights_aligned"):
        nearer = table.row("overlap, units exchanged", "overlaps/weights_aligned", pairs="overlaps")
        line += (f", after exchanging hidden units {stated(*nearer['trained'])} (untrained "
                 f"{stated(*nearer['untrained'])}: what matching alone gives)")  # fmt: skip
    table.say(line + f"; answers {stated(*answers['trained'])} (untrained {stated(*answers['untrained'])}).")
