"""Barriers and overlaps between independent runs against size."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import LoadedReport

_SIDES = (("arm", "network"), ("shuffled", "shuffled labels"), ("glass", "glass"))
_KINDS = (("naive", "as they are", "o", "-"), ("aligned", "aligned", "s", "-"), ("band", "elastic band", "^", ":"))


@style.styled
def draw(report: LoadedReport) -> Figure:
    """Barriers on logarithmic axes, and overlaps before and after alignment with the untrained null."""
    figure, axes = style.new_figure(style.PAGE, 2.8, 2)
    for (side, name), colour in zip(_SIDES, style.COLOURS, strict=False):
        one = report.group(side)
        if not one:
            continue
        for key, how, marker, line in _KINDS:
            if key in one.arrays and (one[key] > 0).any():
                _course(axes[0], one, key, colour, marker, line, f"{name}, {how}", key != "naive")
        if "aligned_overlap" in one.arrays:
            _course(axes[1], one, "overlap", colour, "o", "-", f"{name}, as they are", False)
            _course(axes[1], one, "aligned_overlap", colour, "s", "-", f"{name}, aligned", True)
            _course(axes[1], one, "null_overlap", style.GREY, "s", ":", f"{name}, untrained, aligned", True)
    for ax in axes:
        ax.set_xscale("log")
        ax.set_xlabel("width (network), spins (glass)")
    axes[0].set_yscale("log")
    axes[0].set_ylabel("barrier on the line between two ends")
    axes[1].axhline(0.0, color=style.INK, lw=0.7)
    axes[1].set_ylabel("overlap of two ends")
    axes[1].set_ylim(-0.15, 1.25)
    for ax in axes:
        ax.legend(loc="best", fontsize=7)
    style.letter(axes)
    return figure


def _course(ax: Axes, one, key: str, colour, marker: str, line: str, label: str, full: bool) -> None:
    ax.errorbar(one["size"], one[key], one[f"{key}_error"], color=colour, marker=marker, ls=line, lw=0.9, ms=3.8,
                mfc=colour if full else "white", label=label)  # fmt: skip
