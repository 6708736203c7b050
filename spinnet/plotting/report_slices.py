"""Random slices through the ends of runs: scaled lines of all sides, and a plane of one run of each."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport

_SIDES = (("arm", "network"), ("shuffled", "shuffled labels"), ("untrained", "untrained"), ("glass", "glass"))

#: Of the rise over its mean at the reach: the same colours on every plane.
_LEVELS = np.arange(-0.5, 2.51, 0.125)


@style.styled
def draw(report: LoadedReport) -> Figure | None:
    """The rise over its value at the reach, side by side; then planes, with the end of the run in their middle."""
    sides = {side: list(report.below(side).values()) for side, _ in _SIDES}
    if not any(sides.values()):
        return None
    parts = [lambda ax: _lines(ax, sides)]
    for side, name in _SIDES:
        shown = next((one for one in reversed(sides[side]) if "plane" in one.arrays), None)
        if shown:
            parts.append(lambda ax, one=shown, name=name: _plane(ax, one, name))
    return style.draw_panels(parts, 3, 2.5)


def _lines(ax: Axes, sides: dict[str, list[Group]]) -> None:
    for (side, name), colour in zip(_SIDES, style.COLOURS, strict=False):
        points = sides[side]
        for number, (one, shade) in enumerate(zip(points, style.shades(colour, max(len(points), 1)), strict=False)):
            ax.plot(one["a"], one["scaled"], color=shade, label=name if number == len(points) - 1 else None)
            ax.fill_between(one["a"], one["scaled"] - one["spread"], one["scaled"] + one["spread"], color=shade,
                            alpha=0.12, lw=0)  # fmt: skip
    known = next((one for one in sides["glass"] if "law" in one.arrays), None)
    if known:
        ax.plot(known["a"], known["law"], color=style.INK, lw=0.9, ls=(0, (3, 1.6)), label=r"glass, $e(0)\,q^p$")
    ax.axhline(0.0, color=style.INK, lw=0.6)
    ax.set_xlabel("step $a$ along a random direction")
    ax.set_ylabel(r"$(e(a)-e(0))/(e(\pm 1)-e(0))$")
    ax.legend(loc="upper center", fontsize=7.0)
    style.headroom(ax, 3)


def _plane(ax: Axes, one: Group, name: str) -> None:
    drawn = ax.contourf(one["side"], one["side"], one["plane"].T, levels=_LEVELS, cmap="viridis", extend="both")
    ax.plot([0.0], [0.0], marker="x", color="white", ms=5.0, mew=1.2)
    ax.figure.colorbar(drawn, ax=ax, fraction=0.046, ticks=[0.0, 1.0, 2.0])
    ax.set_aspect("equal")
    ax.set_title(name)
    ax.set_xlabel("step $a$")
    ax.set_ylabel("step $b$")
