"""The one place where landscape, dynamics, probes and schedule meet: a task's physics in, variables out.

A simulation is a function of its physics table. It can be stopped at any moment and continued from the arrays it
returned, with the same bits as an uninterrupted run. On the way lies :mod:`spinnet.trajectory`, at the end
:mod:`spinnet.endpoint`.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import time as clock
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spinnet import randomness
from spinnet.configurable import Configurable, whole_number
from spinnet.dynamics import load as load_dynamics
from spinnet.endpoint import Endpoint
from spinnet.errors import InputError
from spinnet.landscapes import load as load_landscape
from spinnet.landscapes.base import TASK_PARAMETERS, Landscape, require
from spinnet.probes import load as load_probe
from spinnet.probes.base import BlockProbe, EndpointProbe
from spinnet.records import Variables
from spinnet.schedules import SCHEDULES
from spinnet.trajectory import Trajectory


@dataclass(frozen=True)
class Simulated:
    """What a simulation leaves.

    ``variables`` are named "group/name" and empty while unfinished; ``state`` holds plain arrays from which the
    run goes on; ``attributes`` state the units; ``seconds`` tells where the wall time went, and the time of the
    processor (entries that end in "_cpu").
    """

    variables: Variables
    state: dict[str, np.ndarray]
    finished: bool
    attributes: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)
    endpoint_parts: int = 0  # measurements of the end-point made so far


def simulate(
    physics: Mapping[str, Any],
    last: float,
    state: Mapping[str, np.ndarray] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    report: Callable[[float], None] = lambda fraction: None,
) -> Simulated:
    """Run one task until time ``last``, or until ``should_stop()``.

    Parameters
    ----------
    physics
        Resolved table with ``landscape``, ``dynamics``, ``schedule``, ``probes``, ``replicas``, ``sample``, ``seed``.
    last
        Length of the run in the dynamics' unit of time. Not part of the physics: a longer run continues.
    state
        Arrays of an earlier, shorter or interrupted run of the same physics; None starts anew.
    should_stop
        Polled about every half second, and when the dynamics has ended, before the measurements of the end-point;
        when true the run returns unfinished with its state.
    report
        Called with the fraction of the dynamics done.
    """
    began = _Phase()
    seed, sample = physics["seed"], physics["sample"]
    replicas = whole_number("replicas", physics["replicas"], 1)
    landscape = build_landscape(physics["landscape"], seed, sample)
    dynamics = build(load_dynamics, physics["dynamics"])
    probes = {name: build(load_probe, {"kind": name, **table}) for name, table in physics["probes"].items()}
    for name, consumer in [(physics["dynamics"]["kind"], dynamics), *probes.items()]:
        require(name, landscape, consumer.requires, physics["landscape"])
    dynamics.check_probes(probes)
    for consumer in (dynamics, *probes.values()):
        consumer.check_run(last, replicas)
    schedule = build_schedule(physics["schedule"], last)
    seconds = began.spent("setup")

    run = Trajectory(landscape, dynamics, probes, schedule, replicas)
    start = None
    if state is None or any(isinstance(probe, BlockProbe) for probe in probes.values()):
        # Keyed by what is simulated, so that sizes and temperatures are independent of one another; the start is
        # common to all dynamics on one landscape, as its disorder is.
        where, how = _number(physics["landscape"]), _number(physics["dynamics"])
        start = landscape.start(replicas, randomness.stream(seed, "start", where, sample))
    if state is None:
        noise = randomness.counter_keys(seed, replicas, "noise", where, how, sample)
        run.begin(dynamics.init(landscape, start, noise))
    else:
        run.resume(state)

    began = _Phase()
    moves = run.measured < len(run.times)
    finished = run.follow(should_stop, report)
    seconds |= began.spent("dynamics")
    attributes = {
        "n_units": landscape.units.n_units,
        "unit": landscape.units.unit,
        "n_dof": landscape.n_dof,
        "independent_unit": landscape.independent_unit,
        "time_unit": dynamics.time_unit,
        "flow_time": dynamics.flow_time(landscape),
    }
    variables: Variables = {}
    unfinished: dict[str, np.ndarray] = {}
    parts = 0
    endpoint_probes = {n: p for n, p in probes.items() if isinstance(p, EndpointProbe | BlockProbe)}
    if finished and moves and endpoint_probes:
        # One measurement of the end-point may take minutes and cannot be interrupted: the last moment to be asked.
        report(1.0)
        finished = not should_stop()
    if finished:
        began = _Phase()
        endpoint = Endpoint(landscape, endpoint_probes, start, run.final)
        endpoint.resume(state or {}, len(run.times))
        finished = endpoint.measure(seed, sample, should_stop)
        if finished:
            own = {f"dynamics/{name}": variable for name, variable in dynamics.variables(run.state).items()}
            variables = run.variables(dynamics.time_unit) | endpoint.variables() | own
        else:
            unfinished = endpoint.arrays(len(run.times))
        parts = len(endpoint.done)
        seconds |= began.spent("endpoint")
    return Simulated(variables, run.arrays() | unfinished, finished, attributes, seconds, parts)


class _Phase:
    """Wall and processor time since it was made."""

    def __init__(self):
        self._wall, self._cpu = clock.perf_counter(), clock.process_time()

    def spent(self, name: str) -> dict[str, float]:
        return {name: clock.perf_counter() - self._wall, f"{name}_cpu": clock.process_time() - self._cpu}


def _number(table: Mapping[str, Any]) -> int:
    """A number of 64 bits for a resolved table; where files lie is no part of it, nor of a task's identity."""
    text = json.dumps({key: value for key, value in table.items() if key != "data_files"}, sort_keys=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


def build(load: Callable[[str], type[Configurable]], table: Mapping[str, Any]):
    """An instance of the class that ``table["kind"]`` names."""
    return load(table["kind"])(**{k: v for k, v in table.items() if k not in ("kind", "revision")})


def build_landscape(table: Mapping[str, Any], seed: int, sample: int) -> Landscape:
    """The landscape of a task; the disorder is keyed by (seed, sample) where there is any."""
    kind = load_landscape(table["kind"])
    given = {k: v for k, v in table.items() if k not in ("kind", "revision")}
    for name, value in zip(TASK_PARAMETERS, (seed, sample), strict=True):
        if name in kind.parameters():
            given[name] = value
    return kind(**given)


def build_schedule(table: Mapping[str, Any], last: float):
    """The measuring schedule of a run of length ``last``."""
    given = {k: v for k, v in table.items() if k != "kind"}
    return SCHEDULES[table["kind"]](**given, last=last)


def kernel_modules(physics: Mapping[str, Any]) -> tuple[str, ...]:
    """The kernel modules that a task compiles, so that one process can do it before many start."""
    modules: dict[str, None] = {}
    dtype = physics["landscape"].get("dtype")
    consumers = [load_dynamics(physics["dynamics"]["kind"]), *map(load_probe, physics["probes"])]
    products = any(getattr(kind, "needs_hvp", False) for kind in consumers)
    names = [*load_landscape(physics["landscape"]["kind"]).task_kernels(physics["landscape"], products)]
    for kind in consumers:
        names += getattr(kind, "kernels", ())
    for name in names:
        importlib.import_module(name)
        modules[f"{name}:{dtype}" if dtype else name] = None
    return tuple(modules)


def missing_data(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Load each data set that the tasks need, once; of those that cannot be had, the line that says why.

    So too for landscapes that this machine cannot hold.

    Parameters
    ----------
    tables
        Physics tables under any keys; the same keys lead to the lines.
    """
    complaints: dict[str, str] = {}
    lines = {}
    for key, physics in tables.items():
        table = physics["landscape"]
        kind = load_landscape(table["kind"])
        try:
            kind.refuse_oversize(table)
        except InputError as error:
            lines[key] = str(error)
            continue
        named = {name: table[name] for name in kind.data_parameters if name in table}
        if not named:
            continue
        data = json.dumps([table["kind"], named], sort_keys=True)
        if data not in complaints:
            try:
                kind.load_data(table)
                complaints[data] = ""
            except InputError as error:
                complaints[data] = str(error)
        if complaints[data]:
            lines[key] = complaints[data]
    return lines


def memory_bytes(physics: Mapping[str, Any]) -> int:
    """About how much memory a task needs beyond the interpreter, for an executor that shares a machine out."""
    table = physics["landscape"]
    return load_landscape(table["kind"]).task_memory_bytes(table, physics["replicas"])
