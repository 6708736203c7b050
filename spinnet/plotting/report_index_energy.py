"""Figure of the index–energy report: index against energy, its excess over the exact mean, low indices."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport


@style.styled
def draw(report: LoadedReport) -> Figure:
    """Index density with the semicircle, k minus its exact mean at finite N, and energies of low-index points."""
    figure, axes = style.new_figure(style.PAGE, 2.75, 3)
    sizes = report.below("sizes")
    shades = style.shades(style.COLOURS[0], len(sizes))
    _index(axes[0], report, sizes, shades)
    _excess(axes[1], sizes, shades)
    _band(axes[2], report)
    style.letter(axes)
    return figure


def _index(ax: Axes, report: LoadedReport, sizes: dict[str, Group], shades) -> None:
    for one, shade in zip(sizes.values(), shades, strict=True):
        ax.plot(one["curve_energy"], one["exact_share"], color=shade, lw=0.9)
        ax.errorbar(one["energy"], one["share"], one["share_error"], color=shade, marker="o", ls="none", ms=3.2,
                    label=rf"$N={one.number('n'):.0f}$")  # fmt: skip
    theory = report.group("theory")
    ax.plot(theory["energy"], theory["share"], color=style.INK, ls=(0, (4, 1.6)), lw=1.1, label="semicircle")
    largest = list(sizes.values())[-1]
    ax.set_xlim(-1.28, largest["energy"].max(initial=0.0) + 0.1)
    ax.set_ylim(-0.02, None)
    ax.set_xlabel(r"energy per spin $e$")
    ax.set_ylabel(r"index density $k/(N-1)$")
    ax.legend(loc="upper left")


def _excess(ax: Axes, sizes: dict[str, Group], shades) -> None:
    for one, shade in zip(sizes.values(), shades, strict=True):
        ax.errorbar(one["energy"], one["excess"], one["excess_error"], color=shade, marker="o", ls="none", ms=3.2,
                    label=rf"$N={one.number('n'):.0f}$")  # fmt: skip
    ax.axhline(0.0, color=style.INK, lw=0.8)
    ax.set_xlabel(r"energy per spin $e$")
    ax.set_ylabel(r"$k-\mathbb{E}[k\,|\,e]$ at the same $N$")
    reach = np.abs(ax.get_ylim()).max()
    ax.set_ylim(-reach, reach)


def _band(ax: Axes, report: LoadedReport) -> None:
    """Energies of the points of index 0, 1, … at each size, above the ground state."""
    low, sizes = report.group("low"), report.below("low")
    shades = style.shades(style.COLOURS[1], len(sizes))
    shift = 0.5 / max(len(sizes), 1)
    for j, (one, shade) in enumerate(zip(sizes.values(), shades, strict=True)):
        place = one["index"] + (j - 0.5 * (len(sizes) - 1)) * shift
        have = one["number"] > 0
        ax.vlines(place[have], one["lowest"][have], one["highest"][have], color=shade, lw=1.6)
        ax.plot(place[have], one["mean"][have], color=shade, marker="o", ls="none", ms=3.2,
                label=rf"$N={one.number('n'):.0f}$")  # fmt: skip
        ax.plot(place, one["typical"], color=shade, marker="_", ls="none", ms=8, mew=1.4)
    ax.plot([], [], color=style.GREY, marker="_", ls="none", ms=8, mew=1.4, label="mean of all points")
    ax.axhline(low.number("ground_state"), color=style.INK, lw=0.9)
    ax.axhline(low.number("threshold"), color=style.INK, lw=0.9, ls=(0, (1, 1.5)))
    for value, name, side in ((low.number("ground_state"), r"$e_{\rm gs}$", "top"),
                              (low.number("threshold"), r"$e_{\rm th}$", "bottom")):  # fmt: skip
        ax.annotate(name, (1.0, value), xycoords=("axes fraction", "data"), xytext=(-5, -2 if side == "top" else 1.5),
                    textcoords="offset points", ha="right", va=side, fontsize=8.5)  # fmt: skip
    bottom, top = ax.get_ylim()
    ax.set_ylim(min(bottom, low.number("ground_state") - 0.14), top)
    ax.set_xlabel(r"index $k$")
    ax.set_ylabel(r"energy per spin $e$")
    ax.legend(loc="upper left")
    style.headroom(ax, len(sizes) + 1, 2.1)
