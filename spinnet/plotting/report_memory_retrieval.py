"""Figure of the memory-retrieval report: overlap and share of retrievals against load, and where half retrieve."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import LoadedReport

_ROLES = {"retrieval": "Hebb", "pseudo_inverse": "pseudo-inverse"}
_EXPONENTS = {"0_5": (0.5, "$N^{-1/2}$", (0, (4, 1.6))), "1": (1.0, "$N^{-1}$", "-")}


@style.styled
def draw(report: LoadedReport) -> Figure | None:
    """Overlap, share and half loads of Hebb's rule; the share of the pseudo-inverse rule."""
    parts = []
    if report.below("retrieval"):
        parts += [lambda ax: _overlap(ax, report), lambda ax: _share(ax, report, "retrieval")]
        if sum(np.isfinite(one.number("half")) for one in report.below("retrieval").values()) >= 2:
            parts.append(lambda ax: _half(ax, report))
    if report.below("pseudo_inverse"):
        parts.append(lambda ax: _share(ax, report, "pseudo_inverse"))
    return style.draw_panels(parts, 2, 2.5)


def _sizes(report: LoadedReport, role: str):
    sizes = report.below(role)
    colours = style.shades(style.COLOURS[0 if role == "retrieval" else 1], len(sizes))
    return zip(sizes.values(), colours, strict=True)


def _overlap(ax: Axes, report: LoadedReport) -> None:
    for one, shade in _sizes(report, "retrieval"):
        ax.errorbar(one["load"], one["overlap"], one["overlap_error"], color=shade, marker="o", ms=2.8, lw=0.8,
                    label=rf"$N={one.number('n'):.0f}$")  # fmt: skip
    theory = report.group("theory")
    if theory:
        ax.plot(theory["load"], theory["overlap"], color=style.INK, lw=1.2, label="replica symmetry")
        ax.axvline(theory.number("capacity"), color=style.GREY, lw=0.8, ls=(0, (1, 1.5)))
    ax.set_ylim(0.0, 1.03)
    ax.set_xlabel(r"load $\alpha=P/N$")
    ax.set_ylabel(r"overlap kept with the pattern")
    ax.legend(loc="lower left")


def _share(ax: Axes, report: LoadedReport, role: str) -> None:
    for one, shade in _sizes(report, role):
        ax.errorbar(one["load"], one["retrieved"], one["retrieved_error"], color=shade, marker="o", ms=2.8, lw=0.8,
                    label=rf"$N={one.number('n'):.0f}$")  # fmt: skip
    theory = report.group("theory")
    if role == "retrieval" and theory:
        ax.axvspan(theory.number("end_low"), theory.number("end_high"), color=style.GREY, alpha=0.25, lw=0)
    ax.axhline(0.5, color=style.GREY, lw=0.8, ls=(0, (1, 1.5)))
    ax.set_ylim(-0.03, 1.03)
    ax.set_xlabel(r"load $\alpha=P/N$")
    ax.set_ylabel(f"share of retrievals, {_ROLES[role]}")
    if role != "retrieval":
        ax.legend(loc="lower left")


def _half(ax: Axes, report: LoadedReport) -> None:
    sizes = [one for one in report.below("retrieval").values() if np.isfinite(one.number("half"))]
    n, half, error = (np.array([one.number(name) for one in sizes]) for name in ("n", "half", "half_error"))
    x = n**-0.5
    ax.errorbar(x, half, error, color=style.COLOURS[0], marker="o", ms=3.6, ls="none")
    group = report.groups.get("retrieval")
    grid = np.linspace(0.0, 1.1 * x.max(), 100)
    for key, (exponent, name, dashes) in _EXPONENTS.items():
        if group is not None and np.isfinite(group.number(f"limit_{key}")):
            curve = group.number(f"limit_{key}") + group.number(f"slope_{key}") * grid ** (2.0 * exponent)
            ax.plot(grid, curve, color=style.COLOURS[0], lw=0.9, ls=dashes, label=f"{name}")
    theory = report.group("theory")
    if theory:
        ax.axhspan(theory.number("end_low"), theory.number("end_high"), color=style.GREY, alpha=0.25, lw=0,
                   label="known end")  # fmt: skip
    ax.set_xlim(0.0, 1.1 * x.max())
    ax.set_xlabel(r"$N^{-1/2}$")
    ax.set_ylabel(r"load of half retrieval")
    ax.legend(loc="upper left")
