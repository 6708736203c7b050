"""Collected files with known content: a glass with GOE Hessians and a network with Wishart ones and outliers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from comparison.synthetic import TIME, goe, make_point, power_law, wishart

from spinnet.comparison.points import PointData
from spinnet.records import Variable
from spinnet.results.schema import COLLECTED
from spinnet.results.writer import result_file, write_task

GLASS_PHYSICS = {
    "landscape": {"kind": "SphericalGlass", "covariance": {"3": 1.0}},
    "dynamics": {"kind": "GradientFlow", "per_unit": False},
}
NETWORK_PHYSICS = {"landscape": {"kind": "DenseNetwork"}, "dynamics": {"kind": "SGD"}}


def parameters(label: str) -> dict[str, Any]:
    """ "n=24,temperature=0.5" as a table."""
    return {name: json.loads(value) for name, value in (part.split("=") for part in label.split(","))}


def glass_point(n: int, seed: int, samples: int = 22, replicas: int = 2) -> PointData:
    """p = 3 as theory has it: a semicircle of radius sqrt(12) around -3e, and a relaxation as t^(-2/3)."""
    rng = np.random.default_rng([seed, n])
    limit = -1.15 + 3.0 / n
    return make_point(
        "glass", f"n={n}", lambda r: np.sqrt(3.0) * goe(n, r) - 3 * limit * np.eye(n),
        power_law(limit, -limit, 0.45, 0.9, noise=0.25 / np.sqrt(n), jitter=0.1), samples, replicas, rng,
        n_dof=n, n_units=n, unit="spin", time_unit="time of dx/dt = -grad H", flow_time=1.0,
    )  # fmt: skip


def network_point(hidden: int, seed: int, samples: int = 4, replicas: int = 6) -> PointData:
    """A Wishart bulk of flat modes with ten outliers, extensive in 500 patterns; test losses beside."""
    rng = np.random.default_rng([seed, hidden])
    n = 30 + 12 * hidden

    def hessian(r: np.random.Generator) -> np.ndarray:
        bulk = 0.02 * wishart(n, n // 2, r) + 0.004 * goe(n, r)
        spikes = np.linalg.qr(r.normal(size=(n, 10)))[0] * np.sqrt(np.geomspace(0.3, 4.0, 10))
        return 500 * (bulk + spikes @ spikes.T)

    point = make_point(
        "network", f"hidden={hidden}", hessian, power_law(0.4 / hidden, 2.3, 60.0, 1.4, noise=0.02, jitter=0.1),
        samples, replicas, rng, time=np.concatenate([[0.0], TIME[1:] * 100]), n_dof=n, n_units=500, unit="pattern",
        independent_unit="replica", time_unit="steps", flow_time=0.1 / 500,
    )  # fmt: skip
    point.arrays["endpoint/test_loss"] = point.arrays["trajectory/energy_density"][..., -1] + 0.1
    return point


def write_collected(
    path: Path, points: list[PointData], physics: dict[str, dict], by_point: dict[str, dict] | None = None
) -> Path:
    """A collected file as the campaign writes it; ``physics`` by arm, or by name of the point."""
    arms: dict[str, Any] = {}
    with result_file(path, COLLECTED) as writer:
        for point in points:
            arm = arms.setdefault(point.arm, {"title": f"the {point.arm}", "last": 100.0, "points": []})
            for name, array in point.arrays.items():
                writer.add(f"{point.arm}/{point.name}/{name}", Variable(array, _dims(name, array)))
            known = {**point.attributes, "order": len(arm["points"]), "parameters": json.dumps(parameters(point.name))}
            writer.set_attributes(f"{point.arm}/{point.name}", known)
            own = (by_point or {}).get(point.name, physics[point.arm])
            arm["points"].append({"label": point.name, "parameters": {}, "physics": own, "samples": 1})
        writer.set_attributes(
            "",
            {
                "study": "trial",
                "title": "A trial",
                "gaps": "[]",
                "configuration": json.dumps({"name": "trial", "arms": arms}),
            },
        )
        writer.set_provenance({})
    return path


def write_task_file(path: Path, point: PointData, physics: dict) -> Path:
    """The first sample of a point as the result of one task."""
    variables = {}
    for name, array in point.arrays.items():
        dims = _dims(name, array)
        variables[name] = Variable(array, dims) if dims[0] == "time" else Variable(array[0], dims[1:])
    write_task(
        path, variables, {}, task="0" * 16, configuration=physics, last=100.0, attributes=dict(point.attributes)
    )
    return path


def _dims(name: str, array: np.ndarray) -> tuple[str, ...]:
    if name == "trajectory/time":
        return ("time",)
    last = {"trajectory": "time", "spectrum": "mode", "endpoint": "component"}[name.partition("/")[0]]
    return ("sample", "replica", last)[: array.ndim]


def write_study(path: Path) -> Path:
    """Three glasses and three networks, the largest network as small as its logarithmic spectrum allows."""
    points = [glass_point(n, 1) for n in (24, 32, 48)] + [network_point(h, 2) for h in (2, 4, 8)]
    return write_collected(path, points, {"glass": GLASS_PHYSICS, "network": NETWORK_PHYSICS})
