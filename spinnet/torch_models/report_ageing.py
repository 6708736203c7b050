"""Whether training ages: displacements against the clock of the gradient noise."""

from __future__ import annotations

import math

import numpy as np

from spinnet.errors import InputError
from spinnet.estimators.age_collapse import collapse
from spinnet.estimators.displacement import displacement_exponents
from spinnet.estimators.resampling import FEWEST_UNITS, mean_and_error
from spinnet.theory.diffusion import clock_displacement
from spinnet.torch_models.report_table import Table
from spinnet.torch_models.statements import DECISIVE, GLASS, WORDS, stated

_DRIFT = 3.0  # times the displacement of free diffusion: beyond, the runs still go downhill


def ageing(table: Table) -> None:
    """Exponents, and a verdict for each arm that was trained; the glass beside them."""
    exponents: dict[int, dict[str, tuple[float, float]]] = {}
    for arm in table.arms:
        moved = table.data(arm, "two_time/displacement")
        if moved is None:
            continue
        known = np.isfinite(moved).any(axis=(1, 2)) & (table.data(arm, "endpoint/diverged") == 0)
        if known.any():
            _one_ageing(table, arm, moved[known], known, exponents)
        else:
            table.say(f"Ageing, {WORDS[arm]}: every run diverged, there is nothing to compare.")
    for wait, found in exponents.items():
        table.add_row(f"lowest d ln D/d ln t, wait {wait}",
                      {arm: found.get(arm, (math.nan, math.nan)) for arm in table.arms})  # fmt: skip
    _glass(table)
    noise = table.variables.get("trained/trajectory/noise_trace")
    if noise is not None and "minibatches" in noise.description:
        table.say("The clock of the noise is that of whole minibatches, drawn again and again at each time: under "
                  "batch normalisation single patterns have no gradient of their own.")  # fmt: skip


def _glass(table: Table) -> None:
    """How much less an older glass moves, for comparison: its noise is the same at all times."""
    moved = table.data(GLASS, "two_time/displacement")
    if moved is None:
        return
    waits, delays = table.data(GLASS, "two_time/waiting_time"), table.data(GLASS, "two_time/delay")
    longest = int(np.flatnonzero((delays > 0) & np.isfinite(moved).all(axis=(0, 1)))[-1])
    fall = tuple(float(part) for part in mean_and_error(np.log(moved[:, 0, longest] / moved[:, -1, longest])))
    spins = table.data(GLASS, "endpoint/configuration").shape[1]
    table.say(
        f"Ageing, a 3-spin glass of {spins} spins at T = 0.4, whose noise never changes: within a time of "
        f"{delays[longest]:.3g} it moves {math.exp(fall[0]):.2g} times as far from time {waits[0]:.3g} as from "
        f"{waits[-1]:.3g} (ln {stated(*fall)})."
    )


def _one_ageing(table: Table, arm: str, moved: np.ndarray, known: np.ndarray, exponents) -> None:
    waits, delays = table.data(arm, "two_time/waiting_time"), table.data(arm, "two_time/delay")
    later = delays > 0
    for k, wait in enumerate(waits):
        try:
            found = displacement_exponents(delays[later], moved[:, k, later])
        except InputError:
            continue
        table.content.add(f"{arm}/exponents/{int(wait)}", found.exponent, ("delay",))
        exponents.setdefault(int(wait), {})[arm] = found.lowest, found.lowest_error
    clock = _clock(table, arm, waits, delays, known)
    common = later & np.isfinite(moved).all(axis=(0, 1))
    if clock is None or len(moved) < FEWEST_UNITS or common.sum() < 4 or len(waits) < 2:
        few = f"{len(moved)} runs with {int(common.sum())} common delays are too few"
        why = "checkpoints that were made elsewhere have no clock of the noise"
        why = why if clock is None else few
        table.say(f"Ageing, {WORDS[arm]}: displacements are kept, but {why}: no verdict.")
        return
    table.content.add(f"{arm}/free/displacement", clock.mean(axis=0), ("waiting_time", "delay"), "1",
                      "of free diffusion with the measured gradient noise")  # fmt: skip
    _verdict(table, arm, waits, delays, moved, clock, common)


def _verdict(table: Table, arm, waits, delays, moved, clock, common) -> None:
    """Ageing, drift, or free diffusion whose noise changes: in logarithms, seed by seed."""
    longest = int(np.flatnonzero(common)[-1])
    ends = np.log(moved[:, [0, -1], longest])
    beyond = ends - np.log(clock[:, [0, -1], longest])
    each = ends[:, 0] - ends[:, 1], beyond[:, 0] - beyond[:, 1], beyond[:, 1]
    fall, rest, drift = (tuple(float(part) for part in mean_and_error(values)) for values in each)
    told = (f"within {delays[longest]:.0f} steps it moves {math.exp(fall[0]):.2g} times as far (in the square) "
            f"from step {waits[0]:.0f} as from step {waits[-1]:.0f} (ln {stated(*fall)})")  # fmt: skip
    if drift[0] - DECISIVE * drift[1] > math.log(_DRIFT):
        verdict = (f"NOT STATIONARY: from the last of these it still goes {math.exp(drift[0]):.2g} times as far as "
                   "its noise alone would carry it, which is drift down the slope; no verdict on ageing, train "
                   "longer")  # fmt: skip
    elif abs(fall[0]) <= DECISIVE * fall[1]:
        verdict = "ages are not told apart: no ageing is seen"
    elif abs(rest[0]) <= DECISIVE * rest[1]:
        verdict = ("in the clock of the gradient noise the ages are not told apart: the noise changes, which is "
                   "free diffusion and no glass")  # fmt: skip
    else:
        verdict = (f"the changing noise of the gradient does not account for it: in its clock a factor "
                   f"{math.exp(rest[0]):.2g} (ln {stated(*rest)}) is left")  # fmt: skip
    later = delays > 0
    try:
        found = collapse(delays[later], moved[:, :, later], clock[:, :, later])
        spread = (f" Spread of ln D over ages: {stated(found.raw, found.raw_error)} against time, "
                  f"{stated(found.rescaled, found.rescaled_error)} against the clock of the noise.")  # fmt: skip
    except InputError:
        spread = ""
    table.say(f"Ageing, {WORDS[arm]}: {told}; {verdict}.{spread}")


def _clock(table: Table, arm, waits, delays, known) -> np.ndarray | None:
    """Displacement of free diffusion with each run's own gradient noise, shape of the displacements."""
    trace, times = table.data(arm, "trajectory/noise_trace"), table.data(arm, "trajectory/time")
    if trace is None:
        return None
    n = table.data(arm, "endpoint/configuration").shape[1]
    settings = table.settings
    batch = settings.batch_of(table.n_units)
    # Momentum turns each kick into 1/(1 - m) of displacement.
    rate = (settings.learning_rate / (1.0 - settings.momentum)) ** 2 * trace[known] / (batch * n)
    with np.errstate(all="ignore"):
        return np.array([[clock_displacement(times, one, wait, delays) for wait in waits] for one in rate])
