"""Mean-square displacement of networks under SGD: ages, exponents, collapse on the clock of the noise, stationarity."""

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
def draw(report: LoadedReport) -> Figure:
    """Six panels: Δ of the narrow and the wide network and the glass; exponents; Δ on the clock; Yaida's relation."""
    arms = report.below("arms")
    settings = report.settings
    figure, axes = style.new_figure(1.45 * style.PAGE, 5.4, 3, 2)
    names = [settings["narrow"], settings["wide"], settings["glass"]]
    for ax, name, colour in zip(axes, names, style.COLOURS, strict=False):
        found = [group for group in arms.values() if group.attributes.get("arm") == name]
        if name and found:
            _displacement(ax, found[-1], colour, name)
        else:
            ax.set_axis_off()
    colours = dict(zip(arms, [*style.COLOURS, *style.COLOURS], strict=False))
    for name, group in arms.items():
        if group.attributes.get("arm") in names:
            colours[name] = style.COLOURS[names.index(group.attributes["arm"])]
    others = [name for name, group in arms.items() if group.attributes.get("arm") not in names]
    colours |= dict(zip(others, style.COLOURS[3:] * 4, strict=False))
    _exponents(axes[3], arms, colours)
    _on_clock(axes[4], arms, colours)
    _balance(axes[5], arms, colours)
    style.letter([ax for ax in axes if ax.axison])
    return figure


def _name(label: str) -> str:
    return label.replace("_", " ")


def _displacement(ax: Axes, group: Group, colour: str, name: str) -> None:
    """Δ against t for each age, with free diffusion (dashed) and harmonic modes (dotted) of the oldest."""
    delay = group["delay"]
    shades = style.shades(colour, len(group["waiting_time"]))
    for wait, (age, shade) in enumerate(zip(group["waiting_time"], shades, strict=True)):
        mean, error = group["displacement"][wait], group["displacement_error"][wait]
        ax.fill_between(delay, np.maximum(mean - error, 0.05 * mean), mean + error, color=shade, alpha=0.35, lw=0)
        ax.plot(delay, mean, color=shade, label=rf"$t_w={age:.6g}$")
    for key, dashes, told in (("free", _DASHES, "free, same noise"), ("harmonic", _DOTS, "harmonic modes")):
        if key in group.arrays:
            ax.plot(delay, group[key][-1], color=style.INK, lw=0.9, ls=dashes, label=told)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("delay $t$ (steps)" if group.attributes.get("network") else "delay $t$")
    ax.set_ylabel(r"$\Delta(t_w+t,t_w)$")
    ax.set_title(f"{_name(name)}, $W={group.number('n_dof'):.0f}$")
    ax.legend(loc="upper left", fontsize=7.0)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high * (high / low) ** 0.45)


def _exponents(ax: Axes, arms: dict[str, Group], colours: dict[str, str]) -> None:
    """The local exponent at the greatest age of each arm, on the clock of its noise; dotted: its harmonic modes."""
    for label, group in arms.items():
        name = "clock_exponent" if "clock_exponent" in group.arrays else "exponent"
        fitted = np.flatnonzero(np.isfinite(group[name]).any(axis=1))
        if not len(fitted):
            continue
        mean, error = group[name][fitted[-1]], group[f"{name}_error"][fitted[-1]]
        age = group["waiting_time"][fitted[-1]]
        ax.fill_between(group["delay"], mean - error, mean + error, color=colours[label], alpha=0.3, lw=0)
        ax.plot(group["delay"], mean, color=colours[label], label=rf"{_name(label)}, $t_w={age:.6g}$")
        if "harmonic_exponent" in group.arrays:
            ax.plot(group["delay"], group["harmonic_exponent"][fitted[-1]], color=colours[label], lw=0.9, ls=_DOTS)
    ax.axhline(1.0, color=style.GREY, lw=0.8)
    ax.set_xscale("log")
    ax.set_xlabel("delay $t$")
    ax.set_ylabel(r"$\mathrm{d}\ln\Delta/\mathrm{d}\ln\Delta_0$ (glass: $t$)")
    ax.set_ylim(0.0, 2.6)
    ax.legend(loc="upper left", fontsize=7.0)


def _on_clock(ax: Axes, arms: dict[str, Group], colours: dict[str, str]) -> None:
    """Δ over that of free diffusion with the measured noise, against the latter: 1 for free diffusion of any age."""
    handles = []
    for label, group in arms.items():
        if "free" not in group.arrays:
            continue
        shades = style.shades(colours[label], len(group["waiting_time"]))
        for wait, shade in enumerate(shades):
            clock = group["free"][wait]
            ax.plot(clock, group["displacement"][wait] / clock, color=shade, lw=1.0)
        handles.append(Line2D([], [], color=colours[label], label=_name(label)))
    ax.axhline(1.0, color=style.GREY, lw=0.8)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel(r"free diffusion $\Delta_0=\int\eta^2\,\mathrm{tr}\,C/(BW)\,\mathrm{d}t$")
    ax.set_ylabel(r"$\Delta/\Delta_0$")
    if handles:
        ax.legend(handles=handles, loc="best", fontsize=7.0)


def _balance(ax: Axes, arms: dict[str, Group], colours: dict[str, str]) -> None:
    """Noise side over drift side of Yaida's relation; negative ones (the drift reversed) are cut off."""
    for label, group in arms.items():
        if "balance" in group.arrays:
            ax.errorbar(group["window"], group["balance"], group["balance_error"], color=colours[label], marker="o",
                        ms=3.2, lw=0.8, label=_name(label))  # fmt: skip
    ax.axhline(1.0, color=style.GREY, lw=0.8)
    ax.set_xscale("log")
    low, high = ax.get_ylim()
    ax.set_ylim(max(low, -2.0), min(high, 4.0))
    ax.set_xlabel("start of the window (steps)")
    ax.set_ylabel("noise over drift of $|w|^2$")
    ax.legend(loc="best", fontsize=7.0)
