"""Killed anywhere, nothing lost, same bits: real processes, real signals, real full disks."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from unittest import mock

import pytest
from campaign import toy
from campaign.runs import digest, run, shards, start, unprivileged, wait_for

from spinnet.campaign import executor_local
from spinnet.campaign.status import read_status
from spinnet.errors import InputError

STUDY = {"samples": 2, "sizes": [4, 8], "last": 25}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """Digests of the shards and of the collected file of a run that nobody disturbed."""
    out = tmp_path_factory.mktemp("uninterrupted") / "out"
    assert run(toy.study(**STUDY), out).exit_code == 0
    return shards(out), digest(out)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def workers(out):
    """Process ids of the workers of a run, from the names of their journals."""
    return [int(path.stem.rpartition(".")[2]) for path in (out / "journal").glob("*.jsonl")]


def alive(process):
    """Whether a process runs (a zombie does not)."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def checkpoints(out):
    return list((out / "ckpt").glob("*.h5"))


def assert_resumes(out, uninterrupted):
    """The next run finishes, and nobody can see that it was a second one."""
    outcome = run(toy.study(**STUDY), out)
    assert outcome.exit_code == 0
    assert (shards(out), digest(out)) == uninterrupted
    assert not checkpoints(out)
    assert not list(out.rglob("*.part"))
    return outcome


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "SIGHUP"])
def test_one_signal_checkpoints_and_the_next_run_goes_on(out, uninterrupted, number):
    process = start(out, STUDY, jobs=2)
    wait_for(process, "advanced", 3)
    process.send_signal(number)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 75, text
    assert "the same command goes on" in text
    assert len(checkpoints(out)) == 2
    assert not any(alive(worker) for worker in workers(out))
    assert_resumes(out, uninterrupted)
    assert "goes on from a checkpoint" in "".join(path.read_text() for path in (out / "logs").glob("*.log"))


def test_ctrl_c_in_a_terminal_reaches_the_run_alone(out, uninterrupted):
    """A terminal sends Ctrl-C to the whole group of processes: workers must not die of it."""
    process = start(out, STUDY, jobs=2)
    wait_for(process, "advanced", 3)
    assert os.getpgid(process.pid) not in {os.getpgid(worker) for worker in workers(out)}
    os.killpg(process.pid, signal.SIGINT)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 75 and len(checkpoints(out)) == 2, text
    assert_resumes(out, uninterrupted)


def test_a_second_signal_aborts_at_once(out):
    """The steps are so long that the first signal would not be heeded for a while."""
    process = start(out, STUDY, jobs=2, pause=3.0)
    while not any('"start"' in path.read_text() for path in (out / "journal").glob("*.jsonl")):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and "aborted" in text
    assert not any(alive(worker) for worker in workers(out))


def test_a_killed_worker_is_replaced(out, uninterrupted):
    process = start(out, STUDY, jobs=2)
    wait_for(process, "advanced", 3)
    os.kill(workers(out)[0], signal.SIGKILL)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 0, text
    assert re.search(r"a worker process ended \(SIGKILL\) while it computed walk n=\d sample \d: started again", text)
    assert (shards(out), digest(out)) == uninterrupted


def test_a_worker_that_is_asked_to_leave_hands_its_task_over(out, uninterrupted):
    process = start(out, STUDY, jobs=2)
    wait_for(process, "advanced", 3)
    os.kill(workers(out)[0], signal.SIGTERM)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and "started again" not in text, text
    assert len(workers(out)) == 3
    assert (shards(out), digest(out)) == uninterrupted


@pytest.mark.parametrize("rounds", [2, pytest.param(40, marks=pytest.mark.slow)])
def test_many_kills_of_everything_leave_the_same_bits(out, uninterrupted, rounds):
    """Workers and parent are killed at random moments, until the campaign is done or there were enough of them."""
    rng = random.Random(3)
    for _ in range(rounds):
        process = start(out, STUDY, jobs=2, checkpoint_seconds=0.3)
        wait_for(process, "started")
        time.sleep(rng.uniform(0.2, 1.5))
        living = [worker for worker in workers(out) if alive(worker)]
        if living:
            os.kill(rng.choice(living), signal.SIGKILL)
        time.sleep(rng.uniform(0.0, 0.5))
        process.kill()
        process.communicate(timeout=60)
        if process.returncode == 0:
            break
    assert_resumes(out, uninterrupted)


@pytest.mark.slow
def test_three_hundred_kills_of_two_hundred_short_and_ten_long_tasks_leave_the_same_bits(out, tmp_path):
    """Workers, parents or both, at random moments; then one quiet run finishes what is left."""
    size = {"arms": ["long", "short"], "sizes": [4], "per_arm": {"short": [200, 4], "long": [10, 600]}}
    assert run(toy.study(**size), tmp_path / "quiet", jobs=2).exit_code == 0
    rng = random.Random(11)
    kills = restarts = 0
    process = None
    while kills < 300:
        if process is None:
            process = start(out, size, jobs=2, checkpoint_seconds=0.3, max_retries=10**6)
            wait_for(process, "started")
            restarts += 1
        time.sleep(rng.uniform(0.1, 0.9))
        assert process.poll() is None, "the campaign ended before it was killed often enough: make its tasks longer"
        if rng.random() < 0.7:
            living = [worker for worker in workers(out) if alive(worker)]
            if living:
                os.kill(rng.choice(living), signal.SIGKILL)
                kills += 1
        else:
            process.kill()
            process.communicate(timeout=60)
            process = None
            kills += 1
    if process is not None:
        process.kill()
        process.communicate(timeout=60)
    print(f"{kills} kills, {restarts} starts, {len(shards(out))} of 210 tasks finished under fire")
    outcome = run(toy.study(**size), out, jobs=2)
    assert outcome.exit_code == 0
    assert (shards(out), digest(out)) == (shards(tmp_path / "quiet"), digest(tmp_path / "quiet"))
    assert not list(out.rglob("*.part"))


def test_a_clock_that_is_put_back_changes_nothing(out, uninterrupted):
    """An hour back at every task: identities, order and bits come from content, times are only told."""
    process = start(out, STUDY, jobs=2)
    wait_for(process, "advanced", 3)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    with mock.patch.dict(os.environ, {"TOY_CLOCK": "3600"}):
        outcome = run(toy.study(**STUDY), out, jobs=2)
    assert outcome.exit_code == 0
    assert (shards(out), digest(out)) == uninterrupted
    found = read_status(out)
    assert found["done"] == found["total"] and found["running"] == 0


def test_workers_of_a_killed_parent_checkpoint_and_leave(out, uninterrupted):
    process = start(out, STUDY, jobs=2)
    wait_for(process, "advanced", 3)
    process.kill()
    process.communicate(timeout=60)
    deadline = time.monotonic() + 30
    while any(alive(worker) for worker in workers(out)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(worker) for worker in workers(out))
    assert len(checkpoints(out)) == 2
    assert_resumes(out, uninterrupted)


def test_a_task_whose_process_always_dies_fails_after_its_retries(out):
    study = toy.study(samples=1, per_size={4: {"kills": True}})
    recorder = toy.Recorder()
    outcome = run(study, out, jobs=2, max_retries=1, progress=recorder)
    assert (outcome.exit_code, outcome.done, outcome.failed) == (1, 1, 1)
    assert "its process ended 2 times (SIGKILL)" in outcome.lines[1]
    assert sum("started again (1 of 1)" in text for text in recorder.messages()) == 1


def test_a_task_that_dies_between_checkpoints_without_progress_fails_after_its_retries(out):
    study = toy.study(samples=1, sizes=(4,), stalls=True)
    recorder = toy.Recorder()
    outcome = run(study, out, jobs=1, max_retries=1, checkpoint_seconds=0.02, progress=recorder)
    assert (outcome.exit_code, outcome.failed) == (1, 1)
    assert "its process ended 2 times (SIGKILL)" in outcome.lines[1]
    assert "checkpoint at 0 %" in (out / "logs" / f"{study.tasks()[0].id}.log").read_text()


def test_a_process_that_ends_inside_a_task_is_counted_however_it_ends(out):
    """sys.exit is an error of the task; os._exit leaves nothing but a process that is gone."""
    study = toy.study(samples=1, per_size={4: {"exits": True}, 8: {"vanishes": True}})
    outcome = run(study, out, jobs=1, max_retries=1)
    assert (outcome.exit_code, outcome.failed) == (1, 2)
    text = "\n".join(outcome.lines)
    assert "n=4 sample 0: SystemExit: 0" in text and "its process ended 2 times (exit code 0)" in text


def test_stopping_leaves_time_for_checkpoints_and_ends_within_ten_seconds():
    assert 5 <= executor_local._GRACE_SECONDS < 10


def test_checkpoints_on_the_way_limit_what_a_kill_can_take(out, tmp_path, monkeypatch):
    """The process dies at step 25 of 30, once; the steps up to its last checkpoint are not computed again."""
    study = toy.study(samples=1, sizes=(4,), last=30, dies_at=25, markers=str(tmp_path))
    monkeypatch.setenv("TOY_PAUSE", "0.05")
    assert run(study, out, jobs=1, checkpoint_seconds=0.3).exit_code == 0
    log = (out / "logs" / f"{study.tasks()[0].id}.log").read_text()
    percents = [int(text) for text in re.findall(r"checkpoint at (\d+) %", log)]
    assert percents == sorted(percents) and len(percents) >= 3
    assert "goes on from a checkpoint" in log


def test_a_damaged_checkpoint_is_set_aside_and_the_task_starts_over(out, uninterrupted):
    process = start(out, STUDY, jobs=2)
    wait_for(process, "advanced", 3)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    first, second = checkpoints(out)
    first.write_bytes(first.read_bytes()[:-50])
    second.write_text("nothing")
    assert_resumes(out, uninterrupted)
    assert {path.name for path in (out / "damaged").iterdir()} == {first.name, second.name}


@pytest.mark.slow  # the same with a real file system
def test_a_full_disk_stops_the_run_and_room_lets_it_go_on(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting is not permitted here")
    try:
        study = toy.study(samples=4, ballast=30_000)  # about half a megabyte each
        outcome = run(study, disk / "out")
        assert outcome.exit_code == 75 and 0 < outcome.done < 8
        assert "the disk is full" in outcome.lines[-1] and str(disk) in outcome.lines[-1]
        assert not list(disk.rglob("*.part"))
        good = shards(disk / "out")
        assert len(good) == outcome.done
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        again = run(study, disk / "out")
        assert (again.exit_code, again.skipped, again.done) == (0, outcome.done, 8 - outcome.done)
        run(study, tmp_path / "roomy")
        assert shards(disk / "out") == shards(tmp_path / "roomy")
        assert digest(disk / "out") == digest(tmp_path / "roomy")
    finally:
        subprocess.run(["umount", disk], check=True)


@contextlib.contextmanager
def largest_file(size):
    """No process started here may write a longer file: to a result file, a disk without room for it."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_refuses_a_result_stops_the_run_and_room_lets_it_go_on(tmp_path, out):
    """As on a full disk, for everyone: no root, no mounts."""
    study = toy.study(samples=1, per_size={4: {"ballast": 40_000}})  # more than half a megabyte
    with largest_file(2**18):
        outcome = run(study, out, jobs=1)
    assert (outcome.exit_code, outcome.done, outcome.failed) == (75, 1, 0)
    assert f"stopped: {out}" in outcome.lines[-1] and "larger than the system allows" in outcome.lines[-1]
    assert not list(out.rglob("*.part")) and len(shards(out)) == 1
    again = run(study, out, jobs=1)
    assert (again.exit_code, again.skipped, again.done) == (0, 1, 1)
    run(study, tmp_path / "roomy", jobs=1)
    assert shards(out) == shards(tmp_path / "roomy")


def test_a_place_where_no_folder_can_be_is_refused_before_anything_happens(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match=r"file/out cannot be written to .*: give another folder with -o"):
        run(toy.study(**STUDY), tmp_path / "file" / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_unwritable_folder_is_refused_before_anything_happens():
    prefix = unprivileged()
    if prefix is None:
        pytest.skip("no unprivileged user can run this Python here (setpriv is missing, or the folder is private)")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    try:
        process = start(folder / "out", STUDY, prefix=prefix, jobs=1)
        text, _ = process.communicate(timeout=60)
        assert process.returncode == 2
        assert text.splitlines() == [
            f"spinnet: {folder}/out cannot be written to (Permission denied): give another folder with -o"
        ]
        assert list(folder.iterdir()) == []
    finally:
        folder.rmdir()


def seal(folder, closed=True):
    """Let nobody write into a folder: for root, for whom permissions mean nothing, it is made immutable."""
    if os.geteuid() != 0:
        folder.chmod(0o555 if closed else 0o755)
    elif subprocess.run(["chattr", "+i" if closed else "-i", folder], capture_output=True).returncode:
        pytest.skip("root can write anywhere, and this file system has no immutable folders")


def test_a_folder_that_becomes_unwritable_stops_the_run_and_loses_nothing(out, uninterrupted):
    process = start(out, STUDY, jobs=2)
    wait_for(process, "finished", 1)
    folders = [out / "shards", *(out / "shards").iterdir(), out / "ckpt", out / "failed"]
    try:
        for folder in folders:
            seal(folder)
        text, _ = process.communicate(timeout=60)
    finally:
        for folder in folders:
            seal(folder, closed=False)
    assert process.returncode == 75, text
    assert "not permitted" in text.splitlines()[-1] and str(out) in text.splitlines()[-1]
    assert_resumes(out, uninterrupted)
