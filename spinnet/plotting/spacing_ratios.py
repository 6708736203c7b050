"""Spacing ratios of Hessian eigenvalues."""

from __future__ import annotations

from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import LoadedComparison


@style.styled
def spacing_ratios(comparison: LoadedComparison) -> Figure | None:
    """Density of the spacing ratio of each arm with errors over independent units, beside GOE and Poisson."""
    shown = [(arm, comparison.shown_point(arm)) for arm in comparison.arms]
    shown = [(arm, point) for arm, point in shown if point and comparison.group("points", arm, point, "spacing")]
    if not shown:
        return None
    figure, (ax,) = style.new_figure(style.COLUMN, 2.6)
    laws = comparison.group("references", "spacing")
    for name, label, dashes in (("goe", "GOE", "-"), ("poisson", "Poisson", (0, (4, 2)))):
        mean = rf"$\langle r\rangle={laws.number(f'{name}_mean'):.4f}$"
        ax.plot(laws["ratio"], laws[name], color=style.INK, ls=dashes, label=f"{label}, {mean}")
    top = 2.0
    for k, (arm, point) in enumerate(shown):
        spacing = comparison.group("points", arm, point, "spacing")
        index = comparison.arms.index(arm)
        edges = spacing["edge"]
        # Arms side by side inside a bin, so that their error bars do not hide each other.
        offset = (k + 1) / (len(shown) + 1)
        mean = style.with_error(spacing.number("mean"), spacing.number("mean_error"))
        ax.errorbar(
            edges[:-1] + offset * (edges[1:] - edges[:-1]), spacing["density"], spacing["density_error"],
            fmt=style.MARKERS[index % 6], ms=3.0, color=style.COLOURS[index % 6], elinewidth=0.8,
            label=rf"{arm}, $\langle r\rangle={mean}$",
        )  # fmt: skip
        top = max(top, float((spacing["density"] + spacing["density_error"]).max()))
    ax.set_xlim(0.0, 1.0)
    ax.set_ylim(0.0, top)
    style.headroom(ax, len(shown))
    ax.set_xlabel(r"spacing ratio $r=\min(s_i,s_{i+1})/\max(s_i,s_{i+1})$")
    ax.set_ylabel(r"density $P(r)$")
    ax.legend(loc="upper right", ncols=1)
    return figure
