"""Figure of the jamming report: unsatisfied constraints of each run, and the share of solved runs."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import LoadedReport


@style.styled
def draw(report: LoadedReport) -> Figure | None:
    """N_Δ/W of every run against P/W, open where it is unfinished; share of solved runs."""
    sizes = report.below("sizes")
    if not sizes:
        return None
    figure, axes = style.panels(2, height=2.7)
    for number, group in enumerate(sizes.values()):
        colour, marker = style.COLOURS[number], style.MARKERS[number]
        name = f"W = {group.number('parameters'):.0f}"
        ended = np.isin(group["status"], (1.0, 2.0))
        axes[0].plot(group["ratio"][ended], group["share"][ended], color=colour, marker=marker, ls="none", ms=3.6,
                     label=name)  # fmt: skip
        axes[0].plot(group["ratio"][~ended], group["share"][~ended], color=colour, marker=marker, ls="none", ms=3.6,
                     mfc="white", label=f"{name}, unfinished" if (~ended).any() else None)  # fmt: skip
        axes[1].plot(group["places"], group["solved"], color=colour, marker=marker, ms=3.6, lw=0.9, label=name)
    axes[0].set_ylabel(r"unsatisfied patterns $N_\Delta/W$")
    axes[0].legend(loc="upper left")
    axes[1].set_ylabel("share of solved runs")
    axes[1].set_ylim(-0.05, 1.05)
    axes[1].legend(loc="lower left")
    for ax in axes:
        ax.set_xlabel(r"patterns over parameters $P/W$")
    style.letter(axes)
    return figure
