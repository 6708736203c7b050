"""Figure of one measured model: training, Hessian, ageing, barriers and overlaps, each beside its nulls."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import LoadedModel, load_model_file

_COLOUR = {"trained": style.COLOURS[0], "untrained": style.GREY, "shuffled": style.COLOURS[1]}
_LABEL = {"trained": "trained", "untrained": "untrained", "shuffled": "shuffled targets"}
_HUGE = 1e30  # what a run passes through before it overflows is not drawn
_DASHES = (0, (4, 1.6))


def draw_model(path: str | os.PathLike, out_dir: str | os.PathLike) -> list[Path]:
    """Draw the figure of a model's result file as PDF and PNG into ``out_dir``; return the files written.

    Raises
    ------
    ResultFileError, StorageError
        For a file that cannot be read or a folder that cannot be written.
    """
    figure = model_surface(load_model_file(path))
    return [] if figure is None else style.save(figure, Path(out_dir) / Path(path).stem)


@style.styled
def model_surface(model: LoadedModel) -> Figure | None:
    """One panel for each thing that was measured; None where there is nothing to draw."""
    drawn = [draw for present, draw in (
        (model.group("trained", "trajectory"), _training),
        (model.group("trained", "spectrum"), _spectrum),
        (model.group("trained", "two_time"), _ageing),
        (model.group("trained", "barriers"), _barriers),
        (model.group("trained", "overlaps"), _overlaps),
    ) if present]  # fmt: skip
    if not drawn:
        return None
    columns = min(3, len(drawn)) if len(drawn) != 4 else 2
    rows = -(-len(drawn) // columns)
    figure, axes = style.new_figure(style.PAGE if columns > 1 else style.COLUMN, 2.35 * rows, columns, rows)
    for unused in axes[len(drawn) :]:
        unused.remove()
    for draw, ax in zip(drawn, axes, strict=False):
        draw(ax, model)
    style.letter(axes[: len(drawn)])
    return figure


def _arms(model: LoadedModel, group: str) -> list[str]:
    return [arm for arm in _COLOUR if model.group(arm, group)]


def _mean(rows: np.ndarray) -> np.ndarray:
    """Mean over the rows that are known, NaN where none is."""
    known = np.abs(rows) < _HUGE
    total, count = np.where(known, rows, 0.0).sum(axis=0), known.sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _training(ax: Axes, model: LoadedModel) -> None:
    for arm in _arms(model, "trajectory"):
        group = model.group(arm, "trajectory")
        after = group["time"] > 0
        time, loss = group["time"][after], group["energy_density"][:, after]
        loss = np.where(np.abs(loss) < _HUGE, loss, np.nan)
        ax.plot(time, loss.T, color=_COLOUR[arm], lw=0.5, alpha=0.45)
        ax.plot(time, _mean(loss), color=_COLOUR[arm], label=_LABEL[arm])
    ax.set_xscale("log")
    drawn = np.concatenate([np.asarray(line.get_ydata()) for line in ax.lines])
    if (drawn[np.isfinite(drawn)] > 0).all():
        ax.set_yscale("log")
    ax.set_xlabel("step")
    ax.set_ylabel("loss per pattern")
    ax.legend(loc="lower left")


def _spectrum(ax: Axes, model: LoadedModel) -> None:
    """Share of eigenvalues beyond ±λ: a spectrum of a network spans many decades on both sides of zero."""
    patterns = float(model.attributes["n_units"])
    for arm in _arms(model, "spectrum"):
        group = model.group(arm, "spectrum")
        dense = "eigenvalue" in group.arrays
        values = (group["eigenvalue"] if dense else group["node"]).ravel() / patterns
        weights = np.ones_like(values) if dense else group["weight"].ravel()
        good = np.isfinite(values)
        values, weights = values[good], weights[good] / max(weights[good].sum(), 1e-300)
        for sign, dashes in ((1.0, "-"), (-1.0, _DASHES)):
            mine = values * sign > 1e-9 * np.abs(values).max(initial=0.0)
            order = np.argsort(-sign * values[mine])
            size, share = sign * values[mine][order], np.cumsum(weights[mine][order])
            ax.plot(size, share, color=_COLOUR[arm], ls=dashes,
                    label=_LABEL[arm] if sign > 0 and arm == "untrained" else None)  # fmt: skip
    if not any(len(line.get_xdata()) for line in ax.lines):
        ax.set_title("no eigenvalue is known, or all are zero")
        return
    _gaussian(ax, model)
    ax.plot([], [], color=style.INK, ls=_DASHES, label="negative")
    ax.set_xscale("log")
    ax.set_yscale("log")
    low, high = ax.get_xlim()
    ax.set_xlim(max(low, 1e-7 * high), high)
    ax.set_xlabel(r"$|\lambda|$ of the mean loss")
    ax.set_ylabel("share of eigenvalues beyond")
    ax.legend(loc="lower left", fontsize=7.0)


def _gaussian(ax: Axes, model: LoadedModel) -> None:
    """The semicircle of a Gaussian landscape with the trace and sum of squares of the trained networks."""
    group = model.group("trained", "spectrum")
    if "eigenvalue" not in group.arrays:
        return
    values = group["eigenvalue"][np.isfinite(group["eigenvalue"])] / float(model.attributes["n_units"])
    if len(values) < 2:
        return
    centre, radius = values.mean(), 2.0 * values.std()
    at = np.linspace(-1.0, 1.0, 2001)
    above = 0.5 - (at * np.sqrt(1.0 - at**2) + np.arcsin(at)) / np.pi
    for sign in (1.0, -1.0):
        size, share = sign * (centre + radius * at), above if sign > 0 else 1.0 - above
        drawn = (size > 0) & (share > 0.1 / len(values))
        ax.plot(size[drawn], share[drawn], color=style.COLOURS[2], ls=":" if sign > 0 else (0, (1, 3)), lw=1.0,
                label="Gaussian landscape" if sign > 0 else None)  # fmt: skip


def _ageing(ax: Axes, model: LoadedModel) -> None:
    group, free = model.group("trained", "two_time"), model.group("trained", "free")
    after = group["delay"] > 0
    waits = group["waiting_time"]
    for k, (wait, shade) in enumerate(zip(waits, style.shades(style.COLOURS[0], len(waits)), strict=True)):
        moved = _mean(group["displacement"][:, k, after])
        known = np.isfinite(moved)
        ax.plot(group["delay"][after][known], moved[known], color=shade, label=rf"$t_w={wait:.0f}$")
        if free:
            ax.plot(group["delay"][after], _mean(free["displacement"][None, k, after]), color=shade, ls=_DASHES, lw=0.8)
    if not any(np.isfinite(line.get_ydata()).any() for line in ax.lines):
        ax.set_title("every run diverged")
        return
    if free:
        ax.plot([], [], color=style.INK, ls=_DASHES, lw=0.8, label="free diffusion")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel(r"delay $t$ (steps)")
    ax.set_ylabel(r"$\Delta(t_w+t,t_w)$")
    ax.legend(loc="upper left", fontsize=7.0)
    style.headroom(ax, 1, 1.9)


def _barriers(ax: Axes, model: LoadedModel) -> None:
    for arm in _arms(model, "barriers"):
        group = model.group(arm, "barriers")
        energy = group["energy_density"]
        energy = energy[(np.abs(energy) < _HUGE).all(axis=1)]
        if not len(energy):
            continue
        mean, spread = energy.mean(axis=0), energy.std(axis=0)
        ax.fill_between(group["share"], mean - spread, mean + spread, color=_COLOUR[arm], alpha=0.2, lw=0)
        ax.plot(group["share"], mean, color=_COLOUR[arm], label=arm)
    nearer = model.group("trained", "barriers").arrays.get("aligned_energy_density")
    if nearer is not None and np.isfinite(nearer).any():
        ax.plot(model.group("trained", "barriers")["share"], _mean(nearer), color=_COLOUR["trained"], ls=_DASHES,
                label="exchanged")  # fmt: skip
    for arm in _arms(model, "band"):
        energy = _mean(model.group(arm, "band")["energy_density"])
        if np.isfinite(energy).any():
            own = style.INK if arm == "trained" else _COLOUR[arm]
            ax.plot(np.linspace(0, 1, len(energy)), energy, color=own, marker="o", ms=2.6, lw=0.8,
                    label="band" if arm == "trained" else None)  # fmt: skip
    ax.set_xlim(0.0, 1.0)
    ax.set_xlabel("way from seed to seed")
    ax.set_ylabel("loss per pattern")
    lines = len(ax.get_legend_handles_labels()[0])
    ax.legend(loc="upper left", ncol=2, fontsize=7.0, columnspacing=1.0)
    style.headroom(ax, -(-lines // 2), 1.9)


def _overlaps(ax: Axes, model: LoadedModel) -> None:
    for arm in _arms(model, "overlaps"):
        group = model.group(arm, "overlaps")
        if "weights_aligned" in group.arrays:
            ax.plot(group["weights_aligned"], group["answers"], color=_COLOUR[arm], marker="o", ms=3.4, ls="none",
                    mfc="none", mew=0.7, label="units exchanged" if arm == "trained" else None)  # fmt: skip
        ax.plot(group["weights"], group["answers"], color=_COLOUR[arm], marker="o", ms=3.4, ls="none", mew=0,
                alpha=0.8, label=_LABEL[arm])  # fmt: skip
    ax.axhline(0.0, color=style.GREY, lw=0.6)
    ax.axvline(0.0, color=style.GREY, lw=0.6)
    ax.set_xlim(-1.05, 1.05)
    ax.set_ylim(-1.05, 1.05)
    ax.set_xlabel("overlap of weights")
    ax.set_ylabel("correlation of answers")
    ax.legend(loc="lower right", fontsize=7.0)
