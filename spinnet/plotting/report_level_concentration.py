"""Distributions of final energies, their spread against size, and what training loss tells of test loss."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import LoadedReport

_SIDES = (("arm", "network"), ("shuffled", "shuffled labels"), ("glass", "glass"))


@style.styled
def draw(report: LoadedReport) -> Figure:
    """Histograms of the network's levels; spread and coefficient of variation; correlation."""
    figure, axes = style.new_figure(style.PAGE, 4.6, 2, 2)
    _histograms(axes[0], report)
    for key, ax, label in (
        ("spread", axes[1], "spread of final levels"), ("variation", axes[2], "coefficient of variation"),
    ):  # fmt: skip
        for (side, name), colour, marker in zip(_SIDES, style.COLOURS, style.MARKERS, strict=False):
            one = report.group(side)
            if one and key in one.arrays:
                ax.errorbar(one["n_dof"], one[key], one[f"{key}_error"], color=colour, marker=marker, lw=0.8,
                            label=name)  # fmt: skip
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlabel("degrees of freedom")
        ax.set_ylabel(label)
        ax.legend(loc="best")
    lowest = -0.25
    for (side, _), colour, marker in zip(_SIDES, style.COLOURS, style.MARKERS, strict=False):
        one = report.group(side)
        if one and "correlation" in one.arrays:
            axes[3].errorbar(one["n_dof"], one["correlation"], one["correlation_error"], color=colour, marker=marker,
                             lw=0.8)  # fmt: skip
            lowest = min(lowest, float(np.nanmin(one["correlation"] - one["correlation_error"])) - 0.05)
    axes[3].axhline(0.0, color=style.INK, lw=0.7)
    axes[3].set_xscale("log")
    axes[3].set_ylim(lowest, 1.05)
    axes[3].set_xlabel("degrees of freedom")
    axes[3].set_ylabel("correlation of training\nand test loss")
    style.letter(axes)
    return figure


def _histograms(ax: Axes, report: LoadedReport) -> None:
    sizes = report.below("levels", "arm")
    sizes = dict(sorted(sizes.items(), key=lambda item: item[1].number("n_dof")))
    for one, shade in zip(sizes.values(), style.shades(style.COLOURS[0], len(sizes)), strict=True):
        level = one["level"]
        bins = np.histogram_bin_edges(level, max(5, int(np.sqrt(len(level)))))
        ax.stairs(*np.histogram(level, bins, density=True), color=shade, fill=True, alpha=0.35)
        ax.stairs(*np.histogram(level, bins, density=True), color=shade, lw=1.0,
                  label=style.point_label(str(one.attributes["label"])))  # fmt: skip
    ax.set_yscale("log")
    ax.set_xlabel("test loss at the end")
    ax.set_ylabel("density over runs")
    style.headroom(ax, -(-len(sizes) // 2), 1.7)
    ax.legend(loc="upper right", fontsize=7.5, ncols=2)
