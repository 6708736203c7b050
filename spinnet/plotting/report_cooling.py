"""Final energy against the duration of the cooling."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import LoadedReport

_LINES = (("threshold_energy", r"$e_{\rm th}$", (0, (1, 1.5))), ("ground_state_energy", r"$e_{\rm gs}$", "-"))


@style.styled
def draw(report: LoadedReport) -> Figure:
    """One panel: energies at the end (full) and of the minima below (open), a colour shade per size."""
    figure, (ax,) = style.panels(1)
    series = report.below("series")
    series = dict(sorted(series.items(), key=lambda item: item[1].number("n")))
    for (_, one), shade in zip(series.items(), style.shades(style.COLOURS[0], len(series)), strict=True):
        duration = one["duration"]
        ax.errorbar(duration, one["energy"], one["energy_error"], color=shade, marker="o", ms=3.5, lw=0.8,
                    label=rf"$N={one.number('n'):.0f}$")  # fmt: skip
        if "minimum" in one.arrays:
            ax.errorbar(duration, one["minimum"], one["minimum_error"], color=shade, marker="o", mfc="white", ms=3.5,
                        lw=0.8, ls=(0, (2, 1.5)))  # fmt: skip
    theory = report.group("theory")
    for name, label, dashes in _LINES:
        if np.isfinite(theory.number(name)):
            ax.axhline(theory.number(name), color=style.INK, lw=0.8, ls=dashes, label=label)
    ax.set_xscale("log")
    ax.set_xlabel("duration of the cooling")
    ax.set_ylabel("energy per spin")
    ax.legend(loc="best")
    return figure
