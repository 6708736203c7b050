"""Covariance of network energies against overlap, its powers, raw variances, and participation ratios."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport

_ROLES = {"arm": ("true labels", 0), "null": ("shuffled labels", 1)}
_KINDS = {"data": "data", "weights": "weights"}


@style.styled
def draw(report: LoadedReport) -> Figure | None:
    """Six panels: f(q) and its powers, over data and over weights; variances; participation ratios."""
    roles = {role: report.below(role) for role in _ROLES if report.below(role)}
    if not roles:
        return None
    figure, axes = style.panels(6, height=2.45)
    for column, kind in enumerate(_KINDS):
        _covariances(axes[column], report, roles, kind)
        _powers(axes[2 + column], report, roles, kind)
    _variances(axes[4], report, roles)
    _participation(axes[5], report, roles)
    style.letter(axes)
    return figure


def _covariances(ax: Axes, report: LoadedReport, roles: dict[str, dict[str, Group]], kind: str) -> None:
    for role, points in roles.items():
        name, number = _ROLES[role]
        widths = [str(group.attributes["label"]).removeprefix("hidden = ") for group in points.values()]
        label = f"{name}, {widths[0]} … {widths[-1]}" if len(widths) > 1 else f"{name}, {widths[0]}"
        for place, (key, shade) in enumerate(
            zip(points, style.shades(style.COLOURS[number], len(points)), strict=True)
        ):
            group = report.group(role, key, kind)
            ax.plot(group["fine_overlap"], group["fitted"], color=shade, lw=0.9)
            ax.errorbar(group["overlap"], group["value"], group["error"], color=shade, ls="none", ms=3,
                        marker=style.MARKERS[number], label=label if place == len(points) - 1 else None)  # fmt: skip
    q = np.linspace(0, 1, 51)
    layers = sorted({int(group.number("layers")) for points in roles.values() for group in points.values()})
    powers = ", ".join(f"q^{{{number}}}/2" for number in layers)
    for place, number in enumerate(layers):
        ax.plot(q, 0.5 * q**number, color=style.INK, ls=(0, (2, 1.5)), lw=0.8,
                label=f"${powers}$ for {', '.join(map(str, layers))} layers" if place == 0 else None)  # fmt: skip
    ax.axhline(0.0, color=style.GREY, lw=0.5)
    ax.set_xlabel(r"overlap $q$ of weights")
    ax.set_ylabel(rf"$f_{{\rm {_KINDS[kind]}}}(q)$")
    ax.legend(loc="upper left")


def _powers(ax: Axes, report: LoadedReport, roles: dict[str, dict[str, Group]], kind: str) -> None:
    """The spectrum of the widest network of each role."""
    for role, points in roles.items():
        name, number = _ROLES[role]
        key = list(points)[-1]
        group = report.group(role, key, kind)
        x = group["degrees"] + 0.34 * (number - 0.5)
        low, high = group["squares"] - group["lower"], group["upper"] - group["squares"]
        ax.bar(x, group["squares"], width=0.3, color=style.COLOURS[number], alpha=0.75, align="center",
               label=f"{name}, {points[key].attributes['label']}")  # fmt: skip
        ax.errorbar(x, group["squares"], [np.maximum(low, 0), np.maximum(high, 0)], color=style.INK, ls="none", lw=0.8)
    ax.set_ylim(0, None)
    style.headroom(ax, len(roles))
    ax.set_xlabel(r"degree $p$")
    ax.set_ylabel(rf"$a_p^2$ over {_KINDS[kind]}")
    ax.legend(loc="upper right")


def _variances(ax: Axes, report: LoadedReport, roles: dict[str, dict[str, Group]]) -> None:
    for role, points in roles.items():
        name, number = _ROLES[role]
        for kind, fill in (("data", "white"), ("weights", style.COLOURS[number])):
            groups = [report.group(role, key, kind) for key in points]
            # side by side where two roles have the same value
            x = np.arange(len(groups)) + 0.1 * (number - 0.5)
            ax.errorbar(x, [g.number("variance_per_pattern") for g in groups],
                        [g.number("variance_error") for g in groups], color=style.COLOURS[number], mfc=fill,
                        marker=style.MARKERS[number], ms=4, lw=0.8, label=f"{name}, over {kind}")  # fmt: skip
    names = [str(group.attributes["label"]).removeprefix("hidden = ") for group in next(iter(roles.values())).values()]
    ax.set_xticks(np.arange(len(names)), names)
    ax.set_xlim(-0.4, len(names) - 0.6)
    ax.set_yscale("log")
    style.headroom(ax, 2 * len(roles))
    ax.set_xlabel("hidden layers")
    ax.set_ylabel("variance per pattern")
    ax.legend(loc="upper right")


def _participation(ax: Axes, report: LoadedReport, roles: dict[str, dict[str, Group]]) -> None:
    for role, points in roles.items():
        name, number = _ROLES[role]
        group = report.group(role, list(points)[-1], "levels")
        if not group:
            continue
        x, colour = group["scaled_beta"], style.COLOURS[number]
        ax.fill_between(x, group["network"] - group["network_error"], group["network"] + group["network_error"],
                        color=colour, alpha=0.3, lw=0)  # fmt: skip
        ax.plot(x, group["network"], color=colour, label=f"{group.number('set_size'):.0f} networks, {name}")
        ax.plot(x, group["gaussian"], color=colour, ls=(0, (4, 1.6)), lw=1.0,
                label="Gaussian, same covariance" if role == "arm" else None)  # fmt: skip
        if role == "arm":
            ax.plot(x, group["tree"], color=style.COLOURS[3], lw=0.9, label="tree, same covariance (GREM)")
            ax.plot(x, group["independent"], color=style.INK, ls=(0, (1, 1.2)), lw=1.1, label="independent (REM)")
    trained = report.below("trained")
    if trained:
        group = list(trained.values())[-1]
        ax.plot(group["scaled_beta"], group["network"], color=style.COLOURS[2],
                label=f"{group.number('levels'):.0f} trained networks")  # fmt: skip
    ax.set_ylim(0, None)
    style.headroom(ax, 4)
    ax.set_xlabel(r"$\beta\sigma_E$")
    ax.set_ylabel(r"participation ratio $Y_2$")
    ax.legend(loc="upper left")
