"""Freezing of random energy landscapes: free energy, entropy, participation ratio, and what is special to each."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport

_EXACT = {"ls": "none", "marker": "x", "ms": 5, "mew": 0.9, "color": style.INK, "zorder": 5}
_LIMIT = {"color": style.INK, "ls": (0, (4, 1.6)), "lw": 1.0}


@style.styled
def draw(report: LoadedReport) -> dict[str, Figure | None]:
    """One figure per series, and for Ising p-spin glasses the approach to independent levels."""
    series = report.below("series")
    figures: dict[str, Figure | None] = {
        ("" if len(series) == 1 else str(group.attributes.get("label") or key)): _figure(report, key, group)
        for key, group in series.items()
    }
    degrees = report.group("degrees")
    if degrees and len(degrees["degree"]) > 1:
        # one figure for all degrees says more than one for each
        return {"": _towards_independent(report, degrees)}
    return figures


def _figure(report: LoadedReport, key: str, group: Group) -> Figure:
    figure, axes = style.panels(4, height=2.5)
    points = report.below("series", key)
    shades = style.shades(style.COLOURS[0], len(points))
    words = (r"$N\to\infty$", "exact average")
    if group.attributes.get("kind") == "LogCorrelatedREM":
        words = words[0], "Fyodorov–Bouchaud"
    _curve(axes[0], points, shades, "log_partition", r"free energy $-T\ln Z/N$", free_energy=True, words=words)
    _curve(axes[1], points, shades, "entropy", r"entropy per spin $S/N$", per_spin=True)
    _curve(axes[2], points, shades, "participation_2", r"participation ratio $Y_2$")
    if any("sharing" in one.arrays for one in points.values()):
        _sharing(axes[3], list(points.values())[-1])
    elif "shifted_minimum" in group.arrays:
        _minimum(axes[3], group)
    else:
        _temperatures(axes[3], group)
    axes[0].legend(loc="best")
    if group.attributes.get("label"):
        axes[0].set_title(style.point_label(str(group.attributes["label"])))
    style.letter(axes)
    return figure


def _curve(
    ax: Axes, points: dict[str, Group], shades, name: str, label: str, free_energy: bool = False,
    per_spin: bool = False, words: tuple[str, str] = (r"$N\to\infty$", "exact average"),
) -> None:
    for (key, one), shade in zip(points.items(), shades, strict=True):
        t, n = one["temperature"], one.number("n")
        scale = -t / n if free_energy else (1.0 / n if per_spin else 1.0)
        mean, error = one[name] * scale, one[f"{name}_error"] * np.abs(scale)
        ax.fill_between(t, mean - error, mean + error, color=shade, alpha=0.35, lw=0)
        ax.plot(t, mean, color=shade, label=style.point_label(key))
        if f"exact_{name}" in one.arrays and np.isfinite(one[f"exact_{name}"]).any():
            ax.plot(t, one[f"exact_{name}"] * scale, **_EXACT)
    last = list(points.values())[-1]
    if f"limit_{name}" in last.arrays:
        t = last["limit_temperature"]
        ax.plot(t, last[f"limit_{name}"] * (-t if free_energy else 1.0), **_LIMIT, label=words[0])
    if any(np.isfinite(one.arrays.get(f"exact_{name}", np.nan)).any() for one in points.values()):
        ax.plot([], [], **_EXACT, label=words[1])
    ax.set_xlabel(r"temperature $T$")
    ax.set_ylabel(label)


def _sharing(ax: Axes, one: Group) -> None:
    """P(at least k generations in common) of the largest size."""
    t, shared, error = one["temperature"], one["sharing"], one["sharing_error"]
    for depth in range(1, shared.shape[1]):
        colour = style.COLOURS[(depth - 1) % len(style.COLOURS)]
        ax.fill_between(t, shared[:, depth] - error[:, depth], shared[:, depth] + error[:, depth], color=colour,
                        alpha=0.3, lw=0)  # fmt: skip
        ax.plot(t, shared[:, depth], color=colour, label=f"{depth} generation{'s'[: depth > 1]} shared")
        if "exact_sharing" in one.arrays:
            ax.plot(t, one["exact_sharing"][:, depth], **_EXACT)
    ax.set_ylim(0, 1)
    ax.set_xlabel(r"temperature $T$")
    ax.set_ylabel(f"probability at $N$ = {one.number('n'):.0f}")
    ax.legend(loc="upper right")


def _minimum(ax: Axes, group: Group) -> None:
    x = group["log_log_points"]
    ax.errorbar(x, group["shifted_minimum"], group["shifted_minimum_error"], color=style.COLOURS[0], marker="o",
                ls="none", label="log-correlated")  # fmt: skip
    ax.plot(x, group["independent_minimum"], color=style.COLOURS[1], marker="s", ms=3, lw=0.8,
            label="independent, exact")  # fmt: skip
    middle = len(x) // 2
    fine = np.array([x[0], x[-1]])
    for slope, values, words in (
        (1.5, group["shifted_minimum"], "slope 3/2"), (0.5, group["independent_minimum"], "slope 1/2"),
    ):  # fmt: skip
        ax.plot(fine, values[middle] + slope * (fine - x[middle]), color=style.GREY, lw=0.9,
                ls=(0, (4, 1.6)) if slope > 1 else (0, (1, 1.2)), label=words)  # fmt: skip
    style.headroom(ax, 2)
    ax.set_xlabel(r"$\ln\ln M$")
    ax.set_ylabel(r"$E_{\min} + 2\ln M$")
    ax.legend(loc="upper left", ncols=2, columnspacing=1.0)


def _temperatures(ax: Axes, group: Group) -> None:
    inverse = 1.0 / group["n"]
    for number, (name, label) in enumerate((("freezing_entropy", "from the entropy"), ("freezing_y2", r"from $Y_2$"))):
        values, errors = group[name], group[f"{name}_error"]
        good = np.isfinite(values) & np.isfinite(errors)
        if not good.any():
            continue
        ax.errorbar(inverse[good], values[good], errors[good], color=style.COLOURS[number], ls="none",
                    marker=style.MARKERS[number], label=label)  # fmt: skip
        for form, filled, shift in (("limit", True, 0.0), ("limit_log", False, 0.012)):
            # two forms of the correction to Y_2: what is not known about it is the distance between them
            limit, error = group.number(f"{name}_{form}"), group.number(f"{name}_{form}_error")
            if np.isfinite(limit) and np.isfinite(error):
                ax.errorbar([shift * inverse.max()], [limit], [error], ls="none", ms=4.0,
                            color=style.COLOURS[number], marker="D", mfc=None if filled else "white", clip_on=False,
                            label=f"{label}, limit in " + ("$1/N$" if filled else r"$\ln N/N$"))  # fmt: skip
    if np.isfinite(group.number("freezing")):
        ax.axhline(group.number("freezing"), color=style.INK, lw=0.8, ls=(0, (4, 1.6)), label=r"$T_f$, $N\to\infty$")
    ax.set_xlim(-0.02 * inverse.max(), inverse.max() * 1.1)
    ax.set_xlabel(r"$1/N$")
    ax.set_ylabel(r"freezing temperature $T_f$")
    style.headroom(ax, 3)
    ax.legend(loc="best")


def _towards_independent(report: LoadedReport, degrees: Group) -> Figure:
    """Curves of the largest size of every degree, and the distance from independent levels."""
    figure, axes = style.panels(4, height=2.5)
    series = {key: list(report.below("series", key).values())[-1] for key in report.below("series")}
    labels = {key: report.group("series", key).attributes.get("label", key) for key in series}
    shades = style.shades(style.COLOURS[0], len(series))
    names = {style.point_label(str(labels[key])): one for key, one in series.items()}
    words = (r"REM, $N\to\infty$", "REM, exact average")
    _curve(axes[0], names, shades, "log_partition", r"free energy $-T\ln Z/N$", free_energy=True, words=words)
    _curve(axes[1], names, shades, "entropy", r"entropy per spin $S/N$", per_spin=True)
    _curve(axes[2], names, shades, "participation_2", r"participation ratio $Y_2$")
    axes[0].legend(loc="best")
    ax, p = axes[3], degrees["degree"]
    temperature, size = degrees.number("temperature"), degrees.number("n")
    ax.errorbar(p, degrees["log_partition_gap"], degrees["log_partition_gap_error"], color=style.COLOURS[0], marker="o",
                label=f"$T$ = {temperature:.2g}, $N$ = {size:.0f}")  # fmt: skip
    ax.axhline(0.0, **_LIMIT)
    ax.set_xscale("log")
    ax.set_xticks(p, [f"{degree:.0f}" for degree in p])
    ax.minorticks_off()
    ax.set_xlabel(r"degree $p$")
    ax.set_ylabel(r"$E\ln Z$ less that of the REM")
    ax.legend(loc="best")
    style.letter(axes)
    return figure
