"""Collected files of one or more arms with known content, for tests of reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from spinnet.records import Variable
from spinnet.reports.results import StudyResults
from spinnet.results.schema import COLLECTED
from spinnet.results.writer import result_file

SPINS = {"unit": "spin", "independent_unit": "sample", "time_unit": "time of dx/dt = -grad H", "flow_time": 1.0}


def made_results(path: Path, arms: dict[str, list[dict[str, Any]]], gaps: tuple[str, ...] = ()) -> StudyResults:
    """``arms``: name to points with "parameters", "physics", "variables" (name to Variable or array (sample, replica,
    …)), and optionally "attributes" beside those of a glass of n spins."""
    configuration: dict[str, Any] = {"name": "made", "arms": {}}
    with result_file(path, COLLECTED) as writer:
        for number, (arm, points) in enumerate(arms.items()):
            listed = []
            writer.set_attributes(arm, {"title": arm, "last": points[0].get("last", 1.0), "order": number})
            for order, point in enumerate(points):
                label = ",".join(f"{name}={value}" for name, value in point["parameters"].items()) or "all"
                _write_point(writer, f"{arm}/{label}", point, order)
                listed.append({"label": label, "parameters": point["parameters"], "physics": point["physics"],
                               "samples": _samples(point)})  # fmt: skip
            configuration["arms"][arm] = {"title": arm, "last": points[0].get("last", 1.0), "points": listed}
        root = {"study": "made", "title": "Made up", "status": "complete", "tasks": 1, "gaps": json.dumps(list(gaps))}
        writer.set_attributes("", {**root, "configuration": json.dumps(configuration)})
    return StudyResults(path)


def _samples(point: dict[str, Any]) -> int:
    return max(len(value) for value in point["variables"].values() if not isinstance(value, Variable))


def _write_point(writer, group: str, point: dict[str, Any], order: int) -> None:
    samples = _samples(point)
    for name, value in point["variables"].items():
        if not isinstance(value, Variable):
            dims = ("sample", "replica", *(f"axis{k}" for k in range(np.ndim(value) - 2)))
            if name.startswith("trajectory/") and np.ndim(value) == 3:
                dims = ("sample", "replica", "time")
            value = Variable(np.asarray(value), dims)
        writer.add(f"{group}/{name}", value)
    variables = point["variables"]
    for place in sorted({name.rpartition("/")[0] for name in variables if not isinstance(variables[name], Variable)}):
        if f"{place}/sample" not in variables:
            writer.add(f"{group}/{place}/sample", Variable(np.arange(samples), ("sample",)))
    n = point["parameters"].get("n", 1)
    own = {"n_units": n, "n_dof": n, **SPINS, **point.get("attributes", {})}
    writer.set_attributes(group, {**own, "parameters": json.dumps(point["parameters"]), "order": order,
                                  "samples": samples, "replicas": 1})  # fmt: skip
