"""The table of the comparison as a figure."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import LoadedComparison


@style.styled
def comparison_table(comparison: LoadedComparison) -> Figure | None:
    """Distance of each tested statistic between the first compared pair, beside what equal means would give."""
    rows = comparison.group("rows")
    if not rows or not comparison.compared:
        return None
    left_arm, left, right_arm, right = comparison.compared[0]
    chosen = [
        k
        for k in range(len(rows["statistic"]))
        if rows["status"][k] == "tested"
        and (rows["left_point"][k], rows["right_point"][k]) == (left, right)
    ]
    if not chosen:
        return None
    level = rows.number("level")
    distance, null = rows["distance"][chosen], rows["null_upper"][chosen]
    adjusted = rows["p_adjusted"][chosen]
    finite = distance[np.isfinite(distance)]
    top = max(float(finite.max()) if finite.size else 1.0, 2.0)
    shown = np.where(np.isfinite(distance), distance, 1.6 * top)
    y = np.arange(len(chosen))[::-1]
    figure, (ax,) = style.new_figure(style.PAGE, 1.1 + 0.23 * len(chosen))
    ax.barh(y, null, height=0.62, color="#d9d9d9", label="equal means, 95 %")
    size = rows["size_distance"][chosen]
    if np.isfinite(size).any():
        other = next(str(rows["size_point"][k]) for k in chosen if rows["size_point"][k])
        ax.plot(size, y, "|", color=style.INK, ms=8.0, mew=1.2,
                label=f"{left_arm}, {style.point_label(left)}, against {style.point_label(other)}")  # fmt: skip
    for k, position in enumerate(y):
        rejected = adjusted[k] <= level
        ax.plot(shown[k], position, style.MARKERS[0], color=style.COLOURS[1] if rejected else style.COLOURS[0],
                mfc=style.COLOURS[1] if rejected else "white", ms=5.0)  # fmt: skip
        text = f"$p={adjusted[k]:.4f}$" if adjusted[k] >= 1e-4 else f"$p={adjusted[k]:.0e}$"
        ax.annotate(text, (1.01, position), xycoords=("axes fraction", "data"), va="center", fontsize=8.0)
    ax.plot([], [], style.MARKERS[0], color=style.COLOURS[1], ms=5.0, label=rf"differs, Holm $p\leq{level:g}$")
    ax.plot([], [], style.MARKERS[0], color=style.COLOURS[0], mfc="white", ms=5.0, label="no difference found")
    ax.set_xscale("symlog", linthresh=1.0, linscale=0.8)
    ticks = [0.0, 0.5, *(10.0**k for k in range(int(np.log10(2 * top)) + 1))]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set_xlim(0.0, 2.2 * top)
    ax.set_yticks(y, [str(rows["label"][k]) for k in chosen])
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(-0.7, len(chosen) - 0.3)
    ax.set_xlabel("distance between means (standard deviations within the sides)")
    ax.set_title(f"{left_arm}, {style.point_label(left)}, against {right_arm}, {style.point_label(right)}")
    ax.annotate("Holm", (1.01, 1.0), xycoords="axes fraction", va="bottom", xytext=(0, 5), textcoords="offset points",
                fontsize=8.0)  # fmt: skip
    figure.legend(loc="outside lower center", ncols=4)
    return figure
