"""Figure of the report on index and energy of the stationary points of networks."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import LoadedReport


@style.styled
def draw(report: LoadedReport) -> Figure:
    """Index over non-zero modes, raw index, and the glass with its semicircle."""
    glass = report.below("glass")
    figure, axes = style.new_figure(style.PAGE, 2.75, 3 if glass else 2)
    _points(axes[0], report, "share", "index over non-zero modes")
    law = report.group("law")
    axes[0].plot(law["energy"], law["free_sum"], color=style.INK, lw=0.9, ls=(0, (4, 1.6)), label="free sum")
    if "edge" in law.arrays:
        axes[0].plot(law["edge_energy"], law["edge"], color=style.GREY, lw=1.4, label="fitted 3/2 law")
    axes[0].set_xlim(0.0, None)
    axes[0].legend(loc="upper left", fontsize=7.0)
    _points(axes[1], report, "raw", "index over all modes")
    axes[1].set_xlim(axes[0].get_xlim())
    axes[1].set_ylim(axes[0].get_ylim())
    if glass:
        for group, shade in zip(glass.values(), style.shades(style.COLOURS[2], len(glass)), strict=True):
            axes[2].plot(group["energy"], group["share"], color=shade, marker="o", ls="none", ms=2.0,
                         label=rf"$N={group.number('n'):.0f}$")  # fmt: skip
            axes[2].plot(group["curve_energy"], group["semicircle"], color=style.INK, ls=(0, (4, 1.6)), lw=0.9)
            axes[2].plot(group["curve_energy"], group["exact"], color=shade, lw=0.9)
        axes[2].set_xlabel(r"energy per spin $e$")
        axes[2].set_ylabel(r"$k/(N-1)$, $p$-spin glass")
        axes[2].legend(loc="upper left")
    style.letter(axes)
    return figure


def _points(ax: Axes, report: LoadedReport, name: str, label: str) -> None:
    for number, group in enumerate(report.below("network").values()):
        ax.plot(group["energy"], group[name], color=style.COLOURS[number % len(style.COLOURS)],
                marker=style.MARKERS[number % len(style.MARKERS)], ls="none", ms=2.6,
                label=str(group.attributes["label"]))  # fmt: skip
    ax.set_xlabel(r"energy per pattern $\epsilon$")
    ax.set_ylabel(label)
    low, high = ax.get_ylim()
    ax.set_ylim(min(low, 0.0), high)
    style.headroom(ax, 5 if name == "share" else 1, 2.1)
