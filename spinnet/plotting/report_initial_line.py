"""The energy on the straight line from the start of a run to its end."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import LoadedReport

_SIDES = (("arm", "network"), ("shuffled", "shuffled labels"), ("glass", "glass"))
_FLOOR = 1e-5  # rises that are exactly zero are drawn here


@style.styled
def draw(report: LoadedReport) -> Figure:
    """Mean curves, scaled to the drop, per side; and the rises of every run."""
    figure, axes = style.new_figure(style.PAGE, 2.6, 2)
    place, ticks = 0, []
    for (side, name), colour in zip(_SIDES, style.COLOURS, strict=False):
        points = report.below(side)
        for one, shade in zip(points.values(), style.shades(colour, len(points)), strict=True):
            label = f"{name}, {style.point_label(str(one.attributes['label']))}"
            axes[0].plot(one["a"], one["mean"], color=shade, label=label)
            axes[0].fill_between(one["a"], one["mean"] - one["spread"], one["mean"] + one["spread"], color=shade,
                                 alpha=0.15, lw=0)  # fmt: skip
            rises = np.maximum(one["upward_variation"], _FLOOR)
            spread = place + np.linspace(-0.28, 0.28, len(rises))
            axes[1].plot(spread, np.sort(rises), color=shade, marker="o", ls="none", ms=2.6)
            ticks.append(label)
            place += 1
    axes[0].axhline(0.0, color=style.INK, lw=0.7)
    axes[0].set_xlabel("position $a$ on the line from start to end")
    axes[0].set_ylabel(r"$(e(a)-e(1))/(e(0)-e(1))$")
    axes[0].legend(loc="best", fontsize=6.5)
    axes[1].set_yscale("log")
    axes[1].set_ylim(_FLOOR / 2, None)
    axes[1].axhline(_FLOOR, color=style.GREY, lw=0.6, ls=(0, (1, 1.5)))
    axes[1].set_xticks(range(place), ticks, rotation=30, ha="right", fontsize=6.5)
    axes[1].set_ylabel("rises over drop, each run (dotted: none)")
    style.letter(axes)
    return figure
