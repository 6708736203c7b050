"""Campaigns on a real Dask cluster, whose workers come and go: the local bits."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from unittest import mock

import pytest
from campaign import toy
from campaign.runs import digest, run, search_path
from reference.optional import require_dask

from spinnet.campaign.executor_dask import DaskExecutor, jobqueue_cluster
from spinnet.campaign.executors import choose_executor
from spinnet.campaign.layout import Layout
from spinnet.campaign.run import run_study
from spinnet.errors import EXIT_CHECKPOINTED, InputError

pytestmark = pytest.mark.filterwarnings("default")  # Dask warns about its own ports and about deprecated calls


@pytest.fixture
def scheduler(tmp_path, monkeypatch):
    """The address of a scheduler without workers, and a function that starts one."""
    require_dask()
    monkeypatch.setenv("PYTHONPATH", search_path())
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "1")
    processes = []

    def start(*arguments):
        with open(tmp_path / f"dask{len(processes)}.log", "wb") as log:
            command = [sys.executable, "-P", "-m", "dask", *arguments]
            processes.append(subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True))
        return processes[-1]

    file = tmp_path / "scheduler.json"
    start("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
    end = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < end, (tmp_path / "dask0.log").read_text()
        time.sleep(0.1)
    address = json.loads(file.read_text())["address"]

    def worker():
        return start("worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "60")

    yield address, worker
    for process in processes:
        kill_group(process)


def kill_group(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def on_dask(study, out, address, **options):
    executor = DaskExecutor(Layout(out), address, toy.MODULE, **options)
    return run_study(study, out, executor=executor)


def test_a_worker_that_is_killed_and_one_that_joins_leave_the_local_bits(tmp_path, scheduler, monkeypatch):
    study = toy.study(samples=4, last=20, sizes=(4, 8))
    run(study, tmp_path / "local")
    monkeypatch.setenv("TOY_PAUSE", "0.05")
    address, worker = scheduler
    first, _ = worker(), worker()
    out = tmp_path / "dask"

    def disturb():
        while len(Layout(out).shard_identities()) < 2:
            time.sleep(0.05)
        time.sleep(0.4)  # in the middle of a task
        kill_group(first)
        worker()

    disturbing = threading.Thread(target=disturb)
    disturbing.start()
    outcome = on_dask(study, out, address)
    disturbing.join()
    assert (outcome.exit_code, outcome.done, outcome.failed) == (0, 8, 0), outcome.lines
    assert digest(out) == digest(tmp_path / "local")


def test_ctrl_c_leaves_checkpoints_and_the_same_command_goes_on(tmp_path, scheduler, monkeypatch):
    study = toy.study(samples=2, last=40, sizes=(4, 8))
    run(study, tmp_path / "local")
    monkeypatch.setenv("TOY_PAUSE", "0.1")
    address, worker = scheduler
    worker(), worker()
    out = tmp_path / "dask"

    def interrupt():
        while not list(out.glob("journal/*.jsonl")) or '"start"' not in next(out.glob("journal/*.jsonl")).read_text():
            time.sleep(0.05)
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGINT)

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    stopped = on_dask(study, out, address)
    interrupting.join()
    assert stopped.exit_code == EXIT_CHECKPOINTED and stopped.stopped > 0
    assert Layout(out).checkpoint_identities()
    finished = on_dask(study, out, address)
    assert finished.exit_code == 0
    assert digest(out) == digest(tmp_path / "local")


def test_a_failing_task_is_recorded_and_the_others_are_done(tmp_path, scheduler):
    address, worker = scheduler
    worker()
    study = toy.study(samples=2, last=3, sizes=(4, 8), per_size={8: {"fails": True}})
    outcome = on_dask(study, tmp_path / "out", address)
    assert (outcome.exit_code, outcome.done, outcome.failed) == (1, 2, 2)
    assert "this toy is broken" in "\n".join(outcome.lines)


def test_a_task_that_kills_its_process_fails_after_the_retries(tmp_path, scheduler):
    address, worker = scheduler
    worker()
    study = toy.study(samples=1, last=3, sizes=(4,), kills=True)
    outcome = on_dask(study, tmp_path / "out", address, max_retries=1)
    assert (outcome.exit_code, outcome.failed) == (1, 1)
    assert "ended 2 times" in "\n".join(outcome.lines)


def test_workers_with_other_source_files_refuse(tmp_path, scheduler):
    address, worker = scheduler
    worker()
    with mock.patch("spinnet.campaign.executor_dask.source_hash", lambda: "another"):
        with pytest.raises(InputError, match=r"source files of spinnet have changed"):
            on_dask(toy.study(samples=1, last=3), tmp_path / "out", address)


def test_a_scheduler_that_does_not_answer_is_named(tmp_path):
    require_dask()
    with pytest.raises(InputError, match=r"no Dask scheduler answers at tcp://127.0.0.1:1"):
        on_dask(toy.study(samples=1), tmp_path / "out", "tcp://127.0.0.1:1")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"scheduler": "head"}, "give an address such as tcp://head:8786"),
        ({"scheduler": "tcp://127.0.0.1:1"}, "no Dask scheduler answers"),
        ({"scheduler": "tcp://127.0.0.1:1", "cluster": "slurm"}, "give one of them"),
        ({"jobs": 2, "cluster": "slurm"}, "a cluster takes --workers"),
        ({"profile": "x.toml"}, "name the batch system too"),
        ({"cluster": "slrm"}, "cluster 'slrm' is not known"),
    ],
)
def test_options_that_cannot_work_are_refused_before_anything_is_written(tmp_path, options, complaint):
    require_dask()
    with pytest.raises(InputError, match=complaint):
        with choose_executor(tmp_path / "out", **options):
            pass
    assert not (tmp_path / "out").exists()


def test_an_unknown_cluster_is_refused():
    with pytest.raises(InputError, match="cluster 'slrm' is not known; there are slurm"):
        with jobqueue_cluster("slrm", 1, {}):
            pass
