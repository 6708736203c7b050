"""Campaigns on a real Slurm: an array of elements that are requeued, cancelled and signalled gives the local bits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from campaign import toy
from campaign.runs import digest, run, search_path
from cluster.slurm import release, require_slurm, slurm, states, wait_until
from documentation.test_documentation import run_cluster_commands
from reference.optional import require_dask

from spinnet.campaign.executor_dask import DaskExecutor, jobqueue_cluster
from spinnet.campaign.layout import Layout
from spinnet.campaign.run import run_study
from spinnet.campaign.slurm import active_jobs, prepare_submission, submit
from spinnet.campaign.slurm_profile import SlurmProfile, profile_from_table
from spinnet.errors import InputError
from spinnet.results import verify

PROFILE = SlurmProfile(time="10:00", cpus=1, memory="600M", signal_seconds=60)


@pytest.fixture
def cluster(monkeypatch):
    require_slurm()
    monkeypatch.setenv("PYTHONPATH", search_path())
    node = slurm("sinfo", "-h", "-o", "%n").split()[0]
    yield node
    subprocess.run(["scontrol", "update", f"NodeName={node}", "State=RESUME"], capture_output=True)
    subprocess.run(["scancel", "-u", "root"], capture_output=True)


def submitted(study, out, per_element):
    return submit(prepare_submission(study, out, PROFILE, per_element, simulation=toy.MODULE))


def test_an_array_disturbed_in_every_way_is_completed_by_submitting_again(tmp_path, cluster, monkeypatch):
    study = toy.study(samples=10, last=10, sizes=(4, 8))
    run(study, tmp_path / "local")
    expected = digest(tmp_path / "local")

    monkeypatch.setenv("TOY_PAUSE", "0.1")
    out = tmp_path / "slurm"
    first = submitted(study, out, 1)
    assert len(first.groups) == 20
    array = first.array_job
    wait_until(lambda: "R" in states(array).values(), "the first element")
    running = next(job for job, state in states(array).items() if state == "R")
    with pytest.raises(InputError, match=rf"job {array}.*is still in the queue"):
        prepare_submission(study, out, PROFILE)
    slurm("scontrol", "requeue", running)
    slurm("scancel", f"{array}_13")
    slurm("scontrol", "update", f"NodeName={cluster}", "State=DRAIN", "Reason=test")
    wait_until(lambda: "R" not in states(array).values(), "the node drained")
    slurm("scontrol", "update", f"NodeName={cluster}", "State=RESUME")
    release(running)
    # The dependent job collects what is there, and says what is not.
    wait_until(lambda: not states(array, first.collect_job), "the end of the array", 150)
    log = (out / "slurm" / "collect.log").read_text()
    assert "1 tasks are missing" in log, log

    again = submitted(study, out, 1)
    assert [len(group) for group in again.groups] == [1] and again.finished == 19
    wait_until(lambda: not states(again.array_job, again.collect_job), "the end of the second array")
    assert verify(out / "collected.h5")["digest"] == expected
    assert prepare_submission(study, out, PROFILE).groups == []


def test_the_signal_before_the_limit_checkpoints_and_the_element_goes_on(tmp_path, cluster, monkeypatch):
    study = toy.study(samples=1, last=60, sizes=(4,))
    run(study, tmp_path / "local")
    monkeypatch.setenv("TOY_PAUSE", "0.1")
    out = tmp_path / "slurm"
    sent = submitted(study, out, 1)
    element = f"{sent.array_job}_0"
    wait_until(lambda: list(Layout(out).journals.glob("*.jsonl")), "the start of the task")
    wait_until(lambda: '"start"' in next(Layout(out).journals.glob("*.jsonl")).read_text(), "the start of the task")
    # It may wait for the answer of a job that is back in the queue.
    signalling = subprocess.Popen(["scancel", "--batch", "-s", "USR1", element])
    log = out / "slurm" / "1-0.log"
    wait_until(lambda: "goes back into the queue" in log.read_text(), "the requeue")
    wait_until(lambda: states(sent.array_job).get(element) == "PD", "the element queued")
    assert Layout(out).checkpoint_identities()
    release(element)
    wait_until(lambda: not states(sent.array_job, sent.collect_job), "the end of the array")
    signalling.wait()
    assert log.read_text().count("element 0: 1 tasks") == 2
    assert verify(out / "collected.h5")["digest"] == digest(tmp_path / "local")
    task = next((out / "logs").glob("*[0-9a-f].log")).read_text()
    assert "goes on from a checkpoint" in task


def test_slurms_own_refusal_is_shown(tmp_path, cluster):
    profile = profile_from_table({"partition": "nowhere", "cpus": 1})
    with pytest.raises(InputError, match=r"Slurm refuses.*nvalid partition"):
        submit(prepare_submission(toy.study(), tmp_path / "out", profile, simulation=toy.MODULE))


def test_the_dry_run_prints_the_scripts_and_writes_nothing(tmp_path):
    study = Path(__file__).resolve().parents[2] / "sims" / "glass_vs_network.toml"
    profile = tmp_path / "site.toml"
    profile.write_text('account = "physics"\npartition = "long"\ncpus = 8\ntime = "1-00:00:00"\nconcurrent = 20\n'
                       'setup = ["module load python"]\noptions = ["--mail-type=FAIL"]\n')  # fmt: skip
    command = [sys.executable, "-P", "-m", "spinnet", "submit", str(study), "--dry-run", "--profile", str(profile)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for line in ("--account=physics", "--partition=long", "--cpus-per-task=8", "--time=1-00:00:00", "--array=0-13%20",
                 "--signal=B:USR1@180", "--mail-type=FAIL"):  # fmt: skip
        assert f"#SBATCH {line}\n" in done.stdout, line
    assert "\nmodule load python\nexport PYTHONSAFEPATH=1\nexec " in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site.toml"]


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({"acount": "x"}, r"acount is not known.*account"),
        ({"time": "soon"}, "time = 'soon'"),
        ({"time": "3:00"}, "leaves no time to compute"),
        ({"cpus": 0}, "cpus = 0"),
        ({"memory": "much"}, "memory = 'much'"),
        ({"options": ["-A x"]}, "options holds '-A x'"),
        ({"setup": "module load"}, "setup = 'module load'"),
    ],
)
def test_a_mistake_in_a_profile_is_named(table, complaint):
    with pytest.raises(InputError, match=complaint):
        profile_from_table(table)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 5400), ("10:00", 600), ("4:00:00", 14400), ("2-12:00:00", 216000), ("1-6", 108000)]
)
def test_wall_times_are_read_as_slurm_reads_them(text, seconds):
    assert SlurmProfile(time=text).seconds == seconds


def test_shares_follow_the_time_that_tasks_have_taken(tmp_path):
    study = toy.study(samples=4, last=5, sizes=(4, 8))
    run(study, tmp_path)
    longer = toy.study(samples=40, last=5, sizes=(4, 8))
    journal = next((tmp_path / "journal").glob("*.jsonl"))
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    for line in lines:  # as if each had taken ten minutes
        if line["event"] == "done":
            line["seconds"] = 600.0
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    profile = SlurmProfile(cpus=2, minutes=60)
    found = prepare_submission(longer, tmp_path, profile, dry_run=True)
    assert len(found.groups) == 6  # 72 tasks of 10 minutes on 2 cores in hours
    assert sorted(map(len, found.groups)) == [12] * 6 and "12 core hours" in found.lines[-1]


@pytest.mark.filterwarnings("default")
def test_dask_workers_that_slurm_starts_compute_the_local_bits(tmp_path, cluster):
    require_dask()
    study = toy.study(samples=3, last=6, sizes=(4, 8))
    run(study, tmp_path / "local")
    options = {"cores": 1, "processes": 1, "memory": "500MB", "walltime": "00:10:00", "interface": "lo",
               "log_directory": str(tmp_path / "logs"), "local_directory": str(tmp_path), "nanny": False,
               "scheduler_options": {"dashboard_address": None}}  # fmt: skip
    with jobqueue_cluster("slurm", 2, options) as address:
        executor = DaskExecutor(Layout(tmp_path / "dask"), address, toy.MODULE)
        outcome = run_study(study, tmp_path / "dask", executor=executor)
    assert outcome.exit_code == 0 and outcome.done == 6
    assert digest(tmp_path / "dask") == digest(tmp_path / "local")


def test_the_commands_of_the_documentation_run_on_slurm(tmp_path, cluster):
    run_cluster_commands("Slurm", tmp_path)


def test_a_dry_run_sees_that_longer_runs_are_asked_for(tmp_path):
    run(toy.study(samples=2, last=5), tmp_path)
    assert prepare_submission(toy.study(samples=2, last=5), tmp_path, PROFILE, dry_run=True).groups == []
    found = prepare_submission(toy.study(samples=2, last=9), tmp_path, PROFILE, dry_run=True)
    assert sum(map(len, found.groups)) == 4


def test_a_slurm_that_does_not_answer_is_no_empty_queue(tmp_path, monkeypatch):
    layout = Layout(tmp_path)
    assert active_jobs(layout) == []
    layout.submissions.mkdir()
    (layout.submissions / "1.jobs").write_text('{"array": "77"}')
    script = tmp_path / "bin" / "squeue"
    script.parent.mkdir()
    for words, code, expected in (
        ("echo 77_3", 0, ["77"]),
        ("true", 0, []),
        ("echo 'slurm_load_jobs error: Invalid job id specified' >&2", 1, []),
        ("echo 'Unable to contact slurm controller' >&2", 1, None),
    ):
        script.write_text(f"#!/bin/sh\n{words}\nexit {code}\n")
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}/usr/bin{os.pathsep}/bin")
        if expected is None:
            with pytest.raises(InputError, match=r"cannot be told .Unable to contact"):
                active_jobs(layout)
        else:
            assert active_jobs(layout) == expected


def test_logs_go_where_they_should_in_folders_with_odd_names(tmp_path):
    study = toy.study(samples=1)
    out = tmp_path / "my 50% study"
    script = prepare_submission(study, out, PROFILE, dry_run=True).array_script
    assert f'#SBATCH --output="{tmp_path}/my 50%% study/slurm/1-%a.log"' in script
