"""Barriers between independently trained networks against width, before and after the symmetries are divided out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from spinnet.errors import InputError
from spinnet.estimators.resampling import mean_and_error
from spinnet.estimators.scaling import fit_power_law
from spinnet.reports.base import Content, Report
from spinnet.reports.initial_line import SHORT, SIDES
from spinnet.reports.results import PointResults, StudyResults
from spinnet.reports.verdicts import DECISIVE, REJECTED_FIT

#: Key of a row, variable, and what it is in words.
_MEASURED = (
    ("naive", "barriers/excess", "energy"),
    ("aligned", "barriers/aligned_excess", "energy"),
    ("overlap", "aligned_overlap/overlap", "1"),
    ("aligned_overlap", "aligned_overlap/aligned", "1"),
    ("null_overlap", "aligned_overlap/start_aligned", "1"),
)


class BarriersReport(Report):
    """Barriers (above the line between the ends' energies) and overlaps of pairs of runs against size.

    Pairs are disjoint and independent; those of a glass are averaged over one sample first. The null of an aligned
    overlap is that of the same networks before training.

    Parameters
    ----------
    arm
        Trained networks with the axis ``hidden``, measured with the probe ``barriers`` (pairs "disjoint") and,
        for overlaps, ``aligned_overlap``.
    shuffled, glass
        Arms beside it, or empty.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ("arm", "shuffled", "glass")
    probes: ClassVar[tuple[str, ...]] = ("barriers",)

    def __init__(self, arm: str = "", shuffled: str = "", glass: str = ""):
        given = self.validate(arm=arm, shuffled=shuffled, glass=glass)
        self.names = {name: given[name] for name in self.arm_parameters}

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        return given

    @classmethod
    def check_physics(cls, arm: str, physics: Any) -> None:
        """Also: pairs that are independent."""
        super().check_physics(arm, physics)
        for probe in ("barriers", "aligned_overlap"):
            if physics["probes"].get(probe, {}).get("pairs", "disjoint") != "disjoint":
                raise InputError(f"arm {arm}: errors need independent pairs: set pairs = 'disjoint' of {probe}")

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`BarriersReport`. Cost: none to speak of."""
        content = Content()
        for side, what in SIDES:
            name = self.chosen_arm(self.names, side, results.arms)
            if not name:
                continue
            points = sorted(results.points(name), key=lambda point: (_size(point), point.label))
            rows = [_row(point) for point in points]
            for point in points:
                if point.has("aligned_overlap/aligned") or point.has("barriers/chain_energy"):
                    _keep_pairs(content, side, point)
            content.rows += [{"side": SHORT[side], **row} for row in rows]
            for key in rows[0]:
                values = [row.get(key) for row in rows]
                if key != "point" and None not in values:
                    content.add(f"{side}/{key}", np.array(values, float), ("size",), "1")
            content.findings += _findings(what, rows)
        return content


def _size(point: PointResults) -> float:
    """Width of the first hidden layer, spins of a glass, else degrees of freedom."""
    for name in ("hidden", "n"):
        if name in point.parameters:
            value = point.parameters[name]
            return float(value[0] if isinstance(value, list) else value)
    return float(point.n_dof)


def _row(point: PointResults) -> dict[str, Any]:
    row: dict[str, Any] = {"point": point.label, "size": _size(point)}
    for key, name, _ in _MEASURED:
        if point.has(name):
            values = point.independent(name)
            mean, error = mean_and_error(values)
            row |= {key: float(mean), f"{key}_error": float(error)}
            row.setdefault("units", int(np.isfinite(values).sum()))
            if key.endswith("overlap"):
                row[f"{key}_spread"] = float(np.nanstd(point.read(name), ddof=1))
    if point.has("barriers/band_converged"):
        mean, error = mean_and_error(_bands(point))
        row |= {"band": float(mean), "band_error": float(error)}
        row["converged"] = float(point.read("barriers/band_converged").mean())
    if point.has("barriers/chain_connected"):
        row |= _chains(point)
    return row


def _chains(point: PointResults) -> dict[str, Any]:
    """Heights of minimum-energy paths and of the lines beside them, and what certifies the former."""
    joined = point.read("barriers/chain_connected") == 1
    row: dict[str, Any] = {"pairs": int(joined.size), "joined": int(joined.sum())}
    for key, name in (("chain", "chain_upper_bound"), ("chain_line", "chain_line"), ("saddles", "chain_saddles")):
        values = point.read(f"barriers/{name}").astype(float)
        if key == "saddles":
            values = np.where(joined, values, np.nan)
        if point.attributes.get("independent_unit") != "replica":
            values = mean_and_error(values, axis=1)[0]
        mean, error = mean_and_error(values.ravel())
        row |= {key: float(mean), f"{key}_error": float(error)}
    several = joined & (point.read("barriers/chain_saddles") > 0)
    row["same"] = int(joined.sum() - several.sum())
    row["proper"] = bool((point.read("barriers/chain_index")[several] == 1).all())
    for key, name in (("chain_force", "chain_force"), ("chain_gradient", "chain_gradient_norm")):
        row[key] = float(point.read(f"barriers/{name}")[joined].max(initial=0.0))
    return row


def _keep_pairs(content: Content, side: str, point: PointResults) -> None:
    """Single pairs, for the figure: overlaps, and the profiles of the paths."""
    group = f"pairs/{side},{point.label}"
    content.describe(group, label=point.label, size=_size(point), side=side)
    for name in ("overlap", "aligned", "start_aligned"):
        if point.has(f"aligned_overlap/{name}"):
            values = point.read(f"aligned_overlap/{name}").ravel()
            content.add(f"{group}/{name}", values[np.isfinite(values)], ("pair",), "1")
    if point.has("barriers/chain_energy"):
        energy = point.read("barriers/chain_energy")
        energy = energy.reshape(-1, energy.shape[-1])
        energy = energy[np.isfinite(energy).all(axis=1)]
        higher = np.maximum(energy[:, :1], energy[:, -1:])
        content.add(f"{group}/profile", energy - higher, ("chain", "share"), "energy")


def _bands(point: PointResults) -> np.ndarray:
    """Barriers along elastic bands, of those that did not converge the bound; a row per independent unit."""
    converged = point.read("barriers/band_converged") == 1
    values = np.where(converged, point.read("barriers/band_barrier"), point.read("barriers/band_upper_bound"))
    if point.attributes.get("independent_unit") == "replica":
        return values.ravel()
    return mean_and_error(values, axis=1)[0]


def _findings(what: str, rows: list[dict[str, Any]]) -> list[str]:
    found = [_course(what, rows, "naive", "as they are")]
    if "aligned" in rows[0]:
        found.append(_course(what, rows, "aligned", "after alignment"))
        ratios = [f"{row['naive'] / row['aligned']:.1f} at {row['size']:g}" for row in rows if row["aligned"] > 0]
        found.append(
            f"{what}: alignment divides the mean barrier by {', '.join(ratios)}" if ratios
            else f"{what}: after alignment no barrier is left, and no factor can be given"
        )
    if "aligned_overlap" in rows[0]:
        found += [_overlaps(what, rows), _distribution(what, rows)]
    if "chain" in rows[0]:
        found += _passes(what, rows)
    if "band" in rows[0]:
        parts = [
            f"{row['band']:.4f} ± {row['band_error']:.4f} at {row['size']:g} ({100 * row['converged']:.0f} % converged)"
            for row in rows
        ]
        found.append(
            f"{what}: mean height above the higher end along elastic bands {', '.join(parts)}; of the others the bound "
            "from above is taken"
        )
    return found


def _passes(what: str, rows: list[dict[str, Any]]) -> list[str]:
    """Heights of the minimum-energy paths, and of how many that is exact."""
    parts = [
        f"{row['chain']:.5f} ± {row['chain_error']:.5f} at {row['size']:g} ({row['joined']} of {row['pairs']} pairs "
        f"joined, {row['saddles']:.1f} saddles each; straight line {row['chain_line']:.4f} ± "
        f"{row['chain_line_error']:.4f})"
        for row in rows
    ]
    joined, pairs = sum(row["joined"] for row in rows), sum(row["pairs"] for row in rows)
    same = sum(row["same"] for row in rows)
    proper = "all of index 1" if all(row["proper"] for row in rows) else "not all of index 1"
    force, gradient = max(row["chain_force"] for row in rows), max(row["chain_gradient"] for row in rows)
    rest = "" if joined == pairs else "; of the others the bound of an elastic band is taken"
    twice = f"; {same} of the pairs are one minimum twice, height 0" if same else ""
    return [
        f"{what}: mean height of minimum-energy paths between minima, aligned: {', '.join(parts)}{twice}",
        f"{what}: {joined} of {pairs} paths are certified: highest saddles {proper}, gradient at most {gradient:.1e}, "
        f"force across the path at most {force:.1e}{rest}",
    ]


def _course(what: str, rows: list[dict[str, Any]], key: str, how: str) -> str:
    """Whether a barrier falls with size, step by step, and as which power."""
    size = np.array([row["size"] for row in rows])
    mean = np.array([row[key] for row in rows])
    error = np.array([row[f"{key}_error"] for row in rows])
    values = ", ".join(f"{m:.3f} ± {e:.3f} at {s:g}" for m, e, s in zip(mean, error, size, strict=True))
    if len(rows) < 2:
        return f"{what}, {how}: barrier {values}; one size tells no course"
    z = np.diff(mean) / np.hypot(error[1:], error[:-1])
    up = [f"{size[k]:g} to {size[k + 1]:g} (z = {z[k]:.1f})" for k in np.flatnonzero(z > 0)]
    weakest = float(z.max())
    sure = "surely at each" if weakest < -DECISIVE else f"not surely at each, the weakest z = {weakest:.1f}"
    course = f"falls at every step of size ({sure})" if not up else f"does not fall from {', '.join(up)}"
    power = ""
    if len(rows) > 2 and (mean > 0).all() and (error > 0).all() and (error < 0.5 * mean).all():
        fit = fit_power_law(size, mean, error)
        power = f"; power of the size {fit.exponent:.2f} ± {fit.exponent_error:.2f}"
        power += ", which one power does not describe" if fit.p_value < REJECTED_FIT else ""
    return f"{what}, {how}: the barrier between two ends {course}: {values}{power}"


def _overlaps(what: str, rows: list[dict[str, Any]]) -> str:
    parts, certain = [], True
    for row in rows:
        more = row["aligned_overlap"] - row["null_overlap"]
        z = more / np.hypot(row["aligned_overlap_error"], row["null_overlap_error"])
        certain &= bool(z > DECISIVE)
        parts.append(f"{row['aligned_overlap']:.3f} against {row['null_overlap']:.3f} (z = {z:.1f}) at {row['size']:g}")
    verdict = "exceed those" if certain else "do not certainly exceed those at every size"
    return f"{what}: aligned overlaps {verdict} of untrained pairs, the null: {'; '.join(parts)}"


def _distribution(what: str, rows: list[dict[str, Any]]) -> str:
    """How wide P(q) is, beside the null."""
    parts = [
        f"{row['aligned_overlap_spread']:.3f} (as they are {row['overlap_spread']:.3f}, untrained "
        f"{row['null_overlap_spread']:.3f}) at {row['size']:g}" for row in rows
    ]
    return f"{what}: standard deviation of P(q) over aligned pairs {', '.join(parts)}"
