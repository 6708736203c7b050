"""The one place where landscape, dynamics, probes and schedule meet: a task's physics in, variables out.

A simulation is a function of its physics table. It can be stopped at any moment and continued from the arrays it
returned, with the same bits as an uninterrupted run: the dynamics never sees the schedule, and configurations that
are due at a measuring time are collected until the whole block of replicas is there, so that every measurement is
made on the same block whatever the interruptions. Probes with a memory see the same blocks at times of their own;
what they remember travels with the state.
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
from spinnet.agenda import Agenda
from spinnet.configurable import Configurable, whole_number
from spinnet.dynamics import load as load_dynamics
from spinnet.dynamics.quench import descend
from spinnet.errors import InputError
from spinnet.landscapes import load as load_landscape
from spinnet.landscapes.base import TASK_PARAMETERS, Landscape, require
from spinnet.probes import load as load_probe
from spinnet.probes.base import EndpointProbe, Memory, MemoryProbe, Probe, TrajectoryProbe
from spinnet.records import Variable, Variables
from spinnet.schedules import SCHEDULES

SLICE_SECONDS = 0.5  # how long the dynamics may run before the outside world is asked whether to stop


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

    run = _Trajectory(landscape, dynamics, probes, schedule, replicas)
    if state is None:
        # Keyed by what is simulated, so that sizes and temperatures are independent of one another; the start is
        # common to all dynamics on one landscape, as its disorder is.
        where, how = _number(physics["landscape"]), _number(physics["dynamics"])
        start = landscape.start(replicas, randomness.stream(seed, "start", where, sample))
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
    endpoint_probes = {n: p for n, p in probes.items() if isinstance(p, EndpointProbe)}
    if finished and moves and endpoint_probes:
        # One measurement of the end-point may take minutes and cannot be interrupted: the last moment to be asked.
        report(1.0)
        finished = not should_stop()
    if finished:
        began = _Phase()
        endpoint = _Endpoint(landscape, endpoint_probes, run.final)
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


class _Trajectory:
    """The block of replicas on its way through the measuring times."""

    def __init__(self, landscape, dynamics, probes, schedule, replicas):
        self.landscape, self.dynamics, self.replicas = landscape, dynamics, replicas
        self.probes = {name: probe for name, probe in probes.items() if isinstance(probe, TrajectoryProbe)}
        self.remembering = {name: probe for name, probe in probes.items() if isinstance(probe, MemoryProbe)}
        self.agenda = Agenda(schedule, dynamics.attainable, self.remembering)
        self.times, self.last = self.agenda.times, schedule.last
        self.state = None
        self.reached = np.zeros(replicas, dtype=np.int64)  # next due measuring time of each replica
        self.pending: dict[int, np.ndarray] = {}  # time index -> configurations collected so far
        self.rows: dict[str, list[np.ndarray]] = {}  # variable -> one array per scheduled time
        self.memories: dict[str, Memory] = {}
        self.templates: dict[str, Variable] = {}
        self.measured = 0
        self.final = np.full((replicas, landscape.space.n), np.nan)  # at the last scheduled time so far

    def begin(self, state) -> None:
        self.state = state
        for name, probe in self.remembering.items():
            self.memories[name] = probe.begin(self.landscape, self.replicas, self.dynamics.attainable)
        self._collect()

    def resume(self, arrays: Mapping[str, np.ndarray]) -> None:
        names = self.dynamics.State._fields
        self.state = self.dynamics.State(**{name: np.array(arrays[f"dynamics/{name}"]) for name in names})
        self.reached = np.array(arrays["schedule/reached"])
        self.measured = int(arrays["schedule/measured"])
        self.final = np.array(arrays["schedule/final"])
        self.pending = {
            int(k): np.array(block)
            for k, block in zip(arrays["schedule/pending_times"], arrays["schedule/pending"], strict=True)
        }
        for path, values in arrays.items():
            if path.startswith("measured/"):
                self.rows[path.removeprefix("measured/")] = list(np.array(values))
        for name in self.remembering:
            start = f"memory/{name}/"
            self.memories[name] = {
                path.removeprefix(start): np.array(values) for path, values in arrays.items() if path.startswith(start)
            }
        self._collect()

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything needed to go on, as plain arrays."""
        n = self.landscape.space.n
        kept = {f"dynamics/{name}": np.asarray(value) for name, value in self.state._asdict().items()}
        kept["schedule/reached"] = self.reached
        kept["schedule/measured"] = np.array(self.measured)
        kept["schedule/final"] = self.final
        kept["schedule/pending_times"] = np.array(sorted(self.pending), dtype=np.int64)
        blocks = [self.pending[k] for k in sorted(self.pending)]
        kept["schedule/pending"] = np.array(blocks).reshape(len(blocks), self.replicas, n)
        for name, rows in self.rows.items():
            kept[f"measured/{name}"] = np.array(rows)
        for name, memory in self.memories.items():
            kept |= {f"memory/{name}/{key}": np.array(values) for key, values in memory.items()}
        return kept

    def follow(self, should_stop, report) -> bool:
        """Advance until every replica has been measured at every time; False when asked to stop."""
        count = len(self.times)
        steps, slice_end = 1, clock.perf_counter() + SLICE_SECONDS
        while self.measured < count:
            allowed = self.dynamics.steps_until(self.state, float(self._time(self.reached.min())))
            began = clock.perf_counter()
            n = max(1, min(allowed, steps))
            self.state = self.dynamics.advance(self.landscape, self.state, n)
            self._collect()
            now = clock.perf_counter()
            # Longer slices for cheap steps: the splitting never changes a bit, only how often we look up.
            if n == steps and now - began < SLICE_SECONDS / 2:
                steps = min(2 * steps, 1 << 20)
            elif now - began > SLICE_SECONDS:
                steps = max(1, steps // 2)
            if now >= slice_end:
                slice_end = now + SLICE_SECONDS
                report(self._fraction())
                if self.measured < count and should_stop():
                    return False
        return True

    def _time(self, k: np.ndarray) -> np.ndarray:
        """The k-th measuring time; beyond the end of this run only where replicas have clocks of their own."""
        if self.dynamics.adaptive:
            return self.agenda.time(k)
        return np.append(self.times, np.inf)[np.minimum(k, len(self.times))]

    def _fraction(self) -> float:
        if self.dynamics.adaptive:
            # Between two measuring times too, so that progress shows where they lie far apart.
            before, due = (self.times[max(self.measured - 1, 0)], self.times[min(self.measured, len(self.times) - 1)])
            at = self.dynamics.time(self.state)[~np.asarray(self.state.diverged)].min(initial=np.inf)
            share = np.clip((at - before) / (due - before), 0.0, 1.0) if due > before else 0.0
            return float(min(1.0, (self.measured + share) / len(self.times)))
        return float(np.clip(self.dynamics.time(self.state).min() / self.times[-1], 0.0, 1.0))

    def _collect(self) -> None:
        """Take the configurations that have become due, and measure every time whose block is complete.

        A fast replica may pass measuring times beyond the end of this run while it waits for a slow one: these
        are kept too, because a longer run will ask for them.
        """
        count = len(self.times)
        diverged = np.asarray(self.state.diverged)
        at = self.dynamics.time(self.state)
        while True:
            next_time = self._time(self.reached)
            # A diverged replica is nowhere: its rows stay NaN at all later times, and the others go on.
            due = np.where(diverged, self.reached < count, next_time <= at)
            if not due.any():
                break
            sound = due & ~diverged
            x = np.full((self.replicas, self.landscape.space.n), np.nan)
            if sound.any():
                where = self.dynamics.configuration(self.landscape, self.state, np.where(sound, next_time, at))
                x[sound] = where[sound]
            for k in np.unique(self.reached[due]):
                rows = due & (self.reached == k)
                block = self.pending.setdefault(int(k), np.full_like(x, np.nan))
                block[rows] = x[rows]
            self.reached[due] += 1
        while self.measured < count and self.reached.min() > self.measured:
            self._measure(self.pending.pop(self.measured))

    def _measure(self, x: np.ndarray) -> None:
        k = self.measured
        if self.agenda.scheduled[k]:
            for probe in self.probes.values():
                for name, variable in probe.measure(self.landscape, _seen_by(probe, self.landscape, x)).items():
                    self.templates[name] = variable
                    self.rows.setdefault(name, []).append(np.asarray(variable.data))
            self.final = x
        for name, probe in self.remembering.items():
            if self.agenda.asked[name][k]:
                seen = _seen_by(probe, self.landscape, x)
                self.memories[name] = probe.observe(self.landscape, self.memories[name], float(self.times[k]), seen)
        self.measured += 1

    def variables(self, time_unit: str) -> Variables:
        times = self.times[self.agenda.scheduled]
        found = {"trajectory/time": Variable(times, ("time",), time_unit, "measuring times")}
        if self.measured and not self.templates:  # a finished run that was asked for nothing new
            for probe in self.probes.values():
                self.templates |= probe.measure(self.landscape, _seen_by(probe, self.landscape, self.final))
        for name, template in self.templates.items():
            data = np.stack(self.rows[name][: len(times)], axis=1)
            if data.shape[1] != len(times):
                raise RuntimeError(f"{name} was measured {data.shape[1]} times, not at each of the {len(times)} times")
            dims = (template.dims[0], "time", *template.dims[1:])
            found[f"trajectory/{name}"] = Variable(
                data, dims, template.units, template.description, template.attributes
            )
        for name, probe in self.remembering.items():
            found |= probe.variables(self.landscape, self.memories[name], self.dynamics.attainable, self.last)
        return found


def _seen_by(probe: Probe, landscape: Landscape, x: np.ndarray) -> np.ndarray:
    """The block as the probe wants it: as it is, or led down to the minima below."""
    return x if probe.descent is None else descend(landscape, x, **probe.descent)[0]


class _Endpoint:
    """Measurements on the final configurations, one probe and one replica at a time.

    A dense spectrum takes long: what was measured before an interruption is kept, and every call makes at least one
    measurement, so that a run that is stopped again and again still arrives.
    """

    def __init__(self, landscape, probes, x):
        self.landscape, self.probes, self.x = landscape, probes, x
        self.work = [(name, a) for name in probes for a in range(len(x))]
        self.done: list[Variables] = []

    def resume(self, arrays: Mapping[str, np.ndarray], times: int) -> None:
        """Take over what an interrupted run had measured at the same last time."""
        if "endpoint/about" not in arrays:
            return
        about = json.loads(np.asarray(arrays["endpoint/about"], dtype=np.uint8).tobytes())
        if about["times"] != times:
            return
        for i, variables in enumerate(about["done"]):
            self.done.append({
                name: Variable(np.array(arrays[f"endpoint/{i}/{name}"]), tuple(dims), units, description, attributes)
                for name, (dims, units, description, attributes) in variables.items()
            })

    def arrays(self, times: int) -> dict[str, np.ndarray]:
        """What has been measured so far, as plain arrays."""
        about = {
            "times": times,
            "done": [{n: [v.dims, v.units, v.description, v.attributes] for n, v in d.items()} for d in self.done],
        }
        kept = {"endpoint/about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)}
        for i, variables in enumerate(self.done):
            kept |= {f"endpoint/{i}/{name}": np.asarray(v.data) for name, v in variables.items()}
        return kept

    def measure(self, seed: int, sample: int, should_stop) -> bool:
        """Measure what is missing; False when asked to stop before the end."""
        for name, a in self.work[len(self.done) :]:
            rng = randomness.stream(seed, "probe", name, sample, a)
            probe = self.probes[name]
            seen = _seen_by(probe, self.landscape, self.x[a : a + 1])
            self.done.append(probe.measure(self.landscape, seen, rng))
            if len(self.done) < len(self.work) and should_stop():
                return False
        return True

    def variables(self) -> Variables:
        found: Variables = {
            "endpoint/configuration": Variable(
                self.x, ("replica", "coordinate"), "1", "configuration at the last time"
            )
        }
        parts: dict[str, list[Variable]] = {}
        for measured in self.done:
            for name, variable in measured.items():
                parts.setdefault(name if "/" in name else f"endpoint/{name}", []).append(variable)
        for name, pieces in parts.items():
            first = pieces[0]
            if first.dims[:1] == ("replica",):
                data = np.concatenate([piece.data for piece in pieces])
                first = Variable(data, first.dims, first.units, first.description, first.attributes)
            found[name] = first
        return found


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
