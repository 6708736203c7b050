"""Relaxation curves."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import LoadedComparison

#: Of the curves of theory, one series after the other.
_DASHES = ((0, (4, 1.6)), (0, (7, 1.6)), (0, (4, 1.6, 1, 1.6)), (0, (1.5, 1.2)))


@style.styled
def relaxation(comparison: LoadedComparison) -> Figure | None:
    """One panel per arm: energy per unit against time for each point, with bands of one standard error."""
    shown = {arm: [p for p in comparison.points(arm) if _has_curve(comparison, arm, p)] for arm in comparison.arms}
    arms = [arm for arm, points in shown.items() if points]
    if not arms:
        return None
    figure, axes = style.panels(len(arms))
    for arm, ax in zip(arms, axes, strict=True):
        _draw_arm(ax, comparison, arm, shown[arm])
        ax.set_title(arm)
    style.letter(axes)
    return figure


def _has_curve(comparison: LoadedComparison, arm: str, point: str) -> bool:
    curve = comparison.group("points", arm, point, "relaxation")
    return bool(curve) and bool((np.isfinite(curve["energy_density"]) & (curve["time"] > 0)).any())


def _draw_arm(ax: Axes, comparison: LoadedComparison, arm: str, points: list[str]) -> None:
    colour = style.COLOURS[comparison.arms.index(arm) % len(style.COLOURS)]
    facts = comparison.group("arms", arm)
    first, last = np.inf, 0.0
    named = _named(points)
    for point, shade in zip(points, style.shades(colour, len(points)), strict=True):
        curve = comparison.group("points", arm, point, "relaxation")
        after = curve["time"] > 0
        time, mean = curve["time"][after], curve["energy_density"][after]
        error = np.nan_to_num(curve["energy_density_error"][after])
        ax.fill_between(time, mean - error, mean + error, color=shade, alpha=0.3, lw=0)
        ax.plot(time, mean, color=shade,
                label=style.point_label(point) if point in named else None)  # fmt: skip
        first, last = min(first, time[0]), max(last, time[-1])
    series = comparison.group("series", arm)
    labels = [str(label) for label in series["label"]]
    for number, label in enumerate(labels):
        theory = comparison.group("references", "relaxation", arm, str(number))
        if theory:
            after = theory["time"] >= first
            own = f", {style.point_label(label)}" if label else ""
            ax.plot(theory["time"][after], theory["energy_density"][after], color=style.INK,
                    ls=_DASHES[number % len(_DASHES)], lw=1.1, label=rf"$N\to\infty${own}")  # fmt: skip
    threshold = series["threshold_energy"]
    for value in np.unique(threshold[np.isfinite(threshold)]):
        ax.axhline(value, color=style.GREY, lw=0.8, ls=(0, (1, 1.5)), label=r"$e_{\rm th}$")
    ax.set_xscale("log")
    ax.set_xlim(first, last)
    unit = facts.attributes.get("unit", "unit")
    ax.set_ylabel("mean loss" if unit == "pattern" else f"energy per {unit}")
    ax.set_xlabel(_time_label(str(facts.attributes.get("time_in_words", "time"))))
    if len(labels) > 1:
        style.headroom(ax, len(ax.get_legend_handles_labels()[1]))
    ax.legend(loc="upper right")


def _named(points: list[str]) -> set[str]:
    """At most four points that the legend names: the ends, and even steps between them."""
    return {points[round(k)] for k in np.linspace(0, len(points) - 1, min(len(points), 4))}


def _time_label(words: str) -> str:
    if words == "steps":
        return "time (SGD steps)"
    if words == "time of dx/dt = -grad H":
        return r"time $t$ of $\dot{x}=-\nabla H$"
    return words
