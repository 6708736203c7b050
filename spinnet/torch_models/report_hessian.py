"""What Hessians say: index, edges, level spacings; beside a Gaussian landscape of the same moments, and the glass."""

from __future__ import annotations

import math

import numpy as np

from spinnet.estimators.spectra import GOE_SPACING_RATIO, POISSON_SPACING_RATIO
from spinnet.theory.random_matrices import Semicircle
from spinnet.torch_models.report_table import Table
from spinnet.torch_models.statements import DECISIVE, GLASS, WORDS, stated

_TOLD = 5  # outliers


def hessian(table: Table) -> None:
    """Rows and findings of the spectra, dense or from quadratures."""
    scale = 1.0 / table.n_units
    if not table.has("spectrum/eigenvalue"):
        return _quadrature(table, scale)
    for arm in [*table.arms, GLASS]:
        values = table.data(arm, "spectrum/eigenvalue")
        if values is None:
            continue
        values = values * (1.0 if arm == GLASS else scale)
        table.keep(arm, "edge/largest", values[:, -1], "largest eigenvalue per pattern")
        table.keep(arm, "edge/smallest", values[:, 0], "smallest eigenvalue per pattern")
        index = table.data(arm, "spectrum/index")
        share = np.where(index < 0, np.nan, index) / values.shape[1]
        table.keep(arm, "edge/negative", share, "share of negative eigenvalues")
        _match(table, arm, values.sum(axis=1), (values**2).sum(axis=1), values.shape[1])
        edge = table.data(arm, "gaussian/largest")
        above = np.where(np.isfinite(edge), (values > edge[:, None]).sum(axis=1), np.nan)
        table.keep(arm, "gaussian/above", above, "eigenvalues above that edge")
    modes = table.data("trained", "spectrum/eigenvalue").shape[1]
    index = table.row(f"index (of {modes})", "spectrum/index")
    negative = table.row("share negative", "edge/negative", glass=True)
    table.row("zero modes", "spectrum/zero_modes")
    top = table.row("largest eigenvalue", "edge/largest")
    low = table.row("smallest eigenvalue", "edge/smallest")
    ratio = table.row("spacing ratio", "spectrum/spacing_ratio", glass=True)
    if not np.isfinite(index["trained"][0]):
        return None
    table.say(
        f"Hessian, exact, per pattern: {stated(*index['trained'])} of {modes} eigenvalues are negative after "
        f"training and {stated(*index['untrained'])} before; the largest is {stated(*top['trained'])}, "
        f"the smallest {stated(*low['trained'])}."
    )
    _beside(table, negative)
    told = [f"{WORDS.get(arm, arm)} {stated(*ratio[arm])}" for arm in ratio if np.isfinite(ratio[arm][0])]
    table.say(f"Spacing ratio, central 80 % of the non-zero spectrum: {', '.join(told)}; random matrices (GOE) "
              f"{GOE_SPACING_RATIO:.4f}, independent levels {POISSON_SPACING_RATIO:.4f}. "
              f"{_nearest_law(*ratio['trained'])}")  # fmt: skip
    worst = max(float(np.nanmax(table.data(arm, "spectrum/operator_residual"), initial=0.0)) for arm in table.arms)
    table.say(f"Check of the matrices against Hessian-vector products: largest relative difference {worst:.1g}.")
    return None


def _match(table: Table, arm: str, trace: np.ndarray, squares: np.ndarray, n: int) -> None:
    """The Gaussian landscape with this trace and sum of squares: its Hessian is a shifted random matrix."""
    mean = trace / n
    radius = 2.0 * np.sqrt(np.maximum(squares / n - mean**2, 0.0))
    share = [Semicircle(float(m), float(r)).cdf(0.0) if np.isfinite(m) and r > 0 else np.nan
             for m, r in zip(mean, radius, strict=True)]  # fmt: skip
    table.keep(arm, "gaussian/negative", np.array(share, dtype=np.float64), "share of negative eigenvalues of a "
               "Gaussian landscape with this trace and sum of squares")  # fmt: skip
    table.keep(arm, "gaussian/largest", mean + radius, "upper edge of its semicircle")


def _beside(table: Table, negative: dict[str, tuple[float, float]] | None) -> None:
    """The matched Gaussian landscape, and the glass."""
    expected = table.row("Gaussian match: share negative", "gaussian/negative", glass=True)["trained"]
    edge = table.row("Gaussian match: upper edge", "gaussian/largest")["trained"]
    above = table.row("eigenvalues above that edge", "gaussian/above", glass=True)
    line = (f"Null of the spectrum: in a Gaussian landscape whose Hessians have the same trace and sum of squares "
            f"{stated(*expected)} of the eigenvalues are negative")  # fmt: skip
    line += f" (here {stated(*negative['trained'])})" if negative else ""
    line += f" and none lies above {stated(*edge)}"
    line += f" (here {stated(*above['trained'])} do)" if np.isfinite(above["trained"][0]) else ""
    spins = table.data(GLASS, "endpoint/configuration")
    if negative and spins is not None and np.isfinite(negative[GLASS][0]):
        line += (f"; a 3-spin glass of {spins.shape[1]} spins in its minima has {stated(*negative[GLASS])} negative "
                 f"and {stated(*above[GLASS])} above")  # fmt: skip
    table.say(line + ".")


def _quadrature(table: Table, scale: float) -> None:
    """Above the dense limit: Lanczos, without an index."""
    n = table.data("trained", "endpoint/configuration").shape[1]
    for arm in table.arms:
        trace, squares = (table.data(arm, f"spectrum/{name}") for name in ("trace", "second_moment"))
        _match(table, arm, trace * scale, squares * scale**2, n)
        table.keep(arm, "gaussian/above", _outliers(table, arm, scale)[0], "converged eigenvalues above that edge")
    top = table.row("largest eigenvalue", "spectrum/largest", scale)
    low = table.row("smallest eigenvalue", "spectrum/smallest", scale)
    table.row("trace", "spectrum/trace", scale)
    table.row("its error from probe vectors", "spectrum/trace_error", scale)
    converged = table.data("trained", "spectrum/converged")
    table.say(
        f"Hessian by Lanczos, per pattern: largest eigenvalue {stated(*top['trained'])}, smallest "
        f"{stated(*low['trained'])}; {int(converged.sum())} of {len(converged)} pairs of extremes are converged"
        f"{'' if converged.all() else ' (the others are bounds from inside)'}. A quadrature has no index."
    )
    _beside(table, None)
    told = _outliers(table, "trained", scale)[1]
    if told:
        table.say(f"Largest eigenvalues of the first seed, each with its residual: {told}.")


def _outliers(table: Table, arm: str, scale: float) -> tuple[np.ndarray, str]:
    """How many converged Ritz values lie above the Gaussian edge, for each seed, and the largest of the first seed.

    All are seen from the first probe vector, in which no eigenvalue comes twice.
    """
    nodes, residuals = (table.data(arm, f"spectrum/{name}")[:, 0] * scale for name in ("node", "residual"))
    edge, tolerance = table.data(arm, "gaussian/largest"), 1e-6 * np.nanmax(np.abs(nodes), axis=1, initial=0.0)
    good = (nodes > edge[:, None]) & (residuals <= tolerance[:, None])
    count = np.where(np.isfinite(nodes).any(axis=1), good.sum(axis=1), np.nan)
    first = np.flatnonzero(np.isfinite(nodes[0]))[::-1][:_TOLD]
    told = ", ".join(
        f"{nodes[0, k]:.4g} ({residuals[0, k]:.1g}{'' if residuals[0, k] <= tolerance[0] else ', NOT CONVERGED'})"
        for k in first
    )
    return count, told


def _nearest_law(value: float, error: float) -> str:
    if not (math.isfinite(value) and error > 0):
        return "Without an error there is no verdict."
    goe, poisson = abs(value - GOE_SPACING_RATIO) / error, abs(value - POISSON_SPACING_RATIO) / error
    if goe <= DECISIVE < poisson:
        return "The trained levels repel as those of a random matrix."
    if poisson <= DECISIVE < goe:
        return "The trained levels are independent."
    if min(goe, poisson) <= DECISIVE:
        return "The trained levels are compatible with both: more seeds would tell."
    return f"The trained levels are neither ({goe:.1f} and {poisson:.1f} standard errors away)."
