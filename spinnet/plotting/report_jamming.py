"""Figure of the jamming report: unsatisfied constraints of each run, shares of solved runs, and the two peaks."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport

_BINS = 24


@style.styled
def draw(report: LoadedReport) -> Figure | None:
    """N_Δ/W of every run against P/W, open where it is unfinished; share of solved runs; histograms where both end."""
    sizes = report.below("sizes")
    if not sizes:
        return None
    mixed = [(number, group) for number, group in enumerate(sizes.values()) if group["both"].any()]
    figure, axes = style.panels(2 + len(mixed), height=2.5)
    for number, group in enumerate(sizes.values()):
        colour, marker = style.COLOURS[number], style.MARKERS[number]
        name = f"W = {group.number('parameters'):.0f}"
        ended = np.isin(group["status"], (1.0, 2.0))
        axes[0].plot(group["ratio"][ended], group["share"][ended], color=colour, marker=marker, ls="none", ms=3.4,
                     mew=0.0, alpha=0.7, label=name)  # fmt: skip
        axes[0].plot(group["ratio"][~ended], group["share"][~ended], color=colour, marker=marker, ls="none", ms=3.6,
                     mfc="white", label=f"{name}, unfinished" if (~ended).any() else None)  # fmt: skip
        _shares(axes[1], group, colour, marker, name)
    axes[0].set_ylabel(r"unsatisfied patterns $N_\Delta/W$")
    axes[0].legend(loc="upper left")
    axes[1].set_ylabel("share of solved runs")
    axes[1].set_ylim(-0.06, 1.06)
    axes[1].legend(loc="lower left")
    for ax in axes[:2]:
        ax.set_xlabel(r"patterns over parameters $P/W$")
    highest = max((group["share"][group["both"] > 0].max() for _, group in mixed), default=1.0)
    for ax, (number, group) in zip(axes[2:], mixed, strict=True):
        _peaks(ax, group, style.COLOURS[number], 1.05 * highest)
    style.letter(axes)
    return figure


def _shares(ax: Axes, group: Group, colour: str, marker: str, name: str) -> None:
    solved = group["solved"]
    errors = np.abs(np.array([solved - group["share_low"], group["share_high"] - solved]))
    ax.errorbar(group["places"], solved, errors, color=colour, marker=marker, ms=3.6, lw=0.9, label=name)
    if np.isfinite(group.number("transition")):
        ax.axvline(group.number("transition"), color=colour, lw=0.8, ls="--")


def _peaks(ax: Axes, group: Group, colour: str, highest: float) -> None:
    here = group["both"] > 0
    share, status = group["share"][here], group["status"][here]
    places = np.unique(group["ratio"][here])
    kinds = [(status == 1.0, "solved", {"color": style.GREY}), (status == 2.0, "minima", {"color": colour}),
             (~np.isin(status, (1.0, 2.0)), "unfinished",
              {"facecolor": "white", "edgecolor": colour, "hatch": "////"})]  # fmt: skip
    bottom, edges = np.zeros(_BINS), np.linspace(0.0, highest, _BINS + 1)
    for chosen, name, look in kinds:
        if chosen.any():
            count = np.histogram(share[chosen], edges)[0]
            seen = count > 0
            ax.bar(edges[:-1][seen], count[seen], np.diff(edges)[seen], bottom[seen], align="edge", lw=0.6,
                   label=f"{name} ({chosen.sum()})", **look)  # fmt: skip
            bottom = bottom + count
    span = ", ".join(f"{place:.3g}" for place in places)
    ax.set_xlabel(r"unsatisfied patterns $N_\Delta/W$")
    ax.set_ylabel("runs")
    ax.set_xlim(0.0, highest)
    style.headroom(ax, 1)
    ax.legend(loc="upper center", title=f"W = {group.number('parameters'):.0f}, P/W = {span}", title_fontsize=8.0)
