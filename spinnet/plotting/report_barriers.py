"""Barriers and overlaps between independent runs against size."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spinnet.plotting import style
from spinnet.plotting.loaded import LoadedReport

_SIDES = (("arm", "network"), ("shuffled", "shuffled labels"), ("glass", "glass"))
_KINDS = (("naive", "as they are", "o", "-"), ("aligned", "aligned", "s", "-"), ("band", "elastic band", "^", ":"))


@style.styled
def draw(report: LoadedReport) -> Figure:
    """Barriers on logarithmic axes, and overlaps before and after alignment with the untrained null."""
    figure, axes = style.new_figure(style.PAGE, 3.0, 2)
    lines, overlaps = {}, {}
    for (side, name), colour in zip(_SIDES, style.COLOURS, strict=False):
        one = report.group(side)
        if not one:
            continue
        lines[name] = overlaps[name] = Line2D([], [], color=colour)
        for key, how, marker, line in _KINDS:
            if key in one.arrays and (one[key] > 0).any():
                _course(axes[0], one, key, colour, marker, line, key != "naive")
                lines[how] = _proxy(marker, line, key != "naive")
        if "aligned_overlap" in one.arrays:
            _course(axes[1], one, "overlap", colour, "o", "-", False)
            _course(axes[1], one, "aligned_overlap", colour, "s", "-", True)
            _course(axes[1], one, "null_overlap", colour, "x", ":", True)
        else:
            del overlaps[name]
    overlaps |= {"as they are": _proxy("o", "-", False), "aligned": _proxy("s", "-", True),
                 "untrained, aligned": _proxy("x", ":", True)}  # fmt: skip
    for ax in axes:
        ax.set_xscale("log")
        ax.set_xlabel("width (network), spins (glass)")
    axes[0].set_yscale("log")
    axes[0].set_ylabel("barrier between two ends")
    axes[1].axhline(0.0, color=style.INK, lw=0.7)
    axes[1].set_ylabel("overlap of two ends")
    for ax, entries in zip(axes, (lines, overlaps), strict=True):
        style.headroom(ax, -(-len(entries) // 2), 2.3)
        ax.legend(list(entries.values()), list(entries), loc="upper center", ncols=2, fontsize=7.5)
    style.letter(axes)
    return figure


def _proxy(marker: str, line: str, full: bool) -> Line2D:
    return Line2D([], [], color=style.GREY, marker=marker, ls=line, mfc=style.GREY if full else "white", ms=3.8)


def _course(ax: Axes, one, key: str, colour, marker: str, line: str, full: bool) -> None:
    ax.errorbar(one["size"], one[key], one[f"{key}_error"], color=colour, marker=marker, ls=line, lw=0.9, ms=3.8,
                mfc=colour if full else "white")  # fmt: skip
