"""Correlation, chi_4 and relaxation time above the dynamic transition."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport


@style.styled
def draw(report: LoadedReport) -> dict[str, Figure | None]:
    """One figure per size: C(t) with N → ∞, chi_4(t), and the relaxation time against T − T_d."""
    sizes = report.below("sizes")
    return {("" if len(sizes) == 1 else label): _figure(report, label, group) for label, group in sizes.items()}


def _figure(report: LoadedReport, label: str, group: Group) -> Figure:
    figure, axes = style.new_figure(1.45 * style.PAGE, 2.7, 3)
    curves = report.below("sizes", label)
    colours = style.shades(style.COLOURS[1], len(curves))[::-1]
    for one, colour in zip(curves.values(), colours, strict=True):
        name = rf"$T={one.number('temperature'):g}$"
        axes[0].errorbar(one["time"], one["correlation"], one["correlation_error"], color=colour, marker="o", ms=2.6,
                         ls="none", label=name)  # fmt: skip
        axes[0].plot(one["time"], one["theory"], color=colour, lw=1.0)
        low, high = one["chi4"] - one["chi4_error"], one["chi4"] + one["chi4_error"]
        axes[1].fill_between(one["time"], low, high, color=colour, alpha=0.35, lw=0)
        axes[1].plot(one["time"], one["chi4"], color=colour, lw=1.1, label=name)
    # Of the coldest, what the noise alone does at fixed couplings and start.
    first = next(iter(curves.values()))
    axes[1].plot(first["time"], first["chi4_within"], color=colours[0], lw=1.0, ls=(0, (3, 1.4)), label="noise alone")
    axes[1].legend(loc="upper left")
    axes[0].set_ylabel(r"$C(t,0)$, lines $N\to\infty$")
    axes[1].set_ylabel(r"$\chi_4(t)=N\,\mathrm{Var}\,C(t,0)$")
    for ax in axes[:2]:
        ax.set_xscale("log")
        ax.set_xlabel(r"time $t$")
    axes[0].legend(loc="lower left")
    axes[0].set_title(style.point_label(label))
    _times(axes[2], group)
    style.letter(axes)
    return figure


def _times(ax: Axes, group: Group) -> None:
    """τ against the distance from T_d, with the slope of mode-coupling theory through the lowest N → ∞ value."""
    distance = group["temperature"] - group.number("dynamic_temperature")
    shown = distance > 0
    tau, error = np.exp(group["log_time"]), np.exp(group["log_time"]) * group["log_time_error"]
    known = np.exp(group["log_time_theory"])
    ax.errorbar(distance[shown], tau[shown], error[shown], marker="o", ms=3.2, ls="none", color=style.COLOURS[1],
                label="measured")  # fmt: skip
    ax.plot(distance[shown], known[shown], marker="s", ms=3.2, mfc="white", color=style.INK, lw=0.9,
            label=r"$N\to\infty$")  # fmt: skip
    good = shown & np.isfinite(known)
    if good.any():
        first = int(np.argmin(np.where(good, distance, np.inf)))
        x = np.geomspace(distance[good].min(), distance[good].max(), 20)
        y = known[first] * (x / distance[first]) ** -group.number("exponent")
        ax.plot(x, y, color=style.GREY, lw=0.9, ls=(0, (4, 2)), label=rf"$\gamma={group.number('exponent'):.3f}$")
    ax.set_xscale("log")
    ax.set_yscale("log")
    # Less than a decade: the temperatures themselves are the ticks.
    ax.set_xticks(distance[shown], [f"{value:.2f}" for value in distance[shown]])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel(r"$T-T_d$")
    ax.set_ylabel(r"relaxation time $\tau$")
    ax.legend(loc="lower left")
