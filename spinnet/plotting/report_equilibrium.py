"""Equilibrium of a glass: energy, specific heat and overlap distribution against temperature, sizes beside theory."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport


@style.styled
def draw(report: LoadedReport) -> dict[str, Figure | None]:
    """One figure of four panels per series."""
    series = report.below("series")
    return {("" if len(series) == 1 else key): _figure(report, key, group) for key, group in series.items()}


def _figure(report: LoadedReport, key: str, group: Group) -> Figure:
    figure, axes = style.panels(4)
    sizes = report.below("series", key)
    shades = style.shades(style.COLOURS[0], len(sizes))
    _energy(axes[0], group, sizes, shades)
    _specific_heat(axes[1], group, sizes, shades)
    _distances(axes[2], group, sizes)
    _distributions(axes[3], report, key, group, sizes)
    if group.attributes.get("label"):
        axes[0].set_title(style.point_label(str(group.attributes["label"])))
    style.letter(axes)
    return figure


def _markers(one: Group, shade) -> dict:
    """Open symbols where a size is not counted as equilibrated."""
    filled = shade if one.number("equilibrated") else "white"
    return {"marker": "o", "ms": 3.2, "ls": "none", "color": shade, "mfc": filled}


def _transitions(ax: Axes, group: Group) -> None:
    for name, label, dashes in (("static_temperature", r"$T_s$", (0, (1, 1.5))), ("dynamic_temperature", r"$T_d$",
                                                                              (0, (4, 2)))):  # fmt: skip
        ax.axvline(group.number(name), color=style.GREY, lw=0.8, ls=dashes, label=label, zorder=0)


def _theory(ax: Axes, group: Group, name: str) -> None:
    curve = group[f"theory_{name}"]
    ax.plot(group["theory_temperature"], curve, color=style.INK, lw=1.0, label=r"$N\to\infty$", zorder=1)


def _energy(ax: Axes, group: Group, sizes: dict[str, Group], shades) -> None:
    _transitions(ax, group)
    _theory(ax, group, "energy")
    for (label, one), shade in zip(sizes.items(), shades, strict=True):
        ax.errorbar(group["temperature"], one["energy"], one["energy_error"], label=style.point_label(label),
                    **_markers(one, shade))  # fmt: skip
    ax.set_xlabel(r"temperature $T$")
    ax.set_ylabel(r"energy per spin $e$")
    ax.legend(loc="lower right")


def _specific_heat(ax: Axes, group: Group, sizes: dict[str, Group], shades) -> None:
    """Fluctuations as points, the slope of e(T) over each interval as a bar."""
    _transitions(ax, group)
    _theory(ax, group, "specific_heat")
    ladder = group["temperature"]
    for k, (one, shade) in enumerate(zip(sizes.values(), shades, strict=True)):
        ax.errorbar(ladder, one["specific_heat"], one["specific_heat_error"], **_markers(one, shade))
        if k == len(sizes) - 1:
            ax.hlines(one["slope"], ladder[:-1], ladder[1:], color=style.COLOURS[1], lw=1.2,
                      label=r"$\Delta e/\Delta T$")  # fmt: skip
    ax.set_xlabel(r"temperature $T$")
    ax.set_ylabel(r"specific heat $c$")
    handles, labels = ax.get_legend_handles_labels()
    chosen = [k for k, label in enumerate(labels) if label.startswith(r"$\Delta")]
    ax.legend([handles[k] for k in chosen], [labels[k] for k in chosen], loc="upper right")


def _distances(ax: Axes, group: Group, sizes: dict[str, Group]) -> None:
    """e_N − e against 1/N at temperatures above the transition, with the fits a + b x_N."""
    inverse = np.array([1.0 / one.number("n") for one in sizes.values()])
    tested = np.flatnonzero(np.isfinite(group["limit"]))
    shown = tested if len(tested) else np.flatnonzero(group["temperature"] > group.number("dynamic_temperature"))
    for k, colour in zip(shown, style.shades(style.COLOURS[2], max(len(shown), 1))[::-1], strict=False):
        mean = np.array([one["energy"][k] for one in sizes.values()]) - group["known_energy"][k]
        error = np.array([one["energy_error"][k] for one in sizes.values()])
        ax.errorbar(inverse, mean, error, color=colour, marker="o", ms=3.2, ls="none",
                    label=rf"$T={group['temperature'][k]:g}$")  # fmt: skip
        if np.isfinite(group["limit"][k]):
            limit = group["limit"][k] - group["known_energy"][k]
            weights = 1.0 / error**2
            leading = np.array([one["leading_correction"][k] for one in sizes.values()])
            slope = np.sum(weights * leading * (mean - limit)) / np.sum(weights * leading**2)
            ax.plot(np.append(inverse, 0.0), np.append(limit + slope * leading, limit), color=colour, lw=0.9)
            ax.errorbar([0.0], [limit], [group["limit_error"][k]], color=colour, marker="D", mfc="white", ms=3.4,
                        ls="none", clip_on=False, zorder=5)  # fmt: skip
    ax.axhline(0.0, color=style.INK, lw=1.0)
    ax.set_xlim(-0.05 * inverse.max(), 1.08 * inverse.max())
    ax.set_xlabel(r"$1/N$")
    ax.set_ylabel(r"$e_N(T)-e(T)$")
    ax.legend(loc="upper left")


def _distributions(ax: Axes, report: LoadedReport, key: str, group: Group, sizes: dict[str, Group]) -> None:
    """P(q) of the largest size at the temperatures that were kept; arrows at the overlaps of theory."""
    label = list(sizes)[-1]
    kept = report.below("series", key, label, "overlap")
    for (level, one), colour in zip(kept.items(), style.COLOURS[3:], strict=False):
        middle = 0.5 * (one["edge"][1:] + one["edge"][:-1])
        mean, error = one["density"], one["density_error"]
        ax.fill_between(middle, mean - error, mean + error, color=colour, alpha=0.3, lw=0)
        ax.plot(middle, mean, color=colour, lw=1.0, label=rf"$T={one.number('temperature'):g}$")
        overlap = group["known_overlap"][int(level)]
        if overlap > 0:
            ax.axvline(overlap, color=colour, lw=0.9, ls=(0, (1, 1.5)))
    ax.axhline(0.0, color=style.GREY, lw=0.6)
    ax.set_xlim(-0.8, 1.0)
    ax.set_xlabel(r"overlap $q$")
    ax.set_ylabel(rf"$P(q)$, {style.point_label(label)}")
    ax.legend(loc="upper left")
