"""Figure of the complexity report: numbers by index, and complexity against energy, at finite N and beyond."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport


@style.styled
def draw(report: LoadedReport) -> dict[str, Figure | None]:
    """One figure per series: mean numbers by index, all points by energy, low indices by energy."""
    series = report.below("series")
    return {("" if len(series) == 1 else key): _figure(report, key, group) for key, group in series.items()}


def _figure(report: LoadedReport, key: str, group: Group) -> Figure:
    figure, axes = style.new_figure(style.PAGE, 2.75, 3)
    sizes = report.below("series", key)
    _numbers(axes[0], sizes)
    _all_points(axes[1], group, sizes)
    _low_indices(axes[2], group, list(sizes.values())[-1])
    if group.attributes.get("label"):
        axes[1].set_title(style.point_label(str(group.attributes["label"])))
    style.letter(axes)
    return figure


def _numbers(ax: Axes, sizes: dict[str, Group]) -> None:
    """Mean number of points of each index: measured (symbols) and exact (lines)."""
    for one, shade in zip(sizes.values(), style.shades(style.COLOURS[0], len(sizes)), strict=True):
        n = one.number("n")
        place = one["index"] / (n - 1)
        ax.plot(place, one["exact"], color=shade, lw=1.0)
        ax.errorbar(place, one["count"], one["count_error"], color=shade, marker="o", ls="none", ms=3.4,
                    label=rf"$N={n:.0f}$")  # fmt: skip
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel(r"index density $k/(N-1)$")
    ax.set_ylabel(r"mean number $\mathbb{E}\,\mathcal{N}_k$")
    ax.legend(loc="upper center", ncol=2, columnspacing=1.0)
    style.headroom(ax, -(-len(sizes) // 2), 2.1)


def _complexity(values: np.ndarray, n: float) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.where(values > 0, np.log(np.maximum(values, 1e-300)) / n, np.nan)


def _curve(ax: Axes, n: float, energy, exact, mean, error, colour, label: str) -> None:
    """Exact line, and symbols with errors where the number is known better than to a factor of two."""
    ax.plot(energy, _complexity(exact, n), color=colour, lw=1.0)
    known = (mean > 0) & (error > 0) & (error < 0.5 * mean)
    chosen = np.flatnonzero(known)[:: max(1, int(known.sum()) // 12)]
    ax.errorbar(energy[chosen], _complexity(mean, n)[chosen], error[chosen] / mean[chosen] / n, color=colour,
                marker="o", ls="none", ms=3.0, label=label)  # fmt: skip


def _all_points(ax: Axes, group: Group, sizes: dict[str, Group]) -> None:
    chosen = [one for one in sizes.values() if one.number("n") > 2][-3:] or list(sizes.values())
    for one, shade in zip(chosen, style.shades(style.COLOURS[0], len(chosen)), strict=True):
        n = one.number("n")
        _curve(ax, n, one["curve_energy"], one["exact_curve"].sum(axis=1), one["curve_total"],
               one["curve_total_error"], shade, rf"$N={n:.0f}$")  # fmt: skip
    ax.plot(group["limit_energy"], group["limit_total"], color=style.INK, ls=(0, (4, 1.6)), lw=1.1,
            label=r"$N\to\infty$")  # fmt: skip
    _axes(ax, group, r"$\frac{1}{N}\ln\,\mathbb{E}\,\mathcal{N}(\leq e)$", -0.35)


def _low_indices(ax: Axes, group: Group, largest: Group) -> None:
    n = largest.number("n")
    count = min(len(group["limit_index"]), largest["curve"].shape[1])
    for k in range(count):
        colour = style.COLOURS[1 + k]
        _curve(ax, n, largest["curve_energy"], largest["exact_curve"][:, k], largest["curve"][:, k],
               largest["curve_error"][:, k], colour, rf"$k={k}$")  # fmt: skip
        ax.plot(group["limit_energy"], group["limit_index"][k], color=colour, ls=(0, (4, 1.6)), lw=1.0)
    ax.plot([], [], color=style.INK, lw=1.0, label=rf"exact, $N={n:.0f}$")
    ax.plot([], [], color=style.INK, ls=(0, (4, 1.6)), lw=1.0, label=r"$N\to\infty$")
    _axes(ax, group, r"$\frac{1}{N}\ln\,\mathbb{E}\,\mathcal{N}_k(\leq e)$", -0.35, count + 2)


def _axes(ax: Axes, group: Group, label: str, bottom: float, lines: int = 0) -> None:
    ax.set_xlim(group["limit_energy"][0] * 0.94, group["limit_energy"][-1])
    ax.set_ylim(bottom=bottom)
    ax.set_xlabel(r"energy per spin $e$")
    ax.set_ylabel(label)
    if lines:
        ax.legend(loc="upper left", ncol=2, columnspacing=0.9, fontsize=7.5)
        style.headroom(ax, -(-lines // 2), 2.1)
    else:
        ax.legend(loc="lower right")
