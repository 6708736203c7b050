"""A simulation that costs nothing: what the tests of the campaign engine run, in real processes.

Each step draws two numbers per replica from a saved generator, so a lost, doubled or reordered step shows. The
physics tells what goes wrong; how long a step takes is told by TOY_PAUSE in the environment, so that a run that is
disturbed and one that is not compute the same tasks.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from spinnet.campaign.study import Arm, Point, Study
from spinnet.errors import NotConvergedError
from spinnet.records import Variable

MODULE = "campaign.toy"


@dataclass
class Simulated:
    variables: dict
    state: dict
    finished: bool
    attributes: dict
    seconds: dict = field(default_factory=dict)
    endpoint_parts: int = 0


def kernel_modules(physics):
    return ()


def missing_data(tables):
    return {key: "no such data: get some" for key, physics in tables.items() if physics["landscape"].get("data_gone")}


def memory_bytes(physics):
    return physics["landscape"].get("memory", 0)


def simulate(physics, last, state=None, should_stop=lambda: False, report=lambda fraction: None):
    toy = physics["landscape"]
    began, pause = time.perf_counter(), float(os.environ.get("TOY_PAUSE", 0))
    misbehave(toy)
    if toy.get("stalls"):
        return stall(should_stop)
    generator = np.random.Generator(np.random.Philox(physics["seed"]))
    replicas = physics["replicas"]
    if state is None:
        generator = np.random.Generator(np.random.Philox([physics["seed"], physics["sample"], toy["n"]]))
        x, path = np.zeros((replicas, 2)), []
    else:
        restored = generator.bit_generator.state
        restored["state"] = {"counter": state["rng/counter"], "key": state["rng/key"]}
        restored["buffer"], restored["buffer_pos"] = state["rng/buffer"], int(state["rng/position"])
        generator.bit_generator.state = restored
        x, path = state["x"].copy(), list(state["path"])
    finished = True
    while len(path) < int(last):
        x += generator.uniform(size=(replicas, 2)) - 0.5
        path.append((x**2).sum(axis=1))
        time.sleep(pause)
        report(len(path) / last)
        if toy.get("dies_at") == len(path) and first_time(toy, "died"):
            os.kill(os.getpid(), signal.SIGKILL)
        if len(path) < int(last) and should_stop():
            finished = False
            break
    raw = generator.bit_generator.state
    saved = {
        "x": x, "path": np.array(path),
        "rng/counter": raw["state"]["counter"], "rng/key": raw["state"]["key"],
        "rng/buffer": raw["buffer"], "rng/position": np.array(raw["buffer_pos"]),
    }  # fmt: skip
    variables = {}
    if finished:
        variables = {
            "trajectory/time": Variable(np.arange(1.0, len(path) + 1), ("time",), "steps", "measuring times"),
            "trajectory/spread": Variable(np.array(path).T, ("replica", "time"), "1", "squared distance"),
            "endpoint/x": Variable(x, ("replica", "coordinate"), "1", "where it ended"),
            "endpoint/noise": Variable(np.zeros((replicas, toy.get("ballast", 1))) + x[:, :1], ("replica", "site")),
        }
        if toy.get("ballast"):  # data that do not pack
            rng = np.random.default_rng(physics["sample"])
            variables["endpoint/noise"] = Variable(rng.random((replicas, toy["ballast"])), ("replica", "site"))
    attributes = {"n_dof": 2, "n_units": toy["n"], "unit": "toy", "independent_unit": "sample", "time_unit": "steps"}
    return Simulated(variables, saved, finished, attributes, {"dynamics": time.perf_counter() - began})


def misbehave(toy):
    if os.environ.get("TOY_CLOCK"):  # the clock of the machine is put back between two tasks
        back = float(os.environ["TOY_CLOCK"])
        now = time.time
        time.time = lambda: now() - back
    time.sleep(toy.get("deaf", 0.0))
    if toy.get("fails") and (toy["fails"] != "once" or first_time(toy, "failed")):
        raise ValueError("this toy is broken")
    if toy.get("diverges"):
        raise NotConvergedError("the toy did not converge: take smaller steps")
    if toy.get("warns"):
        warnings.warn("the toy is loud", RuntimeWarning, stacklevel=2)
    if toy.get("kills"):
        os.kill(os.getpid(), signal.SIGKILL)
    if toy.get("exits"):
        sys.exit(0)
    if toy.get("vanishes"):
        os._exit(0)


def stall(should_stop, calls=itertools.count()):  # noqa: B008 (a count of this process)
    """Each process leaves one checkpoint without progress, and is killed."""
    if next(calls):
        os.kill(os.getpid(), signal.SIGKILL)
    while not should_stop():
        time.sleep(0.01)
    return Simulated({}, {"x": np.zeros(2)}, False, {"n_dof": 2})


def first_time(toy, what):
    marker = Path(toy["markers"]) / what
    try:
        marker.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def study(
    samples=3, last=20, sizes=(4, 8), name="toy", replicas=2, arms=("walk",), per_size=None, per_arm=None, **toy
):
    """A study of toys; ``toy`` goes into the physics, ``per_size[n]`` into that of one size.

    ``per_arm[name]`` is (samples, last) of one arm.
    """
    made = {}
    for number, arm in enumerate(arms):
        points = []
        own_samples, own_last = (per_arm or {}).get(arm, (samples, last))
        for n in sizes:
            physics = {
                "schema": 1,
                "landscape": {"kind": "Toy", "revision": 1, "n": n, **toy, **((per_size or {}).get(n) or {})},
                "dynamics": {"kind": "Walk", "revision": 1},
                "schedule": {"kind": "linear", "every": 1},
                "probes": {},
                "replicas": replicas,
                "seed": number,
            }
            points.append(Point(f"n={n}", {"n": n}, physics, own_samples))
        made[arm] = Arm(arm, arm, float(own_last), tuple(points))
    return Study(name, name, made)


class Recorder:
    """A progress that remembers."""

    def __init__(self):
        self.events = []

    def started(self, total, already_done):
        self.events.append(("started", total, already_done))

    def advanced(self, task, fraction):
        self.events.append(("advanced", task, fraction))

    def finished(self, task):
        self.events.append(("finished", task))

    def message(self, text):
        self.events.append(("message", text))

    def messages(self):
        return [event[1] for event in self.events if event[0] == "message"]
