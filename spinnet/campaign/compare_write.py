"""``comparison.h5``: the one place that knows its layout (see ``compare_step``) when it is written."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from spinnet.campaign.compare_arms import ArmData, Series
from spinnet.campaign.compare_references import (
    Reference,
    glass_energies,
    glass_relaxation,
    spectrum_references,
)
from spinnet.campaign.compare_report import Comparison, arm_units, statements
from spinnet.comparison import spacing_laws, summaries
from spinnet.comparison.points import PointData
from spinnet.comparison.table import Row
from spinnet.estimators.histograms import Histogram
from spinnet.estimators.spectra import GOE_SPACING_RATIO, POISSON_SPACING_RATIO
from spinnet.records import Variable, Variables
from spinnet.results import write_tables
from spinnet.results.provenance import gather
from spinnet.results.schema import COMPARISON

#: A finite-size fit is shown when its chi-squared is not rejected at this level.
FIT_LEVEL = 0.01

_SERIES_NUMBERS = (
    "threshold_energy", "ground_state_energy", "limit", "limit_error", "limit_slope", "limit_p_value",
)  # fmt: skip


@dataclasses.dataclass
class _Tables:
    """What is to be written."""

    variables: Variables = dataclasses.field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)

    def add(self, name: str, data: Any, dims: tuple[str, ...], units: str = "1", description: str = "") -> None:
        values = np.asarray(data)
        if values.dtype.kind == "U":
            values = values.astype(object)
        self.variables[name] = Variable(values, dims, units, description)

    def curve(self, group: str, reference: Reference, axis: str, value: str, units: str = "1") -> None:
        self.add(f"{group}/{axis}", reference.x, (axis,), units)
        self.add(f"{group}/{value}", reference.y, (axis,), "1" if value == "density" else "energy")
        self.groups[group] = {"label": reference.label, "note": reference.note}

    def histogram(self, group: str, found: Histogram, units: str, **attributes: Any) -> None:
        self.add(f"{group}/edge", found.edges, ("edge",), units)
        self.add(f"{group}/density", found.density, ("bin",), "1", "mean over independent units")
        self.add(f"{group}/density_error", found.error, ("bin",), "1", "standard error over independent units")
        counted = {"n_units": found.n_units, "n_values": found.n_values, "not_finite": found.not_finite}
        self.groups[group] = counted | attributes


def write_comparison(comparison: Comparison) -> str:
    """Write the file of a comparison; return its digest.

    Raises
    ------
    StorageError
        If the disk refuses; the file is then as it was.
    """
    tables = _Tables()
    _add_rows(tables, comparison)
    for arm in comparison.arms:
        _add_arm(tables, arm)
    _add_spacing_laws(tables)
    root = {
        "title": comparison.title,
        "arms": json.dumps([arm.name for arm in comparison.arms]),
        "compared": json.dumps(_compared(comparison.rows)),
        "notes": json.dumps(list(comparison.notes)),
    }
    return write_tables(
        comparison.path, COMPARISON, tables.variables, attributes=root, group_attributes=tables.groups,
        provenance=gather(),
    )  # fmt: skip


def _compared(rows: Sequence[Row]) -> list[list[str]]:
    """[left arm, left point, right arm, right point] of each pair."""
    return [
        list(pair) for pair in dict.fromkeys((r.left_arm, r.left_point, r.right_arm, r.right_point) for r in rows)
    ]


def _add_rows(tables: _Tables, comparison: Comparison) -> None:
    for column in dataclasses.fields(Row):
        values = [getattr(row, column.name) for row in comparison.rows]
        if comparison.rows:
            tables.add(f"rows/{column.name}", values, ("row",))
    tables.groups["rows"] = statements(comparison) | {
        "split_halves": json.dumps([dataclasses.asdict(rate) for rate in comparison.rates])
    }


def _add_arm(tables: _Tables, arm: ArmData) -> None:
    series = arm.series()
    sizes = [summaries.size_summary(point) for point in arm.points]
    known = [k for k, size in enumerate(sizes) if size is not None]
    if known:
        place = {k: number for number, one in enumerate(series) for k in one.indices}
        tables.add(f"arms/{arm.name}/label", [arm.points[k].name for k in known], ("point",))
        tables.add(f"arms/{arm.name}/series", [place[k] for k in known], ("point",))
        for column in dataclasses.fields(summaries.Size):
            values = [getattr(sizes[k], column.name) for k in known]
            tables.add(f"arms/{arm.name}/{column.name}", values, ("point",))
    tables.groups[f"arms/{arm.name}"] = {
        "title": arm.title,
        "unit": str(arm.points[0].attributes.get("unit", "unit")),
        **{f"{name}_in_words": words for name, words in arm_units(arm).items()},
    }
    _add_series(tables, arm, series, sizes)
    for point, physics in zip(arm.points, arm.physics, strict=True):
        _add_point(tables, point, physics)


def _add_series(
    tables: _Tables, arm: ArmData, series: Sequence[Series], sizes: Sequence[summaries.Size | None]
) -> None:
    rows = []
    for number, one in enumerate(series):
        # All points of a series have one covariance and one temperature: one theory.
        first = one.indices[0]
        rows.append(glass_energies(arm.physics[first]) | _extrapolation(arm, [sizes[k] for k in one.indices]))
        curves = [curve for k in one.indices if (curve := summaries.relaxation_curve(arm.points[k])) is not None]
        last = max((float(curve.time[-1]) for curve in curves), default=0.0)
        theory = glass_relaxation(arm.physics[first], last) if last > 0 else None
        if theory is not None:
            tables.curve(f"references/relaxation/{arm.name}/{number}", theory, "time", "energy_density")
    tables.add(f"series/{arm.name}/label", [one.label for one in series], ("series",))
    for column in _SERIES_NUMBERS:
        tables.add(f"series/{arm.name}/{column}", [float(row.get(column, np.nan)) for row in rows], ("series",))
    shown = [float(row.get("limit_p_value", 0.0)) >= FIT_LEVEL for row in rows]
    tables.add(f"series/{arm.name}/limit_shown", np.array(shown, dtype=np.int64), ("series",))


def _extrapolation(arm: ArmData, sizes: Sequence[summaries.Size | None]) -> dict[str, float]:
    """a + b/N of a glass; there is no theory of the loss of a network against its number of parameters."""
    if arm.points[0].attributes.get("unit") != "spin":
        return {}
    fit = summaries.size_extrapolation([size for size in sizes if size is not None])
    if fit is None:
        return {}
    return {
        "limit": fit.limit,
        "limit_error": fit.limit_error,
        "limit_slope": fit.amplitude,
        "limit_p_value": fit.p_value,
    }


def _add_point(tables: _Tables, point: PointData, physics: dict[str, Any]) -> None:
    group = f"points/{point.arm}/{point.name}"
    attributes = point.attributes
    tables.groups[group] = {
        name: attributes[name] for name in ("n_dof", "n_units", "unit", "time_unit", "independent_unit")
        if name in attributes
    }  # fmt: skip
    curve = summaries.relaxation_curve(point)
    energy = np.nan
    if curve is not None:
        energy = float(curve.mean[-1])
        time_unit = str(attributes.get("time_unit", "1"))
        tables.add(f"{group}/relaxation/time", curve.time, ("time",), time_unit)
        tables.add(f"{group}/relaxation/energy_density", curve.mean, ("time",), "energy")
        tables.add(f"{group}/relaxation/energy_density_error", curve.error, ("time",), "energy")
        tables.add(f"{group}/relaxation/n_units", curve.n_units, ("time",))
    per_pattern = attributes.get("unit") == "pattern" and attributes.get("n_units")
    spectrum = summaries.spectrum_summary(point, scale=1.0 / attributes["n_units"] if per_pattern else 1.0)
    if spectrum is not None:
        of = "the mean loss" if per_pattern else "the energy"
        tables.histogram(
            f"{group}/spectrum", spectrum.histogram, "energy",
            logarithmic=spectrum.logarithmic, core=spectrum.core, mean=spectrum.mean, variance=spectrum.variance,
            hessian_of=of,
        )  # fmt: skip
        for reference in spectrum_references(physics, spectrum, energy, attributes):
            tables.curve(f"{group}/spectrum/{reference.name}", reference, "eigenvalue", "density", "energy")
    spacing = summaries.spacing_summary(point)
    if spacing is not None:
        histogram, mean, error = spacing
        tables.histogram(f"{group}/spacing", histogram, "1", mean=mean, mean_error=error, central=summaries.CENTRAL)


def _add_spacing_laws(tables: _Tables) -> None:
    ratio = np.linspace(0.0, 1.0, 201)
    tables.add("references/spacing/ratio", ratio, ("ratio",))
    tables.add("references/spacing/goe", spacing_laws.goe_density(ratio), ("ratio",))
    tables.add("references/spacing/poisson", spacing_laws.poisson_density(ratio), ("ratio",))
    tables.groups["references/spacing"] = {"goe_mean": GOE_SPACING_RATIO, "poisson_mean": POISSON_SPACING_RATIO}
