"""Barriers and overlaps between independent runs against size; their distributions; minimum-energy paths."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from spinnet.plotting import style
from spinnet.plotting.loaded import LoadedReport

_SIDES = (("arm", "network"), ("shuffled", "shuffled labels"), ("glass", "glass"))
_KINDS = (
    ("naive", "as they are", "o", "-"), ("aligned", "aligned", "s", "-"), ("band", "elastic band", "^", ":"),
    ("chain_line", "aligned, between minima", "D", "--"), ("chain", "highest saddle", "v", ":"),
)  # fmt: skip
_OPEN = ("naive", "chain_line")
_BINS = 30
_DRAWN = (  # variable, what it is, line
    ("aligned", "aligned", "-"), ("start_aligned", "untrained, aligned", ":"), ("overlap", "as they are", "--"),
)  # fmt: skip


@style.styled
def draw(report: LoadedReport) -> dict[str, Figure | None]:
    """Courses with size, the distributions P(q) where overlaps were measured, and profiles of paths where there are."""
    return {"": _courses(report), "overlaps": _distributions(report), "paths": _profiles(report)}


def _courses(report: LoadedReport) -> Figure:
    """Barriers on logarithmic axes, and overlaps before and after alignment with the untrained null."""
    figure, axes = style.new_figure(style.PAGE, 3.0, 2)
    lines, overlaps, hows, sizes = {}, {}, {}, set()
    for (side, name), colour in zip(_SIDES, style.COLOURS, strict=False):
        one = report.group(side)
        if not one:
            continue
        sizes |= set(one["size"].tolist())
        lines[name] = overlaps[name] = Line2D([], [], color=colour)
        for key, how, marker, line in _KINDS:
            if key in one.arrays and (one[key] > 0).any():
                _course(axes[0], one, key, colour, marker, line, key not in _OPEN)
                hows[how] = _proxy(marker, line, key not in _OPEN)
        if "aligned_overlap" in one.arrays:
            _course(axes[1], one, "overlap", colour, "o", "-", False)
            _course(axes[1], one, "aligned_overlap", colour, "s", "-", True)
            _course(axes[1], one, "null_overlap", colour, "x", ":", True)
        else:
            del overlaps[name]
    lines |= hows
    overlaps |= {"as they are": _proxy("o", "-", False), "aligned": _proxy("s", "-", True),
                 "untrained, aligned": _proxy("x", ":", True)}  # fmt: skip
    for ax in axes:
        ax.set_xscale("log")
        ax.set_xlabel("width (network), spins (glass)")
        if sizes and max(sizes) < 10 * min(sizes):  # too few decades for ticks at powers of ten
            ax.set_xticks(sorted(sizes), [f"{size:g}" for size in sorted(sizes)])
            ax.xaxis.set_minor_formatter(NullFormatter())
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


def _distributions(report: LoadedReport) -> Figure | None:
    """P(q) over pairs, a panel for each size: trained, before and after alignment, and the null."""
    pairs = {name: one for name, one in report.below("pairs").items() if "aligned" in one.arrays}
    sizes = sorted({one.number("size") for one in pairs.values()})
    if not sizes:
        return None
    figure, axes = style.new_figure(style.PAGE, 1.9 * -(-len(sizes) // 3) + 0.5, 3, -(-len(sizes) // 3))
    for ax in axes[len(sizes):]:
        ax.remove()
    entries: dict[str, Line2D] = {}
    for ax, size in zip(axes, sizes, strict=False):
        own = [one[key] for one in pairs.values() if one.number("size") == size for key, _, _ in _DRAWN]
        values = np.concatenate([*own, [0.0]])
        edges = np.linspace(values.min() - 0.02, values.max() + 0.02, _BINS + 1)
        for (side, name), colour in zip(_SIDES, style.COLOURS, strict=False):
            for one in (one for one in pairs.values() if one.number("size") == size and one.attributes["side"] == side):
                for key, how, line in _DRAWN[: 3 if side == "arm" else 1]:
                    ax.hist(one[key], edges, density=True, histtype="step", color=colour, ls=line, lw=1.1)
                    entries[f"{name}, {how}"] = Line2D([], [], color=colour, ls=line)
        ax.set_title(f"width {size:g}", fontsize=8.5)
        ax.axvline(0.0, color=style.GREY, lw=0.5)
        ax.set_yticks([])
    for ax in axes[max(len(sizes) - 3, 0) : len(sizes)]:
        ax.set_xlabel("overlap $q$ of a pair")
    axes[0].set_ylabel("$P(q)$")
    figure.legend(list(entries.values()), list(entries), loc="outside upper center", ncols=2, fontsize=7.5)
    return figure


def _profiles(report: LoadedReport) -> Figure | None:
    """Energies along minimum-energy paths above the higher end, a panel for each side and size."""
    paths = [one for one in report.below("pairs").values() if "profile" in one.arrays and len(one["profile"])]
    paths.sort(key=lambda one: (str(one.attributes["side"]), one.number("size")))
    if not paths:
        return None
    columns = min(len(paths), 3)
    figure, axes = style.new_figure(style.PAGE, 2.2 * -(-len(paths) // columns), columns, -(-len(paths) // columns))
    for ax in axes[len(paths):]:
        ax.remove()
    names = dict(_SIDES)
    for ax, one in zip(axes, paths, strict=False):
        profile = one["profile"][np.ptp(one["profile"], axis=1) > 0]
        for row, shade in zip(profile, style.shades(style.COLOURS[0], max(len(profile), 1)), strict=False):
            ax.plot(np.linspace(0.0, 1.0, len(row)), row, color=shade, lw=0.9)
        ax.axhline(0.0, color=style.INK, lw=0.6)
        what = "spins" if one.attributes["side"] == "glass" else "width"
        ax.set_title(f"{names[str(one.attributes['side'])]}, {what} {one.number('size'):g}", fontsize=8.5)
        ax.set_xlabel("share of the path's length")
    axes[0].set_ylabel("energy above the higher minimum")
    return figure
