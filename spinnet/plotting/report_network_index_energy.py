"""Figure of the report on index and energy of the stationary points of networks."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport


@style.styled
def draw(report: LoadedReport) -> Figure:
    """Index over non-zero modes, raw index, the law near the edge, and the glass with its two laws."""
    glass, edge = report.below("glass"), report.group("edge")
    figure, axes = style.new_figure(style.PAGE, 5.2, 2, 2)
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
    shown = [*axes[:2]]
    if edge:
        _edge(axes[2], report, edge)
        shown.append(axes[2])
    else:
        axes[2].remove()
    if glass:
        _glass(axes[3], glass)
        shown.append(axes[3])
    else:
        axes[3].remove()
    style.letter(shown)
    return figure


def _edge(ax: Axes, report: LoadedReport, edge: Group) -> None:
    """The same points on logarithmic axes from the critical energy of the free sum."""
    for number, group in enumerate(report.below("network").values()):
        beyond = group["energy"] / edge.number("critical") - 1.0
        here = (beyond > 0.0) & (group["share"] > 0.0)
        ax.plot(beyond[here], group["share"][here], color=style.COLOURS[number % len(style.COLOURS)],
                marker=style.MARKERS[number % len(style.MARKERS)], ls="none", ms=2.6)  # fmt: skip
    ax.plot(edge["beyond"], edge["free_sum"], color=style.INK, lw=0.9, ls=(0, (4, 1.6)), label="free sum, exact")
    low = edge["power"] < 1.0
    ax.plot(edge["beyond"][low], edge["power"][low], color=style.GREY, lw=1.0, label="its 3/2 law")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel(r"$\epsilon/\epsilon_c-1$")
    ax.set_ylabel("index over non-zero modes")
    ax.legend(loc="upper left", fontsize=7.0)


def _glass(ax: Axes, glass: dict[str, Group]) -> None:
    ax.plot([], [], color=style.INK, ls=(0, (4, 1.6)), lw=0.9, label="semicircle")
    for group, shade in zip(glass.values(), style.shades(style.COLOURS[2], len(glass)), strict=True):
        name = rf"$N={group.number('n'):.0f}$"
        ax.plot(group["energy"], group["share"], color=shade, marker="o", ls="none", ms=2.0, label=name)
        ax.plot(group["curve_energy"], group["semicircle"], color=style.INK, ls=(0, (4, 1.6)), lw=0.9)
        ax.plot(group["curve_energy"], group["exact"], color=shade, lw=0.9, label=f"exact mean, {name}")
    ax.set_xlabel(r"energy per spin $e$")
    ax.set_ylabel(r"$k/(N-1)$, $p$-spin glass")
    ax.legend(loc="upper left", fontsize=7.0)


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
