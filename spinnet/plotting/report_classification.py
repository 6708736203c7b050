"""Networks among reference landscapes: two planes of statistics, how references are called, and how networks are."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport

_COLOURS = (2, 3, 0)  # of the classes
_ASKED = (("true", "true labels", "o"), ("shuffled", "shuffled labels", "s"), ("alien", "no class", "X"))
_SIDES = 72  # of the polygon that stands for an ellipse
_WIDE = 2.448  # radius in standard deviations that holds 95 % of a Gaussian in two dimensions


@style.styled
def draw(report: LoadedReport) -> Figure | None:
    """Planes (k, Λ) and (cosine, return), the confusion matrix, and what was called what."""
    classes, points = report.group("classes"), list(report.below("points").values())
    if not classes or not points:
        return None
    names = str(classes.attributes["names"]).split(", ")
    figure, axes = style.panels(4, height=2.6)
    _plane(axes[0], classes, points, names, ("degree", "frustration"), (0, 1))
    axes[0].set_xscale("log")
    axes[0].set_yscale("log")
    axes[0].set_xlabel(r"degree $k$ of the profile, $e(q)\sim q^k$")
    axes[0].set_ylabel(r"depth over roughness $\Lambda$")
    axes[0].set_ylim(None, 3.0 * axes[0].get_ylim()[1])
    axes[0].legend(loc="upper right", fontsize=6.5, ncols=2)
    _plane(axes[1], classes, points, names, ("alignment", "return"), (2, 3))
    axes[1].set_xlabel(r"cosine of force and way home at $q=1/2$")
    axes[1].set_ylabel(r"overlap after descent from $q=1/2$")
    axes[1].set_xlim(0.0, 1.0)
    axes[1].set_ylim(0.0, 1.1)
    _confusion(axes[2], classes, names)
    _called(axes[3], points, names)
    style.letter(axes)
    return figure


def _plane(
    ax: Axes, classes: Group, points: list[Group], names: list[str], shown: tuple[str, str], columns: tuple[int, int]
) -> None:
    for c, name in enumerate(names):
        mine = [point for point in points if int(point.number("reference")) == c]
        x, y = (np.concatenate([point[key] for point in mine]) for key in shown)
        colour = style.COLOURS[_COLOURS[c]]
        ax.plot(x, y, ls="", marker=".", ms=3, color=colour, alpha=0.6, label=name)
        ring = _ellipse(classes["mean"][c][list(columns)], classes["covariance"][c][np.ix_(columns, columns)])
        ax.plot(*(_untransformed(key, row) for key, row in zip(shown, ring, strict=True)), color=colour, lw=0.8)
    for role, name, marker in _ASKED:
        mine = [point for point in points if point.attributes["role"] == role]
        for k, point in enumerate(mine):
            ax.plot(point[shown[0]], point[shown[1]], ls="", marker=marker, ms=4, mfc="none", mew=0.8,
                    color=style.INK if role != "alien" else style.GREY, label=name if k == 0 else None)  # fmt: skip


def _ellipse(mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    angle = np.linspace(0.0, 2.0 * np.pi, _SIDES)
    return mean[:, None] + _WIDE * np.linalg.cholesky(covariance) @ np.array([np.cos(angle), np.sin(angle)])


def _untransformed(name: str, values: np.ndarray) -> np.ndarray:
    return {"degree": np.exp, "frustration": np.exp, "alignment": np.tanh}.get(name, np.asarray)(values)


def _confusion(ax: Axes, classes: Group, names: list[str]) -> None:
    counts = classes["confusion"]
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(share, cmap="Greys", vmin=0.0, vmax=1.6, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        ax.text(column, row, str(int(count)), ha="center", va="center", fontsize=8)
    ax.set_xticks(range(len(names) + 1), [*names, "none"])
    ax.set_yticks(range(len(names)), names)
    ax.set_xlabel("called, without its disorder sample")
    ax.set_ylabel("reference")


def _called(ax: Axes, points: list[Group], names: list[str]) -> None:
    asked = [point for point in points if int(point.number("reference")) < 0]
    for row, point in enumerate(asked):
        left = 0.0
        for c in (*range(len(names)), -1):
            share = float((point["called"] == c).mean())
            colour = style.GREY if c < 0 else style.COLOURS[_COLOURS[c]]
            ax.barh(row, share, left=left, color=colour, height=0.6, alpha=0.8)
            if share > 0.15:
                ax.text(left + 0.5 * share, row, "none" if c < 0 else names[c], ha="center", va="center", fontsize=7)
            left += share
    ax.set_yticks(range(len(asked)), [f"{point.attributes['role']}\n{point.attributes['label']}" for point in asked],
                  fontsize=6.5)  # fmt: skip
    ax.invert_yaxis()
    ax.set_xlim(0.0, 1.0)
    ax.set_xlabel("share of units")
