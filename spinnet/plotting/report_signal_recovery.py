"""Figure of the signal-recovery report: informed starts, random starts and their collapse, the 2 + p model."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport

_INFORMED = {"informed_flow": r"flow, $T=0$", "informed_langevin": r"Langevin, $T=1/\beta_0$"}
_MATRIX = {"matrix_flow": "gradient flow", "matrix_langevin": "Langevin"}


@style.styled
def draw(report: LoadedReport) -> Figure | None:
    """One panel for the informed starts, three for the random ones, one for each dynamics of the 2 + p model."""
    parts = []
    if any(report.below(role) for role in _INFORMED):
        parts.append(lambda ax: _informed(ax, report))
    if report.below("random"):
        parts += [lambda ax: _random(ax, report, False), lambda ax: _random(ax, report, True)]
        if sum(np.isfinite(one.number("half")) for one in report.below("random").values()) >= 2:
            parts.append(lambda ax: _scale(ax, report))
    for role in _MATRIX:
        if report.below(role):
            parts.append(lambda ax, role=role: _matrix(ax, report, role))
    return style.draw_panels(parts, 3, 2.45)


def _points(ax: Axes, one: Group, x, name: str, colour, marker: str = "o", **options) -> None:
    ax.errorbar(x, one[name], one[f"{name}_error"], color=colour, marker=marker, ms=3.2, **options)


def _informed(ax: Axes, report: LoadedReport) -> None:
    for (role, label), colour, marker in zip(_INFORMED.items(), style.COLOURS, style.MARKERS, strict=False):
        sizes, group = report.below(role), report.group(role)
        if not sizes:
            continue
        for one, shade in zip(sizes.values(), style.shades(colour, len(sizes)), strict=True):
            _points(ax, one, one["strength"], "overlap", shade, marker, ls="none")
        ax.plot(group["theory_strength"], group["theory_overlap"], color=colour, lw=1.1, label=label)
        ax.axvline(group.number("spinodal"), color=style.GREY, lw=0.8, ls=(0, (1, 1.5)))
        ax.axvline(group.number("information"), color=style.GREY, lw=0.8)
    ax.set_ylim(0.0, 1.02)
    ax.set_xlabel(r"signal-to-noise ratio $\beta_0$")
    ax.set_ylabel(r"overlap $m$ from the signal")
    ax.legend(loc="lower right")


def _random(ax: Axes, report: LoadedReport, scaled: bool) -> None:
    sizes = report.below("random")
    power = report.groups.get("random", Group()).number("predicted")
    for one, shade in zip(sizes.values(), style.shades(style.COLOURS[2], len(sizes)), strict=True):
        n = one.number("n")
        x = one["strength"] / n**power if scaled else one["strength"]
        _points(ax, one, x, "recovered", shade, lw=0.9, label=rf"$N={n:.0f}$")
    ax.axhline(0.5, color=style.GREY, lw=0.8, ls=(0, (1, 1.5)))
    ax.set_xscale("log")
    _plain(ax.xaxis)
    ax.set_ylim(-0.03, 1.03)
    exponent = f"{power:g}" if power != 0.5 else "1/2"
    ax.set_xlabel(rf"$\beta_0/N^{{{exponent}}}$" if scaled else r"signal-to-noise ratio $\beta_0$")
    ax.set_ylabel("recovery from random starts")
    if not scaled:
        ax.legend(loc="lower right")


def _scale(ax: Axes, report: LoadedReport) -> None:
    """β₀ of half recovery against N, its fitted power and that of theory through the largest size."""
    sizes = [one for one in report.below("random").values() if np.isfinite(one.number("half"))]
    group = report.groups.get("random", Group())
    n, half, error = (np.array([one.number(name) for one in sizes]) for name in ("n", "half", "half_error"))
    for one, shade in zip(sizes, style.shades(style.COLOURS[2], len(sizes)), strict=True):
        ax.errorbar(one.number("n"), one.number("half"), one.number("half_error"), color=shade, marker="o", ms=3.6)
    grid = np.geomspace(n[0] / 1.2, n[-1] * 1.2, 50)
    exponent, power = group.number("exponent"), group.number("predicted")
    if np.isfinite(exponent):
        weight = (half / error) ** 2
        middle = np.exp(((np.log(half) - exponent * np.log(n)) * weight).sum() / weight.sum())
        label = rf"$N^{{{style.with_error(exponent, group.number('exponent_error'))}}}$"
        ax.plot(grid, middle * grid**exponent, color=style.COLOURS[2], lw=0.9, label=label)
    name = f"{power:g}" if power != 0.5 else "1/2"
    ax.plot(grid, half[-1] * (grid / n[-1]) ** power, color=style.INK, ls=(0, (4, 1.6)), lw=1.0,
            label=rf"$N^{{{name}}}$")  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    _plain(ax.xaxis)
    _plain(ax.yaxis)
    ax.set_xlabel(r"$N$")
    ax.set_ylabel(r"$\beta_0$ of half recovery")
    ax.legend(loc="upper left")


def _plain(axis: Axis) -> None:
    """Ticks 1, 2, 5, 10, … in plain numbers."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FormatStrFormatter("%g"))
    axis.set_minor_formatter(NullFormatter())


def _matrix(ax: Axes, report: LoadedReport, role: str) -> None:
    sizes, group = report.below(role), report.groups.get(role, Group())
    colour = style.COLOURS[0 if role == "matrix_flow" else 1]
    for one, shade in zip(sizes.values(), style.shades(colour, len(sizes)), strict=True):
        _points(ax, one, one["strength"], "overlap", shade, lw=0.9, label=rf"$N={one.number('n'):.0f}$")
    line = group.number("line")
    if np.isfinite(line):
        ax.axvline(line, color=style.INK, lw=1.0, ls=(0, (4, 1.6)), label="line (heuristic)")
    ax.axvline(group.number("message_passing"), color=style.GREY, lw=0.8, ls=(0, (1, 1.5)))
    ax.set_ylim(0.0, 1.02)
    degree = int(group.attributes.get("degree", 3))
    ax.set_title(rf"{_MATRIX[role]}, $2+{degree}$")
    ax.set_xlabel(r"$1/\Delta_2$")
    ax.set_ylabel(r"$|m|$ from random starts")
    ax.legend(loc="lower right")
