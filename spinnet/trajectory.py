"""A block of replicas on its way through the measuring times.

The dynamics never sees the schedule, and configurations that are due at a measuring time are collected until the whole
block of replicas is there, so that every measurement is made on the same block whatever the interruptions. Probes with
a memory see the same blocks at times of their own; what they remember travels with the state.
"""

from __future__ import annotations

import time as clock
from collections.abc import Mapping

import numpy as np

from spinnet.agenda import Agenda
from spinnet.dynamics.quench import descend
from spinnet.landscapes.base import Landscape
from spinnet.probes.base import Memory, MemoryProbe, Probe, TrajectoryProbe
from spinnet.records import Variable, Variables

SLICE_SECONDS = 0.5  # how long the dynamics may run before the outside world is asked whether to stop


class Trajectory:
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
                for name, variable in probe.measure(self.landscape, seen_by(probe, self.landscape, x)).items():
                    self.templates[name] = variable
                    self.rows.setdefault(name, []).append(np.asarray(variable.data))
            self.final = x
        for name, probe in self.remembering.items():
            if self.agenda.asked[name][k]:
                seen = seen_by(probe, self.landscape, x)
                self.memories[name] = probe.observe(self.landscape, self.memories[name], float(self.times[k]), seen)
        self.measured += 1

    def variables(self, time_unit: str) -> Variables:
        times = self.times[self.agenda.scheduled]
        found = {"trajectory/time": Variable(times, ("time",), time_unit, "measuring times")}
        if self.measured and not self.templates:  # a finished run that was asked for nothing new
            for probe in self.probes.values():
                self.templates |= probe.measure(self.landscape, seen_by(probe, self.landscape, self.final))
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


def seen_by(probe: Probe, landscape: Landscape, x: np.ndarray) -> np.ndarray:
    """The block as the probe wants it: as it is, or led down to the minima below."""
    return x if probe.descent is None else descend(landscape, x, **probe.descent)[0]
