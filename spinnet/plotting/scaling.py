"""Time of a gradient and of a step against N, replicas and threads, beside the laws of a program that reads once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style


@style.styled
def draw(tables: Mapping[str, Any]) -> Figure:
    """Four panels from the tables of the benchmark ``scaling``."""
    measured = {name: np.asarray(value) for name, value in tables.items()}
    figure, axes = style.panels(4)
    _against_size(axes[0], measured)
    _against_replicas(axes[1], measured)
    _threads(axes[2], measured)
    _steps(axes[3], measured)
    style.letter(axes)
    return figure


def _sizes(ax: Axes, sizes) -> None:
    ax.set_xscale("log", base=2)
    ax.set_xticks(sizes, [str(int(n)) for n in sizes], minor=False)


def _read_seconds(measured, couplings):
    """Of reading so many couplings with all threads."""
    return couplings * measured["bytes_per_coupling"] / measured["read_rate"][-1]


def _against_size(ax: Axes, measured) -> None:
    n = measured["n"]
    for name, label, colour, marker in _WHO:
        seconds = measured[f"{name}_gradient"]
        for k in range(len(measured["threads"])):
            last = k == len(measured["threads"]) - 1
            ax.plot(n, seconds[:, k], color=style.COLOURS[colour], marker=marker, ms=3.6, ls="none",
                    mfc=style.COLOURS[colour] if last else "white",
                    label=label.format(int(measured["block"])) if last else None)  # fmt: skip
        # As fast for each coupling as at the best size: other work on the machine only adds.
        law = (seconds[:, -1] / n**3.0).min() * n**3.0
        ax.plot(n, law, color=style.COLOURS[colour], ls=":", lw=1.0)
    ax.plot([], [], color=style.GREY, ls=":", lw=1.0, label=r"$\propto N^3$")
    ax.plot(n, _read_seconds(measured, measured["couplings"]), color=style.INK, ls=(0, (4, 1.6)), lw=1.0,
            label="reading the couplings")  # fmt: skip
    _sizes(ax, n)
    ax.set_yscale("log")
    low, high = ax.get_ylim()
    ax.set_ylim(low / (high / low) ** 0.25, high)
    ax.set_xlabel(r"$N$")
    ax.set_ylabel("seconds per gradient")
    _legend(ax, "lower right", f"{measured['threads'][-1]} threads (open: {measured['threads'][0]})")


def _legend(ax: Axes, place: str, title: str = "", columns: int = 1) -> None:
    legend = ax.legend(loc=place, title=title or None, ncol=columns, alignment="left")
    legend.get_title().set_fontsize(8.0)


def _against_replicas(ax: Axes, measured) -> None:
    replicas, seconds = measured["replicas"], measured["replicas_gradient"]
    for k, threads in enumerate(measured["threads"]):
        ax.plot(replicas, seconds[:, k] / replicas, color=style.COLOURS[0], marker="o", ms=3.4, lw=0.8,
                mfc=style.COLOURS[0] if k == len(measured["threads"]) - 1 else "white",
                label=f"{threads} thread{'s' if threads > 1 else ''}")  # fmt: skip
    read = _read_seconds(measured, measured["replicas_couplings"])
    low = (seconds / replicas[:, None]).min()
    ax.plot(replicas, read / replicas, color=style.INK, ls=(0, (4, 1.6)), lw=1.0, label="reading, shared")
    ax.axhline(low, color=style.GREY, ls=":", lw=1.0, label="the fastest")
    ax.set_ylim(bottom=0.5 * low)
    _sizes(ax, replicas)
    ax.set_yscale("log")
    ax.set_xlabel("replicas")
    ax.set_ylabel("seconds per gradient and replica")
    style.headroom(ax, 3, 2.1)
    _legend(ax, "upper right", rf"$N={int(measured['replicas_n'])}$")


def _threads(ax: Axes, measured) -> None:
    for name, label, colour, marker in _WHO:
        seconds = measured[f"{name}_gradient"]
        ax.plot(measured["n"], seconds[:, 0] / seconds[:, -1], color=style.COLOURS[colour], marker=marker, ms=3.4,
                lw=0.8, label=label.format(int(measured["block"])))  # fmt: skip
    ideal = measured["threads"][-1] / measured["threads"][0]
    ax.axhline(ideal, color=style.GREY, ls=":", lw=1.0, label="ideal")
    ax.axhline(measured["read_rate"][-1] / measured["read_rate"][0], color=style.INK, ls=(0, (4, 1.6)), lw=1.0,
               label="reading")  # fmt: skip
    _sizes(ax, measured["n"])
    ax.set_ylim(0.0, max(1.05 * ideal, ax.get_ylim()[1]))
    style.headroom(ax, 2, 2.1)
    ax.set_xlabel(r"$N$")
    ax.set_ylabel(f"speed-up, threads {measured['threads'][0]} → {measured['threads'][-1]}")
    _legend(ax, "upper left", columns=2)


def _steps(ax: Axes, measured) -> None:
    for name, label, colour, marker in _WHO:
        ratio = measured[f"{name}_step"][:, -1] / measured[f"{name}_gradient"][:, -1]
        ax.plot(measured["n"], ratio, color=style.COLOURS[colour], marker=marker, ms=3.4, lw=0.8,
                label=label.format(int(measured["block"])))  # fmt: skip
    ax.axhline(1.0, color=style.GREY, ls=":", lw=1.0, label="gradient alone")
    _sizes(ax, measured["n"])
    ax.set_ylim(bottom=0.0)
    ax.set_xlabel(r"$N$")
    ax.set_ylabel("time of a step / of its gradient")
    ax.legend(loc="upper right")


_WHO = (("one", "one state", 0, "o"), ("block", "{} replicas", 1, "s"))
