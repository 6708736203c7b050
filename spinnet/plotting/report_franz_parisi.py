"""The potential of a held glass at several sizes beside theory."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport


@style.styled
def draw(report: LoadedReport) -> dict[str, Figure | None]:
    """One figure per series: V(q) with its limit, and the force from the windows."""
    series = report.below("series")
    return {("" if len(series) == 1 else key): _figure(report, key, group) for key, group in series.items()}


def _figure(report: LoadedReport, key: str, group: Group) -> Figure:
    figure, axes = style.panels(2)
    sizes = {label: one for label, one in report.below("series", key).items() if label.startswith("n=")}
    shades = style.shades(style.COLOURS[0], len(sizes))
    _potential(axes[0], group, report.group("series", key, "limits"), sizes, shades)
    _force(axes[1], group, sizes, shades)
    axes[0].set_title(rf"$T={group.number('temperature'):g}$, $T_0={group.number('reference_temperature'):g}$")
    style.letter(axes)
    return figure


def _theory(ax: Axes, group: Group, name: str, labelled: bool = True) -> None:
    """The curve, with its replica-symmetry broken part dashed."""
    x, y, broken = group["theory_overlap"], group[f"theory_{name}"], group["theory_broken"] > 0.5
    ax.plot(x, np.where(broken, np.nan, y), color=style.INK, lw=1.1,
            label=r"$N\to\infty$" if labelled else None)  # fmt: skip
    ax.plot(x, np.where(_widened(broken), y, np.nan), color=style.INK, lw=1.1, ls=(0, (3, 1.4)),
            label="1RSB" if labelled and broken.any() else None)  # fmt: skip


def _widened(mask: np.ndarray) -> np.ndarray:
    """With the point on either side, so that the dashed part meets the other."""
    wide = mask.copy()
    wide[1:] |= mask[:-1]
    wide[:-1] |= mask[1:]
    return wide


def _potential(ax: Axes, group: Group, limits: Group, sizes: dict[str, Group], shades) -> None:
    for one, shade in zip(sizes.values(), shades, strict=True):
        low, high = one["potential"] - one["potential_error"], one["potential"] + one["potential_error"]
        ax.fill_between(one["overlap"], low, high, color=shade, alpha=0.35, lw=0)
        ax.plot(one["overlap"], one["potential"], color=shade, lw=1.0)
    _theory(ax, group, "potential", labelled=False)
    known = np.isfinite(limits["limit"])
    if known.any():
        ax.errorbar(limits["overlap"][known], limits["limit"][known], limits["limit_error"][known], marker="D", ms=3.4,
                    ls="none", color=style.COLOURS[1], mfc="white", label=r"$a+b/N$")  # fmt: skip
    ax.axhline(0.0, color=style.GREY, lw=0.6)
    # The wall next to the reference would hide the plateau.
    top = np.nanmax(group["theory_potential"][group["theory_overlap"] < 0.72])
    values = np.concatenate([one["potential"][one["overlap"] < 0.72] for one in sizes.values()])
    low = min(0.0, float(values.min()))
    drawn = limits["limit"][known]
    low, high = min([low, *drawn]), max([top, float(values.max()), *drawn])
    ax.set_ylim(1.25 * low - 0.05 * top, 1.35 * high)
    ax.set_xlabel(r"overlap with the reference $q$")
    ax.set_ylabel(r"potential $V(q)-V(0)$")
    if known.any():
        ax.legend(loc="upper left")


def _force(ax: Axes, group: Group, sizes: dict[str, Group], shades) -> None:
    _theory(ax, group, "force")
    for (label, one), shade in zip(sizes.items(), shades, strict=True):
        ax.errorbar(one["position"], one["force"], one["force_error"], marker="o", ms=3.0, ls="none", color=shade,
                    label=style.point_label(label))  # fmt: skip
    ax.axhline(0.0, color=style.GREY, lw=0.6)
    forces = np.concatenate([one["force"] for one in sizes.values()])
    ax.set_ylim(max(-0.3, -0.12 + min(0.0, float(forces.min()))), min(0.15, 1.1 * float(forces.max())))
    ax.set_xlabel(r"overlap with the reference $q$")
    ax.set_ylabel(r"force $\mathrm{d}V/\mathrm{d}q$")
    ax.legend(loc="lower left")
