"""Ageing of a glass beside N → ∞: correlation after each waiting time, response against correlation, and its slope."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport

_DASHES = (0, (4, 1.6))
_DOTS = (0, (1, 1.5))


@style.styled
def draw(report: LoadedReport) -> dict[str, Figure | None]:
    """One figure per series: C against t, χ against C, X against t_w, and the distance from FDT with the control."""
    series = report.below("series")
    return {("" if len(series) == 1 else key): _figure(report, key, group) for key, group in series.items()}


def _figure(report: LoadedReport, key: str, group: Group) -> Figure:
    figure, axes = style.panels(4)
    sizes = report.below("series", key)
    sizes.pop("limits", None)
    shades = style.shades(style.COLOURS[0], len(group["waiting_time"]))
    largest = list(sizes.values())[-1]
    _correlation(axes[0], group, largest, shades)
    _parametric(axes[1], group, largest, shades)
    _slopes(axes[2], group, sizes)
    _residual(axes[3], report, group, largest, shades)
    if group.attributes.get("label"):
        axes[0].set_title(style.point_label(str(group.attributes["label"])))
    style.letter(axes)
    return figure


def _name(group: Group) -> str:
    return "$X$" if group.number("temperature") > 0 else r"$-\mathrm{d}\chi/\mathrm{d}C$"


def _correlation(ax: Axes, group: Group, one: Group, shades) -> None:
    after = group["delay"] > 0
    delay, fine = group["delay"][after], group["theory_delay"] > 0
    for wait, (age, shade) in enumerate(zip(group["waiting_time"], shades, strict=True)):
        mean, error = one["correlation"][wait][after], one["correlation_error"][wait][after]
        ax.fill_between(delay, mean - error, mean + error, color=shade, alpha=0.35, lw=0)
        ax.plot(delay, mean, color=shade, label=rf"$t_w={age:.3g}$")
        ax.plot(group["theory_delay"][fine], group["theory_correlation"][wait][fine], color=style.INK, ls=_DASHES,
                lw=0.9, label=r"$N\to\infty$" if wait == len(shades) - 1 else None)  # fmt: skip
    if group.number("plateau") < 1:
        ax.axhline(group.number("plateau"), color=style.GREY, lw=0.8, ls=_DOTS)
        ax.text(delay[0], group.number("plateau"), r" $q$", va="bottom", ha="left", color=style.GREY)
    ax.set_xscale("log")
    ax.set_xlim(delay[0], delay[-1])
    ax.set_ylim(0.0, 1.02)
    ax.set_xlabel(r"delay $t$")
    ax.set_ylabel(rf"$C(t_w+t,t_w)$, $n={one.number('n'):.0f}$")
    ax.legend(loc="lower left")


def _parametric(ax: Axes, group: Group, one: Group, shades) -> None:
    """χ against C: points with errors, theory dashed, and the lines of FDT and of the slope for late times."""
    temperature, ratio = group.number("temperature"), group.number("asymptotic")
    plateau = group.number("plateau")
    for wait, shade in enumerate(shades):
        known = np.isfinite(one["response"][wait])
        c, chi = one["correlation"][wait][known], one["response"][wait][known]
        ax.errorbar(c, chi, one["response_error"][wait][known], one["correlation_error"][wait][known], color=shade,
                    marker="o", ms=2.6, ls="none", lw=0.7)  # fmt: skip
        ax.plot(group["theory_correlation"][wait], group["theory_response"][wait], color=style.INK, ls=_DASHES, lw=0.9)
    handles = [Line2D([], [], color=style.INK, ls=_DASHES, lw=0.9, label=r"$N\to\infty$")]
    top = 1.12 * max(float(np.nanmax(one["response"])), float(group["theory_response"].max()))
    if temperature > 0:
        c = np.linspace(0.0, 1.0, 2)
        handles += ax.plot(c, (1 - c) / temperature, color=style.COLOURS[1], lw=1.0, label=r"slope $-1/T$")
        top = min(top, 1.05 / temperature)
    if np.isfinite(ratio) and plateau < 1:
        c = np.linspace(0.0, plateau, 2)
        chi = (1 - plateau) / temperature + ratio * (plateau - c) / temperature
        handles += ax.plot(c, chi, color=style.COLOURS[2], lw=1.0, label=rf"slope $-X/T$, $X={ratio:.3f}$")
        top = max(top, 1.05 * float(chi[0]))
    ax.set_xlim(0.0, 1.0)
    ax.set_ylim(0.0, top)
    ax.set_xlabel(r"$C(t_w+t,t_w)$")
    ax.set_ylabel(r"integrated response $\chi$")
    ax.legend(handles=handles, loc="upper right")


def _slopes(ax: Axes, group: Group, sizes: dict[str, Group]) -> None:
    """The fitted slope at each waiting time: sizes side by side, their limit, and the theory fitted alike."""
    ages = np.maximum(group["waiting_time"], 1e-300)
    place = np.arange(len(ages), dtype=float)
    colours = style.shades(style.COLOURS[0], len(sizes))
    for k, (label, colour) in enumerate(zip(sizes, colours, strict=True)):
        offset = 0.36 * (k - (len(sizes) - 1) / 2) / max(len(sizes), 2)
        ax.errorbar(place + offset, group["slope"][:, k], group["slope_error"][:, k], color=colour, marker="o", ms=3.2,
                    ls="none", label=style.point_label(label))  # fmt: skip
    limit = group["limit_slope"]
    if np.isfinite(limit).any():
        ax.errorbar(place + 0.28, limit, group["limit_slope_error"], color=style.COLOURS[1], marker="D", mfc="white",
                    ms=3.6, ls="none", label=r"$a+b/N$")  # fmt: skip
    ax.plot(place, group["theory_slope"], color=style.INK, ls=_DASHES, lw=0.9, marker="_", ms=14, mew=1.2,
            label=r"$N\to\infty$")  # fmt: skip
    if np.isfinite(group.number("asymptotic")):
        ax.axhline(group.number("asymptotic"), color=style.COLOURS[2], lw=1.0, label=r"$t_w\to\infty$")
    if group.number("temperature") > 0:
        ax.axhline(1.0, color=style.GREY, lw=0.7)
    ax.set_xticks(place, [f"{age:.3g}" for age in group["waiting_time"]])
    ax.minorticks_off()
    ax.set_xlim(-0.5, len(ages) - 0.5)
    style.headroom(ax, 3)
    ax.set_xlabel(r"waiting time $t_w$")
    ax.set_ylabel(rf"fitted {_name(group)}")
    ax.legend(loc="upper center", ncol=2)


def _residual(ax: Axes, report: LoadedReport, group: Group, one: Group, shades) -> None:
    """Tχ − (1 − C): zero where FDT holds."""
    if not group.number("temperature") > 0:
        ax.set_axis_off()
        return
    after = group["delay"] > 0
    fine = group["theory_delay"] > 0
    for wait, shade in enumerate(shades):
        ax.errorbar(group["delay"][after], one["residual"][wait][after], one["residual_error"][wait][after],
                    color=shade, marker="o", ms=2.6, ls="none", lw=0.7,
                    label=rf"$t_w={group['waiting_time'][wait]:.3g}$")  # fmt: skip
        theory = group.number("temperature") * group["theory_response"][wait] - (1 - group["theory_correlation"][wait])
        ax.plot(group["theory_delay"][fine], theory[fine], color=style.INK, ls=_DASHES, lw=0.9)
    for key, control in report.below("control").items():
        sizes = report.below("control", key)
        hot = list(sizes.values())[-1]
        after = control["delay"] > 0
        ax.errorbar(control["delay"][after], hot["residual"][-1][after], hot["residual_error"][-1][after],
                    color=style.COLOURS[1], marker="s", ms=2.6, ls="none", lw=0.7, mfc="white",
                    label=rf"equilibrium, $T={control.number('temperature'):g}$")  # fmt: skip
    ax.axhline(0.0, color=style.GREY, lw=0.7)
    ax.set_xscale("log")
    ax.set_xlim(group["delay"][group["delay"] > 0][0], group["delay"][-1])
    ax.set_xlabel(r"delay $t$")
    ax.set_ylabel(r"$T\chi-(1-C)$")
    ax.legend(loc="lower left")
