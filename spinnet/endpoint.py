"""What is measured once, where a run has ended: spectra and the like, which take long."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np

from spinnet import randomness
from spinnet.probes.base import BlockProbe
from spinnet.records import Variable, Variables
from spinnet.trajectory import seen_by

_ALL = -1  # in place of a replica: a measurement of the whole block


class Endpoint:
    """Measurements on the final configurations, one probe and one replica (or the whole block) at a time.

    A dense spectrum takes long: what was measured before an interruption is kept, and every call makes at least one
    measurement, so that a run that is stopped again and again still arrives.
    """

    def __init__(self, landscape, probes, start, x):
        self.landscape, self.probes, self.start, self.x = landscape, probes, start, x
        whole = {name for name, probe in probes.items() if isinstance(probe, BlockProbe)}
        self.work = [(name, a) for name in probes for a in ([_ALL] if name in whole else range(len(x)))]
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
            whole = a == _ALL
            rng = randomness.stream(seed, "probe", name, sample, *(() if whole else (a,)))
            probe = self.probes[name]
            block = self.x if whole else self.x[a : a + 1]
            if probe.descent is not None:
                block = probe.launch(self.landscape, block, rng)
            seen = seen_by(probe, self.landscape, block)
            if whole:
                self.done.append(probe.measure_block(self.landscape, self.start, seen, rng))
            else:
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
