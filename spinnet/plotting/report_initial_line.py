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
    """Mean curves, scaled to the drop; and the rises of every run, whose labels name the colours."""
    figure, axes = style.new_figure(style.PAGE, 3.1, 2)
    names, colours = [], []
    for (side, name), colour in zip(_SIDES, style.COLOURS, strict=False):
        points = report.below(side)
        for one, shade in zip(points.values(), style.shades(colour, len(points)), strict=True):
            axes[0].plot(one["a"], one["mean"], color=shade)
            axes[0].fill_between(one["a"], one["mean"] - one["spread"], one["mean"] + one["spread"], color=shade,
                                 alpha=0.15, lw=0)  # fmt: skip
            rises = np.sort(np.maximum(one["upward_variation"], _FLOOR))
            axes[1].plot(rises, -len(names) - np.linspace(-0.3, 0.3, len(rises)), color=shade, marker="o", ls="none",
                         ms=2.4)  # fmt: skip
            names.append(f"{name} {_short(str(one.attributes['label']))}")
            colours.append(shade)
    axes[0].axhline(0.0, color=style.INK, lw=0.7)
    axes[0].set_xlabel("position $a$ on the line from start to end")
    axes[0].set_ylabel(r"$(e(a)-e(1))/(e(0)-e(1))$")
    axes[1].set_xscale("log")
    axes[1].set_xlim(_FLOOR / 2, 2.0)
    axes[1].axvline(_FLOOR, color=style.GREY, lw=0.6, ls=(0, (1, 1.5)))
    axes[1].set_yticks(-np.arange(len(names)), names, fontsize=7.5)
    for tick, shade in zip(axes[1].get_yticklabels(), colours, strict=True):
        tick.set_color(tuple(0.75 * part for part in shade))
    axes[1].set_ylim(0.4 - len(names), 0.6)
    axes[1].tick_params(axis="y", which="both", length=0)
    axes[1].set_xlabel("rises over drop of each run (dotted: none)")
    style.letter(axes)
    return figure


def _short(label: str) -> str:
    """ "activation=tanh,hidden=16" as "tanh 16"; "n=64" as "N = 64"."""
    parts = [part.partition("=") for part in label.split(",")]
    return " ".join(f"$N={value}$" if name == "n" else value or name for name, _, value in parts)
