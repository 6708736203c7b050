"""Phases in (temperature, weight decay), hysteresis, and training that collapses."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport

_PHASES = (("diverged", 1, "P"), ("glassy", 3, "s"), ("ordered", 0, "o"), ("disordered", 5, "^"))


@style.styled
def draw(report: LoadedReport) -> Figure | None:
    """A map of phases and curves of hysteresis per arm; accuracies of collapsing networks below."""
    arms = [report.group(role) for role in ("arm", "null") if report.group(role)]
    collapse = list(report.below("collapse").values())
    if not arms and not collapse:
        return None
    figure, axes = style.panels(2 * len(arms) + len(collapse), height=2.4)
    for k, one in enumerate(arms):
        _map(axes[2 * k], one)
        _gaps(axes[2 * k + 1], one)
    for ax, one in zip(axes[2 * len(arms) :], collapse, strict=True):
        _collapse(ax, one)
    style.letter(axes)
    return figure


def _map(ax: Axes, one: Group) -> None:
    t, d = np.meshgrid(one["temperature"], np.maximum(one["weight_decay"], 1e-12), indexing="ij")
    for number, (name, colour, marker) in enumerate(_PHASES):
        here = one["phase"] == number
        for sure in (True, False):
            kept = here & ((one["sure"] > 0.5) == sure)
            if kept.any():
                ax.plot(t[kept], d[kept], ls="none", marker=marker, ms=6, color=style.COLOURS[colour],
                        mfc=style.COLOURS[colour] if sure else "white",
                        label=name if sure else f"{name}, uncertain")  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.margins(0.15)
    style.headroom(ax, 3)
    ax.set_xlabel("temperature")
    ax.set_ylabel("weight decay")
    ax.set_title(str(one.attributes["label"]), fontsize=9)
    ax.legend(loc="upper left", ncols=2, fontsize=7)


def _gaps(ax: Axes, one: Group) -> None:
    decays = one["weight_decay"]
    for k, shade in enumerate(style.shades(style.COLOURS[0], len(decays))):
        ax.errorbar(one["temperature"], one["gap"][:, k], one["gap_error"][:, k], color=shade, marker="o", ms=3, lw=0.9,
                    label=rf"$\lambda={decays[k]:g}$")  # fmt: skip
    ax.axhline(0.0, color=style.GREY, lw=0.6)
    ax.set_xscale("log")
    ax.set_yscale("symlog", linthresh=1e-2)
    ax.set_xlabel("temperature")
    ax.set_ylabel("loss(random) − loss(native)")
    ax.legend(loc="best", fontsize=7)


def _collapse(ax: Axes, one: Group) -> None:
    time = one["time"]
    for name, number in (("train", 0), ("test", 1)):
        ax.errorbar(time, one[name], np.nan_to_num(one[f"{name}_error"]), color=style.COLOURS[number], marker="o", ms=3,
                    lw=0.9, label=f"{name}, {one.attributes['label']}")  # fmt: skip
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("steps")
    ax.set_ylabel("accuracy")
    ax.legend(loc="best", fontsize=7)
