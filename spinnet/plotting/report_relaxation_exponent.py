"""Energy against log t with its power law and the N → ∞ curve, and the distance from the final energy."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport

_DASHES = (0, (4, 1.6))


@style.styled
def draw(report: LoadedReport) -> dict[str, Figure | None]:
    """One figure per series."""
    series = report.below("series")
    return {("" if len(series) == 1 else key): _figure(report, key, group) for key, group in series.items()}


def _figure(report: LoadedReport, key: str, group: Group) -> Figure:
    figure, axes = style.panels(2)
    sizes = report.below("series", key)
    shades = style.shades(style.COLOURS[0], len(sizes))
    _energies(axes[0], group, sizes, shades)
    _distances(axes[1], group, sizes, shades)
    if group.attributes.get("label"):
        axes[0].set_title(style.point_label(str(group.attributes["label"])))
    style.letter(axes)
    return figure


def _energies(ax: Axes, group: Group, sizes: dict[str, Group], shades) -> None:
    inherent = False
    for (label, one), shade in zip(sizes.items(), shades, strict=True):
        mean, error = one["energy_density"], one["energy_density_error"]
        ax.fill_between(one["time"], mean - error, mean + error, color=shade, alpha=0.35, lw=0)
        ax.plot(one["time"], mean, color=shade, label=style.point_label(label))
        if "inherent_time" in one.arrays:
            inherent = True
            after = one["inherent_time"] > 0
            ax.errorbar(one["inherent_time"][after], one["inherent_energy_density"][after],
                        one["inherent_energy_density_error"][after], color=shade, marker="v", mfc="white", ms=3.4,
                        ls=":", lw=0.8)  # fmt: skip
    ax.plot(group["theory_time"], group["theory_energy_density"], color=style.INK, ls=_DASHES, lw=1.0,
            label=r"$N\to\infty$")  # fmt: skip
    for name, text in (("final_energy", r"$e(\infty)$"), ("threshold", r"$e_\mathrm{th}$" if inherent else "")):
        value = group.number(name)
        if text and np.isfinite(value):
            ax.axhline(value, color=style.GREY, lw=0.8, ls=(0, (1, 1.5)))
            ax.text(group["theory_time"][0], value, f" {text}", va="bottom", ha="left", color=style.GREY)
    if inherent:
        ax.errorbar([], [], [], color=style.INK, marker="v", mfc="white", ms=3.4, ls=":", lw=0.8, label="minima below")
    ax.set_xscale("log")
    ax.set_xlim(group["theory_time"][0], 1.15 * group["theory_time"][-1])
    ax.set_xlabel(r"time $t$")
    ax.set_ylabel(r"energy per spin $e$")
    ax.legend(loc="upper right")


def _distances(ax: Axes, group: Group, sizes: dict[str, Group], shades) -> None:
    """e − e(∞) of the fits on logarithmic axes: a power law is a straight line."""
    lower = np.inf
    for (label, one), shade in zip(sizes.items(), shades, strict=True):
        limit, exponent = one.number("limit"), one.number("exponent")
        if not np.isfinite(limit):
            continue
        window = (one["time"] >= group.number("start")) & (one["time"] <= group.number("end"))
        above = one["energy_density"] - limit
        shown = above > one["energy_density_error"]
        told = style.with_error(exponent, one.number("exponent_error"))
        ax.errorbar(one["time"][shown], above[shown], one["energy_density_error"][shown], color=shade, marker="o",
                    ms=2.6, ls="none", lw=0.7, label=rf"{style.point_label(label)}, $a={told}$")  # fmt: skip
        ax.plot(one["time"][window], one.number("amplitude") * one["time"][window] ** -exponent, color=shade, lw=0.9)
        if shown.any():
            lower = min(lower, float(above[shown].min()))
    largest = list(sizes.values())[-1]
    limit = largest.number("theory_limit")
    if np.isfinite(limit):
        if "limit_time" in group.arrays and group.number("final_energy") == limit:
            told = style.with_error(group.number("limit_exponent"), group.number("limit_exponent_error"))
            ax.errorbar(group["limit_time"], group["limit_energy_density"] - limit,
                        group["limit_energy_density_error"], color=style.COLOURS[1], marker="D", mfc="white", ms=3.2,
                        ls="none", lw=0.7, label=rf"extrapolated, $a={told}$")  # fmt: skip
        above = group["theory_energy_density"] - limit
        ax.plot(group["theory_time"][above > 0], above[above > 0], color=style.INK, ls=_DASHES, lw=1.0,
                label=rf"$N\to\infty$, $a={largest.number('theory_exponent'):.3f}$")  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(group["theory_time"][0], 1.15 * group["theory_time"][-1])
    if np.isfinite(lower):
        ax.set_ylim(bottom=0.6 * lower)
    ax.set_xlabel(r"time $t$")
    ax.set_ylabel(r"$e(t)-e_\infty$")
    ax.legend(loc="lower left")
