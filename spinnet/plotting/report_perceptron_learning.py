"""Figure of the perceptron-learning report: generalisation errors, overlaps and entropies beside theory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport

_LABELS = {
    "error": r"generalisation error $\epsilon_g$",
    "overlap": r"overlap $R$ with the teacher",
    "entropy": r"entropy of students $s$",
}


@style.styled
def draw(report: LoadedReport) -> Figure | None:
    """Two panels for spherical weights, three for Ising ones and one for their approach to theory in 1/N."""
    parts = []
    if report.below("spherical/load"):
        parts.append(lambda ax: _curve(ax, report, "spherical", "error"))
        parts += _approaches(report, "spherical", "error")
    if report.below("ising/load"):
        parts += [lambda ax, name=name: _curve(ax, report, "ising", name) for name in ("error", "overlap", "entropy")]
        parts += _approaches(report, "ising", "entropy")
    if report.below("funnel"):
        parts += [lambda ax: _index(ax, report), lambda ax: _melting(ax, report)]
    return style.draw_panels(parts, 2 if len(parts) < 5 else 3, 2.4)


def _curve(ax: Axes, report: LoadedReport, role: str, name: str) -> None:
    """Means at every size against load, theory, and for Ising weights the transition and the spinodal."""
    colour = style.COLOURS[0 if role == "spherical" else 1]
    points: dict[int, list[tuple[float, float, float]]] = {}
    for one in report.below(f"{role}/load").values():
        for n, value, error in zip(one["n"], one[name], one[f"{name}_error"], strict=True):
            points.setdefault(int(n), []).append((one.number("load"), float(value), float(error)))
    for (n, rows), shade in zip(sorted(points.items()), style.shades(colour, len(points)), strict=True):
        load, value, error = np.array(rows).T
        ax.errorbar(load, value, error, color=shade, marker="o", ms=3.0, ls="none", label=rf"$N={n}$")
    group = report.group(role)
    ax.plot(group["theory_load"], group[f"theory_{name}"], color=style.INK, lw=1.1, label="theory")
    if role == "ising":
        ax.plot(group["metastable_load"], group[f"metastable_{name}"], color=style.INK, lw=1.1, ls=(0, (3, 1.5)))
        ax.axvline(group.number("transition"), color=style.GREY, lw=0.8)
        ax.axvline(group.number("spinodal"), color=style.GREY, lw=0.8, ls=(0, (1, 1.5)))
    if name == "error":
        ax.set_ylim(0.0, 0.5)
    ax.set_xlim(left=0.0)
    ax.set_xlabel(r"examples per weight $\alpha$")
    ax.set_ylabel(_LABELS[name])
    if name in ("error",):
        ax.legend(loc="upper right")


def _approaches(report: LoadedReport, role: str, name: str) -> list[Callable[[Axes], None]]:
    """The panel of limits, where there is one to show."""
    loads = [one for one in report.below(f"{role}/load").values() if np.isfinite(one.number(f"{name}_limit"))]
    return [lambda ax: _approach(ax, loads, report.group(role), name)] if loads else []


def _approach(ax: Axes, loads: list[Group], group: Group, name: str) -> None:
    """Means against 1/N with their straight lines, whose ends are laid beside theory on the axis."""
    for one, colour, marker in zip(loads, style.COLOURS * 3, style.MARKERS * 3, strict=False):
        x = 1.0 / one["n"]
        ax.errorbar(x, one[name], one[f"{name}_error"], color=colour, marker=marker, ms=3.2, ls="none",
                    label=rf"$\alpha={one.number('load'):.3g}$")  # fmt: skip
        limit = one.number(f"{name}_limit")
        weight = one[f"{name}_error"] ** -2
        slope = (weight * x * (one[name] - limit)).sum() / (weight * x * x).sum()
        grid = np.array([0.0, 1.05 * x.max()])
        ax.plot(grid, limit + slope * grid, color=colour, lw=0.8)
        ax.errorbar([0.0], [limit], [one.number(f"{name}_limit_error")], color=colour, lw=1.2)
        known = np.interp(one.number("load"), group["theory_load"], group[f"theory_{name}"])
        ax.plot([0.0], [known], marker="_", ms=11, mew=1.6, color=style.INK, clip_on=False, zorder=5)
    ax.set_xlim(left=0.0)
    ax.set_xlabel(r"$1/N$")
    ax.set_ylabel(_LABELS[name])
    style.headroom(ax, 1)
    ax.legend(loc="upper center", ncols=3, columnspacing=1.0, handletextpad=0.1)


def _funnels(report: LoadedReport):
    """Groups of the funnel with a colour by labels, a shade by size, and a legend's words."""
    groups = list(report.below("funnel").values())
    sizes = sorted({int(one.number("n")) for one in groups})
    for one in groups:
        labels, n = str(one.attributes["labels"]), int(one.number("n"))
        colour = style.COLOURS[2 if labels == "teacher" else 3]
        yield one, style.shades(colour, len(sizes))[sizes.index(n)], rf"{labels}, $N={n}$"


def _index(ax: Axes, report: LoadedReport) -> None:
    """Frustration index against load, and √(α/(2 ln 2))."""
    last = 1.0
    for one, shade, label in _funnels(report):
        ax.errorbar(one["load"], one["stability"], one["stability_error"], color=shade, marker="o", ms=3.0, ls="none",
                    label=label)  # fmt: skip
        last = max(last, float(one["load"].max()))
    grid = np.linspace(0.0, 1.05 * last, 100)
    ax.plot(grid, np.sqrt(grid / (2.0 * np.log(2.0))), color=style.INK, lw=1.1)
    ax.set_xlim(left=0.0)
    ax.set_xlabel(r"examples per weight $\alpha$")
    ax.set_ylabel(r"frustration index $\Lambda$")
    ax.legend(loc="center right")


def _melting(ax: Axes, report: LoadedReport) -> None:
    """Temperature at which the mean overlap is one half, and that of independent energies as a line."""
    for one, shade, label in _funnels(report):
        if not np.isfinite(one["melting"]).any():
            continue
        ax.errorbar(one["load"], one["melting"], one["melting_error"], color=shade, marker="o", ms=3.0, ls="none",
                    label=label)  # fmt: skip
        ax.plot(one["load"], one["predicted"], color=shade, lw=0.9)
    ax.set_xlim(left=0.0)
    ax.set_ylim(bottom=0.0)
    ax.set_xlabel(r"examples per weight $\alpha$")
    ax.set_ylabel(r"$T$ of $\langle q\rangle=1/2$, errors")
    ax.legend(loc="upper left")
