"""Figure of the Hessian report: shifted spectra on the semicircle, and edges against sampled matrices."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport

_SHORT = {"lowest": "lower edge", "highest": "upper edge"}
_NAMES = {"lower": "lower edge", "upper": "upper edge", "centre": "centre", "width": "width"}


@style.styled
def draw(report: LoadedReport) -> Figure | None:
    """For each series a row: density of λ + p e, and centre, width and edges less those of sampled GOE matrices."""
    series = report.below("series")
    if not series:
        return None
    figure, axes = style.new_figure(style.PAGE, 2.5 * len(series), 2, len(series))
    for row, (key, group) in enumerate(series.items()):
        sizes = report.below("series", key)
        _density(axes[2 * row], group, sizes)
        _differences(axes[2 * row + 1], sizes)
    style.letter(axes)
    return figure


def _density(ax: Axes, group: Group, sizes: dict[str, Group]) -> None:
    for one, shade in zip(sizes.values(), style.shades(style.COLOURS[0], len(sizes)), strict=True):
        ax.stairs(one["density"], one["edges"], color=shade, lw=1.0, label=rf"$N={one.number('n'):.0f}$")
    largest = list(sizes.values())[-1]
    ax.plot(largest["semicircle_at"], largest["semicircle"], color=style.INK, ls=(0, (4, 1.6)), lw=1.1,
            label="semicircle")  # fmt: skip
    ax.set_ylim(0.0, None)
    ax.set_xlim(largest["edges"][0], largest["edges"][-1])
    ax.set_xlabel(r"$\lambda+p\,e$")
    ax.set_ylabel("density")
    title = {"arm": "where the flow ends", "typical": "random configurations"}
    ax.set_title(title.get(str(group.attributes.get("role")), ""))
    ax.legend(loc="upper right", fontsize=7.5)
    style.headroom(ax, 2, 1.9)


def _differences(ax: Axes, sizes: dict[str, Group]) -> None:
    inverse = [1.0 / one.number("n") for one in sizes.values()]
    for name, colour, marker in zip(_NAMES, style.COLOURS, style.MARKERS, strict=False):
        off = [one.number(name) - one.number(f"goe_{name}") for one in sizes.values()]
        error = [one.number(f"{name}_error") for one in sizes.values()]
        ax.errorbar(inverse, off, error, color=colour, marker=marker, ms=3.6, lw=0.9, label=_NAMES[name])
    for name, colour, marker in zip(("lowest", "highest"), style.COLOURS, style.MARKERS, strict=False):
        off = [one.number(f"{name}_less_law") for one in sizes.values()]
        error = [one.number(f"{name}_less_law_error") for one in sizes.values()]
        if np.isfinite(off).any():
            ax.errorbar(inverse, off, error, color=colour, marker=marker, mfc="white", ms=3.6, lw=0.9, ls="--",
                        label=f"{_SHORT[name]}, less law of minima")  # fmt: skip
    ax.axhline(0.0, color=style.INK, lw=0.8)
    ax.set_xlim(0.0, 1.08 * max(inverse))
    ax.set_xlabel(r"$1/N$")
    ax.set_ylabel(r"measured less GOE($N-1$)")
    lines = len(ax.get_legend_handles_labels()[0])
    ax.legend(loc="upper left", ncol=2, fontsize=7.5, columnspacing=1.0)
    style.headroom(ax, -(-lines // 2), 1.9)
