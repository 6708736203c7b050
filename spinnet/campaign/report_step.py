"""The report step: ``reports/NAME.h5`` for each ``[report.NAME]`` of a study, from ``collected.h5``.

A report file (schema ``spinnet-report``) holds ``/table/<column>`` with the printed table, the report's own groups of
arrays, and root attributes: ``report`` (name), ``kind``, ``settings`` (JSON), ``findings`` (JSON), ``title``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spinnet.campaign.layout import open_campaign
from spinnet.errors import InputError, SpinnetError, nearest_name
from spinnet.reports import load
from spinnet.reports.base import Content, Row
from spinnet.reports.results import StudyResults
from spinnet.results import write_tables
from spinnet.results.provenance import gather
from spinnet.results.schema import REPORT


@dataclass(frozen=True)
class WrittenReport:
    """A report and its file."""

    name: str
    path: Path
    title: str
    rows: list[Row]
    findings: list[str]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"report": self.name, "path": str(self.path), "title": self.title,
                "table": [dict(row) for row in self.rows], "findings": self.findings}  # fmt: skip


def report_study(
    directory: str | os.PathLike,
    names: Sequence[str] = (),
    tell: Callable[[str], None] = lambda line: None,
) -> list[WrittenReport]:
    """Compute the reports of the campaign in ``directory`` (all, or those named) from its ``collected.h5``.

    Raises
    ------
    InputError
        For a folder without a campaign, or a report that the study does not have.
    ResultFileError
        If nothing has been collected, or not what a report needs.
    StorageError
        If the disk refuses.
    """
    layout, study = open_campaign(directory)
    for name in names:
        if name not in study.reports:
            have = f"it has {', '.join(study.reports)}" if study.reports else "it has none"
            near = nearest_name(name, study.reports)
            raise InputError(f"the study {study.name} has no report {name!r}{near}; {have}")
    chosen = [name for name in study.reports if not names or name in names]
    if not chosen:
        return []
    results = StudyResults(layout.collected)
    return [_write(layout.report(name), name, study.reports[name], results, tell) for name in chosen]


def _write(path: Path, name: str, table: dict[str, Any], results: StudyResults, tell) -> WrittenReport:
    settings = {key: value for key, value in table.items() if key != "kind"}
    try:
        content = load(table["kind"])(**settings).build(results, lambda line: tell(f"report {name}: {line}"))
    except SpinnetError as error:
        raise type(error)(f"report {name}: {error}") from None
    findings = [*content.findings, *(f"missing: {gap}" for gap in results.gaps[:3])]
    _add_rows(content)
    root = {
        "report": name,
        "kind": table["kind"],
        "title": results.title,
        "settings": json.dumps(settings, sort_keys=True),
        "findings": json.dumps(findings, ensure_ascii=False),
        "arms": json.dumps(list(results.arms)),
    }
    write_tables(path, REPORT, content.variables, attributes=root, group_attributes=content.groups,
                 provenance=gather())  # fmt: skip
    return WrittenReport(name, path, results.title, list(content.rows), findings)


def _add_rows(content: Content) -> None:
    columns = list(dict.fromkeys(column for row in content.rows for column in row))
    for column in columns:
        values = [row.get(column) for row in content.rows]
        if all(isinstance(value, int | float | np.number) or value is None for value in values):
            values = [np.nan if value is None else value for value in values]
        else:
            values = ["" if value is None else str(value) for value in values]
        content.add(f"table/{column}", values, ("row",))
