"""Final loss of networks and energy of glasses against the duration of the cooling, and their relative spread."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport

_DASHES = (0, (3, 1.6))


@style.styled
def draw(report: LoadedReport) -> Figure:
    """Network (cooled full, held dashed), glass, and Var/mean² against size with the line of independent parts."""
    figure, axes = style.new_figure(1.45 * style.PAGE, 2.7, 3)
    _energies(axes[0], report.below("series", "network"), style.COLOURS[0], "W", "mean loss at the end")
    held = report.below("series", "held")
    for one, shade in zip(held.values(), style.shades(style.COLOURS[0], max(len(held), 1)), strict=False):
        axes[0].plot(one["duration"], one["energy"], color=shade, ls=_DASHES, lw=0.9)
    if held:
        axes[0].plot([], [], color=style.INK, ls=_DASHES, lw=0.9, label="rate held")
    style.headroom(axes[0], 2)
    axes[0].legend(loc="upper right", ncols=2)
    axes[0].set_xlabel(r"steps of the cooling, $\eta_0$/rate")
    glass = report.below("series", "glass")
    if glass:
        _energies(axes[1], glass, style.COLOURS[1], "N", "energy per spin at the end")
        axes[1].set_xlabel(r"duration of the cooling, $T_0$/rate")
        axes[1].legend(loc="best")
    else:
        axes[1].set_axis_off()
    _spread(axes[2], report)
    style.letter([ax for ax in axes if ax.axison])
    return figure


def _energies(ax: Axes, series: dict[str, Group], colour: str, letter: str, told: str) -> None:
    for one, shade in zip(series.values(), style.shades(colour, len(series)), strict=True):
        ax.errorbar(one["duration"], one["energy"], one["energy_error"], color=shade, marker="o", ms=3.2, lw=0.9,
                    label=rf"${letter}={one.number('n_dof'):.0f}$")  # fmt: skip
    ax.set_xscale("log")
    ax.set_ylabel(told)


def _spread(ax: Axes, report: LoadedReport) -> None:
    drawn = False
    for name, colour in (("network", style.COLOURS[0]), ("glass", style.COLOURS[1])):
        group = report.group("averaging", name)
        if not group:
            continue
        size, ratio = group["size"], group["relative_variance"]
        ax.errorbar(size, ratio, ratio * group["log_error"], color=colour, marker="o", ms=3.6, ls="none",
                    label=rf"{name}, $x={style.with_error(group.number('exponent'), group.number('exponent_error'))}$")
        ax.plot(size, ratio[0] * (size / size[0]) ** -1.0, color=colour, lw=0.9, ls=_DASHES)
        drawn = True
    if not drawn:
        ax.set_axis_off()
        return
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("degrees of freedom")
    ax.set_ylabel(r"$\mathrm{Var}\,e/\langle e\rangle^2$, dashed $x=1$")
    ax.legend(loc="best")
    low, high = ax.get_ylim()
    ax.set_ylim(low, high * np.sqrt(high / low) ** 0.4)
