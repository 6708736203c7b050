"""The comparison step: arrays of two landscapes in, ``comparison.h5`` out, with everything that figures draw.

``comparison.h5`` (schema ``spinnet-comparison``) holds

``/rows/<column>``
    one entry per statistic and pair of points; attributes: null hypothesis, correction, level, split-half checks.
``/arms/<arm>/<column>``
    one entry per point: final energy with error and spread, sizes, number of the series; attributes: units of energy
    and time, what an independent unit is.
``/series/<arm>/<column>``
    one entry per series of points that differ in size only: threshold and ground-state energy, and the limit of
    a + b/N; NaN where there is none.
``/points/<arm>/<point>/{relaxation,spectrum,spacing}``, ``/points/<arm>/<point>/spectrum/<law>``
    curves and densities with errors over independent units, and laws to lay beside spectra.
``/references/spacing``, ``/references/relaxation/<arm>/<series>``
    GOE and Poisson; the relaxation for N to infinity.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spinnet.campaign.compare_arms import ArmData, SplitRate
from spinnet.campaign.compare_report import Comparison, notes_on_units
from spinnet.campaign.compare_settings import CompareSettings
from spinnet.campaign.compare_sources import Source, open_source
from spinnet.campaign.compare_write import write_comparison
from spinnet.campaign.layout import open_campaign
from spinnet.comparison.points import PointData
from spinnet.comparison.statistics import Statistic, select_statistics
from spinnet.comparison.table import Row, compare_points, size_distances, split_halves_within
from spinnet.errors import InputError


def compare_study(directory: str | os.PathLike, out_path: str | os.PathLike | None = None) -> Comparison:
    """Compare the arms of the campaign in ``directory`` as its ``[compare]`` table says.

    Raises
    ------
    InputError
        For a folder without a campaign, or a table that does not fit it.
    ResultFileError
        If nothing has been collected.
    StorageError
        If the disk refuses.
    """
    layout, study = open_campaign(directory)
    return compare_collected(layout.collected, study.compare or {}, out_path or layout.root / "comparison.h5")


def compare_collected(
    collected_path: str | os.PathLike, compare_table: Mapping[str, Any], out_path: str | os.PathLike
) -> Comparison:
    """Compare two arms of one collected file and write ``comparison.h5``.

    Parameters
    ----------
    compare_table
        The ``[compare]`` table, see :class:`~spinnet.campaign.compare_settings.CompareSettings`.

    Raises
    ------
    InputError, ResultFileError, StorageError
        As :func:`compare_study`.
    """
    settings = read_settings(compare_table)
    source = open_source(collected_path)
    names = list(source.points)
    arms = {name: read_arm(source, name, name) for name in names}
    notes = [f"missing: {gap}" for gap in source.gaps[:5]]
    notes += [note for arm in arms.values() for point in arm.points if (note := _divergence(point))]
    if len(source.gaps) > 5:
        notes.append(f"missing: {len(source.gaps) - 5} more tasks")
    left = source.check_arm(settings.left, "compare.left") if settings.left else names[0]
    others = [name for name in names if name != left]
    if settings.right:
        right = source.check_arm(settings.right, "compare.right")
    else:
        right = others[0] if others else left
    pairs = choose_pairs(arms[left], arms[right], settings)
    if not pairs:
        notes.append(f"{left} is the only arm: nothing to compare it with")
    if len(names) > 2:
        notes.append(f"compared are {left} and {right}; of the other arms only figures are made")
    return _compare(source.title, list(arms.values()), pairs, settings, notes, out_path)


def compare_files(
    left_path: str | os.PathLike,
    right_path: str | os.PathLike,
    out_path: str | os.PathLike,
    compare_table: Mapping[str, Any] | None = None,
) -> Comparison:
    """Compare any two result files: collected files or results of single tasks.

    A path may end in ``:arm`` or ``:arm/point`` to choose what is compared in a collected file; otherwise the first
    arm and its largest point are.

    Raises
    ------
    InputError, ResultFileError, StorageError
        As :func:`compare_study`.
    """
    settings = read_settings(compare_table or {})
    sides, notes = [], []
    for path, wanted in ((left_path, settings.left), (right_path, settings.right)):
        file, arm, point = split_selector(path)
        source = open_source(file)
        chosen = source.check_arm(arm or wanted or next(iter(source.points)), str(file))
        if not (arm or wanted) and len(source.points) > 1:
            notes.append(f"of {file} the arm {chosen} is compared; name another as {file}:ARM")
        sides.append((source, chosen, point))
    names = [chosen for _, chosen, _ in sides]
    if names[0] == names[1]:
        names = [f"{name} ({source.path.stem})" for name, (source, _, _) in zip(names, sides, strict=True)]
    if names[0] == names[1]:
        names = ["left", "right"]
    arms = [read_arm(source, arm, name) for name, (source, arm, _) in zip(names, sides, strict=True)]
    points = [arm.point(point) if point else arm.largest() for arm, (_, _, point) in zip(arms, sides, strict=True)]
    chosen_one = any(point for _, _, point in sides) or settings.pairs == "largest"
    pairs = [tuple(points)] if chosen_one else choose_pairs(*arms, settings)
    title = " against ".join(dict.fromkeys(source.title for source, _, _ in sides))
    return _compare(title, arms, pairs, settings, notes, out_path)


def _divergence(point: PointData) -> str:
    """How many runs diverged, and what may help; nothing where none did."""
    energies = point.arrays.get("trajectory/energy_density")
    if energies is None:
        return ""
    lost = int((~np.isfinite(energies[..., -1])).sum())
    total = energies[..., -1].size
    if lost == 0:
        return ""
    return f"{point.arm} {point.name}: {lost} of {total} runs DIVERGED: take smaller steps (a smaller rate)"


def read_settings(table: Mapping[str, Any]) -> CompareSettings:
    """The checked ``[compare]`` table."""
    return CompareSettings(**CompareSettings.resolve(table, "compare"))


def read_arm(source: Source, arm: str, name: str) -> ArmData:
    """All points of an arm, under the name ``name``."""
    points = tuple(dataclasses.replace(source.read(arm, point), arm=name) for point in source.points[arm])
    physics = tuple(source.physics.get((arm, point), {}) for point in source.points[arm])
    return ArmData(name, source.arm_titles.get(arm, name), points, physics)


def split_selector(path: str | os.PathLike) -> tuple[Path, str, str]:
    """ "FILE", "FILE:arm" or "FILE:arm/point" in its parts; a file whose own name holds a colon is left whole."""
    text = os.fspath(path)
    if Path(text).exists() or ":" not in text:
        return Path(text), "", ""
    file, _, selector = text.partition(".h5:")
    if not selector:
        return Path(text), "", ""
    arm, _, point = selector.partition("/")
    return Path(f"{file}.h5"), arm, point


def choose_pairs(left: ArmData, right: ArmData, settings: CompareSettings) -> list[tuple[PointData, PointData]]:
    """The pairs of points that are compared."""
    if isinstance(settings.pairs, list):
        return [(left.point(a), right.point(b)) for a, b in settings.pairs]
    if left is right:
        return []
    if settings.pairs == "all":
        return [(a, b) for a in left.points for b in right.points]
    return [(left.largest(), right.largest())]


def _compare(
    title: str,
    arms: Sequence[ArmData],
    pairs: Sequence[tuple[PointData, PointData]],
    settings: CompareSettings,
    notes: list[str],
    out_path: str | os.PathLike,
) -> Comparison:
    statistics = select_statistics(settings.statistics or None)
    rows: list[Row] = []
    rates: dict[str, tuple[SplitRate | None, dict[str, tuple[float, float]]]] = {}
    sizes: dict[str, tuple[str, dict[str, float]]] = {}
    for left, right in pairs:
        if left.path not in rates:
            rates[left.path] = _split_rate(left, statistics, settings, notes)
            sizes[left.path] = _other_size(left, arms, statistics)
        by_statistic = rates[left.path][1]
        size_point, by_size = sizes[left.path]
        for row in compare_points(left, right, statistics, settings.permutations, settings.seed, settings.fewest_units):
            rate, error = by_statistic.get(row.statistic, (float("nan"), float("nan")))
            extra = {"split_half_rate": rate, "split_half_error": error}
            if row.statistic in by_size:
                extra |= {"size_distance": by_size[row.statistic], "size_point": size_point}
            rows.append(dataclasses.replace(row, **extra))
    found = tuple(rate for rate, _ in rates.values() if rate is not None)
    notes += notes_on_units(pairs, rows)
    comparison = Comparison(Path(out_path), title, tuple(arms), tuple(rows), found, settings, tuple(notes))
    write_comparison(comparison)
    return comparison


def _other_size(
    point: PointData, arms: Sequence[ArmData], statistics: Sequence[Statistic]
) -> tuple[str, dict[str, float]]:
    arm = next(arm for arm in arms if arm.name == point.arm)
    other = arm.other_size(point)
    return ("", {}) if other is None else (other.name, size_distances(point, other, statistics))


def _split_rate(
    point: PointData, statistics: Sequence[Statistic], settings: CompareSettings, notes: list[str]
) -> tuple[SplitRate | None, dict[str, tuple[float, float]]]:
    if settings.splits == 0:
        return None, {}
    try:
        found = split_halves_within(point, statistics, settings.splits, settings.level, seed=settings.seed)
    except InputError as error:
        notes.append(f"no split-half check of {point.arm}: {error}")
        return None, {}
    rates = {
        statistic.name: (float(rate), float(error))
        for statistic, rate, error in zip(statistics, found.rate, found.error, strict=True)
    }
    rate = SplitRate(
        point.arm, point.name, found.family_rate, found.family_error, found.splits, found.units_per_half
    )
    return rate, rates

