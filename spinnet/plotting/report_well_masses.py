"""Mass ratio of two wells against the dimension."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import LoadedReport


@style.styled
def draw(report: LoadedReport) -> Figure | None:
    """One panel: the ratio with its error, a colour per ratio of widths, and the law as lines."""
    groups = list(report.below("point").values())
    if not groups:
        return None
    figure, (ax,) = style.panels(1)
    for k, width in enumerate(sorted({group.number("width_ratio") for group in groups})):
        own = sorted((g for g in groups if g.number("width_ratio") == width), key=lambda g: g.number("n"))
        kept = [g for g in own if "ratio" in g.attributes]
        colour, marker = style.COLOURS[k % len(style.COLOURS)], style.MARKERS[k % len(style.MARKERS)]
        n = np.array([g.number("n") for g in own])
        ax.plot(n, [g.number("law") for g in own], color=colour, lw=0.9)
        ax.errorbar([g.number("n") for g in kept], [g.number("ratio") for g in kept],
                    [g.number("ratio_error") for g in kept], color=colour, marker=marker, ls="none", ms=4,
                    label=rf"$w_2/w_1={width:g}$")  # fmt: skip
    ax.set_yscale("log")
    ax.set_xlabel("dimensions $n$")
    ax.set_ylabel("mass of the wide over the narrow well")
    ax.legend(loc="best")
    return figure
