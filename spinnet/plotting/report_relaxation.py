"""Relaxation of a glass at several sizes beside the N → ∞ dynamics, and the finite-size extrapolation."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport


@style.styled
def draw(report: LoadedReport) -> dict[str, Figure | None]:
    """One figure per series: e(t) with theory, and e_N(t) against 1/N with the fits."""
    series = report.below("series")
    return {("" if len(series) == 1 else key): _figure(report, key, group) for key, group in series.items()}


def _figure(report: LoadedReport, key: str, group: Group) -> Figure:
    figure, axes = style.panels(2)
    sizes = report.below("series", key)
    _curves(axes[0], group, sizes)
    _extrapolation(axes[1], group, sizes)
    if group.attributes.get("label"):
        axes[0].set_title(style.point_label(str(group.attributes["label"])))
    style.letter(axes)
    return figure


def _curves(ax: Axes, group: Group, sizes: dict[str, Group]) -> None:
    for (label, one), shade in zip(sizes.items(), style.shades(style.COLOURS[0], len(sizes)), strict=True):
        after = one["time"] > 0
        time, mean, error = (one[name][after] for name in ("time", "energy_density", "energy_density_error"))
        ax.fill_between(time, mean - error, mean + error, color=shade, alpha=0.35, lw=0)
        ax.plot(time, mean, color=shade, label=style.point_label(label))
    ax.plot(group["theory_time"], group["theory_energy_density"], color=style.INK, ls=(0, (4, 1.6)), lw=1.1,
            label=r"$N\to\infty$")  # fmt: skip
    ax.set_xscale("log")
    ax.set_xlim(group["theory_time"][0], group["theory_time"][-1])
    ax.set_xlabel(r"time $t$")
    ax.set_ylabel(r"energy per spin $e(t)$")
    ax.legend(loc="upper right")


def _extrapolation(ax: Axes, group: Group, sizes: dict[str, Group]) -> None:
    """Distance from theory times N: flat where the correction is b/N."""
    inverse = np.array([1.0 / one.number("n") for one in sizes.values()])
    colours = style.shades(style.COLOURS[1], len(group["time"]))
    for k, (moment, colour) in enumerate(zip(group["time"], colours, strict=True)):
        at = [int(np.argmin(np.abs(one["time"] - moment))) for one in sizes.values()]
        mean = np.array([one["energy_density"][i] for one, i in zip(sizes.values(), at, strict=True)])
        error = np.array([one["energy_density_error"][i] for one, i in zip(sizes.values(), at, strict=True)])
        theory = group["theory"][k]
        ax.errorbar(inverse, mean - theory, error, color=colour, marker="o", ls="none", ms=3.2,
                    label=rf"$t={moment:.3g}$")  # fmt: skip
        if np.isfinite(group["limit"][k]):
            slope = np.polyfit(inverse, mean, 1, w=1 / error)[0]
            x = np.array([0.0, inverse.max() * 1.05])
            ax.plot(x, group["limit"][k] - theory + slope * x, color=colour, lw=0.9)
            ax.errorbar([0.0], [group["limit"][k] - theory], [group["limit_error"][k]], color=colour, marker="D",
                        mfc="white", ls="none", ms=3.6, clip_on=False, zorder=5)  # fmt: skip
    ax.axhline(0.0, color=style.INK, ls=(0, (4, 1.6)), lw=1.0)
    ax.set_xlim(-0.04 * inverse.max(), inverse.max() * 1.08)
    ax.set_xlabel(r"$1/N$")
    ax.set_ylabel(r"$e_N(t)-e(t)$")
    ax.legend(loc="best")
