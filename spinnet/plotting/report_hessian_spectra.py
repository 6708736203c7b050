"""Figure of the report of Hessian spectra along training."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport

_ROLES = ("arm", "shuffled", "glass", "matched")
_LAWS = {"semicircle": "semicircle", "marchenko_pastur": "Marchenko–Pastur", "free_sum": "free sum"}
_SPACES = {"logits": "right logits", "losses": "losses", "clusters": "all logits"}
_COURSES = (("top_share", "share of the largest eigenvalues"), ("negative", "negative share of non-zero modes"),
            ("nearly_flat", "nearly flat share"), ("spacing_ratio", "spacing ratio"))  # fmt: skip


@style.styled
def draw(report: LoadedReport) -> Figure | None:
    """Bulk at the end with its laws for each role; then outliers, flatness, index and class overlaps against time."""
    last = {role: list(report.below(role))[-1] for role in _ROLES if report.below(role)}
    if not last:
        return None
    # three panels to a row: the bulks first, then the courses, two of them only where there is room
    courses = _COURSES if len(last) > 3 else _COURSES[:2]
    panels = max(len(last), 3) + len(courses) + 1
    figure, axes = style.new_figure(style.PAGE, 2.5 * (panels // 3), 3, panels // 3)
    for ax, (role, key) in zip(axes, last.items(), strict=False):
        _bulk(ax, report.group(role, key), report.group(role, key, "last"))
    first = max(len(last), 3)
    for ax in axes[len(last) : first]:
        ax.remove()
    for ax, (name, label) in zip(axes[first:], courses, strict=False):
        _course(ax, report, name, label)
    _overlaps(axes[-1], report.group("arm", last.get("arm", "0")))
    style.letter([*axes[: len(last)], *axes[first:]])
    return figure


def _bulk(ax: Axes, group: Group, bulk: Group) -> None:
    if not bulk:
        return
    edges, centre = bulk["edges"], 0.5 * (bulk["edges"][1:] + bulk["edges"][:-1])
    ax.stairs(bulk["density"], edges, color=style.GREY, fill=True, alpha=0.45)
    for number, (name, label) in enumerate(_LAWS.items()):
        values = np.where(bulk[name] > 0, bulk[name], np.nan)
        ax.plot(centre, values, color=style.COLOURS[number], lw=1.0,
                label=f"{label}, {bulk.number(f'{name}_distance'):.3f}")  # fmt: skip
    have = bulk["density"][bulk["density"] > 0]
    ax.set_yscale("log")
    ax.set_ylim(0.5 * have.min(), 3.0 * have.max())
    style.headroom(ax, 4, 1.7)
    ax.set_xlabel(r"bulk eigenvalue $\lambda$")
    ax.set_ylabel("density")
    ax.set_title(str(group.attributes["label"]), fontsize=8.0)
    ax.legend(loc="upper right", fontsize=6.8, title="law, and the distance from it", title_fontsize=6.8)


def _course(ax: Axes, report: LoadedReport, name: str, label: str) -> None:
    for number, role in enumerate(_ROLES):
        points = report.below(role)
        for group, shade in zip(points.values(), style.shades(style.COLOURS[number], len(points)), strict=True):
            if name not in group.arrays:
                continue
            ax.errorbar(_shown(group), group[name], group[f"{name}_error"], color=shade, marker=style.MARKERS[number],
                        ms=3, lw=0.9, label=str(group.attributes["label"]))  # fmt: skip
    ax.set_xscale("log")
    ax.set_xlabel("time (steps, or of the flow)")
    ax.set_ylabel(label)
    lines = len(ax.get_legend_handles_labels()[0])
    ax.set_ylim(0.45 if name == "spacing_ratio" else 0.0, None)
    ax.legend(loc="upper right", fontsize=6.8)
    style.headroom(ax, lines, 2.0)


def _overlaps(ax: Axes, group: Group) -> None:
    for number, (name, label) in enumerate(_SPACES.items()):
        if name not in group.arrays:
            continue
        colour = style.COLOURS[3 + number]
        ax.errorbar(_shown(group), group[name], group[f"{name}_error"], color=colour, marker=style.MARKERS[number],
                    ms=3, lw=0.9, label=label)  # fmt: skip
        ax.plot(_shown(group), group[f"{name}_chance"], color=colour, ls=(0, (2, 1.5)), lw=0.8)
    ax.plot([], [], color=style.GREY, ls=(0, (2, 1.5)), lw=0.8, label="chance")
    ax.set_xscale("log")
    ax.set_ylim(0.0, 1.0)
    ax.set_yticks(np.linspace(0.0, 1.0, 6))
    style.headroom(ax, 4, 2.0)
    ax.set_xlabel("time (steps)")
    ax.set_ylabel("overlap with class means")
    ax.legend(loc="upper right", fontsize=6.8)


def _shown(group: Group) -> np.ndarray:
    """Times on a logarithmic axis; the start stands one step of the grid before the first time."""
    time = np.array(group["time"], dtype=float)
    if len(time) > 2 and time[0] == 0.0:
        time[0] = time[1] ** 2 / time[2]
    return time
