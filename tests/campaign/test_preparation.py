"""Before many workers start, one compiles and loads what they need; dynamics are kept before measurements."""

from __future__ import annotations

import os
from types import SimpleNamespace

import numpy as np
import pytest
from campaign import toy

from spinnet import simulation
from spinnet.campaign import task, worker
from spinnet.campaign.examples import locate
from spinnet.campaign.layout import Layout
from spinnet.campaign.study import load_study
from spinnet.errors import InputError
from spinnet.kernels import _jit
from spinnet.kernels._jit import Kernel


def first_tasks():
    """The smallest task of each arm of the shipped study."""
    found = load_study(locate("glass_vs_network"), preset="quick")
    return {arm.name: {**next(arm.tasks()).physics, "replicas": 1} for arm in found.arms.values()}


@pytest.mark.parametrize("arm", ["glass", "network"])
def test_every_kernel_that_a_task_calls_was_prepared(arm, monkeypatch):
    physics = first_tasks()[arm]
    called = set()
    call = Kernel.__call__

    def remembering(kernel, *arguments):
        called.add(kernel.__module__)
        return call(kernel, *arguments)

    monkeypatch.setattr(Kernel, "__call__", remembering)
    assert simulation.simulate(physics, 2.0).finished
    prepared = {name.partition(":")[0] for name in simulation.kernel_modules(physics)}
    assert called <= prepared, called - prepared
    assert len(prepared) >= 2


def test_without_products_their_kernels_are_not_prepared():
    physics = first_tasks()["network"]
    physics["probes"] = {"energy": physics["probes"]["energy"]}
    assert not any("curvature" in name for name in simulation.kernel_modules(physics))


def test_kernels_of_the_second_process_are_found_by_our_search_path(tmp_path, monkeypatch):
    for name in ("kernels_here", "kernels_there"):
        marker = tmp_path / f"{name}.pid"
        code = f"import os, pathlib; pathlib.Path({str(marker)!r}).write_text(str(os.getpid()))"
        (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("SPINNET_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(worker, "usable_cores", lambda: 2)
    worker._compile(["kernels_here", "kernels_there"])
    assert (tmp_path / "kernels_here.pid").read_text() == str(os.getpid())
    assert (tmp_path / "kernels_there.pid").read_text() != str(os.getpid())


def test_no_second_process_reads_kernels_that_are_on_the_disk(monkeypatch):
    names = ["spinnet.kernels.read_bandwidth", "spinnet.kernels.great_circles"]
    _jit.compile_modules(*names)
    monkeypatch.setattr(worker, "usable_cores", lambda: 2)
    monkeypatch.setattr(worker.subprocess, "Popen", lambda *_, **__: pytest.fail("a second process was started"))
    worker._compile(names)
    assert all(worker._on_disk(name) for name in names)


def test_each_data_set_is_loaded_once_and_its_absence_told_in_its_own_words(monkeypatch):
    loaded = []

    def load(name, **options):
        loaded.append(name)
        if name == "mnist":
            raise InputError("data set 'mnist' cannot be downloaded: check the network")

    monkeypatch.setattr("spinnet.datasets.load", load)
    tables = {}
    for arm, physics in first_tasks().items():
        for data in ("digits", "mnist"):
            for width in (2, 3):
                table = {**physics["landscape"], "hidden": [width]}
                if arm == "network":
                    table["data"] = data
                tables[f"{arm} {data} {width}"] = {**physics, "landscape": table}
    lines = simulation.missing_data(tables)
    assert sorted(loaded) == ["digits", "mnist"]
    assert lines.keys() == {"network mnist 2", "network mnist 3"}
    assert all("check the network" in line for line in lines.values())


def test_dynamics_that_took_long_are_on_the_disk_when_a_measurement_begins(tmp_path, monkeypatch):
    """A measurement cannot be interrupted: a process killed in it must not have to repeat the dynamics."""
    study = toy.study(samples=1, sizes=(4,))
    layout = Layout(tmp_path / "out")
    layout.prepare(study)
    (mine,) = study.tasks()
    calls = []

    def simulate(physics, last, state, should_stop, report):
        calls.append(layout.checkpoint(mine.id).exists())
        part = SimpleNamespace(state={"x": np.zeros(1)}, variables={}, attributes={}, seconds={}, endpoint_parts=0)
        if state is None:
            report(0.5)
            assert not should_stop()
            report(1.0)
            part.finished = not should_stop()
        else:
            assert not should_stop()
            part.finished = True
        return part

    silent = (lambda: False, lambda fraction: None)
    assert task.run_task(layout, mine, simulate, *silent).status == task.DONE
    assert calls == [False]  # not worth a file
    layout.shard(mine.id).unlink()
    monkeypatch.setattr(task, "WORTH_KEEPING_SECONDS", 0.0)
    calls.clear()
    assert task.run_task(layout, mine, simulate, *silent).status == task.DONE
    assert calls == [False, True]


@pytest.mark.parametrize("arm", ["glass", "network"])
def test_a_simulation_can_be_stopped_between_dynamics_and_measurements(arm):
    physics = first_tasks()[arm]
    whole = simulation.simulate(physics, 2.0)
    seen = [0.0]
    stopped = simulation.simulate(physics, 2.0, None, lambda: seen[-1] == 1.0, seen.append)
    assert not stopped.finished and stopped.endpoint_parts == 0 and seen[-1] == 1.0
    resumed = simulation.simulate(physics, 2.0, stopped.state)
    assert resumed.finished and resumed.endpoint_parts == whole.endpoint_parts > 0
    assert resumed.variables.keys() == whole.variables.keys()
    for name, variable in whole.variables.items():
        np.testing.assert_array_equal(resumed.variables[name].data, variable.data)
