"""Overlap after a waiting time and chi_4, networks beside glasses."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import LoadedReport

_DASHES = (0, (4, 1.6))


@style.styled
def draw(report: LoadedReport) -> Figure:
    """A row per arm: q(t) with the level of the relaxation time, and chi_4(t)."""
    arms = list(report.settings["arms"])
    figure, axes = style.new_figure(style.PAGE, 2.5 * len(arms), 2, len(arms))
    for row, arm in enumerate(arms):
        points = report.below("points", arm)
        if points:
            _row(axes[2 * row], axes[2 * row + 1], points, style.COLOURS[row % len(style.COLOURS)])
            axes[2 * row].set_title(arm.replace("_", " "))
    style.letter(axes)
    return figure


def _row(left: Axes, right: Axes, points, colour: str) -> None:
    for one, shade in zip(points.values(), style.shades(colour, len(points)), strict=True):
        delay = one["delay"]
        label = str(one.attributes["label"]).partition(" ")[2].replace("_", " ").replace(",", ", ")
        for ax, name in ((left, "overlap"), (right, "chi4")):
            mean, error = one[name], one[f"{name}_error"]
            ax.fill_between(delay, mean - error, mean + error, color=shade, alpha=0.35, lw=0)
            ax.plot(delay, mean, color=shade, lw=1.1, label=label if ax is right else None)
        if np.isfinite(one.number("independent")):
            right.axhline(one.number("independent"), color=shade, lw=0.8, ls=(0, (1, 1.5)))
    right.plot([], [], color=style.GREY, lw=0.8, ls=(0, (1, 1.5)), label="independent runs")
    last = list(points.values())[-1]
    left.axhline(last.number("level"), color=style.GREY, lw=0.8, ls=(0, (1, 1.5)))
    if last.number("network"):
        left.plot(last["delay"], last["free"], color=style.INK, lw=0.9, ls=_DASHES, label="free diffusion")
    for ax in (left, right):
        ax.set_xscale("log")
        ax.set_xlabel("delay $t$ (steps)" if last.number("network") else "delay $t$")
    left.set_ylabel(r"overlap $q(t_w+t,t_w)$")
    right.set_ylabel(r"$\chi_4=n\,\mathrm{Var}\,q$")
    right.legend(loc="upper left", fontsize=7.0)
    if last.number("network"):
        left.legend(loc="lower left", fontsize=7.0)
