"""Ageing of walks between levels: Π(t_w + t, t_w) against t/t_w, and the fitted index."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import LoadedReport


@style.styled
def draw(report: LoadedReport) -> Figure | None:
    """A panel for each point with the limits H_x, and one with the index against the waiting time."""
    points = report.below("point")
    if not points:
        return None
    figure, axes = style.panels(len(points) + 1, height=2.5)
    for number, (ax, (key, point)) in enumerate(zip(axes[:-1], points.items(), strict=True)):
        waits = report.below("point", key, "waiting")
        colour = style.COLOURS[number % len(style.COLOURS)]
        limits = set()
        for one, shade in zip(waits.values(), style.shades(colour, len(waits)), strict=True):
            ax.errorbar(one["ratio"], one["probability"], one["probability_error"], color=shade, ls="none", ms=3,
                        marker="o", label=f"$t_w$ = {_power(one.number('waiting_time'))}")  # fmt: skip
            index = round(one.number("predicted_index"), 9)
            if "limit" in one.arrays and index not in limits:
                limits.add(index)
                same = len({round(w.number("predicted_index"), 9) for w in waits.values()}) == 1
                ax.plot(one["ratio"], one["limit"], color=style.INK if same else shade, ls=(0, (4, 1.6)), lw=1.0)
            if "exact" in one.arrays:
                ax.plot(one["ratio"], one["exact"], color=shade, lw=0.8)
        ax.plot([], [], color=style.INK, ls=(0, (4, 1.6)), lw=1.0, label=r"$H_x(t/t_w)$")
        ax.set_xscale("log")
        ax.set_ylim(0, 1)
        ax.set_xlabel(r"$t/t_w$")
        ax.set_ylabel(r"$\Pi(t_w+t,t_w)$")
        ax.set_title(style.point_label(str(point.attributes["label"])))
        ax.legend(loc="lower left")
    ax = axes[-1]
    for number, (key, point) in enumerate(points.items()):
        waits = list(report.below("point", key, "waiting").values())
        time = np.array([one.number("waiting_time") for one in waits])
        colour = style.COLOURS[number % len(style.COLOURS)]
        ax.errorbar(time, [one.number("fitted_index") for one in waits],
                    [one.number("fitted_index_error") for one in waits], color=colour, ls="none",
                    marker=style.MARKERS[number % len(style.MARKERS)],
                    label=style.point_label(str(point.attributes["label"])))  # fmt: skip
        ax.plot(time, [one.number("predicted_index") for one in waits], color=colour, ls=(0, (4, 1.6)), lw=1.0)
        ax.plot(time, [one.number("finite_index") for one in waits], color=colour, lw=0.8)
    ax.set_xscale("log")
    ax.set_ylim(0, 1)
    ax.set_xlabel(r"waiting time $t_w$")
    ax.set_ylabel(r"index $x$")
    ax.legend(loc="best", title="dashed: limit; solid: at this $N$")
    style.letter(axes)
    return figure


def _power(value: float) -> str:
    exponent = np.log10(value)
    return f"$10^{{{exponent:.0f}}}$" if abs(exponent - round(exponent)) < 0.01 else f"{value:.3g}"
